//! Which crate may know which: the directions of docs/architecture.md, read from `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand, PackageId};

/// What each of our crates may depend on, of ours.
const ALLOWED: [(&str, &[&str]); 11] = [
    ("benchrack-protocol", &[]),
    ("benchrack-stats", &[]),
    ("benchrack-xtask", &[]),
    ("benchrack-lifecycle", &["benchrack-protocol"]),
    ("benchrack-client", &["benchrack-protocol"]),
    ("benchrack-zoo", &["benchrack-protocol"]),
    ("benchrack-agent", &["benchrack-protocol", "benchrack-client", "benchrack-stats"]),
    ("benchrack-rack", &["benchrack-protocol", "benchrack-client"]),
    ("benchrack-dashboards", &["benchrack-protocol", "benchrack-stats"]),
    ("benchrack-server", &["benchrack-protocol", "benchrack-lifecycle", "benchrack-stats", "benchrack-dashboards"]),
    (
        "benchrack-cli",
        &[
            "benchrack-protocol",
            "benchrack-lifecycle",
            "benchrack-stats",
            "benchrack-client",
            "benchrack-zoo",
            "benchrack-agent",
            "benchrack-rack",
            "benchrack-dashboards",
            "benchrack-server",
        ],
    ),
];

/// What must not be anywhere below a crate of ours.
const BANNED: [(&str, &[&str]); 6] = [
    ("benchrack-agent", &["sqlx", "axum", "plotters", "askama", "object_store"]),
    ("benchrack-rack", &["sqlx", "axum", "plotters", "tract-onnx"]),
    ("benchrack-dashboards", &["sqlx", "axum", "tokio", "reqwest"]),
    ("benchrack-zoo", &["sqlx", "axum", "plotters", "tokio", "reqwest", "tract-onnx"]),
    ("benchrack-lifecycle", &["tokio", "reqwest", "sqlx", "rustix"]),
    ("benchrack-stats", &["tokio", "reqwest", "sqlx", "rustix", "time"]),
];

struct Tree {
    names: BTreeMap<PackageId, String>,
    edges: BTreeMap<PackageId, Vec<PackageId>>,
}

/// The workspace's packages with their normal and build dependencies; those of tests do not ship.
fn tree() -> Tree {
    let metadata = MetadataCommand::new().manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).exec().unwrap();
    let names = metadata.packages.iter().map(|package| (package.id.clone(), package.name.to_string())).collect();
    let edges = metadata.resolve.unwrap().nodes.into_iter().map(|node| {
        let ships = |kinds: &[cargo_metadata::DepKindInfo]| kinds.iter().any(|kind| kind.kind != DependencyKind::Development);
        (node.id, node.deps.into_iter().filter(|dep| ships(&dep.dep_kinds)).map(|dep| dep.pkg).collect())
    });
    Tree { names, edges: edges.collect() }
}

impl Tree {
    fn id(&self, name: &str) -> &PackageId {
        self.names
            .iter()
            .find(|(_, known)| *known == name)
            .map(|(id, _)| id)
            .unwrap_or_else(|| panic!("{name} is in the workspace"))
    }

    fn below(&self, name: &str) -> BTreeSet<&str> {
        let mut open = vec![self.id(name)];
        let mut seen = BTreeSet::new();
        while let Some(package) = open.pop() {
            for dependency in &self.edges[package] {
                if seen.insert(dependency) {
                    open.push(dependency);
                }
            }
        }
        seen.into_iter().map(|id| self.names[id].as_str()).collect()
    }
}

#[test]
fn crates_know_only_those_below_them() {
    let tree = tree();
    let ours: BTreeSet<&str> = tree.names.values().map(String::as_str).filter(|name| name.starts_with("benchrack-")).collect();
    assert_eq!(ours, ALLOWED.iter().map(|(name, _)| *name).collect(), "every crate of ours stands in the table");
    for (name, allowed) in ALLOWED {
        for dependency in &tree.edges[tree.id(name)] {
            let dependency = tree.names[dependency].as_str();
            assert!(!ours.contains(dependency) || allowed.contains(&dependency), "{name} must not depend on {dependency}");
        }
    }
}

#[test]
fn what_does_not_belong_on_a_phone_or_in_pure_code_stays_out() {
    let tree = tree();
    for (name, banned) in BANNED {
        let below = tree.below(name);
        for crate_name in banned {
            assert!(!below.contains(crate_name), "{crate_name} is below {name}; see cargo tree -p {name} -i {crate_name}");
        }
    }
}

#[test]
fn only_one_crate_knows_sql_and_only_one_draws() {
    let tree = tree();
    for (library, owner) in [("sqlx", "benchrack-server"), ("axum", "benchrack-server"), ("plotters", "benchrack-dashboards")] {
        let users: Vec<&str> = tree
            .edges
            .iter()
            .filter(|(id, _)| tree.names[*id].starts_with("benchrack-"))
            .filter(|(_, dependencies)| dependencies.iter().any(|dependency| tree.names[dependency] == library))
            .map(|(id, _)| tree.names[id].as_str())
            .collect();
        assert_eq!(users, [owner], "{library}");
    }
}
