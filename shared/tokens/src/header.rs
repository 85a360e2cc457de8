//! A token's header, before anything in it is believed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::Algorithm;
use crate::error::Invalid;

/// Longer than any token that an API would be called with: API Gateway takes 10 KiB of headers in all.
const MAX_BYTES: usize = 8 * 1024;

/// What a header says that matters here. Keys and places of keys that a token brings along (`jwk`, `jku`, `x5c`, `x5u`) do not:
/// whoever forges the token writes them.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) algorithm: Algorithm,
    /// The name under which the key is looked up, and nothing else.
    pub(crate) key_id: Option<String>,
}

#[derive(Deserialize)]
struct Fields {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    /// Present also when it is null, which an `Option` alone would not tell.
    #[serde(default, deserialize_with = "present")]
    crit: bool,
}

impl Header {
    /// Reads the header of a token that is signed with one of these algorithms.
    pub(crate) fn read(token: &str, allowed: &[Algorithm]) -> Result<Self, Invalid> {
        if token.len() > MAX_BYTES {
            return Err(Invalid::TooLong);
        }
        let mut parts = token.split('.');
        let (Some(header), Some(_), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Invalid::Malformed);
        };
        let json = URL_SAFE_NO_PAD.decode(header).map_err(|_| Invalid::Malformed)?;
        let fields: Fields = serde_json::from_slice(&json).map_err(|_| Invalid::Malformed)?;
        let algorithm = fields.alg.parse().map_err(|_| Invalid::Algorithm)?;
        if !allowed.contains(&algorithm) {
            return Err(Invalid::Algorithm);
        }
        if fields.crit {
            return Err(Invalid::Critical);
        }
        if fields.typ.is_some_and(|typ| !is_access_token_type(&typ)) {
            return Err(Invalid::Type);
        }
        Ok(Self {
            algorithm,
            key_id: fields.kid,
        })
    }
}

/// `at+jwt` is [RFC 9068](https://www.rfc-editor.org/rfc/rfc9068#section-2.1)'s, `JWT` everybody else's; the case does not count,
/// and `application/` may be left out (RFC 7515, section 4.1.9).
fn is_access_token_type(typ: &str) -> bool {
    let typ = typ.to_ascii_lowercase();
    matches!(typ.strip_prefix("application/").unwrap_or(&typ), "jwt" | "at+jwt")
}

fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(header: &str) -> Result<Header, Invalid> {
        let token = format!("{}.e30.", URL_SAFE_NO_PAD.encode(header));
        Header::read(&token, &[Algorithm::Rs256])
    }

    #[test]
    fn a_key_id_is_a_name_whatever_it_looks_like() {
        for id in ["1", "../../etc/passwd", "https://attacker.example/key", ""] {
            let header = read(&format!(r#"{{"alg":"RS256","kid":"{id}"}}"#)).unwrap();
            assert_eq!(header.key_id.as_deref(), Some(id));
        }
        assert_eq!(read(r#"{"alg":"RS256"}"#).unwrap().key_id, None);
        assert_eq!(read(r#"{"alg":"RS256","kid":7}"#), Err(Invalid::Malformed));
    }

    #[test]
    fn critical_extensions_are_refused_in_whatever_form() {
        for crit in [r#"["exp"]"#, "[]", "null", "\"b64\""] {
            let header = format!(r#"{{"alg":"RS256","crit":{crit}}}"#);
            assert_eq!(read(&header), Err(Invalid::Critical), "{crit}");
        }
    }

    #[test]
    fn the_type_is_that_of_a_jwt_or_of_an_access_token() {
        for typ in [
            "JWT",
            "jwt",
            "at+jwt",
            "AT+JWT",
            "application/at+jwt",
            "Application/JWT",
        ] {
            assert!(
                read(&format!(r#"{{"alg":"RS256","typ":"{typ}"}}"#)).is_ok(),
                "{typ}"
            );
        }
        for typ in [
            "",
            "JWE",
            "dpop+jwt",
            "id+jwt",
            "application/application/jwt",
            "text/jwt",
        ] {
            let header = format!(r#"{{"alg":"RS256","typ":"{typ}"}}"#);
            assert_eq!(read(&header), Err(Invalid::Type), "{typ}");
        }
    }

    #[test]
    fn only_listed_algorithms_are_read_and_only_in_their_own_spelling() {
        for algorithm in ["none", "None", "", "HS256", "ES256", "rs256", "RS256 "] {
            let header = format!(r#"{{"alg":"{algorithm}"}}"#);
            assert_eq!(read(&header), Err(Invalid::Algorithm), "{algorithm}");
        }
        for header in [
            "{}",
            "[]",
            "null",
            r#"{"alg":null}"#,
            r#"{"alg":"RS256","alg":"RS256"}"#,
            "{",
        ] {
            assert_eq!(read(header), Err(Invalid::Malformed), "{header}");
        }
    }

    #[test]
    fn a_token_of_8_kib_is_read_and_one_byte_more_is_not() {
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256"}"#);
        let token = |bytes: usize| format!("{header}.{}.", "a".repeat(bytes - header.len() - 2));
        assert!(Header::read(&token(8192), &[Algorithm::Rs256]).is_ok());
        assert_eq!(
            Header::read(&token(8193), &[Algorithm::Rs256]),
            Err(Invalid::TooLong)
        );
    }
}
