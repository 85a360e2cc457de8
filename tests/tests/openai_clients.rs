//! OpenAI's own clients, LangChain and LangGraph against the API: `tests/openai`.
//!
//! They are installed below `target/ci/openai-venv` and `tests/openai/node_modules` (`.ci/run` does). Where they are not, these tests
//! say so and pass, unless `LAMBENT_REQUIRE_OPENAI=1`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests, which say why they are skipped"
)]

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use lambent_tests::{
    api::Api,
    upstream::{Answer, Behaviour, Fault},
};
use serde_json::json;
use tokio::{process::Command, time::timeout};

const TEXT: &str = "It leaves at 21:40.";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// A file of what is installed; `None` where it is not, and need not be.
fn installed(file: &str) -> Option<PathBuf> {
    let path = root().join(file);
    if path.exists() {
        return Some(path);
    }
    let required = std::env::var("LAMBENT_REQUIRE_OPENAI").is_ok_and(|value| value == "1");
    assert!(!required, "{file} is not installed");
    eprintln!("skipped: {file} is not installed (.ci/run installs it)");
    None
}

/// An API whose model answers by what it is asked, as the scripts expect.
async fn api() -> Api {
    let api = Api::here().await;
    let train = ("departure", json!({"station": "Lisbon"}));
    let price = ("price", json!({"train": "night"}));
    api.upstream
        .otherwise(Answer::text(TEXT))
        .about("COSTS-59", Answer::text("It leaves at 21:40 and costs 59."))
        .about("DEPARTS-2140", Answer::tools(&[price]))
        .about("run the agent", Answer::tools(&[train]))
        .about(
            "use a tool",
            Answer::tools(&[("look", json!({"where": "Lisbon"}))]),
        )
        .about("as asked", Answer::as_asked())
        .about("status 500", Behaviour::status(500))
        .about(
            "cut",
            Answer::text("one two three four").with_fault(2, Fault::Cut),
        );
    api
}

/// Has a program talk to the API, and returns what it printed.
async fn run(api: &Api, mut command: Command) -> String {
    let limited = api
        .new_key(|key| {
            key.limits.rate.interval_ms = 60_000;
            key.limits.rate.burst = 1;
        })
        .await;
    command
        .env("OPENAI_BASE_URL", api.url("/v1"))
        .env("OPENAI_API_KEY", api.key.reveal())
        .env("LIMITED_KEY", limited.reveal())
        .env("LANGSMITH_TRACING", "false")
        .env("NO_PROXY", "127.0.0.1")
        .current_dir(root().join("tests/openai"))
        .kill_on_drop(true);
    let output = timeout(Duration::from_secs(180), command.output()).await;
    let output = output.expect("it ends").expect("it starts");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{printed}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    printed
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_client_langchain_and_langgraph_work_with_the_api() {
    let Some(python) = installed("target/ci/openai-venv/bin/python") else {
        return;
    };
    let api = api().await;
    let mut command = Command::new(python);
    command.arg("clients.py");
    let printed = run(&api, command).await;
    assert_eq!(printed.matches("ok ").count(), 14, "{printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_npm_client_works_with_the_api() {
    let Some(_) = installed("tests/openai/node_modules/openai") else {
        return;
    };
    let api = api().await;
    let mut command = Command::new("node");
    command.arg("clients.mjs");
    let printed = run(&api, command).await;
    assert_eq!(printed.matches("ok ").count(), 7, "{printed}");
}

/// The snippets of the README are these files, and they work.
#[tokio::test(flavor = "multi_thread")]
async fn the_snippets_of_the_readme_work() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    for (file, language) in [
        ("snippet.py", "python"),
        ("snippet_langchain.py", "python"),
        ("snippet.mjs", "js"),
    ] {
        let snippet = std::fs::read_to_string(root().join("tests/openai").join(file)).unwrap();
        let block = format!("```{language}\n{}\n```", snippet.trim_end());
        assert!(
            readme.contains(&block),
            "the README does not have {file} as it is"
        );
        let program = match language {
            "python" => installed("target/ci/openai-venv/bin/python"),
            _ => installed("tests/openai/node_modules/openai").map(|_| PathBuf::from("node")),
        };
        let Some(program) = program else { continue };
        let api = Api::configured(|config| {
            if let lambent::dev::Model::Elsewhere(model) = &mut config.model {
                model.model = "openai::smollm2-135m-instruct".to_owned();
            }
            if let lambent::dev::Embedding::Elsewhere(model) = &mut config.embedding {
                model.model = "openai::all-minilm-l6-v2".to_owned();
            }
        })
        .await;
        api.upstream.otherwise(Answer::text(TEXT));
        let mut command = Command::new(program);
        command.arg(file);
        let printed = run(&api, command).await;
        assert!(printed.contains(TEXT), "{file}: {printed}");
    }
}
