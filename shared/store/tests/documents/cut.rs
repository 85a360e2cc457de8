//! Whoever puts or deletes a document may die at any moment.

use lambent_store::documents::{Begun, Chunk, NewDocument, Published};
use lambent_store::{Documents, StoreError};

use crate::line::Line;
use crate::{Fixture, HOUR, NOON, axis, caller, chunks, handbook, metadata, version};

/// Puts the second version and sweeps the first, until something fails.
async fn put(documents: &Documents, new: &NewDocument, chunks: &[Chunk]) -> Result<(), StoreError> {
    let Begun::Open(mut version) = documents.begin(new).await? else {
        panic!("it is new");
    };
    assert!(documents.add_chunks(&mut version, chunks, NOON).await?);
    let Published::Now { replaced, .. } = documents.publish(&version, NOON).await? else {
        panic!("it is complete and the newest");
    };
    documents.sweep(&replaced.unwrap(), NOON).await?;
    Ok(())
}

#[tokio::test]
async fn cut_off_at_any_write_a_put_leaves_the_old_version_or_the_new_one() {
    let old: Vec<_> = (0..30).map(|n| format!("A{n}")).collect();
    let new: Vec<_> = (0..28).map(|n| format!("B{n}")).collect();
    let (mut was_old, mut was_new) = (0, 0);
    for writes in 0.. {
        let fixture = Fixture::start().await;
        fixture.put(&handbook(1), &chunks("A", 30)).await;
        let (documents, line) = Line::to(&fixture.endpoint, writes, 0).await;
        let second = NewDocument {
            metadata: metadata(r#"{"language": "en"}"#),
            chunks: 28,
            ..handbook(2)
        };
        let put = put(&documents, &second, &chunks("B", 28)).await;
        assert_eq!(put.is_ok(), line.is_whole());

        let passages = fixture.documents.chunks(&caller("alice"), "handbook").await;
        let visible: Vec<_> = passages.unwrap().unwrap().into_iter().map(|p| p.text).collect();
        let found = fixture.texts(&axis(3), 20).await;
        assert_eq!(found.len(), 20, "after {writes} writes");
        assert!(found.iter().all(|text| visible.contains(text)), "{found:?}");
        if visible == old {
            was_old += 1;
            assert_eq!(found[0], "A3");
        } else {
            was_new += 1;
            assert_eq!((visible, found[0].as_str()), (new.clone(), "B3"));
        }

        // What is left is found, and deleted, and the next version replaces whatever there is.
        for version in fixture.documents.leftovers(NOON + 2 * HOUR, 10).await.unwrap() {
            assert!(
                fixture
                    .documents
                    .sweep(&version, NOON + 2 * HOUR)
                    .await
                    .unwrap()
                    .is_some()
            );
        }
        let kept = fixture.documents.get(&caller("alice"), "handbook").await.unwrap();
        let kept = usize::try_from(kept.unwrap().chunks).unwrap();
        assert_eq!(fixture.count("chunk#").await, kept, "after {writes} writes");
        assert_eq!(fixture.count("version#").await, 1);
        assert!(fixture.put(&handbook(3), &chunks("C", 1)).await.is_some());
        assert_eq!(fixture.texts(&axis(3), 50).await, ["C0"]);
        if line.is_whole() {
            break;
        }
    }
    // The names of metadata, the version, two batches; the transaction; then sweeping, two batches and the end of it.
    assert_eq!((was_old, was_new), (5, 5));
}

#[tokio::test]
async fn cut_off_at_any_write_a_deletion_leaves_all_of_a_document_or_nothing() {
    for writes in 0.. {
        let fixture = Fixture::start().await;
        fixture.put(&handbook(1), &chunks("A", 30)).await;
        let (documents, line) = Line::to(&fixture.endpoint, writes, 0).await;
        let deleting = async {
            let deleted = documents.delete(&caller("alice"), "handbook", NOON).await?;
            documents.sweep(&deleted.unwrap(), NOON).await
        };
        let _ = deleting.await;
        let found = fixture.texts(&axis(3), 50).await;
        assert_eq!(found.len(), if writes == 0 { 30 } else { 0 });

        if writes > 0 {
            for version in fixture.documents.leftovers(NOON + HOUR, 10).await.unwrap() {
                fixture.documents.sweep(&version, NOON + HOUR).await.unwrap();
            }
            assert_eq!(fixture.count("").await, 0, "after {writes} writes");
        }
        if line.is_whole() {
            break;
        }
    }
}

#[tokio::test]
async fn work_that_is_repeated_continues_its_version() {
    let fixture = Fixture::start().await;
    let new = NewDocument {
        chunks: 50,
        ..handbook(1)
    };
    let (documents, _) = Line::to(&fixture.endpoint, 2, 0).await;
    assert!(put(&documents, &new, &chunks("A", 50)).await.is_err());
    assert!(fixture.count("chunk#").await < 50);

    fixture.put(&new, &chunks("A", 50)).await;
    assert_eq!(fixture.count("chunk#").await, 50);
    assert_eq!(fixture.texts(&axis(49), 1).await, ["A49"]);
    let left = fixture.documents.leftovers(NOON + 2 * HOUR, 10).await.unwrap();
    assert_eq!(left, Vec::<String>::new());
    assert_eq!(
        fixture
            .documents
            .sweep(&version(1), NOON + 2 * HOUR)
            .await
            .unwrap(),
        None
    );
}
