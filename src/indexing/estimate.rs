//! What a plan will take, by what earlier ingests took: for each kind of file its bytes, time, pages and chunks, and the time
//! of an embedded text. Kept in the truth, the older the less it counts.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::plan::Plan;
use crate::store::{Store, StoreError};

/// The setting that holds them.
const RATES_SETTING: &str = "ingest_rates";

/// Kinds of files that take about the same time for a byte, by the extension of their name.
const KINDS: [(&str, &[&str]); 3] = [
    ("pdf", &["pdf"]),
    ("office", &["docx", "xlsx", "pptx", "odt", "ods", "odp", "doc", "xls", "ppt", "hwp", "hwpx", "epub", "rtf"]),
    ("archive", &["zip", "tar", "gz", "tgz", "mbox", "eml", "msg"]),
];
/// Every other file.
const TEXT: &str = "text";

/// What is known of a kind of file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct KindRate {
    bytes: f64,
    seconds: f64,
    pages: f64,
    chunks: f64,
}

/// What is known of all of them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Rates {
    kinds: BTreeMap<String, KindRate>,
    texts: f64,
    embedding_seconds: f64,
}

/// What a plan will take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Estimate {
    /// Bytes to read.
    pub bytes: u64,
    /// Pages of files that have pages, about.
    pub pages: u64,
    /// Chunks that will be made, about.
    pub chunks: u64,
    /// Seconds until all words are found, about.
    pub words_s: u64,
    /// Seconds until all meaning is found, about; as long as the words where nothing is embedded.
    pub meaning_s: u64,
}

/// The kind of a file.
fn kind_of(uri: &str) -> &'static str {
    let extension = uri.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase()).unwrap_or_default();
    KINDS.iter().find(|(_, extensions)| extensions.contains(&extension.as_str())).map_or(TEXT, |(kind, _)| kind)
}

/// What a machine of two cores was measured to do, until this one has done something itself.
fn usual(kind: &str) -> KindRate {
    let (seconds, pages, chunks) = match kind {
        "pdf" => (1.0, 25.0, 50.0),
        "office" => (0.4, 0.0, 200.0),
        "archive" => (0.5, 0.0, 1_000.0),
        _ => (0.2, 0.0, 1_200.0),
    };
    KindRate { bytes: 1e6, seconds, pages, chunks }
}

impl Rates {
    /// Counts a file.
    pub(super) fn read(&mut self, uri: &str, bytes: u64, took: Duration, pages: usize, chunks: usize) {
        let rate = self.kinds.entry(kind_of(uri).to_owned()).or_default();
        rate.bytes += bytes as f64;
        rate.seconds += took.as_secs_f64();
        rate.pages += pages as f64;
        rate.chunks += chunks as f64;
    }

    /// Counts texts that were embedded.
    pub(super) fn embedded(&mut self, texts: u64, took: Duration) {
        self.texts += texts as f64;
        self.embedding_seconds += took.as_secs_f64();
    }

    /// With what is known newly, which counts twice as much as the same of before.
    pub(super) fn with(mut self, newer: &Self) -> Self {
        for (kind, rate) in &newer.kinds {
            let known = self.kinds.entry(kind.clone()).or_default();
            let aged = |old: f64, new: f64| old / 2.0 + new;
            *known = KindRate {
                bytes: aged(known.bytes, rate.bytes),
                seconds: aged(known.seconds, rate.seconds),
                pages: aged(known.pages, rate.pages),
                chunks: aged(known.chunks, rate.chunks),
            };
        }
        if newer.texts > 0.0 {
            self.texts = self.texts / 2.0 + newer.texts;
            self.embedding_seconds = self.embedding_seconds / 2.0 + newer.embedding_seconds;
        }
        self
    }

    /// Adds these to what the truth has, which then has them.
    pub(super) async fn keep(&self, store: &dyn Store) -> Result<(), StoreError> {
        if *self == Self::default() {
            return Ok(());
        }
        let kept = Self::known(store).await?.with(self);
        let text = serde_json::to_string(&kept).unwrap_or_default();
        store.set_setting(RATES_SETTING, &text).await
    }

    /// What the truth has.
    pub(super) async fn known(store: &dyn Store) -> Result<Self, StoreError> {
        let kept = store.setting(RATES_SETTING).await?;
        Ok(kept.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
    }

    /// What a plan will take on so many lanes; `embeds` says whether anything is embedded.
    pub(super) fn estimate(&self, plan: &Plan, lanes: usize, embeds: bool) -> Estimate {
        /// Texts a second of the default model on two cores.
        const USUAL_TEXTS_PER_SECOND: f64 = 30.0;
        let mut whole = KindRate::default();
        for read in &plan.read {
            let kind = kind_of(&read.file.uri);
            let known = self.kinds.get(kind).copied().filter(|rate| rate.bytes > 1e5).unwrap_or_else(|| usual(kind));
            let share = read.file.bytes as f64 / known.bytes;
            whole.seconds += known.seconds * share;
            whole.pages += known.pages * share;
            whole.chunks += known.chunks * share;
        }
        let words = whole.seconds / lanes.max(1) as f64;
        let per_second =
            if self.embedding_seconds > 1.0 { self.texts / self.embedding_seconds } else { USUAL_TEXTS_PER_SECOND };
        let meaning = if embeds { words.max(whole.chunks / per_second.max(0.01)) } else { words };
        Estimate {
            bytes: plan.read.iter().map(|read| read.file.bytes).sum(),
            pages: whole.pages.round() as u64,
            chunks: whole.chunks.round() as u64,
            words_s: words.ceil() as u64,
            meaning_s: meaning.ceil() as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::plan::PlannedRead;
    use super::super::scan::FoundFile;
    use super::*;

    fn plan(files: &[(&str, u64)]) -> Plan {
        let read = |(uri, bytes): &(&str, u64)| PlannedRead {
            file: FoundFile { uri: (*uri).to_owned(), path: uri.into(), bytes: *bytes, modified_ns: 0 },
            known: None,
            anew: false,
        };
        Plan { read: files.iter().map(read).collect(), ..Plan::default() }
    }

    #[test]
    fn what_was_measured_is_what_is_estimated() {
        let mut rates = Rates::default();
        rates.read("d/a.pdf", 1_000_000, Duration::from_secs(2), 100, 400);
        rates.embedded(100, Duration::from_secs(10));
        let said = rates.estimate(&plan(&[("d/x.PDF", 500_000), ("d/y.pdf", 500_000)]), 2, true);
        assert_eq!((said.bytes, said.pages, said.chunks), (1_000_000, 100, 400));
        assert_eq!((said.words_s, said.meaning_s), (1, 40));
        assert_eq!(rates.estimate(&plan(&[("d/x.pdf", 1_000_000)]), 1, false).meaning_s, 2);
        // What is newer counts more.
        let mut newer = Rates::default();
        newer.read("d/a.pdf", 1_000_000, Duration::from_secs(8), 100, 400);
        let both = rates.with(&newer).estimate(&plan(&[("d/x.pdf", 1_500_000)]), 1, false);
        assert_eq!(both.words_s, 9);
    }

    #[test]
    fn without_a_measurement_there_is_still_an_estimate() {
        let said = Rates::default().estimate(&plan(&[("d/a.md", 10_000_000)]), 2, true);
        assert!(said.words_s >= 1 && said.meaning_s > said.words_s && said.pages == 0, "{said:?}");
        assert_eq!(Rates::default().estimate(&Plan::default(), 2, true), Estimate::default());
    }
}
