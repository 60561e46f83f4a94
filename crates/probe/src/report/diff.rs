//! Two runs compared, so that a CI job fails only on what got worse.
use super::table::{Paint, WIDTH};
use super::text::{cut, shown, when, wrapped};
use super::words::plural;
use super::{CheckResult, Outcome, Report, Severity};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What two runs of the prober have not in common.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Diff {
    /// The run before.
    pub before: Side,
    /// The run after.
    pub after: Side,
    /// What is different, check by check: in the order of the run after, and those that disappeared last.
    pub changes: Vec<Change>,
    /// How many checks came to the same.
    pub unchanged: usize,
}

/// Which run it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Side {
    /// The relying party's origin.
    pub target: String,
    /// The plan's name.
    pub plan: String,
    /// The version of fauxkey.
    pub version: String,
    /// When it began, in seconds since 1970.
    pub began: u64,
}

/// A check that came to something else, or that only one of the runs has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// Its ID, with the phase before a colon.
    pub id: String,
    /// In a few words, what is tried.
    pub title: String,
    /// Of checks that belong together.
    pub group: String,
    /// What it means.
    pub turn: Turn,
    /// What came of it before. `None` if it was not there.
    pub before: Option<State>,
    /// What came of it after. `None` if it is not there any more.
    pub after: Option<State>,
}

/// What came of a check in one of the runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    /// In a word.
    pub outcome: Outcome,
    /// What it costs if it is a finding.
    pub severity: Severity,
    /// What else the verdict says.
    pub words: String,
}

/// What a change means. The order is that of how much it needs a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Turn {
    /// A finding that was none before, or one that costs more now.
    Worse,
    /// What was known is not known any more: it may have got worse.
    LessSure,
    /// Something else is true, and it is for people to say what they think of it.
    Different,
    /// A finding that is gone, or costs less, or something that was not known and is now.
    Better,
}

impl Turn {
    /// All of them, in their order.
    pub const ALL: [Self; 4] = [Self::Worse, Self::LessSure, Self::Different, Self::Better];

    /// Before people.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Worse => "worse",
            Self::LessSure => "less sure",
            Self::Different => "different",
            Self::Better => "better",
        }
    }

    const fn paint(self) -> Paint {
        match self {
            Self::Worse => Paint::Bad,
            Self::LessSure => Paint::Doubtful,
            Self::Different => Paint::Hint,
            Self::Better => Paint::Good,
        }
    }

    /// What it means that a check came from the one to the other; `None` if it is nothing new.
    fn between(before: &State, after: &State) -> Option<Self> {
        use Outcome::{Found, Held, Inconclusive, Observed, Skipped};
        match (before.outcome, after.outcome) {
            (Found, Found) => match after.severity.cmp(&before.severity) {
                std::cmp::Ordering::Greater => Some(Self::Worse),
                std::cmp::Ordering::Equal => None,
                std::cmp::Ordering::Less => Some(Self::Better),
            },
            (_, Found) => Some(Self::Worse),
            (Observed, Observed) => (gist(&before.words) != gist(&after.words)).then_some(Self::Different),
            (Held, Held) | (Inconclusive, Inconclusive) | (Skipped, Skipped) => None,
            (_, Held) => Some(Self::Better),
            // The rule is gone, not what was done: somebody wrote another plan.
            (Found, Observed) => Some(Self::Different),
            (Held, Observed) => Some(Self::LessSure),
            (Inconclusive | Skipped, Observed) => Some(Self::Better),
            (Found | Held | Observed, Inconclusive | Skipped) => Some(Self::LessSure),
            (Inconclusive, Skipped) | (Skipped, Inconclusive) => Some(Self::Different),
        }
    }

    /// What it means that there is such a check now.
    const fn appeared(after: Outcome) -> Self {
        match after {
            Outcome::Found => Self::Worse,
            Outcome::Held | Outcome::Observed | Outcome::Inconclusive | Outcome::Skipped => Self::Different,
        }
    }

    /// What it means that there is no such check any more.
    const fn disappeared(before: Outcome) -> Self {
        match before {
            Outcome::Found | Outcome::Held | Outcome::Observed => Self::LessSure,
            Outcome::Inconclusive | Outcome::Skipped => Self::Different,
        }
    }
}

/// An observation without the relying party's own words, which stand after a colon and may be others each time.
fn gist(words: &str) -> &str {
    words.split_once(": ").map_or(words, |(gist, _)| gist)
}

impl State {
    fn of(result: &CheckResult) -> Self {
        let (outcome, words) = (result.verdict.outcome(), result.verdict.words().to_owned());
        Self { outcome, severity: result.severity, words }
    }

    fn shown(state: Option<&Self>) -> String {
        match state {
            None => "not there".to_owned(),
            Some(Self { outcome: Outcome::Found, severity, .. }) => format!("found ({severity})"),
            Some(Self { outcome, .. }) => outcome.word().to_owned(),
        }
    }
}

