//! A document is put in steps, and visible when it is complete.

use lambent_store::documents::{
    Begun, Document, Metadata, NewDocument, OPEN_FOR, Passage, Published, Search,
};
use lambent_store::{Store, StoreConfig, StoreError};
use time::macros::datetime;

use crate::line::Line;
use crate::{
    Fixture, HOUR, MINUTE, MODEL, NOON, SECOND, axis, caller, chunk, chunks, handbook, metadata, near,
    replaced_by, version,
};

const METADATA: &str = r#"{"language": "en", "year": 2026, "price": 0.10, "huge": 1e300, "draft": false}"#;

#[tokio::test]
async fn a_document_is_read_as_it_was_put() {
    let fixture = Fixture::start().await;
    let new = NewDocument {
        metadata: metadata(METADATA),
        ..handbook(1)
    };
    assert_eq!(fixture.put(&new, &chunks("A", 60)).await, None);
    let document = fixture.documents.get(&caller("alice"), "handbook").await.unwrap();
    let expected = Document {
        id: "handbook".to_owned(),
        caller: caller("alice"),
        title: "Handbook 1".to_owned(),
        metadata: new.metadata,
        version: version(1),
        chunks: 60,
        embedding_model: MODEL.to_owned(),
        created_at: datetime!(2026-11-21 12:00:01 UTC),
        updated_at: datetime!(2026-11-21 12:00:01 UTC),
    };
    assert_eq!(document, Some(expected));

    let passages = fixture
        .documents
        .chunks(&caller("alice"), "handbook")
        .await
        .unwrap();
    let expected: Vec<_> = chunks("A", 60)
        .into_iter()
        .map(|chunk| Passage {
            position: chunk.position,
            text: chunk.text,
        })
        .collect();
    assert_eq!(passages, Some(expected));
}

#[tokio::test]
async fn nobody_else_has_it() {
    let fixture = Fixture::start().await;
    fixture.put(&handbook(1), &chunks("A", 1)).await;
    for (caller_id, id) in [("bob", "handbook"), ("alice", "hand"), ("alice#handbook", "")] {
        let (documents, caller) = (&fixture.documents, caller(caller_id));
        assert_eq!(documents.get(&caller, id).await.unwrap(), None);
        assert_eq!(documents.chunks(&caller, id).await.unwrap(), None);
        assert_eq!(documents.delete(&caller, id, NOON).await.unwrap(), None);
    }
    assert_eq!(fixture.texts(&axis(0), 1).await, ["A0"]);
}

#[tokio::test]
async fn a_new_version_is_visible_when_it_is_published_and_the_old_one_until_then() {
    let fixture = Fixture::start().await;
    fixture.put(&handbook(1), &chunks("A", 3)).await;
    let second = fixture.add(&handbook(2), &chunks("B", 2)).await;
    assert_eq!(fixture.texts(&axis(0), 10).await, ["A0", "A1", "A2"]);

    let published = fixture.documents.publish(&second, NOON + HOUR / 2).await.unwrap();
    let replaced = Some(version(1));
    assert_eq!(replaced_by(published), replaced);
    assert_eq!(fixture.texts(&axis(0), 10).await, ["B0", "B1"]);
    let document = fixture.documents.get(&caller("alice"), "handbook").await.unwrap();
    let document = document.unwrap();
    assert_eq!((document.title.as_str(), document.chunks), ("Handbook 2", 2));
    assert_eq!(document.created_at, datetime!(2026-11-21 12:00:01 UTC));
    assert_eq!(document.updated_at, datetime!(2026-11-21 12:30 UTC));
}

