//! CBOR of any kind, and what every other reading of CBOR here needs.
use super::tree::{Node, count, size, word};
use super::{Fit, Kind, Stuck};
use wire::cbor::{self, Malformed, Value, diagnostic};
use wire::hex;

/// How many entries of one container are shown.
const MOST: usize = 500;

/// One item from the front of some bytes.
pub(super) struct Item<'a> {
    /// What it says.
    pub(super) value: Value,
    /// How many bytes it takes.
    pub(super) length: usize,
    /// What follows it.
    pub(super) rest: &'a [u8],
    /// Why it is not canonical, if it is not.
    pub(super) malformed: Option<Malformed>,
}

/// Reads one item, canonical or not.
pub(super) fn item(bytes: &[u8]) -> Result<Item<'_>, Stuck> {
    let canonical = |bytes: &[u8]| cbor::decode_prefix(bytes).err();
    let Ok((value, rest)) = cbor::decode_foreign_prefix(bytes) else {
        // The canonical reader knows where it stopped, and nearly always for the same reason.
        let Malformed { at, why } =
            canonical(bytes).unwrap_or(Malformed { at: 0, why: "not well-formed CBOR" });
        // What ends too early makes sense to its end.
        return Err(if why == "truncated" {
            Stuck::at(bytes.len(), "ends too early")
        } else {
            Stuck::at(at, why)
        });
    };
    let length = bytes.len() - rest.len();
    Ok(Item { value, length, rest, malformed: canonical(&bytes[..length]) })
}

impl Item<'_> {
    /// Says so if the encoding is not canonical. `what` names the item.
    pub(super) fn check(&self, what: &str, odd: &mut Vec<String>) {
        if let Some(Malformed { at, why }) = self.malformed {
            odd.push(format!("{what} is not canonical CBOR (CTAP 2.1 §8): {why} at its byte {at}"));
        }
    }
}

/// The first key and the first value of a map, of which the rest may be missing.
pub(super) fn first_member(bytes: &[u8]) -> Option<(Value, Value)> {
    let (0xA1..=0xB7 | 0xBF, rest) = bytes.split_first()? else { return None };
    let (key, rest) = cbor::decode_foreign_prefix(rest).ok()?;
    Some((key, cbor::decode_foreign_prefix(rest).ok()?.0))
}

/// The member with that key.
pub(super) fn member<'a>(value: &'a Value, key: &Value) -> Option<&'a Value> {
    value.as_map()?.iter().find(|(other, _)| other == key).map(|(_, value)| value)
}

/// The member with that text key.
pub(super) fn text_member<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    value.as_map()?.iter().find(|(other, _)| other.as_text() == Some(key)).map(|(_, value)| value)
}

/// The member with that integer key.
pub(super) fn int_member(value: &Value, key: i64) -> Option<&Value> {
    member(value, &Value::from(key))
}

/// Any value as lines.
pub(super) fn node(label: impl AsRef<str>, value: &Value) -> Node {
    match value {
        Value::Bytes(bytes) => Node::bytes(label, bytes),
        Value::Array(items) if !items.is_empty() => {
            let shown = items.iter().take(MOST).enumerate().map(|(i, item)| node(format!("[{i}]"), item));
            Node::new(label, count(items.len(), "element")).with(shown.chain(more(items.len())).collect())
        }
        Value::Map(members) if !members.is_empty() => {
            let shown = members.iter().take(MOST).map(|(key, value)| node(key_text(key), value));
            Node::new(label, count(members.len(), "member")).with(shown.chain(more(members.len())).collect())
        }
        Value::Tag(tag, inner) => Node::new(label, format!("tag {tag}")).with(vec![node("content", inner)]),
        leaf => Node::new(label, diagnostic(leaf)),
    }
}

fn more(length: usize) -> Option<Node> {
    (length > MOST).then(|| Node::new("…", format!("{} more", length - MOST)))
}

/// A map key as a label.
pub(super) fn key_text(key: &Value) -> String {
    match key {
        Value::Text(text) => word(text),
        other => {
            let text = diagnostic(other);
            if text.chars().count() > 60 { text.chars().take(59).chain(['…']).collect() } else { text }
        }
    }
}

/// The type of a value with its article.
pub(super) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Integer(_) => "an integer",
        Value::Bytes(_) => "a byte string",
        Value::Text(_) => "text",
        Value::Array(_) => "an array",
        Value::Map(_) => "a map",
        Value::Bool(_) => "a boolean",
        Value::Null => "null",
        Value::Float(_) => "a float",
        Value::Tag(..) => "a tagged value",
        _ => "something else",
    }
}

/// Any CBOR item: the last resort.
pub(super) fn read(bytes: &[u8]) -> Result<Fit, Stuck> {
    let item = item(bytes)?;
    let mut odd = Vec::new();
    item.check("the item", &mut odd);
    // Where bytes follow, almost any bytes begin with some item: only a container of some size convinces.
    let convinces = matches!(&item.value, Value::Map(m) if m.len() > 1)
        || matches!(&item.value, Value::Array(a) if a.len() > 1);
    if !item.rest.is_empty() && (!convinces || item.rest.len() > item.length) {
        return Err(Stuck::at(item.length, format!("{} after the first item", size(item.rest.len()))));
    }
    let mut tree = vec![node("item", &item.value)];
    let notation = diagnostic(&item.value);
    if notation.len() < 2000 {
        tree.push(Node::new("notation", notation).note("RFC 8949 §8"));
    }
    Ok(Fit { kind: Kind::Cbor, tree, odd, rest: item.rest.len() })
}

/// The first bytes of something, for a message.
pub(super) fn beginning(bytes: &[u8]) -> String {
    let head = &bytes[..bytes.len().min(8)];
    format!("{}{}", hex::encode(head), if bytes.len() > 8 { "…" } else { "" })
}
