//! Origins and RP IDs: who may ask for which passkeys, WebAuthn Level 3 §4 (RP ID) and §5.1.3 steps 6 to 8.
use std::net::IpAddr;
use thiserror::Error;
use url::{Host, Url};

/// The origin of a page that may use WebAuthn: https, or http on `localhost` and the names below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    serialized: String,
    domain: String,
}

/// Why a text is no origin that may use WebAuthn, or why an RP ID is not one that its page may claim.
///
/// A browser throws a `SecurityError` for all of them.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OriginError {
    /// The text does not parse, or is an opaque origin such as `null`.
    #[error("{origin:?} is no origin: {why}")]
    NotAnOrigin {
        /// What was given.
        origin: String,
        /// What is wrong with it.
        why: String,
    },
    /// The scheme is neither https nor http.
    #[error("the origin {origin:?} has the scheme {scheme}, and only https pages have WebAuthn")]
    Scheme {
        /// What was given.
        origin: String,
        /// Its scheme.
        scheme: String,
    },
    /// http on a host that is not this machine.
    #[error("the origin {origin:?} is not secure")]
    Insecure {
        /// What was given.
        origin: String,
    },
    /// A user name or password stands before the host.
    #[error("the origin {origin:?} has a user name or password in it")]
    Userinfo {
        /// What was given.
        origin: String,
    },
    /// A path, query or fragment follows the host.
    #[error("the origin {origin:?} goes on after its host")]
    Path {
        /// What was given.
        origin: String,
        /// The origin in it.
        meant: String,
    },
    /// The host of the origin is an IP address, which has no RP ID.
    #[error("the host {host} is an IP address, and an RP ID must be a domain")]
    HostIsAddress {
        /// The host of the origin.
        host: String,
    },
    /// The host of the origin ends in a dot.
    #[error("the host {host:?} ends in a dot")]
    HostTrailingDot {
        /// The host of the origin.
        host: String,
    },
    /// The host of the origin is no valid domain for another reason.
    #[error("the host {host:?} is no valid domain: {why}")]
    InvalidHost {
        /// The host of the origin.
        host: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The RP ID is the empty text.
    #[error("the RP ID is empty")]
    EmptyRpId,
    /// The RP ID is an IP address.
    #[error("the RP ID {rp_id} is an IP address, and an RP ID must be a domain")]
    RpIdIsAddress {
        /// What was claimed.
        rp_id: String,
    },
    /// The RP ID is no domain: it has a scheme, a port or a path, or a label that is none.
    #[error("the RP ID {rp_id:?} is no valid domain: {why}")]
    InvalidRpId {
        /// What was claimed.
        rp_id: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The RP ID ends in a dot.
    #[error("the RP ID {rp_id:?} ends in a dot")]
    RpIdTrailingDot {
        /// What was claimed.
        rp_id: String,
    },
    /// The RP ID has upper-case or non-ASCII letters; authenticators hash what they are given.
    #[error("the RP ID {rp_id:?} is not in the form in which it is hashed")]
    NotCanonical {
        /// What was claimed.
        rp_id: String,
        /// The same in lower case and punycode.
        canonical: String,
    },
    /// The RP ID is a public suffix, or lies above one: many owners share it.
    #[error("the RP ID {rp_id:?} is a public suffix or above one: many owners share it")]
    PublicSuffix {
        /// What was claimed.
        rp_id: String,
        /// The shortest RP ID that the page's host may claim, if it has one.
        registrable: Option<String>,
    },
    /// The RP ID is neither the host of the page nor a domain above it.
    #[error("the RP ID {rp_id:?} is neither {host:?} nor a domain above it")]
    NotASuffix {
        /// What was claimed.
        rp_id: String,
        /// The host of the origin.
        host: String,
    },
}

impl OriginError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::NotAnOrigin { .. } | Self::Scheme { .. } => {
                "write it like https://login.example.test".into()
            }
            Self::Insecure { origin } => {
                let secure = origin.trim_start_matches(|c| c != ':');
                format!("use https{secure}, or a name that ends in localhost")
            }
            Self::Userinfo { .. } => "leave out what stands before the @".into(),
            Self::Path { meant, .. } => format!("use {meant}"),
            Self::HostIsAddress { .. } => "use localhost or another name for the same host".into(),
            Self::HostTrailingDot { host } => format!("use {}", host.trim_end_matches('.')),
            Self::InvalidHost { .. } => "a label has 1 to 63 letters, digits and inner hyphens".into(),
            Self::EmptyRpId => "leave rp.id out to mean the host of the origin".into(),
            Self::RpIdIsAddress { .. } => "use localhost or another name for the same host".into(),
            Self::InvalidRpId { .. } => "an RP ID is a domain alone, without scheme, port or path".into(),
            Self::RpIdTrailingDot { rp_id } => format!("use {}", rp_id.trim_end_matches('.')),
            Self::NotCanonical { canonical, .. } => format!("use {canonical}"),
            Self::PublicSuffix { registrable: Some(domain), .. } => format!("use {domain}"),
            Self::PublicSuffix { registrable: None, .. } => "use the whole host of the origin".into(),
            Self::NotASuffix { host, .. } => match psl::domain_str(host) {
                Some(domain) if domain != host => format!("from this origin it can be {host} or {domain}"),
                _ => format!("from this origin it can only be {host}"),
            },
        }
    }
}

