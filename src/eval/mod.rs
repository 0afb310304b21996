//! How well searches answer: datasets through the read path, what their rankings are worth, and whether two differ.
//!
//! A [`Dataset`] is a folder in the layout of BEIR (`beir`), whose documents `corpus` puts into a data folder, or a file of
//! queries over the documents that one has (`gold`). `run` asks every query in every [`Mode`], `metrics` and `spans` score
//! what comes, `report` has the means with their intervals (`estimate`), and `compare` holds two of them against each other.
//! `make` writes such a file from what one has. `generations` measures the generations of one data folder.

mod beir;
mod compare;
mod corpus;
mod dataset;
mod estimate;
mod generations;
mod gold;
mod lines;
mod make;
mod metrics;
mod report;
mod run;
mod spans;

pub use compare::{Comparison, ModeDifference, comparison, differences, paired_p_value};
pub use corpus::{CorpusError, put_corpus};
pub use dataset::{Dataset, DatasetError, JudgedQuery};
pub use estimate::Estimate;
pub use generations::{measure, queries};
pub use gold::{GoldLine, PlacedSpan};
pub use make::{MakeError, MakeOptions, make_gold};
pub use metrics::{Grades, RankScores};
pub use report::{Expected, ModeReport, Report, Setup, SpanReport, WorstQuery, worst};
pub use run::{Answer, DEFAULT_MODE, Found, Latency, Measurement, Mode, RunListener, measure_mode, modes};
pub use spans::{GoldSpan, Retrieved, SpanScores};
