//! Another caller's documents are as unknown as none.

use lambent_tests::api::Api;
use serde_json::{Value, json};

use super::{by, document, put, status};

#[tokio::test]
async fn another_caller_s_document_is_as_unknown_as_none() {
    let api = Api::start().await;
    put(&api, &document("secret", "treasure", 500)).await;
    let stranger = api.new_key(|_| {}).await;
    for method in ["GET", "DELETE"] {
        let method: reqwest::Method = method.parse().unwrap();
        let mut answers = Vec::new();
        for id in ["secret", "none", "not%20an%20id", "%ff"] {
            let url = api.url(&format!("/documents/{id}"));
            let asked = by(&stranger, |client| client.request(method.clone(), url));
            let answer = asked.header("x-request-id", "the-same").send().await.unwrap();
            let names: Vec<_> = answer.headers().keys().map(ToString::to_string).collect();
            answers.push((answer.status(), names, answer.text().await.unwrap()));
        }
        assert_eq!(answers[0].0, 404);
        for other in &answers[1..] {
            assert_eq!(answers[0], *other);
        }
    }
    let list = by(&stranger, |client| client.get(api.url("/documents")))
        .send()
        .await
        .unwrap();
    assert_eq!(list.json::<Value>().await.unwrap(), json!({"documents": []}));

    // The same id is another document, and neither is touched by what becomes of the other.
    let own = document("secret", "nothing", 100);
    let sent = by(&stranger, |client| client.post(api.url("/documents")).json(&own));
    assert_eq!(sent.send().await.unwrap().status(), 201);
    let told: Value = api.get("/documents/secret").await.json().await.unwrap();
    assert_eq!(told["title"], "All about treasure");
    let url = api.url("/documents/secret");
    let deleted = by(&stranger, |client| client.delete(url)).send().await.unwrap();
    assert_eq!(deleted.status(), 204);
    assert_eq!(status(&api, "secret").await, 200);
}
