//! Jobs that cannot be done, and jobs that nobody can pay for.

use lambent_llm::{ModelConfig, Pricing};
use lambent_schema::background::MAX_JOB_ATTEMPTS;
use lambent_store::callers::KeyRecord;
use lambent_tests::{
    api::{Api, model},
    database::now_ms,
    upstream::{Answer, Behaviour, Fault},
};
use serde_json::{Value, json};

use super::{by, numbered};

#[tokio::test]
async fn a_poison_job_fails_after_its_attempts_and_holds_nobody_up() {
    let api = Api::start().await;
    // Broken in the middle each time: the model is asked once an attempt.
    api.upstream
        .about("#13#", Answer::as_asked().with_fault(2, Fault::Cut));
    let mut others = Vec::new();
    let mut poison = String::new();
    for number in 0..30 {
        let id = api.job(&numbered(number)).await;
        if number == 13 {
            poison = id
        } else {
            others.push(id)
        }
    }
    for id in &others {
        assert_eq!(api.ended(id).await["status"], "succeeded");
    }
    let job = api.ended(&poison).await;
    assert_eq!(
        (&job["status"], &job["attempt"]),
        (&json!("failed"), &json!(MAX_JOB_ATTEMPTS)),
        "{job:#}"
    );
    assert_eq!(job["error"]["code"], "model_failed");
    assert_eq!(api.upstream.counts().requests, 29 + u64::from(MAX_JOB_ATTEMPTS));
    // Its record is handed out some times more.
    let mut failed = api.failed_jobs();
    for _ in 0..200 {
        if !failed.is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        failed = api.failed_jobs();
    }
    assert_eq!(failed.len(), 1, "{failed:#?}");
    assert_eq!(failed[0]["requestContext"]["condition"], "RetryAttemptsExhausted");
    assert_eq!(failed[0]["DDBStreamBatchInfo"]["batchSize"], 1);
}

#[tokio::test]
async fn what_another_attempt_would_not_mend_fails_at_once() {
    let api = Api::start().await;
    api.upstream
        .about("#1#", Answer::not_as_asked())
        .about("#2#", Behaviour::context_length_exceeded());
    for (number, code) in [(1, "model_reply_invalid"), (2, "document_too_long")] {
        let job = api.ended(&api.job(&numbered(number)).await).await;
        assert_eq!((&job["status"], &job["attempt"]), (&json!("failed"), &json!(1)));
        assert_eq!(job["error"]["code"], code, "{job:#}");
        assert!(!job.to_string().contains(lambent_tests::upstream::SECRET));
    }
    assert!(api.failed_jobs().is_empty());
}

#[tokio::test]
async fn an_attempt_that_failed_is_followed_by_one_that_does_not() {
    let api = Api::start().await;
    api.upstream.then(Answer::as_asked().with_fault(2, Fault::Cut));
    let job = api.ended(&api.job(&numbered(1)).await).await;
    assert_eq!(
        (&job["status"], &job["attempt"]),
        (&json!("succeeded"), &json!(2)),
        "{job:#}"
    );
    // What the first one took is in it.
    let tokens = job["usage"]["output_tokens"].as_u64().unwrap();
    let result = job["result"]["usage"]["output_tokens"].as_u64().unwrap();
    assert!(tokens > result, "{job:#}");
    assert!(job.get("error").is_none());
}

#[tokio::test]
async fn jobs_are_charged_when_they_are_done_and_never_over_the_budget() {
    let api = Api::with(|model, _| {
        model.price = Some("1.00/10.00".parse().unwrap());
        model.max_output_tokens = 200;
    })
    .await;
    let pricing = Pricing::of(&ModelConfig {
        price: Some("1.00/10.00".parse().unwrap()),
        max_output_tokens: 200,
        ..model(&api.upstream)
    });
    let at_most = lambent_analysis::at_most(pricing, numbered(59).to_string().len() as u64, None);
    let budget = 2 * at_most;
    let key = api.new_key(|key| key.limits.budget = Some(budget)).await;
    let mut ids = Vec::new();
    let mut refused = 0;
    for number in 0..60 {
        let sent = by(&key, |client| {
            client.post(api.url("/analyse/async")).json(&numbered(number))
        });
        let answer = sent.send().await.unwrap();
        match answer.status().as_u16() {
            202 => {
                let body: Value = answer.json().await.unwrap();
                ids.push(body["job_id"].as_str().unwrap().to_owned());
            }
            status => {
                assert_eq!(status, 429);
                refused += 1;
            }
        }
    }
    assert!(ids.len() > 2, "{refused} refused");
    let (mut spent, mut done) = (0, 0);
    for id in &ids {
        let job = ended(&api, &key, id).await;
        spent += job["cost"]["tokens"].as_u64().unwrap_or(0);
        match job["status"].as_str().unwrap() {
            "succeeded" => done += 1,
            _ => assert_eq!(job["error"]["code"], "budget_exceeded", "{job:#}"),
        }
    }
    println!(
        "{} accepted, {done} done for {spent} of {budget} micro-dollars, {refused} refused",
        ids.len()
    );
    assert!(done > 2 && spent <= budget);
    // The last settlement is written beside the job's end.
    let left = Some(i64::try_from(budget - spent).unwrap());
    for _ in 0..100 {
        if kept(&api, &key).await.remaining == left {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("{left:?} should be left: {:?}", kept(&api, &key).await);
}

#[tokio::test]
async fn a_job_whose_key_is_revoked_meanwhile_is_not_done() {
    let api = Api::start().await;
    api.upstream.otherwise(Behaviour::Hang);
    let key = api.new_key(|_| {}).await;
    let (mut of_key, mut others) = (Vec::new(), Vec::new());
    for number in 0..40 {
        others.push(api.job(&numbered(number)).await);
    }
    for number in 40..44 {
        let sent = by(&key, |client| {
            client.post(api.url("/analyse/async")).json(&numbered(number))
        });
        let body: Value = sent.send().await.unwrap().json().await.unwrap();
        of_key.push(body["job_id"].as_str().unwrap().to_owned());
    }
    let callers = api.store.callers().unwrap();
    callers.revoke_key(key.id(), now_ms()).await.unwrap();
    for id in others {
        let url = api.url(&format!("/jobs/{id}"));
        api.client.delete(url).send().await.unwrap();
    }
    let jobs = api.store.jobs().unwrap();
    for id in of_key {
        let job = loop {
            let job = jobs.find(&id).await.unwrap().unwrap();
            if job.status.is_ended() {
                break job;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        };
        assert_eq!(job.error.unwrap()["code"], "unauthenticated");
    }
}

/// The job of another caller than the API's own client, once it has ended.
async fn ended(api: &Api, key: &lambent_callers::ApiKey, id: &str) -> Value {
    loop {
        let url = api.url(&format!("/jobs/{id}?wait=20"));
        let job = by(key, |client| client.get(url)).send().await.unwrap();
        let job: Value = job.json().await.unwrap();
        if job.get("finished_at").is_some() {
            return job;
        }
    }
}

async fn kept(api: &Api, key: &lambent_callers::ApiKey) -> KeyRecord {
    let keys = api.store.callers().unwrap().keys(now_ms()).await.unwrap();
    keys.into_iter().find(|kept| kept.id == key.id()).unwrap()
}
