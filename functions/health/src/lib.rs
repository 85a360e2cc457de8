//! `GET /health`: is the API there?

use axum::{Json, Router};
use lambent_schema::endpoints::health::{Health, HealthReply};
use lambent_service::{Service, endpoint};

/// The function's one route.
pub fn router(service: &Service) -> Router {
    endpoint::<Health, _, _, _>(service, health)
}

async fn health() -> Json<HealthReply> {
    Json(HealthReply::default())
}
