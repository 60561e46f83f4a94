//! Which tunnel service, and which radio.
use super::radio::Radio;
use super::tunnel::{Limits, Server, Service, Trust, TunnelCa};
use crate::control::{Failure, FailureKind};
use crate::files;
use serde::{Deserialize, Serialize};
use std::env;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use transport::hybrid::domain::TunnelDomain;

/// The port of tunnel services.
const HTTPS: u16 = 443;

/// The ways between a desktop and a phone.
#[derive(Clone)]
pub struct Ways {
    /// Where adverts go and come from.
    pub radio: Radio,
    /// Where tunnel services are.
    pub tunnels: Tunnels,
}

/// Where tunnel services are, whatever their names say.
#[derive(Clone)]
pub struct Tunnels {
    /// All of them are here; `None` where their names say.
    pub address: Option<SocketAddr>,
    /// Their port.
    pub port: u16,
    /// Whose certificates count.
    pub trust: Trust,
}

/// What was said on the command line or by the environment.
#[derive(Clone, Debug, Default)]
pub struct Said {
    /// `wss://HOST:PORT` or `HOST:PORT`.
    pub tunnel: Option<String>,
    /// A file of certificates in PEM.
    pub ca: Option<PathBuf>,
    /// The radio.
    pub radio: Option<Radio>,
    /// The services that the public uses.
    pub public: bool,
}

impl Said {
    /// What the environment says: FAUXKEY_TUNNEL, FAUXKEY_TUNNEL_CA and FAUXKEY_RADIO, as for the command line.
    ///
    /// # Errors
    /// Invalid, if that is no radio.
    pub fn of_environment() -> Result<Self, Failure> {
        let set = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        Ok(Self {
            tunnel: set("FAUXKEY_TUNNEL"),
            ca: set("FAUXKEY_TUNNEL_CA").map(Into::into),
            radio: set("FAUXKEY_RADIO").map(|radio| radio.parse()).transpose()?,
            public: false,
        })
    }
}

/// A tunnel service of this process, on a free port of the loopback, and the way there.
pub struct OwnService {
    /// Where it is.
    pub address: SocketAddr,
    /// The way there.
    pub tunnels: Tunnels,
    /// Its CA's certificate, in PEM.
    pub root: String,
    /// It ends with this.
    _server: Server,
}

impl OwnService {
    /// Starts it, with a CA of its own.
    ///
    /// # Errors
    /// Broken, if there is no port or no certificate to be had.
    pub fn start() -> Result<Self, Failure> {
        let broken = |error: io::Error| {
            Failure::new(FailureKind::Broken, format!("cannot start a tunnel service: {error}"))
        };
        let ca = TunnelCa::new(&[])?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(broken)?;
        let server = Server::start(listener, &ca, Limits::default()).map_err(broken)?;
        let address = server.address();
        let trust = Trust::Roots(vec![ca.root_der()]);
        let tunnels = Tunnels { address: Some(address), port: address.port(), trust };
        Ok(Self { address, tunnels, root: ca.root_pem(), _server: server })
    }
}

/// How to meet a desktop of ours that runs: a file of the home, for `hybrid scan`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Meeting {
    /// Where the tunnel service is.
    pub tunnel: SocketAddr,
    /// What signed its certificate, in PEM.
    pub ca: String,
    /// The radio, as text.
    pub radio: String,
}

impl Tunnels {
    /// The service of that number.
    ///
    /// # Errors
    /// Invalid, for a number that is nobody's.
    pub fn service(&self, domain: TunnelDomain) -> Result<Service, Failure> {
        let unknown = || {
            let message = format!("there is no tunnel service with the number {}", domain.0);
            Failure::new(FailureKind::Invalid, message)
        };
        let host = domain.host().ok_or_else(unknown)?;
        Ok(Service { host, address: self.address, port: self.port, trust: self.trust.clone() })
    }
}

impl Ways {
    /// What was said, or else what `meeting` says.
    ///
    /// # Errors
    /// Invalid, if an address or a certificate is none; Conflict, if there is no tunnel service but the public ones, and
    /// nobody said to use those.
    pub fn find(said: &Said, meeting: Option<&Meeting>) -> Result<Self, Failure> {
        let meeting = meeting.filter(|_| said.tunnel.is_none() && !said.public);
        let radio = match (&said.radio, meeting) {
            (Some(radio), _) => radio.clone(),
            (None, Some(meeting)) => meeting.radio.parse()?,
            (None, None) => Radio::BlueZ { adapter: None },
        };
        let trust = match (&said.ca, meeting) {
            (Some(file), _) => Trust::Roots(read_roots(file)?),
            (None, Some(meeting)) => Trust::Roots(roots(meeting.ca.as_bytes(), "the running desktop's CA")?),
            (None, None) => Trust::System,
        };
        let tunnels = match (&said.tunnel, meeting) {
            (Some(tunnel), _) => Self::at(tunnel, trust)?,
            (None, Some(meeting)) => {
                Tunnels { address: Some(meeting.tunnel), port: meeting.tunnel.port(), trust }
            }
            (None, None) if said.public => Tunnels { address: None, port: HTTPS, trust },
            (None, None) => {
                let message =
                    "no tunnel service is known here, and the public ones are used only if you say so";
                let hint = "run it in `fauxkey hybrid lab -- …`, give --tunnel HOST:PORT, or --public-tunnel for \
                            Google's and Apple's services";
                return Err(Failure::new(FailureKind::Conflict, message).hint(hint));
            }
        };
        Ok(Self { radio, tunnels })
    }

    fn at(text: &str, trust: Trust) -> Result<Tunnels, Failure> {
        let invalid = |why: &str| {
            let message = format!("`{}` is no tunnel service: {why}", text.escape_debug());
            Failure::new(FailureKind::Invalid, message).hint("give HOST:PORT, such as 127.0.0.1:8443")
        };
        let place = text.strip_prefix("wss://").unwrap_or(text).trim_end_matches('/');
        let place = if place.contains(':') { place.to_owned() } else { format!("{place}:{HTTPS}") };
        let mut found = place.to_socket_addrs().map_err(|error| invalid(&error.to_string()))?;
        let address = found.next().ok_or_else(|| invalid("its name has no address"))?;
        Ok(Tunnels { address: Some(address), port: address.port(), trust })
    }
}

fn read_roots(file: &Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let pem = std::fs::read(file).map_err(|error| files::refused("read", file, &error))?;
    roots(&pem, &file.display().to_string())
}

fn roots(pem: &[u8], name: &str) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let invalid = |why: String| Failure::new(FailureKind::Invalid, format!("cannot use {name}: {why}"));
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = found.map_err(|error| invalid(error.to_string()))?;
    if found.is_empty() {
        return Err(invalid("there is no certificate in it".into()));
    }
    Ok(found)
}

impl Meeting {
    /// What a desktop that runs in this home says, if one does.
    pub fn read(file: &Path) -> Option<Self> {
        let text = std::fs::read(file).ok()?;
        serde_json::from_slice(&text).ok()
    }
}
