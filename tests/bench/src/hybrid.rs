//! The hybrid transport: from the text of a QR code to a finished ceremony, and how many sessions the embedded tunnel
//! service carries. Both ends of each session are `transport`'s, over real WebSockets and TLS.
use anyhow::{Context, Result, bail, ensure};
use futures_util::{SinkExt as _, StreamExt as _};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant as Wall};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{WebSocketStream, client_async};
use transport::hybrid::desktop::{self, Config};
use transport::hybrid::domain::TunnelDomain;
use transport::hybrid::phone::{self, Deviations, Patience};
use transport::hybrid::qr::QrCode;
use wire::time::Instant;

/// The host that the service's certificate is for.
const HOST: &str = "cable.ua5v.com";
/// Nothing here depends on time.
const NOW: Instant = Instant::POWER_UP;
/// Ceremonies whose middle is told.
const CEREMONIES: usize = 15;
/// Sessions in all, and at once.
const SESSIONS: usize = 600;
const AT_ONCE: usize = 50;

type Socket = WebSocketStream<TlsStream<TcpStream>>;

/// What was measured.
pub(crate) struct Figures {
    /// Milliseconds from the text of a code to a registered passkey: what `hybrid scan` takes, its start and the opening
    /// of its vault included.
    pub(crate) ceremony: f64,
    /// Sessions a second through the embedded service, so many at once, each with TLS twice and one request.
    pub(crate) sessions: f64,
}

/// A desktop that shows codes, and what it says.
struct Desktop {
    child: Child,
    said: BufReader<ChildStderr>,
}

impl Desktop {
    fn show(binary: &Path, home: &Path) -> Result<Self> {
        let mut child = Command::new(binary)
            .args(["--json", "hybrid", "show", "--register-only"])
            .env("FAUXKEY_HOME", home)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", binary.display()))?;
        let said = BufReader::new(child.stderr.take().context("its stderr is piped")?);
        Ok(Self { child, said })
    }

