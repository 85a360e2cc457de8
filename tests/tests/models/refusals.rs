//! Errors instead of an answer, and when a call is repeated.

use super::*;

#[tokio::test]
async fn a_server_error_is_repeated_twice_then_told() {
    let kind = ModelErrorKind::Upstream {
        fault: UpstreamFault::Status(500),
    };
    check(Case {
        behaviour: Behaviour::status(500),
        kind,
        status: 502,
        calls: 3,
    })
    .await;
}

#[tokio::test]
async fn a_server_error_that_passes_is_not_noticed() {
    for way in WAYS {
        let (upstream, models) = rig().await;
        upstream.then(Behaviour::status(500)).then(Behaviour::status(503));
        let (_, outcome) = ask(&models, way, LONG).await;
        assert_eq!(outcome.unwrap(), reported(upstream.counts()), "{way:?}");
        assert_eq!(upstream.counts().requests, 3, "{way:?}");
    }
}

#[tokio::test]
async fn retries_are_shared_by_the_repairs_of_one_request() {
    let (upstream, models) = rig().await;
    upstream
        .then(Behaviour::status(500))
        .then(Answer::not_as_asked())
        .then(Behaviour::status(500));
    upstream.otherwise(Behaviour::status(500));
    let error = models
        .structured::<Finding>(&prompt(), &schema(), Instant::now() + LONG)
        .await
        .unwrap_err();
    assert_eq!(error.kind.name(), "upstream");
    assert_eq!(
        upstream.counts().requests,
        4,
        "one retry before the repair, one after it"
    );
}

#[tokio::test]
async fn a_bad_request_of_ours_is_not_repeated() {
    let kind = ModelErrorKind::Upstream {
        fault: UpstreamFault::Status(400),
    };
    let behaviour = Behaviour::error(400, "invalid_request_error", "unknown_parameter", SECRET);
    check(Case {
        behaviour,
        kind,
        status: 502,
        calls: 1,
    })
    .await;
}

#[tokio::test]
async fn a_refused_key_is_our_fault_and_callers_are_not_told() {
    let kind = ModelErrorKind::Configuration { status: Some(401) };
    check(Case {
        behaviour: Behaviour::unauthorized(),
        kind,
        status: 502,
        calls: 1,
    })
    .await;
}

#[tokio::test]
async fn a_document_longer_than_the_context_is_told_with_the_limit() {
    let (upstream, models) = rig().await;
    upstream.otherwise(Behaviour::context_length_exceeded());
    for way in WAYS {
        let error = ask(&models, way, LONG).await.1.unwrap_err();
        let problem = assert_discreet(&error);
        assert_eq!((problem.status, &*problem.code), (422, "document_too_long"));
        assert!(problem.detail.contains("2048") && problem.detail.contains("Name a larger model."));
    }
    assert_eq!(upstream.counts().requests, 3, "one call each");
}

#[tokio::test]
async fn a_rate_limit_is_waited_for_as_long_as_the_provider_says() {
    let (upstream, models) = rig().await;
    upstream.then(Behaviour::rate_limited("1"));
    let begun = Instant::now();
    models.complete(&prompt(), begun + LONG).await.unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(1), "{:?}", begun.elapsed());
    assert_eq!(upstream.counts().requests, 2);
}

#[tokio::test]
async fn a_rate_limit_that_outlasts_the_deadline_is_told_at_once_with_its_wait() {
    let kind = ModelErrorKind::RateLimited {
        retry_after: Some(Duration::from_secs(30)),
    };
    check(Case {
        behaviour: Behaviour::rate_limited("30"),
        kind,
        status: 503,
        calls: 1,
    })
    .await;
    let (upstream, models) = rig().await;
    upstream.otherwise(Behaviour::rate_limited("30"));
    let error = models
        .complete(&prompt(), Instant::now() + LONG)
        .await
        .unwrap_err();
    assert_eq!(Problem::from(&error).retry_after, Some(30));
}

#[tokio::test]
async fn a_provider_that_cannot_be_reached_is_a_failure_after_two_retries() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    drop(listener);
    let models = Models::new(ModelConfig {
        url: Some(url),
        ..ModelConfig::new("loopback-model")
    })
    .unwrap();
    let begun = Instant::now();
    let error = models.complete(&prompt(), begun + LONG).await.unwrap_err();
    assert_eq!(
        error.kind,
        ModelErrorKind::Upstream {
            fault: UpstreamFault::Connection
        }
    );
    assert_eq!(assert_discreet(&error).status, 502);
    assert!(
        begun.elapsed() >= Duration::from_millis(375),
        "two pauses: {:?}",
        begun.elapsed()
    );
}
