//! Who trusts the tunnel service's CA, and by what.
//!
//! OpenSSL, Python, rustls and Go read `SSL_CERT_FILE`, Node.js reads `NODE_EXTRA_CA_CERTS`, and whoever reads neither reads
//! the system's bundle. Chromium and its relatives have roots of their own and take more from NSS's database in the
//! user's home ([`super::nss`]). Their policy `CACertificates` is not enough: it is the profile's, and the tunnel's
//! connection is none of the profile's.
use super::mounts::Mounts;
use super::{Root, environment, nss};
use std::fs::{self, File, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Where systems keep their roots as one file of PEM: Debian and Alpine, Fedora, openSUSE, and OpenSSL's own.
const BUNDLES: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// The largest file of roots that is read; usual ones have a quarter of a MiB.
const LARGEST: u64 = 16 << 20;

/// Files of roots that the caller's environment names.
pub(super) struct Before<'a> {
    /// `SSL_CERT_FILE`.
    pub(super) bundle: Option<&'a Path>,
    /// `NODE_EXTRA_CA_CERTS`.
    pub(super) extra: Option<&'a Path>,
    /// The folder of NSS's database, if it is to be mounted over.
    pub(super) nss: Option<&'a Path>,
}

/// Makes the lab trust a root.
pub(super) fn install(mounts: &mut Mounts, folder: &Path, root: &Root, before: &Before) -> io::Result<()> {
    fs::write(environment::root(folder), &root.pem)?;
    let systems: Vec<PathBuf> = BUNDLES.iter().map(PathBuf::from).filter(|path| path.is_file()).collect();
    let system = systems.first().map(PathBuf::as_path);
    fs::write(environment::bundle(folder), joined(before.bundle.or(system), root))?;
    fs::write(environment::extra(folder), joined(before.extra, root))?;
    let file = folder.join("system-roots.pem");
    fs::write(&file, joined(system, root))?;
    for path in &systems {
        mounts.place(&file, path)?;
    }
    if let Some(path) = before.nss {
        let database = folder.join("nssdb");
        fs::create_dir(&database)?;
        fs::set_permissions(&database, Permissions::from_mode(0o700))?;
        fs::write(database.join(nss::CERTIFICATES), nss::certificates(&root.der)?)?;
        mounts.place(&database, path)?;
    }
    Ok(())
}

/// A file of roots, and one more. One that cannot be read is as good as none: who reads it says so.
fn joined(before: Option<&Path>, root: &Root) -> Vec<u8> {
    let mut text = before.and_then(|path| read(path).ok()).unwrap_or_default();
    if text.last().is_some_and(|last| *last != b'\n') {
        text.push(b'\n');
    }
    text.extend_from_slice(root.pem.as_bytes());
    text
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(LARGEST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_is_joined_on_a_line_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let before = folder.path().join("before.pem");
        fs::write(&before, "no line break at the end").unwrap();
        let root = Root { pem: "root\n".into(), der: Vec::new() };
        assert_eq!(joined(Some(&before), &root), b"no line break at the end\nroot\n");
        assert_eq!(joined(Some(Path::new("/no/such/file")), &root), b"root\n");
        assert_eq!(joined(None, &root), b"root\n");
    }
}
