//! Every row of the request tables, and of the dictionaries inside, broken one at a time.
use super::*;

/// A request as its members, so that one can be taken out or replaced.
type Members = Vec<(i64, Value)>;

/// One value of each CBOR type that CTAP can carry.
fn one_of_each_type() -> [Value; 8] {
    [
        Value::from(1),
        Value::from(-1),
        bytes([1]),
        text("1"),
        Value::Array(vec![]),
        Value::Map(vec![]),
        Value::Bool(true),
        Value::Null,
    ]
}

fn is_of(kind: Kind, value: &Value) -> bool {
    match kind {
        Kind::Int => value.is_integer(),
        Kind::Uint => value.as_integer().is_some_and(|n| i128::from(n) >= 0),
        Kind::Bytes => value.is_bytes(),
        Kind::Text => value.is_text(),
        Kind::Array => value.is_array(),
        Kind::Map => value.is_map(),
        Kind::Bool => value.is_bool(),
        Kind::Any => true,
    }
}

fn rp() -> Value {
    text_map([("id", Some(text("login.example.test"))), ("name", Some(text("Example")))])
}

fn user() -> Value {
    text_map([
        ("id", Some(bytes([7; 51]))),
        ("name", Some(text("adele@example.test"))),
        ("displayName", Some(text("Adele"))),
    ])
}

fn parameter() -> Value {
    text_map([("alg", Some(Value::from(-7))), ("type", Some(text(PUBLIC_KEY)))])
}

fn descriptor() -> Value {
    let transports = Value::Array(vec![text("usb")]);
    text_map([
        ("id", Some(bytes([9; 16]))),
        ("type", Some(text(PUBLIC_KEY))),
        ("transports", Some(transports)),
    ])
}

fn options() -> Value {
    text_map(["rk", "up", "uv"].map(|name| (name, Some(Value::Bool(true)))))
}

fn members<const N: usize>(members: [(i64, Value); N]) -> Members {
    members.into()
}

/// A command with every member that its table knows.
struct Subject {
    command: Command,
    table: &'static [Field],
    full: Members,
    client_data_hash: i64,
    list: i64,
    options: i64,
}

fn subjects() -> [Subject; 2] {
    let make_credential = members([
        (0x01, bytes([1; 32])),
        (0x02, rp()),
        (0x03, user()),
        (0x04, Value::Array(vec![parameter()])),
        (0x05, Value::Array(vec![descriptor()])),
        (0x06, text_map([("credProtect", Some(Value::from(2)))])),
        (0x07, options()),
        (0x08, bytes([2; 16])),
        (0x09, Value::from(2)),
        (0x0A, Value::from(1)),
        (0x0B, Value::Array(vec![text("packed")])),
    ]);
    let get_assertion = members([
        (0x01, text("login.example.test")),
        (0x02, bytes([1; 32])),
        (0x03, Value::Array(vec![descriptor()])),
        (0x04, text_map([("hmac-secret", Some(Value::Map(vec![])))])),
        (0x05, options()),
        (0x06, bytes([2; 16])),
        (0x07, Value::from(2)),
    ]);
    [
        Subject {
            command: Command::MAKE_CREDENTIAL,
            table: make_credential::REQUEST,
            full: make_credential,
            client_data_hash: 0x01,
            list: 0x05,
            options: 0x07,
        },
        Subject {
            command: Command::GET_ASSERTION,
            table: get_assertion::REQUEST,
            full: get_assertion,
            client_data_hash: 0x02,
            list: 0x03,
            options: 0x05,
        },
    ]
}

impl Subject {
    fn decode(&self, members: Members) -> Result<Request, CtapError> {
        let members = members.into_iter().map(|(key, value)| (Value::from(key), value)).collect();
        Request::decode(&message(self.command, &Value::Map(members)))
    }

    /// The status of the full request with `key` replaced, or taken out.
    fn status_with(&self, key: i64, value: Option<Value>) -> Status {
        let mut members = self.full.clone();
        members.retain(|(other, _)| *other != key);
        members.extend(value.map(|value| (key, value)));
        self.decode(members).map_or_else(|error| error.status, |_| Status::OK)
    }

    fn full_request(&self) -> Request {
        self.decode(self.full.clone()).unwrap()
    }
}

