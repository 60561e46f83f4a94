//! Devices that go wrong on purpose, and users who follow scripts: what a client and a relying party make of them.
use authenticator::Link;
use authenticator::profile::Attestation;
use authenticator::signer::Attesting;
use authenticator::store::MemoryStore;
use client::{Account, Client, ClientError, Create, Get, Origin, Platform};
use emulator::script::Step as Act;
use emulator::{Answer, DeviceProfile, Event, FastSigner, Port, Script, UserPolicy, VirtualAuthenticator};
use relying_party::{
    AttestationPolicy, AuthenticationExpectation, Conveyance, Registered, RegistrationExpectation, Rejection,
    RelyingParty, StoredCredential,
};
use std::time::Duration;
use tests::{CA, NOW, identity, rng};
use transport::direct;
use wire::ctap2::GetInfoResponse;
use wire::status::Status;
use wire::time::Instant;
use wire::webauthn::json::UserEntity;

const RP: &str = "login.example.test";

/// A device, a page, and the time.
struct Scene {
    device: VirtualAuthenticator,
    port: Port,
    now: Instant,
    happened: Vec<Event>,
    challenge: u8,
}

impl Scene {
    fn new(profile: &str) -> Self {
        Self::of(DeviceProfile::named(profile).unwrap())
    }

    fn of(profile: DeviceProfile) -> Self {
        let signer = Box::new(Attesting::new(FastSigner::default(), identity(&profile.authenticator)));
        let store = Box::new(MemoryStore::default());
        let mut device = VirtualAuthenticator::new(NOW, profile, store, signer, rng(1)).unwrap();
        let port = device.plug(Link::Usb, Box::new(direct::Device::new()));
        // A reader of fingers wants one; other devices verify without.
        let _none_needed = device.add_finger(NOW, None);
        Self { device, port, now: NOW, happened: Vec::new(), challenge: 0 }
    }

    /// A device on which that fault is armed.
    fn with(profile: &str, fault: &str) -> Self {
        let scene = Self::new(profile);
        scene.arm(fault);
        scene
    }

    fn arm(&self, fault: &str) {
        self.device.arm(fault.parse().unwrap()).unwrap();
    }

    /// The answer, for which time jumps from deadline to deadline; `None` if there is none.
    fn exchange(&mut self, request: &[u8]) -> Option<Vec<u8>> {
        self.device.handle_frame(self.now, self.port, request);
        loop {
            let answer = self.device.poll_frame().map(|(_, frame)| frame);
            self.happened.extend(std::iter::from_fn(|| self.device.poll_event()));
            if answer.is_some() {
                return answer;
            }
            self.now = self.device.poll_timeout()?;
            self.device.handle_timeout(self.now);
        }
    }

    fn platform(&mut self) -> Platform {
        let answer = self.exchange(&GetInfoResponse::request()).unwrap();
        Platform::new(Client::Raw, client::Link::Usb, GetInfoResponse::decode(&answer).unwrap())
    }

    fn party() -> RelyingParty {
        let attestation = AttestationPolicy {
            conveyance: Conveyance::Direct,
            trust_anchors: vec![CA.certificate().to_vec()],
            now: Some(1_800_000_000),
            ..AttestationPolicy::default()
        };
        RelyingParty { attestation, ..RelyingParty::new(RP) }
    }

    fn challenge(&mut self) -> Vec<u8> {
        self.challenge += 1;
        vec![self.challenge; 32]
    }

    fn register(&mut self, name: &str) -> Result<Result<StoredCredential, Rejection>, ClientError> {
        Ok(self.registered(name)?.map(|registered| registered.credential))
    }

    fn registered(&mut self, name: &str) -> Result<Result<Registered, Rejection>, ClientError> {
        let (platform, party) = (self.platform(), Self::party());
        let user =
            UserEntity { id: name.as_bytes().to_vec().into(), name: name.into(), display_name: name.into() };
        let options = party.creation_options(user, self.challenge(), &[]);
        let origin = Origin::parse(&format!("https://{RP}")).unwrap();
        let begun = Create::begin_with(&origin, &options, &platform, None, &mut rng(2))?;
        let made =
            client::run(begun, |request: &[u8]| Ok::<_, ClientError>(self.exchange(request).unwrap()))?;
        let expected = RegistrationExpectation::of(&options, &|_| false);
        Ok(party.verify_registration(&expected, &made.response))
    }

