//! A report as one page that needs nothing else: no scripts, no network, light and dark.
use super::text::{shown, shown_lines, took, when};
use super::words::{by_outcome, by_severity, counts, plural};
use super::{CheckResult, Outcome, Report, Severity};
use crate::target::Exchange;
use askama::Template;
use std::fmt::Write;

/// Width of a chart, in its own pixels: the page scales it.
const WIDTH: usize = 480;
/// Height of a row of a chart: its words, its bar, and air.
const ROW: usize = 44;

impl Report {
    /// The report as an HTML page. It is one file and asks for no other; a policy in it forbids scripts and the network, and
    /// everything that the relying party said is escaped.
    pub fn to_html(&self) -> String {
        Page::of(self).render().expect("a page is written to memory, and has nothing that could fail")
    }
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page {
    target: String,
    plan: String,
    version: String,
    when: String,
    took: String,
    verdict: String,
    outcomes: [(Outcome, usize); 5],
    by_group: Chart,
    by_severity: Chart,
    findings: Vec<Shown>,
    groups: Vec<Group>,
    expectations: Vec<(String, String)>,
    left_behind: Vec<[String; 4]>,
}

/// A figure, and the same as a table.
struct Chart {
    svg: String,
    columns: Vec<&'static str>,
    rows: Vec<(String, Vec<usize>)>,
}

struct Group {
    name: String,
    counts: String,
    results: Vec<Shown>,
}

/// A check, with everything that a stranger may have written made visible.
struct Shown {
    /// Where the page has it.
    anchor: String,
    id: String,
    title: String,
    clause: String,
    severity: Severity,
    advice: String,
    outcome: Outcome,
    words: String,
    exchanges: Vec<[String; 3]>,
    repeat: String,
}

impl Page {
    fn of(report: &Report) -> Self {
        let findings = report.findings();
        let verdict = match findings.as_slice() {
            [] => "No findings".to_owned(),
            some => format!("{}: {}", plural(some.len(), "finding"), counts(by_severity(some))),
        };
        let mut groups = Vec::new();
        for (name, results) in report.groups() {
            let shown_results = results.iter().map(|result| Shown::of(report, result)).collect();
            let counts = counts(by_outcome(results.iter().copied()));
            groups.push(Group { name: shown(name), counts, results: shown_results });
        }
        let expectations = report.expectations.iter().map(|(what, how)| (shown(what), shown(how)));
        let left = report
            .left_behind
            .iter()
            .map(|left| [&left.user, &left.credential, &left.check, &left.why].map(|word| shown(word)));
        Self {
            target: shown(&report.target),
            plan: shown(&report.plan),
            version: shown(&report.version),
            when: when(report.began),
            took: took(report.milliseconds),
            verdict,
            outcomes: by_outcome(&report.results),
            by_group: by_group(report),
            by_severity: severities(&findings),
            findings: findings.iter().map(|finding| Shown::of(report, finding)).collect(),
            groups,
            expectations: expectations.collect(),
            left_behind: left.collect(),
        }
    }
}

impl Shown {
    fn of(report: &Report, result: &CheckResult) -> Self {
        let outcome = result.verdict.outcome();
        let place = report.results.iter().position(|other| std::ptr::eq(other, result)).unwrap_or_default();
        let exchange = |exchange: &Exchange| {
            let Exchange { request, response, microseconds } = exchange;
            let took = format!("{}.{:03} ms", microseconds / 1000, microseconds % 1000);
            [shown_lines(request), shown_lines(response), took]
        };
        // What was held or skipped needs no proof here; the JSON has it.
        let kept = match outcome {
            Outcome::Found | Outcome::Inconclusive | Outcome::Observed => result.evidence.as_slice(),
            Outcome::Held | Outcome::Skipped => &[],
        };
        Self {
            // Not the ID: it may be anything.
            anchor: format!("check-{place}"),
            id: shown(&result.id),
            title: shown(&result.title),
            clause: shown(&result.clause),
            severity: result.severity,
            advice: shown(&result.advice),
            outcome,
            words: shown(result.verdict.words()),
            exchanges: kept.iter().map(exchange).collect(),
            repeat: shown(&result.repeat),
        }
    }
}

/// What came of the checks of each group, as stacked bars.
fn by_group(report: &Report) -> Chart {
    let groups = report.groups();
    let most = groups.iter().map(|(_, results)| results.len()).max().unwrap_or(0);
    let (mut bars, mut rows) = (Vec::new(), Vec::new());
    for (name, results) in groups {
        let outcomes = by_outcome(results.iter().copied());
        let parts = outcomes.map(|(outcome, count)| (outcome.word(), count));
        bars.push((format!("{}: {}", shown(name), counts(outcomes)), parts.to_vec()));
        rows.push((shown(name), outcomes.iter().map(|(_, count)| *count).collect()));
    }
    Chart { svg: stacked(&bars, most), columns: Outcome::ALL.map(Outcome::word).to_vec(), rows }
}

/// What the findings cost, as bars.
fn severities(findings: &[&CheckResult]) -> Chart {
    let counted = by_severity(findings);
    let most = counted.iter().map(|(_, count)| *count).max().unwrap_or(0);
    let bars: Vec<(String, Vec<(&str, usize)>)> = counted
        .iter()
        .map(|(severity, count)| (format!("{severity}: {count}"), vec![(severity.word(), *count)]))
        .collect();
    let rows = counted.iter().map(|(severity, count)| (severity.word().to_owned(), vec![*count]));
    Chart { svg: stacked(&bars, most), columns: vec!["findings"], rows: rows.collect() }
}

/// Lying bars of parts, below their words. Colours are the page's, by class. The words say what the colours do.
fn stacked(bars: &[(String, Vec<(&str, usize)>)], most: usize) -> String {
    let height = bars.len() * ROW + 4;
    let mut svg = format!("<svg viewBox=\"0 0 {WIDTH} {height}\" aria-hidden=\"true\">");
    for (place, (words, parts)) in bars.iter().enumerate() {
        let top = place * ROW;
        // Into a string, which takes everything.
        let _taken = write!(svg, "<text x=\"0\" y=\"{}\">{}</text>", top + 16, escaped(words));
        let _taken =
            write!(svg, "<rect class=\"rail\" x=\"0\" y=\"{}\" width=\"{WIDTH}\" height=\"14\"/>", top + 24);
        let mut before = 0;
        for (class, count) in parts.iter().filter(|(_, count)| *count > 0) {
            let (from, to) = (before * WIDTH / most.max(1), (before + count) * WIDTH / most.max(1));
            let _taken = write!(
                svg,
                "<rect class=\"{class}\" x=\"{from}\" y=\"{}\" width=\"{}\" height=\"14\"/>",
                top + 24,
                to.saturating_sub(from).max(1)
            );
            before += count;
        }
    }
    svg + "</svg>"
}

/// For text in SVG, which the template takes as it is.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::super::tests::{HOSTILE, hostile, sample};
    use super::*;

