//! What a question is answered from.

use super::*;

fn said(value: &str) -> lambent_store::documents::Metadata {
    serde_json::from_str(value).unwrap()
}

#[tokio::test]
async fn a_filter_bounds_what_is_answered_from() {
    let api = Api::start().await;
    for (id, year, text) in [
        ("old", 2024, "The night train leaves at 20:00."),
        ("new", 2026, TRAIN),
    ] {
        let chunks = [text];
        let document = Document {
            metadata: said(&format!(r#"{{"year": {year}}}"#)),
            ..Document::of(id, &chunks)
        };
        put(&api.store, &owner(&api.key), &document).await;
    }
    let mut body = asking(QUESTION);
    assert_eq!(texts(&answer(&api, &body).await).len(), 2);
    body["filter"] = json!({"year": 2026});
    assert_eq!(texts(&answer(&api, &body).await), [TRAIN]);
    body["filter"] = json!({"year": "2026"});
    assert!(texts(&answer(&api, &body).await).is_empty());
}

#[tokio::test]
async fn the_documents_of_others_are_never_sources() {
    let api = with_trains().await;
    let other = api.new_key(|_| {}).await;
    let secret = format!("{QUESTION} The night train of somebody else leaves at 3:33.");
    put(
        &api.store,
        &owner(&other),
        &Document::of("trains", &[secret.as_str()]),
    )
    .await;
    let own = answer(&api, &asking(QUESTION)).await;
    assert_eq!(texts(&own), [TRAIN, PRICES]);
    assert!(!chat(&api).to_string().contains("3:33"));
    let asked = api
        .posting(PATH, &asking(QUESTION))
        .header("x-api-key", other.reveal());
    let others: Value = asked.send().await.unwrap().json().await.unwrap();
    assert_eq!(texts(&others), [secret.as_str()]);
}

#[tokio::test]
async fn only_what_scores_enough_is_a_source_and_as_many_as_asked_for() {
    let api = with_trains().await;
    let mut body = asking(QUESTION);
    body["top_k"] = json!(1);
    let first = answer(&api, &body).await;
    assert_eq!(texts(&first), [TRAIN]);
    let score = first["sources"][0]["score"].as_f64().unwrap();
    let body = json!({"question": QUESTION, "top_k": 20, "min_score": score});
    assert_eq!(texts(&answer(&api, &body).await), [TRAIN]);
    let body = json!({"question": QUESTION, "min_score": (score + 0.01).min(1.0)});
    assert!(texts(&answer(&api, &body).await).is_empty());
}

#[tokio::test]
async fn history_helps_to_find_and_is_sent_as_turns() {
    let api = with_trains().await;
    let question = "And when will it get there?";
    let alone = json!({"question": question, "min_score": 0.65});
    assert!(texts(&answer(&api, &alone).await).is_empty());
    assert_eq!(chats(&api), 0);

    let mut body = alone;
    body["history"] = json!([
        {"role": "assistant", "content": "Hello!"},
        {"role": "user", "content": QUESTION},
        {"role": "assistant", "content": "It leaves at 21:40 [3]."},
    ]);
    assert!(texts(&answer(&api, &body).await).contains(&TRAIN));
    assert_eq!(embedded(&api), format!("{question}\n{QUESTION}"));
    let chat = chat(&api);
    let messages = chat["messages"].as_array().unwrap();
    let told: Vec<_> = messages
        .iter()
        .skip(1)
        .map(|message| {
            (
                message["role"].as_str().unwrap(),
                message["content"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(told[0], ("user", QUESTION));
    assert_eq!(told[1], ("assistant", "It leaves at 21:40."));
    assert_eq!((told.len(), told[2].0), (3, "user"));
    assert!(
        told[2].1.ends_with(&format!("</sources>\n\n{question}")),
        "{}",
        told[2].1
    );
}
