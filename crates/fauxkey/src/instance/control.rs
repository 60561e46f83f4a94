//! What the instance does when it is asked from outside.
use super::running::Running;
use super::{Instance, metadata, store_failure, test_ca};
use crate::app::{Account, Added, Code, NewAccount, Push};
use crate::ceremony;
use crate::control::{
    ArmedFault, Certificate, Control, Device, Failure, FailureKind, Fault, Finger, Gesture, Lines, Link,
    Metadata, MetadataRequest, NewPasskey, Passkey, Power, ProfileSummary, Prompt, Scan, Scanned, Script,
    TestCa, User,
};
use crate::devices::{Definition, check_name};
use crate::trace;
use authenticator::CREDENTIAL_ID_MARK;
use emulator::{UserPolicy, VirtualAuthenticator};
use std::sync::Arc;
use std::time::Duration;
use vault::AuthenticatorId;
use wire::status::CtapError;

/// How far a clock may jump at once. There is nothing to be seen beyond.
const LONGEST_JUMP: Duration = Duration::from_secs(366 * 24 * 3_600);
/// The longest name of an account in bytes: what a sign-in tells has to fit into a CTAPHID message.
const LONGEST_ACCOUNT_NAME: usize = 256;
/// The shortest beginning of a credential ID that stands for all of it, in characters.
const SHORTEST_BEGINNING: usize = 4;

impl Control for Instance {
    fn trace(&self) -> Result<Lines, Failure> {
        Ok(Box::new(trace::lines(self.watch()?)))
    }

    /// Starts every device, as what is on it is part of the answer.
    fn devices(&self) -> Result<Vec<Device>, Failure> {
        self.devices.names()?.iter().map(|name| self.device(name)).collect()
    }

    fn device(&self, name: &str) -> Result<Device, Failure> {
        self.running(name)?.describe()
    }

    fn add_device(&self, name: &str, profile: &str) -> Result<Device, Failure> {
        check_name(name)?;
        let mut state = self.open_state()?;
        match self.devices.find(name) {
            Ok(_) => {
                let message = format!("there is a device named `{name}` already");
                return Err(
                    Failure::new(FailureKind::Conflict, message).hint("take another name, or delete it")
                );
            }
            Err(failure) if failure.kind == FailureKind::NotFound => {}
            Err(failure) => return Err(failure),
        }
        let profile = self.profiles.find(profile)?.name;
        let id = AuthenticatorId::random().map_err(super::vault_failure)?;
        // The definition before what it names in the vault, so that nothing there is ever nobody's.
        self.devices.put(name, &Definition { profile, id, user: UserPolicy::default() })?;
        match self.running_in(&mut state, name) {
            Ok(running) => running.describe(),
            Err(failure) => {
                // The first failure is the one to tell.
                let _ = self.destroy(id).and_then(|()| self.devices.remove(name));
                Err(failure)
            }
        }
    }

    fn delete_device(&self, name: &str) -> Result<(), Failure> {
        let mut state = self.open_state()?;
        // A device that cannot start, as its profile is gone, can be deleted all the same.
        let definition = self.devices.find(name)?;
        if let Some(running) = state.running.remove(name) {
            running.stop();
        }
        // What it names in the vault before the definition, so that nothing there is ever nobody's.
        test_ca::forget(self, &definition)?;
        self.shelf.forget(definition.id)?;
        self.destroy(definition.id)?;
        self.devices.remove(name)
    }

    fn reset_device(&self, name: &str) -> Result<(), Failure> {
        let reset = |device: &mut VirtualAuthenticator, now| device.factory_reset(now);
        let running = self.running(name)?;
        running.call(reset)?.map_err(|error| refused(name, &error))?;
        self.shelf.forget(self.devices.find(name)?.id)
    }

