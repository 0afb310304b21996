//! What a mirror has to do: a pure function of what is there and what is known, in two steps. [`compare`] looks at names,
//! lengths and dates, and says which files have to be hashed to tell; [`Draft::settle`] is given the hashes.

use std::collections::{BTreeMap, BTreeSet};

use super::scan::{FoundFile, Scan};
use crate::store::KnownSource;
use crate::types::{DocumentId, SourceStamp, TaskAction};

/// A file to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedRead {
    /// The file.
    pub file: FoundFile,
    /// What is known of it, when it may turn out to hold the same bytes.
    pub known: Option<KnownSource>,
    /// Whether it is read although its bytes may be the same, because the reader can do more than before or somebody asked.
    pub anew: bool,
}

impl PlannedRead {
    /// What is to be done, in a word.
    pub fn action(&self) -> TaskAction {
        match &self.known {
            None => TaskAction::Add,
            Some(known) if known.failure_code.is_some() => TaskAction::Retry,
            Some(_) => TaskAction::Change,
        }
    }
}

/// A file that has another name, and the bytes that it had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedMove {
    /// Its URI of before.
    pub from_uri: String,
    /// The document under it.
    pub from: DocumentId,
    /// The file now.
    pub file: FoundFile,
    /// What it looks like now.
    pub stamp: SourceStamp,
}

/// What a mirror has to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Files that are new, look changed, or failed for a reason that may have passed.
    pub read: Vec<PlannedRead>,
    /// Files that have another name.
    pub moved: Vec<PlannedMove>,
    /// Documents whose file is gone.
    pub remove: Vec<(String, DocumentId)>,
    /// Files with another date and the bytes of before.
    pub touched: Vec<(DocumentId, SourceStamp)>,
    /// Files that look as they did, or have the bytes of before.
    pub unchanged: usize,
    /// Of these, files that failed then and would fail again.
    pub unchanged_failed: usize,
    /// How many documents are known below the root.
    pub known: usize,
}

/// How a plan judges.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct PlanRules {
    /// The reader can do more than when they were read, so what failed or was read in part is read again.
    pub reads_more: bool,
    /// Files of the same length and date are hashed, too.
    pub checksum: bool,
    /// Everything that failed is tried again, whatever the reason.
    pub retry_failed: bool,
    /// What failed for a reason that may have passed is tried again only after the time that was set for it.
    pub after_back_off: bool,
    /// Milliseconds since 1970 (UTC).
    pub now_ms: i64,
}

/// Failures that another try may not repeat.
pub(super) const PASSING_FAILURES: [&str; 5] = ["unreadable", "vanished", "crashed", "timeout", "changed"];

/// What is known after a look at names, lengths and dates.
#[derive(Debug, Default)]
pub(super) struct Draft {
    plan: Plan,
    /// Files of the same length that have to be hashed.
    doubtful: Vec<(FoundFile, KnownSource)>,
    /// New files that have the length of one that is gone.
    arrived: Vec<FoundFile>,
    /// Documents whose file is gone, by URI.
    missing: BTreeMap<String, KnownSource>,
    reads_more: bool,
}

/// Compares a scan with what is known under the same root.
pub(super) fn compare(scan: &Scan, known: BTreeMap<String, KnownSource>, rules: &PlanRules) -> Draft {
    let mut draft = Draft { plan: Plan { known: known.len(), ..Plan::default() }, ..Draft::default() };
    let mut missing = known;
    let files: BTreeSet<&str> = scan.files.iter().map(|file| file.uri.as_str()).collect();
    let mut new = Vec::new();
    for file in &scan.files {
        match missing.remove(&file.uri) {
            None => new.push(file.clone()),
            Some(source) => draft.judge(file.clone(), source, rules),
        }
    }
    // What lies below a place that could not be looked at may well be there; and what came inside a file belongs to that file,
    // which another process may be reading at this moment.
    missing.retain(|uri, _| {
        let unseen = scan.problems.iter().any(|problem| is_at_or_below(uri, &problem.uri));
        !unseen && !parents(uri).any(|parent| files.contains(parent))
    });
    let movable: BTreeSet<u64> =
        missing.values().filter(|source| may_move(source, rules.reads_more)).map(|source| source.stamp.bytes).collect();
    let (arrived, added) = new.into_iter().partition(|file| movable.contains(&file.bytes));
    draft.arrived = arrived;
    (draft.missing, draft.reads_more) = (missing, rules.reads_more);
    draft.plan.read.extend(added.into_iter().map(|file| PlannedRead { file, known: None, anew: false }));
    draft
}

