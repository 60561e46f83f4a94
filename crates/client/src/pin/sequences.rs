//! What a platform does with authenticatorClientPIN, CTAP 2.1 §6.5.5: each a few messages in a fixed order.
use super::protocol::{Agreement, Protocol, SharedSecret};
use super::text::Pin;
use crate::ceremony::{Ceremony, Next};
use crate::error::{AnswerError, ClientError, answered, decode_answer};
use rand_core::CryptoRng;
use wire::ctap2::client_pin::Subcommand;
use wire::ctap2::{ClientPin, ClientPinResponse, Command, GetInfoResponse, Permissions};
use zeroize::Zeroizing;

/// getKeyAgreement was sent: every secret begins here.
pub(crate) struct Agreeing {
    protocol: Protocol,
    agreement: Agreement,
}

impl Agreeing {
    /// CTAP 2.1 §6.5.5.4.
    pub(crate) fn begin(protocol: Protocol, agreement: Agreement) -> (Self, Vec<u8>) {
        let message = request(protocol, Subcommand::GET_KEY_AGREEMENT).encode();
        (Self { protocol, agreement }, message)
    }

    pub(crate) fn handle_response(self, response: &[u8]) -> Result<SharedSecret, ClientError> {
        let peer = decode(response)?.key_agreement.ok_or_else(|| lacking("keyAgreement"))?;
        self.agreement.encapsulate(self.protocol, &peer)
    }
}

/// Where a sequence stands that begins with a key agreement.
enum Stage {
    Agreeing(Agreeing),
    /// The encrypted request was sent. The secret is for what comes back.
    Asked(SharedSecret),
}

/// Sets the first PIN, CTAP 2.1 §6.5.5.5.
pub struct SetPin {
    pin: Pin,
    stage: Stage,
}

impl SetPin {
    /// Begins.
    ///
    /// # Errors
    /// If the PIN is too short or too long for this authenticator, or there is no protocol that both speak.
    pub fn begin(
        info: &GetInfoResponse,
        pin: Pin,
        rng: &mut dyn CryptoRng,
    ) -> Result<(Self, Vec<u8>), ClientError> {
        pin.check_for(info)?;
        let (agreeing, message) = Agreeing::begin(common(info)?, Agreement::draw(rng));
        Ok((Self { pin, stage: Stage::Agreeing(agreeing) }, message))
    }
}

impl Ceremony for SetPin {
    type Outcome = ();

    fn handle_response(self, response: &[u8]) -> Result<Next<Self, ()>, ClientError> {
        let Stage::Agreeing(agreeing) = self.stage else { return finished(response) };
        let mut secret = agreeing.handle_response(response)?;
        let new_pin = secret.encrypt(self.pin.padded().as_slice());
        let message = ClientPin {
            pin_uv_auth_param: Some(secret.authenticate(&new_pin)),
            new_pin_enc: Some(new_pin),
            ..agreed(&secret, Subcommand::SET_PIN)
        }
        .encode();
        Ok(Next::Send(Self { stage: Stage::Asked(secret), ..self }, message))
    }
}

/// Puts another PIN in the place of the present one, CTAP 2.1 §6.5.5.6.
pub struct ChangePin {
    present: Pin,
    new: Pin,
    stage: Stage,
}

impl ChangePin {
    /// Begins.
    ///
    /// # Errors
    /// If the new PIN is too short or too long for this authenticator, or there is no protocol that both speak.
    pub fn begin(
        info: &GetInfoResponse,
        present: Pin,
        new: Pin,
        rng: &mut dyn CryptoRng,
    ) -> Result<(Self, Vec<u8>), ClientError> {
        new.check_for(info)?;
        let (agreeing, message) = Agreeing::begin(common(info)?, Agreement::draw(rng));
        Ok((Self { present, new, stage: Stage::Agreeing(agreeing) }, message))
    }
}

impl Ceremony for ChangePin {
    type Outcome = ();