    fn power(&self, name: &str, power: Power) -> Result<Device, Failure> {
        let running = self.running(name)?;
        let switched = running.call(move |device, now| {
            if power != Power::On {
                device.power_off(now);
            }
            if power == Power::Off { Ok(()) } else { device.power_on(now) }
        })?;
        switched.map_err(|error| {
            let failure = store_failure(error);
            Failure { message: format!("{name} stays without power: {}", failure.message), ..failure }
        })?;
        running.settle()?;
        running.describe()
    }

    /// Kept on disk: it is so after the next start, too.
    fn insert_card(&self, name: &str, inserted: bool) -> Result<Device, Failure> {
        let running = self.running(name)?;
        if !running.insert(inserted) {
            let message = format!("{name} has no place on a reader");
            return Err(Failure::new(FailureKind::Conflict, message)
                .hint("`fauxkey run --attach pcsc` gives it one, where vpcd is"));
        }
        running.describe()
    }

    fn set_user(&self, name: &str, user: User) -> Result<Device, Failure> {
        let policy = UserPolicy::from(user);
        let mut state = self.open_state()?;
        let running = self.running_in(&mut state, name)?;
        let definition = self.devices.find(name)?;
        if definition.user != policy {
            self.devices.put(name, &Definition { user: policy, ..definition })?;
        }
        running.call(move |device, now| device.set_user(now, policy))?;
        running.describe()
    }

    fn script(&self, name: &str) -> Result<Option<Script>, Failure> {
        self.script_of(name)
    }

    fn set_script(&self, name: &str, script: Option<Script>) -> Result<(), Failure> {
        self.set_script_of(name, script)
    }

    fn faults(&self, name: &str) -> Result<Vec<ArmedFault>, Failure> {
        self.faults_of(name)
    }

    fn arm(&self, name: &str, fault: Fault) -> Result<ArmedFault, Failure> {
        self.arm_on(name, fault)
    }

    fn disarm(&self, name: &str, id: Option<u64>) -> Result<(), Failure> {
        self.disarm_on(name, id)
    }

    fn advance_clock(&self, name: &str, by: Duration) -> Result<(), Failure> {
        if by > LONGEST_JUMP {
            let message = format!("a clock cannot jump by {} seconds", by.as_secs());
            return Err(Failure::new(FailureKind::Invalid, message).hint("a year at a time is the most"));
        }
        let running = self.running(name)?;
        running.handle().advance_clock(by).map_err(|gone| running.gone(gone))
    }

    fn prompt(&self, name: &str) -> Result<Option<Prompt>, Failure> {
        self.running(name)?.call(|device, _| device.prompt().map(Prompt::from))
    }

    fn await_prompt(&self, name: &str, patience: Duration) -> Result<Option<Prompt>, Failure> {
        self.prompt_within(name, patience)
    }

    fn answer(&self, name: &str, number: u64, gesture: Gesture) -> Result<(), Failure> {
        if let Gesture::Account(account) = gesture
            && let Some(prompt) = self.prompt(name)?.filter(|prompt| prompt.number == number)
        {
            choosable(name, account, &prompt)?;
        }
        let open = self.running(name)?.call(move |device, now| {
            let open = device.prompt().map(|prompt| prompt.number);
            if device.answer(now, number, gesture.into()) { Ok(()) } else { Err(open) }
        })?;
        open.map_err(|open| {
            let failure = Failure::new(
                FailureKind::Conflict,
                format!("question {number} is not open on {name} (any more)"),
            );
            match open {
                Some(open) => failure.hint(format!("the open question is number {open}")),
                None => failure.hint("no question is open"),
            }
        })
    }

    fn passkeys(&self, name: &str) -> Result<Vec<Passkey>, Failure> {
        let passkeys = self.running(name)?.call(|device, _| device.passkeys())?;
        Ok(passkeys.into_iter().map(Passkey::from).collect())
    }

    fn passkey(&self, name: &str, id: &str) -> Result<Passkey, Failure> {
        find(&self.running(name)?, name, id).map(Passkey::from)
    }

    fn add_passkey(&self, name: &str, passkey: NewPasskey) -> Result<Passkey, Failure> {
        self.add_passkey_to(name, passkey)
    }

