//! Rates and budgets count for each message.

use lambent_store::callers::Rate;
use lambent_tests::{
    api::Api,
    chat::Chat,
    upstream::{Answer, Behaviour},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_the_budget_does_not_cover_is_told_so_and_asks_no_model() {
    let api = priced().await;
    let key = api.new_key(|key| key.limits.budget = Some(10)).await;
    let mut chat = Chat::with_key(&api, &key.reveal()).await.unwrap();
    chat.say("Hello.", None).await;
    let error = chat.until("error").await;
    assert_eq!(error["error"]["code"], "budget_exceeded");
    assert_eq!(error["error"]["status"], 429);
    assert_eq!(api.upstream.counts().requests, 0);
    let record = &api.records(1).await[0];
    assert_eq!(record.error_code.as_deref(), Some("budget_exceeded"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_answer_did_not_cost_is_given_back() {
    let api = priced().await;
    const BUDGET: u64 = 10_000_000;
    let key = api.new_key(|key| key.limits.budget = Some(BUDGET)).await;
    api.upstream
        .then(Answer::text("Yes."))
        .otherwise(Behaviour::status(400));
    let mut chat = Chat::with_key(&api, &key.reveal()).await.unwrap();
    chat.say("Hello.", None).await;
    let done = chat.answer().await;
    let cost = done.last["cost"]["tokens"].as_u64().unwrap();
    assert!(cost > 0);
    chat.say("Again.", Some(done.conversation())).await;
    assert_eq!(chat.answer().await.last["type"], "error");
    // Also where a conversation is not known after money was reserved.
    chat.say("What?", Some("00000000-0000-7000-8000-000000000000"))
        .await;
    chat.until("error").await;
    api.records(3).await;
    let keys = api.store.callers().unwrap().keys(lambent_store::now_ms()).await;
    let kept = keys
        .unwrap()
        .into_iter()
        .find(|kept| kept.id == key.id())
        .unwrap();
    assert_eq!((kept.calls, kept.work), (0, 0));
    assert_eq!(kept.remaining, Some(i64::try_from(BUDGET - cost).unwrap()));
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_come_too_often_are_told_when_to_come_again() {
    let api = Api::here().await;
    let key = api
        .new_key(|key| {
            key.limits.rate = Rate {
                interval_ms: 60_000,
                burst: 2,
            };
        })
        .await;
    // Opening the socket is one.
    let mut chat = Chat::with_key(&api, &key.reveal()).await.unwrap();
    chat.say("Hello.", None).await;
    let first = chat.answer().await;
    assert_eq!(first.last["type"], "done");
    chat.say("Again.", Some(first.conversation())).await;
    let error = chat.until("error").await;
    assert_eq!(error["error"]["code"], "rate_limited");
    assert!(error["error"]["retry_after"].as_u64().unwrap() > 30, "{error}");
    assert_eq!(api.upstream.counts().requests, 1);
}

async fn priced() -> Api {
    Api::with(|model, _| model.price = Some("1.00/10.00".parse().unwrap())).await
}
