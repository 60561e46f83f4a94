//! A report as SARIF 2.1.0 (OASIS, with errata 01), as GitHub's code scanning takes it.
use super::text::{cut, moment};
use super::{CheckResult, Outcome, Report, Severity};
use crate::target::Exchange;
use ring::digest::{SHA256, digest};
use serde_json::{Map, Value, json};
use std::fmt::Write;

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// Of a request or an answer, at most: a file that is uploaded may have ten megabytes, compressed, and the JSON has all.
const EVIDENCE: usize = 16_000;

impl Report {
    /// The report as a SARIF log: each check is a rule, each finding a result, and each check that is inconclusive a
    /// notification.
    ///
    /// `plan_file` is the path of the plan in its repository, with `/` between its parts: results are located there, as a
    /// running relying party has no lines. Without one they have only the relying party's origin for a logical location,
    /// which the format allows and GitHub does not take.
    ///
    /// A result is the same as in another run if plan, phase and check are the same; the origin does not count, as it has
    /// another port in each job. Who probes several relying parties by one plan uploads each under a category of its own.
    pub fn to_sarif(&self, plan_file: Option<&str>) -> String {
        let mut rules: Vec<&CheckResult> = Vec::new();
        for result in &self.results {
            if !rules.iter().any(|rule| rule.check() == result.check()) {
                rules.push(result);
            }
        }
        let index = |result: &CheckResult| rules.iter().position(|rule| rule.check() == result.check());
        let results: Vec<Value> = self
            .findings()
            .into_iter()
            .map(|finding| self.result(finding, index(finding), plan_file))
            .collect();
        let log = json!({
            "$schema": SCHEMA,
            "version": "2.1.0",
            "runs": [{
                // §3.19: the part that found it.
                "tool": { "driver": {
                    "name": "fauxkey probe",
                    "version": self.version,
                    "informationUri": env!("CARGO_PKG_REPOSITORY"),
                    "rules": rules.iter().map(|rule| descriptor(rule)).collect::<Vec<_>>(),
                } },
                // §3.17.3: what stands after the last slash tells runs of a category apart, and may be empty.
                "automationDetails": { "id": format!("fauxkey-probe/{}/", self.plan.replace('/', "-")) },
                "invocations": [self.invocation(&index)],
                "columnKind": "unicodeCodePoints",
                "results": results,
                "properties": { "target": self.target, "plan": self.plan, "expectations": self.expectations },
            }],
        });
        format!("{log:#}\n")
    }

    /// §3.20.
    fn invocation(&self, index: &dyn Fn(&CheckResult) -> Option<usize>) -> Value {
        let unknown = self.results.iter().filter(|result| result.verdict.outcome() == Outcome::Inconclusive);
        let notifications: Vec<Value> = unknown
            .map(|result| {
                let text = format!("{} is inconclusive: {}", result.id, result.verdict.words());
                json!({
                    "level": "warning",
                    "message": { "text": message(&text) },
                    "associatedRule": { "id": result.check(), "index": index(result) },
                })
            })
            .collect();
        let mut invocation = Map::new();
        invocation.insert("executionSuccessful".into(), true.into());
        let ended = self.began.saturating_add(self.milliseconds / 1000);
        for (member, seconds) in [("startTimeUtc", self.began), ("endTimeUtc", ended)] {
            if let Some(moment) = moment(seconds) {
                invocation.insert(member.into(), moment.into());
            }
        }
        invocation.insert("toolExecutionNotifications".into(), notifications.into());
        invocation.into()
    }

    /// §3.27.
    fn result(&self, finding: &CheckResult, index: Option<usize>, plan_file: Option<&str>) -> Value {
        let text = format!("{} This breaks {}.", finding.verdict.words(), finding.clause);
        let mut location = json!({
            "logicalLocations": [{ "fullyQualifiedName": self.target, "kind": "resource" }],
        });
        if let Some(file) = plan_file {
            location["physicalLocation"] =
                json!({ "artifactLocation": { "uri": relative(file) }, "region": { "startLine": 1 } });
        }
        let identity = format!("{}\n{}", self.plan, finding.id);
        let mut result = json!({
            "ruleId": finding.check(),
            "ruleIndex": index,
            "level": level(finding.severity),
            "message": { "text": message(&text) },
            "locations": [location],
            "partialFingerprints": {
                // The one that GitHub looks at. It would make one of the plan's text otherwise, which may change.
                "primaryLocationLineHash": format!("{}:1", hash(&identity)),
                "fauxkeyCheck/v1": finding.id,
            },
            "properties": {
                "title": finding.title,
                "group": finding.group,
                "severity": finding.severity.word(),
                "repeat": finding.repeat,
                "exchanges": finding.evidence.iter().map(shortened).collect::<Vec<_>>(),
            },
        });
        // The last exchange is the one that was accepted.
        if let Some((request, response)) = finding.evidence.last().and_then(web) {
            result["webRequest"] = request;
            result["webResponse"] = response;
        }
        result
    }
}

