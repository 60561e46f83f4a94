use crate::support::*;
use authenticator::store::{Change, Store};
use std::fs;

#[test]
fn nothing_that_tells_of_a_passkey_stands_in_the_clear() {
    let place = Place::with_passkeys(5);
    let credential = credential(3);
    let secrets = [
        ("private key", credential.key.private.expose().to_vec()),
        ("part of the private key", credential.key.private.expose()[..8].to_vec()),
        ("sealing key", [7; 16].to_vec()),
        ("RP ID", credential.rp.id.clone().into_bytes()),
        ("account name", credential.user.name.clone().unwrap().into_bytes()),
        ("display name", b"Lee Gu".to_vec()),
        ("user handle", credential.user.id.clone()),
        ("credential ID", credential.id.clone()),
    ];
    let check = |when: &str| {
        let files = contents(&place.dir());
        assert!(files.iter().any(|(path, bytes)| path.ends_with("db") && bytes.len() > 1_000));
        for (path, bytes) in files {
            for (what, secret) in &secrets {
                assert!(!holds(&bytes, secret), "{when}: {what} in {}", path.display());
            }
        }
    };
    check("closed");
    let vault = place.open();
    let mut phone = vault.authenticator(PHONE).unwrap();
    phone.commit(&[put(5), put(3)]).unwrap();
    check("open");
    phone.commit(&[Change::DeleteCredential(record(3))]).unwrap();
    check("after a deletion");
}

#[test]
fn names_of_trees_and_records_tell_nothing() {
    let place = Place::with_passkeys(2);
    drop(place.open().records("tenant").unwrap());
    for (path, bytes) in contents(&place.dir()) {
        assert!(!holds(&bytes, b"tenant"), "{}", path.display());
        assert!(!path.to_string_lossy().contains("tenant"));
    }
}

#[test]
fn a_reset_and_a_destruction_leave_no_data_key_behind() {
    let place = Place::with_passkeys(3);
    let file = place.dir().join(format!("keys/a{PHONE}"));
    let slot = |at: usize| fs::read(&file).unwrap()[at..at + 60].to_vec();
    let gone = |wrapped: &[u8]| {
        contents(&place.dir()).iter().all(|(_, bytes)| wrapped.windows(8).all(|part| !holds(bytes, part)))
    };
    let first = slot(33);
    assert!(!gone(&first));

    let vault = place.open();
    vault.authenticator(PHONE).unwrap().commit(&[Change::Reset(state(1)), put(9)]).unwrap();
    assert!(gone(&first), "the wrapped data key is still in the vault after a reset");
    let second = slot(94);
    assert!(!gone(&second));

    vault.destroy(PHONE).unwrap();
    assert!(gone(&second), "the wrapped data key is still in the vault after a destruction");
}
