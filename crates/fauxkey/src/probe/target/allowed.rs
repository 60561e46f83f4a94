//! Who may be asked. A host that is not a test's by its name has to be named by whoever answers for it.
//!
//! Names are not resolved to find out: who says where a name leads may be somebody else, and say something else next time.
use crate::control::{Failure, FailureKind};
use std::collections::BTreeSet;
use url::Url;

/// The hosts that were named.
#[derive(Clone, Debug, Default)]
pub struct Allowed(BTreeSet<String>);

impl Allowed {
    /// Those.
    pub fn new<'a>(hosts: impl IntoIterator<Item = &'a String>) -> Self {
        Self(hosts.into_iter().map(|host| plain(host)).collect())
    }

    /// Whether that URL may be asked.
    ///
    /// # Errors
    /// Forbidden if its host is neither a test's nor named; Invalid if it is no URL of HTTP.
    pub fn check(&self, url: &Url) -> Result<(), Failure> {
        let invalid = |why: &str| Err(Failure::new(FailureKind::Invalid, format!("{url}: {why}")));
        if !matches!(url.scheme(), "http" | "https") {
            return invalid("only http and https are asked");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Failure::new(FailureKind::Invalid, "a URL has a user name or a password in it")
                .hint("put them into a header, with env:NAME for the value"));
        }
        let Some(host) = url.host_str() else { return invalid("it names no host") };
        self.check_host(host)
    }

    /// The same for a host.
    ///
    /// # Errors
    /// Forbidden if it is neither a test's nor named.
    pub fn check_host(&self, host: &str) -> Result<(), Failure> {
        if client::is_local_or_reserved(host) || self.0.contains(&plain(host)) {
            return Ok(());
        }
        let message = format!("{host} is not of this machine, and no name that is reserved for tests");
        Err(Failure::new(FailureKind::Forbidden, message)
            .hint(format!("if you may test it: --i-am-authorised-to-test {}", plain(host))))
    }

    /// Those of the hosts that nobody would take for a test's.
    pub fn strangers<'a>(hosts: impl IntoIterator<Item = &'a String>) -> Vec<&'a str> {
        hosts.into_iter().map(String::as_str).filter(|host| !client::is_local_or_reserved(host)).collect()
    }
}

/// Whether a host is this machine's by its name or address, so that nobody else bears the load.
pub fn is_loopback(host: &str) -> bool {
    let host = plain(host);
    let of_an_address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    match of_an_address {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}

fn plain(host: &str) -> String {
    host.trim().trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(named: &[&str], url: &str) -> Result<(), FailureKind> {
        let named: Vec<String> = named.iter().map(|name| (*name).into()).collect();
        Allowed::new(&named).check(&Url::parse(url).unwrap()).map_err(|failure| failure.kind)
    }

    #[test]
    fn a_host_that_is_no_test_s_must_be_named_exactly() {
        const BANK: &str = "https://bank.example-bank.com/x";
        assert_eq!(check(&[], "http://localhost:8000"), Ok(()));
        assert_eq!(check(&[], "http://[::1]/"), Ok(()));
        assert_eq!(check(&[], "https://shop.example.test"), Ok(()));
        assert_eq!(check(&[], BANK), Err(FailureKind::Forbidden));
        assert_eq!(check(&["BANK.example-bank.com."], BANK), Ok(()));
        for near in
            ["example-bank.com", "www.bank.example-bank.com", "*.example-bank.com", "*", "localhost", ""]
        {
            assert_eq!(check(&[near], BANK), Err(FailureKind::Forbidden), "{near}");
        }
    }

    #[test]
    fn what_only_looks_like_this_machine_is_none_of_it() {
        for url in [
            "http://localhost.example-bank.com",
            "http://192.168.0.1",
            "http://0.0.0.0",
            "http://[::ffff:10.0.0.1]",
            "http://127.0.0.1.nip.io",
        ] {
            assert_eq!(check(&[], url), Err(FailureKind::Forbidden), "{url}");
        }
        assert_eq!(check(&[], "http://localhost@example-bank.com/"), Err(FailureKind::Invalid));
        assert_eq!(check(&[], "ftp://localhost/"), Err(FailureKind::Invalid));
        // Numbers are addresses, as the URL Standard reads them.
        assert_eq!(check(&[], "http://0x7f.1/"), Ok(()));
    }

    #[test]
    fn a_name_that_is_reserved_for_tests_is_not_thereby_this_machine() {
        for (host, here) in [
            ("localhost", true),
            ("a.localhost", true),
            ("127.9.9.9", true),
            ("[::1]", true),
            ("shop.test", false),
        ] {
            assert_eq!(is_loopback(host), here, "{host}");
        }
    }
}