    fn sign_in(&mut self, stored: &StoredCredential) -> Result<Result<u32, Rejection>, ClientError> {
        let (platform, party) = (self.platform(), Self::party());
        let options = party.request_options(self.challenge(), std::slice::from_ref(stored));
        let origin = Origin::parse(&format!("https://{RP}")).unwrap();
        let begun = Get::begin_with(&origin, &options, &platform, Account::Newest, None, &mut rng(2))?;
        let made =
            client::run(begun, |request: &[u8]| Ok::<_, ClientError>(self.exchange(request).unwrap()))?;
        let expected = AuthenticationExpectation::of(&options, None);
        let verified = party.verify_authentication(&expected, &made.response, stored);
        Ok(verified.map(|authenticated| authenticated.sign_count))
    }

    fn struck(&self) -> usize {
        self.happened.iter().filter(|event| matches!(event, Event::Fault(_))).count()
    }
}

fn refused(error: ClientError) -> Status {
    error.status().unwrap_or_else(|| panic!("{error}"))
}

#[test]
fn the_relying_party_refuses_each_lie_of_a_sign_in_at_the_step_that_is_for_it() {
    for (fault, step) in [
        ("bad-signature", "§7.2 step 21"),
        ("damaged-der", "§7.2 step 21"),
        ("other-key", "§7.2 step 21"),
        ("foreign-rp-id-hash", "§7.2 step 15"),
        ("flags=-UP", "§7.2 step 16"),
        ("flags=-UV", "§7.2 step 17"),
        ("flags=+BS", "§7.2 step 18"),
        ("flags=+BE", "§7.2 step 19"),
        ("counter-backwards", "§7.2 step 22"),
        ("counter-frozen", "§7.2 step 22"),
    ] {
        let mut scene = Scene::new("fingerprint-key");
        scene.device.set_user(NOW, UserPolicy::APPROVE);
        let stored = scene.register("ada").unwrap().unwrap();
        // The first one tells the counter that a frozen one stays at.
        let before = if fault == "counter-frozen" { ",times=2" } else { ",once" };
        scene.arm(&format!("{fault}{before}"));
        let stored = match fault {
            "counter-frozen" => {
                let count = scene.sign_in(&stored).unwrap().unwrap();
                StoredCredential { sign_count: count, ..stored }
            }
            _ => stored,
        };
        let rejection = scene.sign_in(&stored).unwrap().unwrap_err();
        assert!(rejection.cite().contains(step), "{fault}: {}", rejection.cite());
        assert!(scene.struck() > 0, "{fault}: it is told");
        scene.sign_in(&stored).unwrap().unwrap_or_else(|why| panic!("{fault} is over: {}", why.cite()));
    }
}

#[test]
fn the_relying_party_refuses_each_lie_of_a_registration_at_the_step_that_is_for_it() {
    for (fault, step) in [
        ("bad-signature", "§7.1 step 22"),
        ("damaged-der", "§7.1 step 22"),
        ("other-key", "§7.1 step 22"),
        ("foreign-rp-id-hash", "§7.1 step 14"),
        ("flags=-UP", "§7.1 step 15"),
        ("flags=+BS", "§7.1 step 17"),
    ] {
        let mut scene = Scene::with("fingerprint-key", &format!("{fault},once"));
        let rejection = scene.register("ada").unwrap().err().unwrap_or_else(|| panic!("{fault} is taken"));
        assert!(rejection.cite().contains(step), "{fault}: {}", rejection.cite());
        scene.register("ada").unwrap().unwrap_or_else(|why| panic!("{fault} is over: {}", why.cite()));
    }
}

/// What another made can be spoilt too: its signature, or the certificate where there is none. Another key is certified in
/// place of the credential's.
#[test]
fn a_lie_in_what_a_platform_states_is_refused_at_the_step_of_its_format() {
    use Attestation::{AndroidKey, AndroidSafetyNet, Apple, Tpm};
    for mode in [Tpm, AndroidKey, AndroidSafetyNet, Apple] {
        for fault in ["bad-signature", "damaged-der", "other-key"] {
            let step = match (mode, fault) {
                // What SafetyNet says is bound to no key.
                (AndroidSafetyNet, "other-key") => continue,
                (Apple, "bad-signature") => "§7.1 step 24",
                (Apple, "damaged-der") => "(x5c)",
                _ => "§7.1 step 22",
            };
            let mut profile = DeviceProfile::named("ms-authenticator-android").unwrap();
            profile.authenticator.attestation = mode;
            let mut scene = Scene::of(profile);
            scene.arm(&format!("{fault},once"));
            let rejection = scene.register("ada").unwrap().err();
            let cite = rejection.unwrap_or_else(|| panic!("{mode:?}: {fault} is taken")).cite();
            assert!(cite.contains(step), "{mode:?}, {fault}: {cite}");
            scene.register("ada").unwrap().unwrap_or_else(|why| panic!("{fault} is over: {}", why.cite()));
        }
    }
}

