//! The sign-in log: Graph `signIn`, whose authentication details are there in beta only.
use crate::access::{AppliedPolicy, apps};
use crate::guid::Guid;
use crate::passkey::{Passkey, PasskeyType};
use crate::refusal::Clause;
use crate::settings::Settings;
use crate::time::Time;
use crate::user::User;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// `authenticationDetail`: one factor of a sign-in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthenticationDetail {
    /// When it was shown.
    pub authentication_step_date_time: Time,
    /// Its label, such as `Passkey (device-bound)`.
    pub authentication_method: Option<String>,
    /// Which one of that method.
    pub authentication_method_detail: Option<String>,
    /// Whether it was right.
    pub succeeded: bool,
    /// What came of it, where that is said.
    pub authentication_step_result_detail: Option<String>,
    /// Of what type a passkey is: for reports, not in Graph.
    #[serde(default)]
    pub passkey_type: Option<PasskeyType>,
    /// The model of a passkey: for reports, not in Graph.
    #[serde(default)]
    pub aaguid: Option<String>,
}

impl AuthenticationDetail {
    /// Of a passkey. Its detail is the label of its model if there is one, or else `NAME - AAGUID`.
    pub fn passkey(
        settings: &Settings,
        passkey: &Passkey,
        at: Time,
        succeeded: bool,
        result: Option<String>,
    ) -> Self {
        let aaguid = passkey.aaguid.to_string();
        let label = match passkey.passkey_type {
            PasskeyType::DeviceBound => &settings.labels.device_bound,
            PasskeyType::Synced => &settings.labels.synced,
        };
        let detail = settings.labels.details.get(&aaguid).cloned();
        Self {
            authentication_step_date_time: at,
            authentication_method: Some(label.clone()),
            authentication_method_detail: Some(
                detail.unwrap_or_else(|| format!("{} - {aaguid}", passkey.display_name)),
            ),
            succeeded,
            authentication_step_result_detail: result,
            passkey_type: Some(passkey.passkey_type),
            aaguid: Some(aaguid),
        }
    }

    /// Of anything else.
    pub fn plain(label: &str, at: Time, succeeded: bool, result: Option<String>) -> Self {
        Self {
            authentication_step_date_time: at,
            authentication_method: Some(label.into()),
            authentication_method_detail: None,
            succeeded,
            authentication_step_result_detail: result,
            passkey_type: None,
            aaguid: None,
        }
    }
}

/// What a sign-in is told by.
pub struct SignInFacts<'a> {
    /// The entry's ID.
    pub id: Guid,
    /// When.
    pub now: Time,
    /// The same for all entries of one session.
    pub correlation_id: Guid,
    /// Who, if that is known.
    pub user: Option<&'a User>,
    /// To which application.
    pub app_id: Guid,
    /// From where.
    pub ip_address: String,
    /// By which program.
    pub user_agent: String,
    /// Zero, or Entra's number.
    pub error_code: u32,
    /// What this tenant says of it, beside Entra's text.
    pub message: Option<String>,
    /// The factors.
    pub details: Vec<AuthenticationDetail>,
    /// What conditional access made of it.
    pub applied: &'a [AppliedPolicy],
    /// Whether more than one factor was shown, or one that counts as several.
    pub multi_factor: bool,
    /// What was looked at.
    pub explanation: &'a [Clause],
    /// What is worth knowing.
    pub warnings: &'a [String],
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignIn {
    /// Its ID.
    pub id: Guid,
    /// When.
    pub created: Time,
    /// The same for all entries of one session.
    pub correlation_id: Guid,
    /// Who, if that is known.
    pub user_id: Option<Guid>,
    /// The user's name for people, as it was then.
    pub user_display_name: String,
    /// The user principal name, as it was then.
    pub user_principal_name: String,
    /// To which application.
    pub app_id: Guid,
    /// From where.
    pub ip_address: String,
    /// By which program.
    pub user_agent: String,
    /// Zero, or Entra's number.
    pub error_code: u32,
    /// What this tenant says of a failure.
    #[serde(default)]
    pub message: Option<String>,
    /// The factors.
    pub details: Vec<AuthenticationDetail>,
    /// What conditional access made of it.
    #[serde(default)]
    pub applied: Vec<AppliedPolicy>,
    /// Whether more than one factor was shown.
    pub multi_factor: bool,
    /// What was looked at.
    #[serde(default)]
    pub explanation: Vec<Clause>,
    /// What is worth knowing.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// What Entra says with a number: Microsoft's reference of error codes, and what was published of passkeys.
fn reason(error_code: u32) -> &'static str {
    match error_code {
        0 => "Other.",
        50034 => "The user account does not exist in the directory.",
        50074 => "Strong Authentication is required.",
        50079 => "User needs to enroll for second factor authentication.",
        50126 => "Error validating credentials due to invalid username or password.",
        53003 => {
            "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance."
        }
        135_010 => "KeyNotFound",
        135_016 => "FIDO sign-in is disabled via policy",
        135_017 => "Unexpected Signature Counter received from authenticator.",
        135_018 => "Invalid challenge received from fido assertion.",
        500_121 => "Authentication failed during strong authentication request.",
        _ => "Other.",
    }
}

