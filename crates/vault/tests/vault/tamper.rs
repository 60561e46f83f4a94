//! Somebody who can write the database, but has no key.
use crate::support::*;
use authenticator::store::{Change, RecordId, Store};
use sled::{Db, IVec, Tree};
use std::fs;
use vault::{RecordChange, VaultError};
use zeroize::Zeroizing;

fn tree(db: &Db, first: u8) -> Tree {
    let name = db.tree_names().into_iter().find(|name| name.first() == Some(&first)).unwrap();
    db.open_tree(name).unwrap()
}

fn records(tree: &Tree) -> Vec<IVec> {
    tree.iter().keys().map(Result::unwrap).filter(|key| key.len() == 16).collect()
}

fn read(tree: &Tree, key: &[u8]) -> IVec {
    tree.get(key).unwrap().unwrap()
}

/// What the phone says when it loads from a vault that somebody has changed.
fn complaint(place: &Place) -> String {
    let vault = match place.try_open() {
        Ok(vault) => vault,
        Err(error) => return refusal::<()>(Err(error)).0.to_string(),
    };
    let mut phone = vault.authenticator(PHONE).unwrap();
    let Err(error) = phone.load() else { panic!("nothing was noticed") };
    refusal::<()>(Err(vault_error(error))).0.to_string()
}

#[test]
fn a_flipped_bit_in_a_record_is_told_and_names_the_record() {
    let place = Place::with_passkeys(3);
    for byte in [1, 13, 40, 200] {
        let mut key = IVec::default();
        let mut old = IVec::default();
        place.with_database(|db| {
            let tree = tree(db, b'a');
            key = records(&tree).swap_remove(1);
            old = read(&tree, &key);
            let mut sealed = old.to_vec();
            sealed[byte] ^= 1;
            tree.insert(&key, sealed).unwrap();
        });
        let name = format!("record {}", wire::hex::encode(&key));
        let wanted =
            format!("{name} of authenticator {PHONE} does not open: it was changed, moved or damaged");
        assert_eq!(complaint(&place), wanted);
        place.with_database(|db| drop(tree(db, b'a').insert(&key, old).unwrap()));
        assert_eq!(load(&mut place.open().authenticator(PHONE).unwrap()), expected(3), "put back, it opens");
    }
}

#[test]
fn swapped_records_are_told() {
    let place = Place::with_passkeys(2);
    place.with_database(|db| {
        let tree = tree(db, b'a');
        let keys = records(&tree);
        let (one, two) = (read(&tree, &keys[0]), read(&tree, &keys[1]));
        tree.insert(&keys[0], two).unwrap();
        tree.insert(&keys[1], one).unwrap();
    });
    assert!(complaint(&place).contains("was changed, moved or damaged"));
}

#[test]
fn records_swapped_between_authenticators_are_told() {
    let place = Place::with_passkeys(1);
    // The same record id in both, so that only the tree differs.
    place.open().authenticator(TABLET).unwrap().commit(&[put(0)]).unwrap();
    place.with_database(|db| {
        let trees: Vec<Tree> =
            db.tree_names().iter().filter(|n| n[0] == b'a').map(|n| db.open_tree(n).unwrap()).collect();
        let sealed: Vec<IVec> = trees.iter().map(|tree| read(tree, &record(0).0)).collect();
        assert_ne!(sealed[0], sealed[1]);
        trees[0].insert(record(0).0, &sealed[1]).unwrap();
        trees[1].insert(record(0).0, &sealed[0]).unwrap();
    });
    assert!(complaint(&place).contains("was changed, moved or damaged"));
}

#[test]
fn whole_trees_swapped_are_told() {
    let place = Place::with_passkeys(1);
    place.open().authenticator(TABLET).unwrap().commit(&[put(0), Change::PutState(state(1))]).unwrap();
    place.with_database(|db| {
        let trees: Vec<Tree> =
            db.tree_names().iter().filter(|n| n[0] == b'a').map(|n| db.open_tree(n).unwrap()).collect();
        for key in trees[0].iter().keys().map(Result::unwrap).collect::<Vec<_>>() {
            let (one, two) = (read(&trees[0], &key), read(&trees[1], &key));
            trees[0].insert(&key, two).unwrap();
            trees[1].insert(&key, one).unwrap();
        }
    });
    assert!(complaint(&place).contains("the manifest of authenticator"));
}

