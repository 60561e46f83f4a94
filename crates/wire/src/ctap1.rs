//! CTAP1, which is FIDO U2F: raw messages inside ISO 7816 APDUs (FIDO U2F Raw Message Formats 1.2).
use alloc::vec::Vec;

/// What the signature of a U2F registration covers, FIDO U2F Raw Message Formats 1.2 §4.3. The `fido-u2f`
/// attestation statement covers the same bytes (WebAuthn Level 3 §8.6), with the RP ID hash as application
/// parameter and the client data hash as challenge parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistrationData {
    /// The application parameter: SHA-256 of the AppID, or of the RP ID.
    pub application: [u8; 32],
    /// The challenge parameter: SHA-256 of the client data.
    pub challenge: [u8; 32],
    /// The key handle, which is the credential ID; at most 255 bytes in a U2F message.
    pub key_handle: Vec<u8>,
    /// The x coordinate of the new key on P-256, big-endian.
    pub x: [u8; 32],
    /// The y coordinate.
    pub y: [u8; 32],
}

impl RegistrationData {
    /// The bytes that are signed: zero, application, challenge, key handle and the uncompressed point.
    pub fn encode(&self) -> Vec<u8> {
        [&[0], self.application.as_slice(), &self.challenge, &self.key_handle, &[4], &self.x, &self.y]
            .concat()
    }
}
