//! The answer to authenticatorGetInfo, CTAP 2.3 §6.4, and what its members demand of each other.
use super::cbor::{self, int_member, text_member};
use super::tree::{Node, count, quoted, word};
use super::{authenticator_data, messages::Members, names};
use std::collections::BTreeSet;
use wire::aaguid::Aaguid;
use wire::cbor::Value;
use wire::ctap2::Versions;

/// The members by number.
pub(super) const MEMBERS: Members = &[
    (0x01, "versions"),
    (0x02, "extensions"),
    (0x03, "aaguid"),
    (0x04, "options"),
    (0x05, "maxMsgSize"),
    (0x06, "pinUvAuthProtocols"),
    (0x07, "maxCredentialCountInList"),
    (0x08, "maxCredentialIdLength"),
    (0x09, "transports"),
    (0x0A, "algorithms"),
    (0x0B, "maxSerializedLargeBlobArray"),
    (0x0C, "forcePINChange"),
    (0x0D, "minPINLength"),
    (0x0E, "firmwareVersion"),
    (0x0F, "maxCredBlobLength"),
    (0x10, "maxRPIDsForSetMinPINLength"),
    (0x11, "preferredPlatformUvAttempts"),
    (0x12, "uvModality"),
    (0x13, "certifications"),
    (0x14, "remainingDiscoverableCredentials"),
    (0x15, "vendorPrototypeConfigCommands"),
    (0x16, "attestationFormats"),
    (0x17, "uvCountSinceLastPinEntry"),
    (0x18, "longTouchForReset"),
    (0x19, "encIdentifier"),
    (0x1A, "transportsForReset"),
    (0x1B, "pinComplexityPolicy"),
    (0x1C, "pinComplexityPolicyURL"),
    (0x1D, "maxPINLength"),
    (0x1E, "encCredStoreState"),
    (0x1F, "authenticatorConfigCommands"),
];

/// Options and what true and false say; an absent option is not supported, but for `up`, which is true then.
const OPTIONS: &[(&str, &str, &str)] = &[
    ("plat", "built into the client's device", "can be moved between devices"),
    ("rk", "makes discoverable credentials", "cannot make discoverable credentials"),
    ("clientPin", "a PIN is set", "a PIN can be set, and is not"),
    ("up", "can test user presence", "cannot test user presence"),
    ("uv", "built-in user verification is set up", "built-in user verification can be set up, and is not"),
    ("pinUvAuthToken", "gives tokens with permissions", "gives no tokens with permissions"),
    (
        "noMcGaPermissionsWithClientPin",
        "a PIN's token may not register or sign in",
        "a PIN's token may register and sign in",
    ),
    ("largeBlobs", "has a large-blob array", "has no large-blob array"),
    ("ep", "enterprise attestation is on", "enterprise attestation is off"),
    ("bioEnroll", "fingers are enrolled", "fingers can be enrolled, and are not"),
    ("userVerificationMgmtPreview", "fingers are enrolled (preview)", "fingers can be enrolled (preview)"),
    (
        "uvBioEnroll",
        "a token by built-in verification may enroll",
        "a token by built-in verification may not enroll",
    ),
    ("authnrCfg", "has authenticatorConfig", "has no authenticatorConfig"),
    (
        "uvAcfg",
        "a token by built-in verification may configure",
        "a token by built-in verification may not configure",
    ),
    ("credMgmt", "lists and deletes credentials", "does not list credentials"),
    ("perCredMgmtRO", "lists credentials with a persistent token", "has no persistent token"),
    (
        "credentialMgmtPreview",
        "lists and deletes credentials (preview)",
        "does not list credentials (preview)",
    ),
    ("setMinPINLength", "the minimum PIN length can be set", "the minimum PIN length cannot be set"),
    ("makeCredUvNotRqd", "registers without verification if rk is false", "always verifies to register"),
    ("alwaysUv", "always verifies", "verifies when asked"),
];

/// The members by name, and everything odd about them.
pub(super) fn lines(value: &Value, odd: &mut Vec<String>) -> Vec<Node> {
    let mut nodes = Vec::new();
    for (key, member) in value.as_map().into_iter().flatten() {
        let number = key.as_integer().and_then(|n| i64::try_from(n).ok());
        let Some((number, name)) = MEMBERS.iter().find(|(known, _)| Some(*known) == number) else {
            odd.push(format!("member {} has no name here", cbor::key_text(key)));
            nodes.push(cbor::node(cbor::key_text(key), member));
            continue;
        };
        let mut node = described(name, member, odd);
        node.label = format!("0x{number:02X} {name}");
        nodes.push(node);
    }
    check(&Info { value }, odd);
    nodes
}

