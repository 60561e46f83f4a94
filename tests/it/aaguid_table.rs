//! The tables in `crates/fauxkey/docs/aaguid.md` say what `cargo xtask peers aaguid` measured.
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::fs;

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/browsers/aaguid.json");
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/fauxkey/docs/aaguid.md");
const PREFERENCES: [&str; 4] = ["none", "indirect", "direct", "enterprise"];

fn part<'a>(fixture: &'a Value, name: &str) -> &'a Map<String, Value> {
    fixture[name].as_object().unwrap()
}

/// A row of a Markdown table.
fn row(cells: &[String]) -> String {
    format!("| {} |", cells.join(" | "))
}

/// The first words of every cell, each once, sorted.
fn firsts(cells: &Map<String, Value>) -> BTreeSet<&str> {
    cells.keys().map(|cell| cell.split(" | ").next().unwrap()).collect()
}

/// What a page sees, by route, by attestation of the device, and by preference of the page.
fn seen(fixture: &Value) -> Vec<String> {
    let cells = part(fixture, "seen");
    let mut rows = Vec::new();
    for route in firsts(cells) {
        for kind in ["self-attested", "unattested"] {
            let cell = |preference: &str| {
                cells[&format!("{route} | {kind} | {preference}")]
                    .as_str()
                    .unwrap()
                    .split(", ")
                    .collect::<Vec<_>>()
            };
            let mut row_cells = vec![route.to_owned(), kind.to_owned()];
            for preference in PREFERENCES {
                let [format, aaguid, flags, transports, attachment] = cell(preference)[..] else {
                    panic!("{route}")
                };
                assert_eq!(flags, "UP UV AT", "device-bound, whatever the route");
                assert_eq!(
                    [transports, attachment],
                    cell("none")[3..],
                    "they do not depend on the preference"
                );
                let aaguid = if aaguid == "zeros" { "**zeros**" } else { aaguid };
                row_cells.push(format!("{format}, {aaguid}"));
            }
            let [.., transports, attachment] = cell("none")[..] else { panic!("{route}") };
            row_cells.push(format!("{} / {attachment}", transports.replace(',', " ")));
            rows.push(row(&row_cells));
        }
    }
    rows
}

/// What a page sees where fauxkey does what a browser does.
fn beside(fixture: &Value) -> Vec<String> {
    let cells = part(fixture, "beside");
    let mut rows = Vec::new();
    for route in firsts(cells).into_iter().filter(|route| *route != "trace") {
        for kind in ["a phone", "a phone, raw", "a roaming key", "a roaming key, raw"] {
            let cell = |preference: &str| {
                let cell = cells[&format!("{route} | {kind} | {preference}")].as_str().unwrap();
                cell.split(", ").collect::<Vec<_>>()
            };
            let mut row_cells = vec![route.to_owned(), kind.to_owned()];
            for preference in PREFERENCES {
                let [format, aaguid, _, transports, attachment] = cell(preference)[..] else {
                    panic!("{route}")
                };
                assert_eq!([transports, attachment], cell("none")[3..]);
                let aaguid = if aaguid == "zeros" { "**zeros**" } else { aaguid };
                row_cells.push(format!("{format}, {aaguid}"));
            }
            let [.., transports, attachment] = cell("none")[..] else { panic!("{route}") };
            row_cells.push(format!("{} / {attachment}", transports.replace(',', " ")));
            rows.push(row(&row_cells));
        }
    }
    for kind in ["a phone, raw", "a roaming key, raw"] {
        assert_eq!(cells[&format!("trace | {kind}")], "every answer marked");
    }
    rows
}

/// Over which routes a passkey that was made over one is not found.
fn lost(fixture: &Value) -> Vec<String> {
    let cells = part(fixture, "found");
    let lost = cells.iter().filter(|(_, outcome)| *outcome != "signs in");
    lost.map(|(cell, outcome)| {
        let (maker, looker) = cell.split_once(" | ").unwrap();
        row(&[maker.into(), looker.into(), outcome.as_str().unwrap().into()])
    })
    .collect()
}

/// What becomes of Graph's options.
fn graph(fixture: &Value) -> Vec<String> {
    let cells = part(fixture, "graph");
    let of = |route: &str, kind: &str| cells[&format!("{route} | {kind}")].as_str().unwrap().to_owned();
    let kinds = ["the phone", "a key with a reader"];
    let rows = firsts(cells).into_iter();
    rows.map(|route| row(&[vec![route.to_owned()], kinds.map(|kind| of(route, kind)).to_vec()].concat()))
        .collect()
}

#[test]
fn the_page_has_the_tables_that_were_measured_and_no_other_rows() {
    let fixture: Value = serde_json::from_str(&fs::read_to_string(FIXTURE).unwrap()).unwrap();
    let page = fs::read_to_string(PAGE).unwrap();
    let rows: Vec<&str> =
        page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| route")).collect();
    let expected = [seen(&fixture), beside(&fixture), lost(&fixture), graph(&fixture)].concat();
    assert!(expected.len() > 20, "{expected:?}");
    assert_eq!(rows, expected, "\n{}", expected.join("\n"));
}
