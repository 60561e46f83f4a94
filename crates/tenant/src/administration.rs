//! What administrators set: policies, strengths and conditional access, as documents in Graph's shape.
use crate::access::strength::MOST_CUSTOM;
use crate::access::{CombinationConfiguration, ConditionalAccessPolicy, Strength};
use crate::guid::Guid;
use crate::records::Audit;
use crate::refusal::{Refusal, RefusalKind};
use crate::state::Change;
use crate::store::Row;
use crate::tenant::Tenant;
use crate::time::Time;
use serde_json::Value;

/// The policies of single authentication methods that there are here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MethodPolicy {
    /// Passkeys (FIDO2).
    Fido2,
    /// Microsoft Authenticator.
    MicrosoftAuthenticator,
    /// Temporary Access Pass.
    TemporaryAccessPass,
}

impl MethodPolicy {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Fido2, Self::MicrosoftAuthenticator, Self::TemporaryAccessPass];

    /// Its ID in Graph.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Fido2 => "Fido2",
            Self::MicrosoftAuthenticator => "MicrosoftAuthenticator",
            Self::TemporaryAccessPass => "TemporaryAccessPass",
        }
    }

    /// The one of that ID, in any case.
    ///
    /// # Errors
    /// NotFound.
    pub fn named(id: &str) -> Result<Self, Refusal> {
        let found = Self::ALL.into_iter().find(|policy| policy.id().eq_ignore_ascii_case(id));
        found.ok_or_else(|| {
            let message = format!("there is no authentication method configuration {id}");
            Refusal::new(RefusalKind::NotFound, "Request_ResourceNotFound", message)
                .hint("there are Fido2, MicrosoftAuthenticator and TemporaryAccessPass")
        })
    }
}

impl Tenant {
    /// A method's policy as Graph shows it.
    pub fn method_policy(&self, which: MethodPolicy) -> Value {
        match which {
            MethodPolicy::Fido2 => self.policy().to_graph(self.settings.behaviour),
            MethodPolicy::MicrosoftAuthenticator => self.state.authenticator.to_graph(),
            MethodPolicy::TemporaryAccessPass => self.state.tap.to_graph(),
        }
    }

    /// Changes some of a policy, Graph's PATCH.
    ///
    /// # Errors
    /// BadRequest, and nothing was changed.
    pub fn patch_method_policy(
        &mut self,
        now: Time,
        which: MethodPolicy,
        body: &Value,
    ) -> Result<(), Refusal> {
        let row = match which {
            MethodPolicy::Fido2 => {
                let policy = self.policy().patched(body, self.settings.behaviour)?;
                Row::Fido2Policy(self.with_policy(policy, now))
            }
            MethodPolicy::MicrosoftAuthenticator => {
                Row::AuthenticatorPolicy(self.state.authenticator.patched(body)?)
            }
            MethodPolicy::TemporaryAccessPass => Row::TapPolicy(self.state.tap.patched(body)?),
        };
        self.change_policy(now, which.id(), "PATCH", row)
    }

    /// Puts a policy back to how it was at the beginning, Graph's DELETE.
    ///
    /// # Errors
    /// Broken if that cannot be kept.
    pub fn reset_method_policy(&mut self, now: Time, which: MethodPolicy) -> Result<(), Refusal> {
        let row = match which {
            MethodPolicy::Fido2 => Row::Fido2Policy(self.with_policy(self.policy().reset(), now)),
            MethodPolicy::MicrosoftAuthenticator => Row::AuthenticatorPolicy(Default::default()),
            MethodPolicy::TemporaryAccessPass => Row::TapPolicy(Default::default()),
        };
        self.change_policy(now, which.id(), "DELETE", row)
    }

    fn change_policy(&mut self, now: Time, what: &str, how: &str, row: Row) -> Result<(), Refusal> {
        let audit = Audit::policy_changed(now, self.log_id(now), what, how);
        self.commit(vec![Change::from(row), Change::from(Row::Audit(Box::new(audit)))])
    }

    /// All authentication strengths: those that are built in, then the tenant's own by ID.
    pub fn strengths(&self) -> Vec<Strength> {
        let mut strengths = Strength::built_in();
        strengths.extend(self.state.strengths.values().cloned());
        strengths
    }

    /// One, by ID or by name in any case.
    ///
    /// # Errors
    /// NotFound.
    pub fn strength(&self, which: &str) -> Result<Strength, Refusal> {
        let by_id = which.parse::<Guid>().ok();
        let found = self.strengths().into_iter().find(|strength| {
            by_id.is_some_and(|id| id == strength.id) || strength.display_name.eq_ignore_ascii_case(which)
        });
        found.ok_or_else(|| {
            let message = format!("there is no authentication strength {which}");
            Refusal::new(RefusalKind::NotFound, "Request_ResourceNotFound", message)
        })
    }

