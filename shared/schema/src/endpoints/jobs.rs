//! Jobs: what outlives its request, analyses and documents to be kept.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    analysis::{Analysis, AnalysisRequest, EXAMPLE_REQUEST_ID, EXAMPLE_USAGE, example_analysis},
    documents::Document,
};
use crate::{
    Cost, Problem, ProblemCode, Usage,
    endpoint::{
        Access, Content, Endpoint, Method, NoBody, Parameter, Query, Reply, RequestBody, Scope, Transfer,
    },
    problem::Violation,
};

/// The header by which a request that is sent twice is one request
/// ([draft-ietf-httpapi-idempotency-key-header](https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/)).
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// The header of an answer that was given before.
pub const IDEMPOTENCY_REPLAYED: &str = "idempotency-replayed";
/// The most bytes of an idempotency key.
pub const MAX_IDEMPOTENCY_KEY_BYTES: usize = 255;
/// The longest that a request may wait for a job's end, in seconds.
pub const MAX_WAIT_SECS: u32 = 20;
/// The most jobs that one page lists.
pub const MAX_PAGE: u32 = 100;

/// A document, what to find out about it, and whom to tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct JobRequest {
    /// What `/analyse` takes.
    #[serde(flatten)]
    pub analysis: AnalysisRequest,
    /// Where to send the job once it has ended: an `https` URL on a public address. It gets a `POST` that is signed as
    /// [Standard Webhooks](https://www.standardwebhooks.com/) are; `GET /callbacks/secret` tells the secret to verify it with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 2048), url)]
    pub callback_url: Option<String>,
}

/// The job is accepted: it will be done, whatever happens to this connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JobAccepted {
    /// The id of the job.
    pub job_id: String,
    /// Always `queued`.
    pub status: JobStatus,
}

/// How far a job has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum JobStatus {
    /// It waits for a worker.
    Queued,
    /// A worker is at it; or was, and another one will begin anew.
    Running,
    /// It is done: `result` is there.
    Succeeded,
    /// It cannot be done: `error` says why.
    Failed,
    /// It was taken back.
    Cancelled,
}

/// What a job does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum JobKind {
    /// It analyses a document.
    #[default]
    Analysis,
    /// It keeps a document.
    Document,
}

/// What came of a job: by its kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum JobResult {
    /// What was found out about a document.
    Analysis(Analysis),
    /// The document as it is kept.
    Document(Document),
}

/// A job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Job {
    /// Its id.
    pub job_id: String,
    /// What it does.
    #[serde(default)]
    pub kind: JobKind,
    /// How far it has come.
    pub status: JobStatus,
    /// When it was accepted.
    #[schemars(extend("format" = "date-time"))]
    pub created_at: String,
    /// When it was first begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub started_at: Option<String>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub finished_at: Option<String>,
    /// How often it was begun: more than once where a worker died, or its model failed.
    pub attempt: u32,
    /// Whether a running job was asked to stop.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cancel_requested: bool,
    /// What came of it. Not in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "JobResult")]
    pub result: Option<JobResult>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Problem")]
    pub error: Option<Problem>,
    /// Tokens read and written, over all attempts that lived to tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Usage")]
    pub usage: Option<Usage>,
    /// What those attempts cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Cost")]
    pub cost: Option<Cost>,
    /// How far the callback has come, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Callback")]
    pub callback: Option<Callback>,
}

/// How far a callback has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Callback {
    /// Where it goes.
    pub url: String,
    /// How far it has come.
    pub status: CallbackStatus,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was last tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub last_attempt_at: Option<String>,
    /// When it is tried again, at the earliest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub next_attempt_at: Option<String>,
    /// The status that the last try was answered with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u16")]
    pub http_status: Option<u16>,
    /// What was wrong with the last try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub error: Option<String>,
}

/// How far a callback has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum CallbackStatus {
    /// The job has not ended.
    Waiting,
    /// It is being sent.
    Sending,
    /// It failed, and is tried again.
    Retrying,
    /// It was answered with a 2xx.
    Delivered,
    /// It failed for good.
    Failed,
}

