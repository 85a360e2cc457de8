//! The table `documents`: what callers search in, in chunks that are found by their embeddings.
//!
//! # Keys
//! | | partition key | sort key |
//! |---|---|---|
//! | table | `id` | |
//! | index `by_caller`, what lists show | `caller` | `current` |
//! | index `by_due`, keys only | `due_shard` = `0` to `3` | `due_at`, in ms since 1970 |
//! | vector index `by_vector` | `caller` | nearest first, by cosine distance |
//!
//! There are four kinds of items:
//!
//! | `id` | |
//! |---|---|
//! | `document#<length of caller>#<caller>#<document's id>` | a [`Document`] as it is visible: its `current` version |
//! | `version#<version>` | whose it is, of how many chunks, and its `state`: `open`, `published` or `obsolete`; `due_shard` and `due_at`, but while it is published |
//! | `chunk#<version>#<number>` | text, position and `vector`; `slice`, the number modulo 8; `filter_0` to `filter_9` |
//! | `filters#<caller>` | the `names` of metadata whose values are in these |
//!
//! Only documents have `current`, only versions have `due_at`, and only chunks `vector`, so each index has one kind of items. A
//! version's id is a UUIDv7: the greater one is newer.
//!
//! # Visibility
//! To put a document is to [`begin`](Documents::begin) a version, [add](Documents::add_chunks) its chunks and
//! [`publish`](Documents::publish) it. What is visible is what the document's item says, and it names one version. Publishing is one
//! transaction: the item names the new version, if that is newer and open, and the one before is obsolete. A search reads the items
//! of the documents whose chunks it has found, strongly consistent, and leaves out the chunks of other versions. So
//! - a search never has chunks of two versions of a document, nor of one that is not complete;
//! - once `publish` has returned, no search that begins then has the version before, and once [`delete`](Documents::delete) has, none has
//!   the document;
//! - of versions that are put at the same time the newest stays, whichever is published last;
//! - whoever puts a document may die at any moment: before the transaction the old version is visible, after it the new one.
//!
//! DynamoDB brings what is written into a vector index a little later, and until then a new version is found in part, or not at all. The
//! version before is not shown instead. (A search that finds chunks which have just been replaced looks once more.)
//!
//! The other way is to have only visible chunks in the index: to give each chunk its `caller` when the version is published. That
//! is a second write of every chunk, twice the price, and since it is not one transaction, the check is needed all the same. The price
//! of leaving out is that what is invisible takes places in what is found. A search asks for twice as many as it needs, if these
//! do not suffice for 100, which is the most that DynamoDB finds, and then for 100 of each of eight slices. A document has
//! its chunks in all slices alike, so the largest one that is invisible, [`MAX_CHUNKS`], takes 75 of the 100 places of each, and 200
//! are left. With more, such as two of the largest size about the same, a search may find less than there is.
//!
//! # Cleaning up
//! What is replaced, deleted, or was begun [`OPEN_FOR`] ago and not published, is in [`Documents::leftovers`], and
//! [`Documents::sweep`] deletes it: first the version is obsolete, and can be neither published nor begun again, then its chunks are
//! deleted, and last its item, so that whatever stops it the rest is found again. Who publishes or deletes may sweep at once. Nobody adds
//! chunks to a version that was given up for its age, since `add_chunks` looks at the clock, and a function lives for 15 minutes. A version is
//! one worker's, by the lock of its job: a second one that still adds chunks while the first one's have been published, replaced and
//! swept would leave some that nobody finds, nor deletes. Nothing expires by itself: chunks that expire unless they are published would
//! have to be written once more when they are.
//!
//! # Models
//! Only embeddings of one model can be compared. A document's item names the one that has embedded its chunks, and a search leaves out
//! the documents of others, as it does other versions. That is for the time after a change of the model, until everything has been put again:
//! until then the others take places in what is found.
//!
//! # Filters
//! The names of metadata are free, the attributes of the index are not. The first [`FILTERS`] names that a caller's documents ever have
//! get an attribute each, for good, with a hash of the value. A filter on these is a condition of the search itself, and finds
//! whatever there is. What it asks of other names is compared after the search, as everything is: then it finds only what is
//! among those that the search looks at, 800 at most. Values are equal if they are of one type and the same; numbers as doubles.
//!
//! # Cost
//! In write units, of which a million are $0.625, and read units, $0.125. DynamoDB counts a vector as 4 bytes a number, so a chunk is
//! 2.3 KB and its text (and 17 bytes for each filter); KB is the size of an item, rounded up.
//!
//! | | table | `by_caller` | `by_due` |
//! |---|---|---|---|
//! | begin | 1 write, 1 read with metadata | | 1 |
//! | add a chunk, or delete it | KB | | |
//! | publish | 2 × KB of the document, and 2; 2 for the version before; 1 read | KB; 2 × KB with a version before | 1, and 1 |
//! | delete | 2 × KB of the document, and 2; 1 read | KB | 1 |
//! | sweep | 2, and its chunks | | 3 |
//! | search | 1 read for each document whose chunks it looks at and each 4 KB of it, 1 with a filter | | |
//!
//! And the vector index, in bytes: its writes by the size of a chunk, its searches by what they look at and give, which grows with the
//! logarithm of the number of chunks. What these cost is not known here: see DynamoDB's prices. With texts of 1,000 characters a chunk
//! is 4 units, and 200 of them, 200,000 characters, are put for 800 units, $0.0005, and for as much once more when they
//! are replaced; 660 KB go into the index. The index takes 10 MB of a caller's in a second.

