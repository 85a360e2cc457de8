//! 4-bit weights to 8-bit ones: there is a fast product for `Q8_0` on every processor, and none for `Q4_1`.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::Path;

use candle_core::quantized::gguf_file::{self, Content, Value};
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Result};

/// Writes the GGUF file at `from` to `to` with its `Q4_1` tensors as `Q8_0`, and with `name` as the model's name.
/// The same input gives the same bytes.
pub(super) fn to_q8(from: &Path, to: &Path, name: &str) -> Result<()> {
    let mut reader = BufReader::new(File::open(from)?);
    let mut content = Content::read(&mut reader)?;
    content
        .metadata
        .insert("general.name".to_owned(), Value::String(name.to_owned()));
    // 7 is `MOSTLY_Q8_0` in the format's list.
    content
        .metadata
        .insert("general.file_type".to_owned(), Value::U32(7));
    let mut names: Vec<&String> = content.tensor_infos.keys().collect();
    names.sort();
    let mut tensors = Vec::with_capacity(names.len());
    for name in names {
        tensors.push((
            name.as_str(),
            requantize(content.tensor(&mut reader, name, &Device::Cpu)?)?,
        ));
    }
    let mut metadata: Vec<(&str, &Value)> = content
        .metadata
        .iter()
        .map(|(key, value)| (key.as_str(), value))
        .collect();
    metadata.sort_by_key(|(key, _)| *key);
    let tensors: Vec<(&str, &QTensor)> = tensors.iter().map(|(name, tensor)| (*name, tensor)).collect();
    let mut writer = BufWriter::new(File::create(to)?);
    gguf_file::write(&mut writer, &metadata, &tensors)?;
    writer.flush()?;
    writer
        .into_inner()
        .map_err(std::io::IntoInnerError::into_error)?
        .sync_all()?;
    Ok(())
}

fn requantize(tensor: QTensor) -> Result<QTensor> {
    if tensor.dtype() == GgmlDType::Q4_1 {
        QTensor::quantize(&tensor.dequantize(&Device::Cpu)?, GgmlDType::Q8_0)
    } else {
        Ok(tensor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Tensor;

    #[test]
    fn four_bits_become_eight_and_the_rest_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        let values = Tensor::arange(0f32, 64., &Device::Cpu)
            .unwrap()
            .reshape((2, 32))
            .unwrap();
        let four = QTensor::quantize(&values, GgmlDType::Q4_1).unwrap();
        let full = QTensor::quantize(&values, GgmlDType::F32).unwrap();
        let architecture = Value::String("llama".to_owned());
        let metadata = [("general.architecture", &architecture)];
        let mut file = File::create(&from).unwrap();
        gguf_file::write(&mut file, &metadata, &[("a", &four), ("b", &full)]).unwrap();

        to_q8(&from, &to, "Name").unwrap();

        let mut reader = File::open(&to).unwrap();
        let content = Content::read(&mut reader).unwrap();
        assert_eq!(
            content.metadata["general.architecture"].to_string().unwrap(),
            "llama"
        );
        assert_eq!(content.metadata["general.name"].to_string().unwrap(), "Name");
        assert_eq!(content.tensor_infos["a"].ggml_dtype, GgmlDType::Q8_0);
        assert_eq!(content.tensor_infos["b"].ggml_dtype, GgmlDType::F32);
        let eight = content
            .tensor(&mut reader, "a", &Device::Cpu)
            .unwrap()
            .dequantize(&Device::Cpu)
            .unwrap();
        let four = four.dequantize(&Device::Cpu).unwrap();
        let error = (eight - four)
            .unwrap()
            .abs()
            .unwrap()
            .max_all()
            .unwrap()
            .to_scalar::<f32>()
            .unwrap();
        assert!(error < 0.3, "{error}");
    }
}
