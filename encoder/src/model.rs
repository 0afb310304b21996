//! The network: embeddings, transformer layers, and the mean over the tokens or the state of the first one.

use pulp::Arch;

use crate::EncoderError;
use crate::attention::{self, Attention};
use crate::format::Header;
use crate::linear::{self, Linear};
use crate::math::{Norm, gelu};
use crate::source::Source;
use crate::storage::Entry;
use crate::tensors::Tensors;

/// The weights. The table of token embeddings, by far the largest tensor, stays in the file; its rows are read when needed.
#[derive(Debug)]
pub(crate) struct Model {
    arch: Arch,
    source: Source,
    hidden: usize,
    heads: usize,
    tokens: Entry,
    /// Embedding of each position with that of the token type added, for the first two types.
    positions: Vec<Vec<f32>>,
    norm: Norm,
    layers: Vec<Layer>,
}

#[derive(Debug)]
struct Layer {
    /// Query, key and value side by side.
    projection: Linear,
    attended: Linear,
    attended_norm: Norm,
    widening: Linear,
    narrowing: Linear,
    output_norm: Norm,
}

/// Activations of one worker, used again from batch to batch.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    states: Vec<f32>,
    projected: Vec<f32>,
    attended: Vec<f32>,
    wide: Vec<f32>,
    change: Vec<f32>,
    linear: linear::Scratch,
    attention: attention::Scratch,
}

/// The tokens that the network reads together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sequence<'a> {
    pub(crate) tokens: &'a [u32],
    /// Where the second text begins, for models that tell two apart; the number of tokens when there is none.
    pub(crate) second: usize,
}

impl<'a> Sequence<'a> {
    /// One text, or a pair for a model that does not tell two apart.
    pub(crate) fn one(tokens: &'a [u32]) -> Self {
        Self { tokens, second: tokens.len() }
    }
}

impl Model {
    /// Reads the network. Positions begin after `positions_skipped` rows of their table.
    pub(crate) fn read(tensors: Tensors, header: &Header, positions_skipped: usize) -> Result<Self, EncoderError> {
        let arch = Arch::new();
        let (hidden, names) = (header.hidden, tensors.names);
        let tokens = tensors.table(names.words, header.vocabulary * hidden)?;
        let table = tensors.floats(names.positions, header.positions * hidden)?;
        let types = tensors.floats(names.types, header.types * hidden)?;
        let rows = &table[positions_skipped * hidden..];
        let positions = types.chunks_exact(hidden).take(2).map(|token_type| with_type(rows, token_type)).collect();
        let norm = tensors.norm(names.norm, header)?;
        let layers = (0..header.layers).map(|index| read_layer(&tensors, arch, header, index));
        let layers = layers.collect::<Result<Vec<_>, _>>()?;
        Ok(Self { arch, hidden, heads: header.heads, tokens, positions, norm, layers, source: tensors.source })
    }

    pub(crate) fn hidden(&self) -> usize {
        self.hidden
    }

