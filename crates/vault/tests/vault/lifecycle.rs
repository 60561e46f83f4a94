use crate::support::*;
use authenticator::store::{Change, MemoryStore, RecordId, Store};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Instant;
use vault::{AuthenticatorId, RecordChange, VaultError};
use zeroize::Zeroizing;

#[test]
fn what_was_committed_is_there_after_a_restart() {
    let place = Place::with_passkeys(20);
    for _ in 0..3 {
        let vault = place.open();
        assert_eq!(load(&mut vault.authenticator(PHONE).unwrap()), expected(20));
        vault.close().unwrap();
    }
}

#[test]
fn everything_that_ctap_2_1_keeps_is_there_after_a_restart() {
    let place = Place::new();
    let changes = [
        Change::PutState(state_with_everything(3)),
        Change::PutCredential(Box::new(credential_with_extensions(0))),
        put(1),
    ];
    let vault = place.open();
    vault.authenticator(PHONE).unwrap().commit(&changes).unwrap();
    vault.close().unwrap();
    let mut model = MemoryStore::default();
    model.commit(&changes).unwrap();
    let vault = place.open();
    assert_eq!(load(&mut vault.authenticator(PHONE).unwrap()), facts(&model.load().unwrap()));
}

#[test]
fn a_new_authenticator_remembers_nothing() {
    let place = Place::new();
    let vault = place.open();
    let persistent = vault.authenticator(PHONE).unwrap().load().unwrap();
    assert!(persistent.state.is_none() && persistent.credentials.is_empty());
}

#[test]
fn every_short_sequence_of_changes_means_what_it_means_in_memory() {
    let changes = || {
        let other = || {
            let mut other = credential(1);
            other.record = record(0);
            Change::PutCredential(Box::new(other))
        };
        [
            put(0),
            put(1),
            other(),
            Change::DeleteCredential(record(0)),
            Change::PutState(state(1)),
            Change::Reset(state(2)),
        ]
    };
    let place = Place::new();
    let mut vault = place.open();
    let mut store = vault.authenticator(PHONE).unwrap();
    let mut count = 0;
    for a in changes() {
        for b in changes() {
            for c in changes() {
                let batch = [a.clone(), b.clone(), c];
                let start = [Change::Reset(state(9)), put(0), put(2)];
                let mut model = MemoryStore::default();
                for batch in [start.as_slice(), &batch] {
                    model.commit(batch).unwrap();
                    store.commit(batch).unwrap();
                }
                let wanted = facts(&model.load().unwrap());
                assert_eq!(load(&mut store), wanted);
                count += 1;
                if count % 20 == 0 {
                    drop(store);
                    vault.close().unwrap();
                    vault = place.open();
                    store = vault.authenticator(PHONE).unwrap();
                    assert_eq!(load(&mut store), wanted, "after a restart");
                }
            }
        }
    }
    assert_eq!(count, 216);
}

#[test]
fn authenticators_share_a_vault_and_see_only_their_own() {
    let place = Place::with_passkeys(3);
    let vault = place.open();
    let (mut phone, mut tablet) = (vault.authenticator(PHONE).unwrap(), vault.authenticator(TABLET).unwrap());
    tablet.commit(&[put(10)]).unwrap();
    phone.commit(&[put(3)]).unwrap();
    assert_eq!(load(&mut tablet).len(), 1);
    assert_eq!(load(&mut phone), expected(4));
    let mut known = vault.authenticators().unwrap();
    known.sort();
    assert_eq!(known, [PHONE, TABLET]);
    // A reset of one leaves the other alone.
    tablet.commit(&[Change::Reset(state(1))]).unwrap();
    assert_eq!(load(&mut phone), expected(4));
}

#[test]
fn threads_may_commit_at_the_same_time() {
    let place = Place::new();
    let vault = place.open();
    std::thread::scope(|scope| {
        for thread in 0..4_u8 {
            let vault = vault.clone();
            scope.spawn(move || {
                let mut store = vault.authenticator(AuthenticatorId([thread; 16])).unwrap();
                for n in 0..10 {
                    store.commit(&[put(n)]).unwrap();
                }
                assert_eq!(store.load().unwrap().credentials.len(), 10);
            });
        }
    });
    vault.close().unwrap();
    let vault = place.open();
    for thread in 0..4 {
        let persistent = vault.authenticator(AuthenticatorId([thread; 16])).unwrap().load().unwrap();
        assert_eq!(persistent.credentials.len(), 10);
    }
}

#[test]
fn an_authenticator_has_one_store_at_a_time() {
    let place = Place::new();
    let vault = place.open();
    let store = vault.authenticator(PHONE).unwrap();
    let (error, _) = refusal(vault.authenticator(PHONE));
    assert!(matches!(error, VaultError::AlreadyOpen { .. }), "{error}");
    drop(store);
    vault.authenticator(PHONE).unwrap();
}

