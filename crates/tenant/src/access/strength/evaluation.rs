//! Whether what somebody showed is good enough, and if not, what would be.
use super::{Strength, StrengthResult};
use crate::access::combination::{Combination, Factor, Mode};
use crate::refusal::Clause;
use std::collections::BTreeSet;
use wire::aaguid::Aaguid;

/// What became of an evaluation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Assessment {
    pub(crate) result: StrengthResult,
    pub(crate) clauses: Vec<Clause>,
    /// What to show, or to register, next: of every way that there is.
    pub(crate) modes: BTreeSet<Mode>,
}

/// What is missing of one combination.
struct Way<'a> {
    combination: &'a Combination,
    /// Not shown yet, but there.
    challenges: Vec<Mode>,
    /// Not there yet, but may be registered.
    registrations: Vec<Mode>,
}

impl Strength {
    /// What comes of it for somebody who has `shown` that much, who has `usable` methods (registered, and allowed by
    /// policies) and could have `registrable` ones. A passkey whose model is not known satisfies no list of models.
    pub fn evaluate(
        &self,
        shown: &[Factor],
        usable: &[Factor],
        registrable: &[Factor],
    ) -> (StrengthResult, Vec<Clause>) {
        let assessment = self.assess(shown, usable, registrable);
        (assessment.result, assessment.clauses)
    }

    pub(crate) fn assess(&self, shown: &[Factor], usable: &[Factor], registrable: &[Factor]) -> Assessment {
        let ways = self.ways(shown, usable, registrable, &|factor| self.configured(factor));
        let (result, modes) = best(&ways);
        let mut clauses = vec![self.clause_of_combinations(result, &ways, &modes)];
        let result = match result {
            StrengthResult::CannotSatisfy if !self.ways(shown, usable, registrable, &|_| true).is_empty() => {
                StrengthResult::CannotSatisfyDueToCombinationConfiguration
            }
            result => result,
        };
        clauses.extend(self.clause_of_models(result, shown, usable, registrable));
        Assessment { result, clauses, modes }
    }

