//! The door to where the tenant's records lie, and what a record is.
use crate::access::{ConditionalAccessPolicy, Strength, Tap, TapPolicy};
use crate::app::{AuthenticatorApp, CodeSecret};
use crate::guid::Guid;
use crate::passkey::Passkey;
use crate::password::PasswordHash;
use crate::policy::{AuthenticatorPolicy, Fido2Policy};
use crate::records::{Audit, SignIn};
use crate::settings::Settings;
use crate::time::Time;
use crate::user::{Group, User};
use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// The name of a record: a hash of what it is of, so that it tells nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowName(pub [u8; 16]);

/// One change to the records.
pub enum StoreChange {
    /// Inserts or replaces one.
    Put(RowName, Zeroizing<Vec<u8>>),
    /// Removes one.
    Delete(RowName),
}

/// Why records cannot be read or written.
pub type StoreError = Box<dyn std::error::Error + Send + Sync>;

/// Where records lie. What is in them is the tenant's business.
pub trait Store {
    /// All records, in any order.
    ///
    /// # Errors
    /// If one is missing, damaged or too many.
    fn load(&mut self) -> Result<Vec<Zeroizing<Vec<u8>>>, StoreError>;

    /// Makes all of `changes` durable, in one transaction, or none of them.
    ///
    /// # Errors
    /// If they could not be kept.
    fn commit(&mut self, changes: &[StoreChange]) -> Result<(), StoreError>;
}

/// Where nothing is kept: a tenant that lives as long as its process.
#[derive(Debug, Default)]
pub struct Forgetful;

impl Store for Forgetful {
    fn load(&mut self) -> Result<Vec<Zeroizing<Vec<u8>>>, StoreError> {
        Ok(Vec::new())
    }

    fn commit(&mut self, _: &[StoreChange]) -> Result<(), StoreError> {
        Ok(())
    }
}

/// A passkey policy and since when it is that.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Dated<T> {
    pub(crate) since: Time,
    pub(crate) policy: T,
}

/// The version of the format of records.
const VERSION: u8 = 1;

/// What is kept, one record each.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "kind", content = "row", rename_all = "camelCase")]
pub(crate) enum Row {
    Settings(Settings),
    /// Signs challenges.
    ChallengeKey(ChallengeKey),
    /// The newest, and the ones before it that have not ceased to be felt.
    Fido2Policy(Vec<Dated<Fido2Policy>>),
    AuthenticatorPolicy(AuthenticatorPolicy),
    TapPolicy(TapPolicy),
    Strength(Strength),
    ConditionalAccess(ConditionalAccessPolicy),
    User(User),
    Group(Group),
    Password(PasswordHash),
    Passkey(Box<Passkey>),
    App(AuthenticatorApp),
    Code(CodeSecret),
    Tap(Tap),
    SignIn(Box<SignIn>),
    Audit(Box<Audit>),
}

/// What signs challenges.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct ChallengeKey {
    #[serde(with = "secret")]
    pub(crate) key: Zeroizing<Vec<u8>>,
}

/// Bytes in unpadded base64url.
pub(crate) mod secret {
    use serde::{Deserialize, Deserializer, Serializer, de};
    use zeroize::Zeroizing;

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Zeroizing::new(wire::base64url::encode(bytes)))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Zeroizing<Vec<u8>>, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        wire::base64url::decode(&text)
            .map(Zeroizing::new)
            .ok_or_else(|| de::Error::custom("expected unpadded base64url"))
    }
}

impl Row {
    /// What of its kind it is.
    pub(crate) fn name(&self) -> RowName {
        match self {
            Self::Settings(_) => RowName::of("settings", b""),
            Self::ChallengeKey(_) => RowName::of("challenge-key", b""),
            Self::Fido2Policy(_) => RowName::of("fido2-policy", b""),
            Self::AuthenticatorPolicy(_) => RowName::of("authenticator-policy", b""),
            Self::TapPolicy(_) => RowName::of("tap-policy", b""),
            Self::Strength(strength) => RowName::strength(strength.id),
            Self::ConditionalAccess(policy) => RowName::conditional_access(policy.id),
            Self::User(user) => RowName::user(user.id),
            Self::Group(group) => RowName::group(group.id),
            Self::Password(password) => RowName::password(password.user),
            Self::Passkey(passkey) => RowName::passkey(&passkey.credential.id),
            Self::App(app) => RowName::app(app.id),
            Self::Code(code) => RowName::code(code.app),
            Self::Tap(tap) => RowName::tap(tap.user),
            Self::SignIn(sign_in) => RowName::of("sign-in", &sign_in.id.0),
            Self::Audit(audit) => RowName::of("audit", audit.id.as_bytes()),
        }
    }

    /// As bytes.
    pub(crate) fn encode(&self) -> Zeroizing<Vec<u8>> {
        // A list of two: what is flattened into an object is read twice, and slowly.
        Zeroizing::new(
            serde_json::to_vec(&(VERSION, self)).expect("rows have text keys and no maps that fail"),
        )
    }

    /// From bytes; otherwise what is wrong with them.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, String> {
        let (version, row): (u8, Self) = serde_json::from_slice(bytes).map_err(|error| {
            format!("a record of the tenant does not read (line {}, column {})", error.line(), error.column())
        })?;
        match version {
            VERSION => Ok(row),
            newer => {
                Err(format!("a record of the tenant has version {newer}, and this fauxkey knows {VERSION}"))
            }
        }
    }
}

impl RowName {
    pub(crate) fn of(kind: &str, id: &[u8]) -> Self {
        let mut hash = Context::new(&SHA256);
        hash.update(kind.as_bytes());
        hash.update(b"/");
        hash.update(id);
        Self(hash.finish().as_ref()[..16].try_into().expect("SHA-256 has 32 bytes"))
    }

    pub(crate) fn user(id: Guid) -> Self {
        Self::of("user", &id.0)
    }

    pub(crate) fn group(id: Guid) -> Self {
        Self::of("group", &id.0)
    }

    pub(crate) fn password(user: Guid) -> Self {
        Self::of("password", &user.0)
    }

    pub(crate) fn passkey(credential_id: &[u8]) -> Self {
        Self::of("passkey", credential_id)
    }

    pub(crate) fn app(id: Guid) -> Self {
        Self::of("app", &id.0)
    }

    pub(crate) fn code(app: Guid) -> Self {
        Self::of("code", &app.0)
    }

    pub(crate) fn tap(user: Guid) -> Self {
        Self::of("tap", &user.0)
    }

    pub(crate) fn strength(id: Guid) -> Self {
        Self::of("strength", &id.0)
    }

    pub(crate) fn conditional_access(id: Guid) -> Self {
        Self::of("conditional-access", &id.0)
    }
}
