//! Entries are the documents inside a document, under names that are safe and differ.

use std::collections::{HashMap, HashSet};

use super::clean::clean;
use super::source::Source;
use crate::{Child, Document, ExtractError, Warning};

/// Longest part of a path in bytes. File systems hold no longer one.
const PART_BYTES_MAX: usize = 255;

/// Most parts of a path that are kept, from its end. Nobody nests folders deeper by hand.
const PARTS_MAX: usize = 64;

/// Extensions of files that hold no text for sure: pictures, sound, video, fonts and compiled code. Anything else is looked
/// into.
pub const MEDIA_EXTENSIONS: [&str; 31] = [
    "png", "jpg", "jpeg", "gif", "bmp", "tif", "tiff", "webp", "ico", "heic", "avif", "psd", "mp3", "wav", "flac",
    "ogg", "m4a", "mp4", "mov", "avi", "mkv", "webm", "woff", "woff2", "ttf", "otf", "eot", "pyc", "class", "o", "so",
];

/// The documents inside one document, as they are read.
pub(super) struct Entries<'a> {
    source: &'a Source<'a>,
    /// How often a path was asked for.
    taken: HashMap<String, usize>,
    /// Each entry with those inside of it, as far as the observer left them here.
    groups: Vec<Vec<Child>>,
    /// Entries that need a password, while nothing else was found: a container of nothing else is refused without them.
    locked: Vec<(String, Child)>,
    /// Whether some entry needs no password.
    any_open: bool,
    /// Every path that was given out.
    listed: Vec<String>,
    /// Pictures, sound, video and fonts that were passed over.
    media: usize,
}

impl<'a> Entries<'a> {
    pub(super) fn new(source: &'a Source<'a>) -> Self {
        Self {
            source,
            taken: HashMap::new(),
            groups: Vec::new(),
            locked: Vec::new(),
            any_open: false,
            listed: Vec::new(),
            media: 0,
        }
    }

    /// The path under which an entry of this name is read. `None` for one that is left out as a scan of a folder would leave
    /// it out: it is hidden, or it holds no text.
    pub(super) fn admit(&mut self, name: &str) -> Option<String> {
        let path = safe_path(name);
        if path.split('/').any(is_hidden) {
            return None;
        }
        let unique = self.unique(path);
        self.listed.push(unique.clone());
        if is_media(&unique) {
            self.media += 1;
            return None;
        }
        Some(unique)
    }

    /// Counts a part that holds no text and has no name.
    pub(super) fn pass_over_media(&mut self) {
        self.media += 1;
    }

    /// Reads an entry under the path that [`Self::admit`] gave, unless an earlier try has given it.
    pub(super) fn read(&mut self, path: &str, bytes: &[u8]) {
        let key = self.source.next_key();
        if !self.was_given(&key) {
            let group = self.source.child(&key, path, bytes);
            self.add(key, group);
        }
    }

    /// Keeps why an entry cannot be read.
    pub(super) fn fail(&mut self, path: &str, bytes: u64, error: ExtractError) {
        let key = self.source.next_key();
        if !self.was_given(&key) {
            self.add(key, vec![Child { path: path.to_owned(), bytes, outcome: Err(error) }]);
        }
    }

    /// Whether every entry so far needs a password.
    pub(super) fn all_encrypted(&self) -> bool {
        !self.any_open && !self.locked.is_empty()
    }

    /// Locked entries are given only when there is another, or at the end, so one that was given proves that they may be.
    fn was_given(&mut self, key: &str) -> bool {
        let given = self.source.options.given.contains(key);
        self.any_open |= given;
        given
    }

    fn add(&mut self, key: String, mut group: Vec<Child>) {
        let is_locked = |child: &Child| matches!(child.outcome, Err(ExtractError::Encrypted { .. }));
        if !self.any_open && group.len() == 1 && group.first().is_some_and(is_locked) {
            self.locked.extend(group.pop().map(|own| (key, own)));
            return;
        }
        self.any_open = true;
        self.give_locked();
        if let Some(own) = self.source.hand_over(&key, group.remove(0)) {
            group.insert(0, own);
            self.groups.push(group);
        }
    }

    fn give_locked(&mut self) {
        for (key, child) in std::mem::take(&mut self.locked) {
            self.groups.extend(self.source.hand_over(&key, child).map(|own| vec![own]));
        }
    }

