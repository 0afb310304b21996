//! `cargo xtask bench-extract`: extraction against exact truth, and against pdftotext in the same run.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// Files and what they say: those of `fixtures/extraction`, and in each of `folders` every PDF, and the web pages together,
/// beside a text of the same name.
pub(crate) fn pairs(root: &Path, folders: &[&str]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let fixtures = root.join("fixtures/extraction");
    let files = listed(&fixtures)?;
    for truth in files.iter().filter(|path| name(path).ends_with(".truth.txt")) {
        let stem = name(truth).trim_end_matches(".truth.txt").to_owned();
        // The truth of a.docx is a.docx.truth.txt or a.truth.txt.
        let is_its_file = |path: &&PathBuf| {
            let own = path.file_stem().unwrap_or_default().to_string_lossy();
            name(path) == stem || (*path != truth && own == stem.as_str() && !stem.contains('.'))
        };
        found.extend(files.iter().filter(is_its_file).flat_map(|file| [file.clone(), truth.clone()]));
    }
    for folder in folders {
        let beside = listed(Path::new(folder))?;
        for truth in beside.iter().filter(|path| path.extension().is_some_and(|extension| extension == "txt")) {
            let pdf = truth.with_extension("pdf");
            found.extend([pdf, truth.clone()].into_iter().filter(|_| truth.with_extension("pdf").exists()));
            if beside.iter().any(|path| path.extension().is_some_and(|extension| extension == "html")) {
                found.extend([PathBuf::from(folder), truth.clone()]);
            }
        }
    }
    ensure!(!found.is_empty(), "there is nothing to measure in {}", fixtures.display());
    Ok(found)
}

fn listed(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("{} cannot be listed", folder.display()))?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
