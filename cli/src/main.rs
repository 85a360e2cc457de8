//! The `lambent` command. `cargo run` is `lambent dev`.

use std::{
    fmt::Display,
    io::IsTerminal as _,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand};
use lambent::dev::{self, Config, Functions, StartError};

use client::{Ask, DocumentsCommand};
use keys::KeysCommand;
use lambent_service::logs;

mod client;
mod keys;
mod welcome;

/// A Gen-AI API that scales to zero.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Command {
    #[command(subcommand)]
    name: Option<Name>,
    #[command(flatten)]
    dev: Dev,
}

#[derive(Debug, Subcommand)]
enum Name {
    /// Runs the whole API on this machine, with a database and a model of its own. What `lambent` alone does too.
    Dev(Dev),
    /// Makes, lists, rotates and revokes API keys.
    Keys(KeysCommand),
    /// Asks your documents, and shows the answer as it is written.
    Ask(Ask),
    /// Adds documents to ask, lists and deletes them, and tells how well they are found.
    Documents(DocumentsCommand),
}

/// This machine, seen from a container: the gateway of Docker's own network on Linux. Docker Desktop has its own way.
const DOCKER: &str = if cfg!(target_os = "linux") {
    "172.17.0.1"
} else {
    "127.0.0.1"
};

#[derive(Debug, Args)]
struct Dev {
    /// The address to listen on.
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    host: IpAddr,
    /// The port to listen on; 0 for any that is free.
    #[arg(long, default_value_t = 3000)]
    port: u16,
    /// The folder for the database's data.
    #[arg(long, default_value = ".lambent")]
    data: PathBuf,
    /// Lets functions under `sam local` use the database and the model: they listen where Docker's containers can reach them.
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, default_missing_value = DOCKER)]
    sam_local: Option<IpAddr>,
    /// Runs every function as the process that is deployed, behind a Runtime API; builds them first, as released.
    #[arg(long)]
    lambda: bool,
    /// The same, with the binaries in this folder: cargo's, cargo-lambda's or `.aws-sam/build`.
    #[arg(long, value_name = "FOLDER")]
    functions: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let command = Command::parse();
    let done = match command.name {
        Some(Name::Ask(ask)) => until_interrupted(client::ask(ask)).await,
        Some(Name::Documents(command)) => until_interrupted(client::documents(command)).await,
        Some(Name::Keys(command)) => {
            init_logs();
            keys::run(command).await.map_err(|error| error.to_string())
        }
        Some(Name::Dev(dev)) => run(dev).await.map_err(|error| error.to_string()),
        None => run(command.dev).await.map_err(|error| error.to_string()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            welcome::say(&format!("lambent: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// One line of JSON a request, or something kinder to eyes; on standard output, so not for commands whose answer that is.
fn init_logs() {
    if std::io::stdout().is_terminal() {
        logs::init_for_people()
    } else {
        logs::init()
    }
}

/// Does it, unless somebody stops it. A process would die of Ctrl-C by itself, but not where a script has started it in the background.
async fn until_interrupted<E: Display>(doing: impl Future<Output = Result<(), E>>) -> Result<(), String> {
    tokio::select! {
        done = doing => done.map_err(|error| error.to_string()),
        () = asked_to_stop() => Err("stopped".to_owned()),
    }
}

async fn run(dev: Dev) -> Result<(), StartError> {
    init_logs();
    let listen = SocketAddr::new(dev.host, dev.port);
    let mut config = Config::from_env(listen, dev.data.clone())?;
    if let Some(folder) = dev.functions {
        config.functions = Functions::Processes(folder);
    } else if dev.lambda {
        config.functions = Functions::Processes(dev::functions::build()?);
    }
    if let Some(address) = dev.sam_local {
        config.inside = address;
        config.events_key = true;
    }
    let starting = dev::start(config);
    let running = tokio::select! {
        running = starting => running?,
        () = asked_to_stop() => return Ok(()),
    };
    welcome::welcome(&running, &dev.data)?;
    if dev.sam_local.is_some() {
        welcome::tell_sam(&running, &dev.data)?;
    }
    asked_to_stop().await;
    welcome::say("Stopping.");
    running.stop().await;
    welcome::farewell(&dev.data);
    Ok(())
}

/// Ctrl-C, or a polite signal.
async fn asked_to_stop() {
    let interrupted = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminated) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = interrupted => {}
                _ = terminated.recv() => {}
            }
            return;
        }
    }
    let _ = interrupted.await;
}
