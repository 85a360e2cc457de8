//! The answer in one piece.

use axum::Json;
use lambent_answers::{Verified, verified};
use lambent_schema::{
    endpoints::ask::{Answer, NOTHING_FOUND, Source},
    stream::FinishReason,
};
use lambent_service::{Call, Failure, Stage};
use tokio::time::Instant;

use crate::Asked;

/// Asks, waits, and verifies.
pub(crate) async fn answer(call: &Call, asked: Asked) -> Result<Json<Answer>, Failure> {
    let Some((models, prompt)) = &asked.model else {
        return Ok(Json(nothing_found(call)));
    };
    let completing = models.complete(prompt, call.deadline);
    let completion = call.record.timed(Stage::Model, completing).await?;
    call.record.first_token_at(completion.first_token_at);
    let Verified {
        text,
        citations,
        grounded,
        invented,
    } = verify(call, &completion.text, &asked.sources, &asked.question);
    Ok(Json(Answer {
        answer: text,
        grounded,
        citations,
        invented_citations: invented,
        finish_reason: completion.finish.into(),
        sources: asked.sources,
        model: Some(models.model().to_owned()),
        usage: call.record.usage(),
        request_id: call.id.as_str().to_owned(),
    }))
}

fn nothing_found(call: &Call) -> Answer {
    Answer {
        answer: NOTHING_FOUND.to_owned(),
        grounded: false,
        citations: Vec::new(),
        invented_citations: 0,
        finish_reason: FinishReason::Stop,
        sources: Vec::new(),
        model: None,
        usage: call.record.usage(),
        request_id: call.id.as_str().to_owned(),
    }
}

/// The citations that hold, as a stage of the request.
pub(crate) fn verify(call: &Call, text: &str, sources: &[Source], question: &str) -> Verified {
    let began = Instant::now();
    let verified = verified(text, sources, question);
    call.record.stage(Stage::Parse, began.elapsed());
    verified
}
