//! Followed folders and kept originals, out of the configuration.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;

use crate::app::App;
use crate::config::{Config, OriginalsConfig, SourceConfig};
use crate::indexing::{DeletionPolicy, IngestJob, MirrorOptions, ScanRules, Source, WatchOptions};
use crate::originals::{Originals, cloud_environment};
use crate::types::Principal;

/// The folders that are followed while the server runs.
///
/// # Errors
/// One sentence that names the source, and what of it cannot be used.
pub(super) fn sources(config: &Config, app: &App) -> anyhow::Result<Vec<Source>> {
    let named = |source: &SourceConfig| source_of(source, app).with_context(|| format!("the source {:?}", source.name));
    config.sources.iter().map(named).collect()
}

fn source_of(source: &SourceConfig, app: &App) -> anyhow::Result<Source> {
    let rules = ScanRules { include: source.include.clone(), exclude: source.exclude.clone() };
    rules.check().map_err(|reason| anyhow::anyhow!("a glob cannot be used: {reason}"))?;
    let readers =
        source.readers.as_ref().map(|readers| readers.iter().map(|reader| reader.parse::<Principal>()).collect());
    let options = MirrorOptions {
        rules,
        // Nobody is there to be asked, and what was added and changed should not wait for an answer.
        deletion: DeletionPolicy { share_max: source.max_delete.share(), confirmed: false, withhold: true },
        after_back_off: true,
        keep_originals: source.keep_originals.unwrap_or(app.keep_originals),
        ..app.mirror_options(source.collection.parse()?, readers.transpose()?)
    };
    Ok(Source {
        name: source.name.clone(),
        job: IngestJob { roots: vec![std::path::absolute(&source.path)?], options },
        every: (source.every_s > 0).then(|| Duration::from_secs(source.every_s)),
        watch: source.watch.then(|| WatchOptions::without(app.folder.clone())),
    })
}

/// Where originals are kept, if they are.
///
/// # Errors
/// When the place cannot be used.
pub(super) fn originals(config: &Config, folder: &Path) -> anyhow::Result<Option<Originals>> {
    let asked_for = config.sources.iter().any(|source| source.keep_originals == Some(true));
    Ok(match &config.ingest.keep_originals {
        OriginalsConfig::Off if !asked_for => None,
        OriginalsConfig::Off | OriginalsConfig::DataFolder => Some(Originals::in_folder(folder)?),
        OriginalsConfig::Url(address) => Some(Originals::at_url(address, &cloud_environment())?),
    })
}