#[test]
fn a_lie_about_the_model_is_signed_by_the_credential_and_taken_by_who_does_not_look() {
    let mut scene = Scene::with("fingerprint-key", "other-aaguid=90a3ccdf-635c-4729-a248-9b709135078f");
    let registered = scene.registered("ada").unwrap().unwrap();
    assert_eq!(registered.aaguid.to_string(), "90a3ccdf-635c-4729-a248-9b709135078f");
}

#[test]
fn a_client_refuses_answers_that_are_none() {
    for fault in ["non-canonical-cbor", "truncated-cbor", "flags=-AT", "flags=+ED"] {
        let mut scene = Scene::with("ms-authenticator-ios", fault);
        let error = scene.register("ada").unwrap_err();
        assert!(matches!(error, ClientError::Answer { .. }), "{fault}: {error}");
        assert_eq!(scene.struck(), 1);
    }
    let mut scene = Scene::with("ms-authenticator-ios", "extra-member");
    scene.register("ada").unwrap().unwrap();
    assert_eq!(scene.struck(), 1, "a member that nobody knows is passed over");
    let mut scene = Scene::with("ms-authenticator-ios", "status=KEY_STORE_FULL,once");
    assert_eq!(refused(scene.register("ada").unwrap_err()), Status::KEY_STORE_FULL);
    scene.register("ada").unwrap().unwrap();
}

#[test]
fn a_store_that_is_full_refuses_a_registration_and_nothing_is_half_made() {
    let mut scene = Scene::new("ms-authenticator-ios");
    scene.arm("store-full,once");
    assert_eq!(refused(scene.register("ada").unwrap_err()), Status::KEY_STORE_FULL);
    scene.arm("store-failing,once");
    assert_ne!(refused(scene.register("ada").unwrap_err()), Status::KEY_STORE_FULL);
    assert_eq!(scene.device.passkey_count(), 0);
    scene.register("ada").unwrap().unwrap();
    assert_eq!(scene.device.passkey_count(), 1);
}

#[test]
fn a_device_vanishes_with_its_request_and_comes_back() {
    let mut scene = Scene::with("ms-authenticator-ios", "vanish=250,once");
    let platform = scene.platform();
    assert!(scene.device.is_powered(), "getInfo is no ceremony");
    let user = UserEntity { id: vec![1].into(), name: "a".into(), display_name: "a".into() };
    let options = Scene::party().creation_options(user, vec![1; 32], &[]);
    let origin = Origin::parse(&format!("https://{RP}")).unwrap();
    let (_, request) = Create::begin(&origin, &options, &platform).unwrap();
    scene.device.handle_frame(scene.now, scene.port, &request);
    assert!(!scene.device.is_powered());
    assert_eq!(scene.device.poll_frame(), None);
    let back = scene.device.poll_timeout().unwrap();
    assert_eq!(back.since(scene.now), Duration::from_millis(250));
    scene.now = back;
    scene.device.handle_timeout(back);
    assert!(scene.device.is_powered());
    scene.register("ada").unwrap().unwrap();

    scene.arm("vanish=0");
    scene.device.handle_frame(scene.now, scene.port, &request);
    assert!(!scene.device.is_powered());
    assert_eq!(scene.device.poll_timeout(), None, "it does not come back by itself");
}

#[test]
fn the_wrong_finger_uses_every_attempt_up_and_then_verification_is_blocked() {
    let mut scene = Scene::new("fingerprint-key");
    let stored = scene.register("ada").unwrap().unwrap();
    scene.device.set_user(scene.now, UserPolicy::at_once(Answer::WrongFinger));
    let mut ends = Vec::new();
    for _ in 0..4 {
        ends.push(refused(scene.sign_in(&stored).unwrap_err()));
    }
    // Whatever it says first: it never signs, and the last one is not asked at all.
    let asked =
        |scene: &Scene| scene.happened.iter().filter(|event| matches!(event, Event::Prompted(_))).count();
    let before = asked(&scene);
    let last = refused(scene.sign_in(&stored).unwrap_err());
    assert_eq!(asked(&scene), before, "{ends:?} {last:?}");
    scene.device.set_user(scene.now, UserPolicy::APPROVE);
    assert!(scene.sign_in(&stored).is_err(), "the right finger comes too late");
}

fn step(act: &str) -> Act {
    Act { rp_id: None, purpose: None, prompt: None, act: act.into(), delay_ms: 0 }
}