    /// The combinations that can be had, however long the way is.
    fn ways(
        &self,
        shown: &[Factor],
        usable: &[Factor],
        registrable: &[Factor],
        configured: &dyn Fn(&Factor) -> bool,
    ) -> Vec<Way<'_>> {
        let has = |factors: &[Factor], mode: Mode| {
            factors.iter().any(|factor| factor.mode == mode && configured(factor))
        };
        let way = |combination| {
            let mut way = Way { combination, challenges: Vec::new(), registrations: Vec::new() };
            for mode in combination.modes().filter(|mode| !has(shown, *mode)) {
                if has(usable, mode) {
                    way.challenges.push(mode);
                } else if has(registrable, mode) {
                    way.registrations.push(mode);
                } else {
                    return None;
                }
            }
            Some(way)
        };
        self.allowed_combinations.iter().filter_map(way).collect()
    }

    fn clause_of_combinations(
        &self,
        result: StrengthResult,
        ways: &[Way<'_>],
        modes: &BTreeSet<Mode>,
    ) -> Clause {
        let path = format!("authenticationStrength[{}].allowedCombinations", self.display_name);
        let modes = modes.iter().map(|mode| mode.as_str()).collect::<Vec<_>>().join(", ");
        match result {
            StrengthResult::Satisfied => {
                let satisfied = ways.iter().find(|way| way.is_satisfied());
                let satisfied = satisfied.map(|way| way.combination.to_string()).unwrap_or_default();
                Clause::holds(path, format!("{satisfied} was shown"))
            }
            StrengthResult::SingleChallengeRequired | StrengthResult::MultipleChallengesRequired => {
                Clause::fails(path, format!("what was shown is not enough yet; what would help: {modes}"))
            }
            StrengthResult::SingleRegistrationRequired | StrengthResult::MultipleRegistrationsRequired => {
                let says = format!(
                    "no method that is registered and allowed would be enough; what may be registered: {modes}"
                );
                Clause::fails(path, says)
            }
            _ => {
                let all: Vec<_> = self.allowed_combinations.iter().map(Combination::to_string).collect();
                let says = format!(
                    "no method that is registered, or may be registered, would be enough; expected one of {}",
                    all.join("; ")
                );
                Clause::fails(path, says)
            }
        }
    }

    /// What its list of models makes of the passkeys that there are, if it has one and passkeys matter.
    fn clause_of_models(
        &self,
        result: StrengthResult,
        shown: &[Factor],
        usable: &[Factor],
        registrable: &[Factor],
    ) -> Option<Clause> {
        if self.takes_any_model() {
            return None;
        }
        let passkeys = |factors: &[Factor]| -> BTreeSet<Option<Aaguid>> {
            factors.iter().filter(|factor| factor.mode == Mode::Fido2).map(|factor| factor.aaguid).collect()
        };
        let path =
            format!("authenticationStrength[{}].combinationConfigurations.allowedAAGUIDs", self.display_name);
        let taken = |aaguid: &Option<Aaguid>| self.configured(&Factor { mode: Mode::Fido2, aaguid: *aaguid });
        let name = |aaguid: &Option<Aaguid>| match aaguid {
            Some(aaguid) => aaguid.to_string(),
            None => "a model that it does not list".to_owned(),
        };
        let names = |aaguids: &[&Option<Aaguid>]| {
            aaguids.iter().map(|aaguid| name(aaguid)).collect::<Vec<_>>().join(", ")
        };
        for (factors, verb) in
            [(shown, "was shown"), (usable, "is registered"), (registrable, "may be registered")]
        {
            let passkeys = passkeys(factors);
            let (good, other): (Vec<_>, Vec<_>) = passkeys.iter().partition(|aaguid| taken(aaguid));
            if !good.is_empty() {
                return Some(Clause::holds(path, format!("{} {verb}, and it is listed", names(&good))));
            }
            // Of what may be registered, those that are not listed are of no interest.
            if !other.is_empty()
                && (verb != "may be registered"
                    || result == StrengthResult::CannotSatisfyDueToCombinationConfiguration)
            {
                let listed: BTreeSet<String> = self.allowed_aaguids().map(|one| one.to_string()).collect();
                let listed = listed.into_iter().collect::<Vec<_>>().join(", ");
                let says = format!("{} {verb}, and only {listed} will do", names(&other));
                return Some(Clause::fails(path, says));
            }
        }
        None
    }
}

impl Way<'_> {
    fn is_satisfied(&self) -> bool {
        self.challenges.is_empty() && self.registrations.is_empty()
    }
}

/// The shortest way's result, and the modes of all ways that lead there: challenges before registrations.
fn best(ways: &[Way<'_>]) -> (StrengthResult, BTreeSet<Mode>) {
    if ways.iter().any(Way::is_satisfied) {
        return (StrengthResult::Satisfied, BTreeSet::new());
    }
    let challenges = || ways.iter().filter(|way| way.registrations.is_empty()).map(|way| &way.challenges);
    if let Some(fewest) = challenges().map(Vec::len).min() {
        let modes = challenges().flatten().copied().collect();
        let result = if fewest == 1 {
            StrengthResult::SingleChallengeRequired
        } else {
            StrengthResult::MultipleChallengesRequired
        };
        return (result, modes);
    }
    let Some(fewest) = ways.iter().map(|way| way.registrations.len()).min() else {
        return (StrengthResult::CannotSatisfy, BTreeSet::new());
    };
    let modes = ways.iter().flat_map(|way| &way.registrations).copied().collect();
    let result = if fewest == 1 {
        StrengthResult::SingleRegistrationRequired
    } else {
        StrengthResult::MultipleRegistrationsRequired
    };
    (result, modes)
}
