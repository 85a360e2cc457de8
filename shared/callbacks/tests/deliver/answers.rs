//! What a server may answer, and when it is given up.

use std::time::{Duration, Instant};

use lambent_callbacks::{CallbackConfig, Callbacks, Outcome, Signer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::book::Book;
use crate::receiver::{Answer, Bystander, Receiver, SECRET_OF_THE_BODY};
use crate::{PEPPER, callbacks, callbacks_to, callbacks_with, delivery, failed, outcome_of};

#[tokio::test]
async fn every_2xx_is_a_delivery() {
    for status in [200, 201, 202, 204, 299] {
        let (outcome, _receiver) = outcome_of(Answer::Status(status)).await;
        assert_eq!(outcome, Outcome::Delivered { status });
    }
}

#[tokio::test]
async fn names_are_looked_up_as_the_system_does() {
    let receiver = Receiver::start(Answer::Status(200)).await;
    let target = format!("localhost:{}", receiver.address.port());
    let config = CallbackConfig {
        allow: vec![target.clone()],
        ..CallbackConfig::default()
    };
    let callbacks = Callbacks::new(config, Signer::new(PEPPER)).unwrap();
    let outcome = callbacks.deliver(&delivery(format!("http://{target}/"))).await;
    assert_eq!(outcome, Outcome::Delivered { status: 200 });
}

#[tokio::test]
async fn any_other_status_may_be_tried_again() {
    for status in [400, 401, 404, 429, 500, 502, 503] {
        let (outcome, _receiver) = outcome_of(Answer::Status(status)).await;
        let why = format!("the server answered with status {status}");
        assert_eq!(outcome, failed(Some(status), &why, false));
        assert!(!format!("{outcome:?}").contains(SECRET_OF_THE_BODY));
    }
}

#[tokio::test]
async fn gone_is_final() {
    let (outcome, _receiver) = outcome_of(Answer::Status(410)).await;
    let why = "the server answered with status 410: it wants no callbacks";
    assert_eq!(outcome, failed(Some(410), why, true));
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up_in_time() {
    let receiver = Receiver::start(Answer::Silence).await;
    let callbacks = callbacks_to(&receiver, Duration::from_millis(300));
    let started = Instant::now();
    let outcome = callbacks
        .deliver(&delivery(receiver.url("/?token=hunter2")))
        .await;
    assert_eq!(outcome, failed(None, "no answer within 0.3 s", false));
    assert!(
        started.elapsed() < Duration::from_secs(2),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn a_server_that_never_begins_tls_is_given_up_in_time() {
    let bystander = Bystander::start().await;
    let address = bystander.address.to_string();
    let callbacks = callbacks_with(std::slice::from_ref(&address), &Book::empty(), |config| {
        config.timeout = Duration::from_millis(300);
    });
    let outcome = callbacks.deliver(&delivery(format!("https://{address}/"))).await;
    assert_eq!(outcome, failed(None, "no answer within 0.3 s", false));
    assert_eq!(bystander.connections().await, 1);
}

#[tokio::test]
async fn an_answer_without_an_end_is_not_read_whole() {
    let started = Instant::now();
    let (outcome, receiver) = outcome_of(Answer::Endless).await;
    assert_eq!(outcome, Outcome::Delivered { status: 200 });
    assert!(
        started.elapsed() < Duration::from_millis(900),
        "{:?}",
        started.elapsed()
    );
    // Beside what was read, what fits into both ends' buffers.
    assert!(receiver.sent() < 16 * 1024 * 1024, "{}", receiver.sent());
}

#[tokio::test]
async fn an_answer_whose_body_never_comes_counts_by_its_status() {
    let started = Instant::now();
    let (outcome, _receiver) = outcome_of(Answer::Unbegun).await;
    assert_eq!(outcome, Outcome::Delivered { status: 200 });
    assert!(
        started.elapsed() < Duration::from_secs(3),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn what_is_no_http_may_be_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let mut request = [0; 1024];
            let _ = connection.read(&mut request).await;
            let _ = connection.write_all(b"SSH-2.0-hunter2\r\n\r\n").await;
        }
    });
    let callbacks = callbacks(std::slice::from_ref(&address), &Book::empty());
    let outcome = callbacks.deliver(&delivery(format!("http://{address}/"))).await;
    assert_eq!(
        outcome,
        failed(None, "the connection broke before an answer", false)
    );
}

#[tokio::test]
async fn nobody_listening_or_no_such_name_may_be_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let callbacks = callbacks(std::slice::from_ref(&address), &Book::empty());
    for (url, why) in [
        (
            format!("http://{address}/?token=hunter2"),
            "no connection could be made",
        ),
        (
            "https://nowhere.example/?token=hunter2".to_owned(),
            "the name could not be resolved",
        ),
    ] {
        assert_eq!(callbacks.deliver(&delivery(url)).await, failed(None, why, false));
    }
}
