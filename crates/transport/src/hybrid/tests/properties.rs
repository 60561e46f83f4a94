//! What holds for every code, advert, message and link.
use super::*;
use crate::hybrid::advert::Eid;
use crate::hybrid::domain::TunnelDomain;
use crate::hybrid::frame::{Kind, Message, PostHandshake, pad, unpad};
use crate::hybrid::linking::{ClientPayload, Linking, sign};
use crate::hybrid::noise::{Handshake, Pattern};
use crate::hybrid::qr::{Hint, MAX_DIGITS, QrCode, SCHEME, from_digits, to_digits};
use alloc::format;
use alloc::vec;
use proptest::prelude::*;
use wire::cbor::{self, Value, encode};
use zeroize::Zeroizing;

/// What has secrets in it, and so no `Debug`: a case that fails shows everything else.
struct Made<T>(T);

impl<T> fmt::Debug for Made<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(not shown)")
    }
}

fn secret_key() -> impl Strategy<Value = SecretKey> {
    any::<[u8; 32]>().prop_filter_map("no scalar", |bytes| SecretKey::from_slice(&bytes).ok())
}

/// A value of any kind, as desktops put some under keys that have no name.
fn grease() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::Bool),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(Value::Bytes),
        ".{0,20}".prop_map(Value::Text),
    ];
    leaf.prop_recursive(2, 16, 4, |inner| {
        let members = prop::collection::btree_map(0..60i64, inner.clone(), 0..4);
        let map = |members: std::collections::BTreeMap<i64, Value>| {
            Value::Map(members.into_iter().map(|(key, value)| (Value::from(key), value)).collect())
        };
        prop_oneof![prop::collection::vec(inner, 0..4).prop_map(Value::Array), members.prop_map(map)]
    })
}

/// A key that has no name.
fn unknown_key() -> impl Strategy<Value = Value> {
    prop_oneof![
        (7..i64::MAX).prop_map(Value::from),
        (i64::MIN..0).prop_map(Value::from),
        "[a-z]{0,9}".prop_map(Value::Text),
    ]
}

fn code() -> impl Strategy<Value = Made<QrCode>> {
    let numbers = (any::<Option<u64>>(), any::<Option<u64>>());
    let flags = (any::<Option<bool>>(), any::<Option<bool>>());
    let channels = prop::option::of(prop::collection::vec(any::<u64>(), 0..4));
    let hint = prop::option::of("[a-z]{0,5}");
    (secret_key(), any::<[u8; 16]>(), numbers, flags, hint, channels).prop_map(
        |(key, secret, (known_domains, time), (state_assisted, non_discoverable), hint, channels)| {
            Made(QrCode {
                public_key: key.public_key(),
                secret: Zeroizing::new(secret),
                known_domains,
                time,
                state_assisted,
                hint,
                non_discoverable: non_discoverable.filter(|_| channels.is_none()),
                channels,
                unknown: 0,
            })
        },
    )
}

/// The map of a code.
fn members(text: &str) -> Vec<(Value, Value)> {
    cbor::decode(&from_digits(&text[SCHEME.len()..]).unwrap()).unwrap().into_map().unwrap()
}

fn text_of(bytes: &[u8]) -> String {
    format!("{SCHEME}{}", to_digits(bytes))
}

fn same(one: &QrCode, other: &QrCode) -> bool {
    one.public_key == other.public_key
        && one.secret == other.secret
        && (one.known_domains, one.time) == (other.known_domains, other.time)
        && (one.state_assisted, one.non_discoverable) == (other.state_assisted, other.non_discoverable)
        && (&one.hint, &one.channels) == (&other.hint, &other.channels)
}

fn link() -> impl Strategy<Value = Made<Linking>> {
    let fixed = (any::<[u8; 8]>(), any::<[u8; 32]>(), any::<[u8; 32]>());
    (prop::collection::vec(any::<u8>(), 0..700), fixed, secret_key(), ".{0,40}").prop_map(
        |(contact_id, (link_id, secret, signature), key, name)| {
            Made(Linking {
                contact_id,
                link_id,
                secret: Zeroizing::new(secret),
                public_key: key.public_key(),
                name,
                signature,
            })
        },
    )
}

