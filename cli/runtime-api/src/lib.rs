//! Lambda's side of a function, on this machine: functions run as the processes they are in the cloud, through the Runtime API
//! that they ask for work, with answers streamed as they come.
//!
//! ```text
//! HTTP request -> event -> Function -> Environment (Runtime API + process) -> Answer -> reply -> HTTP response
//! stream of a table -> mapping -> event -> Function -> ... -> Answer -> done, or tried again
//! ```
//!
//! What Lambda does that a function can notice is done here too: one invocation at a time in an environment, more environments
//! when more is asked at once, a process that is stopped (SIGSTOP) between invocations and killed when its time is over, a
//! deadline in each invocation, streamed answers with their prelude. Payload limits are Lambda's.
//!
//! What is not: memory limits, CPU shares, extensions, SnapStart, AWS's initialisation of an environment before the process.
//!
//! Of the crates that serve the Runtime API, `lambda-simulator` (0.2) has no streamed answers, and `cargo lambda watch` and AWS's
//! Runtime Interface Emulator are programs: the one streams but speaks another gateway's events, the other buffers.

mod environment;
mod event;
mod function;
mod listener;
mod mapping;
mod reply;
mod runtime;

pub use event::{Gateway, proxy_event};
pub use function::{EnvironmentInfo, Function, FunctionConfig, InvokeError, Output};
pub use mapping::{
    Invoke, MappingConfig, OnFailure, Page, PatternError, Record, Shard, SourceError, StreamSource,
    TableStream, invoke_function, mapping,
};
pub use reply::into_response;
pub use runtime::{Answer, Body};
