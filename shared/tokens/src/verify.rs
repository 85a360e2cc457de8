//! Verifies a token: header, key, signature, claims, in this order, so that nothing is believed before it is signed.

use std::sync::Arc;

use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::{Algorithm as Jwa, DecodingKey, Validation};

use crate::cache::KeyCache;
use crate::claims::Claims;
use crate::error::{Invalid, TokenError};
use crate::fetch::Source;
use crate::header::Header;
use crate::{ConfigError, TokenConfig, crypto};

/// How far the issuer's clock may be off, in seconds.
const LEEWAY: u64 = 30;

/// Verifies tokens of one issuer: cheap to clone, built once in `main`. Clones share the issuer's keys.
#[derive(Debug, Clone)]
pub struct Tokens(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: TokenConfig,
    keys: KeyCache,
}

/// Whom a verified token speaks for, and what it allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Who says so: the token's `iss`.
    pub issuer: String,
    /// The issuer's name for the caller, never empty; only together with [`Identity::issuer`] is it anybody's.
    pub subject: String,
    /// What the token allows, without the configured prefix.
    pub scopes: Vec<String>,
    /// When the token ends, in seconds since 1970.
    pub expires_at: u64,
}

impl Tokens {
    /// Does no I/O: the keys are fetched for the first token.
    ///
    /// # Errors
    /// The configuration breaks its rules, or the HTTP client or the signature verification cannot be set up.
    pub fn new(config: TokenConfig) -> Result<Self, ConfigError> {
        config.check()?;
        if !crypto::install() {
            return Err(ConfigError::Crypto);
        }
        let keys = KeyCache::new(Source::new(&config)?);
        Ok(Self(Arc::new(Inner { config, keys })))
    }

    /// Whom the token speaks for, if it is one of the configured issuer's, for one of the configured audiences, and of now.
    ///
    /// # Errors
    /// What is wrong with the token, or that the issuer's keys are not available.
    pub async fn verify(&self, token: &str) -> Result<Identity, TokenError> {
        let config = &self.0.config;
        let header = Header::read(token, &config.algorithms)?;
        let algorithm = header.algorithm.jwa();
        let key = self.0.keys.find(header.key_id.as_deref(), algorithm).await?;
        let claims = signed_claims(token, &key, algorithm, config)?;
        claims.check_use(&config.audiences)?;
        Ok(identity(claims, config.scope_prefix.as_deref())?)
    }
}

/// The claims, after signature, `exp`, `nbf`, `iss` and, where there is one, `aud`.
fn signed_claims(
    token: &str,
    key: &DecodingKey,
    algorithm: Jwa,
    config: &TokenConfig,
) -> Result<Claims, Invalid> {
    let mut validation = Validation::new(algorithm);
    validation.leeway = LEEWAY;
    validation.validate_nbf = true;
    validation.set_issuer(&[&config.issuer]);
    validation.set_audience(&config.audiences);
    // Without `aud`, which Cognito leaves out: `Claims::check_use` requires it, or Cognito's form.
    validation.set_required_spec_claims(&["exp", "iss", "sub"]);
    jsonwebtoken::decode(token, key, &validation)
        .map(|decoded| decoded.claims)
        .map_err(|error| reason(&error))
}

fn identity(claims: Claims, prefix: Option<&str>) -> Result<Identity, Invalid> {
    let scopes = claims.scopes(prefix);
    let subject = claims.sub.ok_or(Invalid::MissingClaim("sub"))?;
    if subject.is_empty() {
        return Err(Invalid::EmptySubject);
    }
    Ok(Identity {
        issuer: claims.iss.ok_or(Invalid::MissingClaim("iss"))?,
        subject,
        scopes,
        expires_at: claims.exp.ok_or(Invalid::MissingClaim("exp"))?.round() as u64,
    })
}

fn reason(error: &Error) -> Invalid {
    match error.kind() {
        ErrorKind::InvalidSignature => Invalid::Signature,
        ErrorKind::InvalidAlgorithm => Invalid::KeyMismatch,
        ErrorKind::ExpiredSignature => Invalid::Expired,
        ErrorKind::ImmatureSignature => Invalid::NotYetValid,
        ErrorKind::InvalidIssuer => Invalid::Issuer,
        ErrorKind::InvalidAudience => Invalid::Audience,
        ErrorKind::MissingRequiredClaim(claim) => match claim.as_str() {
            "exp" => Invalid::MissingClaim("exp"),
            "iss" => Invalid::MissingClaim("iss"),
            _ => Invalid::MissingClaim("sub"),
        },
        _ => Invalid::Malformed,
    }
}
