//! Mounting an endpoint: the route of its handler, and around it what every request gets.

use std::{fmt, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{Request, State},
    handler::Handler,
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse as _, Response},
    routing::{MethodFilter, on},
};
use futures::FutureExt as _;
use http::{HeaderMap, HeaderValue, header};
use lambent_schema::{Access, Cost, Dialect, Endpoint, Method, Operation};
use lambent_store::{CallerId, RequestRecord, Requests, Store, StoreConfig};
use time::OffsetDateTime;
use tokio::time::Instant;

use crate::{
    Admitted, Asking, Call, Failure, FromBody, Gate, Hold, Record, RequestId, ServiceConfig, Tariff, call,
    cors::cors_layer,
    headers::{COST, PROCESSING_MS, SERVER_TIMING},
    parsed::{PriceOf, Priced, Pricing},
    record::Outcome,
    request_id::REQUEST_ID,
    serve::StartError,
    stage::Stage,
    stream::Streams,
};

/// What every function is given in `main`: its configuration, the request log and what decides over callers. Cheap to clone.
#[derive(Clone)]
pub struct Service {
    config: Arc<ServiceConfig>,
    requests: Requests,
    gate: Option<Arc<dyn Gate>>,
    pricing: Option<Pricing>,
}

impl Service {
    /// A service with this configuration and request log.
    #[must_use]
    pub fn new(config: ServiceConfig, requests: Requests) -> Self {
        Self {
            config: Arc::new(config),
            requests,
            gate: None,
            pricing: None,
        }
    }

    /// The same, with this to decide over callers. Without one, endpoints that are not public answer nobody.
    #[must_use]
    pub fn guarded(self, gate: Arc<dyn Gate>) -> Self {
        Self {
            gate: Some(gate),
            ..self
        }
    }

    /// The same, for endpoints whose requests cost at most this. Without it, endpoints that spend answer nobody.
    #[must_use]
    pub fn priced(&self, tariff: Tariff) -> Self {
        Self {
            pricing: Some(Pricing::ByBytes(tariff)),
            ..self.clone()
        }
    }

    /// The same, where that depends on what the body says: it is read, and its caller decided over by `price`, which is also told the
    /// caller's own limit of output tokens. The handler takes the body as [`Parsed<T>`](crate::Parsed).
    #[must_use]
    pub fn priced_by_body<T: FromBody>(
        &self,
        price: impl Fn(&T, Option<u32>) -> u64 + Send + Sync + 'static,
    ) -> Self {
        Self {
            pricing: Some(Pricing::by_body(price)),
            ..self.clone()
        }
    }

    /// The record of work that is done for a caller and not for a request that waits for it; its end settles `hold`.
    #[must_use]
    pub fn work(&self, work: Work<'_>, hold: Option<Hold>) -> Record {
        let record = RequestRecord::started(
            work.id,
            work.function,
            work.route,
            work.caller.clone(),
            OffsetDateTime::now_utc(),
        );
        let record = Record::new(self.requests.clone(), record, self.config.memory_mb);
        record.admitted(work.caller, hold);
        record
    }

