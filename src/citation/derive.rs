//! Whether one statement can be had from another by leaving out what may be left out, and nothing else.
//!
//! The words of the statement are laid against those of the source in order. Everything that it says must be there, in the same
//! relation to what stands beside it; and of what stands between, only asides, attributes and adjuncts may be missing, and no
//! word that qualifies. This proves less than a person would, on purpose: what it lets pass was said.

use super::alignment::{Pair, align, closes, content, roles_agree};
use super::words::{Agreement, Kind, Word, agreement};
use crate::types::ReasonCode;

/// Words of a statement beyond which nothing is proved.
pub(super) const SAID_MAX: usize = 160;

/// Why a statement cannot be had from a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) code: ReasonCode,
    /// The words that it is about, as the sentence or the source writes them.
    pub(super) words: String,
    /// How much of the statement's content the source has, in hundredths.
    pub(super) covered: usize,
}

/// What a statement was had from.
#[derive(Debug, Clone)]
pub(super) struct Derivation {
    /// Places of matched words in the source, ascending.
    pub(super) places: Vec<usize>,
    /// Whether it begins where its source sentence begins to say something.
    pub(super) begins: bool,
}

/// A text with its words.
#[derive(Debug, Clone)]
pub(super) struct Text<'t> {
    pub(super) text: &'t str,
    pub(super) words: Vec<Word>,
}

/// What a source sentence stands in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Surroundings<'w> {
    /// What title, headings and the sentence before name, which a pronoun or a missing subject may mean.
    pub(super) context: &'w [Word],
    /// What the answer named before, which a pronoun of the statement may mean.
    pub(super) before: &'w [Word],
}

struct Check<'a> {
    said: &'a [Word],
    source: &'a [Word],
    said_text: &'a str,
    source_text: &'a str,
    around: Surroundings<'a>,
    covered: usize,
    /// Whether a word of the statement forbids to leave out any part of its scope.
    is_closed: bool,
}

/// Tries to have `said` from `source`.
pub(super) fn derive(said: &Text<'_>, source: &Text<'_>, around: Surroundings<'_>) -> Result<Derivation, Problem> {
    let said_content = content(&said.words);
    let source_content = content(&source.words);
    let pairs = align(&said.words, &said_content, &source.words, &source_content);
    let covered = pairs.len() * 100 / said_content.len().max(1);
    let is_closed = said.words.iter().any(|word| closes(word, said.text));
    let check = Check {
        said: &said.words,
        source: &source.words,
        said_text: said.text,
        source_text: source.text,
        around,
        covered,
        is_closed,
    };
    if said_content.is_empty() || said_content.len() > SAID_MAX || pairs.is_empty() {
        return Err(check.problem(ReasonCode::WeakOverlap, ""));
    }
    let supplied = check.missing(&said_content, &pairs)?;
    check.pairs_agree(&pairs)?;
    check.qualifiers_are_kept(&pairs)?;
    let begins = check.lead(&pairs[0], &supplied)?;
    for two in pairs.windows(2) {
        check.between(&two[0], &two[1], &supplied)?;
    }
    check.tail(&pairs[pairs.len() - 1], &supplied)?;
    Ok(Derivation { places: pairs.iter().map(|pair| pair.source).collect(), begins })
}

