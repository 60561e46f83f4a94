//! What the tenant knows, in memory, and the one meaning of a change.
use crate::access::{ConditionalAccessPolicy, Strength, Tap, TapPolicy};
use crate::app::{AuthenticatorApp, CodeSecret};
use crate::guid::Guid;
use crate::passkey::Passkey;
use crate::password::PasswordHash;
use crate::policy::{AuthenticatorPolicy, Fido2Policy};
use crate::records::{Audit, SignIn};
use crate::settings::Settings;
use crate::store::{Dated, Row, RowName, StoreChange};
use crate::time::Time;
use crate::user::{Group, User};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use zeroize::Zeroizing;

/// One change.
pub(crate) enum Change {
    Put(Box<Row>),
    RemoveUser(Guid),
    RemoveGroup(Guid),
    RemovePassword(Guid),
    RemovePasskey(Vec<u8>),
    RemoveApp(Guid),
    RemoveTap(Guid),
    RemoveStrength(Guid),
    RemoveConditionalAccess(Guid),
    RemoveSignIn(Time, Guid),
    RemoveAudit(Time, String),
}

impl Change {
    /// For the store.
    pub(crate) fn kept(&self) -> StoreChange {
        StoreChange::Delete(match self {
            Self::Put(row) => return StoreChange::Put(row.name(), row.encode()),
            Self::RemoveUser(id) => RowName::user(*id),
            Self::RemoveGroup(id) => RowName::group(*id),
            Self::RemovePassword(user) => RowName::password(*user),
            Self::RemovePasskey(id) => RowName::passkey(id),
            Self::RemoveApp(id) => RowName::app(*id),
            Self::RemoveTap(user) => RowName::tap(*user),
            Self::RemoveStrength(id) => RowName::strength(*id),
            Self::RemoveConditionalAccess(id) => RowName::conditional_access(*id),
            Self::RemoveSignIn(_, id) => RowName::of("sign-in", &id.0),
            Self::RemoveAudit(_, id) => RowName::of("audit", id.as_bytes()),
        })
    }
}

impl From<Row> for Change {
    fn from(row: Row) -> Self {
        Self::Put(Box::new(row))
    }
}

/// Everything of one user beside the account itself.
#[derive(Default)]
pub(crate) struct Belongings {
    pub(crate) groups: BTreeSet<Guid>,
    pub(crate) password: Option<PasswordHash>,
    /// The IDs of credentials, oldest first.
    pub(crate) passkeys: Vec<Vec<u8>>,
    pub(crate) apps: Vec<(AuthenticatorApp, Option<CodeSecret>)>,
    pub(crate) tap: Option<Tap>,
}

/// What the tenant knows.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) settings: Option<Settings>,
    pub(crate) challenge_key: Option<Zeroizing<Vec<u8>>>,
    pub(crate) fido2: Vec<Dated<Fido2Policy>>,
    pub(crate) authenticator: AuthenticatorPolicy,
    pub(crate) tap: TapPolicy,
    pub(crate) strengths: BTreeMap<Guid, Strength>,
    pub(crate) conditional: BTreeMap<Guid, ConditionalAccessPolicy>,
    pub(crate) users: HashMap<Guid, User>,
    /// By user principal name in lower case.
    pub(crate) names: BTreeMap<String, Guid>,
    pub(crate) belongings: HashMap<Guid, Belongings>,
    pub(crate) groups: BTreeMap<Guid, Group>,
    pub(crate) passkeys: HashMap<Vec<u8>, Passkey>,
    /// Whose an app is.
    pub(crate) app_owners: HashMap<Guid, Guid>,
    pub(crate) sign_ins: BTreeMap<(Time, Guid), SignIn>,
    pub(crate) audits: BTreeMap<(Time, String), Audit>,
    /// Codes whose app has not been read yet.
    early_codes: HashMap<Guid, CodeSecret>,
    /// Passkeys by user, in the order in which they were registered, is restored when all are read.
    unsorted: bool,
}

impl State {
    /// After everything was read, in whatever order.
    pub(crate) fn settle(&mut self) {
        if std::mem::take(&mut self.unsorted) {
            for belongings in self.belongings.values_mut() {
                let passkeys = &self.passkeys;
                belongings.passkeys.sort_by_key(|id| passkeys.get(id).map(|passkey| passkey.created));
                belongings.apps.sort_by_key(|(app, _)| app.created);
            }
        }
    }

    /// While records are read.
    pub(crate) fn restore(&mut self, row: Row) {
        self.unsorted = true;
        self.put(row);
    }

