//! A document is put, read, listed, found and deleted.

use jsonschema::validator_for;
use lambent_schema::openapi;
use lambent_tests::api::Api;
use serde_json::{Value, json};

use super::{AT_ONCE, document, found, listed, put, status};

#[tokio::test]
async fn a_document_is_kept_at_once_and_told_as_it_is() {
    let api = Api::start().await;
    let mut handbook = document("night-trains:2026@pt", "sleepers", 3000);
    handbook["metadata"] = json!({"language": "en", "year": 2026, "price": 1.50, "is_draft": false});
    let answer = api.post("/documents", &handbook).await;
    assert_eq!(answer.status(), 201);
    let location = answer.headers()["location"].to_str().unwrap().to_owned();
    let here = answer.url().clone();
    let timing = answer.headers()["server-timing"].to_str().unwrap().to_owned();
    assert!(timing.contains("embed;dur="), "{timing}");
    let kept: Value = answer.json().await.unwrap();
    assert_eq!(kept["document_id"], handbook["id"]);
    assert_eq!(
        (&kept["title"], &kept["metadata"]),
        (&handbook["title"], &handbook["metadata"])
    );
    assert_eq!(kept["embedding_model"], "text-embedding-3-small");
    assert!(kept["chunks"].as_u64() >= Some(4), "{kept:#}");
    assert_eq!(kept["created_at"], kept["updated_at"]);
    let schemas = openapi::document();
    let schema = json!({"$ref": "#/components/schemas/Document", "components": schemas["components"]});
    assert!(validator_for(&schema).unwrap().is_valid(&kept), "{kept:#}");

    let told = api
        .client
        .get(here.join(&location).unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(told.status(), 200);
    assert_eq!(told.json::<Value>().await.unwrap(), kept);
    let found = found(&api, "sleepers").await;
    assert_eq!(found.len() as u64, kept["chunks"].as_u64().unwrap());
    let text: Vec<char> = handbook["text"].as_str().unwrap().chars().collect();
    for hit in &found {
        let place = |name: &str| usize::try_from(hit[name].as_u64().unwrap()).unwrap();
        let said: String = text[place("start")..place("end")].iter().collect();
        assert_eq!(hit["text"], said);
        assert_eq!(
            (&hit["title"], &hit["metadata"]),
            (&handbook["title"], &handbook["metadata"])
        );
    }
    // What was embedded was its title and the chunk's text, and it is in the request log what it cost.
    let bodies = api.upstream.bodies();
    let embedded = bodies[0]["input"][0].as_str().unwrap();
    assert!(
        embedded.starts_with("All about sleepers\nSentence 0"),
        "{embedded}"
    );
    let records = api.recorded().await;
    let record = records
        .iter()
        .find(|record| record.route == "POST /documents")
        .unwrap();
    assert_eq!(record.model.as_deref(), Some("text-embedding-3-small"));
    assert!(record.input_tokens > Some(500), "{record:?}");
}

#[tokio::test]
async fn a_document_without_an_id_gets_one_and_with_a_key_always_the_same() {
    let api = Api::start().await;
    let mut note = document("", "notes", 200);
    note.as_object_mut().unwrap().remove("id");
    let (one, other) = (put(&api, &note).await, put(&api, &note).await);
    assert_ne!(one["document_id"], other["document_id"]);
    let with_key = async || {
        let posting = api
            .posting("/documents", &note)
            .header("idempotency-key", "a note");
        let answer = posting.send().await.unwrap();
        assert_eq!(answer.status(), 201);
        answer.json::<Value>().await.unwrap()["document_id"].clone()
    };
    let id = with_key().await;
    assert_eq!(with_key().await, id);
    assert_eq!(listed(&api, 100).await.len(), 3);
    let wrong = api.posting("/documents", &note).header("idempotency-key", "");
    assert_eq!(wrong.send().await.unwrap().status(), 400);
}

#[tokio::test]
async fn documents_are_listed_the_one_put_last_first_page_by_page() {
    let api = Api::start().await;
    assert!(listed(&api, 100).await.is_empty());
    for number in 0..7 {
        put(&api, &document(&format!("doc-{number}"), "lists", 100)).await;
    }
    put(&api, &document("doc-2", "lists", 100)).await;
    let expected = [2, 6, 5, 4, 3, 1, 0].map(|number| format!("doc-{number}"));
    for limit in [1, 3, 7, 100] {
        assert_eq!(listed(&api, limit).await, expected, "{limit}");
    }
    for wrong in ["limit=0", "limit=101", "cursor=x", "page=2"] {
        let refused = api.get(&format!("/documents?{wrong}")).await;
        assert_eq!(refused.status(), 422, "{wrong}");
    }
}

#[tokio::test]
async fn a_deleted_document_is_gone_with_all_its_chunks() {
    let api = Api::start().await;
    put(&api, &document("kept", "whales", 5000)).await;
    put(&api, &document("gone", "whales", 5000)).await;
    let path = api.url("/documents/gone");
    let deleted = api.client.delete(&path).send().await.unwrap();
    assert_eq!(deleted.status(), 204);
    assert!(deleted.bytes().await.unwrap().is_empty());
    let hits = found(&api, "whales").await;
    assert!(!hits.is_empty() && hits.iter().all(|hit| hit["document_id"] == "kept"));
    assert_eq!(
        (status(&api, "gone").await, status(&api, "kept").await),
        (404, 200)
    );
    assert_eq!(listed(&api, 10).await, ["kept"]);
    assert_eq!(api.client.delete(&path).send().await.unwrap().status(), 404);
    // It can be put again.
    put(&api, &document("gone", "whales", 100)).await;
    assert_eq!(status(&api, "gone").await, 200);
}

#[tokio::test]
async fn the_longest_text_at_once_is_kept_at_once() {
    let api = Api::start().await;
    let mut longest = document("longest", "length", AT_ONCE);
    let text: String = longest["text"].as_str().unwrap().chars().take(AT_ONCE).collect();
    longest["text"] = json!(text);
    let kept = put(&api, &longest).await;
    println!("{} chunks of {AT_ONCE} characters", kept["chunks"]);
    assert!(kept["chunks"].as_u64() >= Some(50));
}
