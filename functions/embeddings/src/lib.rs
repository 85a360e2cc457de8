//! `POST /v1/embeddings`: texts of OpenAI's clients, passed on to the model that its name stands for.

mod body;
mod own;
mod reply;

use axum::{
    Router,
    extract::State,
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use http::header;
use lambent_llm::{
    Tally, estimated_tokens,
    relay::{EmbeddingModels, EmbeddingTarget, Passing},
};
use lambent_schema::{Problem, ProblemCode, endpoints::openai::Embeddings};
use lambent_service::{Call, Failure, Parsed, Service, Stage, endpoint, headers::of_model};

use body::Body;

/// The function's one route.
pub fn router(service: &Service, models: EmbeddingModels) -> Router {
    let priced = models.clone();
    let service = service.priced_by_body(move |body: &Body, _| {
        let entry = priced.find(&body.model);
        // A name that stands for nothing costs nothing.
        entry.map_or(0, |entry| entry.at_most(body.bytes, 0, None))
    });
    endpoint::<Embeddings, _, _, _>(&service, embeddings).with_state(models)
}

async fn embeddings(
    State(models): State<EmbeddingModels>,
    call: Call,
    Parsed(body): Parsed<Body>,
) -> Result<Response, Failure> {
    let entry = models.find(&body.model).ok_or_else(no_such_model)?;
    call.record.start(entry.name(), body.input());
    let tally = Tally::new(call.record.clone());
    let mut chain = entry.chain(call.deadline);
    while let Some(target) = chain.next_target() {
        call.record.goes_on_with(target.label());
        let asked = ask(&call, &tally, &body, target.way());
        match call.record.timed(Stage::Embed, asked).await {
            Ok(answer) => {
                let answer = ([(header::CONTENT_TYPE, "application/json")], answer).into_response();
                return Ok(of_model(answer, target.label()));
            }
            Err(failure) => chain.failed(failure)?,
        }
    }
    Err(no_such_model())
}

async fn ask(call: &Call, tally: &Tally, body: &Body, target: &EmbeddingTarget) -> Result<Bytes, Failure> {
    match target {
        EmbeddingTarget::Own(embedder) => {
            let embedder = embedder.metered(tally.share());
            own::ask(call, body, &embedder).await
        }
        EmbeddingTarget::Relay(relay) => {
            let passing = Passing {
                body: body.for_target(relay),
                prompt_tokens: estimated_tokens(body.input()),
                wants_usage: false,
                deadline: call.deadline,
            };
            let answer = relay.embeddings(passing, tally.share()).await?;
            reply::encoded(answer, body.encoding)
        }
    }
}

fn no_such_model() -> Failure {
    let detail = "There is no embedding model of this name. GET /v1/models lists the names that there are.";
    Failure::new(Problem::new(ProblemCode::ModelNotFound, detail))
}
