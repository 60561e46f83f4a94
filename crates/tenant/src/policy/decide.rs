//! What the passkey policy says to a user and a passkey, clause by clause.
use super::fido2::{AttestationEnforcement, EnforcementType, Fido2Policy, KeyRestrictions, PasskeyTypes};
use super::models::{built_in, is_authenticator, is_windows_hello};
use super::target::{State, exclusion_of};
use super::{Decision, PolicyRefusal, Purpose, Question};
use crate::passkey::{AttestationLevel, PasskeyFacts, PasskeyType, Route};
use crate::refusal::Clause;
use crate::settings::Behaviour;
use crate::user::UserType;
use wire::aaguid::Aaguid;

/// How long the name of a custom attestation statement format may be, in characters: documented in 2026.
const LONGEST_FORMAT: usize = 32;
/// What an AAGUID of zeros most often means.
const ERASED: &str = "all zeros, erased by the browser: Chromium does so over USB when a page asks none";

/// The rules of one profile, or those of a tenant without profiles.
struct Rules<'a> {
    /// What its clauses begin with.
    scope: String,
    types: PasskeyTypes,
    /// The name of what enforces attestation.
    enforcement: &'static str,
    enforced: bool,
    keys: &'a KeyRestrictions,
}

/// What came of one set of rules.
struct Judgement {
    clauses: Vec<Clause>,
    /// The first that failed, and why.
    refused: Option<(usize, PolicyRefusal)>,
    /// Whether the AAGUID decided.
    by_aaguid: bool,
}

impl Judgement {
    fn new() -> Self {
        Self { clauses: Vec::new(), refused: None, by_aaguid: false }
    }

    /// A clause holds if nothing refuses.
    fn look(&mut self, clause: String, says: impl Into<String>, refused: Option<PolicyRefusal>) {
        if let (None, Some(refused)) = (self.refused, refused) {
            self.refused = Some((self.clauses.len(), refused));
        }
        self.clauses.push(Clause { clause, holds: refused.is_none(), says: says.into() });
    }

    fn failures(&self) -> usize {
        self.clauses.iter().filter(|clause| !clause.holds).count()
    }
}

impl Fido2Policy {
    /// What the policy says, and every clause that it looked at.
    ///
    /// First who: `state`, `excludeTargets`, `includeTargets`, and to register also `userType` and self-service.
    /// Then with what: in [`Behaviour::Current`] it is enough that the passkey satisfies one of the profiles that
    /// apply to the user, wholly; without profiles the tenant's settings are the only one, and let no synced
    /// passkeys through, for which the documentation asks a profile. Attestation and formats bind registration
    /// alone, key restrictions too in [`Behaviour::Preview2024`].
    pub fn decide(&self, question: &Question<'_>) -> Decision {
        let mut who = Judgement::new();
        self.judge_user(question, &mut who);
        let mut decision =
            Decision { allowed: true, clauses: who.clauses, refused: None, warnings: Vec::new() };
        if let Some((_, refused)) = who.refused {
            decision.refused = Some(refused);
        } else if let Some(facts) = question.passkey {
            let by_aaguid = if question.behaviour == Behaviour::Current && self.has_profiles() {
                self.judge_by_profiles(question, facts, &mut decision)
            } else {
                let judgement = judge(&self.settings(), question, facts);
                decision.refused = judgement.refused.map(|(_, refused)| refused);
                let keep = judgement.refused.map_or(judgement.clauses.len(), |(at, _)| at + 1);
                decision.clauses.extend(judgement.clauses.into_iter().take(keep));
                judgement.by_aaguid
            };
            decision.warnings = warnings(question, facts, by_aaguid);
        }
        decision.allowed = decision.refused.is_none();
        decision
    }

    /// Whether a registration from another device may be had, before anybody makes a passkey for it: it cannot be
    /// attested, so that it is in vain where everything that applies to the user enforces attestation. One profile
    /// that does not is enough to try.
    pub fn decide_cross_device(&self, question: &Question<'_>) -> Decision {
        let by_profiles = question.behaviour == Behaviour::Current && self.has_profiles();
        let rules = if by_profiles { self.rules_for(question) } else { vec![self.settings()] };
        let mut judgement = Judgement::new();
        for rules in &rules {
            judge_conveyance(rules, &mut judgement);
        }
        let in_vain = rules.iter().all(|rules| rules.enforced);
        Decision {
            allowed: !in_vain,
            clauses: judgement.clauses,
            refused: in_vain.then_some(PolicyRefusal::CrossDeviceNotAttestable),
            warnings: Vec::new(),
        }
    }

