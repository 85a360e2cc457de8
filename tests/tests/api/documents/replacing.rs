//! A new version replaces the one before in one step.

use std::{
    sync::atomic::{AtomicBool, Ordering::SeqCst},
    time::Duration,
};

use futures::future::join;
use lambent_tests::api::Api;
use serde_json::Value;

use super::{document, found, put};

/// A version of a document whose every chunk names it.
fn edition(number: usize) -> Value {
    document(
        "handbook",
        &format!("whales in edition number{number}"),
        3000 + number * 1000,
    )
}

/// Which edition all of these chunks are of, and how many there are.
fn edition_of(hits: &[Value]) -> (String, usize) {
    let name = |hit: &Value| {
        let text = hit["text"].as_str().unwrap();
        let (_, after) = text.split_once("number").unwrap();
        after.split_whitespace().next().unwrap().to_owned()
    };
    let first = name(&hits[0]);
    for hit in hits {
        assert_eq!(name(hit), first, "a mixture: {hits:#?}");
    }
    (first, hits.len())
}

#[tokio::test]
async fn a_search_finds_one_version_whole_while_others_replace_it() {
    let api = Api::start().await;
    let first = put(&api, &edition(0)).await;
    let is_over = AtomicBool::new(false);
    let putting = async {
        let mut counts = vec![first["chunks"].as_u64().unwrap()];
        for number in 1..8 {
            let kept = put(&api, &edition(number)).await;
            counts.push(kept["chunks"].as_u64().unwrap());
            assert_eq!(kept["created_at"], first["created_at"]);
            assert!(kept["updated_at"].as_str() > first["updated_at"].as_str());
            // From here on it is this one.
            let now = edition_of(&found(&api, "whales").await);
            assert_eq!(
                now,
                (number.to_string(), usize::try_from(counts[number]).unwrap())
            );
        }
        is_over.store(true, SeqCst);
        counts
    };
    let searching = async {
        let mut seen = Vec::new();
        while !is_over.load(SeqCst) {
            seen.push(edition_of(&found(&api, "whales").await));
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        seen
    };
    let (counts, seen) = join(putting, searching).await;
    for (edition, count) in &seen {
        let expected = counts[edition.parse::<usize>().unwrap()];
        assert_eq!(*count as u64, expected, "edition {edition} in part");
    }
    let mut editions: Vec<_> = seen.iter().map(|(edition, _)| edition.clone()).collect();
    editions.dedup();
    println!("{} searches, editions seen: {editions:?}", seen.len());
    assert!(editions.is_sorted(), "none comes back");
    // What was replaced was deleted at once.
    let left = api.store.documents().unwrap().leftovers(u64::MAX / 2, 10).await;
    assert!(left.unwrap().is_empty());
}
