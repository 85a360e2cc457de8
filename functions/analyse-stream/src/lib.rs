//! `POST /analyse/stream`: a document in, the analysis as the model writes it.

use std::sync::Arc;

use async_stream::stream;
use axum::{Router, extract::State, response::Response};
use futures::{Stream, StreamExt as _};
use http::HeaderMap;
use lambent_analysis::{PROMPT_BYTES, Task};
use lambent_llm::{Chunk, CompletionStream, Finish, Models, Pricing};
use lambent_schema::{
    Problem, ProblemCode, Usage,
    endpoints::analysis::{AnalyseStream, AnalysisRequest, OutputFormat},
    stream::Done,
};
use lambent_service::{Call, Caller, Failure, Form, Service, Step, Tariff, Valid, endpoint, stream::respond};

/// The function's one route.
pub fn router(service: &Service, models: Models) -> Router {
    let service = service.priced(tariff(models.pricing()));
    endpoint::<AnalyseStream, _, _, _>(&service, analyse_stream).with_state(models)
}

/// One answer: what has been sent is not repaired.
fn tariff(pricing: Pricing) -> Tariff {
    Arc::new(move |body_bytes, max_output_tokens| {
        pricing.at_most(body_bytes + PROMPT_BYTES, 1, max_output_tokens)
    })
}

async fn analyse_stream(
    State(models): State<Models>,
    headers: HeaderMap,
    call: Call,
    caller: Caller,
    Valid(request): Valid<AnalysisRequest>,
) -> Result<Response, Failure> {
    let task = Task::new(request).map_err(Failure::internal)?;
    let models = models.metered(call.record.clone(), caller.max_output_tokens);
    call.record.start(models.model(), task.text());
    let (prompt, form_of_reply) = task.streamed();
    // Resolves with the first token: what fails before it still has its own status.
    let chunks = models.stream(&prompt, form_of_reply, call.deadline).await?;
    call.record.first_token();
    Ok(respond(
        call.clone(),
        Form::asked_for(&headers),
        steps(call, models, task, chunks),
    ))
}

/// The steps of the answer: the model's pieces as they come, then what `done` says.
fn steps(
    call: Call,
    models: Models,
    task: Task,
    mut chunks: CompletionStream,
) -> impl Stream<Item = Result<Step<Done>, Failure>> + Send {
    stream! {
        let mut text = String::new();
        while let Some(chunk) = chunks.next().await {
            match chunk {
                Ok(Chunk::Delta(piece)) => {
                    text.push_str(&piece);
                    yield Ok(Step::Delta(piece));
                }
                Ok(Chunk::End { usage, finish }) => {
                    yield done(&call, models.model(), &task, &text, usage, finish).map(Step::Done);
                }
                Err(error) => yield Err(error.into()),
            }
        }
    }
}

/// What `done` says: with JSON, the analysis that the pieces make. What has been sent cannot be repaired.
fn done(
    call: &Call,
    model: &str,
    task: &Task,
    text: &str,
    usage: Usage,
    finish: Finish,
) -> Result<Done, Failure> {
    let request_id = call.id.as_str();
    let analysis = match task.output_format() {
        OutputFormat::Markdown => None,
        OutputFormat::Json => {
            let draft = task.reply().parse(text).map_err(|_violations| not_usable())?;
            Some(task.analysis(draft, model, usage, request_id))
        }
    };
    Ok(Done {
        request_id: request_id.to_owned(),
        model: model.to_owned(),
        usage,
        cost: call.record.cost(),
        finish_reason: finish.into(),
        analysis,
    })
}

fn not_usable() -> Failure {
    let detail =
        "The model's answer does not have the form that was asked for. `POST /analyse` repairs such answers.";
    Failure::new(Problem::new(ProblemCode::ModelReplyInvalid, detail))
}
