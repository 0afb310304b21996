//! Reads the named tensors of a model file and holds their sizes against its header.

use std::collections::HashMap;

use pulp::Arch;

use crate::EncoderError;
use crate::format::Header;
use crate::linear::{Linear, Rows};
use crate::math::Norm;
use crate::source::Source;
use crate::storage::{Entry, Storage, floats};

/// What the parts of a network are called in a kind of file.
#[derive(Debug)]
pub(crate) struct Names {
    pub(crate) words: &'static str,
    pub(crate) positions: &'static str,
    pub(crate) types: &'static str,
    pub(crate) norm: &'static str,
    /// What stands before the number of a layer.
    pub(crate) layer: &'static str,
    /// Query, key and value.
    pub(crate) projection: [&'static str; 3],
    pub(crate) attended: &'static str,
    pub(crate) attended_norm: &'static str,
    pub(crate) widening: &'static str,
    pub(crate) narrowing: &'static str,
    pub(crate) output_norm: &'static str,
    weight: &'static str,
    bias: &'static str,
    /// Whether the weights of linear layers and the token embeddings are `Q4_0` in this kind of file.
    in_blocks: bool,
}

/// Names in an `E5S1` file.
pub(crate) const E5S1: Names = Names {
    words: "emb.word",
    positions: "emb.pos",
    types: "emb.type",
    norm: "emb.ln",
    layer: "l",
    projection: ["q", "k", "v"],
    attended: "ao",
    attended_norm: "aln",
    widening: "fi",
    narrowing: "fo",
    output_norm: "oln",
    weight: "w",
    bias: "b",
    in_blocks: true,
};

/// Names that Hugging Face's `transformers` gives to the tensors of BERT and RoBERTa.
pub(crate) const TRANSFORMERS: Names = Names {
    words: "embeddings.word_embeddings.weight",
    positions: "embeddings.position_embeddings.weight",
    types: "embeddings.token_type_embeddings.weight",
    norm: "embeddings.LayerNorm",
    layer: "encoder.layer.",
    projection: ["attention.self.query", "attention.self.key", "attention.self.value"],
    attended: "attention.output.dense",
    attended_norm: "attention.output.LayerNorm",
    widening: "intermediate.dense",
    narrowing: "output.dense",
    output_norm: "output.LayerNorm",
    weight: "weight",
    bias: "bias",
    in_blocks: false,
};

/// The tensors of one file.
#[derive(Debug)]
pub(crate) struct Tensors {
    pub(crate) source: Source,
    pub(crate) directory: HashMap<String, Entry>,
    pub(crate) names: &'static Names,
    /// What stands before each name.
    pub(crate) prefix: &'static str,
}

impl Tensors {
    fn entry(&self, name: &str, elements: usize) -> Result<Entry, EncoderError> {
        let name = format!("{}{name}", self.prefix);
        let fits = self.directory.get(&name).copied().filter(|entry| entry.elements == elements);
        fits.ok_or_else(|| self.source.damaged(format!("tensor {name} is absent or has another size")))
    }

    fn bytes(&self, entry: Entry) -> Result<Vec<u8>, EncoderError> {
        // The directory has held this against the length of the file.
        let mut bytes = vec![0; entry.storage.bytes(entry.elements) as usize];
        self.source.read_at(&mut bytes, entry.offset)?;
        Ok(bytes)
    }

    /// Where a table of weights lies, whose rows are read one by one.
    pub(crate) fn table(&self, name: &str, elements: usize) -> Result<Entry, EncoderError> {
        let entry = self.entry(name, elements)?;
        self.check(name, entry, self.names.in_blocks)?;
        Ok(entry)
    }

    /// The numbers of a tensor that is not in 4 bits.
    pub(crate) fn floats(&self, name: &str, elements: usize) -> Result<Vec<f32>, EncoderError> {
        let entry = self.entry(name, elements)?;
        self.check(name, entry, false)?;
        let bytes = self.bytes(entry)?;
        if entry.storage == Storage::Float {
            return Ok(floats(&bytes));
        }
        let mut values = vec![0.0; elements];
        entry.storage.decode(&bytes, &mut values);
        Ok(values)
    }

    pub(crate) fn norm(&self, name: &str, header: &Header) -> Result<Norm, EncoderError> {
        let scale = self.floats(&format!("{name}.{}", self.names.weight), header.hidden)?;
        let shift = self.floats(&format!("{name}.{}", self.names.bias), header.hidden)?;
        Ok(Norm { scale, shift, epsilon: header.epsilon })
    }

    /// One linear layer of the named parts, each with `outputs` outputs, side by side.
    pub(crate) fn linear(
        &self,
        arch: Arch,
        parts: &[String],
        depth: usize,
        outputs: usize,
    ) -> Result<Linear, EncoderError> {
        let (mut blocks, mut numbers, mut bias) = (Vec::new(), Vec::new(), Vec::new());
        for part in parts {
            let weight = format!("{part}.{}", self.names.weight);
            if self.names.in_blocks {
                let entry = self.table(&weight, depth * outputs)?;
                blocks.extend(self.bytes(entry)?);
            } else {
                numbers.extend(self.floats(&weight, depth * outputs)?);
            }
            bias.extend(self.floats(&format!("{part}.{}", self.names.bias), outputs)?);
        }
        let rows = if self.names.in_blocks { Rows::Q4(blocks) } else { Rows::Float(numbers) };
        Ok(Linear::new(arch, depth, &rows, bias))
    }

    fn check(&self, name: &str, entry: Entry, blocks: bool) -> Result<(), EncoderError> {
        if (entry.storage == Storage::Q4) == blocks {
            return Ok(());
        }
        Err(self.source.damaged(format!("tensor {}{name} is stored in another way", self.prefix)))
    }
}
