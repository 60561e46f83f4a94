//! Secrets out of CTAP2 messages: zeros of the same length stand where they were.
//!
//! Hidden is what opens something: what of a PIN travels, tokens, keys for large blobs, the outputs and inputs of
//! hmac-secret and prf, and what relying parties store as secrets (credBlob, large blobs). PINs and tokens are
//! encrypted on the wire; a trace has no need of them all the same. Messages that are not understood, and commands
//! that are not known, are hidden whole.
use super::spans;
use std::ops::Range;
use wire::cbor::{Value, decode_foreign, decode_foreign_prefix};
use wire::ctap2::Command;
use wire::webauthn::Flags;

/// Hides what is secret in a request: the command byte and the parameters. Returns the names of what it hid.
pub fn request(message: &mut [u8]) -> Vec<String> {
    let Some(command) = message.first().map(|byte| Command(*byte)) else { return Vec::new() };
    let mut hide = Hide::new(message);
    match command {
        Command::GET_INFO | Command::GET_NEXT_ASSERTION | Command::RESET | Command::SELECTION => {}
        Command::BIO_ENROLLMENT | Command::CREDENTIAL_MANAGEMENT | Command::CONFIG => {}
        BIO_ENROLLMENT_PREVIEW | CREDENTIAL_MANAGEMENT_PREVIEW => {}
        Command::CLIENT_PIN => hide.members(&[(0x05, "newPinEnc"), (0x06, "pinHashEnc")]),
        Command::LARGE_BLOBS => hide.members(&[(0x02, "set")]),
        Command::MAKE_CREDENTIAL => hide.inputs(0x06),
        Command::GET_ASSERTION => hide.inputs(0x04),
        _ => hide.everything("the parameters of an unknown command"),
    }
    hide.hidden
}

/// Hides what is secret in the response to a command: the status byte and the members.
pub fn response(command: Option<Command>, message: &mut [u8]) -> Vec<String> {
    let mut hide = Hide::new(message);
    match command {
        Some(Command::GET_INFO | Command::RESET | Command::SELECTION | Command::CONFIG) => {}
        Some(Command::BIO_ENROLLMENT | BIO_ENROLLMENT_PREVIEW) => {}
        Some(Command::CREDENTIAL_MANAGEMENT | CREDENTIAL_MANAGEMENT_PREVIEW) => {
            hide.members(&[(0x0B, "largeBlobKey")]);
        }
        Some(Command::CLIENT_PIN) => hide.members(&[(0x02, "pinUvAuthToken")]),
        Some(Command::LARGE_BLOBS) => hide.members(&[(0x01, "config")]),
        Some(Command::MAKE_CREDENTIAL) => {
            hide.members(&[(0x05, "largeBlobKey"), (0x06, "unsignedExtensionOutputs")]);
            hide.outputs(0x02);
        }
        Some(Command::GET_ASSERTION | Command::GET_NEXT_ASSERTION) => {
            hide.members(&[(0x07, "largeBlobKey"), (0x08, "unsignedExtensionOutputs")]);
            hide.outputs(0x02);
        }
        _ => hide.everything("the answer to an unknown command"),
    }
    hide.hidden
}

/// Hides all of a message but its first byte.
pub fn whole(message: &mut [u8], what: &str) -> Vec<String> {
    let mut hide = Hide { body: message.get_mut(1..).unwrap_or_default(), hidden: Vec::new() };
    hide.everything(what);
    hide.hidden
}

const BIO_ENROLLMENT_PREVIEW: Command = Command(0x40);
const CREDENTIAL_MANAGEMENT_PREVIEW: Command = Command(0x41);

/// A message of which some is hidden.
struct Hide<'a> {
    /// Its CBOR, without the first byte.
    body: &'a mut [u8],
    hidden: Vec<String>,
}

impl<'a> Hide<'a> {
    fn new(message: &'a mut [u8]) -> Self {
        let (_, body) = message.split_at_mut(message.len().min(1));
        let mut hide = Self { body, hidden: Vec::new() };
        // Nobody knows where the secrets in something else would stand.
        let is_map = decode_foreign(hide.body).is_ok_and(|value| value.is_map());
        if !hide.body.is_empty() && !is_map {
            hide.everything("what is not CBOR");
        }
        hide
    }

    fn everything(&mut self, what: &str) {
        if !self.body.is_empty() && self.hidden.is_empty() {
            self.body.fill(0);
            self.hidden.push(what.into());
        }
    }

    fn blank(&mut self, at: Range<usize>, name: &str) {
        spans::blank(self.body, at);
        self.hidden.push(name.into());
    }

    /// Members of the message. A key may stand there twice, against the rules.
    fn members(&mut self, names: &[(i64, &str)]) {
        for (key, name) in names {
            self.member(*key).into_iter().for_each(|at| self.blank(at, name));
        }
    }

    fn member(&self, key: i64) -> Vec<Range<usize>> {
        spans::member(self.body, 0..self.body.len(), &Value::from(key))
    }

    /// Inputs of extensions, in the member with that key.
    fn inputs(&mut self, key: i64) {
        let inputs = |body: &[u8], at| spans::members(body, at).unwrap_or_default();
        for (name, at) in
            self.member(key).into_iter().flat_map(|at| inputs(self.body, at)).collect::<Vec<_>>()
        {
            match name.as_text() {
                // CTAP 2.1 §12.5: saltEnc is member 2; the key agreement and saltAuth tell nothing.
                Some(name @ ("hmac-secret" | "hmac-secret-mc")) => {
                    for at in spans::member(self.body, at, &Value::from(2)) {
                        self.blank(at, &format!("{name} saltEnc"));
                    }
                }
                Some(name @ ("credBlob" | "prf" | "largeBlob")) if !is_flag(self.body, &at) => {
                    self.blank(at, name);
                }
                _ => {}
            }
        }
    }

    /// Outputs of extensions, in the authenticator data that the member with that key holds.
    fn outputs(&mut self, key: i64) {
        for at in self.member(key) {
            let found = spans::string(self.body, at.clone()).and_then(|data| {
                let Some(start) = extensions_in(&self.body[data.clone()])? else { return Some(Vec::new()) };
                spans::members(self.body, data.start + start..data.end)
            });
            let Some(outputs) = found else {
                self.blank(at, "authData");
                continue;
            };
            for (name, at) in outputs {
                if let Some(name @ ("hmac-secret" | "hmac-secret-mc" | "credBlob" | "prf")) = name.as_text()
                    && !is_flag(self.body, &at)
                {
                    self.blank(at, name);
                }
            }
        }
    }
}

/// Whether the item is true or false, which tells nothing.
fn is_flag(bytes: &[u8], at: &Range<usize>) -> bool {
    matches!(bytes[at.clone()], [0xF4 | 0xF5])
}

/// Where the extensions begin in authenticator data (WebAuthn L3 §6.1), if it has any; `None` if it makes no sense.
fn extensions_in(data: &[u8]) -> Option<Option<usize>> {
    const HEADER: usize = 32 + 1 + 4;
    let flags = Flags(*data.get(32)?);
    if !flags.contains(Flags::ED) {
        return Some(None);
    }
    if !flags.contains(Flags::AT) {
        return Some(Some(HEADER));
    }
    // aaguid, then the length of the credential ID, the ID, and the key as a COSE map.
    let length = data.get(HEADER + 16..)?.first_chunk::<2>()?;
    let key = HEADER + 18 + usize::from(u16::from_be_bytes(*length));
    let (_, rest) = decode_foreign_prefix(data.get(key..)?).ok()?;
    Some(Some(data.len() - rest.len()))
}
