//! A disk that forgets and flips. Every case ends in a whole vault or in an error that says what to do: never in
//! a panic, and never in a vault that lacks something and does not say so.
use crate::support::*;
use authenticator::store::Store;
use std::env;
use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::Command;
use vault::{KeySource, Options, Vault, VaultError};

const COUNT: u32 = 60;
const LONG: u32 = 2_000;

/// A copy of `place`, to be damaged.
fn copy(place: &Place) -> Place {
    let copy = Place::new();
    copy_dir(&place.dir(), &copy.dir());
    fs::copy(place.key(), copy.key()).unwrap();
    fs::copy(place.note(), copy.note()).unwrap();
    copy
}

/// How a damaged vault ended.
#[derive(Debug, PartialEq)]
enum Ending {
    Whole,
    Told,
}

/// Opens and loads. Anything but all passkeys or an error with a hint is a failure. A vault that does not open
/// is left as it was found.
fn ending(place: &Place) -> Ending {
    ending_with(place, COUNT)
}

fn ending_with(place: &Place, count: u32) -> Ending {
    let found = files(place);
    let vault = match place.try_open() {
        Ok(vault) => vault,
        Err(error) => {
            assert!(files(place) == found, "{error}: but something was changed");
            return told(error);
        }
    };
    let mut phone = match vault.authenticator(PHONE) {
        Ok(phone) => phone,
        Err(error) => return told(error),
    };
    match phone.load() {
        Ok(persistent) => {
            assert_eq!(facts(&persistent), expected(count));
            Ending::Whole
        }
        Err(error) => told(vault_error(error)),
    }
}

/// All files but the ones that an unsuccessful opening may make: the lock, and an empty log.
fn files(place: &Place) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = contents(&place.dir());
    files.retain(|(path, bytes)| !(path.ends_with("owner") || path.ends_with("db") && bytes.is_empty()));
    files
}

fn told(error: VaultError) -> Ending {
    let text = error.to_string();
    assert!(!text.is_empty());
    refusal::<()>(Err(error));
    Ending::Told
}

fn snapshots(place: &Place) -> Vec<PathBuf> {
    let names = place.names().into_iter().filter(|name| name.starts_with("snap."));
    names.map(|name| place.dir().join(name)).collect()
}

/// A vault that was opened twice, so that it has a snapshot and a log that goes on after it.
fn whole() -> Place {
    let place = Place::with_passkeys(COUNT / 2);
    let vault = place.open();
    let mut phone = vault.authenticator(PHONE).unwrap();
    (COUNT / 2..COUNT).for_each(|n| phone.commit(&[put(n)]).unwrap());
    drop(phone);
    vault.close().unwrap();
    assert_eq!(snapshots(&place).len(), 1);
    place
}

/// A vault whose log has several segments, so that most of it is older than what sled reads when it opens.
fn long() -> Place {
    let place = Place::with_passkeys(0);
    let vault = place.open();
    let mut phone = vault.authenticator(PHONE).unwrap();
    for batch in (0..LONG).collect::<Vec<_>>().chunks(100) {
        phone.commit(&batch.iter().map(|n| put(*n)).collect::<Vec<_>>()).unwrap();
    }
    drop(phone);
    vault.close().unwrap();
    place.open().close().unwrap();
    assert!(written(&place) > 3 * 512 * 1024);
    place
}

#[test]
fn a_truncated_snapshot_is_set_aside_and_everything_is_there() {
    let original = whole();
    let len = fs::metadata(&snapshots(&original)[0]).unwrap().len();
    for keep in [0, 1, 12, 13, len / 2, len - 1] {
        let place = copy(&original);
        let snapshot = snapshots(&place).remove(0);
        OpenOptions::new().write(true).open(&snapshot).unwrap().set_len(keep).unwrap();
        let damaged = fs::read(&snapshot).unwrap();

        let vault = place.open();
        assert_eq!(load(&mut vault.authenticator(PHONE).unwrap()), expected(COUNT), "{keep} bytes");
        let aside = vault.set_aside().expect("it is told where the snapshot went");
        assert_eq!(aside, place.dir().join("set-aside-1"));
        assert_eq!(fs::read(aside.join(snapshot.file_name().unwrap())).unwrap(), damaged);
        assert_eq!(fs::read(aside.join("db")).unwrap(), fs::read(original.dir().join("db")).unwrap());
        vault.close().unwrap();
        let vault = place.open();
        assert_eq!(vault.set_aside(), None);
        assert_eq!(load(&mut vault.authenticator(PHONE).unwrap()), expected(COUNT));
    }
}

