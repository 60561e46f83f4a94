//! How a ceremony's user is verified: by what the authenticator has built in, by a PIN, or not at all.
//!
//! Built-in verification comes first. It goes into the request as the option `uv`, or, where the authenticator has
//! `pinUvAuthToken`, into a token; a PIN always goes into a token (CTAP 2.1 §6.1.1 and §6.2.1). An authenticator
//! that asks for more with PUAT_REQUIRED gets it, if there is a PIN.
use crate::ceremony::{Ceremony, Next};
use crate::error::ClientError;
use crate::pin::{Agreeing, Agreement, By, GetToken, Pin, Protocol, Token};
use crate::selection::Platform;
use rand_core::CryptoRng;
use wire::ctap2::{GetInfoResponse, Permissions};
use wire::status::Status;

/// How the user is to be verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Means {
    /// Not at all.
    Nothing,
    /// By the option `uv`.
    BuiltInOption,
    /// By a token for which the authenticator itself verifies the user.
    BuiltInToken,
    /// By a token for a PIN.
    Pin,
}

/// What a ceremony has to verify its user with.
pub(crate) struct Verifier {
    pin: Option<Pin>,
    /// Randomness for as many key agreements as a ceremony can come to: two tokens, and hmac-secret.
    agreements: Vec<Agreement>,
    /// For sealing one large blob.
    nonce: Option<[u8; 12]>,
    token: Option<Token>,
}

impl Verifier {
    /// Without anything: the authenticator's built-in means, by option, are all there is.
    pub(crate) fn none() -> Self {
        Self { pin: None, agreements: Vec::new(), nonce: None, token: None }
    }

    /// With randomness, and perhaps a PIN.
    pub(crate) fn new(pin: Option<Pin>, rng: &mut dyn CryptoRng) -> Self {
        let agreements = (0..3).map(|_| Agreement::draw(rng)).collect();
        let mut nonce = [0; 12];
        rng.fill_bytes(&mut nonce);
        Self { pin, agreements, nonce: Some(nonce), token: None }
    }

    /// Begins to agree on a secret for hmac-secret, if that is possible.
    pub(crate) fn agree(&mut self, info: &GetInfoResponse) -> Option<(Agreeing, Vec<u8>)> {
        let protocol = Protocol::preferred(info)?;
        Some(Agreeing::begin(protocol, self.agreements.pop()?))
    }

    /// Whether a secret can be agreed on.
    fn can_agree(&self, info: &GetInfoResponse) -> bool {
        !self.agreements.is_empty() && Protocol::preferred(info).is_some()
    }

    /// A nonce that nothing else used or will use.
    pub(crate) fn nonce(&mut self) -> Option<[u8; 12]> {
        self.nonce.take()
    }

    /// The token, once there is one.
    pub(crate) fn token(&self) -> Option<&Token> {
        self.token.as_ref()
    }

    /// WebAuthn Level 3 §5.1.3 step 22 and §5.1.4.2 steps 1 and 2: the effective user verification requirement.
    /// `demanded` is whether the authenticator would refuse to go without.
    ///
    /// # Errors
    /// If the page requires user verification and there is no way to it.
    pub(crate) fn means(
        &self,
        platform: &Platform,
        wish: Option<&str>,
        demanded: bool,
    ) -> Result<Means, ClientError> {
        // `preferred` is the default, and what unknown values count as (§5.8.6).
        if wish == Some("discouraged") && !demanded {
            return Ok(Means::Nothing);
        }
        let info = &platform.info;
        let uv = info.option("uv");
        if uv == Some(true) {
            let by_token = info.option("pinUvAuthToken") == Some(true) && self.can_agree(info);
            return Ok(if by_token { Means::BuiltInToken } else { Means::BuiltInOption });
        }
        let refused = match (uv, info.option("clientPin")) {
            (_, Some(true)) => match self.refusal_of_pin(info) {
                None => return Ok(Means::Pin),
                Some(refused) => refused,
            },
            (Some(_), _) => ClientError::NoUserVerification { why: "has nothing set up to do it with" },
            (None, Some(_)) => ClientError::NoUserVerification { why: "has no PIN set" },
            (None, None) => ClientError::NoUserVerification { why: "cannot do it" },
        };
        if wish == Some("required") { Err(refused) } else { Ok(Means::Nothing) }
    }

