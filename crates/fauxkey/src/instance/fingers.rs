//! The fingers that are enrolled on a device, as its owner changes them: by no platform, and without samples.
use super::Instance;
use super::running::Running;
use crate::control::{Failure, FailureKind, Finger};
use std::sync::Arc;
use wire::hex;
use wire::status::{CtapError, Status};

/// The shortest beginning of a finger's ID that stands for all of it, in hexadecimal digits.
const SHORTEST_BEGINNING: usize = 2;

impl Instance {
    pub(super) fn fingers_of(&self, name: &str) -> Result<Vec<Finger>, Failure> {
        let fingers = self.running(name)?.call(|device, _| device.fingers().to_vec())?;
        Ok(fingers.into_iter().map(Finger::from).collect())
    }

    pub(super) fn add_finger_to(&self, name: &str, finger: Option<String>) -> Result<Finger, Failure> {
        let added = self.running(name)?.call(move |device, now| device.add_finger(now, finger))?;
        added.map(Finger::from).map_err(|error| refused(name, &error))
    }

    pub(super) fn rename_finger_of(&self, name: &str, id: &str, finger: String) -> Result<Finger, Failure> {
        let running = self.running(name)?;
        let id = find(&running, name, id)?;
        let renamed = running.call({
            let (id, finger) = (id.clone(), finger.clone());
            move |device, now| device.rename_finger(now, &id, finger)
        })?;
        renamed.map_err(|error| refused(name, &error))?;
        Ok(Finger { id: hex::encode(&id), name: Some(finger).filter(|name| !name.is_empty()) })
    }

    pub(super) fn remove_finger_of(&self, name: &str, id: &str) -> Result<(), Failure> {
        let running = self.running(name)?;
        let id = find(&running, name, id)?;
        let removed = running.call(move |device, now| device.remove_finger(now, &id))?;
        removed.map_err(|error| refused(name, &error))
    }
}

/// The ID of the finger that `id` stands for: one that is called so, or whose ID begins so.
fn find(running: &Arc<Running>, name: &str, id: &str) -> Result<Vec<u8>, Failure> {
    let fingers = running.call(|device, _| device.fingers().to_vec())?;
    let begins = |finger: &authenticator::store::Finger| {
        id.len() >= SHORTEST_BEGINNING && hex::encode(&finger.id).starts_with(&id.to_lowercase())
    };
    let called = |finger: &authenticator::store::Finger| finger.name.as_deref() == Some(id);
    let mut found: Vec<_> = fingers.into_iter().filter(|finger| begins(finger) || called(finger)).collect();
    match (found.pop(), found.len()) {
        (Some(finger), 0) => Ok(finger.id),
        (Some(_), others) => {
            let message = format!("`{}` stands for {} fingers on {name}", id.escape_debug(), others + 1);
            Err(Failure::new(FailureKind::Invalid, message).hint("give more of the ID"))
        }
        (None, _) => {
            let message = format!("there is no finger `{}` on {name}", id.escape_debug());
            Err(Failure::new(FailureKind::NotFound, message)
                .hint(format!("`fauxkey device finger list --device {name}` lists them")))
        }
    }
}

/// Why the device would not.
fn refused(name: &str, error: &CtapError) -> Failure {
    let (kind, message, hint) = match error.status {
        Status::INVALID_COMMAND => (
            FailureKind::Refused,
            format!("{name} has no fingerprint reader: its profile does not do that"),
            Some("fauxkey device add key --profile fingerprint-key makes one that does"),
        ),
        Status::FP_DATABASE_FULL => (
            FailureKind::Conflict,
            format!("{name} has no room for another finger"),
            Some("`fauxkey device finger remove` makes room"),
        ),
        Status::INVALID_LENGTH => (FailureKind::Invalid, "a finger's name has at most 64 bytes".into(), None),
        Status::INVALID_OPTION => {
            (FailureKind::NotFound, format!("that finger is no longer on {name}"), None)
        }
        _ => (FailureKind::Broken, format!("{name}: {error}"), None),
    };
    let failure = Failure::new(kind, message);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
