//! One attempt at one callback.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use reqwest::dns::Resolve;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Certificate, Client, RequestBuilder, Response};
use standardwebhooks::{HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP};
use tokio::time::timeout;

use crate::fault::Fault;
use crate::names::{PublicOnly, System};
use crate::target::Target;
use crate::{CallbackConfig, ConfigError, Signer};

const USER_AGENT: &str = concat!("Lambent/", env!("CARGO_PKG_VERSION"));
/// As much of an answer is read, and forgotten.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// Sends callbacks. Cloning it is cheap.
#[derive(Clone)]
pub struct Callbacks {
    config: Arc<CallbackConfig>,
    signer: Signer,
    /// For what is configured as allowed; others get what it says if it is public.
    resolver: Arc<dyn Resolve>,
}

/// A callback, at one attempt.
#[derive(Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Where to.
    pub url: String,
    /// The event's id, the same at every attempt, by which the receiver knows what it has seen: visible ASCII characters.
    pub id: String,
    /// The attempt's time, in seconds since 1970. Receivers commonly refuse what is five minutes off.
    pub timestamp: i64,
    /// JSON.
    pub body: String,
    /// The id of the caller with whose secret it is signed.
    pub caller: String,
}

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Outcome {
    /// The server took it.
    Delivered {
        /// 200 to 299.
        status: u16,
    },
    /// It did not, or there is none.
    Failed {
        /// What it answered, if it did.
        status: Option<u16>,
        /// The reason, for people. Holds nothing of the URL, of the answer's body or of any secret.
        why: String,
        /// Whether another attempt would be in vain, or unwanted.
        is_final: bool,
    },
}

impl fmt::Debug for Callbacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callbacks")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Delivery {
    /// The id only: URL and body are the caller's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Delivery({}, hidden)", self.id)
    }
}

impl Callbacks {
    /// Checks the configuration. An attempt makes its client when it needs one: most workers never call anybody back.
    ///
    /// # Errors
    /// A field of the configuration is malformed, or an HTTP client cannot be made with it.
    pub fn new(config: CallbackConfig, signer: Signer) -> Result<Self, ConfigError> {
        Self::with_resolver(config, signer, Arc::new(System))
    }

    /// The same, with names resolved by this: what is not public is refused all the same.
    ///
    /// # Errors
    /// As [`Callbacks::new`].
    pub fn with_resolver(
        config: CallbackConfig,
        signer: Signer,
        resolver: Arc<dyn Resolve>,
    ) -> Result<Self, ConfigError> {
        config.validate()?;
        if config.authorities.is_some() {
            client(&config, Arc::clone(&resolver)).map_err(ConfigError::Client)?;
        }
        Ok(Self {
            resolver,
            config: Arc::new(config),
            signer,
        })
    }

    /// Makes one attempt, within the configured time. Dropping it breaks the attempt off, and then nobody knows what the server has
    /// seen of it.
    pub async fn deliver(&self, delivery: &Delivery) -> Outcome {
        match self.attempt(delivery).await {
            Ok(status) => Outcome::Delivered { status },
            Err(fault) => fault.into(),
        }
    }

    async fn attempt(&self, delivery: &Delivery) -> Result<u16, Fault> {
        let target = Target::parse(&delivery.url, &self.config.allow)?;
        let request = self.request(target, delivery)?;
        let started = Instant::now();
        let limit = self.config.timeout;
        let sent = timeout(limit, request.send()).await;
        let response = sent.map_err(|_| Fault::Timeout(limit))??;
        let status = response.status();
        // The status is all that counts. Some servers take a connection that is closed on them for a failure of their own.
        let _ = timeout(limit.saturating_sub(started.elapsed()), drain(response)).await;
        Fault::of(status).map_or(Ok(status.as_u16()), Err)
    }

    fn request(&self, target: Target, delivery: &Delivery) -> Result<RequestBuilder, Fault> {
        let Delivery {
            id,
            timestamp,
            body,
            caller,
            ..
        } = delivery;
        let signature = self.signer.sign(caller, id, *timestamp, body);
        let resolver: Arc<dyn Resolve> = if target.may_be_private {
            Arc::clone(&self.resolver)
        } else {
            Arc::new(PublicOnly(Arc::clone(&self.resolver)))
        };
        let client = client(&self.config, resolver).map_err(|_| Fault::Request)?;
        Ok(client
            .post(target.url)
            .header(CONTENT_TYPE, "application/json")
            .header(HEADER_WEBHOOK_ID, id)
            .header(HEADER_WEBHOOK_TIMESTAMP, *timestamp)
            .header(HEADER_WEBHOOK_SIGNATURE, signature.map_err(|_| Fault::Request)?)
            .body(body.clone()))
    }
}

/// A client that gets its addresses from this resolver and from nowhere else. It follows no redirects, as none of ours does: what is
/// requested is what was checked.
fn client(config: &CallbackConfig, resolver: Arc<dyn Resolve>) -> reqwest::Result<Client> {
    let builder = lambent_http::client()
        .user_agent(USER_AGENT)
        .referer(false)
        // Nothing is to be unpacked of what is only forgotten.
        .no_gzip()
        .no_brotli()
        .no_deflate()
        .no_zstd()
        // A proxy would resolve the name once more, by itself.
        .no_proxy()
        // Each attempt has its own connection, to an address that was checked for it.
        .pool_max_idle_per_host(0)
        .dns_resolver(resolver);
    let Some(pem) = &config.authorities else {
        return builder.build();
    };
    let authorities = Certificate::from_pem_bundle(pem.as_bytes())?;
    builder.tls_backend_rustls().tls_certs_only(authorities).build()
}

async fn drain(mut response: Response) {
    let mut left = MAX_ANSWER_BYTES;
    while let Ok(Some(chunk)) = response.chunk().await
        && let Some(rest) = left.checked_sub(chunk.len())
    {
        left = rest;
    }
}
