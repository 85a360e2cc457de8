//! The llama network on quantised weights (Touvron et al. 2023, <https://arxiv.org/abs/2302.13971>): token ids in, the
//! logits of the next token out.
//!
//! Written here, on candle's tensors, for three things that candle's own lacks: weights shared between answers, each
//! with its own cache that grows in place; grouped heads without copies of the keys; embeddings that stay quantised.

use std::sync::Arc;

use candle_core::quantized::{QMatMul, QTensor};
use candle_core::{D, Device, IndexOp, Module, Result, Tensor};
use candle_nn::kv_cache::KvCache;
use candle_nn::ops::{rms_norm, silu, softmax_last_dim};
use candle_nn::rotary_emb::rope_i;

use super::gguf::{Gguf, LoadError};

/// A llama's weights. Shared by all answers.
pub(crate) struct Network {
    embeddings: Arc<QTensor>,
    layers: Vec<Layer>,
    norm: Norm,
    output: Projection,
    shape: Shape,
    /// Of the rotary positions: (context, half a head's width).
    cos: Tensor,
    sin: Tensor,
}

/// Keys and values of the tokens that one answer's network has read.
pub(crate) struct Cache {
    layers: Vec<KvCache>,
    position: usize,
}

/// Heads and their width.
#[derive(Clone, Copy)]
struct Shape {
    heads: usize,
    /// Heads of keys and values; each serves several heads of queries.
    kv_heads: usize,
    width: usize,
}

struct Layer {
    attention_norm: Norm,
    query: Projection,
    key: Projection,
    value: Projection,
    attention_output: Projection,
    feed_norm: Norm,
    gate: Projection,
    up: Projection,
    down: Projection,
}

struct Norm {
    weight: Tensor,
    epsilon: f32,
}

/// A quantised matrix. It is kept twice by reference: as a product, and for products of several at once.
struct Projection {
    matrix: Arc<QTensor>,
    product: QMatMul,
}

impl Network {
    /// Reads the weights; `context` is the most tokens that will be read.
    pub(crate) fn load(gguf: &mut Gguf, context: u32) -> std::result::Result<Self, LoadError> {
        let number = |key| {
            gguf.number(key)
                .map(|n| n as usize)
                .ok_or(LoadError::Metadata { key })
        };
        let heads = number("llama.attention.head_count")?;
        let layers = number("llama.block_count")?;
        let width = number("llama.attention.key_length")
            .or_else(|_| Ok(number("llama.embedding_length")? / heads.max(1)))?;
        let shape = Shape {
            heads,
            kv_heads: number("llama.attention.head_count_kv").unwrap_or(heads),
            width,
        };
        let epsilon = "llama.attention.layer_norm_rms_epsilon";
        let epsilon = gguf
            .decimal(epsilon)
            .ok_or(LoadError::Metadata { key: epsilon })?;
        let base = gguf.decimal("llama.rope.freq_base").unwrap_or(10_000.0);
        Self::read(gguf, context, layers, shape, epsilon, base).map_err(LoadError::Weights)
    }

    fn read(
        gguf: &mut Gguf,
        context: u32,
        layers: usize,
        shape: Shape,
        epsilon: f32,
        base: f32,
    ) -> Result<Self> {
        let embeddings = Arc::new(gguf.tensor("token_embd.weight")?);
        // Small models read and write with the same matrix.
        let output = if gguf.has_tensor("output.weight") {
            Arc::new(gguf.tensor("output.weight")?)
        } else {
            embeddings.clone()
        };
        let (cos, sin) = rotations(gguf, context, shape.width, base)?;
        Ok(Self {
            embeddings,
            output: Projection::new(output)?,
            layers: (0..layers)
                .map(|index| Layer::read(gguf, index, epsilon))
                .collect::<Result<_>>()?,
            norm: Norm::read(gguf, "output_norm.weight", epsilon)?,
            shape,
            cos,
            sin,
        })
    }

    /// A cache for an answer of which at most `tokens` are read. Its memory is taken as it fills.
    pub(crate) fn cache(&self, tokens: usize) -> Cache {
        Cache {
            layers: self.layers.iter().map(|_| KvCache::new(2, tokens)).collect(),
            position: 0,
        }
    }

