//! What all policies together make of somebody who wants to get somewhere.
use super::{BuiltInControl, ConditionalAccessPolicy, Operator, PolicyState, Target};
use crate::access::apps::MICROSOFT_AUTHENTICATOR_CREDENTIAL_REGISTRATION as REGISTRATION;
use crate::access::combination::{Factor, Mode};
use crate::access::strength::{self, Strength, StrengthResult};
use crate::guid::Guid;
use crate::refusal::Clause;
use crate::user::Subject;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use wire::aaguid::Aaguid;

/// Microsoft Authenticator, for iOS and for Android.
const AUTHENTICATOR: [Aaguid; 2] = [
    Aaguid(0x90a3_ccdf_635c_4729_a248_9b70_9135_078f_u128.to_be_bytes()),
    Aaguid(0xde1e_552d_db1d_4423_a619_566b_625c_dc84_u128.to_be_bytes()),
];

/// What becomes of the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// Go on.
    Granted,
    /// Show more: a method of one of these modes, which the user has.
    StepUp {
        /// In Graph's order, never empty.
        modes: Vec<Mode>,
    },
    /// Register a method of one of these modes first. At [`Target::RegisterSecurityInfo`] that is a loop, and
    /// noticed as one.
    Register {
        /// In Graph's order, never empty.
        modes: Vec<Mode>,
    },
    /// No way in.
    Blocked,
}

/// Graph `appliedConditionalAccessPolicyResult`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AppliedResult {
    /// Its controls are met.
    Success,
    /// They are not, or not yet.
    Failure,
    /// It is not about this user, or not about what the user wants.
    NotApplied,
    /// It is switched off.
    NotEnabled,
    /// It only reports, and its controls are met.
    ReportOnlySuccess,
    /// It only reports, and would have blocked.
    ReportOnlyFailure,
    /// It only reports, and is not about this.
    ReportOnlyNotApplied,
    /// It only reports, and would have asked the user for something.
    ReportOnlyInterrupted,
}

impl AppliedResult {
    /// Graph's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::NotApplied => "notApplied",
            Self::NotEnabled => "notEnabled",
            Self::ReportOnlySuccess => "reportOnlySuccess",
            Self::ReportOnlyFailure => "reportOnlyFailure",
            Self::ReportOnlyNotApplied => "reportOnlyNotApplied",
            Self::ReportOnlyInterrupted => "reportOnlyInterrupted",
        }
    }
}

/// The strength that a policy asks for, Graph `authenticationStrength` of an applied policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AppliedStrength {
    /// `authenticationStrengthId`
    #[serde(rename = "authenticationStrengthId")]
    pub id: Guid,
    /// Its name.
    pub display_name: String,
    /// What came of it; `None` if the policy was not applied.
    #[serde(rename = "authenticationStrengthResult", default)]
    pub result: Option<StrengthResult>,
}

/// A policy as a sign-in log tells of it, Graph `appliedConditionalAccessPolicy`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AppliedPolicy {
    /// The policy.
    pub id: Guid,
    /// Its name.
    pub display_name: String,
    /// The built-in controls that it asked for, if it was applied.
    #[serde(default)]
    pub enforced_grant_controls: Vec<BuiltInControl>,
    /// What came of it.
    pub result: AppliedResult,
    /// The strength that it asks for.
    #[serde(default)]
    pub authentication_strength: Option<AppliedStrength>,
}

impl AppliedPolicy {
    /// The document, as sign-in logs have it. Session controls there are none of here.
    pub fn to_graph(&self) -> Value {
        let strength = self.authentication_strength.as_ref().map(|strength| {
            let mut document = json!({
                "displayName": strength.display_name,
                "authenticationStrengthId": strength.id,
            });
            if let Some(result) = strength.result {
                document["authenticationStrengthResult"] = result.as_str().into();
            }
            document
        });
        json!({
            "id": self.id,
            "displayName": self.display_name,
            "enforcedGrantControls": self.enforced_grant_controls,
            "enforcedSessionControls": [],
            "result": self.result,
            "authenticationStrength": strength,
        })
    }
}

