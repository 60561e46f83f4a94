//! Options of the two ceremonies in JSON, WebAuthn Level 3 §5.4 and §5.5.
use super::tree::{Node, count, quoted, word};
use super::{Stuck, authenticator_data, client_data, ctap, json, names};
use serde_json::Value;
use wire::webauthn::json::{Base64Url, CreationOptions, Descriptor, Parameters, RequestOptions};

/// PublicKeyCredentialCreationOptionsJSON.
pub(super) fn creation(document: &Value, odd: &mut Vec<String>) -> Result<Vec<Node>, Stuck> {
    let options: CreationOptions = json::typed(document, odd)?;
    let rp_id = options.rp.id.as_deref();
    check_rp_id(rp_id, odd);
    let id = &options.user.id.0;
    ctap::check_user_id(id, odd);
    let user = vec![
        Node::bytes("id", id).note_if(ctap::entra_tenant(id)),
        Node::text("name", &options.user.name),
        Node::text("displayName", &options.user.display_name),
    ];
    let rp = vec![
        rp_id.map_or_else(
            || Node::new("id", "").note("absent: the origin's domain"),
            |id| Node::text("id", id),
        ),
        Node::text("name", &options.rp.name),
    ];
    let mut lines = vec![
        Node::new("rp", "").with(rp),
        Node::new("user", "").with(user),
        challenge(&options.challenge, odd),
        parameters(&options.pub_key_cred_params, odd),
    ];
    lines.extend(timeout(options.timeout));
    lines.push(descriptors("excludeCredentials", &options.exclude_credentials, odd));
    if let Some(selection) = &options.authenticator_selection {
        let attachment = selection.authenticator_attachment.as_deref();
        let resident = selection.resident_key.as_deref();
        let mut inner = Vec::new();
        inner.extend(one_of("authenticatorAttachment", attachment, &["platform", "cross-platform"], odd));
        inner.extend(one_of("residentKey", resident, REQUIREMENTS, odd));
        inner.extend(
            selection.require_resident_key.map(|yes| Node::new("requireResidentKey", yes.to_string())),
        );
        inner.extend(one_of("userVerification", selection.user_verification.as_deref(), REQUIREMENTS, odd));
        if let (Some(resident), Some(required)) = (resident, selection.require_resident_key)
            && (resident == "required") != required
        {
            odd.push(format!("residentKey is {}, and requireResidentKey is {required}: the first counts (WebAuthn Level 3 §5.4.4)", quoted(resident)));
        }
        lines.push(Node::new("authenticatorSelection", "").with(inner));
    }
    lines.extend(hints(&options.hints, odd));
    lines.extend(one_of(
        "attestation",
        options.attestation.as_deref(),
        &["none", "indirect", "direct", "enterprise"],
        odd,
    ));
    if !options.attestation_formats.is_empty() {
        let formats = options.attestation_formats.iter().map(|format| word(format)).collect::<Vec<_>>();
        lines.push(Node::new("attestationFormats", formats.join(", ")).note("most wanted first"));
    }
    if !options.extensions.is_empty() {
        lines.push(json::extensions("extensions", &options.extensions, odd));
    }
    Ok(lines)
}

/// PublicKeyCredentialRequestOptionsJSON.
pub(super) fn request(document: &Value, odd: &mut Vec<String>) -> Result<Vec<Node>, Stuck> {
    let options: RequestOptions = json::typed(document, odd)?;
    let rp_id = options.rp_id.as_deref();
    check_rp_id(rp_id, odd);
    let mut lines = vec![
        challenge(&options.challenge, odd),
        rp_id.map_or_else(
            || Node::new("rpId", "").note("absent: the origin's domain"),
            |id| Node::text("rpId", id),
        ),
    ];
    lines.extend(timeout(options.timeout));
    lines.push(match options.allow_credentials.as_slice() {
        [] => Node::new("allowCredentials", "none").note("any discoverable credential will do"),
        some => descriptors("allowCredentials", some, odd),
    });
    lines.extend(one_of("userVerification", options.user_verification.as_deref(), REQUIREMENTS, odd));
    lines.extend(hints(&options.hints, odd));
    if !options.extensions.is_empty() {
        lines.push(json::extensions("extensions", &options.extensions, odd));
    }
    Ok(lines)
}

