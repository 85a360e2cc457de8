//! What a model answers when all goes well.

use super::*;

#[tokio::test]
async fn a_whole_answer_is_the_text_its_end_and_its_tokens() {
    let (upstream, models) = rig().await;
    upstream.otherwise(Answer::text(TEXT));
    let answer = models.complete(&prompt(), Instant::now() + LONG).await.unwrap();
    assert_eq!((answer.text.as_str(), answer.finish), (TEXT, Finish::Stop));
    assert_eq!(answer.usage, reported(upstream.counts()));
    assert_eq!(
        answer.usage,
        Usage {
            input_tokens: 8,
            output_tokens: 5
        }
    );
    assert_eq!(models.model(), "loopback-model");
}

#[tokio::test]
async fn the_prompt_and_the_limits_reach_the_provider_and_nothing_else_does() {
    let (upstream, models) = rig().await;
    models.complete(&prompt(), Instant::now() + LONG).await.unwrap();
    let body = upstream.bodies().pop().unwrap();
    assert_eq!(
        body["messages"],
        json!([
            {"role": "system", "content": "You analyse documents."},
            {"role": "user", "content": "prompt-of-the-caller in a few words"},
        ])
    );
    assert_eq!(body["model"], "loopback-model");
    assert_eq!(body["max_tokens"], 1024);
    assert_eq!(body["stream_options"], json!({"include_usage": true}));
    for absent in ["temperature", "response_format"] {
        assert!(body.get(absent).is_none(), "{absent}");
    }
}

#[tokio::test]
async fn a_stream_is_deltas_as_they_are_written_then_one_end() {
    let (upstream, models) = rig().await;
    upstream.otherwise(Answer::text(TEXT).paced(Duration::ZERO, Duration::from_millis(40)));
    let begun = Instant::now();
    let mut stream = models.stream(&prompt(), None, begun + LONG).await.unwrap();
    assert!(
        begun.elapsed() < Duration::from_millis(140),
        "the first delta does not wait for the others"
    );
    let mut text = String::new();
    let mut last = None;
    while let Some(chunk) = stream.next().await {
        match chunk.unwrap() {
            Chunk::Delta(delta) => text.push_str(&delta),
            end @ Chunk::End { .. } => last = Some(end),
        }
    }
    assert_eq!(text, TEXT);
    let usage = reported(upstream.counts());
    assert_eq!(usage.output_tokens, 5);
    assert_eq!(
        last,
        Some(Chunk::End {
            usage,
            finish: Finish::Stop
        })
    );
}

#[tokio::test]
async fn an_answer_that_is_cut_by_the_limit_says_so() {
    let (upstream, _) = rig().await;
    upstream.otherwise(Answer::text(TEXT));
    let models = Models::new(ModelConfig {
        max_output_tokens: 2,
        ..config(&upstream)
    })
    .unwrap();
    let answer = models.complete(&prompt(), Instant::now() + LONG).await.unwrap();
    assert_eq!((answer.text.as_str(), answer.finish), ("one two", Finish::Length));
}

#[tokio::test]
async fn an_empty_answer_is_an_end_without_deltas() {
    let (upstream, models) = rig().await;
    upstream.otherwise(Answer::text(""));
    let (deltas, outcome) = ask(&models, Way::Stream, LONG).await;
    assert_eq!((deltas, outcome.unwrap()), (0, reported(upstream.counts())));
}

#[tokio::test]
async fn a_structured_answer_fits_its_schema_in_one_attempt() {
    let (upstream, models) = rig().await;
    let answer = models
        .structured::<Finding>(&prompt(), &schema(), Instant::now() + LONG)
        .await
        .unwrap();
    assert_eq!(answer.attempts, 1);
    assert_eq!(answer.usage, reported(upstream.counts()));
    let format = upstream.bodies().pop().unwrap()["response_format"].take();
    assert_eq!(format["type"], "json_schema");
    assert_eq!(format["json_schema"]["name"], "finding");
    assert_eq!(
        format["json_schema"]["schema"]["properties"]["title"]["maxLength"],
        40
    );
}

#[tokio::test]
async fn a_code_fence_around_an_answer_costs_no_repair() {
    let (upstream, models) = rig().await;
    upstream.otherwise(Answer::text(
        "```json\n{\"title\": \"fenced\", \"score\": 1}\n```",
    ));
    let answer = models
        .structured::<Finding>(&prompt(), &schema(), Instant::now() + LONG)
        .await
        .unwrap();
    assert_eq!((answer.value.title.as_str(), answer.attempts), ("fenced", 1));
}
