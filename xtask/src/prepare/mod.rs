//! What the tests need from outside, fetched once: the npm modules, the Python clients, Chromium, Tesseract, the embedding
//! model, Postgres, and trec_eval.
//!
//! Everything is made in a folder of its own and renamed into place when it is whole, so that a run that was killed
//! leaves nothing that a later run would take for finished. Two runs at once wait for each other.

mod chromium;
mod debian;
mod model;
mod node;
mod postgres;
mod python;
mod tesseract;
mod trec_eval;
mod wheel;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::{env, io, process};

use anyhow::{Context, Result, bail};

pub(crate) use postgres::PROGRAMS as POSTGRES_PROGRAMS;

const PARTIAL: &str = ".partial-";
const PARTIAL_ATTEMPTS: u32 = 100;

/// Where the prepared things are.
pub(crate) struct Prepared {
    models: PathBuf,
    node: PathBuf,
    /// The installed packages, as Python's search path has them.
    python: PathBuf,
    chromium: PathBuf,
    /// The unpacked wheel, whose programs find their libraries by their place in it.
    pub(crate) postgres: PathBuf,
    /// The unpacked wheel, as Python's search path has it.
    trec_eval: PathBuf,
}

impl Prepared {
    /// The environment that the tests read: `IBID_MODELS` holds the model file, `IBID_TEST_NODE` the scripts beside
    /// their `node_modules`, `IBID_TEST_CHROMIUM` is the browser's program, and `IBID_TEST_PYTHON` and `IBID_TEST_TREC_EVAL` are
    /// folders for Python to search. `IBID_TEST_POSTGRES_BIN` is for people, who find `psql` in it.
    pub(crate) fn environment(&self) -> [(&'static str, String); 6] {
        let said = |path: &Path| path.display().to_string();
        [
            ("IBID_MODELS", said(&self.models)),
            ("IBID_TEST_NODE", said(&self.node)),
            ("IBID_TEST_PYTHON", said(&self.python)),
            ("IBID_TEST_CHROMIUM", said(&self.chromium)),
            ("IBID_TEST_TREC_EVAL", said(&self.trec_eval)),
            ("IBID_TEST_POSTGRES_BIN", said(&self.postgres.join(POSTGRES_PROGRAMS))),
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
    tesseract::ready()?;
    Ok(Prepared {
        node: node::modules(root, &folder)?,
        python: python::packages(root, &folder)?,
        chromium: chromium::program()?,
        models: model::folder(&folder)?,
        postgres: postgres::install(&folder)?,
        trec_eval: trec_eval::install(&folder)?,
    })
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

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn need(program: &str, advice: &str) -> Result<PathBuf> {
    on_path(program).with_context(|| format!("no {program} on PATH: {advice}"))
}

fn on_path(program: &str) -> Option<PathBuf> {
    let folders = env::var_os("PATH")?;
    env::split_paths(&folders).map(|folder| folder.join(program)).find(|path| path.is_file())
}
