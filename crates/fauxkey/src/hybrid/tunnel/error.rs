//! What can go wrong with a tunnel.
use crate::control::{Failure, FailureKind};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio_rustls::rustls;

/// Why there is no tunnel, or no longer one.
#[derive(Debug, thiserror::Error)]
pub enum TunnelError {
    /// 410: the service has unlinked this phone, and whoever linked it should forget it.
    #[error("{host} knows no phone by this contact ID any more")]
    Gone {
        /// The service.
        host: String,
    },
    /// The service refused.
    #[error("{host} refuses: {code}{}", said.as_ref().map(|said| format!(": {said}")).unwrap_or_default())]
    Status {
        /// The service.
        host: String,
        /// The HTTP status.
        code: u16,
        /// The first line of what it had to say.
        said: Option<String>,
    },
    /// The service is nowhere to be found.
    #[error("cannot look up the tunnel service {host}: {why}")]
    Unknown {
        /// The service.
        host: String,
        /// What the system says.
        why: io::Error,
    },
    /// Nobody answers there.
    #[error("cannot connect to the tunnel service {host} at {address}: {why}")]
    Unreachable {
        /// The service.
        host: String,
        /// Where it was looked for last.
        address: SocketAddr,
        /// What the system says.
        why: io::Error,
    },
    /// Its certificate is no good.
    #[error("cannot trust the tunnel service {host}: {why}")]
    Untrusted {
        /// The service.
        host: String,
        /// What is wrong with the certificate.
        why: rustls::CertificateError,
    },
    /// TLS did not come about for another reason.
    #[error("no TLS with the tunnel service {host}: {why}")]
    Tls {
        /// The service.
        host: String,
        /// What was wrong.
        why: io::Error,
    },
    /// It answers, but not as a WebSocket of ours.
    #[error("{host} is no tunnel service: {why}")]
    Handshake {
        /// The service.
        host: String,
        /// What was wrong.
        why: String,
    },
    /// It took too long.
    #[error("the tunnel service {host} did not answer within {} s", patience.as_secs())]
    Slow {
        /// The service.
        host: String,
        /// How long was waited.
        patience: Duration,
    },
    /// There is nothing to trust.
    #[error("no certificate authorities to judge tunnel services by: {0}")]
    NoRoots(String),
    /// This cannot be asked for.
    #[error("no such request to a tunnel service: {0}")]
    Request(String),
    /// The tunnel was cut: by a bound of the service, or because the other side broke its rules.
    #[error("the tunnel was cut: {}", if reason.is_empty() { format!("WebSocket close code {code}") } else { reason.clone() })]
    Cut {
        /// The code of the WebSocket close frame, RFC 6455 §7.4.
        code: u16,
        /// What the service had to say about it.
        reason: String,
    },
    /// What came is nothing that comes through a tunnel.
    #[error("what came through the tunnel makes no sense: {0}")]
    Nonsense(String),
    /// The connection broke.
    #[error("the connection to the tunnel service broke: {0}")]
    Io(io::Error),
}

impl From<TunnelError> for Failure {
    fn from(error: TunnelError) -> Self {
        let kind = match &error {
            TunnelError::Gone { .. } | TunnelError::Status { .. } | TunnelError::Cut { .. } => {
                FailureKind::Refused
            }
            TunnelError::Request(_) => FailureKind::Invalid,
            _ => FailureKind::Broken,
        };
        let hint = match &error {
            TunnelError::Gone { .. } => "link the phone again: scan a QR code",
            TunnelError::Unknown { .. } | TunnelError::Unreachable { .. } => {
                "is the service running, and does its name lead to it from here?"
            }
            TunnelError::Untrusted { why: rustls::CertificateError::UnknownIssuer, .. } => {
                "trust the service's CA: SSL_CERT_FILE names a file of certificates in PEM"
            }
            TunnelError::NoRoots(_) => {
                "install ca-certificates, or name a file of certificates in PEM by SSL_CERT_FILE"
            }
            _ => return Self::new(kind, error.to_string()),
        };
        Self::new(kind, error.to_string()).hint(hint)
    }
}
