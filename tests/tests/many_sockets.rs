//! Two hundred sockets at once: nobody waits for other people's answers.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a test that measures")]

use std::time::Duration;

use futures::{StreamExt as _, future::join_all, stream};
use lambent_tests::{api::Api, chat::Chat, upstream::Answer};
use tokio::time::{Instant, sleep};

const SOCKETS: usize = 200;
/// How long the model takes for an answer.
const ANSWER: Duration = Duration::from_secs(8);

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_answers_are_written_at_once() {
    let api = Api::here().await;
    let words = 8;
    api.upstream
        .otherwise(Answer::text("word ".repeat(words)).paced(Duration::ZERO, ANSWER / 8));
    // Each is another caller's, as they are.
    let sockets = stream::iter(0..SOCKETS).map(|_| async {
        let key = api.new_key(|_| {}).await;
        Chat::with_key(&api, &key.reveal()).await.unwrap()
    });
    let sockets: Vec<Chat> = sockets.buffer_unordered(20).collect().await;
    let began = Instant::now();
    let answering = sockets.into_iter().map(|mut chat| async move {
        chat.say("Hello.", None).await;
        chat.until("delta").await;
        let first = began.elapsed();
        let done = chat.until("done").await;
        assert_eq!(done["usage"]["output_tokens"], 8);
        (first, began.elapsed())
    });
    let mut times = join_all(answering).await;
    times.sort();
    let (median, last) = (times[SOCKETS / 2].0, times[SOCKETS - 1].0);
    let all = times.iter().map(|(_, done)| *done).max().unwrap();
    let most = api.upstream.counts().most_open;
    println!(
        "{SOCKETS} sockets: first token after {median:.1?} (median), {last:.1?} (last); all done after {all:.1?}; {most} answers at once"
    );
    // One answer after another in ten lanes would have been 20 times as long as one.
    assert!(most > SOCKETS as u64 / 2, "{most}");
    assert!(all < ANSWER * 5, "{all:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_lane_is_busy_is_taken_by_another_worker() {
    let api = Api::here().await;
    let slow = Duration::from_secs(1);
    api.upstream
        .otherwise(Answer::text("word ".repeat(20)).paced(Duration::ZERO, slow));
    // One after another, so that each is a batch of its own: soon all ten lanes are busy for 20 seconds.
    let mut sockets = Vec::new();
    for _ in 0..30 {
        let mut chat = Chat::open(&api).await;
        chat.say("Hello.", None).await;
        sockets.push(chat);
        sleep(Duration::from_millis(50)).await;
    }
    let mut late = Chat::open(&api).await;
    let said = Instant::now();
    late.say("Hello.", None).await;
    late.until("delta").await;
    let waited = said.elapsed();
    println!("first token after {waited:.1?}, behind 30 answers of 20 seconds");
    assert!(waited < Duration::from_secs(12), "{waited:?}");
}