#[test]
fn a_destroyed_authenticator_is_gone_for_good() {
    let place = Place::with_passkeys(3);
    let vault = place.open();
    let mut phone = vault.authenticator(PHONE).unwrap();
    let mut tablet = vault.authenticator(TABLET).unwrap();
    tablet.commit(&[put(9)]).unwrap();
    vault.destroy(PHONE).unwrap();
    // What still holds it is told.
    let error = vault_error(phone.commit(&[put(4)]).unwrap_err());
    assert_eq!(error.to_string(), format!("authenticator {PHONE} was deleted"));
    assert!(phone.load().is_err());
    drop((phone, tablet));
    assert!(matches!(vault.destroy(PHONE), Err(VaultError::TreeMissing { .. })));
    vault.close().unwrap();

    let vault = place.open();
    assert_eq!(vault.authenticators().unwrap(), [TABLET]);
    assert_eq!(load(&mut vault.authenticator(TABLET).unwrap()).len(), 1);
    assert_eq!(load(&mut vault.authenticator(PHONE).unwrap()), Vec::<String>::new(), "it begins anew");
    vault.close().unwrap();
    place.open();
}

#[test]
fn a_destruction_that_was_interrupted_is_finished_at_the_next_opening() {
    let place = Place::with_passkeys(3);
    // As if the process was killed right after the data key was overwritten: the state byte and all after it.
    let file = place.dir().join(format!("keys/a{PHONE}"));
    let mut bytes = fs::read(&file).unwrap();
    bytes[9..].fill(0);
    bytes[10..18].copy_from_slice(&5_u64.to_be_bytes());
    fs::write(&file, bytes).unwrap();

    for _ in 0..2 {
        let vault = place.open();
        assert_eq!(vault.authenticators().unwrap(), []);
        assert!(!file.exists());
        vault.close().unwrap();
    }
    place.with_database(|db| assert_eq!(db.tree_names().len(), 2, "the registry and sled's own"));
}

#[test]
fn a_reset_that_was_interrupted_after_the_new_key_was_written_changes_nothing() {
    let place = Place::with_passkeys(3);
    let file = place.dir().join(format!("keys/a{PHONE}"));
    let before = fs::read(&file).unwrap();
    {
        let vault = place.open();
        vault.authenticator(PHONE).unwrap().commit(&[Change::Reset(state(1))]).unwrap();
        vault.close().unwrap();
    }
    let after = fs::read(&file).unwrap();
    // Slots of 61 bytes from 32 on: the reset moved the key from the first to the second.
    assert!(before[32] == 1 && before[93] == 0 && after[32] == 0 && after[93] == 1);
    assert!(after[32..93].iter().all(|byte| *byte == 0), "the old key is overwritten");

    // Both keys are there if it was interrupted before the old one was overwritten.
    let mut both = after.clone();
    both[32..93].copy_from_slice(&before[32..93]);
    fs::write(&file, both).unwrap();
    let vault = place.open();
    assert_eq!(load(&mut vault.authenticator(PHONE).unwrap()).len(), 1, "the state of the reset");
    assert_eq!(fs::read(&file).unwrap(), after, "the stale key is overwritten when it is found");
}

#[test]
fn records_of_others_are_kept_in_the_same_way() {
    let place = Place::new();
    let bytes = |text: &str| Zeroizing::new(text.as_bytes().to_vec());
    let (a, b) = (RecordId([1; 16]), RecordId([2; 16]));
    let vault = place.open();
    let tenant = vault.records("tenant").unwrap();
    tenant.commit(&[RecordChange::Put(a, bytes("one")), RecordChange::Put(b, bytes("two"))]).unwrap();
    tenant.commit(&[RecordChange::Delete(a), RecordChange::Put(b, bytes("three"))]).unwrap();
    assert!(vault.records("tenants").unwrap().load().unwrap().is_empty());
    drop(tenant);
    vault.close().unwrap();

    let vault = place.open();
    let tenant = vault.records("tenant").unwrap();
    assert_eq!(tenant.load().unwrap(), [(b, bytes("three"))]);
    assert_eq!(tenant.read(b).unwrap(), Some(bytes("three")));
    assert_eq!(tenant.read(a).unwrap(), None);
    assert_eq!(vault.authenticators().unwrap(), []);
}

