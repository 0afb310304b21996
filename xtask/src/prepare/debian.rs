//! Packages of Debian, which are installed where this runs as root.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::on_path;
use crate::{run, user};

/// Whether packages can be installed here.
pub(super) fn may_install() -> bool {
    user::is_root() && Path::new("/etc/debian_version").exists() && on_path("apt-get").is_some()
}

/// Installs packages and what they need.
pub(super) fn install(packages: &[&str]) -> Result<()> {
    // A package manager that was killed half way refuses all work until this has been run.
    system("dpkg", &["--configure", "-a"])?;
    system("apt-get", &["update", "-qq"])?;
    let install = ["install", "-y", "-qq", "--no-install-recommends"];
    system("apt-get", &[install.as_slice(), packages].concat())
}

fn system(program: &str, arguments: &[&str]) -> Result<()> {
    run(Command::new(program).args(arguments).env("DEBIAN_FRONTEND", "noninteractive"))
}
