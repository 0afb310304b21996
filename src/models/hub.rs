//! Models from the Hugging Face hub: each file by commit and hash, so that a mirror needs no trust.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::fs::File;
use tokio::io::AsyncWriteExt;

use super::address::{innermost, public_address};
use super::fetch::{hex, verify_hash};
use super::{FetchError, FetchProgress, HubFile, HubModel};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest silence in the midst of a file.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(60);

impl HubModel {
    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// The model's folder below `folder`, if all of its files are there. A file whose length is wrong does not count.
    pub fn locate(&self, folder: &Path) -> Option<PathBuf> {
        let place = folder.join(self.name);
        let is_there = |file: &HubFile| std::fs::metadata(place.join(file.name)).is_ok_and(|is| is.len() == file.bytes);
        self.files.iter().all(is_there).then_some(place)
    }

    /// Checks the hash of every file in the model's folder.
    ///
    /// # Errors
    /// [`FetchError::WrongHash`], or [`FetchError::Io`] when a file cannot be read.
    pub fn verify(&self, place: &Path) -> Result<(), FetchError> {
        self.files.iter().try_for_each(|file| verify_hash(&place.join(file.name), file.sha256))
    }

    /// Downloads what is missing into the model's folder below `folder`. A file gets its name when its hash is right, so a
    /// stopped download leaves nothing that a later call would take for it.
    ///
    /// # Errors
    /// [`FetchError`] by what is wrong; the files that came before stay.
    pub async fn fetch(
        &self,
        base_url: &str,
        folder: &Path,
        mut progress: impl FnMut(FetchProgress),
    ) -> Result<PathBuf, FetchError> {
        let place = folder.join(self.name);
        std::fs::create_dir_all(&place).map_err(|source| FetchError::Io { path: place.clone(), source })?;
        let download = Download { model: self, base_url, place: &place, client: client(base_url, &place)? };
        let mut done = 0;
        for file in self.files {
            if verify_hash(&place.join(file.name), file.sha256).is_err() {
                download.file(file, &mut |bytes| progress(FetchProgress::Downloaded(done + bytes))).await?;
            }
            done += file.bytes;
        }
        Ok(place)
    }
}

fn client(base_url: &str, place: &Path) -> Result<reqwest::Client, FetchError> {
    // Two installations in one process are one too many only for the second, which is told so and may go on.
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(SILENCE_TIMEOUT)
        // The hub redirects to where the bytes lie; from https never to http.
        .https_only(base_url.starts_with("https:"))
        .build()
        .map_err(|error| FetchError::Hub {
            file: "a file".to_owned(),
            base_url: public_address(base_url),
            reason: innermost(&error),
            folder: place.to_owned(),
        })
}

/// One model's download.
struct Download<'a> {
    model: &'a HubModel,
    base_url: &'a str,
    place: &'a Path,
    client: reqwest::Client,
}