    /// Who; ends at the first clause that fails.
    fn judge_user(&self, question: &Question<'_>, who: &mut Judgement) {
        use PolicyRefusal as No;
        let subject = &question.subject;
        let off = self.state == State::Disabled;
        let says = if off { "the method is disabled" } else { "the method is enabled" };
        who.look("state".into(), says, off.then_some(No::MethodDisabled));
        if off {
            return;
        }
        match exclusion_of(&self.exclude_targets, subject) {
            Some(target) => {
                let says =
                    format!("the user is excluded by {}, and an exclusion wins over everything", target.id);
                return who.look("excludeTargets".into(), says, Some(No::Excluded));
            }
            None => who.look("excludeTargets".into(), "nothing excludes the user", None),
        }
        match self.include_targets.iter().find(|target| subject.is_in(&target.target.id)) {
            Some(target) => {
                who.look("includeTargets".into(), format!("the user is in {}", target.target.id), None);
            }
            None => {
                let says = "no target means the user, nor a group of the user";
                return who.look("includeTargets".into(), says, Some(No::NotTargeted));
            }
        }
        if question.purpose == Purpose::SignIn {
            return;
        }
        let guest = subject.user.user_type == UserType::Guest;
        let says = if guest { "the user is a guest" } else { "the user is a member" };
        who.look("userType".into(), says, guest.then_some(No::Guest));
        if guest {
            return;
        }
        let off = !self.is_self_service_registration_allowed;
        let says = if off { "self-service set-up is off" } else { "self-service set-up is on" };
        who.look("isSelfServiceRegistrationAllowed".into(), says, off.then_some(No::SelfServiceOff));
    }

    /// The settings of a tenant without profiles.
    fn settings(&self) -> Rules<'_> {
        Rules {
            scope: String::new(),
            types: PasskeyTypes::DEVICE_BOUND,
            enforcement: "isAttestationEnforced",
            enforced: self.is_attestation_enforced,
            keys: &self.key_restrictions,
        }
    }

    /// The rules of the profiles that apply to a user, each once.
    fn rules_for(&self, question: &Question<'_>) -> Vec<Rules<'_>> {
        let targets = self.include_targets.iter().filter(|target| question.subject.is_in(&target.target.id));
        let ids: Vec<_> = targets.flat_map(|target| &target.allowed_passkey_profiles).collect();
        let applying = self.passkey_profiles.iter().filter(|profile| ids.contains(&&profile.id));
        applying
            .map(|profile| Rules {
                scope: format!("passkeyProfiles[{}].", profile.name),
                types: profile.passkey_types,
                enforcement: "attestationEnforcement",
                enforced: profile.attestation_enforcement == AttestationEnforcement::RegistrationOnly,
                keys: &profile.key_restrictions,
            })
            .collect()
    }

    /// One profile that is wholly satisfied is enough. Says whether the AAGUID decided.
    fn judge_by_profiles(
        &self,
        question: &Question<'_>,
        facts: &PasskeyFacts,
        decision: &mut Decision,
    ) -> bool {
        let rules = self.rules_for(question);
        let judgements: Vec<_> = rules.iter().map(|rules| judge(rules, question, facts)).collect();
        let satisfied: Vec<_> =
            judgements.iter().zip(&rules).filter(|(judgement, _)| judgement.refused.is_none()).collect();
        let verdict = match satisfied.first() {
            Some((_, rules)) => {
                let name = rules.scope.trim_end_matches('.');
                Clause::holds("passkeyProfiles", format!("{name} is wholly satisfied, and one is enough"))
            }
            None => {
                let nearest = judgements.iter().min_by_key(|judgement| judgement.failures());
                let nearest = nearest.and_then(|judgement| {
                    let (at, refused) = judgement.refused?;
                    Some((&judgement.clauses[at], refused))
                });
                // A target always has profiles that exist.
                decision.refused = Some(nearest.map_or(PolicyRefusal::NotTargeted, |(_, refused)| refused));
                let says = match nearest {
                    Some((clause, _)) if judgements.len() > 1 => format!(
                        "none of {} profiles is wholly satisfied; nearest is {}: {}",
                        judgements.len(),
                        clause.clause,
                        clause.says
                    ),
                    Some((clause, _)) => format!("{}: {}", clause.clause, clause.says),
                    None => "no profile of includeTargets applies".into(),
                };
                Clause::fails("passkeyProfiles", says)
            }
        };
        let by_aaguid = match (satisfied.is_empty(), decision.refused) {
            (false, _) => satisfied.iter().all(|(judgement, _)| judgement.by_aaguid),
            (true, refused) => refused == Some(PolicyRefusal::KeyRestriction),
        };
        decision.clauses.extend(judgements.into_iter().flat_map(|judgement| judgement.clauses));
        decision.clauses.push(verdict);
        by_aaguid
    }
}