/// What all policies together make of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Access {
    /// What becomes of the request.
    pub verdict: Verdict,
    /// Every policy, in the order in which they were given.
    pub applied: Vec<AppliedPolicy>,
    /// Why. The loop is not among them.
    pub clauses: Vec<Clause>,
    /// That registering what is asked for would itself need it, and what to do about it.
    pub loop_noticed: Option<Clause>,
}

/// What has to happen until a control, a policy, or all of them are met. The larger, the further.
#[derive(Clone, PartialEq, Eq)]
enum Need {
    Nothing,
    StepUp(BTreeSet<Mode>),
    Register(BTreeSet<Mode>),
    Refusal,
}

impl Need {
    const fn rank(&self) -> u8 {
        match self {
            Self::Nothing => 0,
            Self::StepUp(_) => 1,
            Self::Register(_) => 2,
            Self::Refusal => 3,
        }
    }

    /// Of two that are of the same kind, both.
    fn joined(self, other: Self) -> Self {
        match (self, other) {
            (Self::StepUp(mut modes), Self::StepUp(more)) => {
                modes.extend(more);
                Self::StepUp(modes)
            }
            (Self::Register(mut modes), Self::Register(more)) => {
                modes.extend(more);
                Self::Register(modes)
            }
            (one, _) => one,
        }
    }

    /// Both have to be met: a refusal refuses, and what can be shown now is asked for before a registration.
    fn and(self, other: Self) -> Self {
        const ORDER: [u8; 4] = [0, 2, 1, 3];
        let first = |need: &Self| ORDER[usize::from(need.rank())];
        match first(&self).cmp(&first(&other)) {
            std::cmp::Ordering::Less => other,
            std::cmp::Ordering::Equal => self.joined(other),
            std::cmp::Ordering::Greater => self,
        }
    }

    /// One of them has to be met: the nearer one.
    fn or(self, other: Self) -> Self {
        match self.rank().cmp(&other.rank()) {
            std::cmp::Ordering::Less => self,
            std::cmp::Ordering::Equal => self.joined(other),
            std::cmp::Ordering::Greater => other,
        }
    }
}

/// What somebody has, and whom and what it is about.
struct Evaluation<'a> {
    strengths: &'a dyn Fn(Guid) -> Option<Strength>,
    subject: &'a Subject<'a>,
    target: Target,
    shown: &'a [Factor],
    usable: &'a [Factor],
    registrable: &'a [Factor],
    /// A policy's name whose strength on the registration of security info outranks those on all resources.
    outranking: Option<&'a str>,
    clauses: Vec<Clause>,
    loop_noticed: Option<Clause>,
}

/// Judges a request by all policies; all that apply have to be met. `shown` is what the session has seen, `usable`
/// what the user has registered and policies allow, `registrable` what the user could register. Passkeys among these
/// have their models where strengths name them.
///
/// Policies that only report are judged too and change nothing.
pub fn evaluate(
    policies: &[&ConditionalAccessPolicy],
    strengths: &dyn Fn(Guid) -> Option<Strength>,
    subject: &Subject<'_>,
    target: Target,
    shown: &[Factor],
    usable: &[Factor],
    registrable: &[Factor],
) -> Access {
    // A strength on the registration of security info outranks those on all resources while one registers.
    let on_registration = policies.iter().find(|policy| {
        policy.state == PolicyState::Enabled
            && policy.strength().is_some()
            && policy.conditions.registers_security_info
            && policy.concerns(subject).holds
    });
    let mut evaluation = Evaluation {
        strengths,
        subject,
        target,
        shown,
        usable,
        registrable,
        outranking: on_registration.map(|policy| policy.display_name.as_str()),
        clauses: Vec::new(),
        loop_noticed: None,
    };
    let mut need = Need::Nothing;
    let mut applied = Vec::new();
    for policy in policies {
        let (asked, told) = evaluation.policy(policy);
        applied.push(told);
        if policy.state == PolicyState::Enabled {
            need = need.and(asked);
        }
    }
    let modes = |modes: BTreeSet<Mode>| modes.into_iter().collect();
    let verdict = match need {
        Need::Nothing => Verdict::Granted,
        Need::StepUp(these) => Verdict::StepUp { modes: modes(these) },
        Need::Register(these) => Verdict::Register { modes: modes(these) },
        Need::Refusal => Verdict::Blocked,
    };
    let loop_noticed = evaluation.loop_noticed.filter(|_| matches!(verdict, Verdict::Register { .. }));
    Access { verdict, applied, clauses: evaluation.clauses, loop_noticed }
}

