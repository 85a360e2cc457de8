//! Bedrock on loopback, as far as Titan's embeddings go.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

/// What the provider does with a call.
#[derive(Clone)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: &'static str,
    pub(super) body: String,
    pub(super) after: Duration,
    /// The connection ends before the answer does.
    pub(super) is_cut: bool,
}

impl Reply {
    pub(super) fn status(status: u16, body: &str) -> Self {
        Self {
            status,
            headers: "",
            body: body.to_owned(),
            after: Duration::ZERO,
            is_cut: false,
        }
    }

    /// The answer to a text that is a number: a vector along that axis. A text has as many tokens as characters.
    pub(super) fn to(text: &str) -> Self {
        let mut numbers = vec![0; EMBEDDING_DIMENSIONS];
        numbers[text.parse::<usize>().unwrap()] = 1;
        Self::numbers(&json!(numbers), text.len())
    }

    pub(super) fn numbers(numbers: &Value, tokens: usize) -> Self {
        let body = json!({
            "embedding": numbers,
            "embeddingsByType": {"float": numbers},
            "inputTextTokenCount": tokens,
        });
        Self::status(200, &body.to_string())
    }

    pub(super) fn after(self, millis: u64) -> Self {
        let after = Duration::from_millis(millis);
        Self { after, ..self }
    }

    pub(super) fn cut(self) -> Self {
        Self { is_cut: true, ..self }
    }
}

#[derive(Default)]
pub(super) struct Seen {
    pub(super) heads: Vec<String>,
    pub(super) bodies: Vec<Value>,
    under_way: usize,
    pub(super) most_at_once: usize,
}

/// A provider on loopback, which knows this one call. It is told the number of a call, from 0, and its text.
pub(super) struct Server {
    pub(super) url: String,
    pub(super) seen: Arc<Mutex<Seen>>,
}

impl Server {
    pub(super) async fn start(reply: impl Fn(usize, &str) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (told, reply) = (Arc::clone(&seen), Arc::new(reply));
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (told, reply) = (Arc::clone(&told), Arc::clone(&reply));
                tokio::spawn(async move { serve(socket, &told, &*reply).await });
            }
        });
        Self { url, seen }
    }

    pub(super) fn config(&self) -> EmbeddingConfig {
        EmbeddingConfig {
            url: Some(self.url.clone()),
            key: Some(ApiKey::new(KEY)),
            ..EmbeddingConfig::new(MODEL)
        }
    }

    pub(super) fn embedder(&self) -> Embedder {
        Embedder::new(self.config()).unwrap()
    }

    pub(super) fn calls(&self) -> usize {
        self.seen.lock().unwrap().bodies.len()
    }
}

/// One call on a connection of its own.
async fn serve(mut socket: TcpStream, seen: &Mutex<Seen>, reply: &(dyn Fn(usize, &str) -> Reply + Sync)) {
    let mut bytes = Vec::new();
    let (head, length) = loop {
        if socket.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return;
        }
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8(bytes.drain(..end + 4).collect()).unwrap();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .unwrap();
            break (head.clone(), length.parse::<usize>().unwrap());
        }
    };
    while bytes.len() < length {
        socket.read_buf(&mut bytes).await.unwrap();
    }
    let body: Value = serde_json::from_slice(&bytes).unwrap();
    let reply = {
        let mut seen = seen.lock().unwrap();
        let reply = reply(seen.bodies.len(), body["inputText"].as_str().unwrap());
        seen.heads.push(head);
        seen.bodies.push(body);
        seen.under_way += 1;
        seen.most_at_once = seen.most_at_once.max(seen.under_way);
        reply
    };
    sleep(reply.after).await;
    seen.lock().unwrap().under_way -= 1;
    let length = reply.body.len() + usize::from(reply.is_cut);
    let answer = format!(
        "HTTP/1.1 {} Status\r\ncontent-type: application/json\r\nconnection: close\r\n{}content-length: {length}\r\n\r\n{}",
        reply.status, reply.headers, reply.body
    );
    // Whoever asked may have left.
    let _ = socket.write_all(answer.as_bytes()).await;
    let _ = socket.shutdown().await;
}
