//! How much of the embedder's own rate is left when a folder is ingested, because nothing else may be what one waits for.
//!
//! A folder of generated files goes through the composition root, the mirror and the indexer as `ibid ingest` does it:
//! child processes extract, chunks are cut with the model's tokenizer, the truth and both views are written, every chunk
//! gets its vector. The embedder alone then gets the same texts in one call, which is the best that it can do. Rounds of
//! both alternate. This program is its own extraction process, as `ibid` is.

#[path = "fixture/mod.rs"]
mod fixture;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use ibid::boot::{self, Booted};
use ibid::config::Config;
use ibid::extraction::{Extractor, serve_extraction};
use ibid::indexing::{IngestJob, MirrorSummary};
use ibid::models::{E5_SMALL_Q4, Embedder, LocalEmbedder};
use ibid::store::{DocumentQuery, Store};
use ibid::types::GenerationId;
use ibid::types::{CollectionName, TextHash, embedding_input, own_title};
use tokio::sync::watch;

use fixture::dice::Dice;
use fixture::timing::Times;
use fixture::words::Words;

const FILES: usize = 240;
const ROUNDS: usize = 3;
/// Texts that one call of the pipeline embeds.
const TEXTS_PER_CALL: usize = 16;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, worker, _, memory_bytes_max] = arguments.as_slice()
        && worker == "extract-worker"
    {
        return Ok(serve_extraction(memory_bytes_max.parse()?)?);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure())
}

async fn measure() -> anyhow::Result<()> {
    let place = tempfile::tempdir()?;
    let folder = place.path().join("files");
    write_files(&folder)?;
    let embedder = LocalEmbedder::open(&fixture::models::file()?, &E5_SMALL_Q4, boot::cores())?;
    let (mut whole, mut words) = (Times::default(), Times::default());
    let (mut alone, mut in_calls) = (Times::default(), Times::default());
    let (mut in_process, mut in_child) = (Times::default(), Times::default());
    let mut texts = Vec::new();
    for round in 0..ROUNDS {
        let booted = open(&place.path().join(format!("data{round}"))).await?;
        let summary = ingest(&booted, &folder, &mut whole, &mut words).await?;
        if round == 0 {
            texts = embedded_texts(booted.app.store.as_ref()).await?;
            println!("{summary:?}\n{} distinct texts", texts.len());
        }
        booted.app.store.close().await;
        extract_both_ways(&folder, &mut in_process, &mut in_child).await?;
        let all_began = Instant::now();
        embedder.embed_passages(texts.clone()).await?;
        alone.push(all_began.elapsed());
        let calls_began = Instant::now();
        for part in texts.chunks(TEXTS_PER_CALL) {
            embedder.embed_passages(part.to_vec()).await?;
        }
        in_calls.push(calls_began.elapsed());
    }
    report(texts.len(), &[("ingest", &whole), ("embedder alone", &alone), ("embedder in calls of 16", &in_calls)]);
    let (inside, outside) = (in_process.median_ms(), in_child.median_ms());
    println!(
        "extraction: {inside:.1} ms in the process, {outside:.1} ms in a child; the difference is {:.1} % of an ingest by words, \
         {:.2} % of a whole one",
        100.0 * (outside - inside) / words.median_ms(),
        100.0 * (outside - inside) / whole.median_ms()
    );
    println!("searchable by words after {:.0} % of the time", 100.0 * words.median_ms() / whole.median_ms());
    Ok(())
}

async fn open(data: &Path) -> anyhow::Result<Booted> {
    let mut config = Config::default();
    config.embedding.folder = Some(fixture::models::folder()?);
    let booted = boot::open(&config, data).await?;
    anyhow::ensure!(booted.notices.is_empty(), "{:?}", booted.notices);
    Ok(booted)
}

/// Notes how long it took until every word, and until every vector, could be found.
async fn ingest(booted: &Booted, folder: &Path, whole: &mut Times, words: &mut Times) -> anyhow::Result<MirrorSummary> {
    let (done, all_read) = watch::channel(false);
    let options = booted.app.mirror_options(CollectionName::default_name(), None);
    let job = IngestJob { roots: vec![folder.to_owned()], options };
    let began = Instant::now();
    let read = async {
        let summary = booted.app.indexer.ingest(job, &|_| ()).await?;
        words.push(began.elapsed());
        done.send_replace(true);
        Ok(summary)
    };
    let (summary, ()) = tokio::try_join!(read, booted.app.indexer.drain(all_read, &|_| ()))?;
    whole.push(began.elapsed());
    anyhow::ensure!(summary.failed == 0, "{} files could not be read", summary.failed);
    let status = booted.app.store.embedding_status(GenerationId(1)).await?;
    anyhow::ensure!(status.chunks == status.chunks_embedded, "not every chunk has its vector: {status:?}");
    Ok(summary)
}

