//! Targets on a private network: refused for ever, and not even connected to.

use std::time::Duration;

use lambent_callbacks::Outcome;

use crate::book::Book;
use crate::receiver::{Answer, Bystander, Receiver};
use crate::{REFUSED, callbacks, callbacks_with, delivery, failed};

/// Public by its form, and in a part of the address space that was never given to anybody: nobody is disturbed by a packet to it.
const NOBODYS: &str = "2d00::1";

#[tokio::test]
async fn a_host_that_is_private_as_it_is_written_is_refused() {
    let bystander = Bystander::start().await;
    let port = bystander.address.port();
    let book = Book::of(&[("localhost", &[&["127.0.0.1"]])]);
    let callbacks = callbacks(&[], &book);
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "017700000001",
        "0.0.0.0",
        "0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::127.0.0.1]",
        "[2002:7f00:1::]",
        "169.254.169.254",
        "[fd00:ec2::254]",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "server.localhost",
        "server.internal",
        "server.local",
        "server",
    ] {
        let outcome = callbacks
            .deliver(&delivery(format!("https://{host}:{port}/")))
            .await;
        assert_eq!(outcome, failed(None, REFUSED, true), "{host}");
    }
    assert_eq!((bystander.connections().await, book.questions()), (0, 0));
}

#[tokio::test]
async fn a_name_with_any_private_address_is_refused() {
    let bystander = Bystander::start().await;
    let port = bystander.address.port();
    let book = Book::of(&[
        ("loopback.example", &[&["127.0.0.1"]]),
        ("metadata.example", &[&["169.254.169.254"]]),
        ("mapped.example", &[&["::ffff:127.0.0.1"]]),
        ("both.example", &[&[NOBODYS, "127.0.0.1"]]),
        ("both-again.example", &[&["127.0.0.1", NOBODYS]]),
        ("loopback.example.", &[&["127.0.0.1"]]),
    ]);
    let callbacks = callbacks(&[], &book);
    for name in [
        "loopback.example",
        "LoopBack.example",
        "loopback.example.",
        "metadata.example",
        "mapped.example",
        "both.example",
        "both-again.example",
    ] {
        let outcome = callbacks
            .deliver(&delivery(format!("https://{name}:{port}/")))
            .await;
        assert_eq!(outcome, failed(None, REFUSED, true), "{name}");
    }
    assert_eq!((bystander.connections().await, book.questions()), (0, 7));
}

#[tokio::test]
async fn a_name_is_resolved_once_so_a_second_answer_gains_nothing() {
    let bystander = Bystander::start().await;
    let port = bystander.address.port();
    let book = Book::of(&[("rebound.example", &[&[NOBODYS], &["127.0.0.1"]])]);
    let callbacks = callbacks_with(&[], &book, |config| config.timeout = Duration::from_millis(300));
    let first = callbacks
        .deliver(&delivery(format!("https://rebound.example:{port}/")))
        .await;
    let Outcome::Failed {
        status: None,
        is_final: false,
        ..
    } = first
    else {
        panic!("{first:?}");
    };
    assert_eq!(book.questions(), 1);
    let second = callbacks
        .deliver(&delivery(format!("https://rebound.example:{port}/")))
        .await;
    assert_eq!(second, failed(None, REFUSED, true));
    assert_eq!((bystander.connections().await, book.questions()), (0, 2));
}

#[tokio::test]
async fn what_is_allowed_is_allowed_at_its_port_only() {
    let receiver = Receiver::start(Answer::Status(204)).await;
    let bystander = Bystander::start().await;
    let port = receiver.address.port();
    let book = Book::of(&[("callback.example", &[&["127.0.0.1"]])]);
    let callbacks = callbacks(&[format!("callback.example:{port}")], &book);
    let outcome = callbacks
        .deliver(&delivery(format!("http://callback.example:{port}/")))
        .await;
    assert_eq!(outcome, Outcome::Delivered { status: 204 });
    let other = bystander.address.port();
    let outcome = callbacks
        .deliver(&delivery(format!("https://callback.example:{other}/")))
        .await;
    assert_eq!(outcome, failed(None, REFUSED, true));
    assert_eq!((receiver.received().len(), bystander.connections().await), (1, 0));
}

#[tokio::test]
async fn a_url_that_breaks_another_rule_is_refused_with_its_code() {
    let book = Book::empty();
    let callbacks = callbacks(&[], &book);
    for (url, code) in [
        ("http://callback.example/?token=hunter2", "not_https"),
        ("https://user:hunter2@callback.example/", "has_credentials"),
        ("hunter2", "wrong_form"),
    ] {
        let why = format!("refused: the URL breaks a rule ({code})");
        assert_eq!(callbacks.deliver(&delivery(url)).await, failed(None, &why, true));
    }
    assert_eq!(book.questions(), 0);
}
