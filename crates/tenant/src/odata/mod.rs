//! OData's system query options over documents: `$filter`, `$select`, `$orderby`, `$top`, `$skip`, `$skiptoken` and
//! `$count`, as much of OData 4.01 Part 2 (URL Conventions), section 5.1, as Graph's lists are asked with. The
//! documents are `serde_json::Value`s; addresses are decoded by who has them.
//!
//! ```
//! use serde_json::json;
//! use tenant::odata::Query;
//!
//! let query = Query::parse([("$filter", "status/errorCode ne 0"), ("$select", "id"), ("$count", "true")]).unwrap();
//! let sign_ins = [
//!     json!({ "id": "a", "status": { "errorCode": 0 } }),
//!     json!({ "id": "b", "status": { "errorCode": 135016 } }),
//! ];
//! let page = query.apply(sign_ins);
//! assert_eq!(page.value, [json!({ "id": "b" })]);
//! assert_eq!(page.count, Some(1));
//! ```
mod check;
mod filter;
mod order;
mod query;
mod select;
#[cfg(test)]
mod tests;

pub use filter::{DEEPEST, DEEPEST_LAMBDA, Filter, LONGEST, Literal};
pub use query::{Page, Query};

use crate::likeness::nearest;
use crate::refusal::{Refusal, RefusalKind};
use std::fmt::Display;

/// A query that makes no sense.
fn bad(what: impl Display) -> Refusal {
    Refusal::new(RefusalKind::BadRequest, "badRequest", what.to_string())
}

/// Property after property, parted by `/`, as `$select` and `$orderby` name them.
fn path(option: &str, text: &str) -> Result<Vec<String>, Refusal> {
    const LONGEST: usize = 16;
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    let names: Vec<String> = text.split('/').map(str::to_owned).collect();
    if names.len() > LONGEST {
        return Err(bad(format_args!("{option}: a path of more than {LONGEST} properties")));
    }
    match names.iter().find(|name| !is_name(name)) {
        None => Ok(names),
        Some(name) if name.is_empty() => {
            Err(bad(format_args!("{option}: a property is missing in {:?}", shortened(text))))
        }
        Some(name) if name.contains('(') => {
            Err(bad(format_args!("{option}: expected a property, not {:?}", shortened(name)))
                .hint("properties within properties are named by a path, as in status/errorCode"))
        }
        Some(name) => Err(bad(format_args!("{option}: {:?} is no property", shortened(name)))),
    }
}

/// A text as it may stand in a message.
fn shortened(text: &str) -> String {
    const LONGEST: usize = 60;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{} …", &text[..end]),
        None => text.to_owned(),
    }
}