    /// Makes a strength of a document, Graph's POST.
    ///
    /// # Errors
    /// BadRequest; Conflict if there is one of that name.
    pub fn add_strength(&mut self, now: Time, body: &Value) -> Result<Strength, Refusal> {
        let strength = Strength::from_graph(body, now, &mut *self.rng)?;
        if self.strength(&strength.display_name).is_ok() {
            let message = format!("there is an authentication strength {} already", strength.display_name);
            return Err(Refusal::new(RefusalKind::Conflict, "sim_exists", message));
        }
        if self.state.strengths.len() >= MOST_CUSTOM {
            let message = format!(
                "there are {MOST_CUSTOM} custom authentication strengths, the most that there can be"
            );
            return Err(
                Refusal::new(RefusalKind::Conflict, "sim_too_many_strengths", message).hint("delete one")
            );
        }
        self.change_policy(now, &strength.display_name.clone(), "POST", Row::Strength(strength.clone()))?;
        Ok(strength)
    }

    /// Keeps a strength that was changed by its own methods.
    ///
    /// # Errors
    /// Broken if that cannot be kept.
    pub fn put_strength(&mut self, now: Time, strength: Strength) -> Result<(), Refusal> {
        self.change_policy(now, &strength.display_name.clone(), "PATCH", Row::Strength(strength))
    }

    /// Adds a combination configuration to a strength, Graph's POST.
    ///
    /// # Errors
    /// BadRequest; Forbidden if the strength is built in.
    pub fn add_configuration(
        &mut self,
        now: Time,
        which: &str,
        body: &Value,
    ) -> Result<CombinationConfiguration, Refusal> {
        let (changed, added) = self.strength(which)?.with_configuration(body, now, &mut *self.rng)?;
        self.put_strength(now, changed)?;
        Ok(added)
    }

    /// Deletes a strength.
    ///
    /// # Errors
    /// Forbidden if it is built in, Conflict if a policy asks for it.
    pub fn delete_strength(&mut self, now: Time, which: &str) -> Result<(), Refusal> {
        let strength = self.strength(which)?;
        strength.check_editable()?;
        let users: Vec<&str> = self
            .state
            .conditional
            .values()
            .filter(|policy| policy.strength() == Some(strength.id))
            .map(|policy| policy.display_name.as_str())
            .collect();
        if !users.is_empty() {
            let message = format!("{} is asked for by {}", strength.display_name, users.join(", "));
            return Err(Refusal::new(RefusalKind::Conflict, "sim_in_use", message)
                .hint("change or delete these conditional access policies first"));
        }
        let audit = Audit::policy_changed(now, self.log_id(now), &strength.display_name, "DELETE");
        self.commit(vec![Change::RemoveStrength(strength.id), Change::from(Row::Audit(Box::new(audit)))])
    }

    /// All conditional access policies.
    pub fn conditional_access(&self) -> impl Iterator<Item = &ConditionalAccessPolicy> {
        self.state.conditional.values()
    }

    /// One, by ID or by name in any case.
    ///
    /// # Errors
    /// NotFound.
    pub fn conditional_access_policy(&self, which: &str) -> Result<&ConditionalAccessPolicy, Refusal> {
        let by_id = which.parse::<Guid>().ok().and_then(|id| self.state.conditional.get(&id));
        let by_name =
            || self.state.conditional.values().find(|policy| policy.display_name.eq_ignore_ascii_case(which));
        by_id.or_else(by_name).ok_or_else(|| {
            let message = format!("there is no conditional access policy {which}");
            Refusal::new(RefusalKind::NotFound, "Request_ResourceNotFound", message)
        })
    }

    /// Makes one of a document, Graph's POST.
    ///
    /// # Errors
    /// BadRequest, also if it asks for a strength that is not there.
    pub fn add_conditional_access(
        &mut self,
        now: Time,
        body: &Value,
    ) -> Result<ConditionalAccessPolicy, Refusal> {
        let policy = ConditionalAccessPolicy::from_graph(body, now, &mut *self.rng)?;
        self.put_conditional_access(now, policy, "POST")
    }

    /// Changes some of one, Graph's PATCH.
    ///
    /// # Errors
    /// BadRequest, and nothing was changed.
    pub fn patch_conditional_access(
        &mut self,
        now: Time,
        which: &str,
        body: &Value,
    ) -> Result<ConditionalAccessPolicy, Refusal> {
        let policy = self.conditional_access_policy(which)?.patched(body, now)?;
        self.put_conditional_access(now, policy, "PATCH")
    }

    fn put_conditional_access(
        &mut self,
        now: Time,
        policy: ConditionalAccessPolicy,
        how: &str,
    ) -> Result<ConditionalAccessPolicy, Refusal> {
        if let Some(id) = policy.strength() {
            self.strength(&id.to_string())?;
        }
        let name = policy.display_name.clone();
        self.change_policy(now, &name, how, Row::ConditionalAccess(policy.clone()))?;
        Ok(policy)
    }

    /// Deletes one.
    ///
    /// # Errors
    /// NotFound.
    pub fn delete_conditional_access(&mut self, now: Time, which: &str) -> Result<(), Refusal> {
        let policy = self.conditional_access_policy(which)?;
        let (id, name) = (policy.id, policy.display_name.clone());
        let audit = Audit::policy_changed(now, self.log_id(now), &name, "DELETE");
        self.commit(vec![Change::RemoveConditionalAccess(id), Change::from(Row::Audit(Box::new(audit)))])
    }
}
