//! The network: embeddings, transformer layers, mean over the tokens, unit length.

use std::collections::HashMap;

use half::f16;
use pulp::Arch;

use crate::EncoderError;
use crate::attention::{self, Attention};
use crate::format::{BLOCK, BLOCK_BYTES, Entry, Header, Storage, floats};
use crate::linear::{self, Linear};
use crate::math::{Norm, gelu};
use crate::source::Source;

/// The weights. The table of token embeddings, by far the largest tensor, stays in the file; its rows are read when needed.
#[derive(Debug)]
pub(crate) struct Model {
    arch: Arch,
    source: Source,
    hidden: usize,
    heads: usize,
    tokens: Entry,
    /// Embedding of each position, that of token type 0 added.
    positions: Vec<f32>,
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

/// Reads named tensors and holds their sizes against the header.
struct Tensors<'a> {
    source: &'a Source,
    directory: &'a HashMap<String, Entry>,
}

impl Tensors<'_> {
    fn entry(&self, name: &str, storage: Storage, elements: usize) -> Result<Entry, EncoderError> {
        let found = self.directory.get(name).copied();
        let fits = found.filter(|entry| entry.storage == storage && entry.elements == elements);
        fits.ok_or_else(|| self.source.damaged(format!("tensor {name} is absent or has another size")))
    }

    fn floats(&self, name: &str, elements: usize) -> Result<Vec<f32>, EncoderError> {
        let entry = self.entry(name, Storage::Float, elements)?;
        let mut bytes = vec![0; elements * 4];
        self.source.read_at(&mut bytes, entry.offset)?;
        Ok(floats(&bytes))
    }

    fn blocks(&self, name: &str, elements: usize) -> Result<Vec<u8>, EncoderError> {
        let entry = self.entry(name, Storage::Q4, elements)?;
        let mut bytes = vec![0; elements / BLOCK * BLOCK_BYTES];
        self.source.read_at(&mut bytes, entry.offset)?;
        Ok(bytes)
    }

    fn norm(&self, name: &str, header: &Header) -> Result<Norm, EncoderError> {
        let scale = self.floats(&format!("{name}.w"), header.hidden)?;
        let shift = self.floats(&format!("{name}.b"), header.hidden)?;
        Ok(Norm { scale, shift, epsilon: header.epsilon })
    }

    /// One linear layer of the named parts, each with `outputs` outputs, side by side.
    fn linear(&self, arch: Arch, names: &[String], depth: usize, outputs: usize) -> Result<Linear, EncoderError> {
        let (mut rows, mut bias) = (Vec::new(), Vec::new());
        for name in names {
            rows.extend(self.blocks(&format!("{name}.w"), depth * outputs)?);
            bias.extend(self.floats(&format!("{name}.b"), outputs)?);
        }
        Ok(Linear::new(arch, depth, &rows, bias))
    }
}

impl Model {
    pub(crate) fn read(
        source: Source,
        header: &Header,
        directory: &HashMap<String, Entry>,
    ) -> Result<Self, EncoderError> {
        let arch = Arch::new();
        let tensors = Tensors { source: &source, directory };
        let hidden = header.hidden;
        let tokens = tensors.entry("emb.word", Storage::Q4, header.vocabulary * hidden)?;
        let mut positions = tensors.floats("emb.pos", header.positions * hidden)?;
        let types = tensors.floats("emb.type", header.types * hidden)?;
        for position in positions.chunks_exact_mut(hidden) {
            add(position, &types[..hidden]);
        }
        let norm = tensors.norm("emb.ln", header)?;
        let layers = (0..header.layers).map(|index| read_layer(&tensors, arch, header, index));
        let layers = layers.collect::<Result<Vec<_>, _>>()?;
        Ok(Self { arch, hidden, heads: header.heads, tokens, positions, norm, layers, source })
    }

    pub(crate) fn hidden(&self) -> usize {
        self.hidden
    }

