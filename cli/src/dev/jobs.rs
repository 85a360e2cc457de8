//! What does jobs: the stream of their table to the worker, as Lambda's event source mapping does it, and the sweeper's clock.
//!
//! A deployed table has a deployed worker: this is for the embedded database alone.

use std::{
    fs::OpenOptions,
    io::Write as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use jobs_sweeper::sweep;
use jobs_worker::Worker;
use lambent_runtime_api::{
    Function, FunctionConfig, Invoke, InvokeError, MappingConfig, TableStream, invoke_function, mapping,
};
use lambent_schema::{
    Trigger,
    background::{Background, JOBS_SWEEPER, JOBS_WORKER, StreamTrigger},
};
use lambent_service::{ServiceConfig, call::deadline_in};
use lambent_store::{jobs::TABLE, now_ms};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{StartError, functions::program};

/// How often the sweeper looks. More often than in the cloud, where each look is an invocation: whoever develops with a model that fails, or a
/// server that does, waits for the second try.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// The file with what is known of records that were given up: a queue, in the cloud.
const FAILED: &str = "jobs-failed.jsonl";

/// The functions that no request calls.
pub(crate) struct JobFunctions {
    worker: Invoke,
    sweeper: Invoke,
}

impl JobFunctions {
    /// In this process.
    pub(crate) fn here(worker: Worker, service: &ServiceConfig) -> Self {
        let timeout = timeout(&JOBS_WORKER, service);
        let (jobs, documents) = (worker.jobs.clone(), worker.library.documents.clone());
        let worker = Arc::new(worker);
        Self {
            worker: Arc::new(move |event: Bytes| {
                let worker = Arc::clone(&worker);
                Box::pin(async move {
                    let event = serde_json::from_slice(&event).map_err(malformed)?;
                    let answer = worker.handle(event, deadline_in(timeout)).await;
                    serde_json::to_vec(&answer).map(Bytes::from).map_err(malformed)
                })
            }),
            sweeper: Arc::new(move |_event| {
                let (jobs, documents) = (jobs.clone(), documents.clone());
                Box::pin(async move {
                    let swept = sweep(&jobs, &documents, now_ms()).await;
                    let swept = swept.map_err(|error| InvokeError::Handler(error.to_string().into()))?;
                    serde_json::to_vec(&swept).map(Bytes::from).map_err(malformed)
                })
            }),
        }
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
        let function = |background: &Background| {
            let config = FunctionConfig {
                variables: variables.to_vec(),
                timeout: timeout(background, service),
                ..FunctionConfig::new(background.function, program(folder, background.function)?)
            };
            Ok::<_, StartError>(invoke_function(Function::new(config)))
        };
        Ok(Self {
            worker: function(&JOBS_WORKER)?,
            sweeper: function(&JOBS_SWEEPER)?,
        })
    }
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
        tracing::error!(%failed, "a job's record was given up");
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

/// Starts to do jobs, until `stop`.
///
/// # Errors
/// The table has no stream.
pub(crate) async fn start(
    database_url: &str,
    functions: JobFunctions,
    failed: FailedRecords,
    stop: &CancellationToken,
) -> Result<(), StartError> {
    let source = TableStream::find(database_url, "local", TABLE.name)
        .await
        .map_err(|error| StartError::Stream(error.to_string()))?;
    for config in mappings(&JOBS_WORKER)? {
        let failed = failed.clone();
        let running = mapping(
            config,
            source.clone(),
            Arc::clone(&functions.worker),
            Arc::new(move |record| failed.keep(record)),
            stop.clone(),
        );
        tokio::spawn(running.map_err(|error| StartError::Stream(error.to_string()))?);
    }
    tokio::spawn(stop.clone().run_until_cancelled_owned(clock(functions.sweeper)));
    Ok(())
}

/// The mappings that the contract describes.
fn mappings(background: &Background) -> Result<Vec<MappingConfig>, StartError> {
    let arn = FunctionConfig::new(background.function, background.function).arn();
    let Trigger::Stream(triggers) = background.trigger else {
        return Err(StartError::Stream(format!("{} has none", background.function)));
    };
    let mapping = |trigger: &StreamTrigger| {
        let filter = serde_json::from_str(trigger.filter);
        Ok(MappingConfig {
            filters: vec![filter.map_err(|error| StartError::Stream(error.to_string()))?],
            batch_size: trigger.batch_size as usize,
            parallelization_factor: trigger.parallelization_factor as usize,
            maximum_retry_attempts: Some(trigger.maximum_retry_attempts),
            ..MappingConfig::new(&arn)
        })
    };
    triggers.iter().map(mapping).collect()
}

/// Invokes the sweeper again and again, with what EventBridge would send.
async fn clock(sweeper: Invoke) {
    let mut ticks = tokio::time::interval(SWEEP_EVERY);
    loop {
        ticks.tick().await;
        let event = json!({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}});
        if let Err(error) = sweeper(Bytes::from(event.to_string())).await {
            tracing::warn!(%error, "the sweeper failed");
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
