//! A place by its address: a folder, or one of the clouds' object stores.

use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, ObjectStoreScheme, RetryConfig};
use url::Url;

use super::{Originals, OriginalsError};

/// What a cloud's settings begin with in the environment.
const AWS: &str = "AWS_";
const GOOGLE: &str = "GOOGLE_";
const AZURE: &str = "AZURE_";
/// Tries of one request after the first, and how long they may go on: an ingest that waits longer seems to hang, and says
/// nothing of why.
const RETRIES: usize = 3;
const RETRY_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest silence of a server, while it takes a part or between two pieces of an answer. An original of a gigabyte may
/// take as long as it takes.
const SILENCE_MAX: Duration = Duration::from_secs(60);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The part of the environment that clouds read: keys, regions, endpoints.
pub fn cloud_environment() -> Vec<(String, String)> {
    let readable =
        std::env::vars_os().filter_map(|(name, value)| name.into_string().ok().zip(value.into_string().ok()));
    let ours = |name: &str| [AWS, GOOGLE, AZURE].iter().any(|prefix| name.starts_with(prefix));
    readable.filter(|(name, value)| ours(name) && !value.is_empty()).collect()
}

/// A folder that is there.
pub(super) fn folder(folder: &FilePath) -> Result<Originals, OriginalsError> {
    let canonical = std::fs::canonicalize(folder).map_err(|error| OriginalsError::folder(folder, &error))?;
    let place = canonical.display().to_string();
    // A document is read once, so an original that a power cut took would never come back.
    let store = LocalFileSystem::new_with_prefix(&canonical).map_err(|error| OriginalsError::of(&place, &error))?;
    Ok(Originals {
        store: Arc::new(store.with_fsync(true)),
        prefix: Path::default(),
        place: place.into(),
        is_own: false,
    })
}

pub(super) fn at_url(address: &str, environment: &[(String, String)]) -> Result<Originals, OriginalsError> {
    let unusable =
        |place: &str, reason: &str| OriginalsError::Place { place: place.to_owned(), reason: reason.to_owned() };
    let Ok(url) = Url::parse(address) else {
        return Err(unusable("the address of ingest.keep_originals", "it is no URL, such as s3://BUCKET/PATH"));
    };
    let place = shown(&url);
    if url.password().is_some() || url.query().is_some() {
        return Err(unusable(&place, "it holds a password or parameters; keys come from the environment"));
    }
    let (scheme, prefix) = ObjectStoreScheme::parse(&url)
        .map_err(|_| unusable(&place, "it begins with none of s3://, gs://, az:// and file:///"))?;
    if matches!(scheme, ObjectStoreScheme::Local) {
        let path = url.to_file_path().map_err(|()| unusable(&place, "it names no folder of this machine"))?;
        return folder(&path);
    }
    // Whoever opens the first connection says which cryptography there is.
    drop(rustls::crypto::ring::default_provider().install_default());
    let store = cloud(&scheme, &url, environment).map_err(|reason| unusable(&place, &reason))?;
    Ok(Originals { store, prefix, place: place.into(), is_own: false })
}

/// The store of a cloud, or what is missing for it.
fn cloud(
    scheme: &ObjectStoreScheme,
    url: &Url,
    environment: &[(String, String)],
) -> Result<Arc<dyn ObjectStore>, String> {
    let set = |prefix: &'static str| environment.iter().filter(move |(name, _)| name.starts_with(prefix));
    Ok(match scheme {
        ObjectStoreScheme::AmazonS3 => {
            plain_http_is_meant(environment)?;
            // One at a time is in every provider's protocol, and the list of many is not.
            let single = AmazonS3Builder::new().with_config(AmazonS3ConfigKey::DisableBulkDelete, "true");
            let start = single.with_retry(retry()).with_client_options(client());
            let builder = set(AWS).fold(start.with_url(url.as_str()), |builder, (name, value)| {
                match name.to_ascii_lowercase().parse() {
                    Ok(key) => builder.with_config(key, value),
                    Err(_) => builder,
                }
            });
            Arc::new(builder.build().map_err(|_| missing(AWS, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"))?)
        }
        ObjectStoreScheme::GoogleCloudStorage => {
            let start = GoogleCloudStorageBuilder::new().with_retry(retry()).with_client_options(client());
            let builder = set(GOOGLE).fold(start.with_url(url.as_str()), |builder, (name, value)| {
                match name.to_ascii_lowercase().parse() {
                    Ok(key) => builder.with_config(key, value),
                    Err(_) => builder,
                }
            });
            Arc::new(builder.build().map_err(|_| missing(GOOGLE, "GOOGLE_SERVICE_ACCOUNT"))?)
        }
        ObjectStoreScheme::MicrosoftAzure => {
            let start = MicrosoftAzureBuilder::new().with_retry(retry()).with_client_options(client());
            let builder = set(AZURE).fold(start.with_url(url.as_str()), |builder, (name, value)| {
                match name.to_ascii_lowercase().parse() {
                    Ok(key) => builder.with_config(key, value),
                    Err(_) => builder,
                }
            });
            let keys = "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY";
            Arc::new(builder.build().map_err(|_| missing(AZURE, keys))?)
        }
        _ => return Err("it begins with none of s3://, gs://, az:// and file:///".to_owned()),
    })
}

/// What the library says of its settings may repeat one.
fn missing(prefix: &str, keys: &str) -> String {
    format!("what the environment says with {prefix}... is not enough or not right; it takes {keys}")
}

/// An endpoint without encryption sends documents in the open, so it is said twice.
fn plain_http_is_meant(environment: &[(String, String)]) -> Result<(), String> {
    let value = |wanted: &str| environment.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
    let endpoint = value("AWS_ENDPOINT_URL_S3").or_else(|| value("AWS_ENDPOINT_URL")).or_else(|| value("AWS_ENDPOINT"));
    let is_plain = endpoint.is_some_and(|endpoint| endpoint.starts_with("http://"));
    if is_plain && !value("AWS_ALLOW_HTTP").is_some_and(|said| said.eq_ignore_ascii_case("true")) {
        return Err("its endpoint is http:// and not https://; AWS_ALLOW_HTTP=true says that this is meant".to_owned());
    }
    Ok(())
}

fn retry() -> RetryConfig {
    RetryConfig { backoff: BackoffConfig::default(), max_retries: RETRIES, retry_timeout: RETRY_TIMEOUT }
}

fn client() -> ClientOptions {
    ClientOptions::new().with_timeout_disabled().with_read_timeout(SILENCE_MAX).with_connect_timeout(CONNECT_TIMEOUT)
}

/// The address without what may be a secret.
fn shown(url: &Url) -> String {
    format!("{}://{}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path())
}
