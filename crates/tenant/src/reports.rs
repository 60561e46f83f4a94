//! Reports over everybody, from what is there and what policy lets through now.
use crate::passkey::{AttestationLevel, Passkey, PasskeyType, Route};
use crate::policy::{Fido2Policy, Purpose, Question};
use crate::records::{Activity, Included, Methods, Registration, ReportedMethod, SignInUsage, Summary};
use crate::refusal::{Refusal, RefusalKind};
use crate::tenant::Tenant;
use crate::time::Time;
use crate::user::{Subject, User};
use serde_json::Value;
use std::collections::HashMap;
use wire::aaguid::Aaguid;

/// What the policy's answer about a registered passkey depends on: which targets mean the user, one bit for each, and
/// what the passkey is.
type Alike<'a> = (u128, Aaguid, AttestationLevel, PasskeyType, Route, &'a str);

/// Looks at one user after the other. Most users and passkeys are alike, and the policy is asked once for all that
/// are: a hundred thousand users cost a handful of decisions.
struct Survey<'a> {
    tenant: &'a Tenant,
    now: Time,
    policy: &'a Fido2Policy,
    known: HashMap<Alike<'a>, bool>,
}

impl<'a> Survey<'a> {
    fn new(tenant: &'a Tenant, now: Time) -> Self {
        Self { tenant, now, policy: tenant.felt_policy(now), known: HashMap::new() }
    }

    fn look(&mut self, user: &'a User) -> Registration {
        let state = &self.tenant.state;
        let (mut registered, mut allowed) = (Methods::default(), Methods::default());
        let Some(belongings) = state.belongings.get(&user.id) else {
            return Registration { registered, allowed };
        };
        let subject = self.tenant.subject(user);
        if !belongings.passkeys.is_empty() {
            let targets = self.targets(&subject);
            for passkey in state.passkeys_of(user.id) {
                let method = ReportedMethod::of(passkey, self.tenant.settings.behaviour);
                registered.insert(method);
                // One that will never sign in again makes nobody capable.
                if !allowed.has(method) && passkey.dead.is_none() && self.allows(subject, targets, passkey) {
                    allowed.insert(method);
                }
            }
        }
        if belongings.password.is_some() {
            registered.insert(ReportedMethod::Password);
            allowed.insert(ReportedMethod::Password);
        }
        if let Some(tap) = &belongings.tap {
            // A pass that cannot be used any more is not registered any more.
            if tap.usability(&state.tap, &subject, self.now).is_usable {
                registered.insert(ReportedMethod::TemporaryAccessPass);
                allowed.insert(ReportedMethod::TemporaryAccessPass);
            }
        }
        if belongings.apps.is_empty() {
            return Registration { registered, allowed };
        }
        let mode = state.authenticator.mode_for(subject);
        for (app, _) in &belongings.apps {
            registered.insert_app(app);
            if let Some(mode) = mode {
                if app.push && mode.push() {
                    allowed.insert(ReportedMethod::MicrosoftAuthenticatorPush);
                }
                if app.phone_sign_in && mode.phone_sign_in() {
                    allowed.insert(ReportedMethod::MicrosoftAuthenticatorPasswordless);
                }
                if app.one_time_code && state.authenticator.is_software_oath_enabled {
                    allowed.insert(ReportedMethod::SoftwareOneTimePasscode);
                }
            }
        }
        Registration { registered, allowed }
    }

    /// Which targets of the policy mean somebody; `None` if there are more than bits.
    fn targets(&self, subject: &Subject<'_>) -> Option<u128> {
        let included = self.policy.include_targets.iter().map(|target| target.target.id.as_str());
        let excluded = self.policy.exclude_targets.iter().map(|target| target.id.as_str());
        let mut bits = 0;
        for (position, id) in (0_u32..).zip(included.chain(excluded)) {
            let bit = 1_u128.checked_shl(position)?;
            if subject.is_in(id) {
                bits |= bit;
            }
        }
        Some(bits)
    }

    fn allows(&mut self, subject: Subject<'_>, targets: Option<u128>, passkey: &'a Passkey) -> bool {
        let decide = || {
            let (facts, behaviour) = (passkey.facts(), self.tenant.settings.behaviour);
            let question = Question { purpose: Purpose::SignIn, behaviour, subject, passkey: Some(&facts) };
            self.policy.decide(&question).allowed
        };
        let Some(targets) = targets else { return decide() };
        let alike = (
            targets,
            passkey.aaguid,
            passkey.attestation_level,
            passkey.passkey_type,
            passkey.route,
            passkey.fmt.as_str(),
        );
        if let Some(known) = self.known.get(&alike) {
            return *known;
        }
        let allowed = decide();
        self.known.insert(alike, allowed);
        allowed
    }
}

impl Tenant {
    /// What a user of the tenant has registered, and what of it policy lets through.
    pub fn registration(&self, now: Time, user: &User) -> Registration {
        Survey::new(self, now).look(user)
    }

    /// `userRegistrationDetails` of everybody, by name.
    pub fn registration_details(&self, now: Time) -> impl Iterator<Item = Value> {
        let mut survey = Survey::new(self, now);
        self.users().map(move |user| survey.look(user).to_graph(user, now))
    }

    /// `userRegistrationDetails` of one.
    pub fn registration_details_of(&self, now: Time, user: &User) -> Value {
        self.registration(now, user).to_graph(user, now)
    }

    /// How many of those have what.
    pub fn summary(&self, now: Time, included: Included) -> Summary {
        let (mut summary, mut survey) = (Summary::default(), Survey::new(self, now));
        for user in self.state.users.values().filter(|user| included.counts(user)) {
            summary.count(survey.look(user));
        }
        summary
    }

    /// `usersRegisteredByMethod`.
    ///
    /// # Errors
    /// BadRequest if a word is none of Graph's.
    pub fn registered_by_method(&self, now: Time, types: &str, roles: &str) -> Result<Value, Refusal> {
        Ok(self.summary(now, included(types, roles)?).methods_to_graph(types, roles))
    }

    /// `usersRegisteredByFeature`.
    ///
    /// # Errors
    /// BadRequest if a word is none of Graph's.
    pub fn registered_by_feature(&self, now: Time, types: &str, roles: &str) -> Result<Value, Refusal> {
        Ok(self.summary(now, included(types, roles)?).features_to_graph(types, roles))
    }

    /// `userSignInUsageByAuthMethodActivity`, of all that the log still has.
    pub fn sign_ins_by_method(&self) -> Vec<Value> {
        let mut usage = SignInUsage::default();
        for sign_in in self.sign_ins() {
            usage.count(sign_in, self.settings.behaviour);
        }
        usage.to_graph()
    }

    /// How passkeys are taken up, over that many days back from today.
    pub fn activity(&self, now: Time, days: u16) -> Activity {
        let mut survey = Survey::new(self, now);
        let users = self.state.users.values().map(|user| survey.look(user));
        Activity::of(&self.settings, now, days, users, self.all_passkeys(), self.sign_ins())
    }
}

fn included(types: &str, roles: &str) -> Result<Included, Refusal> {
    Included::read(types, roles).map_err(|why| Refusal::new(RefusalKind::BadRequest, "badRequest", why))
}
