//! What an instance leaves on disk, and finds there.
use super::*;
use std::fs;

fn home() -> (tempfile::TempDir, Home) {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(folder.path());
    (folder, home)
}

/// How many authenticators the vault has something of.
fn authenticators(home: &Home) -> usize {
    let key = KeySource::File(home.vault_key());
    Vault::open(&home.vault(), key, vault::Options::default()).unwrap().authenticators().unwrap().len()
}

#[test]
fn devices_passkeys_and_users_are_there_after_the_next_start() {
    let (_folder, home) = home();
    let (device, passkeys) = {
        let instance = Instance::open(&home).unwrap();
        instance.add_device("phone", DEFAULT_PROFILE).unwrap();
        make_passkey(&instance, "phone", "example.test", "kim");
        let device = instance.set_user("phone", User { answer: Answer::Deny, delay_ms: 250 }).unwrap();
        instance.set_user_for_now("phone", UserPolicy::default()).unwrap();
        (device, instance.passkeys("phone").unwrap())
    };
    assert_eq!(passkeys.len(), 1);
    let instance = Instance::open(&home).unwrap();
    assert_eq!(instance.devices().unwrap(), [device]);
    assert_eq!(instance.passkeys("phone").unwrap(), passkeys);
}

#[test]
fn a_home_has_one_instance_at_a_time() {
    let (_folder, home) = home();
    let first = Instance::open(&home).unwrap();
    let failure = Instance::open(&home).err().unwrap();
    assert_eq!(failure.kind, FailureKind::Conflict);
    assert!(failure.message.contains("is in use by") && failure.hint.is_some(), "{failure:?}");
    first.shutdown();
    Instance::open(&home).unwrap();
}

#[test]
fn a_deleted_device_leaves_nothing_in_the_vault_whether_or_not_it_ran() {
    let (_folder, home) = home();
    {
        let instance = Instance::open(&home).unwrap();
        for name in ["phone", "key"] {
            instance.add_device(name, "security-key").unwrap();
        }
        let running = instance.running("phone").unwrap();
        instance.delete_device("phone").unwrap();
        // Somebody still holds the thread; its store is dead.
        running.call(|device, now| device.factory_reset(now)).unwrap().unwrap_err();
        instance.add_device("phone", "security-key").unwrap();
        assert_eq!(instance.passkeys("phone").unwrap(), []);
    }
    assert_eq!(authenticators(&home), 2);
    Instance::open(&home).unwrap().delete_device("key").unwrap();
    assert_eq!(authenticators(&home), 1);
    assert_eq!(fs::read_dir(home.devices()).unwrap().count(), 1);

    // A file that somebody wrote, of a device that never started.
    fs::write(home.devices().join("new.toml"), format!("profile = \"x\"\nid = \"{}\"", "0".repeat(32)))
        .unwrap();
    Instance::open(&home).unwrap().delete_device("new").unwrap();
    assert_eq!(fs::read_dir(home.devices()).unwrap().count(), 1);
}

#[test]
fn a_device_whose_profile_is_gone_says_so_and_can_be_deleted() {
    let (folder, home) = home();
    let source = emulator::DeviceProfile::named("security-key").unwrap().source;
    let file = folder.path().join("mine.toml");
    fs::write(&file, source.replace("name = \"security-key\"", "name = \"mine\"")).unwrap();
    Profiles::of(&home).add(&file).unwrap();
    {
        let instance = Instance::open(&home).unwrap();
        instance.add_device("key", "mine").unwrap();
    }
    fs::remove_file(home.profiles().join("mine.toml")).unwrap();
    let instance = Instance::open(&home).unwrap();
    for failure in
        [instance.device("key").unwrap_err(), instance.ensure_device("key", "security-key").unwrap_err()]
    {
        assert_eq!(failure.kind, FailureKind::Broken);
        assert_eq!(failure.message, "the device key cannot start: there is no profile named `mine`");
        assert!(failure.hint.is_some());
    }
    instance.delete_device("key").unwrap();
    drop(instance);
    assert_eq!(authenticators(&home), 0);
}

#[test]
fn a_device_that_cannot_be_written_down_leaves_nothing_in_the_vault() {
    let (_folder, home) = home();
    {
        let instance = Instance::open(&home).unwrap();
        fs::create_dir_all(&home.data).unwrap();
        fs::write(home.devices(), "a file where the folder should be").unwrap();
        assert_eq!(instance.add_device("phone", DEFAULT_PROFILE).unwrap_err().kind, FailureKind::Broken);
    }
    assert_eq!(authenticators(&home), 0);
}

#[test]
fn two_devices_of_one_id_are_not_mixed_up() {
    let (_folder, home) = home();
    let instance = Instance::open(&home).unwrap();
    instance.add_device("phone", DEFAULT_PROFILE).unwrap();
    fs::copy(home.devices().join("phone.toml"), home.devices().join("copy.toml")).unwrap();
    let failure = instance.device("copy").unwrap_err();
    assert!(
        failure.message.starts_with("the device copy cannot start: ") && failure.hint.is_some(),
        "{failure:?}"
    );
    instance.device("phone").unwrap();
}
