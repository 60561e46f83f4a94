//! The options together, and what they make of a list.
use super::filter::Filter;
use super::order::{self, By};
use super::select::Selection;
use super::{bad, check, nearest, shortened};
use crate::refusal::Refusal;
use serde_json::Value;

/// The options that are known here.
const KNOWN: [&str; 8] = ["filter", "select", "orderby", "top", "skip", "skiptoken", "count", "format"];
/// The rest of OData's, which are not.
const ABSENT: [(&str, &str); 8] = [
    ("expand", "what belongs to a document is in it already"),
    ("search", "ask by $filter, as in contains(displayName,'adele')"),
    ("apply", "ask for the documents and count them yourself"),
    ("compute", "ask for the documents and compute it yourself"),
    ("index", "the lists here have no insertion points"),
    ("levels", "there is no hierarchy here"),
    ("deltatoken", "ask by $filter for what is newer"),
    ("schemaversion", "there is one schema"),
];

/// What is asked of a list. The default asks for all of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    filter: Option<Filter>,
    select: Selection,
    order: Vec<By>,
    top: Option<usize>,
    skip: usize,
    count: bool,
    pages: Option<(usize, usize)>,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The documents.
    pub value: Vec<Value>,
    /// How many there are on all pages, if `$count=true` asked: `@odata.count`.
    pub count: Option<usize>,
    /// Where the next page begins, if there is one: [`Query::pairs_from`] asks for it (`@odata.nextLink`).
    pub next: Option<usize>,
}

impl Query {
    /// Reads the options of an address, decoded. Names may be in any case, and without their `$`.
    ///
    /// # Errors
    /// If an option is unknown, there twice, or makes no sense: with the place, and with what to do.
    pub fn parse<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, Refusal> {
        let mut query = Self::default();
        let mut seen: Vec<&str> = Vec::new();
        for (name, text) in pairs {
            let known = known(name)?;
            let here = if matches!(known, "skip" | "skiptoken") { "skip" } else { known };
            if seen.contains(&here) {
                return Err(bad(match here {
                    "skip" => "$skip and $skiptoken both say where to begin".to_owned(),
                    _ => format!("${known} is there twice"),
                })
                .hint("write it once"));
            }
            seen.push(here);
            if text.trim().is_empty() {
                return Err(bad(format_args!("${known} is empty")));
            }
            match known {
                "filter" => query.filter = Some(Filter::parse(text)?),
                "select" => query.select = Selection::parse(text)?,
                "orderby" => query.order = order::parse(text)?,
                "top" => query.top = Some(number(known, text)?),
                "count" => query.count = boolean(text)?,
                "format" => json(text)?,
                _ => query.skip = number(known, text)?,
            }
        }
        Ok(query)
    }

    /// The same in pages: of `usual` documents if `$top` does not say, and of never more than `most`.
    #[must_use]
    pub fn in_pages(mut self, usual: usize, most: usize) -> Self {
        self.pages = Some((usual.clamp(1, most.max(1)), most.max(1)));
        self
    }

    /// Whether `$filter` and `$orderby` fit documents of that shape: one that has every property, with an element in
    /// each collection. Where it has `null` or an empty collection, anything fits. What `$select` names and is not there
    /// is no fault: programs ask real tenants for more than there is here.
    ///
    /// # Errors
    /// If they name a property that there is not, or compare one with a value of another kind.
    pub fn check(&self, shape: &Value) -> Result<(), Refusal> {
        if let Some(filter) = &self.filter {
            check::filter(&filter.0, shape)?;
        }
        self.order.iter().try_for_each(|by| check::property("$orderby", &by.path, shape).map(drop))
    }

    /// The page that is asked for, after [`Query::check`] with what the first documents are like together: a misspelt
    /// property is told, and does not make an empty list. Of a list without documents nothing is known.
    ///
    /// # Errors
    /// As [`Query::check`] has them.
    pub fn check_and_apply(&self, documents: impl IntoIterator<Item = Value>) -> Result<Page, Refusal> {
        /// So many that each kind of document is among them where kinds are mixed.
        const FIRST: usize = 100;
        if self.filter.is_none() && self.order.is_empty() {
            return Ok(self.apply(documents));
        }
        let mut documents = documents.into_iter();
        let first: Vec<Value> = documents.by_ref().take(FIRST).collect();
        let mut shape = Value::Null;
        first.iter().for_each(|document| check::join(&mut shape, document));
        self.check(&shape)?;
        Ok(self.apply(first.into_iter().chain(documents)))
    }

