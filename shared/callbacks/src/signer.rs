//! What callbacks are signed with: for each caller a secret of its own, so that no caller can make another's callbacks.
//!
//! Secrets are derived, not kept: whoever has the pepper has them all, and nothing else is to be stored or to be lost. With another
//! pepper all are others.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use standardwebhooks::{Webhook, WebhookError};

/// What a secret begins with, by Standard Webhooks.
const PREFIX: &str = "whsec_";
/// Nothing else is derived from the pepper under this label.
const LABEL: &[u8] = b"lambent callback secret\0";

/// Makes callers' secrets. `Debug` does not print what they are made from.
#[derive(Clone)]
pub struct Signer(Hmac<Sha256>);

/// What a caller verifies its callbacks with: `whsec_` and 32 bytes in base64. `Debug` does not print it.
#[derive(Clone, PartialEq, Eq)]
pub struct CallbackSecret(String);

impl Signer {
    /// Derives secrets from this pepper, as HMAC-SHA-256 with it as the key.
    #[must_use]
    pub fn new(pepper: &[u8]) -> Self {
        #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
        let mac = Hmac::new_from_slice(pepper).expect("any length");
        Self(mac)
    }

    /// The secret of the caller with this id, always the same.
    #[must_use]
    pub fn secret(&self, caller: &str) -> CallbackSecret {
        CallbackSecret(format!("{PREFIX}{}", STANDARD.encode(self.key(caller))))
    }

    /// The value of `webhook-signature` for this caller.
    pub(crate) fn sign(
        &self,
        caller: &str,
        id: &str,
        timestamp: i64,
        body: &str,
    ) -> Result<String, WebhookError> {
        Webhook::from_bytes(self.key(caller))?.sign(id, timestamp, body.as_bytes())
    }

    fn key(&self, caller: &str) -> Vec<u8> {
        let mac = self.0.clone().chain_update(LABEL).chain_update(caller);
        mac.finalize().into_bytes().to_vec()
    }
}

impl CallbackSecret {
    /// **The secret itself**, to be shown to its caller.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer(hidden)")
    }
}

impl fmt::Debug for CallbackSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallbackSecret(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEPPER: &[u8] = b"a pepper of 32 characters or more";

    #[test]
    fn a_secret_is_the_same_tomorrow_as_callers_have_copied_it() {
        let secret = Signer::new(PEPPER).secret("0123456789abcdef");
        assert_eq!(
            secret.reveal(),
            "whsec_kHuSJ0C0cHzHDabdUFD4keW3MFDfsvlBqajyb1jkf1Q="
        );
    }

    #[test]
    fn each_caller_and_each_pepper_has_secrets_of_its_own() {
        let signer = Signer::new(PEPPER);
        assert_eq!(signer.secret("a"), signer.clone().secret("a"));
        assert_ne!(signer.secret("a"), signer.secret("b"));
        assert_ne!(signer.secret("a"), Signer::new(b"another").secret("a"));
    }

    #[test]
    fn debug_prints_no_secret() {
        let signer = Signer::new(PEPPER);
        assert_eq!(format!("{signer:?}"), "Signer(hidden)");
        assert_eq!(format!("{:?}", signer.secret("a")), "CallbackSecret(hidden)");
    }
}
