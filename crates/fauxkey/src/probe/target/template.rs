//! Placeholders: texts and JSON in which a ceremony's values are put.
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use serde_json::Value;
use std::collections::BTreeMap;

/// Everything but the unreserved characters of RFC 3986 §2.3.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What placeholders stand for.
#[derive(Clone, Copy, Default)]
pub struct Values<'a> {
    /// `{user}`.
    pub user: Option<&'a str>,
    /// `{credential}`.
    pub credential: Option<&'a str>,
    /// `{response}`, which need not be JSON.
    pub response: Option<&'a str>,
    /// `{options}`.
    pub options: Option<&'a Value>,
    /// Everything else.
    pub kept: Option<&'a BTreeMap<String, Value>>,
}

impl Values<'_> {
    /// As text; a text is itself, and everything else is JSON.
    fn text(&self, name: &str) -> Option<String> {
        match name {
            "user" => self.user.map(Into::into),
            "credential" => self.credential.map(Into::into),
            "response" => self.response.map(Into::into),
            _ => self.value(name).map(|value| match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            }),
        }
    }

    /// As JSON text. The response is put in as it is.
    fn json(&self, name: &str) -> Option<String> {
        match name {
            "user" => self.user.map(quoted),
            "credential" => self.credential.map(quoted),
            "response" => self.response.map(Into::into),
            _ => self.value(name).map(Value::to_string),
        }
    }

    fn value(&self, name: &str) -> Option<&Value> {
        match name {
            "options" => self.options,
            _ => self.kept?.get(name),
        }
    }
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// A text with placeholders in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    Placeholder(String),
}

impl Template {
    /// Reads one. `{{` is a brace.
    ///
    /// # Errors
    /// If a brace opens no placeholder.
    pub fn read(text: &str) -> Result<Self, String> {
        let (mut parts, mut literal, mut rest) = (Vec::new(), String::new(), text);
        while let Some((before, after)) = rest.split_once('{') {
            literal.push_str(before);
            if let Some(after) = after.strip_prefix('{') {
                literal.push('{');
                rest = after;
                continue;
            }
            let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            let named =
                after.split_once('}').filter(|(name, _)| !name.is_empty() && name.chars().all(is_part));
            let Some((name, after)) = named else {
                return Err("a brace opens no placeholder such as {user}; a brace is {{".into());
            };
            if !literal.is_empty() {
                parts.push(Part::Literal(std::mem::take(&mut literal)));
            }
            parts.push(Part::Placeholder(name.into()));
            rest = after;
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Part::Literal(literal));
        }
        Ok(Self(parts))
    }

    /// The names of its placeholders.
    pub fn placeholders(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Placeholder(name) => Some(name.as_str()),
            Part::Literal(_) => None,
        })
    }

    /// The name of the placeholder, if it is nothing else.
    fn alone(&self) -> Option<&str> {
        match self.0.as_slice() {
            [Part::Placeholder(name)] => Some(name),
            _ => None,
        }
    }

    /// As text; `None` if it is nothing but a placeholder that has no value.
    pub fn text(&self, values: &Values<'_>) -> Option<String> {
        if let Some(name) = self.alone() {
            return values.text(name);
        }
        Some(self.put_together(values, |text| text))
    }

    /// As a part of a URL: what is put in is percent-encoded, what stands there is not.
    pub fn in_url(&self, values: &Values<'_>) -> String {
        self.put_together(values, |text| percent(&text))
    }

    fn put_together(&self, values: &Values<'_>, encode: impl Fn(String) -> String) -> String {
        let part = |part: &Part| match part {
            Part::Literal(text) => text.clone(),
            Part::Placeholder(name) => values.text(name).map(&encode).unwrap_or_default(),
        };
        self.0.iter().map(part).collect()
    }
}

/// Percent-encoded, RFC 3986 §2.1.
pub fn percent(text: &str) -> String {
    percent_encode(text.as_bytes(), RESERVED).to_string()
}

/// JSON with placeholders in its texts.
#[derive(Clone, Debug, PartialEq)]
pub enum JsonTemplate {
    /// A text.
    Text(Template),
    /// A list.
    List(Vec<JsonTemplate>),
    /// An object.
    Object(Vec<(String, JsonTemplate)>),
    /// A number, a boolean or nothing: as it stands.
    Fixed(Value),
}

impl JsonTemplate {
    /// Reads one.
    ///
    /// # Errors
    /// Those of [`Template::read`].
    pub fn read(value: &Value) -> Result<Self, String> {
        Ok(match value {
            Value::String(text) => Self::Text(Template::read(text)?),
            Value::Array(items) => Self::List(items.iter().map(Self::read).collect::<Result<_, _>>()?),
            Value::Object(members) => {
                let read = |(name, value): (&String, &Value)| Ok((name.clone(), Self::read(value)?));
                Self::Object(members.iter().map(read).collect::<Result<_, String>>()?)
            }
            other => Self::Fixed(other.clone()),
        })
    }

