//! The wire: who may be asked, how often, for how long, and what is told of it.
use super::allowed::Allowed;
use super::rate::{LONGEST_PAUSE, Rate, TRIES, retry_after};
use super::secrets::{Hidden, Secret};
use crate::control::{Failure, FailureKind};
use probe::target::{Exchange, TargetError};
use serde_json::Value;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use ureq::http::{HeaderName, HeaderValue, Method, Request, header};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Proxy};
use url::Url;

/// Bytes of an answer that are taken in.
const LONGEST_ANSWER: u64 = 1 << 20;
/// Bytes of a request or an answer that a report shows.
const LONGEST_EVIDENCE: usize = 32 << 10;

/// Lets time pass.
pub type Sleep = Box<dyn FnMut(Duration)>;

/// The way to servers.
pub struct Wire {
    agent: Agent,
    allowed: Allowed,
    rate: Rate,
    sleep: Sleep,
    /// What reports must not show.
    pub hidden: Hidden,
}

/// A request.
pub struct Outgoing {
    /// Its method.
    pub method: Method,
    /// Where it goes.
    pub url: Url,
    /// Those that come first count where two have a name.
    pub headers: Vec<(String, Secret)>,
    /// Its type, and the body.
    pub body: Option<(&'static str, String)>,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status; 200 or 400 of a program.
    pub status: u16,
    /// The body, as text.
    pub body: String,
    /// And as JSON, if it is.
    pub json: Option<Value>,
    /// The values of `Set-Cookie`.
    pub set_cookie: Vec<String>,
    retry_after: Option<String>,
    /// From the request's first byte to the answer's last.
    pub took: Duration,
}

impl Answer {
    /// What a program printed.
    pub fn printed(body: String, ended: u8, took: Duration) -> Self {
        let status = if ended == 0 { 200 } else { 400 };
        let json = serde_json::from_str(&body).ok();
        Self { status, body, json, set_cookie: Vec::new(), retry_after: None, took }
    }
}

impl Wire {
    /// Over `proxy`, if there is one. `rate` is requests a second at most.
    ///
    /// # Errors
    /// Forbidden if the proxy is a stranger's; Invalid if it is none.
    pub fn new(
        allowed: Allowed,
        rate: Option<f64>,
        timeout: Duration,
        proxy: Option<&str>,
        sleep: Sleep,
    ) -> Result<Self, Failure> {
        let proxy = proxy.map(|text| through(text, &allowed)).transpose()?;
        let found = rustls_native_certs::load_native_certs();
        let roots: Vec<_> = found.certs.iter().map(|one| Certificate::from_der(one).to_owned()).collect();
        let crypto = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let tls = TlsConfig::builder().root_certs(RootCerts::new_with_certs(&roots));
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .max_redirects(0)
            .proxy(proxy)
            .user_agent(concat!("fauxkey-probe/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls.unversioned_rustls_crypto_provider(crypto).build())
            .timeout_global(Some(timeout));
        let agent = Agent::new_with_config(config.build());
        Ok(Self { agent, allowed, rate: Rate::of(rate), sleep, hidden: Hidden::default() })
    }

    /// Waits until the next request may be sent, whoever it is sent by.
    pub fn pause(&mut self) {
        let pause = self.rate.pause(Instant::now());
        if !pause.is_zero() {
            (self.sleep)(pause);
        }
    }

    /// Asks. Who answers that it is too early is asked again, a few times.
    ///
    /// # Errors
    /// Gone if nobody is there, if the host may not be asked, or if it wants to be left alone; Failed if the answer is
    /// neither yes nor no.
    pub fn ask(&mut self, outgoing: &Outgoing) -> Result<Answer, TargetError> {
        let mut tries = 0;
        loop {
            self.pause();
            let answer = self.send(outgoing).map_err(|error| self.scrubbed(error))?;
            match answer.status {
                // RFC 9110 §15.5.9, RFC 8470 §5.2, RFC 6585 §4.
                408 | 425 | 429 if tries < TRIES => {
                    let pause = retry_after(answer.retry_after.as_deref(), SystemTime::now());
                    if pause > LONGEST_PAUSE {
                        let seconds = pause.as_secs();
                        return Err(TargetError::Gone(format!(
                            "{} answers {} and wants to be left alone for {seconds} s",
                            shown(&outgoing.url),
                            answer.status
                        )));
                    }
                    (self.sleep)(pause);
                    tries += 1;
                }
                408 | 425 | 429 | 502 | 503 | 504 => {
                    let why =
                        format!("{} answers {}, which is no verdict", shown(&outgoing.url), answer.status);
                    return Err(self.scrubbed(TargetError::Failed(why)));
                }
                _ => return Ok(answer),
            }
        }
    }

    fn send(&mut self, outgoing: &Outgoing) -> Result<Answer, TargetError> {
        self.allowed.check(&outgoing.url).map_err(|failure| TargetError::Gone(failure.message))?;
        let mut request = Request::builder().method(outgoing.method.clone()).uri(outgoing.url.as_str());
        let strange = |what: &str| TargetError::Failed(format!("{what} cannot be sent"));
        let mut names: Vec<HeaderName> = Vec::new();
        let typed = outgoing.body.as_ref().map(|(kind, _)| ("Content-Type".to_owned(), Secret::new(*kind)));
        for (name, value) in outgoing.headers.iter().chain(&typed) {
            let header =
                HeaderName::from_bytes(name.as_bytes()).map_err(|_| strange(&format!("header {name}")))?;
            if names.contains(&header) {
                continue;
            }
            let mut value = HeaderValue::from_str(value.expose())
                .map_err(|_| strange(&format!("the value of header {name}")))?;
            value.set_sensitive(true);
            request = request.header(header.clone(), value);
            names.push(header);
        }
        let body = outgoing.body.as_ref().map(|(_, body)| body.as_bytes()).unwrap_or_default();
        let request = request.body(body).map_err(|error| strange(&error.to_string()))?;
        let silent = |error: ureq::Error| unanswered(&outgoing.url, &error);
        let began = Instant::now();
        let mut response = self.agent.run(request).map_err(silent)?;
        let body = response.body_mut().with_config().limit(LONGEST_ANSWER).read_to_vec().map_err(silent)?;
        let took = began.elapsed();
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = response.headers();
        Ok(Answer {
            status: response.status().as_u16(),
            json: serde_json::from_slice(&body).ok(),
            body: String::from_utf8_lossy(&body).into_owned(),
            set_cookie: headers.get_all(header::SET_COOKIE).iter().map(text).collect(),
            retry_after: headers.get(header::RETRY_AFTER).map(text),
            took,
        })
    }

    /// What a report has of it: no headers, and no secret anywhere.
    pub fn exchange(&self, asked: &str, sent: Option<&str>, answer: &Answer, is_http: bool) -> Exchange {
        let request = match sent {
            Some(sent) => format!("{asked}\n\n{sent}"),
            None => asked.to_owned(),
        };
        let status =
            if is_http { answer.status.to_string() } else { format!("as good as {}", answer.status) };
        let response = match answer.body.as_str() {
            "" => status,
            body => format!("{status}\n\n{body}"),
        };
        Exchange {
            request: shortened(self.hidden.scrub(&request)),
            response: shortened(self.hidden.scrub(&response)),
            microseconds: u64::try_from(answer.took.as_micros()).unwrap_or(u64::MAX),
        }
    }

    /// The same error, without secrets.
    pub fn scrubbed(&self, error: TargetError) -> TargetError {
        match error {
            TargetError::Gone(why) => TargetError::Gone(self.hidden.scrub(&why)),
            TargetError::Failed(why) => TargetError::Failed(self.hidden.scrub(&why)),
            TargetError::Unsupported(why) => TargetError::Unsupported(self.hidden.scrub(&why)),
        }
    }
}

/// A proxy. One that is a stranger's sees everything, so it is named as a target would be.
fn through(text: &str, allowed: &Allowed) -> Result<Proxy, Failure> {
    let invalid = || {
        Failure::new(FailureKind::Invalid, "the proxy's address is none")
            .hint("a proxy is such as http://127.0.0.1:8080")
    };
    let url = Url::parse(text).map_err(|_| invalid())?;
    let host = url.host_str().filter(|_| matches!(url.scheme(), "http" | "https")).ok_or_else(invalid)?;
    allowed
        .check_host(host)
        .map_err(|failure| Failure { message: format!("the proxy: {}", failure.message), ..failure })?;
    Proxy::new(text).map_err(|_| invalid())
}

/// Without its query, which may have secrets in it.
fn shown(url: &Url) -> String {
    url.as_str().split(['?', '#']).next().unwrap_or_default().to_owned()
}

fn unanswered(url: &Url, error: &ureq::Error) -> TargetError {
    use tokio_rustls::rustls;
    use ureq::{Error, Timeout};
    if let Error::Io(error) = error
        && let Some(rustls::Error::InvalidCertificate(why)) =
            error.get_ref().and_then(|inner| inner.downcast_ref())
    {
        return TargetError::Gone(format!(
            "the certificate of {} is not trusted ({why:?}): SSL_CERT_FILE names a file in PEM of those that may be",
            shown(url)
        ));
    }
    let why = format!("{} does not answer: {error}", shown(url));
    let nobody = match error {
        Error::HostNotFound | Error::ConnectionFailed | Error::Tls(_) | Error::Rustls(_) => true,
        Error::Timeout(Timeout::Resolve | Timeout::Connect) => true,
        Error::Io(error) => error.kind() == std::io::ErrorKind::ConnectionRefused,
        _ => false,
    };
    // What only this question brought about, another one may not.
    if nobody { TargetError::Gone(why) } else { TargetError::Failed(why) }
}

fn shortened(mut text: String) -> String {
    if text.len() > LONGEST_EVIDENCE {
        let more = text.len() - LONGEST_EVIDENCE;
        let cut = (0..=LONGEST_EVIDENCE).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(cut);
        text.push_str(&format!("… and {more} bytes more"));
    }
    text
}
