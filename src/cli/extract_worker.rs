//! `ibid extract-worker`: the child process that extracts documents.

use std::process::ExitCode;

use crate::extraction::serve_extraction;

/// Extract documents for another ibid process.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Address space of this process.
    #[arg(long)]
    memory_bytes: u64,
}

pub(super) fn run(args: &Args) -> ExitCode {
    match serve_extraction(args.memory_bytes) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
