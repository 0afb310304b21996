//! What a folder costs: Markdown and PDF read by words alone, 100,000 files that did not change, and ten thousand files of
//! all kinds under a ceiling of memory. The program itself is run, as a user runs it, and beside each stands what could be
//! done at best: tantivy alone on the same words, the PDF reader alone, a bare walk.
//!
//! `cargo bench --bench folder -- markdown pdf unchanged mixed`, or some of them.

mod files;
#[path = "../fixture/mod.rs"]
mod fixture;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use fixture::timing::Times;
use serde_json::Value;

const ROUNDS: usize = 3;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let wanted = |name: &str| arguments.is_empty() || arguments.iter().any(|argument| argument == name);
    let place = tempfile::tempdir()?;
    if wanted("markdown") {
        markdown(place.path())?;
    }
    if wanted("pdf") {
        pdf(place.path())?;
    }
    if wanted("unchanged") {
        unchanged(place.path())?;
    }
    if wanted("mixed") {
        mixed(place.path())?;
    }
    Ok(())
}

/// An ingest of the program: how long it took, and the last line that it wrote.
fn ingest(data: &Path, folder: &Path, more: &[&str]) -> anyhow::Result<(Duration, Value)> {
    let began = Instant::now();
    let mut command = Command::new(env!("CARGO_BIN_EXE_ibid"));
    command.arg("--data").arg(data).arg("ingest").arg(folder).args(["--json"]).args(more).env_remove("IBID_DATA");
    let output = command.stderr(Stdio::inherit()).output()?;
    let took = began.elapsed();
    anyhow::ensure!(matches!(output.status.code(), Some(0 | 3)), "the program ended with {}", output.status);
    let last = String::from_utf8(output.stdout)?.lines().last().unwrap_or_default().to_owned();
    Ok((took, serde_json::from_str(&last)?))
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn peak(done: &Value) -> String {
    let mebibytes = |value: &Value| value.as_u64().map_or("?".to_owned(), |bytes| (bytes >> 20).to_string());
    format!("{} MiB of {}", mebibytes(&done["memory"]["peak_bytes"]), mebibytes(&done["memory"]["limit_bytes"]))
}

fn markdown(place: &Path) -> anyhow::Result<()> {
    let folder = place.join("markdown");
    let texts = files::markdown(&folder, 6_000)?;
    let bytes: u64 = texts.iter().map(|text| text.len() as u64).sum();
    let (mut whole, mut alone) = (Times::default(), Times::default());
    for round in 0..ROUNDS {
        let (took, done) = ingest(&place.join(format!("markdown-data{round}")), &folder, &["--no-embed"])?;
        whole.push(took);
        if round == 0 {
            println!("markdown: {} files, {:.1} MB, peak {}", texts.len(), megabytes(bytes), peak(&done));
        }
        alone.push(files::tantivy_alone(&place.join(format!("tantivy{round}")), &texts)?);
    }
    let rate = |times: &Times| megabytes(bytes) / times.median_ms() * 1e3;
    println!(
        "ingest by words {:.1} MB/s; tantivy alone, its own words, one thread {:.1} MB/s",
        rate(&whole),
        rate(&alone)
    );
    println!("ingest takes {:.2} times as long as tantivy alone", whole.median_ms() / alone.median_ms());
    Ok(())
}

fn pdf(place: &Path) -> anyhow::Result<()> {
    let folder = place.join("pdf");
    let documents = files::pdf(&folder, 150, 20)?;
    let pages = 150 * 20;
    let (mut whole, mut alone) = (Times::default(), Times::default());
    for round in 0..ROUNDS {
        let (took, done) = ingest(&place.join(format!("pdf-data{round}")), &folder, &["--no-embed"])?;
        whole.push(took);
        if round == 0 {
            println!("pdf: {} files, {pages} pages, peak {}", documents.len(), peak(&done));
        }
        let began = Instant::now();
        for (name, bytes) in &documents {
            ibid_ingest::extract(name, bytes, &ibid_ingest::ExtractOptions::default())?;
        }
        alone.push(began.elapsed());
    }
    let rate = |times: &Times| f64::from(pages) / times.median_ms() * 1e3;
    println!("ingest by words {:.0} pages/s; the reader alone, one thread {:.0} pages/s", rate(&whole), rate(&alone));
    println!("ingest takes {:.2} times as long as the reader alone", whole.median_ms() / alone.median_ms());
    Ok(())
}

fn unchanged(place: &Path) -> anyhow::Result<()> {
    const FILES: usize = 100_000;
    let (folder, data) = (place.join("many"), place.join("many-data"));
    files::many(&folder, FILES)?;
    let (first, _) = ingest(&data, &folder, &["--no-embed"])?;
    let (mut again, mut bare) = (Times::default(), Times::default());
    for _ in 0..ROUNDS {
        let (took, done) = ingest(&data, &folder, &["--no-embed"])?;
        anyhow::ensure!(done["summary"]["unchanged"] == FILES, "{done}");
        again.push(took);
        bare.of(|| files::walk(&folder));
    }
    println!(
        "unchanged: {FILES} files came in in {:.0} s; again {:.2} s; a bare walk {:.2} s; {:.1} times as long",
        first.as_secs_f64(),
        again.median_ms() / 1e3,
        bare.median_ms() / 1e3,
        again.median_ms() / bare.median_ms()
    );
    Ok(())
}

fn mixed(place: &Path) -> anyhow::Result<()> {
    let folder = place.join("mixed");
    let bytes = files::mixed(&folder, 10_000)?;
    let data = place.join("mixed-data");
    let (took, done) = ingest(&data, &folder, &["--no-embed", "--max-memory", "512MiB"])?;
    println!(
        "mixed: {:.0} MB in {:.0} s, peak {}: {}",
        megabytes(bytes),
        took.as_secs_f64(),
        peak(&done),
        done["summary"]
    );
    Ok(())
}
