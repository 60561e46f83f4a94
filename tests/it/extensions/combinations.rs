//! Extensions together: every subset of them, with and without a store to keep something in.
use super::salts::{Platform, SALT};
use super::{create, input, inputs, member, output, read_assertion, set};
use tests::{NOW, RP_ID, Rig, all_in, listed, registration, sign_in, status};
use wire::cbor::{self, Value};
use wire::ctap2::{GetAssertion, MakeCredential};
use wire::status::Status;
use wire::webauthn::Flags;

/// The members of `all` whose bits are set.
fn subset<T: Clone>(all: &[T], bits: usize) -> Vec<T> {
    all.iter().enumerate().filter(|(at, _)| bits >> at & 1 == 1).map(|(_, member)| member.clone()).collect()
}

/// The names of the signed outputs, in the order in which they stand.
fn names(extensions: Option<&Value>) -> Vec<&str> {
    let members = extensions.and_then(Value::as_map).map(Vec::as_slice).unwrap_or_default();
    members.iter().map(|(name, _)| name.as_text().unwrap()).collect()
}

/// By length, then by bytes, CTAP 2.1 §8.
fn canonical<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut names: Vec<&str> = names.collect();
    names.sort_by_key(|name| (name.len(), *name));
    names
}

#[test]
fn a_registration_answers_exactly_what_it_was_asked_in_every_combination() {
    let mut rig = Rig::new(all_in());
    set(&mut rig, |settings| settings.min_pin_length_rp_ids = vec![RP_ID.into()]);
    let platform = Platform::agree(&mut rig, 2);
    let all: [(&str, Value); 8] = [
        ("credProtect", 2.into()),
        ("credBlob", cbor::bytes([1, 2])),
        ("hmac-secret", true.into()),
        ("hmac-secret-mc", platform.input(&[SALT])),
        ("largeBlobKey", true.into()),
        ("minPinLength", true.into()),
        ("pinComplexityPolicy", true.into()),
        ("thirdPartyPayment", true.into()),
    ];
    for bits in 0..1 << all.len() {
        let chosen = subset(&all, bits);
        let asks = |name: &str| chosen.iter().any(|(asked, _)| *asked == name);
        for rk in [false, true] {
            let request =
                MakeCredential { rk: Some(rk), extensions: inputs(&chosen), ..registration("alice") };
            let case = format!("rk {rk} {:?}", chosen.iter().map(|(name, _)| name).collect::<Vec<_>>());
            if asks("hmac-secret-mc") && !asks("hmac-secret") {
                assert_eq!(rig.call_silently(&request.encode()), status(Status::MISSING_PARAMETER), "{case}");
                continue;
            }
            if asks("largeBlobKey") && !rk {
                assert_eq!(rig.call_silently(&request.encode()), status(Status::INVALID_OPTION), "{case}");
                continue;
            }
            let (response, data) = create(&mut rig, &request);
            let expected =
                canonical(chosen.iter().map(|(name, _)| *name).filter(|name| *name != "largeBlobKey"));
            assert_eq!(names(data.extensions.as_ref()), expected, "{case}");
            assert_eq!(data.flags.contains(Flags::ED), !expected.is_empty(), "{case}");
            assert_eq!(response.large_blob_key.is_some(), asks("largeBlobKey"), "{case}");
            assert_eq!(response.unsigned_extension_outputs, None, "{case}");
            assert_eq!(output(&data, "credBlob"), asks("credBlob").then_some(&Value::Bool(rk)), "{case}");
        }
    }
}

#[test]
fn a_sign_in_answers_exactly_what_it_was_asked_in_every_combination() {
    for made_with in [false, true] {
        for rk in [false, true] {
            let mut rig = Rig::new(all_in());
            let mut made: Vec<(&str, Value)> = vec![
                ("credProtect", 2.into()),
                ("credBlob", cbor::bytes([1, 2])),
                ("thirdPartyPayment", true.into()),
            ];
            made.extend(rk.then(|| ("largeBlobKey", true.into())));
            let extensions = if made_with { inputs(&made) } else { None };
            let (_, data) =
                create(&mut rig, &MakeCredential { rk: Some(rk), extensions, ..registration("alice") });
            let id = data.attested.unwrap().credential_id;
            rig.authenticator.power_cycle(NOW).unwrap();
            let platform = Platform::agree(&mut rig, 1);
            let all: [(&str, Value); 4] = [
                ("credBlob", true.into()),
                ("hmac-secret", platform.input(&[SALT])),
                ("largeBlobKey", true.into()),
                ("thirdPartyPayment", true.into()),
            ];
            for bits in 0..1 << all.len() {
                let chosen = subset(&all, bits);
                let asks = |name: &str| chosen.iter().any(|(asked, _)| *asked == name);
                let request =
                    GetAssertion { allow_list: vec![listed(&id)], extensions: inputs(&chosen), ..sign_in() };
                let (response, data) = read_assertion(&rig.call(&request.encode()));
                let case = format!("made with {made_with} rk {rk} {bits:04b}");
                let expected =
                    canonical(chosen.iter().map(|(name, _)| *name).filter(|name| *name != "largeBlobKey"));
                assert_eq!(names(data.extensions.as_ref()), expected, "{case}");
                assert_eq!(data.flags.contains(Flags::ED), !expected.is_empty(), "{case}");
                assert_eq!(
                    response.large_blob_key.is_some(),
                    asks("largeBlobKey") && rk && made_with,
                    "{case}"
                );
                let blob: &[u8] = if made_with && rk { &[1, 2] } else { &[] };
                let told = member(data.extensions.as_ref(), "credBlob").and_then(Value::as_bytes);
                assert_eq!(told.map(Vec::as_slice), asks("credBlob").then_some(blob), "{case}");
                let told = output(&data, "thirdPartyPayment").cloned();
                assert_eq!(told, asks("thirdPartyPayment").then_some(Value::Bool(made_with)), "{case}");
            }
        }
    }
}

#[test]
fn what_is_asked_at_registration_only_is_passed_over_at_a_sign_in() {
    let mut rig = Rig::new(all_in());
    set(&mut rig, |settings| settings.min_pin_length_rp_ids = vec![RP_ID.into()]);
    create(&mut rig, &registration("alice"));
    let salts = Platform::agree(&mut rig, 2).input(&[SALT]);
    for extensions in [
        input("credProtect", 3),
        input("hmac-secret-mc", salts),
        input("minPinLength", true),
        input("pinComplexityPolicy", true),
    ] {
        let request = GetAssertion { extensions, ..sign_in() };
        let (response, data) = read_assertion(&rig.call(&request.encode()));
        assert_eq!((data.extensions, response.unsigned_extension_outputs), (None, None));
    }
}
