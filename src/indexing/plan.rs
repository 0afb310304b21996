//! What a mirror has to do: a pure function of what is there and what is known.

use std::collections::{BTreeMap, BTreeSet};

use super::scan::{FoundFile, Scan};
use crate::store::KnownSource;
use crate::types::DocumentId;

/// A file to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedRead {
    /// The file.
    pub file: FoundFile,
    /// What is known of it, when it may turn out to hold the same bytes.
    pub known: Option<KnownSource>,
    /// Whether it is read although its bytes may be the same, because the reader can do more than before.
    pub anew: bool,
}

/// What a mirror has to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Files that are new, look changed, or failed for a reason that may have passed.
    pub read: Vec<PlannedRead>,
    /// Documents whose file is gone.
    pub remove: Vec<(String, DocumentId)>,
    /// Files that look as they did.
    pub unchanged: usize,
    /// Of these, files that failed then and would fail again.
    pub unchanged_failed: usize,
}

/// Failures that another try may not repeat.
const PASSING_FAILURES: [&str; 5] = ["unreadable", "vanished", "crashed", "timeout", "changed"];

/// Compares a scan with what is known under the same root.
///
/// With `reads_more` the reader can do more than when they were read, so what failed or was read in part is read again.
pub fn plan(scan: &Scan, known: &BTreeMap<String, KnownSource>, reads_more: bool) -> Plan {
    let mut plan = Plan::default();
    let mut missing = known.clone();
    let files: BTreeSet<&str> = scan.files.iter().map(|file| file.uri.as_str()).collect();
    for file in &scan.files {
        match missing.remove(&file.uri) {
            Some(source) if looks_the_same(file, &source) && !(reads_more && source.is_incomplete()) => {
                plan.unchanged += 1;
                plan.unchanged_failed += usize::from(source.failure_code.is_some());
            }
            source => {
                let anew = reads_more && source.as_ref().is_some_and(KnownSource::is_incomplete);
                plan.read.push(PlannedRead { file: file.clone(), known: source, anew });
            }
        }
    }
    // What lies below a place that could not be looked at may well be there; and what came inside a file belongs to that file,
    // which another process may be reading at this moment.
    missing.retain(|uri, _| {
        let unseen = scan.problems.iter().any(|problem| is_at_or_below(uri, &problem.uri));
        !unseen && !parents(uri).any(|parent| files.contains(parent))
    });
    plan.remove = missing.into_iter().map(|(uri, source)| (uri, source.id)).collect();
    plan
}

fn looks_the_same(file: &FoundFile, known: &KnownSource) -> bool {
    let may_pass = known.failure_code.as_deref().is_some_and(|code| PASSING_FAILURES.contains(&code));
    !may_pass && file.bytes == known.stamp.bytes && file.modified_ns == known.stamp.modified_ns
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
    use crate::types::{CollectionName, SourceStamp};

    fn file(uri: &str, bytes: u64) -> FoundFile {
        FoundFile { uri: uri.to_owned(), path: uri.into(), bytes, modified_ns: 7 }
    }

    fn source(uri: &str, bytes: u64, failure: Option<&str>) -> (String, KnownSource) {
        let id = DocumentId::of(&CollectionName::default_name(), uri);
        let stamp = SourceStamp { bytes, modified_ns: 7, sha256: String::new() };
        (uri.to_owned(), KnownSource { id, stamp, failure_code: failure.map(str::to_owned), partial: false })
    }

    #[test]
    fn new_changed_gone_and_same_are_told_apart() {
        let scan = Scan { files: vec![file("d/new", 1), file("d/changed", 2), file("d/same", 3)], ..Scan::default() };
        let known = [source("d/changed", 9, None), source("d/same", 3, None), source("d/gone", 4, None)].into();
        let plan = plan(&scan, &known, false);
        let read: Vec<_> = plan.read.iter().map(|read| (read.file.uri.as_str(), read.known.is_some())).collect();
        assert_eq!(read, [("d/new", false), ("d/changed", true)]);
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
