//! Whole ceremonies in memory: options JSON, client, authenticator, relying party. The verifier shares only
//! `wire` with the signer.
use authenticator::profile::Verification;
use authenticator::signer::{Attesting, DeterministicSigner, Signer};
use authenticator::{Link, Via};
use client::{Account, Client, ClientError, Create, Get, Origin, Platform};
use emulator::{DeviceProfile, FastSigner};
use relying_party::{
    AttestationPolicy, AuthenticationExpectation, Conveyance, RegistrationExpectation, RelyingParty,
    StoredCredential, UserVerification,
};
use tests::{ALGORITHMS, CA, NOW, Pooled, Rig, SLOW, identity};
use wire::aaguid::Aaguid;
use wire::cose::Algorithm;
use wire::ctap2::GetInfoResponse;
use wire::webauthn::json::UserEntity;

const ORIGIN: &str = "https://login.example.test";
const RP: &str = "login.example.test";

/// One way to run both ceremonies.
struct Case {
    profile: DeviceProfile,
    client: Client,
    algorithm: Algorithm,
    resident_key: &'static str,
    verification: UserVerification,
    conveyance: Conveyance,
}

impl Case {
    fn name(&self) -> String {
        format!(
            "{} by {} {} rk {} uv {} attestation {}",
            self.profile.name,
            self.client,
            self.algorithm,
            self.resident_key,
            self.verification.as_str(),
            self.conveyance.as_str()
        )
    }

    /// Whether the profile has what the case wants.
    fn possible(&self) -> bool {
        let claims = &self.profile.authenticator;
        let verifies = claims.verification != Verification::None;
        claims.algorithms.contains(&self.algorithm)
            && (verifies || self.verification != UserVerification::Required)
            // There is no PIN in these ceremonies, and nothing else to verify with.
            && (verifies || claims.always_uv != Some(true))
    }

    /// The link that this client is about.
    fn link(&self) -> (Link, client::Link) {
        match self.client {
            Client::ChromiumHybrid => (Link::Hybrid, client::Link::Hybrid),
            Client::ChromiumUsb | Client::Firefox => (Link::Usb, client::Link::Usb),
            Client::SpecL3 | Client::Raw => (Link::Internal, client::Link::Internal),
        }
    }

    fn relying_party(&self) -> RelyingParty {
        RelyingParty {
            algorithms: vec![self.algorithm],
            user_verification: self.verification,
            attestation: AttestationPolicy {
                conveyance: self.conveyance,
                trust_anchors: vec![CA.certificate().to_vec()],
                now: Some(1_800_000_000),
                ..AttestationPolicy::default()
            },
            ..RelyingParty::new(RP)
        }
    }
}

fn every_case() -> Vec<Case> {
    let mut cases = Vec::new();
    // Keys of U2F only have ceremonies of their own, in `u2f::by_a_client`.
    for profile in
        DeviceProfile::built_in().into_iter().filter(|profile| profile.authenticator.speaks_ctap2())
    {
        // What is reached over hybrid is a phone.
        let is_phone = profile.authenticator.seen.iter().any(|(link, _)| *link == Link::Hybrid);
        let reaches = |client: &Client| *client != Client::ChromiumHybrid || is_phone;
        for client in Client::ALL.into_iter().filter(reaches) {
            for algorithm in ALGORITHMS {
                for resident_key in ["required", "preferred", "discouraged"] {
                    for verification in [
                        UserVerification::Required,
                        UserVerification::Preferred,
                        UserVerification::Discouraged,
                    ] {
                        for conveyance in [
                            Conveyance::None,
                            Conveyance::Indirect,
                            Conveyance::Direct,
                            Conveyance::Enterprise,
                        ] {
                            // Slow keys only with the statement that they sign.
                            if SLOW.contains(&algorithm) && conveyance != Conveyance::Direct {
                                continue;
                            }
                            let profile = profile.clone();
                            cases.push(Case {
                                profile,
                                client,
                                algorithm,
                                resident_key,
                                verification,
                                conveyance,
                            });
                        }
                    }
                }
            }
        }
    }
    cases
}

fn user() -> UserEntity {
    UserEntity {
        id: b"alice".to_vec().into(),
        name: "alice@example.test".into(),
        display_name: "Alice".into(),
    }
}

/// A ceremony's messages to and from the rig.
fn exchange(rig: &mut Rig, link: Link) -> impl FnMut(&[u8]) -> Result<Vec<u8>, ClientError> {
    move |message| {
        Ok(rig.call_with(NOW, Via { link, channel: 1 }, message, |prompt| {
            if prompt.verification {
                authenticator::Gesture::Verified
            } else {
                authenticator::Gesture::Present
            }
        }))
    }
}

fn platform(rig: &mut Rig, case: &Case) -> Platform {
    let (ours, theirs) = case.link();
    let info =
        rig.call_with(NOW, Via { link: ours, channel: 1 }, &GetInfoResponse::request(), |_| unreachable!());
    Platform::new(case.client, theirs, GetInfoResponse::decode(&info).unwrap())
}

