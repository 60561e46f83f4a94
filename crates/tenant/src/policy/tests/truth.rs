//! Every combination, beside an oracle that shares nothing with the policy but the names of its refusals: it reads
//! plain words, and knows the rules as a table would have them.
use super::*;
use PolicyRefusal as No;
use std::collections::BTreeMap;

const IOS: &str = "90a3ccdf-635c-4729-a248-9b709135078f";
const HELLO: &str = "9ddd1817-af5a-4672-a2b9-3e3dd95000a9";
const ZERO: &str = "00000000-0000-0000-0000-000000000000";
const NOBODY: &str = "01020304-0506-4708-890a-0b0c0d0e0f10";
const AAGUIDS: [&str; 5] = [IOS, HELLO, YUBIKEY, ZERO, NOBODY];
const LONG: &str = "a-format-of-thirty-two-character";
const TOO_LONG: &str = "a-format-of-thirty-three-characte";
const FORMATS: [&str; 6] = ["none", "packed", "tpm", LONG, TOO_LONG, ""];
const ROUTES: [Route; 4] = [Route::SecurityInfo, Route::InApp, Route::CrossDevice, Route::Provisioning];
const LISTS: [(&str, &[&str]); 5] = [
    ("off", &[IOS]),
    ("allow", &[IOS, HELLO]),
    ("allow", &[YUBIKEY, ZERO]),
    ("block", &[IOS, HELLO]),
    ("block", &[YUBIKEY, ZERO]),
];

/// Who asks, and what the policy says of that one.
#[derive(Clone, Copy, Debug)]
struct Who {
    on: bool,
    included: bool,
    excluded: bool,
    self_service: bool,
    guest: bool,
}

fn everyone() -> Vec<Who> {
    let bits = |number: u8| [0, 1, 2, 3, 4].map(|bit| number >> bit & 1 == 1);
    let who = |[on, included, excluded, self_service, guest]: [bool; 5]| Who {
        on,
        included,
        excluded,
        self_service,
        guest,
    };
    (0..32).map(|number| who(bits(number))).collect()
}

const ADELE: Who = Who { on: true, included: true, excluded: false, self_service: true, guest: false };

