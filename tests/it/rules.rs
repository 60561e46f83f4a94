//! The list of rules in `fixtures/ctap/rules.txt`: every subject has some, and every test that it names is there.
use crate::architecture::{files, root};
use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::Path;

/// The subjects that must have rules. The others have theirs with their own tests.
const SUBJECTS: [u8; 13] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13];

struct Rule {
    line: usize,
    subject: u8,
    source: String,
    clause: String,
    tests: Vec<String>,
}

fn rules() -> Vec<Rule> {
    let text = fs::read_to_string(root().join("fixtures/ctap/rules.txt")).unwrap();
    let mut subject = None;
    let mut rules = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let line_number = at + 1;
        if let Some(heading) = line.strip_prefix("## ") {
            subject = Some(heading.split(' ').next().unwrap().parse().unwrap());
        } else if !line.is_empty() && !line.starts_with('#') {
            let parts = line.split_once(": ").zip(line.split_once(" | "));
            let ((source, _), (rule, tests)) = parts.unwrap_or_else(|| panic!("line {line_number}: {line}"));
            rules.push(Rule {
                line: line_number,
                subject: subject.expect("a subject comes first"),
                source: source.into(),
                clause: rule[source.len() + 2..].into(),
                tests: tests.split(", ").map(Into::into).collect(),
            });
        }
    }
    rules
}

/// The tests of a source file by their names.
fn tests_of(source: &str) -> Vec<&str> {
    let mut tests = Vec::new();
    let mut lines = source.lines().map(str::trim).peekable();
    while let Some(line) = lines.next() {
        if line == "#[test]" {
            let signature = lines.by_ref().find(|line| !line.starts_with("#["));
            let signature = signature.unwrap().strip_prefix("fn ").expect("a test is a function");
            tests.push(signature.split('(').next().unwrap());
        }
    }
    tests
}

/// The path of a file's module below `first`.
fn module(first: &str, file: &Path, inline: bool) -> String {
    let mut path = vec![first.to_owned()];
    path.extend(file.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()));
    path.retain(|part| !["src", "mod", "lib", "main"].contains(&part.as_str()));
    if inline {
        path.push("tests".into());
    }
    path.join("::")
}

/// The path of every test in `tests/it` and in the crates.
fn every_test() -> HashSet<String> {
    let mut rooms = vec![("it".to_owned(), root().join("tests/it"))];
    for entry in fs::read_dir(root().join("crates")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rooms.push((path.file_name().unwrap().to_string_lossy().into_owned(), path));
        }
    }
    let mut tests = HashSet::new();
    for (room, folder) in rooms {
        for file in files(&folder, "rs") {
            let source = fs::read_to_string(&file).unwrap();
            let module = module(&room, file.strip_prefix(&folder).unwrap(), source.contains("\nmod tests {"));
            tests.extend(tests_of(&source).into_iter().map(|test| format!("{module}::{test}")));
        }
    }
    tests
}

#[test]
fn every_test_that_a_rule_names_is_there() {
    let there = every_test();
    assert!(there.len() > 500, "{} tests were found", there.len());
    let missing: Vec<String> = rules()
        .iter()
        .flat_map(|rule| rule.tests.iter().map(move |test| (rule.line, test)))
        .filter(|(_, test)| !there.contains(*test))
        .map(|(line, test)| format!("line {line}: {test}"))
        .collect();
    assert!(missing.is_empty(), "no such tests:\n{}", missing.join("\n"));
}

#[test]
fn every_subject_has_rules_and_every_rule_says_where_it_stands() {
    let mut by_subject: BTreeMap<u8, usize> = BTreeMap::new();
    let mut seen = HashSet::new();
    for rule in rules() {
        *by_subject.entry(rule.subject).or_default() += 1;
        let (edition, section) = rule.source.split_once(" §").unwrap_or_else(|| panic!("line {}", rule.line));
        let editions = ["CTAP 2.0", "CTAP 2.1", "CTAP 2.2", "CTAP 2.3", "WebAuthn Level 3"];
        assert!(editions.contains(&edition), "line {}: {edition}", rule.line);
        assert!(section.starts_with(|c: char| c.is_ascii_digit()), "line {}: {section}", rule.line);
        assert!(rule.clause.len() > 10, "line {}: {}", rule.line, rule.clause);
        assert!(seen.insert((rule.subject, rule.source + &rule.clause)), "line {}: said before", rule.line);
    }
    for subject in SUBJECTS {
        assert!(by_subject.contains_key(&subject), "subject {subject} has no rules");
    }
}
