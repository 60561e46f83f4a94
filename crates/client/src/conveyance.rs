//! What a page gets to see of the authenticator: attestation, AAGUID, transports and attachment, client by client.
//!
//! With attestation `none`:
//!
//! | client | statement | AAGUID | transports | attachment |
//! |---|---|---|---|---|
//! | `spec-l3` | replaced | kept | the link's and getInfo's | by link |
//! | `chromium-usb` | replaced | **zeros** | `usb` and getInfo's; none without those | cross-platform |
//! | `chromium-hybrid` | replaced | kept | `hybrid`, `internal` | cross-platform |
//! | `firefox` | replaced | kept | `usb` | cross-platform |
//! | `raw` | kept | kept | getInfo's | by link |
//!
//! With `indirect`, `direct` and `enterprise` every one of them hands the statement and the AAGUID on. Level 2
//! zeroed the AAGUID together with the statement; Level 3 stopped that, and Chromium goes on doing it for keys
//! that are neither built in nor reached by hybrid.
//!
//! Sources: WebAuthn Level 3 §5.1.3 step 22. Measured: Chromium 156 on USB and over hybrid, and the AAGUID that
//! Firefox ESR 153 keeps. Read in its source: the rest of Firefox.
use crate::selection::{Link, Platform};
use std::fmt;
use std::str::FromStr;
use wire::aaguid::Aaguid;
use wire::cbor::Value;
use wire::webauthn::AttestationObject;

/// Whose rules for conveyance to follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Client {
    /// WebAuthn Level 3 to the letter.
    #[default]
    SpecL3,
    /// Chromium 156 with a key on USB.
    ChromiumUsb,
    /// Chromium 156 with a phone over hybrid.
    ChromiumHybrid,
    /// Firefox ESR 153 with a key on USB.
    Firefox,
    /// Nobody's: the authenticator's answer goes to the page as it is. A fault, and noted as one.
    Raw,
}

impl Client {
    /// Every client.
    pub const ALL: [Self; 5] =
        [Self::SpecL3, Self::ChromiumUsb, Self::ChromiumHybrid, Self::Firefox, Self::Raw];

    /// The name, such as `spec-l3`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SpecL3 => "spec-l3",
            Self::ChromiumUsb => "chromium-usb",
            Self::ChromiumHybrid => "chromium-hybrid",
            Self::Firefox => "firefox",
            Self::Raw => "raw",
        }
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No client has that name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is none of spec-l3, chromium-usb, chromium-hybrid, firefox and raw")]
pub struct UnknownClient(pub String);

impl FromStr for Client {
    type Err = UnknownClient;

    fn from_str(name: &str) -> Result<Self, UnknownClient> {
        Self::ALL.into_iter().find(|client| client.name() == name).ok_or_else(|| UnknownClient(name.into()))
    }
}

/// AttestationConveyancePreference, WebAuthn Level 3 §5.4.7.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Preference {
    /// The page does not care.
    None,
    /// Some verifiable statement.
    Indirect,
    /// The authenticator's own statement.
    Direct,
    /// A statement that may name the single authenticator.
    Enterprise,
}

impl Preference {
    /// Every preference.
    pub const ALL: [Self; 4] = [Self::None, Self::Indirect, Self::Direct, Self::Enterprise];

    /// The value of `attestation`. Absent and unknown values count as `none`.
    pub fn from_option(value: Option<&str>) -> Self {
        Self::ALL.into_iter().find(|preference| Some(preference.name()) == value).unwrap_or(Self::None)
    }

    /// The name in the specification.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Indirect => "indirect",
            Self::Direct => "direct",
            Self::Enterprise => "enterprise",
        }
    }
}

/// What the page gets to see.
#[derive(Clone, Debug, PartialEq)]
pub struct Conveyed {
    /// The attestation object.
    pub attestation_object: AttestationObject,
    /// `getTransports()`: sorted, each once, unless the client is raw.
    pub transports: Vec<String>,
    /// What was changed or kept, and why.
    pub notes: Vec<String>,
}

impl Platform {
    /// What the page gets to see of an answer that holds attested credential data.
    pub fn convey(&self, preference: Preference, answer: AttestationObject) -> Conveyed {
        let mut notes = Vec::new();
        let attestation_object = self.statement(preference, answer, &mut notes);
        let transports = self.transports(&mut notes);
        Conveyed { attestation_object, transports, notes }
    }

