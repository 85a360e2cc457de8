//! `GET /health`: is the API there?

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    ProblemCode,
    endpoint::{Access, Content, Endpoint, Method, NoBody, Reply, Transfer},
};

/// The API is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HealthReply {
    /// Always `ok`: a function that cannot answer does not.
    pub status: HealthStatus,
    /// The version that runs.
    pub version: String,
}

/// The state of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum HealthStatus {
    /// It answers.
    Ok,
}

impl Default for HealthReply {
    fn default() -> Self {
        Self {
            status: HealthStatus::Ok,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

/// `GET /health`.
pub struct Health;

impl Endpoint for Health {
    const FUNCTION: &'static str = "health";
    const ID: &'static str = "health";
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/health";
    const SUMMARY: &'static str = "Is the API there?";
    const DESCRIPTION: &'static str =
        "Answers as long as functions start. Neither a model nor a database is asked.";
    const TAG: &'static str = "Service";
    const ACCESS: Access = Access::Public;
    const TRANSFER: Transfer = Transfer::Buffered;
    const TIMEOUT_SECS: u32 = 10;
    type Body = NoBody;

    fn replies() -> Vec<Reply> {
        vec![Reply {
            status: 200,
            description: "It is.",
            headers: &[],
            content: vec![Content::json(&HealthReply::default())],
        }]
    }

    const PROBLEMS: &'static [ProblemCode] = &[];
}