impl Download<'_> {
    async fn file(&self, file: &HubFile, progress: &mut impl FnMut(u64)) -> Result<(), FetchError> {
        let partial = self.place.join(format!(".{}-{}", file.name, std::process::id()));
        let outcome = self.write_partial(file, &partial, progress).await;
        let target = self.place.join(file.name);
        let named = outcome.and_then(|()| {
            std::fs::rename(&partial, &target).map_err(|source| FetchError::Io { path: target, source })
        });
        if named.is_err() {
            drop(std::fs::remove_file(&partial));
        }
        named
    }

    /// Writes and hashes what comes, and stops at the first byte too many.
    async fn write_partial(
        &self,
        file: &HubFile,
        partial: &Path,
        progress: &mut impl FnMut(u64),
    ) -> Result<(), FetchError> {
        let io = |source| FetchError::Io { path: partial.to_owned(), source };
        let mut response = self.ask(file).await?;
        let mut written = File::create(partial).await.map_err(io)?;
        let (mut hasher, mut bytes) = (Sha256::new(), 0);
        while let Some(piece) = response.chunk().await.map_err(|error| self.failed(file, error))? {
            bytes += piece.len() as u64;
            if bytes > file.bytes {
                return Err(self.refused(file, format!("it is longer than its {} bytes", file.bytes)));
            }
            hasher.update(&piece);
            written.write_all(&piece).await.map_err(io)?;
            progress(bytes);
        }
        written.sync_all().await.map_err(io)?;
        let found = hex(hasher);
        if found == file.sha256 {
            return Ok(());
        }
        let reason = format!("sha256 of what came is {found}, expected {}", file.sha256);
        Err(self.refused(file, reason))
    }

    async fn ask(&self, file: &HubFile) -> Result<reqwest::Response, FetchError> {
        let HubModel { repository, revision, .. } = self.model;
        let url = format!("{}/{repository}/resolve/{revision}/{}", self.base_url.trim_end_matches('/'), file.name);
        let response = self.client.get(url).send().await.map_err(|error| self.failed(file, error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(self.refused(file, format!("it answered {}", response.status())))
    }

    fn failed(&self, file: &HubFile, error: reqwest::Error) -> FetchError {
        self.refused(file, innermost(&error.without_url()))
    }

    fn refused(&self, file: &HubFile, reason: String) -> FetchError {
        FetchError::Hub {
            file: format!("{}@{}/{}", self.model.repository, &self.model.revision[..7], file.name),
            base_url: public_address(self.base_url),
            reason,
            folder: self.place.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::{StatusCode, Uri};
    use axum::response::{IntoResponse, Redirect, Response};

    use super::*;

    /// A hub whose files are their own names, one of them elsewhere, as the true hub has its large ones.
    async fn hub() -> String {
        async fn answer(uri: Uri) -> Response {
            match uri.path() {
                "/owner/small/resolve/0123456789/one.txt" => "one.txt".into_response(),
                "/owner/small/resolve/0123456789/two.txt" => Redirect::temporary("/elsewhere").into_response(),
                "/elsewhere" => "two.txt".into_response(),
                "/owner/other/resolve/0123456789/one.txt" => "eno.txt".into_response(),
                "/owner/long/resolve/0123456789/one.txt" => "one.txt and more".into_response(),
                "/owner/short/resolve/0123456789/one.txt" => "one".into_response(),
                _ => StatusCode::NOT_FOUND.into_response(),
            }
        }
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
        format!("http://{address}")
    }

    const ONE: HubFile = HubFile {
        name: "one.txt",
        bytes: 7,
        sha256: "4bc812ba0c30fc415977fb34715b63843b3e1f324aa869e40eb26d08fa2ca900",
    };
    const TWO: HubFile = HubFile {
        name: "two.txt",
        bytes: 7,
        sha256: "a58e13b64bb2a273ecd645491d985045a7973416fb87de0c050b3df20ae796fc",
    };

    fn model(repository: &'static str, files: &'static [HubFile]) -> HubModel {
        HubModel { name: "small", repository, revision: "0123456789", license: "MIT", files }
    }

    fn names_in(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[tokio::test]
    async fn files_are_fetched_verified_and_not_fetched_again() {
        let folder = tempfile::tempdir().unwrap();
        let model = model("owner/small", &[ONE, TWO]);
        assert_eq!(model.locate(folder.path()), None);
        let mut steps = Vec::new();
        let place = model.fetch(&hub().await, folder.path(), |step| steps.push(step)).await.unwrap();
        assert_eq!(model.locate(folder.path()), Some(place.clone()));
        model.verify(&place).unwrap();
        assert_eq!(names_in(&place), ["one.txt", "two.txt"]);
        assert_eq!(steps.last(), Some(&FetchProgress::Downloaded(model.bytes())));
        let nobody = "http://127.0.0.1:9";
        model.fetch(nobody, folder.path(), |step| panic!("{step:?}")).await.unwrap();
        std::fs::write(place.join("one.txt"), "ONE.txt").unwrap();
        assert!(matches!(model.verify(&place), Err(FetchError::WrongHash { .. })));
        assert!(matches!(model.fetch(nobody, folder.path(), |_| ()).await, Err(FetchError::Hub { .. })));
    }

    #[tokio::test]
    async fn what_is_not_the_file_never_gets_its_name() {
        let base_url = hub().await;
        for (repository, said) in [
            ("owner/other", "sha256 of what came is"),
            ("owner/short", "sha256 of what came is"),
            ("owner/long", "longer than its 7 bytes"),
            ("owner/absent", "it answered 404"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let error = model(repository, &[ONE]).fetch(&base_url, folder.path(), |_| ()).await.unwrap_err();
            assert!(error.to_string().contains(said), "{error}");
            assert!(error.to_string().contains(repository), "{error}");
            assert_eq!(names_in(&folder.path().join("small")), [] as [&str; 0]);
        }
    }

    #[test]
    fn the_manifest_names_every_file_that_a_cross_encoder_is_read_from() {
        for model in super::super::HUB_RERANKERS {
            let mut names: Vec<&str> = model.files.iter().map(|file| file.name).collect();
            names.sort_unstable();
            assert_eq!(names, ["config.json", "model.safetensors", "tokenizer.json"]);
            assert!(model.files.iter().all(|file| file.sha256.len() == 64) && model.revision.len() == 40);
        }
    }
}
