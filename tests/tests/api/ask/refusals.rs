//! Questions that are refused.

use lambent_schema::Scope;

use super::*;

#[tokio::test]
async fn every_violation_is_told_with_its_pointer() {
    let api = Api::start().await;
    let turns: Vec<_> = (0..21).map(|_| json!({"role": "user", "content": "x"})).collect();
    for (body, expected) in [
        (json!({}), vec![("/question", "missing")]),
        (
            json!({"question": " ", "top_k": 21, "min_score": 1.5, "max_output_tokens": 0}),
            vec![
                ("/max_output_tokens", "too_small"),
                ("/min_score", "too_large"),
                ("/question", "wrong_form"),
                ("/top_k", "too_large"),
            ],
        ),
        (
            json!({"question": "é".repeat(2001), "top_k": 0, "filter": {"a b": 1, "c": []}, "extra": true}),
            vec![
                ("/extra", "unknown_field"),
                ("/filter/c", "wrong_type"),
                ("/question", "too_long"),
                ("/top_k", "too_small"),
            ],
        ),
        (
            json!({"question": "x", "history": [{"role": "system", "content": "x"}, {"role": "user", "content": "\n"}, {"role": "user"}]}),
            vec![
                ("/history/0/role", "not_one_of"),
                ("/history/1/content", "wrong_form"),
                ("/history/2/content", "missing"),
            ],
        ),
        (
            json!({"question": "x", "history": turns}),
            vec![("/history", "too_many")],
        ),
    ] {
        let refused = api.post(PATH, &body).await;
        assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
        let problem: Value = refused.json().await.unwrap();
        let told: Vec<_> = problem["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|error| {
                (
                    error["pointer"].as_str().unwrap(),
                    error["code"].as_str().unwrap(),
                )
            })
            .collect();
        for violation in &expected {
            assert!(told.contains(violation), "{violation:?} is not among {told:?}");
        }
    }
    assert_eq!(api.upstream.counts().requests, 0);
}

#[tokio::test]
async fn who_may_only_search_may_not_ask() {
    let api = Api::start().await;
    let scopes = Scope::ALL.iter().filter(|scope| **scope != Scope::Ask);
    let scopes: Vec<_> = scopes.map(|scope| scope.as_str().to_owned()).collect();
    let key = api.new_key(|key| key.scopes = scopes).await;
    let asked = api
        .posting(PATH, &asking(QUESTION))
        .header("x-api-key", key.reveal());
    let refused = asked.send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    assert_eq!(
        refused.json::<Value>().await.unwrap()["code"],
        "insufficient_scope"
    );
    let nobody = reqwest::Client::new().post(api.url(PATH)).json(&asking(QUESTION));
    assert_eq!(nobody.send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    assert_eq!(api.upstream.counts().requests, 0, "nobody spent anything");
}
