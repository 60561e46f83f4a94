use super::*;
use crate::testing::extensions;
use alloc::{format, string::ToString, vec};
use proptest::option::of;
use proptest::prelude::*;

fn registered() -> AuthenticatorData {
    AuthenticatorData {
        rp_id_hash: [0x11; 32],
        flags: Flags::UP | Flags::UV | Flags::AT,
        sign_count: 0x0102_0304,
        attested: Some(AttestedCredentialData {
            aaguid: Aaguid([0x22; 16]),
            credential_id: vec![0x33; 16],
            public_key: PublicKey::P256 { x: [0x44; 32], y: [0x55; 32] },
        }),
        extensions: None,
    }
}

fn why(bytes: &[u8]) -> &'static str {
    AuthenticatorData::decode(bytes).unwrap_err().0
}

/// WebAuthn Level 3 §6.1, table 1 and §6.5.1, table 3.
#[test]
fn every_member_stands_at_the_offset_of_the_specification() {
    let bytes = registered().encode();
    assert_eq!(bytes[..32], [0x11; 32]);
    assert_eq!(bytes[32], 0x45);
    assert_eq!(bytes[33..37], [1, 2, 3, 4]);
    assert_eq!(bytes[37..53], [0x22; 16]);
    assert_eq!(bytes[53..55], [0, 16]);
    assert_eq!(bytes[55..71], [0x33; 16]);
    assert_eq!(bytes[71..], cbor::encode(&PublicKey::P256 { x: [0x44; 32], y: [0x55; 32] }.to_value()));
    assert_eq!(bytes.len(), 71 + 77);
    let signed_in = AuthenticatorData { flags: Flags::UP, attested: None, ..registered() };
    assert_eq!(signed_in.encode().len(), 37);
}

#[test]
fn no_proper_prefix_is_authenticator_data() {
    let whole = AuthenticatorData {
        flags: registered().flags | Flags::ED,
        extensions: Some(cbor::text_map([("credProtect", Some(Value::from(2)))])),
        ..registered()
    };
    let bytes = whole.encode();
    assert_eq!(AuthenticatorData::decode(&bytes), Ok(whole));
    for end in 0..bytes.len() {
        let expected = match end {
            0..37 => "shorter than 37 bytes",
            37..71 => "attested credential data is truncated",
            71..148 => "the public key is not canonical CBOR",
            _ => "extensions are not canonical CBOR",
        };
        assert_eq!(why(&bytes[..end]), expected, "{end} bytes");
    }
    assert_eq!(why(&[bytes.as_slice(), &[0]].concat()), "bytes are left over");
}

#[test]
fn flags_say_what_follows_and_nothing_else_may() {
    let assertion = AuthenticatorData { flags: Flags::UP, attested: None, ..registered() }.encode();
    let with_flags = |flags: u8, more: &[u8]| [&assertion[..32], &[flags], &assertion[33..], more].concat();
    assert_eq!(why(&with_flags(0x41, &[])), "attested credential data is truncated");
    assert_eq!(why(&with_flags(0x81, &[])), "extensions are not canonical CBOR");
    assert_eq!(why(&with_flags(0x81, &[0x80])), "extensions are no map");
    assert_eq!(why(&with_flags(0x81, &[0xBF, 0xFF])), "extensions are not canonical CBOR");
    assert_eq!(why(&with_flags(0x01, &[0xA0])), "bytes are left over");
    assert_eq!(why(&with_flags(0x81, &[0xA0, 0xA0])), "bytes are left over");
    let mut lie = registered();
    lie.flags = Flags::UP;
    assert_eq!(why(&lie.encode()), "bytes are left over");
    assert!(AuthenticatorData::decode(&with_flags(0x81, &[0xA0])).is_ok());
}

#[test]
fn reserved_bits_survive() {
    for bits in 0..=u8::MAX {
        let flags = Flags(bits & !(Flags::AT | Flags::ED).0);
        let data = AuthenticatorData { flags, attested: None, ..registered() };
        assert_eq!(AuthenticatorData::decode(&data.encode()), Ok(data));
    }
}

#[test]
fn a_credential_id_may_claim_no_more_than_there_is() {
    let mut bytes = registered().encode();
    bytes[53..55].copy_from_slice(&[0xFF, 0xFF]);
    assert_eq!(why(&bytes), "attested credential data is truncated");
    for length in [0, 1, 1023, 65_535] {
        let mut data = registered();
        if let Some(attested) = &mut data.attested {
            attested.credential_id = vec![7; length];
        }
        assert_eq!(AuthenticatorData::decode(&data.encode()), Ok(data), "{length}");
    }
}

