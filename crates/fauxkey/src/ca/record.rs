//! A key of the test CA as it lies in the vault, which seals it.
//!
//! ```text
//! format 1   kind 1   AAGUID 16   device 16   scalar 32   x 32   y 32   certificate in DER
//! ```
//! Zeros stand where a kind has no AAGUID or no device.
use crate::control::CertificateKind;
use authenticator::signer::AttestationKey;
use authenticator::store::{KeyPair, PrivateKey, RecordId};
use vault::{AuthenticatorId, Content};
use wire::aaguid::Aaguid;
use wire::cose::PublicKey;
use zeroize::Zeroizing;

const FORMAT: u8 = 1;
/// What stands before the certificate.
const FIXED: usize = 2 + 16 + 16 + 32 + 32 + 32;

/// A key with its certificate, and whose they are. Without `Debug`, as it holds a private key.
#[derive(Clone)]
pub(super) struct Kept {
    pub(super) record: RecordId,
    pub(super) kind: CertificateKind,
    /// Zeros for the root.
    pub(super) aaguid: Aaguid,
    /// Zeros but for an enterprise key.
    pub(super) device: AuthenticatorId,
    pub(super) key: KeyPair,
    pub(super) certificate: Vec<u8>,
}

impl Kept {
    /// With the name under which it will be kept.
    pub(super) fn new(
        kind: CertificateKind,
        aaguid: Aaguid,
        device: AuthenticatorId,
        key: KeyPair,
        certificate: Vec<u8>,
    ) -> Self {
        Self { record: RecordId(rand::random()), kind, aaguid, device, key, certificate }
    }

    /// What a signer holds.
    pub(super) fn attestation_key(&self) -> AttestationKey {
        AttestationKey { key: self.key.clone(), chain: vec![self.certificate.clone()] }
    }

    /// `None` if the key is not on P-256, which none of ours is.
    pub(super) fn encode(&self) -> Option<Content> {
        let PublicKey::P256 { x, y } = &self.key.public else { return None };
        let kind = match self.kind {
            CertificateKind::Root => 0,
            CertificateKind::Batch => 1,
            CertificateKind::U2f => 2,
            CertificateKind::Enterprise => 3,
        };
        // All at once, so that no copy of the key is left behind by growing.
        let mut bytes = Zeroizing::new(Vec::with_capacity(FIXED + self.certificate.len()));
        bytes.extend([FORMAT, kind]);
        for part in [&self.aaguid.0[..], &self.device.0, self.key.private.expose(), x, y, &self.certificate] {
            bytes.extend_from_slice(part);
        }
        Some(bytes)
    }

    /// `None` for what is no such record.
    pub(super) fn decode(record: RecordId, bytes: &[u8]) -> Option<Self> {
        let (&[FORMAT, kind], rest) = bytes.split_first_chunk::<2>()? else { return None };
        let kind = match kind {
            0 => CertificateKind::Root,
            1 => CertificateKind::Batch,
            2 => CertificateKind::U2f,
            3 => CertificateKind::Enterprise,
            _ => return None,
        };
        let (aaguid, rest) = rest.split_first_chunk::<16>()?;
        let (device, rest) = rest.split_first_chunk::<16>()?;
        let (scalar, rest) = rest.split_first_chunk::<32>()?;
        let (x, rest) = rest.split_first_chunk::<32>()?;
        let (y, certificate) = rest.split_first_chunk::<32>()?;
        let private = PrivateKey::new(Zeroizing::new(scalar.to_vec()));
        Some(Self {
            record,
            kind,
            aaguid: Aaguid(*aaguid),
            device: AuthenticatorId(*device),
            key: KeyPair { public: PublicKey::P256 { x: *x, y: *y }, private },
            certificate: certificate.to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_reads_back_and_what_is_none_does_not() {
        let kinds = [
            CertificateKind::Root,
            CertificateKind::Batch,
            CertificateKind::U2f,
            CertificateKind::Enterprise,
        ];
        for kind in kinds {
            let private = PrivateKey::new(Zeroizing::new(vec![3; 32]));
            let key = KeyPair { public: PublicKey::P256 { x: [1; 32], y: [2; 32] }, private };
            let kept = Kept::new(kind, Aaguid([4; 16]), AuthenticatorId([5; 16]), key, vec![6; 9]);
            let bytes = kept.encode().unwrap();
            let read = Kept::decode(kept.record, &bytes).unwrap();
            assert_eq!(read.encode().unwrap(), bytes);
            assert_eq!((read.kind, read.aaguid, read.device), (kind, kept.aaguid, kept.device));
            assert_eq!(read.certificate, [6; 9]);
            for (at, value) in [(0, 2), (1, 4)] {
                let mut other = bytes.to_vec();
                other[at] = value;
                assert!(Kept::decode(kept.record, &other).is_none());
            }
            assert!(Kept::decode(kept.record, &bytes[..FIXED - 1]).is_none());
        }
    }
}
