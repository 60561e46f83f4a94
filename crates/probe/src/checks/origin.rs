//! Where the page was: WebAuthn L3 §7.1 steps 9 to 11, §7.2 steps 12 to 14.
use crate::bench::host;
use crate::check::{BOTH, Check, Want, made, made_if_it_can, rows_of};
use crate::report::Severity;
use relying_party::Step;

const EXACT: &str =
    "Compare the origin as text with a list of your own origins: no prefix, no suffix, no pattern.";
const FRAMES: &str =
    "Refuse crossOrigin unless some page may embed yours, and then compare topOrigin with a list.";

/// Makes another origin out of the right one.
type Other = fn(&str) -> Result<String, String>;

/// Another host in the same origin, with its port.
fn with_host(origin: &str, other: impl FnOnce(&str) -> String) -> Result<String, String> {
    let host = host(origin);
    Ok(origin.replacen(host, &other(host), 1))
}

fn needs_a_name(origin: &str) -> Result<&str, String> {
    let host = host(origin);
    let is_address = host.chars().all(|c| c.is_ascii_digit() || c == '.' || c == ':');
    if is_address { Err("the origin has an address and no name".into()) } else { Ok(host) }
}

fn subdomain(origin: &str) -> Result<String, String> {
    needs_a_name(origin)?;
    with_host(origin, |host| format!("fauxkey-probe.{host}"))
}

fn parent(origin: &str) -> Result<String, String> {
    let (_, above) = needs_a_name(origin)?.split_once('.').ok_or("there is no domain above it")?;
    with_host(origin, |_| above.into())
}

fn port(origin: &str) -> Result<String, String> {
    let (scheme, _) = origin.split_once("://").ok_or("it is no URL")?;
    let host = with_host(origin, str::to_owned)?;
    let authority = host.split("://").nth(1).unwrap_or_default();
    let name = authority.rsplit_once(':').filter(|(_, port)| port.chars().all(|c| c.is_ascii_digit()));
    Ok(format!("{scheme}://{}:61843", name.map_or(authority, |(name, _)| name)))
}

fn scheme(origin: &str) -> Result<String, String> {
    match origin.split_once("://") {
        Some(("https", rest)) => Ok(format!("http://{rest}")),
        Some((_, rest)) => Ok(format!("https://{rest}")),
        None => Err("it is no URL".into()),
    }
}

fn trailing_dot(origin: &str) -> Result<String, String> {
    with_host(origin, |host| format!("{host}."))
}

fn punycode(origin: &str) -> Result<String, String> {
    needs_a_name(origin)?;
    // A Cyrillic а where the name has a Latin one, as IDNA writes it.
    with_host(origin, |host| format!("xn--{}-8cd", host.replace('.', "-")))
}

fn look_alike(origin: &str) -> Result<String, String> {
    needs_a_name(origin)?;
    with_host(origin, |host| host.replacen('o', "0", 1).replacen('l', "1", 1) + "x")
}

fn begins_with_it(origin: &str) -> Result<String, String> {
    // After a port there could be no more of a host: that would be no origin.
    needs_a_name(origin)?;
    with_host(origin, |host| format!("{host}.fauxkey-probe.test"))
}

fn ends_with_it(origin: &str) -> Result<String, String> {
    needs_a_name(origin)?;
    with_host(origin, |host| format!("fauxkey-probe-{host}"))
}

fn in_the_path(origin: &str) -> Result<String, String> {
    Ok(format!("https://fauxkey-probe.test/{origin}"))
}

fn as_a_user(origin: &str) -> Result<String, String> {
    Ok(format!("{origin}@fauxkey-probe.test"))
}

fn capitals(origin: &str) -> Result<String, String> {
    needs_a_name(origin)?;
    with_host(origin, str::to_uppercase)
}

fn other_site(_: &str) -> Result<String, String> {
    Ok("https://fauxkey-probe.test".into())
}

