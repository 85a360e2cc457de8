//! Finding chunks by a question in words, or by an embedding.

use lambent_llm::{Embedder, Purpose};
use lambent_schema::{
    Ledger, Problem, ProblemCode, Usage,
    endpoints::{documents::Metadata, search::Hit},
};
use lambent_service::{Call, Failure, Stage};
use lambent_store::{
    CallerId,
    documents::{self, Documents, Embedding, Search},
};

use crate::unavailable;

/// The documents of all callers, and the model that embeds them. Cheap to clone; built once, at start.
#[derive(Debug, Clone)]
pub struct Library {
    /// The table.
    pub documents: Documents,
    /// The model.
    pub embedder: Embedder,
}

/// What to find.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// By what.
    pub query: Query<'a>,
    /// How many chunks, at most.
    pub top_k: u32,
    /// What their documents' metadata has to say, all of it.
    pub filter: &'a Metadata,
    /// The least score, from 0 to 1.
    pub min_score: f64,
}

/// By what to find.
#[derive(Debug, Clone, Copy)]
pub enum Query<'a> {
    /// Words, to be embedded.
    Text(&'a str),
    /// An embedding of the same model's: as many numbers as those have, all finite.
    Embedding(&'a [f32]),
}

/// What was found.
#[derive(Debug, Clone)]
pub struct Found {
    /// The chunks, the nearest first.
    pub hits: Vec<Hit>,
    /// Tokens that the embedding model read.
    pub usage: Usage,
}

impl Library {
    /// Finds what is nearest among a caller's documents. What the embedding costs is told to `ledger`, how long it and the search take
    /// to the call's record.
    ///
    /// # Errors
    /// As of the embedding model; 503 if the table does not answer.
    pub async fn find(
        &self,
        call: &Call,
        caller: &CallerId,
        ledger: impl Ledger + 'static,
        wanted: Wanted<'_>,
    ) -> Result<Found, Failure> {
        let (embedding, usage) = match wanted.query {
            Query::Embedding(numbers) => (embedding(numbers.to_vec())?, Usage::default()),
            Query::Text(text) => {
                let embedding = self.embed(call, ledger, text);
                call.record.timed(Stage::Embed, embedding).await?
            }
        };
        let search = Search {
            embedding: &embedding,
            embedding_model: self.embedder.model(),
            top_k: usize::try_from(wanted.top_k).unwrap_or(usize::MAX),
            filter: wanted.filter,
            min_score: wanted.min_score,
        };
        let searching = self.documents.search(caller, &search);
        let found = call.record.timed(Stage::Search, searching).await;
        let hits = found.map_err(unavailable)?.into_iter().map(hit).collect();
        Ok(Found { hits, usage })
    }

    async fn embed(
        &self,
        call: &Call,
        ledger: impl Ledger + 'static,
        text: &str,
    ) -> Result<(Embedding, Usage), Failure> {
        let embedder = self.embedder.metered(ledger);
        let texts = [text.trim().to_owned()];
        let embedded = embedder.embed(&texts, Purpose::Query, call.deadline).await?;
        let numbers = embedded.vectors.into_iter().next();
        let numbers = numbers.map(lambent_llm::Embedding::into_vec).unwrap_or_default();
        Ok((embedding(numbers)?, embedded.usage))
    }
}

/// Only what has not been checked before is none.
fn embedding(numbers: Vec<f32>) -> Result<Embedding, Failure> {
    Embedding::new(numbers).map_err(|error| {
        Failure::new(Problem::new(
            ProblemCode::Internal,
            "The embedding cannot be searched by.",
        ))
        .because(error)
    })
}

fn hit(hit: documents::Hit) -> Hit {
    Hit {
        score: hit.score,
        document_id: hit.document_id,
        title: hit.title,
        metadata: hit.metadata,
        chunk: hit.position.number,
        start: hit.position.start,
        end: hit.position.end,
        text: hit.text,
    }
}
