//! `fauxkey explain`: whatever WebAuthn and CTAP exchange, decoded for people, with what is odd about it.
//!
//! Nothing is verified here: no signature, no hash, no certificate chain. An explanation says what the bytes
//! say, and [`Explanation::odd`] what a reader should stumble over.
//!
//! The input is tried in every form that it can be in ([`Form`]), and in each form every reading is tried, the
//! most specific first. The first that takes all bytes wins; else the first that leaves some over.
#![allow(
    unreachable_pub,
    reason = "the way in is public, whether this is a module of a program or of a library"
)]

pub mod aaguids;
mod apdu;
mod attestation;
mod authenticator_data;
mod cbor;
mod certificate;
mod client_data;
mod cose;
mod ctap;
mod get_info;
mod input;
mod json;
pub mod messages;
mod names;
mod options;
mod qr;
#[cfg(test)]
mod tests;
mod tree;

pub use input::Form;
pub use tree::Node;

use input::Input;
use serde::Serialize;
use std::fmt;
use wire::aaguid::Aaguid;

/// The longest input in bytes. Nothing in WebAuthn comes near it.
pub const LONGEST: usize = 1 << 20;

/// What some input turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// An attestation object.
    AttestationObject,
    /// Authenticator data.
    AuthenticatorData,
    /// Client data JSON.
    ClientData,
    /// RegistrationResponseJSON.
    RegistrationResponse,
    /// AuthenticationResponseJSON.
    AuthenticationResponse,
    /// PublicKeyCredentialCreationOptionsJSON.
    CreationOptions,
    /// PublicKeyCredentialRequestOptionsJSON.
    RequestOptions,
    /// What Microsoft Graph's creationOptions answers.
    GraphCreationOptions,
    /// What is posted to Microsoft Graph's fido2Methods.
    GraphRegistration,
    /// A CTAP2 request.
    CtapRequest,
    /// A CTAP2 response.
    CtapResponse,
    /// One byte: a CTAP status, or a command without parameters.
    CtapByte,
    /// The answer to authenticatorGetInfo.
    GetInfo,
    /// A command or response APDU of U2F or of a smart card.
    Apdu,
    /// A COSE key.
    CoseKey,
    /// The text of a hybrid QR code.
    HybridQr,
    /// An AAGUID.
    Aaguid,
    /// CBOR that is none of the above.
    Cbor,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AttestationObject => "attestation object",
            Self::AuthenticatorData => "authenticator data",
            Self::ClientData => "client data",
            Self::RegistrationResponse => "registration response",
            Self::AuthenticationResponse => "authentication response",
            Self::CreationOptions => "creation options",
            Self::RequestOptions => "request options",
            Self::GraphCreationOptions => "Microsoft Graph creationOptions",
            Self::GraphRegistration => "Microsoft Graph fido2Methods body",
            Self::CtapRequest => "CTAP request",
            Self::CtapResponse => "CTAP response",
            Self::CtapByte => "CTAP status or command",
            Self::GetInfo => "authenticatorGetInfo response",
            Self::Apdu => "APDU",
            Self::CoseKey => "COSE key",
            Self::HybridQr => "hybrid QR code",
            Self::Aaguid => "AAGUID",
            Self::Cbor => "CBOR",
        })
    }
}

/// What some input says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// What it is.
    pub kind: Kind,
    /// How it was written.
    pub form: Form,
    /// How many bytes it has once hexadecimal digits or base64 are decoded.
    pub bytes: usize,
    /// What it says.
    pub tree: Vec<Node>,
    /// What a reader should stumble over, each a sentence without its stop. Not every oddity is a fault.
    pub odd: Vec<String>,
}

/// As shown on a terminal. Nothing in it can steer one.
impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}, {}, read from {}\n", self.kind, tree::size(self.bytes), self.form)?;
        tree::write_lines(&self.tree, 2, f)?;
        if self.odd.is_empty() {
            return writeln!(f, "\nnothing odd about it");
        }
        writeln!(f, "\nodd about it")?;
        self.odd.iter().try_for_each(|odd| writeln!(f, "  - {odd}"))
    }
}

/// A reading that did not fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tried {
    /// What the input was taken for.
    pub reading: &'static str,
    /// How the input was taken.
    pub form: Form,
    /// How many bytes made sense.
    pub at: usize,
    /// Why the next one did not.
    pub why: String,
    #[serde(skip)]
    near: bool,
}

