//! An attestation statement on its way through the steps of §7.1.
use super::certificate::{Certificate, SERIAL_NUMBER};
use super::chain::{self, Path};
use super::{AttestationType, fido_u2f, none, packed, requirements};
use crate::rejection::{Verdict, ensure, quoted};
use crate::signature;
use wire::cbor::Value;
use wire::cose::{Algorithm, PublicKey};
use wire::webauthn::AuthenticatorData;

/// A format.
#[derive(Clone, Copy)]
pub(crate) enum Format {
    None,
    Packed,
    FidoU2f,
    /// One that cannot be verified.
    Unknown,
}

impl Format {
    /// §7.1 step 21: a case-sensitive match.
    pub(crate) fn named(fmt: &str) -> Result<Self, String> {
        match fmt {
            none::FORMAT => Ok(Self::None),
            packed::FORMAT => Ok(Self::Packed),
            fido_u2f::FORMAT => Ok(Self::FidoU2f),
            _ => Err(format!("the format is {}; those supported are none, packed and fido-u2f", quoted(fmt))),
        }
    }

    /// §7.1 step 22: the statement, if it has the shape of this format.
    pub(crate) fn read(self, att_stmt: &Value) -> Result<Statement<'_>, String> {
        match self {
            Self::None => none::read(att_stmt),
            Self::Packed => packed::read(att_stmt),
            Self::FidoU2f => fido_u2f::read(att_stmt),
            Self::Unknown => Ok(Statement::Unknown),
        }
    }
}

/// An attestation statement with the shape of its format.
pub(crate) enum Statement<'a> {
    /// §8.7.
    None,
    /// §8.2 without `x5c`: signed with the credential's own key.
    PackedSelf { alg: Algorithm, sig: &'a [u8] },
    /// §8.2 with `x5c`.
    PackedChain { alg: Algorithm, sig: &'a [u8], x5c: Vec<&'a [u8]> },
    /// §8.6.
    FidoU2f { sig: &'a [u8], x5c: Vec<&'a [u8]> },
    /// Whatever it is.
    Unknown,
}

impl<'a> Statement<'a> {
    fn x5c(&self) -> &[&'a [u8]] {
        match self {
            Self::PackedChain { x5c, .. } | Self::FidoU2f { x5c, .. } => x5c,
            Self::None | Self::PackedSelf { .. } | Self::Unknown => &[],
        }
    }

    /// How many certificates it carries.
    pub(super) fn certificates(&self) -> usize {
        self.x5c().len()
    }

    /// The statement with its certificates read.
    pub(crate) fn judged(&self) -> Result<Judged<'_>, String> {
        let read = |(at, der): (usize, &&[u8])| {
            Certificate::read(der).map_err(|why| format!("x5c certificate {} {why}", at + 1))
        };
        let x5c = self.x5c().iter().enumerate().map(read).collect::<Result<_, _>>()?;
        Ok(Judged { statement: self, x5c })
    }
}

/// A statement and its certificates.
pub(crate) struct Judged<'a> {
    statement: &'a Statement<'a>,
    x5c: Vec<Certificate>,
}

