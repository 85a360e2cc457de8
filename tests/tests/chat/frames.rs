//! Frames that are none, and what keeps a socket open.

use lambent_tests::{api::Api, chat::Chat};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn garbage_gets_an_error_frame_and_the_socket_stays_open() {
    let api = Api::here().await;
    let mut chat = Chat::open(&api).await;
    for (frame, code) in [
        ("", "invalid_json"),
        ("hunter2", "invalid_json"),
        ("{\"type\": \"message\"", "invalid_json"),
        ("[]", "validation_failed"),
        ("{\"type\": \"hunter2\"}", "validation_failed"),
        ("{\"type\": \"message\"}", "validation_failed"),
        (
            "{\"type\": \"message\", \"text\": \"x\", \"hunter2\": 1}",
            "validation_failed",
        ),
        (
            "{\"type\": \"cancel\", \"conversation_id\": \"hunter2\"}",
            "validation_failed",
        ),
    ] {
        chat.send_text(frame).await;
        let error = chat.until("error").await;
        assert_eq!(error["error"]["code"], code, "{frame}");
        assert!(error["error"]["request_id"].is_string(), "{error}");
        let is_echoed = error.to_string().contains("hunter2") && !frame.contains("\"hunter2\": 1");
        assert!(!is_echoed, "{error}");
    }
    let long = json!({"type": "message", "text": "a".repeat(8001)});
    chat.send(&long).await;
    let error = chat.until("error").await;
    assert_eq!(error["error"]["errors"][0]["pointer"], "/text");
    chat.send(&json!({"type": "ping"})).await;
    assert_eq!(chat.next().await.unwrap(), json!({"type": "pong"}));
    assert_eq!(api.upstream.counts().requests, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_128_kilobytes_close_the_socket_with_1009() {
    let api = Api::here().await;
    for bytes in [129 * 1024, 3 * 1024 * 1024] {
        let mut chat = Chat::open(&api).await;
        chat.send_text("a".repeat(bytes)).await;
        assert_eq!(chat.next().await, Err(1009), "{bytes}");
    }
    let mut chat = Chat::open(&api).await;
    chat.send_text("a".repeat(128 * 1024)).await;
    assert_eq!(chat.until("error").await["error"]["code"], "invalid_json");
}
