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

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use axum::{
    Json, Router,
    extract::Query,
    response::Redirect,
    routing::{get, post},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use docs::OAuth;
use lambent_callers::{CallersConfig, Guard};
use lambent_llm::{ModelConfig, Models};
use lambent_schema::Scope;
use lambent_service::{Service, ServiceConfig};
use lambent_tests::api::{Api, MODEL};
use lambent_tokens::testing::Issuer;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tokio::{net::TcpListener, process::Command};

#[tokio::test]
async fn the_pages_show_every_operation_and_try_them_out() {
    let api = Api::start().await;
    if visit(&api.url(""), &[("DOCS_API_KEY", &api.key.reveal())], "local").await {
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
    if visit(&stage, &[("DOCS_API_KEY", &api.key.reveal())], "stage").await {
        assert_eq!(
            api.upstream.counts().requests,
            1,
            "POST /analyse was tried out once"
        );
    }
}

#[tokio::test]
async fn people_sign_in_at_the_issuer_and_come_back_with_a_token() {
    let issuer = Issuer::start().await;
    let token = issuer.token("analyse");
    let sign_in = sign_in(token).await;
    let oauth = OAuth::from_lookup(|name| match name {
        "LAMBENT_OAUTH_AUTHORIZATION_URL" => Some(format!("{sign_in}/authorize")),
        "LAMBENT_OAUTH_TOKEN_URL" => Some(format!("{sign_in}/token")),
        _ => None,
    });
    let api = Api::configured(|config| {
        config.callers.tokens = Some(issuer.config());
        config.oauth = oauth.unwrap();
    })
    .await;
    if visit(&api.url(""), &[("DOCS_SIGN_IN", &sign_in)], "sign-in").await {
        let called = api.records(api.recorded().await.len()).await;
        let analysed = called.iter().find(|record| record.function == "analyse").unwrap();
        assert!(analysed.caller.as_str().starts_with("token:"), "{analysed:?}");
    }
}

/// An authorization server where everybody is signed in already, with this token for those who prove that they asked (PKCE).
async fn sign_in(token: String) -> String {
    #[derive(serde::Deserialize)]
    struct Asked {
        response_type: String,
        redirect_uri: String,
        state: String,
        scope: String,
        code_challenge: String,
        code_challenge_method: String,
    }
    let authorize = async |Query(asked): Query<Asked>| {
        let Asked {
            response_type,
            scope,
            code_challenge_method,
            ..
        } = &asked;
        // All that the documentation knows; an issuer grants what it wants.
        let all: Vec<&str> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
        assert_eq!(
            (&**response_type, &**scope, &**code_challenge_method),
            ("code", &*all.join(" "), "S256")
        );
        assert!(
            asked.redirect_uri.ends_with("/oauth2-redirect.html"),
            "{}",
            asked.redirect_uri
        );
        // The challenge is the code, so that nothing has to be kept.
        let query = format!(
            "code={}&state={}",
            asked.code_challenge,
            asked.state.replace('=', "%3D")
        );
        Redirect::to(&format!("{}?{query}", asked.redirect_uri))
    };
    let exchange = async move |body: String| {
        let field = |name: &str| {
            let value = body
                .split('&')
                .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
            value.unwrap_or_default().to_owned()
        };
        let challenge = Sha256::digest(field("code_verifier"));
        assert_eq!(field("code"), BASE64_URL_SAFE_NO_PAD.encode(challenge), "{body}");
        let answer = json!({"access_token": token, "token_type": "Bearer", "expires_in": 3600});
        let from_anywhere = [("access-control-allow-origin", "*")];
        (from_anywhere, Json(answer))
    };
    let preflight = async || {
        [
            ("access-control-allow-origin", "*"),
            ("access-control-allow-headers", "*"),
        ]
    };
    let app = Router::new()
        .route("/authorize", get(authorize))
        .route("/token", post(exchange).options(preflight));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, app).into_future());
    format!("http://{address}")
}

/// The functions below `/v1`, with the API's database and model provider; nothing answers elsewhere.
async fn below_a_stage(api: &Api) -> String {
    let guard = Guard::new(
        &CallersConfig::new(api.pepper.clone()),
        api.store.callers().unwrap(),
    )
    .unwrap();
    let service = Service::new(ServiceConfig::default(), api.store.requests()).guarded(Arc::new(guard));
    let model = ModelConfig {
        url: Some(api.upstream.url()),
        key: Some(lambent_llm::ApiKey::new("test-key")),
        ..ModelConfig::new(format!("openai::{MODEL}"))
    };
    let models = Models::new(model).unwrap();
    let functions = docs::router(&service, None)
        .merge(health::router(&service))
        .merge(analyse::router(&service, models, api.store.jobs().unwrap()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, Router::new().nest("/v1", functions)).into_future());
    format!("http://{address}/v1")
}

/// Runs the browser against this URL and fails as it does; `false` where there is none.
async fn visit(url: &str, reader: &[(&str, &str)], screenshots: &str) -> bool {
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
        .envs(reader.iter().copied())
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