    /// What is configured.
    #[must_use]
    pub fn config(&self) -> &ServiceConfig {
        &self.config
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

/// Work that is done for a caller.
#[derive(Debug)]
pub struct Work<'a> {
    /// The id of its record.
    pub id: &'a str,
    /// The function that does it.
    pub function: &'a str,
    /// What it is: the route that asked for it, for example.
    pub route: &'a str,
    /// For whom.
    pub caller: CallerId,
}

/// A router with the one route of endpoint `E`, served by `handler`. Other methods are the gateway's affair.
///
/// Around the handler, outermost first: CORS; the request's id, deadline and record, which the handler can take as
/// [`Call`]; the decision over its caller, which it can take as [`Caller`](crate::Caller), where the contract asks for one; the guard that turns
/// a panic into a 500; the record's end, which settles what the request cost, and the log's line.
pub fn endpoint<E, H, T, S>(service: &Service, handler: H) -> Router<S>
where
    E: Endpoint,
    H: Handler<T, S>,
    T: 'static,
    S: Clone + Send + Sync + 'static,
{
    let mounted = Arc::new(Mounted {
        service: service.clone(),
        function: E::FUNCTION,
        route: Operation::of::<E>().route(),
        access: E::ACCESS,
        dialect: E::DIALECT,
        timeout: service
            .config
            .timeout
            .unwrap_or(Duration::from_secs(E::TIMEOUT_SECS.into())),
    });
    Router::new()
        .route(
            E::PATH,
            on(method_filter(E::METHOD), handler).layer(from_fn_with_state(mounted, frame)),
        )
        .layer(cors_layer(&service.config.cors_origins))
}

/// The method as routers take it.
#[must_use]
pub const fn method_filter(method: Method) -> MethodFilter {
    match method {
        Method::Get => MethodFilter::GET,
        Method::Post => MethodFilter::POST,
        Method::Delete => MethodFilter::DELETE,
    }
}

struct Mounted {
    service: Service,
    function: &'static str,
    route: String,
    access: Access,
    dialect: Dialect,
    timeout: Duration,
}

async fn frame(State(mounted): State<Arc<Mounted>>, mut request: Request, next: Next) -> Response {
    let id = RequestId::of(request.headers());
    let record = RequestRecord::started(
        id.as_str(),
        mounted.function,
        &mounted.route,
        CallerId::anonymous(),
        OffsetDateTime::now_utc(),
    );
    let call = Call {
        deadline: call::deadline(request.extensions(), mounted.timeout),
        record: Record::new(
            mounted.service.requests.clone(),
            record,
            mounted.service.config.memory_mb,
        ),
        heartbeat: mounted.service.config.heartbeat,
        id,
    };
    request.extensions_mut().insert(call.clone());
    // If the client leaves while the handler works, this future is dropped, and the record must still end.
    let guard = call.record.end_on_drop();
    let mut limits = None;
    let priced = mounted.price(&mut request).await;
    let began = Instant::now();
    let admitted = mounted.admit(request.headers(), priced.price, &call).await;
    if mounted.access.asks_for_a_caller() {
        call.record.stage(Stage::Auth, began.elapsed());
    }
    let mut response = match admitted {
        Err(failure) => failure.into_response(),
        Ok(admitted) => {
            if let Some(admitted) = admitted {
                call.record.admitted(admitted.caller.id.clone(), admitted.hold);
                request.extensions_mut().insert(admitted.caller);
                limits = admitted.limits;
            }
            match priced.unread {
                // Whoever is not known is not told what is wrong with the body.
                Some(failure) => failure.into_response(),
                None => {
                    let answered = AssertUnwindSafe(next.run(request)).catch_unwind().await;
                    answered.unwrap_or_else(|_panic| Failure::unexplained().into_response())
                }
            }
        }
    };
    let told = |headers: &mut HeaderMap| {
        headers.extend(limits.iter().flat_map(|limits| limits.headers(mounted.dialect)));
        headers.insert(REQUEST_ID, call.id.header());
        if mounted.dialect == Dialect::OpenAi {
            headers.insert(PROCESSING_MS, milliseconds(call.record.elapsed()).into());
        }
    };
    if response.extensions_mut().remove::<Streams>().is_some() {
        // The stream ends the record itself, when it ends.
        guard.disarm();
        told(response.headers_mut());
        // What is known by now: `done` says the rest.
        response
            .headers_mut()
            .extend(call.record.server_timing().map(|value| (SERVER_TIMING, value)));
        return response;
    }
    if mounted.access != Access::Public {
        // What a caller is told is for nobody else, whatever stands in between.
        response
            .headers_mut()
            .entry(header::CACHE_CONTROL)
            .or_insert(HeaderValue::from_static("no-store"));
    }
    let failure = response.extensions_mut().remove::<Failure>();
    let outcome = match &failure {
        Some(failure) => {
            failure.log();
            response = failure.response(mounted.dialect, &call.id);
            Outcome::Error(failure.problem().code.clone().into_owned())
        }
        None => Outcome::Done,
    };
    told(response.headers_mut());
    response
        .headers_mut()
        .insert(COST, cost_header(call.record.cost()));
    guard.disarm();
    // Once the answer is out, Lambda may freeze the process: the record goes first.
    let ended = call.record.finish(response.status().as_u16(), outcome);
    let _ = call.record.timed(Stage::Log, ended).await;
    response
        .headers_mut()
        .extend(call.record.server_timing().map(|value| (SERVER_TIMING, value)));
    response
}

impl Mounted {
    /// The most that the request can cost, where its endpoint spends and its function has said how much.
    async fn price(&self, request: &mut Request) -> Priced {
        match (self.access, &self.service.pricing) {
            (Access::Spender(_), Some(pricing)) => pricing.of(request).await,
            _ => Priced::default(),
        }
    }

    /// Has the gate decide, where the contract asks for a caller. Whatever is missing for that, the request does not go on.
    async fn admit(
        &self,
        headers: &HeaderMap,
        price: Option<PriceOf>,
        call: &Call,
    ) -> Result<Option<Admitted>, Failure> {
        if !self.access.asks_for_a_caller() {
            return Ok(None);
        }
        let gate = self
            .service
            .gate
            .as_ref()
            .ok_or_else(|| Failure::internal(NoGate))?;
        if matches!(self.access, Access::Spender(_)) && price.is_none() {
            return Err(Failure::internal(NoTariff));
        }
        let asking = Asking {
            headers,
            scope: self.access.scope(),
            price: price
                .as_ref()
                .map(|price| price as &(dyn Fn(Option<u32>) -> u64 + Sync)),
            until_ms: call::gone_by_ms(call.deadline),
        };
        gate.admit(asking).await.map(Some)
    }
}

/// An endpoint asks for a caller, and its function was given nothing that could decide.
#[derive(Debug, thiserror::Error)]
#[error("nothing decides over callers here: the service is not guarded")]
struct NoGate;

/// An endpoint spends, and its function did not say how much at most.
#[derive(Debug, thiserror::Error)]
#[error("nobody said what a request can cost: the service is not priced")]
struct NoTariff;

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn cost_header(cost: Cost) -> HeaderValue {
    let Cost { tokens, compute } = cost;
    HeaderValue::try_from(format!("tokens={tokens}, compute={compute}"))
        .unwrap_or_else(|_| HeaderValue::from_static(""))
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service")
            .field("config", &self.config)
            .field("gate", &self.gate)
            .finish_non_exhaustive()
    }
}
