//! The instance's test CA, as it is asked from outside.
use super::{Instance, State};
use crate::ca;
use crate::control::{Certificate, Failure, FailureKind, TestCa};
use crate::devices::Definition;
use wire::aaguid::Aaguid;

/// The root and everything that it certified.
pub(super) fn show(instance: &Instance) -> Result<TestCa, Failure> {
    let (root, leaves) = instance.with_authority(|authority| Ok((authority.root()?, authority.leaves()?)))?;
    // A device whose file makes no sense is not what was asked for.
    let named = instance.devices.names()?.into_iter();
    let named: Vec<_> =
        named.filter_map(|name| Some((instance.devices.find(&name).ok()?.id, name))).collect();
    let named = |(leaf, device): (Certificate, Option<_>)| {
        let name = named.iter().find(|(id, _)| Some(*id) == device).map(|(_, name)| name.clone());
        Certificate { device: name, ..leaf }
    };
    Ok(TestCa { root, leaves: leaves.into_iter().map(named).collect() })
}

/// By AAGUID, of what there is; by profile, also of what is made only now.
pub(super) fn chain(instance: &Instance, model: &str) -> Result<Vec<Certificate>, Failure> {
    let found = match model.parse::<Aaguid>() {
        Ok(aaguid) => instance.with_authority(|authority| authority.chain_of(aaguid))?,
        Err(_) => {
            let profile = instance.profiles.find(model)?;
            if !ca::attests_by_certificate(&profile) {
                return Err(not_certified(model));
            }
            match instance.with_authority(|authority| authority.chain(&profile))? {
                None => return Err(certified_anew(model)),
                chain => chain,
            }
        }
    };
    found.ok_or_else(|| not_certified(model))
}

fn not_certified(model: &str) -> Failure {
    let message = format!("the test CA has certified no model {}", model.escape_debug());
    Failure::new(FailureKind::NotFound, message)
        .hint("a profile whose attestation is packed or fido-u2f gets a certificate, such as NAME+packed")
}

/// Formats whose certificates are of a TPM, of Android's keystore, of Apple: of one credential, or made for one statement.
fn certified_anew(model: &str) -> Failure {
    let message =
        format!("{} has no attestation certificate: each passkey gets its own", model.escape_debug());
    Failure::new(FailureKind::NotFound, message)
        .hint("it stands in the passkey's attestation object; `fauxkey ca export` prints the root alone")
}

/// A new root, by which the devices that run attest from now on.
pub(super) fn rotate(instance: &Instance, state: &State) -> Result<TestCa, Failure> {
    instance.with_authority(|authority| authority.rotate())?;
    for (name, running) in &state.running {
        let id = instance.devices.find(name)?.id;
        let identity = instance.identity(running.profile(), id)?;
        running.call(move |device, _| device.set_identity(identity))?;
    }
    show(instance)
}

/// Forgets what tells a deleted device apart.
pub(super) fn forget(instance: &Instance, definition: &Definition) -> Result<(), Failure> {
    // Without its profile nobody knows whether it had such a key.
    let profile = instance.profiles.find(&definition.profile);
    if profile.is_ok_and(|profile| profile.authenticator.enterprise.is_none()) {
        return Ok(());
    }
    instance.with_authority(|authority| authority.forget(definition.id))
}
