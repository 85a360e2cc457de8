//! One call to a provider: genai's, or Bedrock's, whose embeddings genai does not speak.

use genai::ModelIden;
use genai::adapter::AdapterKind;
use genai::embed::{EmbedRequest, EmbedResponse};

use super::config::EmbeddingConfig;
use super::request::{Purpose, options};
use super::titan::Titan;
use crate::client::Access;
use crate::config::ConfigError;
use crate::error::UpstreamFault;
use crate::failure::{Failure, classify};

/// How the configured model is reached.
pub(crate) enum Transport {
    /// Many texts a call.
    Genai {
        client: genai::Client,
        target: ModelIden,
    },
    /// One text a call.
    Titan(Titan),
}

/// What was answered.
pub(crate) struct Answer {
    /// The numbers of each text, in the texts' order; or what is wrong with an answer that was read and counted all the same.
    pub(crate) vectors: Result<Vec<Vec<f32>>, UpstreamFault>,
    /// How many tokens the texts were, if the provider says so.
    pub(crate) tokens: Option<u64>,
}

impl Transport {
    pub(crate) fn new(config: &EmbeddingConfig) -> Result<Self, ConfigError> {
        let provider = config.provider()?;
        if provider == AdapterKind::BedrockApi {
            return Ok(Self::Titan(Titan::new(config)?));
        }
        let access = Access {
            base_url: config.place().base_url()?,
            key: config.key.as_ref(),
            aws: None,
            patience: config.timeout,
        };
        Ok(Self::Genai {
            client: crate::client::build(access, provider)?,
            target: ModelIden::new(provider, config.model.as_str()),
        })
    }

    /// Sends these texts, as many as go into a call.
    pub(crate) async fn send(
        &self,
        texts: &[String],
        purpose: Purpose,
        config: &EmbeddingConfig,
    ) -> Result<Answer, Failure> {
        match self {
            Self::Genai { client, target } => {
                let request = EmbedRequest::new_batch(texts.to_vec());
                let options = options(config, target.adapter_kind, purpose);
                let answer = client.exec_embed(target.clone(), request, Some(&options)).await;
                answer
                    .map(|response| in_order(response, texts.len()))
                    .map_err(classify)
            }
            Self::Titan(titan) => titan.send(texts).await,
        }
    }
}

/// A vector for each text: providers say which is whose.
fn in_order(response: EmbedResponse, texts: usize) -> Answer {
    let tokens = response.usage.prompt_tokens;
    let mut answered = response.embeddings;
    answered.sort_by_key(|embedding| embedding.index);
    let places = answered.iter().map(|embedding| embedding.index);
    let vectors = if places.eq(0..texts) {
        Ok(answered.into_iter().map(|embedding| embedding.vector).collect())
    } else {
        Err(UpstreamFault::Malformed)
    };
    Answer {
        vectors,
        tokens: tokens.and_then(|tokens| u64::try_from(tokens).ok()),
    }
}
