//! Recognition reads scanned pages: a seam, and the program Tesseract behind it.

use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// Reads the words on a picture.
#[async_trait]
pub trait TextRecognizer: Send + Sync {
    /// The words on a picture in the portable grey map format, a line of text a line; empty when there are none.
    ///
    /// # Errors
    /// One sentence for a person, when the picture could not be read.
    async fn recognize(&self, picture: &[u8]) -> Result<String, String>;
}

/// The program `tesseract`.
pub struct Tesseract {
    languages: String,
}

/// A page takes seconds; one that takes so long is noise.
const PAGE_TIME_MAX: Duration = Duration::from_secs(60);

impl Tesseract {
    /// Tesseract with its data for `languages`, such as `kor+eng`.
    ///
    /// # Errors
    /// One sentence for a person, when the program or a language is not installed.
    pub fn new(languages: &str) -> Result<Self, String> {
        let listed = std::process::Command::new("tesseract").arg("--list-langs").stdin(Stdio::null()).output();
        let listed = listed.map_err(|error| {
            format!("the program tesseract cannot be started ({error}); Debian has it in tesseract-ocr")
        })?;
        let installed = String::from_utf8_lossy(&listed.stdout).into_owned();
        for language in languages.split('+') {
            if !installed.lines().any(|line| line.trim() == language) {
                return Err(format!(
                    "tesseract has no data for {language:?}; Debian has it in tesseract-ocr-{language}"
                ));
            }
        }
        Ok(Self { languages: languages.to_owned() })
    }
}

#[async_trait]
impl TextRecognizer for Tesseract {
    async fn recognize(&self, picture: &[u8]) -> Result<String, String> {
        // Page analysis finds nothing on a page of a few words, which are there when it is taken for one block.
        let words = self.read(picture, &[]).await?;
        if words.trim().is_empty() { self.read(picture, &["--psm", "6"]).await } else { Ok(words) }
    }
}

impl Tesseract {
    async fn read(&self, picture: &[u8], how: &[&str]) -> Result<String, String> {
        let mut child = Command::new("tesseract")
            .args(["stdin", "stdout", "--dpi", "300", "-l", &self.languages])
            .args(how)
            // Documents are read side by side already.
            .env("OMP_THREAD_LIMIT", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("tesseract cannot be started ({error})"))?;
        let mut input = child.stdin.take().ok_or("tesseract has no input")?;
        let work = async {
            input.write_all(picture).await?;
            drop(input);
            child.wait_with_output().await
        };
        let output = tokio::time::timeout(PAGE_TIME_MAX, work).await;
        let output = output.map_err(|_| format!("tesseract took longer than {} s", PAGE_TIME_MAX.as_secs()))?;
        let output = output.map_err(|error| format!("tesseract failed ({error})"))?;
        if !output.status.success() {
            return Err(format!("tesseract failed ({})", output.status));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}