/// Holds a passkey to one set of rules, all of them: who has profiles to choose from wants to see all that is wrong.
fn judge(rules: &Rules<'_>, question: &Question<'_>, facts: &PasskeyFacts) -> Judgement {
    let mut judgement = Judgement::new();
    let preview = question.behaviour == Behaviour::Preview2024;
    let registers = question.purpose == Purpose::Registration;
    if preview {
        let refused = is_windows_hello(facts.aaguid).then_some(PolicyRefusal::WindowsHello);
        let says = match refused {
            Some(_) => "Windows Hello held no passkeys in the preview of 2024",
            None => "it is not Windows Hello",
        };
        judgement.look("Windows Hello".into(), says, refused);
    }
    judge_type(rules, question, facts, &mut judgement);
    if registers || !preview {
        judge_model(rules, facts, &mut judgement);
    } else if rules.keys.is_enforced {
        const SAYS: &str = "key restrictions bound registration alone in the preview of 2024";
        judgement.look(format!("{}keyRestrictions", rules.scope), SAYS, None);
    }
    if registers {
        judge_attestation(rules, facts, &mut judgement);
        judge_format(rules, preview, facts, &mut judgement);
    }
    let first = judgement.refused.map(|(_, refused)| refused);
    judgement.by_aaguid = match first {
        // In the preview, the format none was good or not by what the AAGUID said.
        None => {
            registers && preview && facts.fmt == "none" || rules.keys.is_enforced && (registers || !preview)
        }
        Some(PolicyRefusal::KeyRestriction | PolicyRefusal::WindowsHello) => true,
        Some(PolicyRefusal::FormatNotAccepted) => preview && facts.fmt == "none",
        Some(_) => false,
    };
    judgement
}

fn judge_type(rules: &Rules<'_>, question: &Question<'_>, facts: &PasskeyFacts, judgement: &mut Judgement) {
    let allowed = rules.types.has(facts.passkey_type);
    let says = match facts.passkey_type {
        _ if allowed => format!("{} passkeys are let through", facts.passkey_type.as_str()),
        PasskeyType::Synced if question.behaviour == Behaviour::Preview2024 => {
            "there were no synced passkeys in the preview of 2024".into()
        }
        PasskeyType::Synced if rules.scope.is_empty() => {
            "synced passkeys need a passkey profile that lets them through, and there are no profiles".into()
        }
        one => format!("the passkey is {}, and passkeyTypes is {}", one.as_str(), String::from(rules.types)),
    };
    let refused = (!allowed).then_some(PolicyRefusal::PasskeyType);
    judgement.look(format!("{}passkeyTypes", rules.scope), says, refused);
}

