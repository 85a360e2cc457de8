//! Embeddings and the list of models.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use lambent_schema::Scope;
use lambent_tests::upstream::vector;

use super::*;

const PATH: &str = "/v1/embeddings";
const EMBEDDING: &str = "text-embedding-3-small";

#[tokio::test]
async fn texts_are_embedded_as_floats_and_as_base64() {
    let api = Api::start().await;
    let body = json!({"model": EMBEDDING, "input": ["night train", "invoice"], "dimensions": 64});
    let answer = api.post(PATH, &body).await;
    assert_eq!(
        answer.headers()["x-lambent-model"],
        format!("openai::{EMBEDDING}")
    );
    let answer: Value = answer.json().await.unwrap();
    let expected = vector("night train", 64);
    let found: Vec<f32> = serde_json::from_value(answer["data"][0]["embedding"].clone()).unwrap();
    assert_eq!(found, expected);
    assert_eq!(answer["usage"]["prompt_tokens"], 3);
    assert_eq!(api.upstream.bodies()[0], body);

    let body =
        json!({"model": EMBEDDING, "input": "night train", "dimensions": 64, "encoding_format": "base64"});
    let answer: Value = api.post(PATH, &body).await.json().await.unwrap();
    let bytes = BASE64
        .decode(answer["data"][0]["embedding"].as_str().unwrap())
        .unwrap();
    let found: Vec<f32> = bytes
        .chunks(4)
        .map(|four| f32::from_le_bytes(four.try_into().unwrap()))
        .collect();
    assert_eq!(found, expected);
    let record = api.records(2).await.remove(0);
    assert_eq!(
        (record.route.as_str(), record.input_tokens),
        ("POST /v1/embeddings", Some(2))
    );
}

#[tokio::test]
async fn what_is_wrong_with_a_request_for_embeddings_is_named() {
    let api = Api::start().await;
    let told = error(api.post(PATH, &json!({"model": EMBEDDING})).await, 400).await;
    assert_eq!(
        (&told["param"], &told["code"]),
        (&json!("input"), &json!("missing_required_parameter"))
    );
    let body = json!({"model": EMBEDDING, "input": "x", "encoding_format": "hex"});
    assert_eq!(
        error(api.post(PATH, &body).await, 400).await["param"],
        "encoding_format"
    );
    // A model that chats embeds nothing.
    let told = error(api.post(PATH, &json!({"model": MODEL, "input": "x"})).await, 404).await;
    assert_eq!(told["code"], "model_not_found");
}

#[tokio::test]
async fn models_are_listed_for_any_caller_that_is_known() {
    let api = Api::start().await;
    let key = api.new_key(|key| key.scopes = vec!["search".to_owned()]).await;
    let get = async |path: &str, key: &str| {
        let asked = api.client.get(api.url(path)).header("x-api-key", key);
        asked.send().await.unwrap()
    };
    let list: Value = get("/v1/models", &key.reveal()).await.json().await.unwrap();
    let ids: Vec<&str> = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|model| model["id"].as_str().unwrap())
        .collect();
    assert_eq!(
        (list["object"].as_str(), ids),
        (Some("list"), vec![MODEL, EMBEDDING])
    );
    let one: Value = get(&format!("/v1/models/{MODEL}"), &key.reveal())
        .await
        .json()
        .await
        .unwrap();
    assert_eq!((&one["id"], &one["object"]), (&json!(MODEL), &json!("model")));
    let told = error(get("/v1/models/gpt-99", &key.reveal()).await, 404).await;
    assert_eq!(told["code"], "model_not_found");
    error(get("/v1/models", "sk_no").await, 401).await;
}

#[tokio::test]
async fn chats_and_embeddings_need_their_scopes() {
    let api = Api::start().await;
    for (scope, path) in [(Scope::Chat, CHAT), (Scope::Embeddings, PATH)] {
        let others = Scope::ALL.iter().filter(|other| **other != scope);
        let others = others.map(|scope| scope.as_str().to_owned()).collect();
        let key = api.new_key(|key| key.scopes = others).await;
        let mut body = chat(false);
        body["input"] = json!("x");
        let refused = api
            .posting(path, &body)
            .header("x-api-key", key.reveal())
            .send()
            .await
            .unwrap();
        assert_eq!(error(refused, 403).await["code"], "insufficient_permissions");
    }
}
