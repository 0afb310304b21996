//! What a hybrid search costs beside its two engines alone, because the promise is at most 1.2 times the slower one.
//!
//! The same questions go to tantivy and to Qdrant's engine through their own interfaces, to our two legs, and to the
//! whole search, one after the other in a rotating order, so that a busy machine slows all of them alike. The embedding
//! of the question is left out: its vector is prepared. `cargo bench --bench search -- 10000` measures one size.

#[path = "../fixture/mod.rs"]
mod fixture;

mod engines;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use ibid::analysis;
use ibid::keyword::KeywordQuery;
use ibid::types::{ChunkId, FacetQuery, Hit};

use engines::{RawEdge, RawTantivy};
use fixture::library::{Library, Place, Query};
use fixture::timing::{Times, median};

/// What a person asks for.
const K: usize = 10;
/// What the search asks of each leg, so that fusion has something to choose from.
const CANDIDATES: usize = 100;
const ROUNDS: usize = 4;
const SIZES: [usize; 2] = [10_000, 100_000];

/// Answers a question, which comes with its number, and gives the number of hits.
type Answer<'a> = Box<dyn Fn(usize, &Query) -> anyhow::Result<usize> + 'a>;

/// One way to answer a question.
struct Arm<'a> {
    name: String,
    answer: Answer<'a>,
    times: Times,
}

fn main() -> anyhow::Result<()> {
    let asked: Vec<usize> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let sizes = if asked.is_empty() { SIZES.to_vec() } else { asked };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    sizes.into_iter().try_for_each(|chunks| measure(&runtime, chunks))
}

async fn build(folder: &Path, chunks: usize) -> anyhow::Result<Library> {
    Library::build(folder, Place::embedded(folder).await?, chunks).await
}

fn measure(runtime: &tokio::runtime::Runtime, chunks: usize) -> anyhow::Result<()> {
    let place = tempfile::tempdir()?;
    let library = runtime.block_on(build(place.path(), chunks))?;
    println!("\n{chunks} chunks; the store took {:.0?}, the two followers {:.0?}", library.wrote, library.followed);
    let began = Instant::now();
    let folder = place.path().join("raw-tantivy");
    let raw_tantivy = runtime.block_on(RawTantivy::build(&folder, library.store.as_ref(), &library.documents))?;
    println!("tantivy alone took {:.0?} and has {} segments", began.elapsed(), raw_tantivy.segments());
    let raw_edge = RawEdge::copy_of(&place.path().join("vector/shard"), &place.path().join("raw-edge"))?;
    println!("the vector shard has {}", raw_edge.state());

    let found = library.queries.iter().map(|query| runtime.block_on(library.hybrid(query, K)));
    let found: Vec<Vec<Hit>> = found.collect::<anyhow::Result<_>>()?;
    let mut arms = arms(runtime, &library, (&raw_tantivy, &raw_edge), &found);
    run(&mut arms, &library.queries)?;
    report(&arms);
    Ok(())
}

/// Both legs side by side on other threads, as the hybrid search runs them, and nothing after them.
async fn legs(library: &Library, query: &Query) -> anyhow::Result<usize> {
    let (index, text, all) = (Arc::clone(&library.keyword), query.text.clone(), FacetQuery::default());
    let words = tokio::task::spawn_blocking(move || {
        index.search(&KeywordQuery::plain(text), &FacetQuery::default(), CANDIDATES)
    });
    let meaning = library.vector.search(&query.vector, &all, CANDIDATES);
    let (words, meaning) = tokio::join!(words, meaning);
    Ok(words??.hits.len() + meaning?.len())
}