#[test]
fn every_flipped_bit_in_a_snapshot_is_got_round() {
    let original = whole();
    let len = fs::metadata(&snapshots(&original)[0]).unwrap().len() as usize;
    for at in (0..len).step_by(37) {
        let place = copy(&original);
        flip(&snapshots(&place)[0], at, 1 << (at % 8));
        assert_eq!(ending(&place), Ending::Whole, "byte {at} of {len}");
    }
}

#[test]
fn an_unfinished_snapshot_is_set_aside() {
    let place = whole();
    for n in 1..=2 {
        let stray = place.dir().join("snap.7FFFFFFFFFFFFFFF.generating");
        fs::write(&stray, "half a snapsh").unwrap();
        assert_eq!(ending(&place), Ending::Whole);
        let aside = place.dir().join(format!("set-aside-{n}")).join(stray.file_name().unwrap());
        assert_eq!(fs::read(aside).unwrap(), b"half a snapsh");
    }
}

#[test]
fn a_missing_snapshot_is_not_needed() {
    let place = whole();
    fs::remove_file(&snapshots(&place)[0]).unwrap();
    assert_eq!(ending(&place), Ending::Whole);
}

#[test]
fn a_damaged_or_missing_configuration_of_sled_is_got_round() {
    let original = whole();
    for content in
        ["", "segment_size: 1024\nuse_compression: false\nversion: 0.34\n....", "nonsense nonsense"]
    {
        let place = copy(&original);
        fs::write(place.dir().join("conf"), content).unwrap();
        assert_eq!(ending(&place), Ending::Whole, "{content:?}");
    }
    let place = copy(&original);
    fs::remove_file(place.dir().join("conf")).unwrap();
    assert_eq!(ending(&place), Ending::Whole);
}

#[test]
fn a_truncated_log_never_passes_for_a_whole_one() {
    let original = whole();
    let full = fs::metadata(original.dir().join("db")).unwrap().len();
    let written = written(&original);
    let (mut whole, mut told) = (0, 0);
    for step in 0..40 {
        let keep = if step < 8 { written * step / 8 } else { written + (full - written) * (step - 8) / 32 };
        let place = copy(&original);
        OpenOptions::new().write(true).open(place.dir().join("db")).unwrap().set_len(keep).unwrap();
        match ending(&place) {
            Ending::Whole => {
                assert!(keep >= written, "{keep} of {written} bytes gave every passkey");
                whole += 1;
            }
            Ending::Told => told += 1,
        }
    }
    assert!(whole > 0 && told >= 8, "{whole} whole, {told} told");
}

/// Where the last message of the log ends: what is behind it was only reserved.
fn written(place: &Place) -> u64 {
    let log = fs::read(place.dir().join("db")).unwrap();
    log.iter().rposition(|byte| *byte != 0).unwrap() as u64 + 1
}

fn flip(path: &Path, at: usize, with: u8) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= with;
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_flipped_bit_in_the_log_never_passes_unnoticed() {
    let unsettled = whole();
    // The same after one more opening: then the snapshot knows the whole log, and every page is read where it is.
    let settled = copy(&unsettled);
    settled.open().close().unwrap();
    for (original, count) in [(unsettled, COUNT), (settled, COUNT), (long(), LONG)] {
        let written = written(&original) as usize;
        let (mut whole, mut told) = (0, 0);
        // Headers and contents, spread over the whole log.
        for at in (0..written).step_by(written / 100) {
            let place = copy(&original);
            flip(&place.dir().join("db"), at, 1 << (at % 8));
            match ending_with(&place, count) {
                // In a page that was written anew since.
                Ending::Whole => whole += 1,
                Ending::Told => told += 1,
            }
        }
        assert!(told > 10, "{whole} whole, {told} told");
    }
}