/// Extracts every file in this process and in a warm child, one after the other.
async fn extract_both_ways(folder: &Path, in_process: &mut Times, in_child: &mut Times) -> anyhow::Result<()> {
    let parts = boot::extraction(&Config::default(), &mut Vec::new())?;
    let mut extractor = Extractor::new(parts.clone());
    let mut files = Vec::new();
    for shelf in std::fs::read_dir(folder)? {
        for entry in std::fs::read_dir(shelf?.path())? {
            let path = entry?.path();
            files.push((path.file_name().unwrap_or_default().to_string_lossy().into_owned(), std::fs::read(path)?));
        }
    }
    // The first file starts the child.
    let first = files.first().ok_or_else(|| anyhow::anyhow!("there are no files"))?;
    extractor.extract(&first.0, &first.1).await?.map_err(|refusal| anyhow::anyhow!("{refusal:?}"))?;
    let process_began = Instant::now();
    for (name, bytes) in &files {
        ibid_ingest::extract(name, bytes, &parts.options)?;
    }
    in_process.push(process_began.elapsed());
    let child_began = Instant::now();
    for (name, bytes) in &files {
        extractor.extract(name, bytes).await?.map_err(|refusal| anyhow::anyhow!("{refusal:?}"))?;
    }
    in_child.push(child_began.elapsed());
    Ok(())
}

/// What the embedder was given, each text once, the longest first as the pipeline orders them.
async fn embedded_texts(store: &dyn Store) -> anyhow::Result<Vec<String>> {
    let mut texts = BTreeMap::new();
    let query = DocumentQuery { limit: u32::MAX, ..DocumentQuery::default() };
    for document in store.documents(&query).await?.documents {
        for row in
            store.indexed_document(document.id, GenerationId(1)).await?.into_iter().flat_map(|indexed| indexed.chunks)
        {
            let input = embedding_input(own_title(&document.title, &document.uri), &row.chunk.heading_path, &row.text);
            texts.insert(TextHash::of(&input), input);
        }
    }
    let mut texts: Vec<String> = texts.into_values().collect();
    texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
    Ok(texts)
}

/// Markdown, HTML, plain text and source code, a third of it Korean.
fn write_files(folder: &Path) -> anyhow::Result<()> {
    let (english, korean) = (Words::english(8_000), Words::korean(4_000));
    let mut dice = Dice::new(11);
    for number in 0..FILES {
        let shelf = folder.join(format!("shelf{}", number % 12));
        std::fs::create_dir_all(&shelf)?;
        let words = if number % 3 == 0 { &korean } else { &english };
        let count = 60 + dice.below(300);
        let (ending, content) = match number % 4 {
            0 | 1 => ("md", words.markdown(&mut dice, count)),
            2 => ("html", html(words, &mut dice, count)),
            _ if number % 8 == 3 => ("rs", code(&english, &mut dice, count)),
            _ => ("txt", words.paragraph(&mut dice, count)),
        };
        std::fs::write(shelf.join(format!("file{number}.{ending}")), content)?;
    }
    Ok(())
}

fn html(words: &Words, dice: &mut Dice, count: usize) -> String {
    let title = words.title(dice);
    let paragraphs: String = (0..=count / 80).map(|_| format!("<p>{}</p>\n", words.paragraph(dice, 80))).collect();
    format!("<html><head><title>{title}</title></head><body><h1>{title}</h1>\n{paragraphs}</body></html>\n")
}

fn code(words: &Words, dice: &mut Dice, count: usize) -> String {
    let function = |number| {
        let comment = words.paragraph(dice, 12);
        format!("/// {comment}\nfn step_{number}(left: u32, right: u32) -> u32 {{\n    left * {number} + right\n}}\n\n")
    };
    (0..=count / 24).map(function).collect()
}

fn report(texts: usize, rows: &[(&str, &Times)]) {
    let Some((_, alone)) = rows.get(1) else { return };
    println!("{:<26}{:>18}{:>18}{:>12}", "", "share of embedder", "of each round", "texts / s");
    for (name, times) in rows {
        let share = |embedder: f64, time: f64| 100.0 * embedder / time;
        let each: Vec<String> = alone
            .each_ms()
            .zip(times.each_ms())
            .map(|(embedder, time)| format!("{:.0}", share(embedder, time)))
            .collect();
        let median = share(alone.median_ms(), times.median_ms());
        let rate = texts as f64 / times.median_ms() * 1e3;
        println!("{name:<26}{median:>16.1} %{:>18}{rate:>12.1}", each.join(" "));
    }
}
