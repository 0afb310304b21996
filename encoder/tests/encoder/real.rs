//! The real model, against ids from SentencePiece and vectors from a forward pass in doubles (numpy).
//!
//! The ids come from SentencePiece 0.2 with the file's pieces and its own `nmt_nfkc` normaliser; the vectors from the
//! file's weights, unpacked and multiplied outside this crate.

use std::path::PathBuf;
use std::sync::LazyLock;

use ibid_encoder::Encoder;

const FILE: &str = "e5-small-q4.bin";

static ENCODER: LazyLock<Encoder> = LazyLock::new(|| {
    let Some(folder) = std::env::var_os("IBID_MODELS") else {
        panic!("IBID_MODELS does not name the folder of {FILE}: run cargo xtask test");
    };
    let path = PathBuf::from(folder).join(FILE);
    match Encoder::open(&path) {
        Ok(encoder) => encoder,
        Err(error) => panic!("{error}: run cargo xtask test"),
    }
});

struct Case {
    text: &'static str,
    ids: &'static [u32],
    /// The first numbers of the vector.
    first: [f32; 8],
}

#[rustfmt::skip]
const CASES: &[Case] = &[
    Case {
        text: "query: what is the capital of France",
        ids: &[0, 41, 1294, 12, 2367, 83, 70, 10323, 111, 9942, 2],
        first: [0.011614, -0.045173, -0.024634, -0.075094, 0.054277, -0.042471, 0.064217, 0.065895],
    },
    Case {
        text: "passage: Paris is the capital and most populous city of France.",
        ids: &[0, 46692, 12, 7270, 83, 70, 10323, 136, 2684, 132573, 223, 26349, 111, 9942, 5, 2],
        first: [-0.007743, 0.016236, 0.020035, -0.059216, 0.064440, -0.032708, 0.045627, 0.023170],
    },
    Case {
        text: "query: 대한민국의 수도는 어디인가요?",
        ids: &[0, 41, 1294, 12, 81774, 367, 49259, 769, 99302, 1571, 82484, 32, 2],
        first: [0.050062, -0.034783, -0.040095, -0.030981, 0.062184, 0.004660, 0.047257, 0.035555],
    },
    Case {
        text: "passage: 서울특별시는 대한민국의 수도이자 최대 도시이다.",
        ids: &[0, 46692, 12, 206547, 769, 81774, 367, 49259, 107926, 50580, 59467, 5769, 5, 2],
        first: [0.032548, 0.010757, -0.009662, -0.042016, 0.088846, -0.008059, 0.035927, 0.024869],
    },
    Case {
        text: "passage: 김치는 배추를 소금에 절여 발효시킨 음식이다.",
        ids: &[0, 46692, 12, 8237, 69545, 16493, 27676, 688, 6705, 9362, 480, 55901, 8177, 13745, 26141, 189431, 66082, 5769, 5, 2],
        first: [0.085122, 0.018616, -0.018008, -0.082328, 0.070225, -0.020950, -0.002089, 0.017535],
    },
    Case {
        text: "query: 日本で一番高い山は何ですか",
        ids: &[0, 41, 1294, 12, 6, 152123, 22586, 57669, 2272, 128154, 60369, 2],
        first: [0.043933, -0.015853, 0.023440, -0.020107, 0.039380, -0.056071, 0.020704, 0.046988],
    },
    Case {
        text: "passage: 长城是中国古代的军事防御工程。",
        ids: &[0, 46692, 12, 6, 3846, 4741, 90021, 115621, 43, 63851, 208384, 8393, 30, 2],
        first: [0.060306, -0.009851, -0.015682, -0.034407, 0.068502, -0.014278, 0.042337, 0.006767],
    },
    Case {
        text: "passage: ＦＵＬＬ\u{3000}１２３ ①② ㎏ ﾊﾝｶｸ ｶﾞ",
        ids: &[0, 46692, 12, 167765, 37638, 427, 5279, 6, 158676, 10045, 4758, 6, 26618, 2],
        first: [0.028032, -0.040522, -0.050892, -0.044833, 0.074361, -0.052045, -0.021010, 0.045900],
    },
    Case {
        text: "passage: 😀 emoji 🇰🇷 ❤️ tail",
        ids: &[0, 46692, 12, 21119, 28, 121505, 6, 245463, 245080, 49933, 15755, 6, 46741, 2],
        first: [0.057659, 0.011914, -0.032432, -0.051337, 0.069183, -0.047903, 0.028348, 0.014355],
    },
    Case {
        text: "passage:\u{9}tabs\u{d}\u{a}and\u{a0}blanks\u{3000}  here ",
        ids: &[0, 46692, 12, 20928, 7, 136, 44237, 7, 3688, 2],
        first: [0.040828, 0.019491, -0.045842, -0.118588, 0.041337, -0.005654, 0.009609, 0.023008],
    },
    Case {
        text: "passage: cafe\u{301} \u{1112}\u{1161}\u{11ab}\u{1100}\u{1173}\u{11af} か\u{3099}",
        ids: &[0, 46692, 12, 26216, 170252, 6, 281, 2],
        first: [0.061360, -0.030182, -0.050024, -0.073318, 0.096707, -0.009240, -0.011847, 0.035276],
    },
    Case {
        text: "passage: ctrl\u{2}\u{1f}\u{7f}\u{200b}\u{feff}end <s> </s> <mask>",
        ids: &[0, 46692, 12, 108963, 54123, 3564, 4426, 7, 2740, 6, 42946, 7, 2740, 4426, 1510, 92, 2740, 2],
        first: [0.036650, -0.016410, -0.025852, -0.076963, 0.033515, -0.048502, 0.004392, 0.014074],
    },
    Case {
        text: "passage: العربية हिन्दी ไทย Русский tiếng Việt",
        ids: &[0, 46692, 12, 15073, 66997, 6, 7034, 37695, 12635, 9457, 3763, 2],
        first: [0.044739, -0.031946, -0.003529, -0.037696, 0.080019, -0.007672, 0.000036, -0.014778],
    },
];

