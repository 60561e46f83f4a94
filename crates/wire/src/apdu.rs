//! Command and response APDUs, ISO/IEC 7816-4 §5: what smart cards speak, and FIDO U2F over any link.
//!
//! A command is a header of four bytes, then, depending on its case, data with their length Lc, and the length Le of
//! the answer that is expected. Both lengths take one byte in the short form, and two behind a zero byte in the
//! extended form.
use crate::hex;
use alloc::{borrow::Cow, vec::Vec};
use core::fmt;

/// The most data that a short command carries, in bytes.
const SHORT_MAX: usize = 0xFF;

/// A command APDU.
#[derive(Clone, PartialEq, Eq)]
pub struct Command {
    /// CLA: the class.
    pub class: u8,
    /// INS: the instruction.
    pub instruction: u8,
    /// P1.
    pub p1: u8,
    /// P2.
    pub p2: u8,
    /// The command data, 65,535 bytes at most; empty in cases 1 and 2.
    pub data: Vec<u8>,
    /// Ne: the most bytes of data that an answer may have, 1 to 65,536; `None` in cases 1 and 3, where Le is absent.
    pub expected: Option<u32>,
    /// Whether Lc and Le are in the extended form. Without either (case 1) it means nothing and is false.
    pub extended: bool,
}

/// Bytes that are no command APDU, and why. The answer to them is [`StatusWord::WRONG_LENGTH`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidCommand(pub &'static str);

impl fmt::Display for InvalidCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "command APDU (ISO 7816-4 §5.1): {}", self.0)
    }
}

impl core::error::Error for InvalidCommand {}

impl Command {
    /// The header of an APDU, even of one whose lengths are wrong: class, instruction, P1 and P2. An answer may
    /// depend on them before it depends on the lengths.
    pub fn header(apdu: &[u8]) -> Option<[u8; 4]> {
        apdu.first_chunk().copied()
    }

    /// Reads an APDU: ISO 7816-4 §5.1, cases 1, 2, 3 and 4, short and extended. An extended Lc of zero, which the
    /// standard does not have, counts as no data: U2F hosts write it in front of Le.
    ///
    /// # Errors
    /// If there are fewer than four bytes, or the lengths do not add up.
    pub fn decode(apdu: &[u8]) -> Result<Self, InvalidCommand> {
        let (header, body) =
            apdu.split_first_chunk::<4>().ok_or(InvalidCommand("shorter than its header of four bytes"))?;
        let wrong = InvalidCommand("Lc, Le and the bytes that there are do not add up");
        // §5.1: Le of zero stands for the number that does not fit.
        let short_le = |le: u8| if le == 0 { 0x100 } else { u32::from(le) };
        let extended_le = |le: [u8; 2]| match u16::from_be_bytes(le) {
            0 => 0x1_0000,
            le => u32::from(le),
        };
        let (data, expected, extended): (&[u8], _, _) = match *body {
            [] => (&[], None, false),
            [le] => (&[], Some(short_le(le)), false),
            [0, l1, l2] => (&[], Some(extended_le([l1, l2])), true),
            [0, c1, c2, ref rest @ ..] => {
                let (data, le) =
                    rest.split_at_checked(usize::from(u16::from_be_bytes([c1, c2]))).ok_or(wrong)?;
                match *le {
                    [] => (data, None, true),
                    [l1, l2] => (data, Some(extended_le([l1, l2])), true),
                    _ => return Err(wrong),
                }
            }
            [0, _] => return Err(wrong),
            [lc, ref rest @ ..] => {
                let (data, le) = rest.split_at_checked(usize::from(lc)).ok_or(wrong)?;
                match *le {
                    [] => (data, None, false),
                    [le] => (data, Some(short_le(le)), false),
                    _ => return Err(wrong),
                }
            }
        };
        let [class, instruction, p1, p2] = *header;
        Ok(Self { class, instruction, p1, p2, data: data.into(), expected, extended })
    }

