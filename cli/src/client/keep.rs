//! Having one file kept as a document, if it is not already.
//!
//! Nothing is remembered on this machine: each document carries the hash of its text, and one that has the same is not sent again. So
//! the command that adds files can be interrupted anywhere, and run again. Where the document was a job by then, an idempotency key
//! made of what was sent finds that job.

use std::{path::Path, time::Duration};

use lambent_schema::endpoints::{
    documents::{
        Document, DocumentRequest, DocumentsGet, DocumentsPut, MAX_CHARS_AT_ONCE, Metadata, MetadataValue,
    },
    jobs::{
        IDEMPOTENCY_KEY, IDEMPOTENCY_REPLAYED, Job, JobAccepted, JobResult, JobStatus, JobsGet, MAX_WAIT_SECS,
    },
};
use reqwest::StatusCode;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    connection::{Api, read},
    failure::Failure,
    file::{self, TextFile, hex},
    metadata,
};

/// Where a document's file was, in its metadata.
pub(crate) const SOURCE: &str = "source";
/// The hash of a document's text, in its metadata.
pub(crate) const SHA256: &str = "sha256";

/// Keeps files.
pub(crate) struct Keeper {
    pub(crate) api: Api,
    /// What is said of every one.
    pub(crate) metadata: Metadata,
    /// Whether what is unchanged is kept anew.
    pub(crate) again: bool,
}

/// What became of a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// It was there already.
    Unchanged,
    /// It is a new document of so many chunks.
    Added(u32),
    /// It is a new version of so many chunks.
    Replaced(u32),
}

impl Keeper {
    /// Keeps a file.
    ///
    /// # Errors
    /// It cannot be a document, or the API does not take it.
    pub(crate) async fn keep(&self, path: &Path) -> Result<Kept, Failure> {
        let request = self.request(file::read(path)?);
        let id = request.id.clone().unwrap_or_default();
        let before = self.there(&id).await?;
        let is_same = |document: &Document| is_same(document, &request);
        if !self.again && before.as_ref().is_some_and(is_same) {
            return Ok(Kept::Unchanged);
        }
        let chunks = match request.text.chars().count() {
            0..=MAX_CHARS_AT_ONCE => self.put(&request).await?,
            _ => self.put_once(&request).await?,
        };
        Ok(match before {
            Some(_) => Kept::Replaced(chunks),
            None => Kept::Added(chunks),
        })
    }

    fn request(&self, file: TextFile) -> DocumentRequest {
        let mut metadata = self.metadata.clone();
        metadata.insert(SOURCE.to_owned(), MetadataValue::Text(file.source));
        metadata.insert(SHA256.to_owned(), MetadataValue::Text(file.sha256));
        DocumentRequest {
            id: Some(file.id),
            title: file.title,
            text: file.text,
            metadata,
        }
    }

    async fn there(&self, id: &str) -> Result<Option<Document>, Failure> {
        self.api.found(self.api.call::<DocumentsGet>(Some(id), &[])).await
    }

    /// Sends the document, and tells its chunks once it is kept.
    async fn put(&self, request: &DocumentRequest) -> Result<u32, Failure> {
        let call = self.api.post::<DocumentsPut>(&json!(request));
        let response = self.api.send(call).await?;
        match response.status() {
            StatusCode::ACCEPTED => kept(self.ended(read::<JobAccepted>(response).await?).await?),
            _ => Ok(read::<Document>(response).await?.chunks),
        }
    }

    /// The same, unless the command before this one had sent it already, and its job is under way or done. A job whose document is not
    /// there any more (it failed, or was replaced or deleted since) does not count.
    async fn put_once(&self, request: &DocumentRequest) -> Result<u32, Failure> {
        let body = json!(request);
        let call = self.api.post::<DocumentsPut>(&body);
        let call = call.header(IDEMPOTENCY_KEY, idempotency_key(&body));
        let response = self.api.send(call).await?;
        let is_replayed = response.headers().contains_key(IDEMPOTENCY_REPLAYED);
        if response.status() != StatusCode::ACCEPTED {
            return Ok(read::<Document>(response).await?.chunks);
        }
        let job = self.ended(read(response).await?).await?;
        if !is_replayed {
            return kept(job);
        }
        let id = request.id.as_deref().unwrap_or_default();
        match self.there(id).await? {
            Some(document) if !self.again && is_same(&document, request) => Ok(document.chunks),
            _ => self.put(request).await,
        }
    }

    /// The job, once it has ended.
    async fn ended(&self, accepted: JobAccepted) -> Result<Job, Failure> {
        let wait = MAX_WAIT_SECS.to_string();
        loop {
            let call = self
                .api
                .call::<JobsGet>(Some(&accepted.job_id), &[("wait", &wait)]);
            let job: Job = self.api.json(call).await?;
            if !matches!(job.status, JobStatus::Queued | JobStatus::Running) {
                return Ok(job);
            }
            // The API has waited; where it has not, it is not to be asked without a pause.
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
}

fn is_same(document: &Document, request: &DocumentRequest) -> bool {
    document.title == request.title && metadata::same(&document.metadata, &request.metadata)
}

/// The same for the same document, however often it is sent.
fn idempotency_key(body: &Value) -> String {
    format!("lambent-documents-add-{}", hex(&Sha256::digest(body.to_string())))
}

fn kept(job: Job) -> Result<u32, Failure> {
    match (job.status, job.result, job.error) {
        (JobStatus::Succeeded, Some(JobResult::Document(document)), _) => Ok(document.chunks),
        (JobStatus::Succeeded, ..) => Err(Failure::Unexpected("a job has no document".to_owned())),
        (JobStatus::Cancelled, ..) => Err(Failure::Some("its job was cancelled".to_owned())),
        (_, _, Some(problem)) => Err(Failure::Refused(Box::new(problem))),
        _ => Err(Failure::Some("its job failed".to_owned())),
    }
}
