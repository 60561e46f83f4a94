use crate::support::*;
use std::env;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use vault::{KeySource, Vault, VaultError};

const HELD: &str = "VAULT_TEST_HELD";

/// The first process: opens the vault that is named in the environment, says so, and waits to be killed.
#[test]
#[ignore = "is the other process of the tests below"]
fn hold_a_vault_open() {
    let root = PathBuf::from(env::var_os(HELD).expect("only the tests below run this"));
    let _vault = Vault::open(&root.join("vault"), KeySource::File(root.join("key")), options()).unwrap();
    println!("\nheld");
    loop {
        std::thread::park();
    }
}

struct Holder(Child);

impl Holder {
    fn of(place: &Place) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--ignored", "--exact", "owner::hold_a_vault_open", "--nocapture"])
            .env(HELD, place.root())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(
            lines.map(Result::unwrap).any(|line| line == "held"),
            "the first process did not open the vault"
        );
        Self(child)
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_second_process_is_told_who_was_first() {
    let place = Place::with_passkeys(2);
    let holder = Holder::of(&place);
    let before = contents(&place.dir());
    let (error, hint) = place.refusal();
    let name = env::current_exe().unwrap().file_name().unwrap().to_string_lossy().into_owned();
    let wanted =
        format!("the vault {} is in use by {name} (process {})", place.dir().display(), holder.0.id());
    assert_eq!(error.to_string(), wanted);
    assert_eq!(hint, "talk to the running instance, or stop it");
    assert_eq!(contents(&place.dir()), before, "the second changed something");

    // A killed process holds nothing, whatever is written in its file.
    drop(holder);
    let vault = place.open();
    assert_eq!(load(&mut vault.authenticator(PHONE).unwrap()), expected(2));
}

#[test]
fn a_second_opening_in_the_same_process_is_refused_too() {
    let place = Place::with_passkeys(1);
    let vault = place.open();
    let (error, _) = place.refusal();
    assert!(error.to_string().contains(&format!("(process {})", std::process::id())), "{error}");
    vault.close().unwrap();
    place.open();
}

#[test]
fn the_lock_of_the_database_decides_when_somebody_goes_round_ours() {
    let place = Place::with_passkeys(1);
    place.with_database(|_| {
        let (error, _) = place.refusal();
        assert!(matches!(&error, VaultError::InUse { .. }), "{error}");
    });
    place.open();
}
