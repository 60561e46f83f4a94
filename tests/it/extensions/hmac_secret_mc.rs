//! hmac-secret-mc, CTAP 2.2 §12.
use super::salts::{OTHER_SALT, PROTOCOLS, Platform, SALT};
use super::{assertion, create, input, inputs, output, with_reader};
use tests::{Rig, all_in, listed, registration, sign_in, status};
use wire::cbor::{self, Value};
use wire::ctap2::{GetAssertion, MakeCredential};
use wire::status::Status;

fn asking(extension: Value) -> MakeCredential {
    let extensions = inputs(&[("hmac-secret", true.into()), ("hmac-secret-mc", extension)]);
    MakeCredential { extensions, ..registration("alice") }
}

#[test]
fn the_secrets_are_those_that_a_later_sign_in_with_the_same_uv_bit_tells() {
    for protocol in PROTOCOLS {
        for salts in [&[SALT] as &[_], &[SALT, OTHER_SALT]] {
            for (rk, uv) in [(false, false), (false, true), (true, true)] {
                let mut rig = Rig::new(with_reader());
                let platform = Platform::agree(&mut rig, protocol);
                let request = MakeCredential { rk: Some(rk), uv: Some(uv), ..asking(platform.input(salts)) };
                let (_, data) = create(&mut rig, &request);
                assert_eq!(output(&data, "hmac-secret"), Some(&Value::Bool(true)));
                let made = platform.open(output(&data, "hmac-secret-mc"));
                assert_eq!(made.len(), 32 * salts.len());
                let id = data.attested.unwrap().credential_id;
                for later_uv in [false, true] {
                    let request = GetAssertion {
                        allow_list: vec![listed(&id)],
                        uv: Some(later_uv),
                        extensions: input("hmac-secret", platform.input(salts)),
                        ..sign_in()
                    };
                    let (_, data) = assertion(&mut rig, &request);
                    let told = platform.open(output(&data, "hmac-secret"));
                    assert_eq!(
                        told == made,
                        uv == later_uv,
                        "protocol {protocol} rk {rk} uv {uv} {later_uv}"
                    );
                }
            }
        }
    }
}

#[test]
fn it_needs_hmac_secret_beside_it() {
    let mut rig = Rig::new(all_in());
    let salts = Platform::agree(&mut rig, 2).input(&[SALT]);
    let alone = input("hmac-secret-mc", salts.clone());
    let beside_false = inputs(&[("hmac-secret", false.into()), ("hmac-secret-mc", salts)]);
    for extensions in [alone, beside_false] {
        let request = MakeCredential { extensions, ..registration("alice") };
        assert_eq!(rig.call_silently(&request.encode()), status(Status::MISSING_PARAMETER));
    }
}

#[test]
fn what_hmac_secret_refuses_it_refuses_and_nothing_is_made() {
    let mut rig = Rig::new(all_in());
    for protocol in PROTOCOLS {
        let platform = Platform::agree(&mut rig, protocol);
        let salt_enc = platform.shared.encrypt(&SALT);
        let with = |at: usize, member: Option<Value>| {
            let mut members = platform.members(salt_enc.clone());
            members[at].1 = member;
            cbor::int_map(members)
        };
        let short = |bytes: usize| cbor::int_map(platform.members(platform.shared.encrypt(&vec![1; bytes])));
        for (bad, expected) in [
            (with(0, None), Status::MISSING_PARAMETER),
            (with(1, None), Status::MISSING_PARAMETER),
            (with(2, None), Status::MISSING_PARAMETER),
            (with(1, Some(1.into())), Status::CBOR_UNEXPECTED_TYPE),
            (with(2, Some(cbor::bytes([0; 32]))), Status::PIN_AUTH_INVALID),
            (with(3, Some(3.into())), Status::INVALID_PARAMETER),
            (with(0, Some(Value::Map(vec![]))), Status::INVALID_PARAMETER),
            (short(0), Status::INVALID_PARAMETER),
            (short(16), Status::INVALID_PARAMETER),
            (short(48), Status::INVALID_PARAMETER),
            (short(96), Status::INVALID_PARAMETER),
        ] {
            let answer = rig.call_silently(&asking(bad.clone()).encode());
            assert_eq!(answer, status(expected), "protocol {protocol} {bad:?}");
        }
    }
    assert_eq!(rig.authenticator.passkey_count(), 0);
}
