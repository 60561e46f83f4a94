//! The control API: everything of [`Control`] as HTTP and JSON on the loopback interface, for whoever has the
//! token.
//!
//! | module | what |
//! |---|---|
//! | `guard` | who may ask: `Host`, `Origin` and token of every request |
//! | `routes` | the table of routes, and what each does |
//! | `accounts` | those of the Authenticator app on a device |
//! | `ceremony` | those by which pages' ceremonies are run |
//! | `hybrid` | those of QR codes on other screens |
//! | `simulation` | those of its routes that tests arrange things by |
//! | `request`, `problem` | bodies in, failures out |
//! | `events` | what happens on the devices, as server-sent events |
//! | `trace` | the same with all messages, as lines of a trace |
//! | `extension` | the WebSocket of the browser extension |
//! | `openapi` | the description for programs |
//! | `page` | the first page, for people |
//! | `phone` | the page of one device, as if in the hand |
//! | `presence` | `instance.json` and `token`, by which a running instance is found |
//! | `background` | the thread of a server, of this one and of the tenant's |
//! | `listener`, `tls` | a bound on connections, and TLS for those from other hosts |
mod accounts;
pub(crate) mod background;
mod ceremony;
mod events;
mod extension;
pub(crate) mod guard;
mod hybrid;
pub(crate) mod listener;
mod openapi;
mod page;
mod phone;
pub mod presence;
pub(crate) mod problem;
mod request;
mod routes;
mod simulation;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
pub mod tls;
mod trace;

pub use events::event_json;
pub use extension::pairing;

use self::background::Background;
use crate::control::{Control, Failure, FailureKind};
use crate::home::Home;
use crate::instance::{Happening, Instance};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

/// How long requests that are being answered have when the server stops. A command that waits for its user
/// waits much longer; it is cut off.
const GRACE: Duration = Duration::from_millis(500);

/// What the handlers share.
struct Api {
    control: Arc<dyn Control + Send + Sync>,
    guard: guard::Guard,
    events: Arc<events::Hub>,
    url: String,
}

impl Api {
    /// Runs `job` where it may block.
    async fn ask<T: Send + 'static>(
        &self,
        job: impl FnOnce(&dyn Control) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, problem::Problem> {
        let control = self.control.clone();
        match tokio::task::spawn_blocking(move || job(&*control)).await {
            Ok(result) => result.map_err(Into::into),
            Err(_) => Err(Failure::new(FailureKind::Broken, "the request was given up: a bug in fauxkey")
                .hint("its standard error says more")
                .into()),
        }
    }
}

/// A server that runs, until this is dropped or [`Served::stop`] is called.
pub struct Served {
    /// Where it is, such as `http://127.0.0.1:8123`, without a slash at the end.
    pub url: String,
    /// What a client trusts, in PEM, and SHA-256 of it in hexadecimal, if it is asked by TLS.
    pub certificate: Option<(String, String)>,
    /// The bearer token, 32 random bytes in base64url. Good for as long as the server runs.
    pub token: String,
    /// Goes before the thread is waited for: nobody is to come any more.
    presence: Option<presence::Presence>,
    _thread: Background,
}

impl Served {
    /// The first page, with the token in it: to be opened in a browser.
    #[cfg(test)]
    pub fn page(&self) -> String {
        format!("{}/?token={}", self.url, self.token)
    }

    /// The page of the devices, with the token in it.
    pub fn phone(&self) -> String {
        format!("{}/phone?token={}", self.url, self.token)
    }

    /// Stops the server and removes the files by which it is found.
    pub fn stop(self) {
        drop(self);
    }
}

/// Where a server listens, and as whom.
#[derive(Default)]
pub struct Listen {
    /// Port 0 is any free one.
    pub address: Option<SocketAddr>,
    /// Names, beside the address and `localhost`, by which it may be asked.
    pub names: Vec<String>,
    /// By TLS. An address that is not of the loopback interface wants it.
    pub tls: Option<tls::Identity>,
}

impl From<SocketAddr> for Listen {
    fn from(address: SocketAddr) -> Self {
        Self { address: Some(address), ..Self::default() }
    }
}

