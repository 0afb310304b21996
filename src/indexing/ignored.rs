//! What a scan passed over, and why: for a plan that is shown.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use ignore::{Match, WalkBuilder};
use serde::Serialize;

use super::scan::{Scan, ScanRules, is_media, uri_of};

/// A file or folder that is not looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ignored {
    /// Its URI; a folder's ends in `/`.
    pub uri: String,
    /// Why, for a person.
    pub reason: String,
}

/// Looks at what `scan` left out of `root`. A folder that was not entered is one entry.
pub(super) fn ignored(root: &Path, name: &str, excluded: &Path, rules: &ScanRules, scan: &Scan) -> Vec<Ignored> {
    let entered = scan.folders.clone();
    let taken: std::collections::BTreeSet<&Path> = scan.files.iter().map(|file| file.path.as_path()).collect();
    let mut found = Vec::new();
    let mut reasons = Reasons::new(root, excluded, rules);
    let known = entered.clone();
    let above = move |entry: &ignore::DirEntry| {
        entry.path().parent().is_none_or(|parent| known.contains(parent)) || entry.depth() == 0
    };
    let walk = WalkBuilder::new(root).standard_filters(false).follow_links(false).filter_entry(above).build();
    for entry in walk.flatten().filter(|entry| entry.depth() > 0) {
        let (path, kind) = (entry.path(), entry.file_type());
        let is_folder = kind.is_some_and(|kind| kind.is_dir());
        let linked = kind.is_some_and(|kind| kind.is_symlink()) && (entered.contains(path) || taken.contains(path));
        if linked || entered.contains(path) || taken.contains(path) {
            continue;
        }
        let uri = uri_of(path, root, name);
        if scan.problems.iter().any(|problem| problem.uri == uri) {
            continue;
        }
        let reason = reasons.of(path, is_folder);
        found.push(Ignored { uri: if is_folder { format!("{uri}/") } else { uri }, reason });
    }
    found.sort_by(|a, b| a.uri.cmp(&b.uri));
    found
}

/// Why something is left out, by the same rules in the same order.
struct Reasons<'a> {
    root: &'a Path,
    excluded: &'a Path,
    rules: &'a ScanRules,
    /// The ignore files of each folder.
    files: BTreeMap<PathBuf, Vec<Gitignore>>,
}

impl<'a> Reasons<'a> {
    fn new(root: &'a Path, excluded: &'a Path, rules: &'a ScanRules) -> Self {
        Self { root, excluded, rules, files: BTreeMap::new() }
    }

    fn of(&mut self, path: &Path, is_folder: bool) -> String {
        if path == self.excluded {
            return "the data of ibid itself".to_owned();
        }
        let globs = self.rules.globs(self.root).ok();
        match globs.as_ref().map(|globs| globs.matched(path, is_folder)) {
            Some(Match::Ignore(_)) if self.is_excluded(path, is_folder) => return "excluded by a glob".to_owned(),
            Some(Match::Ignore(_)) => return "no include glob matches".to_owned(),
            _ => {}
        }
        if let Some(rule) = self.ignore_rule(path, is_folder) {
            return rule;
        }
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if hidden {
            return "hidden".to_owned();
        }
        if !is_folder && is_media(path) {
            return "picture, sound, video or font".to_owned();
        }
        match std::fs::metadata(path) {
            Ok(metadata) if metadata.is_file() || metadata.is_dir() => "left out by an ignore file above".to_owned(),
            Ok(_) => "not a regular file".to_owned(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => "a link to nothing".to_owned(),
            Err(error) => format!("cannot be looked at ({error})"),
        }
    }

    fn is_excluded(&self, path: &Path, is_folder: bool) -> bool {
        let only = ScanRules { include: Vec::new(), exclude: self.rules.exclude.clone() };
        only.globs(self.root).is_ok_and(|globs| globs.matched(path, is_folder).is_ignore())
    }

    /// The line of an ignore file, the nearest first.
    fn ignore_rule(&mut self, path: &Path, is_folder: bool) -> Option<String> {
        let folders: Vec<PathBuf> =
            path.ancestors().skip(1).take_while(|folder| folder.starts_with(self.root)).map(Path::to_owned).collect();
        for folder in folders {
            let files = self.files.entry(folder.clone()).or_insert_with(|| ignore_files(&folder));
            for file in files {
                if let Match::Ignore(glob) = file.matched(path, is_folder) {
                    let named = glob.from().and_then(|from| from.file_name()).unwrap_or_default().to_string_lossy();
                    return Some(format!("`{}` in {named}", glob.original()));
                }
            }
        }
        None
    }
}

fn ignore_files(folder: &Path) -> Vec<Gitignore> {
    let read = |name: &str| {
        let path = folder.join(name);
        path.is_file().then(|| {
            let mut builder = GitignoreBuilder::new(folder);
            // What is wrong with a line is said by nobody; the others count, as in the walk.
            drop(builder.add(path));
            builder.build().unwrap_or_else(|_| Gitignore::empty())
        })
    };
    [".ibidignore", ".ignore", ".gitignore"].into_iter().filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::super::scan::scan;
    use super::*;

    #[test]
    fn everything_that_is_left_out_has_its_reason() {
        let folder = tempfile::tempdir().unwrap();
        let files = ["a.md", "b.log", "c.png", ".env", "data/lock", "node_modules/x/y.md", "old/z.md", "old/keep.md"];
        for file in files {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        }
        std::fs::write(folder.path().join(".gitignore"), "node_modules\n").unwrap();
        std::fs::write(folder.path().join("old/.ibidignore"), "z.*\n").unwrap();
        let rules = ScanRules { include: Vec::new(), exclude: vec!["*.log".to_owned()] };
        let data = folder.path().join("data");
        let scanned = scan(folder.path(), "d", &data, &rules).unwrap();
        let said = ignored(folder.path(), "d", &data, &rules, &scanned);
        let said: Vec<_> = said.iter().map(|entry| (entry.uri.as_str(), entry.reason.as_str())).collect();
        let expected = [
            ("d/.env", "hidden"),
            ("d/.gitignore", "hidden"),
            ("d/b.log", "excluded by a glob"),
            ("d/c.png", "picture, sound, video or font"),
            ("d/data/", "the data of ibid itself"),
            ("d/node_modules/", "`node_modules` in .gitignore"),
            ("d/old/.ibidignore", "hidden"),
            ("d/old/z.md", "`z.*` in .ibidignore"),
        ];
        assert_eq!(said, expected);
    }
}
