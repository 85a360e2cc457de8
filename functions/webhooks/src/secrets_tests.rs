//! Secrets of a Secrets Manager on loopback, in AWS's protocol.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex as Sync, PoisonError};

use axum::{Json, Router, extract::State, http::StatusCode, response::IntoResponse, routing::post};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::{advance, pause, resume};

use super::*;

/// What it answers with, and how often it was asked.
#[derive(Clone, Default)]
struct Manager {
    secret: Arc<Sync<Option<String>>>,
    asked: Arc<AtomicU32>,
}

impl Manager {
    fn set(&self, secret: Option<&str>) {
        *self.secret.lock().unwrap_or_else(PoisonError::into_inner) = secret.map(str::to_owned);
    }

    fn asked(&self) -> u32 {
        self.asked.load(Ordering::SeqCst)
    }

    /// Starts it, and a function's way to it.
    async fn start(secret: &str) -> (Self, Secrets) {
        let manager = Self::default();
        manager.set(Some(secret));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().route("/", post(answer)).with_state(manager.clone());
        tokio::spawn(async { axum::serve(listener, router).await });
        let config = WebhookConfig::SecretsManager {
            id: "webhooks".to_owned(),
            endpoint: Some(url.clone()),
        };
        (manager, Secrets::new(config, &StoreConfig::local(url)))
    }
}

async fn answer(
    State(manager): State<Manager>,
    headers: axum::http::HeaderMap,
    body: String,
) -> axum::response::Response {
    manager.asked.fetch_add(1, Ordering::SeqCst);
    assert_eq!(headers["x-amz-target"], "secretsmanager.GetSecretValue");
    let asked: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(asked, json!({"SecretId": "webhooks"}));
    match &*manager.secret.lock().unwrap() {
        Some(secret) => Json(json!({"Name": "webhooks", "SecretString": secret})).into_response(),
        None => (
            StatusCode::BAD_REQUEST,
            Json(json!({"__type": "ResourceNotFoundException"})),
        )
            .into_response(),
    }
}

/// Time goes by, but for I/O.
async fn later(time: Duration) {
    pause();
    advance(time).await;
    resume();
}

fn texts(known: &KnownSecrets, source: &str) -> Vec<String> {
    known.of(source).iter().map(|secret| secret.0.clone()).collect()
}

#[tokio::test]
async fn secrets_are_asked_for_once_in_five_minutes() {
    let (manager, secrets) = Manager::start(r#"{"stripe": ["new", "old"]}"#).await;
    for _ in 0..3 {
        let known = secrets.known().await.unwrap();
        assert_eq!(texts(&known, "stripe"), ["new", "old"]);
        assert!(known.of("acme").is_empty());
    }
    assert_eq!(manager.asked(), 1);
    manager.set(Some(r#"{"stripe": ["newest"]}"#));
    later(FRESH).await;
    assert_eq!(texts(&secrets.known().await.unwrap(), "stripe"), ["newest"]);
    assert_eq!(manager.asked(), 2);
}

#[tokio::test]
async fn a_wrong_signature_finds_a_new_secret_and_asks_once_a_minute_at_most() {
    let (manager, secrets) = Manager::start(r#"{"stripe": ["old"]}"#).await;
    let known = secrets.known().await.unwrap();
    manager.set(Some(r#"{"stripe": ["new", "old"]}"#));
    for _ in 0..3 {
        assert_eq!(secrets.changed(&known).await, None);
    }
    assert_eq!(manager.asked(), 1);
    later(PAUSE).await;
    let changed = secrets.changed(&known).await.unwrap();
    assert_eq!(texts(&changed, "stripe"), ["new", "old"]);
    // Whoever comes with the older ones hears of them without a call.
    assert!(secrets.changed(&known).await.is_some());
    assert_eq!(secrets.changed(&changed).await, None);
    assert_eq!(manager.asked(), 2);
}

#[tokio::test]
async fn old_secrets_will_do_while_there_is_no_answer_and_none_will_not() {
    let (manager, secrets) = Manager::start(r#"{"stripe": ["old"]}"#).await;
    let known = secrets.known().await.unwrap();
    manager.set(None);
    later(FRESH).await;
    assert_eq!(secrets.known().await.unwrap(), known);
    let (manager, secrets) = Manager::start("hunter2").await;
    let error = secrets.known().await.unwrap_err();
    assert!(!chain(&error).contains("hunter2"));
    assert!(matches!(error, SecretsError::Malformed));
    manager.set(None);
    assert!(matches!(secrets.known().await, Err(SecretsError::Call(_))));
}

#[test]
fn nothing_prints_a_secret_and_empty_ones_are_none() {
    let known = KnownSecrets::parse(r#"{"stripe": ["hunter2", ""], "acme": []}"#).unwrap();
    assert_eq!(known.of("stripe").len(), 1);
    assert!(!format!("{known:?}").contains("hunter2"));
    for wrong in ["", "[]", r#"{"stripe": "a"}"#, r#"{"stripe": [1]}"#] {
        assert_eq!(KnownSecrets::parse(wrong), None, "{wrong}");
    }
}
