//! Keys that sign what a test wants signed.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
    RsaPublicKeyComponents,
};
use serde_json::{Value, json};

const RSA_KEY: &str = include_str!("test-only-rsa-key-1.pem");
const OTHER_RSA_KEY: &str = include_str!("test-only-rsa-key-2.pem");

/// A private key, with the name that it is published under.
#[derive(Debug)]
pub struct SigningKey {
    id: String,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Es256(EcdsaKeyPair),
    Rs256(RsaKeyPair),
}

impl SigningKey {
    /// A new EC key on P-256.
    #[must_use]
    pub fn es256(id: &str) -> Self {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("a new EC key");
        let key = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).expect("the key just made");
        Self {
            id: id.to_owned(),
            kind: Kind::Es256(key),
        }
    }

    /// The RSA key of 2048 bits that lies in this repository: making one takes too long for each test.
    #[must_use]
    pub fn rs256(id: &str) -> Self {
        Self::rsa(id, RSA_KEY)
    }

    /// Another one.
    #[must_use]
    pub fn other_rs256(id: &str) -> Self {
        Self::rsa(id, OTHER_RSA_KEY)
    }

    fn rsa(id: &str, pem: &str) -> Self {
        let base64: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        let der = STANDARD.decode(base64).expect("the committed key is PEM");
        let key = RsaKeyPair::from_pkcs8(&der).expect("the committed key is an RSA key");
        Self {
            id: id.to_owned(),
            kind: Kind::Rs256(key),
        }
    }

    /// The public key as an issuer publishes it.
    #[must_use]
    pub fn jwk(&self) -> Value {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match &self.kind {
            Kind::Es256(key) => {
                // SEC 1's uncompressed point: a 4, then both coordinates.
                let (x, y) = key.public_key().as_ref()[1..].split_at(32);
                json!({"kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y), "kid": self.id, "use": "sig", "alg": "ES256"})
            }
            Kind::Rs256(key) => {
                let RsaPublicKeyComponents::<Vec<u8>> { n, e } = key.public().into();
                json!({"kty": "RSA", "n": encode(&n), "e": encode(&e), "kid": self.id, "use": "sig", "alg": "RS256"})
            }
        }
    }

    /// The header of a token that is signed with this key.
    #[must_use]
    pub fn header(&self) -> Value {
        let algorithm = match self.kind {
            Kind::Es256(_) => "ES256",
            Kind::Rs256(_) => "RS256",
        };
        json!({"alg": algorithm, "kid": self.id, "typ": "JWT"})
    }

    /// A token with these claims.
    #[must_use]
    pub fn sign(&self, claims: &Value) -> String {
        self.sign_with(&self.header(), claims)
    }

    /// A token with this header, which may say anything, and these claims.
    #[must_use]
    pub fn sign_with(&self, header: &Value, claims: &Value) -> String {
        let message = unsigned(header, claims);
        let signature = URL_SAFE_NO_PAD.encode(self.signature(message.as_bytes()));
        format!("{message}.{signature}")
    }

    fn signature(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.kind {
            Kind::Es256(key) => {
                let signature = key.sign(&random, message).expect("an EC signature");
                signature.as_ref().to_vec()
            }
            Kind::Rs256(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .expect("an RSA signature");
                signature
            }
        }
    }
}

/// What a token's signature is over: its first two parts.
fn unsigned(header: &Value, claims: &Value) -> String {
    let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    format!("{}.{}", encode(header), encode(claims))
}
