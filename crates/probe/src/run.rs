//! A plan, done: controls first, then the checks, each with its verdict, and nothing left behind that can be taken away.
//!
//! A refusal means something only where an honest ceremony of the same kind is taken. So an honest registration and an
//! honest sign-in come first, and again after every few refusals: if one of them is refused, what was refused since then
//! is inconclusive.
use crate::bench::{Bench, Stop, Way, Who};
use crate::check::{Act, Basis, Check, Needs, Told, Want};
use crate::plan::{Attestation, Phase, Plan, ceremony_word};
use crate::report::{CheckResult, LeftBehind, Report, Severity, Verdict};
use crate::target::{Target, TargetError};
use crate::{checks, expectations};
use emulator::attestation::TestCa;
use rand_core::CryptoRng;
use relying_party::Ceremony;
use std::time::Duration;

/// After so many refusals honest ceremonies are tried again.
const REFUSALS_IN_A_ROW: usize = 10;

/// What a run has from its caller.
pub struct Tools<'a> {
    /// Who certifies what is attested by certificate: the relying party is told to trust its root, where attestation counts.
    pub ca: &'a TestCa,
    /// Everything random. With the same seed, and a relying party that answers the same, a run is the same, but for the
    /// signatures in certificates.
    pub rng: &'a mut dyn CryptoRng,
    /// Lets time pass, for checks that wait until something expires.
    pub wait: &'a mut dyn FnMut(Duration),
    /// The version of the program, for the report.
    pub version: &'a str,
    /// Seconds since 1970, for the report, and for what certificates and statements say of time.
    pub now: u64,
    /// The line that runs this plan again, such as `fauxkey probe http://localhost:8000`; ` --only ID` is put after it.
    pub repeat: &'a str,
}

/// How far a run is: told before and after each check.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// How many checks are done.
    pub done: usize,
    /// How many there are.
    pub of: usize,
    /// The check.
    pub id: &'a str,
    /// What came of it, if it is done. A refusal may still turn out to be inconclusive.
    pub verdict: Option<&'a Verdict>,
}

/// Does what the plan says, and tells what came of it. The report's `milliseconds` are those of the exchanges, as there is
/// no clock here.
pub fn run(
    plan: &Plan,
    target: &mut dyn Target,
    tools: Tools<'_>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Report {
    let Tools { ca, rng, wait, version, now, repeat } = tools;
    let everything = checks::all(plan);
    let whole = [Phase::default()];
    let phases = if plan.phases.is_empty() { &whole } else { plan.phases.as_slice() };
    let chosen = |phase: &Phase| -> Vec<&Check> {
        let wanted = |check: &&Check| plan.wants(&check.id, check.group) && phase.has(&check.id, check.group);
        everything.iter().filter(wanted).collect()
    };
    let of = phases.iter().map(|phase| chosen(phase).len()).sum();
    let origin = target.origin().to_owned();
    let bench = Bench::new(plan, target, ca, rng, wait, now);
    let mut run = Run {
        bench,
        repeat,
        results: Vec::new(),
        left: Vec::new(),
        done: 0,
        of,
        gone: None,
        pending: Vec::new(),
    };
    for phase in phases {
        run.phase(phase, &chosen(phase), progress);
    }
    run.bench.retire(Who::First);
    run.bench.retire(Who::Second);
    run.clean_up("control-registration");
    let Run { bench, results, left, .. } = run;
    Report {
        format: 1,
        version: version.into(),
        target: origin,
        plan: plan.name.clone(),
        began: now,
        milliseconds: bench.microseconds / 1000,
        expectations: expectations::of(&bench),
        results,
        left_behind: left,
    }
}

/// The words of a plan that name no check and no group of checks.
pub fn unknown_words(plan: &Plan) -> Vec<String> {
    let all = checks::all(plan);
    let phases = plan.phases.iter().flat_map(|phase| &phase.checks);
    let names_something = |word: &String| {
        let only = Phase { checks: vec![word.clone()], ..Phase::default() };
        all.iter().any(|check| only.has(&check.id, check.group))
    };
    let words = plan.include.iter().chain(&plan.exclude).chain(phases);
    words.filter(|word| !names_something(word)).cloned().collect()
}