impl Origin {
    /// Reads an origin; a single `/` may follow it, as it does when it is copied from an address bar.
    ///
    /// # Errors
    /// If the page of that origin would have no WebAuthn.
    pub fn parse(text: &str) -> Result<Self, OriginError> {
        let origin = text.to_owned();
        let no_origin = |why: &str| OriginError::NotAnOrigin { origin: text.into(), why: why.into() };
        // The URL parser forgives too much for an origin: white space, backslashes and missing slashes.
        if text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\') {
            return Err(no_origin("there is white space or a backslash in it"));
        }
        let url = Url::parse(text).map_err(|why| no_origin(&why.to_string()))?;
        if !matches!(url.scheme(), "https" | "http") {
            // WebAuthn Level 3 §4 (RP ID): the scheme is https, or http on localhost.
            return Err(OriginError::Scheme { origin, scheme: url.scheme().into() });
        }
        if text.split_once(':').is_none_or(|(_, rest)| !rest.starts_with("//") || rest.starts_with("///")) {
            return Err(no_origin("its scheme and host are not separated by ://"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(OriginError::Userinfo { origin });
        }
        let serialized = url.origin().ascii_serialization();
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(OriginError::Path { origin, meant: serialized });
        }
        // WebAuthn Level 3 §5.1.3 step 7: the effective domain is a valid domain, not an address.
        let domain = match url.host() {
            Some(Host::Domain(domain)) => domain.to_owned(),
            Some(address) => return Err(OriginError::HostIsAddress { host: address.to_string() }),
            None => return Err(no_origin("there is no host")),
        };
        if domain.ends_with('.') {
            return Err(OriginError::HostTrailingDot { host: domain });
        }
        if let Err(why) = check_domain(&domain) {
            return Err(OriginError::InvalidHost { host: domain, why });
        }
        // The specification has `localhost` alone; browsers take the names below it too, as Secure Contexts
        // §3.1 step 5 lets them.
        if url.scheme() == "http" && !is_localhost(&domain) {
            return Err(OriginError::Insecure { origin });
        }
        Ok(Self { serialized, domain })
    }

    /// The ASCII serialization that goes into client data, such as `https://login.example.test:8443`.
    pub fn as_str(&self) -> &str {
        &self.serialized
    }

