//! A line to the database that can be cut, or that takes only a part of what is to be written.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use lambent_store::documents::TABLE;
use lambent_store::{Documents, Store, StoreConfig};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Passes calls on.
#[derive(Clone, Default)]
pub(crate) struct Line {
    /// How many writes it passes on before it is cut.
    writes: Arc<AtomicI64>,
    /// How many batches it leaves undone, but for their first item.
    partial: Arc<AtomicI64>,
}

impl Line {
    /// One to the database at this address, and documents that are reached by it.
    pub(crate) async fn to(endpoint: &str, writes: i64, partial: i64) -> (Documents, Self) {
        let line = Self::default();
        line.writes.store(writes, Ordering::SeqCst);
        line.partial.store(partial, Ordering::SeqCst);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let config = StoreConfig::local(format!("http://{}", listener.local_addr().unwrap()));
        let (server, passing) = (endpoint.replace("http://", ""), line.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(passing.clone().pass(client, server.clone()));
            }
        });
        (Store::connect(&config).documents().unwrap(), line)
    }

    /// Whether there was less to write than it would have passed on.
    pub(crate) fn is_whole(&self) -> bool {
        self.writes.load(Ordering::SeqCst) >= 0
    }

    pub(crate) fn partial_left(&self) -> i64 {
        self.partial.load(Ordering::SeqCst)
    }

    async fn pass(self, mut client: TcpStream, server: String) {
        let mut server = TcpStream::connect(server).await.unwrap();
        while let Some(request) = Message::read(&mut client).await {
            let is = |verb: &str| request.field("x-amz-target").unwrap().contains(verb);
            let is_batch = is(".BatchWriteItem");
            let is_write = is_batch
                || [".Put", ".Update", ".Delete", ".TransactWrite"]
                    .into_iter()
                    .any(is);
            if is_write && self.writes.fetch_sub(1, Ordering::SeqCst) <= 0 {
                return;
            }
            let is_partial = is_batch && self.partial.fetch_sub(1, Ordering::SeqCst) > 0;
            let (request, undone) = if is_partial {
                request.split()
            } else {
                (request, None)
            };
            request.write(&mut server).await;
            let Some(answer) = Message::read(&mut server).await else {
                return;
            };
            undone.unwrap_or(answer).write(&mut client).await;
        }
    }
}

/// A request, or an answer.
struct Message {
    /// Without its length.
    head: Vec<String>,
    body: Vec<u8>,
}

impl Message {
    async fn read(stream: &mut TcpStream) -> Option<Self> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.ok()?);
        }
        let head = String::from_utf8(head).unwrap();
        let mut message = Self {
            head: head.trim_end().lines().map(str::to_owned).collect(),
            body: Vec::new(),
        };
        let length = message.field("content-length").unwrap_or("0").parse().unwrap();
        message
            .head
            .retain(|line| value(line, "content-length").is_none());
        message.body.resize(length, 0);
        stream.read_exact(&mut message.body).await.ok()?;
        Some(message)
    }

    fn field(&self, name: &str) -> Option<&str> {
        self.head.iter().find_map(|line| value(line, name))
    }

    /// Whoever hangs up meanwhile is not told.
    async fn write(&self, stream: &mut TcpStream) {
        let head = format!(
            "{}\r\ncontent-length: {}\r\n\r\n",
            self.head.join("\r\n"),
            self.body.len()
        );
        let _ = stream.write_all(&[head.as_bytes(), &self.body].concat()).await;
    }

    /// A batch of only the first item of a batch, and the answer that names the others.
    fn split(self) -> (Self, Option<Self>) {
        let mut body: Value = serde_json::from_slice(&self.body).unwrap();
        let items = body["RequestItems"][TABLE.name].as_array_mut().unwrap();
        let others = items.split_off(1);
        let undone = if others.is_empty() {
            json!({})
        } else {
            json!({TABLE.name: others})
        };
        let request = Self {
            body: body.to_string().into_bytes(),
            ..self
        };
        let answer = Self {
            head: vec!["HTTP/1.1 200 OK".to_owned()],
            body: json!({"UnprocessedItems": undone}).to_string().into_bytes(),
        };
        (request, Some(answer))
    }
}

fn value<'a>(line: &'a str, field: &str) -> Option<&'a str> {
    let (name, value) = line.split_once(':')?;
    name.eq_ignore_ascii_case(field).then(|| value.trim())
}