impl Side {
    fn of(report: &Report) -> Self {
        let Report { target, plan, version, began, .. } = report;
        Self { target: target.clone(), plan: plan.clone(), version: version.clone(), began: *began }
    }
}

/// Results by ID, and by which of that ID they are where there are several.
fn keyed(report: &Report) -> Vec<((&str, usize), &CheckResult)> {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let mut keyed = Vec::with_capacity(report.results.len());
    for result in &report.results {
        let nth = seen.entry(&result.id).or_default();
        keyed.push(((result.id.as_str(), *nth), result));
        *nth += 1;
    }
    keyed
}

impl Diff {
    /// Compares two runs, check by check: by ID, and so phase by phase.
    pub fn between(before: &Report, after: &Report) -> Self {
        let mut old: BTreeMap<_, _> = keyed(before).into_iter().collect();
        let mut changes = Vec::new();
        for (key, result) in keyed(after) {
            let now = State::of(result);
            let then = old.remove(&key).map(State::of);
            let turn = match &then {
                Some(then) => Turn::between(then, &now),
                None => Some(Turn::appeared(now.outcome)),
            };
            if let Some(turn) = turn {
                changes.push(Change::of(result, turn, then, Some(now)));
            }
        }
        for (key, result) in keyed(before) {
            if old.contains_key(&key) {
                let then = State::of(result);
                changes.push(Change::of(result, Turn::disappeared(then.outcome), Some(then), None));
            }
        }
        let present = changes.iter().filter(|change| change.after.is_some()).count();
        let unchanged = after.results.len() - present;
        Self { before: Side::of(before), after: Side::of(after), changes, unchanged }
    }

    /// Whether something got worse: the reason for a CI job to fail.
    pub fn is_worse(&self) -> bool {
        self.count(Turn::Worse) > 0
    }

    /// Whether something that was known is not known any more: a reason to fail for who wants to be strict.
    pub fn is_less_sure(&self) -> bool {
        self.count(Turn::LessSure) > 0
    }

    /// How many checks turned that way.
    pub fn count(&self, turn: Turn) -> usize {
        self.changes.iter().filter(|change| change.turn == turn).count()
    }

    /// The comparison as JSON, over several lines. It ends with a line break.
    pub fn to_json(&self) -> String {
        let text = serde_json::to_string_pretty(self);
        text.expect("a comparison has nothing but words and numbers, by names that are words") + "\n"
    }

    /// The comparison for a terminal: what got worse first. Lines have at most 100 characters. With `colour` it has escape
    /// sequences for colours, and none otherwise.
    pub fn to_text(&self, colour: bool) -> String {
        let mut lines = Vec::new();
        for (name, side) in [("before", &self.before), ("after", &self.after)] {
            let Side { target, plan, version, began } = side;
            let when = when(*began);
            lines.extend(paragraph(
                0,
                &format!("{name}: {target} by the plan {plan}, {when}, fauxkey {version}"),
            ));
        }
        if self.before.target != self.after.target || self.before.plan != self.after.plan {
            let note = "These are runs of different plans or targets: compare with care.";
            lines.push(Paint::Doubtful.on(note, colour));
        }
        for turn in Turn::ALL {
            let turned = self.changes.iter().filter(|change| change.turn == turn);
            for (place, change) in turned.enumerate() {
                if place == 0 {
                    lines.push(String::new());
                    lines.push(turn.paint().on(&format!("{}: {}", turn.word(), self.count(turn)), colour));
                }
                lines.extend(change.lines());
            }
        }
        lines.push(String::new());
        lines.push(format!("{} as before", plural(self.unchanged, "check")));
        let verdict = match (self.is_worse(), self.is_less_sure()) {
            (true, _) => Paint::Bad.on("It got worse.", colour),
            (false, true) => {
                Paint::Doubtful.on("Nothing is known to have got worse, but less is known.", colour)
            }
            (false, false) => Paint::Good.on("Nothing got worse.", colour),
        };
        lines.push(verdict);
        lines.join("\n") + "\n"
    }
}

impl Change {
    fn of(result: &CheckResult, turn: Turn, before: Option<State>, after: Option<State>) -> Self {
        let CheckResult { id, title, group, .. } = result;
        Self { id: id.clone(), title: title.clone(), group: group.clone(), turn, before, after }
    }

    fn lines(&self) -> Vec<String> {
        let [before, after] = [&self.before, &self.after].map(|state| State::shown(state.as_ref()));
        let mut lines = paragraph(2, &format!("{}: {before} → {after}", self.id));
        lines.extend(paragraph(6, &self.title));
        if let Some(state) = self.after.as_ref().filter(|state| !state.words.is_empty()) {
            lines.extend(paragraph(6, &state.words));
        }
        lines
    }
}

/// Words below one another, after so much air.
fn paragraph(indent: usize, words: &str) -> Vec<String> {
    let lines = wrapped(&shown(&cut(words, 400)), WIDTH - indent);
    lines.into_iter().map(|line| format!("{:indent$}{line}", "")).collect()
}

#[cfg(test)]
mod tests;