fn described(name: &str, value: &Value, odd: &mut Vec<String>) -> Node {
    match (name, value) {
        (
            "versions" | "extensions" | "transports" | "attestationFormats" | "transportsForReset",
            Value::Array(items),
        ) if items.iter().all(Value::is_text) => {
            let texts = items.iter().filter_map(Value::as_text).map(word).collect::<Vec<_>>();
            Node::new(name, texts.join(", "))
        }
        ("aaguid", Value::Bytes(bytes)) => match <[u8; 16]>::try_from(bytes.as_slice()) {
            Ok(aaguid) => authenticator_data::aaguid_node(name, Aaguid(aaguid)),
            Err(_) => {
                odd.push(format!("aaguid has {}, not 16", super::tree::size(bytes.len())));
                Node::bytes(name, bytes)
            }
        },
        ("options", Value::Map(options)) => {
            let line = |(key, value): &(Value, Value), odd: &mut Vec<String>| {
                let known = OPTIONS.iter().find(|(known, ..)| key.as_text() == Some(known));
                if known.is_none() {
                    odd.push(format!("unknown option {}", cbor::key_text(key)));
                }
                let meaning =
                    known.zip(value.as_bool()).map(|((_, yes, no), set)| if set { *yes } else { *no });
                cbor::node(cbor::key_text(key), value).note_if(meaning)
            };
            Node::new(name, count(options.len(), "option"))
                .with(options.iter().map(|option| line(option, odd)).collect())
        }
        ("algorithms", Value::Array(items)) => {
            let alg = |item: &Value| text_member(item, "alg")?.as_integer().map(i128::from);
            let texts =
                items.iter().map(|item| alg(item).map_or("?".into(), names::algorithm)).collect::<Vec<_>>();
            Node::new(name, texts.join(", ")).note("most preferred first")
        }
        (
            "maxMsgSize" | "maxCredentialIdLength" | "maxSerializedLargeBlobArray" | "maxCredBlobLength",
            Value::Integer(_),
        ) => cbor::node(name, value).note("bytes"),
        ("minPINLength" | "maxPINLength", Value::Integer(_)) => cbor::node(name, value).note("code points"),
        ("pinComplexityPolicyURL", Value::Bytes(bytes)) => {
            Node::new(name, quoted(&String::from_utf8_lossy(bytes)))
        }
        ("encIdentifier" | "encCredStoreState", Value::Bytes(_)) => {
            cbor::node(name, value).note("encrypted, another at each answer")
        }
        _ => cbor::node(name, value),
    }
}

/// The answer, seen by the names of its members.
struct Info<'a> {
    value: &'a Value,
}

