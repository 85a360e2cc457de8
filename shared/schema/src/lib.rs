//! The contract of the Lambent API: what goes over the wire, and nothing else.
//!
//! One file a resource under [`endpoints`] holds its request and reply types and its [`Endpoint`]s. Everything that needs a
//! path, a type or a limit takes it from here: the functions' routers, the OpenAPI document ([`openapi::document`]), the
//! tests that hold `template.yaml` and `events/` true. No I/O, no HTTP library: the document is generated without
//! compiling one implementation.

pub mod asyncapi;
pub mod background;
pub mod dialect;
pub mod endpoint;
pub mod endpoints;
pub mod openapi;
pub mod problem;
pub mod stream;

pub use background::{Background, Trigger, background};
pub use dialect::{Dialect, OpenAiError};
pub use endpoint::{Access, Endpoint, Method, Operation, Query, RequestBody, Scope, Transfer};
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

/// What a request cost, in millionths of a US dollar, each rounded up.
///
/// JSON answers carry it in the header [`COST_HEADER`], streams in their `done` event.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cost {
    /// What the model's provider asks for the tokens, by the price table; not an invoice.
    pub tokens: u64,
    /// What AWS Lambda asks for the function's time and its invocation so far; 0 elsewhere than on Lambda.
    pub compute: u64,
}

/// The header that says what a request cost, as a dictionary of [RFC 9651](https://www.rfc-editor.org/rfc/rfc9651):
/// `tokens=1520, compute=13`, in millionths of a US dollar.
pub const COST_HEADER: &str = "x-lambent-cost";

/// The header that names the model that answered, as `provider::model`, where a caller's name for it can mean several.
pub const MODEL_HEADER: &str = "x-lambent-model";

/// What a model has used for a request so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spending {
    /// Tokens read and written, over all attempts.
    pub usage: Usage,
    /// What they cost, in millionths of a US dollar, rounded up.
    pub micro_dollars: u64,
    /// Whether some of them are counted here, because the provider has not said (yet) how many they were.
    pub is_estimate: bool,
}

/// Hears what a model uses for a request, as it uses it.
pub trait Ledger: Send + Sync {
    /// So much up to now. A later call replaces an earlier one.
    fn spent(&self, spending: Spending);
}

impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.input_tokens += other.input_tokens;
        self.output_tokens += other.output_tokens;
    }
}
