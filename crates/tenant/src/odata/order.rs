//! `$orderby`: OData 4.01 Part 2, section 5.1.5.
use super::filter::{Operand, child, fold, moment, operand};
use super::{bad, path, shortened};
use crate::refusal::Refusal;
use crate::time::Time;
use serde_json::Value;
use std::cmp::Ordering;
use std::fmt;

/// The most keys.
const MOST: usize = 16;

/// By what, and which way.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct By {
    pub(super) path: Vec<String>,
    descending: bool,
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.path.join("/"), if self.descending { " desc" } else { "" })
    }
}

pub(super) fn parse(text: &str) -> Result<Vec<By>, Refusal> {
    let keys: Vec<&str> = text.split(',').map(str::trim).collect();
    if keys.len() > MOST {
        return Err(bad(format_args!("$orderby: more than {MOST} properties")));
    }
    keys.into_iter().map(by).collect()
}

fn by(text: &str) -> Result<By, Refusal> {
    let mut words = text.split_whitespace();
    let path = path("$orderby", words.next().unwrap_or_default())?;
    let descending = match words.next() {
        None => false,
        Some(word) if word.eq_ignore_ascii_case("asc") => false,
        Some(word) if word.eq_ignore_ascii_case("desc") => true,
        Some(word) => {
            return Err(bad(format_args!("$orderby: {:?} is no direction", shortened(word)))
                .hint("write asc or desc, and a comma between properties"));
        }
    };
    match words.next() {
        None => Ok(By { path, descending }),
        Some(word) => Err(bad(format_args!("$orderby: {:?} is too much", shortened(word)))
            .hint("properties are parted by a comma")),
    }
}

/// What documents are sorted by: kinds apart, so that any two of any documents have an order. Nothing comes before
/// everything, as the specification has it.
#[derive(Debug, PartialEq, PartialOrd)]
enum Key {
    Nothing,
    Bool(bool),
    Number(f64),
    Moment(Time),
    Text(String),
    Whole,
}

impl Key {
    fn of(document: &Value, by: &By) -> Self {
        let value = by.path.iter().try_fold(document, |value, name| child(value, name));
        match value.map_or(Operand::Null, operand) {
            Operand::Null => Self::Nothing,
            Operand::Bool(value) => Self::Bool(value),
            // No number of JSON is NaN.
            Operand::Number(number) => Self::Number(number.as_f64().unwrap_or(0.0)),
            Operand::Moment(moment) => Self::Moment(moment),
            Operand::Text(text) => {
                moment(&text).map_or_else(|| Self::Text(fold(&text).into_owned()), Self::Moment)
            }
            Operand::Whole => Self::Whole,
        }
    }
}

/// Sorts; what is equal stays in its order.
pub(super) fn sort(documents: &mut Vec<Value>, keys: &[By]) {
    let key = |document: Value| (keys.iter().map(|by| Key::of(&document, by)).collect::<Vec<_>>(), document);
    let mut keyed: Vec<(Vec<Key>, Value)> = std::mem::take(documents).into_iter().map(key).collect();
    keyed.sort_by(|(left, _), (right, _)| {
        let orders = keys.iter().zip(left.iter().zip(right)).map(|(by, (left, right))| {
            let order = left.partial_cmp(right).unwrap_or(Ordering::Equal);
            if by.descending { order.reverse() } else { order }
        });
        orders.fold(Ordering::Equal, Ordering::then)
    });
    documents.extend(keyed.into_iter().map(|(_, document)| document));
}
