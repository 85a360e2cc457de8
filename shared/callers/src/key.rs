//! API keys: `sk_<id>_<secret>`.
//!
//! The id, 16 hexadecimal digits, is public: it is how the key is found, and it is the caller's id. The secret is 64 random ones
//! and 8 that are a checksum over id and secret, so that a key with a slip in it is refused without asking the database. What is kept is a keyed hash of the secret (HMAC-SHA-256): whoever reads the table cannot call, and cannot even test
//! guesses without the pepper, which is not in it.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use crate::Pepper;

/// What every key begins with.
pub(crate) const PREFIX: &str = "sk_";
const ID_DIGITS: usize = 16;
const SECRET_DIGITS: usize = 64;
const CHECKSUM_DIGITS: usize = 8;

/// A key, with its secret. Neither `Debug` nor an error prints the secret.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    id: String,
    secret: String,
}

impl ApiKey {
    /// A new one.
    ///
    /// # Errors
    /// The operating system has no random bytes.
    pub fn generate() -> Result<Self, getrandom::Error> {
        Self::with_id(&random_hex::<{ ID_DIGITS / 2 }>()?)
    }

    /// A new secret for this id.
    ///
    /// # Errors
    /// The operating system has no random bytes.
    pub fn with_id(id: &str) -> Result<Self, getrandom::Error> {
        Ok(Self {
            id: id.to_owned(),
            secret: random_hex::<{ SECRET_DIGITS / 2 }>()?,
        })
    }

    /// Reads a key as a caller sends it; `None` if it has another form or the checksum is wrong.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (id, rest) = text.strip_prefix(PREFIX)?.split_once('_')?;
        let is_hex = |text: &str| {
            text.bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        };
        if id.len() != ID_DIGITS
            || rest.len() != SECRET_DIGITS + CHECKSUM_DIGITS
            || !is_hex(id)
            || !is_hex(rest)
        {
            return None;
        }
        let (secret, checksum) = rest.split_at(SECRET_DIGITS);
        (self::checksum(id, secret) == checksum).then(|| Self {
            id: id.to_owned(),
            secret: secret.to_owned(),
        })
    }

    /// Its public part.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The whole key, **with its secret**: to be shown once, to whoever it is made for.
    #[must_use]
    pub fn reveal(&self) -> String {
        let Self { id, secret } = self;
        format!("{PREFIX}{id}_{secret}{}", checksum(id, secret))
    }

    /// What is kept of it, in hexadecimal.
    #[must_use]
    pub fn hash(&self, pepper: &Pepper) -> String {
        #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
        let mut mac = Hmac::<Sha256>::new_from_slice(pepper.reveal()).expect("any length");
        mac.update(format!("{}:{}", self.id, self.secret).as_bytes());
        hex(&mac.finalize().into_bytes())
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({}, hidden)", self.id)
    }
}

fn checksum(id: &str, secret: &str) -> String {
    hex(&Sha256::digest(format!("{id}_{secret}"))[..CHECKSUM_DIGITS / 2])
}

/// Twice as many digits as bytes.
pub(crate) fn random_hex<const BYTES: usize>() -> Result<String, getrandom::Error> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(hex(&bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_is_written() {
        let key = ApiKey::generate().unwrap();
        assert_eq!(ApiKey::parse(&key.reveal()), Some(key.clone()));
        assert_ne!(ApiKey::generate().unwrap(), key);
        assert_eq!(key.reveal().len(), 3 + 16 + 1 + 72);
    }

    #[test]
    fn a_key_with_any_one_character_changed_is_not_a_key() {
        let key = ApiKey::generate().unwrap().reveal();
        for at in 0..key.len() {
            let mut changed = key.clone().into_bytes();
            changed[at] = if changed[at] == b'0' { b'1' } else { b'0' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(ApiKey::parse(&changed), None, "{at}");
        }
        for wrong in [
            "",
            "sk_",
            "sk__",
            "sk_a_b",
            &key.to_uppercase(),
            &format!("{key}0"),
            &key[..key.len() - 1],
        ] {
            assert_eq!(ApiKey::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_kept_depends_on_the_pepper_and_does_not_hold_the_secret() {
        let key = ApiKey::generate().unwrap();
        let [one, other] = [
            "a pepper of 32 characters or more",
            "another pepper of 32 characters!!",
        ]
        .map(|pepper| key.hash(&Pepper::new(pepper).unwrap()));
        assert_ne!(one, other);
        assert_eq!(one.len(), 64);
        assert!(!one.contains(&key.secret) && !format!("{key:?}").contains(&key.secret));
    }
}
