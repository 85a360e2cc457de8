//! Documents straight into their table, embedded as the upstream embeds: what is searched, without the function that puts it there.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use lambent_store::{
    CallerId, Embedding, Store,
    documents::{Begun, Chunk, DIMENSIONS, Metadata, NewDocument, Position, Published},
    now_ms,
};

use crate::upstream::vector;

/// A document to be put.
#[derive(Debug, Clone)]
pub struct Document<'a> {
    /// Its id.
    pub id: &'a str,
    /// What it is called.
    pub title: &'a str,
    /// What is said of it.
    pub metadata: Metadata,
    /// The texts of its chunks.
    pub chunks: &'a [&'a str],
}

impl<'a> Document<'a> {
    /// One of these chunks, of which nothing is said.
    #[must_use]
    pub fn of(id: &'a str, chunks: &'a [&'a str]) -> Self {
        Self {
            id,
            title: id,
            metadata: Metadata::new(),
            chunks,
        }
    }
}

/// Puts it, visible for searches from now on.
///
/// # Panics
/// If the table does not take it.
pub async fn put(store: &Store, caller: &CallerId, document: &Document<'_>) {
    static VERSIONS: AtomicU64 = AtomicU64::new(1);
    let documents = store.documents().expect("a table of documents");
    let now_ms = now_ms();
    let number = VERSIONS.fetch_add(1, Relaxed);
    let new = NewDocument {
        // A UUIDv7 of this moment, so that a deployed table takes those of several runs.
        version: format!(
            "{:08x}-{:04x}-7000-8000-{number:012x}",
            now_ms >> 16,
            now_ms & 0xffff
        ),
        caller: caller.clone(),
        id: document.id.to_owned(),
        title: document.title.to_owned(),
        metadata: document.metadata.clone(),
        embedding_model: "text-embedding-3-small".to_owned(),
        chunks: u32::try_from(document.chunks.len()).expect("a few chunks"),
        now_ms,
    };
    let Begun::Open(mut version) = documents.begin(&new).await.expect("a table") else {
        panic!("the version is new");
    };
    let chunks: Vec<Chunk> = (0..)
        .zip(document.chunks)
        .map(|(number, text)| chunk(number, text))
        .collect();
    let added = documents.add_chunks(&mut version, &chunks, now_ms).await;
    assert!(added.expect("a table"));
    let published = documents.publish(&version, now_ms).await.expect("a table");
    assert!(matches!(published, Published::Now { .. }), "{published:?}");
}

fn chunk(number: u32, text: &str) -> Chunk {
    let length = u32::try_from(text.chars().count()).expect("a short text");
    Chunk {
        position: Position {
            number,
            start: 0,
            end: length,
        },
        text: text.to_owned(),
        embedding: Embedding::new(vector(text, DIMENSIONS.into())).expect("an embedding"),
    }
}
