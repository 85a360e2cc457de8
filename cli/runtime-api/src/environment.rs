//! One execution environment: a process and the Runtime API that it talks to.

use std::{
    net::{Ipv4Addr, SocketAddr},
    process::Stdio,
    time::{Duration, Instant, SystemTime},
};

use bytes::Bytes;
use tokio::{
    net::TcpListener,
    process::{Child, Command},
    sync::{mpsc, oneshot},
    time::timeout,
};
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use crate::{
    function::{FunctionConfig, InvokeError, Output},
    listener::PromptListener,
    runtime::{Invocation, Posted, Runtime, Signal},
};

/// A process that waits for an event, or handles one.
pub(crate) struct Environment {
    process: Child,
    invocations: mpsc::Sender<Invocation>,
    signals: mpsc::Receiver<Signal>,
    deadline: tokio::time::Instant,
    /// From the start of the process to its first request for an event.
    pub(crate) init: Duration,
    /// Events that it has been given.
    pub(crate) served: u64,
    _server: DropGuard,
}

impl Environment {
    /// Starts a process, and returns when it waits for its first event, frozen.
    pub(crate) async fn start(config: &FunctionConfig) -> Result<Self, InvokeError> {
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
            .await
            .map_err(InvokeError::Start)?;
        let address = listener.local_addr().map_err(InvokeError::Start)?;
        let (invocations, to_process) = mpsc::channel(1);
        let (from_process, signals) = mpsc::channel(4);
        let stop = CancellationToken::new();
        let server = axum::serve(
            PromptListener(listener),
            Runtime::new(to_process, from_process).router(),
        );
        let (stopped, server_guard) = (stop.clone(), stop.drop_guard());
        tokio::spawn(async move {
            tokio::select! {
                _ = std::future::IntoFuture::into_future(server) => {}
                () = stopped.cancelled() => {}
            }
        });
        let began = Instant::now();
        let process = command(config, address)
            .spawn()
            .map_err(|error| InvokeError::Process(config.program.display().to_string(), error))?;
        let mut environment = Self {
            process,
            invocations,
            signals,
            deadline: tokio::time::Instant::now(),
            init: Duration::ZERO,
            served: 0,
            _server: server_guard,
        };
        let waiting = timeout(config.init_timeout, environment.waits()).await;
        waiting.map_err(|_| InvokeError::InitTimeout(config.init_timeout))??;
        environment.init = began.elapsed();
        environment.freeze();
        Ok(environment)
    }

    /// Gives the process an event. Resolves with the answer when the process posts it, which may be long before
    /// [`Environment::ended`].
    pub(crate) async fn invoke(
        &mut self,
        config: &FunctionConfig,
        event: Bytes,
    ) -> Result<Posted, InvokeError> {
        self.thaw();
        self.served += 1;
        self.deadline = tokio::time::Instant::now() + config.timeout;
        let (posted, answer) = oneshot::channel();
        let invocation = Invocation {
            id: Uuid::new_v4().to_string(),
            event,
            deadline: SystemTime::now() + config.timeout,
            arn: config.arn(),
            trace_id: format!(
                "Root=1-00000000-{};Sampled=0",
                &Uuid::new_v4().simple().to_string()[..24]
            ),
            posted,
        };
        if self.invocations.send(invocation).await.is_err() {
            return Err(InvokeError::Exited);
        }
        tokio::select! {
            biased;
            answer = answer => answer.map_err(|_| InvokeError::Exited),
            _ = self.process.wait() => Err(InvokeError::Exited),
            () = tokio::time::sleep_until(self.deadline) => {
                // Dropping the environment kills the process.
                Err(InvokeError::Timeout(config.timeout))
            }
        }
    }

    /// Waits until the process is done with its event, and freezes it.
    pub(crate) async fn ended(&mut self, config: &FunctionConfig) -> Result<(), InvokeError> {
        let deadline = self.deadline;
        let waiting = tokio::time::timeout_at(deadline, self.waits()).await;
        waiting.map_err(|_| InvokeError::Timeout(config.timeout))??;
        self.freeze();
        Ok(())
    }

    async fn waits(&mut self) -> Result<(), InvokeError> {
        tokio::select! {
            signal = self.signals.recv() => match signal {
                Some(Signal::Waiting) => Ok(()),
                Some(Signal::InitError(error)) => Err(InvokeError::Init(error)),
                None => Err(InvokeError::Exited),
            },
            _ = self.process.wait() => Err(InvokeError::Exited),
        }
    }

    /// Whether the process is still there: something else may have killed it while it waited.
    pub(crate) fn is_alive(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(None))
    }

    /// The process's id; `None` once it is known to have ended.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.process.id()
    }

    #[cfg(unix)]
    fn freeze(&self) {
        self.signal(rustix::process::Signal::STOP);
    }

    #[cfg(unix)]
    fn thaw(&self) {
        self.signal(rustix::process::Signal::CONT);
    }

    #[cfg(unix)]
    fn signal(&self, signal: rustix::process::Signal) {
        let pid = self.process.id().and_then(|id| i32::try_from(id).ok());
        if let Some(pid) = pid.and_then(rustix::process::Pid::from_raw) {
            // A process that has ended meanwhile is noticed where its answer is awaited.
            let _ = rustix::process::kill_process(pid, signal);
        }
    }

    #[cfg(not(unix))]
    fn freeze(&self) {}

    #[cfg(not(unix))]
    fn thaw(&self) {}
}

fn command(config: &FunctionConfig, runtime: SocketAddr) -> Command {
    let mut command = Command::new(&config.program);
    command
        .args(&config.arguments)
        // What Lambda sets, and nothing of this environment.
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("LANG", "en_US.UTF-8")
        .env("TZ", ":UTC")
        .env("_HANDLER", "bootstrap")
        .env("LAMBDA_TASK_ROOT", "/var/task")
        .env("LAMBDA_RUNTIME_DIR", "/var/runtime")
        .env("AWS_LAMBDA_RUNTIME_API", runtime.to_string())
        .env("AWS_LAMBDA_FUNCTION_NAME", &config.name)
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", config.memory_mb.to_string())
        .env("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
        .env(
            "AWS_LAMBDA_LOG_GROUP_NAME",
            format!("/aws/lambda/{}", config.name),
        )
        .env("AWS_LAMBDA_LOG_STREAM_NAME", "local")
        .envs(config.variables.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .kill_on_drop(true);
    // Ctrl-C at the terminal is for who started this: it lets requests under way end first.
    #[cfg(unix)]
    command.process_group(0);
    match config.output {
        Output::Inherit => command.stdout(Stdio::inherit()).stderr(Stdio::inherit()),
        Output::Discard => command.stdout(Stdio::null()).stderr(Stdio::null()),
    };
    command
}
