//! The functions as the processes that are deployed, each behind its own Runtime API (`lambent dev --lambda`).

use std::{
    collections::BTreeSet,
    env, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use axum::{Router, body::to_bytes, extract::Request, response::Response, routing::on};
use lambent_callers::{CallersConfig, Pepper};
use lambent_llm::ModelConfig;
use lambent_runtime_api::{Function, FunctionConfig, Gateway, InvokeError, into_response, proxy_event};
use lambent_schema::{Operation, Problem, ProblemCode, background, operations};
use lambent_service::{ServiceConfig, method_filter};
use lambent_store::{Credentials, StoreConfig};

use super::{StartError, gateway};

/// The stage that events name; [`IGNORE_STAGE`] keeps it out of paths, as the template does.
const STAGE: &str = "v1";
const IGNORE_STAGE: &str = "AWS_LAMBDA_HTTP_IGNORE_STAGE_IN_PATH";
/// What a function may need of this environment.
const HANDED_ON: [&str; 11] = [
    "LAMBENT_OAUTH_AUTHORIZATION_URL",
    "LAMBENT_OAUTH_TOKEN_URL",
    "RUST_LOG",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTP_PROXY",
    "http_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "NO_PROXY",
    "no_proxy",
];
/// And where AWS itself is called.
const AWS_CREDENTIALS: [&str; 7] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
];

/// Every operation's route, to its function. Where a function's binary is in `folder` is for [`program`] to find.
pub(crate) fn router(
    folder: &Path,
    domain: String,
    variables: &[(String, String)],
    service: &ServiceConfig,
) -> Result<Router, StartError> {
    let gateway = Gateway {
        stage: STAGE.to_owned(),
        domain,
    };
    let mut functions: Vec<(&str, Function)> = Vec::new();
    let mut router = Router::new();
    for op in operations() {
        let function = match functions.iter().find(|(name, _)| *name == op.function) {
            Some((_, function)) => function.clone(),
            None => {
                let function = Function::new(FunctionConfig {
                    variables: variables.to_vec(),
                    timeout: service
                        .timeout
                        .unwrap_or(Duration::from_secs(op.timeout_secs.into())),
                    ..FunctionConfig::new(op.function, program(folder, op.function)?)
                });
                functions.push((op.function, function.clone()));
                function
            }
        };
        let (gateway, path) = (gateway.clone(), op.path);
        let handler = async move |request: Request| call(&function, &gateway, path, request).await;
        router = router.route(op.path, on(method_filter(op.method), handler));
    }
    Ok(router)
}

async fn call(function: &Function, gateway: &Gateway, resource: &str, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let answered = async {
        // It is here already: the gateway has read it, within its limit.
        let body = to_bytes(body, usize::MAX)
            .await
            .map_err(|error| InvokeError::Malformed(error.to_string()))?;
        let event = proxy_event(gateway, resource, &parts, &body);
        into_response(function.invoke(event.to_string()).await?).await
    };
    answered.await.unwrap_or_else(|error| {
        tracing::warn!(?function, %error, "an invocation failed");
        let problem = match error {
            InvokeError::EventTooLarge => Problem::new(
                ProblemCode::PayloadTooLarge,
                "The body is larger than a function can be given.",
            ),
            InvokeError::Timeout(_) => {
                Problem::new(ProblemCode::Timeout, "The function did not answer in time.")
            }
            _ => Problem::new(
                ProblemCode::Internal,
                "The function could not be called, or failed.",
            ),
        };
        gateway::refuse(&parts.uri, &parts.headers, problem)
    })
}

/// What the template tells functions, with the addresses of this machine.
pub fn variables(
    store: &StoreConfig,
    model: &ModelConfig,
    service: &ServiceConfig,
    callers: &CallersConfig,
) -> Vec<(String, String)> {
    let from_here = |name: &&str| Some(((*name).to_owned(), env::var(name).ok()?));
    let mut variables = vec![(IGNORE_STAGE.to_owned(), "true".to_owned())];
    variables.extend(HANDED_ON.iter().filter_map(from_here));
    if store.credentials == Credentials::Environment {
        variables.extend(AWS_CREDENTIALS.iter().filter_map(from_here));
    }
    let configured = store
        .variables()
        .into_iter()
        .chain(service.variables())
        .chain(callers.variables());
    // The model's last: where it is called with AWS credentials, they and their region count.
    let configured = configured.chain(model.variables());
    variables.extend(configured.map(|(name, value)| (name.to_owned(), value)));
    variables
}

/// Takes out what must not be written anywhere. The pepper of this machine's own database is in a file already.
pub(crate) fn remove_secrets(variables: &mut Vec<(String, String)>, is_own_pepper: bool) {
    variables.retain(|(name, _)| match name.as_str() {
        // The table may hold keys.
        "LAMBENT_MODEL_KEY" | "LAMBENT_EMBEDDING_KEY" | "LAMBENT_OPENAI_MODELS" => false,
        Pepper::VARIABLE | "LAMBENT_WEBHOOK_SECRETS" => is_own_pepper,
        name => !AWS_CREDENTIALS.contains(&name),
    });
}

/// The binary of a function in a folder that cargo, cargo-lambda or `sam build` has filled.
///
/// # Errors
/// There is none.
pub fn program(folder: &Path, function: &str) -> Result<PathBuf, StartError> {
    let logical_id: String = function
        .split('-')
        .map(|word| word[..1].to_uppercase() + &word[1..])
        .collect();
    let candidates = [
        folder.join(function),
        folder.join(function).join("bootstrap"),
        folder.join(format!("{logical_id}Function")).join("bootstrap"),
    ];
    let found = candidates.iter().find(|path| path.is_file());
    // A process that is started elsewhere than here needs the whole path.
    found
        .map(|path| path.canonicalize().unwrap_or_else(|_| path.clone()))
        .ok_or_else(|| StartError::NoBinary(function.to_owned(), folder.to_owned()))
}

/// Builds every function as it is released, and returns the folder. Cargo says on standard error what it does.
///
/// # Errors
/// There is no cargo here, or it failed.
pub fn build() -> Result<PathBuf, StartError> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let called = operations().into_iter().map(|op: Operation| op.function);
    let names: BTreeSet<_> = called
        .chain(background().iter().map(|function| function.function))
        .collect();
    let failed = |error: io::Error| StartError::Build(error.to_string());
    for name in names {
        // One at a time, so that none gets features that only another one asks for.
        let status = Command::new(&cargo)
            .args(["build", "--release", "--package", name])
            .stdin(Stdio::null())
            .status()
            .map_err(failed)?;
        if !status.success() {
            return Err(StartError::Build(status.to_string()));
        }
    }
    let metadata = Command::new(&cargo)
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .stderr(Stdio::inherit())
        .output()
        .map_err(failed)?;
    let metadata: serde_json::Value =
        serde_json::from_slice(&metadata.stdout).map_err(|error| StartError::Build(error.to_string()))?;
    let target = metadata["target_directory"].as_str().unwrap_or("target");
    Ok(Path::new(target).join("release"))
}