/// CTAP 2.1 §6.1 and §6.2, and CTAP 2.2 §6.1 for attestationFormatsPreference, copied from the specification
/// rather than from the code.
#[test]
fn the_request_tables_are_those_of_the_specification() {
    let rows: [&[(i64, &str, bool, Kind)]; 2] = [
        &[
            (0x01, "clientDataHash", true, Kind::Bytes),
            (0x02, "rp", true, Kind::Map),
            (0x03, "user", true, Kind::Map),
            (0x04, "pubKeyCredParams", true, Kind::Array),
            (0x05, "excludeList", false, Kind::Array),
            (0x06, "extensions", false, Kind::Map),
            (0x07, "options", false, Kind::Map),
            (0x08, "pinUvAuthParam", false, Kind::Bytes),
            (0x09, "pinUvAuthProtocol", false, Kind::Uint),
            (0x0A, "enterpriseAttestation", false, Kind::Uint),
            (0x0B, "attestationFormatsPreference", false, Kind::Array),
        ],
        &[
            (0x01, "rpId", true, Kind::Text),
            (0x02, "clientDataHash", true, Kind::Bytes),
            (0x03, "allowList", false, Kind::Array),
            (0x04, "extensions", false, Kind::Map),
            (0x05, "options", false, Kind::Map),
            (0x06, "pinUvAuthParam", false, Kind::Bytes),
            (0x07, "pinUvAuthProtocol", false, Kind::Uint),
        ],
    ];
    for (subject, rows) in subjects().iter().zip(rows) {
        for &(key, name, required, kind) in rows {
            let row = subject.table.iter().find(|row| row.key == Key::Int(key)).unwrap();
            assert_eq!((row.name, row.required, row.kind), (name, required, kind), "{}", subject.command);
        }
    }
}

#[test]
fn the_tests_here_know_every_row_of_the_tables() {
    for subject in subjects() {
        let known = subject.full.iter().map(|(key, _)| Key::Int(*key)).collect::<Vec<_>>();
        assert_eq!(subject.table.iter().map(|row| row.key).collect::<Vec<_>>(), known, "{}", subject.command);
        for row in subject.table {
            let (_, value) = subject.full.iter().find(|(key, _)| Key::Int(*key) == row.key).unwrap();
            assert!(is_of(row.kind, value), "{}", row.name);
        }
    }
}

#[test]
fn a_required_member_is_missed_and_an_optional_one_is_not() {
    for subject in subjects() {
        for (row, (key, _)) in subject.table.iter().zip(&subject.full) {
            let expected = if row.required { Status::MISSING_PARAMETER } else { Status::OK };
            assert_eq!(subject.status_with(*key, None), expected, "{} without {}", subject.command, row.name);
        }
    }
}

#[test]
fn a_member_of_another_type_is_an_unexpected_type() {
    for subject in subjects() {
        for (row, (key, _)) in subject.table.iter().zip(&subject.full) {
            let others = one_of_each_type().into_iter().filter(|value| !is_of(row.kind, value));
            for (count, value) in others.enumerate() {
                let status = subject.status_with(*key, Some(value.clone()));
                assert_eq!(
                    status,
                    Status::CBOR_UNEXPECTED_TYPE,
                    "{}: {} is {value:?}",
                    subject.command,
                    row.name
                );
                assert!(count < 8);
            }
        }
    }
}

#[test]
fn a_request_that_is_no_map_is_an_unexpected_type() {
    for subject in subjects() {
        for value in one_of_each_type().into_iter().filter(|value| !value.is_map()) {
            let error = Request::decode(&message(subject.command, &value)).unwrap_err();
            assert_eq!(error.status, Status::CBOR_UNEXPECTED_TYPE, "{}: {value:?}", subject.command);
        }
    }
}

#[test]
fn a_request_without_parameters_or_with_bytes_that_are_not_canonical_is_invalid_cbor() {
    for subject in subjects() {
        let members = Value::Map(subject.full.iter().map(|(k, v)| (Value::from(*k), v.clone())).collect());
        let whole = message(subject.command, &members);
        let mut damaged: Vec<Vec<u8>> = (1..whole.len()).map(|end| whole[..end].to_vec()).collect();
        damaged.push([whole.as_slice(), &[0]].concat());
        for message in damaged {
            let error = Request::decode(&message).unwrap_err();
            assert_eq!(error.status, Status::INVALID_CBOR, "{} of {} bytes", subject.command, message.len());
        }
    }
}

#[test]
fn a_member_that_nobody_knows_is_ignored() {
    let keys = [0, -1, 0x0C, 0x17, 0x18, 0xFF, 0x1_0000, i64::MAX, i64::MIN];
    for subject in subjects() {
        for (key, value) in keys.into_iter().flat_map(|key| one_of_each_type().map(|value| (key, value))) {
            let mut members = subject.full.clone();
            members.push((key, value));
            assert_eq!(subject.decode(members), Ok(subject.full_request()), "{}: {key}", subject.command);
        }
    }
}

