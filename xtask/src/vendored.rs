//! The libraries that the chat page serves, held against the table that says what they are and what `deny.toml` allows.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};

use crate::licences::Policy;
use crate::prepare::hex;

const FOLDER: &str = "web/vendor";
/// What stands beside the libraries: the table, and a licence for each of them.
const TABLE: &str = "README.md";
const LICENCE: &str = "LICENSE-";

/// A line of the table.
#[derive(Debug, PartialEq)]
struct Library {
    file: String,
    package: String,
    licence: String,
    sha256: String,
}

/// Fails when a file is not in the table, differs from it, comes without its licence, or has one that is not allowed.
pub(crate) fn check(root: &Path, policy: &Policy) -> Result<()> {
    let folder = root.join(FOLDER);
    let table = fs::read_to_string(folder.join(TABLE)).with_context(|| format!("cannot read {FOLDER}/{TABLE}"))?;
    let libraries = libraries(&table)?;
    for library in &libraries {
        let bytes = fs::read(folder.join(&library.file)).with_context(|| format!("{FOLDER} lacks {}", library.file))?;
        let found = hex(&Sha256::digest(&bytes));
        ensure!(found == library.sha256, "{FOLDER}/{} has the digest {found}, not that of the table", library.file);
        let licence = format!("{LICENCE}{}", library.package);
        ensure!(folder.join(&licence).is_file(), "{FOLDER} lacks {licence}");
        ensure!(policy.allows(&library.package, &library.licence), "{}: {}", library.package, library.licence);
    }
    let known: BTreeSet<&str> = libraries.iter().map(|library| library.file.as_str()).collect();
    for entry in fs::read_dir(&folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let is_known = name == TABLE || name.starts_with(LICENCE) || known.contains(name.as_str());
        ensure!(is_known, "{FOLDER}/{TABLE} does not name {name}");
    }
    eprintln!("{} libraries of the page, every one as it was published", libraries.len());
    Ok(())
}

fn libraries(table: &str) -> Result<Vec<Library>> {
    let rows: Vec<Vec<&str>> = table
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.strip_suffix("` |"))
        .map(|row| row.split('|').map(|cell| cell.trim_matches([' ', '`'])).collect())
        .collect();
    ensure!(!rows.is_empty(), "{FOLDER}/{TABLE} has no table");
    let library = |cells: &Vec<&str>| match cells.as_slice() {
        [file, package, _version, licence, sha256] => Ok(Library {
            file: (*file).to_owned(),
            package: (*package).to_owned(),
            licence: (*licence).to_owned(),
            sha256: (*sha256).to_owned(),
        }),
        _ => anyhow::bail!("{FOLDER}/{TABLE} has a line of {} cells, not of 5", cells.len()),
    };
    rows.iter().map(library).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read_and_its_heading_is_not() {
        let table = "| file | package |\n|---|---|\n| `a.js` | a | 1.0.0 | MIT | `00ff` |\n";
        let a = Library {
            file: "a.js".to_owned(),
            package: "a".to_owned(),
            licence: "MIT".to_owned(),
            sha256: "00ff".to_owned(),
        };
        assert_eq!(libraries(table).expect("the table is well formed"), [a]);
        assert!(libraries("nothing").is_err());
        assert!(libraries("| `a.js` | `b` |").is_err());
    }
}
