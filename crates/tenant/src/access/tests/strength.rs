//! Strengths by everything that somebody can have shown, have, or could register.
use super::*;
use crate::access::StrengthResult;
use std::collections::BTreeSet;

/// Seven factors: enough for every kind of combination, and for two models of passkeys.
fn universe() -> [Factor; 7] {
    [
        plain(Mode::Password),
        plain(Mode::MicrosoftAuthenticatorPush),
        plain(Mode::SoftwareOath),
        plain(Mode::DeviceBasedPush),
        plain(Mode::TemporaryAccessPassOneTime),
        passkey(IOS),
        passkey(YUBIKEY),
    ]
}

/// Which sets of factors, as bits, are good enough: by the words of the strength's document alone.
fn good_enough(combinations: &[Vec<String>], models: Option<&BTreeSet<&str>>) -> Vec<u32> {
    let universe = universe();
    (0_u32..1 << universe.len())
        .filter(|set| {
            combinations.iter().any(|combination| {
                combination.iter().all(|word| {
                    universe.iter().enumerate().any(|(bit, factor)| {
                        let model = factor.aaguid.map(|model| model.to_string());
                        let listed = models
                            .is_none_or(|models| model.is_none_or(|model| models.contains(model.as_str())));
                        set & 1 << bit != 0 && factor.mode.as_str() == word && listed
                    })
                })
            })
        })
        .collect()
}

/// The result by counting over all sets of factors, which is nothing like how the strength finds it.
fn oracle(
    good: &[u32],
    good_but_for_models: &[u32],
    shown: u32,
    usable: u32,
    registrable: u32,
) -> &'static str {
    let within = |sets: &[u32], these: u32| -> Vec<u32> {
        sets.iter().copied().filter(|set| set & !these == 0).collect()
    };
    if !within(good, shown).is_empty() {
        return "satisfied";
    }
    let challenges = within(good, shown | usable);
    if let Some(fewest) = challenges.iter().map(|set| (set & !shown).count_ones()).min() {
        return if fewest == 1 { "singleChallengeRequired" } else { "multipleChallengesRequired" };
    }
    let all = shown | usable | registrable;
    let registrations = within(good, all);
    if let Some(fewest) = registrations.iter().map(|set| (set & !(shown | usable)).count_ones()).min() {
        return if fewest == 1 { "singleRegistrationRequired" } else { "multipleRegistrationsRequired" };
    }
    if within(good_but_for_models, all).is_empty() {
        "cannotSatisfy"
    } else {
        "cannotSatisfyDueToCombinationConfiguration"
    }
}

#[test]
fn every_strength_judges_every_set_of_factors_as_counting_does() {
    let mut strengths = Strength::built_in();
    strengths.push(custom(&["fido2"], &[IOS, ANDROID]));
    strengths.push(custom(&["password,microsoftAuthenticatorPush", "fido2"], &[IOS]));
    strengths.push(custom(&["password", "temporaryAccessPassOneTime"], &[]));
    let universe = universe();
    let mut seen = BTreeSet::new();
    for strength in &strengths {
        let document = strength.to_graph();
        let combinations: Vec<Vec<String>> = document["allowedCombinations"]
            .as_array()
            .unwrap()
            .iter()
            .map(|text| text.as_str().unwrap().split(',').map(str::to_owned).collect())
            .collect();
        let models = document["combinationConfigurations"][0]["allowedAAGUIDs"]
            .as_array()
            .map(|models| models.iter().map(|model| model.as_str().unwrap()).collect::<BTreeSet<_>>());
        let good = good_enough(&combinations, models.as_ref());
        let good_but_for_models = good_enough(&combinations, None);
        // Each factor is shown, usable, registrable or not there at all.
        for state in 0..4_u32.pow(7) {
            let mut sets = [0_u32; 4];
            let mut factors: [Vec<Factor>; 4] = Default::default();
            for (bit, factor) in universe.iter().enumerate() {
                let place = (state >> (2 * bit) & 3) as usize;
                sets[place] |= 1 << bit;
                factors[place].push(*factor);
            }
            let (result, clauses) = strength.evaluate(&factors[1], &factors[2], &factors[3]);
            let expected = oracle(&good, &good_but_for_models, sets[1], sets[2], sets[3]);
            assert_eq!(result.as_str(), expected, "{} {factors:?}", strength.display_name);
            assert_eq!(clauses[0].holds, result == StrengthResult::Satisfied, "{clauses:?}");
            seen.insert(result);
        }
    }
    assert_eq!(seen.len(), 7, "some results were never seen: {seen:?}");
}

