//! Whether a query fits the documents: properties that exist, and values of their kind.
use super::filter::{Comparison, Expression, Literal, child};
use super::{bad, nearest, shortened};
use crate::refusal::Refusal;
use serde_json::Value;

/// A lambda's variables and a shape of an element of each; `None` where the shape shows none.
type Variables<'a> = Vec<(&'a str, Option<&'a Value>)>;

/// Whether `path` leads to something in `shape`. `Ok(None)`: the shape does not say.
pub(super) fn property<'a>(
    option: &str,
    path: &[String],
    shape: &'a Value,
) -> Result<Option<&'a Value>, Refusal> {
    let mut here = shape;
    for (number, name) in path.iter().enumerate() {
        match here {
            Value::Object(members) => match child(here, name) {
                Some(value) => here = value,
                None => {
                    let place = path[..number].join("/");
                    let within = if place.is_empty() { String::new() } else { format!(" in {place}") };
                    let refusal =
                        bad(format_args!("{option}: there is no property {}{within}", shortened(name)));
                    let known = || members.keys().map(String::as_str).filter(|name| !name.contains('@'));
                    return Err(match nearest(name, known()) {
                        Some(near) => refusal.hint(format!("did you mean {near}?")),
                        None => refusal.hint(format!("there are {}", known().collect::<Vec<_>>().join(", "))),
                    });
                }
            },
            Value::Array(_) => {
                let place = path[..number].join("/");
                return Err(bad(format_args!("{option}: {place} is a collection"))
                    .hint(format!("ask for an element: {place}/any(x:x/{name} eq …)")));
            }
            Value::Null => return Ok(None),
            _ => {
                let place = path[..number].join("/");
                return Err(bad(format_args!("{option}: {place} has no properties")));
            }
        }
    }
    Ok(Some(here))
}

/// Makes `shape` one that has what `value` has too, with one element in each collection. Where kinds differ it shows none.
pub(super) fn join(shape: &mut Value, value: &Value) {
    match (&mut *shape, value) {
        (Value::Null, Value::Array(_)) => {
            *shape = Value::Array(Vec::new());
            join(shape, value);
        }
        (Value::Null, Value::Object(_)) => {
            *shape = Value::Object(serde_json::Map::new());
            join(shape, value);
        }
        (Value::Object(known), Value::Object(members)) => {
            for (name, value) in members {
                join(known.entry(name).or_insert(Value::Null), value);
            }
        }
        (Value::Array(known), Value::Array(items)) => {
            let mut element = known.pop().unwrap_or(Value::Null);
            items.iter().for_each(|item| join(&mut element, item));
            known.extend((!items.is_empty() || !element.is_null()).then_some(element));
        }
        (Value::Null, plain) => *shape = plain.clone(),
        (known, value) if std::mem::discriminant(known) == std::mem::discriminant(value) => {}
        (_, Value::Null) => {}
        _ => *shape = Value::Null,
    }
}

pub(super) fn filter(expression: &Expression, shape: &Value) -> Result<(), Refusal> {
    walk(expression, shape, &mut Vec::new())
}

