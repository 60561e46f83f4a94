//! What a condition says of a document. `null` is neither true nor false, and goes on through functions, `and`, `or`
//! and `not` as OData 4.01 Part 2, sections 5.1.1.1.7 to 5.1.1.1.9, have it.
use super::literal::Literal;
use super::{Comparison, Expression, Function, Quantifier};
use crate::time::Time;
use serde_json::{Number, Value};
use std::borrow::Cow;
use std::cmp::Ordering;

/// A value while it is looked at.
#[derive(Clone, Debug)]
pub(in crate::odata) enum Operand<'a> {
    Null,
    Bool(bool),
    Number(Cow<'a, Number>),
    Text(Cow<'a, str>),
    Moment(Time),
    /// A collection or an object, which compares with nothing.
    Whole,
}

/// A lambda's variable and those outside it.
#[derive(Clone, Copy)]
struct Variable<'a> {
    name: &'a str,
    value: &'a Value,
    outer: Option<&'a Variable<'a>>,
}

#[derive(Clone, Copy)]
struct Scope<'a> {
    document: &'a Value,
    variable: Option<&'a Variable<'a>>,
}

pub(super) fn truth(condition: &Expression, document: &Value) -> Option<bool> {
    truth_in(condition, Scope { document, variable: None })
}

fn truth_in(condition: &Expression, scope: Scope<'_>) -> Option<bool> {
    match condition {
        Expression::And(parts) => kleene(parts.iter().map(|part| truth_in(part, scope)), false),
        Expression::Or(parts) => kleene(parts.iter().map(|part| truth_in(part, scope)), true),
        Expression::Not(inner) => truth_in(inner, scope).map(|truth| !truth),
        Expression::Compare(left, comparison, right) => {
            Some(compare(&value(left, scope), *comparison, &value(right, scope)))
        }
        Expression::In(left, items) => {
            let left = value(left, scope);
            Some(items.iter().any(|item| compare(&left, Comparison::Eq, &literal(item))))
        }
        Expression::Lambda(path, quantifier, condition) => {
            let all = *quantifier == Quantifier::All;
            let Some(Value::Array(elements)) = resolve(path, scope) else { return Some(all) };
            let Some((name, condition)) = condition else { return Some(!elements.is_empty()) };
            let truths = elements.iter().map(|element| {
                let variable = Variable { name, value: element, outer: scope.variable };
                truth_in(condition, Scope { document: scope.document, variable: Some(&variable) })
            });
            kleene(truths, !all)
        }
        Expression::Literal(_) | Expression::Path(_) | Expression::Call(..) => {
            match value(condition, scope) {
                Operand::Bool(truth) => Some(truth),
                _ => None,
            }
        }
    }
}

/// One `decisive` decides; without one, a `null` leaves it open.
fn kleene(truths: impl Iterator<Item = Option<bool>>, decisive: bool) -> Option<bool> {
    let mut result = Some(!decisive);
    for truth in truths {
        match truth {
            Some(truth) if truth == decisive => return Some(decisive),
            Some(_) => {}
            None => result = None,
        }
    }
    result
}

fn value<'a>(expression: &'a Expression, scope: Scope<'a>) -> Operand<'a> {
    match expression {
        Expression::Literal(value) => literal(value),
        Expression::Path(path) => match path.split_last() {
            Some((last, collection)) if last == "$count" => match resolve(collection, scope) {
                Some(Value::Array(elements)) => Operand::Number(Cow::Owned(elements.len().into())),
                _ => Operand::Null,
            },
            _ => resolve(path, scope).map_or(Operand::Null, operand),
        },
        Expression::Call(function, arguments) => call(*function, arguments, scope),
        _ => truth_in(expression, scope).map_or(Operand::Null, Operand::Bool),
    }
}

fn literal(literal: &Literal) -> Operand<'_> {
    match literal {
        Literal::Null => Operand::Null,
        Literal::Bool(value) => Operand::Bool(*value),
        Literal::Number(number) => Operand::Number(Cow::Borrowed(number)),
        Literal::Text(text) => Operand::Text(Cow::Borrowed(text)),
        Literal::Guid(id) => Operand::Text(Cow::Owned(id.to_string())),
        Literal::Moment(moment) => Operand::Moment(*moment),
    }
}

