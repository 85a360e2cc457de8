//! Mounting an endpoint: the route of its handler, and around it what every request gets.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{Request, State},
    handler::Handler,
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse as _, Response},
    routing::{MethodFilter, on},
};
use futures::FutureExt as _;
use http::HeaderMap;
use lambent_schema::{Endpoint, Method, Operation, Problem, ProblemCode};
use lambent_store::{RequestRecord, Requests, Store, StoreConfig};
use time::OffsetDateTime;

use crate::{
    Call, Failure, Record, RequestId, ServiceConfig, call, cors::cors_layer, record::Outcome,
    request_id::REQUEST_ID, serve::StartError, stream::Streams,
};

/// Who calls where nobody has to say who they are.
const ANONYMOUS: &str = "anonymous";

/// What every function is given in `main`: its configuration and the request log. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Service {
    config: Arc<ServiceConfig>,
    requests: Requests,
}

impl Service {
    /// A service with this configuration and request log.
    #[must_use]
    pub fn new(config: ServiceConfig, requests: Requests) -> Self {
        Self {
            config: Arc::new(config),
            requests,
        }
    }

    /// A service as the process environment configures it. No I/O: the first request opens the connection.
    ///
    /// # Errors
    /// Names the variable that is missing or malformed, and what it should hold.
    pub fn from_env() -> Result<Self, StartError> {
        let store = Store::connect(&StoreConfig::from_env()?);
        Ok(Self::new(ServiceConfig::from_env()?, store.requests()))
    }
}

/// A router with the one route of endpoint `E`, served by `handler`.
///
/// Around the handler, outermost first: CORS; the request's id, deadline and record, which the handler can take as
/// [`Call`]; the guard that turns a panic into a 500; the record's end and the log's line.
pub fn endpoint<E, H, T, S>(service: &Service, handler: H) -> Router<S>
where
    E: Endpoint,
    H: Handler<T, S>,
    T: 'static,
    S: Clone + Send + Sync + 'static,
{
    let method = match E::METHOD {
        Method::Get => MethodFilter::GET,
        Method::Post => MethodFilter::POST,
    };
    let mounted = Arc::new(Mounted {
        service: service.clone(),
        function: E::FUNCTION,
        route: Operation::of::<E>().route(),
        timeout: service
            .config
            .timeout
            .unwrap_or(Duration::from_secs(E::TIMEOUT_SECS.into())),
    });
    Router::new()
        .route(
            E::PATH,
            on(method, handler)
                .layer(from_fn_with_state(mounted, frame))
                .fallback(other_method),
        )
        .layer(cors_layer(&service.config.cors_origins))
}

/// Behind API Gateway other methods never come here.
async fn other_method(headers: HeaderMap) -> Response {
    let problem = Problem::new(
        ProblemCode::MethodNotAllowed,
        "This path does not take this method.",
    );
    Failure::new(problem).response(&RequestId::of(&headers))
}

struct Mounted {
    service: Service,
    function: &'static str,
    route: String,
    timeout: Duration,
}

async fn frame(State(mounted): State<Arc<Mounted>>, mut request: Request, next: Next) -> Response {
    let id = RequestId::of(request.headers());
    let record = RequestRecord::started(
        id.as_str(),
        mounted.function,
        &mounted.route,
        ANONYMOUS,
        OffsetDateTime::now_utc(),
    );
    let call = Call {
        deadline: call::deadline(request.extensions(), mounted.timeout),
        record: Record::new(mounted.service.requests.clone(), record),
        heartbeat: mounted.service.config.heartbeat,
        id,
    };
    request.extensions_mut().insert(call.clone());
    // If the client leaves while the handler works, this future is dropped, and the record must still end.
    let guard = call.record.end_on_drop();
    let answered = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    let mut response = answered.unwrap_or_else(|_panic| Failure::unexplained().into_response());
    if response.extensions_mut().remove::<Streams>().is_some() {
        // The stream ends the record itself, when it ends.
        guard.disarm();
        response.headers_mut().insert(REQUEST_ID, call.id.header());
        return response;
    }
    let failure = response.extensions_mut().remove::<Failure>();
    let outcome = match &failure {
        Some(failure) => {
            failure.log();
            response = failure.response(&call.id);
            Outcome::Error(failure.problem().code.clone().into_owned())
        }
        None => Outcome::Done,
    };
    response.headers_mut().insert(REQUEST_ID, call.id.header());
    guard.disarm();
    // Once the answer is out, Lambda may freeze the process: the record goes first.
    let _ = call.record.finish(response.status().as_u16(), outcome).await;
    response
}
