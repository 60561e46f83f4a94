//! One fault as it is written down: in a file, on the command line, in a request.
use super::kind::Kind;
use crate::traffic::Towards;
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use std::str::FromStr;
use wire::ctap2::Command;

/// A fault, and when it strikes. Absent members do not restrict it.
///
/// As text: the kind, `=` and its value where it has one, then what restricts it, separated by commas:
/// `counter-backwards,once`, `status=0x27,command=getAssertion,after=1`, `drop-frame,towards=device,chance=10`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    /// What goes wrong.
    pub fault: Kind,
    /// With which value, for kinds that have one: a number in decimal or hexadecimal digits, or text.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "text_or_number")]
    pub value: Option<String>,
    /// Frames that go this way. Absent: towards the platform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub towards: Option<Way>,
    /// While this command is answered: the specification's name, with or without `authenticator` before it. Absent: any,
    /// but for the kinds that change answers, makeCredential and getAssertion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// For kinds that lie in what is signed: only for this RP ID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rp_id: Option<String>,
    /// How many occasions it lets pass first.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub after: u32,
    /// How often it strikes. Absent: for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// On how many of a hundred occasions it strikes, 1 to 100. Absent: on each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chance: Option<u8>,
}

/// Which way a frame goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// From the platform to the device.
    Device,
    /// From the device to the platform.
    Platform,
}

impl From<Way> for Towards {
    fn from(way: Way) -> Self {
        match way {
            Way::Device => Self::Device,
            Way::Platform => Self::Platform,
        }
    }
}

/// Something that is no fault, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct InvalidFault {
    /// What is wrong: lower case, no full stop.
    pub why: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl InvalidFault {
    pub(super) fn new(why: impl Into<String>) -> Self {
        Self { why: why.into(), hint: None }
    }

    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

impl Fault {
    /// That kind, for good, on each occasion.
    pub const fn new(fault: Kind) -> Self {
        let (value, towards, command, rp_id, times, chance) = (None, None, None, None, None, None);
        Self { fault, value, towards, command, rp_id, after: 0, times, chance }
    }

    /// The same with a value.
    pub fn with(self, value: impl Into<String>) -> Self {
        Self { value: Some(value.into()), ..self }
    }

    /// The same, but once.
    pub fn once(self) -> Self {
        Self { times: Some(1), ..self }
    }
}

/// The command of that name: the specification's, in any case, with or without `authenticator`.
pub(super) fn command(name: &str) -> Option<Command> {
    let named = |known: &str| {
        let short = known.strip_prefix("authenticator").unwrap_or(known);
        known.eq_ignore_ascii_case(name) || short.eq_ignore_ascii_case(name)
    };
    (0..=u8::MAX).map(Command).find(|command| command.name().is_some_and(named))
}

impl FromStr for Fault {
    type Err = InvalidFault;

    fn from_str(text: &str) -> Result<Self, InvalidFault> {
        let mut parts = text.split(',').map(str::trim);
        let first = parts.next().unwrap_or_default();
        let (name, value) = match first.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (first, None),
        };
        let mut fault = Self { value, ..Self::new(kind(name)?) };
        for part in parts {
            let number = |value: &str| {
                value.parse().map_err(|_| InvalidFault::new(format!("`{part}`: `{value}` is no number")))
            };
            match part.split_once('=') {
                None if part == "once" => fault.times = Some(1),
                Some(("times", value)) => fault.times = Some(number(value)?),
                Some(("after", value)) => fault.after = number(value)?,
                Some(("command", value)) => fault.command = Some(value.into()),
                Some(("rp", value)) => fault.rp_id = Some(value.into()),
                Some(("towards", "device")) => fault.towards = Some(Way::Device),
                Some(("towards", "platform")) => fault.towards = Some(Way::Platform),
                Some(("chance", value)) => {
                    let percent = value.strip_suffix('%').unwrap_or(value);
                    fault.chance = Some(u8::try_from(number(percent)?).unwrap_or(u8::MAX));
                }
                _ => {
                    let why = format!("`{}` does not restrict a fault", part.escape_debug());
                    return Err(InvalidFault::new(why).hint(
                        "there are once, times=N, after=N, chance=PERCENT, command=NAME, rp=ID, towards=device|platform",
                    ));
                }
            }
        }
        super::effect::check(&fault)?;
        Ok(fault)
    }
}

fn kind(name: &str) -> Result<Kind, InvalidFault> {
    Kind::ALL.iter().copied().find(|kind| kind.name() == name).ok_or_else(|| {
        let names = Kind::ALL.iter().map(|kind| kind.name());
        let nearest = names.clone().min_by_key(|known| strsim::damerau_levenshtein(known, name));
        let failure = InvalidFault::new(format!("`{}` is no fault", name.escape_debug()));
        match nearest.filter(|nearest| strsim::jaro_winkler(nearest, name) > 0.8) {
            Some(nearest) => failure.hint(format!("did you mean `{nearest}`?")),
            None => failure.hint(format!("there are {}", names.collect::<Vec<_>>().join(", "))),
        }
    })
}

/// As [`FromStr`] reads it.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { fault, value, towards, command, rp_id, after, times, chance } = self;
        write!(f, "{fault}")?;
        value.iter().try_for_each(|value| write!(f, "={value}"))?;
        towards.iter().try_for_each(|way| match way {
            Way::Device => f.write_str(",towards=device"),
            Way::Platform => f.write_str(",towards=platform"),
        })?;
        command.iter().try_for_each(|command| write!(f, ",command={command}"))?;
        rp_id.iter().try_for_each(|rp_id| write!(f, ",rp={rp_id}"))?;
        if *after > 0 {
            write!(f, ",after={after}")?;
        }
        chance.iter().try_for_each(|chance| write!(f, ",chance={chance}"))?;
        match times {
            Some(1) => f.write_str(",once"),
            Some(times) => write!(f, ",times={times}"),
            None => Ok(()),
        }
    }
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

fn text_or_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Value {
        Text(String),
        Number(u64),
    }
    let value = Option::<Value>::deserialize(deserializer)?;
    Ok(value.map(|value| match value {
        Value::Text(text) => text,
        Value::Number(number) => number.to_string(),
    }))
}
