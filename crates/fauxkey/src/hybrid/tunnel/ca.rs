//! The certificate of the tunnel service, by a CA that is made for it and forgotten.
use crate::control::{Failure, FailureKind};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use std::sync::Arc;
use time::{Duration, OffsetDateTime};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ServerConfig, crypto};
use transport::hybrid::domain::ASSIGNED_HOSTS;
use zeroize::Zeroizing;

/// The names of this machine, which are always in the certificate, as are those of the assigned tunnel domains, to which
/// a client goes that knows no other.
const OWN: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
/// How long the certificates are good for. They begin a day ago, for clocks that are slow.
const LIFETIME: Duration = Duration::days(30);
const SLOW_CLOCK: Duration = Duration::days(1);

/// A certificate and its key, both in PEM, for a server under test. Without `Debug`, for the key's sake.
pub struct Identity {
    /// The certificate.
    pub certificate: String,
    /// Its key, PKCS #8.
    pub key: Zeroizing<String>,
}

/// A CA that is trusted by whoever is told to, and what it signed.
///
/// Its key is gone when this exists, so that nothing else can be signed; the tunnel's own key is in memory alone.
/// Without `Debug` for its sake.
#[derive(Clone)]
pub struct TunnelCa {
    root: CertificateDer<'static>,
    config: Arc<ServerConfig>,
}

impl TunnelCa {
    /// A CA and a certificate for these host names and addresses, beside `cable.ua5v.com`, `cable.auth.com`,
    /// `localhost` and the loopback addresses.
    ///
    /// # Errors
    /// Invalid if a name is none, Broken if no certificate can be made.
    pub fn new(names: &[String]) -> Result<Self, Failure> {
        Self::with_servers(names, &[]).map(|(ca, _)| ca)
    }

    /// The same, and a certificate by the same CA for other servers: those names, and `localhost`.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_servers(names: &[String], servers: &[String]) -> Result<(Self, Identity), Failure> {
        let names = checked(ASSIGNED_HOSTS.into_iter().chain(OWN), names)?;
        let servers = checked(OWN.into_iter(), servers)?;
        Self::certify(names, servers).map_err(|why| {
            Failure::new(FailureKind::Broken, format!("cannot make the tunnel's certificate: {why}"))
        })
    }

    fn certify(
        names: Vec<String>,
        servers: Vec<String>,
    ) -> Result<(Self, Identity), Box<dyn std::error::Error>> {
        // No two have the same name: who trusts another one is to hear that this one is unknown.
        let number = wire::hex::encode(&rand::random::<[u8; 4]>());
        let mut authority = parameters(Vec::new(), &format!("fauxkey tunnel test CA {number}"))?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let authority_key = KeyPair::generate()?;
        let root = authority.self_signed(&authority_key)?.der().clone();

        let issuer = Issuer::from_params(&authority, &authority_key);
        let service_key = KeyPair::generate()?;
        let certificate = server(names, "fauxkey tunnel")?.signed_by(&service_key, &issuer)?.der().clone();
        let other_key = KeyPair::generate()?;
        let other = server(servers, "fauxkey server under test")?.signed_by(&other_key, &issuer)?;
        let identity = Identity {
            certificate: crate::ca::pem(other.der()),
            key: Zeroizing::new(crate::ca::pem_of("PRIVATE KEY", &other_key.serialize_der())),
        };

        let key = PrivateKeyDer::Pkcs8(service_key.serialize_der().into());
        let config = ServerConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)?;
        Ok((Self { root, config: Arc::new(config) }, identity))
    }

    /// The CA's certificate in PEM.
    pub fn root_pem(&self) -> String {
        crate::ca::pem(&self.root)
    }

    /// The CA's certificate in DER.
    pub fn root_der(&self) -> CertificateDer<'static> {
        self.root.clone()
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.config.clone())
    }
}

/// Names to be certified, with others before them, each once.
fn checked<'a>(first: impl Iterator<Item = &'a str>, names: &[String]) -> Result<Vec<String>, Failure> {
    let mut all: Vec<String> = first.map(Into::into).collect();
    for name in names.iter().map(|name| name.to_ascii_lowercase()) {
        if ServerName::try_from(name.as_str()).is_err() {
            let message = format!("cannot certify `{name}`: neither a host name nor an address");
            return Err(Failure::new(FailureKind::Invalid, message));
        }
        if !all.contains(&name) {
            all.push(name);
        }
    }
    Ok(all)
}

fn server(names: Vec<String>, common_name: &str) -> Result<CertificateParams, rcgen::Error> {
    let mut server = parameters(names, common_name)?;
    server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    server.use_authority_key_identifier_extension = true;
    Ok(server)
}

fn parameters(names: Vec<String>, common_name: &str) -> Result<CertificateParams, rcgen::Error> {
    let mut parameters = CertificateParams::new(names)?;
    let now = OffsetDateTime::now_utc();
    (parameters.not_before, parameters.not_after) = (now - SLOW_CLOCK, now + LIFETIME);
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    parameters.distinguished_name.push(DnType::CommonName, common_name);
    Ok(parameters)
}