    /// The names of its placeholders.
    pub fn placeholders(&self) -> Vec<&str> {
        match self {
            Self::Text(text) => text.placeholders().collect(),
            Self::List(items) => items.iter().flat_map(Self::placeholders).collect(),
            Self::Object(members) => members.iter().flat_map(|(_, member)| member.placeholders()).collect(),
            Self::Fixed(_) => Vec::new(),
        }
    }

    /// As JSON text, but for a response that is none; `None` if there is nothing to send. Members and items that are
    /// nothing but a placeholder without a value are left out.
    pub fn write(&self, values: &Values<'_>) -> Option<String> {
        match self {
            Self::Text(text) => match text.alone() {
                Some(name) => values.json(name),
                None => text.text(values).map(|text| quoted(&text)),
            },
            Self::List(items) => {
                let items: Vec<String> = items.iter().filter_map(|item| item.write(values)).collect();
                Some(format!("[{}]", items.join(",")))
            }
            Self::Object(members) => {
                let written = |(name, member): &(String, Self)| {
                    member.write(values).map(|value| format!("{}:{value}", quoted(name)))
                };
                let members: Vec<String> = members.iter().filter_map(written).collect();
                Some(format!("{{{}}}", members.join(",")))
            }
            Self::Fixed(value) => Some(value.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn kept() -> BTreeMap<String, Value> {
        [("id".to_owned(), json!("a/b c")), ("n".to_owned(), json!({ "x": [1, null] }))].into()
    }

    fn text(template: &str, values: &Values<'_>) -> Option<String> {
        Template::read(template).unwrap().text(values)
    }

    #[test]
    fn a_placeholder_alone_is_a_value_and_amid_text_it_is_text() {
        let kept = kept();
        let values = Values { user: Some("ada \"1\""), kept: Some(&kept), ..Values::default() };
        assert_eq!(text("{user}", &values).as_deref(), Some("ada \"1\""));
        assert_eq!(text("<{user}>{{{id}}", &values).as_deref(), Some("<ada \"1\">{a/b c}"));
        assert_eq!(text("{n}", &values).as_deref(), Some(r#"{"x":[1,null]}"#));
        assert_eq!(text("{nobody}", &values), None);
        assert_eq!(text("-{nobody}-", &values).as_deref(), Some("--"));
        let body = json!({ "u": "{user}", "t": "for {user}", "n": "{n}", "gone": "{nobody}", "l": ["{nobody}", 1], "o": true });
        let written = JsonTemplate::read(&body).unwrap().write(&values).unwrap();
        let expected =
            json!({ "u": "ada \"1\"", "t": "for ada \"1\"", "n": { "x": [1, null] }, "l": [1], "o": true });
        assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), expected);
    }

    #[test]
    fn a_response_is_put_in_byte_by_byte_though_it_be_no_json() {
        for response in ["{\"id\": 1,\"id\":2}", "not JSON {user} \u{0}\"", "", "{response}"] {
            let values = Values { user: Some("ada"), response: Some(response), ..Values::default() };
            let body = json!({ "username": "{user}", "credential": "{response}" });
            let written = JsonTemplate::read(&body).unwrap().write(&values).unwrap();
            assert_eq!(written, format!("{{\"username\":\"ada\",\"credential\":{response}}}"));
            let whole = JsonTemplate::read(&json!("{response}")).unwrap().write(&values);
            assert_eq!(whole.as_deref(), Some(response));
            assert_eq!(text("{response}", &values).as_deref(), Some(response));
        }
    }

    #[test]
    fn in_a_url_values_are_percent_encoded_and_what_stands_there_is_not() {
        let kept = kept();
        let values = Values { user: Some("ada@x.test"), kept: Some(&kept), ..Values::default() };
        let url = |text: &str| Template::read(text).unwrap().in_url(&values);
        assert_eq!(url("/a/{id}?u={user}&{{"), "/a/a%2Fb%20c?u=ada%40x.test&{");
        assert_eq!(url("{user}"), "ada%40x.test");
        let up = Values { user: Some("../../x?y#z"), ..Values::default() };
        assert_eq!(Template::read("/{user}").unwrap().in_url(&up), "/..%2F..%2Fx%3Fy%23z");
    }

    #[test]
    fn a_brace_that_opens_no_placeholder_is_refused() {
        for bad in ["{", "{}", "{a b}", "{user", "x{{{", "{\"json\": 1}"] {
            assert!(Template::read(bad).is_err(), "{bad}");
        }
        assert_eq!(text("}{{}", &Values::default()).as_deref(), Some("}{}"));
    }
}