proptest! {
    #[test]
    fn digits_read_back(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let digits = to_digits(&bytes);
        prop_assert!(digits.bytes().all(|digit| digit.is_ascii_digit()));
        prop_assert_eq!(from_digits(&digits).unwrap(), bytes);
    }

    /// There is one way to write bytes, so that nothing can be hidden in a code.
    #[test]
    fn digits_that_are_read_are_those_that_would_be_written(digits in "[0-9]{0,60}") {
        if let Ok(bytes) = from_digits(&digits) {
            prop_assert_eq!(to_digits(&bytes), digits);
        }
    }

    #[test]
    fn what_a_code_says_reads_back(Made(code) in code()) {
        let read = QrCode::parse(&code.to_text()).unwrap();
        prop_assert!(same(&read, &code));
        prop_assert_eq!(read.unknown, 0);
    }

    #[test]
    fn keys_without_a_name_are_passed_over(
        Made(code) in code(),
        more in prop::collection::vec((unknown_key(), grease()), 1..5),
    ) {
        let mut members = members(&code.to_text());
        for (key, value) in more {
            if !members.iter().any(|(known, _)| *known == key) {
                members.push((key, value));
            }
        }
        let before = members.len();
        let read = QrCode::parse(&text_of(&encode(&Value::Map(members.clone())))).unwrap();
        prop_assert!(same(&read, &code));
        prop_assert_eq!(read.unknown, before - self::members(&code.to_text()).len());
    }

    /// Each member in turn becomes something that it cannot be.
    #[test]
    fn a_member_of_another_kind_is_refused(Made(code) in code(), which in 0..6usize, value in grease()) {
        let mut members = members(&code.to_text());
        let which = which % members.len();
        let (key, now) = (members[which].0.clone(), members[which].1.clone());
        // Two kinds may stand under key 6, and any text under key 5.
        let kind = core::mem::discriminant(&value);
        prop_assume!(kind != core::mem::discriminant(&now));
        prop_assume!(key != Value::from(6) || !(value.is_array() || value.is_bool()));
        members[which].1 = value;
        let refused = QrCode::parse(&text_of(&encode(&Value::Map(members))));
        let why = refused.err().expect("it is accepted").to_string();
        prop_assert!(why.starts_with("key "), "{}", why);
    }

    #[test]
    fn any_map_is_read_or_refused(members in prop::collection::btree_map(0..9i64, grease(), 0..9)) {
        let members = members.into_iter().map(|(key, value)| (Value::from(key), value)).collect();
        let text = text_of(&encode(&Value::Map(members)));
        match QrCode::parse(&text) {
            Ok(code) => prop_assert!(same(&QrCode::parse(&code.to_text()).unwrap(), &code)),
            Err(why) => prop_assert!(!why.to_string().is_empty()),
        }
    }

    /// The first head is written longer than it has to be, in each way there is.
    #[test]
    fn a_code_that_is_not_canonical_is_refused(Made(code) in code(), wider in 0..4u8, cut in 1..40usize, more: u8) {
        let bytes = from_digits(&code.to_text()[SCHEME.len()..]).unwrap();
        let (count, rest) = (bytes[0] & 0x1F, &bytes[1..]);
        let head = match wider {
            0 => vec![0xB8, count],
            1 => vec![0xB9, 0, count],
            2 => vec![0xBA, 0, 0, 0, count],
            _ => vec![0xBF],
        };
        let end: &[u8] = if wider == 3 { &[0xFF] } else { &[] };
        for bad in [[&head[..], rest, end].concat(), bytes[..bytes.len() - cut].to_vec(), [&bytes[..], &[more]].concat()] {
            let refused = QrCode::parse(&text_of(&bad));
            let why = refused.err().expect("it is accepted").to_string();
            prop_assert!(why.contains("no canonical CBOR"), "{}", why);
        }
        // Keys the other way round.
        let mut members = members(&code.to_text());
        members.reverse();
        let backwards = members.iter().flat_map(|(key, value)| [encode(key), encode(value)].concat());
        let backwards: Vec<u8> = [bytes[0]].into_iter().chain(backwards).collect();
        prop_assert!(QrCode::parse(&text_of(&backwards)).is_err());
    }

    #[test]
    fn any_text_is_read_or_refused(text: String) {
        let _refused = QrCode::parse(&text);
        let _refused = QrCode::parse(&format!("{SCHEME}{text}"));
    }

    #[test]
    fn digits_are_read_or_refused(digits in "[0-9]{0,300}") {
        let _refused = QrCode::parse(&format!("{SCHEME}{digits}"));
    }

    #[test]
    fn an_advert_opens_under_its_own_key_and_no_other(
        key in prop::array::uniform32(any::<u8>()), mac in prop::array::uniform32(any::<u8>()),
        nonce: [u8; 10], routing: [u8; 3], domain: u16, at in 0..84usize, bit in 0..8u8,
    ) {
        let mut keys: [u8; 64] = [key, mac].concat().try_into().unwrap();
        let eid = Eid::new(nonce, routing, TunnelDomain(domain));
        let mut advert = eid.seal(&keys);
        let opened = Eid::open(&advert, &keys).unwrap();
        prop_assert_eq!(opened, eid);
        prop_assert_eq!((opened.routing_id(), opened.domain()), (routing, TunnelDomain(domain)));
        // A bit of the advert or of the keys turned. Under another cipher key it may open, to one in 256.
        match at.checked_sub(64) {
            Some(byte) => advert[byte] ^= 1 << bit,
            None => keys[at] ^= 1 << bit,
        }
        prop_assert_ne!(Eid::open(&advert, &keys), Some(eid));
        if at >= 32 {
            prop_assert_eq!(Eid::open(&advert, &keys), None);
        }
    }

    #[test]
    fn an_advert_of_another_length_or_by_chance_is_nobodys(data in prop::collection::vec(any::<u8>(), 0..60), key: [u8; 32]) {
        let keys = [key, key].concat().try_into().unwrap();
        prop_assert_eq!(Eid::open(&data, &keys), None);
        let eid = Eid::of_link([7; 15]);
        let longer = [&eid.seal(&keys)[..], &data].concat();
        prop_assert_eq!(Eid::open(&longer, &keys), Some(eid).filter(|_| data.is_empty()));
    }

    #[test]
    fn a_host_is_a_name_of_three_labels(number: u16) {
        match TunnelDomain(number).host() {
            None => prop_assert!((2..256).contains(&number)),
            Some(host) => {
                let labels: Vec<&str> = host.split('.').collect();
                prop_assert_eq!(labels.len(), 3);
                prop_assert_eq!(labels[0], "cable");
                prop_assert!((1..=13).contains(&labels[1].len()), "{}", host);
                prop_assert!(labels[1].bytes().all(|c| c.is_ascii_lowercase() || (b'2'..=b'7').contains(&c)));
            }
        }
    }

    #[test]
    fn padding_comes_off_and_hides_the_length(message in prop::collection::vec(any::<u8>(), 0..300)) {
        let padded = pad(&message);
        prop_assert_eq!(padded.len() % 32, 0);
        prop_assert!(padded.len() > message.len() && padded.len() <= message.len() + 32);
        prop_assert_eq!(unpad(&padded).unwrap(), message);
    }

    #[test]
    fn only_the_last_byte_says_how_much_padding_there_is(plaintext in prop::collection::vec(any::<u8>(), 0..300)) {
        let zeros = plaintext.last().map(|last| usize::from(*last));
        let length = zeros.and_then(|zeros| plaintext.len().checked_sub(zeros + 1));
        prop_assert_eq!(unpad(&plaintext).ok(), length.map(|length| &plaintext[..length]));
    }

    #[test]
    fn a_message_reads_back(kind in 0..4usize, body in prop::collection::vec(any::<u8>(), 0..100)) {
        let kind = [Kind::Shutdown, Kind::Ctap, Kind::Update, Kind::Json][kind];
        let message = Message::new(kind, body);
        prop_assert_eq!(Message::decode(&message.encode()).unwrap(), message);
    }

    #[test]
    fn any_bytes_are_a_message_a_greeting_an_update_and_a_payload_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(message) = Message::decode(&bytes) {
            prop_assert_eq!(message.encode(), &bytes[..]);
            let _refused = message.linking();
        } else {
            prop_assert!(bytes.first().is_none_or(|kind| *kind > 3));
        }
        let _refused = PostHandshake::decode(&bytes);
        let _refused = ClientPayload::decode(&bytes);
    }

    #[test]
    fn a_greeting_reads_back_with_keys_that_nobody_knows(
        get_info in prop::option::of(prop::collection::vec(any::<u8>(), 0..80)),
        features in prop::option::of(prop::collection::vec("[a-z]{1,6}", 0..4)),
        link in prop::option::of(link()),
        key in unknown_key(), value in grease(),
    ) {
        let greeting = PostHandshake { get_info, linking: link.map(|Made(link)| link), features };
        let bytes = greeting.encode();
        let mut members = cbor::decode(&bytes).unwrap().into_map().unwrap();
        members.push((key, value));
        for bytes in [bytes, encode(&Value::Map(members))] {
            let read = PostHandshake::decode(&bytes).unwrap();
            prop_assert_eq!(&read.get_info, &greeting.get_info);
            prop_assert_eq!(&read.features, &greeting.features);
            let value = |link: &Option<Linking>| link.as_ref().map(Linking::to_value);
            prop_assert_eq!(value(&read.linking), value(&greeting.linking));
        }
        let speaks = greeting.features.as_ref().is_none_or(|features| features.iter().any(|one| one == "ctap"));
        prop_assert_eq!(greeting.speaks_ctap(), speaks);
    }

    /// What the tunnel service sees is as long with a link as without, unless the link is longer than that.
    #[test]
    fn an_update_hides_whether_there_is_a_link_in_it(Made(link) in link()) {
        let (with, without) = (Message::update(Some(&link)), Message::update(None));
        let length = |message: &Message| pad(&message.encode()).len();
        let bare = encode(&cbor::int_map([(0, Some(cbor::bytes([]))), (1, Some(link.to_value()))])).len();
        if bare <= 512 {
            prop_assert_eq!(length(&with), length(&without));
        }
        let read = with.linking().unwrap().unwrap();
        prop_assert_eq!(read.to_value(), link.to_value());
        prop_assert!(without.linking().unwrap().is_none());
    }

    #[test]
    fn a_payload_reads_back(link_id: [u8; 8], nonce: [u8; 16], registers: bool) {
        let hint = if registers { Hint::MakeCredential } else { Hint::GetAssertion };
        let payload = ClientPayload { link_id, nonce, hint };
        prop_assert_eq!(ClientPayload::decode(&payload.encode()).unwrap(), payload.clone());
        prop_assert_eq!(hex::decode(&payload.to_header()).unwrap(), payload.encode());
    }
}

