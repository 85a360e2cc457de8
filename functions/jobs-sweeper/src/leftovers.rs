//! What is left of documents.

use futures::{StreamExt as _, stream};
use lambent_store::{Documents, StoreError};

/// The most versions of one sweep: up to 600 chunks each, of which the embedded database deletes some hundreds in a second. The next
/// ones are for the next sweep.
const AT_MOST: usize = 20;
/// Versions whose chunks are deleted at once. Each writes a hundred chunks at a time.
const AT_ONCE: usize = 2;

/// Deletes what nobody will find any more, and gives of how many versions.
///
/// # Errors
/// The last one, after all others were looked after. What is left is due again in two minutes.
pub(crate) async fn sweep(documents: &Documents, now_ms: u64) -> Result<u32, StoreError> {
    let due = documents.leftovers(now_ms, AT_MOST).await?;
    let swept: Vec<_> = stream::iter(due)
        .map(|version| delete(documents.clone(), version, now_ms))
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let (mut count, mut failed) = (0, None);
    for one in swept {
        match one {
            Ok(is_swept) => count += u32::from(is_swept),
            Err(error) => failed = Some(error),
        }
    }
    failed.map_or(Ok(count), Err)
}

async fn delete(documents: Documents, version: String, now_ms: u64) -> Result<bool, StoreError> {
    let swept = documents.sweep(&version, now_ms).await;
    if let Err(error) = &swept {
        tracing::error!(version, %error, "could not delete what is left of a document");
    }
    Ok(swept?.is_some())
}
