//! A token's claims: what must be there, for whom it is, and what it allows.

use serde::Deserialize;

use crate::error::Invalid;

/// The claims that matter here, in the only forms that they are taken in.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Claims {
    pub(crate) iss: Option<String>,
    pub(crate) sub: Option<String>,
    pub(crate) aud: Option<OneOrMany>,
    /// Seconds since 1970, which may have a fraction (RFC 7519, section 2).
    pub(crate) exp: Option<f64>,
    /// OAuth 2's scopes, with spaces between them.
    scope: Option<String>,
    /// Scopes as Entra ID and Okta write them.
    scp: Option<OneOrMany>,
    /// Cognito's: `access` or `id`.
    token_use: Option<String>,
    /// Cognito's audience of an access token.
    client_id: Option<String>,
}

/// A string, or an array of strings.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl Claims {
    /// Whether a token is what it should be, to call an API with, and is for one of these audiences.
    ///
    /// `aud` itself is checked with the signature. Cognito's access tokens have none: there, `client_id` says for which
    /// application the token was issued, and `token_use` that it is not an ID token.
    pub(crate) fn check_use(&self, audiences: &[String]) -> Result<(), Invalid> {
        match (self.token_use.as_deref(), &self.aud) {
            (Some("access") | None, Some(_)) => Ok(()),
            (Some("access"), None) => {
                let client = self.client_id.as_ref().ok_or(Invalid::MissingClaim("aud"))?;
                audiences.contains(client).then_some(()).ok_or(Invalid::Audience)
            }
            (None, None) => Err(Invalid::MissingClaim("aud")),
            (Some(_), _) => Err(Invalid::NotAccessToken),
        }
    }

    /// What the token allows, each without the prefix, where there is one to take off.
    pub(crate) fn scopes(&self, prefix: Option<&str>) -> Vec<String> {
        let listed: Vec<&str> = match (&self.scope, &self.scp) {
            (Some(scopes), _) | (None, Some(OneOrMany::One(scopes))) => scopes.split(' ').collect(),
            (None, Some(OneOrMany::Many(scopes))) => scopes.iter().map(String::as_str).collect(),
            (None, None) => Vec::new(),
        };
        let prefix = prefix.unwrap_or_default();
        listed
            .into_iter()
            .filter_map(|scope| scope.strip_prefix(prefix))
            .filter(|scope| !scope.is_empty())
            .map(str::to_owned)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn claims(json: Value) -> Claims {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn scopes_are_a_string_with_spaces_or_an_array() {
        for json in [
            json!({"scope": "analyse embed"}),
            json!({"scope": " analyse  embed "}),
            json!({"scp": "analyse embed"}),
            json!({"scp": ["analyse", "embed"]}),
            json!({"scope": "analyse embed", "scp": ["other"]}),
        ] {
            assert_eq!(claims(json.clone()).scopes(None), ["analyse", "embed"], "{json}");
        }
        assert!(claims(json!({})).scopes(None).is_empty());
        assert!(claims(json!({"scope": ""})).scopes(None).is_empty());
    }

    #[test]
    fn a_prefix_is_taken_off_and_what_has_none_is_dropped() {
        let claims = claims(json!({"scope": "lambent/analyse openid lambent/ lambent/lambent/embed"}));
        assert_eq!(claims.scopes(Some("lambent/")), ["analyse", "lambent/embed"]);
    }

    #[test]
    fn an_access_token_has_an_audience_or_cognito_s_form() {
        let audiences = ["api".to_owned()];
        let check = |json: Value| claims(json).check_use(&audiences);
        assert_eq!(check(json!({"aud": "api"})), Ok(()));
        assert_eq!(check(json!({"aud": "api", "token_use": "access"})), Ok(()));
        assert_eq!(check(json!({"token_use": "access", "client_id": "api"})), Ok(()));
        for (json, reason) in [
            (json!({}), Invalid::MissingClaim("aud")),
            (json!({"aud": null}), Invalid::MissingClaim("aud")),
            (json!({"client_id": "api"}), Invalid::MissingClaim("aud")),
            (json!({"token_use": "access"}), Invalid::MissingClaim("aud")),
            (
                json!({"token_use": "access", "client_id": "other"}),
                Invalid::Audience,
            ),
            (
                json!({"token_use": "id", "client_id": "api"}),
                Invalid::NotAccessToken,
            ),
            (json!({"token_use": "id", "aud": "api"}), Invalid::NotAccessToken),
            (json!({"token_use": "", "aud": "api"}), Invalid::NotAccessToken),
        ] {
            assert_eq!(check(json.clone()), Err(reason), "{json}");
        }
    }

    #[test]
    fn claims_of_another_form_are_not_read() {
        for json in [
            json!({"iss": ["a"]}),
            json!({"sub": 7}),
            json!({"aud": 7}),
            json!({"aud": [7]}),
            json!({"aud": {}}),
            json!({"exp": "soon"}),
            json!({"scope": 7}),
            json!({"token_use": true}),
        ] {
            assert!(serde_json::from_value::<Claims>(json.clone()).is_err(), "{json}");
        }
    }
}
