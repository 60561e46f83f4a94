use super::*;
use crate::traffic::Towards;
use authenticator::signer::{DeterministicSigner, Signer};
use authenticator::store::{MemoryStore, Store};
use effect::Door;
use plan::Occasion;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::time::Duration;
use transport::{Event, Format, Link};
use wire::aaguid::Aaguid;
use wire::cbor;
use wire::cose::{Algorithm, PublicKey};
use wire::ctap2::Command;
use wire::status::Status;
use wire::time::Instant;
use wire::webauthn::{AttestedCredentialData, AuthenticatorData, Flags};

fn fault(text: &str) -> Fault {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn a_fault_is_written_as_it_is_read_as_text_and_as_json() {
    for text in [
        "bad-signature",
        "counter-backwards,once",
        "status=0x27,command=getAssertion,after=1,times=3",
        "drop-frame,towards=device,chance=10",
        "flags=+BE-UV,rp=example.test",
        "delay-frame=250",
    ] {
        let fault = fault(text);
        assert_eq!(fault.to_string(), text);
        let json = serde_json::to_string(&fault).unwrap();
        assert_eq!(serde_json::from_str::<Fault>(&json).unwrap(), fault, "{json}");
    }
    let number: Fault = serde_json::from_str(r#"{"fault":"status","value":39}"#).unwrap();
    assert_eq!(number, fault("status=39"));
    assert!(serde_json::from_str::<Fault>(r#"{"fault":"status","vlaue":39}"#).is_err());
    let from_toml: Fault = toml::from_str("fault = \"vanish\"\nvalue = 0\ntimes = 1").unwrap();
    assert_eq!(from_toml, fault("vanish=0,once"));
}

#[test]
fn every_kind_can_be_armed_and_says_what_it_does() {
    for kind in Kind::ALL {
        let value = match kind {
            Kind::Flags => "=+BE",
            Kind::Status => "=OPERATION_DENIED",
            _ => "",
        };
        let text = format!("{kind}{value}");
        Faults::default().arm(fault(&text)).unwrap();
        assert!(kind.about().len() > 10 && !kind.about().ends_with('.'), "{}", kind.about());
    }
}

#[test]
fn what_makes_no_sense_is_refused_with_a_way_out() {
    for (text, why, hint) in [
        ("bad-signatur", "`bad-signatur` is no fault", Some("did you mean `bad-signature`?")),
        ("", "`` is no fault", Some("there are drop-frame")),
        ("bad-signature=1", "bad-signature: it has no value", None),
        ("flags", "flags: which flags?", None),
        ("flags=+XX", "flags: `+XX` is no list of flags", Some("write + or -")),
        ("flags=+BE-BE", "flags: `+BE-BE` is no list of flags", Some("write + or -")),
        ("flags=+é", "flags: `+é` is no list of flags", Some("write + or -")),
        ("status=0x100", "status: `0x100` is no status", Some("write a number")),
        ("status", "status: which status?", None),
        ("vanish=3600001", "vanish: 3600.001s is longer than an hour", None),
        ("delay-frame=x", "delay-frame: `x` is no number of 32 bits", None),
        ("other-aaguid=1", "other-aaguid: `1` is no AAGUID", None),
        ("drop-frame,chance=0", "drop-frame: chance is a number from 1 to 100", None),
        ("drop-frame,chance=101", "drop-frame: chance is a number from 1 to 100", None),
        ("drop-frame,times=0", "drop-frame: times is a number from 1", None),
        ("drop-frame,twice", "`twice` does not restrict a fault", Some("there are once")),
        ("drop-frame,after=-1", "`after=-1`: `-1` is no number", None),
        ("drop-frame,command=make", "drop-frame: there is no command `make`", Some("such as makeCredential")),
        ("bad-signature,towards=device", "bad-signature: only frames go one way or the other", None),
        ("status=1,rp=a.test", "status: only what is signed has an RP ID", None),
    ] {
        let invalid = text.parse::<Fault>().unwrap_err();
        assert!(invalid.why.starts_with(why), "{text}: {invalid}");
        match hint {
            Some(hint) => assert!(invalid.hint.as_ref().unwrap().starts_with(hint), "{text}: {invalid:?}"),
            None => assert_eq!(invalid.hint, None, "{text}"),
        }
    }
}

/// On which of the first occasions that fault strikes.
fn strikes(faults: &Faults, occasions: usize) -> Vec<usize> {
    let mut struck = Vec::new();
    for at in 0..occasions {
        faults.strike(Door::Frame, Occasion::default(), |_| {
            struck.push(at);
            Some(String::new())
        });
    }
    struck
}

#[test]
fn a_fault_strikes_after_so_many_occasions_and_so_many_times() {
    for (text, expected) in [
        ("drop-frame", (0..6).collect()),
        ("drop-frame,once", vec![0]),
        ("drop-frame,times=2,after=3", vec![3, 4]),
        ("drop-frame,after=7", vec![]),
    ] {
        let faults = Faults::default();
        faults.arm(fault(text)).unwrap();
        assert_eq!(strikes(&faults, 6), expected, "{text}");
        let told: Vec<Strike> = std::iter::from_fn(|| faults.poll()).collect();
        assert_eq!(told.len(), expected.len());
        assert_eq!(faults.armed()[0].struck, expected.len() as u64);
    }
}

#[test]
fn a_seed_decides_by_chance_and_the_same_seed_the_same_way() {
    let run = |seed| {
        let faults = Faults::default();
        faults.seed(seed);
        faults.arm(fault("drop-frame,chance=30")).unwrap();
        strikes(&faults, 1_000)
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
    assert!((200..400).contains(&run(1).len()), "{}", run(1).len());
}

#[test]
fn disarmed_is_disarmed() {
    let faults = Faults::default();
    let first = faults.arm(fault("drop-frame")).unwrap();
    let second = faults.arm(fault("drop-frame")).unwrap();
    assert_ne!(first.id, second.id);
    assert!(faults.disarm(first.id));
    assert!(!faults.disarm(first.id));
    assert_eq!(faults.armed(), [second]);
    faults.clear();
    assert!(faults.is_idle());
    assert!(strikes(&faults, 3).is_empty());
}

#[test]
fn a_command_that_is_named_is_the_only_one() {
    for name in ["getAssertion", "authenticatorGetAssertion", "GETASSERTION"] {
        let faults = Faults::default();
        faults.arm(fault(&format!("drop-frame,command={name}"))).unwrap();
        faults.begin(Some(Command::MAKE_CREDENTIAL));
        assert!(strikes(&faults, 1).is_empty());
        faults.begin(Some(Command::GET_ASSERTION));
        assert_eq!(strikes(&faults, 1).len(), 1);
    }
}

#[test]
fn answers_change_only_for_ceremonies_unless_a_command_is_named() {
    let good = [&[0], cbor::encode(&cbor::int_map([(1, Some(cbor::text("x")))])).as_slice()].concat();
    let changed = |text: &str, command| {
        let faults = Faults::default();
        faults.arm(fault(text)).unwrap();
        faults.begin(Some(command));
        faults.reply(&good).into_owned()
    };
    assert_eq!(changed("status=0x27", Command::GET_INFO), good);
    assert_eq!(changed("status=0x27", Command::GET_ASSERTION), [0x27]);
    assert_eq!(changed("status=OPERATION_DENIED", Command::MAKE_CREDENTIAL), [0x27]);
    assert_eq!(changed("status=0x01,command=getInfo", Command::GET_INFO), [0x01]);
    let long = changed("non-canonical-cbor", Command::GET_ASSERTION);
    assert_eq!(long, [&[0, 0xB8, 1], &good[2..]].concat());
    assert!(cbor::decode(&long[1..]).is_err());
    let short = changed("truncated-cbor", Command::GET_ASSERTION);
    assert!(good.starts_with(&short) && short.len() < good.len() && !short.is_empty());
    let more = cbor::decode(&changed("extra-member", Command::GET_ASSERTION)[1..]).unwrap();
    assert_eq!(more.as_map().unwrap().len(), 2);
}

/// A link that echoes each frame in two.
#[derive(Default)]
struct Echo(Vec<Vec<u8>>, Vec<Vec<u8>>);

impl Link for Echo {
    fn format(&self) -> Format {
        Format::Ctaphid
    }
    fn handle_frame(&mut self, _: Instant, frame: &[u8]) -> Option<Event> {
        self.0.push(frame.into());
        self.1.extend([frame.to_vec(), [frame, b"2"].concat()]);
        None
    }
    fn await_user(&mut self, _: Instant) {}
    fn processing(&mut self, _: Instant) {}
    fn respond(&mut self, _: Instant, _: &[u8]) {}
    fn poll_frame(&mut self) -> Option<Vec<u8>> {
        (!self.1.is_empty()).then(|| self.1.remove(0))
    }
    fn poll_timeout(&self) -> Option<Instant> {
        None
    }
    fn handle_timeout(&mut self, _: Instant) -> Option<Event> {
        None
    }
    fn reset(&mut self) {}
}

/// What comes back from a link with that fault for the frame `abcdefgh`.
fn echoed(text: &str) -> Vec<Vec<u8>> {
    let faults = Faults::default();
    faults.arm(fault(text)).unwrap();
    let mut link = FaultyLink::new(Box::new(Echo::default()), faults);
    link.handle_frame(Instant::POWER_UP, b"abcdefgh");
    std::iter::from_fn(|| link.poll_frame()).collect()
}

#[test]
fn frames_are_lost_doubled_cut_and_sent_astray_either_way() {
    let texts = |frames: &[&str]| frames.iter().map(|frame| frame.as_bytes().to_vec()).collect::<Vec<_>>();
    assert_eq!(echoed("drop-frame,once"), texts(&["abcdefgh2"]));
    assert_eq!(echoed("drop-frame,towards=device"), texts(&[]));
    assert_eq!(echoed("duplicate-frame,once"), texts(&["abcdefgh", "abcdefgh", "abcdefgh2"]));
    assert_eq!(echoed("duplicate-frame,towards=device").len(), 4);
    assert_eq!(echoed("truncate-frame,once"), texts(&["abcd", "abcdefgh2"]));
    assert_eq!(&echoed("wrong-channel,once")[0][4..], b"efgh");
    assert_ne!(&echoed("wrong-channel,once")[0][..4], b"abcd");
    let corrupted = &echoed("corrupt-frame,once")[0];
    let flipped: u32 = corrupted.iter().zip(b"abcdefgh").map(|(a, b)| (a ^ b).count_ones()).sum();
    assert_eq!(flipped, 1);
}

#[test]
fn a_late_frame_keeps_its_place() {
    let faults = Faults::default();
    faults.arm(fault("delay-frame=250,once")).unwrap();
    let mut link = FaultyLink::new(Box::new(Echo::default()), faults);
    let start = Instant::POWER_UP;
    link.handle_frame(start, b"first");
    assert_eq!(link.poll_frame(), None, "the second waits behind the first");
    let due = link.poll_timeout().unwrap();
    assert_eq!(due.since(start), Duration::from_millis(250));
    link.handle_timeout(due);
    assert_eq!(link.poll_frame().unwrap(), b"first");
    assert_eq!(link.poll_frame().unwrap(), b"first2");
    assert_eq!(link.poll_timeout(), None);
}

fn data(attested: Option<PublicKey>, sign_count: u32) -> AuthenticatorData {
    let attested = attested.map(|public_key| AttestedCredentialData {
        aaguid: Aaguid([1; 16]),
        credential_id: vec![2; 16],
        public_key,
    });
    let flags = Flags::UP | Flags::UV | Flags::AT.when(attested.is_some());
    AuthenticatorData { rp_id_hash: [7; 32], flags, sign_count, attested, extensions: None }
}

/// What is signed with that fault armed, and whether the signature verifies.
fn signed(faults: &Faults, data: &AuthenticatorData) -> (AuthenticatorData, bool) {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let key = DeterministicSigner.generate(Algorithm::ES256, &mut rng).unwrap();
    let mut signer = FaultySigner::new(Box::new(DeterministicSigner), faults.clone());
    let signed = signer.sign(&key, data, &[9; 32]).unwrap();
    let PublicKey::P256 { x, y } = key.public else { unreachable!() };
    let point = [&[4], x.as_slice(), &y].concat();
    let verifier = ring::signature::UnparsedPublicKey::new(&ring::signature::ECDSA_P256_SHA256_ASN1, point);
    let message = [signed.auth_data.as_slice(), &[9; 32]].concat();
    (
        AuthenticatorData::decode(&signed.auth_data).unwrap(),
        verifier.verify(&message, &signed.signature).is_ok(),
    )
}

fn with(text: &str) -> Faults {
    let faults = Faults::default();
    faults.arm(fault(text)).unwrap();
    faults
}

#[test]
fn a_lie_is_signed_well_and_a_bad_signature_is_over_the_truth() {
    let truth = data(None, 5);
    for text in ["bad-signature", "damaged-der", "other-key"] {
        assert_eq!(signed(&with(text), &truth), (truth.clone(), false), "{text}");
    }
    let (lie, verifies) = signed(&with("flags=+BE-UV"), &truth);
    assert_eq!((lie.flags, verifies), (Flags::UP | Flags::BE, true));
    let (lie, verifies) = signed(&with("foreign-rp-id-hash"), &truth);
    assert!(verifies && lie.rp_id_hash != truth.rp_id_hash);
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    let public = DeterministicSigner.generate(Algorithm::ES256, &mut rng).unwrap().public;
    let (lie, verifies) = signed(&with("other-aaguid"), &data(Some(public), 1));
    assert!(verifies && lie.attested.unwrap().aaguid == Aaguid([0xFA; 16]));
    assert_eq!(signed(&with("other-aaguid"), &truth), (truth, true), "there is no model to lie about");
}

#[test]
fn counters_go_backwards_stand_still_and_jump() {
    let told = |text: &str, real: [u32; 3]| {
        let faults = with(text);
        real.map(|count| signed(&faults, &data(None, count)).0.sign_count)
    };
    assert_eq!(told("counter-backwards", [8, 9, 10]), [1, 0, 0]);
    assert_eq!(told("counter-backwards", [0, 0, 0]), [1000, 999, 998]);
    assert_eq!(told("counter-frozen", [8, 9, 10]), [8, 8, 8]);
    assert_eq!(told("counter-jumping=100", [8, 9, 10]), [108, 208, 308]);
    assert_eq!(told("counter-frozen,after=1,times=1", [8, 9, 10]), [8, 9, 10]);
}

#[test]
fn a_lie_for_one_relying_party_is_told_to_no_other() {
    let mut truth = data(None, 5);
    assert_eq!(signed(&with("flags=-UV,rp=example.test"), &truth).0, truth);
    let hash = ring::digest::digest(&ring::digest::SHA256, b"example.test");
    truth.rp_id_hash = hash.as_ref().try_into().unwrap();
    assert_ne!(signed(&with("flags=-UV,rp=example.test"), &truth).0, truth);
}

#[test]
fn a_signature_that_is_not_there_is_no_occasion() {
    let faults = with("bad-signature,once");
    let mut signer = FaultySigner::new(Box::new(DeterministicSigner), faults.clone());
    let truth = data(None, 5);
    assert_eq!(signer.present(&truth), truth.encode());
    assert!(faults.poll().is_none());
    assert!(!signed(&faults, &truth).1);
    assert!(signed(&faults, &truth).1, "it struck once");
}

#[test]
fn a_store_that_is_full_or_fails_takes_nothing() {
    for (text, full) in [("store-full,once", true), ("store-failing,once", false)] {
        let mut store = FaultyStore::new(Box::new(MemoryStore::default()), with(text));
        let refused = store.commit(&[]).unwrap_err();
        assert_eq!(matches!(refused, authenticator::store::StoreError::Full), full, "{text}");
        store.commit(&[]).unwrap();
        store.load().unwrap();
    }
}

#[test]
fn frames_of_the_other_way_and_statuses_that_have_names_are_told_apart() {
    let faults = with("drop-frame,towards=device");
    let mut struck = 0;
    for towards in [Towards::Device, Towards::Platform] {
        let occasion = Occasion { towards: Some(towards), ..Occasion::default() };
        faults.strike(Door::Frame, occasion, |_| {
            struck += 1;
            Some(String::new())
        });
    }
    assert_eq!(struck, 1);
    assert_eq!(with("status=CTAP2_ERR_OPERATION_DENIED,command=getInfo").armed().len(), 1);
    assert_eq!(Status::OPERATION_DENIED.0, 0x27);
}
