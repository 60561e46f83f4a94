//! PINs and pinUvAuthTokens, CTAP 2.1 §6.5.
mod attempt;
mod built_in;
mod commands;
mod grant;
mod new_pin;
mod policy;
mod protocol;
mod token;
mod token_by_pin;
mod using_uv;

pub use protocol::Protocol;

pub(crate) use commands::{Command, begin, resume};
pub(crate) use protocol::{KeyAgreementKey, SharedSecret};
pub(crate) use token::Token;
pub(crate) use using_uv::{Asked as UvAsked, refused as uv_refused};

use crate::authenticator::Authenticator;
use alloc::string::String;
use rand_core::CryptoRng;
use wire::ctap2::Permissions;
use wire::status::{CtapError, Status};
use wire::time::Instant;
use wire::webauthn::Flags;

/// Wrong PINs in a row after which only a power cycle helps, CTAP 2.1 §6.5.2.3.
const MISSES_BEFORE_POWER_CYCLE: u8 = 3;

/// What PIN and tokens keep until the power is cut.
pub(crate) struct Session {
    keys: [KeyAgreementKey; 2],
    tokens: [Token; 2],
    /// Wrong PINs in a row since power-up.
    misses: u8,
}

impl Session {
    /// At power-up: initialize, for both protocols.
    pub(crate) fn new(rng: &mut dyn CryptoRng) -> Self {
        Self {
            keys: [KeyAgreementKey::generate(rng), KeyAgreementKey::generate(rng)],
            tokens: [Token::generate(rng), Token::generate(rng)],
            misses: 0,
        }
    }

    fn index(protocol: Protocol) -> usize {
        match protocol {
            Protocol::One => 0,
            Protocol::Two => 1,
        }
    }

    /// The key-agreement key of a protocol.
    pub(crate) fn key(&self, protocol: Protocol) -> &KeyAgreementKey {
        &self.keys[Self::index(protocol)]
    }

    /// The token of a protocol.
    pub(crate) fn token(&self, protocol: Protocol) -> &Token {
        &self.tokens[Self::index(protocol)]
    }

    /// The token of a protocol, to be used.
    pub(crate) fn token_mut(&mut self, protocol: Protocol) -> &mut Token {
        &mut self.tokens[Self::index(protocol)]
    }

    /// resetPinUvAuthToken for all protocols: no older token verifies any more.
    pub(crate) fn reset_tokens(&mut self, rng: &mut dyn CryptoRng) {
        self.tokens = [Token::generate(rng), Token::generate(rng)];
    }

    /// The usage timer observer: tokens that are too old stop being in use.
    pub(crate) fn observe(&mut self, now: Instant) {
        self.tokens.iter_mut().for_each(|token| token.observe(now));
    }

    /// regenerate, for the protocol with which a wrong PIN came.
    fn missed(&mut self, protocol: Protocol, rng: &mut dyn CryptoRng) {
        self.misses = self.misses.saturating_add(1);
        self.keys[Self::index(protocol)] = KeyAgreementKey::generate(rng);
    }

    /// The PIN was right.
    fn matched(&mut self) {
        self.misses = 0;
    }

    /// Whether even the right PIN is refused until a power cycle.
    fn is_locked(&self) -> bool {
        self.misses >= MISSES_BEFORE_POWER_CYCLE
    }
}

/// A token that verified a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Verified {
    /// The protocol that it belongs to.
    pub(crate) protocol: Protocol,
}

/// That a token verified a command: noted even if the command is then refused, or its user declines. From then on
/// the token waits no longer for its first use, and is for one relying party.
pub(crate) struct TokenUse {
    token: Verified,
    rp_id: Option<String>,
}

impl TokenUse {
    /// For a relying party (CTAP 2.1 §6.1.2 step 11.1.7, §6.2.2 step 6.1.6).
    pub(crate) fn on(token: Verified, rp_id: &str) -> Self {
        Self { token, rp_id: Some(rp_id.into()) }
    }

    /// By a command that is for no relying party.
    pub(crate) fn of(token: Verified) -> Self {
        Self { token, rp_id: None }
    }
}

impl Authenticator {
    /// Notes that a token was used.
    pub(crate) fn note(&mut self, TokenUse { token, rp_id }: TokenUse) {
        self.session.token_mut(token.protocol).used_for(rp_id.as_deref());
    }

