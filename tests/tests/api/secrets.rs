//! What must be nowhere.

use lambent_callers::ApiKey;
use lambent_tests::api::{Api, report, request};

use crate::callers::{with_bearer, with_key};

#[tokio::test]
async fn no_answer_and_no_record_holds_a_secret() {
    let api = Api::start().await;
    let forged = ApiKey::with_id(api.key.id()).unwrap().reveal();
    let token = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJodW50ZXIyIn0.c2lnbmF0dXJlaHVudGVyMg";
    let good = api.key.reveal();
    let secret = |key: &str| key.rsplit_once('_').unwrap().1[..64].to_owned();
    let secrets = [
        secret(&good),
        secret(&forged),
        "eyJzdWIiOiJodW50ZXIyIn0".to_owned(),
        String::from_utf8_lossy(api.pepper.reveal()).into_owned(),
        // The provider's.
        "test-key".to_owned(),
    ];
    let mut seen = Vec::new();
    for answer in [
        with_key(&api, &good).await,
        with_bearer(&api, &good).await,
        with_key(&api, &forged).await,
        with_bearer(&api, token).await,
        with_key(&api, &good[..good.len() - 1]).await,
        api.post("/analyse", &request(&report(), "none", "json")).await,
    ] {
        seen.push(format!("{:?} {:?}", answer.status(), answer.headers()));
        seen.push(answer.text().await.unwrap());
    }
    seen.extend(api.records(6).await.iter().map(|record| format!("{record:?}")));
    seen.push(format!("{api:?} {:?}", api.store.callers()));
    seen.push(format!(
        "{:?}",
        api.store.callers().unwrap().keys(0).await.unwrap()
    ));
    for text in &seen {
        for secret in &secrets {
            assert!(!text.contains(secret.as_str()), "{text}");
        }
    }
}
