//! CTAP1, which is FIDO U2F: raw messages inside ISO 7816 APDUs (FIDO U2F Raw Message Formats 1.2).
use crate::apdu::{self, Refusal, StatusWord};
use alloc::{format, vec::Vec};
use core::fmt;

/// What `U2F_VERSION` answers, §6.
pub const VERSION: &str = "U2F_V2";

/// INS of a U2F request, §3.1. Unknown values survive.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Instruction(pub u8);

impl Instruction {
    /// Makes a key pair for an application.
    pub const REGISTER: Self = Self(0x01);
    /// Signs with one, or tells whether it is here.
    pub const AUTHENTICATE: Self = Self(0x02);
    /// Says which protocol is spoken.
    pub const VERSION: Self = Self(0x03);

    /// The name that the specification gives this instruction, if it gives one.
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::REGISTER => Some("U2F_REGISTER"),
            Self::AUTHENTICATE => Some("U2F_AUTHENTICATE"),
            Self::VERSION => Some("U2F_VERSION"),
            _ => None,
        }
    }
}

impl fmt::Display for Instruction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "U2F instruction 0x{:02X}", self.0),
        }
    }
}

impl fmt::Debug for Instruction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What an authentication request wants: its P1, §5.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// `check-only` (0x07): whether the key handle is known, without a signature.
    CheckOnly,
    /// `enforce-user-presence-and-sign` (0x03).
    EnforcePresence,
    /// `dont-enforce-user-presence-and-sign` (0x08).
    DontEnforcePresence,
}

impl Control {
    /// The byte in P1.
    pub const fn byte(self) -> u8 {
        match self {
            Self::CheckOnly => 0x07,
            Self::EnforcePresence => 0x03,
            Self::DontEnforcePresence => 0x08,
        }
    }

    const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0x07 => Some(Self::CheckOnly),
            0x03 => Some(Self::EnforcePresence),
            0x08 => Some(Self::DontEnforcePresence),
            _ => None,
        }
    }
}

/// A U2F request, §3 to §6.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// `U2F_REGISTER`, §4.1.
    Register {
        /// The challenge parameter: SHA-256 of the client data.
        challenge: [u8; 32],
        /// The application parameter: SHA-256 of the AppID, or of the RP ID.
        application: [u8; 32],
    },
    /// `U2F_AUTHENTICATE`, §5.1.
    Authenticate {
        /// Whether to sign, and whether only for a user who is present.
        control: Control,
        /// The challenge parameter: SHA-256 of the client data.
        challenge: [u8; 32],
        /// The application parameter: SHA-256 of the AppID, or of the RP ID.
        application: [u8; 32],
        /// The key handle, at most 255 bytes.
        key_handle: Vec<u8>,
    },
    /// `U2F_VERSION`, §6.1.
    Version,
}

impl Request {
    /// Its INS.
    pub const fn instruction(&self) -> Instruction {
        match self {
            Self::Register { .. } => Instruction::REGISTER,
            Self::Authenticate { .. } => Instruction::AUTHENTICATE,
            Self::Version => Instruction::VERSION,
        }
    }

