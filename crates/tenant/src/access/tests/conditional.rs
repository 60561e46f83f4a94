//! Conditional access, every combination against an oracle that knows tables and no strengths.
use super::*;
use crate::access::apps::{MICROSOFT_AUTHENTICATOR_CREDENTIAL_REGISTRATION as REGISTRATION, OFFICE_HOME};
use crate::access::{
    Access, AppliedPolicy, AppliedResult, ConditionalAccessPolicy, StrengthResult, Target, Verdict, evaluate,
};
use crate::user::{Subject, User, UserType};
use std::collections::BTreeSet;

const GROUP: Guid = Guid::small(9);
const ME: u8 = 1;

/// Who asks: of the tenant and in the group, of the tenant alone, or a guest in the group.
const WHO: [(UserType, bool); 3] =
    [(UserType::Member, true), (UserType::Member, false), (UserType::Guest, true)];

/// Users, and whether they mean each of [`WHO`].
fn users() -> Vec<(Value, [bool; 3])> {
    let me = Guid::small(ME);
    vec![
        (json!({ "includeUsers": ["All"] }), [true, true, true]),
        (json!({ "includeUsers": ["None"] }), [false, false, false]),
        (json!({ "includeUsers": [me] }), [true, true, true]),
        (json!({ "includeUsers": [Guid::small(77)] }), [false, false, false]),
        (json!({ "includeGroups": [GROUP] }), [true, false, true]),
        (json!({ "includeUsers": ["GuestsOrExternalUsers"] }), [false, false, true]),
        (json!({ "includeUsers": ["all"], "excludeUsers": [me] }), [false, false, false]),
        (json!({ "includeUsers": [me], "excludeGroups": [GROUP] }), [false, true, false]),
        (json!({ "includeUsers": ["All"], "excludeUsers": ["guestsOrExternalUsers"] }), [true, true, false]),
        (json!({ "includeGroups": [GROUP], "excludeUsers": [Guid::small(77)] }), [true, false, true]),
    ]
}

const TARGETS: [Target; 3] =
    [Target::App(OFFICE_HOME.id), Target::App(REGISTRATION.id), Target::RegisterSecurityInfo];

/// Applications, and whether they mean each of [`TARGETS`].
fn applications() -> Vec<(Value, [bool; 3])> {
    let (office, registration) = (OFFICE_HOME.id, REGISTRATION.id);
    vec![
        (json!({ "includeApplications": ["All"] }), [true, true, true]),
        (
            json!({ "includeApplications": ["All"], "excludeApplications": [registration] }),
            [true, false, false],
        ),
        (json!({ "includeUserActions": ["urn:user:registersecurityinfo"] }), [false, false, true]),
        (json!({ "includeApplications": [office] }), [true, false, false]),
        (json!({ "includeApplications": ["All"], "excludeApplications": [office] }), [false, true, true]),
        (json!({ "includeApplications": [registration] }), [false, true, false]),
        (json!({ "includeApplications": ["none"] }), [false, false, false]),
    ]
}

/// The place of the user action in [`applications`].
const ACTION: usize = 2;