#[test]
fn a_wiped_part_of_the_log_never_passes_unnoticed() {
    let original = whole();
    let written = written(&original) as usize;
    let (mut whole, mut told) = (0, 0);
    for (n, at) in (0..written).step_by(written / 40).enumerate() {
        let place = copy(&original);
        let path = place.dir().join("db");
        let mut bytes = fs::read(&path).unwrap();
        let end = (at + 512).min(bytes.len());
        bytes[at..end].fill(if n % 2 == 0 { 0 } else { 0xFF });
        fs::write(&path, bytes).unwrap();
        match ending(&place) {
            Ending::Whole => whole += 1,
            Ending::Told => told += 1,
        }
    }
    assert!(told > 10, "{whole} whole, {told} told");
}

#[test]
fn an_attempt_that_does_not_help_leaves_the_log_as_it_was() {
    let original = whole();
    let place = copy(&original);
    // A snapshot that cannot be read over a log that lacks its end.
    let log = place.dir().join("db");
    OpenOptions::new().write(true).open(&log).unwrap().set_len(written(&original) / 2).unwrap();
    fs::write(&snapshots(&place)[0], "").unwrap();
    let before = contents(&place.dir());
    let (error, _) = place.refusal();
    let expected = matches!(error, VaultError::Corrupt { .. } | VaultError::RolledBack { .. });
    assert!(expected, "{error}");
    let after = contents(&place.dir());
    for (path, bytes) in before {
        let same = after.iter().any(|(other, content)| *other == path && *content == bytes);
        assert!(same, "{} was changed", path.display());
    }
    assert!(!place.names().iter().any(|name| name.starts_with("set-aside")));
}

#[test]
fn what_is_left_of_a_log_that_lost_its_end_can_be_accepted() {
    let place = whole();
    let log = place.dir().join("db");
    OpenOptions::new().write(true).open(&log).unwrap().set_len(written(&place) * 9 / 10).unwrap();
    let (error, hint) = place.refusal();
    assert!(matches!(error, VaultError::RolledBack { .. }), "{error}");
    assert!(hint.contains("its end is damaged"), "{hint}");
    let vault = place.try_open_with(Options { accept_rollback: true, ..options() }).unwrap();
    let left = load(&mut vault.authenticator(PHONE).unwrap());
    let count = u32::try_from(left.len() - 1).unwrap();
    assert!(count > COUNT / 2 && count < COUNT, "{count}");
    assert_eq!(left, expected(count), "the first ones, whole");
    vault.close().unwrap();
    place.open();
}

#[test]
fn an_empty_log_is_not_a_new_vault() {
    let place = whole();
    fs::write(place.dir().join("db"), "").unwrap();
    assert_eq!(ending(&place), Ending::Told);
    fs::remove_file(place.dir().join("db")).unwrap();
    assert_eq!(ending(&place), Ending::Told);
}

/// A flipped bit and no snapshot: sled finds a page that was never begun, and panics.
fn panicking() -> Place {
    let place = long();
    fs::remove_file(&snapshots(&place)[0]).unwrap();
    flip(&place.dir().join("db"), 1_000_000, 1);
    place
}

const PANICKING: &str = "VAULT_TEST_PANICKING";

#[test]
#[ignore = "is the other process of the next test"]
fn open_what_makes_sled_panic() {
    let root = PathBuf::from(env::var_os(PANICKING).expect("only the next test runs this"));
    let opened = Vault::open(&root.join("vault"), KeySource::File(root.join("key")), options());
    let (error, hint) = refusal(opened);
    println!("\n{error}; {hint}");
}

#[test]
fn a_panic_of_sled_is_an_error_and_is_not_seen_on_stderr() {
    let place = panicking();
    let output = Command::new(env::current_exe().unwrap())
        .args(["--ignored", "--exact", "damage::open_what_makes_sled_panic", "--nocapture"])
        .env(PANICKING, place.root())
        .output()
        .unwrap();
    let (stdout, stderr) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{stdout}{stderr}");
    assert!(stdout.contains("is damaged: sled panicked"), "{stdout}");
    assert_eq!(stderr, "");
}