#[tokio::test]
async fn a_version_that_is_published_again_is() {
    let fixture = Fixture::start().await;
    let first = fixture.add(&handbook(1), &chunks("A", 1)).await;
    for _ in 0..2 {
        let replaced = None;
        assert_eq!(replaced_by(fixture.publish(&first).await), replaced);
    }
    let again = NewDocument {
        chunks: 1,
        ..handbook(1)
    };
    let begun = fixture.documents.begin(&again).await.unwrap();
    assert!(matches!(begun, Begun::Published));
    assert_eq!(
        fixture.documents.leftovers(NOON + 2 * HOUR, 10).await.unwrap(),
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn what_lacks_chunks_is_not_published_and_what_has_them_in_any_order_is() {
    let fixture = Fixture::start().await;
    let new = NewDocument {
        chunks: 3,
        ..handbook(1)
    };
    let mut version = fixture.begin(&new).await;
    let all = chunks("A", 3);
    for (added, missing) in [(&all[2..], 2), (&all[..1], 1), (&all[..1], 1)] {
        let add = fixture.documents.add_chunks(&mut version, added, NOON);
        assert!(add.await.unwrap());
        assert_eq!(fixture.publish(&version).await, Published::Incomplete(missing));
    }
    assert!(
        fixture
            .documents
            .add_chunks(&mut version, &all, NOON)
            .await
            .unwrap()
    );
    let replaced = None;
    assert_eq!(replaced_by(fixture.publish(&version).await), replaced);
    assert_eq!(fixture.texts(&axis(1), 10).await, ["A1", "A0", "A2"]);
}

#[tokio::test]
async fn a_document_may_have_no_chunks_at_all() {
    let fixture = Fixture::start().await;
    fixture.put(&handbook(1), &[]).await;
    let passages = fixture.documents.chunks(&caller("alice"), "handbook").await;
    assert_eq!(passages.unwrap(), Some(Vec::new()));
}

#[tokio::test]
async fn chunks_of_other_numbers_are_refused_before_any_is_written() {
    let fixture = Fixture::start().await;
    let new = NewDocument {
        chunks: 2,
        ..handbook(1)
    };
    let mut version = fixture.begin(&new).await;
    for numbers in [[0, 2], [1, 1]] {
        let chunks = numbers.map(|number| chunk(number, "A", axis(0)));
        let added = fixture.documents.add_chunks(&mut version, &chunks, NOON).await;
        assert!(matches!(added, Err(StoreError::Item { .. })), "{numbers:?}");
    }
    assert_eq!(fixture.count("chunk#").await, 0);
}

#[tokio::test]
async fn after_an_hour_it_is_too_late_for_chunks() {
    let fixture = Fixture::start().await;
    let new = NewDocument {
        chunks: 1,
        ..handbook(1)
    };
    let late = NOON + u64::try_from(OPEN_FOR.as_millis()).unwrap();
    let mut version = fixture.begin(&new).await;
    let all = chunks("A", 1);
    assert!(
        !fixture
            .documents
            .add_chunks(&mut version, &all, late)
            .await
            .unwrap()
    );
    assert_eq!(fixture.count("chunk#").await, 0);

    // Begun again in time, it is open for longer.
    let again = NewDocument {
        now_ms: NOON + MINUTE,
        ..new
    };
    let mut version = fixture.begin(&again).await;
    assert!(
        fixture
            .documents
            .add_chunks(&mut version, &all, late)
            .await
            .unwrap()
    );
    let due = fixture.documents.leftovers(late, 10).await.unwrap();
    assert_eq!(due, Vec::<String>::new());
}

#[tokio::test]
async fn a_version_s_id_is_one_document_s() {
    let fixture = Fixture::start().await;
    fixture.begin(&handbook(1)).await;
    let others = [
        NewDocument {
            caller: caller("bob"),
            ..handbook(1)
        },
        NewDocument {
            id: "other".to_owned(),
            ..handbook(1)
        },
    ];
    for other in others {
        let begun = fixture.documents.begin(&other).await.unwrap();
        assert!(matches!(begun, Begun::Obsolete));
    }
}

#[tokio::test]
async fn what_is_not_taken_at_once_is_written_again() {
    let fixture = Fixture::start().await;
    let (documents, line) = Line::to(&fixture.endpoint, i64::MAX, 3).await;
    let slow = Fixture {
        documents,
        raw: fixture.raw.clone(),
        endpoint: fixture.endpoint.clone(),
    };
    slow.put(&handbook(1), &chunks("A", 60)).await;
    assert!(line.partial_left() <= 0);
    assert_eq!(fixture.count("chunk#").await, 60);
    let search = Search {
        embedding: &near(59, 10.0),
        embedding_model: MODEL,
        top_k: 1,
        filter: &Metadata::new(),
        min_score: 0.0,
    };
    let hits = slow.find(&caller("alice"), &search).await;
    assert_eq!(hits[0].text, "A59");
}

#[tokio::test]
async fn what_is_never_taken_is_an_error() {
    let fixture = Fixture::start().await;
    let (documents, _) = Line::to(&fixture.endpoint, i64::MAX, 1000).await;
    let new = NewDocument {
        chunks: 20,
        ..handbook(1)
    };
    let mut version = fixture.begin(&new).await;
    let started = std::time::Instant::now();
    let added = documents.add_chunks(&mut version, &chunks("A", 20), NOON).await;
    assert!(matches!(added, Err(StoreError::Throttled { .. })), "{added:?}");
    assert!(started.elapsed().as_millis() > u128::from(2 * SECOND));
    assert_eq!(fixture.publish(&version).await, Published::Incomplete(20));
}

#[test]
fn a_function_that_was_told_no_table_has_no_documents() {
    let config = StoreConfig {
        documents_table: None,
        ..StoreConfig::local("http://127.0.0.1:1")
    };
    let error = Store::connect(&config).documents().unwrap_err().to_string();
    assert!(error.starts_with("LAMBENT_DOCUMENTS_TABLE is not set"), "{error}");
}
