//! Every algorithm, by every order in which a platform may offer it.
use authenticator::profile::{Attestation, Counter, Profile};
use authenticator::signer::{DeterministicSigner, Signer};
use authenticator::{Progress, Request};
use emulator::FastSigner;
use relying_party::{AuthenticationExpectation, RelyingParty, StoredCredential, UserVerification};
use sha2::{Digest, Sha256};
use tests::{ALGORITHMS, NOW, Pooled, RP_ID, Rig, USB, all_in, listed, registration, sign_in, status};
use wire::cose::Algorithm;
use wire::ctap2::{
    GetAssertion, GetAssertionResponse, GetInfoResponse, MakeCredential, MakeCredentialResponse,
};
use wire::ctaphid::MAX_MESSAGE_SIZE;
use wire::status::Status;
use wire::webauthn::json::{AssertionResponse, AuthenticationResponse};
use wire::webauthn::{AttestedCredentialData, AuthenticatorData, ClientData};

fn profile(algorithms: &[Algorithm]) -> Profile {
    Profile {
        algorithms: algorithms.into(),
        attestation: Attestation::None,
        counter: Counter::Zero,
        max_credential_id_length: 384,
        ..all_in()
    }
}

fn rig(profile: Profile) -> Rig {
    Rig::with_signer(profile, Box::new(Pooled(DeterministicSigner)))
}

fn made(reply: &[u8]) -> AuthenticatorData {
    AuthenticatorData::decode(&MakeCredentialResponse::decode(reply).unwrap().auth_data).unwrap()
}

/// Every order of `items`.
fn permutations(items: &[Algorithm]) -> Vec<Vec<Algorithm>> {
    if items.is_empty() {
        return vec![Vec::new()];
    }
    let first = |at: usize| {
        let rest = [&items[..at], &items[at + 1..]].concat();
        permutations(&rest).into_iter().map(move |tail| [&[items[at]], tail.as_slice()].concat())
    };
    (0..items.len()).flat_map(first).collect()
}

#[test]
fn step_3_the_platforms_order_decides_in_every_order_that_it_may_offer() {
    let (ours, backwards) = (ALGORITHMS.to_vec(), ALGORITHMS.into_iter().rev().collect::<Vec<_>>());
    let mut rigs = [ours, backwards].map(|order| rig(profile(&order)));
    let orders = permutations(&ALGORITHMS);
    assert_eq!(orders.len(), 720);
    for (number, order) in orders.into_iter().enumerate() {
        let request = MakeCredential { algorithms: order.clone(), ..registration("a") };
        let made = made(&rigs[number % 2].call(&request.encode()));
        assert_eq!(made.attested.unwrap().public_key.algorithm(), order[0], "{order:?}");
    }
}

#[test]
fn step_3_what_the_profile_does_not_have_is_passed_over_in_every_order() {
    let have = [Algorithm::ML_DSA_44, Algorithm::ES256, Algorithm::EDDSA];
    let mut rig = rig(profile(&have));
    let offered =
        [Algorithm::ES384, Algorithm::EDDSA, Algorithm(-70_000), Algorithm::ML_DSA_44, Algorithm::ES512];
    for order in permutations(&offered) {
        let request = MakeCredential { algorithms: order.clone(), ..registration("a") };
        let first = order.iter().find(|algorithm| have.contains(algorithm)).unwrap();
        let made = made(&rig.call(&request.encode()));
        assert_eq!(made.attested.unwrap().public_key.algorithm(), *first, "{order:?}");
    }
    let none = vec![Algorithm::ES384, Algorithm::RS256, Algorithm::ML_DSA_65];
    let request = MakeCredential { algorithms: none, ..registration("a") };
    assert_eq!(rig.call_silently(&request.encode()), status(Status::UNSUPPORTED_ALGORITHM));
}

#[test]
fn get_info_lists_the_algorithms_in_the_profiles_order() {
    for order in [ALGORITHMS.to_vec(), ALGORITHMS.into_iter().rev().collect()] {
        let info = rig(profile(&order)).call_silently(&GetInfoResponse::request());
        assert_eq!(GetInfoResponse::decode(&info).unwrap().algorithms, order);
    }
}

/// Either kind of credential, made by one signer and used after a power cut, with keys read from the store or from
/// the ID alone.
#[test]
fn a_credential_of_every_algorithm_outlives_a_power_cut_in_the_store_and_in_its_id() {
    for algorithm in ALGORITHMS {
        for rk in [true, false] {
            let signers: [Box<dyn Signer + Send>; 2] =
                [Box::new(Pooled(DeterministicSigner)), Box::new(Pooled(FastSigner::default()))];
            for signer in signers {
                let mut rig = Rig::with_signer(profile(&ALGORITHMS), signer);
                let request =
                    MakeCredential { algorithms: vec![algorithm], rk: Some(rk), ..registration("a") };
                let made = made(&rig.call(&request.encode())).attested.unwrap();
                assert_eq!(rig.shelf.stored().credentials.len(), usize::from(rk));
                rig.authenticator.power_cycle(NOW).unwrap();
                let request = GetAssertion {
                    client_data_hash: Sha256::digest(client_data().encode()).into(),
                    allow_list: vec![listed(&made.credential_id)],
                    ..sign_in()
                };
                let reply = GetAssertionResponse::decode(&rig.call(&request.encode())).unwrap();
                let mut bad = reply.clone();
                *bad.signature.last_mut().unwrap() ^= 1;
                assert!(judge(&made, bad).is_err(), "{algorithm} rk {rk}");
                judge(&made, reply).unwrap_or_else(|rejection| panic!("{algorithm} rk {rk}: {rejection}"));
            }
        }
    }
}