#[test]
fn a_renamed_record_is_told() {
    let place = Place::with_passkeys(2);
    place.with_database(|db| {
        let tree = tree(db, b'a');
        let key = records(&tree).swap_remove(0);
        let sealed = tree.remove(&key).unwrap().unwrap();
        tree.insert([9; 16], sealed).unwrap();
    });
    assert!(complaint(&place).contains("was changed, moved or damaged"));
}

#[test]
fn a_record_that_was_taken_away_is_missed() {
    let place = Place::with_passkeys(4);
    place.with_database(|db| {
        let tree = tree(db, b'a');
        let key = records(&tree).swap_remove(2);
        tree.remove(key).unwrap();
    });
    assert!(complaint(&place).contains("there are 4 instead of 5"), "four passkeys and the state make five");
}

#[test]
fn a_record_that_was_put_back_to_an_older_state_is_told() {
    let place = Place::with_passkeys(2);
    let mut old = IVec::default();
    place.with_database(|db| old = read(&tree(db, b'a'), &[1]));
    place.open().authenticator(PHONE).unwrap().commit(&[Change::PutState(state(8))]).unwrap();
    place.with_database(|db| drop(tree(db, b'a').insert([1], old).unwrap()));
    assert!(complaint(&place).contains("there are 3, but not all as they were last written"));
}

#[test]
fn a_deleted_record_that_was_put_back_is_told() {
    let place = Place::with_passkeys(2);
    let mut old = IVec::default();
    place.with_database(|db| old = read(&tree(db, b'a'), &record(0).0));
    place.open().authenticator(PHONE).unwrap().commit(&[Change::DeleteCredential(record(0))]).unwrap();
    place.with_database(|db| drop(tree(db, b'a').insert(record(0).0, old).unwrap()));
    assert!(complaint(&place).contains("there are 3 instead of 2"));
}

#[test]
fn records_from_before_a_reset_cannot_come_back() {
    let place = Place::with_passkeys(2);
    let mut old = Vec::new();
    place.with_database(|db| old = tree(db, b'a').iter().map(Result::unwrap).collect());
    place.open().authenticator(PHONE).unwrap().commit(&[Change::Reset(state(1))]).unwrap();
    place.with_database(|db| {
        let tree = tree(db, b'a');
        old.iter().for_each(|(key, sealed)| drop(tree.insert(key, sealed).unwrap()));
    });
    assert!(complaint(&place).contains("was changed, moved or damaged"), "not even all of them together");
}

#[test]
fn a_record_where_none_belongs_is_told() {
    for key in [vec![2], vec![], vec![7; 15], vec![7; 17], vec![7; 16]] {
        let place = Place::with_passkeys(1);
        place.with_database(|db| drop(tree(db, b'a').insert(key.clone(), vec![1; 60]).unwrap()));
        assert!(complaint(&place).contains("was changed, moved or damaged"), "{key:?}");
    }
}

#[test]
fn a_long_record_that_lacks_a_part_or_has_one_too_many_is_told() {
    let place = Place::new();
    let id = RecordId([7; 16]);
    let put = RecordChange::Put(id, Zeroizing::new(vec![5; 10_000]));
    place.open().records("tenant").unwrap().commit(&[put]).unwrap();
    let part = |number: u8| [id.0.as_slice(), &[0, number]].concat();
    let told = |what: &str| {
        let vault = place.open();
        let error = vault.records("tenant").unwrap().load().map(|_| ()).expect_err(what);
        error.to_string()
    };
    let mut second = IVec::default();
    place.with_database(|db| second = tree(db, b'r').remove(part(1)).unwrap().unwrap());
    assert!(told("a part is missing").contains("was changed, moved or damaged"));
    place.with_database(|db| {
        let tree = tree(db, b'r');
        tree.insert(part(1), &second).unwrap();
        tree.insert(part(9), &second).unwrap();
    });
    assert!(told("a part too many").contains("not those that were committed"));
    place.with_database(|db| {
        let tree = tree(db, b'r');
        tree.remove(part(9)).unwrap();
        let third = tree.insert(part(2), &second).unwrap().unwrap();
        tree.insert(part(1), third).unwrap();
    });
    assert!(told("two parts are swapped").contains("was changed, moved or damaged"));
}

