//! Documents survive what keeps them: whoever is killed at whatever moment leaves one version whole.

use std::{path::Path, time::Instant};

use aws_sdk_dynamodb::Client as Raw;
use jobs_sweeper::sweep;
use lambent_store::{Store, documents::TABLE};
use lambent_tests::{database::client as raw, upstream::Fault};
use reqwest::{Client, RequestBuilder};
use serde_json::json;
use tokio::time::sleep;

use super::*;

/// How often the process is killed.
const KILLS: u32 = 14;
/// From one kill to the next, how much later after its request it comes. An upload takes about a second in a build without optimization.
const LATER: Duration = Duration::from_millis(90);
/// How long the model takes to embed an upload.
const EMBEDDING: Duration = Duration::from_millis(150);

/// A process that keeps documents, and who asks it.
struct Api {
    child: Child,
    url: String,
    client: Client,
    key: String,
    _said: BufReader<ChildStderr>,
}

impl Api {
    async fn start(upstream: &Upstream, data: &Path) -> Self {
        let mut command = lambent(upstream, &["--port", "0", "--data", data.to_str().unwrap()]);
        command
            .env("LAMBENT_JOB_LEASE_SECS", "1")
            .env("LAMBENT_EMBEDDING_MODEL", "openai::text-embedding-3-small")
            .env("LAMBENT_EMBEDDING_KEY", "test-key")
            .env("LAMBENT_EMBEDDING_URL", upstream.url());
        let mut child = command.spawn().unwrap();
        let (url, _, said) = welcomed(&mut child).await;
        let key = std::fs::read_to_string(data.join("key")).unwrap();
        Self {
            child,
            url,
            client: Client::new(),
            key: ApiKey::parse(key.trim()).unwrap().reveal(),
            _said: said,
        }
    }

    fn get(&self, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.url);
        self.client.get(url).header("x-api-key", &self.key)
    }

    fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        let url = format!("{}{path}", self.url);
        self.client.post(url).header("x-api-key", &self.key).json(body)
    }

    /// Which edition a search finds, all of whose chunks it has to find, and no other's.
    async fn searched(&self, chunks: usize) -> u32 {
        let search = self.post("/search", &json!({"query": "whales", "top_k": 50}));
        let found: Value = search.send().await.unwrap().json().await.unwrap();
        let hits = found["hits"].as_array().unwrap();
        let mut editions: Vec<_> = hits.iter().map(|hit| number(&hit["text"])).collect();
        editions.dedup();
        assert_eq!(
            (editions.len(), hits.len()),
            (1, chunks),
            "a mixture, or a part: {editions:?}"
        );
        assert_eq!(number(&hits[0]["title"]), editions[0]);
        editions[0]
    }

    /// Which edition the document is.
    async fn told(&self) -> u32 {
        let told = self.get("/documents/handbook").send().await.unwrap();
        assert_eq!(told.status(), 200);
        number(&told.json::<Value>().await.unwrap()["title"])
    }
}

/// An edition of a document, each sentence of which says which one it is.
fn edition(number: u32) -> Value {
    let name = format!("edition{number:03}");
    let text =
        format!("A sentence of {name} says something about whales and their way of life. ").repeat(450);
    json!({"id": "handbook", "title": format!("Whales, {name}"), "text": text})
}

fn number(text: &Value) -> u32 {
    let (_, after) = text.as_str().unwrap().split_once("edition").unwrap();
    after[..3].parse().unwrap()
}

/// How many chunks are in the table, of whatever version.
async fn chunks(raw: &Raw) -> usize {
    let mut pages = raw.scan().table_name(TABLE.name).into_paginator().send();
    let mut count = 0;
    while let Some(page) = pages.next().await {
        let items = page.unwrap().items.unwrap_or_default();
        let ids = items.iter().filter_map(|item| item["id"].as_s().ok());
        count += ids.filter(|id| id.starts_with("chunk#")).count();
    }
    count
}