#[test]
fn a_key_of_a_foreign_kind_is_kept_and_one_that_is_malformed_or_out_of_order_refused() {
    let whole = registered().encode();
    let key = |kty: i64, alg: i64| {
        cbor::int_map([
            (1, Some(kty.into())),
            (3, Some(alg.into())),
            (-1, Some(cbor::bytes([1; 256]))),
            (-2, Some(cbor::bytes([1, 0, 1]))),
        ])
    };
    let with = |key: &Value| {
        let AuthenticatorData { flags, .. } = registered();
        let mut bytes = [&whole[..71], &cbor::encode(key)].concat();
        bytes[32] = flags.0 & !Flags::ED.0;
        bytes
    };
    // RSASSA-PSS, and what nobody knows.
    for (kty, alg) in [(3, -37), (77, -70_000)] {
        let bytes = with(&key(kty, alg));
        let data = AuthenticatorData::decode(&bytes).unwrap();
        assert_eq!(data.attested.as_ref().unwrap().public_key.algorithm().0, alg);
        assert_eq!(data.encode(), bytes);
    }
    assert_eq!(why(&with(&key(1, -257))), "the public key is no COSE key of its algorithm");
    assert_eq!(
        why(&[&whole[..71], &[0xA2, 0x03, 0x26, 0x01, 0x02]].concat()),
        "the public key is not canonical CBOR"
    );
}

#[test]
fn flags_read_as_their_names() {
    assert_eq!((Flags::UP | Flags::UV | Flags::AT).to_string(), "0x45 UP UV AT");
    assert_eq!(Flags(0xFF).to_string(), "0xFF UP RFU1 UV BE BS RFU2 AT ED");
    assert_eq!(format!("{:?}", Flags(0)), "0x00");
}

#[test]
fn flags_combine_as_sets() {
    for (a, b) in (0..=u8::MAX).flat_map(|a| [0, 1, 4, 0x18, 0xFF].map(|b| (Flags(a), Flags(b)))) {
        assert_eq!((a | b).0, a.0 | b.0);
        assert!((a | b).contains(a) && (a | b).contains(b));
        assert_eq!(a.contains(b), a | b == a);
        assert_eq!((a.when(true), a.when(false)), (a, Flags(0)));
        let mut both = a;
        both |= b;
        assert_eq!(both, a | b);
    }
}

prop_compose! {
    fn attested()(aaguid: [u8; 16], credential_id in prop::collection::vec(any::<u8>(), 0..100), x: [u8; 32], y: Option<[u8; 32]>)
        -> AttestedCredentialData {
        let public_key = match y {
            Some(y) => PublicKey::P256 { x, y },
            None => PublicKey::Ed25519 { x },
        };
        AttestedCredentialData { aaguid: Aaguid(aaguid), credential_id, public_key }
    }
}

prop_compose! {
    fn authenticator_data()(
        rp_id_hash: [u8; 32], bits: u8, sign_count: u32, attested in of(attested()), extensions in of(extensions()),
    ) -> AuthenticatorData {
        let other = Flags(bits & !(Flags::AT | Flags::ED).0);
        let flags = other | Flags::AT.when(attested.is_some()) | Flags::ED.when(extensions.is_some());
        AuthenticatorData { rp_id_hash, flags, sign_count, attested, extensions }
    }
}

proptest! {
    #[test]
    fn what_was_written_reads_back(data in authenticator_data()) {
        prop_assert_eq!(AuthenticatorData::decode(&data.encode()), Ok(data));
    }

    #[test]
    fn damage_is_refused_or_reads_as_something_that_can_be_written(
        data in authenticator_data(), at: prop::sample::Index, byte: u8,
    ) {
        let mut bytes = data.encode();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(read) = AuthenticatorData::decode(&bytes) {
            prop_assert_eq!(AuthenticatorData::decode(&read.encode()), Ok(read));
        }
    }

    #[test]
    fn no_bytes_can_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Err(error) = AuthenticatorData::decode(&bytes) {
            prop_assert!(error.to_string().starts_with("authenticator data (WebAuthn §6.1): "));
        }
    }
}
