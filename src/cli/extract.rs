//! `ibid extract`: what would be indexed of a file, read as an ingest reads it, and nothing is written.

use std::io::Read;
use std::path::PathBuf;

use anyhow::Context;
use ibid_ingest::{Child, Document, location};
use serde_json::json;

use super::output::{self, grouped, line};
use super::{Common, Outcome};
use crate::boot;
use crate::extraction::Extractor;
use crate::types::Failure;

/// Show what would be indexed of files: text, pages, headings, tables, metadata and warnings.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The files.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Show page by page, or by what the format has instead: sheets, slides, rows, cells.
    #[arg(long)]
    pages: bool,
}

pub(super) async fn run(common: &Common, args: Args) -> anyhow::Result<Outcome> {
    let config = common.load_config()?;
    let mut notices = Vec::new();
    let mut extractor = Extractor::new(boot::extraction(&config, &mut notices)?);
    notices.iter().for_each(|notice| eprintln!("note: {notice}"));
    let mut failed = false;
    for file in &args.files {
        let shown = file.display().to_string();
        let limit = config.ingest.file_bytes_max;
        let mut bytes = Vec::new();
        let opened = std::fs::File::open(file).with_context(|| format!("{shown} cannot be read"))?;
        opened.take(limit + 1).read_to_end(&mut bytes).with_context(|| format!("{shown} cannot be read"))?;
        anyhow::ensure!(bytes.len() as u64 <= limit, "{shown} is larger than {limit} bytes (ingest.file_bytes_max)");
        let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        match extractor.extract(&name, &bytes).await? {
            Ok(document) if common.json => output::json(&json!({"file": shown, "document": document}))?,
            Ok(document) => show(&shown, &document, args.pages),
            Err(refusal) => {
                let failure = Failure::from(refusal);
                failed = true;
                if common.json {
                    output::json(&json!({"file": shown, "failure": failure}))?;
                } else {
                    line(&format!("{shown}: {}: {}", failure.code, failure.message));
                }
            }
        }
    }
    Ok(if failed { Outcome::SomeFailed } else { Outcome::Done })
}

fn show(name: &str, document: &Document, by_page: bool) {
    line(&format!("file       {name}"));
    line(&format!("type       {}", document.media_type.as_mime()));
    if let Some(title) = &document.title {
        line(&format!("title      {title}"));
    }
    for (key, value) in &document.metadata {
        line(&format!("{key:<10} {value}"));
    }
    let count = |number: usize| grouped(number as u64);
    let mut counts = vec![format!("{} bytes of text", count(document.body.len()))];
    let tables = document.blocks.iter().filter(|block| block.kind == ibid_ingest::ChunkKind::Table).count();
    for (number, noun) in [
        (document.pages.len(), "pages"),
        (document.headings.len(), "headings"),
        (tables, "tables marked"),
        (document.children.len(), "documents inside"),
    ] {
        if number > 0 {
            counts.push(format!("{} {noun}", count(number)));
        }
    }
    line(&format!("size       {}", counts.join(", ")));
    document.warnings.iter().for_each(|warning| line(&format!("warning    {warning}")));
    for heading in &document.headings {
        line(&format!("heading    {}{}", "  ".repeat(usize::from(heading.level) - 1), heading.title));
    }
    if by_page {
        show_pages(document)
    } else {
        line(&format!("\n{}\n", document.text))
    }
    document.children.iter().for_each(|child| show_child(name, child, by_page));
}

fn show_pages(document: &Document) {
    for page in &document.pages {
        let scanned = if page.needs_ocr { " (scanned, or its fonts do not say what they draw)" } else { "" };
        line(&format!("\n--- page {}{scanned}\n{}", page.number, page.span.slice(&document.text)));
    }
    let mut shown = None;
    for place in &document.places {
        let named = location(std::slice::from_ref(place), place.span);
        if named != shown {
            line(&format!("\n--- {}", named.as_deref().unwrap_or_default()));
        }
        shown = named;
        line(place.span.slice(&document.text));
    }
    if document.pages.is_empty() && document.places.is_empty() {
        line(&format!("\n{}\n", document.text));
    }
}

fn show_child(name: &str, child: &Child, by_page: bool) {
    let path = format!("{name}/{}", child.path);
    match &child.outcome {
        Ok(document) => show(&path, document, by_page),
        Err(error) => line(&format!("{path}: {}: {error}", error.code())),
    }
}
