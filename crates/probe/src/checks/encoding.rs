//! How a response is written: WebAuthn L3 §5.1, §5.2.1.1, §2 (CBOR), RFC 4648 and RFC 8259.
use crate::check::{Act, BOTH, Basis, Change, Check, Clause, check, in_ceremony, json, text};
use crate::draft::edit_bytes;
use crate::report::Severity;
use relying_party::{Ceremony, Step};
use serde_json::Value;

const LENIENT: &str = "Nothing need be done: whoever reads both dialects of base64 serves more clients.";
const FURTHER: &str = "Pass over members that you do not know: clients of later editions have more.";
const STRICT: &str =
    "WebAuthn wants the members of §5.1 as they are: compare type with public-key, and id with rawId.";
const CANONICAL: &str = "A decoder should refuse CBOR that is not in the CTAP2 canonical form, and names that stand twice (§2): two \
                         readers must not see two things.";
const REPEATS: &str =
    "Take key and authenticator data out of the attestation object, not out of the members that repeat it.";

/// In the standard alphabet, with padding to the next four letters.
fn standard(member: &mut Value) {
    if let Some(text) = member.as_str() {
        let mut text = text.replace('-', "+").replace('_', "/");
        while !text.len().is_multiple_of(4) {
            text.push('=');
        }
        *member = text.into();
    }
}

fn all_standard(response: &mut Value) {
    standard(&mut response["rawId"]);
    for member in ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"] {
        if !response["response"][member].is_null() {
            standard(&mut response["response"][member]);
        }
    }
}

/// Puts members before the last brace.
fn with_last(object: &str, members: &str) -> String {
    match object.rfind('}') {
        Some(at) => format!("{},{members}}}", &object[..at]),
        None => object.into(),
    }
}

fn object(edit: impl Fn(&mut Vec<u8>) + 'static) -> Change {
    json(move |response| edit_bytes(response, "attestationObject", &edit))
}

