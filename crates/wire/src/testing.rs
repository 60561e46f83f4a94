//! What this crate's tests share: vectors from files, and values for property tests.
use crate::cbor::Value;
use crate::hex;
use alloc::{format, string::String, vec::Vec};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::{fs, println};

/// One vector of a fixture file. `fixtures/README.md` has the format.
pub(crate) struct Vector {
    /// File and name, for messages.
    pub(crate) place: String,
    members: BTreeMap<String, String>,
}

impl Vector {
    /// The member `key`, which this vector must have.
    pub(crate) fn text(&self, key: &str) -> &str {
        self.members.get(key).unwrap_or_else(|| panic!("{}: no {key}: line", self.place))
    }

    /// The bytes.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        hex::decode(self.text("hex")).unwrap_or_else(|| panic!("{}: hex: is not hexadecimal", self.place))
    }
}

/// Every vector of every `*.txt` in `fixtures/FOLDER`.
pub(crate) fn vectors(folder: &str) -> Vec<Vector> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(folder);
    let files = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    paths.sort();
    let all: Vec<Vector> = paths.iter().flat_map(|path| read_vectors(path)).collect();
    println!("{} vectors in {}", all.len(), folder.display());
    assert!(!all.is_empty(), "{} holds no vectors", folder.display());
    all
}

/// Blocks of `key: value` lines with an empty line between them; lines with `#` are for people.
fn read_vectors(path: &Path) -> Vec<Vector> {
    let file = path.file_stem().unwrap().to_str().unwrap();
    let text = fs::read_to_string(path).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>();
    let mut names = BTreeSet::new();
    let blocks = lines.split(|line| line.is_empty()).filter(|block| !block.is_empty());
    blocks
        .map(|block| {
            let mut members = BTreeMap::new();
            for line in block {
                let (key, value) = line.split_once(':').unwrap_or_else(|| panic!("{file}: no key: {line}"));
                let known = [
                    "name", "source", "profile", "message", "expect", "versions", "aaguid", "options", "hex",
                ]
                .contains(&key);
                assert!(known, "{file}: unknown key {key}");
                assert_eq!(
                    members.insert(key.into(), value.trim().into()),
                    None,
                    "{file}: {key} twice in {block:?}"
                );
            }
            let vector = Vector { place: format!("{file}: {}", members["name"]), members };
            assert!(
                !vector.text("source").is_empty() && !vector.text("expect").is_empty(),
                "{}",
                vector.place
            );
            assert!(names.insert(String::from(vector.text("name"))), "{} twice", vector.place);
            vector
        })
        .collect()
}

/// Any canonical value that nests at most `depth` deep.
pub(crate) fn canonical_value(depth: u32) -> impl Strategy<Value = Value> {
    let value = leaf().prop_recursive(depth, 64, 6, |inner| {
        let members = prop::collection::vec((key(), inner.clone()), 0..6);
        prop_oneof![
            prop::collection::vec(inner, 0..6).prop_map(Value::Array),
            members.prop_map(|members| Value::Map(sorted_unique(members))),
        ]
    });
    // An array as a key of the innermost map would be one level too many.
    value.prop_filter("nests too deep", move |value| nesting(value) <= depth)
}

fn nesting(value: &Value) -> u32 {
    match value {
        Value::Array(items) => 1 + items.iter().map(nesting).max().unwrap_or(0),
        Value::Map(members) => {
            1 + members.iter().map(|(key, value)| nesting(key).max(nesting(value))).max().unwrap_or(0)
        }
        _ => 0,
    }
}

/// An extension map: text keys, canonical, with leaves.
pub(crate) fn extensions() -> impl Strategy<Value = Value> {
    let members = prop::collection::vec(("[a-zA-Z-]{1,20}", canonical_value(1)), 0..4);
    members.prop_map(|members| {
        Value::Map(sorted_unique(members.into_iter().map(|(key, value)| (Value::from(key), value)).collect()))
    })
}

/// Nearly always what a message has for keys; of arrays the order is the hardest to get right.
fn key() -> impl Strategy<Value = Value> {
    let numbers = prop::collection::vec((0i64..600).prop_map(Value::from), 0..4);
    prop_oneof![3 => leaf(), 1 => numbers.prop_map(Value::Array)]
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-300i64..300).prop_map(Value::from),
        any::<u64>().prop_map(|n| Value::Integer((-1 - i128::from(n)).try_into().unwrap())),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(Value::Bytes),
        any::<String>().prop_map(Value::Text),
        any::<bool>().prop_map(Value::Bool),
        Just(Value::Null),
    ]
}

/// Sorts as CTAP 2.1 §8 says, by ciborium's encoding of the keys rather than ours.
fn sorted_unique(members: Vec<(Value, Value)>) -> Vec<(Value, Value)> {
    let by_key: BTreeMap<(u8, usize, Vec<u8>), (Value, Value)> = members
        .into_iter()
        .map(|(key, value)| {
            let encoded = ciborium_encoding(&key);
            ((encoded[0] >> 5, encoded.len(), encoded), (key, value))
        })
        .collect();
    by_key.into_values().collect()
}

/// What ciborium writes: shortest heads and definite lengths, members in the given order.
pub(crate) fn ciborium_encoding(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).unwrap();
    bytes
}
