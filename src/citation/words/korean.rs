//! Korean words: what is left without particles and endings, and what those say.

use super::endings::verb_key;

/// What a word between spaces is made of.
#[derive(Debug, Clone, Default)]
pub(super) struct Eojeol {
    /// Forms under which it may be recognised.
    pub(super) keys: Vec<String>,
    /// What its particle makes of it; empty for none and for the copula.
    pub(super) role: &'static str,
    /// The class of a word that changes what may be concluded.
    pub(super) qualifier: Option<&'static str>,
    /// Whether a clause ends with it.
    pub(super) ends_clause: bool,
    /// Whether it only links.
    pub(super) is_light: bool,
}

/// Particles with the role that they give, longest first where one ends like another.
const PARTICLES: &[(&str, &str)] = &[
    ("으로부터는", "부터"),
    ("에게서는", "에서"),
    ("으로부터", "부터"),
    ("이라고는", ""),
    ("에서부터", "부터"),
    ("이었으며", ""),
    ("이었다", ""),
    ("이었던", ""),
    ("입니다", ""),
    ("이라는", ""),
    ("이라고", ""),
    ("에서는", "에서"),
    ("에서도", "에서"),
    ("에게는", "에게"),
    ("에게서", "에서"),
    ("으로는", "로"),
    ("으로서", "로서"),
    ("으로써", "로"),
    ("으로도", "로"),
    ("로부터", "부터"),
    ("까지는", "까지"),
    ("까지도", "까지"),
    ("부터는", "부터"),
    ("보다는", "보다"),
    ("보다도", "보다"),
    ("께서는", "은"),
    ("이지만", ""),
    ("였으며", ""),
    ("에서의", "의"),
    ("으로의", "의"),
    ("와의", "의"),
    ("과의", "의"),
    ("에의", "의"),
    ("까지의", "의"),
    ("부터의", "의"),
    ("처럼", "처럼"),
    ("만큼", "만큼"),
    ("에는", "에"),
    ("에도", "에"),
    ("에서", "에서"),
    ("에게", "에게"),
    ("한테", "에게"),
    ("으로", "로"),
    ("로는", "로"),
    ("로서", "로서"),
    ("로써", "로"),
    ("로도", "로"),
    ("까지", "까지"),
    ("부터", "부터"),
    ("보다", "보다"),
    ("마다", "마다"),
    ("밖에", "밖에"),
    ("조차", "도"),
    ("마저", "도"),
    ("하고", "와"),
    ("이랑", "와"),
    ("께서", "은"),
    ("이나", "나"),
    ("이며", ""),
    ("이고", ""),
    ("이다", ""),
    ("이자", ""),
    ("였다", ""),
    ("이란", "은"),
    ("라는", ""),
    ("라고", ""),
    ("와는", "와"),
    ("과는", "와"),
    ("들은", "은"),
    ("들이", "은"),
    ("들을", "을"),
    ("들의", "의"),
    ("은", "은"),
    ("는", "은"),
    ("이", "은"),
    ("가", "은"),
    ("을", "을"),
    ("를", "을"),
    ("의", "의"),
    ("에", "에"),
    ("로", "로"),
    ("와", "와"),
    ("과", "와"),
    ("도", "은"),
    ("만", "만"),
    ("란", "은"),
    ("인", ""),
    ("들", ""),
];

/// Words on one side only make a different statement: the class, and how such words begin or are.
const QUALIFIERS: &[(&str, &[&str], &[&str])] = &[
    (
        "not",
        &[
            "않", "없", "아니", "아닌", "아닙", "아닐", "못하", "못한", "못했", "못할", "못합", "말아", "말고", "금지",
            "불가", "무관",
        ],
        &["안", "못", "절대", "결코", "전혀"],
    ),
    ("except", &["제외", "빼고", "대신"], &["외에", "외에는", "이외"]),
    ("or", &["또는", "혹은", "거나"], &[]),
    ("only", &["유일", "뿐"], &["오직", "단지", "오로지", "단"]),
    ("all", &["모든", "모두", "전부", "전체", "항상", "언제나", "누구나"], &["매", "각", "각각", "늘"]),
    ("most", &["대부분", "대다수", "주로"], &[]),
    ("some", &["일부", "몇몇", "부분적"], &["몇", "어떤", "여러"]),
    ("usually", &["보통", "대개", "일반적", "종종", "자주", "흔히"], &[]),
    ("rarely", &["가끔", "때때로", "드물", "거의"], &[]),
    ("many", &["수많", "많"], &[]),
    ("few", &["적은", "적다", "적었"], &[]),
    ("about", &["대략", "약간", "정도", "가량", "내외"], &["약", "쯤"]),
    ("minimum", &["이상", "최소", "적어도"], &[]),
    ("maximum", &["이하", "최대", "이내"], &[]),
    ("less", &["미만"], &["덜"]),
    ("more", &["초과", "넘"], &["더"]),
    ("superlative", &["가장", "제일", "최초", "최고", "최저", "최다", "최장"], &[]),
    ("may", &["가능", "아마", "추정", "추측", "예상", "듯", "모른"], &["수"]),
    ("must", &["반드시", "의무"], &["꼭"]),
    ("planned", &["예정", "계획", "제안", "시도", "희망", "목표"], &[]),
    ("claimed", &["주장", "소문", "의혹", "거짓", "부인", "잘못", "알려", "전해"], &[]),
    ("failed", &["실패", "거부", "거절", "중단", "취소", "무산"], &[]),
    ("if", &["만약", "만일", "경우"], &[]),
];

