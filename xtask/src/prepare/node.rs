//! The npm modules that the client tests load, installed from the lock file beside the scripts.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use super::{hex, need, partial};
use crate::run;

const SCRIPTS: &str = "src/tests/agui";
const LOCK_FILE: &str = "package-lock.json";

/// The folder of the scripts and their `node_modules`.
pub(super) fn modules(root: &Path, folder: &Path) -> Result<PathBuf> {
    let scripts = root.join(SCRIPTS);
    let lock = fs::read(scripts.join(LOCK_FILE)).with_context(|| format!("cannot read {SCRIPTS}/{LOCK_FILE}"))?;
    let name = format!("node-{}", &hex(&Sha256::digest(&lock))[..16]);
    let place = folder.join(&name);
    if !place.exists() {
        let made = partial(folder, &name)?;
        copy_scripts(&scripts, &made)?;
        need("npm", "install Node.js 20 or newer, with npm")?;
        run(Command::new("npm").current_dir(&made).args([
            "ci",
            "--no-audit",
            "--no-fund",
            "--ignore-scripts",
            "--loglevel=error",
        ]))?;
        fs::rename(&made, &place).with_context(|| format!("cannot move {} into place", place.display()))?;
    }
    copy_scripts(&scripts, &place)?;
    Ok(place)
}

/// The scripts are copied every time: they change more often than the modules they load.
fn copy_scripts(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let path = entry?.path();
        let known = path.extension().is_some_and(|extension| extension == "mjs" || extension == "json");
        let Some(name) = path.file_name().filter(|_| known) else {
            continue;
        };
        let beside = to.join(format!("{}.copy", name.to_string_lossy()));
        fs::copy(&path, &beside).with_context(|| format!("cannot copy {}", path.display()))?;
        fs::rename(&beside, to.join(name))?;
    }
    Ok(())
}
