//! Search: by words and by embeddings, among the caller's own documents.

mod rules;

use lambent_tests::{api::Api, upstream::vector};
use serde_json::{Value, json};

use crate::documents::{document, found, hits, put};

/// Five documents with metadata of all types.
async fn shelf(api: &Api) {
    for (number, topic) in ["trains", "ferries", "planes", "bicycles", "walking"]
        .into_iter()
        .enumerate()
    {
        let mut one = document(topic, topic, 1500);
        one["metadata"] = json!({"number": number, "is_slow": number > 2, "topic": topic});
        put(api, &one).await;
    }
}

/// The documents that a search finds, in the order of their first chunks.
async fn names(api: &Api, body: &Value) -> Vec<String> {
    let hits = hits(api.post("/search", body).await).await;
    let mut names: Vec<String> = Vec::new();
    for hit in hits {
        let name = hit["document_id"].as_str().unwrap().to_owned();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn scores(hits: &[Value]) -> Vec<f64> {
    hits.iter().map(|hit| hit["score"].as_f64().unwrap()).collect()
}

#[tokio::test]
async fn what_is_nearest_to_the_words_comes_first_with_its_score() {
    let api = Api::start().await;
    shelf(&api).await;
    for topic in ["trains", "ferries", "walking"] {
        let query = format!("what is there about {topic}");
        let hits = found(&api, &query).await;
        assert_eq!(hits[0]["document_id"], topic);
        let scores = scores(&hits);
        assert!(scores.is_sorted_by(|one, next| one >= next), "{scores:?}");
        assert!(
            scores.iter().all(|score| (0.0..=1.0).contains(score)),
            "{scores:?}"
        );
    }
    let answer = api.post("/search", &json!({"query": " two words "})).await;
    let reply: Value = answer.json().await.unwrap();
    assert_eq!(reply["model"], "text-embedding-3-small");
    assert_eq!(reply["usage"], json!({"input_tokens": 2, "output_tokens": 0}));
    assert!(reply["request_id"].is_string());
    assert_eq!(reply["hits"].as_array().unwrap().len(), 10, "by default");
}

#[tokio::test]
async fn an_embedding_finds_what_its_words_find_and_costs_nothing() {
    let api = Api::start().await;
    shelf(&api).await;
    let before = api.upstream.counts().requests;
    let embedding = vector("all about ferries", 512);
    let by_embedding = hits(
        api.post("/search", &json!({"embedding": embedding, "top_k": 50}))
            .await,
    )
    .await;
    assert_eq!(api.upstream.counts().requests, before);
    let by_words = found(&api, "all about ferries").await;
    let texts = |hits: &[Value]| hits.iter().map(|hit| hit["text"].clone()).collect::<Vec<_>>();
    assert_eq!(texts(&by_embedding), texts(&by_words));
    for (one, other) in scores(&by_embedding).iter().zip(scores(&by_words)) {
        assert!((one - other).abs() < 1e-5);
    }
    // Only the direction counts.
    let longer: Vec<f32> = embedding.iter().map(|number| number * 1000.0).collect();
    let longer = hits(
        api.post("/search", &json!({"embedding": longer, "top_k": 50}))
            .await,
    )
    .await;
    assert_eq!(texts(&longer), texts(&by_words));
}

#[tokio::test]
async fn filters_and_least_scores_leave_out_all_that_is_not_so() {
    let api = Api::start().await;
    shelf(&api).await;
    let filtered = async |filter: Value| {
        let mut names = names(&api, &json!({"query": "about", "top_k": 50, "filter": filter})).await;
        names.sort();
        names
    };
    assert_eq!(filtered(json!({})).await.len(), 5);
    assert_eq!(filtered(json!({"topic": "planes"})).await, ["planes"]);
    assert_eq!(filtered(json!({"number": 3.0})).await, ["bicycles"]);
    assert_eq!(filtered(json!({"is_slow": true})).await, ["bicycles", "walking"]);
    assert_eq!(filtered(json!({"is_slow": true, "number": 4})).await, ["walking"]);
    for none in [
        json!({"number": "3"}),
        json!({"is_slow": "true"}),
        json!({"is_slow": 1}),
        json!({"topic": "Planes"}),
        json!({"never": "said"}),
        json!({"is_slow": true, "number": 0}),
    ] {
        assert!(filtered(none.clone()).await.is_empty(), "{none}");
    }
    let all = scores(&found(&api, "about trains").await);
    let least = all[all.len() / 2];
    let body = json!({"query": "about trains", "top_k": 50, "min_score": least});
    let near = scores(&hits(api.post("/search", &body).await).await);
    assert!(
        near.len() < all.len() && near.iter().all(|score| *score >= least),
        "{near:?}"
    );
    let one = hits(api.post("/search", &json!({"query": "about", "top_k": 1})).await).await;
    assert_eq!(one.len(), 1);
}

#[tokio::test]
async fn a_search_is_in_the_request_log_with_its_stages() {
    let api = Api::start().await;
    shelf(&api).await;
    let answer = api.post("/search", &json!({"query": "about"})).await;
    let timing = answer.headers()["server-timing"].to_str().unwrap().to_owned();
    assert!(
        timing.contains("embed;dur=") && timing.contains("search;dur="),
        "{timing}"
    );
    let records = api.recorded().await;
    let record = records
        .iter()
        .find(|record| record.route == "POST /search")
        .unwrap();
    assert_eq!(record.model.as_deref(), Some("text-embedding-3-small"));
}