#[test]
fn graph_s_words_are_the_names_of_results() {
    for result in [
        StrengthResult::Satisfied,
        StrengthResult::SingleChallengeRequired,
        StrengthResult::MultipleChallengesRequired,
        StrengthResult::SingleRegistrationRequired,
        StrengthResult::MultipleRegistrationsRequired,
        StrengthResult::CannotSatisfyDueToCombinationConfiguration,
        StrengthResult::CannotSatisfy,
    ] {
        assert_eq!(serde_json::to_value(result).unwrap(), result.as_str());
    }
    for mode in Mode::ALL {
        assert_eq!(serde_json::to_value(mode).unwrap(), mode.as_str());
        assert_eq!(Mode::of(&mode.as_str().to_uppercase()), Some(mode));
    }
}

#[test]
fn a_clause_names_the_model_that_will_not_do_and_those_that_would() {
    let strength = custom(&["fido2"], &[IOS, ANDROID]);
    let (result, clauses) = strength.evaluate(&[passkey(YUBIKEY)], &[], &[]);
    assert_eq!(result, StrengthResult::CannotSatisfyDueToCombinationConfiguration);
    let models = &clauses[1];
    assert_eq!(models.clause, "authenticationStrength[Passkeys].combinationConfigurations.allowedAAGUIDs");
    assert_eq!(models.says, format!("{YUBIKEY} was shown, and only {IOS}, {ANDROID} will do"));
    assert!(!models.holds);

    let (result, clauses) = strength.evaluate(&[], &[passkey(ANDROID)], &[]);
    assert_eq!(result, StrengthResult::SingleChallengeRequired);
    assert_eq!(clauses[1].says, format!("{ANDROID} is registered, and it is listed"));
    assert!(clauses[1].holds);
}

#[test]
fn a_passkey_of_a_model_that_nobody_knows_satisfies_no_list() {
    let unknown = plain(Mode::Fido2);
    let strength = custom(&["fido2"], &[IOS]);
    assert_eq!(
        strength.evaluate(&[unknown], &[], &[]).0,
        StrengthResult::CannotSatisfyDueToCombinationConfiguration
    );
    assert!(!strength.accepts(&unknown) && strength.accepts(&passkey(IOS)));
    assert_eq!(custom(&["fido2"], &[]).evaluate(&[unknown], &[], &[]).0, StrengthResult::Satisfied);
}

#[test]
fn a_strength_and_an_allow_list_that_differ_are_told_apart() {
    let policy = [aaguid(IOS), aaguid(ANDROID)].into();
    let any = custom(&["fido2"], &[]).beside_allow_list(&policy);
    assert!(!any[0].holds && any[0].says.contains("passkeys of any model"), "{any:?}");
    let other = custom(&["fido2"], &[IOS, YUBIKEY]).beside_allow_list(&policy);
    assert!(!other[0].holds && other[0].says.contains(YUBIKEY) && !other[0].says.contains(IOS), "{other:?}");
    assert!(custom(&["fido2"], &[IOS]).beside_allow_list(&policy)[0].holds);
    assert_eq!(custom(&["password,sms"], &[]).beside_allow_list(&policy), []);
}

#[test]
fn what_counts_as_multifactor_authentication_is_said_for_every_published_combination() {
    let single =
        ["password", "sms", "email", "x509CertificateSingleFactor", "federatedSingleFactor", "qrCodePin"];
    for combination in crate::access::Combination::published() {
        let text = combination.to_string();
        assert_eq!(combination.is_multi_factor(), !single.contains(&text.as_str()), "{text}");
        let spaced = text.replace(',', ", ").to_uppercase();
        assert_eq!(crate::access::Combination::parse(&spaced).unwrap(), combination);
    }
    assert_eq!(custom(&["fido2", "password,sms"], &[]).requirements_satisfied(), "mfa");
    assert_eq!(custom(&["fido2", "password"], &[]).requirements_satisfied(), "none");
}
