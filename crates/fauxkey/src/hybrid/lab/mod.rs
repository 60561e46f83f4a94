//! The lab: namespaces in which a program meets the hybrid transport's surroundings — host names, a tunnel
//! service and its CA, a radio — all of them this machine's own, and nothing of them outside.
//!
//! Three processes, in a row:
//!
//! ```text
//! the caller's: `run`           outside. Makes the folder, maps users, waits, ends what is left over
//!   └ the helper: `inside`      user, mount and network namespace. Owns tunnel, radio, and what runs beside
//!       └ the command           a user namespace below that, in which it has no power over the first
//! ```
//!
//! A process can only enter a user namespace while it has one thread (unshare(2)), so this program starts itself
//! anew for the second and the third: [`stage`] is where they begin. All of them are in the job that the caller is
//! in, and share its terminal.
//!
//! What the command finds changed, and nobody else does ([`mounts`], [`trust`], [`hosts`]): `/etc/hosts`, the
//! system's bundles of root certificates, NSS's database in the user's home, the folder of the lab, and no network but
//! a loopback of its own. Outside, there is an empty folder in the usual place for temporary ones, and an empty
//! `~/.pki` where there was none; both go at the end.
mod apart;
mod command;
mod environment;
mod hosts;
mod inside;
mod mounts;
mod network;
mod nss;
mod outside;
mod refusal;
mod remains;
mod sqlite;
mod tell;
mod trust;

pub use outside::run;

use crate::control::Failure;
use serde::{Deserialize, Serialize};
use std::any::Any;
use std::ffi::OsString;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use transport::hybrid::domain::ASSIGNED_HOSTS;
use zeroize::Zeroizing;

/// Where the tunnel service listens, inside.
pub const TUNNEL_PORT: u16 = 443;

/// What the lab is to be like.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Options {
    /// Hosts of tunnel services beside those that have a number of their own, such as those of hashed tunnel domains.
    pub tunnel_hosts: Vec<String>,
    /// Names of servers that will be started inside: 127.0.0.1 for the command.
    pub names: Vec<String>,
    /// Bluetooth is off inside.
    pub bluetooth_off: bool,
    /// The user and the group that the command's user appears as inside. It has the caller's rights on files all the
    /// same. For root, as whom Chromium refuses its sandbox; anybody else is who they are.
    pub appear_as: Option<(u32, u32)>,
    /// What [`Doors::beside`] is told. Without it, nothing runs beside the command.
    pub beside: Option<serde_json::Value>,
}

/// What the lab gets from elsewhere. Functions, as the process that calls them is another than the one that calls
/// [`run`].
#[derive(Clone, Copy)]
pub struct Doors {
    /// Starts tunnel service and radio: the first on the listener, the second's bus at [`Place::bus`].
    pub services: fn(&Place, TcpListener) -> Result<Services, Failure>,
    /// Runs inside while the command does, in a thread of its own, with the command's environment. It should end
    /// soon after [`Place::is_over`] says so; it is not waited for for long.
    pub beside: fn(&Place, serde_json::Value),
}

/// What [`Doors::services`] started. It runs until this is dropped.
pub struct Services {
    /// The CA that the tunnel service's certificate is by.
    pub root: Root,
    /// A certificate by the same CA for servers under test, which have [`Place::names`] and `localhost`.
    pub server: Server,
    /// Whatever must be kept for it to run.
    pub _keep: Box<dyn Any>,
}

/// A CA's certificate.
pub struct Root {
    /// As PEM, for whoever reads files of roots.
    pub pem: String,
    /// The same as DER.
    pub der: Vec<u8>,
}

/// A certificate and its key, both as PEM. Without `Debug`, for the key's sake.
pub struct Server {
    /// The certificate.
    pub certificate: String,
    /// Its key.
    pub key: Zeroizing<String>,
}

/// The place that the lab is, from inside.
#[derive(Clone, Debug)]
pub struct Place {
    folder: PathBuf,
    tunnel_hosts: Vec<String>,
    bluetooth_off: bool,
    names: Vec<String>,
    over: std::sync::Arc<std::sync::atomic::AtomicBool>,
}

impl Place {
    fn new(folder: PathBuf, options: &Options) -> Self {
        let known = ASSIGNED_HOSTS.iter().map(ToString::to_string);
        let tunnel_hosts = known.chain(options.tunnel_hosts.iter().cloned()).collect();
        let names = options.names.clone();
        Self {
            folder,
            tunnel_hosts,
            bluetooth_off: options.bluetooth_off,
            names,
            over: std::sync::Arc::default(),
        }
    }

    /// The lab's folder, in memory, gone with it.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The names that the tunnel service's certificate is for.
    pub fn tunnel_hosts(&self) -> &[String] {
        &self.tunnel_hosts
    }

    /// Whether Bluetooth is off.
    pub fn is_bluetooth_off(&self) -> bool {
        self.bluetooth_off
    }

    /// The names of servers under test.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The socket of the bus that `org.bluez` is on.
    pub fn bus(&self) -> PathBuf {
        environment::bus(&self.folder)
    }

    /// The file that has the certificate of the tunnel service's CA, as PEM.
    pub fn root(&self) -> PathBuf {
        environment::root(&self.folder)
    }

    /// Whether the command has ended.
    pub fn is_over(&self) -> bool {
        self.over.load(std::sync::atomic::Ordering::Relaxed)
    }
}

/// How a lab ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The command's exit code, or 128 and the number of the signal that ended it; 126 and 127 as env(1) where it
    /// could not be started.
    pub code: u8,
    /// Why it could not be started.
    pub failure: Option<Failure>,
}

/// What there is to know about a lab before its command starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    /// Files and folders that are others inside than outside.
    pub replaced: Vec<PathBuf>,
    /// Whether Chromium trusts the tunnel service, by NSS's database: not where the user has no home.
    pub has_nss: bool,
    /// Whether browsers call themselves online: not where the kernel has no veth(4).
    pub is_online: bool,
    /// Whether the command runs as uid 0, as whom Chromium refuses its sandbox.
    pub is_root: bool,
}

/// Goes on as the lab's helper or as its command, if this process was started to be one: called before anything
/// else, as there must be one thread only, and the process must not be hardened.
pub fn stage(doors: &Doors) -> Option<ExitCode> {
    let mut arguments = std::env::args_os();
    let name = arguments.next()?;
    let rest: Vec<OsString> = arguments.collect();
    if name == outside::HELPER {
        return Some(inside::live(&rest, doors));
    }
    (name == inside::COMMAND).then(|| command::become_it(&rest))
}
