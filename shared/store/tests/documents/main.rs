//! The documents against a DynamoDB server, through the real SDK.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper of a test fails the test"
)]

#[path = "../common/mod.rs"]
#[expect(dead_code, reason = "the other tests need more of it")]
mod common;

mod cut;
mod filters;
mod line;
mod lists;
mod put;
mod race;
mod search;
mod size;
mod sweep;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use lambent_store::documents::{
    Begun, Chunk, Hit, Metadata, NewDocument, Position, Published, Search, TABLE, Version,
};
use lambent_store::{CallerId, Documents, Embedding};

/// 2026-11-21 12:00 UTC.
const NOON: u64 = 1_795_262_400_000;
const SECOND: u64 = 1000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
/// What embeds, unless a test says otherwise.
const MODEL: &str = "model-1";

/// A database with the table.
struct Fixture {
    documents: Documents,
    raw: Client,
    endpoint: String,
}

impl Fixture {
    async fn start() -> Self {
        let endpoint = common::endpoint().await;
        let (store, raw) = common::store_at(endpoint.clone()).await;
        Self {
            documents: store.documents().unwrap(),
            raw,
            endpoint,
        }
    }

    async fn begin(&self, new: &NewDocument) -> Version {
        match self.documents.begin(new).await.unwrap() {
            Begun::Open(version) => *version,
            Begun::Published => panic!("published before"),
            Begun::Obsolete => panic!("given up before"),
        }
    }

    /// Begins a version and adds its chunks.
    async fn add(&self, new: &NewDocument, chunks: &[Chunk]) -> Version {
        let new = NewDocument {
            chunks: chunks.len().try_into().unwrap(),
            ..new.clone()
        };
        let mut version = self.begin(&new).await;
        let added = self.documents.add_chunks(&mut version, chunks, new.now_ms).await;
        assert!(added.unwrap());
        version
    }

    async fn publish(&self, version: &Version) -> Published {
        self.documents.publish(version, NOON + SECOND).await.unwrap()
    }

    /// Puts a document, and gives the version that it replaced.
    async fn put(&self, new: &NewDocument, chunks: &[Chunk]) -> Option<String> {
        let version = self.add(new, chunks).await;
        replaced_by(self.publish(&version).await)
    }

    async fn find(&self, caller: &CallerId, search: &Search<'_>) -> Vec<Hit> {
        self.documents.search(caller, search).await.unwrap()
    }

    /// The texts of what is found nearest to an embedding, among alice's.
    async fn texts(&self, embedding: &Embedding, top_k: usize) -> Vec<String> {
        let search = Search {
            embedding,
            embedding_model: MODEL,
            top_k,
            filter: &Metadata::new(),
            min_score: 0.0,
        };
        let hits = self.find(&caller("alice"), &search).await;
        hits.into_iter().map(|hit| hit.text).collect()
    }

    /// How many items there are whose id begins so.
    async fn count(&self, prefix: &str) -> usize {
        let mut pages = self
            .raw
            .scan()
            .table_name(TABLE.name)
            .filter_expression("begins_with(id, :prefix)")
            .expression_attribute_values(":prefix", AttributeValue::S(prefix.to_owned()))
            .into_paginator()
            .send();
        let mut count = 0;
        while let Some(page) = pages.next().await {
            count += page.unwrap().items().len();
        }
        count
    }
}

/// The version that a published one has replaced.
fn replaced_by(published: Published) -> Option<String> {
    match published {
        Published::Now { replaced, .. } => replaced,
        other => panic!("{other:?}"),
    }
}

fn caller(id: &str) -> CallerId {
    CallerId::for_operator(id)
}

/// Versions in the order of their numbers.
fn version(number: u64) -> String {
    format!("0199a000-0000-7000-8000-{number:012x}")
}

/// A version of alice's handbook.
fn handbook(number: u64) -> NewDocument {
    NewDocument {
        version: version(number),
        caller: caller("alice"),
        id: "handbook".to_owned(),
        title: format!("Handbook {number}"),
        metadata: Metadata::new(),
        embedding_model: MODEL.to_owned(),
        chunks: 0,
        now_ms: NOON,
    }
}

/// A document of one chunk, and of that version and name.
fn note(number: u64) -> NewDocument {
    NewDocument {
        id: format!("note-{number}"),
        ..handbook(number)
    }
}

fn metadata(json: &str) -> Metadata {
    serde_json::from_str(json).unwrap()
}

fn chunk(number: u32, text: &str, embedding: Embedding) -> Chunk {
    Chunk {
        position: Position {
            number,
            start: number * 100,
            end: number * 100 + 100,
        },
        text: text.to_owned(),
        embedding,
    }
}

/// Chunks `A0`, `A1` and so on, each near to another axis.
fn chunks(name: &str, count: u32) -> Vec<Chunk> {
    let place = |number| usize::try_from(number).unwrap();
    (0..count)
        .map(|number| chunk(number, &format!("{name}{number}"), axis(place(number))))
        .collect()
}

/// At a right angle to those of other places.
fn axis(place: usize) -> Embedding {
    near(place, 0.0)
}

/// At this angle to [`axis`], in degrees, and at a right one to all others but the last.
fn near(place: usize, degrees: f32) -> Embedding {
    let mut numbers = vec![0.0; 512];
    numbers[511] = degrees.to_radians().sin();
    numbers[place] = degrees.to_radians().cos();
    Embedding::new(numbers).unwrap()
}

/// Numbers that look random, and are the same for the same seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn embedding(&mut self) -> Embedding {
        let number = |_| f32::from(i16::try_from(self.next() % 2001).unwrap() - 1000) / 1000.0;
        Embedding::new((0..512).map(number).collect()).unwrap()
    }
}
