//! Answers that break off or turn into something else.

use super::*;

#[tokio::test]
async fn a_connection_that_drops_is_a_truncated_answer_not_a_short_one() {
    let behaviour = Answer::text(TEXT).with_fault(3, Fault::Cut).into();
    check(Case {
        behaviour,
        kind: ModelErrorKind::Truncated,
        status: 502,
        calls: 1,
    })
    .await;
}

#[tokio::test]
async fn a_stream_that_ends_without_its_end_is_truncated() {
    let behaviour = Answer::text(TEXT).with_fault(3, Fault::EndWithoutEnd).into();
    check(Case {
        behaviour,
        kind: ModelErrorKind::Truncated,
        status: 502,
        calls: 1,
    })
    .await;
}

#[tokio::test]
async fn a_line_that_is_not_the_protocol_is_a_failure() {
    let kind = ModelErrorKind::Upstream {
        fault: UpstreamFault::Malformed,
    };
    let behaviour = Answer::text(TEXT).with_fault(2, Fault::Garbage).into();
    check(Case {
        behaviour,
        kind,
        status: 502,
        calls: 1,
    })
    .await;
}

#[tokio::test]
async fn an_error_in_the_stream_is_a_failure() {
    for after in [0, 2] {
        let kind = ModelErrorKind::Upstream {
            fault: UpstreamFault::ErrorEvent,
        };
        let behaviour = Answer::text(TEXT).with_fault(after, Fault::ErrorEvent).into();
        check(Case {
            behaviour,
            kind,
            status: 502,
            calls: 1,
        })
        .await;
    }
}

#[tokio::test]
async fn what_came_before_a_break_was_delivered() {
    for fault in [
        Fault::Cut,
        Fault::EndWithoutEnd,
        Fault::Garbage,
        Fault::ErrorEvent,
        Fault::Silence(LONG),
    ] {
        let (upstream, models) = rig().await;
        let paced = Answer::text(TEXT).paced(Duration::ZERO, Duration::from_millis(10));
        upstream.otherwise(paced.with_fault(3, fault.clone()));
        let (deltas, outcome) = ask(&models, Way::Stream, LONG).await;
        assert_eq!(deltas, 3, "{fault:?}");
        outcome.unwrap_err();
    }
}

#[tokio::test]
async fn a_break_before_the_first_token_is_still_an_error_and_not_a_stream() {
    for fault in [
        Fault::Cut,
        Fault::EndWithoutEnd,
        Fault::Garbage,
        Fault::ErrorEvent,
        Fault::Silence(LONG),
    ] {
        let (upstream, models) = rig().await;
        upstream.otherwise(Answer::text(TEXT).with_fault(0, fault.clone()));
        let stream = models.stream(&prompt(), None, Instant::now() + LONG).await;
        assert_discreet(
            &stream
                .err()
                .unwrap_or_else(|| panic!("{fault:?} became a stream")),
        );
    }
}
