//! Small files, written so that a power cut leaves the old one or the new one, whole.
use crate::control::{Failure, FailureKind};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The longest text that is read, in bytes: nothing that is written by hand comes near it.
const LONGEST_TEXT: u64 = 1 << 20;

/// What the operating system refused, with what was tried (`read`, `write`) and the file.
pub fn refused(doing: &str, path: &Path, error: &io::Error) -> Failure {
    let failure = Failure::new(FailureKind::Broken, format!("cannot {doing} {}: {error}", path.display()));
    match error.kind() {
        ErrorKind::PermissionDenied => failure.hint("check who owns it, and its permissions"),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => failure.hint("make room on the disk"),
        _ => failure,
    }
}

/// Makes a folder and its missing parents, for the owner alone. One that is there already stays as it is.
///
/// # Errors
/// Those of the file system.
pub fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Makes a file or replaces it whole, for the owner alone, and returns when it is durable. Its folder is made
/// if need be.
///
/// # Errors
/// Those of the file system; the old file is then as it was.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(ErrorKind::InvalidInput.into());
    };
    make_folder(folder)?;
    let mut draft = std::ffi::OsString::from(".");
    draft.push(name);
    draft.push(".new");
    let draft = folder.join(draft);
    // A draft can only be left from a write that was interrupted.
    remove(&draft)?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    sync_folder(folder)
}

/// Removes a file, durably. Removing none is no error.
///
/// # Errors
/// Those of the file system.
pub fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(()) => path.parent().map_or(Ok(()), sync_folder),
    }
}

/// The text of a file, or `None` if there is no such file.
///
/// # Errors
/// Those of the file system; `InvalidData` if it is no UTF-8 text or longer than a megabyte.
pub fn read_text(path: &Path) -> io::Result<Option<String>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let mut text = String::new();
    file.take(LONGEST_TEXT + 1).read_to_string(&mut text)?;
    if u64::try_from(text.len()).is_ok_and(|len| len <= LONGEST_TEXT) {
        Ok(Some(text))
    } else {
        Err(io::Error::new(ErrorKind::InvalidData, "it is longer than a megabyte"))
    }
}

/// The files of a folder that end in `.toml`, by the rest of their name, sorted. Hidden files are passed over,
/// and a folder that does not exist has none.
///
/// # Errors
/// Those of the file system.
pub fn toml_files(folder: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let stem = name.as_deref().and_then(|name| name.strip_suffix(".toml"));
        if let Some(stem) = stem.filter(|stem| !stem.is_empty() && !stem.starts_with('.')) {
            files.push((stem.to_owned(), path));
        }
    }
    files.sort();
    Ok(files)
}

fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Which of the known names was probably meant, if any is close.
pub fn nearest<'a>(unknown: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let distance = |known: &str| strsim::damerau_levenshtein(unknown, known);
    let nearest = known.into_iter().min_by_key(|known| distance(known))?;
    (distance(nearest) <= 1 + unknown.len().min(nearest.len()) / 3).then_some(nearest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn a_replaced_file_is_new_whole_and_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/er/file.toml");
        for text in ["first", "second, and longer"] {
            replace(&path, text.as_bytes()).unwrap();
            assert_eq!(read_text(&path).unwrap().as_deref(), Some(text));
        }
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().mode() & 0o777, 0o700);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no draft stays");
    }

    #[test]
    fn a_draft_that_an_interrupted_write_left_is_in_nobodys_way() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(".a.toml.new"), "half").unwrap();
        let path = folder.path().join("a.toml");
        replace(&path, b"whole").unwrap();
        assert_eq!(toml_files(folder.path()).unwrap(), [("a".into(), path)]);
    }

    #[test]
    fn removing_is_done_once_and_asked_as_often_as_you_like() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        replace(&path, b"x").unwrap();
        remove(&path).unwrap();
        remove(&path).unwrap();
        assert_eq!(read_text(&path).unwrap(), None);
    }

    #[test]
    fn a_text_that_is_none_or_too_long_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        for bytes in [vec![0xFF], vec![b' '; (1 << 20) + 1]] {
            fs::write(&path, bytes).unwrap();
            assert_eq!(read_text(&path).unwrap_err().kind(), ErrorKind::InvalidData);
        }
        fs::write(&path, vec![b' '; 1 << 20]).unwrap();
        assert_eq!(read_text(&path).unwrap().map(|text| text.len()), Some(1 << 20));
    }

    #[test]
    fn only_visible_toml_files_are_listed() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.toml", "a.toml", ".hidden.toml", "a.toml~", "toml", ".toml", "readme.md"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let files = toml_files(folder.path()).unwrap();
        assert_eq!(files.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert!(toml_files(&folder.path().join("nowhere")).unwrap().is_empty());
    }

    #[test]
    fn the_nearest_name_is_named_only_if_it_is_near() {
        let names = ["ms-authenticator-ios", "ms-authenticator-android", "security-key"];
        assert_eq!(nearest("ms-authenticator-iso", names), Some("ms-authenticator-ios"));
        assert_eq!(nearest("securitykey", names), Some("security-key"));
        assert_eq!(nearest("toaster", names), None);
        assert_eq!(nearest("fone", ["phone"]), Some("phone"));
        assert_eq!(nearest("anything", []), None);
    }
}
