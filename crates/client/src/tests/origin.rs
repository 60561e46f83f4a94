use crate::{Origin, OriginError, is_local_or_reserved};
use proptest::prelude::*;

/// The kind of error, without its particulars.
fn kind(error: &OriginError) -> &'static str {
    match error {
        OriginError::NotAnOrigin { .. } => "no origin",
        OriginError::Scheme { .. } => "scheme",
        OriginError::Insecure { .. } => "insecure",
        OriginError::Userinfo { .. } => "userinfo",
        OriginError::Path { .. } => "path",
        OriginError::HostIsAddress { .. } => "host address",
        OriginError::HostTrailingDot { .. } => "host dot",
        OriginError::InvalidHost { .. } => "host",
        OriginError::EmptyRpId => "empty",
        OriginError::RpIdIsAddress { .. } => "address",
        OriginError::InvalidRpId { .. } => "invalid",
        OriginError::RpIdTrailingDot { .. } => "dot",
        OriginError::NotCanonical { .. } => "canonical",
        OriginError::PublicSuffix { .. } => "suffix",
        OriginError::NotASuffix { .. } => "foreign",
    }
}

#[test]
fn an_origin_is_written_as_browsers_serialize_it() {
    for (given, serialized, domain) in [
        ("https://login.example.test", "https://login.example.test", "login.example.test"),
        ("https://login.example.test/", "https://login.example.test", "login.example.test"),
        ("https://login.example.test:443", "https://login.example.test", "login.example.test"),
        ("https://login.example.test:8443", "https://login.example.test:8443", "login.example.test"),
        ("HTTPS://Login.Example.TEST", "https://login.example.test", "login.example.test"),
        ("https://bücher.example", "https://xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("https://intranet", "https://intranet", "intranet"),
        ("http://localhost", "http://localhost", "localhost"),
        ("http://localhost:80", "http://localhost", "localhost"),
        ("http://localhost:8080", "http://localhost:8080", "localhost"),
        ("http://contoso.localhost:8080", "http://contoso.localhost:8080", "contoso.localhost"),
        ("https://localhost", "https://localhost", "localhost"),
        ("https://1e100.example", "https://1e100.example", "1e100.example"),
    ] {
        let origin = Origin::parse(given).unwrap_or_else(|error| panic!("{given}: {error}"));
        assert_eq!((origin.as_str(), origin.domain()), (serialized, domain), "{given}");
        assert_eq!(given.parse(), Ok(origin), "{given}");
    }
}

#[test]
fn what_is_no_origin_with_webauthn_says_why() {
    let long_label = format!("https://{}.test", "a".repeat(64));
    let long_name = format!("https://{}test", "a23456789.".repeat(25));
    for (given, why) in [
        ("", "no origin"),
        ("null", "no origin"),
        ("login.example.test", "no origin"),
        ("//login.example.test", "no origin"),
        ("https://", "no origin"),
        ("https:login.example.test", "no origin"),
        ("https:///login.example.test", "no origin"),
        ("https:\\\\login.example.test", "no origin"),
        (" https://login.example.test", "no origin"),
        ("https://login.example.test\n", "no origin"),
        ("https://login.exa\tmple.test", "no origin"),
        ("https://login example.test", "no origin"),
        ("https://login.example.test:99999", "no origin"),
        ("https://xn--a.example", "no origin"),
        ("ftp://login.example.test", "scheme"),
        ("file:///etc/hosts", "scheme"),
        ("localhost:8080", "scheme"),
        ("android:apk-key-hash:AAAA", "scheme"),
        ("chrome-extension://abcdefgh", "scheme"),
        ("http://login.example.test", "insecure"),
        ("http://localhost.example.test", "insecure"),
        ("http://notlocalhost", "insecure"),
        ("https://adele@login.example.test", "userinfo"),
        ("https://adele:pw@login.example.test", "userinfo"),
        ("https://:pw@login.example.test", "userinfo"),
        ("https://login.example.test/signin", "path"),
        ("https://login.example.test//", "path"),
        ("https://login.example.test?a", "path"),
        ("https://login.example.test/#a", "path"),
        ("https://127.0.0.1", "host address"),
        ("http://127.0.0.1:8080", "host address"),
        ("http://0x7f.1", "host address"),
        ("https://2130706433", "host address"),
        ("https://[::1]:8443", "host address"),
        ("https://login.example.test.", "host dot"),
        ("http://localhost.:8080", "host dot"),
        ("https://a_b.example.test", "host"),
        ("https://-a.example.test", "host"),
        ("https://a-.example.test", "host"),
        ("https://a..example.test", "host"),
        (&long_label, "host"),
        (&long_name, "host"),
    ] {
        let error = Origin::parse(given).expect_err(given);
        assert_eq!(kind(&error), why, "{given:?}: {error}");
        assert!(!error.hint().is_empty(), "{given:?}");
    }
}

#[test]
fn an_rp_id_is_the_host_or_a_registrable_domain_above_it() {
    for (origin, rp_id, outcome) in [
        // WebAuthn Level 3 §4, the example of the definition.
        ("https://login.example.com:1337", "login.example.com", "ok"),
        ("https://login.example.com:1337", "example.com", "ok"),
        ("https://login.example.com:1337", "m.login.example.com", "foreign"),
        ("https://login.example.com:1337", "com", "suffix"),
        // HTML §7.1.1.2, the rows of its table that have domains.
        ("https://example.com", "example.com", "ok"),
        ("https://www.example.com", "example.com", "ok"),
        ("https://www.example.com", "com", "suffix"),
        ("https://com", "com", "ok"),
        ("https://example", "example", "ok"),
        ("https://example.compute.amazonaws.com", "compute.amazonaws.com", "suffix"),
        ("https://www.example.compute.amazonaws.com", "example.compute.amazonaws.com", "suffix"),
        ("https://www.example.compute.amazonaws.com", "amazonaws.com", "suffix"),
        ("https://test.amazonaws.com", "amazonaws.com", "ok"),
        // Listed suffixes of both sections, and of several labels.
        ("https://shop.example.co.uk", "example.co.uk", "ok"),
        ("https://shop.example.co.uk", "co.uk", "suffix"),
        ("https://shop.example.co.uk", "uk", "suffix"),
        ("https://adele.github.io", "adele.github.io", "ok"),
        ("https://adele.github.io", "github.io", "suffix"),
        ("https://github.io", "github.io", "ok"),
        ("https://www.city.kawasaki.jp", "city.kawasaki.jp", "ok"),
        ("https://www.city.kawasaki.jp", "kawasaki.jp", "suffix"),
        ("https://shop.xn--85x722f.xn--55qx5d.cn", "xn--85x722f.xn--55qx5d.cn", "ok"),
        ("https://shop.xn--85x722f.xn--55qx5d.cn", "xn--55qx5d.cn", "suffix"),
        // Unlisted last labels are public suffixes by the list's default rule.
        ("https://login.example.test", "example.test", "ok"),
        ("https://login.example.test", "test", "suffix"),
        ("https://a.b.localhost", "b.localhost", "ok"),
        ("https://b.localhost", "localhost", "suffix"),
        ("http://localhost:8080", "localhost", "ok"),
        // Others, and what only looks like a suffix.
        ("https://login.example.test", "other.test", "foreign"),
        ("https://login.example.test", "sample.test", "foreign"),
        ("https://login.example.test", "in.example.test", "foreign"),
        ("https://notexample.test", "example.test", "foreign"),
        ("https://example.test", "login.example.test", "foreign"),
        ("https://example.test", "localhost", "foreign"),
        ("https://example.test", "co.uk", "suffix"),
        ("https://example.test", "github.io", "suffix"),
        // No domain, or not as it is hashed.
        ("https://login.example.test", "", "empty"),
        ("https://login.example.test", "Example.test", "canonical"),
        ("https://login.example.test", "EXAMPLE.TEST", "canonical"),
        ("https://shop.bücher.example", "bücher.example", "canonical"),
        ("https://shop.bücher.example", "xn--bcher-kva.example", "ok"),
        ("https://login.example.test", "ex%61mple.test", "canonical"),
        ("https://login.example.test", "example.test.", "dot"),
        ("https://login.example.test", "Example.test.", "dot"),
        ("https://login.example.test", ".", "dot"),
        ("https://login.example.test", ".example.test", "invalid"),
        ("https://login.example.test", "example..test", "invalid"),
        ("https://login.example.test", "https://example.test", "invalid"),
        ("https://login.example.test", "example.test:443", "invalid"),
        ("https://login.example.test", "example.test/", "invalid"),
        ("https://login.example.test", "adele@example.test", "invalid"),
        ("https://login.example.test", "exam ple.test", "invalid"),
        ("https://login.example.test", "*.example.test", "invalid"),
        ("https://login.example.test", "-.example.test", "invalid"),
        ("https://login.example.test", "_x.example.test", "invalid"),
        ("https://login.example.test", "127.0.0.1", "address"),
        ("https://login.example.test", "0x7f.1", "address"),
        ("https://login.example.test", "::1", "address"),
        ("https://login.example.test", "[::1]", "address"),
    ] {
        let claimed =
            Origin::parse(origin).unwrap_or_else(|error| panic!("{origin}: {error}")).rp_id(Some(rp_id));
        match claimed {
            Ok(taken) => assert_eq!((taken.as_str(), outcome), (rp_id, "ok"), "{origin} and {rp_id:?}"),
            Err(error) => {
                assert_eq!(kind(&error), outcome, "{origin} and {rp_id:?}: {error}");
                assert!(!error.hint().is_empty(), "{origin} and {rp_id:?}");
            }
        }
    }
}

#[test]
fn without_an_rp_id_the_page_gets_its_own_host() {
    let origin = Origin::parse("https://login.example.test:8443").unwrap();
    assert_eq!(origin.rp_id(None).unwrap(), "login.example.test");
}

#[test]
fn hints_name_what_would_do() {
    let hint =
        |origin: &str, rp_id: &str| Origin::parse(origin).unwrap().rp_id(Some(rp_id)).unwrap_err().hint();
    assert_eq!(hint("https://login.example.test", "test"), "use example.test");
    assert_eq!(hint("https://github.io", "io"), "use the whole host of the origin");
    assert_eq!(hint("https://login.example.test", "Example.test"), "use example.test");
    assert_eq!(
        hint("https://login.example.test", "other.test"),
        "from this origin it can be login.example.test or example.test"
    );
    assert_eq!(hint("http://localhost", "other.test"), "from this origin it can only be localhost");
    let hint = |origin: &str| Origin::parse(origin).unwrap_err().hint();
    assert_eq!(
        hint("http://login.example.test"),
        "use https://login.example.test, or a name that ends in localhost"
    );
    assert_eq!(hint("https://login.example.test/a?b#c"), "use https://login.example.test");
}

#[test]
fn loopback_and_the_reserved_names_are_known_as_tests() {
    for local in [
        "localhost",
        "LOCALHOST",
        "localhost.",
        "a.localhost",
        "test",
        "login.example.test",
        "example",
        "a.example",
        "a.invalid",
        "example.com",
        "login.example.com",
        "example.net",
        "example.org",
        "127.0.0.1",
        "127.9.9.9",
        "::1",
        "[::1]",
        "::ffff:127.0.0.1",
    ] {
        assert!(is_local_or_reserved(local), "{local}");
    }
    for real in [
        "login.microsoft.com",
        "notlocalhost",
        "mytest",
        "latest",
        "badexample.com",
        "example.de",
        "example.com.de",
        "192.168.0.1",
        "8.8.8.8",
        "::2",
        "intranet",
        "printer.local",
        "",
    ] {
        assert!(!is_local_or_reserved(real), "{real}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_checks_panic(origin in ".{0,40}", rp_id in ".{0,40}", host in "[a-z0-9.:_-]{0,20}") {
        let _ = Origin::parse(&origin);
        let _ = is_local_or_reserved(&origin);
        if let Ok(origin) = Origin::parse(&format!("https://{host}")) {
            for rp_id in [&rp_id, &host] {
                match origin.rp_id(Some(rp_id)) {
                    Ok(taken) => prop_assert!(origin.domain().ends_with(&taken)),
                    Err(error) => prop_assert!(!error.hint().is_empty()),
                }
            }
        }
    }

    #[test]
    fn an_accepted_rp_id_is_a_whole_part_of_the_host(labels in prop::collection::vec("[a-z]{1,3}", 1..5), cut in 0usize..20) {
        let host = labels.join(".");
        if let Ok(origin) = Origin::parse(&format!("https://{host}")) {
            let claim = &host[cut.min(host.len())..];
            if let Ok(taken) = origin.rp_id(Some(claim)) {
                let below = format!(".{taken}");
                prop_assert!(taken == host || host.ends_with(&below));
                prop_assert!(taken == host || taken.contains('.'));
            }
        }
    }
}
