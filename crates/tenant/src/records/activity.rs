//! How passkeys are taken up, in numbers for pages and charts: what the admin centre shows under Activity.
use super::details::{Registration, ReportedMethod, Summary};
use super::sign_in_log::{AuthenticationDetail, SignIn};
use super::usage::SignInUsage;
use crate::guid;
use crate::passkey::Passkey;
use crate::policy::friendly;
use crate::settings::Settings;
use crate::time::Time;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use wire::aaguid::Aaguid;

const SECONDS: i64 = 86_400;

/// A day in UTC; as text and in JSON `2026-01-20`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i64);

impl Day {
    /// The day of a moment.
    pub const fn of(time: Time) -> Self {
        Self(time.seconds().div_euclid(SECONDS))
    }

    /// Its first moment.
    pub const fn begins(self) -> Time {
        Time::from_seconds(self.0.saturating_mul(SECONDS))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.begins().to_string();
        f.write_str(text.split_once('T').map_or(text.as_str(), |(day, _)| day))
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let begins: Time = format!("{text}T00:00:00Z")
            .parse()
            .map_err(|_| de::Error::custom("expected a day such as 2026-01-20"))?;
        Ok(Self::of(begins))
    }
}

/// One method.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MethodActivity {
    /// Which.
    pub method: ReportedMethod,
    /// For people.
    pub display_name: String,
    /// How many users have it registered.
    pub users: usize,
    /// How many sign-ins of the days that are looked at were made with it.
    pub sign_ins: u64,
}

/// One model of passkey.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelActivity {
    /// Which, as the passkeys claim.
    #[serde(with = "guid::aaguid")]
    pub aaguid: Aaguid,
    /// Its name, or the AAGUID where there is none.
    pub display_name: String,
    /// How many passkeys there are.
    pub passkeys: u64,
    /// How many of them were registered on each day; the days are those of [`Activity::days`].
    pub registrations_by_day: Vec<u32>,
}

/// Sign-ins of one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DaySignIns {
    /// Those that led in.
    pub succeeded: u32,
    /// Those that did not.
    pub failed: u32,
    /// Those that led in with a passkey.
    pub with_passkey: u32,
}

/// One reason why sign-ins failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FailureActivity {
    /// Entra's number.
    pub error_code: u32,
    /// What Entra says with it.
    pub failure_reason: String,
    /// How many.
    pub sign_ins: u64,
}

/// How passkeys are taken up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Activity {
    /// The days that are looked at, oldest first, without a gap; the last is today.
    pub days: Vec<Day>,
    /// How many users there are.
    pub users: usize,
    /// How many of them are `isMfaCapable`.
    pub mfa_capable: usize,
    /// How many of them are `isPasswordlessCapable`.
    pub passwordless_capable: usize,
    /// How many passkeys there are.
    pub passkeys: u64,
    /// How many of them were registered on each day. Those that were deleted since are not counted.
    pub registrations_by_day: Vec<u32>,
    /// How many sign-ins there were on each day.
    pub sign_ins_by_day: Vec<DaySignIns>,
    /// By method, every one, in the order of [`ReportedMethod::ALL`].
    pub by_method: Vec<MethodActivity>,
    /// By model of passkey, most passkeys first.
    pub by_model: Vec<ModelActivity>,
    /// Why sign-ins failed, most frequent first.
    pub failures: Vec<FailureActivity>,
}

impl Activity {
    /// The most days that are looked at.
    pub const MOST_DAYS: u16 = 366;

    /// Counts everything, each once. `days` back from today, at least one and at most [`Self::MOST_DAYS`]; sign-ins
    /// and registrations of other days are left out, registered passkeys and methods are not.
    pub fn of<'a>(
        settings: &Settings,
        now: Time,
        days: u16,
        users: impl Iterator<Item = Registration>,
        passkeys: impl Iterator<Item = &'a Passkey>,
        sign_ins: impl Iterator<Item = &'a SignIn>,
    ) -> Self {
        let length = usize::from(days.clamp(1, Self::MOST_DAYS));
        let today = Day::of(now);
        // a clock that stands at the end of time is clamped, not wrapped
        let first = today.0.saturating_sub(i64::try_from(length - 1).unwrap_or(0));
        let at = |time: Time| {
            let position = usize::try_from(Day::of(time).0.checked_sub(first)?).ok()?;
            (position < length).then_some(position)
        };

        let mut summary = Summary::default();
        users.for_each(|registration| summary.count(registration));

        let mut total = 0;
        let mut registrations_by_day = vec![0; length];
        let mut models: HashMap<Aaguid, (u64, Vec<u32>)> = HashMap::new();
        for passkey in passkeys {
            total += 1;
            let (count, by_day) = models.entry(passkey.aaguid).or_insert_with(|| (0, vec![0; length]));
            *count += 1;
            if let Some(day) = at(passkey.created) {
                registrations_by_day[day] += 1;
                by_day[day] += 1;
            }
        }

        let mut usage = SignInUsage::default();
        let mut sign_ins_by_day = vec![DaySignIns::default(); length];
        let mut failures: BTreeMap<u32, (&str, u64)> = BTreeMap::new();
        for sign_in in sign_ins {
            let Some(day) = at(sign_in.created) else { continue };
            let day = &mut sign_ins_by_day[day];
            usage.count(sign_in, settings.behaviour);
            if sign_in.error_code == 0 {
                day.succeeded += 1;
                let by_passkey =
                    |detail: &AuthenticationDetail| detail.succeeded && detail.passkey_type.is_some();
                day.with_passkey += u32::from(sign_in.details.iter().any(by_passkey));
            } else {
                day.failed += 1;
                failures.entry(sign_in.error_code).or_insert((sign_in.failure_reason(), 0)).1 += 1;
            }
        }

        Self {
            days: (first..).take(length).map(Day).collect(),
            users: summary.users(),
            mfa_capable: summary.mfa_capable(),
            passwordless_capable: summary.passwordless_capable(),
            passkeys: total,
            registrations_by_day,
            sign_ins_by_day,
            by_method: by_method(&summary, &usage),
            by_model: by_model(models, settings),
            failures: by_number(failures),
        }
    }
}

fn by_method(summary: &Summary, usage: &SignInUsage) -> Vec<MethodActivity> {
    let methods = ReportedMethod::ALL.into_iter();
    methods
        .map(|method| MethodActivity {
            method,
            display_name: method.display_name().into(),
            users: summary.with(method),
            sign_ins: usage.with(method),
        })
        .collect()
}

fn by_model(models: HashMap<Aaguid, (u64, Vec<u32>)>, settings: &Settings) -> Vec<ModelActivity> {
    let mut models: Vec<ModelActivity> = models
        .into_iter()
        .map(|(aaguid, (passkeys, registrations_by_day))| ModelActivity {
            aaguid,
            display_name: friendly(aaguid, settings).unwrap_or_else(|| aaguid.to_string()),
            passkeys,
            registrations_by_day,
        })
        .collect();
    models.sort_unstable_by_key(|model| (std::cmp::Reverse(model.passkeys), model.aaguid));
    models
}

fn by_number(failures: BTreeMap<u32, (&str, u64)>) -> Vec<FailureActivity> {
    let mut failures: Vec<FailureActivity> = failures
        .into_iter()
        .map(|(error_code, (reason, sign_ins))| FailureActivity {
            error_code,
            failure_reason: reason.into(),
            sign_ins,
        })
        .collect();
    failures.sort_by_key(|failure| std::cmp::Reverse(failure.sign_ins));
    failures
}
