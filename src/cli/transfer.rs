//! `ibid export` and `ibid import`: the truth from one database to another, so that growing costs no embedding.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::output::{grouped, json, line};
use super::{Common, Outcome};
use crate::boot;
use crate::transfer::{self, Carried};

/// Write the truth, vectors included, to a file.
#[derive(Debug, clap::Args)]
pub(super) struct ExportArgs {
    /// The file; `-` for standard output.
    file: PathBuf,
}

/// Read what `ibid export` wrote into an empty database.
#[derive(Debug, clap::Args)]
pub(super) struct ImportArgs {
    /// The file; `-` for standard input.
    file: PathBuf,
}

fn is_standard(file: &Path) -> bool {
    file.as_os_str() == "-"
}

pub(super) async fn export(common: &Common, args: ExportArgs) -> anyhow::Result<Outcome> {
    let config = common.load_config()?;
    anyhow::ensure!(boot::store_exists(&config, &common.data), "there is no data folder at {}", common.data.display());
    let store = boot::open_store(&config, &common.data).await?;
    let named = || format!("{} cannot be written", args.file.display());
    if is_standard(&args.file) {
        let carried = transfer::export(store.as_ref(), &mut BufWriter::new(std::io::stdout())).await?;
        eprintln!("{}", said("exported", &carried));
    } else {
        // A file that is there under its name is whole.
        let unfinished = args.file.with_extension("unfinished");
        let mut out: Box<dyn Write + Send> = Box::new(BufWriter::new(File::create(&unfinished).with_context(named)?));
        let carried = transfer::export(store.as_ref(), &mut *out).await?;
        drop(out);
        std::fs::rename(&unfinished, &args.file).with_context(named)?;
        say(common, "exported", &carried)?;
    }
    store.close().await;
    Ok(Outcome::Done)
}

pub(super) async fn import(common: &Common, args: ImportArgs) -> anyhow::Result<Outcome> {
    let config = common.load_config()?;
    // The folder is locked, so that nothing else is written to a database in it meanwhile.
    let folder = boot::DataFolder::lock(&common.data)?;
    let store = boot::open_store(&config, folder.path()).await?;
    let mut input: Box<dyn BufRead + Send> = if is_standard(&args.file) {
        Box::new(BufReader::new(std::io::stdin()))
    } else {
        let file = File::open(&args.file).with_context(|| format!("{} cannot be read", args.file.display()))?;
        Box::new(BufReader::new(file))
    };
    let carried = transfer::import(store.as_ref(), &mut *input, boot::now_ms()).await?;
    store.close().await;
    say(common, "imported", &carried)?;
    Ok(Outcome::Done)
}

fn said(what: &str, carried: &Carried) -> String {
    format!("{what} {} documents and {} vectors", grouped(carried.documents), grouped(carried.vectors))
}

fn say(common: &Common, what: &str, carried: &Carried) -> anyhow::Result<()> {
    if common.json {
        return json(carried);
    }
    line(&said(what, carried));
    Ok(())
}
