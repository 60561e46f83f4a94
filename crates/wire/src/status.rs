//! CTAP status codes, CTAP 2.1 §8.2, and the reason that goes with each.
use alloc::borrow::Cow;
use core::fmt;

/// The first byte of every CTAP2 response. Any byte is representable; the known ones have names.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Status(pub u8);

macro_rules! statuses {
    ($($(#[$doc:meta])* $name:ident = $code:literal;)*) => {
        impl Status {
            $($(#[$doc])* pub const $name: Self = Self($code);)*

            /// The name that the specification gives this code, if it gives one.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 { $($code => Some(stringify!($name)),)* _ => None }
            }
        }
    };
}

statuses! {
    /// Success; a CBOR map may follow.
    OK = 0x00;
    /// The command byte is not one that this authenticator has.
    INVALID_COMMAND = 0x01;
    /// A parameter has a value that the command does not allow.
    INVALID_PARAMETER = 0x02;
    /// A message or an item has a length that the command does not allow.
    INVALID_LENGTH = 0x03;
    /// A message arrived out of sequence.
    INVALID_SEQ = 0x04;
    /// A message was not finished in time.
    TIMEOUT = 0x05;
    /// Another channel's command is in progress.
    CHANNEL_BUSY = 0x06;
    /// The command needs a channel lock.
    LOCK_REQUIRED = 0x0A;
    /// The command is not valid on this channel.
    INVALID_CHANNEL = 0x0B;
    /// A member has another CBOR type than the specification gives it.
    CBOR_UNEXPECTED_TYPE = 0x11;
    /// The parameters are not one canonical CBOR item.
    INVALID_CBOR = 0x12;
    /// A required member is absent.
    MISSING_PARAMETER = 0x14;
    /// More than the authenticator's limit of something was given.
    LIMIT_EXCEEDED = 0x15;
    /// The fingerprint store is full.
    FP_DATABASE_FULL = 0x17;
    /// The large-blob array has no room.
    LARGE_BLOB_STORAGE_FULL = 0x18;
    /// A credential on the excludeList exists here.
    CREDENTIAL_EXCLUDED = 0x19;
    /// The authenticator is still working.
    PROCESSING = 0x21;
    /// The credential is not one of ours.
    INVALID_CREDENTIAL = 0x22;
    /// The authenticator waits for its user.
    USER_ACTION_PENDING = 0x23;
    /// The authenticator is in the middle of an operation.
    OPERATION_PENDING = 0x24;
    /// There is nothing to continue.
    NO_OPERATIONS = 0x25;
    /// No offered algorithm is supported.
    UNSUPPORTED_ALGORITHM = 0x26;
    /// The user or the authenticator's state forbids the operation.
    OPERATION_DENIED = 0x27;
    /// There is no room for another credential.
    KEY_STORE_FULL = 0x28;
    /// An option is not supported.
    UNSUPPORTED_OPTION = 0x2B;
    /// An option is not valid for this command or in this state.
    INVALID_OPTION = 0x2C;
    /// The platform cancelled the command.
    KEEPALIVE_CANCEL = 0x2D;
    /// No credential matches.
    NO_CREDENTIALS = 0x2E;
    /// The user did nothing in time.
    USER_ACTION_TIMEOUT = 0x2F;
    /// The command is not allowed in this state.
    NOT_ALLOWED = 0x30;
    /// The PIN is wrong.
    PIN_INVALID = 0x31;
    /// The PIN was wrong too often; only a reset helps.
    PIN_BLOCKED = 0x32;
    /// A pinUvAuthParam does not verify, or its token may not do this.
    PIN_AUTH_INVALID = 0x33;
    /// The PIN was wrong too often since power-up; a power cycle helps.
    PIN_AUTH_BLOCKED = 0x34;
    /// No PIN is set.
    PIN_NOT_SET = 0x35;
    /// The command needs a pinUvAuthToken.
    PUAT_REQUIRED = 0x36;
    /// The new PIN breaks a rule.
    PIN_POLICY_VIOLATION = 0x37;
    /// The message is longer than maxMsgSize.
    REQUEST_TOO_LARGE = 0x39;
    /// The command took too long.
    ACTION_TIMEOUT = 0x3A;
    /// The command needs user presence.
    UP_REQUIRED = 0x3B;
    /// Built-in user verification failed too often.
    UV_BLOCKED = 0x3C;
    /// A checksum does not match.
    INTEGRITY_FAILURE = 0x3D;
    /// The subcommand is not one that this authenticator has.
    INVALID_SUBCOMMAND = 0x3E;
    /// Built-in user verification failed.
    UV_INVALID = 0x3F;
    /// The token may not have this permission.
    UNAUTHORIZED_PERMISSION = 0x40;
    /// Something else went wrong.
    OTHER = 0x7F;
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:02X} {}", self.0, self.name().unwrap_or("UNKNOWN"))
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Status {
    /// This status, with the rule that led to it: edition, section, step and clause.
    pub const fn because(self, reason: &'static str) -> CtapError {
        CtapError { status: self, reason: Cow::Borrowed(reason) }
    }

    /// [`Status::because`], with a reason that names what was seen.
    pub fn because_of(self, reason: impl Into<Cow<'static, str>>) -> CtapError {
        CtapError { status: self, reason: reason.into() }
    }
}

/// Why a command failed: the code that the platform sees, and the reason that only we see.
#[derive(Clone, Debug)]
pub struct CtapError {
    /// The byte on the wire.
    pub status: Status,
    /// A citation and a clause, such as `CTAP 2.1 §6.1.2 step 12: on the excludeList`. Never sent; traced.
    pub reason: Cow<'static, str>,
}

/// Two errors are equal when the platform cannot tell them apart.
impl PartialEq for CtapError {
    fn eq(&self, other: &Self) -> bool {
        self.status == other.status
    }
}
impl Eq for CtapError {}

impl fmt::Display for CtapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.status, self.reason)
    }
}