    /// Reads a request APDU, in the short or the extended form, with or without Le. P1 of a registration and P2 are
    /// not looked at: platforms put what they like there.
    ///
    /// # Errors
    /// In this order: CLA_NOT_SUPPORTED for a class other than zero, INS_NOT_SUPPORTED for an instruction that is
    /// none of ours, WRONG_LENGTH if the lengths do not add up or are not those of the instruction, INCORRECT_P1_P2
    /// for an unknown control byte.
    pub fn decode(apdu: &[u8]) -> Result<Self, Refusal> {
        let too_short =
            StatusWord::WRONG_LENGTH.because("ISO 7816-4 §5.1: shorter than the header of an APDU");
        let [class, instruction, ..] = apdu::Command::header(apdu).ok_or(too_short)?;
        if class != 0 {
            let why = format!("U2F Raw Message Formats §3.3: the class is 0x{class:02X}, not zero");
            return Err(StatusWord::CLA_NOT_SUPPORTED.because_of(why));
        }
        let instruction = Instruction(instruction);
        if instruction.name().is_none() {
            let why = format!("U2F Raw Message Formats §3.3: there is no {instruction}");
            return Err(StatusWord::INS_NOT_SUPPORTED.because_of(why));
        }
        let command = apdu::Command::decode(apdu)
            .map_err(|invalid| StatusWord::WRONG_LENGTH.because_of(format!("{invalid}")))?;
        let wrong = |why| StatusWord::WRONG_LENGTH.because(why);
        match instruction {
            Instruction::REGISTER => {
                let data: &[u8; 64] = command.data.as_slice().try_into().map_err(|_| {
                    wrong("U2F Raw Message Formats §4.1: challenge and application parameter are 64 bytes")
                })?;
                let (challenge, application) = halves(data);
                Ok(Self::Register { challenge, application })
            }
            Instruction::AUTHENTICATE => {
                let short =
                    "U2F Raw Message Formats §5.1: no challenge, application and length of a key handle";
                let (data, rest) = command.data.split_first_chunk::<64>().ok_or(wrong(short))?;
                let (length, key_handle) = rest.split_first().ok_or(wrong(short))?;
                if usize::from(*length) != key_handle.len() {
                    return Err(wrong(
                        "U2F Raw Message Formats §5.1: the key handle is not as long as it says",
                    ));
                }
                // The specification says nothing of other values; ISO 7816-4 §5.6 has a word for them.
                let control = Control::from_byte(command.p1).ok_or_else(|| {
                    let why =
                        format!("U2F Raw Message Formats §5.1: the control byte is 0x{:02X}", command.p1);
                    StatusWord::INCORRECT_P1_P2.because_of(why)
                })?;
                let (challenge, application) = halves(data);
                Ok(Self::Authenticate { control, challenge, application, key_handle: key_handle.into() })
            }
            _ if command.data.is_empty() => Ok(Self::Version),
            _ => Err(wrong("U2F Raw Message Formats §6.1: a version request has no data")),
        }
    }

    /// The APDU as a platform sends it over CTAPHID: extended, and with all of the answer expected (§3.1).
    ///
    /// # Panics
    /// If the key handle is longer than 255 bytes.
    pub fn encode(&self) -> Vec<u8> {
        let (p1, data) = match self {
            // The flag of enforced presence, which platforms send here too.
            Self::Register { challenge, application } => {
                (Control::EnforcePresence.byte(), [challenge.as_slice(), application].concat())
            }
            Self::Authenticate { control, challenge, application, key_handle } => {
                let length = u8::try_from(key_handle.len()).expect("a key handle has 255 bytes at most");
                (control.byte(), [challenge.as_slice(), application, &[length], key_handle].concat())
            }
            Self::Version => (0, Vec::new()),
        };
        let instruction = self.instruction().0;
        let expected = Some(0x1_0000);
        apdu::Command { class: 0, instruction, p1, p2: 0, data, expected, extended: true }.encode()
    }
}

fn halves(data: &[u8; 64]) -> ([u8; 32], [u8; 32]) {
    let (mut first, mut second) = ([0; 32], [0; 32]);
    first.copy_from_slice(&data[..32]);
    second.copy_from_slice(&data[32..]);
    (first, second)
}

/// What is wrong with the data of a successful answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidAnswer(pub &'static str);

impl fmt::Display for InvalidAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "U2F answer: {}", self.0)
    }
}

impl core::error::Error for InvalidAnswer {}

/// The data of a successful `U2F_REGISTER`, §4.3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisterResponse {
    /// The x coordinate of the new key on P-256, big-endian.
    pub x: [u8; 32],
    /// The y coordinate.
    pub y: [u8; 32],
    /// The key handle, which is the credential ID; at most 255 bytes.
    pub key_handle: Vec<u8>,
    /// The attestation certificate, X.509 in DER.
    pub certificate: Vec<u8>,
    /// ECDSA with SHA-256 over [`RegistrationData::encode`], in DER.
    pub signature: Vec<u8>,
}

/// The reserved first byte of a registration, §4.3.
const RESERVED: u8 = 0x05;

impl RegisterResponse {
    /// The bytes, without the status word.
    ///
    /// # Panics
    /// If the key handle is longer than 255 bytes.
    pub fn encode(&self) -> Vec<u8> {
        let Self { x, y, key_handle, certificate, signature } = self;
        let length = u8::try_from(key_handle.len()).expect("a key handle has 255 bytes at most");
        [&[RESERVED, 4], x.as_slice(), y, &[length], key_handle, certificate, signature].concat()
    }