    /// Reads `tokens` after those in the cache; gives the logits of the token that follows.
    pub(crate) fn read_tokens(&self, tokens: &[u32], cache: &mut Cache) -> Result<Vec<f32>> {
        let count = tokens.len();
        let rotation = (
            self.cos.narrow(0, cache.position, count)?,
            self.sin.narrow(0, cache.position, count)?,
        );
        let mask = if count > 1 {
            Some(causal_mask(count, cache.position)?)
        } else {
            None
        };
        let ids = Tensor::new(tokens, &Device::Cpu)?.unsqueeze(0)?;
        let mut state = self.embeddings.embedding(&ids)?;
        for (layer, cache) in self.layers.iter().zip(&mut cache.layers) {
            let normal = layer.attention_norm.apply(&state)?;
            state = (layer.attend(&normal, self.shape, &rotation, mask.as_ref(), cache)? + state)?;
            state = (layer.feed(&layer.feed_norm.apply(&state)?)? + state)?;
        }
        cache.position += count;
        let last = self.norm.apply(&state.i((.., count - 1, ..))?.contiguous()?)?;
        self.output.product.forward(&last)?.squeeze(0)?.to_vec1()
    }
}

impl Layer {
    fn read(gguf: &mut Gguf, index: usize, epsilon: f32) -> Result<Self> {
        let name = |part: &str| format!("blk.{index}.{part}.weight");
        Ok(Self {
            attention_norm: Norm::read(gguf, &name("attn_norm"), epsilon)?,
            query: Projection::read(gguf, &name("attn_q"))?,
            key: Projection::read(gguf, &name("attn_k"))?,
            value: Projection::read(gguf, &name("attn_v"))?,
            attention_output: Projection::read(gguf, &name("attn_output"))?,
            feed_norm: Norm::read(gguf, &name("ffn_norm"), epsilon)?,
            gate: Projection::read(gguf, &name("ffn_gate"))?,
            up: Projection::read(gguf, &name("ffn_up"))?,
            down: Projection::read(gguf, &name("ffn_down"))?,
        })
    }

    /// Attention of the new tokens to all that were read. `state` is (1, tokens, embedding).
    fn attend(
        &self,
        state: &Tensor,
        shape: Shape,
        (cos, sin): &(Tensor, Tensor),
        mask: Option<&Tensor>,
        cache: &mut KvCache,
    ) -> Result<Tensor> {
        let count = state.dim(1)?;
        let [query, key, value] = together([&self.query, &self.key, &self.value], state)?;
        let heads = |tensor: Tensor, heads| {
            tensor
                .reshape((1, count, heads, shape.width))?
                .transpose(1, 2)?
                .contiguous()
        };
        let query = rope_i(&heads(query, shape.heads)?, cos, sin)?;
        let key = rope_i(&heads(key, shape.kv_heads)?, cos, sin)?;
        let (keys, values) = cache.append(&key, &heads(value, shape.kv_heads)?)?;
        // The queries of all heads that share a key become rows of one matrix.
        let group = shape.heads / shape.kv_heads;
        let query =
            (query.reshape((1, shape.kv_heads, group * count, shape.width))? / (shape.width as f64).sqrt())?;
        let scores = query.matmul(&keys.transpose(2, 3)?)?;
        let scores = match mask {
            None => scores,
            Some(mask) => {
                let all = scores.dim(D::Minus1)?;
                let by_head = scores
                    .reshape((1, shape.heads, count, all))?
                    .broadcast_add(mask)?;
                by_head.reshape((1, shape.kv_heads, group * count, all))?
            }
        };
        let mixed = softmax_last_dim(&scores)?.matmul(&values)?;
        let mixed = mixed
            .reshape((1, shape.heads, count, shape.width))?
            .transpose(1, 2)?;
        self.attention_output
            .product
            .forward(&mixed.reshape((1, count, shape.heads * shape.width))?)
    }

    fn feed(&self, state: &Tensor) -> Result<Tensor> {
        let [gate, up] = together([&self.gate, &self.up], state)?;
        self.down.product.forward(&(silu(&gate)? * up)?)
    }
}

