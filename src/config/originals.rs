//! Whether and where files are kept as they were read.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};

/// Whether files are kept as they were read: `ingest.keep_originals`. Off: the folder that is mirrored has them already, and
/// keeping them takes as much disk again.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum OriginalsConfig {
    /// They are not: `false`.
    #[default]
    Off,
    /// In the data folder: `true`.
    DataFolder,
    /// At an address: `s3://BUCKET/PATH`, `gs://BUCKET/PATH`, `az://CONTAINER/PATH` or `file:///FOLDER`. Keys come from the
    /// environment (`AWS_...`, `GOOGLE_...`, `AZURE_...`) and never from here.
    Url(String),
}

impl OriginalsConfig {
    /// Whether they are kept.
    pub fn is_on(&self) -> bool {
        *self != Self::Off
    }

    /// What `text` says, as on a command line: `true`, `false` or an address.
    ///
    /// # Errors
    /// One sentence, without the address, which may hold a password by mistake.
    pub fn parsed(text: &str) -> Result<Self, String> {
        match text {
            "true" => Ok(Self::DataFolder),
            "false" => Ok(Self::Off),
            address if ["s3://", "gs://", "az://", "file://"].iter().any(|scheme| address.starts_with(scheme)) => {
                Ok(Self::Url(address.to_owned()))
            }
            _ => {
                Err("keep_originals is neither true nor false nor an address that begins with s3://, gs://, az:// or \
                      file://"
                    .to_owned())
            }
        }
    }
}

impl fmt::Debug for OriginalsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Off => "off",
            Self::DataFolder => "in the data folder",
            Self::Url(_) => "at an address",
        })
    }
}

impl<'de> Deserialize<'de> for OriginalsConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = OriginalsConfig;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true, false or an address")
            }

            fn visit_bool<E: Error>(self, kept: bool) -> Result<Self::Value, E> {
                Ok(if kept { OriginalsConfig::DataFolder } else { OriginalsConfig::Off })
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                // In quotes it is a mistake that a switch on the command line cannot make.
                if matches!(text, "true" | "false") {
                    return Err(E::invalid_type(Unexpected::Str(text), &self));
                }
                OriginalsConfig::parsed(text).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct File {
        kept: OriginalsConfig,
    }

    fn read(value: &str) -> Result<OriginalsConfig, String> {
        toml::from_str(&format!("kept = {value}")).map(|file: File| file.kept).map_err(|e| e.message().to_owned())
    }

    #[test]
    fn originals_are_off_in_the_data_folder_or_at_an_address() {
        assert_eq!(OriginalsConfig::default(), OriginalsConfig::Off);
        assert_eq!(read("true"), Ok(OriginalsConfig::DataFolder));
        assert_eq!(read("\"s3://bucket/x\""), Ok(OriginalsConfig::Url("s3://bucket/x".to_owned())));
        for bad in ["3", "\"true\"", "\"/srv/originals\"", "\"http://u:secret@bucket\""] {
            let said = read(bad).unwrap_err();
            assert!(!said.contains("secret"), "{said}");
        }
        assert!(!format!("{:?}", read("\"s3://key:secret@bucket\"")).contains("secret"));
    }
}
