//! The test CA of a home: its root, the attestation keys that all devices of a model share, and those of single
//! devices. They lie in the vault, sealed, in a tree of their own; without a disk they live in memory.
//!
//! Nothing is made before it is needed, so that a home whose devices do not attest by certificate has no CA. No
//! private key leaves but into the signer of a device, also of one that keeps nothing and borrows the CA
//! (`instance/loan.rs`), and into the prober: all of them in the same process.
mod record;

use crate::control::{Certificate, CertificateKind, Failure, FailureKind};
use authenticator::profile::Attestation;
use authenticator::signer::{AttestationIdentity, AttestationKey, PlatformAuthority};
use emulator::attestation::{CaError, CertificateSummary, TestCa, TestPlatform, serial_number};
use emulator::metadata::{self, MetadataError};
use emulator::{DeviceProfile, FastSigner};
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;
use record::Kept;
use std::sync::Arc;
use std::time::SystemTime;
use vault::{AuthenticatorId, RecordChange, Records, Vault, VaultError};
use wire::aaguid::Aaguid;

/// The tree in the vault. Its name is not seen there.
const TREE: &str = "test-ca";
/// Where no device is meant.
const NO_DEVICE: AuthenticatorId = AuthenticatorId([0; 16]);

/// The test CA, open.
pub struct Authority {
    /// `None` where nothing is kept on disk.
    records: Option<Records>,
    ca: TestCa,
    /// The root first.
    kept: Vec<Kept>,
}

impl Authority {
    /// Opens the CA, and makes a root if there is none yet. Without a vault it lives as long as this value.
    ///
    /// # Errors
    /// Broken if what was kept makes no sense, or the vault does not play along.
    pub fn open(vault: Option<&Vault>) -> Result<Self, Failure> {
        let records = vault.map(|vault| vault.records(TREE)).transpose().map_err(vault_failure)?;
        let mut kept = Vec::new();
        for (record, content) in
            records.as_ref().map_or(Ok(Vec::new()), Records::load).map_err(vault_failure)?
        {
            kept.push(Kept::decode(record, &content).ok_or_else(damaged)?);
        }
        // The root first.
        kept.sort_by_key(|kept| kept.kind != CertificateKind::Root);
        match kept.first().filter(|first| first.kind == CertificateKind::Root) {
            Some(root) => {
                let ca = TestCa::of(root.key.clone(), root.certificate.clone()).map_err(|_| damaged())?;
                Ok(Self { records, ca, kept })
            }
            None if kept.is_empty() => {
                let (ca, root) = new_root()?;
                let authority = Self { records, ca, kept: vec![root] };
                authority.commit(&authority.kept, &[])?;
                Ok(authority)
            }
            None => Err(damaged()),
        }
    }

    /// The same CA without the vault: what this one certifies later is not kept.
    pub fn in_memory(&self) -> Self {
        Self { records: None, ca: self.ca.clone(), kept: self.kept.clone() }
    }

    /// What a device has from its maker. Makes what there is not yet, durably.
    ///
    /// # Errors
    /// Broken if no key can be made or kept.
    pub fn identity(
        &mut self,
        profile: &DeviceProfile,
        device: AuthenticatorId,
    ) -> Result<AttestationIdentity, Failure> {
        let claims = &profile.authenticator;
        let (mut new, aaguid) = (Vec::new(), claims.aaguid);
        let mut key = |wanted: bool, kind, device| -> Result<Option<AttestationKey>, Failure> {
            if !wanted {
                return Ok(None);
            }
            if let Some(kept) = self.find(kind, aaguid, device) {
                return Ok(Some(kept.attestation_key()));
            }
            let made = self.issue(profile, kind, device)?;
            let key = made.attestation_key();
            new.push(made);
            Ok(Some(key))
        };
        // A device that could attest otherwise starts with an old root all the same.
        if claims.attestation == Attestation::AndroidSafetyNet && !self.ca.allows_intermediate() {
            let why = "android-safetynet has a CA below the root, which this home's root does not allow";
            return Err(Failure::new(FailureKind::Conflict, why)
                .hint("`fauxkey ca rotate` makes a new root, which relying parties have to be given anew"));
        }
        let packed = claims.attestations().any(|mode| mode == Attestation::Packed);
        let identity = AttestationIdentity {
            batch: key(packed, CertificateKind::Batch, NO_DEVICE)?,
            u2f: key(attests_as_u2f(profile), CertificateKind::U2f, NO_DEVICE)?,
            enterprise: key(claims.enterprise.is_some(), CertificateKind::Enterprise, device)?,
            platform: claims.attestations().any(Attestation::is_by_platform).then(|| self.platform()),
        };
        if !new.is_empty() {
            self.commit(&new, &[])?;
            self.kept.append(&mut new);
        }
        Ok(identity)
    }

