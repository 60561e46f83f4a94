//! Words and signs as a condition. Precedence is OData 4.01 Part 2, section 5.1.1.16: `not`, then comparisons and
//! `in`, then `and`, then `or`.
use super::lexer::{Placed, Token, tokens, wrong};
use super::literal::Literal;
use super::{Comparison, DEEPEST, DEEPEST_LAMBDA, Expression, Function, LONGEST, Quantifier};
use crate::odata::{bad, nearest, shortened};
use crate::refusal::Refusal;
use std::fmt::Display;

/// The most properties in one path.
pub(in crate::odata) const LONGEST_PATH: usize = 16;

/// Words that begin no property.
pub(super) const RESERVED: [&str; 13] =
    ["and", "or", "not", "in", "eq", "ne", "gt", "ge", "lt", "le", "null", "true", "false"];

/// Operators of OData that are not here.
const ABSENT: [&str; 8] = ["has", "add", "sub", "mul", "div", "divby", "mod", "matchespattern"];

pub(super) fn parse(text: &str) -> Result<Expression, Refusal> {
    if text.len() > LONGEST {
        return Err(bad(format_args!("$filter is longer than {LONGEST} bytes")));
    }
    let mut parser = Parser { text, tokens: tokens(text)?, next: 0, depth: 0, variables: Vec::new() };
    let condition = parser.condition()?;
    match parser.peek() {
        Token::End => Ok(condition),
        Token::Sign(')') => Err(parser.wrong("this parenthesis closes nothing")),
        token => {
            let refusal = parser.wrong(format_args!("expected and, or or the end, not {}", token.shown()));
            Err(parser.operator_hint(refusal))
        }
    }
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Placed<'a>>,
    next: usize,
    depth: usize,
    variables: Vec<&'a str>,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> &Token<'a> {
        &self.tokens[self.next].token
    }

    fn start(&self) -> usize {
        self.tokens[self.next].start
    }

    /// Steps over what was peeked at; the end stays.
    fn step(&mut self) {
        self.next = (self.next + 1).min(self.tokens.len() - 1);
    }

    fn wrong(&self, what: impl Display) -> Refusal {
        wrong(self.text, self.start(), what)
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Token::Name(name) if name.eq_ignore_ascii_case(word))
    }

    fn is_sign(&self, sign: char) -> bool {
        *self.peek() == Token::Sign(sign)
    }

    fn expect(&mut self, sign: char) -> Result<(), Refusal> {
        if !self.is_sign(sign) {
            return Err(self.wrong(format_args!("expected {sign}, not {}", self.peek().shown())));
        }
        self.step();
        Ok(())
    }

    fn operator_hint(&self, refusal: Refusal) -> Refusal {
        let Token::Name(name) = self.peek() else { return refusal };
        if ABSENT.iter().any(|absent| absent.eq_ignore_ascii_case(name)) {
            return refusal.hint(format!("{name} is not known here: there are {OPERATORS}"));
        }
        match nearest(name, RESERVED[..10].iter().copied()) {
            Some(near) => refusal.hint(format!("did you mean {near}?")),
            None => refusal.hint(format!("there are {OPERATORS}")),
        }
    }

    /// Goes one deeper.
    fn deeper<T>(&mut self, within: impl FnOnce(&mut Self) -> Result<T, Refusal>) -> Result<T, Refusal> {
        if self.depth == DEEPEST {
            return Err(self.wrong(format_args!("nested deeper than {DEEPEST}")));
        }
        self.depth += 1;
        let result = within(self);
        self.depth -= 1;
        result
    }

    /// What can be true or false.
    fn condition(&mut self) -> Result<Expression, Refusal> {
        let start = self.start();
        let found = self.expression()?;
        self.check(start, &found)?;
        Ok(found)
    }

    /// `or` of `and` of comparisons, or a value by itself.
    fn expression(&mut self) -> Result<Expression, Refusal> {
        self.chain("or", Expression::Or, |parser| parser.chain("and", Expression::And, Self::comparison))
    }

    fn chain(
        &mut self,
        word: &str,
        joined: fn(Vec<Expression>) -> Expression,
        part: fn(&mut Self) -> Result<Expression, Refusal>,
    ) -> Result<Expression, Refusal> {
        let mut start = self.start();
        let mut last = part(self)?;
        let mut parts = Vec::new();
        while self.is_word(word) {
            self.check(start, &last)?;
            parts.push(last);
            self.step();
            start = self.start();
            last = part(self)?;
        }
        if parts.is_empty() {
            return Ok(last);
        }
        self.check(start, &last)?;
        parts.push(last);
        Ok(joined(parts))
    }

    /// Refuses what began there and can be neither true nor false.
    fn check(&self, start: usize, found: &Expression) -> Result<(), Refusal> {
        if found.is_condition() {
            return Ok(());
        }
        let joined = self.is_word("and") || self.is_word("or");
        if let (Token::Name(name), false) = (self.peek(), joined) {
            let name = shortened(name);
            return Err(self.operator_hint(self.wrong(format_args!("expected an operator, not {name}"))));
        }
        let shown = shortened(&found.to_string());
        Err(wrong(self.text, start, format_args!("{shown} is neither true nor false"))
            .hint("compare it, as in errorCode eq 0"))
    }

    fn comparison(&mut self) -> Result<Expression, Refusal> {
        if self.is_word("not") {
            self.step();
            return self.deeper(Self::negation).map(|inner| Expression::Not(Box::new(inner)));
        }
        let left = self.operand()?;
        if let Some(comparison) = self.comparison_word() {
            self.step();
            let right = self.operand()?;
            return Ok(Expression::Compare(Box::new(left), comparison, Box::new(right)));
        }
        if self.is_word("in") {
            self.step();
            return Ok(Expression::In(Box::new(left), self.list()?));
        }
        Ok(left)
    }

    fn comparison_word(&self) -> Option<Comparison> {
        Comparison::ALL.into_iter().find(|comparison| self.is_word(comparison.name()))
    }

    /// What `not` negates. It binds before a comparison does: `not a eq b` would be `(not a) eq b`, which nobody means.
    fn negation(&mut self) -> Result<Expression, Refusal> {
        let start = self.start();
        let inner = if self.is_word("not") { self.comparison()? } else { self.operand()? };
        if self.comparison_word().is_some() || self.is_word("in") {
            let word = self.peek().shown();
            return Err(self
                .wrong(format_args!("not binds before {word}"))
                .hint(format!("put the comparison in parentheses: not (… {word} …)")));
        }
        self.check(start, &inner)?;
        Ok(inner)
    }

    fn list(&mut self) -> Result<Vec<Literal>, Refusal> {
        self.expect('(')?;
        let mut items = Vec::new();
        loop {
            match self.literal() {
                Some(literal) => items.push(literal),
                None => {
                    return Err(self.wrong(format_args!("expected a value, not {}", self.peek().shown())));
                }
            }
            if self.is_sign(',') {
                self.step();
                continue;
            }
            self.expect(')')?;
            return Ok(items);
        }
    }

    /// A value, if one stands here; steps over it.
    fn literal(&mut self) -> Option<Literal> {
        let literal = match self.peek() {
            Token::Literal(literal) => literal.clone(),
            Token::Name(name) if name.eq_ignore_ascii_case("null") => Literal::Null,
            Token::Name(name) if name.eq_ignore_ascii_case("true") => Literal::Bool(true),
            Token::Name(name) if name.eq_ignore_ascii_case("false") => Literal::Bool(false),
            Token::Name(name) if name.contains('.') => {
                // A member of an enumeration with its type before it, as OData 4.0 writes it.
                let (here, after) = (&self.tokens[self.next], self.tokens.get(self.next + 1)?);
                let Token::Literal(Literal::Text(member)) = &after.token else { return None };
                if here.end != after.start {
                    return None;
                }
                let member = Literal::Text(member.clone());
                self.step();
                member
            }
            _ => return None,
        };
        self.step();
        Some(literal)
    }

    fn operand(&mut self) -> Result<Expression, Refusal> {
        if self.is_sign('(') {
            return self.deeper(|parser| {
                parser.step();
                let inner = parser.expression()?;
                parser.expect(')')?;
                Ok(inner)
            });
        }
        if let Some(literal) = self.literal() {
            return Ok(Expression::Literal(literal));
        }
        match *self.peek() {
            Token::Name(name) if !RESERVED.iter().any(|word| word.eq_ignore_ascii_case(name)) => {
                if self.tokens[self.next + 1].token == Token::Sign('(') {
                    self.call(name)
                } else {
                    self.path()
                }
            }
            _ => {
                let shown = self.peek().shown();
                Err(self.wrong(format_args!("expected a property, a value or a condition, not {shown}")))
            }
        }
    }

    fn call(&mut self, name: &'a str) -> Result<Expression, Refusal> {
        let Some(function) = Function::ALL.into_iter().find(|known| known.name().eq_ignore_ascii_case(name))
        else {
            let refusal = self.wrong(format_args!("there is no function {}", shortened(name)));
            let names = Function::ALL.map(Function::name);
            return Err(match nearest(name, names) {
                Some(near) => refusal.hint(format!("did you mean {near}?")),
                None if matches!(name, "any" | "all") => refusal
                    .hint(format!("name the collection before it: methodsRegistered/{name}(x:x eq 'sms')")),
                None => refusal.hint(format!("there are {}", names.join(", "))),
            });
        };
        self.step();
        self.deeper(|parser| {
            parser.step();
            let mut arguments = Vec::new();
            for number in 0..function.arguments() {
                if number > 0 {
                    parser.expect(',')?;
                }
                let start = parser.start();
                let argument = parser.operand()?;
                if !argument.may_be_text() {
                    let shown = shortened(&argument.to_string());
                    let what = format_args!("{} takes text, not {shown}", function.name()).to_string();
                    return Err(wrong(parser.text, start, what));
                }
                arguments.push(argument);
            }
            parser.expect(')')?;
            Ok(Expression::Call(function, arguments))
        })
    }

    fn path(&mut self) -> Result<Expression, Refusal> {
        let mut path = Vec::new();
        loop {
            let Token::Name(name) = *self.peek() else {
                return Err(self.wrong(format_args!("expected a property, not {}", self.peek().shown())));
            };
            if path.len() == LONGEST_PATH {
                return Err(self.wrong(format_args!("a path of more than {LONGEST_PATH} properties")));
            }
            let lambda = self.tokens[self.next + 1].token == Token::Sign('(') && !path.is_empty();
            match name {
                _ if lambda => return self.lambda(path, name),
                "$count" if !path.is_empty() => {}
                _ if name.contains('.') => {
                    return Err(self.wrong(format_args!("{} is no property", shortened(name))).hint(
                        "properties within properties are parted by /, and casts to types are not known here",
                    ));
                }
                _ if name.contains('$') => {
                    return Err(self.wrong(format_args!("{} is no property", shortened(name))));
                }
                _ => {}
            }
            path.push(name.to_owned());
            self.step();
            if !self.is_sign('/') || name == "$count" {
                if let Token::Literal(Literal::Text(_)) = self.peek()
                    && self.tokens[self.next - 1].end == self.start()
                {
                    let refusal = wrong(
                        self.text,
                        self.tokens[self.next - 1].start,
                        format_args!("{}'…' is how OData 2 writes values", shortened(name)),
                    );
                    return Err(refusal.hint("moments and IDs stand without quotes, text without a type"));
                }
                return Ok(Expression::Path(path));
            }
            self.step();
        }
    }

    fn lambda(&mut self, path: Vec<String>, name: &str) -> Result<Expression, Refusal> {
        let quantifier = match name {
            _ if name.eq_ignore_ascii_case("any") => Quantifier::Any,
            _ if name.eq_ignore_ascii_case("all") => Quantifier::All,
            _ => {
                let refusal =
                    self.wrong(format_args!("there is no function {} of a collection", shortened(name)));
                return Err(refusal.hint("there are any and all"));
            }
        };
        if self.variables.len() == DEEPEST_LAMBDA {
            return Err(self.wrong(format_args!("any and all nest deeper than {DEEPEST_LAMBDA}")));
        }
        self.step();
        self.deeper(|parser| {
            parser.step();
            if parser.is_sign(')') && quantifier == Quantifier::Any {
                parser.step();
                return Ok(Expression::Lambda(path, quantifier, None));
            }
            let variable = parser.variable()?;
            parser.step();
            parser.expect(':')?;
            parser.variables.push(variable);
            let condition = parser.condition();
            parser.variables.pop();
            let condition = condition?;
            parser.expect(')')?;
            Ok(Expression::Lambda(path, quantifier, Some((variable.to_owned(), Box::new(condition)))))
        })
    }

    fn variable(&self) -> Result<&'a str, Refusal> {
        match *self.peek() {
            Token::Name(name)
                if !name.contains(['.', '$'])
                    && !RESERVED.iter().any(|word| word.eq_ignore_ascii_case(name)) =>
            {
                if self.variables.contains(&name) {
                    return Err(self.wrong(format_args!("{} is a variable already", shortened(name))));
                }
                Ok(name)
            }
            ref token => Err(self
                .wrong(format_args!("expected a variable, not {}", token.shown()))
                .hint("as in methodsRegistered/any(x:x eq 'sms')")),
        }
    }
}

const OPERATORS: &str = "eq, ne, gt, ge, lt, le, in, and, or, not";
