//! The emulator's values in the words of the API.
use crate::control::{self, Passkey, User};
use authenticator::profile::Verification;
use authenticator::store::Finger;
use emulator::{DeviceProfile, UserPolicy};
use std::time::Duration;
use wire::cbor;

/// A device without what only its thread knows: power, number of passkeys, user and attachments.
pub(super) fn device(name: &str, profile: &DeviceProfile) -> control::Device {
    let claims = &profile.authenticator;
    control::Device {
        name: name.into(),
        profile: profile.name.clone(),
        title: profile.title.clone(),
        aaguid: claims.aaguid.to_string(),
        powered: false,
        has_resident_key: claims.discoverable.is_some(),
        has_user_verification: claims.verification != Verification::None,
        default_backup_eligibility: claims.backup.eligible,
        default_backup_state: claims.backup.backed_up,
        passkeys: 0,
        user: User::from(UserPolicy::default()),
        attached: Vec::new(),
    }
}

impl From<UserPolicy> for User {
    fn from(policy: UserPolicy) -> Self {
        let answer = match policy.answer {
            emulator::Answer::Approve => control::Answer::Approve,
            emulator::Answer::Ask => control::Answer::Ask,
            emulator::Answer::Deny => control::Answer::Deny,
            emulator::Answer::Ignore => control::Answer::Ignore,
            emulator::Answer::WrongFinger => control::Answer::WrongFinger,
            emulator::Answer::Account(place) => control::Answer::Account(place),
        };
        Self { answer, delay_ms: u64::try_from(policy.delay.as_millis()).unwrap_or(u64::MAX) }
    }
}

impl From<User> for UserPolicy {
    fn from(user: User) -> Self {
        let answer = match user.answer {
            control::Answer::Approve => emulator::Answer::Approve,
            control::Answer::Ask => emulator::Answer::Ask,
            control::Answer::Deny => emulator::Answer::Deny,
            control::Answer::Ignore => emulator::Answer::Ignore,
            control::Answer::WrongFinger => emulator::Answer::WrongFinger,
            control::Answer::Account(place) => emulator::Answer::Account(place),
        };
        Self { answer, delay: Duration::from_millis(user.delay_ms) }
    }
}

impl From<control::Gesture> for authenticator::Gesture {
    fn from(gesture: control::Gesture) -> Self {
        match gesture {
            control::Gesture::Present => Self::Present,
            control::Gesture::LongTouch => Self::LongTouch,
            control::Gesture::Verified => Self::Verified,
            control::Gesture::Account(account) => Self::Account(account),
            control::Gesture::NotVerified => Self::NotVerified,
            control::Gesture::Declined => Self::Declined,
        }
    }
}

impl From<control::Link> for authenticator::Link {
    fn from(link: control::Link) -> Self {
        match link {
            control::Link::Usb => Self::Usb,
            control::Link::Internal => Self::Internal,
            control::Link::Hybrid => Self::Hybrid,
        }
    }
}

impl From<Finger> for control::Finger {
    fn from(finger: Finger) -> Self {
        Self { id: wire::hex::encode(&finger.id), name: finger.name }
    }
}

impl From<authenticator::Passkey> for Passkey {
    fn from(passkey: authenticator::Passkey) -> Self {
        let algorithm = passkey.public_key.algorithm();
        Self {
            credential_id: wire::base64url::encode(&passkey.id),
            rp_id: passkey.rp.id,
            rp_name: passkey.rp.name,
            user_handle: passkey.user.id.into(),
            user_name: passkey.user.name,
            user_display_name: passkey.user.display_name,
            algorithm: algorithm.name().map_or_else(|| algorithm.0.to_string(), Into::into),
            public_key: cbor::encode(&passkey.public_key.to_value()).into(),
            created: passkey.created,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_goes_both_ways() {
        for answer in [
            control::Answer::Approve,
            control::Answer::Ask,
            control::Answer::Deny,
            control::Answer::Ignore,
            control::Answer::WrongFinger,
            control::Answer::Account(1),
        ] {
            let user = User { answer, delay_ms: 250 };
            assert_eq!(User::from(UserPolicy::from(user)), user);
        }
        let never = UserPolicy { delay: Duration::MAX, ..UserPolicy::default() };
        assert_eq!(User::from(never).delay_ms, u64::MAX);
    }
}