#[test]
fn an_option_that_nobody_knows_is_ignored_and_a_known_one_is_a_boolean() {
    for subject in subjects() {
        for value in one_of_each_type() {
            let unknown = text_map([
                ("plat", Some(value.clone())),
                ("RK", Some(value.clone())),
                ("", Some(value.clone())),
            ]);
            assert_eq!(subject.status_with(subject.options, Some(unknown)), Status::OK, "{value:?}");
            for name in ["rk", "up", "uv"] {
                let known = text_map([(name, Some(value.clone()))]);
                let expected = if value.is_bool() { Status::OK } else { Status::CBOR_UNEXPECTED_TYPE };
                let status = subject.status_with(subject.options, Some(known));
                assert_eq!(status, expected, "{}: {name} is {value:?}", subject.command);
            }
        }
    }
}

#[test]
fn every_combination_of_options_is_told_apart() {
    let states = [None, Some(false), Some(true)];
    for (rk, up, uv) in
        states.into_iter().flat_map(|rk| states.into_iter().flat_map(move |up| states.map(|uv| (rk, up, uv))))
    {
        let options =
            text_map([("rk", rk), ("up", up), ("uv", uv)].map(|(name, bit)| (name, bit.map(Value::Bool))));
        for subject in subjects() {
            let mut members = subject.full.clone();
            members.retain(|(key, _)| *key != subject.options);
            members.push((subject.options, options.clone()));
            let found = match subject.decode(members).unwrap() {
                Request::MakeCredential(request) => (request.rk, request.up, request.uv),
                Request::GetAssertion(request) => (request.rk, request.up, request.uv),
                other => panic!("{other:?}"),
            };
            assert_eq!(found, (rk, up, uv), "{}", subject.command);
        }
    }
}

#[test]
fn a_client_data_hash_has_32_bytes() {
    for subject in subjects() {
        for length in 0..=80 {
            let status = subject.status_with(subject.client_data_hash, Some(bytes(vec![0; length])));
            let expected = if length == 32 { Status::OK } else { Status::INVALID_LENGTH };
            assert_eq!(status, expected, "{}: {length} bytes", subject.command);
        }
    }
}

#[test]
fn a_user_id_has_at_most_64_bytes() {
    let [make_credential, _] = subjects();
    for length in 0..=80 {
        let user = text_map([("id", Some(bytes(vec![0; length])))]);
        let expected = if length <= 64 { Status::OK } else { Status::INVALID_LENGTH };
        assert_eq!(make_credential.status_with(0x03, Some(user)), expected, "{length} bytes");
    }
}

/// Breaks every row of a dictionary, which `place` puts into its request.
fn break_every_row(what: &str, whole: &Value, rows: &[(&str, bool, Kind)], place: impl Fn(Value) -> Status) {
    let Value::Map(members) = whole else { panic!("{what} is no map") };
    assert_eq!(members.len(), rows.len(), "{what}: a row or a sample is missing");
    assert_eq!(place(whole.clone()), Status::OK, "{what}");
    for (name, required, kind) in rows {
        let others =
            || members.iter().filter(|(key, _)| key.as_text() != Some(name)).cloned().collect::<Vec<_>>();
        let expected = if *required { Status::MISSING_PARAMETER } else { Status::OK };
        assert_eq!(place(Value::Map(others())), expected, "{what} without {name}");
        for value in one_of_each_type().into_iter().filter(|value| !is_of(*kind, value)) {
            let broken = Value::Map([others(), vec![(text(*name), value.clone())]].concat());
            assert_eq!(place(broken), Status::CBOR_UNEXPECTED_TYPE, "{what}: {name} is {value:?}");
        }
    }
    for value in one_of_each_type() {
        let unknown =
            [(text("icon"), value.clone()), (Value::from(1), value.clone()), (bytes(*b"id"), value.clone())];
        let more = Value::Map([members.clone(), unknown.to_vec()].concat());
        assert_eq!(place(more), Status::OK, "{what}: a member that nobody knows");
        if !value.is_map() {
            assert_eq!(place(value.clone()), Status::CBOR_UNEXPECTED_TYPE, "{what} is {value:?}");
        }
    }
}

