//! Answers that do not fit their schema.

use super::*;

#[tokio::test]
async fn an_answer_that_breaks_the_schema_is_repaired_and_both_attempts_are_counted() {
    let (upstream, models) = rig().await;
    upstream.then(Answer::text(r#"{"title": "ab", "score": 2}"#));
    let answer = models
        .structured::<Finding>(&prompt(), &schema(), Instant::now() + LONG)
        .await
        .unwrap();
    assert_eq!((answer.attempts, upstream.counts().requests), (2, 2));
    assert_eq!(answer.usage, reported(upstream.counts()));
    let messages = upstream.bodies().pop().unwrap()["messages"].take();
    assert_eq!(
        messages[2],
        json!({"role": "assistant", "content": r#"{"title": "ab", "score": 2}"#})
    );
    let complaint = messages[3]["content"].as_str().unwrap();
    assert!(
        complaint.contains("/title: ") && complaint.contains("/score: "),
        "{complaint}"
    );
}

#[tokio::test]
async fn an_answer_that_was_cut_is_repaired_with_a_word_about_its_length() {
    let (upstream, _) = rig().await;
    upstream.then(Answer::text("{\"title\": \"a b c d e f g h i j k"));
    let models = Models::new(ModelConfig {
        max_output_tokens: 6,
        ..config(&upstream)
    })
    .unwrap();
    let answer = models
        .structured::<Finding>(&prompt(), &schema(), Instant::now() + LONG)
        .await
        .unwrap();
    assert_eq!(answer.attempts, 2, "what fits is six words and comes whole");
    let complaint = upstream.bodies()[1]["messages"][3]["content"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(complaint.contains("too long"), "{complaint}");
}

#[tokio::test]
async fn an_answer_that_never_fits_is_given_up_after_two_repairs() {
    let (upstream, models) = rig().await;
    upstream.otherwise(Answer::not_as_asked());
    let error = models
        .structured::<Finding>(&prompt(), &schema(), Instant::now() + LONG)
        .await
        .unwrap_err();
    assert_eq!(error.kind, ModelErrorKind::InvalidReply { attempts: 3 });
    let problem = assert_discreet(&error);
    assert_eq!((problem.status, &*problem.code), (502, "model_reply_invalid"));
    assert_eq!(upstream.counts().requests, 3);
    assert_eq!(error.usage, reported(upstream.counts()));
    assert!(error.usage.output_tokens > 0);
}

#[tokio::test]
async fn a_repair_that_fails_otherwise_keeps_the_tokens_of_the_first_attempt() {
    let (upstream, models) = rig().await;
    upstream
        .then(Answer::not_as_asked())
        .otherwise(Behaviour::unauthorized());
    let error = models
        .structured::<Finding>(&prompt(), &schema(), Instant::now() + LONG)
        .await
        .unwrap_err();
    assert_eq!(error.kind, ModelErrorKind::Configuration { status: Some(401) });
    assert_eq!(error.usage, reported(upstream.counts()));
    assert!(error.usage.input_tokens > 0);
}
