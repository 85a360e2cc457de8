//! What chats and embeddings cost.

use lambent_callers::ApiKey;
use lambent_tests::{
    database::now_ms,
    upstream::{Answer, Behaviour, Fault},
};

use super::*;

/// An API whose model costs a micro-dollar a token read, and ten a token written.
async fn priced() -> Api {
    Api::with(|model, _| {
        model.price = Some("1.00/10.00".parse().unwrap());
        model.max_output_tokens = 100;
    })
    .await
}

async fn with_budget(api: &Api, budget: u64) -> ApiKey {
    api.new_key(|key| key.limits.budget = Some(budget)).await
}

async fn left(api: &Api, key: &ApiKey) -> i64 {
    let keys = api.store.callers().unwrap().keys(now_ms()).await.unwrap();
    let kept = keys.into_iter().find(|kept| kept.id == key.id()).unwrap();
    assert_eq!(kept.calls, 0, "nothing is reserved any more");
    kept.remaining.unwrap()
}

async fn ask(api: &Api, key: &ApiKey, body: &Value) -> Response {
    let asked = api.posting(CHAT, body).header("x-api-key", key.reveal());
    asked.send().await.unwrap()
}

#[tokio::test]
async fn a_chat_costs_what_its_provider_counts_whole_and_streamed() {
    let api = priced().await;
    api.upstream.otherwise(Answer::text("It leaves at 21:40."));
    let key = with_budget(&api, 100_000).await;
    for (turn, stream) in [false, true].into_iter().enumerate() {
        ask(&api, &key, &chat(stream)).await.text().await.unwrap();
        let spent = (turn as i64 + 1) * (4 + 4 * 10);
        assert_eq!(left(&api, &key).await, 100_000 - spent);
    }
}

#[tokio::test]
async fn the_most_that_it_can_cost_is_reserved_by_its_limit_and_the_number_of_answers() {
    let api = priced().await;
    let bytes = |body: &Value| body.to_string().len() as u64;
    let mut body = chat(false);
    body["max_tokens"] = json!(10);
    body["n"] = json!(2);
    let most = bytes(&body) + 2 * 10 * 10;
    let poor = with_budget(&api, most - 1).await;
    let told = error(ask(&api, &poor, &body).await, 429).await;
    assert_eq!(
        (&told["type"], &told["code"]),
        (&json!("insufficient_quota"), &json!("insufficient_quota"))
    );
    assert_eq!(api.upstream.counts().requests, 0);
    let rich = with_budget(&api, most).await;
    assert_eq!(ask(&api, &rich, &body).await.status(), 200);
    // Without a limit of its own the API's counts.
    let told = error(ask(&api, &rich, &chat(false)).await, 429).await;
    assert_eq!(told["code"], "insufficient_quota");
}

#[tokio::test]
async fn a_stream_that_breaks_off_costs_what_was_written_until_then() {
    let api = priced().await;
    let key = with_budget(&api, 100_000).await;
    api.upstream
        .then(Answer::text("one two three four").with_fault(3, Fault::Cut));
    ask(&api, &key, &chat(true)).await.text().await.unwrap();
    let record = api.records(1).await.remove(0);
    assert_eq!(
        (record.output_tokens, record.tokens_are_estimated),
        (Some(3), true)
    );
    let spent = record.input_tokens.unwrap() + 3 * 10;
    assert_eq!(record.cost_micro_dollars, Some(spent));
    assert_eq!(left(&api, &key).await, 100_000 - i64::try_from(spent).unwrap());
}

#[tokio::test]
async fn an_answer_whose_provider_counts_nothing_costs_what_is_counted_here() {
    let api = priced().await;
    let key = with_budget(&api, 100_000).await;
    let message = json!({"role": "assistant", "content": "night train ".repeat(10), "reasoning": "night train ".repeat(10)});
    let body = json!({"id": "1", "object": "chat.completion", "created": 1, "model": "x", "choices": [{"index": 0, "message": message}]});
    api.upstream.then(Behaviour::Status {
        status: 200,
        headers: Vec::new(),
        body,
    });
    assert_eq!(ask(&api, &key, &chat(false)).await.status(), 200);
    let record = api.records(1).await.remove(0);
    // 120 bytes twice, four of them a token.
    assert_eq!(
        (record.output_tokens, record.tokens_are_estimated),
        (Some(60), true)
    );
    let spent = record.input_tokens.unwrap() + 60 * 10;
    assert_eq!(left(&api, &key).await, 100_000 - i64::try_from(spent).unwrap());
}

#[tokio::test]
async fn a_callers_own_limit_bounds_an_answer() {
    let api = Api::start().await;
    api.upstream.otherwise(Answer::text("one two three four five"));
    let key = api.new_key(|key| key.limits.max_output_tokens = Some(3)).await;
    let answer: Value = ask(&api, &key, &chat(false)).await.json().await.unwrap();
    assert_eq!(answer["choices"][0]["finish_reason"], "length");
    assert_eq!(api.upstream.bodies()[0]["max_tokens"], 3);
}
