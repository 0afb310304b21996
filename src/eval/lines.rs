//! Files of a dataset, line by line, with the place of whatever is wrong.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use super::dataset::DatasetError;

/// A file that is read line by line.
pub(super) struct Lines {
    file: PathBuf,
    reader: BufReader<File>,
    line: usize,
}

impl Lines {
    pub(super) fn open(file: &Path) -> Result<Self, DatasetError> {
        let opened = File::open(file).map_err(|error| DatasetError::Unreadable(file.to_owned(), error))?;
        Ok(Self { file: file.to_owned(), reader: BufReader::new(opened), line: 0 })
    }

    /// The next line that holds something, without its end.
    pub(super) fn next(&mut self) -> Result<Option<String>, DatasetError> {
        loop {
            let mut text = String::new();
            self.line += 1;
            match self.reader.read_line(&mut text) {
                Ok(0) => return Ok(None),
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
                    return Err(self.malformed("it is not UTF-8"));
                }
                Err(error) => return Err(DatasetError::Unreadable(self.file.clone(), error)),
            }
            // Some programs begin a file with a mark of its encoding.
            let text = if self.line == 1 { text.trim_start_matches('\u{feff}') } else { &text };
            if !text.trim().is_empty() {
                return Ok(Some(text.trim_end_matches(['\n', '\r']).to_owned()));
            }
        }
    }

    /// The value on the next line.
    pub(super) fn next_json<T: DeserializeOwned>(&mut self) -> Result<Option<T>, DatasetError> {
        let Some(text) = self.next()? else { return Ok(None) };
        let value = serde_json::from_str(&text).map_err(|error| self.malformed(said(&error)))?;
        Ok(Some(value))
    }

    /// An error at the line that was read last.
    pub(super) fn malformed(&self, what: impl Into<String>) -> DatasetError {
        DatasetError::Malformed { file: self.file.clone(), line: self.line, what: what.into() }
    }

    /// An error of the whole file.
    pub(super) fn empty(&self, what: &'static str) -> DatasetError {
        DatasetError::Empty(self.file.clone(), what)
    }
}

/// What is wrong with a line of JSON; the line's number is said elsewhere.
fn said(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let what = text.split(" at line ").next().unwrap_or(&text);
    format!("{what} (column {})", error.column())
}
