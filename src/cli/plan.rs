//! `ibid ingest --plan`: what an ingest would do, and nothing done.

use std::path::PathBuf;

use serde_json::json;

use super::output::{self, grouped, line, printable};
use super::progress::duration;
use super::{Common, Outcome};
use crate::boot::Booted;
use crate::indexing::{Estimate, Ignored, MirrorOptions, PlannedRoot};
use crate::types::TaskAction;

pub(super) async fn show(
    common: &Common,
    booted: &Booted,
    roots: &[PathBuf],
    options: MirrorOptions,
) -> anyhow::Result<Outcome> {
    let mirror = booted.app.indexer.mirror(options.clone());
    for root in roots {
        let planned = mirror.plan(root).await?;
        let ignored = planned.ignored(&options);
        let estimate = mirror.estimate(&planned.plan).await?;
        if common.json {
            as_json(&planned, &ignored, &estimate)?;
        } else {
            as_text(&planned, &ignored, &estimate);
        }
    }
    Ok(Outcome::Done)
}

fn as_json(planned: &PlannedRoot, ignored: &[Ignored], estimate: &Estimate) -> anyhow::Result<()> {
    let plan = &planned.plan;
    let read: Vec<_> = plan
        .read
        .iter()
        .map(|read| json!({"uri": read.file.uri, "bytes": read.file.bytes, "action": read.action()}))
        .collect();
    let moved: Vec<_> = plan
        .moved
        .iter()
        .map(|moved| json!({"from": moved.from_uri, "uri": moved.file.uri, "bytes": moved.file.bytes}))
        .collect();
    let remove: Vec<_> = plan.remove.iter().map(|(uri, _)| uri).collect();
    let problems: Vec<_> =
        planned.scan.problems.iter().map(|problem| json!({"uri": problem.uri, "reason": problem.reason})).collect();
    output::json(&json!({
        "root": planned.name,
        "read": read,
        "move": moved,
        "remove": remove,
        "unchanged": plan.unchanged,
        "ignored": ignored,
        "problems": problems,
        "counts": {
            "add": count(planned, TaskAction::Add),
            "change": count(planned, TaskAction::Change),
            "retry": count(planned, TaskAction::Retry),
            "move": plan.moved.len(),
            "remove": plan.remove.len(),
            "unchanged": plan.unchanged,
            "ignored": ignored.len(),
        },
        "estimate": estimate,
    }))
}

fn as_text(planned: &PlannedRoot, ignored: &[Ignored], estimate: &Estimate) {
    let plan = &planned.plan;
    for read in &plan.read {
        line(&format!("{:<7} {}", read.action().as_str(), printable(&read.file.uri)));
    }
    for moved in &plan.moved {
        line(&format!("move    {} -> {}", printable(&moved.from_uri), printable(&moved.file.uri)));
    }
    plan.remove.iter().for_each(|(uri, _)| line(&format!("delete  {}", printable(uri))));
    ignored.iter().for_each(|entry| line(&format!("ignore  {} ({})", printable(&entry.uri), entry.reason)));
    for problem in &planned.scan.problems {
        line(&format!("cannot look at {}: {}", printable(&problem.uri), problem.reason));
    }
    line(&format!(
        "{}: {} to add, {} to change, {} to try again, {} to move, {} to delete, {} unchanged, {} ignored",
        printable(&planned.name),
        grouped(count(planned, TaskAction::Add)),
        grouped(count(planned, TaskAction::Change)),
        grouped(count(planned, TaskAction::Retry)),
        grouped(plan.moved.len() as u64),
        grouped(plan.remove.len() as u64),
        grouped(plan.unchanged as u64),
        grouped(ignored.len() as u64)
    ));
    let time = |seconds| duration(std::time::Duration::from_secs(seconds));
    line(&format!(
        "{:.1} MB to read, about {} pages and {} chunks: about {} until words are found, {} until meaning is; nothing was done",
        estimate.bytes as f64 / 1e6,
        grouped(estimate.pages),
        grouped(estimate.chunks),
        time(estimate.words_s),
        time(estimate.meaning_s)
    ));
}

fn count(planned: &PlannedRoot, action: TaskAction) -> u64 {
    planned.plan.read.iter().filter(|read| read.action() == action).count() as u64
}
