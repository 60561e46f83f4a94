//! `$select`: OData 4.01 Part 2, section 5.1.4.
use super::{bad, path};
use crate::refusal::Refusal;
use serde_json::Value;
use std::fmt;

/// The most properties.
const MOST: usize = 200;

/// Which properties stay. None named is all, as with `*`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Selection(pub(super) Vec<Vec<String>>);

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let paths: Vec<String> = self.0.iter().map(|path| path.join("/")).collect();
        f.write_str(&paths.join(","))
    }
}

impl Selection {
    pub(super) fn parse(text: &str) -> Result<Self, Refusal> {
        let names: Vec<&str> = text.split(',').map(str::trim).collect();
        if names.len() > MOST {
            return Err(bad(format_args!("$select: more than {MOST} properties")));
        }
        if names.contains(&"*") {
            let others: Vec<&str> = names.into_iter().filter(|name| *name != "*").collect();
            others.into_iter().try_for_each(|name| path("$select", name).map(drop))?;
            return Ok(Self::default());
        }
        names.into_iter().map(|name| path("$select", name)).collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn is_all(&self) -> bool {
        self.0.is_empty()
    }

    /// The document with these properties, in the document's order. Annotations such as `@odata.type` stay.
    pub(super) fn select(&self, document: Value) -> Value {
        if self.is_all() {
            return document;
        }
        let paths: Vec<&[String]> = self.0.iter().map(Vec::as_slice).collect();
        keep(document, &paths)
    }
}

fn keep(value: Value, paths: &[&[String]]) -> Value {
    match value {
        Value::Object(members) => {
            let kept = members.into_iter().filter_map(|(name, value)| {
                if name.starts_with('@') {
                    return Some((name, value));
                }
                let property = name.split('@').next().unwrap_or_default();
                let mut below = Vec::new();
                for path in paths {
                    let (first, rest) = path.split_first()?;
                    if first.eq_ignore_ascii_case(property) {
                        below.push(rest);
                    }
                }
                match below.iter().any(|rest| rest.is_empty()) {
                    true => Some((name, value)),
                    false if below.is_empty() => None,
                    false => Some((name, keep(value, &below))),
                }
            });
            Value::Object(kept.collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(|item| keep(item, paths)).collect()),
        plain => plain,
    }
}
