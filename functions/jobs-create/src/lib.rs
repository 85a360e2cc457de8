//! `POST /analyse/async`: a document in, an analysis later.

use std::sync::Arc;

use axum::{Router, extract::State, response::Response};
use http::HeaderMap;
use lambent_analysis::at_most;
use lambent_callbacks::{CallbackConfig, UrlProblem};
use lambent_jobs::{Accepting, Wanted, accept};
use lambent_llm::Pricing;
use lambent_schema::{
    Problem, Violation,
    endpoints::jobs::{JobRequest, JobsCreate},
};
use lambent_service::{Call, Caller, Failure, Service, Tariff, Valid, endpoint};
use lambent_store::jobs::Jobs;

/// The function's one route. `pricing` is that of the model that will do the jobs, `callbacks` say which servers may be called back.
pub fn router(service: &Service, jobs: Jobs, pricing: Pricing, callbacks: CallbackConfig) -> Router {
    let service = service.priced(tariff(pricing));
    endpoint::<JobsCreate, _, _, _>(&service, jobs_create).with_state((jobs, Arc::new(callbacks)))
}

/// What the job can cost: its caller has to be able to pay for it now. It is charged when it is done.
fn tariff(pricing: Pricing) -> Tariff {
    Arc::new(move |body_bytes, max_output_tokens| at_most(pricing, body_bytes, max_output_tokens))
}

async fn jobs_create(
    State((jobs, callbacks)): State<(Jobs, Arc<CallbackConfig>)>,
    headers: HeaderMap,
    call: Call,
    caller: Caller,
    Valid(request): Valid<JobRequest>,
) -> Result<Response, Failure> {
    if let Some(url) = &request.callback_url {
        callbacks.check(url).map_err(|problem| not_a_callback(&problem))?;
    }
    let accepting = Accepting {
        call: &call,
        caller: &caller,
        headers: &headers,
        wanted: Wanted::Analysis(&request),
    };
    accept::<JobsCreate>(&jobs, accepting).await
}

fn not_a_callback(problem: &UrlProblem) -> Failure {
    Failure::new(Problem::invalid(vec![Violation {
        pointer: "/callback_url".to_owned(),
        detail: problem.to_string(),
        code: problem.code().into(),
    }]))
}
