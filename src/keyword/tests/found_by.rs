//! Which questions find which texts: scripts, forms of words, names, numbers and dates.

use super::*;

/// Whether `query` finds `text` in an index that holds another text in each script as well.
fn finds(query: &str, text: &str) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let others = ["the quick brown fox jumps", "빠른 갈색 여우가 뛰어넘는다", "すばやい茶色の狐"];
    let mut entries: Vec<_> = (2..).zip(others).map(|(chunk, other)| entry(chunk, chunk, &[], other)).collect();
    entries.push(entry(1, 1, &[], text));
    let index = filled(folder.path(), entries);
    found(&index, query).first() == Some(&1)
}

fn all_found(pairs: &[(&str, &str)]) {
    let lost: Vec<_> = pairs.iter().filter(|(query, text)| !finds(query, text)).collect();
    assert!(lost.is_empty(), "{lost:?}");
}

#[test]
fn a_single_character_finds_every_run_that_holds_it() {
    let text = "남산탑은 서울의 명소다";
    for c in text.chars().filter(|c| !c.is_whitespace()) {
        assert!(finds(&c.to_string(), text), "{c}");
    }
    all_found(&[("탑", "남산탑"), ("탑", "탑"), ("탑", "석가탑\n옆"), ("雨", "梅雨"), ("院", "病院")]);
    assert!(!finds("강", "남산탑은"));
}

#[test]
fn versions_are_found_whole_and_in_part() {
    let text = "Release v1.2.3 fixed what 1.2.3-rc1 broke";
    all_found(&["1.2.3", "v1.2.3", "V1.2.3", "1.2.3-rc1", "rc1", "1.2"].map(|query| (query, text)));
    all_found(&[("v1.2.3", "since 1.2.3"), ("python", "python3 script"), ("python 3", "python3"), ("5 kg", "5kg")]);
}

#[test]
fn names_are_found_whole_and_in_part() {
    let text = "Set MAX_RETRY_COUNT, maxRetryDelay or retry.policy in src/net/http_client.rs";
    let queries = ["max_retry_count", "MaxRetryCount", "retry count", "MAX_RETRY_COUNT", "maxretrydelay", "delay"];
    all_found(&queries.map(|query| (query, text)));
    all_found(&["retry.policy", "policy", "http_client.rs", "net/http_client", "client"].map(|query| (query, text)));
    let mail = "Write to first.last@example.com";
    all_found(&["first.last@example.com", "example.com", "last"].map(|query| (query, mail)));
    all_found(&[("wifi", "Wi-Fi"), ("Wi-Fi", "wifi"), ("GPT-4", "GPT4"), ("gpt4", "GPT-4"), ("k8s", "K8s")]);
}

#[test]
fn dates_meet_in_all_their_forms() {
    let day = "20240517";
    let texts = ["on 2024-05-17", "on 2024.5.17", "on 2024/05/17", "am 17.5.2024", "on 2024-5-17"];
    let mut pairs: Vec<(&str, &str)> = texts.map(|text| (day, text)).to_vec();
    for query in ["2024-05-17", "2024.5.17", "17.05.2024"] {
        pairs.extend(texts.map(|text| (query, text)));
    }
    pairs.extend([("5월 17일", "2024년 5월 17일"), ("2024-05-17", "2024년 5월 17일"), ("5월", "2024년 5월17일에")]);
    all_found(&pairs);
}

#[test]
fn digits_and_letters_stand_beside_hangul() {
    let pairs = [
        ("3층", "건물 3층에서"),
        ("3층", "건물 3 층"),
        ("제5조", "제5조(목적)"),
        ("5조", "제 5 조"),
        ("API", "API를 부른다"),
        ("api를", "REST API는"),
        ("１２３", "123 items"),
        ("123", "１２３ items"),
        ("ＡＰＩ", "the api"),
        ("쿠버네티스 api", "쿠버네티스API를"),
        ("é", "e"),
        ("STRASSE", "Straße"),
    ];
    all_found(&pairs);
}

#[test]
fn korean_questions_find_what_they_name() {
    let text = "세종대왕은 1443년에 훈민정음을 창제하였다";
    let questions =
        ["훈민정음은 누가 만들었나요?", "세종대왕이 창제한 것은 무엇인가?", "언제 훈민정음을 창제했습니까?"];
    all_found(&questions.map(|query| (query, text)));
}
