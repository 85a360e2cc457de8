//! Jobs between the API and the table: how a request becomes one ([`accept`]), and how one is told ([`told`]).
//!
//! What a job is done by is in `functions/jobs-worker`, who looks after it in `functions/jobs-sweeper`, and its states in
//! [`lambent_store::jobs`].

mod accept;
mod idempotency;
mod prefer;
mod told;

pub use accept::{Accepting, Wanted, accept};
pub use idempotency::id_by_key;
pub use prefer::prefers_async;
pub use told::{event, told};

/// What a step that needs the table fails with when that does not answer: 503.
pub fn unavailable(cause: lambent_store::StoreError) -> lambent_service::Failure {
    lambent_service::Failure::unavailable("The table of jobs does not answer.", cause)
}
