//! The house's invariants: what is deliberately absent, and where things may stand.
use std::fs;
use std::path::{Path, PathBuf};

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// Every file of ours with that extension below a folder.
pub(crate) fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && name != "target" && name != ".git" && name != "node_modules" {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == extension) {
                found.push(path);
            }
        }
    }
    found
}

fn sources(room: &str) -> Vec<(PathBuf, String)> {
    let read = |path: PathBuf| (path.clone(), fs::read_to_string(path).unwrap());
    let sources: Vec<_> =
        files(&root().join("crates").join(room).join("src"), "rs").into_iter().map(read).collect();
    assert!(!sources.is_empty(), "{room} has no sources");
    sources
}

/// What each room may stand on. Arrows point down only.
const FLOORS: [(&str, &[&str]); 11] = [
    ("wire", &[]),
    ("transport", &["wire"]),
    ("authenticator", &["wire"]),
    ("relying-party", &["wire"]),
    ("client", &["wire"]),
    ("emulator", &["wire", "transport", "authenticator"]),
    ("vault", &["wire", "authenticator"]),
    ("tenant", &["wire", "relying-party"]),
    ("probe", &["wire", "authenticator", "relying-party", "client", "emulator"]),
    (
        "fauxkey",
        &[
            "wire",
            "transport",
            "authenticator",
            "relying-party",
            "client",
            "emulator",
            "vault",
            "tenant",
            "probe",
        ],
    ),
    // It goes into other people's programs, and knows nobody. fauxkey embeds it, and does not link it.
    ("preload", &[]),
];

#[test]
fn arrows_between_the_rooms_point_down_only() {
    let rooms: Vec<String> = fs::read_dir(root().join("crates"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("Cargo.toml").exists())
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    assert_eq!(rooms.len(), FLOORS.len(), "every room has its place in the table: {rooms:?}");
    for (room, below) in FLOORS {
        let manifest = fs::read_to_string(root().join("crates").join(room).join("Cargo.toml")).unwrap();
        let manifest: toml::Table = manifest.parse().unwrap();
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let Some(dependencies) = manifest.get(section).and_then(|section| section.as_table()) else {
                continue;
            };
            for dependency in dependencies.keys().filter(|dependency| rooms.contains(dependency)) {
                // The example for tests in Rust, which goes down as well.
                let in_example =
                    (room, dependency.as_str(), section) == ("emulator", "client", "dev-dependencies");
                assert!(
                    below.contains(&dependency.as_str()) || in_example,
                    "{room} must not know {dependency} ({section})"
                );
            }
        }
    }
}

#[test]
fn the_pure_rooms_are_no_std_so_that_the_compiler_keeps_io_out() {
    for room in ["wire", "transport", "authenticator", "preload"] {
        let lib = fs::read_to_string(root().join("crates").join(room).join("src/lib.rs")).unwrap();
        assert!(lib.lines().any(|line| line == "#![no_std]"), "{room}");
        for (path, text) in sources(room) {
            // Tests may: the attribute stands on the line above.
            let outside_tests = text.replace("#[cfg(test)]\nextern crate std;", "");
            assert!(!outside_tests.contains("extern crate std"), "{}", path.display());
        }
    }
}

#[test]
fn below_the_binary_nobody_reads_a_clock_starts_a_thread_or_opens_a_file_but_the_vault() {
    for room in
        ["wire", "transport", "authenticator", "client", "relying-party", "emulator", "tenant", "probe"]
    {
        let in_tests = |path: &Path| {
            path.components().any(|part| part.as_os_str().to_string_lossy().starts_with("tests"))
        };
        for (path, text) in sources(room)
            .into_iter()
            .filter(|(path, _)| !in_tests(path.strip_prefix(root().join("crates")).unwrap()))
        {
            for forbidden in [
                "std::fs",
                "TcpStream",
                "TcpListener",
                "UdpSocket",
                "std::thread",
                "std::process",
                "std::env",
                "SystemTime",
                "Instant::now",
                "async fn",
            ] {
                assert!(!text.contains(forbidden), "{} has {forbidden}", path.display());
            }
        }
    }
}

#[test]
fn only_one_line_of_the_authenticator_commits_to_the_store() {
    let lines: Vec<String> = sources("authenticator")
        .iter()
        .flat_map(|(path, text)| text.lines().map(move |line| format!("{}: {line}", path.display())))
        .filter(|line| line.contains("store.commit("))
        .collect();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].contains("memory.rs"), "{lines:#?}");
}

#[test]
fn the_authenticator_does_not_know_the_word_fault() {
    for (path, text) in sources("authenticator") {
        let lower = text.to_lowercase();
        let word = lower.split(|c: char| !c.is_alphanumeric()).find(|word| word.starts_with("fault"));
        assert_eq!(word, None, "{}", path.display());
    }
}

#[test]
fn an_error_is_made_with_a_reason_or_not_at_all() {
    for room in ["wire", "transport", "authenticator", "emulator", "client"] {
        for (path, text) in sources(room) {
            if !path.ends_with("wire/src/status.rs") {
                assert!(!text.contains("CtapError { status"), "{}: use Status::because", path.display());
            }
            assert!(!text.contains(".because(\"\")"), "{}", path.display());
        }
    }
}

#[test]
fn no_file_is_longer_than_600_lines() {
    for path in files(&root(), "rs").into_iter().chain(files(&root(), "py")) {
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= 600, "{}: {lines} lines", path.display());
    }
}