#[tokio::test]
async fn a_document_is_one_version_whole_whenever_its_upload_is_killed() {
    install_crypto();
    let upstream = Upstream::start().await;
    let data = tempfile::tempdir().unwrap();
    let mut api = Api::start(&upstream, data.path()).await;
    let began = Instant::now();
    let first = api.post("/documents", &edition(0)).send().await.unwrap();
    println!("an upload takes {:?}", began.elapsed());
    assert_eq!(first.status(), 201);
    let first: Value = first.json().await.unwrap();
    let count = usize::try_from(first["chunks"].as_u64().unwrap()).unwrap();
    assert!((30..=50).contains(&count), "all of them are hits: {count}");

    let mut visible = 0;
    let (mut kept, mut answered) = (Vec::new(), 0);
    for kill in 1..=KILLS {
        upstream.otherwise_embedding(Fault::Silence(EMBEDDING));
        let moment = LATER * kill;
        let upload = tokio::spawn(api.post("/documents", &edition(kill)).send());
        sleep(moment).await;
        api.child.kill().await.unwrap();
        let was_answered = upload.await.unwrap().is_ok_and(|answer| answer.status() == 201);
        answered += u32::from(was_answered);

        upstream.otherwise_embedding(lambent_tests::upstream::Vectors::AsAsked);
        api = Api::start(&upstream, data.path()).await;
        let now = api.searched(count).await;
        assert!([visible, kill].contains(&now), "{now}");
        assert_eq!(api.told().await, now);
        assert!(now == kill || !was_answered, "what was answered stays");
        kept.push((moment.as_millis(), now == kill));
        visible = now;
    }
    println!("killed after so many milliseconds, and whether the new version was there: {kept:?}");
    println!("{answered} of {KILLS} were answered before");

    let config =
        lambent_store::StoreConfig::local(std::fs::read_to_string(data.path().join("database-url")).unwrap());
    let (store, raw) = (Store::connect(&config), raw(&config));
    let (jobs, documents) = (store.jobs().unwrap(), store.documents().unwrap());
    println!(
        "{} chunks in the table, {count} of them visible",
        chunks(&raw).await
    );
    // What was begun and not published may be, for an hour.
    let later = now_ms() + 2 * 60 * 60 * 1000;
    while sweep(&jobs, &documents, later).await.unwrap().documents > 0 {}
    assert_eq!(chunks(&raw).await, count);
    assert_eq!((api.searched(count).await, api.told().await), (visible, visible));
    stopped(api.child).await;
}

#[tokio::test]
async fn a_document_s_job_is_done_though_the_process_is_killed() {
    install_crypto();
    let upstream = Upstream::start().await;
    let data = tempfile::tempdir().unwrap();
    let mut api = Api::start(&upstream, data.path()).await;
    let mut count = 0;
    for (kill, moment) in [400, 700, 1000].into_iter().enumerate() {
        upstream.otherwise_embedding(Fault::Silence(EMBEDDING));
        let number = u32::try_from(kill).unwrap();
        let posting = api
            .post("/documents", &edition(number))
            .header("prefer", "respond-async");
        let accepted: Value = posting.send().await.unwrap().json().await.unwrap();
        sleep(Duration::from_millis(moment)).await;
        api.child.kill().await.unwrap();
        upstream.otherwise_embedding(lambent_tests::upstream::Vectors::AsAsked);
        api = Api::start(&upstream, data.path()).await;
        if number > 0 {
            let now = api.searched(count).await;
            assert!([number - 1, number].contains(&now), "{now}");
        }
        let path = format!("/jobs/{}?wait=20", accepted["job_id"].as_str().unwrap());
        let job: Value = api.get(&path).send().await.unwrap().json().await.unwrap();
        assert_eq!(job["status"], "succeeded", "{job:#}");
        println!("killed after {moment} ms: attempt {}", job["attempt"]);
        count = usize::try_from(job["result"]["chunks"].as_u64().unwrap()).unwrap();
        assert_eq!((api.searched(count).await, api.told().await), (number, number));
    }
    stopped(api.child).await;
}