/// Serves an instance. With a home, the server can be found there.
///
/// # Errors
/// Invalid if the address is not a loopback address and there is no TLS, Conflict if it is taken or another instance
/// runs in this home, Broken if the system does not play along.
pub fn serve(instance: Arc<Instance>, home: Option<&Home>, listen: Listen) -> Result<Served, Failure> {
    let happenings = instance.subscribe();
    serve_control(instance, happenings, home, listen)
}

/// [`serve`], over anything that can be controlled.
///
/// # Errors
/// Those of [`serve`].
pub fn serve_control(
    control: Arc<dyn Control + Send + Sync>,
    happenings: Receiver<Happening>,
    home: Option<&Home>,
    listen: impl Into<Listen>,
) -> Result<Served, Failure> {
    let Listen { address, names, tls } = listen.into();
    let listen = address.unwrap_or_else(|| (Ipv4Addr::LOCALHOST, 0).into());
    if !listen.ip().is_loopback() && tls.is_none() {
        let message = format!("cannot listen on {listen}: not a loopback address");
        return Err(Failure::new(FailureKind::Invalid, message)
            .hint("use 127.0.0.1 or [::1], or --tls: whoever reaches this server can use every passkey"));
    }
    let broken =
        |what: &str, error: io::Error| Failure::new(FailureKind::Broken, format!("cannot {what}: {error}"));
    let listener = bind(listen)?;
    let local = listener.local_addr().map_err(|error| broken("learn where the API listens", error))?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let url = match names.first() {
        Some(name) => format!("{scheme}://{name}:{}", local.port()),
        None if local.ip().is_unspecified() => format!("{scheme}://localhost:{}", local.port()),
        None => format!("{scheme}://{local}"),
    };
    let certificate = tls.as_ref().map(|identity| (identity.pem(), identity.fingerprint()));
    let acceptor = tls.as_ref().map(tls::Identity::acceptor);
    let token = wire::base64url::encode(&rand::random::<[u8; 32]>());
    let events = events::Hub::start(happenings).map_err(|error| broken("start a thread", error))?;
    let api = Api {
        control,
        guard: guard::Guard::new(local, &names, scheme, token.clone()),
        events,
        url: url.clone(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| broken("start the API", error))?;
    let run = move |stopped| run(runtime, listener, acceptor, Arc::new(api), stopped);
    let thread = Background::start("api", run).map_err(|error| broken("start a thread", error))?;
    let mut served = Served { url, certificate, token, presence: None, _thread: thread };
    // Last, so that who finds it can ask it.
    served.presence =
        home.map(|home| presence::Presence::announce(home, &served.url, &served.token)).transpose()?;
    Ok(served)
}

pub(crate) fn bind(listen: SocketAddr) -> Result<TcpListener, Failure> {
    let bound = TcpListener::bind(listen).and_then(|listener| {
        listener.set_nonblocking(true)?;
        Ok(listener)
    });
    bound.map_err(|error| {
        let message = format!("cannot listen on {listen}: {error}");
        match error.kind() {
            io::ErrorKind::AddrInUse => {
                Failure::new(FailureKind::Conflict, message).hint("choose another port; 0 is any free one")
            }
            _ => Failure::new(FailureKind::Broken, message),
        }
    })
}

/// The server's thread.
fn run(
    runtime: Runtime,
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    api: Arc<Api>,
    stopped: oneshot::Receiver<()>,
) {
    runtime.block_on(async move {
        let listener = tokio::net::TcpListener::from_std(listener).expect("a runtime with I/O is here");
        let (stopping, stop) = oneshot::channel::<()>();
        let events = api.events.clone();
        let server = axum::serve(listener::Bounded::new(listener, acceptor), routes::router(api))
            .with_graceful_shutdown(async { drop(stop.await) });
        let end = async move {
            // Told to, or nobody is there any more to tell.
            let _dropped = stopped.await;
            events.close();
            let _ended = stopping.send(());
            tokio::time::sleep(GRACE).await;
        };
        tokio::select! {
            _ = server => {}
            () = end => {}
        }
    });
    // Without waiting for jobs that block: a device may be asking its user.
    runtime.shutdown_background();
}
