//! One check: what is tried, whose rule it is, and what a relying party must make of it.
use crate::bench::{Bench, Stop};
use crate::draft::Draft;
use crate::plan::{Attestation, Counter, Plan};
use crate::report::Severity;
use relying_party::{Ceremony, Step};
use serde_json::Value;
use std::fmt;

/// Whose rule it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Clause {
    /// A step of a ceremony, by the name that it has in [`relying_party`].
    Step(Ceremony, Step),
    /// Another place, such as `WebAuthn L3 §14.6.2`.
    Text(&'static str),
    /// A place that was put together, such as an attestation format's.
    Owned(String),
}

impl fmt::Display for Clause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Step(ceremony, step) => f.write_str(step.cite(*ceremony).unwrap_or("WebAuthn L3 §7")),
            Self::Text(text) => f.write_str(text),
            Self::Owned(text) => f.write_str(text),
        }
    }
}

/// A check.
pub struct Check {
    /// Its name: kebab-case, and the same for ever.
    pub id: String,
    /// What is tried, as the object of "it accepts" and "it refuses".
    pub title: String,
    /// Of checks that belong together.
    pub group: &'static str,
    /// Whose rule it is.
    pub clause: Clause,
    /// What it costs if the rule is broken.
    pub severity: Severity,
    /// What to do about it.
    pub advice: String,
    pub(crate) rule: Box<dyn Fn(&Wants<'_>) -> Want>,
    pub(crate) act: Act,
}

impl Check {
    /// Whether it may be a finding by that plan, where users are verified. What is left to the relying party never is.
    pub fn can_be_found(&self, plan: &Plan) -> bool {
        let wants = Wants { plan, verified: [true; 2] };
        (self.rule)(&wants) != Want::Either
    }

    /// With another rule than that a relying party must refuse it.
    pub(crate) fn rule(mut self, rule: impl Fn(&Wants<'_>) -> Want + 'static) -> Self {
        self.rule = Box::new(rule);
        self
    }

    /// A relying party may do either; what it does is told.
    pub(crate) fn either(self) -> Self {
        self.rule(|_| Want::Either)
    }
}

/// What must come of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    Refuse,
    Accept,
    Either,
}

impl Want {
    pub(crate) fn refuse_if(condition: bool) -> Self {
        if condition { Self::Refuse } else { Self::Either }
    }
}

/// What the relying party means to do, by the plan and by its options.
pub(crate) struct Wants<'a> {
    pub(crate) plan: &'a Plan,
    /// Whether UV must be set in a registration and in a sign-in.
    pub(crate) verified: [bool; 2],
}

impl Wants<'_> {
    pub(crate) fn verified(&self, ceremony: Ceremony) -> bool {
        self.verified[index(ceremony)]
    }

    pub(crate) fn device_bound(&self) -> bool {
        self.plan.expect.device_bound
    }

    pub(crate) fn backup(&self) -> bool {
        self.plan.expect.backup == Counter::Checked || self.device_bound()
    }

    pub(crate) fn counter(&self) -> bool {
        self.plan.expect.counter == Counter::Checked
    }

    pub(crate) fn attestation(&self) -> Attestation {
        self.plan.expect.attestation
    }
}

pub(crate) const fn index(ceremony: Ceremony) -> usize {
    match ceremony {
        Ceremony::Registration => 0,
        Ceremony::Authentication => 1,
    }
}

/// What an honest registration of the same kind is attested by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Basis {
    /// By what the relying party takes anyway: nobody, or a certificate where it insists.
    Base,
    /// By nobody.
    Nobody,
    /// By its own key.
    Itself,
    /// By a certificate of the test CA.
    Certified,
}

/// What is done by an act of its own.
type Doing = dyn Fn(&mut Bench<'_>) -> Result<Told, Stop>;
/// What is done to a draft, or why it cannot be.
type Lie = dyn Fn(&mut Draft) -> Result<(), String>;

/// What is done.
pub(crate) enum Act {
    /// A registration of the first user, changed.
    Registration(Basis, Change),
    /// A sign-in of the first user, changed.
    SignIn(Change),
    /// Something else, which needs these ceremonies to work.
    Own(Needs, Box<Doing>),
}

/// Which honest ceremonies must work for a refusal to mean anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    Nothing,
    Registration,
    SignIn,
}