    fn handle_response(self, response: &[u8]) -> Result<Next<Self, ()>, ClientError> {
        let Stage::Agreeing(agreeing) = self.stage else { return finished(response) };
        let mut secret = agreeing.handle_response(response)?;
        let new_pin = secret.encrypt(self.new.padded().as_slice());
        let pin_hash = secret.encrypt(self.present.hash().as_slice());
        let message = ClientPin {
            pin_uv_auth_param: Some(secret.authenticate(&[new_pin.as_slice(), &pin_hash].concat())),
            new_pin_enc: Some(new_pin),
            pin_hash_enc: Some(pin_hash),
            ..agreed(&secret, Subcommand::CHANGE_PIN)
        }
        .encode();
        Ok(Next::Send(Self { stage: Stage::Asked(secret), ..self }, message))
    }
}

/// Asks how many wrong PINs are still allowed, CTAP 2.1 §6.5.5.2.
pub struct PinRetries(());

/// How often the PIN may still be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retries {
    /// Wrong PINs still allowed; 0 is blocked until a reset.
    pub left: u64,
    /// Whether only a power cycle lets the next PIN be tried. Authenticators before CTAP 2.1 do not say.
    pub power_cycle: Option<bool>,
}

impl PinRetries {
    /// Begins.
    ///
    /// # Errors
    /// If there is no protocol that both speak: CTAP 2.0 wanted one named even here.
    pub fn begin(info: &GetInfoResponse) -> Result<(Self, Vec<u8>), ClientError> {
        Ok((Self(()), request(common(info)?, Subcommand::GET_PIN_RETRIES).encode()))
    }
}

impl Ceremony for PinRetries {
    type Outcome = Retries;

    fn handle_response(self, response: &[u8]) -> Result<Next<Self, Retries>, ClientError> {
        let answer = decode(response)?;
        let left = answer.pin_retries.ok_or_else(|| lacking("pinRetries"))?;
        Ok(Next::Done(Retries { left, power_cycle: answer.power_cycle_state }))
    }
}

/// How the user is verified for a token.
pub enum By<'a> {
    /// By what they typed.
    Pin(&'a Pin),
    /// By the authenticator itself: a finger, a face.
    BuiltIn,
}

/// What a token is asked for with.
enum Asking {
    /// LEFT(SHA-256(pin), 16).
    Pin(Zeroizing<[u8; 16]>),
    BuiltIn,
}

/// Gets a token, CTAP 2.1 §6.5.5.7.
pub struct GetToken {
    asking: Asking,
    /// `None` for an authenticator that knows of no permissions.
    permissions: Option<Permissions>,
    rp_id: Option<String>,
    stage: Stage,
}

impl GetToken {
    /// Begins. The token is for `permissions` at that RP ID; tokens of authenticators without `pinUvAuthToken`
    /// are for everything (§6.5.5.7.1).
    ///
    /// # Errors
    /// If there is no protocol that both speak.
    pub fn begin(
        info: &GetInfoResponse,
        by: By<'_>,
        permissions: Permissions,
        rp_id: Option<&str>,
        rng: &mut dyn CryptoRng,
    ) -> Result<(Self, Vec<u8>), ClientError> {
        Self::begin_drawn(info, by, permissions, rp_id, Agreement::draw(rng))
    }

    /// The same with randomness that was drawn before.
    pub(crate) fn begin_drawn(
        info: &GetInfoResponse,
        by: By<'_>,
        permissions: Permissions,
        rp_id: Option<&str>,
        agreement: Agreement,
    ) -> Result<(Self, Vec<u8>), ClientError> {
        // §6.5.5.7.3 came with permissions, so who verifies by itself knows them.
        let knows_permissions = info.option("pinUvAuthToken") == Some(true) || matches!(by, By::BuiltIn);
        let asking = match by {
            By::Pin(pin) => Asking::Pin(pin.hash()),
            By::BuiltIn => Asking::BuiltIn,
        };
        let (agreeing, message) = Agreeing::begin(common(info)?, agreement);
        let permissions = knows_permissions.then_some(permissions);
        let rp_id = rp_id.map(Into::into);
        Ok((Self { asking, permissions, rp_id, stage: Stage::Agreeing(agreeing) }, message))
    }