const LIGHT: &[&str] = &[
    "그",
    "이",
    "저",
    "것",
    "것이다",
    "것은",
    "것을",
    "것이",
    "것으로",
    "것입니다",
    "등",
    "등의",
    "등이",
    "등을",
    "그는",
    "그녀는",
    "이는",
    "이것은",
    "그것은",
    "있다",
    "있는",
    "있으며",
    "있고",
    "있습니다",
    "있었다",
    "있던",
    "있었으며",
    "한다",
    "하는",
    "했다",
    "하며",
    "하고",
    "된다",
    "되는",
    "되었다",
    "됐다",
    "되어",
    "되며",
    "되고",
    "및",
    "그리고",
    "또한",
    "즉",
    "따라서",
    "한편",
    "의해",
    "의하여",
    "통해",
    "통하여",
    "대한",
    "대해",
    "대하여",
    "위해",
    "위한",
    "위하여",
    "따라",
    "따르면",
    "때문에",
    "하여",
    "해",
    "합니다",
    "됩니다",
    "되었습니다",
    "했습니다",
    "때",
    "때는",
    "중",
    "중에서",
    "하지만",
    "그러나",
];
const LIGHT_CLAUSE: &[&str] = &["그리고", "및", "하지만", "그러나", "한편"];
/// Words among the light ones that stand for what was named before.
const PRONOUNS: &[&str] = &["그는", "그녀는", "이는", "이것은", "그것은"];

/// Reads a run of Hangul.
pub(super) fn read(run: &str) -> Eojeol {
    let mut word = Eojeol { is_light: LIGHT.contains(&run), ..Eojeol::default() };
    word.qualifier = qualifier(run);
    word.ends_clause = LIGHT_CLAUSE.contains(&run) || ends_clause(run);
    let particle = PARTICLES.iter().find(|(particle, _)| run.len() > particle.len() && run.ends_with(particle));
    word.keys.push(format!("n:{run}"));
    if let Some((particle, role)) = particle {
        word.role = role;
        word.keys.push(format!("n:{}", &run[..run.len() - particle.len()]));
    }
    word.keys.extend(verb_key(run));
    word
}

/// Whether a run only stands for what was named before.
pub(super) fn is_pronoun(run: &str) -> bool {
    PRONOUNS.contains(&run)
}

/// The role of what follows a number and its unit, when it is a particle or the copula.
pub(super) fn particle_role(rest: &str) -> Option<&'static str> {
    if rest.is_empty() {
        return Some("");
    }
    let copula = [
        "이며",
        "이고",
        "이다",
        "입니다",
        "이었다",
        "였다",
        "다",
        "인",
        "이었고",
        "였고",
        "이었으며",
        "였으며",
        "씩",
        "짜리",
        "이지만",
        "이나",
    ];
    if copula.contains(&rest) {
        return Some("");
    }
    PARTICLES.iter().find(|(particle, _)| *particle == rest).map(|(_, role)| *role)
}

fn qualifier(run: &str) -> Option<&'static str> {
    let matches =
        |starts: &[&str], words: &[&str]| words.contains(&run) || starts.iter().any(|start| run.starts_with(start));
    // 않 and 없 also end longer runs that are written without a space.
    if ["지않", "지못", "수없", "지아니"].iter().any(|inner| run.contains(inner)) {
        return Some("not");
    }
    QUALIFIERS.iter().find(|(_, starts, words)| matches(starts, words)).map(|(class, ..)| *class)
}

/// Connective endings of verbs. `창고` and `광고` end alike and only make the check stricter.
fn ends_clause(run: &str) -> bool {
    let connective = [
        "하고",
        "되고",
        "이고",
        "었고",
        "았고",
        "였고",
        "했고",
        "지만",
        "으며",
        "하며",
        "되며",
        "이며",
        "었으며",
        "는데",
        "으나",
        "면서",
        "므로",
        "하여",
        "해서",
        "아서",
        "어서",
        "하면",
        "되면",
        "으면",
    ];
    run.chars().count() > 2 && connective.iter().any(|ending| run.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::super::endings::share_a_key;
    use super::*;

    #[test]
    fn inflections_of_a_word_share_a_form() {
        let alike = [
            ("서울은", "서울의"),
            ("지어졌다", "지어진"),
            ("하였다", "합니다"),
            ("열렸다", "열리는"),
            ("높습니다", "높다"),
            ("개발했다", "개발하였다"),
            ("먹었다", "먹는다"),
            ("수도이다", "수도인"),
            ("위치한다", "위치하고"),
            ("발표했으며", "발표했다"),
        ];
        for (a, b) in alike {
            assert!(share_a_key(&read(a).keys, &read(b).keys), "{a} {b}: {:?} {:?}", read(a).keys, read(b).keys);
        }
        for (a, b) in [("서울은", "부산은"), ("부산", "부사"), ("증가했다", "감소했다"), ("열렸다", "닫혔다")]
        {
            assert!(!share_a_key(&read(a).keys, &read(b).keys), "{a} {b}");
        }
        assert_eq!(read("않는다").qualifier, Some("not"));
        assert_eq!((read("서울은").role, read("서울이").role, read("서울을").role), ("은", "은", "을"));
    }
}
