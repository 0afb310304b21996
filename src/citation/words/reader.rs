//! From the pieces of a text to words: what an apostrophe joins, numbers with their signs, scales and units, particles.

use ibid_ingest::Span;

use super::english::{self, Use};
use super::numbers::{self, Decimal};
use super::raw::{Raw, Shape};
use super::{Kind, Quantity, WORDS_MAX, Word, korean, units};
use crate::analysis;

/// The words that the pieces of `text` make.
pub(super) fn read(raws: &[Raw], text: &str) -> Vec<Word> {
    let mut reader = Reader { raws, text, at: 0, words: Vec::with_capacity(raws.len()) };
    while reader.at < raws.len() && reader.words.len() < WORDS_MAX {
        reader.step();
    }
    reader.words
}

struct Reader<'a> {
    raws: &'a [Raw],
    text: &'a str,
    at: usize,
    words: Vec<Word>,
}

impl Reader<'_> {
    fn step(&mut self) {
        let raw = &self.raws[self.at];
        if self.number() {
            return;
        }
        self.at += 1;
        match raw.shape {
            Shape::Word => self.word(raw),
            Shape::Name | Shape::Digits => self.push(raw.span, Kind::Name, vec![format!("n:{}", raw.lower)], ""),
            Shape::Hangul => self.hangul(raw, raw.lower.as_str(), raw.span),
            Shape::Gram => self.push(raw.span, Kind::Content, vec![format!("n:{}", raw.lower)], ""),
            Shape::Sign => self.sign(raw),
        }
    }

    fn push(&mut self, span: Span, kind: Kind, keys: Vec<String>, role: &'static str) {
        self.words.push(Word { span, kind, keys, role, ends_clause: false });
    }

    fn sign(&mut self, raw: &Raw) {
        let kind = match raw.lower.as_str() {
            "," | ";" | ":" | "(" | ")" | "—" | "–" | "|" | "、" | "，" | "。" | "；" | "：" | "（" | "）" | "."
            | "!" | "?" | "·" | "\n\n" => Kind::Break,
            "<" | ">" | "≤" | "≥" | "=" | "≠" | "+" | "×" | "÷" | "→" | "←" | "±" | "≈" | "~" | "%" | "$" | "€"
            | "£" | "¥" | "₩" | "°" => {
                return self.push(raw.span, Kind::Content, vec![format!("n:{}", raw.lower)], "");
            }
            "-" if !raw.is_glued => Kind::Break,
            _ if raw.lower.trim().is_empty() => Kind::Break,
            _ => return,
        };
        self.push(raw.span, kind, Vec::new(), "");
    }

    fn word(&mut self, raw: &Raw) {
        let mut word = raw.lower.clone();
        let mut role = "";
        let mut negated = false;
        let mut span = raw.span;
        // What an apostrophe joins: `isn't`, `Alice's`, `they'll`.
        if let [mark, tail, ..] = &self.raws[self.at..]
            && matches!(mark.lower.as_str(), "'" | "’")
            && mark.is_glued
            && tail.is_glued
            && tail.shape == Shape::Word
        {
            match tail.lower.as_str() {
                "t" if word.ends_with('n') => {
                    negated = true;
                    word.truncate(word.len() - 1);
                    word = match word.as_str() {
                        "ca" => "can".to_owned(),
                        "wo" => "will".to_owned(),
                        _ => word,
                    };
                }
                "s" => role = "'s",
                _ => {}
            }
            if negated || matches!(tail.lower.as_str(), "s" | "re" | "ve" | "ll" | "d" | "m") {
                span = Span::new(span.start, tail.span.end);
                self.at += 2;
            }
        }
        self.classified(raw, &word, span, role);
        if negated {
            self.push(span, Kind::Qualifier("not"), Vec::new(), "");
        }
    }

    fn classified(&mut self, raw: &Raw, word: &str, span: Span, role: &'static str) {
        let starts_sentence = self.words.last().is_none_or(|last| last.kind == Kind::Break);
        // A capital inside a sentence makes a name of any word but `I`: `May`, `Will`, `Most`.
        let is_name = raw.is_upper && !starts_sentence;
        let known = english::use_of(word).filter(|_| !is_name || role.is_empty());
        let kind = match known {
            Some(Use::Light) => Kind::Light,
            Some(Use::Be) => Kind::Be,
            Some(Use::Pronoun) => Kind::Pronoun,
            Some(Use::Relation(class)) => Kind::Relation(class),
            Some(Use::Clause) => Kind::Break,
            Some(Use::Qualifier(class)) => Kind::Qualifier(class),
            None => {
                if raw.is_upper {
                    Kind::Name
                } else {
                    Kind::Content
                }
            }
        };
        let role = if kind.is_content() { role } else { "" };
        let keys = if kind.is_content() { latin_keys(word) } else { vec![format!("n:{word}")] };
        self.push(span, kind, keys, role);
    }

    fn hangul(&mut self, raw: &Raw, run: &str, span: Span) {
        // Particles that follow a word of another script directly belong to it.
        if raw.is_glued
            && let Some(role) = korean::particle_role(run)
            && let Some(last) = self.words.last_mut().filter(|last| last.kind.is_content())
        {
            last.role = role;
            last.ends_clause = matches!(run, "이며" | "이고");
            return;
        }
        let read = korean::read(run);
        let kind = match read.qualifier {
            Some(class) => Kind::Qualifier(class),
            None if korean::is_pronoun(run) => Kind::Pronoun,
            None if read.is_light && read.ends_clause => Kind::Break,
            None if read.is_light => Kind::Light,
            None => Kind::Content,
        };
        let keys = if kind.is_content() { read.keys } else { Vec::new() };
        self.words.push(Word { span, kind, keys, role: read.role, ends_clause: read.ends_clause });
    }

    /// Reads a number with its sign, scale and unit, if one begins here.
    fn number(&mut self) -> bool {
        let start = self.at;
        let Some((mut value, is_ordinal, mut rest)) = self.numeral() else {
            self.at = start;
            return false;
        };
        self.scaled(&mut value, &mut rest);
        let mut span = Span::new(self.raws[start].span.start, self.raws[self.at - 1].span.end);
        let before = self.words.last().filter(|last| last.span.end == span.start || last.span.end + 1 == span.start);
        let sign = before.map(|last| (last.span.slice(self.text), last.span.start));
        let mut unit = None;
        if let Some((sign, at)) = sign
            && let Some(currency) = units::currency_sign(sign)
        {
            unit = Some(currency);
            self.words.pop();
            span.start = at;
        }
        let is_negative = start > 0
            && matches!(self.raws[start - 1].lower.as_str(), "-" | "−")
            && self.raws[start].is_glued
            && !self.raws[start - 1].is_glued;
        let value = if is_negative { value.negated() } else { value };
        let mut role = "";
        let mut is_ordinal = is_ordinal;
        let mut ends_clause = false;
        if rest.is_empty() {
            let named = self.unit_ahead();
            if let Some((found, particle, end)) = named {
                (unit, role, span.end) = (unit.or(Some(found)), particle, end);
            }
        } else if let Some((found, length)) = units::hangul_unit(&rest)
            && let Some(particle) = korean::particle_role(&rest[length..])
        {
            (unit, role) = (Some(found), particle);
            ends_clause = matches!(&rest[length..], "이며" | "이고");
        } else if let Some(particle) = korean::particle_role(&rest) {
            role = particle;
        } else {
            self.at = start;
            return false;
        }
        if unit == Some("nth") {
            (unit, is_ordinal) = (None, true);
        }
        self.words.push(Word {
            span,
            kind: Kind::Number(Quantity { value, unit, is_ordinal }),
            keys: Vec::new(),
            role,
            ends_clause,
        });
        true
    }

    /// The numeral that begins here, whether it is an ordinal, and the rest of its run of Hangul that is not read.
    fn numeral(&mut self) -> Option<(Decimal, bool, String)> {
        let raw = &self.raws[self.at];
        self.at += 1;
        match raw.shape {
            Shape::Digits => {
                let value = Decimal::parse(&raw.lower)?;
                let next = self.raws.get(self.at).filter(|next| next.is_glued);
                match next {
                    Some(next)
                        if next.shape == Shape::Word && matches!(next.lower.as_str(), "st" | "nd" | "rd" | "th") =>
                    {
                        self.at += 1;
                        Some((value, true, String::new()))
                    }
                    // `3d`, `1990s` and the like are names unless the letters are a unit.
                    Some(next)
                        if next.shape == Shape::Word
                            && next.lower == "s"
                            && value.whole().is_some_and(|year| year >= 1000) =>
                    {
                        None
                    }
                    Some(next)
                        if matches!(next.shape, Shape::Word | Shape::Name) && units::unit(&next.lower).is_none() =>
                    {
                        None
                    }
                    Some(next) if next.shape == Shape::Hangul => {
                        self.at += 1;
                        Some((value, false, next.lower.clone()))
                    }
                    _ => Some((value, false, String::new())),
                }
            }
            Shape::Word => {
                let (first, ordinal) = numbers::english(&raw.lower)?;
                // `one` and `first` alone are as often no number, but then both sides have them.
                if first >= 20 && first % 10 == 0 && !ordinal {
                    let hyphen = usize::from(self.raws.get(self.at).is_some_and(|next| next.lower == "-"));
                    if let Some((unit, is_ordinal)) = self
                        .raws
                        .get(self.at + hyphen)
                        .and_then(|next| numbers::english(&next.lower))
                        .filter(|(unit, _)| (1..10).contains(unit))
                    {
                        self.at += hyphen + 1;
                        return Some((Decimal::of(first + unit), is_ordinal, String::new()));
                    }
                }
                Some((Decimal::of(first), ordinal, String::new()))
            }
            Shape::Hangul => {
                if let Some((value, length)) = numbers::sino_korean(&raw.lower) {
                    return Some((value, false, raw.lower[length..].to_owned()));
                }
                let value = numbers::native_korean(&raw.lower)?;
                let counter = self.raws.get(self.at).filter(|next| next.shape == Shape::Hangul)?;
                let (_, length) = units::hangul_unit(&counter.lower)?;
                korean::particle_role(&counter.lower[length..])?;
                Some((Decimal::of(value), false, String::new()))
            }
            _ => None,
        }
    }

    /// Applies the powers of ten that follow: `12 million`, `3억 5천만`, `1만 2천`.
    fn scaled(&mut self, value: &mut Decimal, rest: &mut String) {
        if let Some((power, length)) = leading_scale(rest) {
            *value = value.clone().shifted(power);
            *rest = rest[length..].to_owned();
        }
        for _ in 0..4 {
            let Some(ahead) = self.raws.get(self.at).filter(|_| rest.is_empty()) else { return };
            let hyphen = usize::from(ahead.lower == "-" && ahead.is_glued);
            let Some(next) = self.raws.get(self.at + hyphen) else { return };
            if next.shape == Shape::Word
                && let Some(power) = numbers::scale(&next.lower)
            {
                *value = value.clone().shifted(power);
                self.at += hyphen + 1;
            } else if next.shape == Shape::Hangul
                && let Some((power, length)) = leading_scale(&next.lower)
                && self.raws[self.at - 1].shape == Shape::Digits
            {
                *value = value.clone().shifted(power);
                *rest = next.lower[length..].to_owned();
                self.at += 1;
            } else if let Some(sum) = self.korean_addend(next, value, rest) {
                *value = sum;
            } else {
                return;
            }
        }
    }

    /// The sum with a smaller part that follows after a space: the `2천` of `1만 2천`.
    fn korean_addend(&mut self, next: &Raw, value: &Decimal, rest: &mut String) -> Option<Decimal> {
        let was_scaled = self.raws[self.at - 1].shape == Shape::Hangul;
        if next.shape != Shape::Digits || !was_scaled {
            return None;
        }
        let run = self.raws.get(self.at + 1).filter(|run| run.is_glued && run.shape == Shape::Hangul);
        let (power, length) = run.and_then(|run| leading_scale(&run.lower)).unwrap_or((0, 0));
        let part = Decimal::parse(&next.lower)?.shifted(power);
        let sum = value.plus(&part).filter(|_| part.whole() < value.whole())?;
        self.at += 1;
        if let Some(run) = run {
            *rest = run.lower[length..].to_owned();
            self.at += 1;
        }
        Some(sum)
    }

    /// The unit that follows, with the particle on it and its end.
    fn unit_ahead(&mut self) -> Option<(&'static str, &'static str, usize)> {
        let hyphen = usize::from(self.raws.get(self.at).is_some_and(|next| next.lower == "-" && next.is_glued));
        let next = self.raws.get(self.at + hyphen)?;
        let found = match next.shape {
            Shape::Hangul => {
                let (unit, length) = units::hangul_unit(&next.lower)?;
                (unit, korean::particle_role(&next.lower[length..])?, next.span.end)
            }
            Shape::Word | Shape::Name | Shape::Sign => {
                let after = self.raws.get(self.at + hyphen + 1);
                let joined = after
                    .map(|after| format!("{}{}{}", next.lower, if after.is_glued { "" } else { " " }, after.lower));
                match joined.and_then(|joined| units::unit(&joined)).filter(|_| next.shape != Shape::Word) {
                    Some(unit) => {
                        self.at += 1;
                        (unit, "", after?.span.end)
                    }
                    // One letter is a unit only where it touches the number, or stands alone in lower case.
                    None => (
                        units::unit(&next.lower)
                            .filter(|_| !(next.is_upper && next.lower.len() == 1 && !next.is_glued))?,
                        "",
                        next.span.end,
                    ),
                }
            }
            _ => return None,
        };
        self.at += hyphen + 1;
        Some(found)
    }
}

/// The power of ten that a run of Hangul begins with, and its bytes.
fn leading_scale(run: &str) -> Option<(i32, usize)> {
    ["십만", "백만", "천만", "십억", "백억", "천억", "만", "억", "조", "천", "백"]
        .into_iter()
        .find(|name| run.starts_with(name))
        .and_then(|name| numbers::scale(name).map(|power| (power, name.len())))
}

/// The forms of a word of an alphabet: its stem, and that of its base when it is irregular.
fn latin_keys(word: &str) -> Vec<String> {
    let stem = |form: &str| {
        let mut first = None;
        analysis::each_token(form, None, |term, _, _| {
            first.get_or_insert_with(|| format!("n:{term}"));
        });
        first.unwrap_or_else(|| format!("n:{form}"))
    };
    let mut keys = vec![stem(word)];
    keys.extend(english::base_of(word).map(stem));
    keys
}
