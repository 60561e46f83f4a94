//! The audit log: Graph `directoryAudit`.
use crate::access::Tap;
use crate::guid::Guid;
use crate::passkey::{Passkey, PasskeyFacts, PasskeyType};
use crate::settings::{Behaviour, Settings};
use crate::time::Time;
use crate::user::User;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The service that registers passkeys.
const DEVICE_REGISTRATION: &str = "Device Registration Service";
/// The service of everything about methods.
const METHODS: &str = "Authentication Methods";
/// The directory.
const DIRECTORY: &str = "Core Directory";

/// Somebody in an entry, as they were then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditedPerson {
    /// The object ID.
    pub id: Guid,
    /// The user principal name.
    pub user_principal_name: String,
}

impl From<&User> for AuditedPerson {
    fn from(user: &User) -> Self {
        Self { id: user.id, user_principal_name: user.user_principal_name.clone() }
    }
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Audit {
    /// Its ID.
    pub id: String,
    /// When.
    pub activity_date_time: Time,
    /// What, such as `Add Passkey (device-bound)`.
    pub activity_display_name: String,
    /// `UserManagement` or `Policy`.
    pub category: String,
    /// Which service says so.
    pub logged_by_service: String,
    /// Whether it was done.
    pub succeeded: bool,
    /// Why not.
    #[serde(default)]
    pub result_reason: String,
    /// `Add`, `Update` or `Delete`.
    pub operation_type: String,
    /// Who did it; `None` for an administrator's program.
    #[serde(default)]
    pub initiated_by: Option<AuditedPerson>,
    /// To whom it was done.
    #[serde(default)]
    pub target: Option<AuditedPerson>,
    /// To what: a key's ID in padded standard base64, a policy's name.
    pub target_name: String,
    /// More, by name.
    #[serde(default)]
    pub additional: Vec<(String, String)>,
}

impl Audit {
    fn new(now: Time, id: Guid, activity: impl Into<String>, operation: &str) -> Self {
        Self {
            id: format!("Directory_sim_{id}"),
            activity_date_time: now,
            activity_display_name: activity.into(),
            category: "UserManagement".into(),
            logged_by_service: METHODS.into(),
            succeeded: true,
            result_reason: String::new(),
            operation_type: operation.into(),
            initiated_by: None,
            target: None,
            target_name: String::new(),
            additional: Vec::new(),
        }
    }

    fn by(mut self, who: Option<&User>) -> Self {
        self.initiated_by = who.map(Into::into);
        self
    }

    fn to(mut self, whom: &User, what: impl Into<String>) -> Self {
        self.target = Some(whom.into());
        self.target_name = what.into();
        self
    }

    /// A passkey was registered: two entries, as in Entra.
    pub fn passkey_added(
        settings: &Settings,
        now: Time,
        ids: [Guid; 2],
        user: &User,
        passkey: &Passkey,
        by_admin: bool,
    ) -> [Self; 2] {
        let by = (!by_admin).then_some(user);
        let activity = format!("Add {}", kind(settings.behaviour, passkey.passkey_type));
        let mut added = Self::new(now, ids[0], activity, "Add").by(by).to(user, key_id(passkey));
        added.logged_by_service = DEVICE_REGISTRATION.into();
        added.additional = vec![
            // What Entra puts there is not known; this is what the tenant knows.
            ("WebauthnInfo".into(), format!("sim: fmt {}, route {:?}", passkey.fmt, passkey.route)),
            ("AAGuid".into(), passkey.aaguid.to_string()),
        ];
        let told = Self::new(now, ids[1], "User registered security info", "Add")
            .by(by)
            .to(user, user.display_name.clone());
        [added, told]
    }

    /// A passkey was not registered, by policy.
    pub fn passkey_refused(now: Time, id: Guid, user: &User, facts: &PasskeyFacts, why: &str) -> Self {
        let mut refused = Self::new(now, id, "User registered security info", "Add")
            .by(Some(user))
            .to(user, user.display_name.clone());
        refused.succeeded = false;
        refused.result_reason = why.into();
        refused.additional = vec![("AAGuid".into(), facts.aaguid.to_string())];
        refused
    }

    /// A passkey was deleted.
    pub fn passkey_deleted(
        settings: &Settings,
        now: Time,
        id: Guid,
        user: &User,
        passkey: &Passkey,
        by_admin: bool,
    ) -> Self {
        let activity = format!("Delete {}", kind(settings.behaviour, passkey.passkey_type));
        let mut deleted =
            Self::new(now, id, activity, "Delete").by((!by_admin).then_some(user)).to(user, key_id(passkey));
        deleted.logged_by_service = DEVICE_REGISTRATION.into();
        deleted.additional = vec![("AAGuid".into(), passkey.aaguid.to_string())];
        deleted
    }

