//! An answer in pieces: text is gathered for a moment before it is sent, since each message costs.

use std::time::Duration;

use lambent_chat::{SocketError, Sockets};
use lambent_schema::endpoints::chat::{DeltaFrame, GATHERED_MS, MAX_DELTA_BYTES, ServerFrame};
use lambent_store::conversations::Message;
use tokio::time::Instant;

const GATHERED: Duration = Duration::from_millis(GATHERED_MS);

/// The pieces of one answer.
pub(crate) struct Pieces<'a> {
    sockets: &'a Sockets,
    message: &'a Message,
    /// All that was written.
    text: String,
    /// How much of it was sent.
    sent: usize,
    /// The last piece's number.
    seq: u32,
    /// When the next piece may be sent.
    next_at: Instant,
}

impl<'a> Pieces<'a> {
    pub(crate) fn new(sockets: &'a Sockets, message: &'a Message) -> Self {
        Self {
            sockets,
            message,
            text: String::new(),
            sent: 0,
            seq: 0,
            next_at: Instant::now(),
        }
    }

    /// When what was gathered is to be sent; `None` if there is nothing.
    pub(crate) fn due(&self) -> Option<Instant> {
        (self.sent < self.text.len()).then_some(self.next_at)
    }

    /// More text. It is sent at once if it is much.
    pub(crate) async fn add(&mut self, text: &str) -> Result<(), SocketError> {
        self.text.push_str(text);
        if self.text.len() - self.sent >= MAX_DELTA_BYTES {
            self.send().await?;
        }
        Ok(())
    }

    /// Sends what was gathered, in pieces of a size that goes into a frame.
    pub(crate) async fn send(&mut self) -> Result<(), SocketError> {
        while self.sent < self.text.len() {
            let end = self.text.floor_char_boundary(self.sent + MAX_DELTA_BYTES);
            self.seq += 1;
            let frame = ServerFrame::Delta(DeltaFrame {
                message_id: self.message.sort.clone(),
                seq: self.seq,
                text: self.text[self.sent..end].to_owned(),
            });
            self.sent = end;
            self.next_at = Instant::now() + GATHERED;
            self.sockets.send(&self.message.connection, &frame).await?;
        }
        Ok(())
    }

    /// The number after the last piece's.
    pub(crate) fn next_seq(&self) -> u32 {
        self.seq + 1
    }

    /// All that was written.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}
