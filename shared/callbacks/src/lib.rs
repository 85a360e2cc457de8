//! Tells a caller's own server that a job has ended: webhooks as the
//! [Standard Webhooks](https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md) specification
//! has them, signed with a secret that only this caller and this API have.
//!
//! [`check`] (or [`CallbackConfig::check`]) holds a URL to the rules when a request names it; one [`Callbacks`] is built at start, and
//! makes one attempt after the other, at the times of [`next_try`]. What is told, and who remembers that it is still to be told, is
//! somebody else's.
//!
//! # Nobody reaches a private network through this
//!
//! The URL comes from a caller, and the request from inside: an address that only we can reach must not be reached for others
//! ([server-side request forgery](https://cheatsheetseries.owasp.org/cheatsheets/Server_Side_Request_Forgery_Prevention_Cheat_Sheet.html)).
//!
//! - Only `https`, and no host that is private as it is written ([`check`]), in whatever form an address is written.
//! - Names become addresses in one place, which knows no others than public ones ([`is_public`]); of several, all must be. What is
//!   connected to is what was checked: nothing is resolved a second time.
//! - Redirects are not followed, and no proxy is asked.
//! - What came back is not told, beyond its status.

mod addresses;
mod config;
mod deliver;
mod fault;
mod names;
mod schedule;
mod signer;
mod target;

pub use addresses::is_public;
pub use config::{CallbackConfig, ConfigError};
pub use deliver::{Callbacks, Delivery, Outcome};
pub use schedule::{MAX_ATTEMPTS, next_try};
pub use signer::{CallbackSecret, Signer};
/// The headers of a callback, all three of them signed for.
pub use standardwebhooks::{HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP};
pub use target::{MAX_URL_BYTES, UrlProblem, check};