pub(in crate::odata) fn operand(value: &Value) -> Operand<'_> {
    match value {
        Value::Null => Operand::Null,
        Value::Bool(value) => Operand::Bool(*value),
        Value::Number(number) => Operand::Number(Cow::Borrowed(number)),
        Value::String(text) => Operand::Text(Cow::Borrowed(text)),
        Value::Array(_) | Value::Object(_) => Operand::Whole,
    }
}

/// A member of an object, in any case: that of exactly this name before others.
pub(in crate::odata) fn child<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    let members = value.as_object()?;
    let alike = || members.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value);
    members.get(name).or_else(alike)
}

fn resolve<'a>(path: &[String], scope: Scope<'a>) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    let mut variable = scope.variable;
    while let Some(known) = variable {
        if known.name == first {
            return rest.iter().try_fold(known.value, |value, name| child(value, name));
        }
        variable = known.outer;
    }
    path.iter().try_fold(scope.document, |value, name| child(value, name))
}

fn call<'a>(function: Function, arguments: &'a [Expression], scope: Scope<'a>) -> Operand<'a> {
    let text = |number: usize| match arguments.get(number).map(|argument| value(argument, scope)) {
        Some(Operand::Text(text)) => Some(text),
        _ => None,
    };
    let Some(first) = text(0) else { return Operand::Null };
    match function {
        Function::ToLower => return Operand::Text(Cow::Owned(first.to_lowercase())),
        Function::ToUpper => return Operand::Text(Cow::Owned(first.to_uppercase())),
        Function::StartsWith | Function::EndsWith | Function::Contains => {}
    }
    let Some(second) = text(1) else { return Operand::Null };
    let (first, second) = (fold(&first), fold(&second));
    Operand::Bool(match function {
        Function::StartsWith => first.starts_with(&*second),
        Function::EndsWith => first.ends_with(&*second),
        _ => first.contains(&*second),
    })
}

/// Text without its case.
pub(in crate::odata) fn fold(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.to_lowercase())
    }
}

/// OData 4.01 Part 2, sections 5.1.1.1.1 to 5.1.1.1.6: `null` equals `null` alone, and is neither more nor less than
/// anything. Values of different kinds differ.
fn compare(left: &Operand<'_>, comparison: Comparison, right: &Operand<'_>) -> bool {
    let order = match (left, right) {
        (Operand::Null, Operand::Null) => {
            return matches!(comparison, Comparison::Eq);
        }
        (left, right) => order(left, right),
    };
    match comparison {
        Comparison::Eq => order == Some(Ordering::Equal),
        Comparison::Ne => order != Some(Ordering::Equal),
        Comparison::Gt => order == Some(Ordering::Greater),
        Comparison::Ge => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        Comparison::Lt => order == Some(Ordering::Less),
        Comparison::Le => matches!(order, Some(Ordering::Less | Ordering::Equal)),
    }
}

fn order(left: &Operand<'_>, right: &Operand<'_>) -> Option<Ordering> {
    match (left, right) {
        (Operand::Bool(left), Operand::Bool(right)) => Some(left.cmp(right)),
        (Operand::Number(left), Operand::Number(right)) => numbers(left, right),
        (Operand::Moment(left), Operand::Moment(right)) => Some(left.cmp(right)),
        (Operand::Moment(left), Operand::Text(right)) => moment(right).map(|right| left.cmp(&right)),
        (Operand::Text(left), Operand::Moment(right)) => moment(left).map(|left| left.cmp(right)),
        (Operand::Text(left), Operand::Text(right)) => Some(match (moment(left), moment(right)) {
            (Some(left), Some(right)) => left.cmp(&right),
            _ => fold(left).cmp(&fold(right)),
        }),
        _ => None,
    }
}

/// The moment that a text is, if it is one.
pub(in crate::odata) fn moment(text: &str) -> Option<Time> {
    // Most texts are none: the first look is cheap.
    if text.as_bytes().get(4) == Some(&b'-') { text.parse().ok() } else { None }
}

fn numbers(left: &Number, right: &Number) -> Option<Ordering> {
    match (left.as_i128(), right.as_i128()) {
        (Some(left), Some(right)) => Some(left.cmp(&right)),
        _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
    }
}