    /// The effective domain: the host, without scheme and port.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The RP ID of a page that claims `claimed`, or claims nothing and gets its own domain.
    ///
    /// Related origins (WebAuthn Level 3 §5.11) would need a request to the RP ID's host, so they are refused
    /// here as any other foreign RP ID.
    ///
    /// # Errors
    /// If the RP ID is no valid domain, or not one that this origin may claim.
    pub fn rp_id(&self, claimed: Option<&str>) -> Result<String, OriginError> {
        // WebAuthn Level 3 §5.1.3 step 8.
        let Some(claimed) = claimed else { return Ok(self.domain.clone()) };
        check_rp_id(claimed)?;
        let rp_id = claimed.to_owned();
        // HTML §7.1.1.2, "is a registrable domain suffix of or is equal to", step 4: what equals the host is
        // let through before the public suffix list is asked, so `localhost` is an RP ID, and so is github.io
        // for a page on github.io itself. Chromium and Firefox do the same.
        if rp_id == self.domain {
            return Ok(rp_id);
        }
        let below = |host: &str| host.strip_suffix(claimed).is_some_and(|rest| rest.ends_with('.'));
        let refused = || OriginError::PublicSuffix {
            rp_id: rp_id.clone(),
            registrable: psl::domain_str(&self.domain).map(Into::into),
        };
        // Step 4.3 before step 4.2 where the list names the RP ID: that is the better explanation.
        let suffix = psl::suffix(claimed.as_bytes());
        let is_suffix = suffix.is_some_and(|suffix| suffix.as_bytes() == claimed.as_bytes());
        if is_suffix && suffix.is_some_and(|suffix| suffix.is_known()) {
            return Err(refused());
        }
        // Step 4.2.
        if !below(&self.domain) {
            return Err(OriginError::NotASuffix { rp_id, host: self.domain.clone() });
        }
        // Step 4.3: the list's default rule makes every unlisted last label, such as `test`, a public suffix. The
        // host's own public suffix breaks the assertion of step 4.4 (kawasaki.jp, from www.city.kawasaki.jp).
        if is_suffix || psl::suffix_str(&self.domain).is_some_and(|suffix| suffix == claimed || below(suffix))
        {
            return Err(refused());
        }
        Ok(rp_id)
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.serialized)
    }
}

impl std::str::FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        Self::parse(text)
    }
}

/// Whether a host or RP ID can only be a test: loopback addresses, and the names that RFC 2606 and RFC 6761
/// reserve (`localhost`, `test`, `example`, `invalid`, `example.com`, `.net` and `.org`, and all below them).
pub fn is_local_or_reserved(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    if let Some(address) = address(&host) {
        return address.to_canonical().is_loopback();
    }
    ["localhost", "test", "example", "invalid", "example.com", "example.net", "example.org"]
        .iter()
        .any(|name| host.strip_suffix(name).is_some_and(|labels| labels.is_empty() || labels.ends_with('.')))
}

fn is_localhost(domain: &str) -> bool {
    domain == "localhost" || domain.ends_with(".localhost")
}

fn address(host: &str) -> Option<IpAddr> {
    host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host).parse().ok()
}

/// Whether the RP ID is a valid domain as it stands, WebAuthn Level 3 §4 (RP ID).
fn check_rp_id(rp_id: &str) -> Result<(), OriginError> {
    let text = rp_id.to_owned();
    if rp_id.is_empty() {
        return Err(OriginError::EmptyRpId);
    }
    if address(rp_id).is_some() {
        return Err(OriginError::RpIdIsAddress { rp_id: text });
    }
    if rp_id.contains(['/', ':', '@', '?', '#']) {
        return Err(OriginError::InvalidRpId { rp_id: text, why: "it is an origin or a URL" });
    }
    let canonical = match Host::parse(rp_id) {
        Ok(Host::Domain(domain)) => domain,
        Ok(_) => return Err(OriginError::RpIdIsAddress { rp_id: text }),
        Err(_) => return Err(OriginError::InvalidRpId { rp_id: text, why: "it is not the name of a host" }),
    };
    if canonical.ends_with('.') {
        return Err(OriginError::RpIdTrailingDot { rp_id: text });
    }
    if let Err(why) = check_domain(&canonical) {
        return Err(OriginError::InvalidRpId { rp_id: text, why });
    }
    if canonical != rp_id {
        return Err(OriginError::NotCanonical { rp_id: text, canonical });
    }
    Ok(())
}

/// The rules of a valid domain (URL Standard §3.4) that the host parser leaves open, for a domain that has been
/// through it and is in lower case and punycode.
fn check_domain(domain: &str) -> Result<(), &'static str> {
    if domain.len() > 253 {
        return Err("it is longer than 253 bytes");
    }
    for label in domain.split('.') {
        match label.len() {
            0 => return Err("it has an empty label"),
            1..=63 => {}
            _ => return Err("it has a label of more than 63 bytes"),
        }
        if !label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
            return Err("it has characters other than letters, digits and hyphens");
        }
        if label.starts_with('-') || label.ends_with('-') {
            return Err("it has a label that begins or ends with a hyphen");
        }
    }
    Ok(())
}
