//! Random bytes in place of each binary member: no panic, and no acceptance.
use super::signer::{ALGORITHMS, Registration, SignIn, Statement};
use proptest::prelude::*;
use wire::base64url;
use wire::webauthn::json::{AuthenticationResponse, Base64Url, RegistrationResponse};

const IN_REGISTRATION: [fn(&mut RegistrationResponse) -> &mut Base64Url; 5] = [
    |r| &mut r.raw_id,
    |r| &mut r.response.client_data_json,
    |r| &mut r.response.attestation_object,
    |r| r.response.authenticator_data.as_mut().unwrap(),
    |r| r.response.public_key.as_mut().unwrap(),
];

const IN_SIGN_IN: [fn(&mut AuthenticationResponse) -> &mut Base64Url; 5] = [
    |r| &mut r.raw_id,
    |r| &mut r.response.client_data_json,
    |r| &mut r.response.authenticator_data,
    |r| &mut r.response.signature,
    |r| r.response.user_handle.as_mut().unwrap(),
];

/// Anything, or what was there with a stretch of it replaced.
fn spoil(member: &mut Base64Url, bytes: &[u8], splice: Option<(prop::sample::Index, usize)>) {
    match splice {
        None => member.0 = bytes.to_vec(),
        Some((at, length)) => {
            let start = at.index(member.0.len());
            let end = member.0.len().min(start + length);
            member.0.splice(start..end, bytes.iter().copied());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn random_bytes_in_a_registration_are_refused(
        algorithm in prop::sample::select(ALGORITHMS.as_slice()),
        member in prop::sample::select(IN_REGISTRATION.as_slice()),
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        splice: Option<(prop::sample::Index, u8)>,
        id_follows: bool,
    ) {
        let ceremony = Registration::new(algorithm, Statement::PackedSelf);
        let good = ceremony.response();
        let mut bad = good.clone();
        spoil(member(&mut bad), &bytes, splice.map(|(at, length)| (at, length.into())));
        prop_assume!(bad != good);
        if id_follows {
            bad.id = base64url::encode(&bad.raw_id.0);
        }
        prop_assert!(ceremony.party.verify_registration(&ceremony.expected, &bad).is_err());
    }

    #[test]
    fn random_bytes_in_a_sign_in_are_refused(
        algorithm in prop::sample::select(ALGORITHMS.as_slice()),
        member in prop::sample::select(IN_SIGN_IN.as_slice()),
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        splice: Option<(prop::sample::Index, u8)>,
        id_follows: bool,
    ) {
        let ceremony = SignIn::new(algorithm, false);
        let good = ceremony.response();
        let mut bad = good.clone();
        spoil(member(&mut bad), &bytes, splice.map(|(at, length)| (at, length.into())));
        prop_assume!(bad != good);
        if id_follows {
            bad.id = base64url::encode(&bad.raw_id.0);
        }
        prop_assert!(ceremony.party.verify_authentication(&ceremony.expected, &bad, &ceremony.record).is_err());
    }

    /// Nothing is signed under format `none`, so random bytes may well be a credential; but they never panic,
    /// and what is accepted is what was sent.
    #[test]
    fn random_authenticator_data_without_attestation_never_panics(
        algorithm in prop::sample::select(ALGORITHMS.as_slice()),
        bytes in prop::collection::vec(any::<u8>(), 0..40),
        splice: (prop::sample::Index, u8),
    ) {
        let mut ceremony = Registration::new(algorithm, Statement::None);
        let mut auth_data = Base64Url(ceremony.auth_data());
        spoil(&mut auth_data, &bytes, Some((splice.0, splice.1.into())));
        ceremony.auth_data = Some(auth_data.0.clone());
        ceremony.edit = |r| (r.response.public_key, r.response.public_key_algorithm) = (None, None);
        if let Ok(registered) = ceremony.run() {
            let key = wire::cbor::encode(&registered.credential.public_key.to_value());
            prop_assert!(auth_data.0.windows(key.len()).any(|window| window == key));
        }
    }
}