struct Run<'a> {
    bench: Bench<'a>,
    repeat: &'a str,
    results: Vec<CheckResult>,
    left: Vec<LeftBehind>,
    done: usize,
    of: usize,
    /// Why nobody answers any more.
    gone: Option<String>,
    /// Refusals since honest ceremonies were tried: where they stand in the results, and what they need.
    pending: Vec<(usize, Needs)>,
}

/// Which honest ceremonies work, or why not.
struct Controls {
    registration: Result<(), Stop>,
    sign_in: Result<(), Stop>,
}

impl Run<'_> {
    fn phase(&mut self, phase: &Phase, checks: &[&Check], progress: &mut dyn FnMut(Progress<'_>)) {
        let prefix = if phase.name.is_empty() { String::new() } else { format!("{}:", phase.name) };
        let changed = phase.change.as_ref().map_or(Ok(()), |name| self.change(&prefix, name));
        let controls = match changed {
            Ok(()) => self.controls(&prefix, checks),
            Err(why) => {
                let stop = Stop::Inconclusive(why);
                Controls { registration: Err(stop.clone()), sign_in: Err(stop) }
            }
        };
        for check in checks {
            let id = format!("{prefix}{}", check.id);
            progress(Progress { done: self.done, of: self.of, id: &id, verdict: None });
            self.check(&id, check, &controls);
            self.done += 1;
            let verdict = self.results.last().map(|result| &result.verdict);
            progress(Progress { done: self.done, of: self.of, id: &id, verdict });
        }
        self.settle();
    }

    /// Changes the state of the relying party between two phases.
    fn change(&mut self, prefix: &str, name: &str) -> Result<(), String> {
        let changed = self.bench.target.change(name);
        self.bench.evidence.clear();
        self.bench.forget();
        let verdict = match changed {
            Ok(exchange) => {
                self.bench.evidence.push(exchange);
                Ok(String::new())
            }
            Err(TargetError::Gone(why)) => {
                self.gone = Some(why.clone());
                Err(why)
            }
            Err(error) => Err(error.to_string()),
        };
        let outcome =
            verdict.clone().map_err(|why| Stop::Inconclusive(format!("{name} could not be done: {why}")));
        self.control(&format!("{prefix}change"), &format!("the change {name}"), "the plan", outcome);
        verdict.map(drop).map_err(|why| format!("{name} could not be done before this phase: {why}"))
    }

    /// An honest registration and an honest sign-in, as far as the checks need them.
    fn controls(&mut self, prefix: &str, checks: &[&Check]) -> Controls {
        let need = |needs| checks.iter().any(|check| check.act.needs() == needs);
        let nothing = || Ok(());
        let mut controls = Controls { registration: nothing(), sign_in: nothing() };
        if need(Needs::Registration) || prefix.is_empty() {
            self.bench.evidence.clear();
            let outcome = self.control_registration();
            controls.registration = outcome.clone().map(drop);
            let title = "an honest registration";
            self.control(&format!("{prefix}control-registration"), title, "WebAuthn L3 §7.1", outcome);
        }
        if need(Needs::SignIn) || prefix.is_empty() {
            self.bench.evidence.clear();
            let outcome = self.control_sign_in();
            controls.sign_in = outcome.clone().map(drop);
            let title = "an honest sign-in";
            self.control(&format!("{prefix}control-sign-in"), title, "WebAuthn L3 §7.2", outcome);
        }
        self.clean_up("control-registration");
        controls
    }

    fn control(&mut self, id: &str, title: &str, clause: &str, outcome: Result<String, Stop>) {
        let verdict = match outcome {
            Ok(said) => Verdict::Held { said },
            Err(stop) => not_tried(stop),
        };
        self.results.push(CheckResult {
            id: id.into(),
            title: title.into(),
            group: "control".into(),
            clause: clause.into(),
            severity: Severity::Note,
            advice:
                "Nothing can be told of lies until honest ceremonies are taken: look at what was answered."
                    .into(),
            verdict,
            evidence: std::mem::take(&mut self.bench.evidence),
            repeat: self.repeat.into(),
        });
    }

    /// Without attestation first, where the plan does not know better: a relying party that insists on it is known by that.
    fn control_registration(&mut self) -> Result<String, Stop> {
        // Without registrations nothing is tried at all, which is no skipping.
        let failed = |run: &mut Self, stop| Stop::Inconclusive(run.stopped(stop));
        let first = self.bench.honest(&Basis::Base).map_err(|stop| failed(self, stop))?;
        let Err(said) = first else { return Ok("It was taken.".into()) };
        if self.bench.base != Basis::Nobody {
            let why = format!("an honest registration, attested by the test CA, is refused: {said}");
            return Err(Stop::Inconclusive(why));
        }
        let second = self.bench.honest(&Basis::Certified).map_err(|stop| failed(self, stop))?;
        second.map_err(|attested| {
            Stop::Inconclusive(format!(
                "an honest registration is refused: {said}; and one attested by the test CA: {attested}"
            ))
        })?;
        self.bench.base = Basis::Certified;
        Ok(format!("It was taken, attested by the test CA; without attestation it was refused: {said}"))
    }

    fn control_sign_in(&mut self) -> Result<String, Stop> {
        let mut with = self.bench.fixture(Who::First).map_err(|stop| self.noted(stop))?;
        let mut ended = self.bench.signed_in(&mut with, |_| ());
        if matches!(ended, Err(Stop::Skipped(_))) && self.bench.way == Way::ByName {
            self.bench.way = Way::WithoutName;
            ended = self.bench.signed_in(&mut with, |_| ());
        }
        self.bench.keep(Who::First, with);
        let ended = ended.map_err(|stop| self.noted(stop))?;
        if ended.accepted {
            Ok("It was taken.".into())
        } else {
            Err(Stop::Inconclusive(format!("an honest sign-in is refused: {}", ended.said)))
        }
    }

    /// Remembers if nobody answers any more.
    fn noted(&mut self, stop: Stop) -> Stop {
        self.stopped(stop.clone());
        stop
    }

    fn stopped(&mut self, stop: Stop) -> String {
        if let Stop::Gone(why) = &stop {
            self.gone = Some(why.clone());
        }
        stop.why().to_owned()
    }

    fn check(&mut self, id: &str, check: &Check, controls: &Controls) {
        self.bench.evidence.clear();
        let needs = check.act.needs();
        let ready = match needs {
            Needs::Nothing => Ok(()),
            Needs::Registration => controls.registration.clone(),
            Needs::SignIn => controls.registration.clone().and_then(|()| controls.sign_in.clone()),
        };
        let verdict = match (&self.gone, ready) {
            (Some(why), _) => Verdict::Inconclusive { why: format!("nobody answers any more: {why}") },
            (None, Err(stop)) => not_tried(stop),
            (None, Ok(())) => self.verdict(check),
        };
        let at = self.results.len();
        self.results.push(CheckResult {
            id: id.into(),
            title: check.title.clone(),
            group: check.group.into(),
            clause: check.clause.to_string(),
            severity: check.severity,
            advice: check.advice.clone(),
            verdict,
            evidence: std::mem::take(&mut self.bench.evidence),
            repeat: format!("{} --only {}", self.repeat, check.id),
        });
        self.clean_up(id);
        if matches!(self.results[at].verdict, Verdict::Held { .. }) && needs != Needs::Nothing {
            self.pending.push((at, needs));
        }
        if self.pending.len() >= REFUSALS_IN_A_ROW {
            self.settle();
        }
    }

    fn verdict(&mut self, check: &Check) -> Verdict {
        let told = match &check.act {
            Act::Registration(basis, change) => self.bench.register(basis, change),
            Act::SignIn(change) => self.bench.sign_in(change),
            Act::Own(_, act) => act(&mut self.bench),
        };
        let told = match told {
            Ok(told) => told,
            Err(stop) => return not_tried(self.noted(stop)),
        };
        let (title, want) = (&check.title, (check.rule)(&self.bench.wants()));
        match (want, told) {
            (_, Told::Held(said)) => Verdict::Held { said },
            (_, Told::Found(what)) => Verdict::Found { what },
            (_, Told::Observed(what)) => Verdict::Observed { what },
            (Want::Refuse, Told::Accepted(_)) => Verdict::Found { what: format!("It accepts {title}.") },
            (Want::Refuse, Told::Refused(said)) => self.refused(check, said),
            (Want::Accept, Told::Accepted(said)) => Verdict::Held { said },
            (Want::Accept, Told::Refused(said)) => {
                Verdict::Found { what: format!("It refuses {title}: {}", quiet(&said)) }
            }
            (Want::Either, Told::Accepted(_)) => Verdict::Observed { what: format!("It accepts {title}.") },
            (Want::Either, Told::Refused(said)) => {
                Verdict::Observed { what: format!("It refuses {title}: {}", quiet(&said)) }
            }
        }
    }

    /// A refusal says something only if an honest one of the same kind is taken.
    fn refused(&mut self, check: &Check, said: String) -> Verdict {
        let Act::Registration(basis, _) = &check.act else { return Verdict::Held { said } };
        let enforced = self.bench.plan.expect.attestation == Attestation::Enforced;
        if enforced && matches!(basis, Basis::Nobody | Basis::Itself) {
            // All of that kind are to be refused, so that nobody knows why this one was.
            return Verdict::Skipped {
                why: format!("no statement of this kind is to be taken: {}", quiet(&said)),
            };
        }
        match self.bench.honest(basis) {
            Ok(Ok(())) => Verdict::Held { said },
            Ok(Err(honest)) => Verdict::Inconclusive {
                why: format!("it refuses an honest registration of this kind too: {}", quiet(&honest)),
            },
            Err(stop) => Verdict::Inconclusive { why: self.stopped(stop) },
        }
    }

    /// Tries honest ceremonies again: if one is refused now, the refusals since the last time mean nothing.
    fn settle(&mut self) {
        let pending = std::mem::take(&mut self.pending);
        if self.gone.is_some() {
            return;
        }
        for (needs, ceremony) in
            [(Needs::Registration, Ceremony::Registration), (Needs::SignIn, Ceremony::Authentication)]
        {
            if !pending.iter().any(|(_, needed)| *needed == needs) {
                continue;
            }
            let honest = match ceremony {
                Ceremony::Registration => {
                    self.bench.registered(Who::First, &Basis::Base, |_| ()).map(|made| made.map(drop))
                }
                Ceremony::Authentication => self.sign_in_again(),
            };
            let why = match honest {
                Ok(Ok(())) => continue,
                Ok(Err(said)) => said,
                Err(stop) => self.stopped(stop),
            };
            let word = ceremony_word(ceremony);
            for (at, _) in pending.iter().filter(|(_, needed)| *needed == needs) {
                let why = format!("an honest {word} that came soon after was refused too: {}", quiet(&why));
                self.results[*at].verdict = Verdict::Inconclusive { why };
            }
        }
        self.clean_up("control-registration");
        self.bench.evidence.clear();
    }

    fn sign_in_again(&mut self) -> Result<Result<(), String>, Stop> {
        let mut with = self.bench.fixture(Who::First)?;
        let ended = self.bench.signed_in(&mut with, |_| ())?;
        self.bench.keep(Who::First, with);
        if !ended.accepted {
            // Whatever became of that credential, the next checks have another.
            self.bench.retire(Who::First);
            return Ok(Err(ended.said));
        }
        Ok(Ok(()))
    }

    fn clean_up(&mut self, check: &str) {
        let left = self.bench.clean_up(check);
        self.left.extend(left);
    }
}

/// The verdict on what was not tried.
fn not_tried(stop: Stop) -> Verdict {
    match stop {
        Stop::Skipped(why) => Verdict::Skipped { why },
        Stop::Inconclusive(why) | Stop::Gone(why) => Verdict::Inconclusive { why },
    }
}

/// What was said, or that nothing was.
fn quiet(said: &str) -> &str {
    if said.is_empty() { "it does not say why" } else { said }
}
