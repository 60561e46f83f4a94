//! A condition as text that reads back as the same condition.
use super::{Expression, Quantifier};
use std::fmt;

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(literal) => literal.fmt(f),
            Self::Path(path) => f.write_str(&path.join("/")),
            Self::Call(function, arguments) => {
                write!(f, "{}(", function.name())?;
                for (number, argument) in arguments.iter().enumerate() {
                    if number > 0 {
                        f.write_str(",")?;
                    }
                    argument.fmt(f)?;
                }
                f.write_str(")")
            }
            Self::Compare(left, comparison, right) => {
                Whole(left).fmt(f)?;
                write!(f, " {} ", comparison.name())?;
                Whole(right).fmt(f)
            }
            Self::In(left, items) => {
                Whole(left).fmt(f)?;
                f.write_str(" in (")?;
                for (number, item) in items.iter().enumerate() {
                    if number > 0 {
                        f.write_str(",")?;
                    }
                    item.fmt(f)?;
                }
                f.write_str(")")
            }
            Self::Not(inner) => {
                f.write_str("not ")?;
                Whole(inner).fmt(f)
            }
            Self::And(parts) => chain(f, parts, " and ", |part| matches!(part, Self::And(_) | Self::Or(_))),
            Self::Or(parts) => chain(f, parts, " or ", |part| matches!(part, Self::Or(_))),
            Self::Lambda(path, quantifier, condition) => {
                let name = match quantifier {
                    Quantifier::Any => "any",
                    Quantifier::All => "all",
                };
                write!(f, "{}/{name}(", path.join("/"))?;
                if let Some((variable, condition)) = condition {
                    write!(f, "{variable}:{condition}")?;
                }
                f.write_str(")")
            }
        }
    }
}

fn chain(
    f: &mut fmt::Formatter<'_>,
    parts: &[Expression],
    word: &str,
    needs_parentheses: fn(&Expression) -> bool,
) -> fmt::Result {
    for (number, part) in parts.iter().enumerate() {
        if number > 0 {
            f.write_str(word)?;
        }
        if needs_parentheses(part) { write!(f, "({part})") } else { fmt::Display::fmt(part, f) }?;
    }
    Ok(())
}

/// An operand: in parentheses where it is more than one thing.
struct Whole<'a>(&'a Expression);

impl fmt::Display for Whole<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Expression::Literal(_) | Expression::Path(_) | Expression::Call(..) | Expression::Lambda(..) => {
                self.0.fmt(f)
            }
            other => write!(f, "({other})"),
        }
    }
}
