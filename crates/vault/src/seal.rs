//! Sealing: AES-256-GCM under a data key, bound to vault, tree, record and format.
//!
//! A sealed record is `format 1 | nonce 12 | ciphertext | tag 16`. The additional data is a label, the format,
//! the id of the vault, the name of the tree and the key of the record; all but the last have a fixed length, so
//! no two places share it. Nonces are random: after 2^32 records under one data key a repetition has a chance
//! of 2^-33, and nobody registers that often.
use crate::VaultError;
use crate::files;
use crate::tree::{Key, TreeId};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::{hkdf, hmac};
use zeroize::Zeroizing;

/// A record in the clear. Wiped when dropped.
pub(crate) type Plain = Zeroizing<Vec<u8>>;

/// The newest format of a record that this program knows.
pub(crate) const FORMAT: u8 = 1;

const NONCE_LEN: usize = 12;
const TAG_LEN: usize = 16;
const PREFIX_LEN: usize = 1 + NONCE_LEN;

/// What a data key is good for: sealing the records of one tree, and telling the set of them from any other
/// set. Without `Debug`. ring does not wipe its keys when they are dropped.
pub(crate) struct Sealer {
    vault: [u8; 16],
    tree: TreeId,
    aead: LessSafeKey,
    mac: hmac::Key,
}

/// Sums up a set of sealed records, in any order: the exclusive or of a keyed hash of each. Records come and
/// go by adding their hash once more. Never seen outside a sealed record, so nobody can search for a set with
/// the same sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SetSum(pub(crate) [u8; 32]);

impl SetSum {
    /// Adds what is not in the set, or takes out what is.
    pub(crate) fn toggle(&mut self, hash: &[u8; 32]) {
        self.0.iter_mut().zip(hash).for_each(|(sum, hash)| *sum ^= hash);
    }
}

impl Sealer {
    pub(crate) fn new(vault: &[u8; 16], tree: TreeId, data_key: &[u8; 32]) -> Self {
        let key = hkdf::Salt::new(hkdf::HKDF_SHA256, vault).extract(data_key);
        let long = "an HKDF output of 32 bytes is not too long";
        let aead = UnboundKey::from(key.expand(&[b"fauxkey records 1"], &AES_256_GCM).expect(long));
        let mac = hmac::Key::from(key.expand(&[b"fauxkey set 1"], hmac::HMAC_SHA256).expect(long));
        Self { vault: *vault, tree, aead: LessSafeKey::new(aead), mac }
    }

    /// Seals what stands at `key`.
    pub(crate) fn seal(&self, key: Key, plain: &[u8]) -> Result<Vec<u8>, VaultError> {
        let nonce = files::random::<NONCE_LEN>()?;
        let mut sealed = Vec::with_capacity(PREFIX_LEN + plain.len() + TAG_LEN);
        sealed.push(FORMAT);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plain);
        let tag = self
            .aead
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(self.aad(FORMAT, key)),
                &mut sealed[PREFIX_LEN..],
            )
            .expect("a record is short enough for AES-GCM");
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    /// Opens what stands at `key`.
    pub(crate) fn open(&self, key: Key, sealed: &[u8]) -> Result<Plain, VaultError> {
        let damaged = || VaultError::RecordDamaged { tree: self.tree, record: key.to_string() };
        let (&format, rest) = sealed.split_first().ok_or_else(damaged)?;
        if format != FORMAT {
            let (tree, record) = (self.tree, key.to_string());
            return Err(VaultError::RecordFormat { tree, record, format, known: FORMAT });
        }
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_LEN>().ok_or_else(damaged)?;
        let mut plain = Zeroizing::new(ciphertext.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let aad = Aad::from(self.aad(format, key));
        let len = self.aead.open_in_place(nonce, aad, plain.as_mut_slice()).map_err(|_| damaged())?.len();
        plain.truncate(len);
        Ok(plain)
    }

    /// What a sealed record adds to the [`SetSum`] of its tree.
    pub(crate) fn hash(&self, key: Key, sealed: &[u8]) -> [u8; 32] {
        let mut hash = hmac::Context::with_key(&self.mac);
        let key = key.bytes();
        hash.update(&[u8::try_from(key.len()).expect("a key has at most 16 bytes")]);
        hash.update(key);
        hash.update(sealed);
        hash.sign().as_ref().try_into().expect("SHA-256 has 32 bytes")
    }

    fn aad(&self, format: u8, key: Key) -> Vec<u8> {
        [b"fauxkey record".as_slice(), &[format], &self.vault, &self.tree.name(), key.bytes()].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AuthenticatorId;
    use authenticator::store::RecordId;

    fn sealer(vault: u8, tree: u8, key: u8) -> Sealer {
        Sealer::new(&[vault; 16], TreeId::authenticator(AuthenticatorId([tree; 16])), &[key; 32])
    }

    #[test]
    fn a_record_opens_only_where_and_as_it_was_sealed() {
        let home = (1, 2, 3, Key::Record(RecordId([4; 16])));
        let sealed = sealer(home.0, home.1, home.2).seal(home.3, b"plain").unwrap();
        assert_eq!(sealer(home.0, home.1, home.2).open(home.3, &sealed).unwrap().as_slice(), b"plain");
        for (vault, tree, key, record) in [
            (9, 2, 3, home.3),
            (1, 9, 3, home.3),
            (1, 2, 9, home.3),
            (1, 2, 3, Key::Record(RecordId([9; 16]))),
            (1, 2, 3, Key::State),
            (1, 2, 3, Key::Manifest),
        ] {
            let opened = sealer(vault, tree, key).open(record, &sealed);
            assert!(matches!(opened, Err(VaultError::RecordDamaged { .. })), "{vault} {tree} {key} {record}");
        }
    }

    #[test]
    fn every_flipped_bit_and_every_missing_byte_is_noticed() {
        let (sealer, key) = (sealer(1, 2, 3), Key::State);
        let sealed = sealer.seal(key, b"plain").unwrap();
        for bit in 0..sealed.len() * 8 {
            let mut flipped = sealed.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            match sealer.open(key, &flipped) {
                Err(VaultError::RecordFormat { .. }) => assert!(bit < 8),
                Err(VaultError::RecordDamaged { .. }) => assert!(bit >= 8),
                other => panic!("bit {bit}: {:?}", other.map(|_| ())),
            }
            assert_ne!(sealer.hash(key, &flipped), sealer.hash(key, &sealed));
        }
        for len in 0..sealed.len() {
            assert!(sealer.open(key, &sealed[..len]).is_err(), "{len} bytes");
        }
    }

    #[test]
    fn the_same_record_never_looks_the_same_twice() {
        let sealer = sealer(1, 2, 3);
        assert_ne!(sealer.seal(Key::State, b"plain").unwrap(), sealer.seal(Key::State, b"plain").unwrap());
    }

    #[test]
    fn a_set_sum_knows_members_but_no_order() {
        let sealer = sealer(1, 2, 3);
        let [a, b, c] = [1, 2, 3].map(|id| sealer.hash(Key::Record(RecordId([id; 16])), b"sealed"));
        let sum = |hashes: &[&[u8; 32]]| {
            let mut sum = SetSum::default();
            hashes.iter().for_each(|hash| sum.toggle(hash));
            sum
        };
        assert_eq!(sum(&[&a, &b, &c]), sum(&[&c, &a, &b]));
        assert_eq!(sum(&[&a, &b, &a]), sum(&[&b]));
        assert_ne!(sum(&[&a, &b]), sum(&[&a, &c]));
    }
}
