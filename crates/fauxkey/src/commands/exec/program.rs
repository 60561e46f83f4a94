//! The program that is to see the devices, and whether it can.
use crate::control::{Failure, FailureKind};
use object::Endianness;
use object::elf::FileHeader64;
use object::read::elf::{FileHeader as _, ProgramHeader as _};
use rustix::fs::{Access, access};
use rustix::process::geteuid;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A program that can be started.
#[derive(Debug)]
pub(in crate::commands) struct Program {
    /// Where it is.
    pub(in crate::commands) path: PathBuf,
}

/// Bytes of a file that hold its headers and the name of its loader.
const HEAD: u64 = 64 << 10;
/// Interpreters of interpreters; the kernel has a limit, too.
const DEEPEST: usize = 4;

/// Finds a program as a shell does, by its path or in `PATH`.
///
/// # Errors
/// NotFound, if there is none; Refused, if no library can be put into it.
pub(in crate::commands) fn find(name: &OsStr) -> Result<Program, Failure> {
    let path = search(name).ok_or_else(|| {
        Failure::new(FailureKind::NotFound, format!("there is no program {}", name.display()))
    })?;
    check(&path, DEEPEST)?;
    Ok(Program { path })
}

fn search(name: &OsStr) -> Option<PathBuf> {
    let runs = |path: &PathBuf| path.is_file() && access(path, Access::EXEC_OK).is_ok();
    if name.as_bytes().contains(&b'/') {
        // That it is no program is for the kernel to say.
        return Some(PathBuf::from(name)).filter(|path| path.exists());
    }
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(name)).find(runs)
}

/// Refuses what surely does not load our library. What cannot be told is let through.
fn check(path: &Path, depth: usize) -> Result<(), Failure> {
    let refused = |why: &str, hint: &str| {
        let message = format!("{} would not see the devices: {why}", path.display());
        Err(Failure::new(FailureKind::Refused, message).hint(hint.to_owned()))
    };
    let instead = "`fauxkey run --attach uhid` shows a device to every program, where the kernel can";
    let real = fs::canonicalize(path).unwrap_or_else(|_| path.into());
    if real.file_name().is_some_and(|name| name == "snap" || name == "flatpak") {
        return refused("Snap and Flatpak let nobody in", "install the program in another way");
    }
    if let Ok(metadata) = fs::metadata(path)
        && (metadata.mode() & 0o4000 != 0 && metadata.uid() != geteuid().as_raw()
            || metadata.mode() & 0o2010 == 0o2010)
    {
        return refused("it gains rights as it starts (setuid or setgid), and lets nobody in", instead);
    }
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(HEAD).read_to_end(&mut head));
    if read.is_err() {
        return Ok(());
    }
    if let Some(interpreter) = interpreter(&head).filter(|_| depth > 0) {
        return check(&interpreter, depth - 1);
    }
    match loader(&head) {
        Loader::Glibc | Loader::Unknown => Ok(()),
        Loader::None => refused("it is linked statically, so no library can be put into it", instead),
        Loader::Other => refused("it is for another machine or another C library than this fauxkey", instead),
    }
}

/// The program that runs a script, by its first line (execve(2)).
fn interpreter(head: &[u8]) -> Option<PathBuf> {
    let line = head.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let mut words = line.split(|byte| matches!(byte, b' ' | b'\t' | b'\r')).filter(|word| !word.is_empty());
    let first = Path::new(OsStr::from_bytes(words.next()?));
    // `#!/usr/bin/env python3` says more in its second word.
    if first.file_name() == Some(OsStr::new("env"))
        && let Some(found) = words.next().and_then(|name| search(OsStr::from_bytes(name)))
    {
        return Some(found);
    }
    Some(first.into())
}

/// Who loads a program's libraries.
#[derive(Debug, PartialEq, Eq)]
enum Loader {
    Glibc,
    Other,
    None,
    /// It is no ELF file, or a strange one.
    Unknown,
}

fn loader(head: &[u8]) -> Loader {
    if !head.starts_with(b"\x7fELF") {
        return Loader::Unknown;
    }
    // ELFCLASS32 is for machines that the library is not for.
    if head.get(4) != Some(&2) {
        return Loader::Other;
    }
    let machine = if cfg!(target_arch = "x86_64") { object::elf::EM_X86_64 } else { object::elf::EM_AARCH64 };
    let Ok(header) = FileHeader64::<Endianness>::parse(head) else { return Loader::Unknown };
    let endian = Endianness::Little;
    if header.e_machine.get(endian) != machine {
        return Loader::Other;
    }
    let Ok(headers) = header.program_headers(endian, head) else { return Loader::Unknown };
    match headers.iter().find_map(|header| header.interpreter(endian, head).transpose()) {
        None => Loader::None,
        Some(Ok(path)) if path.windows(8).any(|part| part == b"ld-linux") => Loader::Glibc,
        Some(Ok(_)) => Loader::Other,
        Some(Err(_)) => Loader::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn refusal(path: &Path) -> String {
        find(path.as_os_str()).unwrap_err().message
    }

    #[test]
    fn a_program_is_found_by_its_name_or_its_path() {
        assert!(find(OsStr::new("sh")).unwrap().path.is_absolute());
        assert_eq!(find(OsStr::new("/bin/sh")).unwrap().path, Path::new("/bin/sh"));
        for missing in ["no-such-program", "/no/such/program"] {
            assert_eq!(find(OsStr::new(missing)).unwrap_err().kind, FailureKind::NotFound);
        }
    }

    #[test]
    fn programs_that_load_no_library_are_refused_with_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let mut shell = fs::read("/bin/sh").unwrap();
        assert_eq!(loader(&shell), Loader::Glibc);
        // PT_INTERP is 3 at the beginning of a program header (elf(5)); PT_NULL is 0.
        let (at, size) = (u64::from_le_bytes(shell[32..40].try_into().unwrap()) as usize, 56);
        let interp = (at..).step_by(size).find(|at| shell[*at] == 3).unwrap();
        shell[interp] = 0;
        let path = folder.path().join("static");
        fs::write(&path, &shell).unwrap();
        assert!(refusal(&path).ends_with("it is linked statically, so no library can be put into it"));
        shell[4] = 1;
        fs::write(&path, &shell).unwrap();
        assert!(refusal(&path).contains("another machine"));
        let script = folder.path().join("script");
        fs::write(&script, format!("#! {} -e\n", path.display())).unwrap();
        assert!(refusal(&script).contains("/static would not see"));
    }

    #[test]
    fn a_program_that_gains_rights_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("setgid");
        fs::copy("/bin/sh", &path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o2755)).unwrap();
        assert!(refusal(&path).contains("setgid"));
    }
}
