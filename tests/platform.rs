//! The platform's side of the PIN/UV auth protocols, CTAP 2.1 §6.5.6 and §6.5.7, written from the specification and
//! apart from the authenticator's: the two check each other in every test.
use crate::{NOW, Rig, USB};
use aes::Aes256;
use aes::cipher::block_padding::NoPadding;
use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use authenticator::{Gesture, Prompt, Via};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use p256::elliptic_curve::sec1::ToSec1Point;
use p256::{PublicKey, SecretKey};
use sha2::{Digest, Sha256};
use wire::ctap2::client_pin::Subcommand;
use wire::ctap2::{ClientPin, ClientPinResponse, KeyAgreement, Permissions};
use wire::status::Status;
use wire::time::Instant;

/// The scalar of the platform's key-agreement key: any one will do.
const PLATFORM_KEY: [u8; 32] = [0x17; 32];
/// What protocol two starts its cipher chain with: any bytes will do.
const IV: [u8; 16] = [0xA5; 16];

/// A platform that speaks one PIN/UV auth protocol with an authenticator.
#[derive(Clone, Copy)]
pub struct Pin {
    /// PIN/UV auth protocol, 1 or 2.
    pub protocol: i64,
    /// When it sends its commands.
    pub now: Instant,
    /// Over which channel.
    pub via: Via,
}

impl Pin {
    /// With that protocol, at power-up, over USB.
    pub const fn new(protocol: i64) -> Self {
        Self { protocol, now: NOW, via: USB }
    }

    /// The same at another time.
    #[must_use]
    pub const fn at(self, now: Instant) -> Self {
        Self { now, ..self }
    }

    /// The same over another channel.
    #[must_use]
    pub const fn over(self, via: Via) -> Self {
        Self { via, ..self }
    }

    /// Sends a request that must be answered without asking the user.
    ///
    /// # Errors
    /// The status that it was refused with.
    pub fn send(&self, rig: &mut Rig, request: &ClientPin) -> Result<ClientPinResponse, Status> {
        self.send_with(rig, request, |prompt| panic!("the user was asked: {prompt:?}"))
    }

    /// Sends a request and answers each question.
    ///
    /// # Errors
    /// The status that it was refused with.
    pub fn send_with(
        &self,
        rig: &mut Rig,
        request: &ClientPin,
        user: impl FnMut(&Prompt) -> Gesture,
    ) -> Result<ClientPinResponse, Status> {
        let reply = rig.call_with(self.now, self.via, &request.encode(), user);
        ClientPinResponse::decode(&reply).map_err(|error| error.status)
    }

    /// getKeyAgreement and encapsulate.
    pub fn agree(&self, rig: &mut Rig) -> Shared {
        let request =
            ClientPin { protocol: Some(self.protocol), ..ClientPin::new(Subcommand::GET_KEY_AGREEMENT) };
        let response = self.send(rig, &request).expect("getKeyAgreement is answered");
        Shared::new(self.protocol, &response.key_agreement.expect("getKeyAgreement answers a key"))
    }

    /// setPIN.
    ///
    /// # Errors
    /// The status that it was refused with.
    pub fn set(&self, rig: &mut Rig, pin: &str) -> Result<(), Status> {
        let request = self.agree(rig).set_pin(pin.as_bytes());
        self.send(rig, &request).map(drop)
    }

    /// changePIN.
    ///
    /// # Errors
    /// The status that it was refused with.
    pub fn change(&self, rig: &mut Rig, old: &str, new: &str) -> Result<(), Status> {
        let request = self.agree(rig).change_pin(old, new.as_bytes());
        self.send(rig, &request).map(drop)
    }

    /// getPinUvAuthTokenUsingPinWithPermissions.
    ///
    /// # Errors
    /// The status that it was refused with.
    pub fn token(
        &self,
        rig: &mut Rig,
        pin: &str,
        permissions: Permissions,
        rp_id: Option<&str>,
    ) -> Result<Token, Status> {
        let shared = self.agree(rig);
        let request = shared.token_by_pin(pin, permissions, rp_id);
        self.send(rig, &request).map(|response| shared.open(&response))
    }

    /// getPinToken.
    ///
    /// # Errors
    /// The status that it was refused with.
    pub fn plain_token(&self, rig: &mut Rig, pin: &str) -> Result<Token, Status> {
        let shared = self.agree(rig);
        let request = shared.plain_token(pin);
        self.send(rig, &request).map(|response| shared.open(&response))
    }

