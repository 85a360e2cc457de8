//! What starts the functions that no request calls: the streams of tables, as Lambda's event source mapping does it, and the clock.
//!
//! Deployed tables have deployed functions: this is for the embedded database alone.

use std::{
    convert::Infallible,
    fmt::Display,
    fs::OpenOptions,
    io::Write as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use chat_socket::Socket;
use chat_sweeper::Sweeper;
use chat_worker::ChatWorker;
use jobs_sweeper::sweep;
use jobs_worker::Worker;
use lambent_runtime_api::{
    Function, FunctionConfig, Invoke, InvokeError, MappingConfig, TableStream, invoke_function, mapping,
};
use lambent_schema::{
    Trigger, background,
    background::{
        Background, CHAT_SOCKET, CHAT_SWEEPER, CHAT_WORKER, JOBS_SWEEPER, JOBS_WORKER, StreamTrigger,
        WEBHOOKS_WORKER,
    },
};
use lambent_service::{ServiceConfig, call::deadline_in};
use lambent_store::now_ms;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use webhooks_worker::Worker as WebhooksWorker;

use super::{StartError, functions::program};

/// How often the clock's functions are started. More often than in the cloud, where each look is an invocation: whoever develops with a model that fails, or a
/// server that does, waits for the second try.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// The file with what is known of records that were given up: a queue, in the cloud.
const FAILED: &str = "failed.jsonl";

/// The functions that no request calls.
pub(crate) struct Functions(Vec<(Background, Invoke)>);

/// What such functions in this process are given.
pub(crate) struct Here {
    pub(crate) worker: Worker,
    pub(crate) webhooks: WebhooksWorker,
    pub(crate) socket: Socket,
    pub(crate) chat_worker: ChatWorker,
    pub(crate) chat_sweeper: Sweeper,
}

impl Functions {
    /// In this process.
    pub(crate) fn here(here: Here, service: &ServiceConfig) -> Self {
        let worker = Arc::new(here.worker);
        let (jobs, documents) = (worker.jobs.clone(), worker.library.documents.clone());
        let sweep = move |_event: Value| {
            let (jobs, documents) = (jobs.clone(), documents.clone());
            async move { sweep(&jobs, &documents, now_ms()).await }
        };
        let timeout = timeout(&JOBS_WORKER, service);
        let work = move |event| {
            let worker = Arc::clone(&worker);
            async move { Ok::<_, Infallible>(worker.handle(event, deadline_in(timeout)).await) }
        };
        let webhooks = here.webhooks;
        let told = move |batch| {
            let webhooks = webhooks.clone();
            async move { Ok::<_, Infallible>(webhooks.handle(batch).await) }
        };
        let (socket, chat_worker) = (Arc::new(here.socket), Arc::new(here.chat_worker));
        let of_socket = self::timeout(&CHAT_SOCKET, service);
        let take = move |event| {
            let socket = Arc::clone(&socket);
            async move { Ok::<_, Infallible>(socket.handle(event, deadline_in(of_socket)).await) }
        };
        let of_chat = self::timeout(&CHAT_WORKER, service);
        let answer = move |event| {
            let worker = Arc::clone(&chat_worker);
            async move { Ok::<_, Infallible>(worker.handle(event, deadline_in(of_chat)).await) }
        };
        let sweeper = here.chat_sweeper;
        let sweep_chats = move |_event: Value| {
            let sweeper = sweeper.clone();
            async move { sweeper.sweep(now_ms()).await }
        };
        Self(vec![
            (JOBS_WORKER, invoke(work)),
            (JOBS_SWEEPER, invoke(sweep)),
            (CHAT_SOCKET, invoke(take)),
            (CHAT_WORKER, invoke(answer)),
            (CHAT_SWEEPER, invoke(sweep_chats)),
            (WEBHOOKS_WORKER, invoke(told)),
        ])
    }

    /// The one of this name.
    pub(crate) fn of(&self, background: &Background) -> Option<Invoke> {
        let mut functions = self.0.iter();
        let found = functions.find(|(one, _)| one.function == background.function)?;
        Some(Arc::clone(&found.1))
    }

    /// As the processes whose binaries are in this folder.
    ///
    /// # Errors
    /// One of them is not there.
    pub(crate) fn processes(
        folder: &Path,
        variables: &[(String, String)],
        service: &ServiceConfig,
    ) -> Result<Self, StartError> {
        let process = |function: &Background| {
            let config = FunctionConfig {
                variables: variables.to_vec(),
                timeout: timeout(function, service),
                ..FunctionConfig::new(function.function, program(folder, function.function)?)
            };
            Ok::<_, StartError>((*function, invoke_function(Function::new(config))))
        };
        let functions = background().iter().map(process).collect::<Result<_, _>>()?;
        Ok(Self(functions))
    }
}

/// A function in this process, called with events as they come over the wire.
fn invoke<E, F, R, X>(handler: impl Fn(E) -> F + Send + Sync + 'static) -> Invoke
where
    E: DeserializeOwned + Send,
    F: Future<Output = Result<R, X>> + Send + 'static,
    R: Serialize,
    X: Display,
{
    let handler = Arc::new(handler);
    Arc::new(move |event: Bytes| {
        let handler = Arc::clone(&handler);
        Box::pin(async move {
            let event = serde_json::from_slice(&event).map_err(malformed)?;
            let answer = handler(event).await;
            let answer = answer.map_err(|error| InvokeError::Handler(error.to_string().into()))?;
            serde_json::to_vec(&answer).map(Bytes::from).map_err(malformed)
        })
    })
}

/// What is known of the records that were given up.
#[derive(Debug, Clone)]
pub struct FailedRecords {
    kept: Arc<Mutex<Vec<Value>>>,
    file: Option<PathBuf>,
}

impl FailedRecords {
    /// None yet; with a folder, they are appended to a file in it.
    pub(crate) fn new(folder: Option<&Path>) -> Self {
        Self {
            kept: Arc::default(),
            file: folder.map(|folder| folder.join(FAILED)),
        }
    }

    /// All since the start, as Lambda would send them to the on-failure destination.
    #[must_use]
    pub fn all(&self) -> Vec<Value> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn keep(&self, failed: Value) {
        tracing::error!(%failed, "a record was given up");
        if let Some(file) = &self.file {
            let opened = OpenOptions::new().create(true).append(true).open(file);
            if let Err(error) = opened.and_then(|mut file| writeln!(file, "{failed}")) {
                tracing::error!(%error, file = %file.display(), "cannot be written");
            }
        }
        self.kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(failed);
    }
}

/// Starts what starts them, until `stop`: the streams of tables, and the clock.
///
/// # Errors
/// A table has no stream.
pub(crate) async fn start(
    database_url: &str,
    functions: Functions,
    failed: FailedRecords,
    stop: &CancellationToken,
) -> Result<(), StartError> {
    for (background, invoke) in functions.0 {
        let triggers = match background.trigger {
            Trigger::Stream(triggers) => triggers,
            Trigger::Schedule { .. } => {
                tokio::spawn(stop.clone().run_until_cancelled_owned(clock(background, invoke)));
                continue;
            }
            // The gateway starts it.
            Trigger::Socket(_) => continue,
        };
        for trigger in triggers {
            let source = TableStream::find(database_url, "local", trigger.table).await;
            let failed = failed.clone();
            let running = mapping(
                config(&background, trigger)?,
                source.map_err(|error| StartError::Stream(error.to_string()))?,
                Arc::clone(&invoke),
                Arc::new(move |record| failed.keep(record)),
                stop.clone(),
            );
            tokio::spawn(running.map_err(|error| StartError::Stream(error.to_string()))?);
        }
    }
    Ok(())
}

/// The mapping that the contract describes.
fn config(background: &Background, trigger: &StreamTrigger) -> Result<MappingConfig, StartError> {
    let filter = serde_json::from_str(trigger.filter);
    Ok(MappingConfig {
        filters: vec![filter.map_err(|error| StartError::Stream(error.to_string()))?],
        batch_size: trigger.batch_size as usize,
        parallelization_factor: trigger.parallelization_factor as usize,
        maximum_retry_attempts: Some(trigger.maximum_retry_attempts),
        ..MappingConfig::new(FunctionConfig::new(background.function, background.function).arn())
    })
}

/// Invokes a function again and again, with what EventBridge would send.
async fn clock(background: Background, invoke: Invoke) {
    let mut ticks = tokio::time::interval(SWEEP_EVERY);
    loop {
        ticks.tick().await;
        let event = json!({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}});
        if let Err(error) = invoke(Bytes::from(event.to_string())).await {
            tracing::warn!(function = background.function, %error, "a function failed");
        }
    }
}

fn timeout(background: &Background, service: &ServiceConfig) -> Duration {
    service
        .timeout
        .unwrap_or(Duration::from_secs(background.timeout_secs.into()))
}

fn malformed(error: serde_json::Error) -> InvokeError {
    InvokeError::Malformed(error.to_string())
}
