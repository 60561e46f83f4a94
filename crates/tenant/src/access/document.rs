//! Reading what is sent to Graph: names in any case, booleans that may be text, and nothing that is not understood.
use crate::likeness::nearest;
use crate::refusal::{Refusal, RefusalKind};
use serde_json::{Map, Value};

/// Graph's word for a request that makes no sense.
const BAD_REQUEST: &str = "badRequest";

/// A JSON object of a request, and how it is called in messages.
#[derive(Clone, Copy)]
pub(super) struct Document<'a> {
    path: &'a str,
    members: &'a Map<String, Value>,
}

/// A request that makes no sense.
pub(super) fn bad(message: impl Into<String>) -> Refusal {
    Refusal::new(RefusalKind::BadRequest, BAD_REQUEST, message)
}

/// What kind of JSON a value is, for messages.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Text of somebody else, short enough for a message.
pub(super) fn quoted(text: &str) -> String {
    let short: String = text.chars().take(60).collect();
    if short.len() < text.len() { format!("{short:?}…") } else { format!("{short:?}") }
}

/// The hint that names it, or else, and where they are few, all of them.
pub(super) fn did_you_mean(word: &str, known: &[&str]) -> String {
    match (nearest(word, known.iter().copied()), known) {
        (_, [one]) => format!("expected {one}"),
        (Some(nearest), [_, _, _, _, ..]) => format!("did you mean {nearest}?"),
        _ => format!("expected one of {}", known.join(", ")),
    }
}

impl<'a> Document<'a> {
    /// An object whose members are all `known`, each once. Members that begin with `@`, or have one in their name,
    /// are OData's annotations and not looked at here.
    pub(super) fn new(value: &'a Value, path: &'a str, known: &[&str]) -> Result<Self, Refusal> {
        let Value::Object(members) = value else {
            return Err(bad(format!("{path} is {}, expected an object", kind(value))));
        };
        let mut seen: Vec<&str> = Vec::new();
        for name in members.keys().filter(|name| !name.contains('@')) {
            let Some(known) = known.iter().find(|known| known.eq_ignore_ascii_case(name)) else {
                let message = format!("{path} has no property {}", quoted(name));
                return Err(bad(message).hint(did_you_mean(name, known)));
            };
            if seen.contains(known) {
                return Err(bad(format!("{path} has the property {known} twice")));
            }
            seen.push(known);
        }
        Ok(Self { path, members })
    }

    /// Refuses a body whose `@odata.type` is another, or, if it `must` be there, is missing.
    pub(super) fn odata_type(self, expected: &str, must: bool) -> Result<(), Refusal> {
        match self.get("@odata.type") {
            Some(Value::String(given)) if given.trim_start_matches('#').eq_ignore_ascii_case(expected) => {
                Ok(())
            }
            None if !must => Ok(()),
            None => Err(bad(format!("{} has no @odata.type", self.path))
                .hint(format!("say \"@odata.type\": \"#{expected}\""))),
            Some(Value::String(given)) => {
                Err(bad(format!("the @odata.type of {} is {}", self.path, quoted(given)))
                    .hint(format!("say \"@odata.type\": \"#{expected}\"")))
            }
            Some(other) => {
                Err(bad(format!("the @odata.type of {} is {}, expected text", self.path, kind(other))))
            }
        }
    }

    /// A member, by its name in any case.
    pub(super) fn get(self, name: &str) -> Option<&'a Value> {
        self.members.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The same, where null is as good as nothing.
    pub(super) fn given(self, name: &str) -> Option<&'a Value> {
        self.get(name).filter(|value| !value.is_null())
    }

    fn wrong(self, name: &str, value: &Value, expected: &str) -> Refusal {
        bad(format!("{}.{name} is {}, expected {expected}", self.path, kind(value)))
    }

    /// Text of at most so many characters.
    pub(super) fn text(self, name: &str, most: usize) -> Result<Option<&'a str>, Refusal> {
        match self.given(name) {
            None => Ok(None),
            Some(Value::String(text)) if text.chars().take(most + 1).count() <= most => Ok(Some(text)),
            Some(Value::String(_)) => {
                Err(bad(format!("{}.{name} is longer than {most} characters", self.path)))
            }
            Some(other) => Err(self.wrong(name, other, "text")),
        }
    }

    /// A boolean, or `"true"` or `"false"` as Microsoft's own examples send them.
    pub(super) fn boolean(self, name: &str) -> Result<Option<bool>, Refusal> {
        match self.given(name) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(*value)),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
            Some(other) => Err(self.wrong(name, other, "true or false")),
        }
    }

    /// A whole number in a range, both ends included.
    pub(super) fn integer(self, name: &str, least: u32, most: u32) -> Result<Option<u32>, Refusal> {
        let Some(value) = self.given(name) else { return Ok(None) };
        let number = match value {
            Value::Number(number) => number.as_i64(),
            // Microsoft's own examples send numbers as text too.
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        let Some(number) = number else { return Err(self.wrong(name, value, "a whole number")) };
        match u32::try_from(number) {
            Ok(number) if (least..=most).contains(&number) => Ok(Some(number)),
            _ => Err(bad(format!("{}.{name} is {number}, expected {least} to {most}", self.path))),
        }
    }

    /// A list of at most so many.
    pub(super) fn list(self, name: &str, most: usize) -> Result<Option<&'a [Value]>, Refusal> {
        match self.given(name) {
            None => Ok(None),
            Some(Value::Array(items)) if items.len() <= most => Ok(Some(items)),
            Some(Value::Array(items)) => {
                Err(bad(format!("{}.{name} has {} entries, at most {most} fit", self.path, items.len())))
            }
            Some(other) => Err(self.wrong(name, other, "a list")),
        }
    }

    /// A list of texts.
    pub(super) fn texts(self, name: &str, most: usize) -> Result<Option<Vec<&'a str>>, Refusal> {
        let Some(items) = self.list(name, most)? else { return Ok(None) };
        let text = |(index, item): (usize, &'a Value)| {
            let wrong = || bad(format!("{}.{name}[{index}] is {}, expected text", self.path, kind(item)));
            item.as_str().ok_or_else(wrong)
        };
        items.iter().enumerate().map(text).collect::<Result<_, _>>().map(Some)
    }

    /// One of some words, in any case.
    pub(super) fn word<'k>(self, name: &str, known: &[&'k str]) -> Result<Option<&'k str>, Refusal> {
        let Some(text) = self.text(name, usize::MAX - 1)? else { return Ok(None) };
        match known.iter().find(|known| known.eq_ignore_ascii_case(text)) {
            Some(known) => Ok(Some(known)),
            None => {
                Err(bad(format!("{}.{name} is {}", self.path, quoted(text))).hint(did_you_mean(text, known)))
            }
        }
    }

    /// Refuses anything but null, an empty list and `none`: what this tenant does not imitate.
    pub(super) fn nothing(self, name: &str) -> Result<(), Refusal> {
        let empty = match self.given(name) {
            None => true,
            Some(Value::Array(items)) => items.is_empty(),
            Some(Value::String(text)) => text.eq_ignore_ascii_case("none"),
            Some(_) => false,
        };
        if empty {
            return Ok(());
        }
        let message = format!("{}.{name} is not something that this tenant imitates", self.path);
        Err(Refusal::new(RefusalKind::BadRequest, "sim_not_imitated", message)
            .hint("leave it out, or send null"))
    }
}
