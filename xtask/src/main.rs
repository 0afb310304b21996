//! The tasks of the repository: `cargo xtask test` checks all that CI checks, `cargo xtask prepare` readies what the
//! tests need, `cargo xtask run` runs a command with all of it, and `cargo xtask bench-extract` measures extraction.

mod bench_extract;
mod licences;
mod postgres;
mod prepare;
mod user;
mod vendored;

use std::env;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use postgres::Cluster;

const USAGE: &str =
    "usage: cargo xtask test | prepare | run -- COMMAND ARGUMENT... | licences | bench-extract [FOLDER]...";
/// A shell's exit code for a command that a signal ended is this and the signal's number.
const SIGNALLED: i32 = 128;

fn main() -> Result<ExitCode> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let names: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match names.as_slice() {
        ["test"] => test(&root()?)?,
        ["prepare"] => prepare_only(&root()?)?,
        ["run", "--", program, rest @ ..] => return run_within(&root()?, program, rest),
        ["licences"] => licences::check(&root()?)?,
        ["bench-extract", folders @ ..] => {
            let root = root()?;
            let pairs = bench_extract::pairs(&root, folders)?;
            run(cargo(&root, "run --release -p ibid-ingest --example bench_extract --").args(pairs))?;
        }
        _ => bail!("{USAGE}"),
    }
    Ok(ExitCode::SUCCESS)
}

/// Prepares, and prints the lines that tell a shell where the prepared things are.
fn prepare_only(root: &Path) -> Result<()> {
    for (name, value) in prepare::prepare(root, &target(root))?.environment() {
        println!("export {name}={}", quoted(&value));
    }
    Ok(())
}

/// Runs a program in the environment of the tests and ends as it ends.
fn run_within(root: &Path, program: &str, arguments: &[&str]) -> Result<ExitCode> {
    let prepared = prepare::prepare(root, &target(root))?;
    let cluster = Cluster::start(&prepared.postgres)?;
    let mut command = Command::new(program);
    command.args(arguments).envs(prepared.environment()).envs(cluster.environment());
    let status = undescribed(&mut command).status().with_context(|| format!("command did not start: {program}"))?;
    let code = status.code().unwrap_or_else(|| SIGNALLED + status.signal().unwrap_or_default());
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX)))
}

/// Runs every check in order and stops at the first that fails.
fn test(root: &Path) -> Result<()> {
    let begun = Instant::now();
    let prepared = step("prepare", || prepare::prepare(root, &target(root)))?;
    step("cargo fmt", || run(&mut cargo(root, "fmt --all --check")))?;
    step("cargo clippy", || run(&mut cargo(root, "clippy --workspace --all-targets -- -D warnings")))?;
    let cluster = step("postgres", || Cluster::start(&prepared.postgres))?;
    let environment = prepared.environment().into_iter().chain(cluster.environment());
    step("cargo test", || run(cargo(root, "test --workspace").envs(environment)))?;
    drop(cluster);
    step("licences", || licences::check(root))?;
    step("cargo doc", || run(cargo(root, "doc --workspace --no-deps").env("RUSTDOCFLAGS", "-D warnings")))?;
    eprintln!("\nall checks passed in {:.1} s", begun.elapsed().as_secs_f64());
    Ok(())
}

fn step<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    eprintln!("\n== {name}");
    let begun = Instant::now();
    let done = work().with_context(|| format!("step failed: {name}"))?;
    eprintln!("== {name}: {:.1} s", begun.elapsed().as_secs_f64());
    Ok(done)
}

fn root() -> Result<PathBuf> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    Ok(manifest.parent().context("xtask is not a member of a workspace")?.to_owned())
}

fn target(root: &Path) -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |folder| root.join(folder))
}

fn cargo(root: &Path, arguments: &str) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    undescribed(command.current_dir(root).args(arguments.split_whitespace()));
    command
}

/// `cargo run` describes this package to us in variables; build scripts that watch them would run again for each
/// clone, and with them half of the tree.
fn undescribed(command: &mut Command) -> &mut Command {
    let described = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(described) {
            command.env_remove(name);
        }
    }
    command
}

fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', "'\\''"))
}

/// Runs a command that has to succeed.
fn run(command: &mut Command) -> Result<()> {
    let line = format!("{command:?}");
    // What a tool prints is for the person; the output of a task is its own.
    command.stdout(std::io::stderr());
    let status = command.status().with_context(|| format!("command did not start: {line}"))?;
    ensure!(status.success(), "command failed with {status}: {line}");
    Ok(())
}