fn judge_model(rules: &Rules<'_>, facts: &PasskeyFacts, judgement: &mut Judgement) {
    let clause = format!("{}keyRestrictions", rules.scope);
    if !rules.keys.is_enforced {
        return judgement.look(clause, "key restrictions are not enforced", None);
    }
    let model = describe(facts.aaguid);
    let listed = rules.keys.aa_guids.contains(&facts.aaguid);
    let (says, allowed) = match (rules.keys.enforcement_type, listed) {
        (EnforcementType::Allow, true) => (format!("AAGUID {model} is on the allow list"), true),
        (EnforcementType::Allow, false) => (format!("AAGUID {model} is not on the allow list"), false),
        (EnforcementType::Block, true) => (format!("AAGUID {model} is on the block list"), false),
        (EnforcementType::Block, false) => (format!("AAGUID {model} is not on the block list"), true),
    };
    judgement.look(clause, says, (!allowed).then_some(PolicyRefusal::KeyRestriction));
}

fn judge_attestation(rules: &Rules<'_>, facts: &PasskeyFacts, judgement: &mut Judgement) {
    if !rules.enforced || facts.route == Route::CrossDevice {
        return judge_conveyance(rules, judgement);
    }
    let (says, refused) = match facts.attestation {
        AttestationLevel::NotAttested => (
            format!("attestation is enforced, and the format {:?} proves nothing here", shorten(&facts.fmt)),
            Some(PolicyRefusal::AttestationRequired),
        ),
        AttestationLevel::Attested => ("the attestation leads to a trusted certificate".into(), None),
    };
    judgement.look(format!("{}{}", rules.scope, rules.enforcement), says, refused);
}

/// What becomes of a passkey without an attestation, such as any from another device.
fn judge_conveyance(rules: &Rules<'_>, judgement: &mut Judgement) {
    let (says, refused) = match rules.enforced {
        false => ("attestation is not enforced", None),
        true => (
            "attestation is enforced, and a registration from another device cannot be attested",
            Some(PolicyRefusal::CrossDeviceNotAttestable),
        ),
    };
    judgement.look(format!("{}{}", rules.scope, rules.enforcement), says, refused);
}

fn judge_format(rules: &Rules<'_>, preview: bool, facts: &PasskeyFacts, judgement: &mut Judgement) {
    let clause = format!("{}fmt", rules.scope);
    let fmt = facts.fmt.as_str();
    let refuse = |says: String| (says, Some(PolicyRefusal::FormatNotAccepted));
    let (says, refused) = if rules.enforced && fmt != "packed" {
        refuse(format!(
            "attestation is enforced, which takes packed alone, and the format is {:?}",
            shorten(fmt)
        ))
    } else if facts.route == Route::Provisioning && !matches!(fmt, "packed" | "none") {
        refuse(format!("provisioning over Graph takes packed or none, and the format is {:?}", shorten(fmt)))
    } else if preview && fmt == "none" && !is_authenticator(facts.aaguid) && !is_windows_hello(facts.aaguid) {
        // The log of Entra's server said so.
        refuse(format!("Attestation format none not supported for aaguid {}", describe(facts.aaguid)))
    } else if fmt.is_empty() || fmt.chars().count() > LONGEST_FORMAT {
        refuse(format!(
            "the name of a format has 1 to {LONGEST_FORMAT} characters, and this one {}",
            fmt.chars().count()
        ))
    } else {
        (format!("the format {fmt:?} is accepted"), None)
    };
    judgement.look(clause, says, refused);
}

fn warnings(question: &Question<'_>, facts: &PasskeyFacts, by_aaguid: bool) -> Vec<String> {
    let mut warnings = Vec::new();
    if by_aaguid && facts.attestation == AttestationLevel::NotAttested {
        warnings.push(format!(
            "AAGUID {} is unverified: attestation was not enforced, so anybody can claim it",
            facts.aaguid
        ));
    }
    if facts.aaguid == Aaguid::ZERO && question.purpose == Purpose::Registration {
        warnings.push(format!("the AAGUID is {ERASED}"));
    }
    warnings
}

/// An AAGUID with its name, or why it has none.
fn describe(aaguid: Aaguid) -> String {
    match built_in(aaguid) {
        _ if aaguid == Aaguid::ZERO => format!("{aaguid} ({ERASED})"),
        Some(name) => format!("{aaguid} ({name})"),
        None => aaguid.to_string(),
    }
}

/// At most what the name of a format may have: it is somebody else's text.
fn shorten(fmt: &str) -> String {
    fmt.chars().take(LONGEST_FORMAT).collect()
}