/// Nothing could be explained.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExplainError {
    /// There is no input, or white space alone.
    #[error("there is nothing to explain")]
    Empty,
    /// The input is longer than [`LONGEST`].
    #[error("the input has {0} bytes, and nothing in WebAuthn has more than {LONGEST}")]
    TooLong(usize),
    /// No reading fits.
    #[error("nothing fits this input{}", list(.tried))]
    NothingFits {
        /// What was tried, what came furthest first.
        tried: Vec<Tried>,
        /// What may help.
        hint: String,
    },
}

fn list(tried: &[Tried]) -> String {
    let line = |Tried { reading, form, at, why, .. }: &Tried| match at {
        0 => format!("\n  {reading} ({form}): {why}"),
        at => format!("\n  {reading} ({form}): byte {at}: {why}"),
    };
    tried.iter().map(line).collect()
}

impl ExplainError {
    /// What may help.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Empty => Some("give hex, base64, base64url or JSON, or a file with the bytes".into()),
            Self::TooLong(_) => None,
            Self::NothingFits { hint, .. } => Some(hint.clone()),
        }
    }
}

/// What a reading made of some bytes.
struct Fit {
    kind: Kind,
    tree: Vec<Node>,
    odd: Vec<String>,
    /// Bytes left over behind it.
    rest: usize,
}

/// How far a reading came.
struct Stuck {
    at: usize,
    why: String,
    /// Whether the input was plainly meant to be this.
    near: bool,
}

impl Stuck {
    fn at(at: usize, why: impl Into<String>) -> Self {
        Self { at, why: why.into(), near: false }
    }

    /// The input was plainly meant to be this, but is not.
    fn near(why: impl Into<String>) -> Self {
        Self { at: 0, why: why.into(), near: true }
    }

    /// The same, `offset` bytes further on.
    fn after(self, offset: usize) -> Self {
        Self { at: self.at + offset, ..self }
    }
}

impl fmt::Display for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.near { f.write_str(&self.why) } else { write!(f, "byte {}: {}", self.at, self.why) }
    }
}

/// A way to look at bytes.
struct Reading {
    name: &'static str,
    /// Whether it is for text as it was given, for decoded bytes, or for both.
    text: bool,
    decoded: bool,
    read: fn(&[u8]) -> Result<Fit, Stuck>,
}

/// The most specific first.
const READINGS: &[Reading] = &[
    Reading { name: "AAGUID", text: true, decoded: false, read: read_aaguid_text },
    Reading { name: "hybrid QR code", text: true, decoded: false, read: qr::read },
    Reading { name: "WebAuthn JSON", text: true, decoded: true, read: json::read },
    Reading { name: "attestation object", text: false, decoded: true, read: attestation::read },
    Reading { name: "APDU", text: false, decoded: true, read: apdu::read_command },
    Reading { name: "U2F answer", text: false, decoded: true, read: apdu::read_answer },
    Reading { name: "CTAP response", text: false, decoded: true, read: ctap::read_response },
    Reading { name: "CTAP request", text: false, decoded: true, read: ctap::read_request },
    Reading { name: "COSE key", text: false, decoded: true, read: cose::read },
    Reading {
        name: "CTAP message without its first byte",
        text: false,
        decoded: true,
        read: ctap::read_bare_members,
    },
    Reading { name: "authenticator data", text: false, decoded: true, read: authenticator_data::read },
    Reading { name: "AAGUID in bytes", text: false, decoded: true, read: read_aaguid_bytes },
    Reading { name: "CTAP status or command", text: false, decoded: true, read: ctap::read_byte },
    Reading { name: "CBOR", text: false, decoded: true, read: cbor::read },
];

/// Says what `input` is and what it says. What ages says how old it is if there is a clock: `now` is in seconds since 1970.
///
/// # Errors
/// If there is nothing in it, far too much, or nothing that is known here.
pub fn explain(input: &[u8], now: Option<u64>) -> Result<Explanation, ExplainError> {
    if input.len() > LONGEST {
        return Err(ExplainError::TooLong(input.len()));
    }
    let inputs = input::forms(input);
    if inputs.is_empty() {
        return Err(ExplainError::Empty);
    }
    let mut tried = Vec::new();
    let mut with_rest = None;
    for reading in READINGS {
        for Input { form, bytes } in &inputs {
            let wanted = if *form == Form::Text { reading.text } else { reading.decoded };
            match wanted.then(|| (reading.read)(bytes)) {
                Some(Ok(mut fit)) if fit.rest == 0 => {
                    if let (Kind::HybridQr, Some(now)) = (fit.kind, now) {
                        qr::tell_age(&mut fit, now);
                    }
                    return Ok(explanation(fit, *form, bytes.len(), &tried));
                }
                Some(Ok(fit)) => {
                    let why = format!("{} after its end", tree::size(fit.rest));
                    tried.push(Tried {
                        reading: reading.name,
                        form: *form,
                        at: bytes.len() - fit.rest,
                        why,
                        near: false,
                    });
                    with_rest.get_or_insert((fit, *form, bytes.len()));
                }
                Some(Err(Stuck { at, why, near })) => {
                    tried.push(Tried { reading: reading.name, form: *form, at, why, near });
                }
                None => {}
            }
        }
    }
    if let Some((mut fit, form, length)) = with_rest {
        fit.odd.insert(0, format!("{} after the end of the {}", tree::size(fit.rest), fit.kind));
        return Ok(explanation(fit, form, length, &[]));
    }
    // Stable: of readings that came equally far, the more specific stays in front.
    tried.sort_by_key(|tried| (!tried.near, std::cmp::Reverse(tried.at)));
    let hint = hint(input, &tried);
    Err(ExplainError::NothingFits { tried, hint })
}

