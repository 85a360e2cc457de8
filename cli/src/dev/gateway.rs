//! The HTTP server in front of the functions: API Gateway's part, with its rules.
//!
//! | rule | here | API Gateway |
//! |---|---|---|
//! | body | read whole before the function sees it, at most 10 MB | the same |
//! | unknown path | 404 as a problem; below `/v1` in OpenAI's dialect | 404 as a problem, by the template's gateway responses |
//! | known path, other method | 405 likewise | 404 as a problem: it does not tell these apart |
//! | streamed answers | piece by piece | the same |

use std::time::Duration;

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{self, HeaderMap, StatusCode, Uri},
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse as _, Response},
    serve::ListenerExt as _,
};
use http_body_util::{BodyExt as _, Limited};
use lambent_callbacks::{CallbackConfig, Signer};
use lambent_llm::{
    Models,
    relay::{ChatModels, EmbeddingModels, ModelNames},
};
use lambent_retrieval::Library;
use lambent_schema::{Dialect, Problem, ProblemCode};
use lambent_service::{Failure, RequestId, Service, ServiceConfig, cors_layer};
use lambent_store::{Conversations, Webhooks, jobs::Jobs};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use webhooks::Secrets;

/// API Gateway's limit on a request's body, in bytes.
const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;
/// How long requests under way may go on after the server was told to stop.
const GRACE: Duration = Duration::from_secs(3);

/// What functions in this process are given.
pub(crate) struct Here {
    pub(crate) service: Service,
    pub(crate) models: Models,
    pub(crate) jobs: Jobs,
    pub(crate) library: Library,
    pub(crate) signer: Signer,
    pub(crate) callbacks: CallbackConfig,
    pub(crate) webhooks: Webhooks,
    pub(crate) secrets: Secrets,
    pub(crate) oauth: Option<docs::OAuth>,
    pub(crate) chat: ChatModels,
    pub(crate) embeddings: EmbeddingModels,
    pub(crate) conversations: Conversations,
    pub(crate) socket_url: String,
}

/// Every function's router.
pub(crate) fn here(here: Here) -> Router {
    let Here {
        service,
        models,
        jobs,
        library,
        signer,
        callbacks,
        webhooks,
        secrets,
        oauth,
        chat,
        embeddings,
        conversations,
        socket_url,
    } = here;
    let names = ModelNames::of(&chat, &embeddings);
    let pricing = models.pricing();
    Router::new()
        .merge(analyse::router(&service, models.clone(), jobs.clone()))
        .merge(analyse_stream::router(&service, models.clone()))
        .merge(ask::router(&service, models, library.clone()))
        .merge(search::router(&service, library.clone()))
        .merge(documents::router(&service, library, jobs.clone()))
        .merge(jobs_create::router(&service, jobs.clone(), pricing, callbacks))
        .merge(jobs_get::router(&service, jobs, signer))
        .merge(webhooks::router(&service, webhooks, secrets))
        .merge(chat_completions::router(&service, chat))
        .merge(embeddings::router(&service, embeddings))
        .merge(models::router(&service, names))
        .merge(chat_tickets::router(&service, conversations, socket_url))
        .merge(health::router(&service))
        .merge(docs::router(&service, oauth))
}

/// The functions, behind the gateway's rules.
pub(crate) fn router(functions: Router, service: &ServiceConfig) -> Router {
    functions
        .method_not_allowed_fallback(other_method)
        .layer(from_fn_with_state(preflights(service), answer_preflight))
        .fallback(async |uri: Uri, headers: HeaderMap| {
            let problem = Problem::new(ProblemCode::NotFound, "There is nothing at this path.");
            refuse(&uri, &headers, problem)
        })
        .layer(from_fn(read_whole))
}

/// The gateway answers preflights; answers get their headers from the function.
fn preflights(service: &ServiceConfig) -> Router {
    Router::new()
        .fallback(async || StatusCode::OK)
        .layer(cors_layer(&service.cors_origins))
}

async fn answer_preflight(State(preflights): State<Router>, request: Request, next: Next) -> Response {
    let is_preflight = request.method() == http::Method::OPTIONS
        && request
            .headers()
            .contains_key(http::header::ACCESS_CONTROL_REQUEST_METHOD);
    if is_preflight {
        preflights.oneshot(request).await.into_response()
    } else {
        next.run(request).await
    }
}

/// What a path of the API answers to other methods than its own.
async fn other_method(uri: Uri, headers: HeaderMap) -> Response {
    let problem = Problem::new(
        ProblemCode::MethodNotAllowed,
        "This path does not take this method.",
    );
    refuse(&uri, &headers, problem)
}

/// Serves until told to stop, and then until requests under way have ended or [`GRACE`] is over.
pub(crate) async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) {
    let listener = listener.tap_io(|connection| {
        // A token should not wait for the next one to fill a packet.
        if let Err(error) = connection.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY");
        }
    });
    let served = axum::serve(listener, router).with_graceful_shutdown(stop.clone().cancelled_owned());
    let overdue = async {
        stop.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        served = served => if let Err(error) = served {
            tracing::error!(%error, "the server stopped");
        },
        () = overdue => {}
    }
}

/// Reads the body before the function is called, as API Gateway does.
async fn read_whole(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    match Limited::new(body, MAX_BODY_BYTES).collect().await {
        Ok(body) => {
            next.run(Request::from_parts(parts, Body::from(body.to_bytes())))
                .await
        }
        Err(_) => {
            let detail = format!("The body may have at most {MAX_BODY_BYTES} bytes.");
            let problem = Problem::new(ProblemCode::PayloadTooLarge, detail);
            refuse(&parts.uri, &parts.headers, problem)
        }
    }
}

/// A problem of the gateway's own, in the dialect of what stands there.
pub(crate) fn refuse(uri: &Uri, headers: &HeaderMap, problem: Problem) -> Response {
    Failure::new(problem).response(Dialect::of_path(uri.path()), &RequestId::of(headers))
}
