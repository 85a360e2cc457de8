//! `POST /ask`: a question in, an answer from the caller's documents out, with the places that it is from.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    analysis::{EXAMPLE_REQUEST_ID, EXAMPLE_USAGE},
    documents::{EXAMPLE_ID, EXAMPLE_TEXT, EXAMPLE_TITLE, Metadata, MetadataSchema},
    search::MAX_QUERY_CHARS,
};
use crate::{
    Cost, Problem, ProblemCode, Usage,
    endpoint::{Access, Content, Endpoint, Event, Method, Reply, RequestBody, Scope, Transfer},
    stream::{Delta, FinishReason, StreamError},
};

/// The most chunks that an answer may be made from.
pub const MAX_SOURCES: u32 = 20;
/// The most turns of a conversation that a question may bring along.
pub const MAX_TURNS: usize = 20;
/// The most characters of one of them.
pub const MAX_TURN_CHARS: usize = 4000;
/// What is answered where nothing is found that a question could be answered from.
pub const NOTHING_FOUND: &str = "I don't know: nothing in the documents is about that.";

/// A question to the caller's documents.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AskRequest {
    /// The question: 1 to 2,000 characters.
    #[schemars(length(min = 1, max = MAX_QUERY_CHARS), regex(pattern = r"\S"))]
    #[schemars(extend("errorMessage" = {"pattern": "A question must contain more than white space"}))]
    pub question: String,
    /// The most chunks to answer from: 1 to 20. Fewer are read where the model has no room for more.
    #[serde(default = "default_top_k")]
    #[schemars(range(min = 1, max = MAX_SOURCES))]
    pub top_k: u32,
    /// What their documents' metadata has to say, all of it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "MetadataSchema")]
    pub filter: Metadata,
    /// The least score of a chunk to answer from: 0 to 1. What scores less counts as not found.
    #[serde(default = "default_min_score")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub min_score: f64,
    /// What was said before, the oldest first: up to 20 turns. The model is given them from the user's first one on; the user's last one
    /// is looked for with the question.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = MAX_TURNS))]
    pub history: Vec<Turn>,
    /// The most tokens of the answer, where that is less than the API's own limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u32", range(min = 1))]
    pub max_output_tokens: Option<u32>,
}

/// A turn of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Turn {
    /// Who said it.
    pub role: Role,
    /// What was said: 1 to 4,000 characters.
    #[schemars(length(min = 1, max = MAX_TURN_CHARS), regex(pattern = r"\S"))]
    #[schemars(extend("errorMessage" = {"pattern": "A turn must contain more than white space"}))]
    pub content: String,
}

/// Who said something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Role {
    /// Whoever asks.
    User,
    /// The model.
    Assistant,
}

/// An answer, and what it is from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Answer {
    /// The answer. `[1]` in it stands for the first source.
    pub answer: String,
    /// Whether it is from the documents: at least one citation is of what it says.
    pub grounded: bool,
    /// The places that it is from. Unless a model names one that says what it says, also at most two where the documents
    /// most likely say what was asked (`nearest`), after the others.
    pub citations: Vec<Citation>,
    /// How many citations of the model's were dropped because there is no such source.
    pub invented_citations: u32,
    /// Why the model stopped: after `length` the answer is cut.
    pub finish_reason: FinishReason,
    /// What the model was given to answer from, the nearest first.
    pub sources: Vec<Source>,
    /// The model that answered; absent where nothing was found, and none was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub model: Option<String>,
    /// Tokens read and written, for the embedding of the question too.
    pub usage: Usage,
    /// The id of the request.
    pub request_id: String,
}

/// A place that an answer is from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Citation {
    /// The number of the source, as in the answer's `[1]`.
    pub n: u32,
    /// The document.
    pub document_id: String,
    /// Which chunk of it, counted from 0.
    pub chunk: u32,
    /// What stands there, word for word.
    pub quote: String,
    /// Why it is cited.
    pub basis: Basis,
}

/// Why a place is cited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Basis {
    /// A sentence of the answer names its source.
    Named,
    /// A sentence of the answer names no source, and most of its words stand there.
    Matched,
    /// No sentence of the answer names a source that says the same: this is where it most likely should be from.
    Nearest,
}

/// What a model was given to answer from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Source {
    /// Its number, from 1.
    pub n: u32,
    /// The document.
    pub document_id: String,
    /// What that is called.
    pub title: String,
    /// Which chunk of it, counted from 0.
    pub chunk: u32,
    /// How near it is to the question, from 0 to 1.
    pub score: f64,
    /// Its text.
    pub text: String,
}

/// The `data:` of the `sources` event: what the answer will be made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sources {
    /// The sources, the nearest first; none where nothing was found.
    pub sources: Vec<Source>,
}

/// The `data:` of the `done` event of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Answered {
    /// Whether it is from the documents: at least one citation is of what it says.
    pub grounded: bool,
    /// The places that it is from. Unless a model names one that says what it says, also at most two where the documents
    /// most likely say what was asked (`nearest`), after the others.
    pub citations: Vec<Citation>,
    /// How many of the model's citations name no source: their marks are in the deltas all the same.
    pub invented_citations: u32,
    /// The model that answered; absent where nothing was found, and none was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub model: Option<String>,
    /// Tokens read and written.
    pub usage: Usage,
    /// What the request cost.
    pub cost: Cost,
    /// Why the model stopped.
    pub finish_reason: FinishReason,
    /// How long each stage took, in milliseconds: `auth`, `embed`, `search`, `model`, `parse`.
    pub timings: BTreeMap<String, f64>,
    /// The id of the request.
    pub request_id: String,
}