/// What is asked of a passkey.
#[derive(Clone, Copy, Debug)]
struct Asked {
    list: (&'static str, &'static [&'static str]),
    enforced: bool,
    types: &'static str,
}

fn all_asked() -> Vec<Asked> {
    let kinds =
        [(true, "deviceBound"), (false, "deviceBound"), (false, "synced"), (false, "deviceBound,synced")];
    let asked = |(enforced, types)| LISTS.map(|list| Asked { list, enforced, types });
    kinds.into_iter().flat_map(asked).collect()
}

/// A passkey.
#[derive(Clone, Debug)]
struct Key {
    aaguid: &'static str,
    attested: bool,
    fmt: &'static str,
    synced: bool,
    route: Route,
}

fn all_keys() -> Vec<(Key, PasskeyFacts)> {
    let mut keys = Vec::new();
    for aaguid in AAGUIDS {
        for fmt in FORMATS {
            for route in ROUTES {
                for (attested, synced) in [(false, false), (false, true), (true, false), (true, true)] {
                    let facts = PasskeyFacts {
                        aaguid: aaguid.parse().unwrap(),
                        attestation: if attested {
                            AttestationLevel::Attested
                        } else {
                            AttestationLevel::NotAttested
                        },
                        fmt: fmt.into(),
                        passkey_type: if synced { PasskeyType::Synced } else { PasskeyType::DeviceBound },
                        route,
                    };
                    keys.push((Key { aaguid, attested, fmt, synced, route }, facts));
                }
            }
        }
    }
    keys
}

// The oracle.

fn who_is_refused(who: Who, registers: bool) -> Option<No> {
    let table = [
        (!who.on, No::MethodDisabled),
        (who.excluded, No::Excluded),
        (!who.included, No::NotTargeted),
        (registers && who.guest, No::Guest),
        (registers && !who.self_service, No::SelfServiceOff),
    ];
    table.into_iter().find(|(refused, _)| *refused).map(|(_, why)| why)
}

/// All that is wrong with a key, in the order in which it is told.
fn wrong(asked: Asked, key: &Key, registers: bool, preview: bool) -> Vec<No> {
    let kind = if key.synced { "synced" } else { "deviceBound" };
    let listed = asked.list.1.contains(&key.aaguid);
    let off_limits = match asked.list.0 {
        "off" => false,
        "allow" => !listed,
        _ => listed,
    };
    let elsewhere = key.route == Route::CrossDevice;
    let format_is_good = match (asked.enforced, key.route, key.fmt) {
        (true, ..) => key.fmt == "packed",
        (false, _, "packed") => true,
        (false, _, "none") => !preview || key.aaguid == IOS || key.aaguid == HELLO,
        (false, Route::Provisioning, _) => false,
        (false, _, other) => other == "tpm" || other == LONG,
    };
    let table = [
        (preview && key.aaguid == HELLO, No::WindowsHello),
        (!asked.types.split(',').any(|one| one == kind), No::PasskeyType),
        ((registers || !preview) && off_limits, No::KeyRestriction),
        (registers && asked.enforced && elsewhere, No::CrossDeviceNotAttestable),
        (registers && asked.enforced && !elsewhere && !key.attested, No::AttestationRequired),
        (registers && !format_is_good, No::FormatNotAccepted),
    ];
    table.into_iter().filter(|(refused, _)| *refused).map(|(_, why)| why).collect()
}

/// Whether it was the AAGUID that decided, of those rules.
fn by_aaguid(asked: Asked, key: &Key, registers: bool, preview: bool) -> bool {
    let by_format = preview && registers && key.fmt == "none";
    match wrong(asked, key, registers, preview).first() {
        None => by_format || asked.list.0 != "off" && (registers || !preview),
        Some(No::KeyRestriction | No::WindowsHello) => true,
        Some(No::FormatNotAccepted) => by_format,
        Some(_) => false,
    }
}

// The table.

fn keys_of(asked: &Asked) -> Value {
    let kind = if asked.list.0 == "off" { "allow" } else { asked.list.0 };
    json!({ "isEnforced": asked.list.0 != "off", "enforcementType": kind, "aaGuids": asked.list.1 })
}

/// The policy as an administrator would send it: in the legacy settings, or in up to two profiles, the second for a
/// group of the user's.
fn policy(who: Who, behaviour: Behaviour, asked: &[Asked], profiles: bool) -> Fido2Policy {
    let id = |number: usize| Guid::small(u8::try_from(number + 1).unwrap());
    let mut members = json!({
        "state": if who.on { "enabled" } else { "disabled" },
        "isSelfServiceRegistrationAllowed": who.self_service,
        "excludeTargets": if who.excluded { json!([{ "id": GROUP }]) } else { json!([{ "id": OTHER_GROUP }]) },
    });
    let mut targets: Vec<_> = [if who.included { "all_users" } else { OTHER_GROUP }, GROUP]
        .into_iter()
        .take(if who.included { asked.len() } else { 1 })
        .map(|id| json!({ "id": id }))
        .collect();
    if profiles {
        for (number, target) in targets.iter_mut().enumerate() {
            target["allowedPasskeyProfiles"] = json!([id(number)]);
        }
        let enforcement = |enforced| if enforced { "registrationOnly" } else { "disabled" };
        let profiles = asked.iter().enumerate().map(|(number, asked)| {
            json!({ "id": id(number), "name": format!("P{number}"), "passkeyTypes": asked.types,
                "attestationEnforcement": enforcement(asked.enforced), "keyRestrictions": keys_of(asked) })
        });
        members["passkeyProfiles"] = profiles.collect();
    } else {
        members["isAttestationEnforced"] = asked[0].enforced.into();
        members["keyRestrictions"] = keys_of(&asked[0]);
    }
    members["includeTargets"] = targets.into();
    Fido2Policy::default().patched(&body(members), behaviour).unwrap()
}

/// What a clause that refuses for that reason is called, outside profiles and in them.
fn names_of(why: No) -> &'static [&'static str] {
    match why {
        No::MethodDisabled => &["state"],
        No::Excluded => &["excludeTargets"],
        No::NotTargeted => &["includeTargets"],
        No::Guest => &["userType"],
        No::SelfServiceOff => &["isSelfServiceRegistrationAllowed"],
        No::KeyRestriction => &["keyRestrictions"],
        No::AttestationRequired | No::CrossDeviceNotAttestable => {
            &["isAttestationEnforced", "attestationEnforcement"]
        }
        No::PasskeyType => &["passkeyTypes"],
        No::FormatNotAccepted => &["fmt"],
        No::WindowsHello => &["Windows Hello"],
    }
}

#[derive(Default)]
struct Table {
    rows: usize,
    verdicts: BTreeMap<Option<No>, usize>,
}

impl Table {
    /// One row: `expected` has the reasons that may be given, none if it is allowed.
    fn row(&mut self, decision: &Decision, expected: &[No], warned: bool, row: &dyn std::fmt::Debug) {
        self.rows += 1;
        *self.verdicts.entry(decision.refused).or_default() += 1;
        let told = || format!("{row:?}\n{decision:#?}\nexpected {expected:?}, warned {warned}");
        assert_eq!(decision.allowed, expected.is_empty(), "{}", told());
        assert_eq!(decision.allowed, decision.refused.is_none(), "{}", told());
        let last = decision.clauses.last().expect("every decision is explained");
        assert_eq!(last.holds, decision.allowed, "{}", told());
        assert!(decision.clauses.iter().all(|clause| !clause.says.is_empty()), "{}", told());
        if let Some(why) = decision.refused {
            assert!(expected.contains(&why), "{}", told());
            let (clause, says) = (last.clause.as_str(), last.says.as_str());
            let told_by = if clause == "passkeyProfiles" { says } else { clause };
            assert!(names_of(why).iter().any(|name| told_by.contains(name)), "{}", told());
        }
        let unverified = decision.warnings.iter().any(|warning| warning.contains("is unverified"));
        assert_eq!(unverified, warned, "{}", told());
    }
}

fn every_row(
    table: &mut Table,
    who: Who,
    behaviour: Behaviour,
    asked: &[Asked],
    profiles: bool,
    keys: &[(Key, PasskeyFacts)],
) {
    let policy = policy(who, behaviour, asked, profiles);
    let user = adele(if who.guest { UserType::Guest } else { UserType::Member });
    let groups = groups();
    let subject = Subject { user: &user, groups: &groups };
    let preview = behaviour == Behaviour::Preview2024;
    for purpose in [Purpose::Registration, Purpose::SignIn] {
        let registers = purpose == Purpose::Registration;
        let refused = who_is_refused(who, registers);
        let before = policy.decide(&Question { purpose, behaviour, subject, passkey: None });
        table.row(&before, refused.as_slice(), false, &(who, behaviour, purpose));
        for (key, facts) in keys {
            let decision = policy.decide(&Question { purpose, behaviour, subject, passkey: Some(facts) });
            let row = (who, behaviour, purpose, asked, key);
            if let Some(refused) = refused {
                table.row(&decision, &[refused], false, &row);
                continue;
            }
            let wrong = asked.iter().map(|asked| wrong(*asked, key, registers, preview));
            let wrong: Vec<_> = wrong.collect();
            let firsts: Vec<_> = wrong.iter().filter_map(|wrong| wrong.first().copied()).collect();
            let allowed = firsts.len() < asked.len();
            let expected = if allowed { &[][..] } else { &firsts };
            let by = |(asked, _): (&Asked, &Vec<No>)| by_aaguid(*asked, key, registers, preview);
            let by_aaguid = match decision.refused {
                None => asked.iter().zip(&wrong).filter(|(_, wrong)| wrong.is_empty()).all(by),
                Some(No::KeyRestriction) => true,
                Some(_) => !profiles && by((&asked[0], &wrong[0])),
            };
            table.row(&decision, expected, by_aaguid && !key.attested, &row);
            // Every clause of every profile is told.
            if profiles {
                let told = decision.clauses.iter().filter(|clause| !clause.holds).count();
                let all: usize = wrong.iter().map(Vec::len).sum();
                assert_eq!(told, all + usize::from(!allowed), "{row:?}\n{decision:#?}");
            }
        }
    }
}

fn legacy(asked: &Asked) -> bool {
    asked.types == "deviceBound"
}

#[test]
fn settings_without_profiles_decide_as_the_oracle_in_both_behaviours() {
    let (mut table, keys) = (Table::default(), all_keys());
    for behaviour in [Behaviour::Current, Behaviour::Preview2024] {
        for asked in all_asked().into_iter().filter(legacy) {
            every_row(&mut table, ADELE, behaviour, &[asked], false, &keys);
        }
    }
    println!("{} rows without profiles: {:?}", table.rows, table.verdicts);
    assert_eq!(table.rows, 2 * 10 * 2 * (480 + 1));
}

#[test]
fn who_asks_is_decided_before_anything_else_whatever_else_there_is() {
    let (mut table, keys) = (Table::default(), all_keys());
    for who in everyone() {
        for asked in all_asked() {
            // One key in seven: they have tables of their own.
            let keys: Vec<_> = keys.iter().step_by(7).cloned().collect();
            every_row(&mut table, who, Behaviour::Current, &[asked], true, &keys);
            if legacy(&asked) {
                every_row(&mut table, who, Behaviour::Current, &[asked], false, &keys);
                every_row(&mut table, who, Behaviour::Preview2024, &[asked], false, &keys);
            }
        }
    }
    println!("{} rows by who asks: {:?}", table.rows, table.verdicts);
}

#[test]
fn one_profile_decides_as_the_oracle() {
    let (mut table, keys) = (Table::default(), all_keys());
    for asked in all_asked() {
        every_row(&mut table, ADELE, Behaviour::Current, &[asked], true, &keys);
    }
    println!("{} rows with one profile: {:?}", table.rows, table.verdicts);
    assert_eq!(table.rows, 20 * 2 * (480 + 1));
}

#[test]
fn two_profiles_decide_as_the_oracle_in_either_order() {
    let (mut table, keys) = (Table::default(), all_keys());
    for first in all_asked() {
        for second in all_asked() {
            every_row(&mut table, ADELE, Behaviour::Current, &[first, second], true, &keys);
        }
    }
    println!("{} rows with two profiles: {:?}", table.rows, table.verdicts);
    assert_eq!(table.rows, 400 * 2 * (480 + 1));
}

#[test]
fn profiles_of_before_mean_nothing_in_the_preview() {
    let keys = all_keys();
    let mut rows = 0;
    for asked in all_asked().into_iter().filter(legacy) {
        let with = policy(ADELE, Behaviour::Current, &[asked], true);
        let without = policy(ADELE, Behaviour::Preview2024, &[asked], false);
        for purpose in [Purpose::Registration, Purpose::SignIn] {
            for (_, facts) in &keys {
                let of = |policy: &Fido2Policy| ask(policy, purpose, Behaviour::Preview2024, Some(facts));
                assert_eq!(of(&with), of(&without));
                rows += 1;
            }
        }
    }
    println!("{rows} rows with profiles in the preview");
}