    fn rename_passkey(
        &self,
        name: &str,
        id: &str,
        user_name: Option<String>,
        display_name: Option<String>,
    ) -> Result<Passkey, Failure> {
        check_names(user_name.as_ref(), display_name.as_ref())?;
        let running = self.running(name)?;
        let id = find(&running, name, id)?.id;
        let renamed = running.call({
            let id = id.clone();
            move |device, now| {
                let Some(passkey) = device.passkey(&id) else { return Ok(None) };
                let user_name = user_name.or(passkey.user.name);
                let display_name = display_name.or(passkey.user.display_name);
                device.rename_passkey(now, &id, user_name, display_name)?;
                Ok(device.passkey(&id))
            }
        })?;
        let renamed = renamed.map_err(|error| refused(name, &error))?;
        renamed.map(Passkey::from).ok_or_else(|| no_such_passkey(name, &wire::base64url::encode(&id)))
    }

    fn delete_passkey(&self, name: &str, id: &str) -> Result<(), Failure> {
        let running = self.running(name)?;
        let id = find(&running, name, id)?.id;
        let text = wire::base64url::encode(&id);
        match running.call(move |device, now| device.delete_passkey(now, &id))? {
            Ok(true) => Ok(()),
            Ok(false) => Err(no_such_passkey(name, &text)),
            Err(error) => Err(refused(name, &error)),
        }
    }

    fn fingers(&self, name: &str) -> Result<Vec<Finger>, Failure> {
        self.fingers_of(name)
    }

    fn add_finger(&self, name: &str, finger: Option<String>) -> Result<Finger, Failure> {
        self.add_finger_to(name, finger)
    }

    fn rename_finger(&self, name: &str, id: &str, finger: String) -> Result<Finger, Failure> {
        self.rename_finger_of(name, id, finger)
    }

    fn remove_finger(&self, name: &str, id: &str) -> Result<(), Failure> {
        self.remove_finger_of(name, id)
    }

    fn accounts(&self, name: &str) -> Result<Vec<Account>, Failure> {
        self.accounts_of(name)
    }

    fn add_account(&self, name: &str, new: &NewAccount) -> Result<Added, Failure> {
        self.add_account_to(name, new)
    }

    fn delete_account(&self, name: &str, id: &str) -> Result<(), Failure> {
        self.delete_account_of(name, id)
    }

    fn account_code(&self, name: &str, id: &str) -> Result<Code, Failure> {
        self.code_of(name, id)
    }

    fn pushes(&self, name: &str) -> Result<Vec<Push>, Failure> {
        self.pushes_of(name)
    }

    fn answer_push(&self, name: &str, id: &str, number: Option<u8>) -> Result<(), Failure> {
        self.answer_push_of(name, id, number)
    }

    fn tenant(&self) -> Option<String> {
        self.tenant_here()
    }

    fn ca(&self) -> Result<TestCa, Failure> {
        let _state = self.open_state()?;
        test_ca::show(self)
    }

    fn ca_chain(&self, model: &str) -> Result<Vec<Certificate>, Failure> {
        let _state = self.open_state()?;
        test_ca::chain(self, model)
    }

    fn rotate_ca(&self) -> Result<TestCa, Failure> {
        let state = self.open_state()?;
        test_ca::rotate(self, &state)
    }

    fn metadata(&self, wanted: &MetadataRequest) -> Result<Metadata, Failure> {
        let _state = self.open_state()?;
        metadata::make(self, wanted)
    }

    fn profiles(&self) -> Result<Vec<ProfileSummary>, Failure> {
        self.profile_summaries()
    }

    fn profile(&self, name: &str) -> Result<String, Failure> {
        self.profiles.find(name).map(|profile| profile.source)
    }

    fn ceremony(&self, name: &str, request: &ceremony::Request) -> Result<ceremony::Outcome, Failure> {
        self.run_ceremony(name, request)
    }

