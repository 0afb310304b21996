//! trec_eval, the reference for what rankings are worth: an extension of Python out of a wheel.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use super::{hex, partial, wheel};

const VERSION: &str = "0.5.11";
/// CPython 3.10 to 3.14, each on macOS and on Linux with x86-64; there are no wheels for Linux on ARM.
const HASHES: [&str; 10] = [
    "63cbda2e07c1416e9621b20f799779a0df60fa95f6d1688b4e4bf26e55cea120",
    "5c54cb30e4c74098498d056c7a7168a9e706324a7213b7efc27cea3bc68e00a7",
    "04cac9e3edecd5b2796ce82bd76e6208c1a24ef6ecc736510637d7a66e9d89c5",
    "c0c122b9a54e2b5466a494e7719c43b6be082b8a34ce4f928e238835d496c277",
    "c6f84ed3e2434ae0f6919daba7448f4b3b4f5f2716599321ee15a971c89372aa",
    "49d471ea922ee0b86b8c4413b0f3669ef193b7df21652acca711b4f325bfa2e5",
    "6d0a7da20656e09c70415a6938d7d00165913c8aca50a3c22658ab1d305f56fa",
    "e9954aba9d9fdf5cf6539be511248b10525b3adbfd98bbcfba90b993e5cce7b3",
    "5fc894b6925667300a9a65d83d8d45bbfb9c3647649a738c4c4d0efff6764d51",
    "a5d249bdda4fad4779510cc6a0ad40df4981f8c98fec83a098de71168ab78772",
];
const UNZIP: &str = "import sys, zipfile
zipfile.ZipFile(sys.argv[1]).extractall(sys.argv[2])";

/// The folder of the unpacked wheel. The module around the extension wants numpy, which nothing here needs.
pub(super) fn install(folder: &Path) -> Result<PathBuf> {
    let package = requirement();
    let python = wheel::python_tag()?;
    let name = format!("trec-eval-{VERSION}-{python}-{}", &hex(&Sha256::digest(&package))[..16]);
    let place = folder.join(&name);
    if !place.exists() {
        let made = partial(folder, &name)?;
        let wheel = wheel::download(&package, &[], &made).with_context(|| {
            format!("the tests compare with trec_eval, and {python} on this machine cannot have it")
        })?;
        wheel::unpack(UNZIP, &wheel, &[&made])?;
        fs::remove_file(&wheel)?;
        fs::rename(&made, &place).with_context(|| format!("cannot move {} into place", place.display()))?;
    }
    Ok(place)
}

fn requirement() -> String {
    let hashes: String = HASHES.iter().map(|hash| format!(" --hash=sha256:{hash}")).collect();
    format!("pytrec-eval-terrier=={VERSION}{hashes}\n")
}
