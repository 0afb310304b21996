//! What every judge promises, checked on those that run here.

use super::judge::{Claim, Judge, Source};
use super::lexical::LexicalJudge;
use crate::types::{ReasonCode, Verdict};

fn claim(sentence: &str, passage: &str) -> Claim {
    let source =
        Source { text: passage.to_owned(), context: Vec::new(), quote: ibid_ingest::Span::new(0, passage.len()) };
    Claim { sentence: sentence.to_owned(), before: String::new(), sources: vec![source], judged: 0 }
}

pub(super) async fn judge_keeps_its_promises(judge: &dyn Judge) {
    assert!(!judge.name().is_empty());
    assert!(judge.judge(&[]).await.unwrap().is_empty());
    let passage = "The tower in Seoul is 236 metres tall. It does not open on Mondays.";
    let claims = [
        claim("The tower in Seoul is 236 metres tall.", passage),
        claim("The tower in Seoul is 240 metres tall.", passage),
        claim("It does open on Mondays.", passage),
        claim("", passage),
        claim("The tower in Seoul is 236 metres tall.", ""),
    ];
    let together = judge.judge(&claims).await.unwrap();
    assert_eq!(together.len(), claims.len());
    assert_eq!(together[0].verdict, Verdict::Supported, "{together:?}");
    assert!(matches!(together[0].code, ReasonCode::Verbatim | ReasonCode::Aligned | ReasonCode::Judge));
    assert!(together[1..].iter().all(|judgement| judgement.verdict != Verdict::Supported), "{together:?}");
    assert!(together.iter().all(|judgement| !judgement.reason.is_empty()));
    for (claim, judgement) in claims.iter().zip(&together) {
        let alone = judge.judge(std::slice::from_ref(claim)).await.unwrap();
        assert_eq!(alone[0].verdict, judgement.verdict, "{claim:?} depends on the other claims");
    }
}

#[tokio::test]
async fn the_lexical_judge_keeps_its_promises() {
    judge_keeps_its_promises(&LexicalJudge).await;
}

#[tokio::test]
async fn the_chat_judge_keeps_its_promises() {
    let limit = std::time::Duration::from_millis(50);
    for answer in [Some(r#"{"verdict": "supported", "reason": "It says so."}"#), Some("no verdict"), None] {
        judge_keeps_its_promises(&super::ChatJudge::new(super::chat_judge::tests::Scripted::new(answer), limit)).await;
    }
}
