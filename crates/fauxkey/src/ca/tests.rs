use super::*;
use crate::home::Home;
use vault::KeySource;

fn vault(home: &Home) -> Vault {
    Vault::open(&home.vault(), KeySource::File(home.vault_key()), vault::Options::default()).unwrap()
}

fn all_in() -> DeviceProfile {
    DeviceProfile::named("all-in").unwrap()
}

const DEVICE: AuthenticatorId = AuthenticatorId([7; 16]);

fn chains(identity: &AttestationIdentity) -> Vec<Vec<Vec<u8>>> {
    let keys = [&identity.batch, &identity.u2f, &identity.enterprise];
    keys.into_iter().flatten().map(|key| key.chain.clone()).collect()
}

#[test]
fn keys_are_made_once_shared_by_a_model_and_found_again_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(folder.path());
    let (first, root) = {
        let vault = vault(&home);
        let mut authority = Authority::open(Some(&vault)).unwrap();
        let first = chains(&authority.identity(&all_in(), DEVICE).unwrap());
        let other = chains(&authority.identity(&all_in(), AuthenticatorId([8; 16])).unwrap());
        assert_eq!((first.len(), &first[..2]), (3, &other[..2]), "a model shares its keys");
        assert_ne!(first[2], other[2], "a device has its own");
        let root = authority.root().unwrap();
        drop(authority);
        vault.close().unwrap();
        (first, root)
    };
    let vault = vault(&home);
    let mut authority = Authority::open(Some(&vault)).unwrap();
    assert_eq!(authority.root().unwrap(), root);
    assert_eq!(chains(&authority.identity(&all_in(), DEVICE).unwrap()), first);
    assert_eq!(authority.leaves().unwrap().len(), 4);
    authority.forget(DEVICE).unwrap();
    assert_eq!(authority.leaves().unwrap().len(), 3);
}

#[test]
fn a_rotated_root_is_another_and_has_certified_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(folder.path());
    let vault = vault(&home);
    let mut authority = Authority::open(Some(&vault)).unwrap();
    let before = (authority.root().unwrap(), chains(&authority.identity(&all_in(), DEVICE).unwrap()));
    authority.rotate().unwrap();
    assert_eq!(authority.leaves().unwrap(), []);
    let after = (authority.root().unwrap(), chains(&authority.identity(&all_in(), DEVICE).unwrap()));
    assert_ne!(before.0.fingerprint, after.0.fingerprint);
    assert!(before.1.iter().zip(&after.1).all(|(before, after)| before != after));
    let serial = |authority: &Authority| authority.leaves().unwrap().last().unwrap().0.serial_number.clone();
    let first = serial(&authority).unwrap();
    authority.rotate().unwrap();
    authority.identity(&all_in(), DEVICE).unwrap();
    assert_eq!(serial(&authority).unwrap(), first, "the serial number is the device's for life");
    drop(authority);
    let authority = Authority::open(Some(&vault)).unwrap();
    assert_eq!(authority.leaves().unwrap().len(), 3, "what was rotated away does not come back");
}

#[test]
fn who_attests_otherwise_gets_no_key() {
    let mut authority = Authority::open(None).unwrap();
    for name in ["ms-authenticator-ios", "security-key"] {
        let profile = DeviceProfile::named(name).unwrap();
        assert!(!attests_by_certificate(&profile));
        assert!(chains(&authority.identity(&profile, DEVICE).unwrap()).is_empty());
        assert_eq!(authority.chain(&profile).unwrap(), None);
    }
    assert!(attests_by_certificate(&all_in()));
    let chain = authority.chain(&all_in()).unwrap().unwrap();
    assert_eq!(
        chain.iter().map(|it| it.kind).collect::<Vec<_>>(),
        [CertificateKind::Batch, CertificateKind::Root]
    );
    assert!(authority.leaves().unwrap().iter().all(|(_, device)| device.is_none()));
}

#[test]
fn an_old_root_is_refused_by_who_attests_by_safetynet_alone_and_serves_all_others() {
    let mut authority = Authority::open(None).unwrap();
    // pathLenConstraint 1 to 0, as roots of old have it.
    let constraints = [0x30, 0x06, 0x01, 0x01, 0xFF, 0x02, 0x01, 0x01];
    let mut certificate = authority.ca.certificate().to_vec();
    let at = certificate.windows(8).position(|window| window == constraints).unwrap();
    certificate[at + 7] = 0;
    authority.ca = TestCa::of(authority.ca.key().clone(), certificate).unwrap();
    assert!(all_in().authenticator.attestations().any(|mode| mode == Attestation::AndroidSafetyNet));
    authority.identity(&all_in(), DEVICE).unwrap();
    let mut phone = all_in();
    phone.authenticator.attestation = Attestation::AndroidSafetyNet;
    let failure = authority.identity(&phone, DEVICE).err().unwrap();
    assert!(failure.hint.unwrap().contains("fauxkey ca rotate"));
    authority.rotate().unwrap();
    assert!(authority.identity(&phone, DEVICE).unwrap().platform.is_some());
}

#[test]
fn pem_has_lines_of_64_characters_of_plain_base64() {
    let text = super::pem(&[0xFB; 50]);
    assert_eq!(text.lines().nth(1).map(str::len), Some(64), "{text}");
    assert!(text.ends_with("=\n-----END CERTIFICATE-----\n"), "{text}");
    assert!(!text.contains('_') && text.starts_with("-----BEGIN CERTIFICATE-----\n+/v7"), "{text}");
}