    /// What stands in place of the makers of TPMs, keystores and phones.
    fn platform(&self) -> Arc<dyn PlatformAuthority> {
        let now = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        Arc::new(TestPlatform::new(self.ca.clone(), now))
    }

    /// The attestation certificate of a model, and the root: what a relying party gets and what it should trust.
    /// `None` if devices of this model do not attest by certificate.
    ///
    /// # Errors
    /// Those of [`Authority::identity`].
    pub fn chain(&mut self, profile: &DeviceProfile) -> Result<Option<Vec<Certificate>>, Failure> {
        // A device that there is not has no enterprise key.
        let mut shared = profile.clone();
        shared.authenticator.enterprise = None;
        let identity = self.identity(&shared, NO_DEVICE)?;
        let kind = match (identity.batch, identity.u2f) {
            (Some(_), _) => CertificateKind::Batch,
            (None, Some(_)) => CertificateKind::U2f,
            (None, None) => return Ok(None),
        };
        self.up_to_the_root(kind, profile.authenticator.aaguid)
    }

    /// The same, for a model of which there is a certificate already.
    ///
    /// # Errors
    /// Broken if a certificate makes no sense.
    pub fn chain_of(&self, aaguid: Aaguid) -> Result<Option<Vec<Certificate>>, Failure> {
        match self.up_to_the_root(CertificateKind::Batch, aaguid)? {
            None => self.up_to_the_root(CertificateKind::U2f, aaguid),
            chain => Ok(chain),
        }
    }

    /// The certificates that all devices of a model share: for format packed, and as U2F keys.
    ///
    /// # Errors
    /// Those of [`Authority::identity`].
    pub fn shared(&mut self, profile: &DeviceProfile) -> Result<[Option<Vec<u8>>; 2], Failure> {
        let mut shared = profile.clone();
        shared.authenticator.enterprise = None;
        let identity = self.identity(&shared, NO_DEVICE)?;
        let leaf = |key: Option<AttestationKey>| key.and_then(|key| key.chain.into_iter().next());
        Ok([leaf(identity.batch), leaf(identity.u2f)])
    }

    /// A metadata BLOB of that payload, signed by a key that is gone afterwards.
    ///
    /// # Errors
    /// Broken if no key can be made or certified.
    pub fn sign_metadata(&self, payload: &serde_json::Value) -> Result<String, Failure> {
        metadata::sign(payload, &self.ca, &mut UnwrapErr(SysRng)).map_err(|error| metadata_failure(&error))
    }

    fn up_to_the_root(
        &self,
        kind: CertificateKind,
        aaguid: Aaguid,
    ) -> Result<Option<Vec<Certificate>>, Failure> {
        let leaf = self.find(kind, aaguid, NO_DEVICE);
        leaf.map(|leaf| Ok(vec![describe(leaf)?, self.root()?])).transpose()
    }

    /// The root.
    ///
    /// # Errors
    /// Broken if it makes no sense.
    pub fn root(&self) -> Result<Certificate, Failure> {
        self.kept.first().ok_or_else(damaged).and_then(describe)
    }

    /// The CA itself, for what certifies as devices do, and lies: the prober.
    pub const fn test_ca(&self) -> &TestCa {
        &self.ca
    }

    /// Everything that it certified, with the device where there is one.
    ///
    /// # Errors
    /// Broken if a certificate makes no sense.
    pub fn leaves(&self) -> Result<Vec<(Certificate, Option<AuthenticatorId>)>, Failure> {
        let mut leaves: Vec<_> = self.kept.iter().skip(1).collect();
        leaves.sort_by_key(|kept| (kept.kind, kept.aaguid, kept.device));
        let device = |kept: &Kept| (kept.device != NO_DEVICE).then_some(kept.device);
        leaves.into_iter().map(|kept| Ok((describe(kept)?, device(kept)))).collect()
    }

    /// A new root in place of this one. Everything that it certified is forgotten.
    ///
    /// # Errors
    /// Broken if no key can be made or kept; the old root is then as it was.
    pub fn rotate(&mut self) -> Result<(), Failure> {
        let (ca, root) = new_root()?;
        let root = vec![root];
        self.commit(&root, &self.kept)?;
        (self.ca, self.kept) = (ca, root);
        Ok(())
    }

    /// Forgets the key of a device that is deleted.
    ///
    /// # Errors
    /// Broken if the vault does not play along.
    pub fn forget(&mut self, device: AuthenticatorId) -> Result<(), Failure> {
        let (gone, kept): (Vec<_>, Vec<_>) =
            self.kept.iter().cloned().partition(|kept| kept.device == device && device != NO_DEVICE);
        if !gone.is_empty() {
            self.commit(&[], &gone)?;
            self.kept = kept;
        }
        Ok(())
    }