proptest! {
    // Elliptic curves take their time.
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn both_sides_sign_a_link_alike(phone in secret_key(), desktop in secret_key(), hash: [u8; 32]) {
        let signature = sign(&phone, &desktop.public_key(), &hash);
        prop_assert_eq!(signature, sign(&desktop, &phone.public_key(), &hash));
        let mut other = hash;
        other[0] ^= 1;
        prop_assert_ne!(signature, sign(&desktop, &phone.public_key(), &other));
    }

    #[test]
    fn a_handshake_joins_those_who_know_the_same_and_nobody_else(
        key in secret_key(), other in secret_key(), psk: [u8; 32], wrong: [u8; 32], by_link: bool, seed: u64,
    ) {
        prop_assume!(key.public_key() != other.public_key() && psk != wrong);
        let (point, stranger) = (key.public_key(), other.public_key());
        let desktop = || if by_link { Pattern::LinkDesktop(&point) } else { Pattern::QrDesktop(&key) };
        let phone = |known| if by_link { Pattern::LinkPhone(&key) } else { Pattern::QrPhone(known) };
        let (mut first, mut second) = (rng(seed), rng(!seed));

        let mut ours = Handshake::new(&desktop(), &psk, &mut *first);
        let mut theirs = Handshake::new(&phone(&point), &psk, &mut *second);
        let greeting = ours.write();
        theirs.read(&greeting).unwrap();
        let answer = theirs.write();
        ours.read(&answer).unwrap();
        prop_assert_eq!((greeting.len(), answer.len()), (81, 81));
        prop_assert_eq!(ours.hash(), theirs.hash());
        let (mut ours, mut theirs) = (ours.into_channel(), theirs.into_channel());
        let sealed = ours.seal(b"over").unwrap();
        prop_assert_eq!(theirs.open(&sealed).unwrap(), b"over");
        prop_assert!(theirs.open(&sealed).is_err(), "a second time");
        let sealed = theirs.seal(b"and back").unwrap();
        prop_assert_eq!(ours.open(&sealed).unwrap(), b"and back");

        let mut wrong_psk = Handshake::new(&phone(&point), &wrong, &mut *second);
        prop_assert!(wrong_psk.read(&greeting).is_err());
        let mut wrong_key = Handshake::new(&phone(&stranger), &psk, &mut *second);
        prop_assert!(by_link || wrong_key.read(&greeting).is_err());
        let crossed = if by_link { Pattern::QrPhone(&point) } else { Pattern::LinkPhone(&key) };
        prop_assert!(Handshake::new(&crossed, &psk, &mut *second).read(&greeting).is_err());
    }
}

