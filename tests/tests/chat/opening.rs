//! Who may open a socket.

use lambent_service::sha256;
use lambent_store::conversations::Session;
use lambent_store::{CallerId, now_ms};
use lambent_tests::{api::Api, chat::Chat};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_opens_one_socket_for_whoever_asked_for_it() {
    let api = Api::here().await;
    let made = api.post("/chat/tickets", &json!(null)).await;
    assert_eq!(made.status(), 201);
    let ticket: Value = made.json().await.unwrap();
    let url = ticket["url"].as_str().unwrap();
    assert!(
        url.ends_with(&format!("/ws/chat?ticket={}", ticket["ticket"].as_str().unwrap())),
        "{url}"
    );
    let mut chat = Chat::at(url, &[]).await.unwrap();
    chat.say("Hello.", None).await;
    assert_eq!(chat.answer().await.last["type"], "done");
    assert_eq!(Chat::at(url, &[]).await.unwrap_err(), 401);
    // The message is of the ticket's caller.
    let records = api.records(2).await;
    let said = records
        .iter()
        .find(|record| record.route == "WS message")
        .unwrap();
    assert_eq!(said.caller.as_str(), api.key.id());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_come_with_one_ticket_at_once_one_gets_in() {
    let api = Api::here().await;
    for _ in 0..5 {
        let ticket: Value = api
            .post("/chat/tickets", &json!(null))
            .await
            .json()
            .await
            .unwrap();
        let url = ticket["url"].as_str().unwrap();
        let (one, other) = tokio::join!(Chat::at(url, &[]), Chat::at(url, &[]));
        assert!(one.is_ok() != other.is_ok());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_in_without_credentials_with_others_or_too_late() {
    let api = Api::here().await;
    let url = api.url("/ws/chat").replacen("http", "ws", 1);
    assert_eq!(Chat::at(&url, &[]).await.unwrap_err(), 401);
    assert_eq!(Chat::at(&url, &[("x-api-key", "sk_1")]).await.unwrap_err(), 401);
    assert_eq!(Chat::at(&format!("{url}?ticket=x"), &[]).await.unwrap_err(), 401);
    let key = api.new_key(|key| key.scopes = vec!["ask".to_owned()]).await;
    assert_eq!(Chat::with_key(&api, &key.reveal()).await.unwrap_err(), 403);
    let conversations = api.store.conversations().unwrap();
    let session = Session {
        caller: CallerId::for_operator(api.key.id()),
        scopes: vec!["chat".to_owned()],
    };
    let hash = sha256(&[b"late"]);
    conversations
        .make_ticket(&hash, &session, now_ms() - 1)
        .await
        .unwrap();
    assert_eq!(
        Chat::at(&format!("{url}?ticket=late"), &[]).await.unwrap_err(),
        401
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_revoked_says_nothing_more_over_the_socket_that_it_has() {
    let api = Api::here().await;
    let key = api.new_key(|_| {}).await;
    let mut chat = Chat::with_key(&api, &key.reveal()).await.unwrap();
    chat.say("Hello.", None).await;
    assert_eq!(chat.answer().await.last["type"], "done");
    api.store
        .callers()
        .unwrap()
        .revoke_key(key.id(), now_ms())
        .await
        .unwrap();
    chat.say("Hello.", None).await;
    assert_eq!(chat.until("error").await["error"]["status"], 401);
}
