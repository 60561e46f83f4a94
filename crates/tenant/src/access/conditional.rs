//! Conditional access, Graph `conditionalAccessPolicy`: who has to show what before getting where. A subset: users and
//! groups, applications and the registration of security info; block, mfa and authentication strengths.
use super::apps;
use super::document::bad;
use super::strength;
use crate::guid::Guid;
use crate::refusal::{Clause, Refusal};
use crate::time::Time;
use crate::user::{Subject, UserType};
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeSet;

mod evaluation;
mod reading;

pub use evaluation::{Access, AppliedPolicy, AppliedResult, AppliedStrength, Verdict, evaluate};

/// The user action of registering security info.
pub const REGISTER_SECURITY_INFO: &str = "urn:user:registersecurityinfo";

/// What somebody wants to get to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// An application.
    App(Guid),
    /// To register security info, wherever.
    RegisterSecurityInfo,
}

/// `state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PolicyState {
    /// It binds.
    Enabled,
    /// It does nothing.
    Disabled,
    /// It is only looked at: the sign-in log says what it would have done.
    EnabledForReportingButNotEnforced,
}

/// `grantControls.operator`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Operator {
    /// All controls have to be met.
    #[serde(rename = "AND")]
    And,
    /// Any of them.
    #[serde(rename = "OR")]
    Or,
}

/// One of `grantControls.builtInControls`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum BuiltInControl {
    /// No access.
    Block,
    /// Multifactor authentication: the same as the built-in strength of that name.
    Mfa,
}

/// Users of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Users {
    /// `All`
    All,
    /// `None`
    None,
    /// `GuestsOrExternalUsers`
    GuestsOrExternalUsers,
    /// One user.
    User(Guid),
}

/// Applications of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Applications {
    /// `All`: all resources.
    All,
    /// `None`
    None,
    /// One application, by `appId`.
    App(Guid),
}

/// `conditions`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Conditions {
    /// `users.includeUsers`
    pub include_users: Vec<Users>,
    /// `users.excludeUsers`
    pub exclude_users: Vec<Users>,
    /// `users.includeGroups`
    pub include_groups: Vec<Guid>,
    /// `users.excludeGroups`
    pub exclude_groups: Vec<Guid>,
    /// `applications.includeApplications`
    pub include_applications: Vec<Applications>,
    /// `applications.excludeApplications`
    pub exclude_applications: Vec<Applications>,
    /// `applications.includeUserActions`: whether [`REGISTER_SECURITY_INFO`] is in it.
    pub registers_security_info: bool,
    /// `clientAppTypes`, as they are given. All sign-ins here are of browsers and of apps that speak modern
    /// authentication.
    pub client_app_types: Vec<String>,
}

impl Default for Conditions {
    fn default() -> Self {
        Self {
            include_users: Vec::new(),
            exclude_users: Vec::new(),
            include_groups: Vec::new(),
            exclude_groups: Vec::new(),
            include_applications: Vec::new(),
            exclude_applications: Vec::new(),
            registers_security_info: false,
            client_app_types: vec!["all".into()],
        }
    }
}

/// `grantControls`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GrantControls {
    /// How the controls go together.
    pub operator: Operator,
    /// Block, or multifactor authentication.
    #[serde(default)]
    pub built_in_controls: Vec<BuiltInControl>,
    /// An authentication strength.
    #[serde(default)]
    pub authentication_strength: Option<Guid>,
}

/// A conditional access policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConditionalAccessPolicy {
    /// The ID.
    pub id: Guid,
    /// The name.
    pub display_name: String,
    /// Whether it binds.
    pub state: PolicyState,
    /// Whom and what it is about.
    pub conditions: Conditions,
    /// What it asks for.
    pub grant_controls: GrantControls,
    /// When it was made.
    pub created: Time,
    /// When it was changed, if it was.
    #[serde(default)]
    pub modified: Option<Time>,
}