/// The hybrid search first, then the engines alone, then our parts: `report` counts on the order.
fn arms<'a>(
    runtime: &'a tokio::runtime::Runtime,
    library: &'a Library,
    (tantivy, edge): (&'a RawTantivy, &'a RawEdge),
    found: &'a [Vec<Hit>],
) -> Vec<Arm<'a>> {
    let arm = |name: String, answer: Answer<'a>| Arm { name, answer, times: Times::default() };
    let all = FacetQuery::default();
    let mut arms = vec![arm(
        format!("hybrid search, k {K}"),
        Box::new(move |_, query| Ok(runtime.block_on(library.hybrid(query, K))?.len())),
    )];
    for k in [K, CANDIDATES] {
        let words = move |query: &Query| tantivy.search(&query.text, k);
        arms.push(arm(format!("tantivy alone, k {k}"), Box::new(move |_, query| Ok(words(query)?.len()))));
        let meaning = move |query: &Query| edge.search(&query.vector, k);
        arms.push(arm(format!("qdrant-edge alone, k {k}"), Box::new(move |_, query| Ok(meaning(query)?.len()))));
    }
    for k in [K, CANDIDATES] {
        let all = all.clone();
        let name = format!("keyword leg, k {k}");
        arms.push(arm(
            name,
            Box::new(move |_, query| {
                Ok(library.keyword.search(&KeywordQuery::plain(&query.text), &all, k)?.hits.len())
            }),
        ));
    }
    let search = move |query: &Query| runtime.block_on(library.vector.search(&query.vector, &all, CANDIDATES));
    arms.push(arm(format!("vector leg, k {CANDIDATES}"), Box::new(move |_, query| Ok(search(query)?.len()))));
    arms.push(arm(
        format!("both legs side by side, k {CANDIDATES}"),
        Box::new(move |_, query| runtime.block_on(legs(library, query))),
    ));
    let ids: Vec<Vec<ChunkId>> = found.iter().map(|hits| hits.iter().map(|hit| hit.chunk_id).collect()).collect();
    let truth = move |number: usize| runtime.block_on(library.store.chunks(&ids[number]));
    arms.push(arm(format!("truth of {K} chunks"), Box::new(move |number, _| Ok(truth(number)?.len()))));
    let terms = move |number: usize| found[number].iter().map(|hit| analysis::tokens(&hit.text, None).len()).sum();
    arms.push(arm(format!("words of {K} chunks, to mark them"), Box::new(move |number, _| Ok(terms(number)))));
    arms
}

fn run(arms: &mut [Arm<'_>], queries: &[Query]) -> anyhow::Result<()> {
    for round in 0..=ROUNDS {
        for (number, query) in queries.iter().enumerate() {
            for turn in 0..arms.len() {
                let place = (turn + number + round) % arms.len();
                let Arm { name, answer, times } = &mut arms[place];
                // The first round only warms the caches.
                let mut unused = Times::default();
                let times = if round == 0 { &mut unused } else { times };
                let hits = times.of(|| answer(number, query))?;
                anyhow::ensure!(hits > 0, "{name} found nothing for {:?}", query.text);
            }
        }
    }
    Ok(())
}

fn report(arms: &[Arm<'_>]) {
    let [hybrid, engines_and_parts @ ..] = arms else { return };
    let [tantivy, edge, deep_tantivy, deep_edge, _, keyword, vector, ..] = engines_and_parts else { return };
    println!("{:<34}{:>8}{:>8}", "hybrid search, as a ratio to", "p50", "p95");
    let slower = |a: &Arm<'_>, b: &Arm<'_>, share| a.times.quantile_ms(share).max(b.times.quantile_ms(share));
    for (name, a, b) in [
        (format!("the slower engine alone, k {K}"), tantivy, edge),
        (format!("the slower engine alone, k {CANDIDATES}"), deep_tantivy, deep_edge),
        (format!("the slower of our legs, k {CANDIDATES}"), keyword, vector),
    ] {
        let ratio = |share| hybrid.times.quantile_ms(share) / slower(a, b, share);
        println!("{name:<34}{:>8.2}{:>8.2}", ratio(0.5), ratio(0.95));
    }
    let pairs = hybrid.times.each_ms().zip(tantivy.times.each_ms().zip(edge.times.each_ms()));
    let each = median(pairs.map(|(whole, (words, meaning))| whole - words.max(meaning)));
    println!("more than the slower engine alone, k {K}, median of each question: {each:.2} ms");
    println!("{:<34}{:>8}{:>8}", "milliseconds", "p50", "p95");
    for arm in arms {
        println!("{:<34}{:>8.2}{:>8.2}", arm.name, arm.times.median_ms(), arm.times.quantile_ms(0.95));
    }
}