#[test]
fn a_record_of_an_unknown_format_is_told_from_a_damaged_one() {
    for format in [0, 2, 255] {
        let place = Place::with_passkeys(1);
        place.with_database(|db| {
            let tree = tree(db, b'a');
            let key = records(&tree).swap_remove(0);
            let mut sealed = read(&tree, &key).to_vec();
            sealed[0] = format;
            tree.insert(key, sealed).unwrap();
        });
        let wanted = format!("has format {format}, and this program knows formats up to 1");
        assert!(complaint(&place).contains(&wanted));
    }
}

#[test]
fn a_vault_of_a_newer_format_is_told() {
    let place = Place::with_passkeys(1);
    let header = place.dir().join("header");
    let mut bytes = fs::read(&header).unwrap();
    bytes[8] = 2;
    fs::write(&header, bytes).unwrap();
    let (error, hint) = place.refusal();
    let wanted = format!("{} has format 2, and this program knows formats up to 1", header.display());
    assert_eq!(error.to_string(), wanted);
    assert_eq!(hint, "use the newer program that wrote it");
}

#[test]
fn every_flipped_bit_in_the_header_is_told() {
    let place = Place::with_passkeys(1);
    let header = place.dir().join("header");
    let whole = fs::read(&header).unwrap();
    for bit in 0..whole.len() * 8 {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        fs::write(&header, bytes).unwrap();
        let (error, _) = place.refusal();
        let newer = matches!(error, VaultError::NewerFormat { .. });
        assert!(
            newer && bit / 8 == 8 || matches!(error, VaultError::HeaderDamaged { .. }),
            "bit {bit}: {error}"
        );
    }
    fs::remove_file(&header).unwrap();
    let (error, _) = place.refusal();
    assert!(matches!(&error, VaultError::HeaderMissing { path } if *path == header), "{error}");
    fs::write(&header, whole).unwrap();
    place.open();
}

#[test]
fn a_header_of_another_vault_or_kind_of_key_opens_nothing() {
    let place = Place::with_passkeys(1);
    let header = place.dir().join("header");
    let forge = |at: usize, byte: u8| {
        let mut bytes = fs::read(&header).unwrap();
        bytes[at] = byte;
        let check = ring::digest::digest(&ring::digest::SHA256, &bytes[..42]);
        bytes[42..].copy_from_slice(&check.as_ref()[..8]);
        fs::write(&header, bytes).unwrap();
        place.refusal().0
    };
    let whole = fs::read(&header).unwrap();
    let error = forge(10, whole[10] ^ 1);
    assert!(matches!(error, VaultError::DataKeyDamaged { .. }), "another vault id: {error}");
    fs::write(&header, &whole).unwrap();
    let error = forge(9, 2);
    assert!(matches!(error, VaultError::KeyKind { kind: 2, .. }), "{error}");
}

#[test]
fn an_authenticator_that_vanished_from_the_database_is_missed() {
    let place = Place::with_passkeys(1);
    place.with_database(|db| {
        let name = tree(db, b'a').name();
        assert!(db.drop_tree(name).unwrap());
    });
    assert_eq!(place.refusal().0.to_string(), format!("authenticator {PHONE} is missing from the database"));
}

#[test]
fn an_authenticator_that_vanished_from_the_registry_is_missed() {
    let place = Place::with_passkeys(1);
    place.with_database(|db| drop(tree(db, b'v').remove(PHONE.0).unwrap().unwrap()));
    assert!(complaint(&place).contains("the records of the registry are not those that were committed"));
}

#[test]
fn an_empty_registry_is_missed() {
    let place = Place::with_passkeys(1);
    place.with_database(|db| tree(db, b'v').clear().unwrap());
    assert_eq!(place.refusal().0.to_string(), "the registry is missing from the database");
}

#[test]
fn a_directory_with_something_else_in_it_is_left_alone() {
    let place = Place::new();
    fs::create_dir(place.dir()).unwrap();
    fs::write(place.dir().join("holiday.jpg"), "…").unwrap();
    let (error, _) = place.refusal();
    assert!(matches!(error, VaultError::NotAVault { .. }), "{error}");
    assert_eq!(place.names(), ["holiday.jpg"]);
    assert!(!place.key().exists());
}