impl Judged<'_> {
    /// The certificate of the attestation key.
    fn leaf(&self) -> Option<&Certificate> {
        self.x5c.first()
    }

    /// The leaf of a packed statement, for which §8.2.1 has requirements.
    fn packed_leaf(&self) -> Option<&Certificate> {
        self.leaf().filter(|_| matches!(self.statement, Statement::PackedChain { .. }))
    }

    /// §8.2 and §8.6, verification procedures: what signs is for the algorithm that the statement names, or that the
    /// format has.
    pub(crate) fn algorithm_fits(&self, key: &PublicKey) -> Verdict {
        match (self.statement, self.leaf()) {
            (Statement::PackedSelf { alg, .. }, _) => ensure(*alg == key.algorithm(), || {
                format!("self attestation says {alg}, the credential public key is for {}", key.algorithm())
            }),
            (Statement::PackedChain { alg, .. }, Some(leaf)) => ensure(leaf.verifier(*alg).is_some(), || {
                format!(
                    "alg is {alg}, which does not go with the key in the certificate, or is not supported"
                )
            }),
            (Statement::FidoU2f { .. }, Some(leaf)) => fido_u2f::keys_fit(leaf, key),
            _ => Ok(()),
        }
    }

    /// §8.2 and §8.6, verification procedures: sig verifies with the key that the format names.
    pub(crate) fn signature_verifies(
        &self,
        key: &PublicKey,
        data: &AuthenticatorData,
        auth_data: &[u8],
        client_data_hash: &[u8; 32],
    ) -> Verdict {
        match (self.statement, self.leaf()) {
            (Statement::PackedSelf { sig, .. }, _) => {
                ensure(signature::verifies(key, auth_data, client_data_hash, sig), || {
                    "the attestation signature does not verify with the credential public key".into()
                })
            }
            (Statement::PackedChain { alg, sig, .. }, Some(leaf)) => {
                let message = [auth_data, client_data_hash].concat();
                let verifies =
                    leaf.verifier(*alg).is_some_and(|verifier| leaf.verifies(verifier, &message, sig));
                ensure(verifies, || {
                    "the attestation signature does not verify with the key in the certificate".into()
                })
            }
            (Statement::FidoU2f { sig, .. }, Some(leaf)) => {
                fido_u2f::signature_verifies(leaf, sig, data, client_data_hash)
            }
            _ => Ok(()),
        }
    }

    /// §8.2.1, version.
    pub(crate) fn version(&self) -> Verdict {
        self.packed_leaf().map_or(Ok(()), requirements::is_version_3)
    }

    /// §8.2.1, subject.
    pub(crate) fn subject(&self) -> Verdict {
        self.packed_leaf().map_or(Ok(()), requirements::has_a_proper_subject)
    }

    /// §8.2.1, basic constraints.
    pub(crate) fn no_authority(&self) -> Verdict {
        self.packed_leaf().map_or(Ok(()), requirements::is_no_authority)
    }

    /// §8.2, verification procedure, and §8.2.1: the model.
    pub(crate) fn model(&self, data: &AuthenticatorData) -> Verdict {
        let aaguid = data.attested.as_ref().map(|attested| attested.aaguid).unwrap_or_default();
        self.packed_leaf().map_or(Ok(()), |leaf| requirements::is_for_the_model(leaf, aaguid))
    }

    /// §8.2.2: the one device.
    pub(crate) fn device(&self, enterprise: bool) -> Verdict {
        self.packed_leaf().map_or(Ok(()), |leaf| requirements::tells_no_device_unasked(leaf, enterprise))
    }

    /// §7.1 step 24: the path to a trust anchor, if there are certificates.
    pub(crate) fn path<'a>(&'a self, anchors: &'a [Certificate]) -> Result<TrustPath<'a>, String> {
        if self.x5c.is_empty() {
            Ok(TrustPath::Empty)
        } else {
            chain::build(&self.x5c, anchors).map(TrustPath::Anchored)
        }
    }

    /// What proves the origin of the credential.
    pub(crate) fn attestation_type(&self, path: &TrustPath<'_>) -> AttestationType {
        match (self.statement, path) {
            (Statement::None, _) => AttestationType::None,
            (Statement::PackedSelf { .. }, _) => AttestationType::SelfAttestation,
            (Statement::PackedChain { .. } | Statement::FidoU2f { .. }, TrustPath::Anchored(_)) => {
                AttestationType::Basic
            }
            _ => AttestationType::Unverified,
        }
    }

    /// Whether a certificate names the model.
    pub(crate) fn names_the_model(&self) -> bool {
        let named =
            |leaf: &Certificate| leaf.octets(super::certificate::AAGUID).is_ok_and(|found| found.is_some());
        self.packed_leaf().is_some_and(named)
    }

    /// The serial number that tells the one device apart, §8.2.2.
    pub(crate) fn serial_number(&self) -> Option<Vec<u8>> {
        let found = self.packed_leaf()?.octets(SERIAL_NUMBER).ok()?;
        found.map(|(_, serial)| serial)
    }
}

/// The attestation trust path, §6.5.
pub(crate) enum TrustPath<'a> {
    /// There are no certificates.
    Empty,
    /// It ends at a trust anchor.
    Anchored(Path<'a>),
    /// There are certificates, and they are worth nothing; why.
    Nowhere(String),
}

impl<'a> TrustPath<'a> {
    fn anchored(&self) -> Option<&Path<'a>> {
        if let Self::Anchored(path) = self { Some(path) } else { None }
    }

    /// §7.1 step 24: every certificate is valid at that time.
    pub(crate) fn is_valid_at(&self, now: Option<u64>) -> Verdict {
        self.anchored().map_or(Ok(()), |path| path.is_valid_at(now))
    }

    /// From the attestation key's certificate to the trust anchor, in DER.
    pub(crate) fn to_der(&self) -> Vec<Vec<u8>> {
        self.anchored().map(Path::to_der).unwrap_or_default()
    }

    /// Why there is nothing to be trusted, if there are certificates.
    pub(crate) fn nowhere(&self) -> Option<&str> {
        if let Self::Nowhere(why) = self { Some(why) } else { None }
    }
}
