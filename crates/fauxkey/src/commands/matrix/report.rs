//! The matrix, told: a table, JSON, and one page that needs nothing else.
use super::attester::Attester;
use super::cell::{Cell, Outcome};
use crate::output::{Output, shown};
use askama::Template;
use client::conveyance::Preference;
use serde::Serialize;

/// Everything that was tried.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    /// The page.
    pub(super) url: String,
    /// By which browser.
    pub(super) browser: String,
    /// With which fauxkey.
    pub(super) version: &'static str,
    /// The test CA that cells with certificates are attested by, if there are any.
    pub(super) attested_by: Option<Attester>,
    /// In the order in which they were tried: profile, route, preference.
    pub(super) cells: Vec<Cell>,
}

#[derive(Template)]
#[template(path = "matrix.html")]
struct Page {
    url: String,
    browser: String,
    version: &'static str,
    attested_by: Option<String>,
    style: &'static str,
    is_good: bool,
    verdict: String,
    preferences: Vec<&'static str>,
    rows: Vec<Row>,
    cells: Vec<Shown>,
}

/// A device by a route.
struct Row {
    profile: String,
    route: &'static str,
    /// One for each preference, if it was in the plan.
    cells: Vec<Option<Shown>>,
}

/// A cell, with everything that a stranger may have written made visible.
#[derive(Clone)]
struct Shown {
    anchor: String,
    name: String,
    class: &'static str,
    word: &'static str,
    brief: String,
    facts: Vec<(&'static str, String)>,
    why: Vec<String>,
    repeat: String,
}

impl Report {
    /// How many cells ended so.
    pub(super) fn count(&self, outcome: Outcome) -> usize {
        self.cells.iter().filter(|cell| cell.outcome == outcome).count()
    }

    fn verdict(&self) -> String {
        let all = [Outcome::Accepted, Outcome::Refused, Outcome::Broken, Outcome::NotTried];
        let counts = all.map(|outcome| (outcome, self.count(outcome)));
        let words = counts.iter().filter(|(_, count)| *count > 0);
        words.map(|(outcome, count)| format!("{count} {}", outcome.word())).collect::<Vec<_>>().join(", ")
    }

    /// The preferences of the plan.
    fn preferences(&self) -> Vec<&'static str> {
        let names = Preference::ALL.map(Preference::name);
        names.into_iter().filter(|name| self.cells.iter().any(|cell| cell.attestation == *name)).collect()
    }

    /// The cells by device and route.
    fn rows(&self) -> Vec<Vec<&Cell>> {
        let mut rows: Vec<Vec<&Cell>> = Vec::new();
        for cell in &self.cells {
            let here = |row: &&mut Vec<&Cell>| row[0].profile == cell.profile && row[0].route == cell.route;
            match rows.iter_mut().find(here) {
                Some(row) => row.push(cell),
                None => rows.push(vec![cell]),
            }
        }
        rows
    }

    /// For a terminal: the table, and why what is not green is not.
    pub(super) fn to_table(&self, output: &Output) -> String {
        let mut rows = Vec::new();
        for cells in self.rows() {
            let at = |preference: &str| {
                let cell = cells.iter().find(|cell| cell.attestation == preference);
                cell.map_or_else(String::new, |cell| match (cell.outcome, cell.brief()) {
                    (Outcome::NotTried, _) => "-".into(),
                    (outcome, brief) if brief.is_empty() => mark(outcome).into(),
                    (outcome, brief) => format!("{}: {}", mark(outcome), shown(&brief)),
                })
            };
            let [none, indirect, direct, enterprise] = Preference::ALL.map(|one| at(one.name()));
            let route = cells[0].route.name().to_owned();
            rows.push([shown(&cells[0].profile), route, none, indirect, direct, enterprise]);
        }
        let heading = ["PROFILE", "ROUTE", "NONE", "INDIRECT", "DIRECT", "ENTERPRISE"];
        let mut text = output.table(heading, &rows);
        let mut last = String::new();
        for cell in self.cells.iter().filter(|cell| cell.outcome != Outcome::Accepted) {
            let why = cell.why.iter().map(|why| shown(why)).collect::<Vec<_>>().join(" ");
            // What cannot be tried at all is not said once for each preference.
            if cell.outcome == Outcome::NotTried {
                let of_all = format!("{}/{}: {why}", shown(&cell.profile), cell.route.name());
                if of_all != last {
                    text += &format!("\n\n{of_all}");
                    last = of_all;
                }
                continue;
            }
            text += &format!("\n\n{} {}: {why}", cell.outcome.word(), shown(&cell.coordinates()));
            text += &format!("\n  {}", shown(&cell.repeat));
        }
        if let Some(attester) = &self.attested_by {
            text += &format!("\n\n{}", shown(&attester.told()));
        }
        text + &format!("\n\n{}", self.verdict())
    }

    /// For programs.
    pub(super) fn to_json(&self) -> String {
        serde_json::to_string_pretty(self)
            .expect("a report has text for its keys and nothing that could fail")
            + "\n"
    }

