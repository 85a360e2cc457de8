//! What an endpoint is: one HTTP operation, described once, as constants and types.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    dialect::Dialect,
    problem::{ProblemCode, Violation},
};

/// One operation of the API. Implemented by a unit struct per operation in [`crate::endpoints`].
pub trait Endpoint {
    /// Folder, crate and binary of the function that serves it: `analyse-stream`.
    const FUNCTION: &'static str;
    /// Its `operationId`: `analyse_stream`.
    const ID: &'static str;
    /// HTTP method.
    const METHOD: Method;
    /// Path below the stage, as API Gateway, axum and OpenAPI all write it: `/jobs/{job_id}`.
    const PATH: &'static str;
    /// A few words, for lists of operations.
    const SUMMARY: &'static str;
    /// What a caller must know, in Markdown.
    const DESCRIPTION: &'static str;
    /// The group that it is shown in.
    const TAG: &'static str;
    /// Who may call it.
    const ACCESS: Access;
    /// How API Gateway hands on its answer.
    const TRANSFER: Transfer;
    /// How its errors are written.
    const DIALECT: Dialect = Dialect::Problem;
    /// The longest an invocation may take, in seconds: the function's timeout and its route's.
    const TIMEOUT_SECS: u32;
    /// The JSON body that it reads; [`NoBody`] where it reads none.
    type Body: DescribeBody;
    /// What it reads of path, query and headers, besides the headers that every operation reads.
    fn parameters() -> Vec<Parameter> {
        Vec::new()
    }
    /// Its successful answers.
    fn replies() -> Vec<Reply>;
    /// The problems that it can answer with, besides those of every operation ([`ProblemCode::EVERYWHERE`]) and those that its
    /// access brings ([`Access::problems`]).
    const PROBLEMS: &'static [ProblemCode];
}

/// A JSON request body: a type with a schema, examples, and one hook for the rules that JSON Schema cannot express.
pub trait RequestBody: DeserializeOwned + Serialize + JsonSchema + Send + 'static {
    /// Bodies that validate, each with a short name. The first one is shown first.
    fn examples() -> Vec<(&'static str, Self)>;

    /// Rules that JSON Schema cannot express. Runs only on bodies that satisfy the schema.
    fn check(&self) -> Vec<Violation> {
        Vec::new()
    }
}

/// The body of an operation that reads none.
pub enum NoBody {}

/// What the OpenAPI document says of a body. Implemented for every [`RequestBody`] and for [`NoBody`].
pub trait DescribeBody {
    /// The body's schema and examples; `None` where there is no body.
    fn describe() -> Option<BodyDescription>;
}

impl DescribeBody for NoBody {
    fn describe() -> Option<BodyDescription> {
        None
    }
}

impl<T: RequestBody> DescribeBody for T {
    fn describe() -> Option<BodyDescription> {
        let examples = T::examples()
            .into_iter()
            .map(|(name, body)| (name, to_value(&body)))
            .collect();
        Some(BodyDescription {
            schema: SchemaOf::of::<T>(),
            examples,
        })
    }
}

/// A body in the OpenAPI document.
#[derive(Debug, Clone)]
pub struct BodyDescription {
    /// The body's JSON Schema.
    pub schema: SchemaOf,
    /// Examples by name.
    pub examples: Vec<(&'static str, Value)>,
}

/// The JSON Schema of a Rust type, made when it is needed.
#[derive(Debug, Clone, Copy)]
pub struct SchemaOf(fn(&mut SchemaGenerator) -> Schema);

impl SchemaOf {
    /// The schema of `T`.
    #[must_use]
    pub fn of<T: JsonSchema>() -> Self {
        Self(|generator| generator.subschema_for::<T>())
    }

    /// The schema (usually a `$ref`), with its definitions left in `generator`.
    #[must_use]
    pub fn generate(&self, generator: &mut SchemaGenerator) -> Schema {
        (self.0)(generator)
    }
}

/// Something that an operation reads besides its body.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// Its name: `job_id`, `wait`, `idempotency-key`.
    pub name: String,
    /// Where it stands.
    pub place: Place,
    /// Whether there has to be one.
    pub is_required: bool,
    /// What it is for, and what is assumed without it.
    pub description: String,
    /// Its JSON Schema.
    pub schema: Value,
}

/// Where a parameter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the path.
    Path,
    /// In the query.
    Query,
    /// Among the headers.
    Header,
}

impl Place {
    /// The place as OpenAPI calls it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Header => "header",
        }
    }
}

