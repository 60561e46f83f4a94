//! The Authenticator app on each device: its accounts, codes and push notifications.
use super::Instance;
use super::running::{Running, lock};
use crate::app::{
    Account, AccountKind, Added, Code, Door, Enrolment, Handset, Kept, NewAccount, Number, Push, System,
    Waiting,
};
use crate::control::{Control as _, Failure, FailureKind, Passkey};
use authenticator::{CREDENTIAL_ID_MARK, Event as Happened};
use emulator::Event;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Mutex;
use vault::AuthenticatorId;
use wire::ctap2::Command;

/// The shortest beginning of an ID that stands for all of it, in characters.
const SHORTEST_BEGINNING: usize = 4;
/// How many sign-ins wait for push notifications at most; the oldest goes first.
const MOST_WAITING: usize = 16;

/// What the app remembers for as long as the instance runs.
#[derive(Default)]
pub(super) struct App {
    /// The tenant that is there beside the devices.
    tenant: Mutex<Option<String>>,
    /// By device and what was said to be named, in the order in which they began.
    waiting: Mutex<BTreeMap<(u64, String), (String, Waiting)>>,
}

impl Instance {
    /// From now on the app signs in to the tenant at that address where no other is named.
    pub fn set_tenant(&self, url: &str) {
        *lock(&self.app.tenant) = Some(url.trim_end_matches('/').to_owned());
    }

    /// The tenant that is there beside the devices.
    pub(super) fn tenant_here(&self) -> Option<String> {
        lock(&self.app.tenant).clone()
    }

    /// What a device with the app forgets when a platform resets it.
    pub(super) fn forget_on_reset(&self, running: &Running, id: AuthenticatorId) -> Result<(), Failure> {
        if System::of(running.profile().authenticator.aaguid).is_none() {
            return Ok(());
        }
        let shelf = self.shelf.clone();
        let hear = move |event: &Event| {
            if let Event::Authenticator(Happened::Answered {
                command: Command::RESET, outcome: Ok(()), ..
            }) = event
            {
                // The passkeys are gone in any case, and an account without one is shown as such.
                let _kept = shelf.forget(id);
            }
            true
        };
        running.handle().listen(Box::new(hear)).map_err(|gone| running.gone(gone))
    }

    pub(super) fn accounts_of(&self, name: &str) -> Result<Vec<Account>, Failure> {
        // First, as what happened on the device has been told of by then: a reset, among others.
        let passkeys = self.passkeys(name)?;
        let kept = self.shelf.of(self.id_of(name)?)?;
        let has = |id: &str| passkeys.iter().any(|passkey| passkey.credential_id == id);
        let mut accounts: Vec<Account> =
            kept.iter().map(|kept| kept.shown(has(&kept.facts.passkey))).collect();
        let of_none =
            |passkey: &&Passkey| kept.iter().all(|kept| kept.facts.passkey != passkey.credential_id);
        accounts.extend(passkeys.iter().filter(of_none).map(alone));
        Ok(accounts)
    }

    pub(super) fn add_account_to(&self, name: &str, new: &NewAccount) -> Result<Added, Failure> {
        let running = self.running(name)?;
        let Some(system) = System::of(running.profile().authenticator.aaguid) else {
            let message =
                format!("{name} has no Authenticator app: its profile is {}", running.profile().name);
            return Err(Failure::new(FailureKind::Refused, message)
                .hint("fauxkey device add phone --profile ms-authenticator-ios makes one that does"));
        };
        self.check_power(name)?;
        let id = self.id_of(name)?;
        let ceremony = |request: &_| self.ceremony(name, request);
        let forget = |passkey: &str| self.delete_passkey(name, passkey);
        let handset = Handset { name, system, ceremony: &ceremony, forget: &forget };
        let enrolment = match &new.waiting {
            Some(waiting) => handset.go_on(&self.take_waiting(name, waiting)?, new)?,
            None => handset.begin(&self.tenant_for(id, new)?, new)?,
        };
        match enrolment {
            Enrolment::Number(number, waiting) => {
                let waiting = self.wait(name, *waiting);
                Ok(Added::Number(Number { number, waiting }))
            }
            Enrolment::Done(facts, warnings) => {
                let kept = self.shelf.add(id, facts)?;
                Ok(Added::Account(Box::new(Account { warnings, ..kept.shown(true) })))
            }
        }
    }

