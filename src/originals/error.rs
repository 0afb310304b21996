//! What goes wrong with originals, in words that name the place and no key.

use std::error::Error;
use std::path::Path;

use object_store::client::{HttpError, HttpErrorKind};

/// An original that cannot be kept or given.
#[derive(Debug, thiserror::Error)]
pub enum OriginalsError {
    /// The configured place cannot be used.
    #[error("originals cannot be kept at {place}: {reason}")]
    Place {
        /// As it may be shown.
        place: String,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// The place does not take or give it; this may pass.
    #[error(
        "the place of originals, {place}, {reason}; the same command continues when it works again, and \
         ingest.keep_originals = false does without"
    )]
    Store {
        /// As it may be shown.
        place: String,
        /// What happened.
        reason: String,
    },
    /// The bytes are not those that were read before.
    #[error("the file changed while its original was kept")]
    Changed,
    /// The file cannot be read.
    #[error("the file cannot be read to keep its original ({0})")]
    Unreadable(std::io::Error),
}

impl OriginalsError {
    pub(super) fn folder(folder: &Path, error: &std::io::Error) -> Self {
        Self::Place { place: folder.display().to_string(), reason: error.to_string() }
    }

    /// What an object store says, without its own words: they repeat requests and answers, keys and signatures included.
    pub(super) fn of(place: &str, error: &object_store::Error) -> Self {
        let reason = match error {
            object_store::Error::NotFound { .. } => "is not there: no such bucket, container or folder".to_owned(),
            object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. } => {
                "refuses the keys that the environment has".to_owned()
            }
            other => reason(other),
        };
        Self::Store { place: place.to_owned(), reason }
    }
}

/// What lies beneath an error, one below the other.
fn causes_of<'a>(error: &'a object_store::Error) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let mut next = error.source();
    std::iter::from_fn(move || {
        let cause = next?;
        next = cause.source();
        Some(cause)
    })
}

/// The cause beneath all others, as far as it is known to hold no secret.
fn reason(error: &object_store::Error) -> String {
    let causes = || causes_of(error);
    if let Some(io) = causes().filter_map(|cause| cause.downcast_ref::<std::io::Error>()).last()
        && io.raw_os_error().is_some()
    {
        return format!("cannot be used ({io})");
    }
    if let Some(http) = causes().find_map(|cause| cause.downcast_ref::<HttpError>()) {
        return match http.kind() {
            HttpErrorKind::Connect => "cannot be reached".to_owned(),
            HttpErrorKind::Timeout => "does not answer in time".to_owned(),
            _ => "breaks off what it is asked".to_owned(),
        };
    }
    match causes().last().and_then(|cause| status_of(&cause.to_string())) {
        Some(status) => format!("answers {status}"),
        None => "does not do what it is asked".to_owned(),
    }
}

/// The number of a status and the code of a cloud, out of a sentence that holds much more.
fn status_of(said: &str) -> Option<String> {
    let (_, after) = said.split_once("status code: ")?;
    let status: String = after.chars().take_while(char::is_ascii_digit).collect();
    let code = after.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>")).map(|(code, _)| code);
    let code = code.filter(|code| code.len() < 64 && code.chars().all(|c| c.is_ascii_alphanumeric()));
    (status.len() == 3).then(|| code.map_or_else(|| status.clone(), |code| format!("{status} {code}")))
}
