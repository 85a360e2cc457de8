//! Texts in genai's terms: which go together, and what is asked of which provider. (Bedrock's are not genai's: see `titan.rs`.)

use genai::adapter::AdapterKind;
use genai::embed::EmbedOptions;

use super::config::EmbeddingConfig;
use super::vector::EMBEDDING_DIMENSIONS;

/// What texts are embedded for. Some models place a question nearer to its answers than to other questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To be found.
    Document,
    /// To find others.
    Query,
}

/// Models that can be asked for fewer numbers than they have by themselves, by how their names begin. Others refuse the question.
const SHORTENED: [&str; 4] = [
    "text-embedding-3",
    "gemini-embedding",
    "embed-v4",
    "amazon.titan-embed-text-v2",
];

/// The options of all calls.
pub(crate) fn options(config: &EmbeddingConfig, provider: AdapterKind, purpose: Purpose) -> EmbedOptions {
    let options = EmbedOptions::new().with_capture_usage(true);
    let options = match takes_dimensions(provider, config.place().name()) {
        true => options.with_dimensions(EMBEDDING_DIMENSIONS),
        false => options,
    };
    let purpose = match (provider, purpose) {
        (AdapterKind::Cohere, Purpose::Document) => "search_document",
        (AdapterKind::Cohere, Purpose::Query) => "search_query",
        (AdapterKind::Gemini, Purpose::Document) => "RETRIEVAL_DOCUMENT",
        (AdapterKind::Gemini, Purpose::Query) => "RETRIEVAL_QUERY",
        _ => return options,
    };
    options.with_embedding_type(purpose)
}

fn takes_dimensions(provider: AdapterKind, name: &str) -> bool {
    // Gateways put a provider in front: `openai/text-embedding-3-small`.
    let name = name.rsplit('/').next().unwrap_or(name);
    // Ollama cuts vectors itself, whatever the model, and leaves shorter ones as they are.
    matches!(provider, AdapterKind::Ollama | AdapterKind::OllamaCloud)
        || SHORTENED.iter().any(|family| name.starts_with(family))
}

/// Texts in the groups in which they are sent: as many as a call may have, as long as a call may be.
pub(crate) fn batches<'a>(
    texts: &'a [String],
    config: &EmbeddingConfig,
) -> impl Iterator<Item = &'a [String]> {
    let (most_texts, most_bytes) = (config.batch_texts.max(1), config.batch_bytes);
    let mut rest = texts;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = |text: &&String| {
            bytes += text.len();
            bytes <= most_bytes
        };
        let count = rest.iter().take(most_texts).take_while(fits).count();
        // A text that is too long alone goes alone: its provider decides.
        let (batch, after) = rest.split_at(count.max(1).min(rest.len()));
        rest = after;
        (!batch.is_empty()).then_some(batch)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(provider: AdapterKind, model: &str) -> (Option<usize>, Option<String>) {
        let options = options(&EmbeddingConfig::new(model), provider, Purpose::Query);
        (options.dimensions, options.embedding_type)
    }

    #[test]
    fn models_are_asked_for_the_width_where_they_take_it() {
        let width = Some(EMBEDDING_DIMENSIONS);
        let dimensions = |provider, model| asked(provider, model).0;
        assert_eq!(
            dimensions(AdapterKind::OpenAI, "openai::text-embedding-3-large"),
            width
        );
        let gateway = "open_router::openai/text-embedding-3-small";
        assert_eq!(dimensions(AdapterKind::OpenRouter, gateway), width);
        assert_eq!(dimensions(AdapterKind::Ollama, "ollama::nomic-embed-text"), width);
        assert_eq!(dimensions(AdapterKind::Cohere, "embed-v4.0"), width);
        assert_eq!(dimensions(AdapterKind::Cohere, "embed-english-light-v3.0"), None);
        assert_eq!(dimensions(AdapterKind::OpenAI, "all-minilm-l6-v2"), None);
    }

    #[test]
    fn providers_that_tell_queries_from_documents_are_told() {
        let purpose = |provider| asked(provider, "m").1;
        assert_eq!(purpose(AdapterKind::Cohere).as_deref(), Some("search_query"));
        assert_eq!(purpose(AdapterKind::Gemini).as_deref(), Some("RETRIEVAL_QUERY"));
        assert_eq!(purpose(AdapterKind::OpenAI), None);
    }

    #[test]
    fn batches_are_bounded_by_texts_and_bytes_and_leave_nothing_out() {
        let config = EmbeddingConfig {
            batch_texts: 3,
            batch_bytes: 10,
            ..EmbeddingConfig::new("m")
        };
        let sizes = |lengths: &[usize]| {
            let texts: Vec<String> = lengths.iter().map(|length| "x".repeat(*length)).collect();
            let batches = batches(&texts, &config);
            batches
                .map(|batch| batch.iter().map(String::len).collect())
                .collect::<Vec<Vec<_>>>()
        };
        assert_eq!(sizes(&[1, 1, 1, 1]), [vec![1, 1, 1], vec![1]]);
        assert_eq!(sizes(&[6, 4, 1]), [vec![6, 4], vec![1]]);
        assert_eq!(sizes(&[20, 1, 20, 30]), [vec![20], vec![1], vec![20], vec![30]]);
        assert!(sizes(&[]).is_empty());
    }
}
