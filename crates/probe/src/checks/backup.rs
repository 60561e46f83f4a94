//! Backup flags: WebAuthn L3 §6.1.3, §7.1 steps 17 to 19, §7.2 steps 18 and 19.
use crate::bench::{Bench, Stop, Who};
use crate::check::{Act, Basis, Check, Clause, Needs, Told, Want, Wants, check, made, own};
use crate::draft::Draft;
use crate::report::Severity;
use relying_party::{Ceremony, Step};
use wire::webauthn::Flags;

const BOUND: &str = "Where only device-bound passkeys are wanted, refuse BE at registration. Without attestation the flag is the \
                     client's word: demand attestation as well.";
const STATE: &str = "Refuse BS without BE: no authenticator has such a state.";
const FIXED: &str = "Keep BE with the record and refuse a sign-in in which it is another: it never changes.";

/// A passkey that is backed up, or could be, and a sign-in in which these flags are turned over.
fn synced(bench: &mut Bench<'_>, at_registration: Flags, turned: Flags) -> Result<Told, Stop> {
    // Its counter stays 0, as that of a passkey on several devices must.
    let made = bench.registered(Who::First, &Basis::Base, |draft| {
        draft.toggle(at_registration);
        draft.data(|data| data.sign_count = 0);
    })?;
    let mut with =
        made.map_err(|said| Stop::Skipped(format!("it takes no passkey that can be copied: {said}")))?;
    let control = bench.signed_in(&mut with, |draft| draft.data(|data| data.sign_count = 0))?;
    if !control.accepted {
        return Err(Stop::Inconclusive(format!(
            "an honest sign-in with a synced passkey is refused: {}",
            control.said
        )));
    }
    let turn = |draft: &mut Draft| {
        draft.toggle(turned);
        draft.data(|data| data.sign_count = 0);
    };
    bench.signed_in(&mut with, turn).map(Told::from)
}

/// §7.2 step 19 is for those who make something of these flags.
fn changed(wants: &Wants<'_>) -> Want {
    Want::refuse_if(wants.backup())
}

pub(super) fn checks() -> Vec<Check> {
    const GROUP: &str = "backup";
    let step = |ceremony, step| Clause::Step(ceremony, step);
    let [registration, sign_in] = [Ceremony::Registration, Ceremony::Authentication];
    let at_registration = |flags: Flags| Act::Registration(Basis::Base, made(move |d| d.toggle(flags)));
    vec![
        check(
            "registration-backup-eligible",
            "a passkey that can be copied to other devices",
            GROUP,
            step(registration, Step::DeviceBound),
            Severity::High,
            BOUND,
            at_registration(Flags::BE),
        )
        .rule(|wants| Want::refuse_if(wants.device_bound())),
        check(
            "registration-backed-up",
            "a passkey that was copied to other devices",
            GROUP,
            step(registration, Step::DeviceBound),
            Severity::High,
            BOUND,
            at_registration(Flags::BE | Flags::BS),
        )
        .rule(|wants| Want::refuse_if(wants.device_bound())),
        check(
            "registration-backed-up-not-eligible",
            "BS without BE in a registration",
            GROUP,
            step(registration, Step::BackupState),
            Severity::Medium,
            STATE,
            at_registration(Flags::BS),
        ),
        check(
            "sign-in-backed-up-not-eligible",
            "BS without BE in a sign-in",
            GROUP,
            step(sign_in, Step::BackupState),
            Severity::Medium,
            STATE,
            Act::SignIn(made(|d| d.toggle(Flags::BS))),
        ),
        check(
            "sign-in-becomes-eligible",
            "BE in a sign-in with a passkey that was device-bound",
            GROUP,
            step(sign_in, Step::BackupEligibility),
            Severity::Medium,
            FIXED,
            Act::SignIn(made(|d| d.toggle(Flags::BE))),
        )
        .rule(changed),
        check(
            "sign-in-becomes-eligible-and-backed-up",
            "BE and BS in a sign-in with a passkey that was device-bound",
            GROUP,
            step(sign_in, Step::BackupEligibility),
            Severity::Medium,
            FIXED,
            Act::SignIn(made(|d| d.toggle(Flags::BE | Flags::BS))),
        )
        .rule(changed),
        check(
            "sign-in-becomes-device-bound",
            "a sign-in without BE with a passkey that had it",
            GROUP,
            step(sign_in, Step::BackupEligibility),
            Severity::Medium,
            FIXED,
            own(Needs::SignIn, |bench| synced(bench, Flags::BE, Flags::BE)),
        )
        .rule(changed),
        check(
            "sign-in-is-backed-up-now",
            "a passkey that was backed up since it was registered",
            GROUP,
            step(sign_in, Step::BackupState),
            Severity::Note,
            "Keep BS with the record, and let it change (§7.2 step 24).",
            own(Needs::SignIn, |bench| synced(bench, Flags::BE, Flags::BS)),
        )
        .either(),
    ]
}
