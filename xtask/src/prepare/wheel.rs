//! Wheels from PyPI, downloaded by pip, which holds each against the hashes beside its name.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail, ensure};

use super::need;
use crate::run;

/// Only wheels, each held against its hashes, and nothing that is not named.
const AS_NAMED: [&str; 6] = [
    "--quiet",
    "--disable-pip-version-check",
    "--no-cache-dir",
    "--no-deps",
    "--require-hashes",
    "--only-binary=:all:",
];

/// Downloads the wheel of `package`, a line of a requirements file, into `folder`. Unless `platform` says otherwise, it
/// is the wheel for this machine.
pub(super) fn download(package: &str, platform: &[&str], folder: &Path) -> Result<PathBuf> {
    let requirements = folder.join("requirements.txt");
    fs::write(&requirements, package)?;
    let mut pip = pip("download")?;
    pip.args(platform).arg("--dest").arg(folder).arg("--requirement").arg(&requirements);
    run(&mut pip)?;
    fs::remove_file(&requirements)?;
    only_wheel(folder)
}

/// Installs everything that a requirements file names into `folder`.
pub(super) fn install(requirements: &Path, folder: &Path) -> Result<()> {
    let mut pip = pip("install")?;
    pip.env("PIP_ROOT_USER_ACTION", "ignore").arg("--target").arg(folder).arg("--requirement").arg(requirements);
    run(&mut pip)
}

/// Runs a few lines of Python over the wheel and where its content shall go.
pub(super) fn unpack(script: &str, wheel: &Path, arguments: &[&Path]) -> Result<()> {
    run(python()?.args(["-c", script]).arg(wheel).args(arguments))
}

/// The name of this machine's Python for its compiled modules, such as `cpython-312`.
pub(super) fn python_tag() -> Result<String> {
    let output = python()?.args(["-c", "import sys; print(sys.implementation.cache_tag)"]).output()?;
    let tag = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    ensure!(output.status.success() && !tag.is_empty(), "python3 does not say which version it is");
    Ok(tag)
}

fn pip(command: &str) -> Result<Command> {
    let mut pip = python()?;
    pip.args(["-m", "pip", command]).args(AS_NAMED);
    Ok(pip)
}

fn python() -> Result<Command> {
    Ok(Command::new(need("python3", "install Python 3 with pip")?))
}

fn only_wheel(folder: &Path) -> Result<PathBuf> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "whl") {
            return Ok(path);
        }
    }
    bail!("pip left no wheel in {}", folder.display())
}
