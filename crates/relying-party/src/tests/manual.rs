//! The tables in the crate's manual are the tables in the code.
use crate::Ceremony;
use std::path::Path;

/// The rows under a heading of the manual: where, step, function.
fn rows<'a>(manual: &'a str, heading: &str) -> Vec<[&'a str; 3]> {
    let section = manual.split("\n//! # ").find(|section| section.starts_with(heading)).unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("//! | ")?.strip_suffix(" |"));
    rows.skip(1).map(|row| row.split(" | ").collect::<Vec<_>>().try_into().unwrap()).collect()
}

#[test]
fn the_manual_lists_every_step_in_order_with_its_citation_and_its_function() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let manual = std::fs::read_to_string(source.join("lib.rs")).unwrap();
    for (ceremony, heading) in
        [(Ceremony::Registration, "Registration, §7.1"), (Ceremony::Authentication, "Authentication, §7.2")]
    {
        let rows = rows(&manual, heading);
        assert_eq!(rows.len(), ceremony.steps().len());
        for ([place, step, function], (expected, cite)) in rows.into_iter().zip(ceremony.steps()) {
            // What is of another edition says so.
            let edition = if place.starts_with('L') { "WebAuthn" } else { "WebAuthn L3" };
            assert_eq!(format!("{edition} {place}"), *cite);
            assert_eq!(step, format!("[`{expected:?}`](Step::{expected:?})"));
            let function = function.trim_matches('`');
            let (module, name) =
                (function.split("::").next().unwrap(), function.rsplit("::").next().unwrap());
            let inner = function.split("::").nth(1).unwrap();
            let file = [format!("{module}/{inner}.rs"), format!("{module}.rs"), format!("{module}/mod.rs")];
            let file = file.map(|file| source.join(file));
            let code = file.iter().find_map(|file| std::fs::read_to_string(file).ok()).unwrap();
            let there = [format!("fn {name}("), format!("fn {name}<")].iter().any(|text| code.contains(text));
            assert!(there, "{function}");
        }
    }
}
