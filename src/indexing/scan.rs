//! What files there are under a root. Reads directories and never files.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use ibid_ingest::MEDIA_EXTENSIONS;
use ignore::WalkBuilder;
use ignore::overrides::{Override, OverrideBuilder};

/// A file that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundFile {
    /// Its URI: the root's name, then the path below it, with `/` between parts.
    pub uri: String,
    /// Where to read it.
    pub path: PathBuf,
    /// Length in bytes.
    pub bytes: u64,
    /// Modification time in nanoseconds since 1970 (UTC), 0 where there is none.
    pub modified_ns: i64,
}

/// A place that could not be looked at. What is known below it is left as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanProblem {
    /// Its URI.
    pub uri: String,
    /// Why, for a person.
    pub reason: String,
}

/// What a look at a root gives.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scan {
    /// The files, by URI.
    pub files: Vec<FoundFile>,
    /// The places that could not be looked at.
    pub problems: Vec<ScanProblem>,
    /// Pictures, sound, video and fonts, which hold no text.
    pub media_files: usize,
    /// The folders that were entered, the root included.
    pub(super) folders: BTreeSet<PathBuf>,
}

/// Which files of a folder are looked at, beside what its `.gitignore` and `.ibidignore` say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScanRules {
    /// Globs, as `.gitignore` has them; with any, only files that match one are taken.
    pub include: Vec<String>,
    /// Globs of files and folders that are left out.
    pub exclude: Vec<String>,
}

impl ScanRules {
    /// Checks the globs.
    ///
    /// # Errors
    /// A sentence that names the glob.
    pub fn check(&self) -> Result<(), String> {
        self.globs(Path::new(".")).map(drop).map_err(|error| error.to_string())
    }

    pub(super) fn globs(&self, root: &Path) -> Result<Override, ignore::Error> {
        let mut builder = OverrideBuilder::new(root);
        for glob in &self.include {
            builder.add(glob.trim_start_matches('!'))?;
        }
        for glob in &self.exclude {
            builder.add(&format!("!{}", glob.trim_start_matches('!')))?;
        }
        builder.build()
    }
}

/// Walks `root`, whose URI is `name`. Hidden files are left out, `.gitignore` and `.ibidignore` are honoured, links are
/// followed and loops reported. `excluded` is a folder that is never entered: our own data.
///
/// # Errors
/// The reason when the root itself cannot be read, or is another one at the end than at the beginning.
pub(super) fn scan(root: &Path, name: &str, excluded: &Path, rules: &ScanRules) -> Result<Scan, std::io::Error> {
    let before = identity(root)?;
    let mut scan = Scan::default();
    let excluded = excluded.to_owned();
    let walk = walk(root, rules)?.filter_entry(move |entry| entry.path() != excluded).build();
    for entry in walk {
        match entry {
            Ok(entry) if entry.file_type().is_some_and(|kind| kind.is_file()) => {
                add_file(&mut scan, &entry, root, name)
            }
            Ok(entry) if entry.file_type().is_some_and(|kind| kind.is_dir()) => {
                scan.folders.insert(entry.into_path());
            }
            // Sockets, pipes and devices are not documents, and reading one may never end.
            Ok(_) => {}
            Err(error) => scan.problems.push(problem(&error, root, name)),
        }
    }
    // A root that went away meanwhile looks empty from some point on.
    if identity(root)? != before {
        return Err(std::io::Error::other("it was replaced while it was looked at"));
    }
    scan.files.sort_by(|a, b| a.uri.cmp(&b.uri));
    report_twins(&mut scan);
    Ok(scan)
}

pub(super) fn walk(root: &Path, rules: &ScanRules) -> Result<WalkBuilder, std::io::Error> {
    let mut walk = WalkBuilder::new(root);
    // A folder need not be a repository for its `.gitignore` to say what is nobody's business. Those above it count only when
    // it is in one: people keep their whole home out of repositories by an asterisk.
    let in_repository = root.ancestors().any(|folder| folder.join(".git").exists());
    walk.follow_links(true)
        .require_git(false)
        .parents(in_repository)
        .git_global(false)
        .add_custom_ignore_filename(".ibidignore")
        .overrides(rules.globs(root).map_err(std::io::Error::other)?);
    Ok(walk)
}

/// Which folder or file it is. One that cannot be read must not look like an empty one.
fn identity(root: &Path) -> Result<(u64, u64), std::io::Error> {
    let metadata = std::fs::metadata(root)?;
    if metadata.is_dir() {
        drop(std::fs::read_dir(root)?);
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        Ok((metadata.dev(), metadata.ino()))
    }
    #[cfg(not(unix))]
    Ok((0, 0))
}

fn add_file(scan: &mut Scan, entry: &ignore::DirEntry, root: &Path, name: &str) {
    if is_media(entry.path()) {
        scan.media_files += 1;
        return;
    }
    let uri = uri_of(entry.path(), root, name);
    match entry.metadata() {
        Ok(metadata) => {
            let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
            let modified_ns = modified.and_then(|since| i64::try_from(since.as_nanos()).ok()).unwrap_or(0);
            let path = entry.path().to_owned();
            scan.files.push(FoundFile { uri, path, bytes: metadata.len(), modified_ns });
        }
        Err(error) => scan.problems.push(ScanProblem { uri, reason: error.to_string() }),
    }
}

