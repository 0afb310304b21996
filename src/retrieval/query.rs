//! The query language: what a caller typed to words, phrases, exclusions and a filter.
//!
//! A query is plain words, and anything else in it is punctuation, except for these, each at the beginning of a word:
//!
//! ```text
//! "drain a node"      the words in this order; also “…” ＂…＂ and 「…」, the last anywhere
//! -windows            not this word; -"drain a node" not this phrase. A number is never excluded: -40
//! title:otters        this word in the title; title:"river otter" this phrase
//! uri:docs/guide      at or under this path
//! collection:notes    in this collection; twice: in either
//! type:pdf            of this type, as an extension or a MIME type; twice: of either
//! lang:ko             in this language, ISO 639-1; twice: in either
//! date:2024-05        within this year, month or day; also 2024.5 and 2024/5
//! after:2024-05       on its first day or later
//! before:2024-05      before its first day
//! ```
//!
//! Values with spaces stand in quotation marks. The names of fields may be in capitals; a word with a colon that begins
//! with no such name is a word. A query in which one of these is broken (a quotation mark that is never closed, `title:` with nothing
//! after it, a date that is none, nothing to search for beside operators) is searched as plain words, all of it, and a
//! notice says why: half of a filter would hide hits without a reason that anybody sees.

use crate::types::{Filter, FilterError};

/// A query as it is understood.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ParsedQuery {
    /// What both legs search for: plain words and those of phrases and titles. A query without operators is here as it was
    /// typed.
    pub text: String,
    /// What has to stand in this order.
    pub phrases: Vec<String>,
    /// Words and phrases that must not occur.
    pub excluded: Vec<String>,
    /// Words and phrases that have to stand in the title.
    pub titles: Vec<String>,
    /// What the query narrows itself to. It holds beside the request's own filter: join both as facets, with
    /// [`FacetQuery::and`](crate::types::FacetQuery::and). Its own facets are never an error.
    pub filter: Filter,
    /// What was taken as plain words although it looks like more, one sentence each for a person.
    pub notices: Vec<String>,
}

/// Each operator costs a look at every candidate or a list of postings; nobody types this many.
const OPERATORS_MAX: usize = 64;
/// Notices beyond this say nothing more.
const NOTICES_MAX: usize = 8;
/// What a notice repeats of a query.
const QUOTED_CHARS_MAX: usize = 40;
/// The longest name of a field is taken to be; a longer word before a colon is just a word.
const NAME_BYTES_MAX: usize = 16;

const TITLE: &str = "title";
const PATH: &str = "uri";
/// Fields that are filters, named as [`Filter::add`] names them.
const FILTERS: [&str; 7] = [PATH, "lang", "collection", "type", "date", "after", "before"];

/// Reads a query. Linear in its length, and total: what cannot be understood is plain words.
pub fn parse_query(text: &str) -> ParsedQuery {
    let mut reader = Reader { text, at: 0, parsed: ParsedQuery::default() };
    match reader.read() {
        Ok(()) => reader.parsed,
        Err(broken) => ParsedQuery {
            text: text.to_owned(),
            notices: vec![format!("{broken}; the query was searched as plain words")],
            ..ParsedQuery::default()
        },
    }
}

/// Why a query is plain words.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("the quotation mark at character {0} is never closed")]
    Unclosed(usize),
    #[error("there is no word within the quotation marks at character {0}")]
    EmptyPhrase(usize),
    #[error("{0}: at character {1} has nothing after it")]
    EmptyField(String, usize),
    #[error("-{0}: at character {1} excludes nothing, only words and phrases can be excluded")]
    ExcludedField(String, usize),
    #[error("uri: at character {0} stands there again, and a document lies under one path only")]
    SecondPath(usize),
    #[error(transparent)]
    Filter(#[from] FilterError),
    #[error("there are more than {OPERATORS_MAX} operators")]
    TooMany,
    #[error("there is no word to search for beside the operators")]
    NoWords,
}

/// What was read in one step.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// An operator.
    Operator,
    /// Something that looks like one and is plain words.
    Words,
    /// Nothing: no operator begins here.
    Nothing,
}

