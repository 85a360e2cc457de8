//! Embeddings through [`Embedder`]: what becomes of vectors, and of a provider's failures.

use std::sync::{Arc, Mutex};

use lambent_llm::{
    ApiKey, EMBEDDING_DIMENSIONS, Embedder, EmbeddingConfig, Embeddings, Price, Purpose, Tally,
};
use lambent_schema::{Ledger, Spending};
use lambent_tests::upstream::{EmbeddingBehaviour, Vectors, vector};

use super::*;

const KEY: &str = "sk-key-of-the-operator";

fn config(upstream: &Upstream) -> EmbeddingConfig {
    EmbeddingConfig {
        url: Some(upstream.url()),
        key: Some(ApiKey::new(KEY)),
        timeout: SHORT,
        ..EmbeddingConfig::new("loopback-model")
    }
}

async fn rig() -> (Upstream, Embedder) {
    lambent_llm::install_crypto();
    let upstream = Upstream::start().await;
    let embedder = Embedder::new(config(&upstream)).unwrap();
    (upstream, embedder)
}

fn texts(count: usize) -> Vec<String> {
    (0..count)
        .map(|n| format!("prompt-of-the-caller number {n}"))
        .collect()
}

async fn embed(embedder: &Embedder, texts: &[String]) -> Result<Embeddings, ModelError> {
    embedder
        .embed(texts, Purpose::Document, Instant::now() + LONG)
        .await
}

/// One behaviour of the provider, and what becomes of it.
async fn check(behaviour: impl Into<EmbeddingBehaviour>, kind: ModelErrorKind, calls: u64) {
    let (upstream, embedder) = rig().await;
    upstream.otherwise_embedding(behaviour);
    let begun = Instant::now();
    let error = embed(&embedder, &texts(2)).await.unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(error.kind, kind);
    assert_eq!(upstream.counts().embeddings, calls, "{kind:?}");
    assert_eq!(error.usage, reported(upstream.counts()), "{kind:?}");
    assert_discreet(&error);
    assert!(!format!("{error:?} {embedder:?}").contains(KEY));
}

fn malformed() -> ModelErrorKind {
    ModelErrorKind::Upstream {
        fault: UpstreamFault::Malformed,
    }
}

#[tokio::test]
async fn short_vectors_are_filled_up_and_brought_to_length_one() {
    let (upstream, embedder) = rig().await;
    upstream.otherwise_embedding(Vectors::With("7.5"));
    let embeddings = embed(&embedder, &texts(1)).await.unwrap();
    let numbers = embeddings.vectors[0].as_slice();
    assert_eq!(numbers.len(), EMBEDDING_DIMENSIONS);
    assert!(numbers[384..].iter().all(|number| *number == 0.0));
    let length: f32 = numbers.iter().map(|number| number * number).sum();
    assert!((length - 1.0).abs() < 1e-5, "{length}");
    assert_eq!(embeddings.usage, reported(upstream.counts()));
    assert_eq!(embeddings.usage.input_tokens, 3);
}

#[tokio::test]
async fn texts_keep_their_order_over_batches_and_within_them() {
    let (upstream, _) = rig().await;
    upstream.otherwise_embedding(Vectors::Reversed);
    let embedder = Embedder::new(EmbeddingConfig {
        batch_texts: 10,
        ..config(&upstream)
    })
    .unwrap();
    let texts = texts(37);
    let embeddings = embed(&embedder, &texts).await.unwrap();
    assert_eq!(embeddings.vectors.len(), 37);
    for (text, embedding) in texts.iter().zip(&embeddings.vectors) {
        let expected = vector(text, 384);
        let near: f32 = expected
            .iter()
            .zip(embedding.as_slice())
            .map(|(a, b)| a * b)
            .sum();
        assert!(near > 0.9999, "{text}: {near}");
    }
    let counts = upstream.counts();
    assert_eq!((counts.embeddings, counts.texts), (4, 37));
    assert_eq!(embeddings.usage, reported(counts));
}

#[tokio::test]
async fn long_texts_go_in_calls_that_are_not_too_large() {
    let (upstream, embedder) = rig().await;
    let texts = vec!["x".repeat(100 * 1024); 5];
    assert_eq!(embed(&embedder, &texts).await.unwrap().vectors.len(), 5);
    assert_eq!(upstream.counts().embeddings, 3, "two in 256 KiB");
}

#[tokio::test]
async fn no_texts_cost_no_call() {
    let (upstream, embedder) = rig().await;
    assert!(embed(&embedder, &[]).await.unwrap().vectors.is_empty());
    assert_eq!(upstream.counts().requests, 0);
}