/// A caller's jobs, the newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JobList {
    /// The jobs, without their results.
    pub jobs: Vec<Job>,
    /// What to give as `cursor` for older ones; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub next_cursor: Option<String>,
}

/// What a caller's callbacks are signed with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SigningSecret {
    /// The secret, as libraries for Standard Webhooks take it: `whsec_` and base64. The caller's own, and always the same.
    pub secret: String,
}

/// The body of a callback.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CallbackEvent {
    /// `job.succeeded`, `job.failed` or `job.cancelled`.
    #[serde(rename = "type")]
    pub kind: String,
    /// When the job ended.
    #[schemars(extend("format" = "date-time"))]
    pub timestamp: String,
    /// The job, as `GET /jobs/{job_id}` tells it, without `callback`.
    pub data: Job,
}

/// How long to wait for an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WaitQuery {
    /// Seconds, up to 20, that the answer may wait for the job's end. It comes at once by default.
    #[serde(default)]
    #[schemars(range(min = 0, max = MAX_WAIT_SECS))]
    pub wait: u32,
}

/// Which jobs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PageQuery {
    /// How many, up to 100; 20 by default.
    #[serde(default = "default_limit")]
    #[schemars(range(min = 1, max = MAX_PAGE))]
    pub limit: u32,
    /// The `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", regex(pattern = r"^[0-9a-f-]{36}$"))]
    pub cursor: Option<String>,
}

impl Query for WaitQuery {}
impl Query for PageQuery {}

fn default_limit() -> u32 {
    20
}

/// What both ways of making a job read of the headers.
pub(super) fn idempotency_key() -> Parameter {
    Parameter::header(
        "Idempotency-Key",
        "A request with the same key and body within 24 hours gets the first one's answer, with `Idempotency-Replayed: true`, \
        and makes no second job. Up to 255 characters of your choice, your own. Rate and budget are asked first: a repetition \
        can be refused for these, and its job exists all the same.",
        json!({"type": "string", "minLength": 1, "maxLength": MAX_IDEMPOTENCY_KEY_BYTES}),
    )
}

/// The answer that accepts a job.
pub(super) fn accepted() -> Reply {
    Reply {
        status: 202,
        description: "The job is accepted, and will be done.",
        headers: &[
            ("location", "The path of the job."),
            ("retry-after", "Seconds after which to ask for it."),
            (
                IDEMPOTENCY_REPLAYED,
                "`true` where the answer is that of an earlier request with the same key.",
            ),
        ],
        content: vec![Content::json(&JobAccepted {
            job_id: EXAMPLE_ID.to_owned(),
            status: JobStatus::Queued,
        })],
    }
}

/// `POST /analyse/async`.
pub struct JobsCreate;

impl Endpoint for JobsCreate {
    const FUNCTION: &'static str = "jobs-create";
    const ID: &'static str = "jobs_create";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/analyse/async";
    const SUMMARY: &'static str = "Have a document analysed later";
    const DESCRIPTION: &'static str = "Answers at once; the analysis is a job that is done once, whatever crashes meanwhile. \
        `GET /jobs/{job_id}` tells how far it has come; with a `callback_url`, its end is told there.\n\nThe caller's budget has to \
        cover the most that the analysis can cost when it is accepted, and again when it is begun: a job whose caller has \
        spent everything meanwhile fails with `budget_exceeded`. Jobs are kept for 7 days; the document until the job has ended.";
    const TAG: &'static str = "Jobs";
    const ACCESS: Access = Access::Spender(Scope::Analyse);
    const TRANSFER: Transfer = Transfer::Buffered;
    const TIMEOUT_SECS: u32 = 20;
    type Body = JobRequest;

    fn parameters() -> Vec<Parameter> {
        vec![idempotency_key()]
    }

    fn replies() -> Vec<Reply> {
        vec![accepted()]
    }

