//! `/analyse` and `/analyse/stream`: a document in, an analysis out.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::json;

use crate::{
    Cost, ProblemCode, Usage,
    endpoint::{Access, Content, Endpoint, Event, Method, Parameter, Reply, RequestBody, Scope, Transfer},
    endpoints::jobs,
    stream::{Delta, Done, FinishReason, StreamError},
};

/// The fewest characters of a document, also after trimming.
pub const MIN_TEXT_CHARS: usize = 10;
/// The most characters of a document.
pub const MAX_TEXT_CHARS: usize = 50_000;
/// The most findings, or entities, that can be asked for.
pub const MAX_FINDINGS: u32 = 50;

/// A document, and what to find out about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AnalysisRequest {
    /// The document: 10 to 50,000 characters, at least 10 of them after white space at both ends is trimmed. The trimmed
    /// text is what is analysed.
    #[serde(deserialize_with = "trimmed")]
    #[schemars(length(min = MIN_TEXT_CHARS, max = MAX_TEXT_CHARS), regex(pattern = r"\S[\s\S]{8,}\S"))]
    #[schemars(extend("errorMessage" = {"pattern": "Text must contain meaningful content"}))]
    pub text: String,
    /// What to find out.
    pub analysis_type: AnalysisType,
    /// The form of the answer.
    #[serde(default)]
    pub output_format: OutputFormat,
    /// The most entries of `findings` (`detailed`) or `entities` (`entities`): 1 to 50.
    #[serde(default = "default_max_findings")]
    #[schemars(range(min = 1, max = MAX_FINDINGS))]
    pub max_findings: u32,
}

/// What to find out about a document. Each kind answers with a `summary`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum AnalysisType {
    /// `summary` only: what the document says, in a few sentences.
    Summary,
    /// `summary` and `findings`: what the document says, and what stands out in it.
    Detailed,
    /// `summary` and `entities`: what the document is about, and the people, organisations, places, dates and things it names.
    Entities,
}

/// The form of an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum OutputFormat {
    /// Fields only.
    #[default]
    Json,
    /// For `/analyse`: the fields, and the same as a Markdown document in `markdown`. For `/analyse/stream`: the deltas
    /// are Markdown.
    Markdown,
}

/// What was found out about a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Analysis {
    /// What the document says. Filled by every `analysis_type`.
    pub summary: String,
    /// What stands out, most important first. Filled by `detailed`, else empty.
    pub findings: Vec<Finding>,
    /// What the document names. Filled by `entities`, else empty.
    pub entities: Vec<Entity>,
    /// The same as a Markdown document. With `output_format` `markdown` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub markdown: Option<String>,
    /// The model that answered.
    pub model: String,
    /// Tokens read and written.
    pub usage: Usage,
    /// The id of the request.
    pub request_id: String,
}

/// Something that stands out in a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// A few words.
    pub title: String,
    /// One or two sentences.
    pub detail: String,
}

/// Something that a document names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Entity {
    /// As the document writes it.
    pub name: String,
    /// What it is: `person`, `organisation`, `place`, `date`, `thing`, or another word of the model's.
    pub kind: String,
}

/// `POST /analyse`.
pub struct Analyse;

impl Endpoint for Analyse {
    const FUNCTION: &'static str = "analyse";
    const ID: &'static str = "analyse";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/analyse";
    const SUMMARY: &'static str = "Analyse a document";
    const DESCRIPTION: &'static str = "A document in, a structured analysis out, once it is complete. The model is asked \
        for an answer of the schema below; an answer that breaks it is repaired at most twice, and `usage` counts all attempts.\n\n\
        With `Prefer: respond-async` ([RFC 7240](https://www.rfc-editor.org/rfc/rfc7240)) it becomes a job, as with \
        `POST /analyse/async`.";
    const TAG: &'static str = "Analysis";
    const ACCESS: Access = Access::Spender(Scope::Analyse);
    const TRANSFER: Transfer = Transfer::Streaming;
    const TIMEOUT_SECS: u32 = 300;
    type Body = AnalysisRequest;

    fn replies() -> Vec<Reply> {
        let analysis = Reply {
            status: 200,
            description: "The analysis.",
            headers: &[],
            content: vec![Content::json(&example_analysis())],
        };
        vec![analysis, jobs::accepted()]
    }

    fn parameters() -> Vec<Parameter> {
        let prefer = Parameter::header(
            "Prefer",
            "`respond-async` for a job instead of the analysis; the answer then has `Preference-Applied`. Other preferences are ignored.",
            json!({"type": "string"}),
        );
        vec![prefer, jobs::idempotency_key()]
    }

    const PROBLEMS: &'static [ProblemCode] = &[
        ProblemCode::InvalidJson,
        ProblemCode::IdempotencyInFlight,
        ProblemCode::PayloadTooLarge,
        ProblemCode::UnsupportedMediaType,
        ProblemCode::ValidationFailed,
        ProblemCode::IdempotencyMismatch,
        ProblemCode::DocumentTooLong,
        ProblemCode::ModelFailed,
        ProblemCode::ModelReplyInvalid,
        ProblemCode::ModelBusy,
        ProblemCode::Timeout,
    ];
}

