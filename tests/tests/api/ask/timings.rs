//! How long a question took, stage by stage.

use std::time::Duration;

use lambent_tests::upstream::Answer;

use super::*;

/// The stages of a `Server-Timing` header, in its order, in milliseconds.
fn stages(header: &str) -> Vec<(&str, f64)> {
    let stages = header.split(", ");
    stages
        .map(|stage| {
            let (name, took) = stage.split_once(";dur=").unwrap();
            (name, took.parse().unwrap())
        })
        .collect()
}

/// An API whose model takes a while.
async fn slow() -> Api {
    let api = with_trains().await;
    let pace = Duration::from_millis(20);
    api.upstream
        .otherwise(Answer::text("It leaves at 21:40 [1].").paced(3 * pace, pace));
    api
}

#[tokio::test]
async fn an_answer_and_its_record_say_how_long_each_stage_took() {
    let api = slow().await;
    let began = std::time::Instant::now();
    let answer = api.post(PATH, &asking(QUESTION)).await;
    let total = began.elapsed().as_secs_f64() * 1000.0;
    let header = answer.headers()["server-timing"].to_str().unwrap().to_owned();
    let stages = stages(&header);
    let names: Vec<_> = stages.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["auth", "embed", "search", "model", "parse", "log"]);
    let sum: f64 = stages.iter().map(|(_, took)| took).sum();
    assert!(sum <= total, "{header} in {total} ms");
    let took = |name: &str| stages.iter().find(|(stage, _)| *stage == name).unwrap().1;
    assert!(took("model") >= 140.0 && took("parse") < 50.0, "{header}");

    let record = api.records(1).await.remove(0);
    let kept: Vec<_> = record.stages_us.keys().map(String::as_str).collect();
    assert_eq!(kept, ["auth", "embed", "model", "parse", "search"]);
    for (stage, took) in &record.stages_us {
        let told = stages.iter().find(|(name, _)| name == stage).unwrap().1;
        assert!((told * 1000.0 - *took as f64).abs() < 1.0, "{stage}: {header}");
    }
    let sum: u64 = record.stages_us.values().sum();
    assert!(sum <= (record.total_ms.unwrap() + 1) * 1000, "{record:?}");
}

#[tokio::test]
async fn done_says_the_same_but_for_the_log() {
    let api = slow().await;
    let asked = api
        .posting(PATH, &asking(QUESTION))
        .header("accept", "text/event-stream");
    let answer = asked.send().await.unwrap();
    let header = answer.headers()["server-timing"].to_str().unwrap().to_owned();
    let known: Vec<_> = stages(&header)
        .into_iter()
        .map(|(name, _)| name.to_owned())
        .collect();
    assert_eq!(
        known,
        ["auth", "embed", "search"],
        "what is known by the first byte"
    );
    let events = Events::parse(&answer.text().await.unwrap());
    let (_, done) = events.terminal();
    let timings = done["timings"].as_object().unwrap();
    let names: Vec<_> = timings.keys().map(String::as_str).collect();
    assert_eq!(names, ["auth", "embed", "model", "parse", "search"]);
    let record = api.records(1).await.remove(0);
    for (stage, took) in &record.stages_us {
        let told = timings[stage].as_f64().unwrap();
        assert!((told * 1000.0 - *took as f64).abs() < 1.0, "{stage}: {timings:?}");
    }
    let sum: u64 = record.stages_us.values().sum();
    assert!(record.stages_us["model"] >= 140_000 && sum <= (record.total_ms.unwrap() + 1) * 1000);
}

#[tokio::test]
async fn what_finds_nothing_has_no_stage_of_a_model() {
    let api = with_trains().await;
    let answer = api
        .post(PATH, &json!({"question": "Quantum chromodynamics?"}))
        .await;
    let header = answer.headers()["server-timing"].to_str().unwrap();
    let names: Vec<_> = stages(header).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["auth", "embed", "search", "log"]);
}
