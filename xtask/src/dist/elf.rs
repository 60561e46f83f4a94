//! What a binary wants of the system it runs on, read from the binary.
use anyhow::{Context, Result, bail};
use object::Endianness;
use object::elf::{DT_NEEDED, DT_SONAME, FileHeader64};
use object::read::elf::{FileHeader as _, ProgramHeader as _};
use std::collections::BTreeSet;
use std::fmt;

/// A version of glibc, as its symbols name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Glibc(pub(super) u32, pub(super) u32);

impl fmt::Display for Glibc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// What a program or a library wants.
#[derive(Debug)]
pub(super) struct Needs {
    /// The program that loads it: none for a library.
    pub(super) loader: Option<String>,
    /// The name that it goes by: none for a program.
    pub(super) name: Option<String>,
    /// Libraries.
    pub(super) libraries: BTreeSet<String>,
    /// Versions of their symbols.
    pub(super) versions: BTreeSet<String>,
}

/// Parts of glibc. Anything else would have to be installed.
const GLIBC: [&str; 5] = ["libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2", "librt.so.1"];

impl Needs {
    /// Reads them.
    pub(super) fn of(file: &[u8]) -> object::Result<Self> {
        let header = FileHeader64::<Endianness>::parse(file)?;
        let endian = header.endian()?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let mut loader = None;
        for segment in header.program_headers(endian, file)? {
            if let Some(path) = segment.interpreter(endian, file)? {
                loader = Some(text(path));
            }
        }
        let sections = header.sections(endian, file)?;
        let (mut name, mut libraries, mut versions) = (None, BTreeSet::new(), BTreeSet::new());
        let table = sections.dynamic_table(endian, file)?;
        for entry in &table {
            if entry.tag == DT_NEEDED {
                libraries.insert(text(table.string(entry)?));
            } else if entry.tag == DT_SONAME {
                name = Some(text(table.string(entry)?));
            }
        }
        if let Some((mut needed, strings)) = sections.gnu_verneed(endian, file)? {
            let strings = sections.strings(endian, file, strings)?;
            while let Some((_, mut symbols)) = needed.next()? {
                while let Some(symbol) = symbols.next()? {
                    versions.insert(text(symbol.name(endian, strings)?));
                }
            }
        }
        Ok(Self { loader, name, libraries, versions })
    }

    /// The oldest glibc that has all of it.
    ///
    /// # Errors
    /// It wants what is no part of glibc, or of glibc what is not for others.
    pub(super) fn glibc(&self) -> Result<Glibc> {
        let is_glibcs = |library: &str| {
            GLIBC.contains(&library) || (library.starts_with("ld-linux") && library.contains(".so."))
        };
        if let Some(library) = self.libraries.iter().find(|library| !is_glibcs(library)) {
            bail!("it needs {library}, which is no part of glibc");
        }
        let mut versions = self.versions.iter().map(|version| {
            number(version)
                .with_context(|| format!("it needs symbols of {version}, which is no version of glibc"))
        });
        // 2.2.5 is the first for x86-64; without any symbol, any will do.
        versions.try_fold(Glibc(2, 2), |highest, version| Ok(highest.max(version?)))
    }
}

/// `GLIBC_2.17` and `GLIBC_2.2.5`.
fn number(version: &str) -> Option<Glibc> {
    let mut parts = version.strip_prefix("GLIBC_")?.split('.').map(str::parse);
    Some(Glibc(parts.next()?.ok()?, parts.next()?.ok()?))
}

/// What a library wants that a program carries in itself, byte for byte, under the name it goes by.
pub(super) fn carried(program: &[u8], name: &str) -> Option<Needs> {
    const MAGIC: &[u8] = b"\x7fELF";
    (1..program.len().saturating_sub(MAGIC.len()))
        .filter(|&at| program[at..].starts_with(MAGIC))
        .filter_map(|at| {
            // A library may lie anywhere, and headers are read where bytes are aligned.
            let aligned = program[at..].to_vec();
            Needs::of(&aligned).ok()
        })
        .find(|needs| needs.name.as_deref() == Some(name))
}

/// Whether bytes occur.
pub(super) fn holds(file: &[u8], bytes: &[u8]) -> bool {
    !bytes.is_empty() && file.windows(bytes.len()).any(|window| window == bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    fn this_program() -> Vec<u8> {
        std::fs::read(std::env::current_exe().unwrap()).unwrap()
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(number("GLIBC_2.9") < number("GLIBC_2.17"));
        assert_eq!(number("GLIBC_2.2.5"), Some(Glibc(2, 2)));
        assert_eq!(number("GLIBC_PRIVATE"), None);
        assert_eq!(number("GCC_3.0"), None);
    }

    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[test]
    fn what_this_program_needs_is_read_from_it() {
        let needs = Needs::of(&this_program()).unwrap();
        assert!(needs.loader.as_ref().unwrap().contains("ld-linux"), "{needs:?}");
        assert!(needs.libraries.contains("libc.so.6"), "{needs:?}");
        assert_eq!(needs.name, None);
        assert!(needs.versions.iter().any(|version| number(version) > Some(Glibc(2, 2))), "{needs:?}");
    }

    #[test]
    fn one_symbol_of_a_newer_glibc_decides() {
        let mut needs = Needs {
            loader: None,
            name: None,
            libraries: BTreeSet::from(["libc.so.6".to_owned(), "ld-linux-x86-64.so.2".to_owned()]),
            versions: ["GLIBC_2.2.5", "GLIBC_2.34", "GLIBC_2.9"].map(str::to_owned).into(),
        };
        assert_eq!(needs.glibc().unwrap(), Glibc(2, 34));
        needs.libraries.insert("libudev.so.1".to_owned());
        assert_eq!(
            needs.glibc().unwrap_err().to_string(),
            "it needs libudev.so.1, which is no part of glibc"
        );
        needs.libraries.clear();
        needs.versions.insert("GLIBC_PRIVATE".to_owned());
        assert!(needs.glibc().unwrap_err().to_string().contains("GLIBC_PRIVATE"));
    }

    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[test]
    fn a_library_is_found_in_the_program_that_carries_it() {
        let library = ["/lib", "/usr/lib"].iter().flat_map(|folder| {
            let folder = format!("{folder}/{}-linux-gnu", std::env::consts::ARCH);
            [format!("{folder}/libc.so.6"), "/lib64/libc.so.6".to_owned()]
        });
        let library = library.filter_map(|path| std::fs::read(path).ok()).next().unwrap();
        let program = [this_program(), b"\x7fELF, but no library".to_vec(), library].concat();
        assert!(carried(&program, "libc.so.6").is_some());
        assert!(carried(&program, "libudev.so.1").is_none());
    }

    #[test]
    fn bytes_are_found_anywhere_and_nothing_is_found_nowhere() {
        assert!(holds(b"abc", b"bc"));
        assert!(!holds(b"abc", b"cb"));
        assert!(!holds(b"abc", b""));
    }
}
