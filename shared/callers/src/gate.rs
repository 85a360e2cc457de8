//! The gate: credentials in, a decision out.

use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use futures::future::BoxFuture;
use http::{HeaderMap, header};
use lambent_schema::Scope;
use lambent_service::{Admitted, Asking, Caller, Failure, Gate, Hold, headers::API_KEY};
use lambent_store::{
    CallerId, Callers, Refusal,
    callers::{Admission, Ask, Credential, Decision, Limits, TOKEN_PREFIX},
    now_ms,
};
use lambent_tokens::{Identity, TokenError, Tokens};
use uuid::Uuid;

use crate::{
    ApiKey, CallersConfig, ConfigError, Pepper,
    key::PREFIX,
    refused::{Unusable, limits, refused, unavailable, unusable},
};

/// For how long at most a refusal is remembered, in milliseconds: an operator may have changed his mind.
const REMEMBERED_MS: u64 = 60_000;
/// For how long it is that there is no such key.
const UNKNOWN_REMEMBERED_MS: u64 = 10_000;
/// More refusals than these are not remembered.
const MAX_REMEMBERED: usize = 4096;
/// Ids of token callers are not longer: a partition key's limit is 2,048 bytes.
const MAX_ID: usize = 1024;

/// Decides over callers. One for all requests of a process.
pub struct Guard {
    callers: Callers,
    pepper: Pepper,
    tokens: Option<Tokens>,
    token_limits: Limits,
    refusals: Mutex<HashMap<String, Remembered>>,
}

/// By the clock on the wall, in milliseconds since 1970: the other one may stand still while a process is frozen.
struct Remembered {
    refusal: Refusal,
    /// The most that the refused request could cost: what costs less may still fit a budget.
    price: u64,
    spoken_ms: u64,
    until_ms: u64,
}

impl Remembered {
    /// Whether a request of this price would be refused too.
    fn holds_for(&self, price: u64) -> bool {
        !matches!(self.refusal, Refusal::Budget { .. }) || price >= self.price
    }
}

/// The most that a request can cost.
fn price_of(asking: Asking<'_>) -> u64 {
    asking.price.map_or(0, |price| price(None))
}

/// Who comes, verified as far as that goes without the table.
enum Bearer {
    Key { id: String, hash: String },
    Token { id: String, scopes: Vec<String> },
    Known { id: String },
}

impl Guard {
    /// A guard with this configuration, before this table. No I/O.
    ///
    /// # Errors
    /// The configuration of tokens cannot be used.
    pub fn new(config: &CallersConfig, callers: Callers) -> Result<Self, ConfigError> {
        let tokens = config.tokens.clone().map(Tokens::new).transpose()?;
        Ok(Self {
            callers,
            pepper: config.pepper.clone(),
            tokens,
            token_limits: config.token_limits.clone(),
            refusals: Mutex::default(),
        })
    }

    /// Decides over a request of somebody who has shown who they are before, when a socket was opened: with these scopes, where they came
    /// with a token. Headers are not read.
    ///
    /// # Errors
    /// What they are to be told.
    pub async fn admit_known(
        &self,
        caller: &CallerId,
        scopes: &[String],
        asking: Asking<'_>,
    ) -> Result<Admitted, Failure> {
        let id = caller.as_str().to_owned();
        let bearer = if caller.is_of_a_token() {
            let scopes = scopes.to_vec();
            Bearer::Token { id, scopes }
        } else {
            Bearer::Known { id }
        };
        self.decide_over(&bearer, asking).await
    }

    async fn decide(&self, asking: Asking<'_>) -> Result<Admitted, Failure> {
        let bearer = self.bearer(asking.headers).await?;
        self.decide_over(&bearer, asking).await
    }