#[test]
fn every_row_of_every_dictionary_is_checked() {
    let [make_credential, get_assertion] = subjects();
    const RP: &[(&str, bool, Kind)] = &[("id", true, Kind::Text), ("name", false, Kind::Text)];
    const USER: &[(&str, bool, Kind)] =
        &[("id", true, Kind::Bytes), ("name", false, Kind::Text), ("displayName", false, Kind::Text)];
    const PARAMETER: &[(&str, bool, Kind)] = &[("alg", true, Kind::Int), ("type", true, Kind::Text)];
    const DESCRIPTOR: &[(&str, bool, Kind)] =
        &[("id", true, Kind::Bytes), ("type", true, Kind::Text), ("transports", false, Kind::Array)];
    break_every_row("rp", &rp(), RP, |rp| make_credential.status_with(0x02, Some(rp)));
    break_every_row("user", &user(), USER, |user| make_credential.status_with(0x03, Some(user)));
    break_every_row("parameter", &parameter(), PARAMETER, |entry| {
        make_credential.status_with(0x04, Some(Value::Array(vec![parameter(), entry])))
    });
    for subject in [make_credential, get_assertion] {
        break_every_row("descriptor", &descriptor(), DESCRIPTOR, |entry| {
            subject.status_with(subject.list, Some(Value::Array(vec![descriptor(), entry])))
        });
    }
}

#[test]
fn descriptors_of_another_type_are_passed_over() {
    let entry = |id: u8, kind: &str| text_map([("id", Some(bytes([id]))), ("type", Some(text(kind)))]);
    for subject in subjects() {
        let mut members = subject.full.clone();
        members.retain(|(key, _)| *key != subject.list);
        let list = vec![
            entry(1, "password"),
            entry(2, PUBLIC_KEY),
            entry(3, ""),
            entry(4, "Public-Key"),
            entry(5, PUBLIC_KEY),
        ];
        members.push((subject.list, Value::Array(list)));
        let list = match subject.decode(members).unwrap() {
            Request::MakeCredential(request) => request.exclude_list,
            Request::GetAssertion(request) => request.allow_list,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            list.iter().map(|entry| entry.id.as_slice()).collect::<Vec<_>>(),
            [[2], [5]],
            "{}",
            subject.command
        );
    }
}

#[test]
fn algorithms_keep_their_order_and_those_of_another_type_are_passed_over() {
    let [make_credential, _] = subjects();
    let entry =
        |alg: i64, kind: &str| text_map([("alg", Some(Value::from(alg))), ("type", Some(text(kind)))]);
    let offered = [
        entry(-257, PUBLIC_KEY),
        entry(-7, "password"),
        entry(-9999, PUBLIC_KEY),
        entry(-7, PUBLIC_KEY),
        entry(-7, PUBLIC_KEY),
    ];
    let mut members = make_credential.full.clone();
    members[3].1 = Value::Array(offered.into());
    let Request::MakeCredential(request) = make_credential.decode(members).unwrap() else { panic!() };
    assert_eq!(request.algorithms.iter().map(|alg| alg.0).collect::<Vec<_>>(), [-257, -9999, -7, -7]);
}

#[test]
fn a_long_list_of_descriptors_is_read_whole() {
    for subject in subjects() {
        let mut members = subject.full.clone();
        members.retain(|(key, _)| *key != subject.list);
        members.push((subject.list, Value::Array(vec![descriptor(); 300])));
        let count = match subject.decode(members).unwrap() {
            Request::MakeCredential(request) => request.exclude_list.len(),
            Request::GetAssertion(request) => request.allow_list.len(),
            other => panic!("{other:?}"),
        };
        assert_eq!(count, 300, "{}", subject.command);
    }
}

#[test]
fn attestation_formats_of_a_wrong_type_are_passed_over() {
    let [make_credential, _] = subjects();
    let cases = [
        (one_of_each_type().to_vec(), vec!["1"]),
        (vec![], vec![]),
        (vec![Value::from(1)], vec![]),
        (vec![text("none"), Value::Null, text("packed")], vec!["none", "packed"]),
    ];
    for (preference, expected) in cases {
        let mut members = make_credential.full.clone();
        members[10].1 = Value::Array(preference);
        let Request::MakeCredential(request) = make_credential.decode(members).unwrap() else { panic!() };
        assert_eq!(request.attestation_formats, Some(expected.into_iter().map(String::from).collect()));
    }
}

#[test]
fn transports_of_a_wrong_type_are_passed_over() {
    let [_, get_assertion] = subjects();
    let transports = Value::Array(vec![Value::from(1), text("usb"), Value::Null, text("from-the-future")]);
    let entry = text_map([
        ("id", Some(bytes([1]))),
        ("type", Some(text(PUBLIC_KEY))),
        ("transports", Some(transports)),
    ]);
    let members = int_map([
        (0x01, Some(text("a"))),
        (0x02, Some(bytes([0; 32]))),
        (0x03, Some(Value::Array(vec![entry]))),
    ]);
    let request = Request::decode(&message(get_assertion.command, &members)).unwrap();
    let Request::GetAssertion(request) = request else { panic!() };
    assert_eq!(request.allow_list[0].transports, ["usb", "from-the-future"]);
}