/// `POST /ask`.
pub struct Ask;

impl Endpoint for Ask {
    const FUNCTION: &'static str = "ask";
    const ID: &'static str = "ask";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/ask";
    const SUMMARY: &'static str = "Ask your documents";
    const DESCRIPTION: &'static str = "The chunks that are nearest to the question are found, and a model answers from them. Its citations are verified: \
        one of a source that there is not is dropped and counted, and each quote stands in its chunk word for word. Where nothing that the answer says \
        is found in the sources, it is not `grounded`. Unless it names a source that says what it says, the passages that are nearest to the question \
        are cited after its own, as such. Where nothing is near enough \
        (`min_score`), the answer says so, and no model is asked.\n\nJSON by default. With `Accept: text/event-stream` server-sent events: `sources` \
        first, then `delta`s, then exactly one `done` or `error`; a comment line every 15 seconds of silence.\n\nWhat stands in documents is data to \
        the model, not instructions.";
    const TAG: &'static str = "Documents";
    const ACCESS: Access = Access::Spender(Scope::Ask);
    const TRANSFER: Transfer = Transfer::Streaming;
    const TIMEOUT_SECS: u32 = 300;
    type Body = AskRequest;

    fn replies() -> Vec<Reply> {
        let answer = example_answer();
        let done = Answered {
            grounded: true,
            citations: answer.citations.clone(),
            invented_citations: 0,
            model: answer.model.clone(),
            usage: answer.usage,
            cost: Cost {
                tokens: 692,
                compute: 11,
            },
            finish_reason: FinishReason::Stop,
            timings: [
                ("auth", 4.1),
                ("embed", 10.3),
                ("search", 6.2),
                ("model", 812.0),
                ("parse", 0.1),
            ]
            .map(|(stage, ms)| (stage.to_owned(), ms))
            .into(),
            request_id: EXAMPLE_REQUEST_ID.to_owned(),
        };
        let error = StreamError::from(
            Problem::new(ProblemCode::Timeout, "The model stopped answering.").request_id(EXAMPLE_REQUEST_ID),
        );
        let delta = Delta {
            text: "It leaves ".to_owned(),
        };
        let sources = Sources {
            sources: answer.sources.clone(),
        };
        vec![Reply {
            status: 200,
            description: "The answer.",
            headers: &[],
            content: vec![
                Content::json(&answer),
                Content::Events(vec![
                    Event::of(
                        "sources",
                        "What the answer will be made from. The first event.",
                        &sources,
                    ),
                    Event::of("delta", "The next piece of the answer.", &delta),
                    Event::of("done", "The answer is complete. The last event.", &done),
                    Event::of("error", "The answer breaks off here. The last event.", &error),
                ]),
            ],
        }]
    }

    const PROBLEMS: &'static [ProblemCode] = &[
        ProblemCode::InvalidJson,
        ProblemCode::PayloadTooLarge,
        ProblemCode::UnsupportedMediaType,
        ProblemCode::ValidationFailed,
        ProblemCode::DocumentTooLong,
        ProblemCode::ModelFailed,
        ProblemCode::ModelBusy,
        ProblemCode::Timeout,
    ];
}

impl RequestBody for AskRequest {
    fn examples() -> Vec<(&'static str, Self)> {
        let of = |question: &str, history| Self {
            question: question.to_owned(),
            top_k: 5,
            filter: Metadata::new(),
            min_score: default_min_score(),
            history,
            max_output_tokens: None,
        };
        let turn = |role, content: &str| Turn {
            role,
            content: content.to_owned(),
        };
        let before = vec![
            turn(Role::User, "When does the night train leave?"),
            turn(Role::Assistant, "It leaves Santa Apolonia at 21:40 [1]."),
        ];
        vec![
            ("question", of("When does the night train leave?", Vec::new())),
            ("conversation", of("And when does it arrive?", before)),
        ]
    }
}

fn default_top_k() -> u32 {
    5
}

fn default_min_score() -> f64 {
    0.6
}

fn example_answer() -> Answer {
    Answer {
        answer: "It leaves Santa Apolonia at 21:40 [1].".to_owned(),
        grounded: true,
        citations: vec![Citation {
            n: 1,
            document_id: EXAMPLE_ID.to_owned(),
            chunk: 0,
            quote: "It leaves Santa Apolonia at 21:40 and arrives at Chamartin at 8:10.".to_owned(),
            basis: Basis::Named,
        }],
        invented_citations: 0,
        finish_reason: FinishReason::Stop,
        sources: vec![Source {
            n: 1,
            document_id: EXAMPLE_ID.to_owned(),
            title: EXAMPLE_TITLE.to_owned(),
            chunk: 0,
            score: 0.86,
            text: EXAMPLE_TEXT.to_owned(),
        }],
        model: Some("smollm2-135m-instruct".to_owned()),
        usage: EXAMPLE_USAGE,
        request_id: EXAMPLE_REQUEST_ID.to_owned(),
    }
}
