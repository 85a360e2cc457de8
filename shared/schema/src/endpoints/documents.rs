//! `/documents`: what is kept to be found, in a caller's own collection.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Number, json};

use super::jobs::{PageQuery, accepted, idempotency_key};
use crate::{
    ProblemCode,
    endpoint::{Access, Content, Endpoint, Method, NoBody, Parameter, Reply, RequestBody, Scope, Transfer},
};

/// The most characters of a document.
pub const MAX_DOCUMENT_CHARS: usize = 200_000;
/// The most characters of a document that is kept while its caller waits; a longer one is a job.
pub const MAX_CHARS_AT_ONCE: usize = 50_000;
/// The most that can be said of a document.
pub const MAX_METADATA: usize = 16;
/// How many numbers an embedding has, everywhere.
pub const EMBEDDING_DIMENSIONS: usize = 512;

/// A document to be kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DocumentRequest {
    /// Its id, of your choice: 1 to 128 letters, digits, `.`, `_`, `~`, `:`, `@` and `-`. A document of that id is replaced, at once and as a
    /// whole. One is made up by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9._~:@-]{0,127}$"))]
    pub id: Option<String>,
    /// What it is called: 1 to 200 characters.
    #[schemars(length(min = 1, max = 200), regex(pattern = r"\S"))]
    #[schemars(extend("errorMessage" = {"pattern": "A title must contain more than white space"}))]
    pub title: String,
    /// The document: text or Markdown, up to 200,000 characters.
    #[schemars(length(min = 1, max = MAX_DOCUMENT_CHARS), regex(pattern = r"\S"))]
    #[schemars(extend("errorMessage" = {"pattern": "A text must contain more than white space"}))]
    pub text: String,
    /// What is to be known of it, and can be searched by: up to 16 names, each with a text, a number, true or false.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "MetadataSchema")]
    pub metadata: Metadata,
}

/// What is said of a document, by name.
pub type Metadata = BTreeMap<String, MetadataValue>;

/// Something that is said of a document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum MetadataValue {
    /// True or false.
    Bool(bool),
    /// A number, kept as it was written.
    Number(Number),
    /// A text.
    Text(String),
}

/// The schema of [`Metadata`], which has rules that its type does not.
pub(super) struct MetadataSchema;

impl JsonSchema for MetadataSchema {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Metadata".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "object",
            "maxProperties": MAX_METADATA,
            "propertyNames": {"pattern": "^[A-Za-z0-9_.-]{1,64}$"},
            "additionalProperties": {"type": ["string", "number", "boolean"], "maxLength": 256},
            "description": "Up to 16 names of letters, digits, `_`, `.` and `-`, each with a text of up to 256 characters, a number, true or false.",
        })
    }
}

/// A document that is kept. Its text is in its chunks, which searches give.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Document {
    /// Its id.
    pub document_id: String,
    /// What it is called.
    pub title: String,
    /// What is said of it.
    #[schemars(with = "MetadataSchema")]
    pub metadata: Metadata,
    /// Into how many chunks it was split.
    pub chunks: u32,
    /// The model that embedded them. What another one embeds is not found beside it: put documents again after a change.
    pub embedding_model: String,
    /// When it was first kept.
    #[schemars(extend("format" = "date-time"))]
    pub created_at: String,
    /// When it was last replaced.
    #[schemars(extend("format" = "date-time"))]
    pub updated_at: String,
}

/// A caller's documents, the one put last first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DocumentList {
    /// The documents.
    pub documents: Vec<Document>,
    /// What to give as `cursor` for those before; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub next_cursor: Option<String>,
}

/// `POST /documents`.
pub struct DocumentsPut;

impl Endpoint for DocumentsPut {
    const FUNCTION: &'static str = "documents";
    const ID: &'static str = "documents_put";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/documents";
    const SUMMARY: &'static str = "Keep a document, to be found";
    const DESCRIPTION: &'static str = "The text is split into chunks at the ends of paragraphs and sentences, about 1,000 characters (some 250 tokens \
        of English) each; each chunk is embedded and indexed. A new version of a document replaces the one before in one step, once all of \
        it is there: a search finds the one or the other, never parts of both. DynamoDB brings what is written into the index a little later: \
        until then a search finds the new version in part, or not at all. Documents are their caller's own: nobody else finds or reads \
        them.\n\nText of more than 50,000 characters, or any with `Prefer: respond-async`, becomes a job: 202, and `GET /jobs/{job_id}` tells when \
        the document is there. Of versions that are put at the same time the one accepted last stays.";
    const TAG: &'static str = "Documents";
    const ACCESS: Access = Access::Spender(Scope::Documents);
    const TRANSFER: Transfer = Transfer::Buffered;
    const TIMEOUT_SECS: u32 = 28;
    type Body = DocumentRequest;

    fn parameters() -> Vec<Parameter> {
        let prefer = Parameter::header(
            "Prefer",
            "`respond-async` for a job; the answer then has `Preference-Applied`. Other preferences are ignored.",
            json!({"type": "string"}),
        );
        let key = Parameter {
            description: "Of a document that becomes a job: a request with the same key and body within 24 hours gets the first one's answer, with \
                `Idempotency-Replayed: true`, and makes no second job. Of one that is kept at once and has no `id`: it gets one by the key, so \
                that the same request is the same document, kept anew. Up to 255 characters of your choice, your own."
                .to_owned(),
            ..idempotency_key()
        };
        vec![prefer, key]
    }

    fn replies() -> Vec<Reply> {
        let kept = Reply {
            status: 201,
            description: "The document is kept, and found as soon as it is in the index: a little later.",
            headers: &[("location", "The path of the document.")],
            content: vec![Content::json(&example_document())],
        };
        vec![kept, accepted()]
    }