/// What one has to do for a control: nothing, show or register one of these, or give up.
#[derive(Clone, Debug, PartialEq)]
enum Must {
    Nothing,
    Show(Vec<&'static str>),
    Register(Vec<&'static str>),
    GiveUp,
}

/// What somebody has, and what `mfa` and the strength of two models then ask for.
struct Profile {
    shown: Vec<Factor>,
    usable: Vec<Factor>,
    registrable: Vec<Factor>,
    mfa: Must,
    strength: Must,
}

fn profiles() -> Vec<Profile> {
    use Must::{GiveUp, Nothing, Register, Show};
    let password = plain(Mode::Password);
    let push = plain(Mode::MicrosoftAuthenticatorPush);
    let profile = |shown: &[Factor], usable: &[Factor], registrable: &[Factor], mfa, strength| Profile {
        shown: shown.into(),
        usable: usable.into(),
        registrable: registrable.into(),
        mfa,
        strength,
    };
    vec![
        profile(&[password], &[], &[], GiveUp, GiveUp),
        profile(
            &[password],
            &[push],
            &[passkey(IOS)],
            Show(vec!["microsoftAuthenticatorPush"]),
            Register(vec!["fido2"]),
        ),
        profile(&[password], &[passkey(IOS)], &[], Show(vec!["fido2"]), Show(vec!["fido2"])),
        profile(&[passkey(ANDROID)], &[passkey(ANDROID)], &[], Nothing, Nothing),
        profile(&[password, push], &[], &[passkey(IOS), passkey(YUBIKEY)], Nothing, Register(vec!["fido2"])),
        profile(&[passkey(YUBIKEY)], &[], &[passkey(YUBIKEY)], Nothing, GiveUp),
        profile(
            &[password],
            &[],
            &[push, passkey(IOS)],
            Register(vec!["fido2", "microsoftAuthenticatorPush"]),
            Register(vec!["fido2"]),
        ),
    ]
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Control {
    Block,
    Mfa,
    Strength,
    Both,
    Either,
}

const CONTROLS: [Control; 5] =
    [Control::Block, Control::Mfa, Control::Strength, Control::Both, Control::Either];
const STATES: [&str; 3] = ["enabled", "disabled", "enabledForReportingButNotEnforced"];

/// A policy, and the rows of the tables that it was made of.
struct Row {
    policy: ConditionalAccessPolicy,
    state: &'static str,
    means: [bool; 3],
    covers: [bool; 3],
    action: bool,
    control: Control,
}

fn row(
    name: &str,
    state: &'static str,
    users: &(Value, [bool; 3]),
    applications: (usize, &(Value, [bool; 3])),
    control: Control,
    strength: &Strength,
) -> Row {
    let strength = json!({ "id": strength.id });
    let grant = match control {
        Control::Block => json!({ "operator": "OR", "builtInControls": ["block"] }),
        Control::Mfa => json!({ "operator": "OR", "builtInControls": ["mfa"] }),
        Control::Strength => json!({ "operator": "AND", "authenticationStrength": strength }),
        Control::Both => {
            json!({ "operator": "AND", "builtInControls": ["mfa"], "authenticationStrength": strength })
        }
        Control::Either => {
            json!({ "operator": "or", "builtInControls": ["mfa"], "authenticationStrength": strength })
        }
    };
    let body = json!({
        "displayName": name,
        "state": state,
        "conditions": { "users": users.0, "applications": applications.1.0 },
        "grantControls": grant,
    });
    Row {
        policy: ConditionalAccessPolicy::from_graph(&body, NOW, &mut rng()).unwrap(),
        state,
        means: users.1,
        covers: applications.1.1,
        action: applications.0 == ACTION,
        control,
    }
}

/// All of these.
fn all(musts: &[Must]) -> Must {
    if musts.contains(&Must::GiveUp) {
        return Must::GiveUp;
    }
    let mut show = BTreeSet::new();
    let mut register = BTreeSet::new();
    for must in musts {
        match must {
            Must::Show(modes) => show.extend(modes.iter().copied()),
            Must::Register(modes) => register.extend(modes.iter().copied()),
            _ => {}
        }
    }
    if !show.is_empty() {
        return Must::Show(show.into_iter().collect());
    }
    if register.is_empty() { Must::Nothing } else { Must::Register(register.into_iter().collect()) }
}

/// One of these two.
fn either(one: &Must, other: &Must) -> Must {
    let distance = |must: &Must| match must {
        Must::Nothing => 0,
        Must::Show(_) => 1,
        Must::Register(_) => 2,
        Must::GiveUp => 3,
    };
    match distance(one).cmp(&distance(other)) {
        std::cmp::Ordering::Less => one.clone(),
        std::cmp::Ordering::Greater => other.clone(),
        std::cmp::Ordering::Equal => all(&[one.clone(), other.clone()]),
    }
}

/// What has to be done, and the result of each policy.
fn oracle(rows: &[&Row], who: usize, target: usize, profile: &Profile) -> (Must, Vec<&'static str>) {
    let registering = target == 2;
    let asks_strength = |row: &Row| !matches!(row.control, Control::Block | Control::Mfa);
    let outranked =
        rows.iter().any(|row| row.state == "enabled" && row.action && asks_strength(row) && row.means[who]);
    let mut musts = Vec::new();
    let mut results = Vec::new();
    for row in rows {
        let report = row.state == STATES[2];
        if row.state == "disabled" {
            results.push("notEnabled");
            continue;
        }
        let without_strength = registering && outranked && !row.action;
        let nothing_left = without_strength && row.control == Control::Strength;
        if !row.means[who] || !row.covers[target] || nothing_left {
            results.push(if report { "reportOnlyNotApplied" } else { "notApplied" });
            continue;
        }
        let must = match row.control {
            Control::Block => Must::GiveUp,
            Control::Mfa => profile.mfa.clone(),
            _ if without_strength => profile.mfa.clone(),
            Control::Strength => profile.strength.clone(),
            Control::Both => all(&[profile.mfa.clone(), profile.strength.clone()]),
            Control::Either => either(&profile.mfa, &profile.strength),
        };
        results.push(match (&must, report) {
            (Must::Nothing, false) => "success",
            (_, false) => "failure",
            (Must::Nothing, true) => "reportOnlySuccess",
            (Must::GiveUp, true) => "reportOnlyFailure",
            (_, true) => "reportOnlyInterrupted",
        });
        if !report {
            musts.push(must);
        }
    }
    (all(&musts), results)
}

fn ask(
    policies: &[&ConditionalAccessPolicy],
    strength: &Strength,
    who: (UserType, bool),
    target: Target,
    profile: &Profile,
) -> Access {
    let user: User = user(ME, who.0);
    let groups: BTreeSet<Guid> = who.1.then_some(GROUP).into_iter().collect();
    let subject = Subject { user: &user, groups: &groups };
    let strengths = |id: Guid| (id == strength.id).then(|| strength.clone());
    evaluate(policies, &strengths, &subject, target, &profile.shown, &profile.usable, &profile.registrable)
}

fn must_of(verdict: &Verdict) -> Must {
    let words = |modes: &[Mode]| {
        modes.iter().map(|mode| mode.as_str()).collect::<BTreeSet<_>>().into_iter().collect()
    };
    match verdict {
        Verdict::Granted => Must::Nothing,
        Verdict::StepUp { modes } => Must::Show(words(modes)),
        Verdict::Register { modes } => Must::Register(words(modes)),
        Verdict::Blocked => Must::GiveUp,
    }
}

fn check(rows: &[&Row], strength: &Strength, who: usize, target: usize, profile: &Profile) {
    let policies: Vec<_> = rows.iter().map(|row| &row.policy).collect();
    let access = ask(&policies, strength, WHO[who], TARGETS[target], profile);
    let (must, results) = oracle(rows, who, target, profile);
    let told = || {
        let documents: Vec<_> = policies.iter().map(|policy| policy.to_graph().to_string()).collect();
        format!("{documents:?} {:?} {:?} {access:?}", WHO[who], TARGETS[target])
    };
    assert_eq!(must_of(&access.verdict), must, "{}", told());
    let applied: Vec<_> = access.applied.iter().map(|applied| applied.result.as_str()).collect();
    assert_eq!(applied, results, "{}", told());
    // Who is refused is told why, who is let in is not told of something that refuses.
    let reasons = access.clauses.iter().filter(|clause| !clause.holds).count();
    assert!(must == Must::Nothing || reasons > 0, "{}", told());
    // At the registration of security info, having to register is a loop, always.
    let registers = matches!(must, Must::Register(_));
    if TARGETS[target] == Target::RegisterSecurityInfo {
        assert_eq!(access.loop_noticed.is_some(), registers, "{}", told());
    }
    assert!(registers || access.loop_noticed.is_none(), "{}", told());
}

#[test]
fn every_policy_by_itself_does_what_its_tables_say() {
    let strength = custom(&["fido2"], &[IOS, ANDROID]);
    for state in STATES {
        for users in &users() {
            for applications in applications().iter().enumerate() {
                for control in CONTROLS {
                    let row = row("one", state, users, applications, control, &strength);
                    for target in 0..TARGETS.len() {
                        for who in 0..WHO.len() {
                            for profile in &profiles() {
                                check(&[&row], &strength, who, target, profile);
                            }
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn two_policies_have_both_to_be_met_and_registration_s_own_strength_outranks() {
    let strength = custom(&["fido2"], &[IOS, ANDROID]);
    let (users, applications) = (users(), applications());
    let mut rows = Vec::new();
    for state in [STATES[0], STATES[2]] {
        for users in [&users[0], &users[7]] {
            for applications in applications.iter().enumerate().take(4) {
                for control in CONTROLS {
                    rows.push(row("one", state, users, applications, control, &strength));
                }
            }
        }
    }
    let profiles = profiles();
    for (index, one) in rows.iter().enumerate() {
        for other in &rows[index..] {
            for target in [0, 2] {
                for who in [0, 1] {
                    for profile in &profiles {
                        check(&[one, other], &strength, who, target, profile);
                    }
                }
            }
        }
    }
}

/// A policy that asks for the strength, of everybody.
fn asks(name: &str, applications: Value, strength: &Strength) -> ConditionalAccessPolicy {
    let users = (json!({ "includeUsers": ["All"] }), [true; 3]);
    row(name, "enabled", &users, (0, &(applications, [true; 3])), Control::Strength, strength).policy
}

#[test]
fn the_registration_loop_is_noticed_with_its_cure_and_the_cure_cures_it() {
    let everywhere = json!({ "includeApplications": ["All"] });
    let cured = json!({ "includeApplications": ["All"], "excludeApplications": [REGISTRATION.id] });
    let newcomer = &profiles()[1];
    let office = TARGETS[0];
    for (models, loops) in [
        (&[IOS, ANDROID][..], true),
        (&[ANDROID, YUBIKEY], true),
        (&[], true),
        // A browser registers these where the sign-in was interrupted.
        (&[YUBIKEY], false),
    ] {
        let strength = custom(&["fido2"], models);
        let newcomer = Profile {
            shown: newcomer.shown.clone(),
            usable: newcomer.usable.clone(),
            registrable: vec![passkey(IOS), passkey(ANDROID), passkey(YUBIKEY)],
            mfa: Must::Nothing,
            strength: Must::Nothing,
        };
        let policy = asks("Passkeys everywhere", everywhere.clone(), &strength);
        let access = ask(&[&policy], &strength, WHO[0], office, &newcomer);
        assert_eq!(access.verdict, Verdict::Register { modes: vec![Mode::Fido2] });
        assert_eq!(access.loop_noticed.is_some(), loops, "{models:?}");
        if let Some(noticed) = access.loop_noticed {
            assert!(!noticed.holds);
            for word in ["Passkeys everywhere", REGISTRATION.name, "6aa00308-ea33-4caa-90d6-ae905d8cb51b"] {
                assert!(noticed.says.contains(word), "{word}: {noticed:?}");
            }
        }
        let policy = asks("Passkeys", cured.clone(), &strength);
        let access = ask(&[&policy], &strength, WHO[0], office, &newcomer);
        assert_eq!(access.verdict, Verdict::Register { modes: vec![Mode::Fido2] });
        assert_eq!(access.loop_noticed, None);
        for target in [Target::App(REGISTRATION.id), Target::RegisterSecurityInfo] {
            assert_eq!(ask(&[&policy], &strength, WHO[0], target, &newcomer).verdict, Verdict::Granted);
        }
    }
}

#[test]
fn a_strength_for_registration_that_takes_a_pass_cures_the_loop_too() {
    let strength = custom(&["fido2"], &[IOS]);
    let mut with_pass = custom(&["temporaryAccessPassOneTime", "fido2"], &[]);
    with_pass.id = Guid::small(200);
    let action = json!({ "includeUserActions": ["urn:user:registersecurityinfo"] });
    let everywhere = asks("Everywhere", json!({ "includeApplications": ["All"] }), &strength);
    let registration = asks("Registration", action.clone(), &with_pass);
    let user = user(ME, UserType::Member);
    let groups = BTreeSet::new();
    let subject = Subject { user: &user, groups: &groups };
    let strengths = |id: Guid| [&strength, &with_pass].into_iter().find(|one| one.id == id).cloned();
    let shown = [plain(Mode::TemporaryAccessPassOneTime)];
    let at = |policies: &[&ConditionalAccessPolicy], target| {
        evaluate(policies, &strengths, &subject, target, &shown, &[], &[passkey(IOS)])
    };
    let access = at(&[&everywhere, &registration], Target::RegisterSecurityInfo);
    assert_eq!(access.verdict, Verdict::Granted);
    assert_eq!(access.applied[0].result, AppliedResult::NotApplied);
    let outranked = access.clauses.iter().find(|clause| clause.says.contains("outranks")).unwrap();
    assert!(outranked.holds && outranked.says.contains("Registration"), "{outranked:?}");
    assert_eq!(at(&[&everywhere, &registration], TARGETS[0]).loop_noticed, None);

    let strict = asks("Registration", action, &strength);
    let access = at(&[&strict], Target::RegisterSecurityInfo);
    let noticed = access.loop_noticed.unwrap();
    assert!(noticed.says.contains("Temporary Access Pass"), "{noticed:?}");
}

#[test]
fn a_way_that_nobody_has_to_go_is_no_loop() {
    let phones = custom(&["fido2"], &[IOS]);
    let mut keys = custom(&["fido2"], &[YUBIKEY]);
    keys.id = Guid::small(200);
    let (everybody, everywhere) = (users().remove(0), applications().remove(0));
    let either = row("Either", "enabled", &everybody, (0, &everywhere), Control::Either, &phones);
    let keys_alone = asks("Keys", json!({ "includeApplications": ["All"] }), &keys);
    let user = user(ME, UserType::Member);
    let groups = BTreeSet::new();
    let subject = Subject { user: &user, groups: &groups };
    let strengths = |id: Guid| [&phones, &keys].into_iter().find(|one| one.id == id).cloned();
    let shown = [plain(Mode::Password), plain(Mode::MicrosoftAuthenticatorPush)];
    let registrable = [passkey(IOS), passkey(YUBIKEY)];
    let policies = [&either.policy, &keys_alone];
    let access = evaluate(&policies, &strengths, &subject, TARGETS[0], &shown, &[], &registrable);
    assert_eq!(access.verdict, Verdict::Register { modes: vec![Mode::Fido2] });
    assert_eq!(access.applied[0].result, AppliedResult::Success);
    assert_eq!(access.loop_noticed, None);
}

#[test]
fn an_excluded_group_wins_over_everything_and_says_so() {
    let strength = custom(&["fido2"], &[IOS]);
    let users = (
        json!({ "includeUsers": [Guid::small(ME)], "includeGroups": [GROUP], "excludeGroups": [GROUP] }),
        [false; 3],
    );
    let applications = (json!({ "includeApplications": ["All"] }), [true; 3]);
    let row = row("Blocked", "enabled", &users, (0, &applications), Control::Block, &strength);
    let access = ask(&[&row.policy], &strength, WHO[0], TARGETS[0], &profiles()[0]);
    assert_eq!(access.verdict, Verdict::Granted);
    assert_eq!(access.clauses.len(), 1);
    assert_eq!(access.clauses[0].clause, "conditionalAccess[Blocked].conditions.users.excludeGroups");
    assert!(access.clauses[0].holds);
}

#[test]
fn a_log_entry_has_the_strength_its_name_and_its_result() {
    let strength = custom(&["fido2"], &[IOS]);
    let policy = asks("Passkeys", json!({ "includeApplications": ["All"] }), &strength);
    let access = ask(&[&policy], &strength, WHO[0], TARGETS[0], &profiles()[5]);
    assert_eq!(access.verdict, Verdict::Blocked);
    let applied = &access.applied[0];
    assert_eq!((applied.id, applied.result), (policy.id, AppliedResult::Failure));
    let told = applied.authentication_strength.as_ref().unwrap();
    assert_eq!((told.id, told.display_name.as_str()), (strength.id, "Passkeys"));
    assert_eq!(told.result, Some(StrengthResult::CannotSatisfyDueToCombinationConfiguration));
    let document = applied.to_graph();
    assert_eq!(
        document,
        json!({
            "id": policy.id,
            "displayName": "Passkeys",
            "enforcedGrantControls": [],
            "enforcedSessionControls": [],
            "result": "failure",
            "authenticationStrength": {
                "displayName": "Passkeys",
                "authenticationStrengthId": strength.id,
                "authenticationStrengthResult": "cannotSatisfyDueToCombinationConfiguration",
            },
        })
    );
    let kept = serde_json::to_string(applied).unwrap();
    assert_eq!(serde_json::from_str::<AppliedPolicy>(&kept).unwrap(), *applied);
    // Where it was not applied, there is no result of its strength.
    let elsewhere = asks("Passkeys", json!({ "includeApplications": ["None"] }), &strength);
    let access_elsewhere = ask(&[&elsewhere], &strength, WHO[0], TARGETS[0], &profiles()[5]);
    let document = access_elsewhere.applied[0].to_graph();
    assert_eq!(document["result"], "notApplied");
    assert_eq!(document["authenticationStrength"].as_object().unwrap().len(), 2);
    let says: Vec<_> = access.clauses.iter().map(|clause| clause.says.as_str()).collect();
    assert!(says.iter().any(|says| says.contains(YUBIKEY) && says.contains(IOS)), "{says:?}");
}

#[test]
fn a_strength_that_is_gone_lets_nobody_in() {
    let strength = custom(&["fido2"], &[]);
    let policy = asks("Passkeys", json!({ "includeApplications": ["All"] }), &strength);
    let mut other = strength;
    other.id = Guid::small(99);
    let access = ask(&[&policy], &other, WHO[0], TARGETS[0], &profiles()[3]);
    assert_eq!(access.verdict, Verdict::Blocked);
    assert!(access.clauses[0].says.contains("does not exist"), "{access:?}");
}
