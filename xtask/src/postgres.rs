//! A throw-away Postgres cluster for the time of a test run.
//!
//! A shell script makes, serves and removes it, in a process group of its own. Standard input ties the two: however
//! this process ends, the pipe closes, and the script cleans up.

use std::fs::{self, File, Permissions};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::{env, io};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::prepare::{POSTGRES_PROGRAMS, hex};
use crate::user::{self, User};

const SCRIPT: &str = include_str!("postgres.sh");
/// A free port can be taken before the server listens; three in a row will not.
const PORTS: usize = 3;

/// A running cluster. It stops, and is removed, when this value goes away.
pub(crate) struct Cluster {
    script: Child,
    password: String,
    port: u16,
    /// What the script could not remove goes with this.
    _folder: TempDir,
}

impl Cluster {
    /// Makes a cluster with the programs of `install` and returns when it answers.
    pub(crate) fn start(install: &Path) -> Result<Self> {
        let owner = if user::is_root() { Some(user::unprivileged()?) } else { None };
        let folder = folder(owner)?;
        let copied = owner.map(|_| folder.path().join("install"));
        let programs = copied.as_deref().unwrap_or(install).join(POSTGRES_PROGRAMS);
        let mut script = script(folder.path(), &programs, owner)?.spawn().context("sh did not start")?;
        // From here on the script removes the folder, should this process be killed.
        if let Some(place) = copied {
            copy(install, &place, owner).with_context(|| format!("cannot copy {}", install.display()))?;
        }
        let password = password()?;
        let port = serve(&mut script, &password)?;
        Ok(Self { script, password, port, _folder: folder })
    }

    /// Where the superuser `ibid` connects. `IBID_TEST_POSTGRES` holds it.
    pub(crate) fn environment(&self) -> [(&'static str, String); 1] {
        let Self { password, port, .. } = self;
        [("IBID_TEST_POSTGRES", format!("postgres://ibid:{password}@127.0.0.1:{port}/postgres"))]
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.script.stdin.take());
        if let Err(error) = self.script.wait() {
            eprintln!("postgres may still be running: {error}");
        }
    }
}

/// An empty folder that `owner` can reach. Root's own temporary folder may be out of reach for anyone else.
fn folder(owner: Option<User>) -> Result<TempDir> {
    let place = if owner.is_some() { PathBuf::from("/tmp") } else { env::temp_dir() };
    let closed = Permissions::from_mode(0o700);
    let folder = tempfile::Builder::new().prefix("ibid-postgres-").permissions(closed).tempdir_in(&place);
    let folder = folder.with_context(|| format!("cannot make a folder in {}", place.display()))?;
    give(folder.path(), owner)?;
    Ok(folder)
}

/// Gives the script its password and waits for the port.
fn serve(script: &mut Child, password: &str) -> Result<u16> {
    let stdin = script.stdin.as_mut().context("the script has no standard input")?;
    writeln!(stdin, "{password}").context("the script does not listen")?;
    let stdout = script.stdout.take().context("the script has no standard output")?;
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).context("cannot read what the script says")?;
    if line.is_empty() {
        bail!("postgres did not start: {}", script.wait()?);
    }
    line.trim().parse().with_context(|| format!("not a port: {line}"))
}

/// The install for another user than root, because it may lie in a folder that is closed to others, such as /root. Links
/// are enough where the file system has them: the files stay root's, and whoever owns a folder may remove it.
fn copy(from: &Path, to: &Path, owner: Option<User>) -> io::Result<()> {
    fs::create_dir(to)?;
    give(to, owner)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (path, place) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            copy(&path, &place, owner)?;
        } else if fs::hard_link(&path, &place).is_err() {
            fs::copy(&path, &place)?;
        }
    }
    Ok(())
}

fn give(path: &Path, owner: Option<User>) -> io::Result<()> {
    owner.map_or(Ok(()), |user| chown(path, Some(user.uid), Some(user.gid)))
}

/// Whoever is on this machine can reach the port, and a superuser of Postgres can start programs.
fn password() -> Result<String> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut bytes)).context("no randomness")?;
    Ok(hex(&bytes))
}

fn script(folder: &Path, programs: &Path, owner: Option<User>) -> Result<Command> {
    let mut command = Command::new("sh");
    command.args(["-c", SCRIPT, "postgres.sh"]).arg(folder).arg(programs).args(free_ports()?);
    // Variables such as PGDATA or LC_ALL would make another cluster.
    command.env_clear().envs(env::var_os("PATH").map(|path| ("PATH", path))).env("LC_ALL", "C");
    command.current_dir(folder).process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped());
    if let Some(user) = owner {
        command.uid(user.uid).gid(user.gid);
    }
    Ok(command)
}

fn free_ports() -> Result<Vec<String>> {
    let listeners: io::Result<Vec<TcpListener>> = (0..PORTS).map(|_| TcpListener::bind("127.0.0.1:0")).collect();
    let addresses = listeners?.iter().map(TcpListener::local_addr).collect::<io::Result<Vec<_>>>();
    Ok(addresses.context("no free port")?.iter().map(|address| address.port().to_string()).collect())
}
