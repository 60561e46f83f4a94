use crate::support::*;
use authenticator::store::{Change, Store, StoreError};
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;
use vault::{KeySource, Options, RecordChange, Vault, VaultError};
use zeroize::Zeroizing;

#[test]
fn below_the_reserve_passkeys_can_be_changed_and_deleted_but_not_added() {
    let place = Place::with_passkeys(3);
    let vault = place.try_open_with(Options { reserve: u64::MAX, ..options() }).unwrap();
    let mut phone = vault.authenticator(PHONE).unwrap();
    let before = load(&mut phone);
    assert!(matches!(phone.commit(&[put(3)]), Err(StoreError::Full)));
    assert!(matches!(phone.commit(&[Change::DeleteCredential(record(0)), put(3)]), Err(StoreError::Full)));
    assert!(matches!(phone.commit(&[Change::Reset(state(1)), put(0)]), Err(StoreError::Full)));
    assert_eq!(load(&mut phone), before, "nothing of it was committed");
    let (error, hint) = refusal(vault.authenticator(TABLET));
    assert!(matches!(error, VaultError::Full { .. }), "{error}");
    assert!(hint.contains("make room"), "{hint}");

    phone.commit(&[put(2), Change::PutState(state(7))]).unwrap();
    assert_eq!(load(&mut phone), before);
    phone.commit(&[Change::DeleteCredential(record(2))]).unwrap();
    assert_eq!(load(&mut phone), expected(2));
    phone.commit(&[Change::Reset(state(7))]).unwrap();
    assert_eq!(load(&mut phone), expected(0));
    vault.destroy(PHONE).unwrap();
}

#[test]
fn there_is_ballast_if_there_is_room_for_it() {
    let place = Place::new();
    let with = |options| place.try_open_with(options).unwrap().close().unwrap();
    let ballast = place.dir().join("ballast");
    with(Options { ballast: u64::MAX, ..Options::default() });
    assert!(!ballast.exists(), "it is more than the disk has");
    with(Options::default());
    let len = |path: &Path| fs::metadata(path).unwrap().len();
    assert_eq!(len(&ballast) + len(&place.dir().join("ballast.open")), 4 << 20);
}

/// A file system of its own, as small as is asked for. Taken away when dropped.
struct Disk {
    mount: TempDir,
}

impl Disk {
    /// `None`, and says so, where that is not permitted.
    fn new(size: u64) -> Option<Self> {
        let mount = TempDir::new().unwrap();
        let size = format!("size={size},mode=0700");
        let args = ["-t", "tmpfs", "-o", &size, "vault-test"];
        let mounted = Command::new("mount").args(args).arg(mount.path()).output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self { mount }),
            Ok(output) => {
                println!(
                    "skipped: cannot mount a small disk: {}",
                    String::from_utf8_lossy(&output.stderr).trim()
                );
                None
            }
            Err(error) => {
                println!("skipped: cannot run mount: {error}");
                None
            }
        }
    }

    fn dir(&self) -> PathBuf {
        self.mount.path().join("vault")
    }

    fn junk(&self) -> PathBuf {
        self.mount.path().join("junk")
    }

    /// Fills it to the last byte.
    fn fill(&self) {
        let mut file = File::options().append(true).create(true).open(self.junk()).unwrap();
        for len in [65_536, 4_096, 512, 1] {
            loop {
                match file.write(&vec![0x5A; len]) {
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::StorageFull => break,
                    Err(error) => panic!("{error}"),
                }
            }
        }
    }

    fn make_room(&self) {
        fs::remove_file(self.junk()).unwrap();
    }

    fn open(&self, key: &Path, options: Options) -> Result<Vault, VaultError> {
        Vault::open(&self.dir(), KeySource::File(key.into()), options)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("--lazy").arg(self.mount.path()).status();
        assert!(unmounted.is_ok_and(|status| status.success()) || std::thread::panicking());
    }
}

const MB: u64 = 1 << 20;

#[test]
fn on_a_full_disk_the_vault_opens_and_passkeys_can_be_deleted() {
    let Some(disk) = Disk::new(10 * MB) else { return };
    let elsewhere = TempDir::new().unwrap();
    let key = elsewhere.path().join("key");
    let options = Options { reserve: MB, ballast: 2 * MB, ..Options::default() };
    let ballast = disk.dir().join("ballast");
    {
        let vault = disk.open(&key, options).unwrap();
        let mut phone = vault.authenticator(PHONE).unwrap();
        phone.commit(&[Change::PutState(state(7))]).unwrap();
        (0..200).for_each(|n| phone.commit(&[put(n)]).unwrap());
        assert!(ballast.exists());
        vault.close().unwrap();
    }
    disk.fill();
    // Whether it is needed for the opening depends on how the log ends, so open often.
    let mut left = 200;
    for round in 0..20 {
        let vault = disk.open(&key, options).unwrap_or_else(|error| panic!("round {round}: {error}"));
        let mut phone = vault.authenticator(PHONE).unwrap();
        assert_eq!(load(&mut phone), expected(left), "round {round}");
        assert!(matches!(phone.commit(&[put(1_000)]), Err(StoreError::Full)), "round {round}");
        for _ in 0..5 {
            left -= 1;
            phone.commit(&[Change::DeleteCredential(record(left))]).unwrap();
        }
        phone.commit(&[Change::PutState(state(7))]).unwrap();
        assert_eq!(load(&mut phone), expected(left), "round {round}");
        vault.close().unwrap();
    }
    println!(
        "after 100 deletions on a full disk the ballast is {}",
        if ballast.exists() { "there" } else { "gone" }
    );
    let vault = disk.open(&key, options).unwrap();
    let mut phone = vault.authenticator(PHONE).unwrap();
    phone.commit(&[Change::Reset(state(7))]).unwrap();
    assert_eq!(load(&mut phone), expected(0));

    disk.make_room();
    phone.commit(&[put(0)]).unwrap();
    assert!(ballast.exists(), "it is made again when there is room");
    assert_eq!(load(&mut phone), expected(1));
}

