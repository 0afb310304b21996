//! What files there are under a root. Reads directories and never files.

use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use ibid_ingest::MEDIA_EXTENSIONS;
use ignore::WalkBuilder;

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
}

/// Walks `root`, whose URI is `name`. Hidden files are left out, `.gitignore` and `.ibidignore` are honoured, links are
/// followed and loops reported. `excluded` is a folder that is never entered: our own data.
///
/// # Errors
/// The reason when the root itself cannot be read.
pub fn scan(root: &Path, name: &str, excluded: &Path) -> Result<Scan, std::io::Error> {
    let metadata = std::fs::metadata(root)?;
    if metadata.is_dir() {
        // An unreadable or unmounted root must not look like an empty one.
        drop(std::fs::read_dir(root)?);
    }
    let mut scan = Scan::default();
    let excluded = excluded.to_owned();
    let walk = WalkBuilder::new(root)
        .follow_links(true)
        .add_custom_ignore_filename(".ibidignore")
        .filter_entry(move |entry| entry.path() != excluded)
        .build();
    for entry in walk {
        match entry {
            Ok(entry) if entry.file_type().is_some_and(|kind| kind.is_file()) => {
                add_file(&mut scan, &entry, root, name)
            }
            Ok(entry) if entry.file_type().is_some_and(|kind| kind.is_dir()) => {}
            // Sockets, pipes and devices are not documents, and reading one may never end.
            Ok(_) => {}
            Err(error) => scan.problems.push(problem(&error, root, name)),
        }
    }
    scan.files.sort_by(|a, b| a.uri.cmp(&b.uri));
    Ok(scan)
}

fn add_file(scan: &mut Scan, entry: &ignore::DirEntry, root: &Path, name: &str) {
    let extension = entry.path().extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    if MEDIA_EXTENSIONS.contains(&extension.to_ascii_lowercase().as_str()) {
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

/// The URI of a path below the root. Bytes that are no text become U+FFFD.
fn uri_of(path: &Path, root: &Path, name: &str) -> String {
    let below = path.strip_prefix(root).unwrap_or(path);
    let parts = below.components().map(|part| part.as_os_str().to_string_lossy().into_owned());
    std::iter::once(name.to_owned()).chain(parts).collect::<Vec<_>>().join("/")
}