    /// Whether `$filter` lets a document through.
    pub fn matches(&self, document: &Value) -> bool {
        self.filter.as_ref().is_none_or(|filter| filter.matches(document))
    }

    /// What `$select` leaves of a document. Annotations such as `@odata.type` stay.
    pub fn select(&self, document: Value) -> Value {
        self.select.select(document)
    }

    /// The page that is asked for: filtered, sorted, counted, cut and selected, in the order of OData 4.01 Part 1,
    /// section 11.2.1.
    pub fn apply(&self, documents: impl IntoIterator<Item = Value>) -> Page {
        let size = match (self.top, self.pages) {
            (Some(top), Some((_, most))) => Some(top.min(most)),
            (Some(top), None) => Some(top),
            (None, pages) => pages.map(|(usual, _)| usual),
        };
        let end = size.map_or(usize::MAX, |size| self.skip.saturating_add(size));
        let mut matching = documents.into_iter().filter(|document| self.matches(document));
        let mut total = 0;
        let mut value = Vec::new();
        if self.order.is_empty() {
            // One document further than the page tells whether there is another.
            while self.count || total <= end {
                let Some(document) = matching.next() else { break };
                if (self.skip..end).contains(&total) {
                    value.push(self.select(document));
                }
                total += 1;
            }
        } else {
            let mut all: Vec<Value> = matching.collect();
            total = all.len();
            order::sort(&mut all, &self.order);
            let page = all.into_iter().skip(self.skip).take(end - self.skip.min(end));
            value.extend(page.map(|document| self.select(document)));
        }
        // A page of nothing would follow itself for ever.
        let next = (total > end && size != Some(0)).then_some(end);
        Page { value, count: self.count.then_some(total), next }
    }

    /// The options as an address has them before it is encoded; reading them gives the same query.
    pub fn pairs(&self) -> Vec<(&'static str, String)> {
        let mut pairs = Vec::new();
        if let Some(filter) = &self.filter {
            pairs.push(("$filter", filter.to_string()));
        }
        if !self.select.is_all() {
            pairs.push(("$select", self.select.to_string()));
        }
        if !self.order.is_empty() {
            let keys: Vec<String> = self.order.iter().map(By::to_string).collect();
            pairs.push(("$orderby", keys.join(",")));
        }
        if let Some(top) = self.top {
            pairs.push(("$top", top.to_string()));
        }
        if self.count {
            pairs.push(("$count", "true".to_owned()));
        }
        if self.skip > 0 {
            pairs.push(("$skiptoken", self.skip.to_string()));
        }
        pairs
    }

    /// The options of the page that begins at `next`, as [`Query::pairs`] writes them.
    pub fn pairs_from(&self, next: usize) -> Vec<(&'static str, String)> {
        Self { skip: next, ..self.clone() }.pairs()
    }
}

fn known(name: &str) -> Result<&'static str, Refusal> {
    let bare = name.strip_prefix('$').unwrap_or(name);
    if let Some(known) = KNOWN.iter().find(|known| known.eq_ignore_ascii_case(bare)) {
        return Ok(known);
    }
    if let Some((absent, hint)) = ABSENT.iter().find(|(absent, _)| absent.eq_ignore_ascii_case(bare)) {
        return Err(bad(format_args!("${absent} is not known here")).hint(*hint));
    }
    let refusal = bad(format_args!("there is no option {}", shortened(name)));
    Err(match nearest(bare, KNOWN) {
        Some(near) => refusal.hint(format!("did you mean ${near}?")),
        None => refusal.hint(format!("there are ${}", KNOWN.join(", $"))),
    })
}

fn number(option: &str, text: &str) -> Result<usize, Refusal> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits).ok_or_else(|| {
        bad(format_args!("${option}: expected a whole number from 0, not {:?}", shortened(text)))
    })
}

fn boolean(text: &str) -> Result<bool, Refusal> {
    match text {
        _ if text.eq_ignore_ascii_case("true") => Ok(true),
        _ if text.eq_ignore_ascii_case("false") => Ok(false),
        _ => Err(bad(format_args!("$count: expected true or false, not {:?}", shortened(text)))),
    }
}

fn json(text: &str) -> Result<(), Refusal> {
    let kind = text.split(';').next().unwrap_or_default();
    if ["json", "application/json"].iter().any(|known| known.eq_ignore_ascii_case(kind)) {
        return Ok(());
    }
    Err(bad(format_args!("$format: {:?} is not known here", shortened(text))).hint("write json"))
}
