//! `lambent ask` and `lambent documents` as processes, against an API on loopback.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "helpers of tests"
)]

mod adding;
mod asking;
mod hit_rate;
mod refusals;
mod server;

use std::{path::Path, process::Stdio, time::Duration};

use serde_json::{Value, json};
use server::{KEY, Refusal, Server};
use tokio::{process::Command, time::timeout};

/// The command in this folder, with nothing of this environment that it could heed but the API's address and a key.
fn lambent(url: &str, folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lambent"));
    command
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("LAMBENT_URL", url)
        .env("LAMBENT_API_KEY", KEY)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// What a command came to.
#[derive(Debug)]
struct Done {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

async fn done(mut command: Command) -> Done {
    let output = timeout(Duration::from_secs(60), command.output())
        .await
        .expect("it ends")
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Done {
        code: output.status.code(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

async fn run(server: &Server, folder: &Path, arguments: &[&str]) -> Done {
    done(lambent(&server.url, folder, arguments)).await
}

/// A folder with these files.
fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    folder
}

/// Waits until it is so.
async fn until(is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(30), waiting)
        .await
        .expect("it becomes so");
}
