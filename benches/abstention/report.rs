//! What coefficients are worth on questions: refusals by set, precision and recall of refusing, and the area under the curve.

use std::collections::BTreeMap;

use super::asked::{Asked, Kind};

/// A question with the log-odds that it is answered.
pub(crate) struct Judged<'a> {
    pub(crate) asked: &'a Asked,
    pub(crate) log_odds: f32,
}

impl Judged<'_> {
    fn is_refused(&self) -> bool {
        self.log_odds < 0.0
    }

    /// Whether it should be answered: the passages that do so are there.
    fn is_answered(&self) -> bool {
        self.asked.kind == Kind::Answered && self.asked.found
    }
}

/// Questions of one set and kind.
#[derive(Default)]
struct Row {
    all: usize,
    refused: usize,
    found: usize,
    found_refused: usize,
}

/// Prints how many of each set are refused.
pub(crate) fn print_sets(judged: &[Judged<'_>]) {
    println!("{:<44} {:>10} {:>9} {:>9} {:>9}", "set", "", "questions", "refused", "of found");
    let mut rows: BTreeMap<(Kind, &str), Row> = BTreeMap::new();
    for it in judged {
        let row = rows.entry((it.asked.kind, &it.asked.set)).or_default();
        row.all += 1;
        row.refused += usize::from(it.is_refused());
        row.found += usize::from(it.asked.found);
        row.found_refused += usize::from(it.asked.found && it.is_refused());
    }
    for ((kind, set), row) in &rows {
        let kind_name = format!("{kind:?}").to_lowercase();
        let of_found = if row.found > 0 { percent(row.found_refused, row.found) } else { String::new() };
        println!("{set:<44} {kind_name:>10} {:>9} {:>9} {of_found:>9}", row.all, percent(row.refused, row.all));
    }
    for kind in [Kind::Answered, Kind::Near, Kind::Elsewhere] {
        let of_kind = || rows.iter().filter(|(key, _)| key.0 == kind).map(|(_, row)| row);
        let share = |row: &Row| match kind {
            Kind::Answered => row.found_refused as f64 / row.found.max(1) as f64,
            Kind::Near | Kind::Elsewhere => row.refused as f64 / row.all.max(1) as f64,
        };
        let mean = of_kind().map(share).sum::<f64>() / of_kind().count().max(1) as f64;
        println!("mean over sets, {kind:?}: {:.1} % refused", 100.0 * mean);
    }
}

/// Prints precision and recall of refusing what is near the documents of a set and not in them, at the threshold and around it.
pub(crate) fn print_near(judged: &[Judged<'_>]) {
    let near: Vec<&str> =
        judged.iter().filter(|it| it.asked.kind == Kind::Near).map(|it| it.asked.set.as_str()).collect();
    let of_set = || judged.iter().filter(|it| near.contains(&it.asked.set.as_str()));
    println!(
        "{:<24} {:>9} {:>9} {:>9} {:>15}",
        "refusing, log-odds below", "precision", "recall", "F1", "false refusals"
    );
    for threshold in [-2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0] {
        let refused = || of_set().filter(|it| it.log_odds < threshold);
        let rightly = refused().filter(|it| !it.is_answered()).count() as f64;
        let all = of_set().filter(|it| !it.is_answered()).count().max(1) as f64;
        let precision = rightly / refused().count().max(1) as f64;
        let recall = rightly / all;
        let f1 = 2.0 * precision * recall / (precision + recall).max(1e-9);
        let answered = of_set().filter(|it| it.is_answered()).count();
        let wrongly = refused().filter(|it| it.is_answered()).count();
        println!("{threshold:<24} {precision:>9.3} {recall:>9.3} {f1:>9.3} {:>15}", percent(wrongly, answered));
    }
    let odds = |is_answered: bool| {
        of_set().filter(|it| it.is_answered() == is_answered).map(|it| it.log_odds).collect::<Vec<f32>>()
    };
    println!("AUC, near: {:.3}", area(&odds(true), &odds(false)));
    let all = |is_answered: bool| {
        let meant =
            judged.iter().filter(|it| if is_answered { it.is_answered() } else { it.asked.kind == Kind::Elsewhere });
        meant.map(|it| it.log_odds).collect::<Vec<f32>>()
    };
    println!("AUC, elsewhere: {:.3}", area(&all(true), &all(false)));
}

/// How often an answered question stands above one that is not: the area under the ROC curve.
fn area(answered: &[f32], others: &[f32]) -> f64 {
    let mut all: Vec<(f32, bool)> = answered.iter().map(|odds| (*odds, true)).collect();
    all.extend(others.iter().map(|odds| (*odds, false)));
    all.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
    let (mut below, mut above) = (0_u64, 0_u64);
    for (_, is_answered) in all {
        if is_answered {
            above += below;
        } else {
            below += 1;
        }
    }
    above as f64 / (answered.len() * others.len()).max(1) as f64
}

fn percent(part: usize, whole: usize) -> String {
    format!("{:.1} %", 100.0 * part as f64 / whole.max(1) as f64)
}