    const PROBLEMS: &'static [ProblemCode] = &[
        ProblemCode::InvalidJson,
        ProblemCode::IdempotencyInFlight,
        ProblemCode::PayloadTooLarge,
        ProblemCode::UnsupportedMediaType,
        ProblemCode::ValidationFailed,
        ProblemCode::IdempotencyMismatch,
    ];
}

impl RequestBody for JobRequest {
    fn examples() -> Vec<(&'static str, Self)> {
        let of = |(name, analysis), callback_url| {
            (
                name,
                Self {
                    analysis,
                    callback_url,
                },
            )
        };
        let analyses = AnalysisRequest::examples().into_iter();
        let urls = [
            None,
            Some("https://example.com/lambent-callbacks".to_owned()),
            None,
        ];
        analyses
            .zip(urls)
            .map(|(analysis, url)| of(analysis, url))
            .collect()
    }

    fn check(&self) -> Vec<Violation> {
        self.analysis.check()
    }
}

/// `GET /jobs/{job_id}`.
pub struct JobsGet;

impl Endpoint for JobsGet {
    const FUNCTION: &'static str = "jobs-get";
    const ID: &'static str = "jobs_get";
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/jobs/{job_id}";
    const SUMMARY: &'static str = "How far is a job?";
    const DESCRIPTION: &'static str = "A job of the caller's own; anybody else's is as unknown as one that never was. With `wait` \
        the answer comes when the job has ended, or when that time is over. An answer has an `ETag`: sent back in `If-None-Match`, it \
        saves a body that has not changed.";
    const TAG: &'static str = "Jobs";
    const ACCESS: Access = Access::Known;
    const TRANSFER: Transfer = Transfer::Buffered;
    const TIMEOUT_SECS: u32 = 28;
    type Body = NoBody;

    fn parameters() -> Vec<Parameter> {
        let mut parameters = vec![job_id()];
        parameters.extend(Parameter::query::<WaitQuery>());
        parameters.push(Parameter::header(
            "If-None-Match",
            "The `ETag` of an earlier answer.",
            json!({"type": "string"}),
        ));
        parameters
    }

    fn replies() -> Vec<Reply> {
        vec![
            Reply {
                status: 200,
                description: "The job.",
                headers: &[
                    ("etag", "Changes when the job does."),
                    (
                        "retry-after",
                        "Seconds after which to ask again; until the job has ended.",
                    ),
                ],
                content: vec![Content::json(&example_job())],
            },
            Reply {
                status: 304,
                description: "The job is as it was.",
                headers: &[("etag", "That of the earlier answer.")],
                content: Vec::new(),
            },
        ]
    }

    const PROBLEMS: &'static [ProblemCode] = &[ProblemCode::NotFound, ProblemCode::ValidationFailed];
}

/// `GET /jobs`.
pub struct JobsList;

impl Endpoint for JobsList {
    const FUNCTION: &'static str = "jobs-get";
    const ID: &'static str = "jobs_list";
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/jobs";
    const SUMMARY: &'static str = "The caller's jobs";
    const DESCRIPTION: &'static str =
        "The newest first, without results. A job that has just been accepted may be missing for a second.";
    const TAG: &'static str = "Jobs";
    const ACCESS: Access = Access::Known;
    const TRANSFER: Transfer = Transfer::Buffered;
    const TIMEOUT_SECS: u32 = 28;
    type Body = NoBody;

    fn parameters() -> Vec<Parameter> {
        Parameter::query::<PageQuery>()
    }

    fn replies() -> Vec<Reply> {
        vec![Reply {
            status: 200,
            description: "The jobs.",
            headers: &[],
            content: vec![Content::json(&JobList {
                jobs: vec![Job {
                    result: None,
                    ..example_job()
                }],
                next_cursor: Some(EXAMPLE_ID.to_owned()),
            })],
        }]
    }

    const PROBLEMS: &'static [ProblemCode] = &[ProblemCode::ValidationFailed];
}

/// `DELETE /jobs/{job_id}`.
pub struct JobsCancel;