    pub(super) fn delete_account_of(&self, name: &str, id: &str) -> Result<(), Failure> {
        let account = self.find_account(name, id)?;
        if let Some(passkey) = &account.passkey {
            self.delete_passkey(name, passkey)?;
        }
        match account.kind {
            AccountKind::Passkey => Ok(()),
            AccountKind::Account => self.shelf.remove(self.kept(name, &account)?.record),
        }
    }

    pub(super) fn code_of(&self, name: &str, id: &str) -> Result<Code, Failure> {
        self.check_power(name)?;
        let account = self.find_account(name, id)?;
        let kept = self.kept(name, &account)?;
        let none = || {
            let message = format!("{} has no one-time codes on {name}", account.user_name);
            Failure::new(FailureKind::Refused, message)
                .hint("the tenant's policy for Microsoft Authenticator decides what an account can do")
        };
        let app = kept.facts.app.as_ref().filter(|_| kept.facts.one_time_code).ok_or_else(none)?;
        let answer = self.ask_tenant(&kept, "/app/code", &json!({ "app": app }))?;
        serde_json::from_value(answer)
            .map_err(|_| Failure::new(FailureKind::Broken, format!("{} answered no code", kept.facts.tenant)))
    }

    pub(super) fn pushes_of(&self, name: &str) -> Result<Vec<Push>, Failure> {
        let mut pushes = Vec::new();
        if !self.device(name)?.powered {
            return Ok(pushes);
        }
        for kept in self.shelf.of(self.id_of(name)?)? {
            let Some(app) = kept.facts.app.as_ref().filter(|_| kept.facts.push || kept.facts.phone_sign_in)
            else {
                continue;
            };
            // A tenant that does not run asks nobody anything.
            let answer = match self.ask_tenant(&kept, "/app/push", &json!({ "app": app })) {
                Ok(answer) => answer,
                Err(failure) if failure.kind != FailureKind::Broken => continue,
                Err(failure) => return Err(failure),
            };
            let list = answer.get("value").and_then(Value::as_array);
            pushes.extend(list.into_iter().flatten().map(|push| {
                let text = |member: &str| {
                    let found = push.get(member).and_then(Value::as_str);
                    found.map(|text| text.chars().filter(|c| !c.is_control()).take(256).collect())
                };
                Push {
                    account: kept.id(),
                    user_name: kept.facts.user_name.clone(),
                    organization: kept.facts.organization.clone(),
                    application: text("appDisplayName"),
                    asked: text("asked"),
                }
            }));
        }
        Ok(pushes)
    }

    pub(super) fn answer_push_of(&self, name: &str, id: &str, number: Option<u8>) -> Result<(), Failure> {
        self.check_power(name)?;
        let account = self.find_account(name, id)?;
        let kept = self.kept(name, &account)?;
        let Some(app) = &kept.facts.app else {
            let message = format!("{} answers no push notifications on {name}", account.user_name);
            return Err(Failure::new(FailureKind::Refused, message));
        };
        self.ask_tenant(&kept, "/app/push/answer", &json!({ "app": app, "number": number })).map(drop)
    }

    /// Asks an account's tenant where it was, or where the instance has one now: its port may be another.
    fn ask_tenant(&self, kept: &Kept, path: &str, body: &Value) -> Result<Value, Failure> {
        let here = lock(&self.app.tenant).clone().filter(|url| *url != kept.facts.tenant);
        let ask = |url: &str| Door::to(url, "Authenticator (fauxkey)")?.post(path, body);
        let Some(here) = here else { return ask(&kept.facts.tenant) };
        match ask(&here) {
            // It may be of another tenant: but where nobody answers any more, what this one said counts.
            Err(failure) if matches!(failure.kind, FailureKind::NotFound | FailureKind::Conflict) => {
                ask(&kept.facts.tenant).map_err(|other| match other.kind {
                    FailureKind::Conflict => failure,
                    _ => other,
                })
            }
            answered => answered,
        }
    }

    /// Whether the phone is on: nothing is done on one that is not.
    fn check_power(&self, name: &str) -> Result<(), Failure> {
        if self.device(name)?.powered {
            return Ok(());
        }
        Err(Failure::new(FailureKind::Conflict, format!("{name} has no power"))
            .hint(format!("`fauxkey device power on --device {name}` gives it some")))
    }