    /// Whether the authenticator itself verifies the user.
    pub(crate) fn is_built_in(&self) -> bool {
        matches!(self.asking, Asking::BuiltIn)
    }
}

impl Asking {
    /// The encrypted request.
    fn message(
        &self,
        secret: &mut SharedSecret,
        permissions: Option<Permissions>,
        rp_id: Option<&str>,
    ) -> Vec<u8> {
        let pin_hash = match self {
            Self::Pin(hash) => Some(secret.encrypt(hash.as_slice())),
            Self::BuiltIn => None,
        };
        let subcommand = match (self, permissions) {
            (Self::BuiltIn, _) => Subcommand::GET_TOKEN_USING_UV,
            (Self::Pin(_), Some(_)) => Subcommand::GET_TOKEN_USING_PIN,
            (Self::Pin(_), None) => Subcommand::GET_PIN_TOKEN,
        };
        ClientPin {
            pin_hash_enc: pin_hash,
            // §6.5.5.7.1: getPinToken has neither.
            permissions: permissions.map(|permissions| permissions.0.into()),
            rp_id: permissions.and(rp_id).map(Into::into),
            ..agreed(secret, subcommand)
        }
        .encode()
    }
}

impl Ceremony for GetToken {
    type Outcome = Token;

    fn handle_response(self, response: &[u8]) -> Result<Next<Self, Token>, ClientError> {
        match self.stage {
            Stage::Agreeing(agreeing) => {
                let mut secret = agreeing.handle_response(response)?;
                let message = self.asking.message(&mut secret, self.permissions, self.rp_id.as_deref());
                Ok(Next::Send(Self { stage: Stage::Asked(secret), ..self }, message))
            }
            Stage::Asked(secret) => {
                let sealed = decode(response)?.pin_uv_auth_token.ok_or_else(|| lacking("pinUvAuthToken"))?;
                let key = secret.decrypt(&sealed).filter(|key| secret.protocol.admits_token(key.len()));
                let key = key.ok_or_else(|| malformed("pinUvAuthToken has another length"))?;
                Ok(Next::Done(Token { protocol: secret.protocol, key }))
            }
        }
    }
}

/// A pinUvAuthToken. Zeroized on drop, and without `Debug`.
pub struct Token {
    protocol: Protocol,
    key: Zeroizing<Vec<u8>>,
}

impl Token {
    /// The protocol that it belongs to: `pinUvAuthProtocol`.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// authenticate: a `pinUvAuthParam` over `message`.
    pub fn authenticate(&self, message: &[u8]) -> Vec<u8> {
        self.protocol.authenticate(&self.key, message)
    }
}

/// The protocol to speak.
fn common(info: &GetInfoResponse) -> Result<Protocol, ClientError> {
    Protocol::preferred(info).ok_or(ClientError::NoPinProtocol)
}

fn request(protocol: Protocol, subcommand: Subcommand) -> ClientPin {
    ClientPin { protocol: Some(protocol.number()), ..ClientPin::new(subcommand) }
}

/// A request that is encrypted with a shared secret.
fn agreed(secret: &SharedSecret, subcommand: Subcommand) -> ClientPin {
    ClientPin { key_agreement: Some(secret.public.to_value()), ..request(secret.protocol, subcommand) }
}

fn decode(response: &[u8]) -> Result<ClientPinResponse, ClientError> {
    decode_answer(Command::CLIENT_PIN, response, ClientPinResponse::decode)
}

/// A bare OK.
fn finished<C>(response: &[u8]) -> Result<Next<C, ()>, ClientError> {
    decode(response).map(|_| Next::Done(()))
}

fn lacking(member: &str) -> ClientError {
    malformed(&format!("{member} is missing"))
}

fn malformed(why: &str) -> ClientError {
    answered(Command::CLIENT_PIN, AnswerError::Malformed(why.into()))
}