#[test]
fn a_text_longer_than_any_code_is_refused_before_it_is_read() {
    let text = format!("{SCHEME}{}", "x".repeat(MAX_DIGITS + 1));
    let why = QrCode::parse(&text).err().unwrap().to_string();
    assert!(why.contains("more than a QR code holds"), "{why}");
}

#[test]
fn a_message_that_noise_cannot_seal_is_refused_by_both_sides() {
    let key = SecretKey::from_slice(&[7; 32]).unwrap();
    let point = key.public_key();
    let mut desktop = Handshake::new(&Pattern::QrDesktop(&key), &[1; 32], &mut *rng(1));
    let mut phone = Handshake::new(&Pattern::QrPhone(&point), &[1; 32], &mut *rng(2));
    phone.read(&desktop.write()).unwrap();
    desktop.read(&phone.write()).unwrap();
    let (mut desktop, mut phone) = (desktop.into_channel(), phone.into_channel());
    let longest = vec![0; frame::MAX_MESSAGE - 16];
    let sealed = desktop.seal(&longest).unwrap();
    assert_eq!(sealed.len(), frame::MAX_MESSAGE);
    assert_eq!(phone.open(&sealed).unwrap(), longest);
    assert!(desktop.seal(&[&longest[..], &[0]].concat()).is_err());
    assert!(phone.open(&vec![0; frame::MAX_MESSAGE + 1]).is_err());
}