impl Check<'_> {
    fn problem(&self, code: ReasonCode, words: &str) -> Problem {
        Problem { code, words: words.to_owned(), covered: self.covered }
    }

    fn said_problem(&self, code: ReasonCode, at: usize) -> Problem {
        self.problem(code, self.said[at].span.slice(self.said_text))
    }

    fn source_problem(&self, code: ReasonCode, at: usize) -> Problem {
        self.problem(code, self.source[at].span.slice(self.source_text))
    }

    /// The words of the statement that the source lacks and its surroundings supply; an error for the first that nothing supplies.
    fn missing(&self, said_content: &[usize], pairs: &[Pair]) -> Result<Vec<usize>, Problem> {
        let unpaired = said_content.iter().copied().filter(|at| pairs.iter().all(|pair| pair.said != *at));
        let unpaired: Vec<usize> = unpaired.collect();
        let is_supplied = |at: &usize| {
            let word = &self.said[*at];
            matches!(word.kind, Kind::Name | Kind::Content)
                && self.around.context.iter().any(|known| agreement(word, known) == Agreement::Same)
        };
        // The gravest difference is named first.
        let missing = unpaired.iter().copied().filter(|at| !is_supplied(at)).max_by_key(|at| self.gravity(*at));
        match missing {
            Some(at) => Err(self.said_problem(self.missing_code(at), at)),
            None => Ok(unpaired),
        }
    }

    fn missing_code(&self, at: usize) -> ReasonCode {
        let word = &self.said[at];
        let other_unit = self.source.iter().any(|source| agreement(word, source) == Agreement::OtherUnit);
        match word.kind {
            Kind::Number(_) if other_unit => ReasonCode::UnitDiffers,
            Kind::Number(_) => ReasonCode::NumberDiffers,
            Kind::Date(_) => ReasonCode::DateDiffers,
            Kind::Qualifier("not" | "without") => ReasonCode::NegationDiffers,
            Kind::Qualifier(_) => ReasonCode::QualifierDiffers,
            Kind::Name => ReasonCode::NameDiffers,
            _ if self.has_opposite(word) => ReasonCode::NegationDiffers,
            _ => ReasonCode::MissingWords,
        }
    }

    fn gravity(&self, at: usize) -> usize {
        match self.missing_code(at) {
            ReasonCode::MissingWords => 0,
            ReasonCode::NameDiffers if at == 0 => 1,
            ReasonCode::NameDiffers => 2,
            ReasonCode::QualifierDiffers => 3,
            _ => 4,
        }
    }

    fn has_opposite(&self, word: &Word) -> bool {
        let stems =
            |of: &Word| of.keys.iter().filter_map(|key| key.strip_prefix("n:")).map(str::to_owned).collect::<Vec<_>>();
        let said = stems(word);
        self.source.iter().any(|source| {
            let others = stems(source);
            said.iter().any(|a| others.iter().any(|b| super::words::are_opposites(a, b)))
        })
    }

    /// Whether particles and possessives say the same of every pair.
    fn pairs_agree(&self, pairs: &[Pair]) -> Result<(), Problem> {
        for pair in pairs {
            let (said, source) = (&self.said[pair.said], &self.source[pair.source]);
            if !roles_agree(said.role, source.role) {
                return Err(self.said_problem(ReasonCode::OrderDiffers, pair.said));
            }
        }
        Ok(())
    }

    /// Every qualifying word of the clauses that are used must be in the statement; conditions and reports, wherever they stand.
    fn qualifiers_are_kept(&self, pairs: &[Pair]) -> Result<(), Problem> {
        let used = |at: usize| pairs.iter().any(|pair| pair.source == at);
        let mut start = 0;
        for end in 0..=self.source.len() {
            let ends = end == self.source.len() || self.source[end].kind == Kind::Break || self.source[end].ends_clause;
            if !ends {
                continue;
            }
            let last = (end + 1).min(self.source.len());
            let touched = (start..last).any(used);
            for at in start..last {
                let Kind::Qualifier(class) = self.source[at].kind else { continue };
                let is_wide = matches!(class, "unless" | "if" | "claimed" | "except" | "failed" | "planned");
                if !used(at) && (touched || is_wide) {
                    let negates = matches!(class, "not" | "without");
                    let code = if negates { ReasonCode::NegationDiffers } else { ReasonCode::QualifierDiffers };
                    return Err(self.source_problem(code, at));
                }
            }
            start = last;
        }
        Ok(())
    }

    /// What the source says before the first pair, back to the clause's beginning. Says whether nothing is left out there.
    fn lead(&self, first: &Pair, supplied: &[usize]) -> Result<bool, Problem> {
        let start = self.clause_start(first.source);
        let (said, source) = (&self.said[..first.said], &self.source[start..first.source]);
        let left_out = content(source);
        let is_supplied = supplied.iter().any(|at| *at < first.said);
        let starts_with_pronoun = source.first().is_some_and(|word| word.kind == Kind::Pronoun);
        if is_supplied && !(left_out.is_empty() && (starts_with_pronoun || self.is_subjectless(start))) {
            return Err(self.said_problem(ReasonCode::NameDiffers, supplied[0]));
        }
        if is_supplied {
            return Ok(true);
        }
        let has_be = |words: &[Word]| words.iter().any(|word| word.kind == Kind::Be);
        let is_broken = said.iter().skip_while(|word| word.kind != Kind::Be).any(|word| word.kind == Kind::Break);
        let forms_of_be = said.iter().filter(|word| word.kind == Kind::Be).count();
        if is_broken || forms_of_be > 1 || (has_be(said) && !has_be(&self.source[..first.source])) {
            return Err(self.said_problem(ReasonCode::OrderDiffers, first.said));
        }
        if left_out.is_empty() {
            self.relations_agree(said, source, first)?;
            let adds_pronoun = said.iter().any(|word| word.kind == Kind::Pronoun)
                && source.iter().all(|word| word.kind != Kind::Pronoun);
            if adds_pronoun && self.said[first.said].kind != Kind::Content {
                return Err(self.said_problem(ReasonCode::OrderDiffers, first.said));
            }
            return Ok(!starts_with_pronoun || said.iter().any(|word| word.kind == Kind::Pronoun));
        }
        let left = &left_out.iter().map(|at| &source[*at]).collect::<Vec<_>>();
        let means_left_out = said.iter().any(|word| word.kind == Kind::Pronoun)
            && left.iter().all(|word| self.around.before.iter().any(|known| agreement(word, known) == Agreement::Same));
        if means_left_out {
            return Ok(true);
        }
        if self.is_hangul(first.source) {
            let has_subject = left.iter().any(|word| word.role == "은");
            let is_bound = left.last().is_some_and(|word| matches!(word.role, "와" | "보다")) || self.is_closed;
            let says_subject = self.said[first.said].role == "은";
            return if has_subject || is_bound || !says_subject {
                Err(self.source_problem(ReasonCode::OrderDiffers, start + left_out[0]))
            } else {
                Ok(false)
            };
        }
        let article = |words: &[Word]| words.iter().any(|word| word.kind == Kind::Light);
        let last = left_out[left_out.len() - 1];
        let is_adjunct = matches!(source[0].kind, Kind::Relation(_))
            && source[last + 1..].iter().any(|word| word.kind == Kind::Light);
        let is_attribute = left_out[0] > 0
            && last - left_out[0] + 1 == left_out.len()
            && last + 1 == source.len()
            && left_out.len() <= 3
            && article(&source[..left_out[0]])
            && article(said)
            && left.iter().all(|word| word.role.is_empty() && word.kind == Kind::Content);
        if self.is_closed || !(is_adjunct || is_attribute) {
            return Err(self.source_problem(ReasonCode::OrderDiffers, start + left_out[0]));
        }
        if is_adjunct {
            self.relations_agree(said, &source[last + 1..], first)?;
        }
        Ok(false)
    }

    /// What stands between two pairs.
    fn between(&self, a: &Pair, b: &Pair, supplied: &[usize]) -> Result<(), Problem> {
        let (said, source) = (&self.said[a.said + 1..b.said], &self.source[a.source + 1..b.source]);
        let left_out = content(source);
        let adds = supplied.iter().any(|at| (a.said..b.said).contains(at));
        let tail = left_out.last().map_or(0, |last| last + 1);
        if adds {
            let names_scope =
                said.iter().any(|word| word.kind == Kind::Relation("of") || word.kind == Kind::Relation("at"));
            let is_free = left_out.is_empty()
                && names_scope
                && source.iter().any(|word| matches!(word.kind, Kind::Break | Kind::Be));
            return if is_free { Ok(()) } else { Err(self.said_problem(ReasonCode::NameDiffers, a.said + 1)) };
        }
        self.relations_agree(said, &source[tail..], b)?;
        let pronouns = |words: &[Word]| words.iter().filter(|word| word.kind == Kind::Pronoun).count();
        if pronouns(said) > pronouns(source) {
            return Err(self.said_problem(ReasonCode::OrderDiffers, b.said));
        }
        let is_pause = |word: &Word| word.kind == Kind::Break || word.ends_clause;
        let has_be = |words: &[Word]| words.iter().any(|word| word.kind == Kind::Be);
        if has_be(said) && !has_be(source) && !(left_out.is_empty() && source.iter().any(is_pause)) {
            return Err(self.said_problem(ReasonCode::OrderDiffers, b.said));
        }
        if left_out.is_empty() || self.may_leave_out(a, b, said, source, &left_out) {
            return Ok(());
        }
        Err(self.source_problem(ReasonCode::OrderDiffers, a.source + 1 + left_out[0]))
    }

    /// Whether what the source has between two pairs may be left out.
    fn may_leave_out(&self, a: &Pair, b: &Pair, said: &[Word], source: &[Word], left_out: &[usize]) -> bool {
        let (first, last) = (left_out[0], left_out[left_out.len() - 1]);
        let is_break = |word: &Word| word.kind == Kind::Break;
        let inner = source[first..=last].iter().filter(|word| is_break(word)).count();
        let opens = source[..first].iter().any(is_break);
        let closes = source[last + 1..].iter().any(is_break) || source[last].ends_clause;
        if opens && closes && inner == 0 {
            return true;
        }
        if self.is_closed {
            return false;
        }
        if self.is_hangul(a.source) || self.is_hangul(b.source) {
            let acts = |role: &str| left_out.iter().any(|at| source[*at].role == role);
            let ends = left_out.iter().any(|at| source[*at].ends_clause);
            let after_clause = source[last].ends_clause;
            return !acts("은") && !acts("와") && !acts("보다") && !opens && (after_clause || (!acts("을") && !ends));
        }
        let shares_subject = closes && !opens && inner == 0 && self.begins_said(a);
        let is_adjunct = inner == 0
            && !opens
            && !closes
            && source[..first].iter().any(|word| matches!(word.kind, Kind::Relation(_)))
            && (last + 1 < source.len() || matches!(self.source[b.source].kind, Kind::Date(_)));
        let is_attribute = inner == 0
            && last - first + 1 == left_out.len()
            && last + 1 == source.len()
            && left_out.len() <= 3
            && source[..first].iter().any(|word| word.kind == Kind::Light)
            && said.iter().any(|word| word.kind == Kind::Light)
            && left_out.iter().all(|at| source[*at].kind == Kind::Content && source[*at].role.is_empty());
        shares_subject || is_adjunct || is_attribute
    }

    /// Whether all content of the statement up to a pair is the beginning of the source.
    fn begins_said(&self, pair: &Pair) -> bool {
        let count = |words: &[Word]| words.iter().filter(|word| word.kind.is_content()).count();
        count(&self.said[..=pair.said]) == count(&self.source[..=pair.source])
    }

    /// What the source says after the last pair, up to the clause's end.
    fn tail(&self, last: &Pair, supplied: &[usize]) -> Result<(), Problem> {
        if let Some(at) = supplied.iter().find(|at| **at > last.said) {
            return Err(self.said_problem(ReasonCode::NameDiffers, *at));
        }
        if self.source[last.source].ends_clause {
            return Ok(());
        }
        let rest = &self.source[last.source + 1..];
        let rest = &rest[..rest.iter().position(|word| word.kind == Kind::Break).unwrap_or(rest.len())];
        let Some(next) = rest.iter().position(|word| word.kind.is_content()) else { return Ok(()) };
        let at = last.source + 1 + next;
        if self.is_hangul(last.source) || self.is_hangul(at) {
            return Err(self.source_problem(ReasonCode::OrderDiffers, at));
        }
        let is_adjunct = matches!(rest[0].kind, Kind::Relation(_));
        let may_end = is_adjunct && !self.is_closed && self.source[last.source].role.is_empty();
        if may_end { Ok(()) } else { Err(self.source_problem(ReasonCode::OrderDiffers, at)) }
    }

    /// Whether the same word relates what comes before to `next` on both sides.
    fn relations_agree(&self, said: &[Word], source: &[Word], next: &Pair) -> Result<(), Problem> {
        let relation = |words: &[Word]| {
            words.iter().rev().find_map(|word| match word.kind {
                Kind::Relation(class) => Some(class),
                _ => None,
            })
        };
        let (here, there) = (relation(said), relation(source));
        let is_time = matches!(self.source[next.source].kind, Kind::Date(_));
        let has_pause = source.iter().any(|word| word.kind == Kind::Break);
        let may_add = |class: &str| (is_time && class == "at") || (has_pause && matches!(class, "of" | "at" | "as"));
        match (here, there) {
            (Some(a), Some(b)) if a == b => Ok(()),
            (None, None) => Ok(()),
            (Some(a), None) if may_add(a) => Ok(()),
            (None, Some("at")) if is_time => Ok(()),
            _ => Err(self.said_problem(ReasonCode::OrderDiffers, next.said)),
        }
    }

    fn clause_start(&self, at: usize) -> usize {
        let before = &self.source[..at];
        before.iter().rposition(|word| word.kind == Kind::Break || word.ends_clause).map_or(0, |place| place + 1)
    }

    /// Whether a Korean clause names no subject, which its context then does.
    fn is_subjectless(&self, start: usize) -> bool {
        let clause = &self.source[start..];
        let end = clause.iter().position(|word| word.kind == Kind::Break || word.ends_clause).unwrap_or(clause.len());
        start == 0 && !clause.is_empty() && self.is_hangul(start) && clause[..end].iter().all(|word| word.role != "은")
    }

    fn is_hangul(&self, at: usize) -> bool {
        self.source[at].span.slice(self.source_text).chars().any(|c| ('\u{ac00}'..='\u{d7a3}').contains(&c))
    }
}
