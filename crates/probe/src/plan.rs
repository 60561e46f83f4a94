//! What is to be tried, and what the relying party means to do: one small file, so that a run can be repeated.
use relying_party::{Ceremony, UserVerification};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A plan. Everything has a default; an unknown member is an error.
///
/// ```
/// let plan: probe::Plan = toml::from_str(r#"
///     name = "staging"
///     exclude = ["robustness", "sign-in-counter-jump"]
///
///     [expect]
///     device-bound = true
///     attestation = "enforced"
///     allowed = ["90a3ccdf-635c-4729-a248-9b709135078f", "de1e552d-db1d-4423-a619-566b625cdc84"]
/// "#)?;
/// assert!(plan.expect.device_bound && !plan.wants("sign-in-counter-jump", "counter"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Plan {
    /// What the report calls it.
    pub name: String,
    /// IDs of checks, or groups; everything if empty.
    pub include: Vec<String>,
    /// IDs of checks, or groups, that are not to be tried.
    pub exclude: Vec<String>,
    /// What the relying party means to do.
    pub expect: Expect,
    /// Whose credentials are made.
    pub users: Users,
    /// How many seconds a check may wait. Those that would wait for longer are skipped.
    pub patience: u64,
    /// What is done one after the other. Empty if it is all one phase.
    pub phases: Vec<Phase>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            name: "default".into(),
            include: Vec::new(),
            exclude: Vec::new(),
            expect: Expect::default(),
            users: Users::default(),
            patience: 0,
            phases: Vec::new(),
        }
    }
}

/// What the relying party means to do. What it does otherwise is a finding.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Expect {
    /// Whether it wants no passkeys that can be copied to other devices.
    pub device_bound: bool,
    /// What it makes of attestation.
    pub attestation: Attestation,
    /// Whether it wants users to be verified.
    pub user_verification: Verification,
    /// What it makes of a signature counter that does not grow.
    pub counter: Counter,
    /// What it makes of a backup eligibility that is another than at registration. WebAuthn L3 §7.2 step 19 leaves it to
    /// the relying party. Who wants device-bound passkeys checks it.
    pub backup: Counter,
    /// Whether pages of other origins may have its own in a frame: then crossOrigin is no reason to refuse (WebAuthn L3 §7.1
    /// step 10), and a topOrigin that is not its own still is.
    pub frames: bool,
    /// Whether pages of sub-domains are its own, which WebAuthn L3 §13.4.9 leaves to the relying party.
    pub sub_domains: bool,
    /// The AAGUIDs of the models that it wants and no others; any if empty.
    pub allowed: Vec<String>,
    /// The AAGUIDs of models that it does not want.
    pub blocked: Vec<String>,
    /// The COSE algorithms that credentials are made of, such as -7: the first that the options offer. Empty if the probe
    /// chooses.
    pub algorithms: Vec<i64>,
}

/// What is made of attestation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Attestation {
    /// Nothing hangs on it.
    #[default]
    None,
    /// What is there is verified, up to trust in its root.
    Accepted,
    /// Nobody registers without one that leads to a trusted root.
    Enforced,
}

/// Whether users must be verified.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verification {
    /// They must.
    Required,
    /// It would be welcome.
    Preferred,
    /// It is not worth a gesture.
    Discouraged,
    /// As the options say, each time.
    #[default]
    FromOptions,
}

impl Verification {
    /// Whether UV must be set, where the options said that.
    pub(crate) fn required(self, options: Option<&str>) -> bool {
        match self {
            Self::Required => true,
            Self::Preferred | Self::Discouraged => false,
            Self::FromOptions => UserVerification::from_options(options) == UserVerification::Required,
        }
    }
}

/// What is made of something that is the relying party's affair, as the signature counter is by WebAuthn L3 §7.2 step 22.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Counter {
    /// One that is not as it should be is a reason to refuse.
    Checked,
    /// It is the relying party's affair.
    #[default]
    Ignored,
}

/// Whose credentials are made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Users {
    /// Names, with `{n}` for a number: 1 has nearly everything, 2 is the other one.
    pub pattern: String,
    /// Whether each registration is a sign-up with a name of its own, from 3 on.
    pub sign_up: bool,
}

