//! Documents between the API, the models and their table: how they are split, embedded and kept, and how they are found.
//!
//! Knows no HTTP and no language model. How chunks and their vectors are kept is in [`lambent_store::documents`].

mod error;
mod find;
mod keep;
mod split;

pub use error::KeepError;
pub use find::{Found, Library, Query, Wanted};
pub use keep::{Kept, Prepared, embedded_at_most, told};
pub use split::{MAX_CHUNK_CHARS, OVERLAP_CHARS, Piece, SplitError, split};

/// What a step that needs the table fails with when that does not answer: 503.
pub fn unavailable(cause: lambent_store::StoreError) -> lambent_service::Failure {
    lambent_service::Failure::unavailable("The table of documents does not answer.", cause)
}