    async fn decide_over(&self, bearer: &Bearer, asking: Asking<'_>) -> Result<Admitted, Failure> {
        let scope = asking.scope.map_or("", Scope::as_str);
        let remembered_as = bearer.remembered_as(scope);
        if let Some(failure) = self.remembered(&remembered_as, asking) {
            return Err(failure);
        }
        if let Bearer::Token { scopes, .. } = bearer
            && let Some(needed) = asking.scope
            && !scopes.iter().any(|scope| scope == needed.as_str())
        {
            return Err(refused(&Refusal::Scope, asking.scope, 0));
        }
        // The random end of it.
        let call = Uuid::now_v7().as_simple().to_string().split_off(20);
        let ask = Ask {
            credential: bearer.credential(&self.token_limits),
            scope,
            now_ms: now_ms(),
            price: asking.price,
            until_ms: asking.until_ms,
            call: &call,
        };
        match self.callers.admit(&ask).await.map_err(unavailable)? {
            Decision::Admitted(admission) => Ok(self.admitted(*admission)),
            Decision::Refused(refusal) => {
                let failure = refused(&refusal, asking.scope, 0);
                self.remember(remembered_as, refusal, price_of(asking), &failure);
                Err(failure)
            }
        }
    }

    fn admitted(&self, admission: Admission) -> Admitted {
        let full_after = admission.full_after_ms.div_ceil(1000);
        let limits = limits(admission.limits.rate, admission.requests_left, full_after);
        Admitted {
            caller: Caller {
                id: admission.caller,
                scopes: admission.scopes,
                max_output_tokens: admission.limits.max_output_tokens,
            },
            limits: Some(limits),
            hold: admission.held.map(|held| Hold::new(self.callers.clone(), held)),
        }
    }

    async fn bearer(&self, headers: &HeaderMap) -> Result<Bearer, Failure> {
        let text = credentials(headers).map_err(|why| unusable(&why))?;
        if !text.starts_with(PREFIX) {
            return self.token(text).await;
        }
        let key = ApiKey::parse(text).ok_or_else(|| {
            unusable(&Unusable::Invalid(
                "this is not an API key of this API, or has a slip in it".to_owned(),
            ))
        })?;
        Ok(Bearer::Key {
            hash: key.hash(&self.pepper),
            id: key.id().to_owned(),
        })
    }

    async fn token(&self, text: &str) -> Result<Bearer, Failure> {
        let invalid = |why: String| unusable(&Unusable::Invalid(why));
        let Some(tokens) = &self.tokens else {
            return Err(invalid("this API takes API keys, and no tokens".to_owned()));
        };
        match tokens.verify(text).await {
            Ok(identity) => match token_id(&identity) {
                Some(id) => Ok(Bearer::Token {
                    id,
                    scopes: identity.scopes,
                }),
                None => Err(invalid("its subject is too long".to_owned())),
            },
            Err(TokenError::Invalid(why)) => Err(invalid(why.to_string())),
            Err(error) => Err(unavailable(error)),
        }
    }

    fn remembered(&self, key: &str, asking: Asking<'_>) -> Option<Failure> {
        let now = now_ms();
        let refusals = self.refusals();
        let remembered = refusals
            .get(key)
            .filter(|remembered| remembered.until_ms > now)
            .filter(|remembered| remembered.holds_for(price_of(asking)))?;
        let elapsed = now.saturating_sub(remembered.spoken_ms);
        Some(refused(&remembered.refusal, asking.scope, elapsed))
    }

    /// For as long as the caller is told to wait, so that the same answer need not be bought again.
    fn remember(&self, key: String, refusal: Refusal, price: u64, failure: &Failure) {
        let wait = match (&refusal, failure.problem().retry_after) {
            (Refusal::Rate { wait_ms, .. }, _) => *wait_ms,
            (_, Some(seconds)) => seconds.saturating_mul(1000),
            (_, None) => UNKNOWN_REMEMBERED_MS,
        };
        let now = now_ms();
        let mut refusals = self.refusals();
        if refusals.len() >= MAX_REMEMBERED {
            refusals.retain(|_, remembered| remembered.until_ms > now);
        }
        if refusals.len() < MAX_REMEMBERED {
            let until_ms = now + wait.min(REMEMBERED_MS);
            refusals.insert(
                key,
                Remembered {
                    refusal,
                    price,
                    spoken_ms: now,
                    until_ms,
                },
            );
        }
    }

    fn refusals(&self) -> MutexGuard<'_, HashMap<String, Remembered>> {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Gate for Guard {
    fn admit<'a>(&'a self, asking: Asking<'a>) -> BoxFuture<'a, Result<Admitted, Failure>> {
        Box::pin(self.decide(asking))
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard")
            .field("callers", &self.callers)
            .finish_non_exhaustive()
    }
}

