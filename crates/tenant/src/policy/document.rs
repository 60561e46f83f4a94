//! Reading bodies as Graph reads them: names in any case, annotations passed over, booleans also as text. What is
//! wrong is told with the place where it stands.
use crate::guid::Guid;
use crate::likeness::nearest;
use crate::refusal::{Refusal, RefusalKind};
use serde_json::Value;
use std::fmt::Display;

/// The word that Graph's authentication methods answer a bad request with: measured.
const BAD_REQUEST: &str = "badRequest";

/// A body that makes no sense. `at` is the place, such as `includeTargets[0].id`, or nothing for all of it.
pub(crate) fn bad(at: &str, what: impl Display) -> Refusal {
    let message = if at.is_empty() { what.to_string() } else { format!("{at}: {what}") };
    Refusal::new(RefusalKind::BadRequest, BAD_REQUEST, message)
}

/// A value as it may stand in a message: never long.
pub(crate) fn shown(value: &Value) -> String {
    const LONGEST: usize = 60;
    match value {
        Value::Array(items) => format!("a list of {}", items.len()),
        Value::Object(members) => format!("an object of {}", members.len()),
        Value::String(text) if text.chars().count() > LONGEST => {
            let start: String = text.chars().take(LONGEST).collect();
            format!("{:?} and so on", start)
        }
        other => other.to_string(),
    }
}

/// The members of an object, by the names that the schema has for them.
pub(crate) struct Members<'a> {
    at: String,
    found: Vec<(&'static str, &'a Value)>,
}

impl<'a> Members<'a> {
    /// Those of an object at `at`. Annotations, `@odata.type` and `includeTargets@odata.context`, are passed over.
    ///
    /// # Errors
    /// If it is no object, or a name is unknown or there twice.
    pub(crate) fn read(value: &'a Value, at: &str, known: &[&'static str]) -> Result<Self, Refusal> {
        let Value::Object(members) = value else {
            return Err(bad(at, format_args!("expected an object, not {}", shown(value))));
        };
        let mut found: Vec<(&'static str, &Value)> = Vec::new();
        for (name, value) in members {
            if name.to_ascii_lowercase().contains("@odata.") {
                continue;
            }
            let Some(canonical) = known.iter().find(|known| known.eq_ignore_ascii_case(name)) else {
                return Err(unknown(name, at, known));
            };
            if found.iter().any(|(earlier, _)| earlier == canonical) {
                return Err(bad(at, format_args!("{canonical} is there twice, in different case")));
            }
            found.push((canonical, value));
        }
        Ok(Self { at: at.to_owned(), found })
    }

    /// One of them, with its place.
    pub(crate) fn get(&self, name: &str) -> Option<Member<'a>> {
        let (_, value) = self.found.iter().find(|(found, _)| *found == name)?;
        Some(Member { at: join(&self.at, name), value })
    }

    /// One that has to be there.
    ///
    /// # Errors
    /// If it is not.
    pub(crate) fn require(&self, name: &str) -> Result<Member<'a>, Refusal> {
        self.get(name).ok_or_else(|| bad(&self.at, format_args!("{name} is missing")))
    }
}

fn join(at: &str, name: &str) -> String {
    if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") }
}

fn unknown(name: &str, at: &str, known: &[&'static str]) -> Refusal {
    let short: String = name.chars().take(60).collect();
    let refusal = bad(at, format_args!("there is no property {short:?}"));
    match nearest(&short, known.iter().copied()) {
        Some(nearest) => refusal.hint(format!("did you mean {nearest}?")),
        None => refusal.hint(format!("there are {}", known.join(", "))),
    }
}

/// A value and its place.
pub(crate) struct Member<'a> {
    pub(crate) at: String,
    pub(crate) value: &'a Value,
}

impl<'a> Member<'a> {
    fn expected(&self, what: impl Display) -> Refusal {
        bad(&self.at, format_args!("expected {what}, not {}", shown(self.value)))
    }

    /// A boolean, or its text: the documentation of Graph sends `"true"`.
    pub(crate) fn boolean(&self) -> Result<bool, Refusal> {
        match self.value {
            Value::Bool(value) => Ok(*value),
            Value::String(text) if text.eq_ignore_ascii_case("true") => Ok(true),
            Value::String(text) if text.eq_ignore_ascii_case("false") => Ok(false),
            _ => Err(self.expected("true or false")),
        }
    }

    pub(crate) fn text(&self) -> Result<&'a str, Refusal> {
        self.value.as_str().ok_or_else(|| self.expected("text"))
    }

    /// One of the members of an enumeration.
    pub(crate) fn choice<T: Copy>(&self, choices: &[(&str, T)]) -> Result<T, Refusal> {
        let word = self.value.as_str();
        let chosen =
            word.and_then(|word| choices.iter().find(|(choice, _)| choice.eq_ignore_ascii_case(word)));
        chosen.map(|(_, choice)| *choice).ok_or_else(|| {
            let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
            self.expected(words.join(" or "))
        })
    }

    pub(crate) fn guid(&self) -> Result<Guid, Refusal> {
        self.text()?
            .parse()
            .map_err(|error| bad(&self.at, format_args!("{error}, not {}", shown(self.value))))
    }

    pub(crate) fn list(&self) -> Result<impl Iterator<Item = Member<'a>>, Refusal> {
        let items = self.value.as_array().ok_or_else(|| self.expected("a list"))?;
        let at = self.at.clone();
        Ok(items.iter().enumerate().map(move |(i, value)| Member { at: format!("{at}[{i}]"), value }))
    }

    pub(crate) fn members(&self, known: &[&'static str]) -> Result<Members<'a>, Refusal> {
        Members::read(self.value, &self.at, known)
    }

    pub(crate) fn is_null(&self) -> bool {
        self.value.is_null()
    }
}

/// Checks that a body says its type, as it must in Graph.
///
/// # Errors
/// If it says none or another, or is no object.
pub(crate) fn require_type(body: &Value, expected: &str) -> Result<(), Refusal> {
    let Value::Object(members) = body else {
        return Err(bad("", format_args!("expected an object, not {}", shown(body))));
    };
    let hint = format!("add \"@odata.type\": \"{expected}\" to the body");
    match members.iter().find(|(name, _)| name.eq_ignore_ascii_case("@odata.type")) {
        Some((_, Value::String(said))) if said.eq_ignore_ascii_case(expected) => Ok(()),
        Some((_, said)) => {
            Err(bad("@odata.type", format_args!("expected {expected}, not {}", shown(said))).hint(hint))
        }
        None => Err(bad("", "@odata.type is missing").hint(hint)),
    }
}

/// Checks the ID that a body may repeat.
///
/// # Errors
/// If it is another document's.
pub(crate) fn check_id(members: &Members<'_>, expected: &str) -> Result<(), Refusal> {
    match members.get("id") {
        Some(id) if !id.text()?.eq_ignore_ascii_case(expected) => {
            Err(bad("id", format_args!("expected {expected}, not {}: an ID is not changed", shown(id.value))))
        }
        _ => Ok(()),
    }
}