    #[test]
    fn a_finding_has_its_clause_advice_command_and_the_exact_exchange() {
        let page = sample().to_html();
        let start = page.find("It accepts another key").unwrap();
        let end = page.find("It accepts a sub-domain").unwrap();
        assert!(start < end, "what costs most comes first");
        for part in [
            "WebAuthn L3 §7.1 step 9",
            "Compare the origin with a list, whole.",
            "fauxkey probe http://localhost:8000 --only signature-wrong-key",
            "POST http://localhost:8000/registration/verify\n\n{&#34;id&#34;:&#34;AQ&#34;}</pre>",
            "200 OK\n\n{&#34;verified&#34;:true}</pre>",
            "1.500 ms",
        ] {
            assert!(page[start..end].contains(part), "{part}: {}", &page[start..end]);
        }
    }

    #[test]
    fn every_check_group_expectation_and_credential_left_behind_is_on_the_page() {
        let (report, page) = (sample(), sample().to_html());
        for result in &report.results {
            assert!(page.contains(&format!("<code>{}</code>", result.id)), "{}", result.id);
        }
        for part in [
            "client data: 1 found, 1 skipped, 1 held",
            "2 findings: 1 critical, 1 high",
            "It has no door for that.",
            "registration: RP ID",
            "2027-01-15 08:00:00 UTC",
        ] {
            assert!(page.contains(part), "{part}");
        }
    }