/// §3.49: a check as a rule.
fn descriptor(result: &CheckResult) -> Value {
    let severity = result.severity;
    let mut properties = json!({ "tags": ["security", "webauthn", result.group], "precision": "high" });
    if let Some(score) = score(severity) {
        properties["security-severity"] = score.into();
    }
    json!({
        "id": result.check(),
        "name": pascal_case(result.check()),
        "shortDescription": { "text": message(&capitalised(&result.title)) },
        "fullDescription": { "text": message(&format!("What a relying party makes of {}: {}.", result.title, result.clause)) },
        "help": { "text": message(&format!("{} ({})", result.advice, result.clause)) },
        "defaultConfiguration": { "level": level(severity) },
        "properties": properties,
    })
}

/// §3.27.10.
const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Note => "note",
    }
}

/// Where GitHub draws its lines: critical is over 9.0, high from 7.0, medium from 4.0, low from 0.1. A note has none.
const fn score(severity: Severity) -> Option<&'static str> {
    match severity {
        Severity::Critical => Some("9.5"),
        Severity::High => Some("8.0"),
        Severity::Medium => Some("5.5"),
        Severity::Low => Some("2.5"),
        Severity::Note => None,
    }
}

/// A message without placeholders and links: §3.11.5 wants braces doubled, and by §3.11.6 a bracket after a backslash ends
/// no link's text.
fn message(text: &str) -> String {
    cut(text, EVIDENCE).replace('{', "{{").replace('}', "}}").replace("](", "\\](")
}

/// `OriginSubdomain` for `origin-subdomain`, as §3.49.7 has it.
fn pascal_case(id: &str) -> String {
    id.split('-').map(capitalised).collect()
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

/// A path as a relative reference (RFC 3986 §4.2).
fn relative(path: &str) -> String {
    let path = path.replace('\\', "/");
    let path = path.trim_start_matches("./");
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            // Into a string, which takes everything.
            let _taken = write!(uri, "%{byte:02X}");
        }
    }
    uri
}

/// The first half of SHA-256, in hexadecimal.
fn hash(text: &str) -> String {
    let hash = digest(&SHA256, text.as_bytes());
    hash.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

fn shortened(exchange: &Exchange) -> Value {
    let Exchange { request, response, microseconds } = exchange;
    json!({ "request": cut(request, EVIDENCE), "response": cut(response, EVIDENCE), "microseconds": microseconds })
}

/// §3.46 and §3.47: a request and its answer, if they went by HTTP.
fn web(exchange: &Exchange) -> Option<(Value, Value)> {
    let (line, body) = first_line(&exchange.request);
    let (method, target) = line.split_once(' ')?;
    let is_method = !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase());
    if !is_method || !(target.starts_with("http://") || target.starts_with("https://")) {
        return None;
    }
    let target = target.split(' ').next().unwrap_or_default();
    let request = json!({
        "protocol": "http", "method": method, "target": target, "body": { "text": cut(body, EVIDENCE) },
    });
    let (line, body) = first_line(&exchange.response);
    let words: Vec<&str> = line.split(' ').collect();
    let code = |word: &&str| word.len() == 3 && word.bytes().all(|byte| byte.is_ascii_digit());
    let response = match words.iter().take(2).position(code) {
        Some(at) => json!({
            "protocol": "http",
            "statusCode": words[at].parse::<u16>().ok(),
            "reasonPhrase": words[at + 1..].join(" "),
            "body": { "text": cut(body, EVIDENCE) },
        }),
        None => json!({ "protocol": "http", "body": { "text": cut(&exchange.response, EVIDENCE) } }),
    };
    Some((request, response))
}

