//! What is encoded decodes to the same, and nothing that comes in can do harm.
use super::*;
use crate::aaguid::Aaguid;
use crate::cbor;
use crate::cose::Algorithm;
use crate::testing::{canonical_value, extensions};
use proptest::collection::vec as some;
use proptest::option::of;
use proptest::prelude::*;

fn texts() -> impl Strategy<Value = Vec<String>> {
    some(any::<String>(), 0..5)
}

fn octets(sizes: core::ops::Range<usize>) -> impl Strategy<Value = Vec<u8>> {
    some(any::<u8>(), sizes)
}

prop_compose! {
    fn user()(id in octets(0..65), name: Option<String>, display_name: Option<String>) -> UserEntity {
        UserEntity { id, name, display_name }
    }
}

prop_compose! {
    fn descriptor()(id in octets(0..80), transports in texts()) -> Descriptor {
        Descriptor { id, transports }
    }
}

prop_compose! {
    fn make_credential()(
        (client_data_hash, rp_id, rp_name) in any::<([u8; 32], String, Option<String>)>(),
        user in user(),
        algorithms in some(any::<i64>().prop_map(Algorithm), 0..6),
        exclude_list in some(descriptor(), 0..4),
        extensions in of(extensions()),
        (rk, up, uv) in any::<(Option<bool>, Option<bool>, Option<bool>)>(),
        pin_uv_auth_param in of(octets(0..33)),
        pin_uv_auth_protocol in of(0..i64::MAX),
        enterprise_attestation in of(0..i64::MAX),
        attestation_formats in of(texts()),
    ) -> MakeCredential {
        MakeCredential {
            client_data_hash, rp: RpEntity { id: rp_id, name: rp_name }, user, algorithms, exclude_list, extensions,
            rk, up, uv, pin_uv_auth_param, pin_uv_auth_protocol, enterprise_attestation, attestation_formats,
        }
    }
}

prop_compose! {
    fn get_assertion()(
        (client_data_hash, rp_id) in any::<([u8; 32], String)>(),
        allow_list in some(descriptor(), 0..4),
        extensions in of(extensions()),
        (rk, up, uv) in any::<(Option<bool>, Option<bool>, Option<bool>)>(),
        pin_uv_auth_param in of(octets(0..33)),
        pin_uv_auth_protocol in of(0..i64::MAX),
    ) -> GetAssertion {
        GetAssertion { rp_id, client_data_hash, allow_list, extensions, up, uv, rk, pin_uv_auth_param, pin_uv_auth_protocol }
    }
}

/// A request with bytes changed, cut off or put on, which decodes far more often than random bytes do.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let whole = prop_oneof![
        make_credential().prop_map(|request| request.encode()),
        get_assertion().prop_map(|request| request.encode()),
        (0u8..16, canonical_value(4)).prop_map(|(command, value)| message(Command(command), &value)),
    ];
    (whole, some((any::<prop::sample::Index>(), any::<u8>()), 0..3), 0usize..3, octets(0..3)).prop_map(
        |(mut message, changes, cut, more)| {
            message.truncate(message.len().saturating_sub(cut));
            message.extend(more);
            if !message.is_empty() {
                let len = message.len();
                changes.into_iter().for_each(|(at, byte)| message[at.index(len)] = byte);
            }
            message
        },
    )
}

/// The statuses that a decoder can find a reason for. 0x10 and 0x13 were removed from CTAP and are not among them.
const DECODING: [Status; 5] = [
    Status::INVALID_COMMAND,
    Status::INVALID_LENGTH,
    Status::CBOR_UNEXPECTED_TYPE,
    Status::INVALID_CBOR,
    Status::MISSING_PARAMETER,
];

