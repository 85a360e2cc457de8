//! How much money a caller may spend, and what each request costs it.

use std::time::Duration;

use futures::{StreamExt as _, future::join_all};
use lambent_callers::ApiKey;
use lambent_store::{State, callers::KeyRecord};
use lambent_tests::{
    api::{Api, report, request},
    database::now_ms,
    sse::Events,
    upstream::{Answer, Behaviour, Counts, Fault},
};
use reqwest::{Response, StatusCode};
use serde_json::Value;

/// Micro-dollars for a token read and for one written.
const INPUT: u64 = 1;
const OUTPUT: u64 = 10;
/// Most tokens of an answer.
const MAX_OUTPUT_TOKENS: u32 = 20;

/// An API whose model costs something.
async fn priced() -> Api {
    Api::with(|model, _| {
        model.price = Some("1.00/10.00".parse().unwrap());
        model.max_output_tokens = MAX_OUTPUT_TOKENS;
    })
    .await
}

fn body() -> Value {
    request(&report(), "summary", "markdown")
}

/// The most that a stream of [`body`] can cost.
fn at_most() -> u64 {
    let bytes = body().to_string().len() as u64 + lambent_analysis::PROMPT_BYTES;
    // It may be asked twice more, where a call fails before its first token.
    3 * bytes * INPUT + u64::from(MAX_OUTPUT_TOKENS) * OUTPUT
}

async fn stream(api: &Api, key: &ApiKey) -> Response {
    let client = reqwest::Client::new();
    let sent = client
        .post(api.url("/analyse/stream"))
        .header("x-api-key", key.reveal())
        .json(&body());
    sent.send().await.unwrap()
}

async fn with_budget(api: &Api, budget: u64) -> ApiKey {
    api.new_key(|key| key.limits.budget = Some(budget)).await
}

async fn kept(api: &Api, key: &ApiKey) -> KeyRecord {
    let keys = api.store.callers().unwrap().keys(now_ms()).await.unwrap();
    keys.into_iter().find(|kept| kept.id == key.id()).unwrap()
}

/// What the provider says that it has sold.
fn sold(counts: Counts) -> u64 {
    counts.prompt_tokens * INPUT + counts.completion_tokens * OUTPUT
}

#[tokio::test]
async fn fifty_at_once_never_spend_more_than_the_budget_nor_less_than_they_could() {
    let api = priced().await;
    api.upstream
        .otherwise(Answer::text("one two three").paced(Duration::from_millis(700), Duration::ZERO));
    let budget = 3 * at_most();
    let key = with_budget(&api, budget).await;
    let answers = join_all((0..50).map(|_| async {
        let answer = stream(&api, &key).await;
        (answer.status(), answer.text().await.unwrap())
    }))
    .await;
    let passed = answers
        .iter()
        .filter(|(status, _)| *status == StatusCode::OK)
        .count();
    assert_eq!(passed, 3, "the budget holds three at once");
    for (status, body) in answers.iter().filter(|(status, _)| *status != StatusCode::OK) {
        assert_eq!(*status, StatusCode::TOO_MANY_REQUESTS);
        assert!(body.contains("budget_exceeded"), "{body}");
    }
    assert_eq!(
        kept(&api, &key).await.remaining,
        Some(i64::try_from(budget - sold(api.upstream.counts())).unwrap())
    );

    // What the three did not need is there for others: one after the other, until less is left than one can cost.
    api.upstream.otherwise(Answer::text("one two three"));
    let mut more = 0;
    let last = loop {
        // The refusal of a budget that is only reserved is remembered for a second.
        let answer = stream(&api, &key).await;
        if answer.status() != StatusCode::OK {
            let wait = answer.headers()["retry-after"]
                .to_str()
                .unwrap()
                .parse::<u64>()
                .unwrap();
            if wait > 1 {
                break wait;
            }
            tokio::time::sleep(Duration::from_secs(wait)).await;
            continue;
        }
        answer.text().await.unwrap();
        more += 1;
    };
    let spent = sold(api.upstream.counts());
    let left = budget - spent;
    assert_eq!(
        kept(&api, &key).await.remaining,
        Some(i64::try_from(left).unwrap())
    );
    assert!(
        spent <= budget && left < at_most() && more > 3,
        "{more} more, {left} left"
    );
    assert!(last <= 31 * 24 * 60 * 60, "until the next month: {last}");
}

#[tokio::test]
async fn every_answer_says_what_it_cost_and_the_record_says_the_same() {
    let api = priced().await;
    let key = with_budget(&api, 10_000_000).await;
    let whole = api.post("/analyse", &request(&report(), "summary", "json")).await;
    let header = whole.headers()["x-lambent-cost"].to_str().unwrap().to_owned();
    let usage = whole.json::<Value>().await.unwrap()["usage"].clone();
    let cost = |usage: &Value| {
        usage["input_tokens"].as_u64().unwrap() * INPUT + usage["output_tokens"].as_u64().unwrap() * OUTPUT
    };
    assert!(
        header.starts_with(&format!("tokens={}, compute=", cost(&usage))),
        "{header}"
    );

    let streamed = stream(&api, &key).await;
    assert!(
        streamed.headers().get("x-lambent-cost").is_none(),
        "it is not known yet"
    );
    let events = Events::parse(&streamed.text().await.unwrap());
    let (_, done) = events.terminal();
    assert_eq!(done["cost"]["tokens"], cost(&done["usage"]));
    assert!(done["cost"]["compute"].is_u64());
    let records = api.records(2).await;
    let of_stream = &records[0];
    assert_eq!(of_stream.cost_micro_dollars, done["cost"]["tokens"].as_u64());
    assert_eq!(of_stream.caller.as_str(), key.id());
    let left = 10_000_000 - of_stream.cost_micro_dollars.unwrap();
    assert_eq!(
        kept(&api, &key).await.remaining,
        Some(i64::try_from(left).unwrap())
    );

    // What fails before the model is asked costs nothing.
    let refused = api.post("/analyse", &request("short", "none", "json")).await;
    let header = refused.headers()["x-lambent-cost"].to_str().unwrap();
    assert!(header.starts_with("tokens=0, compute="), "{header}");
}