fn explanation(fit: Fit, form: Form, bytes: usize, tried: &[Tried]) -> Explanation {
    let mut odd = fit.odd;
    // Plain CBOR is the last resort; what it was meant to be is worth saying.
    let near = tried.iter().filter(|tried| tried.near && fit.kind == Kind::Cbor);
    odd.extend(near.map(|Tried { reading, why, .. }| format!("nearly: {reading}, but {why}")));
    Explanation { kind: fit.kind, form, bytes, tree: fit.tree, odd }
}

/// `tried` has what came furthest in front.
fn hint(input: &[u8], tried: &[Tried]) -> String {
    let text = std::str::from_utf8(input).unwrap_or_default().trim();
    let furthest = tried.iter().find(|tried| tried.at > 0);
    if let Some(json) = tried.iter().find(|tried| tried.near && tried.reading == "WebAuthn JSON") {
        return format!("as JSON it comes nearest: {}", json.why);
    }
    if let Some(digits) = input::hex_digits(text).filter(|digits| digits.len() % 2 == 1) {
        return format!(
            "{} hexadecimal digits are an odd number: one is missing or one too many",
            digits.len()
        );
    }
    match furthest {
        Some(Tried { reading, why, .. }) if why.contains("ends ") || why.contains("claims ") => {
            format!("it comes nearest to {reading}, but stops too early: was all of it copied?")
        }
        Some(Tried { reading, at, .. }) => format!("it comes nearest to {reading}, and makes sense up to byte {at}"),
        None if tried.iter().all(|tried| tried.form == Form::Text) => {
            "this is no hex, base64, base64url or JSON: give one of those, or a file with the bytes".into()
        }
        None => "explain knows attestation objects, authenticator data, client data, credential and options JSON, \
                 CTAP messages, APDUs, COSE keys, AAGUIDs and CBOR"
            .into(),
    }
}

/// An AAGUID as people write it, in braces and `urn:uuid:` too.
fn read_aaguid_text(text: &[u8]) -> Result<Fit, Stuck> {
    let text = std::str::from_utf8(text).unwrap_or_default();
    let bare = text.strip_prefix("urn:uuid:").unwrap_or(text).trim_start_matches('{').trim_end_matches('}');
    let aaguid = bare.parse().map_err(|_| Stuck::at(0, "not 8-4-4-4-12 hexadecimal digits"))?;
    Ok(aaguid_fit(aaguid))
}

/// 16 bytes, if they are a model with a name here: any 16 bytes could be an AAGUID.
fn read_aaguid_bytes(bytes: &[u8]) -> Result<Fit, Stuck> {
    let aaguid = bytes.try_into().map(Aaguid).map_err(|_| Stuck::at(0, "not 16 bytes"))?;
    if aaguids::model(aaguid).is_none() {
        return Err(Stuck::at(0, "16 bytes, but no model with a name here"));
    }
    Ok(aaguid_fit(aaguid))
}

fn aaguid_fit(aaguid: Aaguid) -> Fit {
    let mut tree = vec![authenticator_data::aaguid_node("aaguid", aaguid)];
    let mut odd = Vec::new();
    match aaguids::model(aaguid) {
        Some(model) => {
            let kept = match model.kept {
                aaguids::Kept::OnOneDevice => "on one device",
                aaguids::Kept::InAnAccount => "in an account, on several devices",
            };
            tree.push(Node::new("passkeys", kept));
            tree.push(Node::new("source", model.source));
        }
        None if aaguid == Aaguid::ZERO => odd.push("the AAGUID is zero: the model is not told".into()),
        None => odd
            .push("no model with this AAGUID has a name here; the FIDO Metadata Service may know it".into()),
    }
    Fit { kind: Kind::Aaguid, tree, odd, rest: 0 }
}
