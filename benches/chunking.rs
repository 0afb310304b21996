//! What cutting a document into chunks costs beside counting its tokens once, because a chunker has to count them at
//! least once, and one that counts again and again is what an ingest would wait for.
//!
//! English and Korean Markdown, with the model's own tokenizer and with a counter that costs nothing: the first ratio
//! says how often text is counted, the second how much work is left when counting is free. The last line of a language has
//! what counting costs beside cutting every word into its ids, because remembered counts are what makes it cheap.

#[path = "fixture/mod.rs"]
mod fixture;

use ibid_encoder::Tokenizer;
use ibid_ingest::{ChunkOptions, Document, ExtractOptions, TokenCounter, chunk, extract};

use fixture::dice::Dice;
use fixture::timing::Times;
use fixture::words::Words;

const WORDS: usize = 40_000;
const ROUNDS: usize = 9;

/// Counts as the embedder does.
struct Model(Tokenizer);

impl TokenCounter for Model {
    fn count(&self, text: &str) -> usize {
        self.0.count(text)
    }
}

/// Four bytes a token.
struct Bytes;

impl TokenCounter for Bytes {
    fn count(&self, text: &str) -> usize {
        text.len().div_ceil(4)
    }
}

fn main() -> anyhow::Result<()> {
    let model = Model(Tokenizer::open(&fixture::models::file()?)?);
    let counters: [(&str, &dyn TokenCounter); 2] = [("tokenizer", &model), ("bytes / 4", &Bytes)];
    let texts = [
        ("English", Words::english(8_000).markdown(&mut Dice::new(5), WORDS)),
        ("Korean", Words::korean(4_000).markdown(&mut Dice::new(5), WORDS)),
    ];
    println!("{:<10}{:<12}{:>24}{:>12}{:>12}", "", "counter", "chunk / count (time)", "chunk MB/s", "count MB/s");
    for (language, text) in texts {
        let document = extract("text.md", text.as_bytes(), &ExtractOptions::default())?;
        for (name, counter) in counters {
            let (cut, counted) = measure(&document, counter);
            let rate = |times: &Times| document.text.len() as f64 / 1e3 / times.median_ms();
            let ratio = cut.median_ms() / counted.median_ms();
            println!("{language:<10}{name:<12}{ratio:>24.2}{:>12.2}{:>12.2}", rate(&cut), rate(&counted));
        }
        println!("{language:<10}counting / cutting into ids (time) {:.2}", remembered(&document, &model));
    }
    Ok(())
}

/// The times of cutting and of counting, in turn.
fn measure(document: &Document, counter: &dyn TokenCounter) -> (Times, Times) {
    let (mut cut, mut counted) = (Times::default(), Times::default());
    for _ in 0..ROUNDS {
        let chunks = cut.of(|| chunk(document, &ChunkOptions::default(), counter));
        let tokens: usize = counted.of(|| document.text.split("\n\n").map(|block| counter.count(block)).sum());
        assert!(!chunks.is_empty() && tokens > 0, "a document has chunks and tokens");
    }
    (cut, counted)
}

/// The time of counting as a share of the time of cutting the same blocks into ids.
fn remembered(document: &Document, model: &Model) -> f64 {
    let (mut counted, mut cut) = (Times::default(), Times::default());
    for _ in 0..ROUNDS {
        let tokens: usize = counted.of(|| document.text.split("\n\n").map(|block| model.count(block)).sum());
        let ids: usize = cut.of(|| document.text.split("\n\n").map(|block| model.0.encode(block).len() - 2).sum());
        assert!(ids <= tokens, "ids are cut to the model's limit, counts are not");
    }
    counted.median_ms() / cut.median_ms()
}
