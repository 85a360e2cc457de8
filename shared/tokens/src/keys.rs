//! An issuer's key set ([RFC 7517](https://www.rfc-editor.org/rfc/rfc7517)), and which of its keys a token is verified with.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm as Jwa, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

use crate::error::{FetchError, Invalid};

/// More keys than an issuer has, also while it changes them.
const MAX_KEYS: usize = 100;
/// RFC 7518, section 3.3: "A key of size 2048 bits or larger MUST be used".
const MIN_RSA_BITS: usize = 2048;
/// The longest that ring verifies with.
const MAX_RSA_BITS: usize = 8192;

const RSA: &[Jwa] = &[
    Jwa::RS256,
    Jwa::RS384,
    Jwa::RS512,
    Jwa::PS256,
    Jwa::PS384,
    Jwa::PS512,
];

/// The keys of a set that signatures can be verified with.
#[derive(Debug)]
pub(crate) struct KeySet(Vec<Key>);

#[derive(Debug)]
struct Key {
    id: Option<String>,
    /// What it may verify: by its type and, where it says so, only one of these.
    algorithms: &'static [Jwa],
    only: Option<KeyAlgorithm>,
    key: Arc<DecodingKey>,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

impl KeySet {
    /// Reads a set; keys for something else, or of a kind that is not known here, are passed over.
    ///
    /// # Errors
    /// Not a set, too large a one, or without any key that can be used.
    pub(crate) fn read(json: &[u8]) -> Result<Self, FetchError> {
        let document: Document = serde_json::from_slice(json).map_err(FetchError::Malformed)?;
        if document.keys.len() > MAX_KEYS {
            return Err(FetchError::TooManyKeys);
        }
        let keys: Vec<_> = document.keys.into_iter().filter_map(Key::read).collect();
        if keys.is_empty() {
            return Err(FetchError::NoKeys);
        }
        Ok(Self(keys))
    }

    /// The one key that a token with this `kid` and `alg` can be verified with.
    ///
    /// # Errors
    /// [`Invalid::UnknownKey`] if a newer set might have it; other reasons if not.
    pub(crate) fn find(&self, id: Option<&str>, algorithm: Jwa) -> Result<Arc<DecodingKey>, Invalid> {
        let mut named = self
            .0
            .iter()
            .filter(|key| id.is_none() || key.id.as_deref() == id)
            .peekable();
        let is_named = id.is_some() && named.peek().is_some();
        let mut fitting = named.filter(|key| key.fits(algorithm));
        match (fitting.next(), fitting.next()) {
            (Some(key), None) => Ok(Arc::clone(&key.key)),
            (Some(_), Some(_)) => Err(Invalid::AmbiguousKey),
            (None, _) if is_named => Err(Invalid::KeyMismatch),
            (None, _) => Err(Invalid::UnknownKey),
        }
    }
}

impl Key {
    fn read(json: Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(json).ok()?;
        let common = &jwk.common;
        let is_for_signatures = common
            .public_key_use
            .as_ref()
            .is_none_or(|purpose| *purpose == PublicKeyUse::Signature)
            && common
                .key_operations
                .as_ref()
                .is_none_or(|operations| operations.contains(&KeyOperations::Verify));
        if !is_for_signatures {
            return None;
        }
        let (algorithms, key) = public_key(&jwk.algorithm)?;
        Some(Self {
            id: jwk.common.key_id,
            algorithms,
            only: jwk.common.key_algorithm,
            key: Arc::new(key),
        })
    }

    fn fits(&self, algorithm: Jwa) -> bool {
        self.algorithms.contains(&algorithm)
            && self.only.is_none_or(|only| only == KeyAlgorithm::from(algorithm))
    }
}

/// The key, and what a key of its type can verify.
fn public_key(parameters: &AlgorithmParameters) -> Option<(&'static [Jwa], DecodingKey)> {
    match parameters {
        AlgorithmParameters::RSA(rsa) => {
            // Some issuers write numbers with leading zeros, against RFC 7518, section 2; ring takes none.
            let (modulus, exponent) = (number(&rsa.n)?, number(&rsa.e)?);
            let bits = modulus.len() * 8 - modulus.first()?.leading_zeros() as usize;
            (MIN_RSA_BITS..=MAX_RSA_BITS)
                .contains(&bits)
                .then(|| (RSA, DecodingKey::from_rsa_raw_components(&modulus, &exponent)))
        }
        AlgorithmParameters::EllipticCurve(point) => {
            let (algorithms, length): (&[Jwa], _) = match point.curve {
                EllipticCurve::P256 => (&[Jwa::ES256], 32),
                EllipticCurve::P384 => (&[Jwa::ES384], 48),
                _ => return None,
            };
            let (x, y) = (bytes(&point.x)?, bytes(&point.y)?);
            let is_point = x.len() == length && y.len() == length;
            is_point.then(|| (algorithms, DecodingKey::from_ec_der(&[&[4], &x[..], &y].concat())))
        }
        AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => {
            let x = bytes(&pair.x)?;
            (x.len() == 32).then(|| (&[Jwa::EdDSA][..], DecodingKey::from_ed_der(&x)))
        }
        _ => None,
    }
}

fn bytes(base64url: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(base64url).ok()
}

fn number(base64url: &str) -> Option<Vec<u8>> {
    let bytes = bytes(base64url)?;
    let start = bytes.iter().position(|byte| *byte != 0)?;
    Some(bytes[start..].to_vec())
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
