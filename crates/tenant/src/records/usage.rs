//! What people sign in with, Graph `userSignInUsageByAuthMethodActivity`.
use super::details::{Methods, ReportedMethod};
use super::sign_in_log::{AuthenticationDetail, SignIn};
use crate::settings::Behaviour;
use serde_json::{Value, json};
use wire::aaguid::Aaguid;

impl ReportedMethod {
    /// What one factor of a sign-in is reported as: a passkey by its type and model, anything else by the label that
    /// this tenant gave it. `None` for other labels.
    pub fn of_detail(detail: &AuthenticationDetail, behaviour: Behaviour) -> Option<Self> {
        if let Some(passkey_type) = detail.passkey_type {
            let aaguid = detail.aaguid.as_deref().and_then(|text| text.parse().ok());
            return Some(Self::of_model(aaguid.unwrap_or(Aaguid::ZERO), passkey_type, behaviour));
        }
        match detail.authentication_method.as_deref()? {
            "Password" => Some(Self::Password),
            "Mobile app notification" => Some(Self::MicrosoftAuthenticatorPush),
            "Passwordless phone sign-in" => Some(Self::MicrosoftAuthenticatorPasswordless),
            "OATH verification code" => Some(Self::SoftwareOneTimePasscode),
            "Temporary Access Pass" => Some(Self::TemporaryAccessPass),
            _ => None,
        }
    }
}

/// Sign-ins by method, counted one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct SignInUsage {
    by_method: [u64; ReportedMethod::ALL.len()],
}

impl SignInUsage {
    /// Counts one more. Of a sign-in that failed nothing is counted, and of one that led in every method once.
    pub fn count(&mut self, sign_in: &SignIn, behaviour: Behaviour) {
        if sign_in.error_code != 0 {
            return;
        }
        let mut used = Methods::default();
        for detail in sign_in.details.iter().filter(|detail| detail.succeeded) {
            if let Some(method) = ReportedMethod::of_detail(detail, behaviour) {
                used.insert(method);
            }
        }
        for method in used.iter() {
            self.by_method[method as usize] += 1;
        }
    }

    /// How many led in with that method.
    pub const fn with(&self, method: ReportedMethod) -> u64 {
        self.by_method[method as usize]
    }

    /// In Graph's shape, one for each method. For passwords the property has no word.
    pub fn to_graph(&self) -> Vec<Value> {
        let methods = ReportedMethod::ALL.into_iter().filter(|method| *method != ReportedMethod::Password);
        methods
            .map(|method| {
                json!({
                    "@odata.type": "#microsoft.graph.userSignInUsageByAuthMethodActivity",
                    "authenticationMethod": method.as_str(),
                    "successActivityCount": self.with(method),
                })
            })
            .collect()
    }
}
