//! `POST /analyse`: a document in, a structured analysis out.

use std::sync::Arc;

use axum::{Json, Router, extract::State};
use lambent_analysis::{Draft, PROMPT_BYTES, Task};
use lambent_llm::{Models, Pricing};
use lambent_schema::endpoints::analysis::{Analyse, Analysis, AnalysisRequest};
use lambent_service::{Call, Caller, Failure, Service, Tariff, Valid, endpoint};

/// The function's one route.
pub fn router(service: &Service, models: Models) -> Router {
    let service = service.priced(tariff(models.pricing()));
    endpoint::<Analyse, _, _, _>(&service, analyse).with_state(models)
}

/// An answer, and its repairs.
fn tariff(pricing: Pricing) -> Tariff {
    Arc::new(move |body_bytes, max_output_tokens| {
        pricing.at_most(
            body_bytes + PROMPT_BYTES,
            pricing.max_answers(),
            max_output_tokens,
        )
    })
}

async fn analyse(
    State(models): State<Models>,
    call: Call,
    caller: Caller,
    Valid(request): Valid<AnalysisRequest>,
) -> Result<Json<Analysis>, Failure> {
    let task = Task::new(request).map_err(Failure::internal)?;
    let models = models.metered(call.record.clone(), caller.max_output_tokens);
    call.record.start(models.model(), task.text());
    let answer = models
        .structured::<Draft>(&task.prompt(), task.reply(), call.deadline)
        .await?;
    call.record.first_token_at(answer.first_token_at);
    call.record.attempts(answer.attempts);
    Ok(Json(task.analysis(
        answer.value,
        models.model(),
        answer.usage,
        call.id.as_str(),
    )))
}