impl Draft {
    fn judge(&mut self, file: FoundFile, source: KnownSource, rules: &PlanRules) {
        let anew = (rules.reads_more && source.is_incomplete())
            || (rules.retry_failed && source.failure_code.is_some())
            || (may_pass(&source) && !(rules.after_back_off && waits(&source, rules.now_ms)));
        let dated = file.bytes == source.stamp.bytes && file.modified_ns == source.stamp.modified_ns;
        if anew {
            self.plan.read.push(PlannedRead { file, known: Some(source), anew });
        } else if dated && !rules.checksum {
            self.plan.unchanged += 1;
            self.plan.unchanged_failed += usize::from(source.failure_code.is_some());
        } else if file.bytes == source.stamp.bytes && !source.stamp.sha256.is_empty() {
            self.doubtful.push((file, source));
        } else {
            self.plan.read.push(PlannedRead { file, known: Some(source), anew: false });
        }
    }

    /// The files that have to be hashed to tell.
    pub(super) fn doubts(&self) -> impl Iterator<Item = &FoundFile> {
        self.doubtful.iter().map(|(file, _)| file).chain(&self.arrived)
    }

    /// The plan, by what the doubtful files hold. One that could not be hashed is read, which says why.
    pub(super) fn settle(mut self, stamps: &BTreeMap<String, SourceStamp>) -> Plan {
        for (file, source) in std::mem::take(&mut self.doubtful) {
            match stamps.get(&file.uri).filter(|stamp| stamp.sha256 == source.stamp.sha256) {
                Some(stamp) => {
                    self.plan.unchanged += 1;
                    self.plan.unchanged_failed += usize::from(source.failure_code.is_some());
                    if *stamp != source.stamp {
                        self.plan.touched.push((source.id, stamp.clone()));
                    }
                }
                None => self.plan.read.push(PlannedRead { file, known: Some(source), anew: false }),
            }
        }
        let mut gone: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (uri, source) in self.missing.iter().rev().filter(|(_, source)| may_move(source, self.reads_more)) {
            gone.entry(source.stamp.sha256.as_str()).or_default().push(uri);
        }
        let mut left = BTreeSet::new();
        for file in std::mem::take(&mut self.arrived) {
            let stamp = stamps.get(&file.uri);
            let twins = stamp.and_then(|stamp| gone.get_mut(stamp.sha256.as_str()));
            let from = twins.and_then(|twins| taken(twins, &file.uri));
            match (from, stamp) {
                (Some(from), Some(stamp)) => {
                    left.insert(from.to_owned());
                    let (from_uri, from) = (from.to_owned(), self.missing[from].id);
                    self.plan.moved.push(PlannedMove { from_uri, from, file, stamp: stamp.clone() });
                }
                _ => self.plan.read.push(PlannedRead { file, known: None, anew: false }),
            }
        }
        let stays = |uri: &str| left.contains(uri) || parents(uri).any(|parent| left.contains(parent));
        self.plan.remove =
            self.missing.iter().filter(|(uri, _)| !stays(uri)).map(|(uri, source)| (uri.clone(), source.id)).collect();
        self.plan.read.sort_by(|a, b| a.file.uri.cmp(&b.file.uri));
        self.plan
    }
}

/// Takes the URI that a file probably had: one with the same last part before others, and only such as were read alike. Of
/// very many copies only some are looked at.
fn taken<'a>(twins: &mut Vec<&'a str>, uri: &str) -> Option<&'a str> {
    const LOOKED_AT: usize = 64;
    fn name(place: &str) -> &str {
        place.rsplit('/').next().unwrap_or_default()
    }
    fn kind(place: &str) -> Option<&str> {
        name(place).rsplit_once('.').map(|(_, extension)| extension)
    }
    let is_alike = |place: &usize| match (kind(twins[*place]), kind(uri)) {
        (Some(one), Some(other)) => one.eq_ignore_ascii_case(other),
        (one, other) => one == other,
    };
    let alike: Vec<usize> = (0..twins.len()).rev().take(LOOKED_AT).filter(is_alike).collect();
    let named = alike.iter().find(|place| name(twins[**place]) == name(uri));
    named.or(alike.first()).map(|place| twins.remove(*place))
}

/// Whether its text can be had under another name: all of it, as the reader of today would read it.
fn may_move(source: &KnownSource, reads_more: bool) -> bool {
    let is_whole = !(reads_more && source.is_incomplete());
    is_whole && source.failure_code.is_none() && !source.stamp.sha256.is_empty()
}

