//! Signing in from the documentation: the OAuth 2.0 authorization code flow of whoever issues the API's tokens.
//!
//! | Variable | Meaning |
//! |---|---|
//! | `LAMBENT_OAUTH_AUTHORIZATION_URL` | where people sign in; without it the documentation offers API keys and tokens to paste |
//! | `LAMBENT_OAUTH_TOKEN_URL` | where the page gets their token |
//! | `LAMBENT_TOKEN_SCOPE_PREFIX` | what the issuer puts before scopes |

use std::{
    borrow::Cow,
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use http::Uri;
use lambent_schema::Scope;
use serde_json::{Map, Value, json};

use crate::document::{Document, OPENAPI, SWAGGER_UI};

const AUTHORIZATION_URL: &str = "LAMBENT_OAUTH_AUTHORIZATION_URL";
const TOKEN_URL: &str = "LAMBENT_OAUTH_TOKEN_URL";
const SCOPE_PREFIX: &str = "LAMBENT_TOKEN_SCOPE_PREFIX";

/// Where the documentation sends people who sign in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OAuth {
    authorization_url: String,
    token_url: String,
    scope_prefix: String,
}

/// A variable of the environment is missing or cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{name} is missing or malformed: expected an https URL, together with {with}")]
pub struct OAuthError {
    /// The variable's name.
    pub name: &'static str,
    /// The one that goes with it.
    pub with: &'static str,
}

impl OAuth {
    /// Reads the process environment; see the module's table.
    ///
    /// # Errors
    /// Names the variable that is missing or malformed.
    pub fn from_env() -> Result<Option<Self>, OAuthError> {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// Reads any lookup of variables by name. An empty variable counts as unset.
    ///
    /// # Errors
    /// Names the variable that is missing or malformed.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, OAuthError> {
        let get = |name: &str| lookup(name).filter(|value| !value.trim().is_empty());
        let url = |name, with| {
            let url = get(name).filter(|url| is_secure(url));
            url.ok_or(OAuthError { name, with })
        };
        if get(AUTHORIZATION_URL).is_none() && get(TOKEN_URL).is_none() {
            return Ok(None);
        }
        Ok(Some(Self {
            authorization_url: url(AUTHORIZATION_URL, TOKEN_URL)?,
            token_url: url(TOKEN_URL, AUTHORIZATION_URL)?,
            scope_prefix: get(SCOPE_PREFIX).unwrap_or_default(),
        }))
    }

    /// The OpenAPI document with this flow as one more way to come.
    pub(crate) fn openapi(&self) -> Document {
        // It is our own text: it parses.
        let mut document: Value = serde_json::from_slice(&OPENAPI.body).unwrap_or_default();
        let scope = |name: &str| format!("{}{name}", self.scope_prefix);
        let scopes: Map<String, Value> = Scope::ALL
            .iter()
            .map(|known| (scope(known.as_str()), known.description().into()))
            .collect();
        document["components"]["securitySchemes"]["oauth2"] = json!({
            "type": "oauth2",
            "description": "Sign in, and have a token of the issuer that this API trusts.",
            "flows": {"authorizationCode": {
                "authorizationUrl": self.authorization_url,
                "tokenUrl": self.token_url,
                "scopes": scopes,
            }},
        });
        let paths = document["paths"]
            .as_object_mut()
            .into_iter()
            .flat_map(Map::values_mut);
        for operation in paths.filter_map(Value::as_object_mut).flat_map(Map::values_mut) {
            let needed: Option<Vec<String>> = operation["security"][0]["bearer"]
                .as_array()
                .map(|scopes| scopes.iter().filter_map(Value::as_str).map(scope).collect());
            if let (Some(needed), Some(security)) = (needed, operation["security"].as_array_mut()) {
                security.push(json!({"oauth2": needed}));
            }
        }
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        let tag = OPENAPI.etag.trim_end_matches('"');
        Document {
            body: format!("{document:#}\n").into(),
            etag: Cow::Owned(format!("{tag}-{:x}\"", hasher.finish())),
            ..OPENAPI.clone()
        }
    }

    /// Swagger UI, which may ask for a token too.
    pub(crate) fn swagger_ui(&self) -> Document {
        let origin = origin(&self.token_url).unwrap_or_default();
        let allowed = format!("connect-src 'self' {origin}");
        Document {
            security_policy: Cow::Owned(SWAGGER_UI.security_policy.replace("connect-src 'self'", &allowed)),
            ..SWAGGER_UI.clone()
        }
    }
}

/// `https://issuer.example` of a URL below it.
fn origin(url: &str) -> Option<String> {
    let url: Uri = url.parse().ok()?;
    Some(format!("{}://{}", url.scheme_str()?, url.authority()?))
}

/// https, or http to this machine.
fn is_secure(url: &str) -> bool {
    let Ok(url) = url.parse::<Uri>() else { return false };
    let is_here = url
        .host()
        .is_some_and(|host| matches!(host, "127.0.0.1" | "[::1]" | "localhost"));
    match url.scheme_str() {
        Some("https") => url.host().is_some(),
        Some("http") => is_here,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(authorization: &str, token: &str) -> Result<Option<OAuth>, OAuthError> {
        OAuth::from_lookup(|name| match name {
            AUTHORIZATION_URL => Some(authorization.to_owned()),
            TOKEN_URL => Some(token.to_owned()),
            SCOPE_PREFIX => Some("lambent/".to_owned()),
            _ => None,
        })
    }

    const AUTHORIZE: &str = "https://issuer.example/authorize";
    const TOKEN: &str = "https://tokens.issuer.example:8443/oauth2/token";

    #[test]
    fn both_urls_are_needed_and_must_be_secure() {
        assert_eq!(read("", ""), Ok(None));
        for (authorization, token, named) in [
            (AUTHORIZE, "", TOKEN_URL),
            ("", TOKEN, AUTHORIZATION_URL),
            ("http://issuer.example/authorize", TOKEN, AUTHORIZATION_URL),
            (AUTHORIZE, "javascript:alert(1)", TOKEN_URL),
        ] {
            assert_eq!(read(authorization, token).unwrap_err().name, named);
        }
        assert!(
            read("http://127.0.0.1:1/a", "http://localhost:1/t")
                .unwrap()
                .is_some()
        );
    }

    #[test]
    fn the_document_offers_the_flow_and_the_page_may_reach_its_tokens() {
        let oauth = read(AUTHORIZE, TOKEN).unwrap().unwrap();
        let document = oauth.openapi();
        assert_ne!(document.etag, OPENAPI.etag);
        let document: Value = serde_json::from_slice(&document.body).unwrap();
        let flow = &document["components"]["securitySchemes"]["oauth2"]["flows"]["authorizationCode"];
        assert_eq!(
            (flow["authorizationUrl"].as_str(), flow["tokenUrl"].as_str()),
            (Some(AUTHORIZE), Some(TOKEN))
        );
        assert!(flow["scopes"]["lambent/analyse"].is_string());
        let security = document["paths"]["/analyse"]["post"]["security"]
            .as_array()
            .unwrap();
        assert!(security.contains(&json!({"oauth2": ["lambent/analyse"]})));
        assert_eq!(document["paths"]["/health"]["get"]["security"], json!([]));
        let policy = oauth.swagger_ui().security_policy;
        assert!(
            policy.contains("connect-src 'self' https://tokens.issuer.example:8443;"),
            "{policy}"
        );
    }
}
