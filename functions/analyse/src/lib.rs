//! `POST /analyse`: a document in, a structured analysis out; or a job, for those who would rather not wait.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, HeaderValue};
use lambent_analysis::{Draft, Task, at_most};
use lambent_jobs::{Accepting, Wanted, accept, prefers_async};
use lambent_llm::{Models, Pricing};
use lambent_schema::endpoints::{
    analysis::{Analyse, Analysis, AnalysisRequest},
    jobs::JobRequest,
};
use lambent_service::{Call, Caller, Failure, Service, Tariff, Valid, endpoint, headers::PREFERENCE_APPLIED};
use lambent_store::jobs::Jobs;

/// The function's one route.
pub fn router(service: &Service, models: Models, jobs: Jobs) -> Router {
    let service = service.priced(tariff(models.pricing()));
    endpoint::<Analyse, _, _, _>(&service, analyse).with_state((models, jobs))
}

/// An answer, and its repairs.
fn tariff(pricing: Pricing) -> Tariff {
    Arc::new(move |body_bytes, max_output_tokens| at_most(pricing, body_bytes, max_output_tokens))
}

async fn analyse(
    State((models, jobs)): State<(Models, Jobs)>,
    headers: HeaderMap,
    call: Call,
    caller: Caller,
    Valid(analysis): Valid<AnalysisRequest>,
) -> Result<Response, Failure> {
    if !prefers_async(&headers) {
        return Ok(Json(now(&models, &call, &caller, analysis).await?).into_response());
    }
    let request = JobRequest {
        analysis,
        callback_url: None,
    };
    let accepting = Accepting {
        call: &call,
        caller: &caller,
        headers: &headers,
        wanted: Wanted::Analysis(&request),
    };
    let mut response = accept::<Analyse>(&jobs, accepting).await?;
    let applied = HeaderValue::from_static("respond-async");
    response.headers_mut().insert(PREFERENCE_APPLIED, applied);
    Ok(response)
}

async fn now(
    models: &Models,
    call: &Call,
    caller: &Caller,
    request: AnalysisRequest,
) -> Result<Analysis, Failure> {
    let task = Task::new(request).map_err(Failure::internal)?;
    let models = models.metered(call.record.clone(), caller.max_output_tokens);
    call.record.start(models.model(), task.text());
    let answer = models
        .structured::<Draft>(&task.prompt(), task.reply(), call.deadline)
        .await?;
    call.record.first_token_at(answer.first_token_at);
    call.record.attempts(answer.attempts);
    Ok(task.analysis(answer.value, models.model(), answer.usage, call.id.as_str()))
}
