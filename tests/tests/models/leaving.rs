//! Callers that go away, and many callers at once.

use super::*;

#[tokio::test]
async fn a_dropped_stream_stops_the_provider() {
    let (upstream, models) = rig().await;
    upstream.otherwise(Answer::text("word ".repeat(1000)).paced(Duration::ZERO, Duration::from_millis(20)));
    let mut stream = models
        .stream(&prompt(), None, Instant::now() + LONG)
        .await
        .unwrap();
    stream.next().await.unwrap().unwrap();
    assert_eq!(upstream.counts().open, 1);
    drop(stream);
    let counts = upstream.until(|counts| counts.open == 0).await;
    assert_eq!((counts.cancelled, counts.requests), (1, 1));
}

#[tokio::test]
async fn a_timed_out_call_stops_the_provider() {
    for behaviour in [
        Behaviour::Hang,
        Answer::text(TEXT).with_fault(2, Fault::Silence(LONG)).into(),
    ] {
        let (upstream, models) = rig().await;
        upstream.otherwise(behaviour);
        models
            .complete(&prompt(), Instant::now() + LONG)
            .await
            .unwrap_err();
        let counts = upstream.until(|counts| counts.open == 0).await;
        assert_eq!(counts.cancelled, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_slow_streams_run_side_by_side() {
    let (upstream, _) = rig().await;
    upstream.otherwise(Answer::text(TEXT).paced(Duration::from_secs(3), Duration::from_millis(100)));
    let models = ModelConfig {
        first_token_timeout: LONG,
        between_tokens_timeout: LONG,
        ..config(&upstream)
    };
    let models = Models::new(models).unwrap();
    let begun = Instant::now();
    let calls = (0..500).map(|_| {
        let models = models.clone();
        tokio::spawn(async move { ask(&models, Way::Stream, LONG).await.1.unwrap() })
    });
    let mut total = Usage::default();
    for usage in futures::future::join_all(calls).await {
        total += usage.unwrap();
    }
    let elapsed = begun.elapsed();
    let counts = upstream.counts();
    println!(
        "500 streams of 3.4 s each: {elapsed:?}, {} open at once",
        counts.most_open
    );
    assert_eq!(total, reported(counts));
    assert_eq!(
        (counts.requests, counts.most_open, counts.cancelled),
        (500, 500, 0)
    );
    assert!(elapsed < Duration::from_secs(12), "{elapsed:?}");
}
