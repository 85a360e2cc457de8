//! `POST /analyse`: a document in, a structured analysis out.

use axum::{Json, Router, extract::State};
use lambent_analysis::{Draft, Task};
use lambent_llm::{Models, cost_micro_dollars};
use lambent_schema::endpoints::analysis::{Analyse, Analysis, AnalysisRequest};
use lambent_service::{Call, Failure, Service, Valid, endpoint};

/// The function's one route.
pub fn router(service: &Service, models: Models) -> Router {
    endpoint::<Analyse, _, _, _>(service, analyse).with_state(models)
}

async fn analyse(
    State(models): State<Models>,
    call: Call,
    Valid(request): Valid<AnalysisRequest>,
) -> Result<Json<Analysis>, Failure> {
    let task = Task::new(request).map_err(Failure::internal)?;
    call.record.start(models.model(), task.text());
    let answered = models
        .structured::<Draft>(&task.prompt(), task.reply(), call.deadline)
        .await;
    let usage = answered
        .as_ref()
        .map_or_else(|error| error.usage, |answer| answer.usage);
    call.record
        .usage(usage, cost_micro_dollars(models.model(), usage));
    let answer = answered?;
    call.record.first_token_at(answer.first_token_at);
    call.record.attempts(answer.attempts);
    Ok(Json(task.analysis(
        answer.value,
        models.model(),
        answer.usage,
        call.id.as_str(),
    )))
}
