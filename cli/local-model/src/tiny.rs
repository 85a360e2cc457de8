//! For tests: a llama with random weights and one token a byte. It writes nonsense, in microseconds.

use std::fs::File;
use std::path::Path;

use candle_core::quantized::gguf_file::{self, Value};
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

const EMBEDDING: usize = 64;
const FEED: usize = 96;
const HEADS: u32 = 4;
const KV_HEADS: u32 = 2;
const LAYERS: usize = 2;
/// `<|im_start|>` and `<|im_end|>`, the bytes, and one token of two bytes.
const VOCABULARY: usize = 2 + 256 + 1;

/// Metadata of a model file; `change` may replace some.
pub(crate) fn metadata(change: &[(&'static str, Value)]) -> Vec<(&'static str, Value)> {
    let text = |text: &str| Value::String(text.to_owned());
    let mut tokens = vec![text("<|im_start|>"), text("<|im_end|>")];
    let printable = |b: u32| matches!(b, 0x21..=0x7E | 0xA1..=0xAC | 0xAE..=0xFF);
    let same = (0..256).filter(|b| printable(*b));
    let moved = 256..256 + (0..256).filter(|b| !printable(*b)).count() as u32;
    tokens.extend(
        same.chain(moved)
            .filter_map(char::from_u32)
            .map(|c| Value::String(c.to_string())),
    );
    tokens.push(text("Ġt"));
    let types = (0..VOCABULARY)
        .map(|id| Value::I32(if id < 2 { 3 } else { 1 }))
        .collect();
    let mut metadata = vec![
        ("general.architecture", text("llama")),
        ("general.name", text("Tiny Model")),
        ("llama.block_count", Value::U32(LAYERS as u32)),
        ("llama.context_length", Value::U32(8192)),
        ("llama.embedding_length", Value::U32(EMBEDDING as u32)),
        ("llama.attention.head_count", Value::U32(HEADS)),
        ("llama.attention.head_count_kv", Value::U32(KV_HEADS)),
        ("llama.attention.layer_norm_rms_epsilon", Value::F32(1e-5)),
        ("tokenizer.ggml.model", text("gpt2")),
        ("tokenizer.ggml.pre", text("smollm")),
        ("tokenizer.ggml.tokens", Value::Array(tokens)),
        ("tokenizer.ggml.token_type", Value::Array(types)),
        ("tokenizer.ggml.merges", Value::Array(vec![text("Ġ t")])),
        ("tokenizer.ggml.eos_token_id", Value::U32(1)),
    ];
    for (key, value) in change {
        metadata.retain(|(known, _)| known != key);
        metadata.push((key, value.clone()));
    }
    metadata
}

/// Writes the model to `path`. The same seed gives the same weights.
pub(crate) fn write(path: &Path, seed: u64, metadata: &[(&str, Value)]) {
    let mut random = StdRng::seed_from_u64(seed);
    let head = EMBEDDING / HEADS as usize;
    let mut tensors = vec![
        (
            "token_embd.weight".to_owned(),
            matrix(&mut random, VOCABULARY, EMBEDDING),
        ),
        ("output_norm.weight".to_owned(), ones()),
    ];
    for layer in 0..LAYERS {
        let shapes = [
            ("attn_q", EMBEDDING, EMBEDDING),
            ("attn_k", KV_HEADS as usize * head, EMBEDDING),
            ("attn_v", KV_HEADS as usize * head, EMBEDDING),
            ("attn_output", EMBEDDING, EMBEDDING),
            ("ffn_gate", FEED, EMBEDDING),
            ("ffn_up", FEED, EMBEDDING),
            ("ffn_down", EMBEDDING, FEED),
        ];
        tensors.extend(["attn_norm", "ffn_norm"].map(|name| (format!("blk.{layer}.{name}.weight"), ones())));
        for (name, rows, columns) in shapes {
            tensors.push((
                format!("blk.{layer}.{name}.weight"),
                matrix(&mut random, rows, columns),
            ));
        }
    }
    let metadata: Vec<(&str, &Value)> = metadata.iter().map(|(key, value)| (*key, value)).collect();
    let tensors: Vec<(&str, &QTensor)> = tensors
        .iter()
        .map(|(name, tensor)| (name.as_str(), tensor))
        .collect();
    gguf_file::write(&mut File::create(path).unwrap(), &metadata, &tensors).unwrap();
}

fn matrix(random: &mut StdRng, rows: usize, columns: usize) -> QTensor {
    let values: Vec<f32> = (0..rows * columns)
        .map(|_| random.random::<f32>() - 0.5)
        .collect();
    let tensor = Tensor::from_vec(values, (rows, columns), &Device::Cpu).unwrap();
    QTensor::quantize(&tensor, GgmlDType::Q8_0).unwrap()
}

fn ones() -> QTensor {
    let tensor = Tensor::ones(EMBEDDING, candle_core::DType::F32, &Device::Cpu).unwrap();
    QTensor::quantize(&tensor, GgmlDType::F32).unwrap()
}