    /// getPinUvAuthTokenUsingUvWithPermissions.
    ///
    /// # Errors
    /// The status that it was refused with.
    pub fn token_by_uv(
        &self,
        rig: &mut Rig,
        permissions: Permissions,
        rp_id: Option<&str>,
        user: impl FnMut(&Prompt) -> Gesture,
    ) -> Result<Token, Status> {
        let shared = self.agree(rig);
        let request = shared.token_by_uv(permissions, rp_id);
        self.send_with(rig, &request, user).map(|response| shared.open(&response))
    }

    /// pinRetries and powerCycleState.
    ///
    /// # Errors
    /// The status that getPINRetries was refused with.
    pub fn retries(&self, rig: &mut Rig) -> Result<(u64, Option<bool>), Status> {
        let response = self.send(rig, &ClientPin::new(Subcommand::GET_PIN_RETRIES))?;
        Ok((response.pin_retries.expect("getPINRetries answers pinRetries"), response.power_cycle_state))
    }

    /// uvRetries.
    ///
    /// # Errors
    /// The status that getUVRetries was refused with.
    pub fn uv_retries(&self, rig: &mut Rig) -> Result<u64, Status> {
        let response = self.send(rig, &ClientPin::new(Subcommand::GET_UV_RETRIES))?;
        Ok(response.uv_retries.expect("getUVRetries answers uvRetries"))
    }
}

/// A secret shared with an authenticator, and the requests that are made with it.
pub struct Shared {
    protocol: i64,
    /// The platform's key, for the authenticator.
    pub key_agreement: KeyAgreement,
    hmac_key: [u8; 32],
    aes_key: [u8; 32],
}

impl Shared {
    /// encapsulate.
    pub fn new(protocol: i64, authenticator: &KeyAgreement) -> Self {
        let own = SecretKey::from_slice(&PLATFORM_KEY).expect("it is less than the order of the curve");
        let public = own.public_key().to_sec1_point(false);
        let public = public.as_bytes();
        let coordinate = |from: usize| public[from..from + 32].try_into().expect("32 bytes");
        let peer = [&[4], authenticator.x.as_slice(), &authenticator.y].concat();
        let peer = PublicKey::from_sec1_bytes(&peer).expect("the authenticator's key is on the curve");
        let z = p256::ecdh::diffie_hellman(own.to_nonzero_scalar(), peer.as_affine());
        let (hmac_key, aes_key) = match protocol {
            1 => {
                let key = Sha256::digest(z.raw_secret_bytes()).into();
                (key, key)
            }
            2 => {
                let kdf = Hkdf::<Sha256>::new(Some(&[0; 32]), z.raw_secret_bytes());
                let expand = |info: &str| {
                    let mut key = [0; 32];
                    kdf.expand(info.as_bytes(), &mut key).expect("32 bytes are not too many");
                    key
                };
                (expand("CTAP2 HMAC key"), expand("CTAP2 AES key"))
            }
            other => panic!("there is no protocol {other}"),
        };
        let key_agreement = KeyAgreement { x: coordinate(1), y: coordinate(33) };
        Self { protocol, key_agreement, hmac_key, aes_key }
    }

    /// encrypt; `plain` is a multiple of 16 bytes long.
    pub fn encrypt(&self, plain: &[u8]) -> Vec<u8> {
        let iv = if self.protocol == 1 { [0; 16] } else { IV };
        let cipher = cbc::Encryptor::<Aes256>::new(&self.aes_key.into(), &iv.into());
        let sealed = cipher.encrypt_padded_vec::<NoPadding>(plain);
        if self.protocol == 1 { sealed } else { [iv.as_slice(), &sealed].concat() }
    }

    /// decrypt.
    pub fn decrypt(&self, sealed: &[u8]) -> Vec<u8> {
        let (iv, sealed) =
            if self.protocol == 1 { ([0; 16].as_slice(), sealed) } else { sealed.split_at(16) };
        let iv: [u8; 16] = iv.try_into().expect("16 bytes");
        let cipher = cbc::Decryptor::<Aes256>::new(&self.aes_key.into(), &iv.into());
        cipher.decrypt_padded_vec::<NoPadding>(sealed).expect("whole blocks")
    }

