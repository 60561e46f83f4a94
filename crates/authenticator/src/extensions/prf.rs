//! prf in the clear, WebAuthn Level 3 §10.1.4, as phones do it over hybrid: there is no PIN/UV auth protocol to encrypt
//! salts under, and the tunnel encrypts everything.
//!
//! ```text
//! extensions                {"prf": {"eval": {"first": h'…', "second": h'…'}, "evalByCredential": {h'ID': {"first": …}}}}
//! unsignedExtensionOutputs  {"prf": {"enabled": true, "results": {"first": h'…', "second": h'…'}}}
//! ```
//!
//! `second`, both members of the input and `results` may be absent; `enabled` is there at a registration alone, and
//! `evalByCredential` counts at a sign-in alone. Clients hash what pages give them before they send it, so that salts
//! and secrets are those of hmac-secret: a passkey gives a page the same secret over every link.
use super::hmac_secret::{self, SALT};
use super::{GetFacts, Inputs, MakeFacts};
use crate::authenticator::Authenticator;
use crate::profile::Extension;
use alloc::{format, vec::Vec};
use wire::cbor::{self, Field, Key, Kind, Record, Value};
use wire::status::{CtapError, Status};
use zeroize::Zeroizing;

const INPUT: &[Field] = &[
    Field::optional(Key::Text("eval"), "eval", Kind::Map),
    Field::optional(Key::Text("evalByCredential"), "evalByCredential", Kind::Map),
];

const VALUES: &[Field] = &[
    Field::required(Key::Text("first"), "first", Kind::Bytes),
    Field::optional(Key::Text("second"), "second", Kind::Bytes),
];

/// One salt of 32 bytes, or two.
struct Salts(Zeroizing<Vec<u8>>);

impl Salts {
    /// # Errors
    /// Those of [`Record::read`]; INVALID_LENGTH for a salt that has not 32 bytes.
    fn read(values: &Value) -> Result<Self, CtapError> {
        let map = Record::read(values, "prf values", VALUES)?;
        let mut salts = Zeroizing::new(Vec::with_capacity(2 * SALT));
        for name in ["first", "second"] {
            let Some(salt) = map.bytes(name) else { continue };
            if salt.len() != SALT {
                let why =
                    format!("WebAuthn Level 3 §10.1.4: prf {name} has {} bytes, and not {SALT}", salt.len());
                return Err(Status::INVALID_LENGTH.because_of(why));
            }
            salts.extend_from_slice(salt);
        }
        Ok(Self(salts))
    }

    /// `results`: the secrets for a verified user, which alone are for pages.
    fn results(&self, auth: &Authenticator, credential_id: &[u8]) -> Value {
        let secrets = hmac_secret::secrets(auth, credential_id, true, &self.0);
        let mut each = secrets.chunks_exact(SALT).map(cbor::bytes);
        cbor::text_map([("first", each.next()), ("second", each.next())])
    }
}

/// What a registration asks for.
pub(super) struct Creating {
    eval: Option<Salts>,
}

/// What a sign-in asks for.
pub(super) struct SigningIn {
    eval: Option<Salts>,
    by_credential: Vec<(Vec<u8>, Salts)>,
}

/// Reads what a registration asks for.
///
/// # Errors
/// Those of [`Record::read`] and of each salt.
pub(super) fn read_make(inputs: &Inputs<'_>) -> Result<Option<Creating>, CtapError> {
    let Some(input) = inputs.input(Extension::Prf) else { return Ok(None) };
    let map = Record::read(input, "prf", INPUT)?;
    Ok(Some(Creating { eval: map.any("eval").map(Salts::read).transpose()? }))
}

/// Reads what a sign-in asks for.
///
/// # Errors
/// Those of [`Record::read`] and of each salt; CBOR_UNEXPECTED_TYPE for a key that is no credential ID.
pub(super) fn read_get(inputs: &Inputs<'_>) -> Result<Option<SigningIn>, CtapError> {
    let Some(input) = inputs.input(Extension::Prf) else { return Ok(None) };
    let map = Record::read(input, "prf", INPUT)?;
    let named = map.any("evalByCredential").and_then(Value::as_map).map(Vec::as_slice).unwrap_or_default();
    let by_credential = named.iter().map(|(id, values)| {
        // Chromium sends the bytes of the ID, where WebAuthn has them as base64url.
        let id = id.as_bytes().filter(|id| !id.is_empty()).ok_or(Status::CBOR_UNEXPECTED_TYPE.because(
            "WebAuthn Level 3 §10.1.4: a key of prf evalByCredential is not the bytes of a credential ID",
        ))?;
        Ok((id.clone(), Salts::read(values)?))
    });
    Ok(Some(SigningIn {
        eval: map.any("eval").map(Salts::read).transpose()?,
        by_credential: by_credential.collect::<Result<_, CtapError>>()?,
    }))
}

impl Creating {
    /// The output for the credential that is being made.
    pub(super) fn run(&self, auth: &Authenticator, facts: &MakeFacts<'_>) -> Value {
        let eval = self.eval.as_ref().filter(|_| facts.uv);
        let results = eval.map(|salts| salts.results(auth, facts.credential_id));
        cbor::text_map([("enabled", Some(true.into())), ("results", results)])
    }
}

impl SigningIn {
    /// The output for the credential that signs; `None` if there is nothing to evaluate for it. What names the
    /// credential goes first.
    pub(super) fn run(&self, auth: &Authenticator, facts: &GetFacts<'_>) -> Option<Value> {
        let named = self.by_credential.iter().find(|(id, _)| id == facts.credential_id);
        let salts = named.map(|(_, salts)| salts).or(self.eval.as_ref()).filter(|_| facts.uv)?;
        Some(cbor::text_map([("results", Some(salts.results(auth, facts.credential_id)))]))
    }
}
