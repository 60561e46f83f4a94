use crate::support::*;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use vault::{KeySource, Vault, VaultError};

#[test]
fn a_copied_vault_does_not_open_without_its_key() {
    let place = Place::with_passkeys(2);
    let thief = Place::new();
    copy_dir(&place.dir(), &thief.dir());
    let before = contents(&thief.dir());
    let (error, hint) = thief.refusal();
    assert!(matches!(&error, VaultError::KeyMissing { key, .. } if *key == thief.key()), "{error}");
    assert!(hint.contains("put the key file back"), "{hint}");
    assert!(!thief.key().exists(), "no new key is made");
    assert_eq!(contents(&thief.dir()), before, "nothing is touched");
}

#[test]
fn a_copied_vault_does_not_open_with_another_key() {
    let (place, other) = (Place::with_passkeys(2), Place::with_passkeys(1));
    fs::copy(other.key(), place.key()).unwrap();
    let (error, _) = place.refusal();
    let (key, dir) = (place.key(), place.dir());
    let wanted = format!("the key file {} does not belong to the vault {}", key.display(), dir.display());
    assert_eq!(error.to_string(), wanted);
    assert!(matches!(error, VaultError::WrongKey { .. }));
}

#[test]
fn a_key_that_claims_to_be_the_right_one_opens_nothing() {
    let (place, other) = (Place::with_passkeys(2), Place::with_passkeys(1));
    // The id of the right key, the bytes of another, and a checksum that fits.
    let (right, mut forged) = (fs::read(place.key()).unwrap(), fs::read(other.key()).unwrap());
    forged[9..25].copy_from_slice(&right[9..25]);
    let check = ring::digest::digest(&ring::digest::SHA256, &forged[..57]);
    forged[57..].copy_from_slice(&check.as_ref()[..8]);
    fs::write(place.key(), forged).unwrap();
    let (error, _) = place.refusal();
    assert!(matches!(error, VaultError::DataKeyDamaged { .. }), "{error}");
}

#[test]
fn a_key_that_others_may_read_is_refused_whatever_they_may_do_with_it() {
    let place = Place::with_passkeys(1);
    for mode in [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o644, 0o666] {
        fs::set_permissions(place.key(), fs::Permissions::from_mode(mode)).unwrap();
        let (error, hint) = place.refusal();
        assert!(
            matches!(error, VaultError::KeyExposed { mode: found, .. } if found == mode),
            "{mode:o}: {error}"
        );
        assert_eq!(hint, format!("chmod 600 {}", place.key().display()));
    }
    for mode in [0o600, 0o400, 0o700] {
        fs::set_permissions(place.key(), fs::Permissions::from_mode(mode)).unwrap();
        place.open().close().unwrap();
    }
}

#[test]
fn a_key_inside_the_vault_is_refused_however_the_path_is_written() {
    let place = Place::new();
    fs::create_dir(place.root().join("elsewhere")).unwrap();
    symlink(place.dir(), place.root().join("link")).unwrap();
    let refused = |key: &str| {
        let error = Vault::open(&place.dir(), KeySource::File(place.root().join(key)), options());
        matches!(refusal(error).0, VaultError::KeyInsideVault { .. })
    };
    for made in [false, true] {
        assert!(refused("vault/key"));
        assert!(refused("vault/deeper/key"));
        assert!(refused("elsewhere/../vault/key"));
        if made {
            assert!(refused("link/key"));
            symlink(place.dir().join("inside"), place.root().join("pointer")).unwrap();
            fs::write(place.dir().join("inside"), "").unwrap();
            assert!(refused("pointer"));
        } else {
            assert!(!place.dir().exists(), "nothing is made");
            place.open().close().unwrap();
        }
    }
    // A sibling whose name begins the same is not inside.
    Vault::open(&place.root().join("other"), KeySource::File(place.root().join("other.key")), options())
        .unwrap();
}

#[test]
fn a_damaged_key_is_told_from_a_wrong_one() {
    let place = Place::with_passkeys(1);
    let whole = fs::read(place.key()).unwrap();
    assert_eq!(whole.len(), 65);
    let refuse = |bytes: &[u8]| {
        fs::write(place.key(), bytes).unwrap();
        place.refusal().0
    };
    for bit in 0..whole.len() * 8 {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        match refuse(&bytes) {
            VaultError::KeyDamaged { .. } => {}
            VaultError::NewerFormat { format, known: 1, .. } if bit / 8 == 8 => assert_eq!(format, bytes[8]),
            error => panic!("bit {bit}: {error}"),
        }
    }
    for len in 0..whole.len() {
        assert!(matches!(refuse(&whole[..len]), VaultError::KeyDamaged { .. }), "{len} bytes");
    }
    assert!(matches!(refuse(&[whole.as_slice(), b"\n"].concat()), VaultError::KeyDamaged { .. }));
    fs::write(place.key(), whole).unwrap();
    place.open();
}

#[test]
fn a_key_that_was_made_for_nothing_yet_is_used() {
    let place = Place::new();
    place.open().close().unwrap();
    fs::remove_dir_all(place.dir()).unwrap();
    fs::remove_file(place.note()).unwrap();
    let key = fs::read(place.key()).unwrap();
    place.open().close().unwrap();
    assert_eq!(fs::read(place.key()).unwrap(), key);
    place.open();
}

#[test]
fn two_vaults_cannot_share_a_key_file() {
    let place = Place::with_passkeys(1);
    let second = Vault::open(&place.root().join("second"), KeySource::File(place.key()), options());
    let (error, _) = refusal(second);
    assert!(matches!(error, VaultError::RolledBack { generation: 0, .. }), "{error}");
    place.open();
}

#[test]
fn a_data_key_that_is_missing_damaged_or_of_another_tree_is_an_error() {
    let place = Place::with_passkeys(1);
    place.open().authenticator(TABLET).unwrap();
    let file = place.dir().join(format!("keys/a{PHONE}"));
    let whole = fs::read(&file).unwrap();
    let refused = |what: &str| {
        let (error, _) = place.refusal();
        let known = matches!(&error, VaultError::DataKeyDamaged { path, .. } if *path == file);
        assert!(known || matches!(error, VaultError::NewerFormat { .. }), "{what}: {error}");
    };
    // Magic, format, state and the used slot; the generation and the empty slot mean nothing in a live file.
    for byte in (0..10).chain(33..93) {
        let mut bytes = whole.clone();
        bytes[byte] ^= 0x02;
        fs::write(&file, bytes).unwrap();
        refused(&format!("byte {byte}"));
    }
    fs::write(&file, &whole[..100]).unwrap();
    refused("truncated");
    fs::copy(place.dir().join(format!("keys/a{TABLET}")), &file).unwrap();
    refused("of another tree");
    fs::remove_file(&file).unwrap();
    refused("missing");
    fs::write(&file, whole).unwrap();
    place.open();
}
