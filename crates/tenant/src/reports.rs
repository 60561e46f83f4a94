//! Reports over everybody, from what is there and what policy lets through now.
use crate::passkey::PasskeyType;
use crate::policy::{Purpose, Question};
use crate::records::{Included, Methods, Registration, ReportedMethod, Summary};
use crate::refusal::{Refusal, RefusalKind};
use crate::tenant::Tenant;
use crate::time::Time;
use crate::user::User;
use serde_json::{Value, json};
use std::collections::BTreeMap;

impl Tenant {
    /// What a user has registered, and what of it policy lets through.
    pub fn registration(&self, now: Time, user: &User) -> Registration {
        let behaviour = self.settings.behaviour;
        let (mut registered, mut allowed) = (Methods::default(), Methods::default());
        let subject = self.subject(user);
        let policy = self.felt_policy(now);
        for passkey in self.state.passkeys_of(user.id) {
            let method = ReportedMethod::of(passkey, behaviour);
            registered.insert(method);
            if !allowed.has(method) && passkey.dead.is_none() {
                let facts = passkey.facts();
                let purpose = Purpose::SignIn;
                let question = Question { purpose, behaviour, subject, passkey: Some(&facts) };
                if policy.decide(&question).allowed {
                    allowed.insert(method);
                }
            }
        }
        let Some(belongings) = self.state.belongings.get(&user.id) else {
            return Registration { registered, allowed };
        };
        if belongings.password.is_some() {
            registered.insert(ReportedMethod::Password);
            allowed.insert(ReportedMethod::Password);
        }
        if let Some(tap) = &belongings.tap {
            // A pass that cannot be used any more is not registered any more.
            if tap.usability(&self.state.tap, &subject, now).is_usable {
                registered.insert(ReportedMethod::TemporaryAccessPass);
                allowed.insert(ReportedMethod::TemporaryAccessPass);
            }
        }
        if belongings.apps.is_empty() {
            return Registration { registered, allowed };
        }
        let mode = self.state.authenticator.mode_for(subject);
        for (app, _) in &belongings.apps {
            registered.insert_app(app);
            if let Some(mode) = mode {
                let mut now_allowed = app.clone();
                now_allowed.push &= mode.push();
                now_allowed.phone_sign_in &= mode.phone_sign_in();
                now_allowed.one_time_code &= self.state.authenticator.is_software_oath_enabled;
                allowed.insert_app(&now_allowed);
            }
        }
        Registration { registered, allowed }
    }

    /// `userRegistrationDetails` of everybody, by name.
    pub fn registration_details(&self, now: Time) -> impl Iterator<Item = Value> {
        self.users().map(move |user| self.registration_details_of(now, user))
    }

    /// `userRegistrationDetails` of one.
    pub fn registration_details_of(&self, now: Time, user: &User) -> Value {
        self.registration(now, user).to_graph(user, now)
    }

    /// How many of those have what.
    pub fn summary(&self, now: Time, included: Included) -> Summary {
        let mut summary = Summary::default();
        for user in self.state.users.values().filter(|user| included.counts(user)) {
            summary.count(self.registration(now, user));
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

    /// `userSignInUsageByAuthMethodActivity`: how often which kind of passkey signed in.
    pub fn sign_ins_by_method(&self) -> Vec<Value> {
        let mut counts: BTreeMap<&str, u64> =
            BTreeMap::from([("passKeyDeviceBound", 0), ("passKeySynced", 0)]);
        for entry in self.sign_ins().filter(|entry| entry.error_code == 0) {
            for detail in entry.details.iter().filter(|detail| detail.succeeded) {
                let method = match detail.passkey_type {
                    Some(PasskeyType::DeviceBound) => "passKeyDeviceBound",
                    Some(PasskeyType::Synced) => "passKeySynced",
                    None => continue,
                };
                *counts.entry(method).or_default() += 1;
            }
        }
        let count = |(method, count)| {
            json!({
                "@odata.type": "#microsoft.graph.userSignInUsageByAuthMethodActivity",
                "authenticationMethod": method,
                "successActivityCount": count,
            })
        };
        counts.into_iter().map(count).collect()
    }
}

fn included(types: &str, roles: &str) -> Result<Included, Refusal> {
    Included::read(types, roles).map_err(|why| Refusal::new(RefusalKind::BadRequest, "badRequest", why))
}