#[test]
fn a_script_answers_question_by_question() {
    let mut scene = Scene::new("ms-authenticator-ios");
    let script = Script {
        steps: vec![
            Act { purpose: Some("sign-in".into()), prompt: Some(2), ..step("deny") },
            Act { purpose: Some("sign-in".into()), prompt: Some(3), ..step("ignore") },
            Act { purpose: Some("register".into()), rp_id: Some("other.test".into()), ..step("deny") },
            Act { prompt: Some(5), delay_ms: 1_500, ..step("approve") },
        ],
        otherwise: None,
    };
    scene.device.set_script(Some(script.clone())).unwrap();
    assert_eq!(scene.device.script(), Some(&script));
    let stored = scene.register("ada").unwrap().unwrap();
    scene.sign_in(&stored).unwrap().unwrap();
    assert_eq!(refused(scene.sign_in(&stored).unwrap_err()), Status::OPERATION_DENIED);
    let waited = scene.now;
    let ignored = refused(scene.sign_in(&stored).unwrap_err());
    assert!(scene.now.since(waited) >= Duration::from_secs(10), "{ignored:?}");
    let asked = scene.now;
    scene.sign_in(&stored).unwrap().unwrap();
    assert_eq!(scene.now.since(asked), Duration::from_millis(1_500));
    // Whoever is told to do something else no longer follows it.
    scene.device.set_user(scene.now, UserPolicy::at_once(Answer::Deny));
    assert_eq!(scene.device.script(), None);
    assert_eq!(refused(scene.sign_in(&stored).unwrap_err()), Status::OPERATION_DENIED);
}

#[test]
fn a_script_that_makes_no_sense_is_refused_and_the_one_before_goes_on() {
    let mut scene = Scene::new("ms-authenticator-ios");
    let good = Script { otherwise: Some("deny".into()), ..Script::default() };
    scene.device.set_script(Some(good.clone())).unwrap();
    for (bad, why) in [
        (Script { steps: vec![step("dance")], otherwise: None }, "step 1: `dance` is no user policy"),
        (
            Script { steps: vec![step("deny"), Act { prompt: Some(0), ..step("deny") }], otherwise: None },
            "step 2: prompt is a number from 1",
        ),
        (
            Script { steps: vec![Act { purpose: Some("login".into()), ..step("deny") }], otherwise: None },
            "step 1: there is no purpose `login`",
        ),
        (Script { otherwise: Some("maybe".into()), ..good.clone() }, "otherwise: `maybe`"),
    ] {
        let invalid = scene.device.set_script(Some(bad)).unwrap_err().to_string();
        assert!(invalid.starts_with(why), "{invalid}");
    }
    assert_eq!(scene.device.script(), Some(&good));
    assert_eq!(refused(scene.register("ada").unwrap_err()), Status::OPERATION_DENIED);
}

#[test]
fn every_purpose_has_the_name_that_scripts_know() {
    assert_eq!(emulator::script::PURPOSES.len(), 10);
    let select = authenticator::Purpose::Select;
    assert_eq!(emulator::script::purpose(&select), "select");
    let reset = authenticator::Purpose::Reset { long_touch: false };
    assert_eq!(emulator::script::purpose(&reset), "reset");
}

#[test]
fn a_passkey_that_was_made_without_a_ceremony_signs_in() {
    use wire::ctap2::{RpEntity, UserEntity as User};
    let mut scene = Scene::new("ms-authenticator-ios");
    let add = |scene: &mut Scene, id: &[u8]| {
        let rp = RpEntity { id: RP.into(), name: None };
        let user = User { id: id.into(), name: Some("ada".into()), display_name: None };
        scene.device.add_passkey(NOW, rp, user, None)
    };
    let passkey = add(&mut scene, b"ada").unwrap();
    let other = add(&mut scene, b"bob").unwrap();
    let again = add(&mut scene, b"ada").unwrap();
    let ids: Vec<_> = scene.device.passkeys().into_iter().map(|passkey| passkey.id).collect();
    assert_eq!(ids, [again.id.clone(), other.id], "an account has one, the newest");
    assert_ne!(passkey.id, again.id);
    let mut stored = scene.register("eve").unwrap().unwrap();
    stored.id = again.id;
    stored.public_key = again.public_key;
    stored.user_handle = b"ada".to_vec();
    scene.sign_in(&stored).unwrap().unwrap();
    let rp = RpEntity { id: RP.into(), name: None };
    let user = User { id: vec![1], name: None, display_name: None };
    let refused = scene.device.add_passkey(NOW, rp, user, Some(wire::cose::Algorithm::RS256)).unwrap_err();
    assert_eq!(refused.status, Status::UNSUPPORTED_ALGORITHM);
}