#[test]
fn a_record_may_have_any_length_up_to_a_megabyte() {
    let place = Place::new();
    let record = RecordId([1; 16]);
    let content = |len: usize| {
        let byte = |at: usize| u8::try_from((at * 31 + len) % 251).unwrap();
        Zeroizing::new((0..len).map(byte).collect::<Vec<u8>>())
    };
    let vault = place.open();
    let tenant = vault.records("tenant").unwrap();
    tenant.commit(&[RecordChange::Put(RecordId([2; 16]), content(9_000))]).unwrap();
    // Sealing adds 29 bytes, and a value of the database holds 4,096. Longer and shorter in turn, so that parts
    // are left over.
    let lens = [4_066, 1 << 20, 0, 4_067, 70_000, 4_068, 8_163, 12_259, 1, 300_000];
    for len in lens {
        tenant.commit(&[RecordChange::Put(record, content(len))]).unwrap();
        assert_eq!(tenant.read(record).unwrap(), Some(content(len)), "{len}");
        assert_eq!(tenant.load().unwrap(), [(record, content(len)), (RecordId([2; 16]), content(9_000))]);
    }
    let too_long = tenant.commit(&[RecordChange::Put(record, content((1 << 20) + 1))]);
    assert!(matches!(too_long, Err(VaultError::TooLarge { limit: 1_048_576, .. })));
    drop(tenant);
    vault.close().unwrap();
    // sled would not sync what stands there.
    assert_eq!(fs::read_dir(place.dir().join("blobs")).unwrap().count(), 0);

    let vault = place.open();
    let tenant = vault.records("tenant").unwrap();
    assert_eq!(tenant.read(record).unwrap(), Some(content(300_000)));
    tenant.commit(&[RecordChange::Delete(record), RecordChange::Delete(RecordId([2; 16]))]).unwrap();
    assert_eq!(tenant.load().unwrap(), []);
    drop(tenant);
    vault.close().unwrap();
    place.with_database(|db| {
        let name = db.tree_names().into_iter().find(|name| name[0] == b'r').unwrap();
        assert_eq!(db.open_tree(name).unwrap().len(), 1, "only the manifest is left");
    });
}

#[test]
fn there_is_a_limit_to_the_number_of_trees_and_it_is_told() {
    let place = Place::with_passkeys(1);
    // Made behind the vault's back, as making each properly takes its time.
    place.with_database(|db| {
        (0..4_093_u32).for_each(|n| {
            drop(db.open_tree([b"x".as_slice(), &n.to_be_bytes(), &[0; 12]].concat()).unwrap())
        });
    });
    let vault = place.open();
    let (error, _) = refusal(vault.authenticator(TABLET));
    assert!(matches!(error, VaultError::TooMany { .. }), "{error}");
    assert_eq!(load(&mut vault.authenticator(PHONE).unwrap()), expected(1));
    vault.close().unwrap();
    // What lists the trees still is a page of the log.
    assert_eq!(fs::read_dir(place.dir().join("blobs")).unwrap().count(), 0);
}

#[test]
fn only_the_owner_may_look_into_the_directory_and_the_key() {
    let place = Place::with_passkeys(1);
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(place.dir()), 0o700);
    assert_eq!(mode(place.key()), 0o600);
    assert_eq!(mode(place.note()), 0o600);
}

#[test]
fn a_closed_vault_says_so_to_every_holder() {
    let place = Place::new();
    let vault = place.open();
    let mut phone = vault.authenticator(PHONE).unwrap();
    vault.clone().close().unwrap();
    assert!(matches!(vault_error(phone.commit(&[put(0)]).unwrap_err()), VaultError::Closed { .. }));
    assert!(matches!(vault.authenticator(TABLET), Err(VaultError::Closed { .. })));
    // And another can open it at once, while the old handles are still about.
    for _ in 0..5 {
        place.open().close().unwrap();
    }
    drop(phone);
}

#[test]
fn a_dropped_vault_is_closed() {
    let place = Place::new();
    for n in 0..5 {
        let mut phone = place.open().authenticator(PHONE).unwrap();
        phone.commit(&[put(n)]).unwrap();
    }
    assert_eq!(load(&mut place.open().authenticator(PHONE).unwrap()).len(), 5);
}

#[test]
fn a_hundred_thousand_passkeys_load_in_time_that_grows_with_their_number() {
    let place = Place::new();
    let vault = place.open();
    let mut phone = vault.authenticator(PHONE).unwrap();
    let mut load_time = |from: u32, to: u32| {
        for batch in (from..to).collect::<Vec<_>>().chunks(2_000) {
            phone.commit(&batch.iter().map(|n| put(*n)).collect::<Vec<_>>()).unwrap();
        }
        let start = Instant::now();
        assert_eq!(phone.load().unwrap().credentials.len(), to as usize);
        start.elapsed()
    };
    let few = load_time(0, 10_000);
    let many = load_time(10_000, 100_000);
    println!("10,000: {few:?}; 100,000: {many:?}");
    // Ten times as many: much more than ten times as long would be a search that grows with the number. The
    // margin is for a machine that has other things to do.
    assert!(many < few * 40, "10,000: {few:?}; 100,000: {many:?}");

    // And a reset of that many is still one transaction.
    phone.commit(&[Change::Reset(state(1))]).unwrap();
    drop(phone);
    vault.close().unwrap();
    assert_eq!(load(&mut place.open().authenticator(PHONE).unwrap()).len(), 1);
}
