//! What a phone must be like for its Authenticator app to take part: the settings page of the walk-through.
use crate::app::Platform;
use crate::passkey::Route;
use crate::refusal::{Clause, Refusal, RefusalKind};
use serde::{Deserialize, Serialize};

/// What to do about Bluetooth that is off.
const BLUETOOTH: &str = "switch on Bluetooth on both devices";

/// A phone, and the computer beside it, as far as that matters for passkeys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Phone {
    /// Its name, for people.
    pub name: String,
    /// Its system.
    pub platform: Platform,
    /// The system's version, such as `17.4`.
    pub os_version: String,
    /// The app's version, such as `6.8.7`.
    pub app_version: String,
    /// Whether the app's "Usage data" is switched on.
    pub usage_data: bool,
    /// Whether the app is enabled in the system's AutoFill settings.
    pub auto_fill: bool,
    /// How many more providers of passkeys are enabled beside it, the system's own aside.
    pub other_providers: u8,
    /// Whether the phone's Bluetooth is on.
    pub bluetooth: bool,
    /// Whether the Bluetooth of the computer beside it is on.
    pub computer_bluetooth: bool,
}

impl Phone {
    /// A phone that does, with the versions of April 2024.
    pub fn fit(name: impl Into<String>, platform: Platform) -> Self {
        let (os_version, app_version) = match platform {
            Platform::Ios => ("17.4", "6.8.7"),
            Platform::Android => ("14", "6.2404.2229"),
        };
        Self {
            name: name.into(),
            platform,
            os_version: os_version.into(),
            app_version: app_version.into(),
            usage_data: true,
            auto_fill: true,
            other_providers: 0,
            bluetooth: true,
            computer_bluetooth: true,
        }
    }

    /// Whether a passkey can be registered on it that way. `both_types` where a profile that allows synced passkeys
    /// beside device-bound ones targets the app: that takes a newer one.
    ///
    /// # Errors
    /// What is wrong with it, all of it in the explanation, and what to do about the first.
    pub fn check(&self, route: Route, both_types: bool) -> Result<Vec<Clause>, Refusal> {
        let clauses = self.clauses(route, both_types);
        let Some(first) = clauses.iter().find(|clause| !clause.holds) else { return Ok(clauses) };
        let hint = match first.clause.as_str() {
            "phone.osVersion" => "update the phone's system",
            "phone.appVersion" => "update Microsoft Authenticator",
            "phone.usageData" => "switch on Usage data in Authenticator's settings",
            "phone.autoFill" => "enable Authenticator in the system's passwords and passkeys settings",
            "phone.otherProviders" => "disable one of the other providers: iOS allows one beside its own",
            _ => BLUETOOTH,
        };
        let refusal = Refusal::new(RefusalKind::Policy, "sim_phone_not_fit", first.says.clone());
        Err(refusal.hint(hint).because(clauses))
    }

    fn clauses(&self, route: Route, both_types: bool) -> Vec<Clause> {
        let (system, least_os, least_app) = match (self.platform, both_types) {
            (Platform::Ios, false) => ("iOS", "17", "6.8.7"),
            (Platform::Ios, true) => ("iOS", "17", "6.8.37"),
            (Platform::Android, false) => ("Android", "14", "6.2404.2229"),
            (Platform::Android, true) => ("Android", "14", "6.2507.4749"),
        };
        let clause = |name: &str, holds: bool, good: String, bad: String| Clause {
            clause: format!("phone.{name}"),
            holds,
            says: if holds { good } else { bad },
        };
        let version = |name, what: &str, is: &str, least: &str| {
            let good = format!("{what} {is} is at least {least}");
            clause(
                name,
                is_at_least(is, least),
                good,
                format!("{what} {is} is too old: passkeys need at least {least}"),
            )
        };
        let mut clauses = vec![
            version("osVersion", system, &self.os_version, least_os),
            version("appVersion", "Microsoft Authenticator", &self.app_version, least_app),
            clause(
                "usageData",
                self.usage_data,
                "Usage data is on in Microsoft Authenticator".into(),
                "Usage data is off in Microsoft Authenticator".into(),
            ),
            clause(
                "autoFill",
                self.auto_fill,
                "Microsoft Authenticator is enabled in AutoFill".into(),
                "Microsoft Authenticator is not enabled in AutoFill".into(),
            ),
        ];
        if self.platform == Platform::Ios {
            clauses.push(clause(
                "otherProviders",
                self.other_providers == 0,
                "no other provider is enabled beside iCloud Keychain".into(),
                format!(
                    "iOS allows one provider beside iCloud Keychain, and {} more are enabled beside Authenticator",
                    self.other_providers
                ),
            ));
        }
        if route == Route::CrossDevice {
            let nearby = Nearby { bluetooth: self.bluetooth, computer_bluetooth: self.computer_bluetooth };
            clauses.extend(nearby.clauses());
        }
        clauses
    }
}

/// Whether a phone and the computer beside it can be shown to be near each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Nearby {
    /// Whether the phone's Bluetooth is on.
    pub bluetooth: bool,
    /// Whether the computer's is.
    pub computer_bluetooth: bool,
}