#[test]
fn ids_are_those_of_sentencepiece() {
    for case in CASES {
        assert_eq!(ENCODER.tokenizer().encode(case.text), case.ids, "{}", case.text);
    }
}

#[test]
fn counts_are_the_numbers_of_ids() {
    let tokenizer = ENCODER.tokenizer();
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
    let mut compared = 0;
    for path in ["documents/otters-en.md", "documents/hangang-ko.md", "README.md"].map(|name| folder.join(name)) {
        let text = std::fs::read_to_string(path).expect("the fixtures are there");
        // Once through makes the memory, once through reads it.
        for paragraph in text.split("\n\n").chain(text.split("\n\n")) {
            let ids = tokenizer.encode(paragraph);
            if ids.len() < tokenizer.tokens_max() {
                assert_eq!(tokenizer.count(paragraph), ids.len() - 2, "{paragraph}");
                compared += 1;
            }
        }
    }
    assert!(compared > 0, "there are paragraphs to compare");
}

#[test]
fn vectors_are_those_of_the_reference() {
    let texts: Vec<&str> = CASES.iter().map(|case| case.text).collect();
    let vectors = ENCODER.encode(&texts, 2).expect("the model file is there");
    for (case, vector) in CASES.iter().zip(vectors) {
        for (value, expected) in vector.iter().zip(case.first) {
            assert!((value - expected).abs() < 1e-4, "{}: {value} {expected}", case.text);
        }
    }
}

#[test]
fn sizes_are_those_of_multilingual_e5_small() {
    assert_eq!((ENCODER.dimensions(), ENCODER.tokens_max()), (384, 512));
}

#[test]
fn korean_questions_find_their_answers() {
    let passages = [
        "passage: 서울특별시는 대한민국의 수도이자 최대 도시로, 한강을 끼고 있다.",
        "passage: 김치는 배추를 소금에 절여 고춧가루와 마늘로 양념해 발효시킨 음식이다.",
        "passage: 세종대왕은 1443년에 훈민정음을 창제하였다.",
        "passage: A pod is the smallest deployable unit of computing in Kubernetes.",
    ];
    let questions = [
        "query: 한국의 수도는 어디인가요?",
        "query: 김치는 어떻게 만드나요?",
        "query: 한글은 누가 만들었나요?",
        "query: 쿠버네티스에서 배포할 수 있는 가장 작은 단위는 무엇인가요?",
    ];
    let passages = ENCODER.encode(&passages, 1).expect("the model file is there");
    let questions = ENCODER.encode(&questions, 1).expect("the model file is there");
    for (index, question) in questions.iter().enumerate() {
        let score = |passage: &Vec<f32>| question.iter().zip(passage).map(|(a, b)| a * b).sum::<f32>();
        let scores: Vec<f32> = passages.iter().map(score).collect();
        let best = (0..scores.len()).max_by(|a, b| scores[*a].total_cmp(&scores[*b]));
        assert_eq!(best, Some(index), "{scores:?}");
    }
}
