use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::Instant;

use super::*;
use crate::{ModelConfig, Models, Prompt};

const ID: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// The parameters of the URL in a token, sorted: their order is free.
fn parameters(token: &str) -> Vec<String> {
    let encoded = token.strip_prefix("bedrock-api-key-").unwrap();
    let text = String::from_utf8(BASE64.decode(encoded).unwrap()).unwrap();
    let query = text.strip_prefix("bedrock.amazonaws.com/?").unwrap();
    let mut parameters: Vec<_> = query.split('&').map(str::to_owned).collect();
    parameters.sort();
    parameters
}

#[test]
fn tokens_equal_those_of_awss_own_generator() {
    // Printed by aws-bedrock-token-generator 1.1.0 (PyPI) with these credentials, for eu-west-1, at 2026-11-21T12:00:00Z.
    let session = "IQoJb3JpZ2luX2VjE/+==";
    let with_session = "bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29tLz9BY3Rpb249Q2FsbFdpdGhCZWFyZXJUb2tlbiZYLUFtei1BbGdvcml0aG09QVdTNC1ITUFDLVNIQTI1NiZYLUFtei1DcmVkZW50aWFsPUFLSURFWEFNUExFJTJGMjAyNjExMjElMkZldS13ZXN0LTElMkZiZWRyb2NrJTJGYXdzNF9yZXF1ZXN0JlgtQW16LURhdGU9MjAyNjExMjFUMTIwMDAwWiZYLUFtei1FeHBpcmVzPTM2MDAmWC1BbXotU2lnbmVkSGVhZGVycz1ob3N0JlgtQW16LVNlY3VyaXR5LVRva2VuPUlRb0piM0pwWjJsdVgyVmpFJTJGJTJCJTNEJTNEJlgtQW16LVNpZ25hdHVyZT1iZjk2N2RhY2E4NTYyMTAwODM2YjBkY2YyYzVjNGY4ZWQ5MzFiNGUxYmY4NGQxYTc2NzcxMDI4Y2Q5MWJiZTRhJlZlcnNpb249MQ==";
    let without = "bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29tLz9BY3Rpb249Q2FsbFdpdGhCZWFyZXJUb2tlbiZYLUFtei1BbGdvcml0aG09QVdTNC1ITUFDLVNIQTI1NiZYLUFtei1DcmVkZW50aWFsPUFLSURFWEFNUExFJTJGMjAyNjExMjElMkZldS13ZXN0LTElMkZiZWRyb2NrJTJGYXdzNF9yZXF1ZXN0JlgtQW16LURhdGU9MjAyNjExMjFUMTIwMDAwWiZYLUFtei1FeHBpcmVzPTQzMjAwJlgtQW16LVNpZ25lZEhlYWRlcnM9aG9zdCZYLUFtei1TaWduYXR1cmU9MTFjMzEwOGEwMzJlNmQ0ZDAwNzQwNmU1MzAzYjIyNzUyY2FkYjYwNjFiYzU1YjMxNTA0MzY5MjYzM2YzNzk1MyZWZXJzaW9uPTE=";
    let noon = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_262_400);
    for (session, hours, expected) in [(Some(session), 1, with_session), (None, 12, without)] {
        let credentials = AwsCredentials::new(ID, SECRET, session.map(str::to_owned), "eu-west-1");
        let token = credentials
            .token_at(noon, Duration::from_secs(hours * 3600))
            .unwrap();
        assert_eq!(parameters(&token), parameters(expected));
    }
}

#[tokio::test]
async fn a_call_carries_a_fresh_token_and_no_secret() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = ModelConfig::new("bedrock_api::amazon.nova-lite-v1:0");
    config.url = Some(format!("http://{}", listener.local_addr().unwrap()));
    config.aws = Some(AwsCredentials::new(ID, SECRET, None, "eu-west-1"));
    config.max_retries = 0;
    let models = Models::new(config).unwrap();
    let call = tokio::spawn(async move {
        let prompt = Prompt {
            system: "Be short.".to_owned(),
            user: "Hello?".to_owned(),
            ..Prompt::default()
        };
        models
            .complete(&prompt, Instant::now() + Duration::from_secs(5))
            .await
    });
    let (mut socket, _) = listener.accept().await.unwrap();
    let mut head = Vec::new();
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        assert_ne!(socket.read_buf(&mut head).await.unwrap(), 0);
    }
    socket
        .write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")
        .await
        .unwrap();
    call.await.unwrap().unwrap_err();

    let head = String::from_utf8_lossy(&head);
    assert!(
        head.starts_with("POST /model/amazon.nova-lite-v1%3A0/converse-stream "),
        "{head}"
    );
    let token = head
        .lines()
        .find_map(|line| line.strip_prefix("authorization: Bearer "))
        .unwrap();
    let parameters = parameters(token);
    assert!(
        parameters.contains(&"X-Amz-Expires=900".to_owned()),
        "{parameters:?}"
    );
    assert!(!head.contains(SECRET));
}

#[test]
fn neither_secret_nor_session_token_is_printed() {
    let credentials = AwsCredentials::new(ID, SECRET, Some("session".to_owned()), "eu-west-1");
    let printed = format!("{credentials:?}");
    assert!(
        !printed.contains(SECRET) && !printed.contains("session"),
        "{printed}"
    );
}
