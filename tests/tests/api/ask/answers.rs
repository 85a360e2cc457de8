//! Answers, and the places that they are from.

use lambent_schema::endpoints::ask::NOTHING_FOUND;
use lambent_tests::{
    api::{Api, MODEL},
    upstream::Answer,
};
use serde_json::json;

use super::*;

#[tokio::test]
async fn an_answer_has_its_sources_and_for_each_mark_the_words_that_it_is_from() {
    let api = with_trains().await;
    let text = "The night train leaves at 21:40 [1]. A bed costs 59 euros [2].";
    api.upstream.otherwise(Answer::text(text));
    let answer = answer(&api, &asking(QUESTION)).await;
    assert_eq!(answer["answer"], text);
    assert_eq!(
        answer["citations"],
        json!([
            {"n": 1, "document_id": "trains", "chunk": 0, "quote": LEAVES, "basis": "named"},
            {"n": 2, "document_id": "trains", "chunk": 1, "quote": "A bed in the night train costs 59 euros.", "basis": "named"},
        ])
    );
    assert_eq!(
        (
            &answer["grounded"],
            &answer["invented_citations"],
            &answer["finish_reason"]
        ),
        (&json!(true), &json!(0), &json!("stop"))
    );
    assert_eq!(texts(&answer), [TRAIN, PRICES]);
    assert_eq!(answer["sources"][0]["n"], 1);
    assert_eq!(answer["sources"][1]["title"], "Night trains");
    assert_eq!(answer["model"], MODEL);
    let counts = api.upstream.counts();
    assert_eq!(
        answer["usage"],
        json!({"input_tokens": counts.prompt_tokens, "output_tokens": counts.completion_tokens})
    );
    let record = api.records(1).await.remove(0);
    assert_eq!(record.model.as_deref(), Some(MODEL));
    assert_eq!(record.text_chars, Some(QUESTION.len() as u64));
    assert!(record.first_token_ms.is_some());
}

#[tokio::test]
async fn a_citation_of_no_source_is_dropped_and_counted() {
    let api = with_trains().await;
    api.upstream.otherwise(Answer::text(
        "It leaves Santa Apolonia at 21:40 [1, 3]. Dogs travel free [7].",
    ));
    let answer = answer(&api, &asking(QUESTION)).await;
    assert_eq!(
        answer["answer"],
        "It leaves Santa Apolonia at 21:40 [1]. Dogs travel free."
    );
    assert_eq!(answer["invented_citations"], 2);
    assert_eq!(answer["citations"].as_array().unwrap().len(), 1);
    assert_eq!(answer["citations"][0]["quote"], LEAVES);
}

#[tokio::test]
async fn an_answer_without_marks_is_attributed_where_a_source_says_it() {
    let api = with_trains().await;
    api.upstream
        .then(Answer::text("It leaves Santa Apolonia at 21:40."));
    let attributed = answer(&api, &asking(QUESTION)).await;
    let citations = attributed["citations"].as_array().unwrap();
    assert_eq!(
        citations[0],
        json!({"n": 1, "document_id": "trains", "chunk": 0, "quote": LEAVES, "basis": "matched"})
    );
    // Nobody named it: the other one of the two nearest is cited too.
    assert_eq!((citations.len(), &citations[1]["basis"]), (2, &json!("nearest")));
    assert_eq!(attributed["grounded"], true);

    api.upstream.then(Answer::text("I don't know, sorry."));
    let unknown = answer(&api, &asking(QUESTION)).await;
    assert_eq!(unknown["grounded"], false);
    let nearest = unknown["citations"].as_array().unwrap();
    assert_eq!(nearest.len(), 2);
    assert_eq!(
        nearest[0],
        json!({"n": 1, "document_id": "trains", "chunk": 0, "quote": LEAVES, "basis": "nearest"})
    );
    assert_eq!(texts(&unknown).len(), 2);
}

#[tokio::test]
async fn where_nothing_is_found_the_model_is_not_asked() {
    let api = with_trains().await;
    let question = "Quantum chromodynamics?";
    let answer = answer(&api, &json!({"question": question})).await;
    let request_id = answer["request_id"].clone();
    assert_eq!(
        answer,
        json!({
            "answer": NOTHING_FOUND, "grounded": false, "citations": [], "invented_citations": 0, "finish_reason": "stop",
            "sources": [], "usage": {"input_tokens": 2, "output_tokens": 0}, "request_id": request_id,
        })
    );
    let counts = api.upstream.counts();
    assert_eq!((counts.requests, counts.embeddings), (1, 1));
    let record = api.records(1).await.remove(0);
    assert_eq!(record.model.as_deref(), Some("text-embedding-3-small"));
}

#[tokio::test]
async fn the_lesser_limit_of_output_tokens_holds() {
    let api = with_trains().await;
    api.upstream
        .otherwise(Answer::text("one two three four five six"));
    let key = api.new_key(|key| key.limits.max_output_tokens = Some(4)).await;
    put(&api.store, &owner(&key), &Document::of("mine", &[TRAIN])).await;
    for (asked, expected) in [(Some(2), "one two"), (Some(5), "one two three four")] {
        let mut body = asking(QUESTION);
        body["max_output_tokens"] = json!(asked);
        let asked = api.posting(PATH, &body).header("x-api-key", key.reveal());
        let answer: Value = asked.send().await.unwrap().json().await.unwrap();
        assert_eq!(
            (&answer["answer"], &answer["finish_reason"]),
            (&json!(expected), &json!("length"))
        );
    }
}

#[tokio::test]
async fn a_small_model_is_given_fewer_sources() {
    let api = Api::with(|model, _| model.context_tokens = Some(2048)).await;
    let long = "The night train leaves at night. ".repeat(30);
    let chunks = vec![long.as_str(); 12];
    put(&api.store, &owner(&api.key), &Document::of("long", &chunks)).await;
    let mut body = asking(QUESTION);
    body["top_k"] = json!(12);
    let answer = answer(&api, &body).await;
    let given = texts(&answer).len();
    assert!((3..=6).contains(&given), "{given}");
    let prompt = chat(&api)["messages"].to_string();
    assert_eq!(prompt.matches("<source n=").count(), given);
}