struct Reader<'a> {
    text: &'a str,
    /// The byte up to which the query is read.
    at: usize,
    parsed: ParsedQuery,
}

impl<'a> Reader<'a> {
    fn read(&mut self) -> Result<(), Broken> {
        let mut operators = 0;
        while let Some(next) = self.rest().chars().next() {
            match self.step(next)? {
                Step::Operator if operators == OPERATORS_MAX => return Err(Broken::TooMany),
                Step::Operator => operators += 1,
                Step::Words => {}
                Step::Nothing => {
                    self.parsed.text.push(next);
                    self.at += next.len_utf8();
                }
            }
        }
        if operators == 0 {
            return Ok(());
        }
        self.parsed.text = self.parsed.text.trim().to_owned();
        if !has_word(&self.parsed.text) {
            return Err(Broken::NoWords);
        }
        self.parsed.filter.facets()?;
        Ok(())
    }

    fn step(&mut self, next: char) -> Result<Step, Broken> {
        let before = self.text[..self.at].chars().next_back();
        let begins_word = before.is_none_or(char::is_whitespace);
        match next {
            '「' => self.read_phrase(),
            '“' if before.is_some_and(is_before_opening_mark) => self.read_phrase(),
            _ if !begins_word => Ok(Step::Nothing),
            _ if closing_mark(next).is_some() => self.read_phrase(),
            '-' => self.read_exclusion(),
            _ => self.read_field(),
        }
    }

    fn read_phrase(&mut self) -> Result<Step, Broken> {
        let start = self.at;
        let (phrase, end) = self.quoted(start)?;
        self.at = end;
        if has_word(phrase) {
            self.push_words(phrase);
            self.parsed.phrases.push(phrase.trim().to_owned());
            return Ok(Step::Operator);
        }
        // A phrase stands alone, and `""` in `let s = "";` does not.
        if self.rest().chars().next().is_none_or(char::is_whitespace) {
            return Err(Broken::EmptyPhrase(self.place(start)));
        }
        self.parsed.text.push_str(&self.text[start..end]);
        Ok(Step::Words)
    }

    fn read_exclusion(&mut self) -> Result<Step, Broken> {
        let start = self.at + '-'.len_utf8();
        let after = &self.text[start..];
        let Some(first) = after.chars().next() else { return Ok(Step::Nothing) };
        let (excluded, end) = match closing_mark(first) {
            Some(_) => self.quoted(start)?,
            None if !first.is_alphanumeric() || is_number(first_word(after)) => return Ok(Step::Nothing),
            None => (first_word(after), start + first_word(after).len()),
        };
        if !has_word(excluded) {
            return Err(Broken::EmptyPhrase(self.place(start)));
        }
        if let Some((name, _)) = field(excluded).filter(|(name, _)| closing_mark(first).is_none() && is_known(name)) {
            return Err(Broken::ExcludedField(name, self.place(self.at)));
        }
        self.parsed.excluded.push(without_punctuation(excluded).trim().to_owned());
        self.drop_until(end);
        Ok(Step::Operator)
    }

    fn read_field(&mut self) -> Result<Step, Broken> {
        let start = self.at;
        let word = first_word(self.rest());
        let Some((name, value)) = field(word) else { return Ok(Step::Nothing) };
        if !is_known(&name) {
            self.note_unknown_field(word, value);
            return Ok(Step::Nothing);
        }
        let value_start = start + name.len() + ':'.len_utf8();
        let (written, end) = match value.chars().next().and_then(closing_mark) {
            Some(_) => self.quoted(value_start)?,
            None => (value, start + word.len()),
        };
        if !has_word(written) {
            return Err(Broken::EmptyField(name, self.place(start)));
        }
        if name == TITLE {
            self.at = end;
            self.push_words(written);
            self.parsed.titles.push(written.trim().to_owned());
            return Ok(Step::Operator);
        }
        if name == PATH && self.parsed.filter.uri_prefix.is_some() {
            return Err(Broken::SecondPath(self.place(start)));
        }
        let meant = if name == PATH { written } else { without_punctuation(written) };
        self.parsed.filter.add(&name, meant)?;
        self.drop_until(end);
        Ok(Step::Operator)
    }

