//! The prober from the command line: who is asked, how it ends, and what is written.
use super::Home;
use serde_json::Value;

#[test]
fn a_stranger_is_refused_until_it_is_named() {
    let home = Home::new();
    let ran = home.run(&["probe", "--target", "simplewebauthn", "--url", "https://bank.example-bank.com"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(
        ran.stderr.contains("hint: if you may test it: --i-am-authorised-to-test bank.example-bank.com"),
        "{ran:?}"
    );
    assert!(!home.path().exists(), "nothing was begun");
}

#[test]
fn what_there_is_not_is_refused_with_what_was_probably_meant() {
    let home = Home::new();
    let ran = home.run(&["probe", "--target", "simplewebauthm"]);
    assert!(ran.stderr.contains("hint: did you mean `simplewebauthn`?"), "{ran:?}");
    let ran = home.run(&["probe", "--target", "tenant", "--only", "signatur"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("hint: did you mean `signature`?"), "{ran:?}");
}

#[test]
fn nobody_there_is_no_verdict() {
    let home = Home::new();
    let ran =
        home.run(&["probe", "--target", "conformance", "--url", "http://127.0.0.1:1", "--only", "signature"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("an honest registration did not work, so nothing can be told"), "{ran:?}");
}

#[test]
fn the_tenant_is_probed_and_its_report_written_in_every_form_and_compared() {
    let home = Home::new();
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (out, junit, sarif, html) = (file("r.json"), file("r.xml"), file("r.sarif"), file("r.html"));
    let ran = home.run(&[
        "probe",
        "--target",
        "tenant",
        "--only",
        "signature",
        "--seed",
        "7",
        "--out",
        &out,
        "--junit",
        &junit,
        "--sarif",
        &sarif,
        "--html",
        &html,
        "--json",
    ]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    let repeat = report["results"][2]["repeat"].as_str().unwrap();
    assert!(repeat.starts_with("fauxkey probe --target tenant --seed 7 --only "), "{repeat}");
    let written: Value = serde_json::from_str(&std::fs::read_to_string(&out).unwrap()).unwrap();
    assert_eq!(written, report);
    for (path, beginning) in [(&junit, "<?xml"), (&sarif, "{"), (&html, "<!")] {
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.trim_start().to_lowercase().starts_with(beginning), "{path}: {text}");
    }
    assert_eq!(home.run(&["probe", "diff", &out, &out]).code, Some(0));
    let mut worse = report;
    worse["results"][2]["verdict"] = "found".into();
    worse["results"][2]["what"] = "It accepts it.".into();
    let changed = file("worse.json");
    std::fs::write(&changed, worse.to_string()).unwrap();
    assert_eq!(home.run(&["probe", "diff", &out, &changed]).code, Some(1));
    assert_eq!(home.run(&["probe", "diff", &changed, &out]).code, Some(0));
    // A whole run's report is longer than what other verbs read.
    worse["results"][2]["evidence"][0]["request"] = "x".repeat(5 << 20).into();
    std::fs::write(&changed, worse.to_string()).unwrap();
    assert_eq!(home.run(&["probe", "diff", &out, &changed]).code, Some(1));
}

#[test]
fn checks_and_targets_are_listed_for_programs_too() {
    let home = Home::new();
    let checks: Value = serde_json::from_str(&home.run(&["probe", "list", "--json"]).done().stdout).unwrap();
    assert!(checks.as_array().unwrap().len() >= 80);
    let listed = home.run(&["probe", "targets"]).done().stdout;
    assert!(listed.contains("java-webauthn-server") && listed.contains("untested: "), "{listed}");
    let text = home.run(&["probe", "targets", "conformance"]).done().stdout;
    assert!(text.contains("/attestation/result"), "{text}");
}
