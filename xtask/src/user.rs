//! Who runs this, and on whose behalf a program runs that refuses to be root.

use std::process::Command;

use anyhow::{Context, Result};

/// A user and its group, by number.
#[derive(Clone, Copy)]
pub(crate) struct User {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

pub(crate) fn is_root() -> bool {
    id(&["-u"]) == Some(0)
}

/// A user without rights: `postgres` where a package made one, else `nobody`.
pub(crate) fn unprivileged() -> Result<User> {
    ["postgres", "nobody"].into_iter().find_map(named).context("no user postgres or nobody on this machine")
}

fn named(name: &str) -> Option<User> {
    Some(User { uid: id(&["-u", name])?, gid: id(&["-g", name])? })
}

fn id(arguments: &[&str]) -> Option<u32> {
    let output = Command::new("id").args(arguments).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}
