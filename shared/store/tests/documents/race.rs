//! Many put and delete the same document at once.

use futures::future::join_all;
use lambent_store::documents::Published;

use crate::{Fixture, HOUR, NOON, SECOND, axis, caller, chunks, handbook, version};

#[tokio::test]
async fn of_versions_published_in_whatever_order_the_newest_stays() {
    for order in [[1, 2, 3], [3, 2, 1], [2, 3, 1], [1, 3, 2]] {
        let fixture = Fixture::start().await;
        let mut newest = 0;
        for number in order {
            let version = fixture.add(&handbook(number), &chunks("A", 2)).await;
            let published = fixture.publish(&version).await;
            assert_eq!(published == Published::Outdated, number < newest, "{order:?}");
            newest = newest.max(number);
        }
        let document = fixture.documents.get(&caller("alice"), "handbook").await.unwrap();
        assert_eq!(document.unwrap().version, version(3));
        let mut left = fixture.documents.leftovers(NOON + SECOND, 10).await.unwrap();
        left.sort();
        assert_eq!(left, [version(1), version(2)], "{order:?}");
    }
}

#[tokio::test]
async fn of_ten_put_at_once_one_is_visible_and_the_rest_is_swept() {
    let fixture = Fixture::start().await;
    let put = async |number: u64| {
        let name = format!("{number}.");
        let version = fixture.add(&handbook(number), &chunks(&name, 5)).await;
        fixture.publish(&version).await
    };
    let published = join_all((1..=10).map(put)).await;
    let outdated = published
        .iter()
        .filter(|one| **one == Published::Outdated)
        .count();
    let now = published
        .iter()
        .filter(|one| matches!(one, Published::Now { .. }))
        .count();
    assert_eq!(outdated + now, 10, "{published:?}");

    let found = fixture.texts(&axis(3), 50).await;
    assert_eq!(found.len(), 5);
    assert!(found.iter().all(|text| text.starts_with("10.")), "{found:?}");

    let left = fixture.documents.leftovers(NOON + 2 * HOUR, 20).await.unwrap();
    assert_eq!(left.len(), 9);
    let sweep = |version: String| {
        let documents = fixture.documents.clone();
        async move { documents.sweep(&version, NOON + 2 * HOUR).await.unwrap() }
    };
    // Twice, as by two sweepers at once.
    let swept = join_all(left.iter().chain(&left).cloned().map(sweep)).await;
    assert!(swept.iter().flatten().count() >= 9, "{swept:?}");
    assert_eq!(fixture.count("chunk#").await, 5);
    assert_eq!(fixture.count("version#").await, 1);
}

#[tokio::test]
async fn searches_see_one_version_while_others_are_put_and_swept() {
    let fixture = Fixture::start().await;
    fixture.put(&handbook(1), &chunks("1.", 20)).await;
    let putting = async {
        for number in 2..=8 {
            let name = format!("{number}.");
            let replaced = fixture.put(&handbook(number), &chunks(&name, 20)).await;
            fixture.documents.sweep(&replaced.unwrap(), NOON).await.unwrap();
        }
    };
    let searching = async {
        let mut last = 1;
        while last < 8 {
            let found = fixture.texts(&axis(3), 20).await;
            let versions: std::collections::BTreeSet<u64> = found
                .iter()
                .map(|text| text.split_once('.').unwrap().0.parse().unwrap())
                .collect();
            assert_eq!((found.len(), versions.len()), (20, 1), "{found:?}");
            let version = *versions.first().unwrap();
            assert!(version >= last);
            last = version;
        }
    };
    futures::join!(putting, searching);
}

#[tokio::test]
async fn a_deletion_and_a_put_at_once_are_one_after_the_other() {
    for number in 0..5 {
        let fixture = Fixture::start().await;
        fixture.put(&handbook(1), &chunks("A", 5)).await;
        let second = fixture.add(&handbook(2), &chunks("B", 5)).await;
        let alice = caller("alice");
        let deleting = fixture.documents.delete(&alice, "handbook", NOON);
        let (deleted, published) = futures::join!(deleting, fixture.publish(&second));
        let deleted = deleted.unwrap().unwrap();
        let expected = if deleted == version(1) {
            // It came first, and the second version is there; or there was nothing to replace any more.
            vec!["B0", "B1", "B2", "B3", "B4"]
        } else {
            Vec::new()
        };
        assert!(matches!(published, Published::Now { .. }), "{number}");
        assert_eq!(fixture.texts(&axis(0), 10).await, expected);
    }
}