    /// Reads the data of an answer. Where the certificate ends is told by its own DER length (X.690 §8.1).
    ///
    /// # Errors
    /// If a member is truncated or of another form.
    pub fn decode(data: &[u8]) -> Result<Self, InvalidAnswer> {
        let short = InvalidAnswer("it ends inside the key or the key handle");
        let (reserved, rest) = data.split_first().ok_or(short)?;
        if *reserved != RESERVED {
            return Err(InvalidAnswer("the first byte is not 05"));
        }
        let (point, rest) = rest.split_first_chunk::<65>().ok_or(short)?;
        let [4, coordinates @ ..] = point else {
            return Err(InvalidAnswer("the public key is no uncompressed point"));
        };
        let (x, y) = halves(coordinates);
        let (length, rest) = rest.split_first().ok_or(short)?;
        let (key_handle, rest) = rest.split_at_checked(usize::from(*length)).ok_or(short)?;
        let (certificate, signature) =
            der_sequence(rest).ok_or(InvalidAnswer("there is no whole certificate"))?;
        if signature.is_empty() {
            return Err(InvalidAnswer("there is no signature"));
        }
        Ok(Self {
            x,
            y,
            key_handle: key_handle.into(),
            certificate: certificate.into(),
            signature: signature.into(),
        })
    }
}

/// A DER SEQUENCE at the beginning, and what follows it. Lengths of one to three bytes, as certificates have.
fn der_sequence(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (header, length) = match *bytes {
        [0x30, length @ 0..=0x7F, ..] => (2, usize::from(length)),
        [0x30, 0x81, length, ..] => (3, usize::from(length)),
        [0x30, 0x82, high, low, ..] => (4, usize::from(u16::from_be_bytes([high, low]))),
        _ => return None,
    };
    bytes.split_at_checked(header + length)
}

/// The data of a successful `U2F_AUTHENTICATE`, §5.4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthenticateResponse {
    /// Bit 0: the user was present.
    pub presence: u8,
    /// The signature counter.
    pub counter: u32,
    /// ECDSA with SHA-256 over application parameter, presence byte, counter and challenge parameter, in DER. These are
    /// authenticator data without anything attested, and the client data hash.
    pub signature: Vec<u8>,
}

impl AuthenticateResponse {
    /// The bytes, without the status word.
    pub fn encode(&self) -> Vec<u8> {
        [&[self.presence], self.counter.to_be_bytes().as_slice(), &self.signature].concat()
    }

    /// Reads the data of an answer.
    ///
    /// # Errors
    /// If it is too short.
    pub fn decode(data: &[u8]) -> Result<Self, InvalidAnswer> {
        let short = InvalidAnswer("it ends before the signature");
        let (presence, rest) = data.split_first().ok_or(short)?;
        let (counter, signature) = rest.split_first_chunk::<4>().ok_or(short)?;
        if signature.is_empty() {
            return Err(short);
        }
        let counter = u32::from_be_bytes(*counter);
        Ok(Self { presence: *presence, counter, signature: signature.into() })
    }
}

/// What the signature of a U2F registration covers, FIDO U2F Raw Message Formats 1.2 §4.3. The `fido-u2f`
/// attestation statement covers the same bytes (WebAuthn Level 3 §8.6), with the RP ID hash as application
/// parameter and the client data hash as challenge parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistrationData {
    /// The application parameter: SHA-256 of the AppID, or of the RP ID.
    pub application: [u8; 32],
    /// The challenge parameter: SHA-256 of the client data.
    pub challenge: [u8; 32],
    /// The key handle, which is the credential ID; at most 255 bytes in a U2F message.
    pub key_handle: Vec<u8>,
    /// The x coordinate of the new key on P-256, big-endian.
    pub x: [u8; 32],
    /// The y coordinate.
    pub y: [u8; 32],
}

impl RegistrationData {
    /// The bytes that are signed: zero, application, challenge, key handle and the uncompressed point.
    pub fn encode(&self) -> Vec<u8> {
        [&[0], self.application.as_slice(), &self.challenge, &self.key_handle, &[4], &self.x, &self.y]
            .concat()
    }
}

#[cfg(test)]
mod tests;