    /// The means, and whether hmac-secret can be evaluated for the page: it has two functions, and pages get the one
    /// for a verified user, whatever they say about user verification (WebAuthn Level 3 §10.1.4). `agrees` is whether
    /// that takes a secret to be agreed on, which it does not in the clear.
    ///
    /// # Errors
    /// Those of [`Verifier::means`].
    pub(crate) fn means_to_evaluate(
        &self,
        platform: &Platform,
        wish: Option<&str>,
        demanded: bool,
        agrees: bool,
    ) -> Result<(Means, bool), ClientError> {
        if (!agrees || self.can_agree(&platform.info))
            && let Ok(means) = self.means(platform, Some("required"), demanded)
        {
            return Ok((means, true));
        }
        Ok((self.means(platform, wish, demanded)?, false))
    }

    /// Why the PIN that is set is of no use here, if it is of none.
    fn refusal_of_pin(&self, info: &GetInfoResponse) -> Option<ClientError> {
        if info.option("noMcGaPermissionsWithClientPin") == Some(true) {
            return Some(ClientError::NoUserVerification { why: "takes its PIN for its settings only" });
        }
        if info.force_pin_change == Some(true) {
            return Some(ClientError::NoUserVerification { why: "wants its PIN to be changed first" });
        }
        (self.pin.is_none() || self.agreements.is_empty()).then_some(ClientError::PinRequired)
    }

    /// Begins to get a token, if that is the means.
    ///
    /// # Errors
    /// If there is no protocol that both sides have.
    pub(crate) fn begin(
        &mut self,
        means: Means,
        purpose: &Purpose<'_>,
    ) -> Result<Option<(GetToken, Vec<u8>)>, ClientError> {
        let by = match (means, &self.pin) {
            (Means::BuiltInToken, _) => By::BuiltIn,
            (Means::Pin, Some(pin)) => By::Pin(pin),
            _ => return Ok(None),
        };
        let Some(agreement) = self.agreements.pop() else { return Ok(None) };
        let Purpose { info, permissions, rp_id } = purpose;
        GetToken::begin_drawn(info, by, *permissions, Some(rp_id), agreement).map(Some)
    }

    /// Takes an answer on the way to a token; `None` if it is here now. A user who is not recognised may still
    /// have a PIN.
    ///
    /// # Errors
    /// If the authenticator refuses, or answers what is no token.
    pub(crate) fn handle_response(
        &mut self,
        getting: GetToken,
        response: &[u8],
        purpose: &Purpose<'_>,
    ) -> Result<Option<(GetToken, Vec<u8>)>, ClientError> {
        let built_in = getting.is_built_in();
        match getting.handle_response(response) {
            Ok(Next::Send(getting, message)) => Ok(Some((getting, message))),
            Ok(Next::Done(token)) => {
                self.token = Some(token);
                Ok(None)
            }
            Err(error @ ClientError::Refused { status: Status::UV_INVALID | Status::UV_BLOCKED, .. })
                if built_in =>
            {
                self.by_pin(error, purpose).map(Some)
            }
            Err(other) => Err(other),
        }
    }

    /// What to do about a refused request: PUAT_REQUIRED means that a token may help, unless there was one.
    ///
    /// # Errors
    /// The refusal itself, or [`ClientError::PinRequired`] where a PIN would help and there is none.
    pub(crate) fn rescue(
        &mut self,
        error: ClientError,
        purpose: &Purpose<'_>,
    ) -> Result<(GetToken, Vec<u8>), ClientError> {
        match error {
            ClientError::Refused { status: Status::PUAT_REQUIRED, .. } if self.token.is_none() => {
                self.by_pin(error, purpose)
            }
            other => Err(other),
        }
    }

    fn by_pin(
        &mut self,
        error: ClientError,
        purpose: &Purpose<'_>,
    ) -> Result<(GetToken, Vec<u8>), ClientError> {
        if purpose.info.option("clientPin") != Some(true) {
            return Err(error);
        }
        if let Some(refused) = self.refusal_of_pin(purpose.info) {
            return Err(refused);
        }
        self.begin(Means::Pin, purpose)?.ok_or(error)
    }
}

/// What a token is for.
pub(crate) struct Purpose<'a> {
    pub(crate) info: &'a GetInfoResponse,
    pub(crate) permissions: Permissions,
    pub(crate) rp_id: &'a str,
}