#[test]
fn a_disk_that_fills_up_in_the_middle_loses_nothing_that_was_acknowledged() {
    let Some(disk) = Disk::new(9 * MB) else { return };
    let elsewhere = TempDir::new().unwrap();
    let key = elsewhere.path().join("key");
    // No reserve, so that sled itself runs into the wall.
    let options = Options { reserve: 0, ..Options::default() };
    let mut vault = disk.open(&key, options).unwrap();
    let mut phone = vault.authenticator(PHONE).unwrap();
    phone.commit(&[Change::PutState(state(7))]).unwrap();
    let mut acknowledged = 0;
    let add = |phone: &mut vault::AuthenticatorStore, from: u32| {
        let batch: Vec<_> = (from..from + 50).map(put).collect();
        match phone.commit(&batch) {
            Ok(()) => Some(from + 50),
            Err(StoreError::Full) => None,
            Err(error) => panic!("{error}"),
        }
    };
    while let Some(more) = add(&mut phone, acknowledged) {
        acknowledged = more;
    }
    assert!(acknowledged > 500, "{acknowledged}");
    assert_eq!(load(&mut phone), expected(acknowledged), "right after it was full");
    // Full again, and again.
    assert!(add(&mut phone, acknowledged).is_none());
    assert_eq!(load(&mut phone), expected(acknowledged));

    drop(phone);
    vault.close().unwrap();
    vault = disk.open(&key, options).unwrap();
    let mut phone = vault.authenticator(PHONE).unwrap();
    assert_eq!(load(&mut phone), expected(acknowledged), "after a restart");
    // Deleting makes room in the end, or at least goes on.
    for _ in 0..20 {
        acknowledged -= 1;
        phone.commit(&[Change::DeleteCredential(record(acknowledged))]).unwrap();
    }
    assert_eq!(load(&mut phone), expected(acknowledged));
    // Forgetting thousands at once rewrites every page, and is refused as a whole if there is no room for that;
    // and then there is still room for opening again.
    match phone.commit(&[Change::Reset(state(7))]) {
        Ok(()) => assert_eq!(load(&mut phone), expected(0)),
        Err(StoreError::Full) => assert_eq!(load(&mut phone), expected(acknowledged)),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn long_records_run_into_a_full_disk_as_gently() {
    let Some(disk) = Disk::new(12 * MB) else { return };
    let elsewhere = TempDir::new().unwrap();
    let options = Options { reserve: 0, ballast: 4 * MB, ..Options::default() };
    let vault = disk.open(&elsewhere.path().join("key"), options).unwrap();
    let tenant = vault.records("tenant").unwrap();
    let mut kept = 0;
    let full = loop {
        match tenant.commit(&[RecordChange::Put(record(kept), Zeroizing::new(vec![7; 200_000]))]) {
            Ok(()) => kept += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(full, VaultError::Full { .. }), "{full}");
    assert!(kept > 2);
    assert_eq!(tenant.load().unwrap().len(), kept as usize);
    (0..kept).for_each(|n| tenant.commit(&[RecordChange::Delete(record(n))]).unwrap());
    assert_eq!(tenant.load().unwrap(), []);
}

#[test]
fn a_vault_cannot_be_made_on_a_full_disk_and_can_be_when_there_is_room() {
    let Some(disk) = Disk::new(2 * MB) else { return };
    let elsewhere = TempDir::new().unwrap();
    let key = elsewhere.path().join("key");
    let options = Options { reserve: 0, ballast: 0, ..Options::default() };
    disk.fill();
    let mut refused = 0;
    // A little more room each time, so that the making is interrupted at every step.
    let vault = loop {
        match disk.open(&key, options) {
            Ok(vault) => break vault,
            Err(error) => {
                refused += 1;
                assert!(error.hint().is_some_and(|hint| hint.contains("make room")), "{error}");
                let junk = File::options().write(true).open(disk.junk()).unwrap();
                junk.set_len(junk.metadata().unwrap().len() - 4_096).unwrap();
            }
        }
    };
    assert!(refused > 2, "{refused}");
    disk.make_room();
    vault.authenticator(PHONE).unwrap().commit(&[put(0)]).unwrap();
}
