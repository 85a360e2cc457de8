//! Callbacks to real servers on loopback: what a receiver gets, what it may answer, and where nothing is ever sent.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod answers;
mod book;
mod https;
mod receiver;
mod redirects;
mod refusals;
mod signatures;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use lambent_callbacks::{CallbackConfig, Callbacks, Delivery, Outcome, Signer};

use crate::book::Book;
use crate::receiver::{Answer, Receiver};

const PEPPER: &[u8] = b"a pepper of 32 characters or more";
const CALLER: &str = "0123456789abcdef";
const REFUSED: &str = "refused: the address is not public";

/// Callbacks to what is allowed, with names from this book.
fn callbacks(allow: &[String], book: &Arc<Book>) -> Callbacks {
    callbacks_with(allow, book, |_| {})
}

fn callbacks_with(allow: &[String], book: &Arc<Book>, change: impl FnOnce(&mut CallbackConfig)) -> Callbacks {
    let mut config = CallbackConfig {
        allow: allow.to_vec(),
        ..CallbackConfig::default()
    };
    change(&mut config);
    Callbacks::with_resolver(config, Signer::new(PEPPER), book.clone()).unwrap()
}

/// Callbacks to this receiver, which is allowed, within a short time.
fn callbacks_to(receiver: &Receiver, timeout: Duration) -> Callbacks {
    callbacks_with(&[receiver.address.to_string()], &Book::empty(), |config| {
        config.timeout = timeout;
    })
}

fn delivery(url: impl Into<String>) -> Delivery {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Delivery {
        url: url.into(),
        id: "msg_job_1".to_owned(),
        timestamp: i64::try_from(now.as_secs()).unwrap(),
        body: r#"{"type":"job.succeeded","data":{"word":"übermäßig"}}"#.to_owned(),
        caller: CALLER.to_owned(),
    }
}

fn failed(status: Option<u16>, why: &str, is_final: bool) -> Outcome {
    Outcome::Failed {
        status,
        why: why.to_owned(),
        is_final,
    }
}

/// What becomes of a callback to a receiver that answers like this, within a second.
async fn outcome_of(answer: Answer) -> (Outcome, Receiver) {
    let receiver = Receiver::start(answer).await;
    let callbacks = callbacks_to(&receiver, Duration::from_secs(1));
    let outcome = callbacks.deliver(&delivery(receiver.url("/callback"))).await;
    (outcome, receiver)
}