fn client_data() -> ClientData {
    ClientData {
        ceremony: "webauthn.get".into(),
        challenge: wire::base64url::encode(&[5; 32]),
        origin: format!("https://{RP_ID}"),
        cross_origin: None,
        top_origin: None,
    }
}

/// The relying party judges what the authenticator signed.
fn judge(made: &AttestedCredentialData, reply: GetAssertionResponse) -> Result<(), relying_party::Rejection> {
    let record = StoredCredential {
        id: made.credential_id.clone(),
        user_handle: b"a".into(),
        public_key: made.public_key.clone(),
        sign_count: 0,
        backup_eligible: false,
        backed_up: false,
        uv_initialized: false,
        transports: Vec::new(),
    };
    let expected = AuthenticationExpectation {
        challenge: vec![5; 32],
        user_verification: UserVerification::Discouraged,
        allowed: vec![made.credential_id.clone()],
        user_handle: Some(b"a".into()),
        extensions: Vec::new(),
    };
    let response = AuthenticationResponse {
        id: wire::base64url::encode(&made.credential_id),
        raw_id: made.credential_id.clone().into(),
        response: AssertionResponse {
            client_data_json: client_data().encode().into(),
            authenticator_data: reply.auth_data.into(),
            signature: reply.signature.into(),
            user_handle: None,
        },
        authenticator_attachment: None,
        client_extension_results: Default::default(),
        kind: "public-key".into(),
    };
    RelyingParty::new(RP_ID).verify_authentication(&expected, &response, &record).map(drop)
}

/// CTAP 2.1 §6.4: maxMsgSize is what the authenticator takes, and a platform's messages keep to it. What it answers is
/// bounded by the link alone (§11.2.4).
#[test]
fn the_longest_answers_exceed_max_msg_size_and_fit_in_ctaphid() {
    for algorithm in [Algorithm::RS256, Algorithm::ML_DSA_44, Algorithm::ML_DSA_65] {
        for rk in [true, false] {
            let mut rig = rig(Profile { attestation: Attestation::PackedSelf, ..profile(&ALGORITHMS) });
            let request = MakeCredential { algorithms: vec![algorithm], rk: Some(rk), ..registration("a") };
            let reply = rig.call(&request.encode());
            assert_eq!(reply[0], 0);
            assert!(reply.len() + 512 < MAX_MESSAGE_SIZE, "{algorithm}: {} bytes", reply.len());
            let long = reply.len() > usize::try_from(all_in().max_msg_size).unwrap();
            assert_eq!(long, algorithm != Algorithm::RS256, "{algorithm}: {} bytes", reply.len());
        }
    }
}

#[test]
fn slow_work_is_announced_before_it_begins_and_can_still_be_cancelled() {
    let mut rig = rig(profile(&ALGORITHMS));
    let commits = rig.shelf.commits();
    let request = MakeCredential { algorithms: vec![Algorithm::RS256], ..registration("a") }.encode();
    let begin = |rig: &mut Rig| {
        let asked = rig.authenticator.handle_request(NOW, USB, Request::Ctap2(&request));
        assert!(matches!(asked, Progress::AwaitingUser(_)));
        let agreed = rig.authenticator.handle_gesture(NOW, authenticator::Gesture::Present);
        assert_eq!(agreed, Some(Progress::Processing));
    };
    begin(&mut rig);
    assert_eq!(rig.authenticator.prompt(), None, "nobody is asked any more");
    let busy = rig.authenticator.handle_request(NOW, USB, Request::Ctap2(&GetInfoResponse::request()));
    assert_eq!(busy, Progress::Reply(status(Status::CHANNEL_BUSY)));
    let cancelled = rig.authenticator.handle_cancel(NOW);
    assert_eq!(cancelled, Some(Progress::Reply(status(Status::KEEPALIVE_CANCEL))));
    assert_eq!(rig.authenticator.proceed(NOW), None);
    assert_eq!(rig.shelf.commits(), commits, "nothing was made");

    begin(&mut rig);
    rig.authenticator.power_cycle(NOW).unwrap();
    assert_eq!(rig.authenticator.proceed(NOW), None, "the power was cut");

    begin(&mut rig);
    let Some(Progress::Reply(reply)) = rig.authenticator.proceed(NOW) else { panic!() };
    assert_eq!(made(&reply).attested.unwrap().public_key.algorithm(), Algorithm::RS256);
    assert_eq!(rig.authenticator.proceed(NOW), None);
}