impl SignIn {
    /// An entry.
    pub fn new(_: &Settings, facts: SignInFacts<'_>) -> Self {
        Self {
            id: facts.id,
            created: facts.now,
            correlation_id: facts.correlation_id,
            user_id: facts.user.map(|user| user.id),
            user_display_name: facts.user.map(|user| user.display_name.clone()).unwrap_or_default(),
            user_principal_name: facts.user.map(|user| user.user_principal_name.clone()).unwrap_or_default(),
            app_id: facts.app_id,
            ip_address: facts.ip_address,
            user_agent: facts.user_agent,
            error_code: facts.error_code,
            message: facts.message,
            details: facts.details,
            applied: facts.applied.to_vec(),
            multi_factor: facts.multi_factor,
            explanation: facts.explanation.to_vec(),
            warnings: facts.warnings.to_vec(),
        }
    }

    /// What Entra says with its number.
    pub fn failure_reason(&self) -> &'static str {
        reason(self.error_code)
    }

    /// In Graph's shape.
    pub fn to_graph(&self, beta: bool) -> Value {
        let requirement = self.requirement();
        let applied: Vec<Value> = self.applied.iter().map(AppliedPolicy::to_graph).collect();
        let mut entry = json!({
            "id": self.id,
            "createdDateTime": self.created,
            "correlationId": self.correlation_id,
            "userDisplayName": self.user_display_name,
            "userPrincipalName": self.user_principal_name,
            "userId": self.user_id,
            "appId": self.app_id,
            "appDisplayName": apps::name(self.app_id).unwrap_or("Application"),
            "ipAddress": self.ip_address,
            "clientAppUsed": "Browser",
            "isInteractive": true,
            "conditionalAccessStatus": self.conditional_access_status(),
            "status": {
                "errorCode": self.error_code,
                "failureReason": self.failure_reason(),
                "additionalDetails": self.message,
            },
            "appliedConditionalAccessPolicies": applied,
        });
        if !self.warnings.is_empty() {
            entry["simWarnings"] = json!(self.warnings);
        }
        if !self.explanation.is_empty() {
            entry["simExplanation"] = json!(self.explanation);
        }
        if beta {
            entry["userAgent"] = self.user_agent.clone().into();
            entry["authenticationRequirement"] = if self.multi_factor || requirement.is_some() {
                "multiFactorAuthentication"
            } else {
                "singleFactorAuthentication"
            }
            .into();
            entry["authenticationDetails"] = self.authentication_details(requirement.as_deref());
            entry["authenticationRequirementPolicies"] = match requirement {
                Some(_) => json!([{
                    "requirementProvider": "authenticationStrengths",
                    "detail": "Authentication Strength(s)",
                }]),
                None => json!([]),
            };
        }
        entry
    }

    /// The name of the strength that was asked for.
    fn requirement(&self) -> Option<String> {
        self.applied.iter().find_map(|applied| {
            applied.authentication_strength.as_ref().map(|strength| strength.display_name.clone())
        })
    }

    fn conditional_access_status(&self) -> &'static str {
        match (self.applied.is_empty(), self.error_code) {
            (true, _) => "notApplied",
            (false, 0) => "success",
            (false, _) => "failure",
        }
    }

    /// The factors, and after a passkey that was right what it satisfied beside.
    fn authentication_details(&self, requirement: Option<&str>) -> Value {
        let mut steps = Vec::new();
        for detail in &self.details {
            let step = |method: Option<&str>, which: Option<&str>, result: Option<&str>| {
                json!({
                    "authenticationStepDateTime": detail.authentication_step_date_time,
                    "authenticationMethod": method,
                    "authenticationMethodDetail": which,
                    "succeeded": detail.succeeded,
                    "authenticationStepResultDetail": result,
                    "authenticationStepRequirement": requirement,
                })
            };
            let result = match (detail.succeeded, detail.passkey_type) {
                // Entra's text, where a passkey was refused: this tenant's own is in `status`.
                (false, Some(_)) => Some(self.failure_reason()),
                _ => detail.authentication_step_result_detail.as_deref(),
            };
            steps.push(step(
                detail.authentication_method.as_deref(),
                detail.authentication_method_detail.as_deref(),
                result,
            ));
            if detail.succeeded && detail.passkey_type.is_some() {
                let satisfied = "MFA requirement satisfied by multi-factor device";
                steps.push(step(Some("Other"), None, Some(satisfied)));
            }
        }
        steps.into()
    }
}