#[test]
fn every_crate_is_under_the_workspace_lints_which_want_docs_and_forbid_unsafe() {
    let workspace: toml::Table = fs::read_to_string(root().join("Cargo.toml")).unwrap().parse().unwrap();
    let lints = &workspace["workspace"]["lints"]["rust"];
    assert_eq!(lints["unsafe_code"].as_str(), Some("forbid"));
    assert_eq!(lints["missing_docs"].as_str(), Some("warn"), "and CI denies warnings");
    for manifest in files(&root(), "toml").into_iter().filter(|path| path.ends_with("Cargo.toml")) {
        let table: toml::Table = fs::read_to_string(&manifest).unwrap().parse().unwrap();
        if table.contains_key("package") && !manifest.ends_with("crates/preload/Cargo.toml") {
            // A package outside of the workspace cannot have its lints, and says the same itself.
            let own = table.contains_key("workspace").then(|| table["lints"]["rust"]["unsafe_code"].as_str());
            let same = own == Some(Some("forbid")) || table["lints"]["workspace"].as_bool() == Some(true);
            assert!(same, "{}", manifest.display());
        }
    }
}

/// The one room with unsafe code: outside the workspace, without unwinding, and with lints of its own that want a
/// reason for every use.
#[test]
fn preload_is_apart_and_gives_a_reason_for_all_that_is_unsafe() {
    let workspace: toml::Table = fs::read_to_string(root().join("Cargo.toml")).unwrap().parse().unwrap();
    let excluded = workspace["workspace"]["exclude"].as_array().unwrap();
    let excluded: Vec<_> = excluded.iter().filter_map(|path| path.as_str()).collect();
    assert_eq!(excluded, ["crates/preload", "tests/fuzz"]);
    let manifest = fs::read_to_string(root().join("crates/preload/Cargo.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    assert!(manifest.contains_key("workspace"), "it is a workspace of its own");
    for profile in ["release", "dev"] {
        assert_eq!(manifest["profile"][profile]["panic"].as_str(), Some("abort"), "{profile}");
    }
    let lints = &manifest["lints"];
    assert_eq!(lints["rust"]["unsafe_op_in_unsafe_fn"].as_str(), Some("deny"));
    assert_eq!(lints["rust"]["missing_docs"].as_str(), Some("warn"), "and CI denies warnings");
    assert_eq!(lints["clippy"]["undocumented_unsafe_blocks"].as_str(), Some("deny"));
    let dependencies: Vec<&String> = manifest["dependencies"].as_table().unwrap().keys().collect();
    assert_eq!(dependencies, ["libc"]);
    for (path, text) in sources("preload") {
        // What would be std's panics; memory that runs out is the one thing that ends a program.
        for forbidden in [".unwrap()", ".expect(", "panic!("] {
            assert!(!text.contains(forbidden), "{} has {forbidden}", path.display());
        }
    }
}

/// Secrets cannot be printed: this does not compile once one of them gets a `Debug`.
#[test]
fn secrets_have_no_debug() {
    trait AmbiguousIfDebug<Marker> {
        fn check() {}
    }
    impl<T: ?Sized> AmbiguousIfDebug<()> for T {}
    impl<T: ?Sized + std::fmt::Debug> AmbiguousIfDebug<u8> for T {}

    <authenticator::store::PrivateKey as AmbiguousIfDebug<_>>::check();
    <authenticator::store::KeyPair as AmbiguousIfDebug<_>>::check();
    <authenticator::store::SealingKey as AmbiguousIfDebug<_>>::check();
    <authenticator::store::State as AmbiguousIfDebug<_>>::check();
    <authenticator::store::Credential as AmbiguousIfDebug<_>>::check();
    <authenticator::store::Persistent as AmbiguousIfDebug<_>>::check();
    <authenticator::store::Change as AmbiguousIfDebug<_>>::check();
    <authenticator::signer::AttestationKey as AmbiguousIfDebug<_>>::check();
    <authenticator::signer::AttestationIdentity as AmbiguousIfDebug<_>>::check();
    <authenticator::signer::Attesting<authenticator::signer::DeterministicSigner> as AmbiguousIfDebug<_>>::check();
    <emulator::attestation::TestCa as AmbiguousIfDebug<_>>::check();
}

#[test]
fn the_project_stands_alone() {
    let root = root();
    let texts =
        ["rs", "toml", "md", "py", "json", "txt"].into_iter().flat_map(|extension| files(&root, extension));
    // Put together here, so that this file does not hold them.
    let foreign = [["../", "shared"].concat(), ["/wo", "rk/"].concat(), ["/tm", "p/bash"].concat()];
    for path in texts.filter(|path| !path.starts_with(root.join("target"))) {
        let text = fs::read_to_string(&path).unwrap_or_default();
        for word in &foreign {
            assert!(!text.contains(word.as_str()), "{} has {word}", path.display());
        }
    }
}

#[test]
fn verification_can_be_left_out_by_tests_alone() {
    let manifests = files(&root(), "toml").into_iter().filter(|path| path.ends_with("Cargo.toml"));
    let mut users = Vec::new();
    for path in manifests {
        let manifest: toml::Table = fs::read_to_string(&path).unwrap().parse().unwrap();
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let features =
                |table: &toml::Table| table.get(section)?.get("relying-party")?.get("features").cloned();
            if features(&manifest).is_some_and(|features| features.to_string().contains("careless")) {
                users.push((path.strip_prefix(root()).unwrap().display().to_string(), section));
            }
        }
    }
    assert_eq!(users, [("tests/Cargo.toml".to_owned(), "dev-dependencies")]);
}
