//! A client of the API's socket.

use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message, client::IntoClientRequest as _, http::HeaderValue},
};

use crate::api::Api;

/// The longest that a test waits for a frame.
const PATIENCE: Duration = Duration::from_secs(60);

/// An open socket.
#[derive(Debug)]
pub struct Chat(WebSocketStream<MaybeTlsStream<TcpStream>>);

/// All frames of an answer.
#[derive(Debug, Clone)]
pub struct Answered {
    /// The text of all its pieces.
    pub text: String,
    /// The numbers of its pieces.
    pub seqs: Vec<u64>,
    /// `started`.
    pub started: Value,
    /// `done` or `error`.
    pub last: Value,
}

impl Answered {
    /// The conversation's id.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn conversation(&self) -> &str {
        self.started["conversation_id"].as_str().expect("a conversation")
    }
}

impl Chat {
    /// Opens a socket at an address, with these headers; else the status that it is refused with.
    ///
    /// # Errors
    /// The status.
    ///
    /// # Panics
    /// If nobody answers.
    pub async fn at(url: &str, headers: &[(&'static str, &str)]) -> Result<Self, u16> {
        let mut request = url.into_client_request().expect("an address");
        for (name, value) in headers {
            let value = HeaderValue::from_str(value).expect("a header's value");
            request.headers_mut().insert(*name, value);
        }
        match connect_async(request).await {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("no socket: {error}"),
        }
    }

    /// Opens a socket with the API's own key.
    ///
    /// # Panics
    /// If it is refused.
    pub async fn open(api: &Api) -> Self {
        Self::with_key(api, &api.key.reveal())
            .await
            .expect("the socket is opened")
    }

    /// Opens a socket with a key.
    ///
    /// # Errors
    /// The status that it is refused with.
    pub async fn with_key(api: &Api, key: &str) -> Result<Self, u16> {
        let url = api.url("/ws/chat").replacen("http", "ws", 1);
        Self::at(&url, &[("x-api-key", key)]).await
    }

    /// Sends a text.
    ///
    /// # Panics
    /// If the socket is closed.
    pub async fn send_text(&mut self, text: impl Into<String>) {
        let text: String = text.into();
        self.0.send(Message::text(text)).await.expect("an open socket");
    }

    /// Sends a frame.
    pub async fn send(&mut self, frame: &Value) {
        self.send_text(frame.to_string()).await;
    }

    /// Says something, in a conversation or a new one.
    pub async fn say(&mut self, text: &str, conversation: Option<&str>) {
        let mut frame = json!({"type": "message", "text": text});
        if let Some(conversation) = conversation {
            frame["conversation_id"] = conversation.into();
        }
        self.send(&frame).await;
    }

    /// The next frame; or the code that the socket is closed with.
    ///
    /// # Errors
    /// The code, 0 where there is none.
    ///
    /// # Panics
    /// If nothing comes for a minute.
    pub async fn next(&mut self) -> Result<Value, u16> {
        loop {
            let next = timeout(PATIENCE, self.0.next())
                .await
                .expect("a frame within a minute");
            match next {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).expect("JSON")),
                Some(Ok(Message::Close(frame))) => return Err(frame.map_or(0, |frame| frame.code.into())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(0),
            }
        }
    }

    /// The next frame of this type, whatever comes before it.
    ///
    /// # Panics
    /// If the socket is closed before, or an error comes.
    pub async fn until(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.next().await.expect("an open socket");
            if frame["type"] == kind {
                return frame;
            }
            assert_ne!(frame["type"], "error", "{frame}");
        }
    }

    /// The frames of the next answer.
    ///
    /// # Panics
    /// If the socket is closed before its end.
    pub async fn answer(&mut self) -> Answered {
        let mut answered = Answered {
            text: String::new(),
            seqs: Vec::new(),
            started: Value::Null,
            last: Value::Null,
        };
        loop {
            let frame = self.next().await.expect("an open socket");
            match frame["type"].as_str() {
                Some("started") => answered.started = frame,
                Some("delta") => {
                    answered.text += frame["text"].as_str().expect("a text");
                    answered.seqs.push(frame["seq"].as_u64().expect("a number"));
                }
                Some("done" | "error") => {
                    answered.last = frame;
                    return answered;
                }
                other => panic!("unexpected frame: {other:?}"),
            }
        }
    }

    /// Leaves, as a client does that is closed.
    pub async fn leave(mut self) {
        let _ = self.0.close(None).await;
    }
}