    /// authenticate.
    pub fn authenticate(&self, message: &[u8]) -> Vec<u8> {
        authenticate(self.protocol, &self.hmac_key, message)
    }

    /// A request that carries the platform's key.
    pub fn request(&self, subcommand: Subcommand) -> ClientPin {
        ClientPin {
            protocol: Some(self.protocol),
            key_agreement: Some(self.key_agreement.to_value()),
            ..ClientPin::new(subcommand)
        }
    }

    /// setPIN of a PIN that may be longer than allowed: it is padded to a multiple of 64 bytes.
    pub fn set_pin(&self, pin: &[u8]) -> ClientPin {
        self.set_padded_pin(&padded(pin))
    }

    /// setPIN of a PIN that is padded already.
    pub fn set_padded_pin(&self, padded: &[u8]) -> ClientPin {
        let new_pin_enc = self.encrypt(padded);
        ClientPin {
            pin_uv_auth_param: Some(self.authenticate(&new_pin_enc)),
            new_pin_enc: Some(new_pin_enc),
            ..self.request(Subcommand::SET_PIN)
        }
    }

    /// changePIN.
    pub fn change_pin(&self, old: &str, new: &[u8]) -> ClientPin {
        let new_pin_enc = self.encrypt(&padded(new));
        let pin_hash_enc = self.encrypt(&pin_hash(old));
        ClientPin {
            pin_uv_auth_param: Some(self.authenticate(&[new_pin_enc.as_slice(), &pin_hash_enc].concat())),
            new_pin_enc: Some(new_pin_enc),
            pin_hash_enc: Some(pin_hash_enc),
            ..self.request(Subcommand::CHANGE_PIN)
        }
    }

    /// getPinToken.
    pub fn plain_token(&self, pin: &str) -> ClientPin {
        ClientPin {
            pin_hash_enc: Some(self.encrypt(&pin_hash(pin))),
            ..self.request(Subcommand::GET_PIN_TOKEN)
        }
    }

    /// getPinUvAuthTokenUsingPinWithPermissions.
    pub fn token_by_pin(&self, pin: &str, permissions: Permissions, rp_id: Option<&str>) -> ClientPin {
        ClientPin {
            pin_hash_enc: Some(self.encrypt(&pin_hash(pin))),
            permissions: Some(permissions.0.into()),
            rp_id: rp_id.map(Into::into),
            ..self.request(Subcommand::GET_TOKEN_USING_PIN)
        }
    }

    /// getPinUvAuthTokenUsingUvWithPermissions.
    pub fn token_by_uv(&self, permissions: Permissions, rp_id: Option<&str>) -> ClientPin {
        ClientPin {
            permissions: Some(permissions.0.into()),
            rp_id: rp_id.map(Into::into),
            ..self.request(Subcommand::GET_TOKEN_USING_UV)
        }
    }

    /// The token in a response.
    pub fn open(&self, response: &ClientPinResponse) -> Token {
        let sealed = response.pin_uv_auth_token.as_ref().expect("the response has a token");
        let value = self.decrypt(sealed).try_into().expect("a token has 32 bytes");
        Token { protocol: self.protocol, value }
    }
}

/// A pinUvAuthToken.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Token {
    /// The protocol that it belongs to.
    pub protocol: i64,
    value: [u8; 32],
}

impl Token {
    /// authenticate: the pinUvAuthParam over a message.
    pub fn authenticate(&self, message: &[u8]) -> Vec<u8> {
        authenticate(self.protocol, &self.value, message)
    }

    /// The token itself, from which getInfo's encrypted members are opened.
    pub const fn value(&self) -> &[u8; 32] {
        &self.value
    }
}

fn authenticate(protocol: i64, key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    mac.update(message);
    let mac = mac.finalize().into_bytes();
    mac[..if protocol == 1 { 16 } else { 32 }].to_vec()
}

/// LEFT(SHA-256(pin), 16).
fn pin_hash(pin: &str) -> [u8; 16] {
    Sha256::digest(pin)[..16].try_into().expect("16 bytes")
}

/// With zeroes to the next multiple of 64 bytes.
fn padded(pin: &[u8]) -> Vec<u8> {
    let mut padded = pin.to_vec();
    padded.resize(pin.len().max(1).next_multiple_of(64), 0);
    padded
}
