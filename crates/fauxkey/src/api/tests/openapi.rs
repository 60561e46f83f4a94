use super::events::every_event;
use crate::api::event_json;
use crate::api::openapi::DOCUMENT;
use crate::api::routes::{Access, ROUTES, access};
use crate::api::testing::{ID, Rig, prompt};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

const METHODS: [&str; 7] = ["get", "put", "post", "delete", "options", "head", "patch"];

pub(super) fn document() -> Value {
    serde_json::from_str(DOCUMENT).unwrap()
}

/// Follows a reference, if it is one.
fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value.get("$ref").and_then(Value::as_str) {
        Some(reference) => {
            let pointer = reference.strip_prefix('#').expect("references stay inside");
            document.pointer(pointer).unwrap_or_else(|| panic!("{reference} leads nowhere"))
        }
        None => value,
    }
}

/// Every operation, with its path and method.
fn operations(document: &Value) -> Vec<(String, String, &Map<String, Value>)> {
    let paths = document["paths"].as_object().unwrap();
    let of = |(path, item): (&String, &'_ Value)| -> Vec<(String, String)> {
        let methods = item.as_object().unwrap().keys().filter(|key| METHODS.contains(&key.as_str()));
        methods.map(|method| (path.clone(), method.clone())).collect()
    };
    let named = paths.iter().flat_map(of);
    named
        .map(|(path, method)| {
            let operation = document["paths"][&path][&method].as_object().unwrap();
            (path, method, operation)
        })
        .collect()
}

/// What is wrong with a value, by the part of JSON Schema that the document uses.
pub(super) fn complaint(document: &Value, schema: &Value, value: &Value) -> Option<String> {
    let schema = resolve(document, schema);
    if let Some(choices) = schema.get("oneOf").and_then(Value::as_array) {
        let fitting = choices.iter().filter(|choice| complaint(document, choice, value).is_none()).count();
        return (fitting != 1).then(|| format!("{value} fits {fitting} choices"));
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => return Some(format!("a schema without type: {schema}")),
    };
    let fits = |kind: &&str| match *kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.as_u64().is_some_and(|number| number >= schema["minimum"].as_u64().unwrap_or(0)),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("the document uses the type {other}"),
    };
    if !types.iter().any(fits) {
        return Some(format!("{value} is not of type {types:?}"));
    }
    if let Some(choices) = schema.get("enum").and_then(Value::as_array)
        && !choices.contains(value)
    {
        return Some(format!("{value} is none of {choices:?}"));
    }
    if let Some(items) = value.as_array() {
        return items.iter().find_map(|item| complaint(document, &schema["items"], item));
    }
    members(document, schema, value.as_object()?)
}

fn members(document: &Value, schema: &Value, members: &Map<String, Value>) -> Option<String> {
    let properties = schema.get("properties").and_then(Value::as_object)?;
    let missing = required(schema).into_iter().find(|name| !members.contains_key(*name));
    missing.map(|name| format!("{name} is missing")).or_else(|| {
        members.iter().find_map(|(name, member)| match properties.get(name) {
            Some(property) => complaint(document, property, member).map(|why| format!("{name}: {why}")),
            None => (schema["additionalProperties"] == false).then(|| format!("{name} is not described")),
        })
    })
}

fn required(schema: &Value) -> Vec<&str> {
    schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// The schema of an operation's answer with that status.
fn answer<'a>(document: &'a Value, operation: &'a Map<String, Value>, status: u16) -> &'a Value {
    let responses = &operation["responses"];
    let response = responses.get(status.to_string()).unwrap_or(&responses["default"]);
    &resolve(document, response)["content"]["application/json"]["schema"]
}

fn request<'a>(document: &'a Value, operation: &'a Map<String, Value>) -> Option<&'a Value> {
    Some(resolve(document, &operation.get("requestBody")?["content"]["application/json"]["schema"]))
}

#[test]
fn the_document_describes_every_route_and_no_other() {
    let described: BTreeSet<(String, String)> =
        operations(&document()).into_iter().map(|(path, method, _)| (path, method.to_uppercase())).collect();
    let served: BTreeSet<(String, String)> =
        ROUTES.iter().map(|route| (route.path.into(), route.method.into())).collect();
    assert_eq!(described, served);
    assert_eq!(ROUTES.len(), served.len(), "no route is there twice");
}

#[test]
fn the_document_stands_by_itself() {
    let document = document();
    let mut used = BTreeSet::new();
    fn walk<'a>(document: &'a Value, value: &'a Value, used: &mut BTreeSet<&'a str>) {
        resolve(document, value);
        match value {
            Value::Object(members) => {
                used.extend(members.get("$ref").and_then(Value::as_str));
                members.values().for_each(|member| walk(document, member, used));
            }
            Value::Array(items) => items.iter().for_each(|item| walk(document, item, used)),
            _ => {}
        }
    }
    walk(&document, &document, &mut used);
    for kind in ["schemas", "responses", "parameters"] {
        for name in document["components"][kind].as_object().unwrap().keys() {
            assert!(
                used.contains(format!("#/components/{kind}/{name}").as_str()),
                "{kind} {name} is not used"
            );
        }
    }
    let ids: BTreeSet<&str> = operations(&document)
        .iter()
        .map(|(.., operation)| operation["operationId"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), ROUTES.len());
}

