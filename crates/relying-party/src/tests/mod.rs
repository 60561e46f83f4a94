//! Ceremonies from the outside: a small signer of our own makes valid ones, and then each is spoilt.
mod authentication;
mod certificates;
mod devices;
mod formats;
mod lenient;
mod makers;
mod manual;
mod metadata;
mod pki;
mod properties;
mod registration;
mod signer;
mod vectors;

use crate::{Ceremony, Rejection, Step};
use std::collections::BTreeSet;

/// Where a step stands in its ceremony.
fn position(ceremony: Ceremony, step: Step) -> usize {
    ceremony.steps().iter().position(|(other, _)| *other == step).unwrap()
}

/// Steps that make a value for later ones, of which too little may be there.
fn makes_a_value(step: Step) -> bool {
    use Step::*;
    matches!(
        step,
        AttestationObject | AuthenticatorData | ClientDataJson | AttestedCredentialData | TrustAnchors
    )
}

/// What must be true of a table of spoilt ceremonies: each is refused by the step that its row names; every
/// step of the ceremony has a row; and each step that judges has a row that nothing else would have caught.
struct Ledger {
    ceremony: Ceremony,
    refusing: BTreeSet<Step>,
    alone: BTreeSet<Step>,
}

impl Ledger {
    fn new(ceremony: Ceremony) -> Self {
        Self { ceremony, refusing: BTreeSet::new(), alone: BTreeSet::new() }
    }

    /// `run` performs the spoilt ceremony without the given steps and gives nothing or the rejection.
    fn enter(&mut self, step: Step, what: &str, run: impl Fn(&[Step]) -> Result<(), Rejection>) {
        let rejection = run(&[]).expect_err(what);
        assert_eq!(rejection.step, step, "{what}: {rejection}");
        assert_eq!(rejection.ceremony, self.ceremony, "{what}");
        assert!(rejection.to_string().starts_with(step.cite(self.ceremony).unwrap()), "{what}: {rejection}");
        self.refusing.insert(step);
        match run(&[step]) {
            Ok(()) => {
                assert!(step.can_be_left_out(self.ceremony), "{what}");
                self.alone.insert(step);
            }
            // Nothing can be made of it, however careless.
            Err(again) if again.step == step => assert!(makes_a_value(step), "{what}: {again}"),
            Err(later) => {
                let order = |step| position(self.ceremony, step);
                assert!(order(later.step) > order(step), "{what}: {later}");
            }
        }
    }

    /// A step that nothing of this algorithm can fail.
    fn pass_over(&mut self, step: Step) {
        self.refusing.insert(step);
        self.alone.insert(step);
    }

    fn close(self) {
        for (step, _) in self.ceremony.steps() {
            assert!(self.refusing.contains(step), "no row is refused by {step:?}");
            let alone = self.alone.contains(step) || !step.can_be_left_out(self.ceremony);
            assert!(alone, "every row of {step:?} is caught by a later step too");
        }
    }
}
