//! The text of the QR code, CTAP 2.2 §11.5.1: `FIDO:/` and decimal digits that stand for a CBOR map.
use super::Malformed;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;
use p256::PublicKey;
use p256::elliptic_curve::sec1::ToSec1Point as _;
use wire::cbor::{self, Integer, Value};
use zeroize::Zeroizing;

/// What the text begins with, in either case: readers of QR codes change it at will.
pub const SCHEME: &str = "FIDO:/";
/// Longer texts are refused. The largest QR code holds 7,089 digits.
pub const MAX_DIGITS: usize = 7_089;

/// Bytes that a chunk of bytes gives digits for.
const CHUNK: usize = 7;
/// Digits for a chunk of that many bytes.
const DIGITS: [usize; CHUNK + 1] = [0, 3, 5, 8, 10, 13, 15, 17];

/// Where data may pass, CTAP 2.3 key 6: the tunnel service.
pub const CHANNEL_TUNNEL: u64 = 0;
/// Where data may pass, CTAP 2.3 key 6: a Bluetooth L2CAP channel.
pub const CHANNEL_L2CAP: u64 = 1;

/// What a desktop says in its QR code.
#[derive(Clone)]
pub struct QrCode {
    /// Key 0: the desktop's P-256 public key for this code.
    pub public_key: PublicKey,
    /// Key 1: what only those know who saw the code.
    pub secret: Zeroizing<[u8; 16]>,
    /// Key 2: how many assigned tunnel domains the desktop knows.
    pub known_domains: Option<u64>,
    /// Key 3: when the code was made, in seconds since 1970.
    pub time: Option<u64>,
    /// Key 4: whether the desktop can be linked.
    pub state_assisted: Option<bool>,
    /// Key 5: what is coming: `mc` is a registration, `ga` a sign-in. Only a hint.
    pub hint: Option<String>,
    /// Key 6 as CTAP 2.2 has it: whether a credential need not be discoverable.
    pub non_discoverable: Option<bool>,
    /// Key 6 as CTAP 2.3 has it: the data channels that the desktop offers.
    pub channels: Option<Vec<u64>>,
    /// Keys that have no name here. Desktops send some on purpose, so that phones learn to ignore them.
    pub unknown: usize,
}

