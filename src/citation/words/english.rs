//! English words that carry no content of their own but change or relate that of others.

use std::collections::HashMap;
use std::sync::LazyLock;

/// What an English word does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// Says nothing that could be wrong: articles, helping verbs.
    Light,
    /// A form of `be`.
    Be,
    /// Stands for what was named before.
    Pronoun,
    /// Relates what follows; the class of equal relations.
    Relation(&'static str),
    /// Begins a clause.
    Clause,
    /// Changes what may be concluded; the class of equal meanings.
    Qualifier(&'static str),
}

const LIGHT: &[&str] = &[
    "a", "also", "an", "and/or", "both", "did", "do", "does", "had", "has", "have", "having", "however", "indeed", "s",
    "the", "then", "there", "too",
];
const BE: &[&str] = &["are", "be", "been", "being", "is", "was", "were"];
const PRONOUNS: &[&str] =
    &["he", "her", "hers", "him", "his", "it", "its", "she", "their", "them", "they", "these", "this", "those"];
const CLAUSE: &[&str] =
    &["although", "and", "but", "that", "though", "when", "where", "whereas", "which", "while", "who", "whom", "whose"];
const RELATIONS: &[(&str, &[&str])] = &[
    ("about", &["about", "concerning", "regarding"]),
    ("above", &["above"]),
    ("across", &["across"]),
    ("after", &["after", "following"]),
    ("against", &["against"]),
    ("among", &["amid", "among", "amongst"]),
    ("around", &["around"]),
    ("as", &["as"]),
    ("at", &["at", "during", "in", "on", "within"]),
    ("because", &["because", "hence", "so", "therefore", "thus"]),
    ("before", &["before", "until", "till"]),
    ("behind", &["behind"]),
    ("below", &["below", "beneath", "under", "underneath"]),
    ("between", &["between"]),
    ("by", &["by", "through", "via"]),
    ("despite", &["despite"]),
    ("down", &["down"]),
    ("for", &["for"]),
    ("from", &["from"]),
    ("into", &["into", "onto", "to", "toward", "towards"]),
    ("like", &["like"]),
    ("near", &["beside", "near"]),
    ("of", &["of"]),
    ("off", &["off"]),
    ("out", &["out"]),
    ("outside", &["outside"]),
    ("over", &["beyond", "over"]),
    ("per", &["per"]),
    ("since", &["since"]),
    ("than", &["than"]),
    ("up", &["up"]),
    ("with", &["with"]),
];
/// Words on one side only make a different statement.
const QUALIFIERS: &[(&str, &[&str])] = &[
    ("not", &["aint", "cannot", "n't", "neither", "never", "no", "nobody", "none", "nor", "not", "nothing", "nowhere"]),
    ("without", &["lack", "lacked", "lacking", "lacks", "without"]),
    ("hardly", &["barely", "hardly", "rarely", "scarcely", "seldom"]),
    ("only", &["exclusively", "just", "merely", "only", "solely"]),
    ("except", &["apart", "except", "excepted", "excepting", "exception", "excluding", "other", "rather", "instead"]),
    ("unless", &["if", "otherwise", "provided", "unless", "whether", "once"]),
    ("or", &["either", "or"]),
    (
        "all",
        &[
            "all",
            "always",
            "any",
            "each",
            "entire",
            "entirely",
            "every",
            "everybody",
            "everyone",
            "everything",
            "whole",
            "wholly",
        ],
    ),
    ("most", &["majority", "mainly", "mostly", "predominantly", "primarily"]),
    ("usually", &["commonly", "frequently", "generally", "normally", "often", "typically", "usually"]),
    ("some", &["certain", "occasionally", "partially", "partly", "several", "some", "someone", "sometimes"]),
    ("many", &["many", "much", "numerous"]),
    ("few", &["few", "little", "fewer"]),
    (
        "may",
        &[
            "can",
            "could",
            "likely",
            "may",
            "maybe",
            "might",
            "perhaps",
            "possible",
            "possibly",
            "potential",
            "potentially",
            "probably",
        ],
    ),
    ("must", &["must", "obliged", "ought", "required", "shall", "should"]),
    ("will", &["future", "going", "upcoming", "will", "would", "'ll"]),
    ("about", &["approximately", "circa", "roughly"]),
    ("nearly", &["almost", "close", "nearly", "virtually"]),
    ("minimum", &["least", "minimum"]),
    ("more", &["exceed", "exceeded", "exceeding", "exceeds", "more"]),
    ("less", &["less"]),
    ("maximum", &["maximum", "most"]),
    ("former", &["ex", "former", "formerly", "previously"]),
    ("acting", &["acting", "deputy", "assistant", "vice", "interim"]),
    (
        "claimed",
        &[
            "accused",
            "argue",
            "argued",
            "argues",
            "say",
            "says",
            "said",
            "think",
            "thinks",
            "thought",
            "alleged",
            "allegedly",
            "alleges",
            "believe",
            "believed",
            "believes",
            "claim",
            "claimed",
            "claims",
            "denied",
            "denies",
            "deny",
            "disputed",
            "doubt",
            "doubted",
            "doubts",
            "fake",
            "false",
            "falsely",
            "hypothesis",
            "incorrect",
            "myth",
            "pretended",
            "reported",
            "reportedly",
            "rumor",
            "rumored",
            "rumour",
            "rumoured",
            "so-called",
            "suspected",
            "supposedly",
            "unlikely",
            "untrue",
            "wrong",
            "wrongly",
        ],
    ),
    (
        "planned",
        &[
            "aim",
            "aims",
            "attempt",
            "attempted",
            "expect",
            "expected",
            "expects",
            "hope",
            "hoped",
            "hopes",
            "intend",
            "intended",
            "intends",
            "plan",
            "planned",
            "plans",
            "proposal",
            "propose",
            "proposed",
            "proposes",
            "scheduled",
            "sought",
            "suggested",
            "suggests",
            "threatened",
            "tried",
            "try",
            "wanted",
            "wants",
        ],
    ),
    (
        "failed",
        &[
            "avoid",
            "avoided",
            "avoids",
            "fail",
            "failed",
            "fails",
            "failure",
            "forbade",
            "forbid",
            "forbidden",
            "forbids",
            "prevent",
            "prevented",
            "prevents",
            "prohibit",
            "prohibited",
            "prohibits",
            "refuse",
            "refused",
            "refuses",
            "reject",
            "rejected",
            "rejects",
            "stop",
            "stopped",
            "stops",
            "ceased",
            "quit",
            "unable",
        ],
    ),
];

/// Every word with a use; of a word that stands in several lists, the first counts.
static USES: LazyLock<HashMap<&str, Use>> = LazyLock::new(|| {
    let mut uses = HashMap::new();
    let lists = [(LIGHT, Use::Light), (BE, Use::Be), (PRONOUNS, Use::Pronoun), (CLAUSE, Use::Clause)];
    for (words, what) in lists {
        words.iter().for_each(|word| _ = uses.entry(*word).or_insert(what));
    }
    for (class, words) in RELATIONS {
        words.iter().for_each(|word| _ = uses.entry(*word).or_insert(Use::Relation(class)));
    }
    for (class, words) in QUALIFIERS {
        words.iter().for_each(|word| _ = uses.entry(*word).or_insert(Use::Qualifier(class)));
    }
    uses
});

/// What a word in lower case does; `None` for words with content.
pub(super) fn use_of(word: &str) -> Option<Use> {
    USES.get(word).copied()
}

/// Forms whose stem the stemmer does not find.
const IRREGULAR: &[(&str, &[&str])] = &[
    ("become", &["became"]),
    ("begin", &["began", "begun"]),
    ("bear", &["bore", "born", "borne"]),
    ("break", &["broke", "broken"]),
    ("bring", &["brought"]),
    ("build", &["built"]),
    ("buy", &["bought"]),
    ("catch", &["caught"]),
    ("choose", &["chose", "chosen"]),
    ("come", &["came"]),
    ("draw", &["drew", "drawn"]),
    ("drive", &["drove", "driven"]),
    ("eat", &["ate", "eaten"]),
    ("fall", &["fell", "fallen"]),
    ("find", &["found"]),
    ("fly", &["flew", "flown"]),
    ("get", &["got", "gotten"]),
    ("give", &["gave", "given"]),
    ("go", &["gone", "went"]),
    ("grow", &["grew", "grown"]),
    ("hold", &["held"]),
    ("keep", &["kept"]),
    ("know", &["knew", "known"]),
    ("lead", &["led"]),
    ("leave", &["left"]),
    ("lose", &["lost"]),
    ("make", &["made"]),
    ("meet", &["met"]),
    ("pay", &["paid"]),
    ("rise", &["rose", "risen"]),
    ("run", &["ran"]),
    ("say", &["said"]),
    ("see", &["saw", "seen"]),
    ("sell", &["sold"]),
    ("send", &["sent"]),
    ("sing", &["sang", "sung"]),
    ("speak", &["spoke", "spoken"]),
    ("spend", &["spent"]),
    ("stand", &["stood"]),
    ("swim", &["swam", "swum"]),
    ("take", &["took", "taken"]),
    ("teach", &["taught"]),
    ("think", &["thought"]),
    ("win", &["won"]),
    ("write", &["wrote", "written"]),
];

/// The base of an irregular form.
pub(super) fn base_of(word: &str) -> Option<&'static str> {
    IRREGULAR.iter().find(|(_, forms)| forms.contains(&word)).map(|(base, _)| *base)
}