fn walk<'a>(
    expression: &'a Expression,
    shape: &'a Value,
    variables: &mut Variables<'a>,
) -> Result<(), Refusal> {
    match expression {
        Expression::Literal(_) => Ok(()),
        Expression::Path(path) => match resolve(path, shape, variables)? {
            Some(value @ (Value::Array(_) | Value::String(_) | Value::Number(_))) => {
                Err(misfit(path, value, "neither true nor false", None))
            }
            _ => Ok(()),
        },
        Expression::Call(_, arguments) => arguments.iter().try_for_each(|argument| match argument {
            Expression::Path(path) => match resolve(path, shape, variables)? {
                Some(value @ (Value::Array(_) | Value::Bool(_) | Value::Number(_))) => {
                    Err(misfit(path, value, "no text", None))
                }
                _ => Ok(()),
            },
            other => walk(other, shape, variables),
        }),
        Expression::Compare(left, comparison, right) => {
            let sides = [(&**left, &**right), (&**right, &**left)];
            sides.into_iter().try_for_each(|(side, other)| match side {
                Expression::Path(path) => {
                    let Some(value) = resolve(path, shape, variables)? else { return Ok(()) };
                    match other {
                        Expression::Literal(literal) => compared(path, value, *comparison, literal),
                        _ => Ok(()),
                    }
                }
                other => walk(other, shape, variables),
            })
        }
        Expression::In(left, items) => match &**left {
            Expression::Path(path) => match resolve(path, shape, variables)? {
                Some(value) => items.iter().try_for_each(|item| compared(path, value, Comparison::Eq, item)),
                None => Ok(()),
            },
            other => walk(other, shape, variables),
        },
        Expression::Not(inner) => walk(inner, shape, variables),
        Expression::And(parts) | Expression::Or(parts) => {
            parts.iter().try_for_each(|part| walk(part, shape, variables))
        }
        Expression::Lambda(path, _, condition) => {
            let element = match resolve(path, shape, variables)? {
                Some(Value::Array(items)) => items.first(),
                Some(Value::Null) | None => None,
                Some(_) => return Err(bad(format_args!("$filter: {} is no collection", path.join("/")))),
            };
            let Some((name, condition)) = condition else { return Ok(()) };
            variables.push((name, element));
            let result = walk(condition, shape, variables);
            variables.pop();
            result
        }
    }
}

fn resolve<'a>(
    path: &[String],
    shape: &'a Value,
    variables: &Variables<'a>,
) -> Result<Option<&'a Value>, Refusal> {
    let (path, counted) = match path.split_last() {
        Some((last, collection)) if last == "$count" => (collection, true),
        _ => (path, false),
    };
    let Some((first, rest)) = path.split_first() else { return Ok(None) };
    let found = match variables.iter().rev().find(|(name, _)| name == first) {
        Some((_, None)) => None,
        Some((_, Some(element))) => property("$filter", rest, element)?,
        None => property("$filter", path, shape)?,
    };
    match found {
        Some(Value::Array(_) | Value::Null) | None if counted => Ok(None),
        Some(_) if counted => Err(bad(format_args!("$filter: {} is no collection", path.join("/")))),
        found => Ok(found),
    }
}

fn compared(
    path: &[String],
    value: &Value,
    comparison: Comparison,
    literal: &Literal,
) -> Result<(), Refusal> {
    let fits = match (value, literal) {
        (Value::Array(_), _) => false,
        (Value::Null | Value::Object(_), _) | (_, Literal::Null) => true,
        (Value::Bool(_), literal) => matches!(literal, Literal::Bool(_)),
        (Value::Number(_), literal) => matches!(literal, Literal::Number(_)),
        (Value::String(_), literal) => !matches!(literal, Literal::Bool(_) | Literal::Number(_)),
    };
    if fits {
        return Ok(());
    }
    let what = format!("not to be compared with {}", shortened(&literal.to_string()));
    Err(misfit(path, value, &what, Some((comparison, literal))))
}

/// That a property is of another kind than it is used as.
fn misfit(path: &[String], value: &Value, what: &str, with: Option<(Comparison, &Literal)>) -> Refusal {
    let name = path.join("/");
    let (kind, hint) = match (value, with) {
        (Value::Array(_), Some((comparison, literal))) => {
            ("a collection", format!("{name}/any(x:x {} {literal})", comparison.name()))
        }
        (Value::Array(_), None) => ("a collection", format!("{name}/any(x:x eq …)")),
        (Value::Bool(_), _) => ("true or false", format!("{name} eq true, without quotes")),
        (Value::Number(_), _) => ("a number", format!("{name} eq 0, without quotes")),
        _ => ("text", format!("{name} eq '…', in single quotes")),
    };
    bad(format_args!("$filter: {name} is {kind}, {what}")).hint(format!("write {}", shortened(&hint)))
}
