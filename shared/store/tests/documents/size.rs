//! How long searches take among many chunks: `cargo test --workspace --test documents -- --ignored --nocapture`.

use std::time::Instant;

use lambent_store::documents::{Chunk, Metadata, NewDocument, Search};

use crate::{Fixture, MODEL, NOON, Random, caller, chunk, handbook};

const CHUNKS: u32 = 20_000;
const OF_A_DOCUMENT: u32 = 400;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "it takes some minutes"]
async fn searches_among_20_000_chunks() {
    let fixture = Fixture::start().await;
    let mut random = Random(1);
    let text = "Nothing runs, and nothing is billed, while nobody calls. ".repeat(9);
    let began = Instant::now();
    for number in 0..CHUNKS / OF_A_DOCUMENT {
        let new = NewDocument {
            id: format!("document-{number}"),
            now_ms: NOON,
            ..handbook(number.into())
        };
        let chunks: Vec<Chunk> = (0..OF_A_DOCUMENT)
            .map(|place| chunk(place, &text, random.embedding()))
            .collect();
        fixture.put(&new, &chunks).await;
    }
    println!("put {CHUNKS} chunks in {:.1} s", began.elapsed().as_secs_f64());
    for (top_k, filter) in [(10, Metadata::new()), (50, Metadata::new())] {
        let mut times = Vec::new();
        for _ in 0..9 {
            let embedding = random.embedding();
            let search = Search {
                embedding: &embedding,
                embedding_model: MODEL,
                top_k,
                filter: &filter,
                min_score: 0.0,
            };
            let began = Instant::now();
            let hits = fixture.find(&caller("alice"), &search).await;
            times.push(began.elapsed());
            assert_eq!(hits.len(), top_k);
        }
        times.sort();
        println!("search of {top_k}: median {:?}, longest {:?}", times[4], times[8]);
    }
}
