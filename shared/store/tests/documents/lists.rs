//! A caller's documents, the one put last first.

use lambent_store::documents::NewDocument;

use crate::{Fixture, NOON, caller, chunks, handbook, metadata, note, version};

impl Fixture {
    /// Names of alice's documents, and whether there are more.
    async fn page(&self, limit: usize, before: Option<&str>) -> (Vec<String>, Option<String>) {
        let page = self.documents.list(&caller("alice"), limit, before).await;
        let page = page.unwrap();
        let ids = page.documents.into_iter().map(|document| document.id);
        (ids.collect(), page.next)
    }
}

#[tokio::test]
async fn pages_begin_with_the_last_and_end_where_there_are_no_more() {
    let fixture = Fixture::start().await;
    for number in [3, 1, 2] {
        fixture.put(&note(number), &chunks("N", 1)).await;
        let bob_s = NewDocument {
            caller: caller("bob"),
            ..note(number + 100)
        };
        fixture.put(&bob_s, &chunks("B", 1)).await;
    }
    // What is not published is in no list.
    fixture.begin(&note(9)).await;

    let names = |numbers: &[u64]| numbers.iter().map(|n| format!("note-{n}")).collect::<Vec<_>>();
    let first = fixture.page(2, None).await;
    assert_eq!(first, (names(&[3, 2]), Some(version(2))));
    let second = fixture.page(2, first.1.as_deref()).await;
    assert_eq!(second, (names(&[1]), None));
    assert_eq!(fixture.page(3, None).await, (names(&[3, 2, 1]), None));
    assert_eq!(fixture.page(0, None).await, (vec![], None));

    // A new version comes first.
    let again = NewDocument {
        id: "note-1".to_owned(),
        ..note(4)
    };
    fixture.put(&again, &chunks("N", 2)).await;
    assert_eq!(fixture.page(9, None).await, (names(&[1, 3, 2]), None));
    fixture
        .documents
        .delete(&caller("alice"), "note-3", NOON)
        .await
        .unwrap();
    assert_eq!(fixture.page(9, None).await, (names(&[1, 2]), None));
}

#[tokio::test]
async fn lists_show_all_of_a_document() {
    let fixture = Fixture::start().await;
    let new = NewDocument {
        metadata: metadata(r#"{"language": "en", "pages": 3}"#),
        ..handbook(1)
    };
    fixture.put(&new, &chunks("A", 2)).await;
    let page = fixture.documents.list(&caller("alice"), 5, None).await.unwrap();
    let whole = fixture.documents.get(&caller("alice"), "handbook").await.unwrap();
    assert_eq!(page.documents, [whole.unwrap()]);
}