    const PROBLEMS: &'static [ProblemCode] = &[
        ProblemCode::InvalidJson,
        ProblemCode::IdempotencyInFlight,
        ProblemCode::DocumentReplaced,
        ProblemCode::PayloadTooLarge,
        ProblemCode::UnsupportedMediaType,
        ProblemCode::ValidationFailed,
        ProblemCode::IdempotencyMismatch,
        ProblemCode::DocumentTooLong,
        ProblemCode::ModelFailed,
        ProblemCode::ModelBusy,
        ProblemCode::Timeout,
    ];
}

impl RequestBody for DocumentRequest {
    fn examples() -> Vec<(&'static str, Self)> {
        let metadata = BTreeMap::from([
            ("language".to_owned(), MetadataValue::Text("en".to_owned())),
            ("year".to_owned(), MetadataValue::Number(2026.into())),
        ]);
        vec![
            (
                "handbook",
                Self {
                    id: Some(EXAMPLE_ID.to_owned()),
                    title: EXAMPLE_TITLE.to_owned(),
                    text: EXAMPLE_TEXT.to_owned(),
                    metadata,
                },
            ),
            (
                "note",
                Self {
                    id: None,
                    title: "A note".to_owned(),
                    text: "The night train leaves Santa Apolonia at 21:40.".to_owned(),
                    metadata: BTreeMap::new(),
                },
            ),
        ]
    }
}

/// `GET /documents/{document_id}`.
pub struct DocumentsGet;

impl Endpoint for DocumentsGet {
    const FUNCTION: &'static str = "documents";
    const ID: &'static str = "documents_get";
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/documents/{document_id}";
    const SUMMARY: &'static str = "What is known of a document?";
    const DESCRIPTION: &'static str =
        "A document of the caller's own; anybody else's is as unknown as one that never was.";
    const TAG: &'static str = "Documents";
    const ACCESS: Access = Access::Caller(Scope::Documents);
    const TRANSFER: Transfer = Transfer::Buffered;
    const TIMEOUT_SECS: u32 = 28;
    type Body = NoBody;

    fn parameters() -> Vec<Parameter> {
        vec![document_id()]
    }

    fn replies() -> Vec<Reply> {
        vec![Reply {
            status: 200,
            description: "The document.",
            headers: &[],
            content: vec![Content::json(&example_document())],
        }]
    }

    const PROBLEMS: &'static [ProblemCode] = &[ProblemCode::NotFound];
}

/// `GET /documents`.
pub struct DocumentsList;

impl Endpoint for DocumentsList {
    const FUNCTION: &'static str = "documents";
    const ID: &'static str = "documents_list";
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/documents";
    const SUMMARY: &'static str = "The caller's documents";
    const DESCRIPTION: &'static str = "The one put last first. A document that has just been put or deleted may be missing, or there, for a second.";
    const TAG: &'static str = "Documents";
    const ACCESS: Access = Access::Caller(Scope::Documents);
    const TRANSFER: Transfer = Transfer::Buffered;
    const TIMEOUT_SECS: u32 = 28;
    type Body = NoBody;

    fn parameters() -> Vec<Parameter> {
        Parameter::query::<PageQuery>()
    }

    fn replies() -> Vec<Reply> {
        vec![Reply {
            status: 200,
            description: "The documents.",
            headers: &[],
            content: vec![Content::json(&DocumentList {
                documents: vec![example_document()],
                next_cursor: Some("0199a1de-7c55-7d0c-9b63-52b1a1a4f0aa".to_owned()),
            })],
        }]
    }

    const PROBLEMS: &'static [ProblemCode] = &[ProblemCode::ValidationFailed];
}

/// `DELETE /documents/{document_id}`.
pub struct DocumentsDelete;

impl Endpoint for DocumentsDelete {
    const FUNCTION: &'static str = "documents";
    const ID: &'static str = "documents_delete";
    const METHOD: Method = Method::Delete;
    const PATH: &'static str = "/documents/{document_id}";
    const SUMMARY: &'static str = "Delete a document";
    const DESCRIPTION: &'static str =
        "From then on no search finds any of it. A job that puts a new version of it may still do so.";
    const TAG: &'static str = "Documents";
    const ACCESS: Access = Access::Caller(Scope::Documents);
    const TRANSFER: Transfer = Transfer::Buffered;
    const TIMEOUT_SECS: u32 = 28;
    type Body = NoBody;

    fn parameters() -> Vec<Parameter> {
        vec![document_id()]
    }

    fn replies() -> Vec<Reply> {
        vec![Reply {
            status: 204,
            description: "It is deleted.",
            headers: &[],
            content: Vec::new(),
        }]
    }

    const PROBLEMS: &'static [ProblemCode] = &[ProblemCode::NotFound];
}

fn document_id() -> Parameter {
    Parameter::path("document_id", "The document's id.", json!({"type": "string"}))
}

pub(super) const EXAMPLE_ID: &str = "night-trains";
pub(super) const EXAMPLE_TITLE: &str = "Night trains of the peninsula";
pub(super) const EXAMPLE_TEXT: &str = "The night train from Lisbon to Madrid returns after twelve years. It leaves Santa Apolonia at 21:40 and \
    arrives at Chamartin at 8:10. Sleeping cars are booked with the national railways.";

/// A document as it may look.
pub(super) fn example_document() -> Document {
    let (_, request) = DocumentRequest::examples().swap_remove(0);
    Document {
        document_id: EXAMPLE_ID.to_owned(),
        title: request.title,
        metadata: request.metadata,
        chunks: 1,
        embedding_model: "all-minilm-l6-v2".to_owned(),
        created_at: "2026-11-21T09:30:00.250Z".to_owned(),
        updated_at: "2026-11-21T09:30:00.250Z".to_owned(),
    }
}