    /// For people: one file that asks for no other. A policy in it forbids scripts and the network, and everything that
    /// strangers said is escaped.
    pub(super) fn to_html(&self) -> String {
        let shown_cells: Vec<Shown> = self.cells.iter().enumerate().map(Shown::of).collect();
        let place = |cell: &Cell| self.cells.iter().position(|other| std::ptr::eq(other, cell));
        let preferences = self.preferences();
        let rows = self.rows().into_iter().map(|cells| Row {
            profile: shown(&cells[0].profile),
            route: cells[0].route.name(),
            cells: preferences
                .iter()
                .map(|preference| {
                    let cell = cells.iter().find(|cell| cell.attestation == *preference)?;
                    shown_cells.get(place(cell)?).cloned()
                })
                .collect(),
        });
        let page = Page {
            url: shown(&self.url),
            browser: shown(&self.browser),
            version: self.version,
            attested_by: self.attested_by.as_ref().map(|attester| shown(&attester.told())),
            style: probe::report::STYLE,
            is_good: self.count(Outcome::Refused) + self.count(Outcome::Broken) == 0,
            verdict: self.verdict(),
            rows: rows.collect(),
            preferences,
            cells: shown_cells,
        };
        page.render().expect("a page is written to memory, and has nothing that could fail")
    }
}

fn mark(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Accepted => "yes",
        Outcome::Refused => "NO",
        Outcome::Broken => "broken",
        Outcome::NotTried => "-",
    }
}

impl Shown {
    fn of((place, cell): (usize, &Cell)) -> Self {
        let mut facts = Vec::new();
        if let Some(got) = &cell.got {
            facts.push(("Format", shown(&got.format)));
            facts.push(("AAGUID", format!("{} ({})", shown(&got.aaguid), got.model.word())));
            let flags = [("UV", got.user_verified), ("BE", got.backup_eligible), ("BS", got.backup_state)];
            let flags = flags.iter().filter(|(_, is_set)| *is_set).map(|(name, _)| *name);
            facts.push(("Flags", flags.collect::<Vec<_>>().join(" ")));
            facts.push(("Transports", shown(&got.transports.join(" "))));
            facts.push(("Credential ID", shown(&got.credential_id)));
        }
        if let Some(error) = &cell.error {
            facts.push(("Error", shown(&format!("{}: {}", error.what, error.words))));
        }
        if let Some(answer) = &cell.answer {
            let status = answer.status.unwrap_or_default();
            facts.push(("Answer", shown(&format!("{}: {status} {}", answer.what, answer.words))));
        }
        if !cell.did.is_empty() {
            facts.push(("On the page", shown(&cell.did.join("; "))));
        }
        Self {
            // Not the coordinates: a profile may be called anything.
            anchor: format!("cell-{place}"),
            name: shown(&cell.coordinates()),
            class: match cell.outcome {
                Outcome::Accepted => "held",
                Outcome::Refused => "found",
                Outcome::Broken => "inconclusive",
                Outcome::NotTried => "skipped",
            },
            word: cell.outcome.word(),
            brief: shown(&cell.brief()),
            facts,
            why: cell.why.iter().map(|why| shown(why)).collect(),
            repeat: shown(&cell.repeat),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::attester::{Root, Whose};
    use super::super::cell::Said;
    use super::*;
    use clap::ColorChoice;

    fn report() -> Report {
        let cell = |at: &str, outcome| {
            Cell::without(&at.parse().unwrap(), outcome, "Why.".into(), format!("again {at}"))
        };
        let mut refused = cell("phone/exec/direct", Outcome::Refused);
        refused.error =
            Some(Said { what: "NotAllowedError".into(), words: "<b>no\u{202e}</b>".into(), status: None });
        let cells = vec![
            cell("phone/exec/none", Outcome::Accepted),
            refused,
            cell("key/exec/none", Outcome::Broken),
            cell("key/hybrid/none", Outcome::NotTried),
            cell("key/hybrid/direct", Outcome::NotTried),
        ];
        let attester = Attester {
            whose: Whose::Home,
            root: Some(Root { subject: "CN=Root".into(), fingerprint: "ab12".into() }),
        };
        let (url, browser) = ("http://localhost:1/<x>".into(), "chromium".into());
        Report { url, browser, version: "0", attested_by: Some(attester), cells }
    }

    #[test]
    fn the_table_has_a_line_for_each_device_and_route_and_why_it_is_not_green() {
        let text = report().to_table(&Output::new(false, false, ColorChoice::Never));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "PROFILE  ROUTE   NONE    INDIRECT  DIRECT               ENTERPRISE");
        assert_eq!(lines[1].trim_end(), "phone    exec    yes               NO: NotAllowedError");
        assert!(text.contains("refused phone/exec/direct: Why.\n  again phone/exec/direct"), "{text}");
        assert_eq!(text.matches("key/hybrid: Why.").count(), 1, "{text}");
        let by =
            "attested by the home's test CA (CN=Root, SHA-256 ab12), whose root `fauxkey ca export` prints.";
        assert!(text.contains(by) && report().to_html().contains("SHA-256 ab12"), "{text}");
        assert!(text.ends_with("1 accepted, 1 refused, 1 broken, 2 not tried"), "{text}");
    }

    #[test]
    fn the_page_has_every_cell_in_its_colour_with_its_command() {
        let page = report().to_html();
        for (place, cell) in report().cells.iter().enumerate() {
            assert!(page.contains(&format!("id=\"cell-{place}\"")) && page.contains(&cell.repeat), "{place}");
        }
        for class in ["held", "found", "inconclusive", "skipped"] {
            assert!(page.contains(&format!("<td class=\"{class}\">")), "{class}");
        }
    }

    #[test]
    fn a_stranger_s_words_are_no_markup_and_the_page_asks_nobody() {
        let page = report().to_html();
        assert!(!page.contains("<b>") && !page.contains("<x>") && !page.contains('\u{202e}'));
        assert!(page.contains("default-src 'none'"));
        for door in ["<script", "<img", " src=", "@import", "url("] {
            assert!(!page.contains(door), "{door}");
        }
    }
}
