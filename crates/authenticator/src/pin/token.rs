//! pinUvAuthTokens, CTAP 2.1 §6.5.2: what they may do, for whom, and for how long.
//!
//! CTAP 2.0 knew only one pinToken: from power-up to power-down, for everything and everybody. An authenticator
//! without the `pinUvAuthToken` option still has that kind.
use super::protocol::Protocol;
use crate::Link;
use alloc::string::String;
use core::time::Duration;
use rand_core::CryptoRng;
use wire::ctap2::Permissions;
use wire::status::{CtapError, Status};
use wire::time::Instant;
use zeroize::Zeroizing;

/// How long a token lives at most, CTAP 2.1 §6.5.2.1.
const MAX_USAGE: Duration = Duration::from_secs(600);

/// How long a fresh token may wait for its first use, and the user who was asked for it counts as present, CTAP 2.1
/// §6.5.2.1.
fn initial_usage(link: Link) -> Duration {
    match link {
        Link::Nfc => Duration::from_millis(19_800),
        Link::Usb | Link::Internal | Link::Hybrid => Duration::from_secs(30),
    }
}

/// The token of one PIN/UV auth protocol. There is always one; only while it is in use does it verify anything.
pub(crate) struct Token {
    value: Zeroizing<[u8; 32]>,
    usage: Option<Usage>,
}

/// A token in use.
struct Usage {
    permissions: Permissions,
    rp_id: Option<String>,
    user_verified: bool,
    /// Until when the user who was asked for the token counts as present.
    user_present_until: Option<Instant>,
    lifetime: Lifetime,
}

/// How long a token verifies.
#[derive(Clone, Copy)]
pub(super) enum Lifetime {
    /// As in CTAP 2.1 §6.5.2.1, and for one test of user presence only.
    Limited {
        began: Instant,
        /// When it ends unless it is used before; `None` once it was used.
        first_use_until: Option<Instant>,
    },
    /// As in CTAP 2.0 §5.5.
    UntilPowerCycle,
}

impl Lifetime {
    /// Of a token that was asked for over that link.
    pub(super) fn on(link: Link, now: Instant) -> Self {
        Self::Limited { began: now, first_use_until: Some(now + initial_usage(link)) }
    }

    fn is_over(self, now: Instant) -> bool {
        match self {
            Self::UntilPowerCycle => false,
            Self::Limited { began, first_use_until } => {
                now.since(began) > MAX_USAGE || first_use_until.is_some_and(|until| now > until)
            }
        }
    }
}

impl Token {
    /// resetPinUvAuthToken: a fresh value that is not in use.
    pub(crate) fn generate(rng: &mut dyn CryptoRng) -> Self {
        let mut value = Zeroizing::new([0; 32]);
        rng.fill_bytes(value.as_mut());
        Self { value, usage: None }
    }

    /// What is sent to the platform, encrypted.
    pub(crate) fn value(&self) -> &[u8; 32] {
        &self.value
    }

    /// beginUsingPinUvAuthToken, with what it is for.
    pub(super) fn begin_using(
        &mut self,
        lifetime: Lifetime,
        user_present: bool,
        permissions: Permissions,
        rp_id: Option<String>,
    ) {
        let fresh_until = match lifetime {
            Lifetime::Limited { first_use_until, .. } => first_use_until,
            Lifetime::UntilPowerCycle => None,
        };
        self.usage = Some(Usage {
            permissions,
            rp_id,
            user_verified: true,
            user_present_until: fresh_until.filter(|_| user_present),
            lifetime,
        });
    }

    /// stopUsingPinUvAuthToken.
    pub(crate) fn stop_using(&mut self) {
        self.usage = None;
    }

    /// The usage timer observer, CTAP 2.1 §6.5.2.1: a token that is too old stops being in use.
    pub(crate) fn observe(&mut self, now: Instant) {
        if self.usage.as_ref().is_some_and(|usage| usage.lifetime.is_over(now)) {
            self.stop_using();
        }
    }

    /// verify: the MAC matches, and the token is in use.
    ///
    /// # Errors
    /// PIN_AUTH_INVALID if not.
    pub(crate) fn verify(
        &self,
        now: Instant,
        protocol: Protocol,
        message: &[u8],
        mac: &[u8],
    ) -> Result<(), CtapError> {
        let invalid = |why| Err(Status::PIN_AUTH_INVALID.because(why));
        let Some(usage) = &self.usage else {
            return invalid("CTAP 2.1 §6.5.2 (verify): the pinUvAuthToken is not in use");
        };
        if usage.lifetime.is_over(now) {
            return invalid("CTAP 2.1 §6.5.2.1: the pinUvAuthToken has expired");
        }
        if protocol.verify(self.value.as_slice(), message, mac) {
            Ok(())
        } else {
            invalid("CTAP 2.1 §6.5.2 (verify): pinUvAuthParam does not verify")
        }
    }

    /// Whether it is in use and may do that.
    pub(crate) fn permits(&self, permission: Permissions) -> bool {
        self.usage.as_ref().is_some_and(|usage| usage.permissions.contains(permission))
    }

    /// The relying party that it is bound to.
    pub(crate) fn rp_id(&self) -> Option<&str> {
        self.usage.as_ref()?.rp_id.as_deref()
    }

    /// getUserVerifiedFlagValue.
    pub(crate) fn user_verified(&self) -> bool {
        self.usage.as_ref().is_some_and(|usage| usage.user_verified)
    }

    /// getUserPresentFlagValue.
    pub(crate) fn user_present(&self, now: Instant) -> bool {
        let until = self.usage.as_ref().and_then(|usage| usage.user_present_until);
        until.is_some_and(|until| now <= until)
    }

    /// Notes a use: the first-use limit no longer counts, and the token is bound to the relying party from now
    /// on.
    pub(crate) fn used_for(&mut self, rp_id: Option<&str>) {
        if let Some(usage) = &mut self.usage
            && let Lifetime::Limited { first_use_until, .. } = &mut usage.lifetime
        {
            *first_use_until = None;
            if let (None, Some(rp_id)) = (&usage.rp_id, rp_id) {
                usage.rp_id = Some(rp_id.into());
            }
        }
    }

    /// What follows a test of user presence, CTAP 2.1 §6.1.2 step 14: clearUserPresentFlag,
    /// clearUserVerifiedFlag and clearPinUvAuthTokenPermissionsExceptLbw.
    pub(crate) fn spend(&mut self) {
        if let Some(usage) = &mut self.usage
            && matches!(usage.lifetime, Lifetime::Limited { .. })
        {
            usage.user_present_until = None;
            usage.user_verified = false;
            usage.permissions = usage.permissions.and(Permissions::LBW);
        }
    }
}