/// Whether the name says that it holds no text.
pub(super) fn is_media(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    MEDIA_EXTENSIONS.contains(&extension.to_ascii_lowercase().as_str())
}

/// Two names that are not text may be written alike; the second one is reported and left.
fn report_twins(scan: &mut Scan) {
    let mut last: Option<String> = None;
    let problems = &mut scan.problems;
    scan.files.retain(|file| {
        let twin = last.as_deref() == Some(file.uri.as_str());
        if twin {
            let reason = "another file has a name that is written alike; rename one of them".to_owned();
            problems.push(ScanProblem { uri: format!("{} (2)", file.uri), reason });
        } else {
            last = Some(file.uri.clone());
        }
        !twin
    });
}

fn problem(error: &ignore::Error, root: &Path, name: &str) -> ScanProblem {
    let (path, reason) = described(error);
    ScanProblem { uri: uri_of(path.as_deref().unwrap_or(root), root, name), reason }
}

/// The path that an error is about, and a sentence without it.
fn described(error: &ignore::Error) -> (Option<PathBuf>, String) {
    match error {
        ignore::Error::WithPath { path, err } => (Some(path.clone()), described(err).1),
        ignore::Error::WithDepth { err, .. } => described(err),
        ignore::Error::Loop { child, .. } => {
            (Some(child.clone()), "the link points back to a folder that holds it".to_owned())
        }
        other => (None, other.to_string()),
    }
}

/// The URI of a path below the root. Bytes that are no text are written as `%FF`.
pub(super) fn uri_of(path: &Path, root: &Path, name: &str) -> String {
    let below = path.strip_prefix(root).unwrap_or(path);
    let parts = below.components().map(|part| text_of(part.as_os_str()));
    std::iter::once(name.to_owned()).chain(parts).collect::<Vec<_>>().join("/")
}

fn text_of(name: &std::ffi::OsStr) -> String {
    let mut text = String::new();
    for part in name.as_encoded_bytes().utf8_chunks() {
        text.push_str(part.valid());
        part.invalid().iter().for_each(|byte| text.push_str(&format!("%{byte:02X}")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        }
        folder
    }

    fn found(folder: &Path, rules: &ScanRules) -> Vec<String> {
        let scan = scan(folder, "d", Path::new("/nowhere"), rules).unwrap();
        scan.files.into_iter().map(|file| file.uri).collect()
    }

    #[test]
    fn rules_and_ignore_files_say_what_is_taken() {
        let folder = folder(&["a.md", "b.txt", "old/c.md", "old/d.txt", "drafts/e.md", "f.log"]);
        std::fs::write(folder.path().join(".gitignore"), "drafts/\n").unwrap();
        std::fs::write(folder.path().join("old/.ibidignore"), "d.txt\n").unwrap();
        let rules = |include: &[&str], exclude: &[&str]| ScanRules {
            include: include.iter().map(|glob| (*glob).to_owned()).collect(),
            exclude: exclude.iter().map(|glob| (*glob).to_owned()).collect(),
        };
        assert_eq!(found(folder.path(), &rules(&[], &[])), ["d/a.md", "d/b.txt", "d/f.log", "d/old/c.md"]);
        assert_eq!(found(folder.path(), &rules(&["*.md"], &[])), ["d/a.md", "d/old/c.md"]);
        assert_eq!(found(folder.path(), &rules(&[], &["*.log", "old/"])), ["d/a.md", "d/b.txt"]);
        assert_eq!(found(folder.path(), &rules(&["*.md"], &["old/**"])), ["d/a.md"]);
        assert!(rules(&["a[", "b"], &[]).check().unwrap_err().contains("a["));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn names_that_are_not_text_are_written_as_such_and_never_mixed_up() {
        use std::os::unix::ffi::OsStrExt;
        let folder = tempfile::tempdir().unwrap();
        for name in [&b"caf\xe9.md"[..], b"caf\xe8.md", b"two\nlines.md", "수달.md".as_bytes(), b"caf%E9.md"] {
            std::fs::write(folder.path().join(std::ffi::OsStr::from_bytes(name)), "x").unwrap();
        }
        let scan = scan(folder.path(), "d", Path::new("/nowhere"), &ScanRules::default()).unwrap();
        let uris: Vec<_> = scan.files.iter().map(|file| file.uri.as_str()).collect();
        assert_eq!(uris, ["d/caf%E8.md", "d/caf%E9.md", "d/two\nlines.md", "d/수달.md"]);
        assert_eq!(scan.problems.len(), 1, "{:?}", scan.problems);
    }

    #[test]
    fn a_root_that_cannot_be_looked_at_is_no_empty_one() {
        let gone = tempfile::tempdir().unwrap().path().join("gone");
        assert!(scan(&gone, "d", Path::new("/nowhere"), &ScanRules::default()).is_err());
    }
}
