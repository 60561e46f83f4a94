//! Faults, scripted users, and passkeys without ceremonies: what tests arrange.
use super::Instance;
use crate::control::{
    ArmedFault, Control as _, Failure, FailureKind, Fault, NewPasskey, Passkey, ProfileSummary, Prompt,
    Script,
};
use authenticator::profile::Verification;
use client::Origin;
use emulator::faults::{Armed, InvalidFault};
use std::time::{Duration, Instant};
use wire::cose::Algorithm;
use wire::ctap2::{RpEntity, UserEntity};

/// The longest user handle in bytes, WebAuthn Level 3 §5.4.3.
const LONGEST_HANDLE: usize = 64;

impl From<Armed> for ArmedFault {
    fn from(armed: Armed) -> Self {
        Self { id: armed.id, struck: armed.struck, fault: armed.fault }
    }
}

impl From<InvalidFault> for Failure {
    fn from(invalid: InvalidFault) -> Self {
        Self { kind: FailureKind::Invalid, message: invalid.why, hint: invalid.hint }
    }
}

impl Instance {
    pub(super) fn faults_of(&self, name: &str) -> Result<Vec<ArmedFault>, Failure> {
        let armed = self.running(name)?.call(|device, _| device.armed())?;
        Ok(armed.into_iter().map(ArmedFault::from).collect())
    }

    pub(super) fn arm_on(&self, name: &str, fault: Fault) -> Result<ArmedFault, Failure> {
        Ok(self.running(name)?.call(move |device, _| device.arm(fault))?.map(ArmedFault::from)?)
    }

    /// From now on this seed decides where faults leave something to chance.
    ///
    /// # Errors
    /// Those of [`crate::control::Control::device`].
    pub fn seed_faults(&self, name: &str, seed: u64) -> Result<(), Failure> {
        self.running(name)?.call(move |device, _| device.seed_faults(seed))
    }

    pub(super) fn disarm_on(&self, name: &str, id: Option<u64>) -> Result<(), Failure> {
        let disarmed = self.running(name)?.call(move |device, _| match id {
            Some(id) => device.disarm(id),
            None => {
                device.disarm_all();
                true
            }
        })?;
        if disarmed {
            return Ok(());
        }
        let message = format!("there is no fault {} on {name}", id.unwrap_or_default());
        Err(Failure::new(FailureKind::NotFound, message)
            .hint(format!("`fauxkey device fault list --device {name}` lists them")))
    }

    pub(super) fn script_of(&self, name: &str) -> Result<Option<Script>, Failure> {
        self.running(name)?.call(|device, _| device.script().cloned())
    }

    pub(super) fn set_script_of(&self, name: &str, script: Option<Script>) -> Result<(), Failure> {
        let set = self.running(name)?.call(move |device, _| device.set_script(script))?;
        set.map_err(|invalid| Failure::new(FailureKind::Invalid, format!("the script: {invalid}")))
    }

    pub(super) fn prompt_within(&self, name: &str, patience: Duration) -> Result<Option<Prompt>, Failure> {
        let until = Instant::now() + patience;
        let running = self.running(name)?;
        loop {
            // First, so that nothing is missed in between.
            let raised = running.raised();
            if let Some(prompt) = self.prompt(name)? {
                return Ok(Some(prompt));
            }
            if !running.await_more(raised, until) {
                return Ok(None);
            }
        }
    }

    pub(super) fn add_passkey_to(&self, name: &str, new: NewPasskey) -> Result<Passkey, Failure> {
        let invalid = |message: String| Failure::new(FailureKind::Invalid, message);
        // An RP ID is a domain that some page below it could claim, or no page ever signs in with it.
        let page = match new.rp_id.as_str() {
            "localhost" => "http://localhost".into(),
            rp_id => format!("https://login.{rp_id}"),
        };
        let checked = Origin::parse(&page).and_then(|origin| origin.rp_id(Some(&new.rp_id)));
        checked.map_err(|error| invalid(format!("rpId: {error}")).hint(error.hint()))?;
        let length = new.user_handle.0.len();
        if !(1..=LONGEST_HANDLE).contains(&length) {
            return Err(invalid(format!(
                "userHandle has {length} bytes, and may have 1 to {LONGEST_HANDLE}"
            )));
        }
        super::control::check_names(new.user_name.as_ref(), new.user_display_name.as_ref())?;
        let algorithm = new.algorithm.as_deref().map(|text| {
            Algorithm::from_name(text).ok_or_else(|| {
                invalid(format!("algorithm: `{}` is no COSE algorithm", text.escape_debug()))
                    .hint("such as ES256, EdDSA, RS256 or ML-DSA-44")
            })
        });
        let algorithm = algorithm.transpose()?;
        let rp = RpEntity { id: new.rp_id, name: new.rp_name };
        let user =
            UserEntity { id: new.user_handle.0, name: new.user_name, display_name: new.user_display_name };
        let added =
            self.running(name)?.call(move |device, now| device.add_passkey(now, rp, user, algorithm))?;
        added
            .map(Passkey::from)
            .map_err(|error| Failure::new(FailureKind::Refused, format!("{name} makes no passkey: {error}")))
    }

    pub(super) fn profile_summaries(&self) -> Result<Vec<ProfileSummary>, Failure> {
        let usable = self.profiles.list()?.into_iter().filter_map(|listed| listed.profile.ok());
        let summary = |profile: emulator::DeviceProfile| {
            let claims = &profile.authenticator;
            ProfileSummary {
                aaguid: claims.aaguid.to_string(),
                transports: claims.seen.iter().map(|(link, _)| link.transport().into()).collect(),
                has_resident_key: claims.discoverable.is_some(),
                has_user_verification: claims.verification != Verification::None,
                name: profile.name,
                title: profile.title,
            }
        };
        Ok(usable.map(summary).collect())
    }
}
