//! What the owner of a device may do to it besides sending frames.
use crate::faults::{Armed, Fault, InvalidFault};
use crate::virtual_authenticator::VirtualAuthenticator;
use authenticator::store::Finger;
use authenticator::{Changed, Passkey};
use wire::cose::Algorithm;
use wire::ctap2::{RpEntity, UserEntity};
use wire::status::CtapError;
use wire::time::Instant;

impl VirtualAuthenticator {
    /// Arms a fault, which strikes from now on.
    ///
    /// # Errors
    /// If it has a value that its kind does not have or cannot have, or a restriction that makes no sense there.
    pub fn arm(&self, fault: Fault) -> Result<Armed, InvalidFault> {
        self.faults.arm(fault)
    }

    /// The faults that are armed, and those that have struck as often as they may.
    pub fn armed(&self) -> Vec<Armed> {
        self.faults.armed()
    }

    /// Disarms a fault; false if there is none with that ID.
    pub fn disarm(&self, id: u64) -> bool {
        self.faults.disarm(id)
    }

    /// Disarms all faults.
    pub fn disarm_all(&self) {
        self.faults.clear();
    }

    /// From now on this seed decides where faults leave something to chance. It is 0 until then.
    pub fn seed_faults(&self, seed: u64) {
        self.faults.seed(seed);
    }

    /// All discoverable passkeys, newest first.
    pub fn passkeys(&self) -> Vec<Passkey> {
        self.authenticator.passkeys()
    }

    /// The discoverable passkey with that credential ID.
    pub fn passkey(&self, id: &[u8]) -> Option<Passkey> {
        self.authenticator.passkey(id)
    }

    /// How many discoverable passkeys there are.
    pub fn passkey_count(&self) -> usize {
        self.authenticator.passkey_count()
    }

    /// Makes a passkey without a ceremony; its key never leaves. A command that waits is cancelled.
    ///
    /// # Errors
    /// UNSUPPORTED_OPTION where no passkeys are kept, UNSUPPORTED_ALGORITHM, KEY_STORE_FULL, and those of the store.
    pub fn add_passkey(
        &mut self,
        now: Instant,
        rp: RpEntity,
        user: UserEntity,
        algorithm: Option<Algorithm>,
    ) -> Result<Passkey, CtapError> {
        let changed = self.authenticator.add_passkey(now, rp, user, algorithm);
        self.changed(now, changed)
    }

    /// Deletes a passkey; false if there is none with that credential ID. A command that waits is cancelled.
    ///
    /// # Errors
    /// Those of the store, as a CTAP status with its reason.
    pub fn delete_passkey(&mut self, now: Instant, id: &[u8]) -> Result<bool, CtapError> {
        let changed = self.authenticator.delete_passkey(now, id);
        self.changed(now, changed)
    }

    /// Gives a passkey's account other names; false if there is none with that credential ID. A command that
    /// waits is cancelled.
    ///
    /// # Errors
    /// Those of the store, as a CTAP status with its reason.
    pub fn rename_passkey(
        &mut self,
        now: Instant,
        id: &[u8],
        name: Option<String>,
        display_name: Option<String>,
    ) -> Result<bool, CtapError> {
        let changed = self.authenticator.rename_passkey(now, id, name, display_name);
        self.changed(now, changed)
    }

    /// The fingers that are enrolled, the oldest first.
    pub fn fingers(&self) -> &[Finger] {
        self.authenticator.fingers()
    }

    /// Enrols another finger without its samples. A command that waits is cancelled.
    ///
    /// # Errors
    /// INVALID_COMMAND where fingers are not enrolled, FP_DATABASE_FULL, INVALID_LENGTH for a name of more than 64
    /// bytes, and those of the store.
    pub fn add_finger(&mut self, now: Instant, name: Option<String>) -> Result<Finger, CtapError> {
        let changed = self.authenticator.add_finger(now, name);
        self.changed(now, changed)
    }

    /// Gives a finger another name. A command that waits is cancelled.
    ///
    /// # Errors
    /// INVALID_COMMAND where fingers are not enrolled, INVALID_OPTION if there is none with that ID, INVALID_LENGTH
    /// for a name of more than 64 bytes, and those of the store.
    pub fn rename_finger(&mut self, now: Instant, id: &[u8], name: String) -> Result<(), CtapError> {
        let changed = self.authenticator.rename_finger(now, id, name);
        self.changed(now, changed)
    }

    /// Forgets a finger. A command that waits is cancelled.
    ///
    /// # Errors
    /// INVALID_COMMAND where fingers are not enrolled, INVALID_OPTION if there is none with that ID, and those of the
    /// store.
    pub fn remove_finger(&mut self, now: Instant, id: &[u8]) -> Result<(), CtapError> {
        let changed = self.authenticator.remove_finger(now, id);
        self.changed(now, changed)
    }

    /// Forgets everything, as authenticatorReset does, without its touch. A command that waits is cancelled.
    ///
    /// # Errors
    /// Those of the store, as a CTAP status with its reason.
    pub fn factory_reset(&mut self, now: Instant) -> Result<(), CtapError> {
        let changed = self.authenticator.factory_reset(now);
        self.changed(now, changed)
    }

    fn changed<T>(&mut self, now: Instant, changed: Changed<T>) -> Result<T, CtapError> {
        self.advance(now, changed.cancelled);
        self.close_lapsed_prompt();
        self.relay_events();
        changed.result
    }
}