    /// What stands between the mark at `start` and the one that closes it, and where that one ends.
    fn quoted(&self, start: usize) -> Result<(&'a str, usize), Broken> {
        let text = self.text;
        let mut within = text[start..].chars();
        let closing = within.next().and_then(closing_mark);
        let inner = closing.and_then(|closing| within.as_str().split_once(closing));
        let (inner, after) = inner.ok_or_else(|| Broken::Unclosed(self.place(start)))?;
        Ok((inner, text.len() - after.len()))
    }

    /// Adds words that were within marks, and keeps them apart from what stands on either side; Korean particles and
    /// Japanese words go on without a space.
    fn push_words(&mut self, words: &str) {
        let before = self.parsed.text.chars().next_back();
        if before.is_some_and(is_spaced_letter) && words.starts_with(is_spaced_letter) {
            self.parsed.text.push(' ');
        }
        self.parsed.text.push_str(words);
        if words.ends_with(is_spaced_letter) && self.rest().starts_with(is_spaced_letter) {
            self.parsed.text.push(' ');
        }
    }

    /// Reads up to `end` and the space behind it, and leaves that out of the words.
    fn drop_until(&mut self, end: usize) {
        let after = &self.text[end..];
        self.at = end + (after.len() - after.trim_start().len());
    }

    /// The number of the character at a byte, from 1.
    fn place(&self, at: usize) -> usize {
        self.text[..at].chars().count() + 1
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// Says that a word such as `author:smith` is no operator, where it was most likely meant as one: not for addresses,
    /// paths, ports, times and names in code.
    fn note_unknown_field(&mut self, word: &str, value: &str) {
        let name = &word[..word.len() - value.len() - 1];
        let looks_meant = name.len() > 1 && name.bytes().all(|byte| byte.is_ascii_lowercase());
        let value_is_plain = value.starts_with(|c: char| c.is_alphabetic() || closing_mark(c).is_some());
        if !looks_meant || !value_is_plain || value.contains([':', '/', '\\', '@', '(', '=']) {
            return;
        }
        let word: String = word.chars().take(QUOTED_CHARS_MAX).collect();
        let notice =
            format!("{name} is no field of a query ({TITLE}, {}); {word} was searched as words", FILTERS.join(", "));
        if self.parsed.notices.len() < NOTICES_MAX && !self.parsed.notices.contains(&notice) {
            self.parsed.notices.push(notice);
        }
    }
}

/// The mark that closes a phrase which this one opens.
fn closing_mark(opening: char) -> Option<char> {
    match opening {
        '"' | '＂' => Some(opening),
        '“' => Some('”'),
        '「' => Some('」'),
        _ => None,
    }
}

/// Whether “ opens a phrase after this. In German it closes one, and Chinese has no space before it.
fn is_before_opening_mark(before: char) -> bool {
    before.is_whitespace() || matches!(before, '(' | '[' | '{') || is_east_asian(before)
}

/// Scripts and punctuation from the radicals of Han on, which mostly go without spaces.
fn is_east_asian(c: char) -> bool {
    c >= '\u{2e80}'
}

fn is_spaced_letter(c: char) -> bool {
    c.is_alphanumeric() && !is_east_asian(c)
}

fn has_word(text: &str) -> bool {
    text.chars().any(char::is_alphanumeric)
}

/// The text up to the first white space.
fn first_word(text: &str) -> &str {
    text.split(char::is_whitespace).next().unwrap_or_default()
}

/// The name in small letters and the value of `name:value`; `std::fs` and `C:` are something else.
fn field(word: &str) -> Option<(String, &str)> {
    let end = word.bytes().take(NAME_BYTES_MAX + 1).take_while(u8::is_ascii_alphabetic).count();
    let value = word[end..].strip_prefix(':').filter(|value| !value.starts_with(':'))?;
    Some((word[..end].to_ascii_lowercase(), value))
}

fn is_known(name: &str) -> bool {
    name == TITLE || FILTERS.contains(&name)
}

/// Whether the first thing in a word is a number, with or without a unit that is no Latin letter: `40`, `1.5°C`, `2024년`.
fn is_number(word: &str) -> bool {
    let unit = word.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | ','));
    unit.len() < word.len() && !unit.starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
}