    /// The code that is shown next.
    fn code(&mut self) -> Result<String> {
        let mut line = String::new();
        loop {
            line.clear();
            ensure!(self.said.read_line(&mut line)? > 0, "the desktop shows no code");
            if line.starts_with("FIDO:/") {
                return Ok(line.trim().into());
            }
        }
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

pub(crate) fn measure(binary: &Path) -> Result<Figures> {
    let folder = tempfile::tempdir()?;
    let mut took = Vec::new();
    for _ in 0..CEREMONIES {
        let mut desktop = Desktop::show(binary, folder.path())?;
        let code = desktop.code()?;
        let begun = Wall::now();
        let scan = Command::new(binary)
            .args(["--json", "hybrid", "scan", &code])
            .env("FAUXKEY_HOME", folder.path())
            .output()?;
        took.push(begun.elapsed().as_secs_f64() * 1e3);
        ensure!(scan.status.success(), "the phone: {}", String::from_utf8_lossy(&scan.stderr));
        let status = desktop.child.wait()?;
        ensure!(status.success(), "the desktop's relying party did not accept it");
    }
    took.sort_by(f64::total_cmp);
    let mut desktop = Desktop::show(binary, folder.path())?;
    desktop.code()?;
    let service = Service::of(folder.path())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let sessions = runtime.block_on(load(Arc::new(service)))?;
    Ok(Figures { ceremony: took[CEREMONIES / 2], sessions })
}

/// Where the embedded service is.
struct Service {
    address: SocketAddr,
    connector: TlsConnector,
}

impl Service {
    fn of(home: &Path) -> Result<Self> {
        let told: Value = serde_json::from_slice(&std::fs::read(home.join("run/hybrid.json"))?)?;
        let address = told["tunnel"].as_str().context("where the tunnel service is")?.parse()?;
        let mut roots = RootCertStore::empty();
        for root in CertificateDer::pem_slice_iter(told["ca"].as_str().context("its CA")?.as_bytes()) {
            roots.add(root?)?;
        }
        let config = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { address, connector: TlsConnector::from(Arc::new(config)) })
    }

    async fn open(&self, path: &str) -> Result<(Socket, Option<String>)> {
        let tcp = TcpStream::connect(self.address).await?;
        tcp.set_nodelay(true)?;
        let tls = self.connector.connect(ServerName::try_from(HOST)?, tcp).await?;
        let mut request = format!("wss://{HOST}:{}{path}", self.address.port()).into_client_request()?;
        request.headers_mut().insert("sec-websocket-protocol", "fido.cable".parse()?);
        let (socket, response) = client_async(request, tls).await?;
        let routing = response.headers().get("x-cable-routing-id").and_then(|id| id.to_str().ok());
        Ok((socket, routing.map(Into::into)))
    }
}

/// Sessions a second, so many at once.
async fn load(service: Arc<Service>) -> Result<f64> {
    let begun = Wall::now();
    let mut workers = tokio::task::JoinSet::new();
    for worker in 0..AT_ONCE {
        let service = service.clone();
        workers.spawn(async move {
            for place in 0..SESSIONS / AT_ONCE {
                let seed = u64::try_from(worker * SESSIONS + place)?;
                tokio::time::timeout(Duration::from_secs(60), session(&service, seed)).await??;
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = workers.join_next().await {
        done??;
    }
    Ok(SESSIONS as f64 / begun.elapsed().as_secs_f64())
}

/// One session, from the code to the answer to one request.
async fn session(service: &Service, seed: u64) -> Result<()> {
    let rng = |more| Box::new(ChaCha20Rng::seed_from_u64(seed * 2 + more));
    let mut desktop = desktop::Session::show(NOW, &Config::default(), rng(0));
    let code = QrCode::parse(&desktop.qr_text().context("there is a code")?)?;
    let config = phone::Config {
        get_info: vec![0xA0],
        domain: TunnelDomain::GOOGLE,
        link: None,
        patience: Patience::default(),
        deviations: Deviations::default(),
    };
    let mut phone = phone::Session::scan(NOW, code, config, rng(1))?;
    let (mut here, mut there): (Option<Socket>, Option<Socket>) = (None, None);
    loop {
        while let Some(output) = phone.poll_output() {
            match output {
                phone::Output::Connect { path, .. } => {
                    let (socket, routing) = service.open(&path).await?;
                    there = Some(socket);
                    phone.handle_connected(NOW, routing.as_deref());
                }
                phone::Output::Advertise(advert) => {
                    ensure!(desktop.handle_advert(NOW, &advert), "its own advert")
                }
                phone::Output::StopAdvertising => {}
                phone::Output::Send(message) => send(&mut there, message).await?,
                phone::Output::Request(request) => phone.respond(NOW, &[&[0], request.as_slice()].concat()),
                phone::Output::Closed(ending) => bail!("the phone: {ending}"),
            }
        }
        while let Some(output) = desktop.poll_output() {
            match output {
                desktop::Output::Connect { path, .. } => {
                    here = Some(service.open(&path).await?.0);
                    desktop.handle_connected(NOW);
                }
                desktop::Output::Send(message) => send(&mut here, message).await?,
                desktop::Output::Ready(_) => desktop.request(NOW, &[4]),
                desktop::Output::Response(response) => {
                    ensure!(response == [0, 4], "another response: {response:?}");
                    return Ok(());
                }
                desktop::Output::Linked(_) => {}
                desktop::Output::Closed(ending) => bail!("the desktop: {ending}"),
            }
        }
        tokio::select! {
            message = receive(&mut there) => phone.handle_message(NOW, &message?),
            message = receive(&mut here) => desktop.handle_message(NOW, &message?),
        }
    }
}

async fn send(socket: &mut Option<Socket>, message: Vec<u8>) -> Result<()> {
    socket.as_mut().context("there is a tunnel")?.send(Message::binary(message)).await?;
    Ok(())
}

async fn receive(socket: &mut Option<Socket>) -> Result<Vec<u8>> {
    let Some(socket) = socket else { return std::future::pending().await };
    match socket.next().await.context("the tunnel was closed")?? {
        Message::Binary(message) => Ok(message.into()),
        other => bail!("no binary message: {other:?}"),
    }
}
