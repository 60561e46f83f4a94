//! Vaults that earlier versions made, as they are in `fixtures/vault`: they open for ever.
use crate::support::*;
use authenticator::store::{Change, Store};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use vault::{KeySource, RecordChange, Vault};
use zeroize::Zeroizing;

fn fixture(version: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/vault").join(version)
}

/// Git keeps neither the mode of a key file nor empty directories, and a vault is written to when it is opened.
fn copy_of(version: &str) -> Place {
    let (from, place) = (fixture(version), Place::new());
    copy_dir(&from.join("vault"), &place.dir());
    fs::copy(from.join("key"), place.key()).unwrap();
    fs::set_permissions(place.key(), fs::Permissions::from_mode(0o600)).unwrap();
    fs::copy(from.join("key.generation"), place.note()).unwrap();
    place
}

#[test]
fn a_vault_of_version_1_opens_and_goes_on() {
    let place = copy_of("v1");
    let vault = place.open();
    let mut known = vault.authenticators().unwrap();
    known.sort();
    assert_eq!(known, [PHONE, TABLET]);

    let mut phone = vault.authenticator(PHONE).unwrap();
    let persistent = phone.load().unwrap();
    assert_eq!(facts(&persistent), expected(3));
    let first = persistent.credentials.get(record(0)).unwrap();
    assert_eq!(first.rp.id, "relying-party-0.example");
    assert_eq!(first.user.name.as_deref(), Some("lee.0@contoso.example"));
    assert_eq!(first.key.private.expose(), scalar(0));
    let tablet = vault.authenticator(TABLET).unwrap().load().unwrap();
    assert!(tablet.credentials.is_empty());
    assert_eq!(tablet.state.unwrap().counter_ceiling, 64);
    let others = vault.records("others").unwrap().load().unwrap();
    assert_eq!(others, [(record(0), Zeroizing::new(b"something of somebody else".to_vec()))]);

    phone.commit(&[put(3)]).unwrap();
    drop(phone);
    vault.close().unwrap();
    assert_eq!(load(&mut place.open().authenticator(PHONE).unwrap()), expected(4));
}

#[test]
#[ignore = "writes fixtures/vault/v1 anew, which only its own version may do"]
fn write_version_1() {
    let dir = fixture("v1");
    fs::create_dir_all(&dir).unwrap();
    let vault = Vault::open(&dir.join("vault"), KeySource::File(dir.join("key")), options()).unwrap();
    let mut phone = vault.authenticator(PHONE).unwrap();
    phone.commit(&[Change::Reset(state(1)), put(9)]).unwrap();
    phone.commit(&[Change::Reset(state(7)), put(0), put(1), put(2), put(3)]).unwrap();
    phone.commit(&[Change::DeleteCredential(record(3))]).unwrap();
    vault.authenticator(TABLET).unwrap().commit(&[Change::PutState(state(1))]).unwrap();
    let others = vault.records("others").unwrap();
    others
        .commit(&[RecordChange::Put(record(0), Zeroizing::new(b"something of somebody else".to_vec()))])
        .unwrap();
    drop((phone, others));
    vault.close().unwrap();
    fs::remove_file(dir.join("vault/owner")).unwrap();
}