    #[test]
    fn a_stranger_s_words_are_no_markup_wherever_they_stand() {
        let page = hostile().to_html();
        // Whoever wrote tags, they are the template's: as many as for an honest report of the same shape.
        let mut honest = sample();
        for result in &mut honest.results {
            result.evidence = vec![result.evidence[0].clone(); 2];
            result.group = "one".into();
        }
        let tags = |page: &str| page.matches('<').count();
        assert_eq!(tags(&page), tags(&honest.to_html()));
        assert!(
            !page.contains("<script") && !page.contains(" onload=\"") && !page.contains("</pre></details><")
        );
        assert!(page.contains("&lt;script&gt;") || page.contains("&#60;script&#62;"), "it is there, as text");
        assert!(HOSTILE.contains('\u{202e}') && !page.contains('\u{202e}') && !page.contains('\0'));
    }

    #[test]
    fn the_page_asks_nobody_for_anything() {
        for page in [sample().to_html(), hostile().to_html()] {
            assert!(page.contains(
                "Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'"
            ));
            for door in [
                "<script",
                "<link rel=\"stylesheet",
                "<img",
                "<iframe",
                " src=",
                "@import",
                "url(",
                "<form",
                "style=\"",
            ] {
                assert!(!page.contains(door), "{door}");
            }
            for reference in page.split("href=\"").skip(1) {
                assert!(
                    reference.starts_with('#') || reference.starts_with("data:,\""),
                    "{}",
                    &reference[..40]
                );
            }
        }
    }

    #[test]
    fn every_link_leads_somewhere_and_every_label_is_there() {
        for page in [sample().to_html(), hostile().to_html()] {
            let ids: Vec<&str> =
                page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
            for (place, id) in ids.iter().enumerate() {
                assert!(!ids[..place].contains(id), "{id} is there once");
            }
            for (mark, end) in [("href=\"#", '"'), ("aria-labelledby=\"", '"')] {
                for reference in page.split(mark).skip(1).filter_map(|rest| rest.split(end).next()) {
                    assert!(ids.contains(&reference), "{mark}{reference}");
                }
            }
        }
    }

    #[test]
    fn bars_are_as_long_as_their_counts_and_beside_one_another() {
        let svg = stacked(&[("a <b>".into(), vec![("found", 1), ("observed", 0), ("held", 3)])], 6);
        assert!(svg.contains(">a &lt;b&gt;</text>"), "{svg}");
        assert!(svg.contains("<rect class=\"found\" x=\"0\" y=\"24\" width=\"80\""), "{svg}");
        assert!(svg.contains("<rect class=\"held\" x=\"80\" y=\"24\" width=\"240\""), "{svg}");
        assert!(!svg.contains("observed"), "{svg}");
        let chart = by_group(&sample());
        assert_eq!(chart.rows[0], ("client data".to_owned(), vec![1, 0, 0, 1, 1]));
        let chart = severities(&sample().findings());
        assert_eq!(chart.rows[0], ("critical".to_owned(), vec![1]));
        assert!(stacked(&[], 0).starts_with("<svg "));
    }

    #[test]
    fn a_run_without_findings_says_so() {
        let mut report = sample();
        report.results.clear();
        let page = report.to_html();
        assert!(page.contains("No findings"), "{page}");
    }
}