pub(super) fn checks() -> Vec<Check> {
    const GROUP: &str = "encoding";
    let json_text = || Clause::Text("WebAuthn L3 §5.1");
    let mut all = Vec::new();
    for (ceremony, word) in BOTH {
        let row = |name: &str, what: &str, clause, severity, advice: &str, change: Change| {
            let (id, title) = (format!("{word}-{name}"), format!("{what} in a {word}"));
            check(id, title, GROUP, clause, severity, advice, in_ceremony(ceremony, change))
        };
        let step = |step| Clause::Step(ceremony, step);
        all.extend([
            row(
                "base64-standard",
                "the standard alphabet of base64, with padding,",
                Clause::Text("RFC 4648 §4"),
                Severity::Note,
                LENIENT,
                json(all_standard),
            )
            .either(),
            row(
                "extra-members",
                "JSON members that nobody knows",
                json_text(),
                Severity::Note,
                FURTHER,
                json(|r| {
                    r["fauxkeyProbe"] = serde_json::json!({"legs": 4});
                    r["response"]["fauxkeyProbe"] = true.into();
                }),
            )
            .either(),
            row(
                "member-twice",
                "a JSON member twice, the right one last,",
                Clause::Text("RFC 8259 §4"),
                Severity::Note,
                "Know which one your JSON reader keeps.",
                text(|t| t.replacen('{', r#"{"id":"AAAA","#, 1)),
            )
            .either(),
            row(
                "member-twice-wrong-last",
                "a JSON member twice, the wrong one last,",
                Clause::Text("RFC 8259 §4"),
                Severity::Note,
                "Know which one your JSON reader keeps.",
                text(|t| with_last(t, r#""id":"AAAA""#)),
            )
            .either(),
            row(
                "type-not-public-key",
                "another type than public-key",
                step(Step::CredentialType),
                Severity::Note,
                STRICT,
                json(|r| r["type"] = "password".into()),
            )
            // §5.1 says what they are, and no step of §7 looks.
            .either(),
            row(
                "id-not-of-raw-id",
                "an id that is not the text of rawId",
                step(Step::CredentialId),
                Severity::Note,
                STRICT,
                json(|r| {
                    let padded = format!("{}=", r["id"].as_str().unwrap_or_default());
                    r["id"] = padded.into();
                }),
            )
            .either(),
            row(
                "attachment-unknown",
                "an authenticatorAttachment that nobody knows",
                json_text(),
                Severity::Note,
                FURTHER,
                json(|r| {
                    r["authenticatorAttachment"] = "fauxkey-probe".into();
                }),
            )
            .either(),
            row(
                "client-extension-unasked",
                "a client extension that was not asked for",
                step(Step::ClientExtensions),
                Severity::Note,
                "Either will do (§9): ignore outputs that were not asked for, and act on none of them.",
                json(|r| {
                    r["clientExtensionResults"]["fauxkeyProbe"] = true.into();
                }),
            )
            .either(),
            row(
                "client-extensions-absent",
                "no clientExtensionResults",
                json_text(),
                Severity::Note,
                "A client with nothing to tell may leave them out.",
                json(|r| {
                    if let Some(members) = r.as_object_mut() {
                        members.remove("clientExtensionResults");
                    }
                }),
            )
            .either(),
        ]);
    }
    let registration = |name: &str, title: &str, clause, advice: &str, change| {
        let act = Act::Registration(Basis::Base, change);
        check(format!("registration-{name}"), title, GROUP, clause, Severity::Note, advice, act).either()
    };
    let repeats = || Clause::Step(Ceremony::Registration, Step::Conveniences);
    let canonical = || Clause::Step(Ceremony::Registration, Step::AttestationObject);
    all.extend([
        registration(
            "transports-absent",
            "no transports in a registration",
            json_text(),
            "They are hints, and none are hints as well.",
            json(|r| {
                if let Some(members) = r["response"].as_object_mut() {
                    members.remove("transports");
                }
            }),
        ),
        registration(
            "transports-unknown",
            "transports that nobody knows",
            json_text(),
            "Keep values that you do not know (§5.8.4).",
            json(|r| {
                r["response"]["transports"] = serde_json::json!(["fauxkey-probe"]);
            }),
        ),
        registration(
            "public-key-other",
            "a publicKey that is not the one in the attestation object",
            repeats(),
            REPEATS,
            json(|r| {
                r["response"]["publicKey"] = "AAAA".into();
                r["response"]["publicKeyAlgorithm"] = (-8).into();
            }),
        ),
        registration(
            "repeated-authenticator-data-other",
            "an authenticatorData that is not the one in the attestation object",
            repeats(),
            REPEATS,
            json(|r| {
                r["response"]["authenticatorData"] = "AAAA".into();
            }),
        ),
        registration(
            "object-bytes-after",
            "an attestation object with a byte after it",
            canonical(),
            CANONICAL,
            object(|bytes| bytes.push(0)),
        ),
        registration(
            "object-member-twice",
            "an attestation object with a name twice",
            canonical(),
            CANONICAL,
            object(|bytes| {
                // fmt once more, with another format.
                if let Some(head) = bytes.first_mut() {
                    *head += 1;
                }
                bytes.extend(b"\x63fmt\x64none");
            }),
        ),
        registration(
            "object-long-number",
            "an attestation object with a length longer than it need be",
            canonical(),
            CANONICAL,
            object(|bytes| {
                // A map of three members, in two bytes.
                if let Some(head) = bytes.first().copied() {
                    bytes.splice(..1, [0xB8, head & 0x1F]);
                }
            }),
        ),
        registration(
            "object-indefinite",
            "an attestation object of indefinite length",
            canonical(),
            CANONICAL,
            object(|bytes| {
                if let Some(head) = bytes.first_mut() {
                    *head = 0xBF;
                }
                bytes.push(0xFF);
            }),
        ),
        registration(
            "object-further-member",
            "an attestation object with a member that nobody knows",
            canonical(),
            FURTHER,
            object(|bytes| {
                if let Some(head) = bytes.first_mut() {
                    *head += 1;
                }
                bytes.extend(b"\x6Bfauxkey-prb\xF5");
            }),
        ),
    ]);
    all
}
