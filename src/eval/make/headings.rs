//! Questions from headings: what stands under this title?

use std::collections::HashSet;

use ibid_ingest::{Heading, Span};

use super::Made;
use super::statistics::Statistics;
use crate::store::ChunkSource;
use crate::types::Document;

/// A section of fewer bytes answers nothing.
const SECTION_BYTES_MIN: usize = 40;

/// The title of the document, the headings above and the heading itself, for a section that no question was made of yet.
pub(super) fn question(
    document: &Document,
    source: &ChunkSource,
    statistics: &Statistics,
    used: &HashSet<Span>,
    random: &mut fastrand::Rng,
) -> Option<Made> {
    let headings = &source.structure.headings;
    let mut places: Vec<(usize, Span)> = (0..headings.len())
        .filter(|at| statistics.is_own_heading(&headings[*at].title))
        .filter_map(|at| section(source, at).map(|span| (at, span)))
        .filter(|(_, span)| !used.contains(span))
        .collect();
    random.shuffle(&mut places);
    let (at, span) = places.into_iter().next()?;
    Some(Made { query: words(document, headings, at), span })
}

/// The heading with the text under it, up to the next heading; `None` when that is hardly any.
fn section(source: &ChunkSource, at: usize) -> Option<Span> {
    let headings = &source.structure.headings;
    let own = headings[at].span;
    let end = headings.get(at + 1).map_or(source.text.len(), |next| next.span.start);
    let under = Span::new(own.end, end).get(&source.text)?.trim_end();
    (under.trim_start().len() >= SECTION_BYTES_MIN).then(|| Span::new(own.start, own.end + under.len()))
}

/// The titles that lead to a heading, without those that another one says already.
fn words(document: &Document, headings: &[Heading], at: usize) -> String {
    let mut path: Vec<&Heading> = Vec::new();
    for heading in &headings[..=at] {
        path.retain(|above| above.level < heading.level);
        path.push(heading);
    }
    // A document without a title has its file's name, which nobody asks by.
    let name = document.uri.rsplit('/').next().unwrap_or_default();
    let title = Some(document.title.as_str()).filter(|title| *title != name);
    let parts: Vec<&str> = title.into_iter().chain(path.iter().map(|heading| heading.title.as_str())).collect();
    let mut said: Vec<&str> = Vec::new();
    for (place, part) in parts.iter().enumerate() {
        let is_in = |other: &&str| other.to_lowercase().contains(&part.trim().to_lowercase());
        if !part.trim().is_empty() && !said.iter().any(is_in) && !parts[place + 1..].iter().any(is_in) {
            said.push(part.trim());
        }
    }
    said.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::make::tests::{document, source};

    const TEXT: &str = "# Otters\n\nThey live in rivers and on coasts, and hold hands.\n\n## Food\n\nShort.\n\n\
        ## Sleep\n\nAt night they wrap themselves in kelp, so that they do not drift.\n";

    #[test]
    fn a_heading_with_its_path_asks_for_its_section() {
        let source = source(TEXT);
        let mut statistics = Statistics::default();
        statistics.add(&source);
        let mut used = HashSet::new();
        let mut random = fastrand::Rng::with_seed(1);
        let mut found = Vec::new();
        while let Some(made) = question(&document("Otters"), &source, &statistics, &used, &mut random) {
            used.insert(made.span);
            found.push((made.query, made.span.slice(TEXT)));
        }
        found.sort();
        assert_eq!(found.len(), 2, "a section of one word is none: {found:?}");
        assert_eq!(found[0].0, "Otters");
        assert!(found[0].1.starts_with("# Otters") && found[0].1.ends_with("hold hands."));
        assert_eq!(found[1].0, "Otters Sleep");
        assert!(found[1].1.starts_with("## Sleep") && found[1].1.ends_with("drift."));
    }

    #[test]
    fn a_heading_that_several_documents_share_asks_for_nothing() {
        let source = source(TEXT);
        let mut statistics = Statistics::default();
        statistics.add(&source);
        statistics.add(&source);
        let mut random = fastrand::Rng::with_seed(1);
        assert!(question(&document("Otters"), &source, &statistics, &HashSet::new(), &mut random).is_none());
    }
}
