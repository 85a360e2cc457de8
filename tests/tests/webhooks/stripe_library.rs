//! Events that Stripe's own library has signed.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use lambent_store::{now_ms, webhooks::EventStatus};
use serde_json::Value;

use crate::{SECRET, Till};

/// The headers that Stripe's library makes for bodies, secrets and times; `None`, with a word on stderr, where it is not there.
fn sign(events: &[(&str, &str, i64)]) -> Option<Vec<String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let python = root.join("target/ci/webhooks-venv/bin/python");
    if !python.exists() {
        let required = std::env::var("LAMBENT_REQUIRE_STRIPE").is_ok_and(|value| value == "1");
        assert!(!required, "{} is not there", python.display());
        eprintln!(
            "skipped: Stripe's library is not at target/ci/webhooks-venv: python3 -m venv target/ci/webhooks-venv && \
             target/ci/webhooks-venv/bin/pip install -r tests/webhooks/requirements.txt"
        );
        return None;
    }
    let mut child = Command::new(python)
        .arg(root.join("tests/webhooks/sign.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    serde_json::to_writer(child.stdin.take().unwrap(), events).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stripe_s_library_signs_is_taken_once_and_nothing_that_is_not_as_it_signed_it() {
    let till = Till::start().await;
    let body = till.session("evt_1", "pi_1", 1000).to_string();
    let [second, third] = [("evt_2", "pi_2"), ("evt_3", "pi_3")]
        .map(|(event_id, payment)| till.session(event_id, payment, 1000).to_string());
    let now = i64::try_from(now_ms() / 1000).unwrap();
    let Some(signatures) = sign(&[
        (&body, SECRET, now),
        (&second, SECRET, now - 301),
        // Some time passes until it is verified; to the second it is tested where the clock is given (functions/webhooks/src/stripe.rs).
        (&second, SECRET, now + 301 + 60),
        (&second, "whsec_unknown", now),
        (&second, "whsec_test_old", now),
        (&third, SECRET, now),
    ]) else {
        return;
    };
    let [right, late, early, unknown, old, new] = &signatures[..] else {
        panic!("six signatures")
    };
    let status = async |body: &str, signature: &str| {
        let answer = till.send(body, signature).await;
        let status = answer.status().as_u16();
        let answer: Value = answer.json().await.unwrap();
        let word = answer.get("status").filter(|word| word.is_string());
        (status, word.or(answer.get("code")).cloned().unwrap_or_default())
    };
    let changed = body.replacen("1000", "1001", 1);
    let refused = (400, "invalid_signature".into());
    assert_eq!(status(&body, right).await, (200, "received".into()));
    assert_eq!(status(&body, right).await, (200, "duplicate".into()), "replayed");
    assert_eq!(status(&changed, right).await, refused, "one byte changed");
    assert_eq!(status(&second, late).await, refused, "301 s old");
    assert_eq!(status(&second, early).await, refused, "more than 300 s ahead");
    assert_eq!(
        status(&second, unknown).await,
        refused,
        "a secret that nobody knows"
    );
    assert_eq!(
        status(&second, old).await,
        (200, "received".into()),
        "the second secret"
    );
    // Signed with both, as while the secret is rotated: whichever comes first.
    let (time, signature) = new.split_once(',').unwrap();
    let both = format!("{time},v1={},{signature}", "0".repeat(64));
    assert_eq!(
        status(&third, &both).await,
        (200, "received".into()),
        "two signatures"
    );
    for event_id in ["evt_1", "evt_2", "evt_3"] {
        assert_eq!(till.ended("stripe", event_id).await.status, EventStatus::Handled);
    }
    assert_eq!(till.topped_up().await, 3000);
}
