//! The probe, calibrated: against a relying party that is strict it finds nothing, and of one that leaves out a step it
//! finds that step and no other.
mod careless;
mod formats;
mod party;
mod running;

use party::Party;
use probe::report::{Report, Verdict};
use probe::{Attestation, Counter, Expect, Plan, Tools};
use std::collections::BTreeSet;
use tests::{CA, rng};

/// What the relying parties here mean to do.
fn plan() -> Plan {
    let expect = Expect {
        attestation: Attestation::Accepted,
        counter: Counter::Checked,
        backup: Counter::Checked,
        ..Expect::default()
    };
    Plan { expect, ..Plan::default() }
}

fn strict() -> Party {
    Party::new(&CA)
}

fn probe(plan: &Plan, party: &mut Party) -> Report {
    let mut random = rng(0x9_0BE);
    let tools = Tools {
        ca: &CA,
        rng: &mut *random,
        wait: &mut |_| (),
        version: "0.0.0",
        now: 1_800_000_000,
        repeat: "fauxkey probe memory",
    };
    probe::run(plan, party, tools, &mut |_| ())
}

/// The IDs of the checks that came to such a verdict.
fn those(report: &Report, wanted: fn(&Verdict) -> bool) -> BTreeSet<String> {
    let results = report.results.iter().filter(|result| wanted(&result.verdict));
    results.map(|result| result.id.clone()).collect()
}

const FOUND: fn(&Verdict) -> bool = |verdict| matches!(verdict, Verdict::Found { .. });
const INCONCLUSIVE: fn(&Verdict) -> bool = |verdict| matches!(verdict, Verdict::Inconclusive { .. });
