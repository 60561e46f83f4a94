//! The lab's folder, and the variables that tell the command of it.
use super::TUNNEL_PORT;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use transport::hybrid::domain::ASSIGNED_HOSTS;

/// The system bus on which `org.bluez` is.
pub(super) fn bus(folder: &Path) -> PathBuf {
    folder.join("bus")
}

/// The certificate of the tunnel service's CA.
pub(super) fn root(folder: &Path) -> PathBuf {
    folder.join("tunnel-ca.pem")
}

/// The system's roots, and the tunnel service's.
pub(super) fn bundle(folder: &Path) -> PathBuf {
    folder.join("roots.pem")
}

/// The caller's further roots for Node.js, and the tunnel service's.
pub(super) fn extra(folder: &Path) -> PathBuf {
    folder.join("extra-roots.pem")
}

/// The certificate of servers under test, and its key.
pub(super) fn server(folder: &Path) -> [PathBuf; 2] {
    [folder.join("server.pem"), folder.join("server-key.pem")]
}

/// Proxies that are out of reach, inside.
const PROXIES: [&str; 8] = [
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "ftp_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "FTP_PROXY",
];

/// Sets them for the command.
pub(super) fn set(command: &mut Command, folder: &Path) {
    for proxy in PROXIES {
        command.env_remove(proxy);
    }
    let mut address = OsString::from("unix:path=");
    address.push(bus(folder));
    let [certificate, key] = server(folder);
    command
        .env("FAUXKEY_LAB", "1")
        .env("FAUXKEY_TUNNEL", format!("wss://{}:{TUNNEL_PORT}", ASSIGNED_HOSTS[0]))
        .env("FAUXKEY_TUNNEL_CA", root(folder))
        .env("FAUXKEY_RADIO", "bluez")
        .env("FAUXKEY_SERVER_CERTIFICATE", certificate)
        .env("FAUXKEY_SERVER_KEY", key)
        .env("DBUS_SYSTEM_BUS_ADDRESS", address)
        .env("SSL_CERT_FILE", bundle(folder))
        .env("REQUESTS_CA_BUNDLE", bundle(folder))
        .env("NODE_EXTRA_CA_CERTS", extra(folder));
}
