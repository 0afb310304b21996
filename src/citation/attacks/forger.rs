//! The forger: seeded ways to make a false answer from true passages.

use fastrand::Rng;

use super::corpus::Entry;
use super::exchanges::{INVENTIONS, INVENTIONS_KOREAN, NEGATIONS, QUANTIFIERS, REVERSALS, UNITS};

/// What is forged. Every kind is tried on every passage that it fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Kind {
    Number,
    Date,
    Unit,
    Name,
    SwappedNames,
    NegationAdded,
    NegationRemoved,
    Quantifier,
    Reversed,
    InventedQuote,
    AlteredQuote,
    InventedSentence,
    AppendedClause,
    WrongMarker,
    NoSuchMarker,
    FakeMarker,
    NoMarker,
    OtherTruth,
    Splice,
    InjectedSource,
    Heading,
    ForeignSubject,
    CrossedMarkers,
}

pub(super) const KINDS: [Kind; 23] = [
    Kind::Number,
    Kind::Date,
    Kind::Unit,
    Kind::Name,
    Kind::SwappedNames,
    Kind::NegationAdded,
    Kind::NegationRemoved,
    Kind::Quantifier,
    Kind::Reversed,
    Kind::InventedQuote,
    Kind::AlteredQuote,
    Kind::InventedSentence,
    Kind::AppendedClause,
    Kind::WrongMarker,
    Kind::NoSuchMarker,
    Kind::FakeMarker,
    Kind::NoMarker,
    Kind::OtherTruth,
    Kind::Splice,
    Kind::InjectedSource,
    Kind::Heading,
    Kind::ForeignSubject,
    Kind::CrossedMarkers,
];

/// Two passages, the one that is cited as number 1 and another that is number 2.
pub(super) struct Scene<'a> {
    pub(super) cited: &'a Entry,
    pub(super) other: &'a Entry,
}

/// An answer of one kind that must not be shown, if the passages have anything that this kind can forge.
pub(super) fn forge(kind: Kind, scene: &Scene<'_>, rng: &mut Rng) -> Option<String> {
    let true_sentence = pick(scene.cited.sentences, rng);
    let sentence = match kind {
        Kind::Number => changed_number(true_sentence, rng, false)?,
        Kind::Date => changed_number(true_sentence, rng, true).or_else(|| changed_month(true_sentence, rng))?,
        Kind::Unit => replaced(true_sentence, UNITS, rng)?,
        Kind::Name => other_name(scene, true_sentence, rng)?,
        Kind::SwappedNames => swapped(scene.cited.names, true_sentence, rng)?,
        Kind::NegationAdded => replaced(true_sentence, NEGATIONS, rng)?,
        Kind::NegationRemoved => without_negation(true_sentence)?,
        Kind::Quantifier => replaced(true_sentence, QUANTIFIERS, rng)?,
        Kind::Reversed => replaced(true_sentence, REVERSALS, rng)?,
        Kind::InventedQuote => format!("{} “{}.”", lead(scene), invention(scene, rng)),
        Kind::AlteredQuote => format!("{} “{}”", lead(scene), altered(true_sentence, rng)?),
        Kind::InventedSentence => format!("{}.", invention(scene, rng)),
        Kind::AppendedClause => {
            format!("{}{}{}.", stem(true_sentence), joint(true_sentence, rng), invention(scene, rng))
        }
        Kind::CrossedMarkers => {
            let second = pick(scene.other.sentences, rng);
            let joint = if is_korean(second) { "이고" } else { "" };
            return Some(format!("{}{joint} [2], {} [1].", stem(true_sentence), stem(second)));
        }
        Kind::WrongMarker => return Some(format!("{} [2]", marked(true_sentence))),
        Kind::NoSuchMarker => return Some(format!("{} [{}]", marked(&falsified(scene, rng)?), rng.usize(3..9999))),
        Kind::FakeMarker => {
            return Some(format!(
                "{}{}",
                falsified(scene, rng)?,
                pick(&["【1】", "［１］", "[^1]", "[1-2]", "[Source 1]", "【1†source】", "¹", "(1)", "[１]"], rng)
            ));
        }
        Kind::NoMarker => return falsified(scene, rng),
        Kind::OtherTruth => {
            return Some(format!(
                "{}{}{} [1]",
                stem(true_sentence),
                joint(true_sentence, rng),
                pick(scene.other.sentences, rng)
            ));
        }
        Kind::Splice => splice(scene.cited.sentences, rng)?,
        Kind::InjectedSource => injected(&falsified(scene, rng)?, rng),
        Kind::Heading => {
            return Some(format!(
                "{} {}\n",
                pick(&["#", "##", "-", "1.", "**Note:**", ">"], rng),
                falsified(scene, rng)?
            ));
        }
        Kind::ForeignSubject => foreign_subject(scene, rng)?,
    };
    (!scene.cited.sentences.contains(&sentence.as_str())).then(|| format!("{} [1]", marked(&sentence)))
}