mod add;
mod batch;
mod begin;
mod delete;
mod embedding;
mod filters;
mod item;
mod publish;
mod read;
mod search;
mod sweep;
mod transaction;

pub use add::Chunk;
pub use begin::{Begun, NewDocument, Version};
pub use embedding::{DIMENSIONS, Embedding, NotAnEmbedding};
pub use lambent_schema::endpoints::documents::MAX_METADATA;

pub use item::{Document, Metadata, MetadataValue, Position};
pub use publish::Published;
pub use read::{Page, Passage};
pub use search::{Hit, Search};

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Builder;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;

use crate::definition::{Attribute, Index, Key, Projection, TableDefinition, VectorIndex};
use crate::due;
use crate::update::Target;

/// The table's keys, and its vector index.
pub const TABLE: TableDefinition = TableDefinition {
    name: "documents",
    key: Key {
        partition: Attribute::string("id"),
        sort: None,
    },
    indexes: &[
        Index {
            name: BY_CALLER,
            key: Key {
                partition: CALLER,
                sort: Some(Attribute::string(CURRENT)),
            },
            projection: Projection::Include(LISTED),
        },
        due::INDEX,
    ],
    vector: Some(VectorIndex {
        name: BY_VECTOR,
        attribute: VECTOR,
        dimensions: DIMENSIONS,
        hash: CALLER,
        filters: SEARCHED,
        projection: Projection::Include(FOUND),
    }),
    ttl_attribute: None,
    stream: false,
};

/// For how long chunks can be added to a version, and it can be published, after it was begun.
pub const OPEN_FOR: Duration = Duration::from_secs(60 * 60);

/// The most chunks of a document.
pub const MAX_CHUNKS: u32 = 600;

/// The longest text of a chunk, in bytes.
pub const MAX_TEXT_BYTES: usize = 16 * 1024;

/// The longest name of something that is said of a document, in bytes.
pub const MAX_NAME_BYTES: usize = 64;

/// The longest text that is said of a document, in bytes.
pub const MAX_VALUE_BYTES: usize = 256;

/// The most hits of a search.
pub const MAX_TOP_K: usize = lambent_schema::endpoints::search::MAX_TOP_K as usize;

/// Of how many names of a caller's metadata the index has the values. With the slice, the vector and what is found it has 18
/// attributes; 20 is the limit.
pub const FILTERS: usize = 10;

const CALLER: Attribute = Attribute::string("caller");
const BY_CALLER: &str = "by_caller";
const BY_VECTOR: &str = "by_vector";
const CURRENT: &str = "current";
const STATE: &str = "state";
const VECTOR: &str = "vector";
const DOCUMENT: &str = "document#";
const VERSION: &str = "version#";
const CHUNK: &str = "chunk#";
const SLICES: u32 = 8;

/// What a search may ask for besides the caller.
const SEARCHED: &[Attribute] = &[
    Attribute::string("slice"),
    Attribute::string("filter_0"),
    Attribute::string("filter_1"),
    Attribute::string("filter_2"),
    Attribute::string("filter_3"),
    Attribute::string("filter_4"),
    Attribute::string("filter_5"),
    Attribute::string("filter_6"),
    Attribute::string("filter_7"),
    Attribute::string("filter_8"),
    Attribute::string("filter_9"),
];

/// What a search gives of a chunk.
const FOUND: &[&str] = &["document_id", "version", "number", "start", "end", "text"];

/// What lists show, besides the keys.
const LISTED: &[&str] = &[
    "document_id",
    "title",
    "metadata",
    "chunks",
    "embedding_model",
    "created_at",
    "updated_at",
];

/// How long a call with many vectors may take. The embedded server writes a hundred in a second, and compares with ten or twenty
/// thousand.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The documents.
#[derive(Debug, Clone)]
pub struct Documents {
    client: Client,
    table: String,
}

impl Documents {
    pub(crate) fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    fn target<'a>(&'a self, id: &'a str) -> Target<'a> {
        Target::new(&self.client, &self.table, &TABLE, id)
    }
}

/// For calls with many vectors.
fn patient() -> Builder {
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(TIMEOUT)
        .operation_timeout(TIMEOUT);
    Builder::new().timeout_config(timeouts.build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_has_an_attribute_for_each_filter_and_no_more_than_it_can_have() {
        let names: Vec<_> = SEARCHED.iter().map(|attribute| attribute.name).collect();
        let filters = (0..FILTERS).map(|place| format!("filter_{place}"));
        let expected: Vec<_> = std::iter::once("slice".to_owned()).chain(filters).collect();
        assert_eq!(names, expected);
        assert!(names.len() <= 18 && names.len() + 1 + FOUND.len() <= 20);
    }

    #[test]
    fn the_largest_document_leaves_room_in_each_slice() {
        assert!(MAX_CHUNKS.div_ceil(SLICES) < 100);
    }
}
