//! `/docs` and `/redoc` in a real browser, as `lambent dev` serves them and below a stage, as API Gateway does.
//!
//! The browser is Chromium (`CHROMIUM`, else `/usr/bin/chromium`), driven by `tests/browser/docs.mjs` on Node.js;
//! `npm ci` in that folder fetches the driver. Where one of them is missing the tests say so and pass, unless
//! `LAMBENT_REQUIRE_BROWSER=1` or `CI=true`. Screenshots go to `target/docs-page/`.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a helper of a test fails the test, and says why it is skipped"
)]

use std::path::{Path, PathBuf};

use axum::Router;
use lambent_llm::{ApiKey, ModelConfig, Models};
use lambent_service::{Service, ServiceConfig};
use lambent_tests::api::{Api, MODEL};
use tokio::{net::TcpListener, process::Command};

#[tokio::test]
async fn the_pages_show_every_operation_and_try_them_out() {
    let api = Api::start().await;
    if visit(&api.url(""), "local").await {
        assert_eq!(
            api.upstream.counts().requests,
            1,
            "POST /analyse was tried out once"
        );
    }
}

#[tokio::test]
async fn the_pages_work_below_a_stage() {
    let api = Api::start().await;
    let stage = below_a_stage(&api).await;
    if visit(&stage, "stage").await {
        assert_eq!(
            api.upstream.counts().requests,
            1,
            "POST /analyse was tried out once"
        );
    }
}

/// The functions below `/v1`, with the API's database and model provider; nothing answers elsewhere.
async fn below_a_stage(api: &Api) -> String {
    let service = Service::new(ServiceConfig::default(), api.store.requests());
    let model = ModelConfig {
        url: Some(api.upstream.url()),
        key: Some(ApiKey::new("test-key")),
        ..ModelConfig::new(format!("openai::{MODEL}"))
    };
    let models = Models::new(model).unwrap();
    let functions = docs::router(&service)
        .merge(health::router(&service))
        .merge(analyse::router(&service, models));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, Router::new().nest("/v1", functions)).into_future());
    format!("http://{address}/v1")
}

/// Runs the browser against this URL and fails as it does; `false` where there is none.
async fn visit(url: &str, screenshots: &str) -> bool {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let browser = root.join("tests/browser");
    if let Some(missing) = missing(&browser).await {
        let is_set = |name, value| std::env::var(name).is_ok_and(|set| set == value);
        let required = is_set("LAMBENT_REQUIRE_BROWSER", "1") || is_set("CI", "true");
        assert!(!required, "{missing}");
        eprintln!("skipped: {missing}");
        return false;
    }
    let run = Command::new("node")
        .arg(browser.join("docs.mjs"))
        .arg(url)
        .arg(root.join("target/docs-page").join(screenshots))
        .output()
        .await
        .unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&run.stdout),
        String::from_utf8_lossy(&run.stderr),
    );
    assert!(run.status.success(), "{out}{err}");
    true
}

/// What is not installed, and how to install it.
async fn missing(browser: &Path) -> Option<String> {
    if Command::new("node").arg("--version").output().await.is_err() {
        return Some("Node.js is not on the path".to_owned());
    }
    if !browser.join("node_modules/playwright-core").exists() {
        return Some("tests/browser has no driver: run `npm ci` there".to_owned());
    }
    let chromium = std::env::var("CHROMIUM").unwrap_or("/usr/bin/chromium".to_owned());
    let missing = !PathBuf::from(&chromium).exists();
    missing.then(|| format!("{chromium} is not there: install Chromium, or name it in CHROMIUM"))
}