    /// Another method was deleted.
    pub fn method_deleted(now: Time, id: Guid, user: &User, what: &str) -> Self {
        Self::new(now, id, "User deleted security info", "Delete").to(user, what)
    }

    /// A Temporary Access Pass was made.
    pub fn tap_created(now: Time, id: Guid, user: &User, tap: &Tap) -> Self {
        let mut made =
            Self::new(now, id, "Admin registered security info", "Add").to(user, "Temporary Access Pass");
        made.additional = vec![
            ("lifetimeInMinutes".into(), tap.lifetime_minutes.to_string()),
            ("isUsableOnce".into(), tap.is_usable_once.to_string()),
        ];
        made
    }

    /// A policy, a strength or a conditional access policy was changed; `how` is Graph's method.
    pub fn policy_changed(now: Time, id: Guid, what: &str, how: &str) -> Self {
        let operation = match how {
            "POST" => "Add",
            "DELETE" => "Delete",
            _ => "Update",
        };
        let mut changed = Self::new(now, id, format!("{operation} policy"), operation);
        changed.category = "Policy".into();
        changed.logged_by_service = DIRECTORY.into();
        changed.target_name = what.into();
        changed
    }

    /// A user was deleted.
    pub fn user_deleted(now: Time, id: Guid, user: &User) -> Self {
        let mut deleted = Self::new(now, id, "Delete user", "Delete").to(user, user.display_name.clone());
        deleted.logged_by_service = DIRECTORY.into();
        deleted
    }

    /// In Graph's shape.
    pub fn to_graph(&self) -> Value {
        let by = match &self.initiated_by {
            Some(user) => json!({ "user": user }),
            None => json!({ "app": { "displayName": "fauxkey (administrator's token)" } }),
        };
        let target_type = if self.target.is_some() { "User" } else { "Policy" };
        let additional: Vec<Value> =
            self.additional.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect();
        json!({
            "id": self.id,
            "category": self.category,
            "loggedByService": self.logged_by_service,
            "activityDisplayName": self.activity_display_name,
            "activityDateTime": self.activity_date_time,
            "result": if self.succeeded { "success" } else { "failure" },
            "resultReason": self.result_reason,
            "operationType": self.operation_type,
            "initiatedBy": by,
            "targetResources": [{
                "id": null,
                "type": target_type,
                "displayName": self.target_name,
                "userPrincipalName": self.target.as_ref().map(|target| &target.user_principal_name),
                "modifiedProperties": [],
            }],
            "additionalDetails": additional,
        })
    }
}

/// The kind of passkey in names of activities.
fn kind(behaviour: Behaviour, passkey_type: PasskeyType) -> &'static str {
    match (behaviour, passkey_type) {
        (Behaviour::Preview2024, _) => "Passkey (device-bound) security key",
        (Behaviour::Current, PasskeyType::DeviceBound) => "Passkey (device-bound)",
        (Behaviour::Current, PasskeyType::Synced) => "Passkey (synced)",
    }
}

/// The credential ID in padded standard base64: not base64url, as it is elsewhere.
fn key_id(passkey: &Passkey) -> String {
    let text = wire::base64url::encode(&passkey.credential.id).replace('-', "+").replace('_', "/");
    let padding = (4 - text.len() % 4) % 4;
    format!("{text}{}", "=".repeat(padding))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_s_id_in_the_audit_log_is_standard_base64_with_its_padding() {
        // Techcommunity, "Auditing FIDO2 authentication for Windows sign-in".
        let credential: relying_party::StoredCredential = serde_json::from_value(json!({
            "id": "7ebzDmVTSreLsJkrjm1mNA", "userHandle": "AA",
            "publicKey": "pQECAyYgASFYIFm4QAIKASsJ2HFcAGBTEBWM7VIU8LoX8fuQb_ELRCFzIlgg57yf0CfTnCmNb0f5oTRTVmrZJtrFLK9OeJr7pPXnb1A",
            "signCount": 0, "backupEligible": false, "backedUp": false, "uvInitialized": true, "transports": [],
        }))
        .unwrap();
        let passkey = Passkey {
            user: Guid::small(1),
            display_name: "key".into(),
            created: Time(0),
            aaguid: wire::aaguid::Aaguid::ZERO,
            attestation_level: crate::AttestationLevel::NotAttested,
            attestation_certificates: Vec::new(),
            fmt: "none".into(),
            passkey_type: PasskeyType::DeviceBound,
            route: crate::Route::InApp,
            credential,
            last_used: None,
            dead: None,
        };
        assert_eq!(key_id(&passkey), "7ebzDmVTSreLsJkrjm1mNA==");
        assert_eq!(passkey.id(), "7ebzDmVTSreLsJkrjm1mNA2");
    }
}