    /// Whether nothing was found so far.
    pub(super) fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }

    /// Puts the entries in the order of their paths, for containers whose own order says nothing.
    pub(super) fn sort(&mut self) {
        self.listed.sort();
        self.groups.sort_by(|a, b| a.first().map(|child| &child.path).cmp(&b.first().map(|child| &child.path)));
    }

    /// The paths of all entries, a line each.
    pub(super) fn listing(&self) -> String {
        self.listed.join("\n")
    }

    /// Gives the entries to the document that they lie in. `media` says in the plural what was passed over.
    pub(super) fn finish(mut self, document: &mut Document, media: &str) {
        self.give_locked();
        document.children = self.groups.into_iter().flatten().collect();
        if self.media > 0 {
            document.warnings.push(Warning::NotRead { what: media.to_owned(), count: self.media });
        }
        let mut taken = TakenPaths::default();
        for child in &mut document.children {
            child.path = taken.free(std::mem::take(&mut child.path));
        }
    }

    fn unique(&mut self, path: String) -> String {
        let asked = self.taken.get(&path).copied().unwrap_or(0) + 1;
        let mut number = asked;
        let mut unique = path.clone();
        while number > 1 {
            unique = numbered(&path, number);
            if !self.taken.contains_key(&unique) {
                self.taken.insert(unique.clone(), 1);
                break;
            }
            number += 1;
        }
        self.taken.insert(path, number);
        unique
    }
}

/// The paths of documents inside one file that are taken. A folder may have the name of an archive beside it, and then a file
/// in it that of an entry.
#[derive(Debug, Default)]
pub struct TakenPaths(HashSet<String>);

impl TakenPaths {
    /// The path, or one with a number when it is taken. It is taken from here on.
    pub fn free(&mut self, path: String) -> String {
        let mut free = path.clone();
        let mut number = 1;
        while !self.0.insert(free.clone()) {
            number += 1;
            free = numbered(&path, number);
        }
        free
    }
}

/// `report.pdf` as `report (2).pdf`.
fn numbered(path: &str, number: usize) -> String {
    let file_at = path.rfind('/').map_or(0, |slash| slash + 1);
    match path[file_at..].rfind('.') {
        Some(dot) if dot > 0 => format!("{} ({number}){}", &path[..file_at + dot], &path[file_at + dot..]),
        _ => format!("{path} ({number})"),
    }
}

/// A relative path that stays inside, whatever the name of an entry is.
pub(super) fn safe_path(name: &str) -> String {
    let cleaned = clean(name.replace('\\', "/"), &mut Vec::new()).replace(['\n', '\t'], " ");
    let below = match cleaned.as_bytes() {
        [drive, b':', ..] if drive.is_ascii_alphabetic() => &cleaned[2..],
        _ => &cleaned,
    };
    let parts: Vec<String> = below.split('/').map(str::trim).filter(|part| !is_relative(part)).map(shortened).collect();
    let kept = &parts[parts.len().saturating_sub(PARTS_MAX)..];
    if kept.is_empty() { "entry".to_owned() } else { kept.join("/") }
}

fn is_relative(part: &str) -> bool {
    matches!(part, "" | "." | "..")
}

/// Cuts a part of a path that is too long, before its extension.
fn shortened(part: &str) -> String {
    if part.len() <= PART_BYTES_MAX {
        return part.to_owned();
    }
    let (stem, extension) = part.rsplit_once('.').filter(|(_, extension)| extension.len() <= 16).unwrap_or((part, ""));
    let stem = &stem[..stem.floor_char_boundary(PART_BYTES_MAX - 1 - extension.len())];
    if extension.is_empty() { stem.to_owned() } else { format!("{stem}.{extension}") }
}

/// Whether systems hide a file or a folder of this name, or made it for themselves.
fn is_hidden(part: &str) -> bool {
    part.starts_with('.') || matches!(part, "__MACOSX" | "Thumbs.db" | "desktop.ini")
}

pub(super) fn is_media(path: &str) -> bool {
    path.rsplit_once('.')
        .is_some_and(|(_, extension)| MEDIA_EXTENSIONS.contains(&extension.to_ascii_lowercase().as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_leads_outside() {
        let cases = [
            ("../../etc/passwd", "etc/passwd"),
            ("/etc/./passwd", "etc/passwd"),
            ("C:\\Users\\김\\보고서.hwp", "Users/김/보고서.hwp"),
            ("\\\\server\\share\\a.txt", "server/share/a.txt"),
            (" .. /..", "entry"),
            ("a\0b\nc.txt", "a b c.txt"),
            ("gpj.\u{202E}txt.exe", "gpj.txt.exe"),
            ("\u{1112}\u{1161}\u{11AB}.txt", "한.txt"),
        ];
        for (name, path) in cases {
            assert_eq!(safe_path(name), path, "{name:?}");
        }
        let long = safe_path(&format!("{}.docx", "가".repeat(1_000)));
        assert!(long.len() <= PART_BYTES_MAX && long.ends_with("가.docx"));
    }

    #[test]
    fn a_number_goes_before_the_extension() {
        assert_eq!(numbered("a.b/report.pdf", 2), "a.b/report (2).pdf");
        assert_eq!(numbered("a.b/report", 3), "a.b/report (3)");
    }
}
