//! Answers, as they are written.

use std::time::Duration;

use lambent_tests::{
    api::Api,
    chat::Chat,
    upstream::{Answer, tokens},
};

const TEXT: &str = "It leaves Santa Apolonia at 21:40 and arrives at Chamartin at 8:10, every night but the first of the year.";

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_comes_in_numbered_pieces_and_ends_with_what_it_took() {
    let api = Api::here().await;
    let pace = Duration::from_millis(15);
    api.upstream.otherwise(Answer::text(TEXT).paced(pace, pace));
    let mut chat = Chat::open(&api).await;
    chat.say("When does the night train leave?", None).await;
    let answered = chat.answer().await;
    assert_eq!(answered.text, TEXT);
    let pieces = answered.seqs.len() as u64;
    assert_eq!(answered.seqs, (1..=pieces).collect::<Vec<_>>());
    // Gathered, since each costs; and not all at the end.
    assert!(pieces > 2 && pieces < tokens(TEXT).len() as u64 / 2, "{pieces}");
    let done = answered.last;
    assert_eq!(
        (&done["type"], &done["finish_reason"]),
        (&"done".into(), &"stop".into())
    );
    assert_eq!(done["seq"], pieces + 1);
    assert_eq!(done["usage"]["output_tokens"], tokens(TEXT).len());
    let record = &api.records(1).await[0];
    assert_eq!(record.route, "WS message");
    assert_eq!(record.caller.as_str(), api.key.id());
    assert_eq!(done["request_id"], record.request_id);
}
