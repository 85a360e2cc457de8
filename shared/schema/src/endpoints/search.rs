//! `POST /search`: the chunks of a caller's documents that are nearest to a question, or to an embedding.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    analysis::EXAMPLE_REQUEST_ID,
    documents::{
        EMBEDDING_DIMENSIONS, EXAMPLE_ID, EXAMPLE_TEXT, EXAMPLE_TITLE, Metadata, MetadataSchema,
        MetadataValue,
    },
};
use crate::{
    ProblemCode, Usage, Violation,
    endpoint::{Access, Content, Endpoint, Method, Reply, RequestBody, Scope, Transfer},
};

/// The most chunks that a search gives.
pub const MAX_TOP_K: u32 = 50;
/// The most characters of a query, or of a question.
pub const MAX_QUERY_CHARS: usize = 2000;

/// What to search for: either `query` or `embedding`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SearchRequest {
    /// In words: 1 to 2,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = MAX_QUERY_CHARS), regex(pattern = r"\S"))]
    #[schemars(extend("errorMessage" = {"pattern": "A query must contain more than white space"}))]
    pub query: Option<String>,
    /// As an embedding that you have: exactly 512 finite numbers, of the model that embedded the documents. Costs nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<f64>", length(equal = EMBEDDING_DIMENSIONS))]
    pub embedding: Option<Vec<f32>>,
    /// The most chunks to give: 1 to 50.
    #[serde(default = "default_top_k")]
    #[schemars(range(min = 1, max = MAX_TOP_K))]
    pub top_k: u32,
    /// What their documents' metadata has to say, all of it: values are equal if they are of one type and the same.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "MetadataSchema")]
    pub filter: Metadata,
    /// The least score to give: 0 to 1.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub min_score: f64,
}

/// What was found, the nearest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SearchReply {
    /// The chunks.
    pub hits: Vec<Hit>,
    /// The model that embedded the query.
    pub model: String,
    /// Tokens that it read.
    pub usage: Usage,
    /// The id of the request.
    pub request_id: String,
}

/// A chunk that was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Hit {
    /// How near it is, from 0 to 1: half of 1 and the cosine of the angle between the embeddings. 0.5 is what has nothing in common.
    pub score: f64,
    /// The document that it is of.
    pub document_id: String,
    /// What that is called.
    pub title: String,
    /// What is said of it.
    #[schemars(with = "MetadataSchema")]
    pub metadata: Metadata,
    /// Which chunk of the document it is, counted from 0.
    pub chunk: u32,
    /// Where in the document its text begins, in characters.
    pub start: u32,
    /// Where it ends: the first character that is not in it any more.
    pub end: u32,
    /// Its text.
    pub text: String,
}

/// `POST /search`.
pub struct Search;

impl Endpoint for Search {
    const FUNCTION: &'static str = "search";
    const ID: &'static str = "search";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/search";
    const SUMMARY: &'static str = "Search in documents by meaning";
    const DESCRIPTION: &'static str = "The chunks of the caller's documents that are nearest to a `query` in words, or to an `embedding`. The query is \
        embedded by the model that embeds the documents; what another model has embedded is not found.";
    const TAG: &'static str = "Documents";
    const ACCESS: Access = Access::Spender(Scope::Search);
    const TRANSFER: Transfer = Transfer::Buffered;
    const TIMEOUT_SECS: u32 = 28;
    type Body = SearchRequest;

    fn replies() -> Vec<Reply> {
        vec![Reply {
            status: 200,
            description: "What was found.",
            headers: &[],
            content: vec![Content::json(&SearchReply {
                hits: vec![example_hit()],
                model: "all-minilm-l6-v2".to_owned(),
                usage: Usage {
                    input_tokens: 9,
                    output_tokens: 0,
                },
                request_id: EXAMPLE_REQUEST_ID.to_owned(),
            })],
        }]
    }

    const PROBLEMS: &'static [ProblemCode] = &[
        ProblemCode::InvalidJson,
        ProblemCode::PayloadTooLarge,
        ProblemCode::UnsupportedMediaType,
        ProblemCode::ValidationFailed,
        ProblemCode::ModelFailed,
        ProblemCode::ModelBusy,
        ProblemCode::Timeout,
    ];
}

impl RequestBody for SearchRequest {
    fn examples() -> Vec<(&'static str, Self)> {
        let of = |query: Option<&str>, embedding, filter| Self {
            query: query.map(str::to_owned),
            embedding,
            top_k: 5,
            filter,
            min_score: 0.0,
        };
        let english = BTreeMap::from([("language".to_owned(), MetadataValue::Text("en".to_owned()))]);
        vec![
            (
                "query",
                of(Some("When does the night train leave?"), None, Metadata::new()),
            ),
            (
                "filter",
                of(Some("When does the night train leave?"), None, english),
            ),
        ]
    }

    fn check(&self) -> Vec<Violation> {
        let violation = |pointer: &str, detail: &str, code: &'static str| Violation {
            pointer: pointer.to_owned(),
            detail: detail.to_owned(),
            code: code.into(),
        };
        match (&self.query, &self.embedding) {
            (None, None) => vec![violation(
                "",
                "Either query or embedding is required, and both are missing",
                "missing",
            )],
            (Some(_), Some(_)) => vec![violation(
                "/embedding",
                "Either query or embedding, not both",
                "not_allowed",
            )],
            (Some(_), None) => Vec::new(),
            // Finite as they were sent, and not as what they are kept as.
            (None, Some(numbers)) => (numbers.iter().enumerate())
                .filter(|(_, number)| !number.is_finite())
                .map(|(place, _)| {
                    violation(
                        &format!("/embedding/{place}"),
                        "Must be a finite number of 32 bits",
                        "too_large",
                    )
                })
                .collect(),
        }
    }
}

fn default_top_k() -> u32 {
    10
}

/// A hit as it may look.
pub(super) fn example_hit() -> Hit {
    Hit {
        score: 0.86,
        document_id: EXAMPLE_ID.to_owned(),
        title: EXAMPLE_TITLE.to_owned(),
        metadata: BTreeMap::from([("language".to_owned(), MetadataValue::Text("en".to_owned()))]),
        chunk: 0,
        start: 0,
        end: u32::try_from(EXAMPLE_TEXT.chars().count()).unwrap_or_default(),
        text: EXAMPLE_TEXT.to_owned(),
    }
}
