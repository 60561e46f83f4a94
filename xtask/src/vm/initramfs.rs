//! The first file system of a machine: an archive in the format of `cpio -H newc`, uncompressed (Linux'
//! `Documentation/driver-api/early-userspace/buffer-format.rst`).
use super::prepare::Kernel;
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Files by their path without a slash before it.
pub(super) struct Initramfs {
    entries: BTreeMap<String, Entry>,
}

struct Entry {
    /// Type and permissions, as in `st_mode`.
    mode: u32,
    content: Vec<u8>,
}

const FOLDER: u32 = 0o040_755;
const FILE: u32 = 0o100_000;
const LINK: u32 = 0o120_777;
/// Folders that are there before anything is mounted.
const FOLDERS: [&str; 9] = ["dev", "mnt", "proc", "root", "run", "sbin", "sys", "tmp", "usr/sbin"];

impl Initramfs {
    /// busybox under all of its names, and the script that is started first.
    pub(super) fn with_busybox(init: &str) -> Result<Self> {
        let mut new = Self { entries: BTreeMap::new() };
        for folder in FOLDERS {
            new.folder(folder);
        }
        new.link("var/run", "../run");
        new.file("init", 0o755, init.into());
        let busybox = Path::new("/bin/busybox");
        new.file("bin/busybox", 0o755, read(busybox)?);
        let names = Command::new(busybox).arg("--list").output().context("cannot start busybox")?;
        for name in String::from_utf8_lossy(&names.stdout).lines().filter(|name| *name != "busybox") {
            new.link(&format!("bin/{name}"), "busybox");
        }
        Ok(new)
    }

    /// Modules with those that they need; `lib/modules/order` names them in the order in which they are loaded.
    pub(super) fn modules(&mut self, kernel: &Kernel, names: &[&str]) -> Result<()> {
        let mut order = String::new();
        for path in kernel.modules(names)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            self.file(&format!("lib/modules/{name}"), 0o644, read(&path)?);
            order.push_str(&name);
            order.push('\n');
        }
        self.file("lib/modules/order", 0o644, order.into());
        Ok(())
    }

    /// A program of this machine, with the libraries that it needs where it looks for them.
    pub(super) fn program(&mut self, path: &Path) -> Result<()> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.file(&format!("usr/bin/{name}"), 0o755, read(path)?);
        // It says nothing of a program without libraries.
        let output = Command::new("ldd").arg(path).output().context("cannot start ldd")?;
        for library in libraries(&String::from_utf8_lossy(&output.stdout)) {
            self.file(library.trim_start_matches('/'), 0o755, read(Path::new(library))?);
        }
        Ok(())
    }

    /// A file with those permissions.
    pub(super) fn file(&mut self, path: &str, permissions: u32, content: Vec<u8>) {
        self.put(path, FILE | permissions, content);
    }

    fn folder(&mut self, path: &str) {
        self.put(path, FOLDER, Vec::new());
    }

    fn link(&mut self, path: &str, to: &str) {
        self.put(path, LINK, to.into());
    }

    fn put(&mut self, path: &str, mode: u32, content: Vec<u8>) {
        // Folders sort before what is in them, and have to come first.
        for (at, _) in path.match_indices('/') {
            self.entries.entry(path[..at].into()).or_insert(Entry { mode: FOLDER, content: Vec::new() });
        }
        self.entries.insert(path.into(), Entry { mode, content });
    }

    /// Writes the archive.
    pub(super) fn write(&self, path: &Path) -> Result<()> {
        fs::write(path, self.archive()).with_context(|| format!("cannot write {}", path.display()))
    }

    fn archive(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (number, (path, entry)) in self.entries.iter().enumerate() {
            append(&mut bytes, number + 1, path, entry);
        }
        append(&mut bytes, 0, "TRAILER!!!", &Entry { mode: 0, content: Vec::new() });
        bytes
    }
}

/// One entry: a head of hexadecimal digits, the name with a zero behind it, and the content, each filled up to a
/// multiple of four bytes.
fn append(bytes: &mut Vec<u8>, number: usize, path: &str, entry: &Entry) {
    let (size, name_size) = (entry.content.len(), path.len() + 1);
    let links = if entry.mode & 0o170_000 == 0o040_000 { 2 } else { 1 };
    bytes.extend(b"070701");
    // inode, mode, uid, gid, links, time, size, device, device of a node (major and minor each), name, checksum
    let mode = usize::try_from(entry.mode).unwrap_or_default();
    for field in [number, mode, 0, 0, links, 0, size, 0, 0, 0, 0, name_size, 0] {
        bytes.extend(format!("{field:08X}").bytes());
    }
    bytes.extend(path.bytes());
    bytes.push(0);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes.extend(&entry.content);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Paths in what `ldd` says: `libc.so.6 => /lib/libc.so.6 (0x…)`, and the loader's alone.
fn libraries(said: &str) -> Vec<&str> {
    said.lines()
        .filter_map(|line| {
            let path = line.split_once("=>").map_or(line, |(_, path)| path);
            path.split_whitespace().next().filter(|path| path.starts_with('/'))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpio_reads_the_archive() {
        let mut initramfs = Initramfs { entries: BTreeMap::new() };
        initramfs.file("a/b/file", 0o755, b"hello".into());
        initramfs.link("a/link", "b/file");
        let archive = initramfs.archive();
        assert!(archive.starts_with(b"070701") && archive.len().is_multiple_of(4));
        let text = String::from_utf8(archive).unwrap();
        let names: Vec<usize> = ["a\0", "a/b\0", "a/b/file\0", "a/link\0", "TRAILER!!!\0"]
            .map(|name| text.find(name).unwrap())
            .into();
        assert!(names.is_sorted(), "a folder comes before what is in it: {names:?}");
    }

    #[test]
    fn libraries_are_found_in_what_ldd_says() {
        let said = "\tlinux-vdso.so.1 (0x1)\n\tlibc.so.6 => /lib/libc.so.6 (0x2)\n\t/lib64/ld-linux-x86-64.so.2 (0x3)\n";
        assert_eq!(libraries(said), ["/lib/libc.so.6", "/lib64/ld-linux-x86-64.so.2"]);
        assert_eq!(libraries("\tstatically linked\n"), <[&str; 0]>::default());
    }
}
