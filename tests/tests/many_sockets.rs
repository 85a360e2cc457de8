//! Two hundred sockets at once: nobody waits for other people's answers.

#![allow(
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that measures"
)]

use std::time::Duration;

use futures::{StreamExt as _, future::join_all, stream};
use lambent_tests::{api::Api, chat::Chat, upstream::Answer};
use tokio::time::{Instant, sleep};

const SOCKETS: usize = 200;
/// How long the model takes for an answer.
const ANSWER: Duration = Duration::from_secs(24);
/// From one message to the next.
const BETWEEN: Duration = Duration::from_millis(60);

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_answers_are_written_at_once() {
    // On a busy machine this process is slow to say that it lives.
    let api = Api::configured(|config| config.chat.lease = Duration::from_secs(30)).await;
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
    let answering = (0..).zip(sockets).map(|(number, mut chat)| async move {
        // All within a moment, so that the database of this process keeps up; all are being answered after that.
        sleep(BETWEEN * number).await;
        let said = Instant::now();
        let mut again = 0;
        chat.say("Hello.", None).await;
        loop {
            let frame = chat.next().await.unwrap();
            match frame["type"].as_str() {
                Some("delta") => break,
                // What a client does with a 503: the database of this process is slow on a busy machine.
                Some("error") if frame["error"]["status"] == 503 => {
                    again += 1;
                    sleep(Duration::from_secs(1)).await;
                    chat.say("Hello.", None).await;
                }
                Some("started") => {}
                _ => panic!("unexpected: {frame}"),
            }
        }
        let first = said.elapsed();
        let done = chat.until("done").await;
        assert_eq!(done["usage"]["output_tokens"], 8);
        (first, again)
    });
    let mut times = join_all(answering).await;
    times.sort();
    let took = began.elapsed();
    let again: u32 = times.iter().map(|(_, again)| again).sum();
    let (median, last) = (times[SOCKETS / 2].0, times[SOCKETS - 1].0);
    let most = api.upstream.counts().most_open;
    println!(
        "{SOCKETS} sockets: first token after {median:.1?} (median), {last:.1?} (last); all done after {took:.1?}; {most} answers at once; {again} said again after a 503"
    );
    // Ten lanes with one answer each would have taken 20 times as long as one.
    assert!(most > SOCKETS as u64 * 3 / 4, "{most}");
    assert!(took < ANSWER * 4, "{took:?}");
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
