//! For tests: a BERT of one layer with random weights, which knows letters. Near texts it does not tell, but the same ones.

use std::collections::HashMap;
use std::path::Path;

use candle_core::{Device, Tensor};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Map, Value, json};

use crate::WeightsSource;
use crate::embedder::EMBEDDING_DIMENSIONS;

const FEED: usize = 48;
const POSITIONS: usize = 512;
const SPECIAL: [&str; 4] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"];

/// Writes the model's two files to `folder`, and gives the source that names it.
pub(crate) fn write(folder: &Path, seed: u64, width: usize) -> WeightsSource {
    let vocabulary = vocabulary();
    let weights = weights(&mut StdRng::seed_from_u64(seed), vocabulary.len(), width);
    candle_core::safetensors::save(&weights, folder.join("model.safetensors")).unwrap();
    let tokenizer = tokenizer(vocabulary).to_string();
    std::fs::write(folder.join("tokenizer.json"), tokenizer).unwrap();
    WeightsSource {
        path: None,
        embedding_path: Some(folder.to_owned()),
        cache_dir: folder.join("cache"),
    }
}

/// The same, of the width that is served.
pub(crate) fn source(folder: &Path) -> WeightsSource {
    write(folder, 1, EMBEDDING_DIMENSIONS)
}

fn vocabulary() -> Map<String, Value> {
    let letters = ('a'..='z').flat_map(|letter| [letter.to_string(), format!("##{letter}")]);
    let names = SPECIAL.map(str::to_owned).into_iter().chain(letters);
    names.enumerate().map(|(id, name)| (name, json!(id))).collect()
}

/// With the padding and the truncation of the published one, which are not to be used.
fn tokenizer(vocabulary: Map<String, Value>) -> Value {
    let added = |(id, name)| {
        json!({ "id": id, "content": name, "special": true, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false })
    };
    let piece = |name: &str, id: usize| json!({ "id": name, "ids": [id], "tokens": [name] });
    json!({
        "version": "1.0",
        "truncation": { "max_length": 128, "strategy": "LongestFirst", "stride": 0 },
        "padding": { "strategy": { "Fixed": 128 }, "direction": "Right", "pad_to_multiple_of": null, "pad_id": 0,
            "pad_type_id": 0, "pad_token": "[PAD]" },
        "added_tokens": SPECIAL.into_iter().enumerate().map(added).collect::<Vec<_>>(),
        "normalizer": { "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
            "strip_accents": null, "lowercase": true },
        "pre_tokenizer": { "type": "BertPreTokenizer" },
        "post_processor": { "type": "TemplateProcessing",
            "single": [{ "SpecialToken": { "id": "[CLS]", "type_id": 0 } }, { "Sequence": { "id": "A", "type_id": 0 } },
                { "SpecialToken": { "id": "[SEP]", "type_id": 0 } }],
            "pair": [{ "Sequence": { "id": "A", "type_id": 0 } }, { "Sequence": { "id": "B", "type_id": 1 } }],
            "special_tokens": { "[CLS]": piece("[CLS]", 2), "[SEP]": piece("[SEP]", 3) } },
        "decoder": { "type": "WordPiece", "prefix": "##", "cleanup": true },
        "model": { "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100, "vocab": vocabulary },
    })
}

fn weights(random: &mut StdRng, words: usize, width: usize) -> HashMap<String, Tensor> {
    let layer = "encoder.layer.0";
    let mut weights = HashMap::new();
    let mut add = |name: &str, shape: &[usize]| {
        let values: Vec<f32> = (0..shape.iter().product())
            .map(|_| random.random::<f32>() - 0.5)
            .collect();
        let tensor = Tensor::from_vec(values, shape, &Device::Cpu).unwrap();
        weights.insert(name.to_owned(), tensor);
    };
    add("embeddings.word_embeddings.weight", &[words, width]);
    add("embeddings.position_embeddings.weight", &[POSITIONS, width]);
    add("embeddings.token_type_embeddings.weight", &[2, width]);
    let linear = [
        ("attention.self.query", width, width),
        ("attention.self.key", width, width),
        ("attention.self.value", width, width),
        ("attention.output.dense", width, width),
        ("intermediate.dense", FEED, width),
        ("output.dense", width, FEED),
    ];
    for (name, rows, columns) in linear {
        add(&format!("{layer}.{name}.weight"), &[rows, columns]);
        add(&format!("{layer}.{name}.bias"), &[rows]);
    }
    let norms = ["attention.output.LayerNorm", "output.LayerNorm"].map(|name| format!("{layer}.{name}"));
    for name in norms.iter().map(String::as_str).chain(["embeddings.LayerNorm"]) {
        add(&format!("{name}.weight"), &[width]);
        add(&format!("{name}.bias"), &[width]);
    }
    weights
}
