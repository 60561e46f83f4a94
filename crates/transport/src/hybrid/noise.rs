//! The handshake and what it gives, CTAP 2.2 §11.5.1: Noise KNpsk0 for a QR code and NKpsk0 for a link, both over P-256,
//! AES-256-GCM and SHA-256, by the crate `snow`.
//!
//! Both messages are 81 bytes: an uncompressed point and the tag of an empty payload.
use super::Malformed;
use super::frame::MAX_MESSAGE;
use alloc::boxed::Box;
use alloc::format;
use alloc::vec;
use alloc::vec::Vec;
use p256::elliptic_curve::Generate as _;
use p256::elliptic_curve::sec1::ToSec1Point as _;
use p256::{PublicKey, SecretKey};
use rand_core::CryptoRng;
use snow::params::{CipherChoice, DHChoice, HashChoice};
use snow::resolvers::{CryptoResolver, DefaultResolver};
use snow::types::{Cipher, Dh, Hash, Random};
use snow::{Builder, HandshakeState, TransportState};
use zeroize::Zeroizing;

/// Bytes of each handshake message.
pub const LENGTH: usize = 81;
/// Bytes of a tag.
const TAG: usize = 16;

/// Which handshake, and the static key that one side knows of the other before it begins.
pub enum Pattern<'a> {
    /// By QR code (prologue 1), as the phone: the desktop's key is in the code.
    QrPhone(&'a PublicKey),
    /// By QR code, as the desktop: the key of its code.
    QrDesktop(&'a SecretKey),
    /// By a link (prologue 0), as the phone: its own key, which the desktop knows.
    LinkPhone(&'a SecretKey),
    /// By a link, as the desktop: the phone's key.
    LinkDesktop(&'a PublicKey),
}

/// A handshake that is not over.
pub struct Handshake(HandshakeState);

impl Handshake {
    /// Begins one. The desktop writes first.
    pub fn new(pattern: &Pattern<'_>, psk: &[u8; 32], rng: &mut dyn CryptoRng) -> Self {
        Self::build(pattern, psk, rng).expect("patterns, key lengths and algorithms are fixed and fit")
    }

    fn build(pattern: &Pattern<'_>, psk: &[u8; 32], rng: &mut dyn CryptoRng) -> Result<Self, snow::Error> {
        let by_qr = matches!(pattern, Pattern::QrPhone(_) | Pattern::QrDesktop(_));
        let name = if by_qr { "Noise_KNpsk0_P256_AESGCM_SHA256" } else { "Noise_NKpsk0_P256_AESGCM_SHA256" };
        let ephemeral = Ephemeral::draw(rng);
        let builder = Builder::with_resolver(name.parse()?, Box::new(ephemeral))
            .prologue(if by_qr { &[1] } else { &[0] })?
            .psk(0, psk)?;
        Ok(Self(match pattern {
            Pattern::QrPhone(key) => {
                builder.remote_public_key(key.to_sec1_point(false).as_bytes())?.build_responder()?
            }
            Pattern::LinkDesktop(key) => {
                builder.remote_public_key(key.to_sec1_point(false).as_bytes())?.build_initiator()?
            }
            Pattern::QrDesktop(key) => builder
                .local_private_key(&Zeroizing::new(key.to_bytes().into()) as &[u8; 32])?
                .build_initiator()?,
            Pattern::LinkPhone(key) => builder
                .local_private_key(&Zeroizing::new(key.to_bytes().into()) as &[u8; 32])?
                .build_responder()?,
        }))
    }

    /// The next message of this side.
    pub fn write(&mut self) -> Vec<u8> {
        let mut message = vec![0; LENGTH];
        let length =
            self.0.write_message(&[], &mut message).expect("it is this side's turn, and there is room");
        message.truncate(length);
        message
    }

    /// A message of the other side.
    ///
    /// # Errors
    /// If it is not 81 bytes long, its point is not on the curve, or its tag is wrong: the other side has other keys.
    pub fn read(&mut self, message: &[u8]) -> Result<(), Malformed> {
        if message.len() != LENGTH {
            return Err(Malformed::new(format!(
                "a handshake message of {} bytes and not {LENGTH}",
                message.len()
            )));
        }
        let mut payload = [0; LENGTH];
        let wrong = |_| Malformed::new("a handshake message that was made with other keys");
        self.0.read_message(message, &mut payload).map(drop).map_err(wrong)
    }

    /// The hash of everything that was said: what a link signs. Only after both messages.
    pub fn hash(&self) -> Vec<u8> {
        self.0.get_handshake_hash().into()
    }

    /// The sealed channel, after both messages.
    pub fn into_channel(self) -> Channel {
        Channel(self.0.into_transport_mode().expect("both messages have passed"))
    }
}

/// The sealed channel: each message under the next nonce of its direction.
pub struct Channel(TransportState);

impl Channel {
    /// Seals a plaintext.
    ///
    /// # Errors
    /// If it is longer than Noise can seal.
    pub fn seal(&mut self, plaintext: &[u8]) -> Result<Vec<u8>, Malformed> {
        if plaintext.len() + TAG > MAX_MESSAGE {
            return Err(Malformed::new(format!("{} bytes are more than one message takes", plaintext.len())));
        }
        let mut message = vec![0; plaintext.len() + TAG];
        self.0.write_message(plaintext, &mut message).expect("there is room, and fewer than 2^64 messages");
        Ok(message)
    }

    /// Opens a message.
    ///
    /// # Errors
    /// If it is too long, or its tag is wrong: changed, replayed, or made with another key.
    pub fn open(&mut self, message: &[u8]) -> Result<Vec<u8>, Malformed> {
        if message.len() > MAX_MESSAGE {
            return Err(Malformed::new(format!(
                "a message of {} bytes, more than {MAX_MESSAGE}",
                message.len()
            )));
        }
        let mut plaintext = vec![0; message.len()];
        let length = self
            .0
            .read_message(message, &mut plaintext)
            .map_err(|_| Malformed::new("a sealed message whose tag is wrong"))?;
        plaintext.truncate(length);
        Ok(plaintext)
    }
}

/// The randomness of one handshake: an ephemeral key, drawn before, so that `snow` gets bytes that are one.
struct Ephemeral(Zeroizing<[u8; 32]>);

impl Ephemeral {
    fn draw(rng: &mut dyn CryptoRng) -> Self {
        let mut rng = rng;
        Self(Zeroizing::new(SecretKey::generate_from_rng(&mut rng).to_bytes().into()))
    }
}

impl Random for Ephemeral {
    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), snow::Error> {
        if dest.len() != self.0.len() {
            return Err(snow::Error::Rng);
        }
        dest.copy_from_slice(self.0.as_slice());
        Ok(())
    }
}

impl CryptoResolver for Ephemeral {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        Some(Box::new(Self(self.0.clone())))
    }

    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn Dh>> {
        DefaultResolver.resolve_dh(choice)
    }

    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
        DefaultResolver.resolve_hash(choice)
    }

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        DefaultResolver.resolve_cipher(choice)
    }
}
