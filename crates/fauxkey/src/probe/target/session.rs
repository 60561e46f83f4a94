//! The two browsers: what each has of the relying party, and how it gets in.
use super::command::{self, Ran};
use super::description::SessionTable;
use super::secrets::{Hidden, Secret};
use cookie_store::{CookieStore, RawCookie};
use probe::target::{Session, TargetError};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::time::Duration;
use url::Url;

/// A browser.
#[derive(Default)]
pub struct Browser {
    cookies: CookieStore,
    /// What the refresh hook printed last.
    headers: Vec<(String, Secret)>,
    /// Whether the hook has been run.
    begun: bool,
    kept: HashMap<Option<String>, Kept>,
}

/// What is kept for a user.
#[derive(Default)]
pub struct Kept {
    /// By the names that placeholders have.
    pub values: BTreeMap<String, Value>,
    /// Those that began the last ceremony.
    pub options: Option<Value>,
}

impl Browser {
    /// With cookies that it has from the start.
    pub fn new(url: Option<&Url>, cookies: &BTreeMap<String, Secret>) -> Self {
        let mut browser = Self::default();
        for (name, value) in cookies {
            browser.set(url, name, value);
        }
        browser
    }

    /// What was kept for that user; for a ceremony without a name, what was kept for such.
    pub fn kept(&mut self, user: Option<&str>) -> &mut Kept {
        self.kept.entry(user.map(Into::into)).or_default()
    }

    /// The headers that the hook gave.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &Secret)> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The `Cookie` header of a request to that URL, RFC 6265 §5.4; `None` if there is nothing to send.
    pub fn cookie(&self, url: &Url) -> Option<Secret> {
        let pairs = self.cookies.get_request_values(url).map(|(name, value)| format!("{name}={value}"));
        let pairs: Vec<String> = pairs.collect();
        (!pairs.is_empty()).then(|| Secret::new(pairs.join("; ")))
    }

    /// Keeps the cookies of an answer. Their values are secrets from now on.
    pub fn store<'a>(&mut self, url: &Url, set_cookie: impl Iterator<Item = &'a str>, hidden: &mut Hidden) {
        for text in set_cookie {
            let Ok(cookie) = RawCookie::parse(text.to_owned()) else { continue };
            hidden.add(&Secret::new(cookie.value()));
            // One that is for somebody else is none, as in a browser.
            let _foreign = self.cookies.insert_raw(&cookie, url);
        }
    }

    fn set(&mut self, url: Option<&Url>, name: &str, value: &Secret) {
        let Some(url) = url else { return };
        let cookie = RawCookie::build((name.to_owned(), value.expose().to_owned())).path("/");
        let _foreign = self.cookies.insert_raw(&cookie.build(), url);
    }

    /// Whether the hook must be run before anything is asked.
    pub fn is_new(&self) -> bool {
        !self.begun
    }

    /// Runs the hook, and takes what it prints: lines `Name: value`, `Cookie` among them.
    ///
    /// # Errors
    /// Gone if it fails, or prints anything else: nobody is logged in then.
    pub fn refresh(
        &mut self,
        session: Session,
        table: &SessionTable,
        url: Option<&Url>,
        folder: &Path,
        timeout: Duration,
        hidden: &mut Hidden,
    ) -> Result<(), TargetError> {
        let program = table.refresh.first().map(String::as_str).unwrap_or_default();
        let gone =
            |why: String| TargetError::Gone(format!("the session could not be renewed by {program}: {why}"));
        let Ran { output, ended, .. } = command::run(&table.refresh, "", session, url, folder, timeout)?;
        if ended != 0 {
            return Err(gone(format!("it ended with {ended}")));
        }
        self.begun = true;
        self.headers.clear();
        for (number, line) in output.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            // The line is not shown: it may be a secret.
            let parts = line.split_once(':').map(|(name, value)| (name.trim(), value.trim()));
            let Some((name, value)) = parts.filter(|(name, _)| is_token(name)) else {
                return Err(gone(format!("line {} of what it prints is not `Name: value`", number + 1)));
            };
            if name.eq_ignore_ascii_case("cookie") {
                for (name, value) in value.split(';').filter_map(|pair| pair.trim().split_once('=')) {
                    let value = Secret::new(value);
                    hidden.add(&value);
                    self.set(url, name, &value);
                }
                continue;
            }
            let value = Secret::new(value);
            hidden.add(&value);
            self.headers.push((name.to_owned(), value));
        }
        Ok(())
    }
}

/// RFC 9110 §5.6.2.
fn is_token(name: &str) -> bool {
    let part = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    !name.is_empty() && name.chars().all(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn sent(browser: &Browser, to: &str) -> String {
        let mut pairs: Vec<String> = browser
            .cookie(&url(to))
            .map(|all| all.expose().split("; ").map(Into::into).collect())
            .unwrap_or_default();
        pairs.sort();
        pairs.join("; ")
    }

    #[test]
    fn cookies_are_kept_and_sent_as_a_browser_would() {
        let (mut browser, mut hidden) = (Browser::default(), Hidden::default());
        let here = url("http://localhost:8000/login/begin");
        let set = [
            "a=1; Path=/; HttpOnly",
            "b=2",
            "c=3; Secure; Path=/",
            "d=4; Domain=example.com",
            "e=5; Path=/other",
        ];
        browser.store(&here, set.into_iter(), &mut hidden);
        assert_eq!(sent(&browser, "http://localhost:8000/"), "a=1; c=3");
        assert_eq!(sent(&browser, "http://localhost:8000/login/end"), "a=1; b=2; c=3");
        assert_eq!(sent(&browser, "http://localhost:9/other"), "a=1; c=3; e=5", "cookies know no ports");
        assert_eq!(sent(&browser, "http://elsewhere.test/"), "");
        browser.store(&here, ["a=; Max-Age=0; Path=/", "c=9; Path=/"].into_iter(), &mut hidden);
        assert_eq!(sent(&browser, "http://localhost:8000/"), "c=9");
    }

    #[test]
    fn the_hook_s_headers_and_cookies_are_taken_and_hidden() {
        let folder = tempfile::tempdir().unwrap();
        let here = url("https://shop.example.test/app");
        let (mut browser, mut hidden) = (Browser::default(), Hidden::default());
        let script = "echo \"Authorization: Bearer tok-$FAUXKEY_SESSION\"; echo; echo 'cookie: sid=abcdef; csrf=ghijkl'";
        let table = SessionTable {
            refresh: ["sh", "-c", script].map(String::from).to_vec(),
            expired: super::super::description::Accepted::default(),
        };
        let patience = Duration::from_secs(10);
        browser.refresh(Session::Second, &table, Some(&here), folder.path(), patience, &mut hidden).unwrap();
        let headers: Vec<_> = browser.headers().map(|(name, value)| (name, value.expose())).collect();
        assert_eq!(headers, [("Authorization", "Bearer tok-second")]);
        assert_eq!(sent(&browser, here.as_str()), "csrf=ghijkl; sid=abcdef");
        assert_eq!(hidden.scrub("tok-second abcdef ghijkl"), "[secret] [secret] [secret]");
        for (script, why) in [("exit 3", "ended with 3"), ("echo secret-line", "line 1 of what it prints")] {
            let table =
                SessionTable { refresh: ["sh", "-c", script].map(String::from).to_vec(), ..table.clone() };
            let error = browser.refresh(Session::First, &table, None, folder.path(), patience, &mut hidden);
            let error = error.unwrap_err();
            assert!(
                matches!(&error, TargetError::Gone(said) if said.contains(why) && !said.contains("secret-line")),
                "{error}"
            );
        }
    }
}
