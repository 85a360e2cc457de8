//! Documents between the API, the embedding model and their table: how they are found.
//!
//! Knows no HTTP and no language model. How chunks and their vectors are kept is in [`lambent_store::documents`].

mod find;

pub use find::{Found, Library, Query, Wanted};

/// What a step that needs the table fails with when that does not answer: 503.
pub fn unavailable(cause: lambent_store::StoreError) -> lambent_service::Failure {
    lambent_service::Failure::unavailable("The table of documents does not answer.", cause)
}
