//! What the owner of the authenticator may do to it besides sending commands. Everything goes through the same
//! commit as a command, and no private key can be seen.
use crate::authenticator::{Authenticator, Progress};
use crate::credentials::rp_id_hash;
use crate::store::{Change, Credential, CredentialExtensions, Finger, RecordId};
use crate::{bio_enrollment, pin, sealed};
use alloc::{boxed::Box, string::String, vec::Vec};
use rand_core::Rng as _;
use wire::cose::{Algorithm, PublicKey};
use wire::ctap2::{Command, RpEntity, UserEntity};
use wire::status::{CtapError, Status};
use wire::time::Instant;

/// A passkey as its owner sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Passkey {
    /// The credential ID.
    pub id: Vec<u8>,
    /// Where it signs in.
    pub rp: RpEntity,
    /// The account.
    pub user: UserEntity,
    /// What the relying party verifies with.
    pub public_key: PublicKey,
    /// Counts up: a larger number is newer.
    pub created: u64,
}

impl From<&Credential> for Passkey {
    fn from(credential: &Credential) -> Self {
        Self {
            id: credential.id.clone(),
            rp: credential.rp.clone(),
            user: credential.user.clone(),
            public_key: credential.key.public.clone(),
            created: credential.created,
        }
    }
}

/// The result of a change, and the end of the command that it cancelled, if one was waiting for its user.
pub struct Changed<T> {
    /// Whether the change was made.
    pub result: Result<T, CtapError>,
    /// To be sent to the platform that waited.
    pub cancelled: Option<Progress>,
}

impl Authenticator {
    /// All discoverable passkeys, newest first.
    pub fn passkeys(&self) -> Vec<Passkey> {
        let mut passkeys: Vec<Passkey> = self.memory.credentials().iter().map(Passkey::from).collect();
        passkeys.sort_by_key(|passkey| core::cmp::Reverse(passkey.created));
        passkeys
    }

    /// The discoverable passkey with that credential ID.
    pub fn passkey(&self, id: &[u8]) -> Option<Passkey> {
        self.memory.credentials().by_id(id).map(Passkey::from)
    }

    /// How many discoverable passkeys there are.
    pub fn passkey_count(&self) -> usize {
        self.memory.credentials().len()
    }

    /// Deletes a passkey; false if there is none with that credential ID.
    pub fn delete_passkey(&mut self, now: Instant, id: &[u8]) -> Changed<bool> {
        self.change(now, id, |credential| Change::DeleteCredential(credential.record))
    }

    /// Gives a passkey's account other names; false if there is none with that credential ID. The relying party
    /// does not learn of it, except that it is what a prompt and a sign-in show from now on.
    pub fn rename_passkey(
        &mut self,
        now: Instant,
        id: &[u8],
        name: Option<String>,
        display_name: Option<String>,
    ) -> Changed<bool> {
        self.change(now, id, |credential| {
            let user = UserEntity { id: credential.user.id.clone(), name, display_name };
            Change::PutCredential(Box::new(Credential { user, ..credential.clone() }))
        })
    }

    /// Makes a passkey without a ceremony, as if its user had registered: the key is made here and stays here. It takes
    /// the place of one that the account has at that relying party (CTAP 2.1 §6.1.2 step 18). `algorithm` is the
    /// profile's first one if absent. The result is refused with UNSUPPORTED_OPTION where no passkeys are kept,
    /// UNSUPPORTED_ALGORITHM, or KEY_STORE_FULL.
    pub fn add_passkey(
        &mut self,
        now: Instant,
        rp: RpEntity,
        user: UserEntity,
        algorithm: Option<Algorithm>,
    ) -> Changed<Passkey> {
        let credential = match self.new_credential(rp, user, algorithm) {
            Ok(credential) => Box::new(credential),
            Err(refused) => return Changed { result: Err(refused), cancelled: None },
        };
        let cancelled = self.handle_cancel(now);
        self.sequence = None;
        let rp_id_hash = rp_id_hash(&credential.rp.id);
        let replaced =
            self.memory.credentials().of_user(&rp_id_hash, &credential.user.id).map(|old| old.record);
        let passkey = Passkey::from(&*credential);
        let mut changes: Vec<Change> = replaced.map(Change::DeleteCredential).into_iter().collect();
        changes.push(Change::PutCredential(credential));
        self.memory.renew_store_state(&self.capabilities.profile, &mut changes, &mut self.rng);
        Changed { result: self.commit(&changes, None).map(|()| passkey), cancelled }
    }

