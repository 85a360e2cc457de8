//! Nobody finds what is another's. Apart from the other tests of the API, because a thousand searches take all there is of a small machine.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests, which print what they measured"
)]

use futures::{StreamExt as _, stream};
use lambent_callers::ApiKey;
use lambent_tests::{api::Api, upstream::vector};
use reqwest::{Client, Response};
use serde_json::{Value, json};

/// How many queries are asked, by both callers together.
const QUERIES: u64 = 1000;
const WORDS: [&str; 12] = [
    "sentence", "about", "trains", "ferries", "planes", "says", "what", "there", "zebra", "alpha", "omega",
    "all",
];

/// Numbers that look random, and are the same for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }

    fn query(&mut self) -> Value {
        let words: Vec<_> = (0..1 + self.below(4))
            .map(|_| WORDS[usize::try_from(self.below(12)).unwrap()])
            .collect();
        let top_k = 1 + self.below(50);
        let mut query = match self.below(3) {
            0 => json!({"embedding": vector(&words.join(" "), 512), "top_k": top_k}),
            _ => json!({"query": words.join(" "), "top_k": top_k}),
        };
        if self.below(3) == 0 {
            query["filter"] = json!({"topic": WORDS[usize::try_from(2 + self.below(3)).unwrap()]});
        }
        query
    }
}

async fn hits(answer: Response) -> Vec<Value> {
    assert_eq!(answer.status(), 200);
    let body: Value = answer.json().await.unwrap();
    body["hits"].as_array().unwrap().clone()
}

/// A text of three chunks, in sentences that all name the topic and the owner.
fn text(topic: &str, owner: &str) -> String {
    let sentence =
        |number| format!("Sentence {number} is about {topic} of {owner} and says what there is to say. ");
    (0..35).map(sentence).collect()
}

/// Puts documents of the same ids and nearly the same texts, in which only the owner's name differs.
async fn fill(api: &Api, key: &ApiKey, owner: &str) {
    for topic in ["trains", "ferries", "planes"] {
        for number in 0..3 {
            let one = json!({
                "id": format!("{topic}-{number}"), "title": format!("All about {topic}"), "text": text(topic, owner),
                "metadata": {"topic": topic},
            });
            let sent = Client::new()
                .post(api.url("/documents"))
                .header("x-api-key", key.reveal());
            assert_eq!(sent.json(&one).send().await.unwrap().status(), 201);
        }
    }
}

#[tokio::test]
async fn a_thousand_queries_find_nothing_of_another_caller_s() {
    let api = Api::start().await;
    let (alice, bob) = (api.new_key(|_| {}).await, api.new_key(|_| {}).await);
    fill(&api, &alice, "owneralice").await;
    fill(&api, &bob, "ownerbob").await;
    let mut random = Random(0x5eed_2026);
    let began = std::time::Instant::now();
    let client = Client::new();
    let asked: Vec<_> = (0..QUERIES)
        .map(|number| (number % 2 == 0, random.query()))
        .collect();
    let counts: Vec<usize> = stream::iter(asked)
        .map(|(is_alice, query)| {
            let (key, owner) = if is_alice {
                (&alice, "owneralice")
            } else {
                (&bob, "ownerbob")
            };
            let sent = client.post(api.url("/search")).header("x-api-key", key.reveal());
            async move {
                let hits = hits(sent.json(&query).send().await.unwrap()).await;
                for hit in &hits {
                    assert!(hit["text"].as_str().unwrap().contains(owner), "{query}: {hit:#}");
                }
                hits.len()
            }
        })
        .buffer_unordered(8)
        .collect()
        .await;
    let found: usize = counts.iter().sum();
    println!(
        "{QUERIES} queries, {found} chunks, none of another's, {:?}",
        began.elapsed()
    );
    assert!(found > 10_000, "{found}");

    // And when one of them has deleted everything, it finds nothing at all.
    for topic in ["trains", "ferries", "planes"] {
        for number in 0..3 {
            let url = api.url(&format!("/documents/{topic}-{number}"));
            let delete = client.delete(url).header("x-api-key", alice.reveal());
            assert_eq!(delete.send().await.unwrap().status(), 204);
        }
    }
    let search = async |key: &ApiKey| {
        let sent = client.post(api.url("/search")).header("x-api-key", key.reveal());
        hits(
            sent.json(&json!({"query": "sentence about trains", "top_k": 50}))
                .send()
                .await
                .unwrap(),
        )
        .await
    };
    assert!(search(&alice).await.is_empty());
    assert!(search(&bob).await.len() >= 9);
}
