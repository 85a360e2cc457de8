//! What nobody will find any more is deleted.

use lambent_store::documents::{Begun, NewDocument, OPEN_FOR, Published};

use crate::line::Line;
use crate::{Fixture, MINUTE, NOON, SECOND, axis, caller, chunks, handbook, note, replaced_by, version};

fn open_for() -> u64 {
    u64::try_from(OPEN_FOR.as_millis()).unwrap()
}

#[tokio::test]
async fn a_deleted_document_is_found_no_more_and_its_chunks_are_swept() {
    let fixture = Fixture::start().await;
    fixture.put(&handbook(1), &chunks("A", 30)).await;
    fixture.put(&note(2), &chunks("N", 1)).await;
    let deleted = fixture.documents.delete(&caller("alice"), "handbook", NOON).await;
    assert_eq!(deleted.unwrap(), Some(version(1)));
    assert_eq!(fixture.count("chunk#").await, 31, "they are still there");
    assert_eq!(fixture.texts(&axis(0), 50).await, ["N0"]);
    let again = fixture.documents.delete(&caller("alice"), "handbook", NOON).await;
    assert_eq!(again.unwrap(), None);

    assert_eq!(fixture.documents.leftovers(NOON, 10).await.unwrap(), [version(1)]);
    assert_eq!(
        fixture.documents.sweep(&version(1), NOON).await.unwrap(),
        Some(30)
    );
    assert_eq!(fixture.count("chunk#").await, 1);
    assert_eq!(
        fixture.documents.leftovers(NOON + open_for(), 10).await.unwrap(),
        Vec::<String>::new()
    );
    assert_eq!(fixture.documents.sweep(&version(1), NOON).await.unwrap(), None);
    // And it can be put again.
    assert_eq!(fixture.put(&handbook(3), &chunks("C", 1)).await, None);
    assert_eq!(fixture.texts(&axis(0), 50).await, ["C0", "N0"]);
}

#[tokio::test]
async fn what_is_visible_or_may_become_so_is_not_swept() {
    let fixture = Fixture::start().await;
    fixture.put(&handbook(1), &chunks("A", 2)).await;
    let second = fixture.add(&handbook(2), &chunks("B", 2)).await;
    for version in [version(1), version(2), version(3)] {
        let swept = fixture.documents.sweep(&version, NOON + open_for() - 1).await;
        assert_eq!(swept.unwrap(), None);
    }
    let replaced = Some(version(1));
    assert_eq!(replaced_by(fixture.publish(&second).await), replaced);
    assert_eq!(fixture.texts(&axis(0), 50).await, ["B0", "B1"]);
}

#[tokio::test]
async fn a_version_that_was_given_up_is_not_published_or_begun_any_more() {
    let fixture = Fixture::start().await;
    let late = NOON + open_for();
    let first = fixture.add(&handbook(1), &chunks("A", 30)).await;
    assert_eq!(
        fixture.documents.leftovers(late - 1, 10).await.unwrap(),
        Vec::<String>::new()
    );
    assert_eq!(fixture.documents.leftovers(late, 10).await.unwrap(), [version(1)]);

    // Its sweeping is cut off.
    let (documents, _) = Line::to(&fixture.endpoint, 2, 0).await;
    assert!(documents.sweep(&version(1), late).await.is_err());
    assert_eq!(fixture.publish(&first).await, Published::Obsolete);
    let new = NewDocument {
        chunks: 30,
        now_ms: late,
        ..handbook(1)
    };
    assert!(matches!(
        fixture.documents.begin(&new).await.unwrap(),
        Begun::Obsolete
    ));

    let soon = late + MINUTE;
    assert_eq!(
        fixture.documents.leftovers(soon, 10).await.unwrap(),
        Vec::<String>::new()
    );
    assert_eq!(
        fixture.documents.leftovers(soon + MINUTE, 10).await.unwrap(),
        [version(1)]
    );
    assert_eq!(
        fixture.documents.sweep(&version(1), soon + MINUTE).await.unwrap(),
        Some(30)
    );
    assert_eq!(fixture.count("").await, 0);
    assert_eq!(fixture.publish(&first).await, Published::Obsolete);
}

#[tokio::test]
async fn leftovers_come_in_the_order_of_time_over_all_shards() {
    let fixture = Fixture::start().await;
    for number in 0..20 {
        let new = NewDocument {
            now_ms: NOON + (20 - number) * SECOND,
            ..note(number)
        };
        fixture.begin(&new).await;
    }
    let left = |now_ms, limit| {
        let documents = fixture.documents.clone();
        async move { documents.leftovers(now_ms, limit).await.unwrap() }
    };
    let expected = [version(19), version(18), version(17)];
    assert_eq!(left(NOON + open_for() + 3 * SECOND, 100).await, expected);
    assert_eq!(left(NOON + 2 * open_for(), 2).await, expected[..2]);
    assert_eq!(left(NOON + 2 * open_for(), 100).await.len(), 20);
}
