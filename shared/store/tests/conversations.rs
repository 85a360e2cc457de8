//! Messages are answered once at most, and those that wait are found whatever else is due.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

#[path = "common/mod.rs"]
mod common;

use lambent_store::conversations::{
    Answered, Connection, Due, Ended, Message, NewMessage, Session, Take, Taking,
};
use lambent_store::{CallerId, Conversations};

const NOW: u64 = 1_800_000_000_000;
const LEASE: u64 = 10_000;

async fn conversations() -> Conversations {
    let (store, _) = common::store().await;
    store.conversations().unwrap()
}

fn message(id: &str) -> NewMessage {
    NewMessage {
        message_id: id.to_owned(),
        caller: CallerId::for_operator("alice"),
        conversation_id: "c1".to_owned(),
        connection: "socket".to_owned(),
        request_id: "r1".to_owned(),
        text: "When does it leave?".to_owned(),
        max_output_tokens: None,
        held: None,
        held_until: NOW + 400_000,
        now_ms: NOW,
    }
}

async fn take(conversations: &Conversations, message: &Message, lock: &str, now_ms: u64) -> Taking {
    let take = Take {
        lock,
        now_ms,
        lease_ms: LEASE,
    };
    conversations.take(&message.key(), &take).await.unwrap()
}

/// A message that waits.
async fn say(conversations: &Conversations, id: &str) -> Message {
    conversations.say(&message(id)).await.unwrap();
    last(conversations).await
}

async fn last(conversations: &Conversations) -> Message {
    let caller = CallerId::for_operator("alice");
    conversations.last(&caller, "c1").await.unwrap().unwrap()
}

fn answered(text: &str) -> Ended {
    Ended::Done(Answered {
        text: text.to_owned(),
        input_tokens: 1,
        output_tokens: 1,
    })
}

#[tokio::test]
async fn a_message_that_is_put_again_stays_with_whoever_answers_it() {
    let conversations = conversations().await;
    let waiting = say(&conversations, "1").await;
    assert!(matches!(
        take(&conversations, &waiting, "a", NOW).await,
        Taking::Taken(_)
    ));
    let taken = last(&conversations).await;
    // As the SDK does where the answer to the first attempt was lost.
    conversations.say(&message("1")).await.unwrap();
    assert_eq!(last(&conversations).await, taken);
}

#[tokio::test]
async fn of_those_who_give_up_a_message_one_does() {
    let conversations = conversations().await;
    let waiting = say(&conversations, "1").await;
    take(&conversations, &waiting, "a", NOW).await;
    let taking = take(&conversations, &waiting, "b", NOW + LEASE + 1).await;
    let Taking::Lost(lost) = taking else {
        panic!("{taking:?}");
    };
    assert!(conversations.give_up(&lost, "answer_lost").await.unwrap());
    assert!(!conversations.give_up(&lost, "answer_lost").await.unwrap());
}

#[tokio::test]
async fn a_message_that_was_answered_meanwhile_is_not_given_up() {
    let conversations = conversations().await;
    let waiting = say(&conversations, "1").await;
    take(&conversations, &waiting, "a", NOW).await;
    let lost = last(&conversations).await;
    let (key, ended) = (lost.key(), answered("At 21:40."));
    assert!(conversations.end(&key, "a", &ended).await.unwrap());
    assert!(!conversations.give_up(&lost, "answer_lost").await.unwrap());
    assert_eq!(last(&conversations).await.answer.as_deref(), Some("At 21:40."));
}

#[tokio::test]
async fn messages_that_wait_are_found_whatever_else_is_due() {
    let conversations = conversations().await;
    for n in 0..60 {
        let connection = Connection {
            connection: format!("socket{n}"),
            session: Session {
                caller: CallerId::for_operator("alice"),
                scopes: Vec::new(),
            },
            connected_at: NOW,
            told_idle_at: None,
            told_age: false,
        };
        conversations.open(&connection, NOW - 60_000).await.unwrap();
    }
    let running = say(&conversations, "1").await;
    take(&conversations, &running, "a", NOW).await;
    let waiting = say(&conversations, "2").await;
    let later = NOW + 90_000;
    let found = async || conversations.waiting(later, 5).await.unwrap();
    assert_eq!(found().await, [waiting.key()]);
    // A sweeper that looks at it does not put it behind others.
    conversations.look_later(&waiting, later).await.unwrap();
    assert_eq!(found().await, [waiting.key()]);
    let due = conversations.due(later, 100).await.unwrap();
    let messages = due.iter().filter(|due| matches!(due, Due::Message(_)));
    assert_eq!((due.len(), messages.count()), (62, 2));
}
