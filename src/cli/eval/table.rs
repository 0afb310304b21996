//! Reports as tables in a terminal.

use std::time::Duration;

use crate::cli::output::{grouped, line};
use crate::cli::progress::duration;
use crate::eval::{Estimate, Expected, Found, ModeDifference, ModeReport, Report, SpanReport, WorstQuery};

/// Says what was measured, on how much, and how long it took.
pub(super) fn heading(report: &Report, indexed_in: Duration) {
    let setup = &report.setup;
    let mut asked = format!("{} questions", grouped(report.queries as u64));
    if report.unanswerable > 0 {
        asked.push_str(&format!(" ({} that nothing answers are left out)", grouped(report.unanswerable as u64)));
    }
    line(&format!(
        "{}: {asked}, {} documents in {} chunks of at most {} tokens, {}",
        report.dataset,
        grouped(setup.documents),
        grouped(setup.chunks),
        setup.chunk_tokens_max,
        setup.model.as_deref().unwrap_or("no embedding model")
    ));
    line(&format!(
        "indexed in {}, measured in {}; means with 95 % intervals, times of a search for 10 passages\n",
        duration(indexed_in),
        duration(Duration::from_secs_f64(report.measured_in_s.max(0.0)))
    ));
}

/// A row a mode, and another where passages that answer are known.
pub(super) fn modes(report: &Report) {
    let columns = ["mode", "nDCG@10", "recall@10", "recall@100", "MRR@10", "p50 ms", "p95 ms"];
    let mut rows = vec![columns.map(str::to_owned).to_vec()];
    rows.extend(report.modes.iter().map(mode_row));
    print(&rows);
    passages(report);
}

fn passages(report: &Report) {
    let measured: Vec<(&str, &SpanReport)> =
        report.modes.iter().filter_map(|mode| Some((mode.mode.as_str(), mode.spans.as_ref()?))).collect();
    let Some((_, first)) = measured.first() else { return };
    line(&format!(
        "\ncharacters of the first 5 chunks against those of the passages that answer {} questions",
        grouped(first.queries as u64)
    ));
    let mut rows = vec![["mode", "precision", "recall", "IoU"].map(str::to_owned).to_vec()];
    let row = |(mode, spans): &(&str, &SpanReport)| {
        vec![(*mode).to_owned(), shown(spans.precision), shown(spans.recall), shown(spans.iou)]
    };
    rows.extend(measured.iter().map(row));
    print(&rows);
}

fn mode_row(mode: &ModeReport) -> Vec<String> {
    let mut row = vec![mode.mode.clone()];
    row.extend([mode.ndcg_at_10, mode.recall_at_10, mode.recall_at_100, mode.mrr_at_10].map(shown));
    row.extend([mode.latency.p50_ms, mode.latency.p95_ms].map(|time| format!("{time:.1}")));
    row
}

/// A row a mode: how two reports differ in nDCG@10.
pub(super) fn differences(differences: &[ModeDifference], names: [&str; 2]) {
    if differences.is_empty() {
        line("no mode was measured both times");
        return;
    }
    let mut rows = vec![["nDCG@10", names[0], names[1], "difference", "p"].map(str::to_owned).to_vec()];
    for found in differences {
        let Estimate { mean, low, high } = found.difference;
        rows.push(vec![
            found.mode.clone(),
            format!("{:.4}", found.mean_before),
            format!("{:.4}", found.mean_after),
            format!("{mean:+.4} [{low:+.4}, {high:+.4}]"),
            format!("{:.4}", found.p_value),
        ]);
    }
    print(&rows);
}

/// The questions that did worst, with what was expected and what was found.
pub(super) fn worst(queries: &[WorstQuery]) {
    if !queries.is_empty() {
        line("\nthe questions that did worst:");
    }
    for query in queries {
        line(&format!("\n{:.3}  {}  {}", query.ndcg_at_10, query.id, query.query));
        query.expected.iter().for_each(|expected| line(&expected_line(expected)));
        query.found.iter().enumerate().for_each(|(at, found)| line(&found_line(at + 1, found)));
    }
}

fn expected_line(expected: &Expected) -> String {
    let place = expected.rank.map_or("not found".to_owned(), |rank| format!("found at {rank}"));
    format!("   expected {} ({place})", expected.document)
}

fn found_line(place: usize, found: &Found) -> String {
    format!("   {place}. {} ({:.3}) {}", found.document, found.score, found.passage)
}

fn shown(estimate: Estimate) -> String {
    format!("{:.4} [{:.3}, {:.3}]", estimate.mean, estimate.low, estimate.high)
}

/// Prints rows with columns of one width each.
fn print(rows: &[Vec<String>]) {
    let columns = rows.first().map_or(0, Vec::len);
    let widest = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(widest).collect();
    for row in rows {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        line(cells.join("  ").trim_end());
    }
}