proptest! {
    #[test]
    fn a_registration_request_reads_back(request in make_credential()) {
        prop_assert_eq!(Request::decode(&request.encode()), Ok(Request::MakeCredential(request)));
    }

    #[test]
    fn a_sign_in_request_reads_back(request in get_assertion()) {
        prop_assert_eq!(Request::decode(&request.encode()), Ok(Request::GetAssertion(request)));
    }

    #[test]
    fn a_registration_response_reads_back(
        (fmt, ep_att) in (any::<String>(), any::<bool>()),
        auth_data in octets(0..200),
        att_stmt in extensions(),
        large_blob_key in of(octets(32..33)),
        unsigned_extension_outputs in of(extensions()),
    ) {
        let response = MakeCredentialResponse {
            fmt, auth_data, att_stmt, ep_att, large_blob_key, unsigned_extension_outputs,
        };
        prop_assert_eq!(MakeCredentialResponse::decode(&response.encode()), Ok(response));
    }

    #[test]
    fn a_sign_in_response_reads_back(
        credential in of(descriptor()),
        (auth_data, signature) in (octets(0..200), octets(0..80)),
        user in of(user()),
        (number_of_credentials, user_selected) in (of(0..i64::MAX as u64), any::<bool>()),
        large_blob_key in of(octets(32..33)),
        unsigned_extension_outputs in of(extensions()),
    ) {
        let response = GetAssertionResponse {
            credential, auth_data, signature, user, number_of_credentials, user_selected, large_blob_key,
            unsigned_extension_outputs,
        };
        prop_assert_eq!(GetAssertionResponse::decode(&response.encode()), Ok(response));
    }

    #[test]
    fn an_answer_to_get_info_reads_back(
        (versions, extensions, transports) in (texts(), texts(), texts()),
        aaguid: [u8; 16],
        options in prop::collection::btree_map("[a-zA-Z]{1,20}", any::<bool>(), 0..6),
        algorithms in some(any::<i64>().prop_map(Algorithm), 0..4),
        numbers in prop::array::uniform4(of(0..i64::MAX as u64)),
    ) {
        let [max_msg_size, max_credential_count_in_list, max_credential_id_length, firmware_version] = numbers;
        // Options come back in canonical order, shorter names first.
        let mut options = Vec::from_iter(options);
        options.sort_by(|(a, _), (b, _)| (a.len(), a).cmp(&(b.len(), b)));
        #[allow(clippy::needless_update, reason = "members may be added, and then need not be here")]
        let info = GetInfoResponse {
            // An empty list of versions is left out, and then missed.
            versions: [versions, vec![String::from("FIDO_2_0")]].concat(),
            extensions, aaguid: Aaguid(aaguid), options, transports, algorithms, firmware_version,
            max_msg_size, max_credential_count_in_list, max_credential_id_length,
            ..GetInfoResponse::default()
        };
        prop_assert_eq!(GetInfoResponse::decode(&info.encode()), Ok(info));
    }

    #[test]
    fn every_encoding_is_canonical(a in make_credential(), b in get_assertion()) {
        for message in [a.encode(), b.encode()] {
            prop_assert_eq!(cbor::decode(&message[1..]).map(|value| cbor::encode(&value)), Ok(message[1..].to_vec()));
        }
    }

    #[test]
    fn damage_is_noticed_with_a_status_and_a_reason(message in damaged()) {
        if let Err(error) = Request::decode(&message) {
            prop_assert!(DECODING.contains(&error.status), "{}", error);
            prop_assert!(error.reason.contains('§'), "no citation: {}", error);
        }
    }

    #[test]
    fn no_bytes_can_make_a_decoder_panic(message in octets(0..100)) {
        let statuses = [
            Request::decode(&message).err(),
            MakeCredentialResponse::decode(&message).err(),
            GetAssertionResponse::decode(&message).err(),
            GetInfoResponse::decode(&message).err(),
        ];
        // The statuses of refusals are passed on as they came, so only those of status OK are ours.
        let own = if message.first() == Some(&0) { &statuses[..] } else { &statuses[..1] };
        for error in own.iter().flatten() {
            prop_assert!(DECODING.contains(&error.status), "{}", error);
        }
    }
}
