//! The Python clients that the tests drive the server with, installed from the lock file beside their scripts.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use super::{hex, partial, wheel};

const LOCK_FILE: &str = "src/tests/python/requirements.txt";

/// The folder of the packages, for Python to search.
pub(super) fn packages(root: &Path, folder: &Path) -> Result<PathBuf> {
    let requirements = root.join(LOCK_FILE);
    let lock = fs::read(&requirements).with_context(|| format!("cannot read {LOCK_FILE}"))?;
    let python = wheel::python_tag()?;
    let name = format!("python-{python}-{}", &hex(&Sha256::digest(&lock))[..16]);
    let place = folder.join(&name);
    if !place.exists() {
        let made = partial(folder, &name)?;
        wheel::install(&requirements, &made).with_context(|| {
            format!(
                "the tests drive the server with the Python clients of {LOCK_FILE}, which are known to install for CPython \
                 3.11 on Linux with x86-64; for {python} on this machine they did not"
            )
        })?;
        fs::rename(&made, &place).with_context(|| format!("cannot move {} into place", place.display()))?;
    }
    Ok(place)
}
