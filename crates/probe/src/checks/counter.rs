//! The signature counter: WebAuthn L3 §6.1.1, §7.2 step 22.
use crate::bench::{Bench, Stop, Who};
use crate::check::{Basis, Check, Clause, Needs, Told, Want, check, own};
use crate::report::Severity;
use relying_party::{Ceremony, Step};

const GROWS: &str = "Keep the counter with the record; refuse or flag a sign-in in which it did not grow, unless both are 0: the \
                     passkey may have been cloned.";

/// A passkey registered with the first number, used with those between, and then with the last.
fn counted(bench: &mut Bench<'_>, numbers: &[u32]) -> Result<Told, Stop> {
    let (Some((first, rest)), Some(last)) = (numbers.split_first(), numbers.last()) else {
        return Err(Stop::Skipped("there is nothing to count".into()));
    };
    let made =
        bench.registered(Who::First, &Basis::Base, |draft| draft.data(|data| data.sign_count = *first))?;
    let mut with =
        made.map_err(|said| Stop::Inconclusive(format!("no passkey with a counter of {first}: {said}")))?;
    for number in &rest[..rest.len() - 1] {
        let ended = bench.signed_in(&mut with, |draft| draft.data(|data| data.sign_count = *number))?;
        if !ended.accepted {
            let said = ended.said;
            return Err(Stop::Inconclusive(format!(
                "an honest sign-in with a counter of {number} is refused: {said}"
            )));
        }
    }
    bench.signed_in(&mut with, |draft| draft.data(|data| data.sign_count = *last)).map(Told::from)
}

pub(super) fn checks() -> Vec<Check> {
    let row = |name: &str, title: &str, severity, numbers: &'static [u32]| {
        let act = own(Needs::SignIn, move |bench| counted(bench, numbers));
        let clause = Clause::Step(Ceremony::Authentication, Step::Counter);
        check(format!("sign-in-counter-{name}"), title, "counter", clause, severity, GROWS, act)
            .rule(|wants| Want::refuse_if(wants.counter()))
    };
    let mut all = vec![
        row("back", "a counter that goes back", Severity::Medium, &[10, 20, 15]),
        row("equal", "a counter that stands still", Severity::Medium, &[10, 20, 20]),
        row("as-registered", "a counter as it was at registration", Severity::Medium, &[10, 10]),
        row("zero-after-some", "a counter of 0 after it had counted", Severity::Medium, &[10, 20, 0]),
        row(
            "cloned",
            "a clone that counts on from where it was copied, after the original did",
            Severity::Medium,
            &[10, 20, 21, 22, 21],
        ),
        row("jump", "a counter that jumps to its last number", Severity::Note, &[10, u32::MAX]).either(),
        row("never", "a passkey that never counts", Severity::Low, &[0, 0]).rule(|_| Want::Accept),
    ];
    for check in &mut all {
        if check.id.ends_with("-never") {
            check.advice = "Let a counter of 0 stay 0: synced passkeys and phones do not count.".into();
        }
    }
    all
}
