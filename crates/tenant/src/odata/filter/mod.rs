//! `$filter`: OData 4.01 Part 2, section 5.1.1, as much of it as Graph's reports, logs and policies are asked with.
//!
//! Written here because no library does it: the one parser of OData filters on crates.io that stands by itself
//! (`odata-params` 0.4) knows neither `any` nor paths such as `status/errorCode` nor doubled quotes, tells no
//! position, and overflows its stack on nested parentheses.
mod evaluate;
mod lexer;
mod literal;
mod parser;
mod print;
#[cfg(test)]
pub(super) mod tests;

pub(super) use evaluate::{Operand, child, fold, moment, operand};
pub use literal::Literal;

use crate::refusal::Refusal;
use serde_json::Value;
use std::fmt;

/// The longest filter, in bytes.
pub const LONGEST: usize = 16_384;
/// How deep parentheses, functions, `not` and lambdas may nest.
pub const DEEPEST: usize = 64;
/// How deep lambdas may nest: each level multiplies the work.
pub const DEEPEST_LAMBDA: usize = 3;

/// A condition on a document. As text it is what [`Filter::parse`] reads.
///
/// Text is compared without regard to case, as published answers saw Graph's directory do; of its logs it is not
/// known. Texts that are moments on both sides are compared as moments. A property that a document does not have is
/// `null`.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter(pub(super) Expression);

impl Filter {
    /// Reads a filter, such as `methodsRegistered/any(x:x eq 'passKeyDeviceBoundAuthenticator')`.
    ///
    /// # Errors
    /// If it is no filter, longer than [`LONGEST`] or deeper than [`DEEPEST`], with the place counted in characters
    /// from 1.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        parser::parse(text).map(Self)
    }

    /// Whether a document meets the condition: true, and neither false nor `null`.
    pub fn matches(&self, document: &Value) -> bool {
        evaluate::truth(&self.0, document) == Some(true)
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// One expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expression {
    Literal(Literal),
    /// Property after property; the first may be a lambda's variable, the last `$count`.
    Path(Vec<String>),
    Call(Function, Vec<Expression>),
    Compare(Box<Expression>, Comparison, Box<Expression>),
    In(Box<Expression>, Vec<Literal>),
    Not(Box<Expression>),
    And(Vec<Expression>),
    Or(Vec<Expression>),
    /// Over a collection; `any()` without a condition asks whether there is an element at all.
    Lambda(Vec<String>, Quantifier, Option<(String, Box<Expression>)>),
}

impl Expression {
    /// Whether it can be true or false.
    fn is_condition(&self) -> bool {
        match self {
            Self::Literal(Literal::Bool(_) | Literal::Null) => true,
            Self::Literal(_) => false,
            Self::Path(path) => path.last().is_none_or(|last| last != "$count"),
            Self::Call(function, _) => function.is_condition(),
            _ => true,
        }
    }

    /// Whether it can be text.
    fn may_be_text(&self) -> bool {
        match self {
            Self::Literal(literal) => matches!(literal, Literal::Text(_) | Literal::Null),
            Self::Path(path) => path.last().is_none_or(|last| last != "$count"),
            Self::Call(function, _) => !function.is_condition(),
            _ => false,
        }
    }
}

/// `any` or `all`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quantifier {
    Any,
    All,
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Eq,
    Ne,
    Gt,
    Ge,
    Lt,
    Le,
}

impl Comparison {
    pub(super) const ALL: [Self; 6] = [Self::Eq, Self::Ne, Self::Gt, Self::Ge, Self::Lt, Self::Le];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Eq => "eq",
            Self::Ne => "ne",
            Self::Gt => "gt",
            Self::Ge => "ge",
            Self::Lt => "lt",
            Self::Le => "le",
        }
    }
}

/// A function of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    StartsWith,
    EndsWith,
    Contains,
    ToLower,
    ToUpper,
}

impl Function {
    pub(super) const ALL: [Self; 5] =
        [Self::StartsWith, Self::EndsWith, Self::Contains, Self::ToLower, Self::ToUpper];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::StartsWith => "startswith",
            Self::EndsWith => "endswith",
            Self::Contains => "contains",
            Self::ToLower => "tolower",
            Self::ToUpper => "toupper",
        }
    }

    fn arguments(self) -> usize {
        if self.is_condition() { 2 } else { 1 }
    }

    fn is_condition(self) -> bool {
        matches!(self, Self::StartsWith | Self::EndsWith | Self::Contains)
    }
}