/// Pairs of stems of which one contradicts the other, for the reason that is given.
const OPPOSITES: &[(&str, &str)] = &[
    ("abov", "below"),
    ("accept", "reject"),
    ("allow", "forbid"),
    ("allow", "prohibit"),
    ("alway", "never"),
    ("befor", "after"),
    ("begin", "end"),
    ("big", "small"),
    ("cheap", "expens"),
    ("cold", "hot"),
    ("decreas", "increas"),
    ("disabl", "enabl"),
    ("earlier", "later"),
    ("earli", "late"),
    ("east", "west"),
    ("eastern", "western"),
    ("fall", "rise"),
    ("fast", "slow"),
    ("faster", "slower"),
    ("first", "last"),
    ("gain", "lose"),
    ("greater", "smaller"),
    ("heavier", "lighter"),
    ("high", "low"),
    ("higher", "lower"),
    ("highest", "lowest"),
    ("import", "export"),
    ("largest", "smallest"),
    ("larger", "smaller"),
    ("longer", "shorter"),
    ("longest", "shortest"),
    ("lose", "win"),
    ("maximum", "minimum"),
    ("more", "less"),
    ("newer", "older"),
    ("newest", "oldest"),
    ("north", "south"),
    ("northern", "southern"),
    ("open", "close"),
    ("optional", "required"),
    ("safe", "danger"),
    ("start", "stop"),
    ("tallest", "shortest"),
    ("wider", "narrower"),
    ("younger", "older"),
    ("youngest", "oldest"),
    ("legal", "illeg"),
    ("buy", "sell"),
    ("deep", "shallow"),
    ("deepest", "shallowest"),
    ("left", "right"),
    ("public", "privat"),
    ("grow", "shrink"),
    ("success", "failur"),
    ("male", "femal"),
];

/// Whether two stems contradict each other.
pub(in crate::citation) fn are_opposites(a: &str, b: &str) -> bool {
    OPPOSITES.iter().any(|(left, right)| (*left == a && *right == b) || (*left == b && *right == a))
}

/// Whether a word limits its statement to a scope, so that no part of the scope may be left out: superlatives and ranks.
pub(in crate::citation) fn is_superlative(word: &str) -> bool {
    const NOT: [&str; 12] = [
        "east", "west", "rest", "test", "forest", "interest", "request", "guest", "protest", "contest", "harvest",
        "invest",
    ];
    matches!(word, "best" | "worst" | "first" | "last" | "sole" | "unique" | "top")
        || (word.len() > 5 && word.ends_with("est") && !NOT.contains(&word))
}
