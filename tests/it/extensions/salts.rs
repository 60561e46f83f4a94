//! Salts, as a platform sends them, and what it gets for them.
use tests::Rig;
use tests::platform::{Pin, Shared};
use wire::cbor::{self, Value};

/// Both protocols.
pub(crate) const PROTOCOLS: [i64; 2] = [1, 2];
/// A salt.
pub(crate) const SALT: [u8; 32] = [0xA5; 32];
/// Another.
pub(crate) const OTHER_SALT: [u8; 32] = [0x96; 32];

/// A platform that agreed on a secret.
pub(crate) struct Platform {
    pub(crate) protocol: i64,
    pub(crate) shared: Shared,
}

impl Platform {
    pub(crate) fn agree(rig: &mut Rig, protocol: i64) -> Self {
        Self { protocol, shared: Pin::new(protocol).agree(rig) }
    }

    /// The members of the input for a ciphertext that may be anything.
    pub(crate) fn members(&self, salt_enc: Vec<u8>) -> [(i64, Option<Value>); 4] {
        [
            (1, Some(self.shared.key_agreement.to_value())),
            (2, Some(cbor::bytes(salt_enc.as_slice()))),
            (3, Some(cbor::bytes(self.shared.authenticate(&salt_enc)))),
            (4, Some(self.protocol.into())),
        ]
    }

    /// The input for one or two salts.
    pub(crate) fn input(&self, salts: &[[u8; 32]]) -> Value {
        cbor::int_map(self.members(self.shared.encrypt(&salts.concat())))
    }

    /// What an output says.
    pub(crate) fn open(&self, output: Option<&Value>) -> Vec<u8> {
        self.shared.decrypt(output.expect("there is an output").as_bytes().expect("it is a byte string"))
    }
}
