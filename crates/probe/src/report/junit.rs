//! A report as JUnit XML, in the words that Jenkins, GitLab and the reporters of GitHub have in common: they follow the
//! schema of Jenkins' xUnit plugin (junit-10.xsd).
use super::text::{cut, moment, shown, shown_lines};
use super::words::by_outcome;
use super::{CheckResult, Outcome, Report};
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};
use std::fmt::Write;

/// Of a request or an answer, at most: the JSON has all of it.
const EVIDENCE: usize = 4000;
/// Why writing cannot fail.
const IN_MEMORY: &str = "memory takes everything";

impl Report {
    /// The report as JUnit XML: a suite for each group, a case for each check.
    ///
    /// A finding is a failure, of the type that its severity is. What was held or observed has passed, and its output says
    /// what was answered. What was skipped is skipped, and what is inconclusive is too, with a message that begins with that
    /// word: an error would make a job fail for what nobody knows to be wrong, as a sign-in that was refused for another
    /// reason. [`Diff::is_less_sure`](super::Diff::is_less_sure) is for jobs that are to be that strict.
    pub fn to_junit(&self) -> String {
        let mut xml = Xml(Writer::new_with_indent(Vec::new(), b' ', 1));
        xml.event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)));
        let name = format!("fauxkey probe of {} by the plan {}", self.target, self.plan);
        xml.open("testsuites", &self.figures(&name, &self.results.iter().collect::<Vec<_>>()));
        for (group, results) in self.groups() {
            xml.open("testsuite", &self.figures(group, &results));
            for result in results {
                xml.case(result);
            }
            xml.close("testsuite");
        }
        xml.close("testsuites");
        let mut text = String::from_utf8(xml.0.into_inner()).expect("it was written from strings");
        text.push('\n');
        text
    }

    fn figures(&self, name: &str, results: &[&CheckResult]) -> Vec<(&'static str, String)> {
        let count = |wanted: &[Outcome]| -> String {
            let counted = by_outcome(results.iter().copied()).into_iter();
            counted
                .filter(|(outcome, _)| wanted.contains(outcome))
                .map(|(_, count)| count)
                .sum::<usize>()
                .to_string()
        };
        let time = results.iter().fold(0_u64, |sum, result| sum.saturating_add(result.microseconds()));
        let mut figures = vec![
            ("name", name.to_owned()),
            ("tests", results.len().to_string()),
            ("failures", count(&[Outcome::Found])),
            ("errors", "0".to_owned()),
            ("skipped", count(&[Outcome::Inconclusive, Outcome::Skipped])),
            ("time", seconds(time)),
        ];
        figures.extend(moment(self.began).map(|began| ("timestamp", began)));
        figures
    }
}

struct Xml(Writer<Vec<u8>>);

impl Xml {
    fn event(&mut self, event: Event<'_>) {
        self.0.write_event(event).expect(IN_MEMORY);
    }

