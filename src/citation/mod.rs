//! Verified citations: an answer and the passages that it was written from in, and for every sentence and every marker in
//! it the exact quote that supports it, or the reason why none does.
//!
//! The answer passes through here while it streams: [`MarkerFilter`] makes one form of all markers and drops those that point
//! nowhere, [`Segmenter`] cuts it into sentences, and [`Verifier`] finds the quote for each marker of a sentence and lets a
//! [`Judge`] say whether the quote supports it. [`LexicalJudge`] compares words, order and facts and needs no network;
//! [`ChatJudge`] asks a model in addition and can only make a verdict worse. [`where_today`] says what became of a quote
//! later. docs/CITATIONS.md says what is promised and what is not seen.

mod alignment;
#[cfg(test)]
mod attacks;
mod chat_judge;
mod claims;
#[cfg(test)]
mod conformance;
mod derive;
mod fate;
mod judge;
mod lexical;
mod markers;
mod permalink;
mod quotation;
mod segment;
mod verifier;
mod words;

pub use chat_judge::ChatJudge;
pub use fate::{DiffOp, DiffPart, QuoteToday, where_today};
pub use judge::{Claim, Judge, JudgeError, Judgement, Source};
pub use lexical::LexicalJudge;
pub use markers::MarkerFilter;
pub use permalink::{Permalink, PlaceToday, Today, TodayState, look_up};
pub use segment::Segmenter;
pub use verifier::{Released, Verifier};