/// `POST /analyse/stream`.
pub struct AnalyseStream;

impl Endpoint for AnalyseStream {
    const FUNCTION: &'static str = "analyse-stream";
    const ID: &'static str = "analyse_stream";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/analyse/stream";
    const SUMMARY: &'static str = "Analyse a document, answering as the model writes";
    const DESCRIPTION: &'static str = "The same analysis, as it is written. With `output_format` `markdown` the pieces are \
        Markdown to show as they come; with `json` they are pieces of one JSON document, and `done` carries the validated \
        analysis.\n\nServer-sent events by default: `delta`s, then exactly one `done` or `error`; a comment line every 15 \
        seconds of silence. With `Accept: text/plain` only the text is sent; a failure after the first byte is then a last \
        line that starts with `[error]`. A failure before the first byte is a problem with its status, in both forms.";
    const TAG: &'static str = "Analysis";
    const ACCESS: Access = Access::Spender(Scope::Analyse);
    const TRANSFER: Transfer = Transfer::Streaming;
    const TIMEOUT_SECS: u32 = 300;
    type Body = AnalysisRequest;

    fn replies() -> Vec<Reply> {
        let done = Done {
            request_id: EXAMPLE_REQUEST_ID.to_owned(),
            model: "smollm2-135m-instruct".to_owned(),
            usage: EXAMPLE_USAGE,
            cost: Cost {
                tokens: 692,
                compute: 11,
            },
            finish_reason: FinishReason::Stop,
            analysis: Some(example_analysis()),
        };
        let error = StreamError::from(
            crate::Problem::new(ProblemCode::Timeout, "The model stopped answering.")
                .request_id(EXAMPLE_REQUEST_ID),
        );
        vec![Reply {
            status: 200,
            description: "The analysis, in pieces.",
            headers: &[],
            content: vec![
                Content::Events(vec![
                    Event::of(
                        "delta",
                        "The next piece of the answer.",
                        &Delta {
                            text: "The report ".to_owned(),
                        },
                    ),
                    Event::of("done", "The answer is complete. The last event.", &done),
                    Event::of("error", "The answer breaks off here. The last event.", &error),
                ]),
                Content::Text {
                    media_type: "text/plain",
                    description: "The text alone, as it is written.",
                },
            ],
        }]
    }

    const PROBLEMS: &'static [ProblemCode] = PROBLEMS;
}

/// What the streamed one can answer with.
const PROBLEMS: &[ProblemCode] = &[
    ProblemCode::InvalidJson,
    ProblemCode::PayloadTooLarge,
    ProblemCode::UnsupportedMediaType,
    ProblemCode::ValidationFailed,
    ProblemCode::DocumentTooLong,
    ProblemCode::ModelFailed,
    ProblemCode::ModelReplyInvalid,
    ProblemCode::ModelBusy,
    ProblemCode::Timeout,
];

impl RequestBody for AnalysisRequest {
    fn examples() -> Vec<(&'static str, Self)> {
        let of = |analysis_type, output_format| Self {
            text: EXAMPLE_TEXT.to_owned(),
            analysis_type,
            output_format,
            max_findings: 3,
        };
        vec![
            ("detailed", of(AnalysisType::Detailed, OutputFormat::Json)),
            ("summary", of(AnalysisType::Summary, OutputFormat::Markdown)),
            ("entities", of(AnalysisType::Entities, OutputFormat::Json)),
        ]
    }
}

fn default_max_findings() -> u32 {
    10
}

/// The trimmed text is the one that counts.
fn trimmed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    let kept = text.trim();
    Ok(if kept.len() == text.len() {
        text
    } else {
        kept.to_owned()
    })
}

const EXAMPLE_TEXT: &str = "The night train from Lisbon to Madrid returns after twelve years. From 3 May 2027 it leaves \
    Santa Apolonia station every evening at 21:40 and reaches Madrid at 07:15. Comboios de Portugal expects 140,000 \
    passengers in the first year. Repairs to the bridge at Entroncamento could still delay the start.";
pub(super) const EXAMPLE_REQUEST_ID: &str = "0199a1de-7c55-7d0c-9b63-52b1a1a4f001";
pub(super) const EXAMPLE_USAGE: Usage = Usage {
    input_tokens: 212,
    output_tokens: 96,
};

pub(super) fn example_analysis() -> Analysis {
    let finding = |title: &str, detail: &str| Finding {
        title: title.to_owned(),
        detail: detail.to_owned(),
    };
    Analysis {
        summary: "A night train between Lisbon and Madrid returns on 3 May 2027.".to_owned(),
        findings: vec![
            finding("Demand", "140,000 passengers are expected in the first year."),
            finding(
                "Risk of delay",
                "Repairs to the bridge at Entroncamento could delay the start.",
            ),
        ],
        entities: Vec::new(),
        markdown: None,
        model: "smollm2-135m-instruct".to_owned(),
        usage: EXAMPLE_USAGE,
        request_id: EXAMPLE_REQUEST_ID.to_owned(),
    }
}
