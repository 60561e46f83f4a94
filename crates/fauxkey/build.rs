//! Builds the library that `fauxkey exec` puts into programs, from `crates/preload`, to be embedded in the binary.
//!
//! Cargo compiles it into a folder of its own, and the C compiler's driver links it: so the version script is ours
//! alone, and any linker takes it.
#![allow(clippy::unwrap_used, reason = "a build that cannot go on stops where it stands")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

fn main() {
    let room = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("preload");
    for file in ["src", "Cargo.toml", "Cargo.lock", "libudev.map"] {
        println!("cargo:rerun-if-changed={}", room.join(file).display());
    }
    println!("cargo:rerun-if-env-changed=CC");
    // Another linker may stand for another glibc: cargo-zigbuild's wrapper is one for each. Cargo hands it over as
    // RUSTC_LINKER, and this is where it has it from.
    let triple = env::var("TARGET").unwrap().to_uppercase().replace(['-', '.'], "_");
    println!("cargo:rerun-if-env-changed=CARGO_TARGET_{triple}_LINKER");
    println!("cargo:rerun-if-changed=build.rs");
    let library = PathBuf::from(env::var_os("OUT_DIR").unwrap()).join("libudev.so.1");
    if is_supported() {
        link(&room, &compile(&room), &library);
    } else {
        // `exec` says that it is not for this system.
        fs::write(&library, []).unwrap();
    }
}

/// For which systems the library is written.
fn is_supported() -> bool {
    let is = |what: &str, wanted: &[&str]| {
        let value = env::var(format!("CARGO_CFG_TARGET_{what}")).unwrap_or_default();
        wanted.contains(&value.as_str())
    };
    is("OS", &["linux"]) && is("ENV", &["gnu"]) && is("ARCH", &["x86_64", "aarch64"])
}

/// Compiles the archive.
fn compile(room: &Path) -> PathBuf {
    let target = PathBuf::from(env::var_os("OUT_DIR").unwrap()).join("preload");
    let triple = env::var("TARGET").unwrap();
    let mut cargo = Command::new(env::var_os("CARGO").unwrap());
    cargo.args(["build", "--release", "--locked", "--quiet", "--target", &triple]);
    cargo.arg("--manifest-path").arg(room.join("Cargo.toml")).arg("--target-dir").arg(&target);
    // What is meant for the workspace (clippy in place of rustc, coverage) is not meant for this.
    for variable in ["RUSTC_WORKSPACE_WRAPPER", "RUSTC_WRAPPER", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS"] {
        cargo.env_remove(variable);
    }
    run(cargo);
    target.join(triple).join("release").join("libpreload.a")
}

/// Links it as what stands in for libudev.so.1.
fn link(room: &Path, archive: &Path, library: &Path) {
    let linker = env::var_os("RUSTC_LINKER").or_else(|| env::var_os("CC")).unwrap_or_else(|| "cc".into());
    let mut cc = Command::new(linker);
    cc.args(["-shared", "-s", "-Wl,-soname,libudev.so.1", "-Wl,-z,defs", "-Wl,-z,now", "-Wl,--gc-sections"]);
    // One symbol of its one object file brings in all of them.
    cc.arg("-Wl,-u,udev_new");
    cc.arg(format!("-Wl,--version-script={}", room.join("libudev.map").display()));
    cc.arg("-o").arg(library).arg(archive).arg("-ldl");
    run(cc);
}

fn run(mut command: Command) {
    let status = command.status();
    assert!(status.as_ref().is_ok_and(std::process::ExitStatus::success), "{command:?}: {status:?}");
}