    pub(crate) fn apply(&mut self, change: Change) {
        match change {
            Change::Put(row) => self.put(*row),
            Change::RemoveUser(id) => {
                if let Some(user) = self.users.remove(&id) {
                    self.names.remove(&user.user_principal_name.to_lowercase());
                }
                self.belongings.remove(&id);
            }
            Change::RemoveGroup(id) => {
                for member in self.groups.remove(&id).map(|group| group.members).unwrap_or_default() {
                    self.of(member).groups.remove(&id);
                }
            }
            Change::RemovePassword(user) => self.of(user).password = None,
            Change::RemovePasskey(id) => {
                if let Some(passkey) = self.passkeys.remove(&id) {
                    self.of(passkey.user).passkeys.retain(|kept| *kept != id);
                }
            }
            Change::RemoveApp(id) => {
                if let Some(owner) = self.app_owners.remove(&id) {
                    self.of(owner).apps.retain(|(app, _)| app.id != id);
                }
            }
            Change::RemoveTap(user) => self.of(user).tap = None,
            Change::RemoveStrength(id) => drop(self.strengths.remove(&id)),
            Change::RemoveConditionalAccess(id) => drop(self.conditional.remove(&id)),
            Change::RemoveSignIn(time, id) => drop(self.sign_ins.remove(&(time, id))),
            Change::RemoveAudit(time, id) => drop(self.audits.remove(&(time, id))),
        }
    }

    fn put(&mut self, row: Row) {
        match row {
            Row::Settings(settings) => self.settings = Some(settings),
            Row::ChallengeKey(key) => self.challenge_key = Some(key.key),
            Row::Fido2Policy(versions) => self.fido2 = versions,
            Row::AuthenticatorPolicy(policy) => self.authenticator = policy,
            Row::TapPolicy(policy) => self.tap = policy,
            Row::Strength(strength) => drop(self.strengths.insert(strength.id, strength)),
            Row::ConditionalAccess(policy) => drop(self.conditional.insert(policy.id, policy)),
            Row::User(user) => {
                if let Some(before) = self.users.get(&user.id) {
                    self.names.remove(&before.user_principal_name.to_lowercase());
                }
                self.names.insert(user.user_principal_name.to_lowercase(), user.id);
                self.users.insert(user.id, user);
            }
            Row::Group(group) => {
                let before =
                    self.groups.get(&group.id).map(|group| group.members.clone()).unwrap_or_default();
                for gone in before.difference(&group.members) {
                    self.of(*gone).groups.remove(&group.id);
                }
                for member in &group.members {
                    self.of(*member).groups.insert(group.id);
                }
                self.groups.insert(group.id, group);
            }
            Row::Password(password) => {
                let user = password.user;
                self.of(user).password = Some(password);
            }
            Row::Passkey(passkey) => {
                let id = passkey.credential.id.clone();
                let user = passkey.user;
                if self.passkeys.insert(id.clone(), *passkey).is_none() {
                    self.of(user).passkeys.push(id);
                }
            }
            Row::App(app) => {
                self.app_owners.insert(app.id, app.user);
                let code = self.early_codes.remove(&app.id);
                let apps = &mut self.of(app.user).apps;
                match apps.iter_mut().find(|(kept, _)| kept.id == app.id) {
                    Some((kept, _)) => *kept = app,
                    None => apps.push((app, code)),
                }
            }
            Row::Code(code) => match self.app_owners.get(&code.app).copied() {
                Some(owner) => {
                    let app = code.app;
                    if let Some((_, kept)) = self.of(owner).apps.iter_mut().find(|(kept, _)| kept.id == app) {
                        *kept = Some(code);
                    }
                }
                None => drop(self.early_codes.insert(code.app, code)),
            },
            Row::Tap(tap) => {
                let user = tap.user;
                self.of(user).tap = Some(tap);
            }
            Row::SignIn(sign_in) => drop(self.sign_ins.insert((sign_in.created, sign_in.id), *sign_in)),
            Row::Audit(audit) => {
                drop(self.audits.insert((audit.activity_date_time, audit.id.clone()), *audit));
            }
        }
    }

    fn of(&mut self, user: Guid) -> &mut Belongings {
        self.belongings.entry(user).or_default()
    }

    /// Who somebody is, for policies.
    pub(crate) fn passkeys_of(&self, user: Guid) -> impl Iterator<Item = &Passkey> {
        let ids = self.belongings.get(&user).map_or(&[][..], |belongings| belongings.passkeys.as_slice());
        ids.iter().filter_map(|id| self.passkeys.get(id))
    }
}
