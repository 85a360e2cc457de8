//! The BERT network (Devlin et al. 2018, <https://arxiv.org/abs/1810.04805>): word pieces in, one vector a text out.
//!
//! Written here, on candle's tensors: candle's own is in a crate with a hundred other models, which would be compiled for it.

use std::collections::HashMap;
use std::path::Path;

use candle_core::{DType, Device, IndexOp, Module, Result, Tensor};
use candle_nn::ops::softmax_last_dim;
use candle_nn::{LayerNorm, Linear};

/// The width of an attention head, in MiniLM as in all BERTs with 12 heads of 384 numbers. The weights do not tell it.
const HEAD_WIDTH: usize = 32;
const EPSILON: f64 = 1e-12;
/// The id that fills up the shorter texts of a batch. Its word piece is masked.
const PADDING: u32 = 0;

/// An encoder's weights.
pub(crate) struct Network {
    words: Tensor,
    positions: Tensor,
    /// Of the first segment: one text is one segment.
    segment: Tensor,
    norm: LayerNorm,
    layers: Vec<Layer>,
}

struct Layer {
    /// Queries, keys and values as one product.
    attention: Linear,
    attention_output: Linear,
    attention_norm: LayerNorm,
    intermediate: Linear,
    output: Linear,
    output_norm: LayerNorm,
}

/// Tensors by their names in the file.
struct Weights(HashMap<String, Tensor>);

impl Network {
    /// Reads a safetensors file.
    pub(crate) fn load(path: &Path) -> Result<Self> {
        let weights = Weights(candle_core::safetensors::load(path, &Device::Cpu)?);
        let is_layer = |index: &usize| weights.has(&format!("encoder.layer.{index}.output.dense.weight"));
        let layers = (0..).take_while(is_layer);
        Ok(Self {
            words: weights.get("embeddings.word_embeddings.weight")?,
            positions: weights.get("embeddings.position_embeddings.weight")?,
            segment: weights.get("embeddings.token_type_embeddings.weight")?.i(0)?,
            norm: weights.norm("embeddings.LayerNorm")?,
            layers: layers
                .map(|index| Layer::read(&weights, index))
                .collect::<Result<_>>()?,
        })
    }

    /// How many numbers a vector has.
    pub(crate) fn dimensions(&self) -> Result<usize> {
        self.words.dim(1)
    }

    /// The vectors of texts, each of at least one word piece, of length one. Shorter texts are filled up to the longest.
    pub(crate) fn embed(&self, texts: &[&[u32]]) -> Result<Vec<Vec<f32>>> {
        let (ids, mask) = padded(texts)?;
        let (count, longest) = ids.dims2()?;
        let words = self.words.index_select(&ids.flatten_all()?, 0)?;
        let words = words.reshape((count, longest, ()))?;
        let positions = self.positions.narrow(0, 0, longest)?;
        let places = positions.broadcast_add(&self.segment)?;
        let mut state = self.norm.forward(&words.broadcast_add(&places)?)?;
        // Minus infinity where there is nothing to look at.
        let hidden = mask.log()?.reshape((count, 1, 1, longest))?;
        for layer in &self.layers {
            state = layer.read_texts(&state, &hidden)?;
        }
        // The mean over a text's own word pieces. What it is divided by, normalising takes out again.
        let sum = state.broadcast_mul(&mask.unsqueeze(2)?)?.sum(1)?;
        let length = sum.sqr()?.sum_keepdim(1)?.sqrt()?;
        sum.broadcast_div(&length)?.to_vec2()
    }
}

impl Layer {
    fn read(weights: &Weights, index: usize) -> Result<Self> {
        let name = |part: &str| format!("encoder.layer.{index}.{part}");
        Ok(Self {
            attention: weights.together(&["query", "key", "value"].map(|part| {
                let part = format!("attention.self.{part}");
                name(&part)
            }))?,
            attention_output: weights.linear(&name("attention.output.dense"))?,
            attention_norm: weights.norm(&name("attention.output.LayerNorm"))?,
            intermediate: weights.linear(&name("intermediate.dense"))?,
            output: weights.linear(&name("output.dense"))?,
            output_norm: weights.norm(&name("output.LayerNorm"))?,
        })
    }

    fn read_texts(&self, state: &Tensor, hidden: &Tensor) -> Result<Tensor> {
        let attended = self.attention_output.forward(&self.attend(state, hidden)?)?;
        let state = self.attention_norm.forward(&(attended + state)?)?;
        let fed = self.intermediate.forward(&state)?.gelu_erf()?;
        self.output_norm.forward(&(self.output.forward(&fed)? + state)?)
    }

    /// Each word piece's attention to all of its text. `state` is (texts, word pieces, width).
    fn attend(&self, state: &Tensor, hidden: &Tensor) -> Result<Tensor> {
        let (count, longest, width) = state.dims3()?;
        let heads = width / HEAD_WIDTH;
        let all = self.attention.forward(state)?;
        let all = all.reshape((count, longest, 3, heads, HEAD_WIDTH))?;
        // (query, key or value; texts, heads, word pieces, a head's width)
        let all = all.permute((2, 0, 3, 1, 4))?.contiguous()?;
        let query = (all.i(0)? / (HEAD_WIDTH as f64).sqrt())?;
        let scores = query.matmul(&all.i(1)?.t()?)?.broadcast_add(hidden)?;
        let mixed = softmax_last_dim(&scores)?.matmul(&all.i(2)?)?;
        mixed.transpose(1, 2)?.reshape((count, longest, width))
    }
}

impl Weights {
    fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    fn get(&self, name: &str) -> Result<Tensor> {
        let tensor = self.0.get(name);
        tensor
            .ok_or_else(|| candle_core::Error::msg(format!("there is no tensor {name}")))?
            .to_dtype(DType::F32)
    }

    fn norm(&self, name: &str) -> Result<LayerNorm> {
        let (weight, bias) = (format!("{name}.weight"), format!("{name}.bias"));
        Ok(LayerNorm::new(self.get(&weight)?, self.get(&bias)?, EPSILON))
    }

    fn linear(&self, name: &str) -> Result<Linear> {
        self.together(&[name.to_owned()])
    }

    /// Several layers that read the same, one under the other.
    fn together(&self, names: &[String]) -> Result<Linear> {
        let parts = |kind: &str| {
            let parts = names.iter().map(|name| self.get(&format!("{name}.{kind}")));
            Tensor::cat(&parts.collect::<Result<Vec<_>>>()?, 0)
        };
        Ok(Linear::new(parts("weight")?, Some(parts("bias")?)))
    }
}

/// The ids of all texts, filled up to the longest, and a one for each that is a text's own: (texts, longest).
fn padded(texts: &[&[u32]]) -> Result<(Tensor, Tensor)> {
    let longest = texts.iter().map(|ids| ids.len()).max().unwrap_or(0);
    let shape = (texts.len(), longest);
    let fill = |ids: &&[u32]| {
        let padding = longest - ids.len();
        ids.iter()
            .map(|id| (*id, 1f32))
            .chain(std::iter::repeat_n((PADDING, 0f32), padding))
            .collect::<Vec<_>>()
    };
    let (ids, mask): (Vec<u32>, Vec<f32>) = texts.iter().flat_map(fill).unzip();
    Ok((
        Tensor::from_vec(ids, shape, &Device::Cpu)?,
        Tensor::from_vec(mask, shape, &Device::Cpu)?,
    ))
}
