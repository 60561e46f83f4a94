//! Documents as comma-separated values (RFC 4180), for spreadsheets.
use super::filter::child;
use serde_json::Value;

/// A table of documents: a line of `columns`, then a line for each document. A column may be a path, such as
/// `status/errorCode`; without columns there is one for each property of any document, in the order in which they
/// come, but none for annotations.
///
/// `null` and what is not there is nothing; a collection of plain values is joined by a comma and a space; objects, and
/// collections of them, are JSON. Nothing is changed: a text that begins with `=` is a formula to some spreadsheets.
pub fn csv(values: &[Value], columns: &[&str]) -> String {
    let every: Vec<&str> = if columns.is_empty() { properties(values) } else { columns.to_vec() };
    let mut writer = ::csv::WriterBuilder::new().terminator(::csv::Terminator::CRLF).from_writer(Vec::new());
    let infallible = "memory takes every write, and every line is as long as the first";
    if !every.is_empty() {
        writer.write_record(&every).expect(infallible);
    }
    for value in values.iter().filter(|_| !every.is_empty()) {
        let cells = every.iter().map(|column| {
            column.split('/').try_fold(value, |value, name| child(value, name)).map_or_else(String::new, cell)
        });
        writer.write_record(cells).expect(infallible);
    }
    let bytes = writer.into_inner().expect(infallible);
    String::from_utf8(bytes).expect("every cell is text")
}

fn properties(values: &[Value]) -> Vec<&str> {
    let mut found: Vec<&str> = Vec::new();
    for name in values.iter().filter_map(Value::as_object).flat_map(|members| members.keys()) {
        if !name.contains('@') && !found.contains(&name.as_str()) {
            found.push(name);
        }
    }
    found
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) if !items.iter().any(|item| item.is_array() || item.is_object()) => {
            items.iter().map(cell).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}
