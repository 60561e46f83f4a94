//! A filter's text as words and signs.
use super::literal::Literal;
use crate::odata::{bad, shortened};
use crate::refusal::Refusal;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token<'a> {
    /// A property, an operator, a function, `null`, `true` or `false`.
    Name(&'a str),
    Literal(Literal),
    /// One of `( ) , / :`.
    Sign(char),
    End,
}

impl Token<'_> {
    /// As it may stand in a message.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Name(name) => shortened(name),
            Self::Literal(literal) => shortened(&literal.to_string()),
            Self::Sign(sign) => sign.to_string(),
            Self::End => "the end".to_owned(),
        }
    }
}

/// A token, and the byte at which it begins and after which it ends.
#[derive(Clone, Debug)]
pub(super) struct Placed<'a> {
    pub(super) token: Token<'a>,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// What was wrong at a byte of the text, counted for people.
pub(super) fn wrong(text: &str, byte: usize, what: impl std::fmt::Display) -> Refusal {
    let character = text[..byte].chars().count() + 1;
    bad(format_args!("$filter at character {character}: {what}"))
}

/// Signs of other languages, and the words that OData has for them.
const STRANGERS: [(&str, &str); 11] = [
    ("==", "eq"),
    ("!=", "ne"),
    ("<>", "ne"),
    (">=", "ge"),
    ("<=", "le"),
    ("&&", "and"),
    ("||", "or"),
    ("=", "eq"),
    (">", "gt"),
    ("<", "lt"),
    ("!", "not"),
];

pub(super) fn tokens(text: &str) -> Result<Vec<Placed<'_>>, Refusal> {
    let mut tokens = Vec::new();
    let mut start = 0;
    while let Some(first) = text[start..].chars().next() {
        let rest = &text[start..];
        if first.is_whitespace() {
            start += first.len_utf8();
            continue;
        }
        let (token, length) = match first {
            '(' | ')' | ',' | '/' | ':' => (Token::Sign(first), 1),
            '\'' => quoted(rest).ok_or_else(|| {
                wrong(text, start, "the text that begins here does not end")
                    .hint("a quote within text is written twice: 'O''Neil'")
            })?,
            '0'..='9' | '-' => unquoted(text, start)?,
            _ if id(rest).is_some() => unquoted(text, start)?,
            'A'..='Z' | 'a'..='z' | '_' | '$' => {
                let length = run(rest, |c| c.is_ascii_alphanumeric() || "_.$".contains(c));
                (Token::Name(&rest[..length]), length)
            }
            _ => return Err(stranger(text, start, first)),
        };
        tokens.push(Placed { token, start, end: start + length });
        start += length;
    }
    tokens.push(Placed { token: Token::End, start, end: start });
    Ok(tokens)
}

fn stranger(text: &str, start: usize, first: char) -> Refusal {
    if let Some((sign, word)) = STRANGERS.iter().find(|(sign, _)| text[start..].starts_with(sign)) {
        return wrong(text, start, format_args!("{sign} is no operator")).hint(format!("write {word}"));
    }
    let refusal = wrong(text, start, format_args!("{first:?} has no meaning here"));
    match first {
        '"' | '‘' | '’' | '“' | '”' => refusal.hint("text stands in single quotes: 'text'"),
        '@' => refusal.hint("parameter aliases are not known here: write the value itself"),
        '%' => refusal.hint("the address is encoded twice"),
        '+' => refusal.hint("in an address a space is %20 or +, and a plus is %2B"),
        _ => refusal,
    }
}

fn run(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|c| !belongs(c)).unwrap_or(text.len())
}

fn belongs_to_value(c: char) -> bool {
    c.is_ascii_alphanumeric() || ".:+-_".contains(c)
}

/// Text within quotes, and its length with them.
fn quoted(text: &str) -> Option<(Token<'_>, usize)> {
    let mut from = 1;
    loop {
        let quote = from + text[from..].find('\'')?;
        if text[quote + 1..].starts_with('\'') {
            from = quote + 2;
            continue;
        }
        return Some((Token::Literal(Literal::Text(text[1..quote].replace("''", "'"))), quote + 1));
    }
}

/// An ID at the beginning of the text: its length. IDs may begin with a letter, as names do.
fn id(text: &str) -> Option<usize> {
    const LENGTH: usize = 36;
    let length = run(text, belongs_to_value);
    (length == LENGTH && matches!(Literal::unquoted(&text[..length]), Some(Literal::Guid(_))))
        .then_some(length)
}

fn unquoted(text: &str, start: usize) -> Result<(Token<'_>, usize), Refusal> {
    let rest = &text[start..];
    let length = run(rest, belongs_to_value);
    let value = &rest[..length];
    if let Some(literal) = Literal::unquoted(value) {
        return Ok((Token::Literal(literal), length));
    }
    let refusal = wrong(text, start, format_args!("{} is no number, moment or ID", shortened(value)));
    Err(if value.starts_with('-') && !value[1..].starts_with(|c: char| c.is_ascii_digit()) {
        refusal.hint("there is no arithmetic here")
    } else if value.contains('T') && rest[length..].starts_with(' ') {
        refusal.hint("a moment ends with Z or an offset, and a + in an address is written %2B")
    } else {
        refusal.hint("text stands in single quotes, and a moment is written 2026-01-20T22:24:07Z")
    })
}