    fn cancel_ceremony(&self, name: &str, id: &str) -> Result<bool, Failure> {
        self.stop_ceremony(name, id)
    }

    /// One message at a time: a second caller waits for the first one's answer.
    fn scan(&self, name: &str, scan: &Scan) -> Result<Scanned, Failure> {
        self.scan_on(name, scan)
    }

    fn cancel_scan(&self, name: &str) -> Result<bool, Failure> {
        self.stop_scan(name)
    }

    fn ctap2(&self, name: &str, link: Link, message: &[u8]) -> Result<Vec<u8>, Failure> {
        self.running(name)?.ctap2(link.into(), message, None)
    }
}

/// Refuses names that are too long to be told.
pub(super) fn check_names(name: Option<&String>, display_name: Option<&String>) -> Result<(), Failure> {
    for (what, name) in [("account name", name), ("display name", display_name)] {
        let len = name.map_or(0, String::len);
        if len > LONGEST_ACCOUNT_NAME {
            let message = format!("the {what} has {len} bytes, and may have {LONGEST_ACCOUNT_NAME}");
            return Err(Failure::new(FailureKind::Invalid, message));
        }
    }
    Ok(())
}

/// Refuses an account that the open question does not let its user choose.
fn choosable(name: &str, account: usize, prompt: &Prompt) -> Result<(), Failure> {
    let invalid = |message: String| Err(Failure::new(FailureKind::Invalid, message));
    match prompt.accounts.len() {
        _ if !prompt.choice => {
            invalid(format!("question {} on {name} offers no choice of accounts", prompt.number))
        }
        accounts if account >= accounts => {
            invalid(format!("there is no account {account}: the question shows {accounts}, counted from 0"))
        }
        _ => Ok(()),
    }
}

/// The passkey that `id` stands for: its credential ID in base64url, of either dialect, or enough of its
/// beginning, with or without the mark that all of them begin with.
fn find(running: &Arc<Running>, name: &str, id: &str) -> Result<authenticator::Passkey, Failure> {
    let passkeys = running.call(|device, _| device.passkeys())?;
    let beginning = id.trim_end_matches('=').replace('+', "-").replace('/', "_");
    if beginning.len() < SHORTEST_BEGINNING {
        let message = format!("`{}` is too short for the beginning of a credential ID", id.escape_debug());
        return Err(Failure::new(FailureKind::Invalid, message)
            .hint(format!("give {SHORTEST_BEGINNING} characters or more")));
    }
    let stands_for = |passkey: &authenticator::Passkey| {
        let unmarked = passkey.id.strip_prefix(&CREDENTIAL_ID_MARK).unwrap_or(&passkey.id);
        [passkey.id.as_slice(), unmarked]
            .into_iter()
            .any(|id| wire::base64url::encode(id).starts_with(&beginning))
    };
    let mut found: Vec<_> = passkeys.into_iter().filter(stands_for).collect();
    match (found.pop(), found.as_slice()) {
        (None, _) => Err(no_such_passkey(name, id)),
        (Some(passkey), []) => Ok(passkey),
        (Some(last), [first, others @ ..]) => {
            let message = format!("`{id}` is the beginning of {} credential IDs on {name}", others.len() + 2);
            let describe = |passkey: &authenticator::Passkey| {
                format!("{} ({})", wire::base64url::encode(&passkey.id), passkey.rp.id)
            };
            let hint = format!("give more of it; there are {} and {}", describe(first), describe(&last));
            Err(Failure::new(FailureKind::Invalid, message).hint(hint))
        }
    }
}

fn no_such_passkey(device: &str, id: &str) -> Failure {
    let message = format!("there is no passkey `{}` on {device}", id.escape_debug());
    Failure::new(FailureKind::NotFound, message)
        .hint(format!("`fauxkey passkey list --device {device}` lists them"))
}

/// The store refused a change.
fn refused(device: &str, error: &CtapError) -> Failure {
    Failure::new(FailureKind::Broken, format!("{device}: {error}"))
}
