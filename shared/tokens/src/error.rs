//! Why a token is not taken: because of the token, or because nobody can say.

use std::sync::Arc;

/// A token could not be verified.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TokenError {
    /// The token is at fault; the caller needs another one.
    #[error("the token is not accepted: {0}")]
    Invalid(Invalid),
    /// The issuer's keys could not be fetched and none are kept from before; the same token may be good later.
    #[error("the issuer's keys are not available")]
    Unavailable(#[source] Arc<FetchError>),
}

/// What is wrong with a token.
///
/// `Display` says it in a few words that fit into the log and into the `error_description` of
/// [RFC 6750, section 3](https://www.rfc-editor.org/rfc/rfc6750#section-3): nothing of the token, no quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// Not three parts of base64url, or not JSON in the first two, or JSON of another shape.
    #[error("the token is malformed")]
    Malformed,
    /// More than 8 KiB.
    #[error("the token is too long")]
    TooLong,
    /// Its algorithm is not on the list.
    #[error("the token is signed with an algorithm that is not accepted")]
    Algorithm,
    /// Its header has `crit`: extensions that must be understood, and none is.
    #[error("the token has critical extensions")]
    Critical,
    /// Its header has a `typ` of something else.
    #[error("the token is of another type")]
    Type,
    /// The issuer publishes no key of that name for that algorithm.
    #[error("the token is signed with an unknown key")]
    UnknownKey,
    /// Several of the issuer's keys fit.
    #[error("the token does not say which key it is signed with")]
    AmbiguousKey,
    /// The key of that name is not for that algorithm.
    #[error("the token is signed with a key that is not for its algorithm")]
    KeyMismatch,
    /// The signature is not that key's for that text.
    #[error("the signature of the token is wrong")]
    Signature,
    /// A claim that must be there is not: its name.
    #[error("the token has no {0} claim")]
    MissingClaim(&'static str),
    /// `exp` is more than 30 seconds ago.
    #[error("the token has expired")]
    Expired,
    /// `nbf` is more than 30 seconds from now.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// Someone else issued it.
    #[error("the token is from another issuer")]
    Issuer,
    /// It is meant for someone else.
    #[error("the token is for another audience")]
    Audience,
    /// `sub` is empty.
    #[error("the token has an empty sub claim")]
    EmptySubject,
    /// An ID token, or anything else by its `token_use`.
    #[error("the token is not an access token")]
    NotAccessToken,
}

/// The issuer's keys could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// Not within three seconds, for the discovery document and the key set together.
    #[error("the issuer did not answer in time")]
    Timeout,
    /// No answer, or not all of it.
    #[error("the request to the issuer failed")]
    Transport(#[source] reqwest::Error),
    /// Another status than 200: redirects are not followed.
    #[error("the issuer answered with status {0}")]
    Status(u16),
    /// More than 256 KiB.
    #[error("the issuer's answer is too long")]
    TooLong,
    /// Not the JSON that was expected.
    #[error("the issuer's answer is malformed")]
    Malformed(#[source] serde_json::Error),
    /// The discovery document is another issuer's.
    #[error("the discovery document names another issuer")]
    Issuer,
    /// The discovery document's `jwks_uri` is neither `https` nor on loopback.
    #[error("the discovery document names a key set that may not be trusted")]
    KeySetUrl,
    /// More than 100 keys.
    #[error("the issuer has too many keys")]
    TooManyKeys,
    /// No key that a signature could be verified with.
    #[error("the issuer has no key that can be used")]
    NoKeys,
}

impl From<Invalid> for TokenError {
    fn from(reason: Invalid) -> Self {
        Self::Invalid(reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_fits_into_a_quoted_header_field_and_names_only_the_claim() {
        for reason in [
            Invalid::Malformed,
            Invalid::MissingClaim("aud"),
            Invalid::AmbiguousKey,
            Invalid::NotAccessToken,
        ] {
            let text = reason.to_string();
            let fits = |byte: u8| matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
            assert!(text.bytes().all(fits), "{text}");
        }
        let text = TokenError::from(Invalid::MissingClaim("aud")).to_string();
        assert_eq!(text, "the token is not accepted: the token has no aud claim");
    }
}