    fn new_credential(
        &mut self,
        rp: RpEntity,
        user: UserEntity,
        algorithm: Option<Algorithm>,
    ) -> Result<Credential, CtapError> {
        let offered = &self.capabilities.profile.algorithms;
        if self.capabilities.profile.discoverable.is_none() {
            return Err(
                Status::UNSUPPORTED_OPTION.because("CTAP 2.1 §6.1.2 step 5: no passkeys are kept here")
            );
        }
        let algorithm = algorithm.or_else(|| offered.first().copied()).filter(|one| offered.contains(one));
        let Some(algorithm) = algorithm else {
            let why = "CTAP 2.1 §6.1.2 step 3: the authenticator does not have that algorithm";
            return Err(Status::UNSUPPORTED_ALGORITHM.because(why));
        };
        let known = self.memory.credentials().of_user(&rp_id_hash(&rp.id), &user.id).is_some();
        if !known && self.capabilities.room(&self.memory) == 0 {
            let why = "CTAP 2.1 §6.1.2 step 18: every discoverable slot is taken";
            return Err(Status::KEY_STORE_FULL.because(why));
        }
        let key = self.signer.generate(algorithm, &mut self.rng).map_err(Self::signer_failed)?;
        let id = sealed::discoverable_id(&mut self.rng);
        let mut record = RecordId([0; 16]);
        self.rng.fill_bytes(&mut record.0);
        let created = self.memory.credentials().next_created();
        let extensions = CredentialExtensions::default();
        Ok(Credential { record, id, rp, user, key, created, extensions })
    }

    /// Back to the factory state, without the window and the touch of authenticatorReset.
    pub fn factory_reset(&mut self, now: Instant) -> Changed<()> {
        let cancelled = self.handle_cancel(now);
        let change = self.memory.reset(&self.capabilities.profile, &mut self.rng);
        self.session = pin::Session::new(&mut self.rng);
        self.sequence = None;
        self.enrolling = None;
        Changed { result: self.commit(&[change], None), cancelled }
    }

    /// The fingers that are enrolled, the oldest first.
    pub fn fingers(&self) -> &[Finger] {
        &self.memory.state().verification.fingers
    }

    /// Enrols another finger without its samples. The result is refused with INVALID_COMMAND where fingers are not
    /// enrolled (CTAP 2.1 §6.7), FP_DATABASE_FULL, or INVALID_LENGTH for a name of more than 64 bytes.
    pub fn add_finger(&mut self, now: Instant, name: Option<String>) -> Changed<Finger> {
        self.change_fingers(
            now,
            |auth| bio_enrollment::with_another(auth, name),
            |fingers| fingers.last().cloned().expect("it was added at the end"),
        )
    }

    /// Gives a finger another name. The result is refused with INVALID_OPTION if there is none with that ID, and
    /// with INVALID_LENGTH for a name of more than 64 bytes.
    pub fn rename_finger(&mut self, now: Instant, id: &[u8], name: String) -> Changed<()> {
        self.change_fingers(now, |auth| bio_enrollment::renamed(auth, id, name), |_| ())
    }

    /// Forgets a finger. The result is refused with INVALID_OPTION if there is none with that ID.
    pub fn remove_finger(&mut self, now: Instant, id: &[u8]) -> Changed<()> {
        self.change_fingers(now, |auth| bio_enrollment::without(auth, id), |_| ())
    }

    /// Cancels a waiting command and an enrolment that is under way, then changes the fingers.
    fn change_fingers<T>(
        &mut self,
        now: Instant,
        make: impl FnOnce(&mut Self) -> Result<Vec<Finger>, CtapError>,
        then: impl FnOnce(&[Finger]) -> T,
    ) -> Changed<T> {
        if !self.capabilities.has(Command::BIO_ENROLLMENT_PREVIEW) {
            let none = Status::INVALID_COMMAND.because("CTAP 2.1 §6.7: no fingers are enrolled here");
            return Changed { result: Err(none), cancelled: None };
        }
        let fingers = match make(self) {
            Ok(fingers) => fingers,
            Err(refused) => return Changed { result: Err(refused), cancelled: None },
        };
        let cancelled = self.handle_cancel(now);
        self.sequence = None;
        self.enrolling = None;
        let result = bio_enrollment::put(self, fingers).map(|()| then(self.fingers()));
        Changed { result, cancelled }
    }

    /// Cancels a waiting command, so that it does not go on over changed ground, then changes one passkey.
    fn change(&mut self, now: Instant, id: &[u8], make: impl FnOnce(&Credential) -> Change) -> Changed<bool> {
        let Some(credential) = self.memory.credentials().by_id(id) else {
            return Changed { result: Ok(false), cancelled: None };
        };
        let change = make(credential);
        let cancelled = self.handle_cancel(now);
        self.sequence = None;
        let mut changes = Vec::from([change]);
        self.memory.renew_store_state(&self.capabilities.profile, &mut changes, &mut self.rng);
        Changed { result: self.commit(&changes, None).map(|()| true), cancelled }
    }
}
