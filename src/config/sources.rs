//! What can be set of a folder that is followed while the server runs.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::Deserialize;

/// A folder that a collection is kept equal to: `[[sources]]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceConfig {
    /// What it is called at the API, in logs and errors: letters, digits, `-`, `_` and `.`, no two alike.
    pub name: String,
    /// The folder, or a single file; below the folder in which the server is started when it is relative.
    pub path: PathBuf,
    /// The collection that becomes equal to it. Several folders may share one; each removes only what came from itself.
    #[serde(default = "default_collection")]
    pub collection: String,
    /// Seconds between two full plans; 0 for none but at the start and on request. 300: a full plan of a folder without
    /// changes takes seconds, and what the file system forgets to report waits no longer than this.
    #[serde(default = "default_every_s")]
    pub every_s: u64,
    /// Whether the file system is asked to report changes. On: a change is in within seconds. File systems of other
    /// machines do not report what those change, so there the plans alone find it.
    #[serde(default = "default_watch")]
    pub watch: bool,
    /// Globs of files that come in; all when there is none.
    #[serde(default)]
    pub include: Vec<String>,
    /// Globs of files and folders that stay out, over `include`.
    #[serde(default)]
    pub exclude: Vec<String>,
    /// Who may read what is under it; when it is not set, what was said before stays, and everybody may at first.
    #[serde(default)]
    pub readers: Option<Vec<String>>,
    /// The largest part of its documents that one plan may remove. 50%: a folder that lost more than half is more often a
    /// disk that is not mounted than a decision, and nobody is there to be asked.
    #[serde(default)]
    pub max_delete: Percent,
    /// Whether its files are kept as they were read, over `ingest.keep_originals`, which says where.
    #[serde(default)]
    pub keep_originals: Option<bool>,
}

/// A share, written as `50%`.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Deserialize)]
#[serde(try_from = "String")]
pub struct Percent(f64);

/// Longest name of a source.
const NAME_CHARS_MAX: usize = 64;
/// The longest time between two looks.
const YEAR_S: u64 = 366 * 24 * 3_600;

fn default_collection() -> String {
    "default".to_owned()
}

fn default_every_s() -> u64 {
    300
}

fn default_watch() -> bool {
    true
}

impl Percent {
    /// The share, 0 to 1.
    pub fn share(self) -> f64 {
        self.0 / 100.0
    }
}

impl Default for Percent {
    fn default() -> Self {
        Self(50.0)
    }
}

impl FromStr for Percent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = text.trim().strip_suffix('%').and_then(|number| number.trim_end().parse::<f64>().ok());
        match number.filter(|number| (0.0..=100.0).contains(number)) {
            Some(number) => Ok(Self(number)),
            None => Err(format!("{text:?} is no percentage from 0% to 100%, such as \"50%\"")),
        }
    }
}

impl TryFrom<String> for Percent {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

/// What is wrong with the sources, in words; `None` when they can be used.
pub(super) fn wrong(sources: &[SourceConfig]) -> Option<String> {
    let (mut names, mut places) = (BTreeSet::new(), BTreeSet::new());
    sources.iter().find_map(|source| {
        let name = &source.name;
        let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || name.chars().count() > NAME_CHARS_MAX || !name.chars().all(is_plain) {
            return Some(format!(
                "the source name {name:?} is not made of 1 to {NAME_CHARS_MAX} letters, digits, '-', '_' and '.'"
            ));
        }
        if !names.insert(name) {
            return Some(format!("two sources have the name {name:?}"));
        }
        // Each would take the other's documents for files that are gone.
        let place = std::fs::canonicalize(&source.path).unwrap_or_else(|_| source.path.clone());
        if !places.insert((source.collection.as_str(), place)) {
            return Some(format!("the source {name:?} fills the same collection from the same folder as another one"));
        }
        if source.path.as_os_str().is_empty() {
            return Some(format!("the source {name:?} has an empty path; \".\" is the folder of the server"));
        }
        if source.every_s > YEAR_S {
            return Some(format!("every_s of the source {name:?} is more than a year, which has {YEAR_S}; 0 is never"));
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(text: &str) -> Result<Vec<SourceConfig>, String> {
        #[derive(Deserialize)]
        struct File {
            sources: Vec<SourceConfig>,
        }
        let file: File = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        wrong(&file.sources).map_or(Ok(file.sources), Err)
    }

    #[test]
    fn a_source_needs_a_name_and_a_path_and_has_defaults_for_the_rest() {
        let two = "[[sources]]\nname = \"handbook\"\npath = \"/srv/handbook\"\n\
                   [[sources]]\nname = \"수달\"\npath = \"notes\"\ncollection = \"notes\"\nevery_s = 0\nwatch = false\n\
                   include = [\"*.md\"]\nreaders = [\"group:team\"]\nmax_delete = \"12.5%\"\nkeep_originals = true\n";
        let read = sources(two).unwrap();
        assert_eq!((read[0].collection.as_str(), read[0].every_s, read[0].watch), ("default", 300, true));
        assert_eq!((read[0].max_delete.share(), read[0].readers.as_ref()), (0.5, None));
        assert_eq!((read[1].max_delete.to_string().as_str(), read[1].keep_originals), ("12.5%", Some(true)));
        assert!(sources("[[sources]]\npath = \"x\"\n").unwrap_err().contains("name"));
        assert!(sources("[[sources]]\nname = \"x\"\npath = \"x\"\nevery = 3\n").unwrap_err().contains("every"));
        let late = format!("[[sources]]\nname = \"x\"\npath = \"x\"\nevery_s = {}\n", i64::MAX);
        assert!(sources(&late).unwrap_err().contains("more than a year"));
    }

    #[test]
    fn what_is_wrong_is_said_in_words() {
        let one = |name: &str, path: &str| format!("[[sources]]\nname = \"{name}\"\npath = \"{path}\"\n");
        for (text, said) in [
            (one("a", "x") + &one("a", "y"), "two sources have the name \"a\""),
            (one("a", ""), "has an empty path"),
            (one("", "x"), "is not made of 1 to 64"),
            (one("a/b", "x"), "is not made of 1 to 64"),
        ] {
            assert!(sources(&text).unwrap_err().contains(said), "{text}");
        }
        for bad in ["", "50", "half", "-1%", "101%", "NaN%", "inf%"] {
            let error = sources(&format!("{}max_delete = \"{bad}\"\n", one("a", "x"))).unwrap_err();
            assert!(error.contains("no percentage"), "{bad}: {error}");
        }
    }
}
