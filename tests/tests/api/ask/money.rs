//! What a question costs.

use lambent_answers::{PROMPT_BYTES, SOURCES_BYTES};
use lambent_callers::ApiKey;
use lambent_tests::{
    api::Api,
    database::now_ms,
    upstream::{Answer, Behaviour},
};
use reqwest::Response;

use super::*;

/// Micro-dollars for a token that is embedded, read and written.
const EMBEDDED: u64 = 3;
const READ: u64 = 1;
const WRITTEN: u64 = 10;
const MAX_OUTPUT_TOKENS: u32 = 20;

/// An API whose models cost something.
async fn priced() -> Api {
    let api = Api::configured(|config| {
        if let lambent::dev::Model::Elsewhere(model) = &mut config.model {
            model.price = Some("1.00/10.00".parse().unwrap());
            model.max_output_tokens = MAX_OUTPUT_TOKENS;
        }
        if let lambent::dev::Embedding::Elsewhere(model) = &mut config.embedding {
            model.price = Some("3.00/0".parse().unwrap());
        }
    })
    .await;
    put_trains(&api).await;
    api
}

async fn ask(api: &Api, key: &ApiKey, accept: &str) -> Response {
    let asked = api.posting(PATH, &asking(QUESTION));
    let asked = asked.header("x-api-key", key.reveal()).header("accept", accept);
    asked.send().await.unwrap()
}

async fn with_budget(api: &Api, budget: u64) -> ApiKey {
    let key = api.new_key(|key| key.limits.budget = Some(budget)).await;
    put(
        &api.store,
        &owner(&key),
        &Document::of("trains", &[TRAIN, PRICES]),
    )
    .await;
    key
}

async fn left(api: &Api, key: &ApiKey) -> i64 {
    let keys = api.store.callers().unwrap().keys(now_ms()).await.unwrap();
    let kept = keys.into_iter().find(|kept| kept.id == key.id()).unwrap();
    assert_eq!(kept.calls, 0, "nothing is reserved any more");
    kept.remaining.unwrap()
}

/// What a request costs for which both models were asked, by what the upstream counted since `before`.
fn sold(api: &Api, before: lambent_tests::upstream::Counts) -> u64 {
    let now = api.upstream.counts();
    let words = QUESTION.split_whitespace().count() as u64;
    let read = now.prompt_tokens - before.prompt_tokens - words;
    words * EMBEDDED + read * READ + (now.completion_tokens - before.completion_tokens) * WRITTEN
}

#[tokio::test]
async fn a_question_costs_its_embedding_and_its_answer() {
    let api = priced().await;
    api.upstream
        .otherwise(Answer::text("It leaves Santa Apolonia at 21:40 [1]."));
    let key = with_budget(&api, 1_000_000).await;
    let before = api.upstream.counts();
    let whole = ask(&api, &key, "application/json").await;
    let header = whole.headers()["x-lambent-cost"].to_str().unwrap().to_owned();
    whole.text().await.unwrap();
    let cost = sold(&api, before);
    assert!(
        header.starts_with(&format!("tokens={cost}, ")),
        "{header}, {cost}"
    );
    let record = api.records(1).await.remove(0);
    assert_eq!(
        (record.cost_micro_dollars, record.tokens_are_estimated),
        (Some(cost), false)
    );
    assert_eq!(left(&api, &key).await, 1_000_000 - i64::try_from(cost).unwrap());

    let before = api.upstream.counts();
    let streamed = ask(&api, &key, "text/event-stream").await;
    let events = Events::parse(&streamed.text().await.unwrap());
    let again = sold(&api, before);
    let (_, done) = events.terminal();
    assert_eq!(done["cost"]["tokens"], again);
    let spent = i64::try_from(cost + again).unwrap();
    assert_eq!(left(&api, &key).await, 1_000_000 - spent);
}

#[tokio::test]
async fn what_finds_nothing_or_fails_costs_its_embedding_alone() {
    let api = priced().await;
    let key = with_budget(&api, 1_000_000).await;
    api.upstream.then(Behaviour::unauthorized());
    assert_eq!(
        ask(&api, &key, "application/json").await.status(),
        StatusCode::BAD_GATEWAY
    );
    let asked = api.posting(PATH, &json!({"question": "Quantum chromodynamics?"}));
    let nothing = asked.header("x-api-key", key.reveal()).send().await.unwrap();
    assert_eq!(nothing.status(), StatusCode::OK);
    let words = QUESTION.split_whitespace().count() + 2;
    let spent = i64::try_from(words as u64 * EMBEDDED).unwrap();
    assert_eq!(left(&api, &key).await, 1_000_000 - spent);
}

#[tokio::test]
async fn a_budget_that_does_not_cover_the_most_is_refused_before_anything_is_asked() {
    let api = priced().await;
    let body = asking(QUESTION).to_string().len() as u64;
    // Either model may be asked twice more, where a call fails.
    let most = 3 * body * EMBEDDED
        + 3 * (body + SOURCES_BYTES as u64 + PROMPT_BYTES) * READ
        + u64::from(MAX_OUTPUT_TOKENS) * WRITTEN;
    let poor = with_budget(&api, most - 1).await;
    let refused = ask(&api, &poor, "application/json").await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.json::<Value>().await.unwrap()["code"], "budget_exceeded");
    assert_eq!(api.upstream.counts().requests, 0);
    let enough = with_budget(&api, most).await;
    assert_eq!(
        ask(&api, &enough, "application/json").await.status(),
        StatusCode::OK
    );
}
