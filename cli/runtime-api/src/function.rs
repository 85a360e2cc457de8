//! A function: as many environments as are needed at once.

use std::{
    io,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::{
    environment::Environment,
    runtime::{Answer, MAX_PAYLOAD_BYTES, Posted},
};

/// What is run, and how.
#[derive(Debug, Clone)]
pub struct FunctionConfig {
    /// The function's name.
    pub name: String,
    /// The program that asks the Runtime API for events.
    pub program: PathBuf,
    /// Its arguments; a `bootstrap` gets none.
    pub arguments: Vec<String>,
    /// Its environment, besides what Lambda sets.
    pub variables: Vec<(String, String)>,
    /// What it is told of its memory; it is not limited to it.
    pub memory_mb: u32,
    /// How long an invocation may take. Then the process is killed.
    pub timeout: Duration,
    /// How long a process may take until it asks for its first event.
    pub init_timeout: Duration,
    /// The most processes at once. More requests wait.
    pub max_environments: usize,
    /// Where what it prints goes.
    pub output: Output,
}

/// Where what a process prints goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// Where this process prints.
    Inherit,
    /// Nowhere.
    Discard,
}

impl FunctionConfig {
    /// A function of this name that is this program, without variables: 128 MB, 10 seconds (as Lambda gives
    /// to start, and by the template to answer), 250 environments at most, output printed here.
    #[must_use]
    pub fn new(name: impl Into<String>, program: impl Into<PathBuf>) -> Self {
        Self {
            name: name.into(),
            program: program.into(),
            arguments: Vec::new(),
            variables: Vec::new(),
            memory_mb: 128,
            timeout: Duration::from_secs(10),
            init_timeout: Duration::from_secs(10),
            max_environments: 250,
            output: Output::Inherit,
        }
    }

    /// What the function is told its ARN is.
    #[must_use]
    pub fn arn(&self) -> String {
        format!("arn:aws:lambda:local:123456789012:function:{}", self.name)
    }
}

/// A function that can be invoked. Cheap to clone; its processes end when the last clone is dropped and no invocation is
/// under way.
#[derive(Clone)]
pub struct Function(Arc<Inner>);

struct Inner {
    config: FunctionConfig,
    places: Arc<Semaphore>,
    idle: Mutex<Vec<Environment>>,
}

/// What can be seen of an environment that waits for an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EnvironmentInfo {
    /// The process's id.
    pub pid: u32,
    /// Events that it has handled.
    pub served: u64,
    /// From the start of the process to its first request for an event.
    pub init: Duration,
}

/// An event was not answered.
#[derive(Debug, thiserror::Error)]
pub enum InvokeError {
    /// Its Runtime API does not start.
    #[error("the Runtime API does not start: {0}")]
    Start(#[source] io::Error),
    /// Its program does not start.
    #[error("{0} does not start: {1}")]
    Process(String, #[source] io::Error),
    /// The process said that it cannot start.
    #[error("the function cannot start: {0}")]
    Init(Value),
    /// The process did not ask for an event in time.
    #[error("the function did not ask for an event within {0:?}")]
    InitTimeout(Duration),
    /// The process ended.
    #[error("the function's process ended without an answer")]
    Exited,
    /// The handler failed.
    #[error("the handler failed: {0}")]
    Handler(Value),
    /// The invocation took too long.
    #[error("the invocation took longer than {0:?}")]
    Timeout(Duration),
    /// The event is larger than Lambda takes.
    #[error("the event is larger than 6 MB")]
    EventTooLarge,
    /// The answer is larger than Lambda takes.
    #[error("the answer is larger than 6 MB, and is not streamed")]
    AnswerTooLarge,
    /// The answer is not what API Gateway makes a response of.
    #[error("the answer is no HTTP response: {0}")]
    Malformed(String),
}

impl Function {
    /// A function. No process is started yet.
    #[must_use]
    pub fn new(config: FunctionConfig) -> Self {
        Self(Arc::new(Inner {
            places: Arc::new(Semaphore::new(config.max_environments)),
            idle: Mutex::default(),
            config,
        }))
    }

    /// Has an idle environment, or a new one, handle this event. Resolves with the answer, or with its beginning.
    ///
    /// The invocation goes on if this is dropped, as Lambda's do.
    ///
    /// # Errors
    /// The function did not start, failed, ended, or took too long before it answered.
    pub async fn invoke(&self, event: impl Into<Bytes>) -> Result<Answer, InvokeError> {
        let event = event.into();
        if event.len() > MAX_PAYLOAD_BYTES {
            return Err(InvokeError::EventTooLarge);
        }
        let (sender, answer) = oneshot::channel();
        tokio::spawn(run(self.clone(), event, sender));
        answer.await.unwrap_or(Err(InvokeError::Exited))
    }

    /// The environments that wait for an event.
    #[must_use]
    pub fn idle(&self) -> Vec<EnvironmentInfo> {
        let idle = self.0.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.iter()
            .filter_map(|environment| {
                Some(EnvironmentInfo {
                    pid: environment.pid()?,
                    served: environment.served,
                    init: environment.init,
                })
            })
            .collect()
    }

    async fn environment(&self) -> Result<(Environment, OwnedSemaphorePermit), InvokeError> {
        let place = Arc::clone(&self.0.places)
            .acquire_owned()
            .await
            .map_err(|_| InvokeError::Exited)?;
        // The one that was used last, so that the others can be seen to be too many.
        let idle = || self.0.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut alive = std::iter::from_fn(idle)
            .filter_map(|mut environment| environment.is_alive().then_some(environment));
        let environment = match alive.next() {
            Some(environment) => environment,
            None => Environment::start(&self.0.config).await?,
        };
        Ok((environment, place))
    }
}

/// One invocation, from an environment to its return. An environment that fails is dropped, and its process with it.
async fn run(function: Function, event: Bytes, answer: oneshot::Sender<Result<Answer, InvokeError>>) {
    let (mut environment, _place) = match function.environment().await {
        Ok(environment) => environment,
        Err(error) => {
            let _ = answer.send(Err(error));
            return;
        }
    };
    let posted = environment.invoke(&function.0.config, event).await;
    let failed = posted.is_err();
    let _ = answer.send(posted.and_then(|posted| match posted {
        Posted::Answer(answer) => Ok(answer),
        Posted::Error(error) => Err(InvokeError::Handler(error)),
        Posted::TooLarge => Err(InvokeError::AnswerTooLarge),
    }));
    if failed {
        return;
    }
    match environment.ended(&function.0.config).await {
        Ok(()) => function
            .0
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(environment),
        Err(error) => tracing::warn!(function = function.0.config.name, %error, "an environment was ended"),
    }
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Function")
            .field("name", &self.0.config.name)
            .finish_non_exhaustive()
    }
}
