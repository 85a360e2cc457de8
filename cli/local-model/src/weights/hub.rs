//! Weights over plain HTTPS from the Hugging Face hub.

use std::path::Path;
use std::time::Duration;

use reqwest::{Client, StatusCode, redirect};
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;

use super::artifact::{Artifact, ChecksumError, expect_digest, hex};
use super::progress::Progress;

/// The hub's address.
pub(super) const HUB: &str = "https://huggingface.co";
/// A hub that cannot be reached must not hold up the other ways.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(4);
/// Between two pieces of the file.
const READ_TIMEOUT: Duration = Duration::from_secs(20);
/// The file's SHA-256, which the hub gives before it redirects to the storage.
const LINKED_ETAG: &str = "x-linked-etag";

/// Why the hub did not give the file.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// No connection, or it broke.
    #[error("the hub cannot be reached")]
    Http(#[from] reqwest::Error),
    /// Another answer than the file.
    #[error("the hub answered {0}")]
    Status(StatusCode),
    /// The hub has another file under this name.
    #[error("the hub has another file under this name")]
    Checksum(#[from] ChecksumError),
    /// The file cannot be written.
    #[error("the downloaded file cannot be written")]
    Write(#[from] std::io::Error),
}

/// Downloads the artifact to `to`. What is at `to` after an error is not to be used.
pub(super) async fn download(
    hub: &str,
    artifact: &Artifact,
    to: &Path,
    progress: &dyn Progress,
) -> Result<(), HubError> {
    let url = format!("{hub}/{}", artifact.hub_path);
    check_published(&url, artifact).await?;
    let client = Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        .build()?;
    let mut response = client.get(url).send().await?;
    if !response.status().is_success() {
        return Err(HubError::Status(response.status()));
    }
    let mut file = tokio::fs::File::create(to).await?;
    let mut hash = Sha256::new();
    while let Some(piece) = response.chunk().await? {
        hash.update(&piece);
        file.write_all(&piece).await?;
        progress.advance(piece.len() as u64);
    }
    file.flush().await?;
    Ok(expect_digest(hex(hash), artifact.sha256)?)
}

/// Asks for the file's hash first, where the hub tells it: a hundred megabytes of another file help nobody.
async fn check_published(url: &str, artifact: &Artifact) -> Result<(), HubError> {
    let builder = Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT);
    let answer = builder
        .redirect(redirect::Policy::none())
        .build()?
        .head(url)
        .send()
        .await?;
    let etag = answer
        .headers()
        .get(LINKED_ETAG)
        .and_then(|etag| etag.to_str().ok());
    match etag.map(|etag| etag.trim_matches('"')) {
        Some(etag) if etag.len() == artifact.sha256.len() => {
            Ok(expect_digest(etag.to_owned(), artifact.sha256)?)
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::artifact::SMOLLM2;
    use crate::weights::progress::Silent;
    use axum::Router;
    use axum::http::{HeaderMap, HeaderName, HeaderValue};
    use axum::response::IntoResponse;

    const ABC: Artifact = Artifact {
        hub_path: "file",
        sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        ..SMOLLM2
    };

    /// A hub on a loopback port: one file, with the hash that it tells beforehand.
    async fn hub(content: &'static str, etag: Option<&'static str>) -> String {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let serve = move || async move {
            let told = etag.map(|etag| {
                (
                    HeaderName::from_static(LINKED_ETAG),
                    HeaderValue::from_static(etag),
                )
            });
            (told.into_iter().collect::<HeaderMap>(), content).into_response()
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new().route("/file", axum::routing::get(serve));
        tokio::spawn(async move { axum::serve(listener, app).await });
        format!("http://{address}")
    }

    #[tokio::test]
    async fn the_published_file_is_downloaded() {
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("file");
        download(&hub("abc", None).await, &ABC, &to, &Silent)
            .await
            .unwrap();
        assert_eq!(std::fs::read(to).unwrap(), b"abc");
    }

    #[tokio::test]
    async fn another_file_is_refused_after_the_download() {
        let folder = tempfile::tempdir().unwrap();
        let error = download(
            &hub("abd", None).await,
            &ABC,
            &folder.path().join("file"),
            &Silent,
        )
        .await
        .unwrap_err();
        assert!(matches!(error, HubError::Checksum(_)), "{error:?}");
    }

    #[tokio::test]
    async fn another_file_is_refused_before_the_download_where_the_hub_tells_its_hash() {
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("file");
        let error = download(&hub("abc", Some(SMOLLM2.sha256)).await, &ABC, &to, &Silent)
            .await
            .unwrap_err();
        assert!(matches!(error, HubError::Checksum(_)), "{error:?}");
        assert!(!to.exists());
    }

    #[tokio::test]
    async fn a_refused_connection_is_told_at_once() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let begun = std::time::Instant::now();
        let error = download("http://127.0.0.1:9", &ABC, &folder.path().join("file"), &Silent)
            .await
            .unwrap_err();
        assert!(matches!(error, HubError::Http(_)), "{error:?}");
        assert!(begun.elapsed() < CONNECT_TIMEOUT);
    }
}
