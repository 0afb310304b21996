//! The program that reads scanned pages, with its data for Korean and English: the one on PATH, or Debian's.

use std::process::Command;

use anyhow::{Result, ensure};

use super::debian;

const LANGUAGES: [&str; 2] = ["kor", "eng"];

/// Sees to it that the program is there.
pub(super) fn ready() -> Result<()> {
    if reads_all() {
        return Ok(());
    }
    ensure!(
        debian::may_install(),
        "no tesseract with data for Korean and English on PATH (on Debian: apt-get install tesseract-ocr tesseract-ocr-kor)"
    );
    debian::install(&["tesseract-ocr", "tesseract-ocr-kor", "tesseract-ocr-eng"])?;
    ensure!(reads_all(), "apt-get installed tesseract, but it does not list its languages");
    Ok(())
}

fn reads_all() -> bool {
    let Ok(output) = Command::new("tesseract").arg("--list-langs").output() else { return false };
    let listed = String::from_utf8_lossy(&output.stdout).into_owned();
    LANGUAGES.iter().all(|language| listed.lines().any(|line| line.trim() == *language))
}
