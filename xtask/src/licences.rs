//! The licence of every package in the tree, held against the list in `deny.toml`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use spdx::{Expression, Licensee, ParseMode};
use toml::Table;

/// What `deny.toml` allows: for every package, and beyond that for the ones it names.
pub(crate) struct Policy {
    allow: Vec<Licensee>,
    exceptions: BTreeMap<String, Vec<Licensee>>,
}

impl Policy {
    /// Whether a package may stand in the tree with this licence, an SPDX expression.
    pub(crate) fn allows(&self, name: &str, licence: &str) -> bool {
        // Old packages write `MIT/Apache-2.0`, which the lax mode reads as `OR`.
        let Ok(expression) = Expression::parse_mode(licence, ParseMode::LAX) else { return false };
        let more = self.exceptions.get(name).map_or(&[][..], Vec::as_slice);
        expression.evaluate(|asked| self.allow.iter().chain(more).any(|each| each.satisfies(asked)))
    }
}

/// Fails with the name of every package whose licence is not allowed, and with a library of the page that is not what it
/// says.
pub(crate) fn check(root: &Path) -> Result<()> {
    let text = fs::read_to_string(root.join("deny.toml")).context("cannot read deny.toml")?;
    let policy = policy(&text)?;
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .current_dir(root)
        .args(["metadata", "--format-version", "1", "--all-features"])
        .output()
        .context("cargo metadata did not start")?;
    ensure!(output.status.success(), "cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));
    let tree: Value = serde_json::from_slice(&output.stdout).context("cargo metadata is not JSON")?;
    let packages = tree["packages"].as_array().context("cargo metadata lists no packages")?;
    let refused: Vec<String> = packages.iter().filter_map(|package| refusal(&policy, package)).collect();
    ensure!(refused.is_empty(), "licences that deny.toml does not allow:\n  {}", refused.join("\n  "));
    eprintln!("{} packages, every licence allowed", packages.len());
    crate::vendored::check(root, &policy)
}

fn policy(text: &str) -> Result<Policy> {
    let file: Table = toml::from_str(text).context("deny.toml is not TOML")?;
    let licences = file.get("licenses").and_then(toml::Value::as_table).context("deny.toml has no [licenses]")?;
    let exceptions = licences.get("exceptions").and_then(toml::Value::as_array).map_or(&[][..], Vec::as_slice);
    Ok(Policy { allow: licensees(licences)?, exceptions: exceptions.iter().map(exception).collect::<Result<_>>()? })
}

fn exception(entry: &toml::Value) -> Result<(String, Vec<Licensee>)> {
    let entry = entry.as_table().context("a licence exception is not a table")?;
    let name = entry.get("crate").and_then(toml::Value::as_str).context("a licence exception names no crate")?;
    Ok((name.to_owned(), licensees(entry)?))
}

fn licensees(table: &Table) -> Result<Vec<Licensee>> {
    let names = table.get("allow").and_then(toml::Value::as_array).context("no list of allowed licences")?;
    names
        .iter()
        .map(|name| {
            let name = name.as_str().context("an allowed licence is not a string")?;
            Licensee::parse(name).with_context(|| format!("not an SPDX licence: {name}"))
        })
        .collect()
}

fn refusal(policy: &Policy, package: &Value) -> Option<String> {
    let name = package["name"].as_str().unwrap_or_default();
    let said = format!("{name} {}", package["version"].as_str().unwrap_or_default());
    let Some(licence) = package["license"].as_str() else {
        return Some(format!("{said}: names no licence"));
    };
    (!policy.allows(name, licence)).then(|| format!("{said}: {licence}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const POLICY: &str = r#"
        [licenses]
        allow = ["MIT", "Apache-2.0"]
        exceptions = [{ crate = "certs", allow = ["CDLA-Permissive-2.0"] }]
    "#;

    fn said(name: &str, licence: Value) -> Option<String> {
        let package = json!({ "name": name, "version": "1.0.0", "license": licence });
        refusal(&policy(POLICY).expect("the policy is well formed"), &package)
    }

    #[test]
    fn one_allowed_side_of_an_or_is_enough() {
        assert_eq!(said("a", json!("MIT OR GPL-3.0-only")), None);
        assert_eq!(said("a", json!("GPL-2.0/MIT")), None);
    }

    #[test]
    fn both_sides_of_an_and_must_be_allowed() {
        assert_eq!(said("a", json!("MIT AND ISC")).as_deref(), Some("a 1.0.0: MIT AND ISC"));
    }

    #[test]
    fn an_exception_holds_for_its_package_alone() {
        assert_eq!(said("certs", json!("CDLA-Permissive-2.0")), None);
        assert!(said("other", json!("CDLA-Permissive-2.0")).is_some());
    }

    #[test]
    fn a_package_without_a_licence_is_refused() {
        assert_eq!(said("a", Value::Null).as_deref(), Some("a 1.0.0: names no licence"));
    }
}
