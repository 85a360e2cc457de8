//! The chunks nearest to an embedding.

use aws_sdk_dynamodb::types::{SearchSchemaElementType, VectorDistanceFunction};
use lambent_store::Embedding;
use lambent_store::documents::{
    FILTERS, Hit, Metadata, NewDocument, NotAnEmbedding, Position, Search, TABLE,
};

use crate::{Fixture, MODEL, Random, axis, caller, chunk, chunks, handbook, metadata, near, note};

fn nearest<'a>(embedding: &'a Embedding, top_k: usize, filter: &'a Metadata) -> Search<'a> {
    Search {
        embedding,
        embedding_model: MODEL,
        top_k,
        filter,
        min_score: 0.0,
    }
}

#[tokio::test]
async fn a_hit_says_where_it_is_from_and_how_near_it_is() {
    let fixture = Fixture::start().await;
    let new = NewDocument {
        metadata: metadata(r#"{"year": 2026}"#),
        ..handbook(1)
    };
    let angles = [(0, 60.0), (1, 0.0), (2, 180.0), (3, 90.0)];
    let chunks = angles.map(|(number, degrees)| chunk(number, &format!("at {degrees}"), near(0, degrees)));
    fixture.put(&new, &chunks).await;

    let any = Metadata::new();
    let hits = fixture.find(&caller("alice"), &nearest(&axis(0), 10, &any)).await;
    let found: Vec<_> = hits.iter().map(|hit| (hit.position.number, hit.score)).collect();
    for ((number, score), (expected, nearly)) in found.iter().zip([(1, 1.0), (0, 0.75), (3, 0.5), (2, 0.0)]) {
        assert_eq!(*number, expected);
        assert!((score - nearly).abs() < 1e-6, "{found:?}");
    }
    let expected = Hit {
        document_id: "handbook".to_owned(),
        title: "Handbook 1".to_owned(),
        metadata: new.metadata,
        position: Position {
            number: 0,
            start: 0,
            end: 100,
        },
        text: "at 60".to_owned(),
        score: hits[1].score,
    };
    assert_eq!(hits[1], expected);
}

#[tokio::test]
async fn what_is_less_near_than_asked_for_is_not_found() {
    let fixture = Fixture::start().await;
    let chunks: Vec<_> = (0..120u8)
        .map(|number| chunk(number.into(), &number.to_string(), near(0, number.into())))
        .collect();
    fixture.put(&handbook(1), &chunks).await;
    for (min_score, top_k, expected) in [
        (0.0, 50, 50),
        (0.999, 50, 4), // up to 3.6 degrees
        (0.99, 50, 12), // up to 11.5 degrees
        (0.99, 5, 5),
        (1.0, 50, 1),
        (1.1, 50, 0),
    ] {
        let (axis, any) = (axis(0), Metadata::new());
        let search = Search {
            min_score,
            ..nearest(&axis, top_k, &any)
        };
        let hits = fixture.find(&caller("alice"), &search).await;
        assert_eq!(hits.len(), expected, "{min_score}");
        assert!(hits.iter().all(|hit| hit.score >= min_score));
    }
}

#[tokio::test]
async fn as_many_as_asked_for_are_found_50_at_most() {
    let fixture = Fixture::start().await;
    let chunks: Vec<_> = (0..60u8)
        .map(|number| chunk(number.into(), &number.to_string(), near(0, number.into())))
        .collect();
    fixture.put(&handbook(1), &chunks).await;
    for top_k in [0, 1, 2, 10, 49, 50, 51, 1000] {
        let texts = fixture.texts(&axis(0), top_k).await;
        let expected: Vec<_> = (0..top_k.min(50)).map(|number| number.to_string()).collect();
        assert_eq!(texts, expected);
    }
    let few = fixture
        .find(&caller("bob"), &nearest(&axis(0), 50, &Metadata::new()))
        .await;
    assert_eq!(few, []);
}

#[tokio::test]
async fn no_search_of_a_thousand_finds_another_caller_s_chunks() {
    let fixture = Fixture::start().await;
    let mut random = Random(42);
    // Callers and documents whose names could be taken for one another.
    let callers = ["alice", "alic", "alice#5", "token:alice", "5#alice"];
    let embeddings: Vec<_> = (0..4).map(|_| random.embedding()).collect();
    for (number, name) in (1..).zip(callers) {
        let new = NewDocument {
            caller: caller(name),
            metadata: metadata(r#"{"language": "en"}"#),
            ..handbook(number)
        };
        let chunks: Vec<_> = (0..)
            .zip(&embeddings)
            .map(|(place, embedding)| chunk(place, name, embedding.clone()))
            .collect();
        fixture.put(&new, &chunks).await;
    }
    let filters = [Metadata::new(), metadata(r#"{"language": "en"}"#)];
    for number in 0..1000 {
        let name = callers[number % callers.len()];
        let filter = &filters[number / 5 % 2];
        let embedding = random.embedding();
        let hits = fixture
            .find(&caller(name), &nearest(&embedding, 50, filter))
            .await;
        assert_eq!(hits.len(), 4);
        assert!(hits.iter().all(|hit| hit.text == name), "{name}: {hits:?}");
    }
}

#[tokio::test]
async fn what_is_being_put_does_not_hide_what_is_visible() {
    let fixture = Fixture::start().await;
    for number in 1..=10 {
        fixture
            .put(&note(number), &[chunk(0, &format!("N{number}"), near(0, 40.0))])
            .await;
    }
    // The largest document there can be, nearer than all of them.
    let nearer: Vec<_> = (0..600).map(|number| chunk(number, "A", near(0, 10.0))).collect();
    fixture.add(&handbook(11), &nearer).await;
    let found = fixture.texts(&axis(0), 10).await;
    assert_eq!(found.len(), 10);
    assert!(found.iter().all(|text| text.starts_with('N')), "{found:?}");
}

#[tokio::test]
async fn the_table_has_a_vector_index_in_which_each_caller_is_alone() {
    let fixture = Fixture::start().await;
    let described = fixture.raw.describe_table().table_name(TABLE.name).send().await;
    let table = described.unwrap().table.unwrap();
    let [index] = table.vector_indexes() else {
        panic!("{table:?}")
    };
    assert_eq!(index.index_name(), Some("by_vector"));
    assert_eq!(index.dimensions(), Some(512));
    assert_eq!(index.distance_function(), Some(&VectorDistanceFunction::Cosine));
    let schema = index.search_schema();
    let hash = schema
        .iter()
        .find(|element| *element.search_schema_element_type() == SearchSchemaElementType::Hash);
    assert_eq!(hash.unwrap().attribute_name(), "caller");
    assert_eq!(schema.len(), 1 + 1 + FILTERS);
}

#[test]
fn what_is_no_embedding_is_refused_before_anything_is_asked() {
    let mut numbers = vec![0.1; 511];
    assert_eq!(Embedding::new(numbers.clone()), Err(NotAnEmbedding::Length(511)));
    numbers.push(f32::NAN);
    assert_eq!(Embedding::new(numbers), Err(NotAnEmbedding::NotFinite(511)));
}

#[tokio::test]
async fn chunks_are_found_by_the_very_numbers_that_they_were_put_with() {
    let fixture = Fixture::start().await;
    let mut random = Random(7);
    let embeddings: Vec<_> = (0..20).map(|_| random.embedding()).collect();
    let chunks: Vec<_> = chunks("A", 20)
        .into_iter()
        .zip(&embeddings)
        .map(|(chunk, embedding)| lambent_store::documents::Chunk {
            embedding: embedding.clone(),
            ..chunk
        })
        .collect();
    fixture.put(&handbook(1), &chunks).await;
    for (number, embedding) in embeddings.iter().enumerate() {
        let hits = fixture
            .find(&caller("alice"), &nearest(embedding, 1, &Metadata::new()))
            .await;
        assert_eq!(
            (hits[0].text.as_str(), hits[0].score),
            (format!("A{number}").as_str(), 1.0)
        );
    }
}

#[tokio::test]
async fn what_another_model_has_embedded_is_not_found_but_listed() {
    let fixture = Fixture::start().await;
    let of_another = NewDocument {
        embedding_model: "model-2".to_owned(),
        ..note(1)
    };
    fixture.put(&of_another, &chunks("B", 20)).await;
    fixture.put(&handbook(2), &chunks("A", 20)).await;
    let (any, axis) = (Metadata::new(), axis(0));
    let hits = fixture.find(&caller("alice"), &nearest(&axis, 50, &any)).await;
    assert_eq!(hits.len(), 20);
    assert!(hits.iter().all(|hit| hit.document_id == "handbook"), "{hits:?}");
    let of_the_other = Search {
        embedding_model: "model-2",
        ..nearest(&axis, 50, &any)
    };
    let hits = fixture.find(&caller("alice"), &of_the_other).await;
    assert!(hits.len() == 20 && hits.iter().all(|hit| hit.document_id == "note-1"));
    let page = fixture.documents.list(&caller("alice"), 5, None).await.unwrap();
    let models: Vec<_> = (page.documents.iter())
        .map(|document| document.embedding_model.as_str())
        .collect();
    assert_eq!(models, [MODEL, "model-2"]);
}