impl QrCode {
    /// Reads the text of a QR code.
    ///
    /// # Errors
    /// What is wrong with it: the scheme, a digit, a number that does not fit, CBOR that is not canonical, a member of
    /// another type than it should have.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let digits = digits_of(text.trim())?;
        Self::from_cbor(&Zeroizing::new(from_digits(digits)?))
    }

    fn from_cbor(bytes: &[u8]) -> Result<Self, Malformed> {
        let value = cbor::decode(bytes)
            .map_err(|why| Malformed::new(format!("the digits stand for no canonical CBOR: {why}")))?;
        let Value::Map(members) = value else {
            return Err(Malformed::new("the digits stand for CBOR that is not a map"));
        };
        let mut members = Members(members);
        let key = members.bytes(0, "the desktop's public key")?;
        let key = key.ok_or_else(|| Malformed::new("key 0, the desktop's public key, is missing"))?;
        let public_key = Some(key)
            .filter(|key| key.len() == 33 && matches!(key[0], 2 | 3))
            .and_then(|key| PublicKey::from_sec1_bytes(&key).ok());
        let public_key = public_key.ok_or_else(|| {
            Malformed::new("key 0, the desktop's public key, is no compressed point of P-256 of 33 bytes")
        })?;
        let secret = members.bytes(1, "the QR secret")?.map(Zeroizing::new);
        let secret = secret.ok_or_else(|| Malformed::new("key 1, the QR secret, is missing"))?;
        let secret = secret.as_slice().try_into().map(Zeroizing::new).map_err(|_| {
            Malformed::new(format!("key 1, the QR secret, has {} bytes and not 16", secret.len()))
        })?;
        let mut code = Self {
            public_key,
            secret,
            known_domains: members.unsigned(2, "the number of known tunnel domains")?,
            time: members.unsigned(3, "the time")?,
            state_assisted: members.boolean(4, "whether the desktop can be linked")?,
            hint: members.text(5, "the hint")?,
            non_discoverable: None,
            channels: None,
            unknown: 0,
        };
        match members.take(6) {
            Some(Value::Bool(yes)) => code.non_discoverable = Some(yes),
            Some(Value::Array(channels)) => code.channels = Some(channels_of(&channels)?),
            Some(_) => return Err(Malformed::new("key 6 is neither a Boolean nor a list of data channels")),
            None => {}
        }
        code.unknown = members.0.len();
        Ok(code)
    }

    /// The text, as a desktop shows it. Unknown keys are not written.
    pub fn to_text(&self) -> Zeroizing<String> {
        let flag = |flag: Option<bool>| flag.map(Value::Bool);
        let number = |number: Option<u64>| number.map(Value::from);
        let channels = self.channels.as_ref().map(|list| list.iter().copied().map(Value::from).collect());
        let map = cbor::int_map([
            (0, Some(cbor::bytes(self.public_key.to_sec1_point(true).as_bytes()))),
            (1, Some(cbor::bytes(*self.secret))),
            (2, number(self.known_domains)),
            (3, number(self.time)),
            (4, flag(self.state_assisted)),
            (5, self.hint.clone().map(Value::Text)),
            (6, channels.map(Value::Array).or(flag(self.non_discoverable))),
        ]);
        let mut text = Zeroizing::new(String::from(SCHEME));
        text.push_str(&to_digits(&Zeroizing::new(cbor::encode(&map))));
        text
    }

    /// Whether the desktop offers that data channel. Without a list it is the tunnel service alone.
    pub fn offers(&self, channel: u64) -> bool {
        self.channels.as_ref().map_or(channel == CHANNEL_TUNNEL, |channels| channels.contains(&channel))
    }
}

fn digits_of(text: &str) -> Result<&str, Malformed> {
    let scheme = text.get(..SCHEME.len()).filter(|scheme| scheme.eq_ignore_ascii_case(SCHEME));
    let digits = scheme.and(text.get(SCHEME.len()..));
    let digits = digits.ok_or_else(|| Malformed::new("does not begin with FIDO:/"))?;
    if digits.len() > MAX_DIGITS {
        return Err(Malformed::new(format!("{} digits are more than a QR code holds", digits.len())));
    }
    Ok(digits)
}

/// The bytes that digits stand for: 17 digits are 7 bytes, least significant first, and the rest has fewer.
///
/// # Errors
/// A character that is no digit, digits that do not make whole bytes, a number that does not fit into its bytes.
pub fn from_digits(digits: &str) -> Result<Vec<u8>, Malformed> {
    if let Some(at) = digits.bytes().position(|digit| !digit.is_ascii_digit()) {
        return Err(Malformed::new(format!("character {at} after FIDO:/ is no decimal digit")));
    }
    let mut bytes = Vec::with_capacity(digits.len() / 2);
    for (index, group) in digits.as_bytes().chunks(DIGITS[CHUNK]).enumerate() {
        let length = DIGITS
            .iter()
            .position(|digits| *digits == group.len())
            .ok_or_else(|| Malformed::new(format!("{} digits do not make whole bytes", digits.len())))?;
        let number =
            group.iter().fold(0u64, |number, digit| number * 10 + u64::from(digit - b'0')).to_le_bytes();
        let (value, beyond) = number.split_at(length);
        if beyond.iter().any(|byte| *byte != 0) {
            return Err(Malformed::new(format!(
                "the group of digits {index} is too large for its {length} bytes"
            )));
        }
        bytes.extend_from_slice(value);
    }
    Ok(bytes)
}

/// The digits that stand for bytes.
pub fn to_digits(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() / CHUNK * DIGITS[CHUNK] + DIGITS[CHUNK]);
    for chunk in bytes.chunks(CHUNK) {
        let mut number = [0; 8];
        number[..chunk.len()].copy_from_slice(chunk);
        let width = DIGITS[chunk.len()];
        write!(text, "{:0width$}", u64::from_le_bytes(number)).expect("a String takes everything");
    }
    text
}

