//! The tasks of the repository: `cargo xtask test` checks all that CI checks, and `cargo xtask prepare` readies what
//! the tests need.

mod licences;
mod prepare;
mod user;

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

const USAGE: &str = "usage: cargo xtask test | prepare | licences";

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let names: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match names.as_slice() {
        ["test"] => test(&root()?),
        ["prepare"] => prepare_only(&root()?),
        ["licences"] => licences::check(&root()?),
        _ => bail!("{USAGE}"),
    }
}

/// Prepares, and prints the lines that tell a shell where the prepared things are.
fn prepare_only(root: &Path) -> Result<()> {
    for (name, value) in prepare::prepare(root, &target(root))?.environment() {
        println!("export {name}={}", quoted(&value));
    }
    Ok(())
}

/// Runs every check in order and stops at the first that fails.
fn test(root: &Path) -> Result<()> {
    let begun = Instant::now();
    let prepared = step("prepare", || prepare::prepare(root, &target(root)))?;
    step("cargo fmt", || run(&mut cargo(root, "fmt --all --check")))?;
    step("cargo clippy", || run(&mut cargo(root, "clippy --workspace --all-targets -- -D warnings")))?;
    step("cargo test", || run(cargo(root, "test --workspace").envs(prepared.environment())))?;
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
    command.current_dir(root).args(arguments.split_whitespace());
    // `cargo run` describes this package to us in variables; build scripts that watch them would run again for each
    // clone, and with them half of the tree.
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