    fn find(&self, kind: CertificateKind, aaguid: Aaguid, device: AuthenticatorId) -> Option<&Kept> {
        self.kept.iter().find(|kept| kept.kind == kind && kept.aaguid == aaguid && kept.device == device)
    }

    fn issue(
        &self,
        profile: &DeviceProfile,
        kind: CertificateKind,
        device: AuthenticatorId,
    ) -> Result<Kept, Failure> {
        let (signer, rng) = (&mut FastSigner::default(), &mut UnwrapErr(SysRng));
        let (aaguid, model) = (profile.authenticator.aaguid, &profile.title);
        let made = match kind {
            CertificateKind::U2f => {
                let nfc =
                    profile.authenticator.seen.iter().any(|(link, _)| *link == authenticator::Link::Nfc);
                self.ca.u2f(model, nfc, signer, rng)
            }
            CertificateKind::Enterprise => {
                self.ca.enterprise(aaguid, model, &serial_number(&device.0), signer, rng)
            }
            CertificateKind::Root | CertificateKind::Batch => self.ca.batch(aaguid, model, signer, rng),
        };
        let AttestationKey { key, mut chain } = made.map_err(ca_failure)?;
        let certificate = chain.pop().ok_or_else(damaged)?;
        Ok(Kept::new(kind, aaguid, device, key, certificate))
    }

    fn commit(&self, new: &[Kept], gone: &[Kept]) -> Result<(), Failure> {
        let Some(records) = &self.records else { return Ok(()) };
        let mut changes: Vec<_> = gone.iter().map(|kept| RecordChange::Delete(kept.record)).collect();
        for kept in new {
            changes.push(RecordChange::Put(kept.record, kept.encode().ok_or_else(damaged)?));
        }
        records.commit(&changes).map_err(vault_failure)
    }
}

/// Whether a device with this profile attests by certificate at all, and so needs the CA.
pub fn attests_by_certificate(profile: &DeviceProfile) -> bool {
    profile.authenticator.attestations().any(Attestation::is_certified) || attests_as_u2f(profile)
}

/// By the format, or in U2F messages.
fn attests_as_u2f(profile: &DeviceProfile) -> bool {
    profile.authenticator.attestations().any(|mode| mode == Attestation::FidoU2f)
        || profile.authenticator.versions.iter().any(|version| version == "U2F_V2")
}

fn new_root() -> Result<(TestCa, Kept), Failure> {
    let ca = TestCa::generate(&mut FastSigner::default(), &mut UnwrapErr(SysRng)).map_err(ca_failure)?;
    let (key, certificate) = (ca.key().clone(), ca.certificate().to_vec());
    let root = Kept::new(CertificateKind::Root, Aaguid::ZERO, NO_DEVICE, key, certificate);
    Ok((ca, root))
}

fn describe(kept: &Kept) -> Result<Certificate, Failure> {
    let summary = CertificateSummary::of(&kept.certificate).map_err(|_| damaged())?;
    let has_model = matches!(kept.kind, CertificateKind::Batch | CertificateKind::Enterprise);
    let enterprise = kept.kind == CertificateKind::Enterprise;
    Ok(Certificate {
        kind: kept.kind,
        subject: summary.subject,
        fingerprint: wire::hex::encode(&summary.fingerprint),
        not_before: summary.not_before,
        not_after: summary.not_after,
        aaguid: has_model.then(|| kept.aaguid.to_string()),
        device: None,
        serial_number: enterprise.then(|| wire::hex::encode(&serial_number(&kept.device.0))),
        certificate: kept.certificate.clone().into(),
    })
}

fn ca_failure(error: CaError) -> Failure {
    Failure::new(FailureKind::Broken, format!("the test CA failed: {error}"))
}

/// Whatever is wrong with metadata is wrong on our side.
pub fn metadata_failure(error: &MetadataError) -> Failure {
    Failure::new(FailureKind::Broken, format!("no metadata could be made: {error}"))
}

fn damaged() -> Failure {
    Failure::new(FailureKind::Broken, "what the vault has of the test CA makes no sense")
        .hint("a newer fauxkey may have written it; no passkey is lost with it")
}

fn vault_failure(error: VaultError) -> Failure {
    Failure { kind: FailureKind::Broken, message: error.to_string(), hint: error.hint() }
}

#[cfg(test)]
mod tests;

/// A certificate in PEM, RFC 7468 §5.
pub fn pem(der: &[u8]) -> String {
    pem_of("CERTIFICATE", der)
}

/// Something else in PEM, by its label.
pub fn pem_of(label: &str, der: &[u8]) -> String {
    let text = wire::base64url::encode(der).replace('-', "+").replace('_', "/");
    let padding = "=".repeat((4 - text.len() % 4) % 4);
    let lines: Vec<char> = text.chars().chain(padding.chars()).collect();
    let lines: Vec<String> = lines.chunks(64).map(|line| line.iter().collect()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}
