//! `/docs` and `/redoc` in a real browser, below a stage, with the functions they document behind them.
//!
//! The browser is Chromium (`CHROMIUM`, else `/usr/bin/chromium`), driven by `tests/browser/docs.mjs` on Node.js; `npm ci`
//! in that folder fetches the driver. Where one of them is missing the test says so and passes, unless
//! `LAMBENT_REQUIRE_BROWSER=1` or `CI=true`. Screenshots go to `target/docs-page/`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a helper of a test fails the test"
)]

use std::path::{Path, PathBuf};

use axum::{Router, routing::any};
use lambent_llm::{ModelConfig, Models};
use lambent_service::{Service, ServiceConfig};
use lambent_store::{Store, StoreConfig};
use lambent_tests::upstream::Upstream;
use tokio::{net::TcpListener, process::Command};

/// The API below `/v1`, as behind API Gateway; the request log is unreachable, which no caller notices.
async fn api(upstream: &Upstream) -> String {
    let store = Store::connect(&StoreConfig::local("http://127.0.0.1:9"));
    let service = Service::new(ServiceConfig::default(), store.requests());
    let mut config = ModelConfig::new("test-model");
    config.url = Some(upstream.url());
    let models = Models::new(config).unwrap();
    let functions = Router::new()
        .merge(docs::router(&service))
        .merge(health::router(&service))
        .merge(analyse::router(&service, models.clone()))
        .merge(analyse_stream::router(&service, models));
    let gateway = Router::new()
        .nest("/v1", functions)
        .fallback(any(axum::http::StatusCode::NOT_FOUND));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, gateway).into_future());
    format!("http://{address}/v1")
}

#[tokio::test]
async fn the_pages_show_every_operation_and_try_them_out() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let browser = root.join("tests/browser");
    if let Some(missing) = missing(&browser).await {
        let required = ["LAMBENT_REQUIRE_BROWSER", "CI"].map(|name| std::env::var(name).unwrap_or_default());
        assert!(required[0] != "1" && required[1] != "true", "{missing}");
        eprintln!("skipped: {missing}");
        return;
    }
    let upstream = Upstream::start().await;
    let base = api(&upstream).await;
    let run = Command::new("node")
        .arg(browser.join("docs.mjs"))
        .arg(base)
        .arg(root.join("target/docs-page"))
        .output()
        .await
        .unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&run.stdout),
        String::from_utf8_lossy(&run.stderr),
    );
    assert!(run.status.success(), "{out}{err}");
    assert_eq!(upstream.counts().requests, 1, "POST /analyse was tried out once");
}

/// What is not installed, and how to install it.
async fn missing(browser: &Path) -> Option<String> {
    let chromium = PathBuf::from(std::env::var("CHROMIUM").unwrap_or("/usr/bin/chromium".to_owned()));
    let node = Command::new("node").arg("--version").output().await;
    if node.is_err() {
        return Some("Node.js is not on the path".to_owned());
    }
    if !browser.join("node_modules/playwright-core").exists() {
        return Some("tests/browser has no driver: run `npm ci` there".to_owned());
    }
    if !chromium.exists() {
        return Some(format!(
            "{} is not there: install Chromium, or name it in CHROMIUM",
            chromium.display()
        ));
    }
    None
}
