//! Adding chunks to a version.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use serde::Serialize;

use super::item::chunk_key;
use super::{Documents, Embedding, Position, SLICES, VECTOR, Version};
use crate::error::ItemError;
use crate::item::{Item, to_item};
use crate::{CallerId, StoreError};

const ADD: &str = "add chunks to a document";

/// A part of a document.
#[derive(Clone)]
pub struct Chunk {
    /// Where it is.
    pub position: Position,
    /// Its text, [`super::MAX_TEXT_BYTES`] at most.
    pub text: String,
    /// What it is found by.
    pub embedding: Embedding,
}

/// A chunk's item, but for its vector and its filters.
#[derive(Serialize)]
struct ChunkItem<'a> {
    id: String,
    caller: &'a CallerId,
    document_id: &'a str,
    version: &'a str,
    slice: String,
    text: &'a str,
    #[serde(flatten)]
    position: Position,
}

impl Documents {
    /// Adds chunks to a version, in any order. What is there already is written anew. `false` if it is too late: then nothing is
    /// written, since the version may have been given up. Until it is published its chunks are searched in vain, so embed all of
    /// them first, then add them.
    ///
    /// # Errors
    /// A number is not one of the version's, or there twice, and nothing is written. Or the database does not answer within ten
    /// seconds, or takes no more for about six: some chunks may be there, and all of them can be added again.
    pub async fn add_chunks(
        &self,
        version: &mut Version,
        chunks: &[Chunk],
        now_ms: u64,
    ) -> Result<bool, StoreError> {
        if now_ms >= version.open_until() {
            return Ok(false);
        }
        let numbers: BTreeSet<u32> = chunks.iter().map(|chunk| chunk.position.number).collect();
        let are_known = numbers.last().is_none_or(|last| *last < version.new.chunks);
        if !are_known || numbers.len() < chunks.len() {
            return Err(StoreError::item(ADD, ItemError::ChunkNumber));
        }
        let puts = chunks
            .iter()
            .map(|chunk| put(version, chunk))
            .collect::<Result<_, _>>()?;
        self.write_all(puts, ADD).await?;
        for (number, is_added) in (0..).zip(&mut version.added) {
            *is_added |= numbers.contains(&number);
        }
        Ok(true)
    }
}

fn put(version: &Version, chunk: &Chunk) -> Result<WriteRequest, StoreError> {
    let put = PutRequest::builder()
        .set_item(Some(item(version, chunk)?))
        .build()
        .map_err(|source| StoreError::Build {
            operation: ADD,
            source: Box::new(source),
        })?;
    Ok(WriteRequest::builder().put_request(put).build())
}

fn item(version: &Version, chunk: &Chunk) -> Result<Item, StoreError> {
    let new = &version.new;
    let fields = ChunkItem {
        id: chunk_key(&new.version, chunk.position.number),
        caller: &new.caller,
        document_id: &new.id,
        version: &new.version,
        slice: (chunk.position.number % SLICES).to_string(),
        text: &chunk.text,
        position: chunk.position,
    };
    let mut item = to_item(&fields).map_err(|error| StoreError::item(ADD, error))?;
    let vector = AttributeValue::L(chunk.embedding.attributes());
    item.insert(VECTOR.to_owned(), vector);
    let filters = version.slots.iter().cloned();
    item.extend(filters.map(|(name, value)| (name, AttributeValue::S(value))));
    Ok(item)
}