const OTHERS: [(&str, &str, Severity, Other); 17] = [
    ("other-site", "another site's origin", Severity::Critical, other_site),
    ("subdomain", "an origin of a sub-domain", Severity::Medium, subdomain),
    ("parent", "an origin of the domain above", Severity::High, parent),
    ("port", "an origin with another port", Severity::Medium, port),
    ("scheme", "an origin with another scheme", Severity::Medium, scheme),
    ("trailing-dot", "an origin with a dot after the host", Severity::Low, trailing_dot),
    ("punycode", "an origin in Punycode", Severity::High, punycode),
    ("look-alike", "an origin that looks alike", Severity::High, look_alike),
    ("begins-with-it", "an origin that only begins with the right one", Severity::High, begins_with_it),
    ("ends-with-it", "an origin whose host only ends with the right one", Severity::High, ends_with_it),
    ("in-the-path", "another site's origin with the right one in its path", Severity::High, in_the_path),
    ("as-a-user", "another site's origin with the right one before an @", Severity::High, as_a_user),
    ("capitals", "an origin in capitals", Severity::Note, capitals),
    ("slash", "an origin with a slash after it", Severity::Note, |origin| Ok(format!("{origin}/"))),
    ("null", "the origin null", Severity::High, |_| Ok("null".into())),
    ("empty", "an empty origin", Severity::High, |_| Ok(String::new())),
    ("without-scheme", "an origin that is only a host", Severity::Medium, |origin| Ok(host(origin).into())),
];

pub(super) fn checks() -> Vec<Check> {
    const GROUP: &str = "origin";
    let mut all = Vec::new();
    for (ceremony, word) in BOTH {
        let row = rows_of(GROUP, ceremony, word);
        for (name, what, severity, other) in OTHERS {
            let change = made_if_it_can(move |draft| {
                let other = other(&draft.origin)?;
                draft.put_origin(&other);
                Ok(())
            });
            let check = row(&format!("origin-{name}"), what, Step::Origin, severity, EXACT, change);
            // §13.4.9 lets a relying party compare otherwise than as text, and as a URL these two are its own.
            all.push(match name {
                _ if severity == Severity::Note => check.either(),
                "subdomain" => check.rule(|wants| Want::refuse_if(!wants.plan.expect.sub_domains)),
                _ => check,
            });
        }
        let frame = |name: &str, what: &str, step, severity, by: &'static str| {
            row(name, what, step, severity, FRAMES, made(move |d| d.client(r#""crossOrigin":false"#, by)))
        };
        let framed = frame(
            "cross-origin",
            "a page in a frame of another origin",
            Step::CrossOrigin,
            Severity::Medium,
            r#""crossOrigin":true"#,
        );
        all.push(framed.rule(|wants| Want::refuse_if(!wants.plan.expect.frames)));
        all.push(frame(
            "top-origin",
            "a page in a frame of another site, which topOrigin names,",
            Step::CrossOrigin,
            Severity::Medium,
            r#""crossOrigin":true,"topOrigin":"https://fauxkey-probe.test""#,
        ));
        all.push(frame(
            "top-origin-without-frame",
            "a topOrigin although crossOrigin is false",
            Step::TopOrigin,
            Severity::Low,
            r#""crossOrigin":false,"topOrigin":"https://fauxkey-probe.test""#,
        ));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(origin: &str, name: &str) -> Result<String, String> {
        OTHERS.iter().find(|(other, ..)| *other == name).map(|(.., make)| make(origin)).unwrap()
    }

    #[test]
    fn each_other_origin_is_another_one() {
        for origin in [
            "https://login.contoso.test",
            "http://localhost:8000",
            "http://127.0.0.1:8000",
            "http://[::1]:80",
        ] {
            for (name, .., make) in OTHERS {
                if let Ok(other) = make(origin) {
                    assert_ne!(other, origin, "{name}");
                }
            }
        }
    }

    #[test]
    fn other_origins_are_made_of_the_right_one() {
        let login = "https://login.contoso.test";
        assert_eq!(of(login, "subdomain").unwrap(), "https://fauxkey-probe.login.contoso.test");
        assert_eq!(of(login, "parent").unwrap(), "https://contoso.test");
        assert_eq!(of(login, "port").unwrap(), "https://login.contoso.test:61843");
        assert_eq!(of("http://localhost:8000", "port").unwrap(), "http://localhost:61843");
        assert_eq!(of("http://[::1]:80", "port").unwrap(), "http://[::1]:61843");
        assert_eq!(of("http://localhost:8000", "trailing-dot").unwrap(), "http://localhost.:8000");
        assert!(
            of("http://localhost:8000", "parent").is_err() && of("http://127.0.0.1", "subdomain").is_err()
        );
    }
}
