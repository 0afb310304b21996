//! Prints how fast the files that are named are extracted and chunked, in megabytes a second of source.

use std::time::Instant;

use ibid_ingest::{ChunkOptions, ExtractOptions, TokenCounter, chunk, extract};

/// A counter that costs next to nothing, so that what is measured is the cutting.
struct Quarters;

impl TokenCounter for Quarters {
    fn count(&self, text: &str) -> usize {
        text.len().div_ceil(4)
    }
}

fn main() {
    for path in std::env::args().skip(1) {
        let bytes = std::fs::read(&path).expect("the file can be read");
        let started = Instant::now();
        let document = match extract(&path, &bytes, &ExtractOptions::default()) {
            Ok(document) => document,
            Err(error) => {
                println!("{path}: {error}, after {:.3} s", started.elapsed().as_secs_f64());
                continue;
            }
        };
        let extracted = started.elapsed().as_secs_f64();
        let chunks = chunk(&document, &ChunkOptions::default(), &Quarters);
        let chunked = started.elapsed().as_secs_f64() - extracted;
        let megabytes = bytes.len() as f64 / 1e6;
        println!(
            "{path}: {megabytes:.2} MB, extract {:.1} MB/s ({extracted:.3} s), chunk {:.1} MB/s ({chunked:.3} s), {} headings, {} chunks, {:?}",
            megabytes / extracted,
            megabytes / chunked,
            document.headings.len(),
            chunks.len(),
            document.warnings
        );
    }
}
