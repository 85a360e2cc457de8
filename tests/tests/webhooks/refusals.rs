//! What is not taken, what its sender is told, and what the request log has of it.

use lambent_store::{CallerId, State};
use serde_json::Value;

use crate::{SECRET, Till, signed};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_wrong_with_a_signature_is_told_in_the_same_words() {
    let till = Till::start().await;
    let body = till.session("evt_1", "pi_1", 1000).to_string();
    let [late, early] = [-301, 301 + 60].map(|offset| signed(&body, SECRET, offset));
    let wrong = signed(&body, "whsec_other", 0);
    let mut told = Vec::new();
    for signature in [
        late.as_str(),
        early.as_str(),
        wrong.as_str(),
        "",
        "t=1",
        "nonsense",
    ] {
        let answer = till.send(&body, signature).await;
        assert_eq!(answer.status(), 400, "{signature}");
        let mut answer: Value = answer.json().await.unwrap();
        assert!(answer["request_id"].take().is_string());
        told.push(answer);
    }
    told.dedup();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["code"], "invalid_signature");
    assert_eq!(till.topped_up().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_over_256_kib_is_not_read() {
    let till = Till::start().await;
    for (length, expected) in [(256 * 1024, 200), (256 * 1024 + 1, 413)] {
        let mut body = r#"{"id": "evt_1", "type": "a.b", "filler": ""#.to_owned();
        body += &"x".repeat(length - body.len() - 2);
        body += r#""}"#;
        let answer = till.send(&body, &signed(&body, SECRET, 0)).await;
        assert_eq!(answer.status(), expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_signed_and_no_event_is_refused() {
    let till = Till::start().await;
    for body in ["", "null", "{}", r#"{"type": "a.b"}"#] {
        let answer = till.send(body, &signed(body, SECRET, 0)).await;
        assert_eq!(answer.status(), 400, "{body}");
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(answer["code"], "invalid_request");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_request_is_in_the_log_without_its_body() {
    let till = Till::start().await;
    let body = till.session("evt_hunter2", "pi_hunter2", 1000).to_string();
    till.send(&body, &signed(&body, SECRET, 0)).await;
    till.send(&body, "t=1,v1=hunter2").await;
    let records = till.api.records(2).await;
    let mut ends: Vec<_> = records
        .iter()
        .map(|record| (record.status, record.state, record.error_code.as_deref()))
        .collect();
    ends.sort_by_key(|(status, ..)| *status);
    assert_eq!(
        ends,
        [
            (Some(200), State::Done, None),
            (Some(400), State::Error, Some("invalid_signature"))
        ]
    );
    for record in &records {
        assert_eq!(record.route, "POST /webhooks/stripe");
        assert_eq!(record.caller, CallerId::anonymous());
        assert!(!format!("{record:?}").contains("hunter2"));
    }
}