#[test]
fn every_profile_client_algorithm_and_preference_registers_and_signs_in_or_says_why_not() {
    let mut done = 0;
    for (number, case) in every_case().into_iter().enumerate() {
        // The two signers take turns; each is verified by ring and, where it made the key, the other signs with it.
        let identity = identity(&case.profile.authenticator);
        let signer: Box<dyn Signer + Send> = match number % 2 {
            0 => Box::new(Attesting::new(Pooled(DeterministicSigner), identity)),
            _ => Box::new(Attesting::new(Pooled(FastSigner::default()), identity)),
        };
        let mut rig = Rig::with_signer(case.profile.authenticator.clone(), signer);
        if matches!(case.profile.authenticator.verification, Verification::Enrollable { .. }) {
            rig.authenticator.add_finger(NOW, None).result.unwrap();
        }
        match register(&mut rig, &case) {
            Some(credential) => {
                sign_in(&mut rig, &case, &credential);
                done += 1;
            }
            None => assert!(!case.possible(), "{}", case.name()),
        }
    }
    assert!(done > 300, "only {done} cases went through");
}

fn register(rig: &mut Rig, case: &Case) -> Option<StoredCredential> {
    let rp = case.relying_party();
    let mut options = rp.creation_options(user(), vec![7; 32], &[]);
    let selection = options.authenticator_selection.as_mut().unwrap();
    selection.resident_key = Some(case.resident_key.into());
    selection.require_resident_key = Some(case.resident_key == "required");
    let platform = platform(rig, case);
    let link = case.link().0;
    let begun = Create::begin(&Origin::parse(ORIGIN).unwrap(), &options, &platform);
    let made = match begun.and_then(|begun| client::run(begun, exchange(rig, link))) {
        Ok(made) => made,
        Err(refused) => {
            assert!(!case.possible(), "{}: {refused}", case.name());
            assert!(rig.shelf.stored().credentials.is_empty(), "{}", case.name());
            return None;
        }
    };
    assert!(case.possible(), "{}", case.name());

    let nobody = |_: &[u8]| false;
    let mut expectation = RegistrationExpectation::of(&options, &nobody);
    expectation.user_verification = case.verification;
    let registered = rp.verify_registration(&expectation, &made.response);
    let registered = registered.unwrap_or_else(|rejection| panic!("{}: {rejection}", case.name()));

    let erased = case.client == Client::ChromiumUsb && case.conveyance == Conveyance::None;
    let shown = if erased { Aaguid::ZERO } else { case.profile.authenticator.aaguid };
    assert_eq!((registered.aaguid, made.aaguid), (shown, shown), "{}: what the page sees", case.name());
    let backup = &case.profile.authenticator.backup;
    let flags = (registered.credential.backup_eligible, registered.credential.backed_up);
    assert_eq!(flags, (backup.eligible, backup.backed_up), "{}", case.name());
    let stored = usize::from(case.resident_key != "discouraged");
    assert_eq!(rig.shelf.stored().credentials.len(), stored, "{}", case.name());
    Some(registered.credential)
}

fn sign_in(rig: &mut Rig, case: &Case, credential: &StoredCredential) {
    let rp = case.relying_party();
    let platform = platform(rig, case);
    let link = case.link().0;
    let discoverable = case.resident_key != "discouraged";
    // By name first, then, where it can be discovered, without one.
    let lists: &[&[StoredCredential]] = &[std::slice::from_ref(credential), &[]];
    for allow in &lists[..if discoverable { 2 } else { 1 }] {
        let options = rp.request_options(vec![8; 32], allow);
        let origin = Origin::parse(ORIGIN).unwrap();
        let begun = Get::begin(&origin, &options, &platform, Account::Newest).unwrap();
        let signed =
            client::run(begun, exchange(rig, link)).unwrap_or_else(|e| panic!("{}: {e}", case.name()));
        let identified = (!allow.is_empty()).then_some(b"alice".as_slice());
        let expectation = AuthenticationExpectation::of(&options, identified);
        let verified = rp.verify_authentication(&expectation, &signed.response, credential);
        verified.unwrap_or_else(|rejection| panic!("{}: {rejection}", case.name()));

        let mut stale = expectation;
        stale.challenge = vec![9; 32];
        let rejection = rp.verify_authentication(&stale, &signed.response, credential).unwrap_err();
        assert!(rejection.to_string().contains("§7.2"), "{rejection}");
    }
}

#[test]
fn a_second_registration_of_the_same_account_is_refused_by_name() {
    let case = Case {
        profile: DeviceProfile::named("ms-authenticator-ios").unwrap(),
        client: Client::SpecL3,
        algorithm: Algorithm::ES256,
        resident_key: "required",
        verification: UserVerification::Required,
        conveyance: Conveyance::Direct,
    };
    let mut rig = Rig::new(case.profile.authenticator.clone());
    let credential = register(&mut rig, &case).unwrap();
    let options = case.relying_party().creation_options(user(), vec![7; 32], &[credential]);
    let platform = platform(&mut rig, &case);
    let begun = Create::begin(&Origin::parse(ORIGIN).unwrap(), &options, &platform).unwrap();
    let refused = client::run(begun, exchange(&mut rig, Link::Internal)).unwrap_err();
    assert_eq!(refused.exception(), "InvalidStateError");
    assert_eq!(rig.shelf.stored().credentials.len(), 1);
}
