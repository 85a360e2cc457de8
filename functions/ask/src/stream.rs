//! The answer as the model writes it: `sources`, `delta`s, and `done`, which has the citations.

use async_stream::stream;
use axum::response::Response;
use futures::{Stream, StreamExt as _};
use lambent_answers::Verified;
use lambent_llm::{Chunk, CompletionStream, Finish};
use lambent_schema::{
    endpoints::ask::{Answered, NOTHING_FOUND, Source, Sources},
    stream::FinishReason,
};
use lambent_service::{Call, Failure, Form, Stage, Step, stream::respond};
use tokio::time::Instant;

use crate::{Asked, answer::verify};

/// Answers with events. Those of an answer begin once its first token is here, so that what fails before still has its own status.
pub(crate) async fn answer(call: &Call, asked: Asked) -> Result<Response, Failure> {
    let Some((models, prompt)) = &asked.model else {
        return Ok(respond(call.clone(), Form::Events, nothing_found(call.clone())));
    };
    let began = Instant::now();
    let chunks = match models.stream(prompt, None, call.deadline).await {
        Ok(chunks) => chunks,
        Err(error) => {
            call.record.stage(Stage::Model, began.elapsed());
            return Err(error.into());
        }
    };
    call.record.first_token();
    Ok(respond(
        call.clone(),
        Form::Events,
        steps(call.clone(), asked, began, chunks),
    ))
}

/// The steps of an answer that the model began to be asked for at `began`.
fn steps(
    call: Call,
    asked: Asked,
    began: Instant,
    mut chunks: CompletionStream,
) -> impl Stream<Item = Result<Step<Answered>, Failure>> + Send {
    stream! {
        yield sources(asked.sources.clone());
        let mut text = String::new();
        while let Some(chunk) = chunks.next().await {
            match chunk {
                Ok(Chunk::Delta(piece)) => {
                    text.push_str(&piece);
                    yield Ok(Step::Delta(piece));
                }
                Ok(Chunk::End { finish, .. }) => {
                    call.record.stage(Stage::Model, began.elapsed());
                    yield Ok(Step::Done(done(&call, &asked, &text, finish)));
                }
                Err(error) => {
                    call.record.stage(Stage::Model, began.elapsed());
                    yield Err(error.into());
                }
            }
        }
    }
}

fn sources(sources: Vec<Source>) -> Result<Step<Answered>, Failure> {
    let data = serde_json::to_value(Sources { sources }).map_err(Failure::internal)?;
    Ok(Step::Event("sources", data))
}

fn done(call: &Call, asked: &Asked, text: &str, finish: Finish) -> Answered {
    let verified = verify(call, text, &asked.sources, &asked.question);
    let model = asked.model.as_ref().map(|(models, _)| models.model().to_owned());
    answered(call, verified, model, finish.into())
}

/// What `done` says, with what the request has taken until now.
fn answered(call: &Call, verified: Verified, model: Option<String>, finish_reason: FinishReason) -> Answered {
    Answered {
        grounded: verified.grounded,
        citations: verified.citations,
        invented_citations: verified.invented,
        model,
        usage: call.record.usage(),
        cost: call.record.cost(),
        finish_reason,
        timings: call.record.timings(),
        request_id: call.id.as_str().to_owned(),
    }
}

/// The steps where there is nothing to answer from.
fn nothing_found(call: Call) -> impl Stream<Item = Result<Step<Answered>, Failure>> + Send {
    let nothing = Verified {
        text: String::new(),
        citations: Vec::new(),
        grounded: false,
        invented: 0,
    };
    let done = answered(&call, nothing, None, FinishReason::Stop);
    futures::stream::iter([
        sources(Vec::new()),
        Ok(Step::Delta(NOTHING_FOUND.to_owned())),
        Ok(Step::Done(done)),
    ])
}
