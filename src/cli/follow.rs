//! `ibid ingest --watch`: goes on with a folder as it changes.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::Common;
use super::output::{self, grouped, line};
use super::serve::{source_ingest, stop_signal};
use crate::boot::{Booted, now_ms};
use crate::indexing::{
    DeletionPolicy, IngestJob, MirrorEvent, MirrorOptions, Source, SourceIngest, SourceListener, Sources, WatchOptions,
};
use crate::types::IngestState;

/// How often the whole folder is looked at, because events of the file system get lost.
const EVERY: Duration = Duration::from_secs(300);

/// Follows the folders of a job until the process is told to stop.
pub(super) async fn follow(common: &Common, booted: &Booted, job: IngestJob) -> anyhow::Result<()> {
    let options = MirrorOptions {
        // Nobody is there to be asked, and what was agreed to once is not agreed to for ever.
        deletion: DeletionPolicy { withhold: true, confirmed: false, ..job.options.deletion },
        after_back_off: true,
        checksum: false,
        retry_failed: false,
        ..job.options
    };
    let source = Source {
        name: "folder".to_owned(),
        job: IngestJob { roots: job.roots, options },
        every: Some(EVERY),
        watch: Some(WatchOptions::without(booted.app.folder.clone())),
    };
    let sources = Sources::new(vec![source], now_ms);
    if !common.json {
        line("following the folder (Ctrl-C stops)");
    }
    let (stop, stopped) = watch::channel(false);
    let (ingest, as_json) = (source_ingest(booted), common.json);
    let said: SourceIngest = Arc::new(move |wanted, listener| {
        let both: SourceListener = Arc::new(move |event: &MirrorEvent| {
            listener(event);
            say(event, as_json);
        });
        ingest(wanted, both)
    });
    let ending = async {
        stop_signal().await;
        stop.send_replace(true);
        booted.app.indexer.ingests().list().iter().for_each(|live| live.cancel());
    };
    tokio::join!(sources.run(said, 1, stopped.clone()), booted.app.indexer.run(stopped), ending);
    Ok(())
}

/// Says what was done, when anything was.
fn say(event: &MirrorEvent, as_json: bool) {
    if as_json {
        drop(output::json(event));
        return;
    }
    match event {
        MirrorEvent::Ended { state: IngestState::Finished, summary: Some(done), .. } => {
            let counts = [
                (done.added, "added"),
                (done.changed, "changed"),
                (done.moved, "moved"),
                (done.removed, "removed"),
                (done.withheld, "gone and kept, because they are too many to delete unasked (--yes)"),
            ];
            let counts = counts.iter().filter(|(count, _)| *count > 0);
            let said: Vec<String> = counts.map(|(count, what)| format!("{} {what}", grouped(*count as u64))).collect();
            if !said.is_empty() {
                line(&said.join(", "));
            }
        }
        MirrorEvent::Ended { error: Some(error), .. } => line(error),
        _ => {}
    }
}