impl Norm {
    fn read(gguf: &mut Gguf, name: &str, epsilon: f32) -> Result<Self> {
        Ok(Self {
            weight: gguf.tensor(name)?.dequantize(&Device::Cpu)?,
            epsilon,
        })
    }

    fn apply(&self, state: &Tensor) -> Result<Tensor> {
        rms_norm(state, &self.weight, self.epsilon)
    }
}

impl Projection {
    fn read(gguf: &mut Gguf, name: &str) -> Result<Self> {
        Self::new(Arc::new(gguf.tensor(name)?))
    }

    fn new(matrix: Arc<QTensor>) -> Result<Self> {
        Ok(Self {
            product: QMatMul::from_arc(matrix.clone())?,
            matrix,
        })
    }
}

/// The products of several matrices with one state: in one parallel region where candle can, else one by one.
fn together<const N: usize>(projections: [&Projection; N], state: &Tensor) -> Result<[Tensor; N]> {
    let matrices: Vec<&QTensor> = projections
        .iter()
        .map(|projection| projection.matrix.as_ref())
        .collect();
    if let Some(products) = QTensor::gemv_fused_shared_lhs(&matrices, state)?
        && let Ok(products) = products.try_into()
    {
        return Ok(products);
    }
    let products = projections
        .iter()
        .map(|projection| projection.product.forward(state))
        .collect::<Result<Vec<_>>>()?;
    products
        .try_into()
        .map_err(|_| candle_core::Error::msg("one product a matrix"))
}

/// Zero where a token may look, minus infinity at what comes after it: (new tokens, all tokens).
fn causal_mask(count: usize, before: usize) -> Result<Tensor> {
    let hidden = |row: usize| {
        (0..before + count).map(move |column| {
            if column > before + row {
                f32::NEG_INFINITY
            } else {
                0.0
            }
        })
    };
    Tensor::from_iter((0..count).flat_map(hidden), &Device::Cpu)?.reshape((count, before + count))
}

/// Cosines and sines of every position's angles. Models stretched to long contexts carry divisors of the frequencies.
fn rotations(gguf: &mut Gguf, context: u32, width: usize, base: f32) -> Result<(Tensor, Tensor)> {
    let divisors = match gguf.has_tensor("rope_freqs.weight") {
        true => gguf
            .tensor("rope_freqs.weight")?
            .dequantize(&Device::Cpu)?
            .to_vec1()?,
        false => vec![1f32; width / 2],
    };
    let frequency =
        |(pair, divisor): (usize, f32)| 1.0 / base.powf((2 * pair) as f32 / width as f32) / divisor;
    let frequencies: Vec<f32> = divisors.into_iter().enumerate().map(frequency).collect();
    let frequencies = Tensor::new(frequencies, &Device::Cpu)?.unsqueeze(0)?;
    let positions = Tensor::arange(0f32, context as f32, &Device::Cpu)?.unsqueeze(1)?;
    let angles = positions.matmul(&frequencies)?;
    Ok((angles.cos()?, angles.sin()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_sees_itself_and_what_came_before() {
        let mask = causal_mask(2, 1).unwrap().to_vec2::<f32>().unwrap();
        assert_eq!(mask, [[0.0, 0.0, f32::NEG_INFINITY], [0.0, 0.0, 0.0]]);
    }

    #[test]
    fn a_prompt_read_in_batches_gives_the_same_logits() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tiny.gguf");
        crate::tiny::write(&path, 1, &crate::tiny::metadata(&[]));
        let network = Network::load(&mut Gguf::open(&path).unwrap(), 64).unwrap();
        let prompt: Vec<u32> = (2..42).collect();
        let mut cache = network.cache(64);
        let whole = network.read_tokens(&prompt, &mut cache).unwrap();
        let mut cache = network.cache(64);
        for batch in [&prompt[..7], &prompt[7..8], &prompt[8..39]] {
            network.read_tokens(batch, &mut cache).unwrap();
        }
        let last = network.read_tokens(&prompt[39..], &mut cache).unwrap();
        let difference = whole
            .iter()
            .zip(&last)
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f32::max);
        // Products of one row and of many are summed in another order.
        assert!(
            difference < 0.05 * whole.iter().fold(0.0, |most: f32, logit| most.max(logit.abs())),
            "{difference}"
        );
    }
}
