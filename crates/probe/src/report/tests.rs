//! Reports for the tests of their forms.
use super::*;

pub(super) fn verdict(outcome: Outcome, words: &str) -> Verdict {
    let words = words.to_owned();
    match outcome {
        Outcome::Found => Verdict::Found { what: words },
        Outcome::Inconclusive => Verdict::Inconclusive { why: words },
        Outcome::Observed => Verdict::Observed { what: words },
        Outcome::Skipped => Verdict::Skipped { why: words },
        Outcome::Held => Verdict::Held { said: words },
    }
}

pub(super) fn result(id: &str, group: &str, severity: Severity, verdict: Verdict) -> CheckResult {
    CheckResult {
        id: id.into(),
        title: format!("the lie {id}"),
        group: group.into(),
        clause: "WebAuthn L3 §7.1 step 9".into(),
        severity,
        advice: "Compare the origin with a list, whole.".into(),
        verdict,
        evidence: vec![Exchange {
            request: "POST http://localhost:8000/registration/verify\n\n{\"id\":\"AQ\"}".into(),
            response: "200 OK\n\n{\"verified\":true}".into(),
            microseconds: 1500,
        }],
        repeat: format!("fauxkey probe http://localhost:8000 --only {id}"),
    }
}

/// One check of every outcome, and two findings.
pub(super) fn sample() -> Report {
    let said = [
        (
            "strict:origin-subdomain",
            "client data",
            Severity::High,
            Outcome::Found,
            "It accepts a sub-domain of the origin.",
        ),
        ("origin-null", "client data", Severity::High, Outcome::Held, "origin mismatch"),
        ("challenge-expired", "client data", Severity::Medium, Outcome::Skipped, "It would wait for 300 s."),
        (
            "signature-wrong-key",
            "signature",
            Severity::Critical,
            Outcome::Found,
            "It accepts another key's signature.",
        ),
        (
            "signature-malleated",
            "signature",
            Severity::Low,
            Outcome::Observed,
            "It refuses a malleated signature: no",
        ),
        (
            "counter-back",
            "counter",
            Severity::Medium,
            Outcome::Inconclusive,
            "An honest sign-in is refused too.",
        ),
    ];
    let results = said
        .map(|(id, group, severity, outcome, words)| result(id, group, severity, verdict(outcome, words)));
    Report {
        format: 1,
        version: "0.1.0".into(),
        target: "http://localhost:8000".into(),
        plan: "default".into(),
        began: 1_800_000_000,
        milliseconds: 12_345,
        expectations: BTreeMap::from([("registration: RP ID".into(), "localhost".into())]),
        results: results.into(),
        left_behind: vec![LeftBehind {
            user: "probe-1@example.test".into(),
            credential: "AQID".into(),
            check: "origin-null".into(),
            why: "It has no door for that.".into(),
        }],
    }
}

/// What a relying party might say to whoever reads reports of it.
pub(super) const HOSTILE: &str = "</pre></details><script>alert('x')</script>\" onload=\"x\" &amp; ]]> \u{1b}[2J \u{202e} \0 \u{ffff} {0} [a](https://evil.test)\r\n\tend";

/// A report in which every word is a stranger's.
pub(super) fn hostile() -> Report {
    let mut report = sample();
    for word in [&mut report.version, &mut report.target, &mut report.plan] {
        *word = HOSTILE.into();
    }
    report.began = u64::MAX;
    report.milliseconds = u64::MAX;
    report.expectations = BTreeMap::from([(HOSTILE.into(), HOSTILE.into())]);
    for result in &mut report.results {
        for word in
            [&mut result.title, &mut result.group, &mut result.clause, &mut result.advice, &mut result.repeat]
        {
            *word = HOSTILE.into();
        }
        result.id = format!("{HOSTILE}{}", result.id);
        result.verdict = verdict(result.verdict.outcome(), HOSTILE);
        result.evidence =
            vec![Exchange { request: HOSTILE.into(), response: HOSTILE.into(), microseconds: u64::MAX }; 2];
    }
    report.left_behind = vec![LeftBehind {
        user: HOSTILE.into(),
        credential: HOSTILE.into(),
        check: HOSTILE.into(),
        why: HOSTILE.into(),
    }];
    report
}
