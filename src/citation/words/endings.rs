//! The stems of Korean verbs, and whether two words are forms of one.

use unicode_normalization::UnicodeNormalization;

/// Endings after which the stem of a verb is certain, as NFD; longest first.
const STRONG: &[&str] = &[
    "는다고",
    "습니다",
    "\u{11b8}니다",
    "\u{11ab}다고",
    "다고",
    "는다",
    "\u{11ab}다",
    "지만",
    "면서",
    "으며",
    "으면",
    "으나",
    "므로",
    "아서",
    "어서",
    "여서",
    "도록",
    "다",
    "고",
    "며",
    "면",
    "지",
    "요",
    "니",
];
/// Endings that nouns may end with, too.
const WEAK: &[&str] =
    &["는", "은", "던", "을", "\u{11ab}", "\u{11af}", "기", "음", "\u{11b7}", "게", "어", "아", "여", "해"];

/// The stem of a verb: `v:` when its ending tells that it is one, `w:` when it may be one.
pub(super) fn verb_key(run: &str) -> Option<String> {
    let letters: String = run.nfd().collect();
    let strip = |endings: &[&str]| {
        endings.iter().find_map(|ending| {
            let ending: String = ending.nfd().collect();
            letters.strip_suffix(ending.as_str()).filter(|stem| !stem.is_empty()).map(str::to_owned)
        })
    };
    let (kind, stem) = match strip(STRONG) {
        Some(stem) => ("v", stem),
        None => ("w", strip(WEAK).unwrap_or_else(|| letters.clone())),
    };
    let (stem, was_past) = present(&stem);
    let kind = if was_past { "v" } else { kind };
    (!stem.is_empty()).then(|| format!("{kind}:{stem}"))
}

/// The stem without the mark of the past: `지었` is `지`, `열렸` is `열리`.
fn present(stem: &str) -> (String, bool) {
    let Some(open) = stem.strip_suffix('\u{11bb}') else { return (contracted(stem), false) };
    for past in ["어", "아", "여"] {
        let past: String = past.nfd().collect();
        if let Some(short) = open.strip_suffix(past.as_str()).filter(|short| !short.is_empty()) {
            return (contracted(short), true);
        }
    }
    (contracted(open), true)
}

/// The stem with the vowel that it has before a consonant: `해` is `하`, `려` is `리`.
fn contracted(stem: &str) -> String {
    let mut letters: Vec<char> = stem.chars().collect();
    if let Some(vowel) = letters.last_mut() {
        *vowel = match *vowel {
            '\u{1162}' => '\u{1161}',
            '\u{116a}' => '\u{1169}',
            '\u{116f}' => '\u{116e}',
            '\u{1167}' => '\u{1175}',
            '\u{116b}' => '\u{116c}',
            other => other,
        };
    }
    letters.into_iter().collect()
}

/// Whether two words share a form. What only may be the stem of a verb counts when the other word is one.
pub(super) fn share_a_key(a: &[String], b: &[String]) -> bool {
    a.iter().any(|a| b.iter().any(|b| are_one_form(a, b)))
}

fn are_one_form(a: &str, b: &str) -> bool {
    if a.len() != b.len() {
        return false;
    }
    match (a.as_bytes()[0], b.as_bytes()[0]) {
        (b'w', b'w') => false,
        (b'v', b'w') | (b'w', b'v') => a[1..] == b[1..],
        _ => a == b,
    }
}
