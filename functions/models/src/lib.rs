//! `GET /v1/models` and `GET /v1/models/{model}`: which models callers may name.

use axum::{
    Json, Router,
    extract::{Path, State},
};
use lambent_llm::relay::ModelNames;
use lambent_schema::{
    Problem, ProblemCode,
    endpoints::openai::{Model, ModelGet, ModelList, ModelsList},
};
use lambent_service::{Failure, Service, endpoint};

/// The function's two routes.
pub fn router(service: &Service, names: ModelNames) -> Router {
    Router::new()
        .merge(endpoint::<ModelsList, _, _, _>(service, models_list))
        .merge(endpoint::<ModelGet, _, _, _>(service, models_get))
        .with_state(names)
}

async fn models_list(State(names): State<ModelNames>) -> Json<ModelList> {
    Json(ModelList::of(names.iter()))
}

async fn models_get(
    State(names): State<ModelNames>,
    Path(model): Path<String>,
) -> Result<Json<Model>, Failure> {
    match names.contains(&model) {
        true => Ok(Json(Model::named(&model))),
        false => Err(Failure::new(Problem::new(
            ProblemCode::ModelNotFound,
            "There is no model of this name. GET /v1/models lists those that there are.",
        ))),
    }
}