    fn statement(
        &self,
        preference: Preference,
        answer: AttestationObject,
        notes: &mut Vec<String>,
    ) -> AttestationObject {
        let aaguid = aaguid_of(&answer.auth_data);
        if self.client == Client::Raw {
            notes.push(
                "fault: the client raw hands the authenticator's answer on as it is; no browser does".into(),
            );
            return answer;
        }
        if preference != Preference::None {
            let asked = preference.name();
            notes.push(format!(
                "attestation {asked}: the {} statement and AAGUID {aaguid} are handed on",
                answer.fmt
            ));
            if self.client == Client::Firefox {
                notes.push(
                    "Firefox asks its user before it hands a statement on; this answer supposes a yes".into(),
                );
            }
            return answer;
        }
        // WebAuthn Level 3 §5.1.3 step 22, constructCredentialAlg step 1.1: self attestation tells nothing.
        if aaguid == Aaguid::ZERO && answer.fmt == "packed" && !has_certificates(&answer.att_stmt) {
            notes.push(
                "attestation none: self attestation under a zero AAGUID tells nothing and is handed on"
                    .into(),
            );
            return answer;
        }
        // Step 1.2: the statement is replaced.
        if answer.fmt != "none" {
            notes.push(format!("attestation none: the {} statement was replaced by none", answer.fmt));
        }
        let mut conveyed = AttestationObject {
            fmt: "none".into(),
            att_stmt: Value::Map(Vec::new()),
            auth_data: answer.auth_data,
        };
        if aaguid == Aaguid::ZERO {
            return conveyed;
        }
        if self.client == Client::ChromiumUsb {
            if let Some(bytes) = conveyed.auth_data.get_mut(AAGUID) {
                bytes.fill(0);
            }
            notes.push(format!(
                "attestation none: AAGUID {aaguid} was zeroed, as Chromium does for a key that is neither built in nor reached by hybrid"
            ));
        } else {
            notes.push(format!(
                "attestation none: AAGUID {aaguid} was kept, as Level 3 has it; Level 2 zeroed it"
            ));
        }
        conveyed
    }

    fn transports(&self, notes: &mut Vec<String>) -> Vec<String> {
        let told = &self.info.transports;
        let mut transports: Vec<String> = match self.client {
            Client::Raw => return told.clone(),
            Client::SpecL3 => told.iter().cloned().chain([self.link.transport().into()]).collect(),
            Client::ChromiumUsb if told.is_empty() => {
                notes.push("transports: none, as Chromium shows none where getInfo has none".into());
                Vec::new()
            }
            // An enumeration in Chromium: what it does not know is lost.
            Client::ChromiumUsb => {
                let (known, unknown): (Vec<_>, Vec<_>) =
                    told.iter().cloned().partition(|t| KNOWN.contains(&t.as_str()));
                notes.extend(
                    unknown
                        .iter()
                        .map(|t| format!("transports: Chromium drops {t:?}, which it does not know")),
                );
                known.into_iter().chain([Link::Usb.transport().into()]).collect()
            }
            Client::ChromiumHybrid => vec!["hybrid".into(), "internal".into()],
            Client::Firefox => vec!["usb".into()],
        };
        // WebAuthn Level 3 §5.1.3 step 22: unique and in lexicographical order.
        transports.sort();
        transports.dedup();
        transports
    }
}

/// Where the AAGUID stands in authenticator data with attested credential data, WebAuthn Level 3 §6.1.
const AAGUID: std::ops::Range<usize> = 37..53;

/// AuthenticatorTransport values, WebAuthn Level 3 §5.8.4.
const KNOWN: [&str; 6] = ["usb", "nfc", "ble", "smart-card", "hybrid", "internal"];

/// Zeros if the authenticator data is too short to have one.
pub(crate) fn aaguid_of(auth_data: &[u8]) -> Aaguid {
    auth_data.get(AAGUID).and_then(|bytes| bytes.try_into().ok()).map_or(Aaguid::ZERO, Aaguid)
}

fn has_certificates(statement: &Value) -> bool {
    statement.as_map().is_some_and(|members| members.iter().any(|(key, _)| key.as_text() == Some("x5c")))
}
