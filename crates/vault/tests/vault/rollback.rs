use crate::support::*;
use authenticator::store::{Change, Store};
use std::fs;
use vault::{Options, VaultError};

/// Puts the vault back to what it was when `copy` was made.
fn put_back(place: &Place, copy: &Place) {
    fs::remove_dir_all(place.dir()).unwrap();
    copy_dir(&copy.dir(), &place.dir());
}

fn copy(place: &Place) -> Place {
    let copy = Place::new();
    copy_dir(&place.dir(), &copy.dir());
    copy
}

fn commit(place: &Place, changes: &[Change]) {
    let vault = place.open();
    vault.authenticator(PHONE).unwrap().commit(changes).unwrap();
    vault.close().unwrap();
}

const ACCEPT: Options = Options { accept_rollback: true, reserve: 0, ballast: 0, cache_capacity: 16 << 20 };

#[test]
fn an_older_copy_of_the_vault_is_noticed_and_can_be_accepted() {
    let place = Place::with_passkeys(3);
    let old = copy(&place);
    commit(&place, &[Change::DeleteCredential(record(0))]);
    put_back(&place, &old);

    let (error, hint) = place.refusal();
    let VaultError::RolledBack { generation, noted, ref note, .. } = error else { panic!("{error}") };
    assert_eq!(noted, generation + 1);
    assert_eq!(*note, place.note());
    assert!(hint.contains("accept_rollback"), "{hint}");
    // It stays refused until it is accepted.
    place.refusal();
    let vault = place.try_open_with(ACCEPT).unwrap();
    assert_eq!(load(&mut vault.authenticator(PHONE).unwrap()), expected(3));
    vault.close().unwrap();
    place.open();
}

#[test]
fn an_older_copy_is_noticed_even_if_the_newer_vault_was_never_closed() {
    let place = Place::with_passkeys(1);
    let old = copy(&place);
    let vault = place.open();
    let mut phone = vault.authenticator(PHONE).unwrap();
    (0..64).for_each(|n| phone.commit(&[Change::PutState(state(n))]).unwrap());
    // As after a power cut: neither close nor drop runs.
    std::mem::forget(vault);
    std::mem::forget(phone);
    let after = Place::new();
    copy_dir(&old.dir(), &after.dir());
    fs::copy(place.key(), after.key()).unwrap();
    fs::copy(place.note(), after.note()).unwrap();
    assert!(matches!(after.refusal().0, VaultError::RolledBack { .. }));
}

#[test]
fn the_note_lags_but_never_leads() {
    let place = Place::with_passkeys(1);
    let vault = place.open();
    let mut phone = vault.authenticator(PHONE).unwrap();
    for n in 0..150 {
        phone.commit(&[Change::PutState(state(n))]).unwrap();
        // A copy of everything at any moment opens.
        if n % 25 == 0 {
            let now = copy(&place);
            fs::copy(place.key(), now.key()).unwrap();
            fs::copy(place.note(), now.note()).unwrap();
            now.open();
        }
    }
}

#[test]
fn a_vault_that_is_newer_than_the_note_opens() {
    let place = Place::with_passkeys(1);
    let old = fs::read(place.note()).unwrap();
    commit(&place, &[put(1)]);
    fs::write(place.note(), old).unwrap();
    assert_eq!(load(&mut place.open().authenticator(PHONE).unwrap()), expected(2));
    // And the note has caught up.
    let old = copy(&place);
    commit(&place, &[put(2)]);
    put_back(&place, &old);
    place.refusal();
}

#[test]
fn a_vault_that_vanished_is_not_replaced_by_an_empty_one() {
    let place = Place::with_passkeys(3);
    fs::remove_dir_all(place.dir()).unwrap();
    let (error, _) = place.refusal();
    assert!(matches!(error, VaultError::RolledBack { generation: 0, noted: 7, .. }), "{error}");
    place.refusal();
    let vault = place.try_open_with(ACCEPT).unwrap();
    assert_eq!(vault.authenticators().unwrap(), []);
    vault.close().unwrap();
    place.open();
}

#[test]
fn a_missing_note_is_made_anew_and_a_damaged_or_foreign_one_is_told() {
    let place = Place::with_passkeys(1);
    fs::remove_file(place.note()).unwrap();
    place.open().close().unwrap();
    let whole = fs::read(place.note()).unwrap();

    for byte in (0..whole.len()).filter(|byte| *byte != 8) {
        let mut bytes = whole.clone();
        bytes[byte] ^= 1;
        fs::write(place.note(), bytes).unwrap();
        assert!(matches!(place.refusal().0, VaultError::NoteDamaged { .. }), "byte {byte}");
    }
    fs::write(place.note(), "").unwrap();
    assert!(matches!(place.refusal().0, VaultError::NoteDamaged { .. }));
    let mut newer = whole.clone();
    newer[8] = 2;
    fs::write(place.note(), newer).unwrap();
    assert!(matches!(place.refusal().0, VaultError::NewerFormat { format: 2, .. }));
    let other = Place::with_passkeys(1);
    fs::copy(other.note(), place.note()).unwrap();
    assert!(matches!(place.refusal().0, VaultError::NoteForeign { .. }));
    place.try_open_with(ACCEPT).unwrap().close().unwrap();
    place.open();
}

#[test]
fn resets_and_destructions_do_not_turn_the_generation_back() {
    let place = Place::with_passkeys(3);
    commit(&place, &[Change::Reset(state(1))]);
    commit(&place, &[put(1)]);
    let vault = place.open();
    drop(vault.authenticator(TABLET).unwrap());
    vault.destroy(PHONE).unwrap();
    vault.close().unwrap();
    place.open().close().unwrap();
    let old = copy(&place);
    let vault = place.open();
    vault.destroy(TABLET).unwrap();
    vault.close().unwrap();
    place.open().close().unwrap();
    put_back(&place, &old);
    assert!(matches!(place.refusal().0, VaultError::RolledBack { .. }), "a deleted device cannot come back");
}
