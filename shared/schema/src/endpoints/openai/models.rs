//! `GET /v1/models` and `GET /v1/models/{model}`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{EXAMPLE_MODEL, TAG};
use crate::{
    ProblemCode,
    dialect::Dialect,
    endpoint::{Access, Content, Endpoint, Method, NoBody, Parameter, Reply, Transfer},
};

/// A model that callers may name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Model {
    /// What callers call it.
    pub id: String,
    /// Always `model`.
    pub object: String,
    /// OpenAI's clients expect a time in seconds since 1970; nobody knows one here, so that it is 0.
    pub created: u64,
    /// Always `lambent`.
    pub owned_by: String,
}

/// The models that callers may name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModelList {
    /// Always `list`.
    pub object: String,
    /// The models.
    pub data: Vec<Model>,
}

impl Model {
    /// The model of this name.
    #[must_use]
    pub fn named(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            object: "model".to_owned(),
            created: 0,
            owned_by: "lambent".to_owned(),
        }
    }
}

impl ModelList {
    /// A list of these.
    #[must_use]
    pub fn of<'a>(ids: impl Iterator<Item = &'a str>) -> Self {
        Self {
            object: "list".to_owned(),
            data: ids.map(Model::named).collect(),
        }
    }
}

/// `GET /v1/models`.
pub struct ModelsList;

impl Endpoint for ModelsList {
    const FUNCTION: &'static str = "models";
    const ID: &'static str = "models_list";
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/v1/models";
    const SUMMARY: &'static str = "The models that can be named";
    const DESCRIPTION: &'static str =
        "The names that `POST /v1/chat/completions` and `POST /v1/embeddings` take, as OpenAI lists models.";
    const TAG: &'static str = TAG;
    const ACCESS: Access = Access::Known;
    const TRANSFER: Transfer = Transfer::Buffered;
    const DIALECT: Dialect = Dialect::OpenAi;
    const TIMEOUT_SECS: u32 = 10;
    type Body = NoBody;

    fn replies() -> Vec<Reply> {
        vec![Reply {
            status: 200,
            description: "The models.",
            headers: &[],
            content: vec![Content::json(&ModelList::of([EXAMPLE_MODEL].into_iter()))],
        }]
    }

    const PROBLEMS: &'static [ProblemCode] = &[];
}

/// `GET /v1/models/{model}`.
pub struct ModelGet;

impl Endpoint for ModelGet {
    const FUNCTION: &'static str = "models";
    const ID: &'static str = "models_get";
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/v1/models/{model}";
    const SUMMARY: &'static str = "Whether a model can be named";
    const DESCRIPTION: &'static str = "One of the models that `GET /v1/models` lists.";
    const TAG: &'static str = TAG;
    const ACCESS: Access = Access::Known;
    const TRANSFER: Transfer = Transfer::Buffered;
    const DIALECT: Dialect = Dialect::OpenAi;
    const TIMEOUT_SECS: u32 = 10;
    type Body = NoBody;

    fn parameters() -> Vec<Parameter> {
        vec![Parameter::path("model", "Its name.", json!({"type": "string"}))]
    }

    fn replies() -> Vec<Reply> {
        vec![Reply {
            status: 200,
            description: "It can.",
            headers: &[],
            content: vec![Content::json(&Model::named(EXAMPLE_MODEL))],
        }]
    }

    const PROBLEMS: &'static [ProblemCode] = &[ProblemCode::ModelNotFound];
}