impl Parameter {
    /// A segment of the path.
    #[must_use]
    pub fn path(name: &str, description: &str, schema: Value) -> Self {
        Self {
            name: name.to_owned(),
            place: Place::Path,
            is_required: true,
            description: description.to_owned(),
            schema,
        }
    }

    /// A header that may be sent.
    #[must_use]
    pub fn header(name: &str, description: &str, schema: Value) -> Self {
        Self {
            place: Place::Header,
            is_required: false,
            ..Self::path(name, description, schema)
        }
    }

    /// The fields of a [`Query`] type.
    #[must_use]
    pub fn query<T: Query>() -> Vec<Self> {
        let schema = SchemaGenerator::default().into_root_schema_for::<T>().to_value();
        let fields = schema["properties"].as_object().cloned().unwrap_or_default();
        let field = |(name, mut schema): (String, Value)| {
            let description = schema
                .as_object_mut()
                .and_then(|schema| schema.remove("description"));
            Self {
                place: Place::Query,
                is_required: false,
                ..Self::path(
                    &name,
                    description.as_ref().and_then(Value::as_str).unwrap_or_default(),
                    schema,
                )
            }
        };
        fields.into_iter().map(field).collect()
    }
}

/// The parameters of a query: a type with a schema, each of whose fields is a text or a number, and may be left out.
pub trait Query: DeserializeOwned + JsonSchema + Send + 'static {}

/// A successful answer.
#[derive(Debug, Clone)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// When it is given, and what it means.
    pub description: &'static str,
    /// Its own headers: name and description.
    pub headers: &'static [(&'static str, &'static str)],
    /// The forms that it comes in; the caller's `Accept` chooses where there are several. None where it has no body.
    pub content: Vec<Content>,
}

/// One form of an answer.
#[derive(Debug, Clone)]
pub enum Content {
    /// `application/json` of a type.
    Json {
        /// The type's schema.
        schema: SchemaOf,
        /// An answer as it may look.
        example: Value,
    },
    /// `text/event-stream`: server-sent events.
    Events(Vec<Event>),
    /// Text of another media type.
    Text {
        /// For example `text/html`.
        media_type: &'static str,
        /// What it holds.
        description: &'static str,
    },
}

impl Content {
    /// JSON of type `T`, with an example.
    #[must_use]
    pub fn json<T: JsonSchema + Serialize>(example: &T) -> Self {
        Self::Json {
            schema: SchemaOf::of::<T>(),
            example: to_value(example),
        }
    }
}

/// One type of server-sent event.
#[derive(Debug, Clone)]
pub struct Event {
    /// Its `event:` field; empty where it has none.
    pub name: &'static str,
    /// When it comes.
    pub description: &'static str,
    /// The schema of its `data:` field.
    pub data: SchemaOf,
    /// Its `data:` as it may look.
    pub example: Value,
}

impl Event {
    /// An event whose data is JSON of type `T`.
    #[must_use]
    pub fn of<T: JsonSchema + Serialize>(name: &'static str, description: &'static str, example: &T) -> Self {
        Self {
            name,
            description,
            data: SchemaOf::of::<T>(),
            example: to_value(example),
        }
    }
}

/// An [`Endpoint`] as a value, so that all of them make a table.
#[derive(Debug, Clone)]
pub struct Operation {
    /// See [`Endpoint::FUNCTION`].
    pub function: &'static str,
    /// See [`Endpoint::ID`].
    pub id: &'static str,
    /// See [`Endpoint::METHOD`].
    pub method: Method,
    /// See [`Endpoint::PATH`].
    pub path: &'static str,
    /// See [`Endpoint::SUMMARY`].
    pub summary: &'static str,
    /// See [`Endpoint::DESCRIPTION`].
    pub description: &'static str,
    /// See [`Endpoint::TAG`].
    pub tag: &'static str,
    /// See [`Endpoint::ACCESS`].
    pub access: Access,
    /// See [`Endpoint::TRANSFER`].
    pub transfer: Transfer,
    /// See [`Endpoint::DIALECT`].
    pub dialect: Dialect,
    /// See [`Endpoint::TIMEOUT_SECS`].
    pub timeout_secs: u32,
    /// See [`Endpoint::Body`].
    pub body: Option<BodyDescription>,
    /// See [`Endpoint::parameters`].
    pub parameters: Vec<Parameter>,
    /// See [`Endpoint::replies`].
    pub replies: Vec<Reply>,
    /// All problems that it can answer with.
    pub problems: Vec<ProblemCode>,
}