#[test]
fn the_parameters_of_a_path_are_declared() {
    let document = document();
    for (path, item) in document["paths"].as_object().unwrap() {
        let in_path: Vec<&str> =
            path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
        let declared: Vec<&str> = item["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|parameter| resolve(&document, parameter)["name"].as_str())
            .collect();
        assert_eq!(in_path, declared, "{path}");
    }
}

#[test]
fn who_may_ask_is_told_as_it_is() {
    let document = document();
    for (path, method, operation) in operations(&document) {
        let security = operation.get("security").unwrap_or(&document["security"]);
        let mut schemes: Vec<&str> = security
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(|one| one.as_object().unwrap().keys().map(String::as_str))
            .collect();
        schemes.sort_unstable();
        let expected: &[&str] = match access(&path) {
            Access::Open => &[],
            Access::Token => &["bearer"],
            Access::Paired => &["pairing"],
            Access::TokenOrQuery | Access::Page => &["bearer", "query"],
        };
        assert_eq!(schemes, expected, "{method} {path}");
    }
}

#[test]
fn real_answers_to_the_examples_are_as_described_good_and_bad() {
    let (document, rig) = (document(), Rig::new());
    *rig.fake.asking.lock().unwrap() = true;
    for (path, method, operation) in
        operations(&document).into_iter().filter(|(path, ..)| path.starts_with("/api"))
    {
        if ["/api/v1/events", "/api/v1/trace", "/api/v1/extension"].contains(&path.as_str()) {
            continue;
        }
        let body = request(&document, operation).map(|schema| {
            let example = &schema["examples"][0];
            assert_eq!(complaint(&document, schema, example), None, "{method} {path}");
            example.to_string()
        });
        for name in ["phone", "missing"] {
            let id = if path.contains("/faults/") { "3" } else { ID };
            let path = path.replace("{name}", name).replace("{id}", id);
            let reply = rig.ask(&method.to_uppercase(), &path, body.as_deref().unwrap_or_default());
            let declared = operation["responses"].get(reply.status.to_string());
            assert_eq!(declared.is_some(), reply.status < 300, "{method} {path}: {reply:?}");
            if reply.status == 204 {
                assert_eq!(declared.unwrap().get("content"), None);
                continue;
            }
            let schema = answer(&document, operation, reply.status);
            assert_eq!(complaint(&document, schema, &reply.json()), None, "{method} {path}: {reply:?}");
        }
    }
}

#[test]
fn a_body_needs_what_is_required_and_takes_nothing_else() {
    let (document, rig) = (document(), Rig::new());
    let mut bodies = 0;
    for (path, method, operation) in operations(&document) {
        let Some(schema) = request(&document, operation) else { continue };
        let choices = schema.get("oneOf").and_then(Value::as_array);
        for schema in choices.map_or_else(|| vec![schema], |choices| choices.iter().collect()) {
            bodies += 1;
            let path = path.replace("{name}", "phone").replace("{id}", ID);
            let ask = |body: &Map<String, Value>| {
                rig.ask(&method.to_uppercase(), &path, &Value::Object(body.clone()).to_string()).status
            };
            let example = schema["examples"][0].as_object().unwrap();
            for name in schema["properties"].as_object().unwrap().keys() {
                let mut without = example.clone();
                without.remove(name);
                let accepted = ask(&without) < 300;
                assert_eq!(
                    accepted,
                    !required(schema).contains(&name.as_str()),
                    "{method} {path} without {name}"
                );
            }
            let mut with_more = example.clone();
            with_more.insert("more".into(), Value::from(1));
            assert_eq!(ask(&with_more), 400, "{method} {path}");
            for (name, property) in schema["properties"].as_object().unwrap() {
                let choices = resolve(&document, property)["enum"].as_array().cloned().unwrap_or_default();
                for choice in choices {
                    let mut chosen = example.clone();
                    chosen.insert(name.clone(), choice);
                    assert!(ask(&chosen) < 300, "{method} {path} {chosen:?}");
                }
            }
        }
    }
    assert_eq!(bodies, 19);
}

#[test]
fn every_event_is_as_described() {
    let document = document();
    let schema = &document["components"]["schemas"]["Event"];
    let mut kinds = BTreeSet::new();
    for happening in every_event() {
        let event: Value = serde_json::from_str(&event_json(&happening)).unwrap();
        assert_eq!(complaint(&document, schema, &event), None, "{event}");
        kinds.insert(event["kind"].as_str().unwrap().to_owned());
    }
    // Those that come from the stream itself; the tests of events see them.
    kinds.extend(["announcement".to_owned(), "missed".to_owned()]);
    let described = schema["oneOf"].as_array().unwrap().iter();
    let described = described.map(|one| one["properties"]["kind"]["enum"][0].as_str().unwrap().to_owned());
    assert_eq!(kinds, described.collect());
}

#[test]
fn a_schema_that_is_wrong_would_be_noticed() {
    let document = document();
    let schema = &document["components"]["schemas"]["Prompt"];
    let good = serde_json::to_value(prompt()).unwrap();
    assert_eq!(complaint(&document, schema, &good), None);
    for (name, value) in [("number", Value::from("7")), ("purpose", "sign".into()), ("more", 1.into())] {
        let mut bad = good.clone();
        bad[name] = value;
        assert!(complaint(&document, schema, &bad).is_some(), "{name}");
    }
    let mut bad = good;
    bad.as_object_mut().unwrap().remove("number");
    assert!(complaint(&document, schema, &bad).is_some());
}

#[test]
fn the_document_is_served_to_whoever_may_see_the_host() {
    let rig = Rig::new();
    let reply = rig.ask_with("GET", "/openapi.json", &[], "");
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/json")));
    assert_eq!(reply.body, DOCUMENT);
}