impl Endpoint for JobsCancel {
    const FUNCTION: &'static str = "jobs-get";
    const ID: &'static str = "jobs_cancel";
    const METHOD: Method = Method::Delete;
    const PATH: &'static str = "/jobs/{job_id}";
    const SUMMARY: &'static str = "Take a job back";
    const DESCRIPTION: &'static str = "A job that waits is cancelled at once, and costs nothing. One that runs is asked to stop, \
        which takes a few seconds; what its model has written until then is charged.";
    const TAG: &'static str = "Jobs";
    const ACCESS: Access = Access::Known;
    const TRANSFER: Transfer = Transfer::Buffered;
    const TIMEOUT_SECS: u32 = 28;
    type Body = NoBody;

    fn parameters() -> Vec<Parameter> {
        vec![job_id()]
    }

    fn replies() -> Vec<Reply> {
        let cancelled = Job {
            status: JobStatus::Cancelled,
            started_at: None,
            attempt: 0,
            result: None,
            usage: None,
            cost: None,
            ..example_job()
        };
        let asked = Job {
            status: JobStatus::Running,
            finished_at: None,
            result: None,
            usage: None,
            cost: None,
            cancel_requested: true,
            ..example_job()
        };
        let reply = |status, description, job| Reply {
            status,
            description,
            headers: &[],
            content: vec![Content::json(job)],
        };
        vec![
            reply(200, "The job is cancelled, or was already.", &cancelled),
            reply(202, "The job runs, and is asked to stop.", &asked),
        ]
    }

    const PROBLEMS: &'static [ProblemCode] = &[ProblemCode::NotFound, ProblemCode::JobEnded];
}

/// `GET /callbacks/secret`.
pub struct CallbackSecret;

impl Endpoint for CallbackSecret {
    const FUNCTION: &'static str = "jobs-get";
    const ID: &'static str = "callback_secret";
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/callbacks/secret";
    const SUMMARY: &'static str = "What callbacks are signed with";
    const DESCRIPTION: &'static str = "The secret of the caller's own callbacks, for any library of \
        [Standard Webhooks](https://www.standardwebhooks.com/) to verify them with.";
    const TAG: &'static str = "Jobs";
    const ACCESS: Access = Access::Known;
    const TRANSFER: Transfer = Transfer::Buffered;
    const TIMEOUT_SECS: u32 = 28;
    type Body = NoBody;

    fn replies() -> Vec<Reply> {
        vec![Reply {
            status: 200,
            description: "The secret.",
            headers: &[],
            content: vec![Content::json(&SigningSecret {
                secret: "whsec_bm90IGEgc2VjcmV0LCBidXQgYSBmb3JtIG9mIG9uZQ==".to_owned(),
            })],
        }]
    }

    const PROBLEMS: &'static [ProblemCode] = &[];
}

fn job_id() -> Parameter {
    let schema: Value = json!({"type": "string"});
    Parameter::path("job_id", "The id that the job was accepted with.", schema)
}

const EXAMPLE_ID: &str = "0199a1de-7c55-7d0c-9b63-52b1a1a4f0aa";

pub(crate) fn example_event() -> CallbackEvent {
    CallbackEvent {
        kind: "job.succeeded".to_owned(),
        timestamp: "2026-11-21T09:30:07.480Z".to_owned(),
        data: example_job(),
    }
}

fn example_job() -> Job {
    Job {
        job_id: EXAMPLE_ID.to_owned(),
        kind: JobKind::Analysis,
        status: JobStatus::Succeeded,
        created_at: "2026-11-21T09:30:00.250Z".to_owned(),
        started_at: Some("2026-11-21T09:30:00.610Z".to_owned()),
        finished_at: Some("2026-11-21T09:30:07.480Z".to_owned()),
        attempt: 1,
        cancel_requested: false,
        result: Some(JobResult::Analysis(Analysis {
            request_id: EXAMPLE_REQUEST_ID.to_owned(),
            ..example_analysis()
        })),
        error: None,
        usage: Some(EXAMPLE_USAGE),
        cost: Some(Cost {
            tokens: 692,
            compute: 29,
        }),
        callback: None,
    }
}
