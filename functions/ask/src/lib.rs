//! `POST /ask`: a question in, an answer from the caller's documents out.

mod answer;
mod stream;

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::HeaderMap;
use lambent_answers::{Bounds, at_most, looked_for, prompt, sources};
use lambent_llm::{EmbeddingPricing, Models, Pricing, Prompt, Tally};
use lambent_retrieval::{Library, Query, Wanted};
use lambent_schema::endpoints::ask::{Ask, AskRequest, Source};
use lambent_service::{Call, Caller, Failure, Service, Tariff, Valid, endpoint, wants_events};

/// The function's one route.
pub fn router(service: &Service, models: Models, library: Library) -> Router {
    let service = service.priced(tariff(library.embedder.pricing(), models.pricing()));
    endpoint::<Ask, _, _, _>(&service, ask).with_state((models, library))
}

/// The question embedded, and one answer.
fn tariff(embedding: EmbeddingPricing, model: Pricing) -> Tariff {
    Arc::new(move |body_bytes, max_output_tokens| at_most(embedding, model, body_bytes, max_output_tokens))
}

async fn ask(
    State((models, library)): State<(Models, Library)>,
    headers: HeaderMap,
    call: Call,
    caller: Caller,
    Valid(request): Valid<AskRequest>,
) -> Result<Response, Failure> {
    let asked = find(&models, &library, &call, &caller, request).await?;
    if wants_events(&headers) {
        return stream::answer(&call, asked).await;
    }
    Ok(answer::answer(&call, asked).await?.into_response())
}

/// A question, and what was found to answer it from.
struct Asked {
    question: String,
    sources: Vec<Source>,
    /// What to ask which model; `None` where nothing was found.
    model: Option<(Models, Prompt)>,
}

/// Finds what to answer from.
///
/// This comes after the decision over the caller, although an embedding and that decision know nothing of each other, and together
/// would take no longer than the slower one: it would have anybody spend money, known or not. Only what costs nothing
/// overlaps: the first write of the record is under way meanwhile.
async fn find(
    models: &Models,
    library: &Library,
    call: &Call,
    caller: &Caller,
    request: AskRequest,
) -> Result<Asked, Failure> {
    let tally = Tally::new(call.record.clone());
    call.record.start(library.embedder.model(), &request.question);
    let wanted = Wanted {
        query: Query::Text(&looked_for(&request)),
        top_k: request.top_k,
        filter: &request.filter,
        min_score: request.min_score,
    };
    let found = library.find(call, &caller.id, tally.share(), wanted).await?;
    let most = caller
        .max_output_tokens
        .into_iter()
        .chain(request.max_output_tokens);
    let models = models.metered(tally.share(), most.min());
    let bounds = Bounds {
        context_tokens: models.context_tokens(),
        max_output_tokens: models.max_output_tokens(),
    };
    let sources = sources(&request, found.hits, bounds);
    let model = (!sources.is_empty()).then(|| {
        call.record.goes_on_with(models.model());
        (models, prompt(&request, &sources))
    });
    Ok(Asked {
        question: request.question,
        sources,
        model,
    })
}