/// UserVerificationRequirement and ResidentKeyRequirement have the same words.
const REQUIREMENTS: &[&str] = &["required", "preferred", "discouraged"];

fn check_rp_id(rp_id: Option<&str>, odd: &mut Vec<String>) {
    if let Some(id) = rp_id.filter(|id| id.contains(['/', ':', ' ']) || id.is_empty()) {
        odd.push(format!("the RP ID {} is no domain: it has no scheme, port or path", quoted(id)));
    }
}

fn challenge(challenge: &Base64Url, odd: &mut Vec<String>) -> Node {
    client_data::check_challenge(&challenge.0, odd);
    Node::bytes("challenge", &challenge.0).note_if(client_data::entra(&challenge.0))
}

fn parameters(parameters: &[Parameters], odd: &mut Vec<String>) -> Node {
    if parameters.is_empty() {
        odd.push(
            "pubKeyCredParams is empty: the client then takes ES256 and RS256 (WebAuthn Level 3 §5.1.3)"
                .into(),
        );
    }
    let mut lines = Vec::with_capacity(parameters.len());
    for (i, Parameters { kind, alg }) in parameters.iter().enumerate() {
        let other = (kind != "public-key").then(|| format!("type {}, passed over", quoted(kind)));
        if other.is_some() {
            odd.push(format!("pubKeyCredParams[{i}] is not of type public-key, and is passed over"));
        } else if !names::is_known_algorithm(*alg) {
            odd.push(format!("pubKeyCredParams[{i}] offers algorithm {alg}, which has no name here"));
        }
        lines.push(Node::new(format!("[{i}]"), names::algorithm((*alg).into())).note_if(other));
    }
    Node::new("pubKeyCredParams", count(parameters.len(), "algorithm")).with(lines)
}

fn timeout(milliseconds: Option<u64>) -> Option<Node> {
    let seconds = |ms: u64| format!("{}.{:03} s", ms / 1000, ms % 1000).replace(".000", "");
    milliseconds.map(|ms| Node::new("timeout", format!("{ms} ms")).note(seconds(ms)))
}

fn descriptors(label: &str, list: &[Descriptor], odd: &mut Vec<String>) -> Node {
    let mut lines = Vec::with_capacity(list.len());
    for (i, Descriptor { kind, id, transports }) in list.iter().enumerate() {
        if kind != "public-key" {
            odd.push(format!("{label}[{i}] has type {}, and is passed over", quoted(kind)));
        }
        authenticator_data::check_id(&id.0, odd);
        let via = transports.as_deref().filter(|transports| !transports.is_empty());
        let via =
            via.map(|transports| format!("reachable by {}", json::transports("", transports, odd).value));
        lines.push(Node::bytes(format!("[{i}]"), &id.0).note_if(via));
    }
    Node::new(label, count(list.len(), "credential")).with(lines)
}

fn one_of(label: &str, value: Option<&str>, known: &[&str], odd: &mut Vec<String>) -> Option<Node> {
    let value = value?;
    if !known.contains(&value) {
        odd.push(format!("{label} is {}, which is none of {}", quoted(value), known.join(", ")));
    }
    Some(Node::text(label, value))
}

fn hints(hints: &[String], odd: &mut Vec<String>) -> Option<Node> {
    const KNOWN: &[&str] = &["security-key", "client-device", "hybrid"];
    for hint in hints.iter().filter(|hint| !KNOWN.contains(&hint.as_str())) {
        odd.push(format!("unknown hint {}", quoted(hint)));
    }
    let texts = hints.iter().map(|hint| word(hint)).collect::<Vec<_>>();
    (!hints.is_empty()).then(|| Node::new("hints", texts.join(", ")))
}