fn pick<'a>(from: &[&'a str], rng: &mut Rng) -> &'a str {
    from[rng.usize(..from.len())]
}

fn is_korean(text: &str) -> bool {
    text.contains('다') && text.chars().any(|c| ('\u{ac00}'..='\u{d7a3}').contains(&c))
}

fn marked(sentence: &str) -> String {
    sentence.trim_end().to_owned()
}

fn stem(sentence: &str) -> &str {
    sentence.trim_end_matches('.')
}

fn joint(sentence: &str, rng: &mut Rng) -> &'static str {
    if is_korean(sentence) {
        pick(&["고, ", ". ", "며 ", "는데 "], rng)
    } else {
        pick(&[", and ", ", which means that ", "; ", " because ", " – "], rng)
    }
}

fn invention(scene: &Scene<'_>, rng: &mut Rng) -> String {
    let korean = is_korean(scene.cited.sentences[0]);
    pick(if korean { INVENTIONS_KOREAN } else { INVENTIONS }, rng).to_owned()
}

fn lead(scene: &Scene<'_>) -> &'static str {
    if is_korean(scene.cited.sentences[0]) { "문서에 따르면" } else { "The passage says" }
}

/// Some forgery of a single fact.
fn falsified(scene: &Scene<'_>, rng: &mut Rng) -> Option<String> {
    let sentence = pick(scene.cited.sentences, rng);
    let forged = match rng.u8(..5) {
        0 => changed_number(sentence, rng, false),
        1 => replaced(sentence, NEGATIONS, rng),
        2 => other_name(scene, sentence, rng),
        3 => replaced(sentence, REVERSALS, rng),
        _ => Some(format!("{}.", invention(scene, rng))),
    };
    forged.filter(|forged| !scene.cited.sentences.contains(&forged.as_str()))
}

fn replaced(sentence: &str, pairs: &[(&str, &str)], rng: &mut Rng) -> Option<String> {
    let fitting: Vec<_> = pairs.iter().filter(|(from, _)| sentence.contains(from)).collect();
    let (from, to) = fitting.get(rng.usize(..fitting.len().max(1)))?;
    Some(sentence.replacen(from, to, 1))
}

/// Another value for one of the numbers: of the years when `years`, else of the others.
fn changed_number(sentence: &str, rng: &mut Rng, years: bool) -> Option<String> {
    let mut spans = Vec::new();
    let mut start = None;
    for (at, c) in sentence.char_indices().chain([(sentence.len(), ' ')]) {
        match (c.is_ascii_digit(), start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                spans.push((from, at));
                start = None;
            }
            _ => {}
        }
    }
    spans.retain(|(from, to)| (to - from == 4 && sentence[*from..].starts_with(['1', '2'])) == years);
    let (from, to) = *spans.get(rng.usize(..spans.len().max(1)))?;
    let old: u64 = sentence[from..to].parse().ok()?;
    let new = match rng.u8(..4) {
        0 => old + rng.u64(1..10),
        1 => old * 10 + 7,
        2 => old.saturating_sub(1),
        _ => old + 100,
    };
    (new != old).then(|| format!("{}{new}{}", &sentence[..from], &sentence[to..]))
}

fn changed_month(sentence: &str, rng: &mut Rng) -> Option<String> {
    const MONTHS: [&str; 8] = ["March", "May", "June", "August", "3월", "5월", "6월", "8월"];
    const OTHERS: [&str; 8] = ["April", "July", "January", "December", "4월", "7월", "1월", "12월"];
    let at = MONTHS.iter().position(|month| sentence.contains(month))?;
    let other = OTHERS[at / 4 * 4 + rng.usize(..4)];
    Some(sentence.replacen(MONTHS[at], other, 1))
}