    fn open(&mut self, name: &str, attributes: &[(&'static str, String)]) {
        self.event(Event::Start(element(name, attributes)));
    }

    fn close(&mut self, name: &str) {
        self.event(Event::End(BytesEnd::new(name)));
    }

    /// An element with text.
    fn filled(&mut self, name: &str, attributes: &[(&'static str, String)], text: &str) {
        self.open(name, attributes);
        self.event(Event::Text(BytesText::new(&permitted(&shown_lines(text)))));
        self.close(name);
    }

    fn case(&mut self, result: &CheckResult) {
        // IDs stay the same for ever, and so a case has its history.
        let about = [
            ("name", result.id.clone()),
            ("classname", result.group.clone()),
            ("time", seconds(result.microseconds())),
        ];
        let (outcome, words) = (result.verdict.outcome(), result.verdict.words());
        self.open("testcase", &about);
        match outcome {
            Outcome::Found => {
                let attributes = [("message", words.to_owned()), ("type", result.severity.word().to_owned())];
                self.filled("failure", &attributes, &body(result));
            }
            Outcome::Inconclusive | Outcome::Skipped => {
                let message = format!("{outcome}: {words}");
                self.event(Event::Empty(element("skipped", &[("message", message)])));
            }
            Outcome::Held | Outcome::Observed => {
                let text = format!("{}\n{outcome}: {}\n", result.title, cut(words, EVIDENCE));
                self.filled("system-out", &[], &text);
            }
        }
        self.close("testcase");
    }
}

/// A finding with all that there is to say about it.
fn body(result: &CheckResult) -> String {
    let CheckResult { title, clause, severity, advice, repeat, .. } = result;
    let words = result.verdict.words();
    let mut body =
        format!("{title}\n{words}\nBreaks {clause}.\nSeverity: {severity}\n{advice}\nAgain: {repeat}\n");
    for (place, exchange) in result.evidence.iter().enumerate() {
        let (request, response) = (cut(&exchange.request, EVIDENCE), cut(&exchange.response, EVIDENCE));
        // Into a string, which takes everything.
        let _taken = write!(body, "\nRequest {n}\n{request}\n\nResponse {n}\n{response}\n", n = place + 1);
    }
    body
}

fn element<'a>(name: &'a str, attributes: &[(&'static str, String)]) -> BytesStart<'a> {
    let mut element = BytesStart::new(name);
    for (key, value) in attributes {
        element.push_attribute((*key, permitted(&shown(&cut(value, EVIDENCE))).as_str()));
    }
    element
}

/// Only characters that a document may have: Extensible Markup Language (XML) 1.0, fifth edition, §2.2 \[2\]. Escaping does
/// not help the others.
fn permitted(text: &str) -> String {
    let allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}');
    text.chars().map(|c| if allowed(c) { c } else { char::REPLACEMENT_CHARACTER }).collect()
}

/// Microseconds as seconds with three digits.
fn seconds(microseconds: u64) -> String {
    format!("{}.{:03}", microseconds / 1_000_000, microseconds % 1_000_000 / 1000)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{HOSTILE, hostile, sample};
    use super::*;
    use quick_xml::Reader;
    use std::collections::BTreeMap;

    /// An element as a reader sees it.
    #[derive(Debug, Default)]
    struct Element {
        name: String,
        attributes: BTreeMap<String, String>,
        text: String,
        children: Vec<Element>,
    }

    impl Element {
        fn of(start: &BytesStart<'_>) -> Self {
            let attributes = start.attributes().map(|attribute| {
                let attribute = attribute.unwrap();
                let value = quick_xml::escape::unescape(&attribute.value).unwrap();
                (attribute.key.as_ref().to_owned(), value.into_owned())
            });
            let name = start.name().as_ref().to_owned();
            Self { name, attributes: attributes.collect(), ..Self::default() }
        }

        fn all(&self, name: &str) -> Vec<&Self> {
            self.children.iter().filter(|child| child.name == name).collect()
        }

        fn number(&self, attribute: &str) -> usize {
            self.attributes[attribute].parse().unwrap()
        }
    }

    fn parsed(text: &str) -> Element {
        let mut reader = Reader::from_str(text);
        let mut open = vec![Element::default()];
        loop {
            match reader.read_event().unwrap() {
                Event::Start(start) => open.push(Element::of(&start)),
                Event::Empty(start) => open.last_mut().unwrap().children.push(Element::of(&start)),
                Event::End(_) => {
                    let closed = open.pop().unwrap();
                    open.last_mut().unwrap().children.push(closed);
                }
                Event::Text(text) => open.last_mut().unwrap().text += &text,
                Event::GeneralRef(name) => {
                    let entity = format!("&{};", &*name);
                    open.last_mut().unwrap().text += &quick_xml::escape::unescape(&entity).unwrap();
                }
                Event::Decl(decl) => assert_eq!(decl.encoding().unwrap().unwrap().as_ref(), "UTF-8"),
                Event::Eof => break,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(open.len(), 1, "everything is closed");
        let mut document = open.pop().unwrap();
        assert_eq!(document.children.len(), 1, "there is one root");
        document.children.pop().unwrap()
    }

    #[test]
    fn each_group_is_a_suite_each_check_a_case_and_the_figures_agree() {
        for report in [sample(), hostile()] {
            let root = parsed(&report.to_junit());
            assert_eq!(root.name, "testsuites");
            let suites = root.all("testsuite");
            assert_eq!(suites.len(), report.groups().len());
            for element in suites.iter().copied().chain([&root]) {
                let cases: Vec<&Element> = match element.name.as_str() {
                    "testsuites" => suites.iter().flat_map(|suite| suite.all("testcase")).collect(),
                    _ => element.all("testcase"),
                };
                let having = |name: &str| cases.iter().filter(|case| !case.all(name).is_empty()).count();
                assert_eq!(element.number("tests"), cases.len());
                assert_eq!(element.number("failures"), having("failure"));
                assert_eq!(element.number("skipped"), having("skipped"));
                assert_eq!(element.number("errors"), having("error"));
                assert!(element.attributes["time"].parse::<f64>().unwrap() > 0.0);
            }
            assert_eq!((root.number("tests"), root.number("failures"), root.number("skipped")), (6, 2, 2));
        }
        assert_eq!(parsed(&sample().to_junit()).attributes["timestamp"], "2027-01-15T08:00:00Z");
        assert!(!parsed(&hostile().to_junit()).attributes.contains_key("timestamp"));
    }

    #[test]
    fn a_finding_is_a_failure_with_everything_that_there_is_to_say() {
        let root = parsed(&sample().to_junit());
        let case = root.all("testsuite")[0].all("testcase")[0];
        assert_eq!(case.attributes["name"], "strict:origin-subdomain");
        assert_eq!(case.attributes["classname"], "client data");
        assert_eq!(case.attributes["time"], "0.001");
        let failure = case.all("failure")[0];
        assert_eq!(failure.attributes["type"], "high");
        assert_eq!(failure.attributes["message"], "It accepts a sub-domain of the origin.");
        for part in [
            "Breaks WebAuthn L3 §7.1 step 9.",
            "Compare the origin with a list, whole.",
            "Again: fauxkey probe http://localhost:8000 --only strict:origin-subdomain",
            "Request 1\nPOST http://localhost:8000/registration/verify\n\n{\"id\":\"AQ\"}\n",
            "Response 1\n200 OK\n\n{\"verified\":true}\n",
        ] {
            assert!(failure.text.contains(part), "{part}: {}", failure.text);
        }
    }

    #[test]
    fn what_is_inconclusive_is_skipped_and_says_that_it_is_inconclusive() {
        let root = parsed(&sample().to_junit());
        let message = |suite: usize, case: usize| {
            let case = root.all("testsuite")[suite].all("testcase")[case];
            case.all("skipped")[0].attributes["message"].clone()
        };
        assert_eq!(message(0, 2), "skipped: It would wait for 300 s.");
        assert_eq!(message(2, 0), "inconclusive: An honest sign-in is refused too.");
        let passed = root.all("testsuite")[1].all("testcase")[1];
        assert_eq!(passed.children.len(), 1);
        let said = "the lie signature-malleated\nobserved: It refuses a malleated signature: no\n";
        assert_eq!(passed.all("system-out")[0].text, said);
    }

    #[test]
    fn a_stranger_s_words_are_text_and_the_document_has_only_characters_that_it_may_have() {
        let xml = hostile().to_junit();
        assert!(!xml.contains("<script") && !xml.contains("]]>"), "{xml}");
        let allowed = |c: char| c == '\n' || c == '\t' || (' '..='\u{fffd}').contains(&c);
        assert!(xml.chars().all(allowed), "{xml:?}");
        let root = parsed(&xml);
        let failure = root.all("testsuite")[0].all("testcase")[0].all("failure")[0];
        let lines = permitted(&shown_lines(HOSTILE));
        assert!(
            lines.contains("<script>alert('x')</script>") && failure.text.contains(&lines),
            "{failure:?}"
        );
        assert_eq!(failure.attributes["message"], permitted(&shown(HOSTILE)));
        let every = "\0\u{8}\u{b}\u{fffe}\u{ffff}\t\n é\u{10ffff}";
        assert_eq!(permitted(every), "\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}\t\n é\u{10ffff}");
    }

    #[test]
    fn huge_evidence_is_cut_and_says_so() {
        let mut report = sample();
        report.results[0].evidence[0].request = "x".repeat(EVIDENCE + 17);
        assert!(report.to_junit().contains("x… (17 more characters)"));
    }
}
