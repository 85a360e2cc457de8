//! The contract of the Lambent API: what goes over the wire, and nothing else.
//!
//! One file a resource under [`endpoints`] holds its request and reply types and its [`Endpoint`]s. Everything that needs a
//! path, a type or a limit takes it from here: the functions' routers, the OpenAPI document ([`openapi::document`]), the
//! tests that hold `template.yaml` and `events/` true. No I/O, no HTTP library: the document is generated without
//! compiling one implementation.

pub mod endpoint;
pub mod endpoints;
pub mod openapi;
pub mod problem;
pub mod stream;

pub use endpoint::{Access, Endpoint, Method, Operation, RequestBody, Transfer};
pub use endpoints::operations;
pub use problem::{Problem, ProblemCode, Violation};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The largest request body that a function reads, in bytes (1 MiB). Longer ones are answered 413.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;

/// Tokens that the model read and wrote for one request, all attempts together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Usage {
    /// Tokens of instructions and document that the model read.
    pub input_tokens: u64,
    /// Tokens that the model wrote.
    pub output_tokens: u64,
}

impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.input_tokens += other.input_tokens;
        self.output_tokens += other.output_tokens;
    }
}
