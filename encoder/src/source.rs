//! A model file under reading: every length is held against the file's own length before memory is taken.

use std::fs::File;
use std::io::{BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::EncoderError;

/// A file read forwards for its head and by position for its tensors.
#[derive(Debug)]
pub(crate) struct Source {
    reader: BufReader<File>,
    path: PathBuf,
    length: u64,
    position: u64,
}

impl Source {
    pub(crate) fn open(path: &Path) -> Result<Self, EncoderError> {
        let read_error = |source| EncoderError::Read { path: path.to_path_buf(), source };
        let file = File::open(path).map_err(read_error)?;
        let metadata = file.metadata().map_err(read_error)?;
        if !metadata.is_file() {
            return Err(EncoderError::Foreign { path: path.to_path_buf() });
        }
        let reader = BufReader::with_capacity(1 << 16, file);
        Ok(Self { reader, path: path.to_path_buf(), length: metadata.len(), position: 0 })
    }

    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// The next `count` bytes, or an error before anything is allocated when the file has fewer.
    pub(crate) fn bytes(&mut self, count: u64, what: &str) -> Result<Vec<u8>, EncoderError> {
        if count > self.length - self.position {
            return Err(self.damaged(format!("{what} does not fit: {count} bytes at {}", self.position)));
        }
        let size = usize::try_from(count).map_err(|_| self.damaged(format!("{what} is too large")))?;
        let mut bytes = vec![0; size];
        self.reader.read_exact(&mut bytes).map_err(|source| self.read_error(source))?;
        self.position += count;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N], EncoderError> {
        let mut array = [0; N];
        if N as u64 > self.length - self.position {
            return Err(self.damaged(format!("file ends in {what}")));
        }
        self.reader.read_exact(&mut array).map_err(|source| self.read_error(source))?;
        self.position += N as u64;
        Ok(array)
    }

    pub(crate) fn u8(&mut self, what: &str) -> Result<u8, EncoderError> {
        Ok(self.array::<1>(what)?[0])
    }

    pub(crate) fn u16(&mut self, what: &str) -> Result<u16, EncoderError> {
        Ok(u16::from_le_bytes(self.array(what)?))
    }

    pub(crate) fn u32(&mut self, what: &str) -> Result<u32, EncoderError> {
        Ok(u32::from_le_bytes(self.array(what)?))
    }

    pub(crate) fn u64(&mut self, what: &str) -> Result<u64, EncoderError> {
        Ok(u64::from_le_bytes(self.array(what)?))
    }

    pub(crate) fn f32(&mut self, what: &str) -> Result<f32, EncoderError> {
        Ok(f32::from_le_bytes(self.array(what)?))
    }

    /// A count between `least` and `most`.
    pub(crate) fn count(&mut self, what: &str, least: usize, most: usize) -> Result<usize, EncoderError> {
        let value = self.u32(what)?;
        let count = usize::try_from(value).unwrap_or(usize::MAX);
        if count < least || count > most {
            return Err(self.damaged(format!("{what} is {value}, expected {least} to {most}")));
        }
        Ok(count)
    }

    /// Fills `bytes` from a position that was checked when the directory was read.
    pub(crate) fn read_at(&self, bytes: &mut [u8], offset: u64) -> Result<(), EncoderError> {
        self.reader.get_ref().read_exact_at(bytes, offset).map_err(|source| self.read_error(source))
    }

    pub(crate) fn foreign(&self) -> EncoderError {
        EncoderError::Foreign { path: self.path.clone() }
    }

    pub(crate) fn damaged(&self, what: impl Into<String>) -> EncoderError {
        EncoderError::Damaged { path: self.path.clone(), what: what.into() }
    }

    fn read_error(&self, source: std::io::Error) -> EncoderError {
        EncoderError::Read { path: self.path.clone(), source }
    }
}