fn first_line(text: &str) -> (&str, &str) {
    let (line, rest) = text.split_once('\n').unwrap_or((text, ""));
    (line.trim_end(), rest.trim_start_matches(['\r', '\n']))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{hostile, sample};
    use super::*;

    fn log(report: &Report, plan_file: Option<&str>) -> Value {
        serde_json::from_str(&report.to_sarif(plan_file)).unwrap()
    }

    /// What the schema demands of each object that we write, by hand.
    fn check_required(log: &Value) {
        let text = |value: &Value| assert!(value.as_str().is_some_and(|text| !text.is_empty()), "{value}");
        assert_eq!(log["version"], "2.1.0");
        let [run] = log["runs"].as_array().unwrap().as_slice() else { panic!("one run") };
        let driver = &run["tool"]["driver"];
        text(&driver["name"]);
        assert!(driver["informationUri"].as_str().unwrap().starts_with("https://"));
        let rules = driver["rules"].as_array().unwrap();
        for (place, rule) in rules.iter().enumerate() {
            text(&rule["id"]);
            text(&rule["shortDescription"]["text"]);
            text(&rule["fullDescription"]["text"]);
            text(&rule["help"]["text"]);
            assert!(
                !rules[..place].iter().any(|other| other["id"] == rule["id"]),
                "rules have IDs of their own"
            );
        }
        assert!(run["invocations"][0]["executionSuccessful"].is_boolean());
        for notification in run["invocations"][0]["toolExecutionNotifications"].as_array().unwrap() {
            text(&notification["message"]["text"]);
        }
        for result in run["results"].as_array().unwrap() {
            text(&result["message"]["text"]);
            let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
            assert_eq!(result["ruleId"], rule["id"]);
            assert!(["error", "warning", "note"].contains(&result["level"].as_str().unwrap()));
            text(&result["partialFingerprints"]["primaryLocationLineHash"]);
        }
    }

    #[test]
    fn each_check_is_a_rule_and_only_findings_are_results() {
        let log = log(&sample(), Some("./ci/probe plan.toml"));
        check_required(&log);
        let run = &log["runs"][0];
        assert_eq!(run["tool"]["driver"]["rules"].as_array().unwrap().len(), 6);
        let results = run["results"].as_array().unwrap();
        let ids: Vec<&Value> = results.iter().map(|result| &result["ruleId"]).collect();
        assert_eq!(ids, ["signature-wrong-key", "origin-subdomain"]);
        let result = &results[1];
        assert_eq!(result["level"], "error");
        assert_eq!(
            result["message"]["text"],
            "It accepts a sub-domain of the origin. This breaks WebAuthn L3 §7.1 step 9."
        );
        let location = &result["locations"][0];
        assert_eq!(location["physicalLocation"]["artifactLocation"]["uri"], "ci/probe%20plan.toml");
        assert_eq!(location["physicalLocation"]["region"]["startLine"], 1);
        assert_eq!(location["logicalLocations"][0]["fullyQualifiedName"], "http://localhost:8000");
        let notifications = run["invocations"][0]["toolExecutionNotifications"].as_array().unwrap();
        assert_eq!(notifications.len(), 1);
        assert_eq!(notifications[0]["associatedRule"]["id"], "counter-back");
        assert_eq!(run["invocations"][0]["endTimeUtc"], "2027-01-15T08:00:12Z");
    }

    #[test]
    fn without_a_plan_s_file_there_is_no_physical_location() {
        let log = log(&sample(), None);
        check_required(&log);
        assert!(log["runs"][0]["results"][0]["locations"][0].get("physicalLocation").is_none());
    }

    #[test]
    fn a_check_of_two_phases_is_one_rule_with_two_results_that_differ() {
        let mut report = sample();
        let mut again = report.results[0].clone();
        again.id = "lax:origin-subdomain".into();
        report.results.push(again);
        let log = log(&report, Some("plan.toml"));
        check_required(&log);
        let run = &log["runs"][0];
        assert_eq!(run["tool"]["driver"]["rules"].as_array().unwrap().len(), 6);
        let prints: Vec<&Value> =
            run["results"].as_array().unwrap().iter().map(|result| &result["partialFingerprints"]).collect();
        assert_eq!(prints.len(), 3);
        assert_ne!(prints[1]["primaryLocationLineHash"], prints[2]["primaryLocationLineHash"]);
    }

    #[test]
    fn fingerprints_stay_whatever_the_server_says_and_wherever_it_listens() {
        let before = sample();
        let mut after = sample();
        after.target = "http://localhost:43121".into();
        after.began += 86_400;
        for result in &mut after.results {
            result.evidence.clear();
            result.repeat = "fauxkey probe http://localhost:43121".into();
            if let super::super::Verdict::Found { what } = &mut result.verdict {
                *what = "It accepts it still.".into();
            }
        }
        let prints = |report: &Report| {
            let log = log(report, Some("plan.toml"));
            let results = log["runs"][0]["results"].as_array().unwrap().clone();
            results.into_iter().map(|result| result["partialFingerprints"].clone()).collect::<Vec<_>>()
        };
        assert_eq!(prints(&before), prints(&after));
        // SHA-256 of "default\nsignature-wrong-key", by coreutils.
        assert_eq!(prints(&before)[0]["primaryLocationLineHash"], "367d92fdd97e36ccf740d0e3d84714b1:1");
    }

    #[test]
    fn severities_are_where_github_draws_its_lines() {
        for (severity, lines) in [
            (Severity::Critical, 9.1..=10.0),
            (Severity::High, 7.0..=8.9),
            (Severity::Medium, 4.0..=6.9),
            (Severity::Low, 0.1..=3.9),
        ] {
            assert!(lines.contains(&score(severity).unwrap().parse::<f64>().unwrap()), "{severity}");
        }
        assert_eq!(score(Severity::Note), None);
        let log = log(&sample(), None);
        let rules = log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
        let properties =
            &rules.iter().find(|rule| rule["id"] == "signature-wrong-key").unwrap()["properties"];
        assert_eq!(properties["security-severity"], "9.5");
        assert!(properties["tags"].as_array().unwrap().contains(&"security".into()));
    }

    #[test]
    fn evidence_that_went_by_http_is_a_web_request_and_other_evidence_is_not() {
        let log = log(&sample(), None);
        let result = &log["runs"][0]["results"][0];
        assert_eq!(
            result["webRequest"],
            json!({
                "protocol": "http", "method": "POST", "target": "http://localhost:8000/registration/verify",
                "body": { "text": "{\"id\":\"AQ\"}" },
            })
        );
        assert_eq!(
            result["webResponse"],
            json!({ "protocol": "http", "statusCode": 200, "reasonPhrase": "OK", "body": { "text": "{\"verified\":true}" } })
        );
        let exchange = |request: &str, response: &str| Exchange {
            request: request.into(),
            response: response.into(),
            microseconds: 0,
        };
        for request in ["", "{\"challenge\": \"AQ\"}", "post http://a.test", "POST ftp://a.test", "POST"] {
            assert_eq!(web(&exchange(request, "200")), None, "{request}");
        }
        let status = |response: &str| web(&exchange("GET https://a.test/ HTTP/1.1", response)).unwrap().1;
        assert_eq!(status("HTTP/1.1 404 Not Found\r\n\r\nx")["statusCode"], 404);
        assert_eq!(status("HTTP/1.1 404 Not Found\r\n\r\nx")["reasonPhrase"], "Not Found");
        assert_eq!(status("500")["statusCode"], 500);
        assert!(status("no status").get("statusCode").is_none());
    }

    #[test]
    fn a_stranger_s_words_make_no_placeholders_and_no_links() {
        let log = log(&hostile(), Some("plan.toml"));
        check_required(&log);
        let text = log["runs"][0]["results"][0]["message"]["text"].as_str().unwrap();
        assert!(text.contains("{{0}}") && text.contains("[a\\](https://evil.test)"), "{text}");
        assert!(log["runs"][0]["invocations"][0].get("startTimeUtc").is_none());
    }

    #[test]
    fn a_path_is_a_relative_reference_whatever_its_name() {
        assert_eq!(relative("./a/b.toml"), "a/b.toml");
        assert_eq!(relative(".\\a\\c:d é?#%.toml"), "a/c%3Ad%20%C3%A9%3F%23%25.toml");
        assert_eq!(pascal_case("origin-sub-domain"), "OriginSubDomain");
    }
}