impl Default for Users {
    fn default() -> Self {
        Self { pattern: "probe-{n}@example.test".into(), sign_up: false }
    }
}

impl Users {
    /// The name of the user with that number.
    pub fn name(&self, n: usize) -> String {
        self.pattern.replace("{n}", &n.to_string())
    }
}

/// A part of a plan that has a state of the relying party of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Phase {
    /// What stands before the IDs of its checks in the report.
    pub name: String,
    /// What is changed before it begins, by the name that the target has for it.
    pub change: Option<String>,
    /// IDs of checks, or groups; everything that the plan wants if empty.
    pub checks: Vec<String>,
}

impl Plan {
    /// Whether a check of that ID and group is to be tried.
    pub fn wants(&self, id: &str, group: &str) -> bool {
        (self.include.is_empty() || names(&self.include, id, group)) && !names(&self.exclude, id, group)
    }

    /// Whether a check may wait for so long.
    pub(crate) fn patience(&self) -> Duration {
        Duration::from_secs(self.patience)
    }
}

impl Phase {
    /// Whether a check of that ID and group is part of it.
    pub(crate) fn has(&self, id: &str, group: &str) -> bool {
        self.checks.is_empty() || names(&self.checks, id, group)
    }
}

/// Whether the words name it: by its ID, by its group, or by the beginning of its ID and a `*`.
fn names(words: &[String], id: &str, group: &str) -> bool {
    words.iter().any(|word| match word.strip_suffix('*') {
        Some(beginning) => id.starts_with(beginning),
        None => word == id || word == group,
    })
}

/// What stands before the colon of a report's expectations.
pub(crate) const fn ceremony_word(ceremony: Ceremony) -> &'static str {
    match ceremony {
        Ceremony::Registration => "registration",
        Ceremony::Authentication => "sign-in",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_reads_back_from_toml_and_has_no_unknown_members() {
        let plan = Plan { phases: vec![Phase { name: "one".into(), ..Phase::default() }], ..Plan::default() };
        assert_eq!(toml::from_str::<Plan>(&toml::to_string(&plan).unwrap()).unwrap(), plan);
        assert_eq!(toml::from_str::<Plan>("").unwrap(), Plan::default());
        for unknown in
            ["nmae = 'x'", "[expect]\ndevice_bound = true", "[[phases]]\nchecks = []\nchange_ = ''"]
        {
            assert!(toml::from_str::<Plan>(unknown).is_err(), "{unknown}");
        }
    }

    #[test]
    fn the_plans_that_are_shown_as_examples_name_checks_that_there_are() {
        for text in [
            include_str!("../../../fixtures/probe/plans/strict.toml"),
            include_str!("../../../fixtures/probe/plans/two-phases.toml"),
        ] {
            let plan: Plan = toml::from_str(text).unwrap();
            assert_ne!(plan, Plan { name: plan.name.clone(), ..Plan::default() });
            assert!(crate::unknown_words(&plan).is_empty(), "{plan:?}");
        }
    }

    #[test]
    fn checks_are_named_by_id_group_or_the_beginning_of_an_id() {
        let with = |include: &[&str], exclude: &[&str]| Plan {
            include: include.iter().map(|word| (*word).into()).collect(),
            exclude: exclude.iter().map(|word| (*word).into()).collect(),
            ..Plan::default()
        };
        assert!(with(&[], &[]).wants("a-b", "g"));
        assert!(with(&["g"], &[]).wants("a-b", "g") && !with(&["g"], &["a-*"]).wants("a-b", "g"));
        assert!(with(&["a-*"], &[]).wants("a-b", "g") && !with(&["a"], &[]).wants("a-b", "g"));
    }

    #[test]
    fn verification_is_required_by_the_plan_or_by_the_options() {
        assert!(Verification::Required.required(Some("discouraged")));
        assert!(!Verification::Preferred.required(Some("required")));
        assert!(
            Verification::FromOptions.required(Some("required")) && !Verification::FromOptions.required(None)
        );
    }
}
