use super::events::Listener;
use super::openapi::{complaint, document};
use crate::api::testing::Rig;
use crate::control::{Control, Link};
use crate::drivers::testing::make_credential;
use crate::instance::Instance;
use serde_json::{Value, json};
use std::collections::BTreeSet;

#[test]
fn the_lines_of_a_trace_come_one_by_one_until_there_are_no_more() {
    let rig = Rig::new();
    let mut listener = Listener::to(&rig, "trace");
    for name in ["power off", "power on"] {
        assert_eq!(
            listener.event(),
            Some(json!({ "at": 0.0, "device": "phone", "kind": "device", "name": name }))
        );
    }
    assert_eq!(listener.event(), None);
}

/// What the document says is held against the lines of a device that registers, refuses and is switched off.
#[test]
fn every_line_of_a_real_trace_is_as_described() {
    let instance = Instance::ephemeral(None).unwrap();
    instance.add_device("phone", "ms-authenticator-ios+packed").unwrap();
    let lines = instance.trace().unwrap();
    for message in [&make_credential("example.test", "ada")[..], &[0x02], &[0xEE, 1]] {
        instance.ctap2("phone", Link::Hybrid, message).unwrap();
    }
    instance.shutdown();
    let document = document();
    let schema = &document["components"]["schemas"]["TraceLine"];
    let (mut kinds, mut members) = (BTreeSet::new(), BTreeSet::new());
    for line in lines.flatten() {
        let line: Value = serde_json::to_value(line).unwrap();
        assert_eq!(complaint(&document, schema, &line), None, "{line}");
        kinds.insert(line["kind"].as_str().unwrap().to_owned());
        members.extend(line.as_object().unwrap().keys().cloned());
    }
    assert_eq!(kinds, ["device", "message", "store", "trace", "user"].map(str::to_owned).into());
    let described: BTreeSet<String> = schema["properties"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(members, described);
}
