//! A job as it is told: to its caller, and to its caller's server.

use lambent_schema::{
    Cost, Usage,
    endpoints::jobs::{Callback, CallbackEvent, CallbackStatus, Job, JobKind, JobResult, JobStatus},
};
use lambent_store::{instant_of, instant_text, jobs};
use serde_json::from_value;

/// The job as its caller is told. Without its result if there is none, or if it was read from a list.
#[must_use]
pub fn told(job: &jobs::Job) -> Job {
    let has_ended = job.status.is_ended();
    let has_begun = job.attempt > 0 || job.status != jobs::JobStatus::Running;
    Job {
        job_id: job.id.clone(),
        kind: job.kind,
        // One that was put off before its first attempt has not been begun.
        status: if has_begun {
            status(job.status)
        } else {
            JobStatus::Queued
        },
        created_at: instant_text(job.created_at),
        started_at: job.started_at.filter(|_| has_begun).map(instant_text),
        finished_at: job.finished_at.map(instant_text),
        attempt: job.attempt,
        cancel_requested: job.cancel_requested,
        result: job.result.as_ref().and_then(|text| result(job.kind, text)),
        // While a job runs, what went wrong with an earlier attempt is nobody's concern.
        error: job
            .error
            .clone()
            .filter(|_| has_ended)
            .and_then(|error| from_value(error).ok()),
        usage: (job.input_tokens > 0).then_some(Usage {
            input_tokens: job.input_tokens,
            output_tokens: job.output_tokens,
        }),
        cost: (job.attempt > 0 && has_ended).then_some(Cost {
            tokens: job.cost_tokens,
            compute: job.cost_compute,
        }),
        callback: job.callback_url.clone().map(|url| callback(job, url)),
    }
}

/// What came of a job, read as what its kind makes.
fn result(kind: JobKind, text: &str) -> Option<JobResult> {
    match kind {
        JobKind::Analysis => serde_json::from_str(text).ok().map(JobResult::Analysis),
        JobKind::Document => serde_json::from_str(text).ok().map(JobResult::Document),
    }
}

/// What is sent to the job's callback.
#[must_use]
pub fn event(job: &jobs::Job) -> CallbackEvent {
    CallbackEvent {
        kind: format!("job.{}", job.status.as_str()),
        timestamp: instant_text(job.finished_at.unwrap_or(job.created_at)),
        data: Job {
            callback: None,
            ..told(job)
        },
    }
}

fn callback(job: &jobs::Job, url: String) -> Callback {
    let status = job.callback_status.unwrap_or(jobs::CallbackStatus::Waiting);
    let is_retrying = status == jobs::CallbackStatus::Retrying;
    Callback {
        url,
        status: callback_status(status),
        attempts: job.callback_attempt,
        last_attempt_at: job.callback_at.map(instant_text),
        next_attempt_at: job
            .callback_next_at
            .filter(|_| is_retrying)
            .map(|at| instant_text(instant_of(at))),
        http_status: job.callback_http_status,
        error: job.callback_error.clone(),
    }
}

fn status(status: jobs::JobStatus) -> JobStatus {
    match status {
        jobs::JobStatus::Queued => JobStatus::Queued,
        jobs::JobStatus::Running => JobStatus::Running,
        jobs::JobStatus::Succeeded => JobStatus::Succeeded,
        jobs::JobStatus::Failed => JobStatus::Failed,
        jobs::JobStatus::Cancelled => JobStatus::Cancelled,
    }
}

fn callback_status(status: jobs::CallbackStatus) -> CallbackStatus {
    match status {
        jobs::CallbackStatus::Waiting => CallbackStatus::Waiting,
        jobs::CallbackStatus::Due | jobs::CallbackStatus::Sending => CallbackStatus::Sending,
        jobs::CallbackStatus::Retrying => CallbackStatus::Retrying,
        jobs::CallbackStatus::Delivered => CallbackStatus::Delivered,
        jobs::CallbackStatus::Failed => CallbackStatus::Failed,
    }
}