impl Info<'_> {
    fn member(&self, name: &str) -> Option<&Value> {
        let (number, _) = MEMBERS.iter().find(|(_, known)| *known == name)?;
        int_member(self.value, *number)
    }

    fn number(&self, name: &str) -> Option<i128> {
        self.member(name)?.as_integer().map(i128::from)
    }

    fn items(&self, name: &str) -> &[Value] {
        self.member(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    fn lists(&self, name: &str, text: &str) -> bool {
        self.items(name).iter().any(|item| item.as_text() == Some(text))
    }

    fn option(&self, name: &str) -> Option<bool> {
        text_member(self.member("options")?, name)?.as_bool()
    }

    fn is_on(&self, name: &str) -> bool {
        self.option(name) == Some(true)
    }
}

/// What the members demand of each other, CTAP 2.3 §6.4 and CTAP 2.1 §9 ("mandatory features").
fn check(info: &Info<'_>, odd: &mut Vec<String>) {
    check_lists(info, odd);
    check_sizes(info, odd);
    let current = info.lists("versions", "FIDO_2_1") || info.lists("versions", "FIDO_2_3");
    let verifies = info.option("clientPin").is_some() || info.option("uv").is_some();
    let rules = [
        (
            !info.lists("versions", "FIDO_2_0") && !current && !info.lists("versions", "U2F_V2"),
            "versions names no version of CTAP2",
        ),
        (
            info.lists("versions", "FIDO_2_2"),
            "FIDO_2_2 is no defined version: CTAP 2.2 is told by its members",
        ),
        (info.lists("versions", "U2F_V2") && info.is_on("alwaysUv"), "U2F_V2 goes away while alwaysUv is on"),
        (
            info.is_on("alwaysUv") && info.is_on("makeCredUvNotRqd"),
            "alwaysUv and makeCredUvNotRqd exclude each other",
        ),
        (
            current && verifies && !info.lists("extensions", "credProtect"),
            "CTAP 2.1 with user verification needs credProtect",
        ),
        (
            current && info.is_on("rk") && !info.lists("extensions", "hmac-secret"),
            "CTAP 2.1 needs hmac-secret",
        ),
        (
            current && verifies && !info.is_on("pinUvAuthToken"),
            "CTAP 2.1 with user verification needs pinUvAuthToken",
        ),
        (current && info.is_on("rk") && !verifies, "CTAP 2.1 with rk needs a way to verify the user"),
        (
            current
                && info.member("pinUvAuthProtocols").is_some()
                && !info.items("pinUvAuthProtocols").contains(&Value::from(2)),
            "CTAP 2.1 needs PIN/UV auth protocol 2",
        ),
        (
            info.option("clientPin").is_some() && info.member("pinUvAuthProtocols").is_none(),
            "clientPin without pinUvAuthProtocols",
        ),
        (
            info.option("clientPin").is_none() && info.member("minPINLength").is_some(),
            "minPINLength without clientPin",
        ),
        (
            info.is_on("setMinPINLength") && info.option("clientPin").is_none(),
            "setMinPINLength without clientPin",
        ),
        (
            info.is_on("largeBlobs") != info.lists("extensions", "largeBlobKey"),
            "largeBlobs and largeBlobKey go together, and one is missing",
        ),
        (
            info.member("maxSerializedLargeBlobArray").is_some() && !info.is_on("largeBlobs"),
            "maxSerializedLargeBlobArray without largeBlobs",
        ),
        (
            info.lists("extensions", "largeBlob") && info.lists("extensions", "largeBlobKey"),
            "largeBlob and largeBlobKey exclude each other",
        ),
        (
            info.lists("extensions", "credBlob") != info.member("maxCredBlobLength").is_some(),
            "credBlob and maxCredBlobLength go together, and one is missing",
        ),
        (
            info.lists("extensions", "hmac-secret-mc") && !info.lists("extensions", "hmac-secret"),
            "hmac-secret-mc without hmac-secret",
        ),
        (info.lists("attestationFormats", "none"), "attestationFormats must not list none"),
        (
            info.member("aaguid").and_then(Value::as_bytes).is_some_and(|aaguid| *aaguid == [0; 16]),
            "the AAGUID is zero: the model is not told",
        ),
        (info.option("up") == Some(false), "up is false: nobody can be asked"),
    ];
    odd.extend(rules.into_iter().filter(|(broken, _)| *broken).map(|(_, rule)| rule.to_owned()));
}

fn check_lists(info: &Info<'_>, odd: &mut Vec<String>) {
    for version in info.items("versions").iter().filter_map(Value::as_text) {
        if !Versions::DEFINED.contains(&version) && version != "FIDO_2_2" {
            odd.push(format!("unknown version {}", quoted(version)));
        }
    }
    for extension in info.items("extensions").iter().filter_map(Value::as_text) {
        if names::authenticator_extension(extension).is_none() {
            odd.push(format!("unknown extension {}", word(extension)));
        }
    }
    for transport in info.items("transports").iter().filter_map(Value::as_text) {
        if !names::TRANSPORTS.contains(&transport) {
            odd.push(format!("unknown transport {}", quoted(transport)));
        }
    }
    for (_, name) in MEMBERS {
        let Some(items) = info.member(name).and_then(Value::as_array) else { continue };
        if items.is_empty() && *name != "vendorPrototypeConfigCommands" {
            odd.push(format!("{name} is an empty list, and should be absent then"));
        }
        let different: BTreeSet<String> = items.iter().map(wire::cbor::diagnostic).collect();
        if different.len() < items.len() {
            odd.push(format!("{name} lists something twice"));
        }
    }
}

fn check_sizes(info: &Info<'_>, odd: &mut Vec<String>) {
    for (name, least, unit) in [
        ("maxMsgSize", 1024, "bytes"),
        ("maxSerializedLargeBlobArray", 1024, "bytes"),
        ("maxCredBlobLength", 32, "bytes"),
        ("minPINLength", 4, "code points"),
        ("maxPINLength", 8, "code points"),
        ("maxCredentialCountInList", 1, "entries"),
        ("maxCredentialIdLength", 1, "bytes"),
    ] {
        if let Some(number) = info.number(name).filter(|number| *number < least) {
            odd.push(format!("{name} is {number}, and must be at least {least} {unit}"));
        }
    }
}
