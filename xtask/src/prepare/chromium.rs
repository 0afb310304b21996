//! The browser that opens the pages: the one on PATH, or Debian's.

use std::env;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use super::{debian, on_path};

const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

/// The program of the browser.
pub(super) fn program() -> Result<PathBuf> {
    if let Some(found) = installed()? {
        return Ok(found);
    }
    ensure!(
        debian::may_install(),
        "no Chromium on PATH: install chromium or google-chrome, or set IBID_TEST_CHROMIUM to its program \
         (on Debian: apt-get install chromium fonts-nanum)"
    );
    debian::install(&["chromium", "fonts-nanum"])?;
    installed()?.context("apt-get installed chromium, but it is not on PATH")
}

fn installed() -> Result<Option<PathBuf>> {
    if let Some(given) = env::var_os("IBID_TEST_CHROMIUM").map(PathBuf::from) {
        ensure!(given.is_file(), "IBID_TEST_CHROMIUM names no file: {}", given.display());
        return Ok(Some(given));
    }
    Ok(NAMES.iter().find_map(|name| on_path(name)))
}
