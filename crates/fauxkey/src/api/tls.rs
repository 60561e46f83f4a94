//! TLS, for those who ask from other hosts: a certificate that is made at start, or one from files.
use crate::control::{Failure, FailureKind};
use sha2::{Digest as _, Sha256};
use std::path::Path;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, crypto};

/// What a server shows to whoever connects.
pub struct Identity {
    /// The certificates, the server's own first.
    chain: Vec<CertificateDer<'static>>,
    config: Arc<ServerConfig>,
}

impl Identity {
    /// A certificate of its own for these names and addresses, good for as long as the server runs. It signs nothing
    /// else, and its key is never written down.
    ///
    /// # Errors
    /// Invalid if a name is none.
    pub fn generate(names: &[String]) -> Result<Self, Failure> {
        let made = rcgen::generate_simple_self_signed(names).map_err(|error| {
            Failure::new(FailureKind::Invalid, format!("cannot make a certificate for {names:?}: {error}"))
        })?;
        let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        Self::new(vec![made.cert.der().clone()], key)
    }

    /// Certificates and their key from files in PEM.
    ///
    /// # Errors
    /// Invalid if they cannot be read or do not belong together.
    pub fn load(certificates: &Path, key: &Path) -> Result<Self, Failure> {
        let invalid = |path: &Path, why: String| {
            Failure::new(FailureKind::Invalid, format!("cannot use {}: {why}", path.display()))
        };
        let chain: Vec<_> = CertificateDer::pem_file_iter(certificates)
            .and_then(Iterator::collect)
            .map_err(|error| invalid(certificates, error.to_string()))?;
        if chain.is_empty() {
            return Err(invalid(certificates, "there is no certificate in it".into()));
        }
        let key_der = PrivateKeyDer::from_pem_file(key).map_err(|error| invalid(key, error.to_string()))?;
        Self::new(chain, key_der)
    }

    fn new(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<Self, Failure> {
        let invalid = |error| Failure::new(FailureKind::Invalid, format!("cannot serve TLS: {error}"));
        let config = ServerConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(invalid)?
            .with_no_client_auth()
            .with_single_cert(chain.clone(), key)
            .map_err(invalid)?;
        Ok(Self { chain, config: Arc::new(config) })
    }

    /// The certificates in PEM: what a client trusts.
    pub fn pem(&self) -> String {
        self.chain.iter().map(|certificate| crate::ca::pem(certificate)).collect()
    }

    /// SHA-256 of the server's certificate in hexadecimal.
    pub fn fingerprint(&self) -> String {
        let own = self.chain.first().map(Sha256::digest);
        own.map(|digest| wire::hex::encode(&digest)).unwrap_or_default()
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.config.clone())
    }
}
