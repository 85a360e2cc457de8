//! Exact counts of what the upstream received and reported.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

/// Counts at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections that were opened.
    pub connections: u64,
    /// Requests that arrived, for embeddings too.
    pub requests: u64,
    /// Those for embeddings.
    pub embeddings: u64,
    /// Texts that came with them.
    pub texts: u64,
    /// Prompt tokens that were reported to clients.
    pub prompt_tokens: u64,
    /// Completion tokens that were reported to clients.
    pub completion_tokens: u64,
    /// Tokens that were written to clients, reported or not.
    pub written_tokens: u64,
    /// Requests not yet answered to the end.
    pub open: u64,
    /// The most that were open at once.
    pub most_open: u64,
    /// Requests whose client went away before the end.
    pub cancelled: u64,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    connections: AtomicU64,
    requests: AtomicU64,
    embeddings: AtomicU64,
    texts: AtomicU64,
    prompt_tokens: AtomicU64,
    completion_tokens: AtomicU64,
    written_tokens: AtomicU64,
    open: AtomicU64,
    most_open: AtomicU64,
    cancelled: AtomicU64,
}

impl Counters {
    pub(super) fn connected(&self) {
        self.connections.fetch_add(1, SeqCst);
    }

    pub(super) fn snapshot(&self) -> Counts {
        Counts {
            connections: self.connections.load(SeqCst),
            requests: self.requests.load(SeqCst),
            embeddings: self.embeddings.load(SeqCst),
            texts: self.texts.load(SeqCst),
            prompt_tokens: self.prompt_tokens.load(SeqCst),
            completion_tokens: self.completion_tokens.load(SeqCst),
            written_tokens: self.written_tokens.load(SeqCst),
            open: self.open.load(SeqCst),
            most_open: self.most_open.load(SeqCst),
            cancelled: self.cancelled.load(SeqCst),
        }
    }
}

/// A request under way. Whoever serves it says when it is over; if it is dropped before, the client went away.
#[derive(Debug)]
pub(super) struct Open {
    counters: Arc<Counters>,
    over: bool,
}

impl Open {
    pub(super) fn new(counters: &Arc<Counters>) -> Self {
        counters.requests.fetch_add(1, SeqCst);
        let open = counters.open.fetch_add(1, SeqCst) + 1;
        counters.most_open.fetch_max(open, SeqCst);
        Self {
            counters: Arc::clone(counters),
            over: false,
        }
    }

    /// It is for the embeddings of so many texts.
    pub(super) fn is_for_texts(&self, count: usize) {
        self.counters.embeddings.fetch_add(1, SeqCst);
        self.counters.texts.fetch_add(count as u64, SeqCst);
    }

    /// These tokens are in what is sent next.
    pub(super) fn reported(&self, prompt: usize, completion: usize) {
        self.counters.prompt_tokens.fetch_add(prompt as u64, SeqCst);
        self.counters
            .completion_tokens
            .fetch_add(completion as u64, SeqCst);
    }

    /// One more token is in what is sent next.
    pub(super) fn wrote(&self) {
        self.counters.written_tokens.fetch_add(1, SeqCst);
    }

    /// The upstream is through with it, well or badly, by its own decision.
    pub(super) fn over(&mut self) {
        self.over = true;
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.counters.open.fetch_sub(1, SeqCst);
        if !self.over {
            self.counters.cancelled.fetch_add(1, SeqCst);
        }
    }
}