#[tokio::test]
async fn a_model_that_can_is_asked_for_the_width() {
    let (upstream, embedder) = rig().await;
    embed(&embedder, &texts(1)).await.unwrap();
    assert!(upstream.bodies()[0].get("dimensions").is_none());

    let embedder = Embedder::new(EmbeddingConfig {
        url: Some(upstream.url()),
        ..EmbeddingConfig::new("openai::text-embedding-3-small")
    })
    .unwrap();
    let embeddings = embed(&embedder, &texts(1)).await.unwrap();
    let body = &upstream.bodies()[1];
    assert_eq!(body["dimensions"], 512);
    assert_eq!(body["model"], "text-embedding-3-small");
    assert_eq!(embedder.model(), "text-embedding-3-small");
    let expected = vector(&texts(1)[0], 512);
    assert!((embeddings.vectors[0].as_slice()[..].iter().zip(&expected)).all(|(a, b)| (a - b).abs() < 1e-6));
}

#[tokio::test]
async fn an_answer_that_is_none_is_refused_and_was_paid_for() {
    for vectors in [Vectors::OneLess, Vectors::With("1e39"), Vectors::Wide(0)] {
        check(vectors, malformed(), 1).await;
    }
}

#[tokio::test]
async fn numbers_that_are_none_are_refused() {
    for number in ["NaN", "1e400", "null", "\"1\""] {
        let (upstream, embedder) = rig().await;
        upstream.otherwise_embedding(Vectors::With(number));
        let error = embed(&embedder, &texts(1)).await.unwrap_err();
        assert_eq!(error.kind, malformed(), "{number}");
        assert_discreet(&error);
    }
}

#[tokio::test]
async fn vectors_that_are_too_long_are_a_fault_of_the_configuration() {
    let kind = ModelErrorKind::TooManyDimensions { found: 1536 };
    check(Vectors::Wide(1536), kind.clone(), 1).await;
    let (upstream, embedder) = rig().await;
    upstream.otherwise_embedding(Vectors::Wide(1536));
    let error = embed(&embedder, &texts(1)).await.unwrap_err();
    assert!(error.is_final());
    assert!(error.to_string().contains("1536 numbers, at most 512"), "{error}");
    assert_eq!(Problem::from(&error).status, 502);
}

#[tokio::test]
async fn a_server_error_is_repeated_twice_then_told() {
    let kind = ModelErrorKind::Upstream {
        fault: UpstreamFault::Status(500),
    };
    check(Behaviour::status(500), kind, 3).await;
}

#[tokio::test]
async fn retries_are_shared_by_the_batches_of_one_set_of_texts() {
    let (upstream, _) = rig().await;
    let embedder = Embedder::new(EmbeddingConfig {
        batch_texts: 1,
        ..config(&upstream)
    })
    .unwrap();
    for behaviour in [500, 200, 503, 200, 500].map(|status| match status {
        200 => Vectors::AsAsked.into(),
        status => EmbeddingBehaviour::from(Behaviour::status(status)),
    }) {
        upstream.then_embedding(behaviour);
    }
    let error = embed(&embedder, &texts(3)).await.unwrap_err();
    assert_eq!(error.kind.name(), "upstream");
    assert_eq!(upstream.counts().embeddings, 5);
    assert_eq!(
        error.usage,
        reported(upstream.counts()),
        "of the two that were answered"
    );
    assert_eq!(error.usage.input_tokens, 6);
}

#[tokio::test]
async fn half_an_answer_is_repeated() {
    check(Fault::Cut, ModelErrorKind::Truncated, 3).await;
    let (upstream, embedder) = rig().await;
    upstream.then_embedding(Fault::Cut);
    embed(&embedder, &texts(1)).await.unwrap();
    assert_eq!(upstream.counts().embeddings, 2);
}

#[tokio::test]
async fn what_is_not_the_protocol_is_not_repeated() {
    check(Fault::Garbage, malformed(), 1).await;
}

#[tokio::test]
async fn a_refused_key_and_a_bad_request_are_not_repeated() {
    let kind = ModelErrorKind::Configuration { status: Some(401) };
    check(Behaviour::unauthorized(), kind, 1).await;
    let kind = ModelErrorKind::Upstream {
        fault: UpstreamFault::Status(400),
    };
    check(Behaviour::status(400), kind, 1).await;
}

#[tokio::test]
async fn a_rate_limit_is_waited_for_as_long_as_the_provider_says() {
    let (upstream, embedder) = rig().await;
    upstream.then_embedding(Behaviour::rate_limited("1"));
    let begun = Instant::now();
    embed(&embedder, &texts(1)).await.unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(1), "{:?}", begun.elapsed());
    assert_eq!(upstream.counts().embeddings, 2);

    let retry_after = Some(Duration::from_secs(30));
    check(
        Behaviour::rate_limited("30"),
        ModelErrorKind::RateLimited { retry_after },
        1,
    )
    .await;
}

#[tokio::test]
async fn a_provider_that_never_answers_is_a_timeout() {
    let kind = ModelErrorKind::Timeout {
        phase: TimeoutPhase::FirstToken,
    };
    check(Behaviour::Hang, kind, 1).await;
}

