//! The browser that opens the pages: the one on PATH, or Debian's.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::on_path;
use crate::{run, user};

const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

/// The program of the browser.
pub(super) fn program() -> Result<PathBuf> {
    if let Some(found) = installed()? {
        return Ok(found);
    }
    ensure!(
        may_install(),
        "no Chromium on PATH: install chromium or google-chrome, or set IBID_TEST_CHROMIUM to its program \
         (on Debian: apt-get install chromium fonts-nanum)"
    );
    // A package manager that was killed half way refuses all work until this has been run.
    system("dpkg", &["--configure", "-a"])?;
    system("apt-get", &["update", "-qq"])?;
    system("apt-get", &["install", "-y", "-qq", "--no-install-recommends", "chromium", "fonts-nanum"])?;
    installed()?.context("apt-get installed chromium, but it is not on PATH")
}

fn installed() -> Result<Option<PathBuf>> {
    if let Some(given) = env::var_os("IBID_TEST_CHROMIUM").map(PathBuf::from) {
        ensure!(given.is_file(), "IBID_TEST_CHROMIUM names no file: {}", given.display());
        return Ok(Some(given));
    }
    Ok(NAMES.iter().find_map(|name| on_path(name)))
}

fn may_install() -> bool {
    user::is_root() && Path::new("/etc/debian_version").exists() && on_path("apt-get").is_some()
}

fn system(program: &str, arguments: &[&str]) -> Result<()> {
    run(Command::new(program).args(arguments).env("DEBIAN_FRONTEND", "noninteractive"))
}
