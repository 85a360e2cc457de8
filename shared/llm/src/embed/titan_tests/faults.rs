//! What becomes of failures, and what they cost.

use super::*;
use crate::error::TimeoutPhase;

#[tokio::test]
async fn a_call_that_is_throttled_cut_or_fails_is_made_again() {
    let throttled = Reply::status(429, r#"{"message":"Too many requests"}"#);
    for first in [throttled, Reply::to("0").cut(), Reply::status(503, "")] {
        let status = first.status;
        let server =
            Server::start(move |call, text| if call == 0 { first.clone() } else { Reply::to(text) }).await;
        let embeddings = embed(&server.embedder(), &texts(1)).await.unwrap();
        assert_eq!((embeddings.vectors.len(), server.calls()), (1, 2), "{status}");
        assert_eq!(embeddings.usage.input_tokens, 1);
    }
}

#[tokio::test]
async fn each_call_has_its_own_repetitions() {
    let failed = Mutex::new(std::collections::HashMap::<String, u32>::new());
    let server = Server::start(move |_, text| {
        let mut failed = failed.lock().unwrap();
        let times = failed.entry(text.to_owned()).or_default();
        *times += 1;
        if *times <= 2 {
            Reply::status(429, "")
        } else {
            Reply::to(text)
        }
    })
    .await;
    embed(&server.embedder(), &texts(8)).await.unwrap();
    assert_eq!(server.calls(), 24);
}

/// One answer to every call, and what becomes of it.
async fn check(reply: Reply, kind: ModelErrorKind, calls: usize, spent: (u64, bool)) {
    let server = Server::start(move |_, _| reply.clone()).await;
    let (embedder, ledger) = metered(&server);
    // 29 bytes, which are estimated as 8 tokens.
    let text = "prompt-of-the-caller number 0".to_owned();
    let error = embed(&embedder, &[text]).await.unwrap_err();
    assert_eq!(error.kind, kind);
    assert_eq!(server.calls(), calls, "{kind:?}");
    assert_eq!(ledger.told(), spent, "{kind:?}");
    let printed = format!("{error} {error:?} {embedder:?}");
    for secret in ["prompt-of-the-caller", "secret-of-the-provider", KEY, "/invoke"] {
        assert!(!printed.contains(secret), "{printed}");
    }
}

fn upstream(fault: UpstreamFault) -> ModelErrorKind {
    ModelErrorKind::Upstream { fault }
}

#[tokio::test]
async fn what_is_refused_is_final_and_costs_nothing() {
    let bad = Reply::status(400, r#"{"message":"secret-of-the-provider"}"#);
    check(bad, upstream(UpstreamFault::Status(400)), 1, (0, false)).await;
    let denied = ModelErrorKind::Configuration { status: Some(403) };
    check(
        Reply::status(403, "secret-of-the-provider"),
        denied,
        1,
        (0, false),
    )
    .await;
    let too_long = Reply::status(
        400,
        r#"{"message":"400 Bad Request: Too many input tokens. Max input tokens: 8192, request input token count: 9279 "}"#,
    );
    let kind = ModelErrorKind::ContextExceeded {
        limit: None,
        hint: None,
    };
    check(too_long, kind, 1, (0, false)).await;
}

#[tokio::test]
async fn what_fails_is_repeated_twice_and_costs_nothing() {
    let failed = Reply::status(500, "secret-of-the-provider");
    check(failed, upstream(UpstreamFault::Status(500)), 3, (0, false)).await;
    let throttled = Reply {
        headers: "retry-after: 60\r\n",
        ..Reply::status(429, "")
    };
    let retry_after = Some(Duration::from_secs(60));
    check(
        throttled,
        ModelErrorKind::RateLimited { retry_after },
        1,
        (0, false),
    )
    .await;
}

#[tokio::test]
async fn another_number_of_numbers_is_refused_and_was_paid_for() {
    for count in [0, 256, 511] {
        let reply = Reply::numbers(&json!(vec![0.5; count]), 7);
        check(reply, upstream(UpstreamFault::Malformed), 1, (7, false)).await;
    }
    let reply = Reply::numbers(&json!(vec![0.5; 1024]), 7);
    let kind = ModelErrorKind::TooManyDimensions { found: 1024 };
    check(reply, kind, 1, (7, false)).await;
    let reply = Reply::numbers(&json!(vec![0; 512]), 7);
    check(reply, upstream(UpstreamFault::Malformed), 1, (7, false)).await;
}

#[tokio::test]
async fn what_is_not_the_protocol_is_refused_and_counted_here() {
    let bodies = [
        "secret-of-the-provider",
        r#"{"inputTextTokenCount":7}"#,
        r#"{"embedding":["0.5"],"inputTextTokenCount":7}"#,
        r#"{"embedding":[1e39],"inputTextTokenCount":7}"#,
    ];
    for body in bodies {
        let reply = Reply::status(200, body);
        check(reply, upstream(UpstreamFault::Malformed), 1, (8, true)).await;
    }
}

#[tokio::test]
async fn half_an_answer_is_told_once_the_repetitions_are_used_up() {
    check(Reply::to("0").cut(), ModelErrorKind::Truncated, 3, (24, true)).await;
}

#[tokio::test]
async fn tokens_that_are_not_told_are_counted_here() {
    let body = json!({"embedding": vec![0.5; 512]}).to_string();
    let server = Server::start(move |_, _| Reply::status(200, &body)).await;
    let (embedder, ledger) = metered(&server);
    let embeddings = embed(&embedder, &["12345678".to_owned()]).await.unwrap();
    assert_eq!(embeddings.usage.input_tokens, 2);
    assert_eq!(ledger.told(), (2, true));
}

#[tokio::test]
async fn one_that_fails_ends_the_others() {
    let server = Server::start(|_, text| match text {
        // After 0 to 3 are answered, while 5 to 11 are under way.
        "4" => Reply::status(400, "").after(1000),
        "0" | "1" | "2" | "3" => Reply::to(text),
        text => Reply::to(text).after(10_000),
    })
    .await;
    let (embedder, ledger) = metered(&server);
    let begun = Instant::now();
    let error = embed(&embedder, &texts(20)).await.unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(error.kind, upstream(UpstreamFault::Status(400)));
    assert_eq!(error.usage.input_tokens, 4, "of those that were answered");
    assert_eq!(server.calls(), 12);
    assert_eq!(
        ledger.told(),
        (4 + 7, true),
        "those that were left may have been read"
    );
}

#[tokio::test]
async fn the_deadline_bounds_all_calls_together() {
    let server = Server::start(|call, _| Reply::to("1").after(if call < 8 { 0 } else { 60_000 })).await;
    let (embedder, ledger) = metered(&server);
    let texts = vec!["1".to_owned(); 30];
    let begun = Instant::now();
    let deadline = begun + Duration::from_millis(1500);
    let embedded = embedder.embed(&texts, Purpose::Query, deadline).await;
    let error = embedded.unwrap_err();
    let kind = ModelErrorKind::Timeout {
        phase: TimeoutPhase::Deadline,
    };
    assert_eq!(error.kind, kind);
    assert_eq!(error.usage.input_tokens, 8, "the first eight were answered");
    assert_eq!(ledger.told(), (16, true), "eight more were under way");
    let elapsed = begun.elapsed();
    assert!(
        (Duration::from_millis(1490)..Duration::from_secs(10)).contains(&elapsed),
        "{elapsed:?}"
    );

    let calls = server.calls();
    let late = embedder.embed(&texts, Purpose::Query, begun).await.unwrap_err();
    assert_eq!(late.kind, kind);
    assert_eq!(server.calls(), calls, "a deadline that is over costs no call");
}

#[tokio::test]
async fn a_provider_that_never_answers_is_a_timeout() {
    let server = Server::start(|_, text| Reply::to(text).after(10_000)).await;
    let embedder = Embedder::new(EmbeddingConfig {
        timeout: Duration::from_millis(200),
        ..server.config()
    })
    .unwrap();
    let ledger = Last::default();
    let error = embed(&embedder.metered(ledger.clone()), &texts(1))
        .await
        .unwrap_err();
    let phase = TimeoutPhase::FirstToken;
    assert_eq!(error.kind, ModelErrorKind::Timeout { phase });
    assert_eq!(server.calls(), 1);
    assert!(ledger.0.lock().unwrap().is_estimate);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_no_connection() {
    let unused = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let config = EmbeddingConfig {
        url: Some(format!("http://{unused}")),
        ..EmbeddingConfig::new(MODEL)
    };
    let error = embed(&Embedder::new(config).unwrap(), &texts(1))
        .await
        .unwrap_err();
    assert_eq!(error.kind, upstream(UpstreamFault::Connection));
    assert!(!format!("{error:?}").contains("/invoke"), "{error:?}");
}
