//! Verifies OAuth 2 access tokens: JWTs that an OpenID Connect issuer has signed (Cognito, Entra ID, Okta, Auth0, Keycloak).
//!
//! One [`Tokens`] is built at start from a [`TokenConfig`] and cloned into whatever authenticates. It answers with an
//! [`Identity`], or says what is wrong with the token. It knows no HTTP server and no database, and issues nothing.
//!
//! # What is checked
//!
//! Three parts and at most 8 KiB; an algorithm on the list, for which the key is meant by its type, `alg` and `use`; no `crit`; a
//! `typ` of a JWT, if there is one; the signature; `exp`, `nbf`, `iss`, `sub` and `aud`, with 30 seconds for clocks that are off. Keys
//! come from the issuer and from nowhere else: `kid` is a name to look up, and what a token brings along (`jwk`, `jku`, `x5c`,
//! `x5u`) counts for nothing. [RFC 8725](https://www.rfc-editor.org/rfc/rfc8725) says why.
//!
//! # What is not
//!
//! A token is good until it expires: nobody is asked whether it was revoked.

mod algorithm;
mod cache;
mod claims;
mod config;
mod crypto;
mod error;
mod fetch;
mod header;
mod keys;
#[cfg(feature = "testing")]
pub mod testing;
mod verify;

pub use algorithm::{Algorithm, UnknownAlgorithm};
pub use config::{ConfigError, TokenConfig};
pub use error::{FetchError, Invalid, TokenError};
pub use verify::{Identity, Tokens};