/// A word without the punctuation of the sentence that it ends.
fn without_punctuation(word: &str) -> &str {
    word.trim_end_matches(['.', ',', ';', '?', '!', '。', '、'])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filter(pairs: &[&str]) -> Filter {
        let mut filter = Filter::default();
        pairs.iter().for_each(|pair| filter.add_pair(pair).unwrap());
        filter
    }

    /// The query is its own text, and nothing is said about it.
    fn is_plain(query: &str) {
        assert_eq!(parse_query(query), ParsedQuery { text: query.to_owned(), ..ParsedQuery::default() });
    }

    /// The query is its own text, and the first notice begins with this.
    fn is_broken(query: &str, notice: &str) {
        let parsed = parse_query(query);
        let whole = format!("{notice}; the query was searched as plain words");
        let expected = ParsedQuery { text: query.to_owned(), notices: vec![whole], ..ParsedQuery::default() };
        assert_eq!(parsed, expected);
    }

    #[test]
    fn what_people_type_stays_as_it_is() {
        for query in [
            "",
            "  how do I drain a node?  ",
            "https://example.org:8080/a?b=c#d",
            "file:///etc/hosts",
            "mailto:ada@example.org",
            "localhost:8080 is refused at 10:30",
            r"C:\Users\ada and C:/Users",
            "std::fs::read type::name Title::of date::Date",
            "kube-apiserver e-mail x-ray --verbose -- - -",
            "- item\n- another item",
            "temperature -40 -1.5 -1.5°C kill -9 -2024년 1-2 a -1,000",
            "don't rock 'n' roll 'quoted' 90's",
            r#"print("hello world") let s = ""; let t = " "; a["key"] 5" 27""#,
            r#"json {"key": 1}"#,
            "제목: 서울 시각:오전 요약:내용 가격:3만원",
            "„Kubernetes Knoten“ und „mehr!“ danach",
        ] {
            is_plain(query);
        }
    }

    #[test]
    fn phrases_stand_between_marks_of_several_scripts() {
        for (query, text, phrases) in [
            (r#"how to "drain a node" safely"#, "how to drain a node safely", vec!["drain a node"]),
            (r#""a b" "c d""#, "a b c d", vec!["a b", "c d"]),
            (r#""a b"c and "d"?"#, "a b c and d?", vec!["a b", "d"]),
            ("“drain a node” now", "drain a node now", vec!["drain a node"]),
            ("＂全角 記号＂ です", "全角 記号 です", vec!["全角 記号"]),
            ("これは「東京タワー」です", "これは東京タワーです", vec!["東京タワー"]),
            ("我想知道“节点排空”怎么做", "我想知道节点排空怎么做", vec!["节点排空"]),
            (r#""쿠버네티스 노드"를 비우는 방법"#, "쿠버네티스 노드를 비우는 방법", vec!["쿠버네티스 노드"]),
            ("x「foo」y", "x foo y", vec!["foo"]),
        ] {
            let parsed = parse_query(query);
            assert_eq!(
                (parsed.text.as_str(), parsed.phrases),
                (text, phrases.into_iter().map(str::to_owned).collect())
            );
            assert_eq!((parsed.notices, parsed.filter), (Vec::<String>::new(), Filter::default()));
        }
    }

    #[test]
    fn words_and_phrases_are_excluded() {
        let parsed = parse_query(r#"drain -windows, a node -"power shell" -kube-proxy -5g -고양이 -“two words”"#);
        assert_eq!(parsed.text, "drain a node");
        let excluded = ["windows", "power shell", "kube-proxy", "5g", "고양이", "two words"];
        assert_eq!(parsed.excluded, excluded);
        assert!(parsed.notices.is_empty() && parsed.phrases.is_empty());
        assert_eq!(parse_query("-windows drain").excluded, ["windows"]);
    }

    #[test]
    fn titles_are_words_as_well() {
        let parsed = parse_query(r#"holding hands title:otters TITLE:"river otter" title:「川」の"#);
        assert_eq!(parsed.text, "holding hands otters river otter 川の");
        assert_eq!(parsed.titles, ["otters", "river otter", "川"]);
        assert_eq!(parse_query("title:수달").text, "수달");
    }

    #[test]
    fn fields_become_a_filter() {
        let parsed = parse_query(
            "uri:docs/guide lang:ko drain lang:en-US, type:pdf a collection:notes after:2024-01-31 before:2025.2. node",
        );
        assert_eq!(parsed.text, "drain a node");
        let pairs = ["uri=docs/guide", "lang=ko", "lang=en", "type=application/pdf", "collection=notes"];
        let mut expected = filter(&pairs);
        (expected.date_from, expected.date_to) =
            (Some("2024-01-31".parse().unwrap()), Some("2025-01-31".parse().unwrap()));
        assert_eq!(parsed.filter, expected);
        assert_eq!(parse_query(r#"x uri:"my folder/a b""#).filter.uri_prefix.as_deref(), Some("my folder/a b"));
        assert_eq!(parse_query("x date:2024/1/31").filter, filter(&["date=2024-01-31"]));
        assert_eq!(parse_query("x type:text/html").filter.media_types, ["text/html"]);
        assert!(parsed.notices.is_empty());
    }

    #[test]
    fn what_is_broken_is_searched_as_plain_words_and_says_so() {
        for (query, notice) in [
            (r#"how does a "drain"#, "the quotation mark at character 12 is never closed"),
            ("한국어 \"질문", "the quotation mark at character 5 is never closed"),
            ("a「b", "the quotation mark at character 2 is never closed"),
            (r#"x -"a b"#, "the quotation mark at character 4 is never closed"),
            (r#"x uri:"a b"#, "the quotation mark at character 7 is never closed"),
            (r#"tower """#, "there is no word within the quotation marks at character 7"),
            (r#"tower -"?!""#, "there is no word within the quotation marks at character 8"),
            ("lang:ko title: otters", "title: at character 9 has nothing after it"),
            ("x uri:", "uri: at character 3 has nothing after it"),
            ("x -lang:ko", "-lang: at character 3 excludes nothing, only words and phrases can be excluded"),
            ("x uri:a uri:b", "uri: at character 9 stands there again, and a document lies under one path only"),
            ("x lang:korean", "language \"korean\" is not an ISO 639-1 code such as ko or en"),
            ("x collection:../etc", "collection \"../etc\" is not a name of letters, digits, '.', '_' and '-'"),
            ("x date:2024 date:2025", "no date is from 2025 on and up to 2024"),
            ("x before:1900", "before 1900 there is no date; the earliest is 1900"),
            ("-windows", "there is no word to search for beside the operators"),
            ("lang:ko -windows !!!", "there is no word to search for beside the operators"),
        ] {
            is_broken(query, notice);
        }
        assert!(parse_query("x after:tomorrow").notices[0].starts_with("date \"tomorrow\" is not"));
        assert!(parse_query("x type:nonsense").notices[0].starts_with("type \"nonsense\" is neither"));
        let many = "lang:ko ".repeat(OPERATORS_MAX);
        assert!(parse_query(&format!("{many}x")).notices.is_empty());
        is_broken(&format!("{many}x -y"), "there are more than 64 operators");
    }

    #[test]
    fn a_field_that_is_not_known_is_words_and_leaves_the_rest_alone() {
        let parsed = parse_query("author:smith author:smith lang:ko otters");
        assert_eq!(parsed.text, "author:smith author:smith otters");
        assert_eq!(parsed.filter, filter(&["lang=ko"]));
        assert_eq!(parsed.notices.len(), 1);
        assert!(parsed.notices[0].starts_with("author is no field of a query (title, uri,"));
    }

    #[test]
    fn long_queries_are_read_in_one_pass() {
        for part in [
            "가 ", "\"a\" ", "\"", "「", "「!」", "-a ", "title:", "title:a ", "foo:bar ", "\"\";", "-\"", "“", "a:",
            "-",
        ] {
            let query = part.repeat(100_000 / part.len());
            let began = std::time::Instant::now();
            let parsed = parse_query(&query);
            // In a debug build it takes some milliseconds; a pass for each word would take minutes.
            assert!(began.elapsed() < std::time::Duration::from_secs(2), "{part}");
            assert!(parsed.notices.len() <= NOTICES_MAX && parsed.notices.iter().all(|notice| notice.len() < 300));
        }
    }

    /// Queries with more than chance would have of what has a meaning.
    fn any_query() -> impl Strategy<Value = String> {
        let part = prop_oneof![
            "[a-z가-힣]{1,6}",
            "[ \t\u{3000}]",
            "(\"|“|”|＂|「|」|-|:|,)",
            "(title|uri|lang|collection|type|date|after|before|foo):",
            "(ko|2024-05|pdf|notes|docs/a)",
            any::<String>(),
        ];
        proptest::collection::vec(part, 0..24).prop_map(|parts| parts.concat())
    }

    fn words(text: &str) -> Vec<String> {
        text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
    }

    proptest! {
        #[test]
        fn any_text_is_a_query(query in any_query()) {
            let parsed = parse_query(&query);
            prop_assert!(parsed.filter.facets().is_ok());
            prop_assert!(parsed.phrases.iter().chain(&parsed.excluded).chain(&parsed.titles).all(|part| has_word(part)));
            let operators = parsed.phrases.len() + parsed.excluded.len() + parsed.titles.len();
            let has_operators = operators > 0 || parsed.filter != Filter::default();
            let text_is_right = if has_operators { has_word(&parsed.text) } else { parsed.text == query };
            prop_assert!(text_is_right);
        }

        #[test]
        fn plain_words_survive_whatever_stands_between_them(
            plain in proptest::collection::vec("[a-z0-9]{1,8}", 1..12),
            between in proptest::collection::vec(
                prop_oneof![Just("-no"), Just("\"p q\""), Just("lang:ko"), Just("uri:a/b"), Just("-\"r s\""), Just("title:t")],
                1..12,
            ),
        ) {
            let only_one_path = between.iter().filter(|part| **part == "uri:a/b").count() < 2;
            prop_assume!(only_one_path);
            let mut query = String::new();
            for (at, word) in plain.iter().enumerate() {
                query.push_str(&format!("{word} {} ", between.get(at).unwrap_or(&"")));
            }
            let parsed = parse_query(&query);
            let kept = words(&parsed.text);
            let mut rest = kept.iter();
            prop_assert!(plain.iter().all(|word| rest.any(|known| known == word)), "{:?} of {:?}", kept, query);
            prop_assert!(!kept.contains(&"no".to_owned()) || plain.contains(&"no".to_owned()));
            prop_assert!(parsed.notices.is_empty());
        }

        #[test]
        fn a_quoted_text_comes_back_as_its_phrase(phrase in "[a-z가-힣ぁ-ん0-9:-]{1,12}( [a-z가-힣ぁ-ん0-9:-]{1,12}){0,4}") {
            prop_assume!(has_word(&phrase));
            for (open, close) in [('"', '"'), ('“', '”'), ('＂', '＂'), ('「', '」')] {
                let parsed = parse_query(&format!("before {open}{phrase}{close} after"));
                prop_assert_eq!(&parsed.phrases, std::slice::from_ref(&phrase));
                prop_assert_eq!(parsed.text, format!("before {phrase} after"));
                let fields = parse_query(&format!("before -{open}{phrase}{close} title:{open}{phrase}{close} after"));
                prop_assert_eq!(&fields.titles, std::slice::from_ref(&phrase));
                prop_assert_eq!(fields.text, format!("before {phrase} after"));
                prop_assert_eq!(fields.excluded.len(), 1);
            }
        }
    }
}
