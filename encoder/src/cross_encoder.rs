//! The door for those who want to know how well passages answer a question: both are read together, and scored.

use std::path::Path;

use pulp::Arch;

use crate::hugging_face::{Family, Shape, read_shape};
use crate::linear::{self, Linear};
use crate::model::{Model, Sequence};
use crate::pair::{Pair, PairTokenizer};
use crate::source::Source;
use crate::tensors::{TRANSFORMERS, Tensors};
use crate::{EncoderError, batch, safetensors};

/// A loaded cross-encoder: BERT or (XLM-)RoBERTa with a classifier of one label. It may be shared between threads.
#[derive(Debug)]
pub struct CrossEncoder {
    tokenizer: PairTokenizer,
    model: Model,
    head: Head,
}

/// From the state of the first token to the score: a dense layer, the hyperbolic tangent, a product.
#[derive(Debug)]
struct Head {
    arch: Arch,
    dense: Linear,
    weights: Vec<f32>,
    bias: f32,
}

impl CrossEncoder {
    /// Reads `config.json`, `tokenizer.json` and `model.safetensors` in `folder`, as `transformers` writes them, with
    /// weights in f32, f16 or bf16. The last file stays open, because the rows of the token embeddings are read when
    /// needed; the other weights are held in f32.
    ///
    /// # Errors
    /// When a file cannot be read or is damaged, or when the model is of another kind.
    pub fn open(folder: &Path) -> Result<Self, EncoderError> {
        let shape = read_shape(&folder.join("config.json"))?;
        let tokenizer = PairTokenizer::open(&folder.join("tokenizer.json"), &shape)?;
        let mut source = Source::open(&folder.join("model.safetensors"))?;
        let directory = safetensors::read_directory(&mut source)?;
        let prefix = if shape.family == Family::Bert { "bert." } else { "roberta." };
        let mut tensors = Tensors { source, directory, names: &TRANSFORMERS, prefix: "" };
        let head = Head::read(&tensors, &shape)?;
        tensors.prefix = prefix;
        let model = Model::read(tensors, &shape.header, shape.positions_skipped)?;
        Ok(Self { tokenizer, model, head })
    }

    /// How many tokens of a pair, marks included, reach the network; the longer text is cut first.
    #[must_use]
    pub fn tokens_max(&self) -> usize {
        self.tokenizer.tokens_max()
    }

    /// How well each passage answers the question, in their order: the logit of the one label, on the scale that the model
    /// was trained with, worked out by up to `threads` threads. A score depends on its passage and the question only.
    ///
    /// # Errors
    /// When the tokenizer's file does not hold what a text needs, or the model file, which holds the token embeddings, can no
    /// longer be read.
    pub fn score(&self, query: &str, passages: &[&str], threads: usize) -> Result<Vec<f32>, EncoderError> {
        let asked = self.tokenizer.ids(query)?;
        let pair = |passage: &&str| Ok(self.tokenizer.pair(&asked, &self.tokenizer.ids(passage)?));
        let pairs: Vec<Pair> = passages.iter().map(pair).collect::<Result<_, EncoderError>>()?;
        let lengths: Vec<usize> = pairs.iter().map(Pair::len).collect();
        // Few pairs are shared out evenly, because somebody waits for them.
        let tokens_max = lengths.iter().sum::<usize>().div_ceil(threads.max(1)).min(batch::TOKENS_MAX);
        batch::share(&lengths, tokens_max, threads, |batch, scratch| {
            let sequences: Vec<Sequence<'_>> = batch.iter().map(|index| pairs[*index].sequence()).collect();
            let states = self.model.first_states(&sequences, scratch)?;
            Ok(self.head.scores(&states))
        })
    }
}

impl Head {
    fn read(tensors: &Tensors, shape: &Shape) -> Result<Self, EncoderError> {
        let hidden = shape.header.hidden;
        let (dense, classifier) = match shape.family {
            Family::Bert => ("bert.pooler.dense", "classifier"),
            Family::Roberta => ("classifier.dense", "classifier.out_proj"),
        };
        let arch = Arch::new();
        Ok(Self {
            arch,
            dense: tensors.linear(arch, &[dense.to_owned()], hidden, hidden)?,
            weights: tensors.floats(&format!("{classifier}.weight"), hidden)?,
            bias: tensors.floats(&format!("{classifier}.bias"), 1)?[0],
        })
    }

    /// The scores of the states, a row each.
    fn scores(&self, states: &[f32]) -> Vec<f32> {
        let mut dense = vec![0.0; states.len()];
        self.dense.apply(self.arch, states, &mut dense, &mut linear::Scratch::default());
        let score = |row: &[f32]| {
            let products = row.iter().zip(&self.weights).map(|(value, weight)| value.tanh() * weight);
            products.sum::<f32>() + self.bias
        };
        dense.chunks_exact(self.weights.len()).map(score).collect()
    }
}
