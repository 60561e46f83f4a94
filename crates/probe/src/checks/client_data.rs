//! The client data besides challenge and origin: WebAuthn L3 §5.8.1, §7.1 steps 5 to 7, §7.2 steps 8 to 10.
use crate::check::{BOTH, Check, json, made, rows_of};
use crate::draft::{Draft, edit_bytes};
use crate::report::Severity;
use relying_party::{Ceremony, Step};

const TYPE: &str = "Compare the type as text: webauthn.create in a registration, webauthn.get in a sign-in.";
const SHAPE: &str = "Refuse client data that are no JSON object with type, challenge and origin.";
const READER: &str = "Nothing need be done: know that your JSON reader does so.";

/// The type of this ceremony and that of the other.
const fn types(ceremony: Ceremony) -> [&'static str; 2] {
    match ceremony {
        Ceremony::Registration => ["webauthn.create", "webauthn.get"],
        Ceremony::Authentication => ["webauthn.get", "webauthn.create"],
    }
}

fn without(member: &'static str) -> impl Fn(&mut Draft) {
    move |draft| {
        let start = format!(r#""{member}":""#);
        let text = String::from_utf8_lossy(&draft.client).into_owned();
        let Some((before, rest)) = text.split_once(&start) else { return };
        let Some((_, after)) = rest.split_once("\",") else { return };
        draft.client = format!("{before}{after}").into();
    }
}

pub(super) fn checks() -> Vec<Check> {
    const GROUP: &str = "client-data";
    let mut all = Vec::new();
    for (ceremony, word) in BOTH {
        let [this, other] = types(ceremony);
        let row = rows_of(GROUP, ceremony, word);
        let shape = |name: &str, what: &str, severity, change| {
            row(name, what, Step::ClientDataJson, severity, SHAPE, change)
        };
        all.extend([
            row("type-other-ceremony", "the type of the other ceremony", Step::Type, Severity::High, TYPE, made(move |d| d.client(this, other))),
            row("type-capitals", "a type in other letters", Step::Type, Severity::Low, TYPE, made(|d| d.client("webauthn.", "WebAuthn."))),
            row("type-of-nothing", "a type that WebAuthn does not have", Step::Type, Severity::Medium, TYPE, made(move |d| d.client(this, "payment.get"))),
            shape("client-data-without-type", "client data without a type", Severity::High, made(without("type"))),
            shape("client-data-without-challenge", "client data without a challenge", Severity::Critical, made(without("challenge"))),
            shape("client-data-without-origin", "client data without an origin", Severity::Critical, made(without("origin"))),
            shape("client-data-no-json", "client data that are no JSON", Severity::High, made(|d| d.client = b"fauxkey".to_vec())),
            shape("client-data-empty", "empty client data", Severity::High, json(|r| edit_bytes(r, "clientDataJSON", Vec::clear))),
            shape("client-data-array", "client data that are an array of the values", Severity::Medium, made(move |d| {
                d.client = format!(r#"["{this}","{}","{}",false,null]"#, d.challenge, d.origin).into();
            })),
            shape("client-data-bytes-after", "client data with bytes after the object", Severity::Low, made(|d| d.client.extend(b"{}"))),
            shape("client-data-member-twice", "client data with type twice, the right one last,", Severity::Note, made(move |d| {
                d.client("{", &format!(r#"{{"type":"{other}","#));
            }))
            .either(),
            row("client-data-bom", "client data after a byte order mark", Step::ClientDataUtf8, Severity::Note, READER, made(|d| {
                d.client.splice(..0, *b"\xEF\xBB\xBF");
            }))
            .either(),
            row("client-data-not-utf8", "client data with a byte that is not UTF-8", Step::ClientDataUtf8, Severity::Note, READER, made(|d| {
                let at = d.client.len() - 1;
                d.client.splice(at..at, b",\"probe\":\"\xFF\"".iter().copied());
            }))
            .either(),
            shape("client-data-extra-member", "client data with a member that nobody knows", Severity::Note, made(|d| {
                d.client(r#""crossOrigin":false"#, r#""crossOrigin":false,"other_keys_can_be_added_here":"do not compare clientDataJSON against a template""#);
            }))
            .either(),
            shape("client-data-without-cross-origin", "client data without crossOrigin", Severity::Note, made(|d| {
                d.client(r#","crossOrigin":false"#, "");
            }))
            .either(),
        ]);
    }
    // Two of these have advice of their own.
    for check in &mut all {
        if check.id.ends_with("client-data-extra-member") || check.id.ends_with("without-cross-origin") {
            check.advice = "Pass over members that you do not know, and take absent ones for their defaults: clients add and \
                            leave out some (§5.8.1)."
                .into();
        }
    }
    all
}