fn channels_of(list: &[Value]) -> Result<Vec<u64>, Malformed> {
    let number = |value: &Value| value.as_integer().and_then(|number| u64::try_from(number).ok());
    list.iter()
        .map(|value| {
            number(value).ok_or_else(|| Malformed::new("key 6 lists a data channel that is no number"))
        })
        .collect()
}

/// Members of a map that nobody has asked for yet.
struct Members(Vec<(Value, Value)>);

impl Members {
    fn take(&mut self, key: u8) -> Option<Value> {
        let key = Value::Integer(Integer::from(key));
        let at = self.0.iter().position(|(member, _)| *member == key)?;
        Some(self.0.swap_remove(at).1)
    }

    fn read<T>(
        &mut self,
        key: u8,
        what: &str,
        kind: &str,
        read: impl FnOnce(Value) -> Option<T>,
    ) -> Result<Option<T>, Malformed> {
        let Some(value) = self.take(key) else { return Ok(None) };
        let wrong = || Malformed::new(format!("key {key}, {what}, is not {kind}"));
        read(value).map(Some).ok_or_else(wrong)
    }

    fn bytes(&mut self, key: u8, what: &str) -> Result<Option<Vec<u8>>, Malformed> {
        self.read(key, what, "a byte string", |value| value.into_bytes().ok())
    }

    fn text(&mut self, key: u8, what: &str) -> Result<Option<String>, Malformed> {
        self.read(key, what, "text", |value| value.into_text().ok())
    }

    fn boolean(&mut self, key: u8, what: &str) -> Result<Option<bool>, Malformed> {
        self.read(key, what, "a Boolean", |value| value.as_bool())
    }

    fn unsigned(&mut self, key: u8, what: &str) -> Result<Option<u64>, Malformed> {
        let read = |value: Value| value.as_integer().and_then(|number| u64::try_from(number).ok());
        self.read(key, what, "a number from 0", read)
    }
}

/// What a hint stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// `mc`: a registration.
    MakeCredential,
    /// `ga`, and every other one: a sign-in.
    GetAssertion,
}

impl Hint {
    /// What a hint is taken for. Unknown ones are a sign-in.
    pub fn of(text: Option<&str>) -> Self {
        if text == Some("mc") { Self::MakeCredential } else { Self::GetAssertion }
    }

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MakeCredential => "mc",
            Self::GetAssertion => "ga",
        }
    }
}

impl core::fmt::Display for Hint {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Chromium 156 showed on Linux, for a registration.
    const CHROMIUM: &str = "FIDO:/6119113406493507871229671929813068001343855715898700924692582305765559819780007625353432175600024602584295543315916716800708047291016927719487527735795221093214471424\
                            04";

    #[test]
    fn the_vector_of_the_digits() {
        assert_eq!(to_digits(b"hello world"), "335311851610699281684828783");
        assert_eq!(from_digits("335311851610699281684828783").unwrap(), b"hello world");
    }

    #[test]
    fn a_code_of_chromium_is_read_and_written_back() {
        let code = QrCode::parse(CHROMIUM).unwrap();
        assert_eq!(code.public_key.to_sec1_point(true).as_bytes()[..3], [0x03, 0x65, 0xd9]);
        assert_eq!(code.secret[..4], [0x24, 0x8a, 0x99, 0xc0]);
        assert_eq!((code.known_domains, code.time), (Some(2), Some(1_795_333_631)));
        assert_eq!((code.state_assisted, code.hint.as_deref()), (Some(false), Some("mc")));
        assert_eq!(code.unknown, 0);
        assert_eq!(code.to_text().as_str(), CHROMIUM);
        assert!(QrCode::parse(&CHROMIUM.to_lowercase()).is_ok(), "readers change the case of the scheme");
    }
}
