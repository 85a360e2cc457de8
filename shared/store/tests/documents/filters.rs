//! Searches for what documents' metadata says.

use futures::future::join_all;
use lambent_store::documents::{FILTERS, NewDocument, Search};

use crate::{Fixture, MODEL, NOON, axis, caller, chunk, chunks, handbook, metadata, near, note};

impl Fixture {
    /// The names of alice's documents that a filter finds.
    async fn filtered(&self, filter: &str) -> Vec<String> {
        let search = Search {
            embedding: &axis(0),
            embedding_model: MODEL,
            top_k: 50,
            filter: &metadata(filter),
            min_score: 0.0,
        };
        let hits = self.find(&caller("alice"), &search).await;
        let mut ids: Vec<_> = hits.into_iter().map(|hit| hit.document_id).collect();
        ids.sort();
        ids
    }

    async fn put_note(&self, number: u64, json: &str) {
        let new = NewDocument {
            metadata: metadata(json),
            ..note(number)
        };
        self.put(&new, &chunks("N", 1)).await;
    }
}

#[tokio::test]
async fn a_filter_finds_what_has_all_of_its_values() {
    let fixture = Fixture::start().await;
    fixture
        .put_note(1, r#"{"language": "en", "year": 2025, "draft": true}"#)
        .await;
    fixture.put_note(2, r#"{"language": "en", "year": 2026.0}"#).await;
    fixture
        .put_note(3, r#"{"language": "de", "year": "2026", "draft": false}"#)
        .await;
    fixture.put_note(4, "{}").await;
    for (filter, expected) in [
        ("{}", &["note-1", "note-2", "note-3", "note-4"][..]),
        (r#"{"language": "en"}"#, &["note-1", "note-2"]),
        (r#"{"language": "en", "year": 2026}"#, &["note-2"]),
        (r#"{"year": "2026"}"#, &["note-3"]),
        (r#"{"draft": false}"#, &["note-3"]),
        (r#"{"draft": "false"}"#, &[]),
        (r#"{"language": "EN"}"#, &[]),
        (r#"{"language": "en", "draft": false}"#, &[]),
        (r#"{"colour": "red"}"#, &[]),
        (r#"{"language": "en", "colour": "red"}"#, &[]),
    ] {
        assert_eq!(fixture.filtered(filter).await, expected, "{filter}");
    }
}

#[tokio::test]
async fn a_filter_finds_the_one_document_among_many_nearer_ones() {
    let fixture = Fixture::start().await;
    let new = NewDocument {
        metadata: metadata(r#"{"language": "en"}"#),
        ..handbook(1)
    };
    let nearer: Vec<_> = (0..200).map(|number| chunk(number, "A", near(0, 5.0))).collect();
    fixture.put(&new, &nearer).await;
    let far = NewDocument {
        metadata: metadata(r#"{"language": "de"}"#),
        ..note(2)
    };
    fixture.put(&far, &[chunk(0, "N", near(0, 170.0))]).await;
    assert_eq!(fixture.filtered(r#"{"language": "de"}"#).await, ["note-2"]);
}

#[tokio::test]
async fn names_for_which_there_is_no_room_are_compared_after_the_search() {
    let fixture = Fixture::start().await;
    for number in 0..u64::try_from(FILTERS).unwrap() {
        fixture
            .put_note(number, &format!(r#"{{"name-{number}": 1}}"#))
            .await;
    }
    fixture.put_note(20, r#"{"name-3": 1, "late": "yes"}"#).await;
    fixture.put_note(21, r#"{"name-3": 1, "late": "no"}"#).await;
    assert_eq!(
        fixture.filtered(r#"{"name-3": 1}"#).await,
        ["note-20", "note-21", "note-3"]
    );
    assert_eq!(fixture.filtered(r#"{"late": "yes"}"#).await, ["note-20"]);
    assert_eq!(
        fixture.filtered(r#"{"name-3": 1, "late": "no"}"#).await,
        ["note-21"]
    );
    assert_eq!(fixture.filtered(r#"{"never": 1}"#).await, Vec::<String>::new());
}

#[tokio::test]
async fn names_that_are_new_at_once_get_a_place_each() {
    let fixture = Fixture::start().await;
    let put = async |number: u64| {
        let json = format!(r#"{{"name-{number}": {number}, "common": true}}"#);
        fixture.put_note(number, &json).await;
    };
    join_all((0..6).map(put)).await;
    for number in 0..6 {
        let filter = format!(r#"{{"name-{number}": {number}}}"#);
        assert_eq!(fixture.filtered(&filter).await, [format!("note-{number}")]);
    }
    assert_eq!(fixture.filtered(r#"{"common": true}"#).await.len(), 6);
}

#[tokio::test]
async fn a_new_version_is_found_by_its_own_metadata() {
    let fixture = Fixture::start().await;
    fixture.put_note(1, r#"{"language": "en"}"#).await;
    let again = NewDocument {
        id: "note-1".to_owned(),
        metadata: metadata(r#"{"language": "de"}"#),
        ..note(2)
    };
    fixture.put(&again, &chunks("N", 1)).await;
    assert_eq!(
        fixture.filtered(r#"{"language": "en"}"#).await,
        Vec::<String>::new()
    );
    assert_eq!(fixture.filtered(r#"{"language": "de"}"#).await, ["note-1"]);
    fixture
        .documents
        .delete(&caller("alice"), "note-1", NOON)
        .await
        .unwrap();
    assert_eq!(
        fixture.filtered(r#"{"language": "de"}"#).await,
        Vec::<String>::new()
    );
}
