//! The program that helps out. Here scripts stand in for it; `tests/peers` has the real one.
use super::{CHROMIUM, Image};
use crate::control::{Failure, FailureKind};
use crate::hybrid::image::zbarimg::{Trouble, codes, codes_within};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// A program in a folder that goes with it.
struct Program(tempfile::TempDir);

impl Program {
    fn new(script: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = Self(folder);
        fs::write(program.path(), format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(program.path(), fs::Permissions::from_mode(0o755)).unwrap();
        program
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("zbarimg")
    }

    fn beside(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }
}

fn picture() -> Image {
    Image { width: 3, height: 2, shades: vec![0, 128, 255, 255, 128, 0] }
}

fn asked(script: &str) -> Result<Vec<String>, Failure> {
    Ok(codes(&picture(), Program::new(script).path().as_os_str())?)
}

#[test]
fn it_gets_the_picture_and_its_lines_are_the_codes() {
    let program = Program::new("");
    let (got, args) = (program.beside("got"), program.beside("args"));
    let script =
        format!("#!/bin/sh\necho \"$@\" > {args}\ncat > {got}\nprintf '{CHROMIUM}\\nother\\n\\nother\\n'");
    fs::write(program.path(), script).unwrap();
    let found = codes(&picture(), program.path().as_os_str()).map_err(Failure::from).unwrap();
    assert_eq!(found, [CHROMIUM, "other"]);
    assert_eq!(fs::read(got).unwrap(), b"P5 3 2 255\n\x00\x80\xFF\xFF\x80\x00");
    let said = fs::read_to_string(args).unwrap();
    assert_eq!(said, "--quiet --raw -Sdisable -Sqrcode.enable pgm:-\n");
}

#[test]
fn it_is_asked_where_our_own_reader_finds_nothing() {
    let program = Program::new("cat > /dev/null; echo seen");
    assert_eq!(picture().codes_with(program.path().as_os_str()).unwrap(), ["seen"]);
}

#[test]
fn a_picture_without_a_code_is_none_of_its_errors() {
    assert_eq!(asked("cat > /dev/null; exit 4").unwrap(), Vec::<String>::new());
    // It need not read to the end.
    assert_eq!(asked("exit 4").unwrap(), Vec::<String>::new());
}

#[test]
fn its_errors_say_what_happened() {
    let broken = |script: &str, end: &str| {
        let failure = asked(script).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Broken);
        assert!(failure.message.ends_with(end), "{failure}");
    };
    broken("exit 1", "zbarimg ended with exit code 1");
    broken("kill -9 $$", "zbarimg was ended by a signal");
    let missing = codes(&picture(), "/nowhere/zbarimg".as_ref()).map_err(Failure::from).unwrap_err();
    assert_eq!(missing.kind, FailureKind::Refused);
    assert!(missing.message.ends_with("there is no program `/nowhere/zbarimg`"), "{missing}");
    assert!(missing.hint.is_some_and(|hint| hint.contains("apt install zbar-tools")));
}

#[test]
fn it_is_not_waited_for_forever() {
    let program = Program::new("exec sleep 60");
    let begun = Instant::now();
    let late = codes_within(&picture(), program.path().as_os_str(), Duration::from_millis(200));
    assert!(matches!(late, Err(Trouble::Broken(message)) if message.ends_with("took longer than 200ms")));
    assert!(begun.elapsed() < Duration::from_secs(30));
}
