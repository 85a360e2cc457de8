//! Providers that are slow, silent or endless.

use super::*;

#[tokio::test]
async fn a_provider_that_never_answers_is_a_timeout() {
    let kind = ModelErrorKind::Timeout {
        phase: TimeoutPhase::FirstToken,
    };
    check(Case {
        behaviour: Behaviour::Hang,
        kind,
        status: 504,
        calls: 1,
    })
    .await;
}

#[tokio::test]
async fn silence_before_the_first_token_is_a_timeout_although_headers_came() {
    let kind = ModelErrorKind::Timeout {
        phase: TimeoutPhase::FirstToken,
    };
    let behaviour = Answer::text(TEXT).with_fault(0, Fault::Silence(LONG)).into();
    check(Case {
        behaviour,
        kind,
        status: 504,
        calls: 1,
    })
    .await;
}

#[tokio::test]
async fn silence_between_tokens_is_a_timeout() {
    let kind = ModelErrorKind::Timeout {
        phase: TimeoutPhase::BetweenTokens,
    };
    let behaviour = Answer::text(TEXT).with_fault(2, Fault::Silence(LONG)).into();
    check(Case {
        behaviour,
        kind,
        status: 504,
        calls: 1,
    })
    .await;
}

#[tokio::test]
async fn pauses_shorter_than_the_waits_are_waited_out() {
    for (after, way) in [(0, Way::Complete), (3, Way::Stream)] {
        let (upstream, models) = rig().await;
        upstream.otherwise(Answer::text(TEXT).with_fault(after, Fault::Silence(SHORT / 2)));
        assert_eq!(
            ask(&models, way, LONG).await.1.unwrap(),
            reported(upstream.counts())
        );
    }
}

#[tokio::test]
async fn the_deadline_bounds_a_provider_that_is_always_just_in_time() {
    for way in WAYS {
        let (upstream, models) = rig().await;
        upstream.otherwise(Answer::text("word ".repeat(1000)).paced(SHORT / 3, SHORT / 3));
        let begun = Instant::now();
        let error = ask(&models, way, Duration::from_millis(700)).await.1.unwrap_err();
        assert_eq!(
            error.kind,
            ModelErrorKind::Timeout {
                phase: TimeoutPhase::Deadline
            },
            "{way:?}"
        );
        assert_eq!(assert_discreet(&error).status, 504);
        let elapsed = begun.elapsed();
        assert!(
            elapsed >= Duration::from_millis(690) && elapsed < Duration::from_millis(1200),
            "{elapsed:?}"
        );
    }
}

#[tokio::test]
async fn the_deadline_bounds_a_provider_that_never_pauses() {
    let (upstream, _) = rig().await;
    upstream.otherwise(Answer::text("word ".repeat(100_000)));
    let unlimited = ModelConfig {
        max_output_tokens: u32::MAX,
        first_token_timeout: LONG,
        ..config(&upstream)
    };
    let models = Models::new(unlimited).unwrap();
    let begun = Instant::now();
    let error = models
        .complete(&prompt(), begun + Duration::from_millis(500))
        .await
        .unwrap_err();
    assert_eq!(
        error.kind,
        ModelErrorKind::Timeout {
            phase: TimeoutPhase::Deadline
        }
    );
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_deadline_that_is_over_costs_no_call() {
    let (upstream, models) = rig().await;
    for way in WAYS {
        let error = ask(&models, way, Duration::ZERO).await.1.unwrap_err();
        assert_eq!(
            error.kind,
            ModelErrorKind::Timeout {
                phase: TimeoutPhase::Deadline
            },
            "{way:?}"
        );
    }
    assert_eq!(upstream.counts().requests, 0);
}

#[tokio::test]
async fn retries_end_with_the_deadline() {
    let (upstream, models) = rig().await;
    upstream.otherwise(Behaviour::status(500));
    let begun = Instant::now();
    let error = models
        .complete(&prompt(), begun + Duration::from_millis(100))
        .await
        .unwrap_err();
    assert_eq!(error.kind.name(), "upstream");
    assert_eq!(
        upstream.counts().requests,
        1,
        "the first pause would be at least 125 ms"
    );
    assert!(
        begun.elapsed() < Duration::from_millis(600),
        "{:?}",
        begun.elapsed()
    );
}
