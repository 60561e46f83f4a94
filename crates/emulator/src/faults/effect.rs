//! What a fault does, with its value, and at which door.
use super::fault::{Fault, InvalidFault, command};
use super::kind::Kind;
use std::time::Duration;
use wire::aaguid::Aaguid;
use wire::status::Status;
use wire::webauthn::Flags;

/// What a fault does, with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    Drop,
    Duplicate,
    Corrupt,
    Delay(Duration),
    Truncate,
    WrongChannel,
    Vanish(Duration),
    BadSignature,
    DamagedDer,
    OtherKey,
    ForeignRpIdHash,
    OtherAaguid(Aaguid),
    CounterBackwards,
    CounterFrozen,
    CounterJumping(u32),
    Flags { on: Flags, off: Flags },
    Status(Status),
    NonCanonical,
    Truncated,
    ExtraMember,
    Full,
    Failing,
}

/// The doors at which faults strike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    Frame,
    Request,
    Signer,
    Reply,
    Store,
}

/// What is told in place of the model, if nobody said what.
const OTHER_AAGUID: Aaguid = Aaguid([0xFA; 16]);
/// The longest time that a frame is held back and that a device stays away.
const LONGEST: Duration = Duration::from_secs(3_600);
impl Kind {
    pub(super) const fn door(self) -> Door {
        match self {
            Self::DropFrame
            | Self::DuplicateFrame
            | Self::CorruptFrame
            | Self::DelayFrame
            | Self::TruncateFrame
            | Self::WrongChannel => Door::Frame,
            Self::Vanish => Door::Request,
            Self::BadSignature
            | Self::DamagedDer
            | Self::OtherKey
            | Self::ForeignRpIdHash
            | Self::OtherAaguid
            | Self::CounterBackwards
            | Self::CounterFrozen
            | Self::CounterJumping
            | Self::Flags => Door::Signer,
            Self::Status | Self::NonCanonicalCbor | Self::TruncatedCbor | Self::ExtraMember => Door::Reply,
            Self::StoreFull | Self::StoreFailing => Door::Store,
        }
    }
}

/// What a fault does.
///
/// # Errors
/// If it has a value that its kind does not have or cannot have, or a restriction that makes no sense there.
pub(super) fn check(fault: &Fault) -> Result<Effect, InvalidFault> {
    let kind = fault.fault;
    restrictions(fault)
        .and_then(|()| effect(kind, fault.value.as_deref()))
        .map_err(|invalid| InvalidFault { why: format!("{kind}: {}", invalid.why), hint: invalid.hint })
}

fn restrictions(fault: &Fault) -> Result<(), InvalidFault> {
    let door = fault.fault.door();
    if fault.chance.is_some_and(|chance| !(1..=100).contains(&chance)) {
        return Err(InvalidFault::new("chance is a number from 1 to 100"));
    }
    if fault.times == Some(0) {
        return Err(InvalidFault::new("times is a number from 1"));
    }
    if let Some(name) = fault.command.as_ref().filter(|name| command(name).is_none()) {
        return Err(InvalidFault::new(format!("there is no command `{}`", name.escape_debug()))
            .hint("such as makeCredential, getAssertion or getInfo"));
    }
    if fault.towards.is_some() && door != Door::Frame {
        return Err(InvalidFault::new("only frames go one way or the other"));
    }
    if fault.rp_id.is_some() && door != Door::Signer {
        return Err(InvalidFault::new("only what is signed has an RP ID"));
    }
    Ok(())
}

fn effect(kind: Kind, value: Option<&str>) -> Result<Effect, InvalidFault> {
    let number = |default: u32| match value {
        None => Ok(default),
        Some(text) => number(text).ok_or_else(|| none(text, "number of 32 bits")),
    };
    let millis = |default| match Duration::from_millis(number(default)?.into()) {
        time if time > LONGEST => Err(InvalidFault::new(format!("{time:?} is longer than an hour"))),
        time => Ok(time),
    };
    let effect = match kind {
        Kind::DelayFrame => return millis(100).map(Effect::Delay),
        Kind::Vanish => return millis(1_000).map(Effect::Vanish),
        Kind::CounterJumping => return number(1_000_000).map(Effect::CounterJumping),
        Kind::Flags => {
            let text = value.ok_or_else(|| InvalidFault::new("which flags? such as flags=+BE-UV"))?;
            let hint = "write + or - before each of UP, UV, BE, BS, AT, ED";
            return flags(text).ok_or_else(|| none(text, "list of flags").hint(hint));
        }
        Kind::Status => {
            let text = value.ok_or_else(|| InvalidFault::new("which status? such as status=0x27"))?;
            let hint = "write a number such as 0x27, or a name such as OPERATION_DENIED";
            return status(text).map(Effect::Status).ok_or_else(|| none(text, "status").hint(hint));
        }
        Kind::OtherAaguid => {
            return match value {
                None => Ok(Effect::OtherAaguid(OTHER_AAGUID)),
                Some(text) => text.parse().map(Effect::OtherAaguid).map_err(|_| none(text, "AAGUID")),
            };
        }
        Kind::DropFrame => Effect::Drop,
        Kind::DuplicateFrame => Effect::Duplicate,
        Kind::CorruptFrame => Effect::Corrupt,
        Kind::TruncateFrame => Effect::Truncate,
        Kind::WrongChannel => Effect::WrongChannel,
        Kind::BadSignature => Effect::BadSignature,
        Kind::DamagedDer => Effect::DamagedDer,
        Kind::OtherKey => Effect::OtherKey,
        Kind::ForeignRpIdHash => Effect::ForeignRpIdHash,
        Kind::CounterBackwards => Effect::CounterBackwards,
        Kind::CounterFrozen => Effect::CounterFrozen,
        Kind::NonCanonicalCbor => Effect::NonCanonical,
        Kind::TruncatedCbor => Effect::Truncated,
        Kind::ExtraMember => Effect::ExtraMember,
        Kind::StoreFull => Effect::Full,
        Kind::StoreFailing => Effect::Failing,
    };
    if value.is_some() { Err(InvalidFault::new("it has no value")) } else { Ok(effect) }
}

fn none(text: &str, what: &str) -> InvalidFault {
    InvalidFault::new(format!("`{}` is no {what}", text.escape_debug()))
}

fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

fn status(text: &str) -> Option<Status> {
    let name = text.strip_prefix("CTAP2_ERR_").or_else(|| text.strip_prefix("CTAP1_ERR_")).unwrap_or(text);
    let named = || (0..=u8::MAX).map(Status).find(|status| status.name() == Some(name));
    number(text).and_then(|number| u8::try_from(number).ok()).map(Status).or_else(named)
}

/// Flags to force, from `+BE-UV`.
fn flags(text: &str) -> Option<Effect> {
    let (mut on, mut off) = (Flags(0), Flags(0));
    let mut rest = text.trim();
    while let Some(sign) = rest.chars().next() {
        let name = rest.get(1..3)?;
        let flag = match name.to_ascii_uppercase().as_str() {
            "UP" => Flags::UP,
            "UV" => Flags::UV,
            "BE" => Flags::BE,
            "BS" => Flags::BS,
            "AT" => Flags::AT,
            "ED" => Flags::ED,
            _ => return None,
        };
        match sign {
            '+' => on |= flag,
            '-' => off |= flag,
            _ => return None,
        }
        rest = rest[3..].trim_start_matches([' ', ',']);
    }
    (on.0 | off.0 != 0 && on.0 & off.0 == 0).then_some(Effect::Flags { on, off })
}
