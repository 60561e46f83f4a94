//! Graph's documents, for pages to show: a page shows what a program would be answered.
use super::shell::text;
use crate::tenant::graph::{self, Content, GraphRequest};
use serde_json::Value;
use tenant::{Tenant, Time};

/// What GET answers at a path with its query; the error's message if it refuses.
pub(super) fn get(tenant: &mut Tenant, now: Time, path: &str) -> Result<Value, String> {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let request = GraphRequest { method: "GET", path, query, body: &[], base: "" };
    let answer = graph::answer(tenant, now, &request);
    let value = match answer.body {
        Content::Json(value) => value,
        _ => Value::Null,
    };
    if answer.status < 400 {
        return Ok(value);
    }
    let hint = value["error"]["innerError"]["simHint"].as_str().map(|hint| format!(" ({hint})"));
    let message = value["error"]["message"].as_str().unwrap_or("Graph refused without a word");
    Err(format!("{message}{}", hint.unwrap_or_default()))
}

/// The collection at a path, and how many there are in all.
pub(super) fn list(tenant: &mut Tenant, now: Time, path: &str) -> Result<(Vec<Value>, usize), String> {
    let mut answer = get(tenant, now, path)?;
    let items = match answer["value"].take() {
        Value::Array(items) => items,
        _ => Vec::new(),
    };
    let all = answer["@odata.count"].as_u64().and_then(|count| usize::try_from(count).ok());
    let all = all.unwrap_or(items.len());
    Ok((items, all))
}

/// A member that is text; empty if it is not there.
pub(super) fn word(value: &Value, name: &str) -> String {
    value[name].as_str().map(text).unwrap_or_default()
}

/// A member that is true.
pub(super) fn flag(value: &Value, name: &str) -> bool {
    value[name] == Value::Bool(true)
}

/// The texts of a member that is a list of them.
pub(super) fn words(value: &Value, name: &str) -> Vec<String> {
    items(value, name).iter().filter_map(Value::as_str).map(text).collect()
}

/// A member that is a list; empty if it is not there.
pub(super) fn items<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

/// A moment of Graph's for people, to the second: `2026-01-20 22:24:07`.
pub(super) fn moment(text: &str) -> String {
    let text = text.trim_end_matches('Z').replace('T', " ");
    text.split('.').next().unwrap_or_default().to_owned()
}
