//! What every HTTP function stands on.
//!
//! A function's `router(deps)` mounts its endpoints with [`endpoint()`]; that gives each request an id, a deadline, a
//! record in the request log, CORS, a guard against panics, and errors in one shape ([`Failure`]), written in the dialect that the
//! endpoint's contract names. Its handlers take what
//! they need as arguments: [`Valid<T>`] a body that satisfies its schema, [`ValidQuery<T>`] a query that does, [`Parsed<T>`] a body that is
//! read as it is, [`Caller`] who
//! calls, [`Call`] the request's id, deadline and record.
//! Its `main` hands the router to [`serve::streaming`] or [`serve::buffered`].
//!
//! Nothing here knows models or what an endpoint is for.

pub mod call;
mod caller;
mod changes;
mod compute;
mod config;
mod cors;
mod endpoint;
mod failure;
pub mod headers;
mod limits;
pub mod logs;
mod numbers;
mod parsed;
mod query;
mod raw;
mod record;
mod request_id;
pub mod serve;
mod stage;
pub mod stream;
mod valid;
mod violations;

pub use call::Call;
pub use caller::{Admitted, Asking, Caller, Gate, Hold, Tariff};
pub use changes::{BatchAnswer, BatchItemFailure, Change, StreamEvent, StreamRecord, Text};
pub use config::{ConfigError, CorsOrigins, ServiceConfig};
pub use cors::cors_layer;
pub use endpoint::{Service, Work, endpoint, method_filter};
pub use failure::{Failure, chain};
pub use limits::RequestLimits;
pub use parsed::{FromBody, Parsed};
pub use query::ValidQuery;
pub use raw::RawBody;
pub use record::{EndOnDrop, Outcome, Record, sha256};
pub use request_id::{REQUEST_ID, RequestId};
pub use stage::Stage;
pub use stream::{Form, Piece, Step, wants_events};
pub use valid::{Valid, parse};