impl Operation {
    /// The endpoint `E` as a value.
    #[must_use]
    pub fn of<E: Endpoint>() -> Self {
        Self {
            function: E::FUNCTION,
            id: E::ID,
            method: E::METHOD,
            path: E::PATH,
            summary: E::SUMMARY,
            description: E::DESCRIPTION,
            tag: E::TAG,
            access: E::ACCESS,
            transfer: E::TRANSFER,
            dialect: E::DIALECT,
            timeout_secs: E::TIMEOUT_SECS,
            body: E::Body::describe(),
            parameters: E::parameters(),
            replies: E::replies(),
            problems: E::PROBLEMS
                .iter()
                .chain(E::ACCESS.problems())
                .chain(ProblemCode::EVERYWHERE)
                .copied()
                .collect(),
        }
    }

    /// Method and path as request records name the route: `POST /analyse`.
    #[must_use]
    pub fn route(&self) -> String {
        format!("{} {}", self.method.as_str(), self.path)
    }
}

/// An HTTP method that the API uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Creates or computes.
    Post,
    /// Takes back.
    Delete,
}

impl Method {
    /// `GET`, `POST`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Delete => "DELETE",
        }
    }
}

/// Who may call an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody; no credentials are read.
    Public,
    /// Any caller, whatever its scopes: what it is shown is its own.
    Known,
    /// Callers with this scope.
    Caller(Scope),
    /// Callers with this scope, whose money it spends: the most that a request can cost is reserved before anything else.
    Spender(Scope),
}

impl Access {
    /// Whether callers are asked who they are.
    #[must_use]
    pub const fn asks_for_a_caller(self) -> bool {
        !matches!(self, Self::Public)
    }

    /// The scope that a caller needs; `None` where it needs none.
    #[must_use]
    pub const fn scope(self) -> Option<Scope> {
        match self {
            Self::Public | Self::Known => None,
            Self::Caller(scope) | Self::Spender(scope) => Some(scope),
        }
    }

    /// The problems that asking for a caller brings.
    #[must_use]
    pub const fn problems(self) -> &'static [ProblemCode] {
        match self {
            Self::Public => &[],
            Self::Known => &[
                ProblemCode::InvalidRequest,
                ProblemCode::Unauthenticated,
                ProblemCode::StoreUnavailable,
            ],
            Self::Caller(_) => &[
                ProblemCode::InvalidRequest,
                ProblemCode::Unauthenticated,
                ProblemCode::InsufficientScope,
                ProblemCode::StoreUnavailable,
            ],
            Self::Spender(_) => &[
                ProblemCode::InvalidRequest,
                ProblemCode::Unauthenticated,
                ProblemCode::InsufficientScope,
                ProblemCode::BudgetExceeded,
                ProblemCode::TooManyAtOnce,
                ProblemCode::StoreUnavailable,
            ],
        }
    }
}

/// What a caller may be allowed to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Have documents analysed.
    Analyse,
    /// Keep documents to be found, and delete them.
    Documents,
    /// Search in the documents that are kept.
    Search,
    /// Have questions answered from them.
    Ask,
    /// Chat with models: over a socket, or in OpenAI's dialect.
    Chat,
    /// Have texts embedded, in OpenAI's dialect.
    Embeddings,
}

impl Scope {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::Analyse,
        Self::Documents,
        Self::Search,
        Self::Ask,
        Self::Chat,
        Self::Embeddings,
    ];

    /// Its name in keys, tokens and the OpenAPI document.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Analyse => "analyse",
            Self::Documents => "documents",
            Self::Search => "search",
            Self::Ask => "ask",
            Self::Chat => "chat",
            Self::Embeddings => "embeddings",
        }
    }

    /// What it allows, in a few words.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::Analyse => "Have documents analysed",
            Self::Documents => "Keep documents to be found, and delete them",
            Self::Search => "Search in the documents that are kept",
            Self::Ask => "Have questions answered from them",
            Self::Chat => "Chat with models",
            Self::Embeddings => "Have texts embedded, as OpenAI's clients do",
        }
    }
}

/// How API Gateway hands on an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transfer {
    /// Whole, once it is complete: at most 29 s and 6 MB.
    Buffered,
    /// Piece by piece as it is written: what waits for a model. At most 15 minutes.
    Streaming,
}

/// JSON of a contract type. These have string keys and finite numbers, so that this cannot fail.
pub(crate) fn to_value<T: Serialize>(value: &T) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}