#[tokio::test]
async fn the_deadline_bounds_all_calls_together() {
    let (upstream, _) = rig().await;
    upstream.otherwise_embedding(Fault::Silence(Duration::from_millis(200)));
    let embedder = Embedder::new(EmbeddingConfig {
        batch_texts: 1,
        ..config(&upstream)
    })
    .unwrap();
    let begun = Instant::now();
    let deadline = begun + Duration::from_millis(500);
    let error = embedder
        .embed(&texts(10), Purpose::Query, deadline)
        .await
        .unwrap_err();
    let phase = TimeoutPhase::Deadline;
    assert_eq!(error.kind, ModelErrorKind::Timeout { phase });
    assert_eq!(error.usage.input_tokens, 6, "two calls were answered");
    let elapsed = begun.elapsed();
    assert!(
        elapsed >= Duration::from_millis(490) && elapsed < Duration::from_millis(1000),
        "{elapsed:?}"
    );

    let error = embedder
        .embed(&texts(1), Purpose::Query, begun)
        .await
        .unwrap_err();
    assert_eq!(error.kind, ModelErrorKind::Timeout { phase });
    assert_eq!(
        upstream.counts().embeddings,
        3,
        "a deadline that is over costs no call"
    );
}

#[derive(Clone, Default)]
struct Last(Arc<Mutex<Spending>>);

impl Ledger for Last {
    fn spent(&self, spending: Spending) {
        *self.0.lock().unwrap() = spending;
    }
}

impl Last {
    fn told(&self) -> (u64, u64, bool) {
        let spending = *self.0.lock().unwrap();
        (
            spending.usage.input_tokens,
            spending.micro_dollars,
            spending.is_estimate,
        )
    }
}

/// With a price of a millionth of a dollar a token.
async fn priced() -> (Upstream, Embedder) {
    let (upstream, _) = rig().await;
    let config = EmbeddingConfig {
        price: Some("1/0".parse::<Price>().unwrap()),
        ..config(&upstream)
    };
    (upstream, Embedder::new(config).unwrap())
}

#[tokio::test]
async fn the_ledger_is_told_what_all_calls_cost() {
    let (upstream, embedder) = priced().await;
    let ledger = Last::default();
    let metered = embedder.metered(ledger.clone());
    embed(&metered, &texts(2)).await.unwrap();
    assert_eq!(ledger.told(), (6, 6, false));
    embed(&metered, &texts(1)).await.unwrap();
    assert_eq!(ledger.told(), (9, 9, false));
    assert_eq!(embedder.pricing().at_most(1000), 3000, "twice again");

    upstream.otherwise_embedding(Behaviour::status(500));
    embed(&metered, &texts(1)).await.unwrap_err();
    assert_eq!(ledger.told(), (9, 9, false), "a refusal costs nothing");

    upstream.otherwise_embedding(Vectors::OneLess);
    embed(&metered, &texts(2)).await.unwrap_err();
    assert_eq!(
        ledger.told(),
        (15, 15, false),
        "what is not usable costs all the same"
    );
}

#[tokio::test]
async fn what_is_cut_or_left_is_told_as_estimated() {
    let (upstream, embedder) = priced().await;
    let ledger = Last::default();
    upstream.otherwise_embedding(Behaviour::Hang);
    embed(&embedder.metered(ledger.clone()), &texts(1))
        .await
        .unwrap_err();
    // 29 bytes, some four a token.
    assert_eq!(ledger.told(), (8, 8, true));

    let left = Last::default();
    let metered = embedder.metered(left.clone());
    let texts = texts(1);
    let leaving = tokio::time::timeout(SHORT / 5, embed(&metered, &texts)).await;
    assert!(leaving.is_err());
    assert_eq!(left.told(), (8, 8, true));
}

#[tokio::test]
async fn a_chat_and_its_embeddings_add_up() {
    let (upstream, embedder) = priced().await;
    let models = Models::new(ModelConfig {
        price: Some("1/1".parse().unwrap()),
        ..super::config(&upstream)
    })
    .unwrap();
    let ledger = Last::default();
    let tally = Tally::new(ledger.clone());
    let (embedder, models) = (
        embedder.metered(tally.share()),
        models.metered(tally.share(), None),
    );
    let embedded = embed(&embedder, &texts(3)).await.unwrap().usage;
    let answered = models
        .complete(&prompt(), Instant::now() + LONG)
        .await
        .unwrap()
        .usage;
    let counts = upstream.counts();
    let mut sum = embedded;
    sum += answered;
    assert_eq!(sum, reported(counts));
    let (input, micro_dollars, is_estimate) = ledger.told();
    assert_eq!((input, is_estimate), (counts.prompt_tokens, false));
    assert_eq!(micro_dollars, counts.prompt_tokens + counts.completion_tokens);
}
