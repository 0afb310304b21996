//! How fast the encoder is by itself: the rate that an ingest is held to, and what a question adds to a search.
//!
//! Eight chunks of 200 tokens on one thread and on two, and a question alone, in turn. Two threads are given as a ratio
//! to one, and a question as a ratio to the time of one chunk: what matters is what a second core buys, and that a
//! question of a few tokens costs no more than its tokens.

#[path = "fixture/mod.rs"]
mod fixture;

use ibid_encoder::Encoder;

use fixture::dice::Dice;
use fixture::timing::Times;
use fixture::words::Words;

const BATCH: usize = 8;
const TOKENS: usize = 200;
const QUERY_WORDS: usize = 8;
const ROUNDS: usize = 15;

fn main() -> anyhow::Result<()> {
    let encoder = Encoder::open(&fixture::models::file()?)?;
    println!(
        "{:<10}{:>22}{:>22}{:>14}{:>14}{:>12}",
        "", "2 threads / 1 (rate)", "query / chunk (time)", "1 thread /s", "2 threads /s", "query ms"
    );
    for (language, words) in [("English", Words::english(8_000)), ("Korean", Words::korean(4_000))] {
        let mut dice = Dice::new(3);
        let chunks: Vec<String> = (0..BATCH).map(|_| passage(&encoder, &words, &mut dice)).collect();
        let chunks: Vec<&str> = chunks.iter().map(String::as_str).collect();
        let query = format!("query: {}", words.paragraph(&mut dice, QUERY_WORDS));
        let (mut one, mut two, mut asked) = (Times::default(), Times::default(), Times::default());
        for _ in 0..ROUNDS {
            one.of(|| encoder.encode(&chunks, 1))?;
            two.of(|| encoder.encode(&chunks, 2))?;
            asked.of(|| encoder.encode(&[&query], 1))?;
        }
        let rate = |times: &Times| BATCH as f64 / times.median_ms() * 1e3;
        let (threads, question) = (rate(&two) / rate(&one), asked.median_ms() * rate(&one) / 1e3);
        let (one, two) = (rate(&one), rate(&two));
        println!("{language:<10}{threads:>22.2}{question:>22.2}{one:>14.1}{two:>14.1}{:>12.1}", asked.median_ms());
    }
    Ok(())
}

/// A passage of as many words as make about [`TOKENS`] tokens.
fn passage(encoder: &Encoder, words: &Words, dice: &mut Dice) -> String {
    let mut text = "passage:".to_owned();
    while encoder.tokenizer().count(&text) < TOKENS {
        text.push(' ');
        words.push_word(dice, &mut text);
    }
    text
}
