//! Metadata BLOBs: what the emulator makes, the relying party reads, which shares no code with it.
use authenticator::signer::DeterministicSigner;
use emulator::DeviceProfile;
use emulator::attestation::TestCa;
use emulator::metadata::{self, Model, Status, StatusReport};
use relying_party::metadata::{Metadata, MetadataError};
use tests::{CA, rng};

/// 2027-01-15.
const TODAY: u64 = 1_800_000_000;

/// The statuses after which nobody ought to trust a model.
const BAD: [Status; 5] = [
    Status::Revoked,
    Status::UserVerificationBypass,
    Status::AttestationKeyCompromise,
    Status::UserKeyRemoteCompromise,
    Status::UserKeyPhysicalCompromise,
];

fn model(status: Status) -> Model {
    let profile = DeviceProfile::named("yubikey-5c").unwrap();
    let (aaguid, signer, mut rng) = (profile.authenticator.aaguid, &mut DeterministicSigner, rng(3));
    let batch = CA.batch(aaguid, "a key", signer, &mut *rng).unwrap().chain;
    let u2f = CA.u2f("a key", false, signer, &mut *rng).unwrap().chain;
    let reports = vec![StatusReport { status, effective_date: "2026-01-01".parse().unwrap() }];
    Model { batch: Some(batch[0].clone()), u2f: Some(u2f[0].clone()), profile, reports }
}

fn blob(models: &[Model]) -> String {
    let payload = metadata::payload(models, CA.certificate(), 5, "2027-02-01".parse().unwrap()).unwrap();
    metadata::sign(&payload, &CA, &mut *rng(4)).unwrap()
}

#[test]
fn a_model_is_trusted_up_to_the_test_root_unless_its_status_says_otherwise() {
    for &status in Status::ALL {
        let model = model(status);
        let aaguid = model.profile.authenticator.aaguid;
        let read = Metadata::read(&blob(&[model]), &[CA.certificate().to_vec()], Some(TODAY)).unwrap();
        assert_eq!((read.no, read.next_update.as_str()), (5, "2027-02-01"));
        let entry = read.entry(aaguid).unwrap();
        assert_eq!(entry.refused_for().is_some(), BAD.contains(&status), "{status:?}");
        let anchors = if BAD.contains(&status) { vec![] } else { vec![CA.certificate().to_vec()] };
        assert_eq!(entry.trust_anchors(), anchors, "{status:?}");
    }
}

#[test]
fn a_blob_is_believed_up_to_its_own_root_alone() {
    let foreign = TestCa::generate(&mut DeterministicSigner, &mut *rng(5)).unwrap();
    let blob = blob(&[model(Status::NotFidoCertified)]);
    let refused = Metadata::read(&blob, &[foreign.certificate().to_vec()], Some(TODAY));
    assert!(matches!(refused, Err(MetadataError::Untrusted(_))), "{refused:?}");
    let mut other = blob.clone();
    let at = blob.find('.').unwrap() + 40;
    other.replace_range(at..=at, if &blob[at..=at] == "A" { "B" } else { "A" });
    assert!(Metadata::read(&other, &[CA.certificate().to_vec()], Some(TODAY)).is_err());
}