fn may_pass(source: &KnownSource) -> bool {
    source.failure_code.as_deref().is_some_and(|code| PASSING_FAILURES.contains(&code))
}

fn waits(source: &KnownSource, now_ms: i64) -> bool {
    source.retry_at_ms.is_some_and(|at| at > now_ms)
}

/// The places above a URI, the nearest first.
fn parents(uri: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(uri.rsplit_once('/'), |(parent, _)| parent.rsplit_once('/')).map(|(parent, _)| parent)
}

fn is_at_or_below(uri: &str, place: &str) -> bool {
    uri.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::scan::ScanProblem;
    use super::*;
    use crate::types::CollectionName;

    fn file(uri: &str, bytes: u64) -> FoundFile {
        FoundFile { uri: uri.to_owned(), path: uri.into(), bytes, modified_ns: 7 }
    }

    fn source(uri: &str, bytes: u64, failure: Option<&str>) -> (String, KnownSource) {
        let id = DocumentId::of(&CollectionName::default_name(), uri);
        let stamp = SourceStamp { bytes, modified_ns: 7, sha256: String::new() };
        let failure_code = failure.map(str::to_owned);
        (uri.to_owned(), KnownSource { id, stamp, failure_code, partial: false, retry_at_ms: None })
    }

    fn hashed(uri: &str, bytes: u64, modified_ns: i64, sha256: &str) -> (String, KnownSource) {
        let (uri, known) = source(uri, bytes, None);
        (uri, KnownSource { stamp: SourceStamp { bytes, modified_ns, sha256: sha256.to_owned() }, ..known })
    }

    fn stamps(entries: &[(&str, u64, &str)]) -> BTreeMap<String, SourceStamp> {
        let stamp = |bytes, sha256: &str| SourceStamp { bytes, modified_ns: 7, sha256: sha256.to_owned() };
        entries.iter().map(|(uri, bytes, sha256)| ((*uri).to_owned(), stamp(*bytes, sha256))).collect()
    }

    fn plan(scan: &Scan, known: &BTreeMap<String, KnownSource>, reads_more: bool) -> Plan {
        let rules = PlanRules { reads_more, ..PlanRules::default() };
        compare(scan, known.clone(), &rules).settle(&BTreeMap::new())
    }

    #[test]
    fn a_file_of_another_date_is_hashed_before_it_is_read() {
        let scan = Scan { files: vec![file("d/touched", 3), file("d/edited", 3)], ..Scan::default() };
        let known: BTreeMap<_, _> = [hashed("d/touched", 3, 1, "aa"), hashed("d/edited", 3, 1, "bb")].into();
        let draft = compare(&scan, known, &PlanRules::default());
        assert_eq!(draft.doubts().count(), 2);
        let plan = draft.settle(&stamps(&[("d/touched", 3, "aa"), ("d/edited", 3, "cc")]));
        assert_eq!((plan.unchanged, plan.touched.len(), plan.read.len()), (1, 1, 1));
        assert_eq!(plan.read[0].file.uri, "d/edited");
    }

    #[test]
    fn checksums_find_an_edit_without_a_trace() {
        let scan = Scan { files: vec![file("d/a", 3)], ..Scan::default() };
        let known: BTreeMap<_, _> = [hashed("d/a", 3, 7, "aa")].into();
        assert_eq!(plan(&scan, &known, false).unchanged, 1);
        let draft = compare(&scan, known, &PlanRules { checksum: true, ..PlanRules::default() });
        assert_eq!(draft.settle(&stamps(&[("d/a", 3, "bb")])).read.len(), 1);
    }

    #[test]
    fn a_file_under_another_name_moves_and_the_rest_comes_and_goes() {
        let files = vec![file("d/new/a.md", 3), file("d/b2.md", 3), file("d/c.txt", 3), file("d/e.md", 3)];
        let known = [
            hashed("d/a.md", 3, 7, "aa"),
            hashed("d/b.md", 3, 7, "aa"),
            hashed("d/c.md", 3, 7, "cc"),
            hashed("d/c.md/inside.md", 1, 7, ""),
        ];
        let draft = compare(&Scan { files, ..Scan::default() }, known.into(), &PlanRules::default());
        let hashes = [("d/new/a.md", 3, "aa"), ("d/b2.md", 3, "aa"), ("d/c.txt", 3, "cc"), ("d/e.md", 3, "ee")];
        let plan = draft.settle(&stamps(&hashes));
        let mut moved: Vec<_> =
            plan.moved.iter().map(|moved| (moved.from_uri.as_str(), moved.file.uri.as_str())).collect();
        moved.sort_unstable();
        assert_eq!(moved, [("d/a.md", "d/new/a.md"), ("d/b.md", "d/b2.md")]);
        // Another extension may be another reader.
        let read: Vec<_> = plan.read.iter().map(|read| read.file.uri.as_str()).collect();
        assert_eq!(read, ["d/c.txt", "d/e.md"]);
        let removed: Vec<_> = plan.remove.iter().map(|(uri, _)| uri.as_str()).collect();
        assert_eq!(removed, ["d/c.md", "d/c.md/inside.md"]);
    }

    #[test]
    fn what_failed_waits_for_its_time_or_for_somebody_to_ask() {
        let scan = Scan { files: vec![file("d/crash", 1), file("d/empty", 1)], ..Scan::default() };
        let waiting = |(uri, known): (String, KnownSource)| (uri, KnownSource { retry_at_ms: Some(100), ..known });
        let known: BTreeMap<_, _> =
            [waiting(source("d/crash", 1, Some("crashed"))), source("d/empty", 1, Some("empty"))].into();
        let read = |rules: PlanRules| compare(&scan, known.clone(), &rules).settle(&BTreeMap::new()).read.len();
        let patient = PlanRules { after_back_off: true, now_ms: 99, ..PlanRules::default() };
        assert_eq!(read(patient), 0);
        assert_eq!(read(PlanRules { now_ms: 100, ..patient }), 1);
        assert_eq!(read(PlanRules { retry_failed: true, ..patient }), 2);
    }

    #[test]
    fn new_changed_gone_and_same_are_told_apart() {
        let scan = Scan { files: vec![file("d/new", 1), file("d/changed", 2), file("d/same", 3)], ..Scan::default() };
        let known = [source("d/changed", 9, None), source("d/same", 3, None), source("d/gone", 4, None)].into();
        let plan = plan(&scan, &known, false);
        let read: Vec<_> = plan.read.iter().map(|read| (read.file.uri.as_str(), read.known.is_some())).collect();
        assert_eq!(read, [("d/changed", true), ("d/new", false)]);
        assert_eq!(plan.remove[0].0, "d/gone");
        assert_eq!(plan.unchanged, 1);
    }

    #[test]
    fn nothing_below_an_unreadable_folder_is_removed() {
        let problems = vec![ScanProblem { uri: "d/locked".to_owned(), reason: "permission denied".to_owned() }];
        let scan = Scan { problems, ..Scan::default() };
        let known = [source("d/locked/a", 1, None), source("d/locked2", 1, None)].into();
        let removed: Vec<_> = plan(&scan, &known, false).remove.into_iter().map(|(uri, _)| uri).collect();
        assert_eq!(removed, ["d/locked2"]);
    }

    #[test]
    fn only_failures_that_can_pass_are_tried_again() {
        let scan = Scan { files: vec![file("d/crash", 1), file("d/empty", 1)], ..Scan::default() };
        let known = [source("d/crash", 1, Some("crashed")), source("d/empty", 1, Some("empty"))].into();
        let planned = plan(&scan, &known, false);
        assert_eq!(planned.read.len(), 1);
        assert_eq!(planned.unchanged_failed, 1);
        assert_eq!(plan(&scan, &known, true).read.len(), 2, "a reader that can do more tries all of them");
    }

    #[test]
    fn what_is_inside_a_file_is_left_to_that_file() {
        let scan = Scan { files: vec![file("d/a.zip", 1)], ..Scan::default() };
        let known = [source("d/a.zip/x/y.md", 1, None), source("d/b.zip/x.md", 1, None)].into();
        let removed: Vec<_> = plan(&scan, &known, false).remove.into_iter().map(|(uri, _)| uri).collect();
        assert_eq!(removed, ["d/b.zip/x.md"]);
    }

    proptest! {
        #[test]
        fn a_plan_accounts_for_every_file_and_every_document(
            here in proptest::collection::btree_map("[a-e]", 0_u64..3, 0..6),
            there in proptest::collection::btree_map("[a-e]", 0_u64..3, 0..6),
        ) {
            let scan = Scan { files: here.iter().map(|(uri, bytes)| file(uri, *bytes)).collect(), ..Scan::default() };
            let known = there.iter().map(|(uri, bytes)| source(uri, *bytes, None)).collect();
            let plan = plan(&scan, &known, false);
            prop_assert_eq!(plan.read.len() + plan.unchanged, here.len());
            let after = plan.read.iter().map(|read| read.file.uri.clone()).filter(|uri| there.contains_key(uri)).count();
            prop_assert_eq!(after + plan.unchanged + plan.remove.len(), there.len());
        }
    }
}