impl ConditionalAccessPolicy {
    /// A policy of a document, Graph's POST of conditionalAccess/policies. Whether its strength is there is for the
    /// caller to see: [`ConditionalAccessPolicy::strength`].
    ///
    /// # Errors
    /// BadRequest, if there is something in the document that has no meaning here or is not imitated.
    pub fn from_graph(body: &Value, now: Time, rng: &mut dyn CryptoRng) -> Result<Self, Refusal> {
        reading::policy(body, now, rng)
    }

    /// The same after a PATCH: what the body does not name keeps its value, lists are replaced as a whole.
    ///
    /// # Errors
    /// BadRequest, as for a new one.
    pub fn patched(&self, body: &Value, now: Time) -> Result<Self, Refusal> {
        reading::patched(self, body, now)
    }

    /// The authentication strength that it asks for.
    pub const fn strength(&self) -> Option<Guid> {
        self.grant_controls.authentication_strength
    }

    /// The document, without `@odata.context`.
    pub fn to_graph(&self) -> Value {
        let conditions = &self.conditions;
        let actions: &[&str] =
            if conditions.registers_security_info { &[REGISTER_SECURITY_INFO] } else { &[] };
        json!({
            "id": self.id,
            "displayName": self.display_name,
            "createdDateTime": self.created,
            "modifiedDateTime": self.modified,
            "state": self.state,
            "conditions": {
                "userRiskLevels": [],
                "signInRiskLevels": [],
                "clientAppTypes": conditions.client_app_types,
                "platforms": null,
                "locations": null,
                "devices": null,
                "clientApplications": null,
                "applications": {
                    "includeApplications": conditions.include_applications,
                    "excludeApplications": conditions.exclude_applications,
                    "includeUserActions": actions,
                },
                "users": {
                    "includeUsers": conditions.include_users,
                    "excludeUsers": conditions.exclude_users,
                    "includeGroups": conditions.include_groups,
                    "excludeGroups": conditions.exclude_groups,
                    "includeRoles": [],
                    "excludeRoles": [],
                },
            },
            "grantControls": {
                "operator": self.grant_controls.operator,
                "builtInControls": self.grant_controls.built_in_controls,
                "customAuthenticationFactors": [],
                "termsOfUse": [],
                "authenticationStrength":
                    self.strength().map_or(Value::Null, |id| json!({ "id": id })),
            },
            "sessionControls": null,
        })
    }

    /// Whether it is about that user (the clause holds), and why, or why not. An exclusion wins over everything.
    fn concerns(&self, subject: &Subject<'_>) -> Clause {
        let path = |part: &str| format!("conditionalAccess[{}].conditions.users.{part}", self.display_name);
        let is = |users: &Users| match users {
            Users::All => true,
            Users::None => false,
            Users::GuestsOrExternalUsers => subject.user.user_type == UserType::Guest,
            Users::User(id) => *id == subject.user.id,
        };
        let conditions = &self.conditions;
        if let Some(users) = conditions.exclude_users.iter().find(|users| is(users)) {
            return Clause::fails(
                path("excludeUsers"),
                format!("{users} is excluded, and the user is meant by it"),
            );
        }
        if let Some(group) = conditions.exclude_groups.iter().find(|group| subject.groups.contains(group)) {
            return Clause::fails(
                path("excludeGroups"),
                format!("the user is in the group {group}, which is excluded"),
            );
        }
        if let Some(users) = conditions.include_users.iter().find(|users| is(users)) {
            return Clause::holds(
                path("includeUsers"),
                format!("{users} is included, and the user is meant by it"),
            );
        }
        if let Some(group) = conditions.include_groups.iter().find(|group| subject.groups.contains(group)) {
            return Clause::holds(
                path("includeGroups"),
                format!("the user is in the group {group}, which is included"),
            );
        }
        Clause::fails(path("includeUsers"), "the user is neither included nor in a group that is")
    }