    /// The bytes. What the short form cannot carry is written in the extended one.
    ///
    /// # Panics
    /// If the data are longer than 65,535 bytes, or more than 65,536 or none are expected.
    pub fn encode(&self) -> Vec<u8> {
        assert!(self.expected.is_none_or(|ne| (1..=0x1_0000).contains(&ne)), "Le says 1 to 65,536 bytes");
        let extended =
            self.extended || self.data.len() > SHORT_MAX || self.expected.is_some_and(|ne| ne > 0x100);
        let mut apdu = Vec::with_capacity(4 + 3 + self.data.len() + 3);
        apdu.extend([self.class, self.instruction, self.p1, self.p2]);
        let lc = u16::try_from(self.data.len()).expect("an APDU carries 65,535 bytes at most");
        let [lc_high, lc_low] = lc.to_be_bytes();
        if lc > 0 {
            if extended {
                apdu.extend([0, lc_high]);
            }
            apdu.push(lc_low);
            apdu.extend_from_slice(&self.data);
        }
        if let Some(ne) = self.expected {
            let [_, _, high, low] = ne.to_be_bytes();
            if extended {
                // One zero byte tells that the form is extended; behind an Lc it was told.
                apdu.extend((lc == 0).then_some(0));
                apdu.push(high);
            }
            apdu.push(low);
        }
        apdu
    }
}

/// Data may be personal or secret: their length says enough.
impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = hex::encode(&[self.class, self.instruction, self.p1, self.p2]);
        write!(f, "{header} with {} bytes, expects {:?}", self.data.len(), self.expected)
    }
}

/// A response APDU, ISO 7816-4 §5.1: data, then SW1 and SW2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The response data.
    pub data: Vec<u8>,
    /// SW1 and SW2.
    pub status: StatusWord,
}

impl Response {
    /// Reads an APDU. `None` if it is shorter than a status word.
    pub fn decode(apdu: &[u8]) -> Option<Self> {
        let (data, status) = apdu.split_last_chunk::<2>()?;
        Some(Self { data: data.into(), status: StatusWord(u16::from_be_bytes(*status)) })
    }

    /// The bytes.
    pub fn encode(&self) -> Vec<u8> {
        [self.data.as_slice(), &self.status.0.to_be_bytes()].concat()
    }
}

/// SW1 and SW2, ISO 7816-4 §5.6. Unknown values survive.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StatusWord(pub u16);

macro_rules! status_words {
    ($($(#[$doc:meta])* $name:ident = $code:literal;)*) => {
        impl StatusWord {
            $($(#[$doc])* pub const $name: Self = Self($code);)*

            /// The name of this status word, if it is one that FIDO uses.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 { $($code => Some(stringify!($name)),)* _ => None }
            }
        }
    };
}

status_words! {
    /// Success.
    NO_ERROR = 0x9000;
    /// Lc or Le is not one that the instruction takes.
    WRONG_LENGTH = 0x6700;
    /// The user was not present yet; to a check-only request: the key handle is one of ours.
    CONDITIONS_NOT_SATISFIED = 0x6985;
    /// The command is not allowed in this state.
    COMMAND_NOT_ALLOWED = 0x6986;
    /// The data are wrong: the key handle is not one of ours, or not for that application.
    WRONG_DATA = 0x6A80;
    /// There is no room.
    NOT_ENOUGH_MEMORY = 0x6A84;
    /// P1 or P2 is not one that the instruction takes.
    INCORRECT_P1_P2 = 0x6A86;
    /// The instruction is not one of ours.
    INS_NOT_SUPPORTED = 0x6D00;
    /// The class is not one of ours.
    CLA_NOT_SUPPORTED = 0x6E00;
    /// Something else went wrong.
    UNKNOWN = 0x6F00;
}

impl fmt::Display for StatusWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:04X} {}", self.0, self.name().unwrap_or("unnamed"))
    }
}

impl fmt::Debug for StatusWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl StatusWord {
    /// This status word, with the rule that led to it: edition, section and clause.
    pub const fn because(self, reason: &'static str) -> Refusal {
        Refusal { status: self, reason: Cow::Borrowed(reason) }
    }

    /// [`StatusWord::because`], with a reason that names what was seen.
    pub fn because_of(self, reason: impl Into<Cow<'static, str>>) -> Refusal {
        Refusal { status: self, reason: reason.into() }
    }
}

/// Why a command APDU was not obeyed: the status word that the platform sees, and the reason that only we see.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The last two bytes on the wire.
    pub status: StatusWord,
    /// A citation and a clause. Never sent; traced.
    pub reason: Cow<'static, str>,
}

/// Two refusals are equal when the platform cannot tell them apart.
impl PartialEq for Refusal {
    fn eq(&self, other: &Self) -> bool {
        self.status == other.status
    }
}
impl Eq for Refusal {}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.status, self.reason)
    }
}

impl core::error::Error for Refusal {}

#[cfg(test)]
mod tests;
