//! The keys of the schema, asked of the structs that read them, so that there is no second list.
use super::parse;
use serde::de::{DeserializeOwned, Deserializer, Error, Visitor};

/// A key of a profile: the table that it stands in, empty at the top, and its name there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Such as `ctap` or `seen.hid`.
    pub table: &'static str,
    /// Such as `max-msg-size`.
    pub name: &'static str,
}

/// Every key of the schema that is no table.
pub(super) fn all() -> Vec<Key> {
    let tables = parse::tables();
    let is_table = |table: &str, name: &str| {
        tables.iter().any(|(path, _)| match path.split_once('.') {
            Some((outer, inner)) => (outer, inner) == (table, name),
            None => table.is_empty() && *path == name,
        })
    };
    let keys = tables
        .iter()
        .flat_map(|(table, names)| names.iter().map(move |name| Key { table, name }))
        .filter(|key| !is_table(key.table, key.name));
    keys.collect()
}

/// The fields of a struct, as its own Deserialize names them.
pub(super) fn fields<T: DeserializeOwned>() -> &'static [&'static str] {
    let mut names: &'static [&'static str] = &[];
    // The visitor is never run, so that there is nothing but the refusal.
    let _ = T::deserialize(Asking(&mut names));
    names
}

/// A deserializer that has nothing to give, and keeps what it was asked for.
struct Asking<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Asking<'_> {
    type Error = serde::de::value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(Error::custom("there is nothing to read"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        *self.0 = fields;
        self.deserialize_any(visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::super::DeviceProfile;
    use super::Key;

    /// Every key that stands in a built-in profile is one, in its table: a table that parse::tables forgets shows here.
    #[test]
    fn the_keys_of_every_built_in_profile_are_known_with_their_tables() {
        let keys = DeviceProfile::keys();
        for profile in DeviceProfile::built_in() {
            let mut table = "";
            for line in profile.source.lines().map(|line| line.split(" #").next().unwrap().trim()) {
                if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                    table = name;
                } else if let Some((name, _)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) {
                    let found = keys.iter().any(|key| key.table == table && key.name == name.trim());
                    assert!(found, "{}: {table} {name}", profile.name);
                }
            }
        }
        assert!(keys.contains(&Key { table: "seen.nfc", name: "transports" }));
        assert!(keys.contains(&Key { table: "", name: "aaguid" }));
        for table in ["ctap", "seen", "hid"] {
            assert!(!keys.iter().any(|key| key.name == table), "{table} is a table");
        }
    }
}