    /// The vectors of some sequences, in order. The sequences lie end to end, without padding.
    pub(crate) fn vectors(&self, sequences: &[&[u32]], scratch: &mut Scratch) -> Result<Vec<Vec<f32>>, EncoderError> {
        self.embed(sequences, scratch)?;
        for layer in &self.layers {
            self.transform(layer, sequences, scratch);
        }
        let mut vectors = Vec::with_capacity(sequences.len());
        let mut rest = scratch.states.as_slice();
        for sequence in sequences {
            let (states, tail) = rest.split_at(sequence.len() * self.hidden);
            vectors.push(pool(states, self.hidden));
            rest = tail;
        }
        Ok(vectors)
    }

    /// Writes the normalised sum of token, position and type embedding of each token; a token's row is read once.
    fn embed(&self, sequences: &[&[u32]], scratch: &mut Scratch) -> Result<(), EncoderError> {
        let hidden = self.hidden;
        let places = sequences.iter().flat_map(|sequence| sequence.iter().enumerate());
        let mut tokens: Vec<(u32, usize, usize)> =
            places.enumerate().map(|(row, (position, token))| (*token, row, position)).collect();
        tokens.sort_unstable();
        scratch.states.resize(tokens.len() * hidden, 0.0);
        scratch.change.resize(tokens.len() * hidden, 0.0);
        let mut bytes = vec![0; hidden / BLOCK * BLOCK_BYTES];
        let mut row_values = vec![0.0; hidden];
        let mut held = None;
        for (token, row, position) in tokens {
            if held != Some(token) {
                let offset = self.tokens.offset + u64::from(token) * bytes.len() as u64;
                self.source.read_at(&mut bytes, offset)?;
                decode(&bytes, &mut row_values);
                held = Some(token);
            }
            scratch.states[row * hidden..][..hidden].copy_from_slice(&row_values);
            let place = &mut scratch.change[row * hidden..][..hidden];
            place.copy_from_slice(&self.positions[position * hidden..][..hidden]);
        }
        self.norm.apply(self.arch, &mut scratch.states, &scratch.change);
        Ok(())
    }

    fn transform(&self, layer: &Layer, sequences: &[&[u32]], scratch: &mut Scratch) {
        let Scratch { states, projected, attended, wide, change, linear, attention } = scratch;
        let (arch, hidden) = (self.arch, self.hidden);
        projected.resize(3 * states.len(), 0.0);
        attended.resize(states.len(), 0.0);
        change.resize(states.len(), 0.0);
        layer.projection.apply(arch, states, projected, linear);
        let mut first = 0;
        for sequence in sequences {
            let end = first + sequence.len() * hidden;
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

fn read_layer(tensors: &Tensors<'_>, arch: Arch, header: &Header, index: usize) -> Result<Layer, EncoderError> {
    let Header { hidden, feed_forward, .. } = *header;
    let name = |part: &str| format!("l{index}.{part}");
    Ok(Layer {
        projection: tensors.linear(arch, &[name("q"), name("k"), name("v")], hidden, hidden)?,
        attended: tensors.linear(arch, &[name("ao")], hidden, hidden)?,
        attended_norm: tensors.norm(&name("aln"), header)?,
        widening: tensors.linear(arch, &[name("fi")], hidden, feed_forward)?,
        narrowing: tensors.linear(arch, &[name("fo")], feed_forward, hidden)?,
        output_norm: tensors.norm(&name("oln"), header)?,
    })
}

fn add(row: &mut [f32], other: &[f32]) {
    for (value, added) in row.iter_mut().zip(other) {
        *value += *added;
    }
}

/// The f32 values of `Q4_0` blocks.
fn decode(bytes: &[u8], values: &mut [f32]) {
    let places = values.chunks_exact_mut(BLOCK);
    for (block, place) in bytes.chunks_exact(BLOCK_BYTES).zip(places) {
        let scale = f16::from_le_bytes([block[0], block[1]]).to_f32();
        for (index, byte) in block[2..].iter().enumerate() {
            place[index] = (f32::from(byte & 15) - 8.0) * scale;
            place[index + BLOCK / 2] = (f32::from(byte >> 4) - 8.0) * scale;
        }
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