impl Act {
    pub(crate) const fn needs(&self) -> Needs {
        match self {
            Self::Registration(..) => Needs::Registration,
            Self::SignIn(_) => Needs::SignIn,
            Self::Own(needs, _) => *needs,
        }
    }
}

/// Who changes a response, and how.
pub(crate) enum Change {
    /// An authenticator or a browser that lies: what is signed is signed so.
    Made(Box<Lie>),
    /// Somebody on the way, in the JSON.
    Json(Box<dyn Fn(&mut Value)>),
    /// Somebody on the way, in its text.
    Text(Box<dyn Fn(&str) -> String>),
}

impl Change {
    /// What is posted.
    pub(crate) fn apply(&self, mut draft: Draft) -> Result<(Draft, String), Stop> {
        let failed = |e: authenticator::signer::SignerError| Stop::Inconclusive(e.to_string());
        let honest = draft.finish().map_err(failed)?;
        let before = honest.to_string();
        let posted = match self {
            Self::Made(edit) => {
                edit(&mut draft).map_err(Stop::Skipped)?;
                draft.finish().map_err(failed)?.to_string()
            }
            Self::Json(edit) => {
                let mut json = honest;
                edit(&mut json);
                json.to_string()
            }
            Self::Text(edit) => edit(&before),
        };
        if posted == before {
            return Err(Stop::Skipped("there is nothing to change here".into()));
        }
        Ok((draft, posted))
    }
}

/// What came of what was done, before it is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// It was taken; what was said.
    Accepted(String),
    /// It was refused; what was said.
    Refused(String),
    /// A verdict that the act itself comes to: as it should be.
    Held(String),
    /// Not as it should be.
    Found(String),
    /// Either would do.
    Observed(String),
}

/// The ways to make a table's rows.
pub(crate) fn check(
    id: impl Into<String>,
    title: impl Into<String>,
    group: &'static str,
    clause: Clause,
    severity: Severity,
    advice: impl Into<String>,
    act: Act,
) -> Check {
    let (id, title, advice) = (id.into(), title.into(), advice.into());
    Check { id, title, group, clause, severity, advice, rule: Box::new(|_| Want::Refuse), act }
}

pub(crate) fn made(edit: impl Fn(&mut Draft) + 'static) -> Change {
    Change::Made(Box::new(move |draft| {
        edit(draft);
        Ok(())
    }))
}

pub(crate) fn made_if_it_can(edit: impl Fn(&mut Draft) -> Result<(), String> + 'static) -> Change {
    Change::Made(Box::new(edit))
}

pub(crate) fn json(edit: impl Fn(&mut Value) + 'static) -> Change {
    Change::Json(Box::new(edit))
}

pub(crate) fn text(edit: impl Fn(&str) -> String + 'static) -> Change {
    Change::Text(Box::new(edit))
}

pub(crate) fn own(needs: Needs, act: impl Fn(&mut Bench<'_>) -> Result<Told, Stop> + 'static) -> Act {
    Act::Own(needs, Box::new(act))
}

/// The same change in that ceremony.
pub(crate) fn in_ceremony(ceremony: Ceremony, change: Change) -> Act {
    match ceremony {
        Ceremony::Registration => Act::Registration(Basis::Base, change),
        Ceremony::Authentication => Act::SignIn(change),
    }
}

/// Rows of a table that is the same for both ceremonies: name, what, step, severity, advice and change.
pub(crate) fn rows_of<'a>(
    group: &'static str,
    ceremony: Ceremony,
    word: &'a str,
) -> impl Fn(&str, &str, Step, Severity, &str, Change) -> Check + 'a {
    move |name, what, step, severity, advice, change| {
        let (id, title) = (format!("{word}-{name}"), format!("{what} in a {word}"));
        check(id, title, group, Clause::Step(ceremony, step), severity, advice, in_ceremony(ceremony, change))
    }
}

/// Both ceremonies, and what stands before the IDs of their checks.
pub(crate) const BOTH: [(Ceremony, &str); 2] =
    [(Ceremony::Registration, "registration"), (Ceremony::Authentication, "sign-in")];
