//! `POST /v1/chat/completions`: a chat of OpenAI's clients, passed on to the model that its name stands for.

mod body;
mod own;

use async_stream::stream;
use axum::{
    Router,
    extract::State,
    response::{IntoResponse as _, Response},
};
use futures::Stream;
use http::header;
use lambent_llm::{
    Tally, estimated_tokens,
    relay::{ChatModels, ChatTarget, Entry, Frame, Frames, Passing, Relay, RelayError, Target},
};
use lambent_schema::{Problem, ProblemCode, Violation, endpoints::openai::ChatCompletions};
use lambent_service::{
    Call, Caller, Failure, Parsed, Piece, Service, Stage, endpoint, headers::of_model, stream::relay,
};
use tokio::time::Instant;

use body::Body;

/// The function's one route.
pub fn router(service: &Service, models: ChatModels) -> Router {
    let priced = models.clone();
    let service = service.priced_by_body(move |body: &Body, most| {
        let output_tokens = body.output_tokens.into_iter().chain(most).min();
        let entry = priced.find(&body.model);
        // A name that stands for nothing costs nothing.
        entry.map_or(0, |entry| {
            entry.at_most(body.prompt_bytes, body.answers, output_tokens)
        })
    });
    endpoint::<ChatCompletions, _, _, _>(&service, chat_completions).with_state(models)
}

async fn chat_completions(
    State(models): State<ChatModels>,
    call: Call,
    caller: Caller,
    Parsed(body): Parsed<Body>,
) -> Result<Response, Failure> {
    let entry = models.find(&body.model).ok_or_else(no_such_model)?;
    if body.has_images && !entry.takes_images() {
        let rule = Violation::of(
            "messages",
            "This model takes text alone, and no images",
            "invalid_value",
        );
        return Err(Failure::new(Problem::invalid(vec![rule])));
    }
    call.record.start(entry.name(), body.messages());
    let asking = Asking {
        call: &call,
        body: &body,
        output_tokens: body
            .output_tokens
            .into_iter()
            .chain(caller.max_output_tokens)
            .min(),
        tally: Tally::new(call.record.clone()),
        began: Instant::now(),
    };
    let answered = asking.first_of(entry).await;
    if answered.is_err() {
        call.record.stage(Stage::Model, asking.began.elapsed());
    }
    answered
}

/// A request, on its way to one target or several.
struct Asking<'a> {
    call: &'a Call,
    body: &'a Body,
    /// The most tokens of an answer that the caller may have, and asks for.
    output_tokens: Option<u32>,
    tally: Tally,
    began: Instant,
}

impl Asking<'_> {
    /// The answer of the first target that begins to answer.
    async fn first_of(&self, entry: &Entry<ChatTarget>) -> Result<Response, Failure> {
        let mut chain = entry.chain(self.call.deadline);
        while let Some(target) = chain.next_target() {
            self.call.record.goes_on_with(target.label());
            match self.ask(target).await {
                Ok(answer) => return Ok(of_model(answer, target.label())),
                Err(failure) => chain.failed(failure)?,
            }
        }
        Err(no_such_model())
    }

    async fn ask(&self, target: &Target<ChatTarget>) -> Result<Response, Failure> {
        let output_tokens = target.bounded(self.output_tokens);
        match target.way() {
            ChatTarget::Relay(relay) => Ok(self.pass_on(relay, output_tokens).await?),
            ChatTarget::Own(models) => own::ask(self, models, output_tokens).await,
        }
    }

    async fn pass_on(&self, target: &Relay, output_tokens: u32) -> Result<Response, RelayError> {
        let passing = Passing {
            body: self.body.for_target(target, output_tokens),
            prompt_tokens: estimated_tokens(self.body.messages()),
            wants_usage: self.body.wants_usage,
            deadline: self.call.deadline,
        };
        if self.body.stream {
            let frames = target.stream(passing, self.tally.share()).await?;
            self.call.record.first_token();
            return Ok(relay(
                self.call.clone(),
                pieces(self.call.clone(), self.began, frames),
            ));
        }
        let answer = target.whole(passing, self.tally.share()).await?;
        self.call.record.first_token();
        self.call.record.stage(Stage::Model, self.began.elapsed());
        Ok(([(header::CONTENT_TYPE, "application/json")], answer).into_response())
    }
}

/// The answer as it comes.
fn pieces(
    call: Call,
    began: Instant,
    mut frames: Frames,
) -> impl Stream<Item = Result<Piece, Failure>> + Send {
    stream! {
        loop {
            match frames.next().await {
                Ok(Frame::Events(events)) => yield Ok(Piece::Next(events)),
                Ok(Frame::End(events)) => {
                    call.record.stage(Stage::Model, began.elapsed());
                    yield Ok(Piece::Last(events));
                    break;
                }
                Err(error) => {
                    call.record.stage(Stage::Model, began.elapsed());
                    yield Err(error.into());
                    break;
                }
            }
        }
    }
}

fn no_such_model() -> Failure {
    let detail = "There is no chat model of this name. GET /v1/models lists the names that there are.";
    Failure::new(Problem::new(ProblemCode::ModelNotFound, detail))
}