impl Nearby {
    /// Whether a sign-in with the phone from the computer can be had.
    ///
    /// # Errors
    /// Policy, `sim_bluetooth_off`, if Bluetooth is off on either side.
    pub fn check(self) -> Result<Vec<Clause>, Refusal> {
        let clauses = self.clauses();
        match clauses.iter().find(|clause| !clause.holds) {
            None => Ok(clauses),
            Some(first) => Err(Refusal::new(RefusalKind::Policy, "sim_bluetooth_off", first.says.clone())
                .hint(BLUETOOTH)
                .because(clauses)),
        }
    }

    fn clauses(self) -> Vec<Clause> {
        let side = |name: &str, whose: &str, on: bool| Clause {
            clause: format!("{name}.bluetooth"),
            holds: on,
            says: format!("Bluetooth is {} on the {whose}", if on { "on" } else { "off" }),
        };
        vec![side("phone", "phone", self.bluetooth), side("computer", "computer", self.computer_bluetooth)]
    }
}

/// Whether a version of numbers between full stops is not older than another. What is no number is older than any.
fn is_at_least(version: &str, least: &str) -> bool {
    let numbers =
        |text: &str| -> Option<Vec<u64>> { text.split('.').map(|part| part.parse().ok()).collect() };
    let (Some(mut version), Some(mut least)) = (numbers(version), numbers(least)) else { return false };
    let longest = version.len().max(least.len());
    version.resize(longest, 0);
    least.resize(longest, 0);
    version >= least
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_number_by_number() {
        for (version, least, enough) in [
            ("17", "17", true),
            ("17.0.1", "17", true),
            ("16.9", "17", false),
            ("6.8.7", "6.8.7", true),
            ("6.8.10", "6.8.7", true),
            ("6.8", "6.8.7", false),
            ("6.2404.2229", "6.2404.2229", true),
            ("6.2403.9999", "6.2404.2229", false),
            ("new", "1", false),
            ("", "1", false),
        ] {
            assert_eq!(is_at_least(version, least), enough, "{version} {least}");
        }
    }

    #[test]
    fn each_shortcoming_alone_stops_a_registration_and_says_what_to_do() {
        type Spoil = fn(&mut Phone);
        let spoiled: [(&str, Spoil, &str); 7] = [
            ("phone.osVersion", |phone| phone.os_version = "13".into(), "update"),
            ("phone.appVersion", |phone| phone.app_version = "6.1".into(), "update"),
            ("phone.usageData", |phone| phone.usage_data = false, "Usage data"),
            ("phone.autoFill", |phone| phone.auto_fill = false, "enable"),
            ("phone.otherProviders", |phone| phone.other_providers = 1, "disable"),
            ("phone.bluetooth", |phone| phone.bluetooth = false, "Bluetooth"),
            ("computer.bluetooth", |phone| phone.computer_bluetooth = false, "Bluetooth"),
        ];
        for platform in [Platform::Ios, Platform::Android] {
            for route in [Route::InApp, Route::CrossDevice] {
                assert!(Phone::fit("phone", platform).check(route, false).is_ok());
                for (clause, spoil, hint) in spoiled {
                    let mut phone = Phone::fit("phone", platform);
                    spoil(&mut phone);
                    let only_nearby = clause.ends_with("bluetooth") && route == Route::InApp;
                    let only_ios = clause == "phone.otherProviders" && platform == Platform::Android;
                    let checked = phone.check(route, false);
                    assert_eq!(checked.is_ok(), only_nearby || only_ios, "{clause} {platform:?} {route:?}");
                    if let Err(refusal) = checked {
                        let failing: Vec<_> =
                            refusal.explanation.iter().filter(|found| !found.holds).collect();
                        assert_eq!(failing.len(), 1);
                        assert_eq!(failing[0].clause, clause);
                        assert!(refusal.hint.unwrap().contains(hint));
                    }
                }
            }
        }
    }

    #[test]
    fn bluetooth_that_is_off_on_either_side_stops_a_sign_in_from_another_device_too() {
        let nearby = |bluetooth, computer_bluetooth| Nearby { bluetooth, computer_bluetooth }.check();
        assert_eq!(nearby(true, true).unwrap().len(), 2);
        for (bluetooth, computer, whose) in
            [(false, true, "phone"), (true, false, "computer"), (false, false, "phone")]
        {
            let refusal = nearby(bluetooth, computer).unwrap_err();
            assert_eq!(refusal.code, "sim_bluetooth_off");
            assert_eq!(refusal.message, format!("Bluetooth is off on the {whose}"));
            assert!(refusal.hint.is_some());
        }
    }

    #[test]
    fn a_profile_with_both_types_takes_a_newer_app() {
        for platform in [Platform::Ios, Platform::Android] {
            let mut phone = Phone::fit("phone", platform);
            assert!(phone.check(Route::InApp, true).is_err(), "{platform:?}");
            phone.app_version = "6.9999.1".into();
            assert!(phone.check(Route::InApp, true).is_ok(), "{platform:?}");
        }
    }
}