    /// The protocol with that number.
    ///
    /// # Errors
    /// MISSING_PARAMETER if there is none; INVALID_PARAMETER if it is not supported.
    pub(crate) fn protocol(&self, number: Option<i64>) -> Result<Protocol, CtapError> {
        let number = number
            .ok_or(Status::MISSING_PARAMETER.because("CTAP 2.1 §6.5.5: pinUvAuthProtocol is absent"))?;
        let offered = self.capabilities.pin_uv_auth_protocols();
        let found = offered.iter().copied().find(|protocol| protocol.number() == number);
        found.ok_or(
            Status::INVALID_PARAMETER.because("CTAP 2.1 §6.5.5: this pinUvAuthProtocol is not supported"),
        )
    }

    /// verify a pinUvAuthParam with the token of a protocol, and that the token may do this.
    ///
    /// # Errors
    /// PIN_AUTH_INVALID for anything that does not match.
    pub(crate) fn verify_token(
        &self,
        now: Instant,
        protocol: Protocol,
        message: &[u8],
        param: &[u8],
        permission: Permissions,
    ) -> Result<Verified, CtapError> {
        let token = self.session.token(protocol);
        token.verify(now, protocol, message, param)?;
        if !token.permits(permission) {
            return Err(
                Status::PIN_AUTH_INVALID.because("CTAP 2.1 §6.5.5.7: the token has not this permission")
            );
        }
        Ok(Verified { protocol })
    }

    /// Whether a pinUvAuthParam was made with the persistent token (CTAP 2.2 §6.5.5.7), which may read credential
    /// management and nothing else.
    pub(crate) fn is_persistent(&self, protocol: Protocol, message: &[u8], param: &[u8]) -> bool {
        let token = &self.memory.state().verification.persistent_token;
        token.as_ref().is_some_and(|token| protocol.verify(token.as_slice(), message, param))
    }

    /// CTAP 2.1 §6.1.2 step 11: the token is for this relying party or for none yet, and its user was verified.
    ///
    /// # Errors
    /// PIN_AUTH_INVALID if not.
    pub(crate) fn token_is_for(&self, verified: Verified, rp_id: &str) -> Result<(), CtapError> {
        let token = self.session.token(verified.protocol);
        if token.rp_id().is_some_and(|bound| bound != rp_id) {
            return Err(
                Status::PIN_AUTH_INVALID.because("CTAP 2.1 §6.1.2 step 11: the token is for another RP ID")
            );
        }
        if !token.user_verified() {
            return Err(
                Status::PIN_AUTH_INVALID.because("CTAP 2.1 §6.1.2 step 11: the token's user is not verified")
            );
        }
        Ok(())
    }

    /// The flags that a token vouches for.
    pub(crate) fn vouched(&self, now: Instant, verified: Verified) -> Flags {
        let token = self.session.token(verified.protocol);
        Flags::UV.when(token.user_verified()) | Flags::UP.when(token.user_present(now))
    }

    /// After a test of user presence a token is good for writing large blobs only.
    pub(crate) fn spend(&mut self, verified: Verified) {
        self.session.token_mut(verified.protocol).spend();
    }

    /// What makeCredential and getAssertion say where user verification is needed and was not offered: PUAT_REQUIRED
    /// if a PIN gives tokens for them, else OPERATION_DENIED. alwaysUv counts a PIN that is still to be set
    /// (CTAP 2.1 §6.1.2 step 6), the other steps only one that is (steps 7 and 8).
    pub(crate) fn token_needed(&self, why: &'static str) -> CtapError {
        let (can, state) = (&self.capabilities, self.memory.state());
        let pin = if can.always_uv(state) {
            can.profile.pin.is_some()
        } else {
            can.client_pin(state) == Some(true)
        };
        let obtainable = pin && !can.profile.no_mc_ga_permissions_with_client_pin;
        let status = if obtainable { Status::PUAT_REQUIRED } else { Status::OPERATION_DENIED };
        status.because(why)
    }

    /// Whether some form of user verification is set up: a PIN, or a finger.
    pub(crate) fn is_protected(&self) -> bool {
        self.memory.state().verification.pin.is_some() || self.uv_is_configured()
    }

    /// Whether built-in user verification is there and set up.
    pub(crate) fn uv_is_configured(&self) -> bool {
        self.capabilities.uv(self.memory.state()) == Some(true)
    }
}