    /// The tenant that is meant: the named one, that of the instance, or the one that was used last.
    fn tenant_for(&self, id: AuthenticatorId, new: &NewAccount) -> Result<String, Failure> {
        if let Some(tenant) = &new.tenant {
            return Ok(tenant.clone());
        }
        if let Some(tenant) = lock(&self.app.tenant).clone() {
            return Ok(tenant);
        }
        self.shelf.of(id)?.last().map(|kept| kept.facts.tenant.clone()).ok_or_else(|| {
            Failure::new(FailureKind::Invalid, "nothing says where the tenant is").hint(
                "`fauxkey up` starts one; another is named by its address, such as http://localhost:8123",
            )
        })
    }

    fn wait(&self, name: &str, waiting: Waiting) -> String {
        let token = wire::hex::encode(&rand::random::<[u8; 16]>());
        let mut all = lock(&self.app.waiting);
        while all.len() >= MOST_WAITING {
            all.pop_first();
        }
        let order = all.last_key_value().map_or(0, |((order, _), _)| order + 1);
        all.insert((order, token.clone()), (name.to_owned(), waiting));
        token
    }

    fn take_waiting(&self, name: &str, token: &str) -> Result<Waiting, Failure> {
        let mut all = lock(&self.app.waiting);
        let found = all.iter().find(|((_, named), (device, _))| named == token && device == name);
        let key = found.map(|(key, _)| key.clone());
        key.and_then(|key| all.remove(&key)).map(|(_, waiting)| waiting).ok_or_else(|| {
            let message = format!("nothing waits on {name} under that name");
            Failure::new(FailureKind::NotFound, message).hint("begin again")
        })
    }

    fn id_of(&self, name: &str) -> Result<AuthenticatorId, Failure> {
        self.devices.find(name).map(|definition| definition.id)
    }

    /// The entry that `id` stands for.
    fn find_account(&self, name: &str, id: &str) -> Result<Account, Failure> {
        let accounts = self.accounts_of(name)?;
        let begins = |account: &Account| {
            // Of a passkey that stands alone, the ID after the mark that all of them have is enough, as elsewhere.
            let bytes = wire::base64url::decode(&account.id).unwrap_or_default();
            let unmarked = bytes.strip_prefix(&CREDENTIAL_ID_MARK).map(wire::base64url::encode);
            id.len() >= SHORTEST_BEGINNING
                && (account.id.starts_with(id) || unmarked.is_some_and(|unmarked| unmarked.starts_with(id)))
        };
        let called = |account: &Account| account.user_name.eq_ignore_ascii_case(id);
        // An account is called by its user's name before a passkey that stands alone is.
        let named = accounts
            .iter()
            .filter(|account| account.kind == AccountKind::Account && called(account))
            .collect::<Vec<_>>();
        if let [only] = named.as_slice() {
            return Ok((*only).clone());
        }
        let mut found: Vec<_> =
            accounts.iter().filter(|account| begins(account) || called(account)).collect();
        match (found.pop(), found.len()) {
            (Some(account), 0) => Ok(account.clone()),
            (Some(_), others) => {
                let message = format!("`{}` stands for {} entries on {name}", id.escape_debug(), others + 1);
                Err(Failure::new(FailureKind::Invalid, message).hint("give more of the ID"))
            }
            (None, _) => {
                let message = format!("there is no account `{}` on {name}", id.escape_debug());
                Err(Failure::new(FailureKind::NotFound, message)
                    .hint(format!("`fauxkey account list --device {name}` lists them")))
            }
        }
    }

    fn kept(&self, name: &str, account: &Account) -> Result<Kept, Failure> {
        let kept = self.shelf.of(self.id_of(name)?)?.into_iter().find(|kept| kept.id() == account.id);
        kept.ok_or_else(|| {
            let message = format!("{} is a passkey and no account on {name}", account.user_name);
            Failure::new(FailureKind::Refused, message)
                .hint("it was registered from another device: add the account in the app itself")
        })
    }
}

/// A passkey that no account has.
fn alone(passkey: &Passkey) -> Account {
    let name = passkey.user_name.clone().or_else(|| passkey.user_display_name.clone());
    Account {
        id: passkey.credential_id.clone(),
        kind: AccountKind::Passkey,
        user_name: name.unwrap_or_else(|| wire::base64url::encode(&passkey.user_handle.0)),
        display_name: passkey.user_display_name.clone(),
        organization: passkey.rp_name.clone().or_else(|| Some(passkey.rp_id.clone())),
        tenant: None,
        passkey: Some(passkey.credential_id.clone()),
        push: false,
        phone_sign_in: false,
        one_time_code: false,
        warnings: Vec::new(),
    }
}
