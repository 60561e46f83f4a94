//! One account as it lies in the vault, which seals it.
use super::{Account, AccountKind};
use authenticator::store::RecordId;
use serde::{Deserialize, Serialize};
use vault::{AuthenticatorId, Content};
use zeroize::Zeroizing;

const FORMAT: u8 = 1;

/// An account on a device. Without `Debug`: by the ID of its app, codes are had.
#[derive(Clone)]
pub struct Kept {
    /// The name of its record, and so its ID.
    pub record: RecordId,
    /// On which device.
    pub device: AuthenticatorId,
    /// The rest.
    pub facts: Facts,
}

/// What is known of it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Facts {
    /// Counts up: a larger number is newer.
    pub order: u64,
    /// Where the tenant is.
    pub tenant: String,
    /// The user's name.
    pub user_name: String,
    /// The person's name.
    #[serde(default)]
    pub display_name: Option<String>,
    /// What the tenant is called.
    #[serde(default)]
    pub organization: Option<String>,
    /// The credential ID of its passkey in base64url.
    pub passkey: String,
    /// What the tenant calls this app, if it does more than hold a passkey.
    #[serde(default)]
    pub app: Option<String>,
    /// Whether it answers push notifications.
    #[serde(default)]
    pub push: bool,
    /// Whether it signs in without a password.
    #[serde(default)]
    pub phone_sign_in: bool,
    /// Whether it shows one-time codes.
    #[serde(default)]
    pub one_time_code: bool,
}

#[derive(Serialize, Deserialize)]
struct Written<T> {
    v: u8,
    device: String,
    #[serde(flatten)]
    facts: T,
}

impl Kept {
    /// With the name under which it will be kept.
    pub fn new(device: AuthenticatorId, facts: Facts) -> Self {
        Self { record: RecordId(rand::random()), device, facts }
    }

    /// Names it on its device.
    pub fn id(&self) -> String {
        wire::hex::encode(&self.record.0)
    }

    /// As the app shows it. `there` says whether its passkey is on the device.
    pub fn shown(&self, there: bool) -> Account {
        let facts = self.facts.clone();
        Account {
            id: self.id(),
            kind: AccountKind::Account,
            user_name: facts.user_name,
            display_name: facts.display_name,
            organization: facts.organization,
            tenant: Some(facts.tenant),
            passkey: there.then_some(facts.passkey),
            push: facts.push,
            phone_sign_in: facts.phone_sign_in,
            one_time_code: facts.one_time_code,
            warnings: Vec::new(),
        }
    }

    pub(super) fn encode(&self) -> Content {
        let written = Written { v: FORMAT, device: wire::hex::encode(&self.device.0), facts: &self.facts };
        Zeroizing::new(serde_json::to_vec(&written).expect("texts, numbers and booleans are JSON"))
    }

    /// `None` for what is no such record.
    pub(super) fn decode(record: RecordId, bytes: &[u8]) -> Option<Self> {
        let Written { v: FORMAT, device, facts } = serde_json::from_slice(bytes).ok()? else { return None };
        let device = wire::hex::decode(&device)?.try_into().ok()?;
        Some(Self { record, device: AuthenticatorId(device), facts })
    }
}