impl core::error::Error for CtapError {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{format, string::String, string::ToString};

    /// CTAP 2.0 drafts had 0x10 CBOR_PARSING and 0x13 INVALID_CBOR_TYPE; they were removed, and 0x11 and 0x12
    /// took their place.
    #[test]
    fn removed_codes_have_no_name_and_survive() {
        for removed in [Status(0x10), Status(0x13)] {
            assert_eq!(removed.name(), None);
            assert_eq!(removed.to_string(), format!("0x{:02X} UNKNOWN", removed.0));
        }
    }

    #[test]
    fn a_status_reads_as_its_byte_and_its_name() {
        assert_eq!(Status::PUAT_REQUIRED.to_string(), "0x36 PUAT_REQUIRED");
        assert_eq!(format!("{:?}", Status(0x7F)), "0x7F OTHER");
    }

    /// CTAP 2.1 §8.2, the codes that a test suite is most likely to look for.
    #[test]
    fn names_stand_on_the_codes_of_the_specification() {
        for (code, name) in [
            (0x00, "OK"),
            (0x01, "INVALID_COMMAND"),
            (0x02, "INVALID_PARAMETER"),
            (0x03, "INVALID_LENGTH"),
            (0x11, "CBOR_UNEXPECTED_TYPE"),
            (0x12, "INVALID_CBOR"),
            (0x14, "MISSING_PARAMETER"),
            (0x15, "LIMIT_EXCEEDED"),
            (0x19, "CREDENTIAL_EXCLUDED"),
            (0x26, "UNSUPPORTED_ALGORITHM"),
            (0x27, "OPERATION_DENIED"),
            (0x28, "KEY_STORE_FULL"),
            (0x2B, "UNSUPPORTED_OPTION"),
            (0x2C, "INVALID_OPTION"),
            (0x2D, "KEEPALIVE_CANCEL"),
            (0x2E, "NO_CREDENTIALS"),
            (0x2F, "USER_ACTION_TIMEOUT"),
            (0x30, "NOT_ALLOWED"),
            (0x31, "PIN_INVALID"),
            (0x36, "PUAT_REQUIRED"),
            (0x3E, "INVALID_SUBCOMMAND"),
            (0x40, "UNAUTHORIZED_PERMISSION"),
            (0x7F, "OTHER"),
        ] {
            assert_eq!(Status(code).name(), Some(name), "0x{code:02X}");
        }
    }

    #[test]
    fn two_errors_are_equal_when_the_platform_cannot_tell_them_apart() {
        assert_eq!(Status::INVALID_CBOR.because("one"), Status::INVALID_CBOR.because_of(String::from("two")));
        assert_ne!(Status::INVALID_CBOR.because("one"), Status::OTHER.because("one"));
        assert_eq!(Status::OTHER.because("CTAP 2.1 §6: x").to_string(), "0x7F OTHER: CTAP 2.1 §6: x");
    }
}