    /// The vectors of some sequences, in order: the mean of their states, brought to unit length.
    pub(crate) fn vectors(
        &self,
        sequences: &[Sequence<'_>],
        scratch: &mut Scratch,
    ) -> Result<Vec<Vec<f32>>, EncoderError> {
        self.read_sequences(sequences, scratch)?;
        let mut vectors = Vec::with_capacity(sequences.len());
        let mut rest = scratch.states.as_slice();
        for sequence in sequences {
            let (states, tail) = rest.split_at(sequence.tokens.len() * self.hidden);
            vectors.push(pool(states, self.hidden));
            rest = tail;
        }
        Ok(vectors)
    }

    /// The last state of the first token of each sequence, one after the other.
    pub(crate) fn first_states(
        &self,
        sequences: &[Sequence<'_>],
        scratch: &mut Scratch,
    ) -> Result<Vec<f32>, EncoderError> {
        self.read_sequences(sequences, scratch)?;
        let mut first = Vec::with_capacity(sequences.len() * self.hidden);
        let mut row = 0;
        for sequence in sequences {
            first.extend_from_slice(&scratch.states[row * self.hidden..][..self.hidden]);
            row += sequence.tokens.len();
        }
        Ok(first)
    }

    /// Leaves the last states of all tokens in the scratch memory. The sequences lie end to end, without padding.
    fn read_sequences(&self, sequences: &[Sequence<'_>], scratch: &mut Scratch) -> Result<(), EncoderError> {
        self.embed(sequences, scratch)?;
        for layer in &self.layers {
            self.transform(layer, sequences, scratch);
        }
        Ok(())
    }

    /// Writes the normalised sum of token, position and type embedding of each token; a token's row is read once.
    fn embed(&self, sequences: &[Sequence<'_>], scratch: &mut Scratch) -> Result<(), EncoderError> {
        let hidden = self.hidden;
        let places = sequences.iter().flat_map(|sequence| {
            let tokens = sequence.tokens.iter().enumerate();
            tokens.map(|(position, token)| (*token, position, usize::from(position >= sequence.second)))
        });
        let mut tokens: Vec<(u32, usize, usize, usize)> =
            places.enumerate().map(|(row, (token, position, kind))| (token, row, position, kind)).collect();
        tokens.sort_unstable();
        scratch.states.resize(tokens.len() * hidden, 0.0);
        scratch.change.resize(tokens.len() * hidden, 0.0);
        let mut bytes = vec![0; self.tokens.storage.bytes(hidden) as usize];
        let mut row_values = vec![0.0; hidden];
        let mut held = None;
        for (token, row, position, kind) in tokens {
            if held != Some(token) {
                let offset = self.tokens.offset + u64::from(token) * bytes.len() as u64;
                self.source.read_at(&mut bytes, offset)?;
                self.tokens.storage.decode(&bytes, &mut row_values);
                held = Some(token);
            }
            scratch.states[row * hidden..][..hidden].copy_from_slice(&row_values);
            let place = &mut scratch.change[row * hidden..][..hidden];
            place.copy_from_slice(&self.positions[kind][position * hidden..][..hidden]);
        }
        self.norm.apply(self.arch, &mut scratch.states, &scratch.change);
        Ok(())
    }

    fn transform(&self, layer: &Layer, sequences: &[Sequence<'_>], scratch: &mut Scratch) {
        let Scratch { states, projected, attended, wide, change, linear, attention } = scratch;
        let (arch, hidden) = (self.arch, self.hidden);
        projected.resize(3 * states.len(), 0.0);
        attended.resize(states.len(), 0.0);
        change.resize(states.len(), 0.0);
        layer.projection.apply(arch, states, projected, linear);
        let mut first = 0;
        for sequence in sequences {
            let end = first + sequence.tokens.len() * hidden;
            let out = &mut attended[first..end];
            let projected = &projected[3 * first..3 * end];
            Attention { projected, out, hidden, heads: self.heads, scratch: attention }.apply(arch);
            first = end;
        }
        layer.attended.apply(arch, attended, change, linear);
        layer.attended_norm.apply(arch, states, change);
        let rows = states.len() / hidden;
        let part = rows.div_ceil(rows.div_ceil(linear::ROWS_MAX)) * hidden;
        for (some, its_change) in states.chunks_mut(part).zip(change.chunks_mut(part)) {
            wide.resize(some.len() / hidden * layer.widening.outputs(), 0.0);
            layer.widening.apply(arch, some, wide, linear);
            gelu(arch, wide);
            layer.narrowing.apply(arch, wide, its_change, linear);
            layer.output_norm.apply(arch, some, its_change);
        }
    }
}

fn read_layer(tensors: &Tensors, arch: Arch, header: &Header, index: usize) -> Result<Layer, EncoderError> {
    let Header { hidden, feed_forward, .. } = *header;
    let names = tensors.names;
    let name = |part: &str| format!("{}{index}.{part}", names.layer);
    let [query, key, value] = names.projection;
    Ok(Layer {
        projection: tensors.linear(arch, &[name(query), name(key), name(value)], hidden, hidden)?,
        attended: tensors.linear(arch, &[name(names.attended)], hidden, hidden)?,
        attended_norm: tensors.norm(&name(names.attended_norm), header)?,
        widening: tensors.linear(arch, &[name(names.widening)], hidden, feed_forward)?,
        narrowing: tensors.linear(arch, &[name(names.narrowing)], feed_forward, hidden)?,
        output_norm: tensors.norm(&name(names.output_norm), header)?,
    })
}

/// The rows of positions with the embedding of a token type added to each.
fn with_type(rows: &[f32], token_type: &[f32]) -> Vec<f32> {
    let mut sums = rows.to_vec();
    sums.chunks_exact_mut(token_type.len()).for_each(|row| add(row, token_type));
    sums
}

fn add(row: &mut [f32], other: &[f32]) {
    for (value, added) in row.iter_mut().zip(other) {
        *value += *added;
    }
}

/// The mean of the states, brought to unit length.
fn pool(states: &[f32], hidden: usize) -> Vec<f32> {
    let mut mean = vec![0.0; hidden];
    for state in states.chunks_exact(hidden) {
        add(&mut mean, state);
    }
    let square: f32 = mean.iter().map(|value| value * value).sum();
    let factor = 1.0 / square.sqrt().max(f32::MIN_POSITIVE);
    mean.iter_mut().for_each(|value| *value *= factor);
    mean
}
