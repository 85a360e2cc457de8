//! Who calls: API keys and tokens, and what they may.
//!
//! [`guarded_from_env`] gives a function a [`Service`] whose endpoints ask for a caller where the contract says so. What it does for
//! each request is in `gate`: read the credentials, check what can be checked here (a key's checksum, a token's signature), and
//! have the table of callers decide over the rest in one write ([`lambent_store::callers`]). [`ApiKey`] is a key's form, and what is
//! kept of it.

mod config;
mod gate;
mod key;
mod limits;
mod refused;

pub use config::{CallersConfig, ConfigError, Pepper};
pub use gate::Guard;
pub use key::ApiKey;
pub use limits::{LimitError, parse_budget, parse_rate};

use std::sync::Arc;

use lambent_service::{Service, ServiceConfig, serve::StartError};
use lambent_store::{Store, StoreConfig};

/// A service as the process environment configures it, that knows its callers. No I/O.
///
/// # Errors
/// Names the variable that is missing or malformed, and what it should hold.
pub fn guarded_from_env() -> Result<Service, StartError> {
    let store = Store::connect(&StoreConfig::from_env()?);
    let service = Service::new(ServiceConfig::from_env()?, store.requests());
    Ok(service.guarded(Arc::new(Guard::new(
        &CallersConfig::from_env()?,
        store.callers()?,
    )?)))
}
