use super::*;
use crate::pin::Pin;
use wire::hex;

fn bytes<const N: usize>(text: &str) -> [u8; N] {
    hex::decode(text).unwrap().try_into().unwrap()
}

/// The values of python-fido2's test of protocol one (tests/test_ctap2.py).
fn agreed(protocol: Protocol) -> SharedSecret {
    let secret: [u8; 32] = bytes("7452e599fee739d8a653f6a507343d12d382249108a651402520b72f24fe7684");
    let ivs = [[0x11; 16], [0x22; 16]];
    let agreement = Agreement { secret: SecretKey::from_slice(&secret).unwrap(), ivs };
    let peer = KeyAgreement {
        x: bytes("0501d5bc78da9252560a26cb08fcc60cbe0b6d3b8e1d1fcee514fac0af675168"),
        y: bytes("d551b3ed46f665731f95b4532939c25d91db7eb844bd96d4abd4083785f8df47"),
    };
    agreement.encapsulate(protocol, &peer).ok().unwrap()
}

#[test]
fn protocol_one_agrees_with_python_fido2() {
    let mut secret = agreed(Protocol::One);
    let x: [u8; 32] = bytes("44d78d7989b97e62ea993496c9ef6e8fd58b8b00715f9a89153ddd9c4657e47f");
    let y: [u8; 32] = bytes("ec802ee7d22bd4e100f12e48537eb4e7e96ed3a47a0a3bd5f5eeab65001664f9");
    assert_eq!(secret.public, KeyAgreement { x, y });
    let shared: [u8; 32] = bytes("c42a039d548100dfba521e487debcbbb8b66bb7496f8b1862a7a395ed83e1a1c");
    assert!(*secret.aes_key == shared && *secret.hmac_key == shared);
    let token = secret.decrypt(&bytes::<16>("7a9f98e31b77be90f9c64d12e9635040")).unwrap();
    assert!(*token == bytes::<16>("aff12c6dcfbf9df52f7a09211e8865cd"));
    let pin = Pin::new("1234").unwrap();
    assert_eq!(secret.encrypt(pin.hash().as_slice()), bytes::<16>("afe8327ce416da8ee3d057589c2ce1a9"));
}

#[test]
fn the_protocols_differ_in_keys_ivs_and_the_length_of_macs() {
    let (mut one, mut two) = (agreed(Protocol::One), agreed(Protocol::Two));
    assert!(*two.hmac_key != *two.aes_key && *two.aes_key != *one.aes_key);
    assert_eq!((one.authenticate(b"m").len(), two.authenticate(b"m").len()), (16, 32));
    let plain = [7; 64];
    // One has no IV, so equal plain texts look equal; each of two's is new.
    assert_eq!(one.encrypt(&plain), one.encrypt(&plain));
    let sealed = [two.encrypt(&plain), two.encrypt(&plain)];
    assert_eq!((sealed[0].len(), &sealed[0][..16], &sealed[1][..16]), (80, &[0x22; 16][..], &[0x11; 16][..]));
    for sealed in sealed {
        assert!(two.decrypt(&sealed).unwrap().as_slice() == plain);
    }
}

#[test]
fn a_cipher_text_of_another_length_is_not_decrypted() {
    for (protocol, head) in [(Protocol::One, 0), (Protocol::Two, 16)] {
        for length in 0..100_usize {
            let whole = length.checked_sub(head).is_some_and(|body| body % 16 == 0);
            assert_eq!(agreed(protocol).decrypt(&vec![0; length]).is_some(), whole, "{protocol:?} {length}");
        }
    }
}

#[test]
fn a_key_that_is_no_point_on_the_curve_is_refused() {
    for (x, y) in [([0; 32], [0; 32]), ([0xFF; 32], [0xFF; 32]), ([1; 32], [1; 32])] {
        let secret = SecretKey::from_slice(&[1; 32]).unwrap();
        let agreement = Agreement { secret, ivs: [[0; 16]; 2] };
        let error = agreement.encapsulate(Protocol::Two, &KeyAgreement { x, y }).err().unwrap();
        assert_eq!(
            error.to_string(),
            "the authenticator answered authenticatorClientPIN wrongly: keyAgreement is not on the curve"
        );
    }
}

#[test]
fn the_authenticators_favourite_of_those_that_we_speak_is_spoken() {
    let speaking = |protocols: &[i64]| {
        let info = GetInfoResponse { pin_uv_auth_protocols: protocols.into(), ..GetInfoResponse::default() };
        Protocol::preferred(&info)
    };
    assert_eq!(speaking(&[]), Some(Protocol::One));
    assert_eq!(speaking(&[2, 1]), Some(Protocol::Two));
    assert_eq!(speaking(&[1, 2]), Some(Protocol::One));
    assert_eq!(speaking(&[9, 2]), Some(Protocol::Two));
    assert_eq!(speaking(&[9]), None);
}
