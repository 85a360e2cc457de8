use super::*;

fn problem(kind: ModelErrorKind) -> Problem {
    Problem::from(&ModelError::new(kind))
}

#[test]
fn each_kind_has_its_status_for_callers() {
    let upstream = ModelErrorKind::Upstream {
        fault: UpstreamFault::Status(500),
    };
    let cases = [
        (upstream, 502, "model_failed"),
        (
            ModelErrorKind::Configuration { status: Some(401) },
            502,
            "model_failed",
        ),
        (ModelErrorKind::Truncated, 502, "model_failed"),
        (
            ModelErrorKind::InvalidReply { attempts: 3 },
            502,
            "model_reply_invalid",
        ),
        (
            ModelErrorKind::RateLimited { retry_after: None },
            503,
            "model_busy",
        ),
        (
            ModelErrorKind::Timeout {
                phase: TimeoutPhase::Deadline,
            },
            504,
            "timeout",
        ),
        (
            ModelErrorKind::ContextExceeded {
                limit: None,
                hint: None,
            },
            422,
            "document_too_long",
        ),
    ];
    for (kind, status, code) in cases {
        let problem = problem(kind);
        assert_eq!((problem.status, &*problem.code), (status, code));
    }
}

#[test]
fn a_configuration_fault_looks_to_callers_like_any_other() {
    let refused = problem(ModelErrorKind::Configuration { status: Some(401) });
    let failed = problem(ModelErrorKind::Upstream {
        fault: UpstreamFault::Connection,
    });
    assert_eq!(refused, failed);
}

#[test]
fn retry_after_is_whole_seconds_and_at_least_one() {
    let cases = [
        (None, 1),
        (Some(0), 1),
        (Some(400), 1),
        (Some(1001), 2),
        (Some(30_000), 30),
    ];
    for (millis, seconds) in cases {
        let retry_after = millis.map(Duration::from_millis);
        assert_eq!(
            problem(ModelErrorKind::RateLimited { retry_after }).retry_after,
            Some(seconds)
        );
    }
    let forever = Some(Duration::MAX);
    assert_eq!(
        problem(ModelErrorKind::RateLimited { retry_after: forever }).retry_after,
        Some(86_400)
    );
}

#[test]
fn a_document_that_is_too_long_is_told_the_limit_and_what_to_do() {
    let problem = problem(ModelErrorKind::ContextExceeded {
        limit: Some(2048),
        hint: Some("Name a larger model.".to_owned()),
    });
    assert!(problem.detail.contains("2048 tokens"), "{}", problem.detail);
    assert!(
        problem.detail.ends_with("Name a larger model."),
        "{}",
        problem.detail
    );
}