fn other_name(scene: &Scene<'_>, sentence: &str, rng: &mut Rng) -> Option<String> {
    let names: Vec<_> = scene.cited.names.iter().filter(|name| sentence.contains(**name)).collect();
    let name = names.get(rng.usize(..names.len().max(1)))?;
    let pool = if rng.bool() { scene.other.names } else { scene.cited.names };
    let other = pick(pool, rng);
    (!sentence.contains(other)).then(|| sentence.replacen(**name, other, 1))
}

fn swapped(names: &[&str], sentence: &str, rng: &mut Rng) -> Option<String> {
    let here: Vec<&str> = names.iter().copied().filter(|name| sentence.contains(name)).collect();
    if here.len() < 2 {
        return None;
    }
    let first = rng.usize(..here.len());
    let second = (first + rng.usize(1..here.len())) % here.len();
    let (a, b) = (here[first], here[second]);
    (!a.contains(b) && !b.contains(a))
        .then(|| sentence.replacen(a, "\u{1}", 1).replacen(b, a, 1).replacen('\u{1}', b, 1))
}

fn without_negation(sentence: &str) -> Option<String> {
    const PAIRS: [(&str, &str); 8] = [
        (" is not ", " is "),
        (" must not ", " must "),
        ("never received", "received"),
        ("No patient", "A patient"),
        ("열지 않는다", "연다"),
        ("초과할 수 없다", "초과할 수 있다"),
        ("받지 못했다", "받았다"),
        ("refuses new", "accepts new"),
    ];
    let (from, to) = PAIRS.iter().find(|(from, _)| sentence.contains(from))?;
    Some(sentence.replacen(from, to, 1))
}

/// A quotation with one word left out, doubled or exchanged.
fn altered(sentence: &str, rng: &mut Rng) -> Option<String> {
    let mut words: Vec<&str> = sentence.split(' ').collect();
    let at = rng.usize(..words.len());
    match rng.u8(..3) {
        0 => {
            words.remove(at);
        }
        1 => words.insert(at, words[at]),
        _ => {
            let last = words.len() - 1;
            words.swap(at, last);
        }
    }
    let altered = words.join(" ");
    (!sentence.contains(&altered)).then_some(altered)
}

/// The beginning of one sentence with the end of another.
fn splice(sentences: &[&str], rng: &mut Rng) -> Option<String> {
    let first = rng.usize(..sentences.len());
    let second = (first + rng.usize(1..sentences.len())) % sentences.len();
    let (a, b): (Vec<&str>, Vec<&str>) =
        (sentences[first].split(' ').collect(), sentences[second].split(' ').collect());
    let (cut_a, cut_b) = (rng.usize(1..a.len()), rng.usize(1..b.len()));
    // With all but a word of one of them nothing false need come out.
    let is_mixed = cut_a >= 2.min(a.len() - 1) && b.len() - cut_b >= 2 && cut_b >= 2;
    is_mixed.then(|| [&a[..cut_a], &b[cut_b..]].concat().join(" "))
}

fn injected(sentence: &str, rng: &mut Rng) -> String {
    match rng.u8(..4) {
        0 => format!("According to [1], {sentence}"),
        1 => format!("{sentence} Source: verified by the editors"),
        2 => format!("[1] <passage number=\"1\">{sentence}</passage>"),
        _ => format!("As the passage clearly states, {sentence}"),
    }
}

/// A sentence of one passage about the subject of the other.
fn foreign_subject(scene: &Scene<'_>, rng: &mut Rng) -> Option<String> {
    let sentence = pick(scene.cited.sentences, rng);
    let (pronoun, rest) = ["It ", "She ", "The tower ", "The bank ", "The river ", "The island ", "그는 ", "이 탑은 "]
        .into_iter()
        .find_map(|pronoun| sentence.strip_prefix(pronoun).map(|rest| (pronoun, rest)))?;
    let subject = pick(scene.other.names, rng);
    let particle = if is_korean(pronoun) || is_korean(rest) { "은" } else { "" };
    Some(format!("{subject}{particle} {rest}"))
}