    /// Whether it is about that target (the clause holds), and why, or why not.
    ///
    /// The registration of security info is meant by its user action; and by all resources, as it is behind one. That
    /// excluding either of the resources by which one registers takes registration out of all resources is this
    /// tenant's reading of the documented cure for the registration loop.
    fn covers(&self, target: Target) -> Clause {
        let path =
            |part: &str| format!("conditionalAccess[{}].conditions.applications.{part}", self.display_name);
        let conditions = &self.conditions;
        let name = |id: Guid| match apps::name(id) {
            Some(name) => format!("{name} ({id})"),
            None => id.to_string(),
        };
        let behind: BTreeSet<Guid> = match target {
            Target::App(id) => BTreeSet::from([id]),
            Target::RegisterSecurityInfo if conditions.registers_security_info => {
                return Clause::holds(path("includeUserActions"), "registering security info is included");
            }
            Target::RegisterSecurityInfo => {
                [apps::MICROSOFT_AUTHENTICATOR_CREDENTIAL_REGISTRATION.id, apps::MY_SIGNINS.id].into()
            }
        };
        let is = |applications: &Applications| match applications {
            Applications::All => true,
            Applications::None => false,
            Applications::App(id) => behind.contains(id),
        };
        if let Some(excluded) = conditions.exclude_applications.iter().find(|one| is(one)) {
            let excluded = match excluded {
                Applications::App(id) => name(*id),
                other => other.to_string(),
            };
            return Clause::fails(path("excludeApplications"), format!("{excluded} is excluded"));
        }
        // One of the two resources behind a registration is not the registration itself: below.
        let included = conditions.include_applications.iter().find(|one| is(one));
        match (included, target) {
            (Some(Applications::All), _) => {
                Clause::holds(path("includeApplications"), "all resources are included")
            }
            (Some(_), Target::App(id)) => {
                Clause::holds(path("includeApplications"), format!("{} is included", name(id)))
            }
            (_, Target::App(id)) => {
                Clause::fails(path("includeApplications"), format!("{} is not included", name(id)))
            }
            (_, Target::RegisterSecurityInfo) => Clause::fails(
                path("includeUserActions"),
                "neither registering security info nor all resources are included",
            ),
        }
    }
}

/// What asks for a strength, Graph's `usage` of it: policies in two lists, those that so ask for multifactor
/// authentication and the others.
pub fn usage<'a>(
    strength: &strength::Strength,
    policies: impl IntoIterator<Item = &'a ConditionalAccessPolicy>,
) -> Value {
    let asking = policies.into_iter().filter(|policy| policy.strength() == Some(strength.id));
    let asking: Vec<Value> = asking.map(ConditionalAccessPolicy::to_graph).collect();
    let (mfa, none) = match strength.requirements_satisfied() {
        "mfa" => (asking, Vec::new()),
        _ => (Vec::new(), asking),
    };
    json!({ "mfa": mfa, "none": none })
}

/// The words of Graph for sets of users and of applications, or else an ID.
macro_rules! words_or_ids {
    ($type:ident, $id:ident, $what:literal, [$($variant:ident = $word:literal),*]) => {
        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self {
                    $(Self::$variant => f.write_str($word),)*
                    Self::$id(id) => std::fmt::Display::fmt(id, f),
                }
            }
        }

        impl std::str::FromStr for $type {
            type Err = Refusal;

            fn from_str(text: &str) -> Result<Self, Refusal> {
                $(if text.eq_ignore_ascii_case($word) {
                    return Ok(Self::$variant);
                })*
                text.parse().map(Self::$id).map_err(|_| {
                    bad(format!(concat!($what, " {} is neither a known word nor an ID"), super::document::quoted(text)))
                        .hint(format!("expected an ID or one of {}", [$($word),*].join(", ")))
                })
            }
        }

        impl Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

words_or_ids!(
    Users,
    User,
    "the user",
    [All = "All", None = "None", GuestsOrExternalUsers = "GuestsOrExternalUsers"]
);
words_or_ids!(Applications, App, "the application", [All = "All", None = "None"]);