impl Bearer {
    fn credential<'a>(&'a self, limits: &'a Limits) -> Credential<'a> {
        match self {
            Self::Key { id, hash } => Credential::Key { id, hash },
            Self::Token { id, scopes } => Credential::Token { id, scopes, limits },
            Self::Known { id } => Credential::Known { id },
        }
    }

    /// By what a refusal of it is remembered. A key's hash is in it: another secret for the same id may be the right one.
    fn remembered_as(&self, scope: &str) -> String {
        match self {
            Self::Key { id, hash } => format!("{scope} {id} {hash}"),
            Self::Token { id, .. } | Self::Known { id } => format!("{scope} {id}"),
        }
    }
}

/// The credentials of a request: `authorization: Bearer ...`, or else `x-api-key`. A browser with both from Swagger UI is the former.
fn credentials(headers: &HeaderMap) -> Result<&str, Unusable> {
    let unreadable = Unusable::Malformed("they are not text");
    let mut authorizations = headers.get_all(header::AUTHORIZATION).iter();
    let Some(authorization) = authorizations.next() else {
        let key = headers.get(API_KEY).ok_or(Unusable::Missing)?;
        let key = key.to_str().map_err(|_| unreadable)?.trim();
        return match key {
            "" => Err(Unusable::Missing),
            key if key.starts_with(PREFIX) => Ok(key),
            _ => Err(Unusable::Invalid(
                "x-api-key takes API keys, which begin with sk_".to_owned(),
            )),
        };
    };
    if authorizations.next().is_some() {
        return Err(Unusable::Malformed("there is more than one authorization header"));
    }
    let authorization = authorization.to_str().map_err(|_| unreadable)?.trim();
    let (scheme, rest) = authorization.split_once(' ').unwrap_or((authorization, ""));
    match rest.trim() {
        _ if !scheme.eq_ignore_ascii_case("bearer") => Err(Unusable::Missing),
        "" => Err(Unusable::Missing),
        token => Ok(token),
    }
}

/// The caller's id. Issuers are URLs, which have no spaces: no subject can make it look like another issuer's.
fn token_id(identity: &Identity) -> Option<String> {
    let id = format!("{TOKEN_PREFIX}{} {}", identity.issuer, identity.subject);
    (id.len() <= MAX_ID).then_some(id)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn of(headers: &[(&'static str, &[u8])]) -> Result<String, Unusable> {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| {
                let value = HeaderValue::from_bytes(value).unwrap();
                (http::HeaderName::from_static(name), value)
            })
            .fold(HeaderMap::new(), |mut headers, (name, value)| {
                headers.append(name, value);
                headers
            });
        credentials(&headers).map(str::to_owned)
    }

    #[test]
    fn credentials_come_as_bearer_or_as_a_key_and_authorization_counts() {
        assert_eq!(of(&[("authorization", b"bearer  a.b.c ")]).unwrap(), "a.b.c");
        assert_eq!(of(&[("x-api-key", b" sk_1 ")]).unwrap(), "sk_1");
        let both: [(&str, &[u8]); 2] = [("x-api-key", b"sk_1"), ("authorization", b"Bearer a.b.c")];
        assert_eq!(of(&both).unwrap(), "a.b.c");
    }

    #[test]
    fn what_cannot_be_meant_is_malformed_and_what_is_not_there_is_missing() {
        let twice: [(&str, &[u8]); 2] = [("authorization", b"Bearer a"), ("authorization", b"Bearer b")];
        assert!(matches!(of(&twice), Err(Unusable::Malformed(_))));
        assert!(matches!(
            of(&[("authorization", b"Bearer \xff")]),
            Err(Unusable::Malformed(_))
        ));
        for (name, value) in [
            ("authorization", &b"Basic dXNlcg=="[..]),
            ("authorization", b"Bearer "),
            ("x-api-key", b""),
        ] {
            assert_eq!(of(&[(name, value)]), Err(Unusable::Missing));
        }
        assert_eq!(of(&[]), Err(Unusable::Missing));
        assert!(matches!(
            of(&[("x-api-key", b"a.b.c")]),
            Err(Unusable::Invalid(_))
        ));
    }
}