#[tokio::test]
async fn a_stream_that_is_cut_is_charged_for_what_was_written() {
    let api = priced().await;
    let key = with_budget(&api, 1_000_000).await;
    api.upstream
        .then(Answer::text("one two three four five six").with_fault(4, Fault::Cut));
    let body = stream(&api, &key).await.text().await.unwrap();
    assert_eq!(Events::parse(&body).terminal().0, "error");
    let record = &api.records(1).await[0];
    assert_eq!((record.state, record.tokens_are_estimated), (State::Error, true));
    assert_eq!(record.output_tokens, Some(4));
    assert_eq!(api.upstream.counts().written_tokens, 4);
    let cost = record.input_tokens.unwrap() * INPUT + 4 * OUTPUT;
    assert_eq!(record.cost_micro_dollars, Some(cost));
    let kept = kept(&api, &key).await;
    assert_eq!(
        (kept.remaining, kept.calls),
        (Some(1_000_000 - i64::try_from(cost).unwrap()), 0)
    );
}

#[tokio::test]
async fn a_stream_whose_client_leaves_is_charged_for_what_was_written() {
    let api = priced().await;
    let key = with_budget(&api, 1_000_000).await;
    let pace = Duration::from_millis(100);
    api.upstream
        .then(Answer::text("one two three four five six seven eight").paced(Duration::ZERO, pace));
    let mut pieces = stream(&api, &key).await.bytes_stream();
    pieces.next().await.unwrap().unwrap();
    assert_eq!(kept(&api, &key).await.calls, 1);
    drop(pieces);
    let record = &api.records(1).await[0];
    assert_eq!(
        (record.state, record.tokens_are_estimated),
        (State::Cancelled, true)
    );
    let written = record.output_tokens.unwrap();
    assert!((1..8).contains(&written), "{written}");
    let spent = i64::try_from(record.cost_micro_dollars.unwrap()).unwrap();
    // The settlement is beside the record.
    for _ in 0..100 {
        if kept(&api, &key).await.calls == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let kept = kept(&api, &key).await;
    assert_eq!((kept.remaining, kept.calls), (Some(1_000_000 - spent), 0));
}

#[tokio::test]
async fn a_caller_s_own_limit_of_output_tokens_reaches_the_model() {
    let api = priced().await;
    let key = api.new_key(|key| key.limits.max_output_tokens = Some(3)).await;
    api.upstream.otherwise(Answer::text("one two three four five"));
    let body = stream(&api, &key).await.text().await.unwrap();
    let events = Events::parse(&body);
    assert_eq!(events.text(), "one two three");
    assert_eq!(events.terminal().1["finish_reason"], "length");
    // The API's own limit is not raised by a caller's.
    let key = api.new_key(|key| key.limits.max_output_tokens = Some(1000)).await;
    stream(&api, &key).await.text().await.unwrap();
    let limits: Vec<_> = api
        .upstream
        .bodies()
        .iter()
        .map(|body| {
            body.get("max_completion_tokens")
                .or(body.get("max_tokens"))
                .cloned()
                .unwrap()
        })
        .collect();
    assert_eq!(limits, [Value::from(3), Value::from(MAX_OUTPUT_TOKENS)]);
}

#[tokio::test]
async fn streams_at_once_are_bounded_and_a_place_is_free_when_one_ends() {
    let api = priced().await;
    let key = api.new_key(|key| key.limits.concurrency = 2).await;
    api.upstream
        .otherwise(Answer::text("one two three").paced(Duration::ZERO, Duration::from_millis(300)));
    let open = [stream(&api, &key).await, stream(&api, &key).await];
    let refused = stream(&api, &key).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers()["retry-after"], "1");
    assert_eq!(refused.json::<Value>().await.unwrap()["code"], "too_many_at_once");
    for answer in open {
        answer.text().await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(stream(&api, &key).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_prompt_that_a_model_never_answers_is_charged_and_a_refused_one_is_not() {
    let api = Api::with(|model, _| {
        model.price = Some("1.00/10.00".parse().unwrap());
        model.first_token_timeout = Duration::from_millis(300);
    })
    .await;
    let key = with_budget(&api, 1_000_000).await;
    api.upstream
        .then(Answer::text("one").paced(Duration::from_secs(5), Duration::ZERO));
    assert_eq!(stream(&api, &key).await.status(), StatusCode::GATEWAY_TIMEOUT);
    let record = &api.records(1).await[0];
    let spent = record.cost_micro_dollars.unwrap();
    assert!(spent > 100 && record.tokens_are_estimated, "{record:?}");
    assert_eq!(record.output_tokens, Some(0));
    assert_eq!(
        kept(&api, &key).await.remaining,
        Some(1_000_000 - i64::try_from(spent).unwrap())
    );

    api.upstream.then(Behaviour::unauthorized());
    assert_eq!(stream(&api, &key).await.status(), StatusCode::BAD_GATEWAY);
    assert_eq!(
        kept(&api, &key).await.remaining,
        Some(1_000_000 - i64::try_from(spent).unwrap())
    );
}