impl Evaluation<'_> {
    /// One policy: what it asks for, and what a log tells of it.
    fn policy(&mut self, policy: &ConditionalAccessPolicy) -> (Need, AppliedPolicy) {
        let strength = policy.strength().map(|id| (id, (self.strengths)(id)));
        let mut told = AppliedPolicy {
            id: policy.id,
            display_name: policy.display_name.clone(),
            enforced_grant_controls: Vec::new(),
            result: AppliedResult::NotEnabled,
            authentication_strength: strength.as_ref().map(|(id, strength)| AppliedStrength {
                id: *id,
                display_name: strength.as_ref().map_or_else(String::new, |found| found.display_name.clone()),
                result: None,
            }),
        };
        if policy.state == PolicyState::Disabled {
            return (Need::Nothing, told);
        }
        let report_only = policy.state == PolicyState::EnabledForReportingButNotEnforced;
        let before = self.clauses.len();
        let need = self.applied(policy, strength, &mut told);
        told.result = match (&need, report_only) {
            (None, false) => AppliedResult::NotApplied,
            (None, true) => AppliedResult::ReportOnlyNotApplied,
            (Some(Need::Nothing), false) => AppliedResult::Success,
            (Some(_), false) => AppliedResult::Failure,
            (Some(Need::Nothing), true) => AppliedResult::ReportOnlySuccess,
            (Some(Need::Refusal), true) => AppliedResult::ReportOnlyFailure,
            (Some(_), true) => AppliedResult::ReportOnlyInterrupted,
        };
        if report_only {
            self.clauses.truncate(before);
            let says = format!("it only reports: {}", told.result.as_str());
            self.clauses.push(Clause::holds(path(policy, "state"), says));
        }
        (need.unwrap_or(Need::Nothing), told)
    }

    /// What a policy that is not disabled asks for; `None` if it is not about this.
    fn applied(
        &mut self,
        policy: &ConditionalAccessPolicy,
        strength: Option<(Guid, Option<Strength>)>,
        told: &mut AppliedPolicy,
    ) -> Option<Need> {
        for about in [policy.concerns(self.subject), policy.covers(self.target)] {
            if !about.holds {
                // What is not asked for lets through.
                self.clauses.push(Clause::holds(about.clause, format!("it does not apply: {}", about.says)));
                return None;
            }
        }
        let noticed_before = self.loop_noticed.clone();
        let mut needs = Vec::new();
        for control in &policy.grant_controls.built_in_controls {
            needs.push(self.built_in(policy, *control));
            told.enforced_grant_controls.push(*control);
        }
        if let Some((id, strength)) = strength {
            let outranked =
                self.target == Target::RegisterSecurityInfo && !policy.conditions.registers_security_info;
            if let Some(by) = self.outranking.filter(|_| outranked) {
                let says =
                    format!("while security info is registered, the strength that {by} asks for outranks it");
                self.clauses.push(Clause::holds(path(policy, "grantControls.authenticationStrength"), says));
            } else {
                let (need, result) = self.strength(policy, id, strength.as_ref());
                if let Some(applied) = &mut told.authentication_strength {
                    applied.result = Some(result);
                }
                needs.push(need);
            }
        }
        // Nothing is left of a policy whose only control was outranked.
        let together = match policy.grant_controls.operator {
            Operator::And => Need::and,
            Operator::Or => Need::or,
        };
        let need = needs.into_iter().reduce(together);
        if !matches!(need, Some(Need::Register(_))) {
            // It was a way that nobody has to go.
            self.loop_noticed = noticed_before;
        }
        need
    }

    fn built_in(&mut self, policy: &ConditionalAccessPolicy, control: BuiltInControl) -> Need {
        let path = path(policy, "grantControls.builtInControls");
        match control {
            BuiltInControl::Block => {
                self.clauses.push(Clause::fails(path, "it blocks"));
                Need::Refusal
            }
            BuiltInControl::Mfa => {
                let assessed = strength::MULTI_FACTOR.assess(self.shown, self.usable, self.registrable);
                let says = assessed.clauses.first().map_or("", |clause| clause.says.as_str());
                let says = format!("multifactor authentication is asked for: {says}");
                self.clauses.push(Clause {
                    clause: path,
                    holds: assessed.result == StrengthResult::Satisfied,
                    says,
                });
                if let Need::Register(_) = need(&assessed) {
                    self.notice_loop(policy, "multifactor authentication", false);
                }
                need(&assessed)
            }
        }
    }

    fn strength(
        &mut self,
        policy: &ConditionalAccessPolicy,
        id: Guid,
        strength: Option<&Strength>,
    ) -> (Need, StrengthResult) {
        let Some(strength) = strength else {
            let says = format!("it asks for the authentication strength {id}, which does not exist");
            self.clauses.push(Clause::fails(path(policy, "grantControls.authenticationStrength"), says));
            return (Need::Refusal, StrengthResult::CannotSatisfy);
        };
        let assessed = strength.assess(self.shown, self.usable, self.registrable);
        for clause in &assessed.clauses {
            let clause = Clause {
                clause: path(policy, &format!("grantControls.{}", clause.clause)),
                ..clause.clone()
            };
            self.clauses.push(clause);
        }
        if let Need::Register(modes) = need(&assessed) {
            let only_passkeys = modes.iter().all(|mode| *mode == Mode::Fido2);
            self.notice_loop(policy, &strength.display_name, only_passkeys && takes_authenticator(strength));
        }
        (need(&assessed), assessed.result)
    }

    /// Notices that what has to be registered would have to be there already in order to register it.
    /// `in_app` is whether it can be nothing but a passkey, and one in Microsoft Authenticator.
    fn notice_loop(&mut self, policy: &ConditionalAccessPolicy, asked: &str, in_app: bool) {
        // A browser registers a security key where the sign-in was interrupted. The Authenticator app signs in
        // anew, to a resource of its own, and is asked for the passkey that it is about to make.
        let loops = self.target == Target::RegisterSecurityInfo
            || (in_app && self.outranking.is_none() && policy.covers(Target::App(REGISTRATION.id)).holds);
        if policy.state != PolicyState::Enabled || !loops || self.loop_noticed.is_some() {
            return;
        }
        let (part, cure) = if policy.conditions.registers_security_info {
            let cure = "take a Temporary Access Pass beside it, and give the user one";
            ("grantControls", cure.to_owned())
        } else {
            let cure =
                format!("exclude the resource {} ({}) from the policy", REGISTRATION.name, REGISTRATION.id);
            ("conditions.applications.excludeApplications", cure)
        };
        let says = format!(
            "a loop: {} asks for {asked}, for which the user has to register something first, and to register it \
             is to be asked for the same; the cure: {cure}",
            policy.display_name
        );
        self.loop_noticed = Some(Clause::fails(path(policy, part), says));
    }
}

/// Whether a passkey in Microsoft Authenticator would do.
fn takes_authenticator(strength: &Strength) -> bool {
    strength.takes_any_model() || strength.allowed_aaguids().any(|aaguid| AUTHENTICATOR.contains(&aaguid))
}

fn path(policy: &ConditionalAccessPolicy, part: &str) -> String {
    format!("conditionalAccess[{}].{part}", policy.display_name)
}

fn need(assessed: &strength::Assessment) -> Need {
    match assessed.result {
        StrengthResult::Satisfied => Need::Nothing,
        StrengthResult::SingleChallengeRequired | StrengthResult::MultipleChallengesRequired => {
            Need::StepUp(assessed.modes.clone())
        }
        StrengthResult::SingleRegistrationRequired | StrengthResult::MultipleRegistrationsRequired => {
            Need::Register(assessed.modes.clone())
        }
        StrengthResult::CannotSatisfyDueToCombinationConfiguration | StrengthResult::CannotSatisfy => {
            Need::Refusal
        }
    }
}
