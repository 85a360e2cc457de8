//! The management API of the gateway that holds the sockets.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html>

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use http::{Method, StatusCode};
use lambent_schema::endpoints::chat::ServerFrame;
use serde::Deserialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::time::sleep;

use crate::{
    ChatConfig, ConfigError,
    request::{BoxError, Signer, request},
};

/// For one request.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How often a frame is sent that the gateway does not take for now.
const TRIES: u32 = 4;
const BETWEEN_TRIES: Duration = Duration::from_millis(150);

/// The sockets of an API. Cheap to clone.
#[derive(Clone)]
pub struct Sockets {
    http: reqwest::Client,
    base_url: String,
    signer: Option<Signer>,
}

/// What the gateway knows of a socket, in ms since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Since when it is open.
    pub connected_at: u64,
    /// When something was last said over it.
    pub last_active_at: u64,
}

/// A socket could not be reached.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// It is closed.
    #[error("the socket is closed")]
    Gone,
    /// The gateway refuses, or is too busy.
    #[error("the gateway answered {0}")]
    Refused(StatusCode),
    /// It does not answer, or not as it should.
    #[error("the gateway does not answer")]
    Call(#[source] BoxError),
}

impl SocketError {
    /// Whether nobody will hear anything any more.
    #[must_use]
    pub const fn is_gone(&self) -> bool {
        matches!(self, Self::Gone)
    }
}

impl Sockets {
    /// The sockets behind the management API that is configured. No I/O.
    ///
    /// # Errors
    /// Nothing says where it is, or the HTTP client cannot be built.
    pub fn new(config: &ChatConfig) -> Result<Self, ConfigError> {
        let http = lambent_http::client().timeout(TIMEOUT).build();
        Ok(Self {
            http: http.map_err(|_| ConfigError {
                name: "SSL_CERT_FILE",
                expected: "certificates that can be read",
            })?,
            base_url: config.management_url()?,
            signer: Signer::from_lookup(&|name| std::env::var(name).ok().filter(|text| !text.is_empty())),
        })
    }

    /// Sends a frame to a client, again where the gateway takes none for now.
    ///
    /// # Errors
    /// The socket is closed, or the gateway does not take it.
    pub async fn send(&self, connection: &str, frame: &ServerFrame) -> Result<(), SocketError> {
        let body = serde_json::to_string(frame).map_err(|error| SocketError::Call(error.into()))?;
        let mut tries = 1;
        loop {
            match self.call(connection, Method::POST, body.clone()).await {
                Ok(_) => return Ok(()),
                Err(error) if error.is_gone() || tries >= TRIES => return Err(error),
                Err(error) => {
                    tracing::debug!(%error, "a frame is sent again");
                    sleep(BETWEEN_TRIES * tries).await;
                    tries += 1;
                }
            }
        }
    }

    /// What the gateway knows of a socket.
    ///
    /// # Errors
    /// It is closed, or the gateway does not say.
    pub async fn look(&self, connection: &str) -> Result<Seen, SocketError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Told {
            connected_at: String,
            last_active_at: String,
        }
        let response = self.call(connection, Method::GET, String::new()).await?;
        let body = response.bytes().await;
        let body = body.map_err(|error| SocketError::Call(error.without_url().into()))?;
        let told: Told = serde_json::from_slice(&body).map_err(|error| SocketError::Call(error.into()))?;
        Ok(Seen {
            connected_at: instant(&told.connected_at)?,
            last_active_at: instant(&told.last_active_at)?,
        })
    }

    /// Closes a socket.
    ///
    /// # Errors
    /// It is closed, or the gateway does not do it.
    pub async fn close(&self, connection: &str) -> Result<(), SocketError> {
        self.call(connection, Method::DELETE, String::new())
            .await
            .map(|_| ())
    }

    async fn call(
        &self,
        connection: &str,
        method: Method,
        body: String,
    ) -> Result<reqwest::Response, SocketError> {
        let now = SystemTime::now();
        let request = request(
            &self.base_url,
            connection,
            method,
            body,
            self.signer.as_ref(),
            now,
        );
        let request = reqwest::Request::try_from(request.map_err(SocketError::Call)?);
        let request = request.map_err(|error| SocketError::Call(error.without_url().into()))?;
        let response = self.http.execute(request).await;
        let response = response.map_err(|error| SocketError::Call(error.without_url().into()))?;
        match response.status() {
            StatusCode::GONE => Err(SocketError::Gone),
            status if status.is_success() => Ok(response),
            status => Err(SocketError::Refused(status)),
        }
    }
}

fn instant(text: &str) -> Result<u64, SocketError> {
    let instant = OffsetDateTime::parse(text, &Rfc3339).map_err(|error| SocketError::Call(error.into()))?;
    Ok(u64::try_from(instant.unix_timestamp_nanos() / 1_000_000).unwrap_or_default())
}

impl fmt::Debug for Sockets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sockets")
            .field("base_url", &self.base_url)
            .finish_non_exhaustive()
    }
}
