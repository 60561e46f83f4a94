//! A page in the hands of a program, whatever its browser is driven by: DevTools ([`super::devtools_tab`]) or WebDriver BiDi
//! ([`super::bidi`]).
use serde_json::Value;
use std::time::Instant;

/// Bytes of a request's body that the browser is to hand on.
pub(super) const LONGEST_POST: usize = 1 << 20;

/// What happens on a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::commands) enum Happening {
    /// A script of ours says something.
    Told(String),
    /// A request goes out. One that is sent on from there keeps its ID, and has no second of these.
    Sent {
        /// By which the browser knows it.
        id: String,
        /// Method and URL.
        name: String,
        /// Whether a script or a form sent it, and not the page's markup.
        is_call: bool,
        /// What it has in its body, in as many forms as the browser tells of.
        bodies: Vec<Vec<u8>>,
    },
    /// What it has in its body, where that comes later.
    Body(String, Vec<u8>),
    /// Its answer has come so far as to have this status.
    Answered(String, Option<u64>),
    /// Its answer is there, or there will be none.
    Ended(String),
}

/// A page.
pub(in crate::commands) trait Tab: Send {
    /// Before anything is opened: runs `watch`, a function of JavaScript, in each document before the page's own scripts.
    /// Its argument is a function that takes a text, which becomes [`Happening::Told`].
    ///
    /// # Errors
    /// What the browser says against it, or that it is gone.
    fn prepare(&self, watch: &str) -> Result<(), String>;

    /// Goes to a page. It may not be there to its end when this returns.
    ///
    /// # Errors
    /// Why it does not open.
    fn open(&self, url: &str) -> Result<(), String>;

    /// What an expression of JavaScript gives, as JSON, with the user's leave for what takes it. `None` where its document
    /// went meanwhile.
    ///
    /// # Errors
    /// What it threw.
    fn evaluate(&self, expression: &str) -> Result<Option<Value>, String>;

    /// What happens until then.
    fn hear(&self, end: Instant) -> Vec<Happening>;

    /// The answer's body, as text. It may be gone with its document.
    fn body(&self, id: &str) -> String;

    /// Asks the browser to end, so that it writes what it has to write before it goes. It may not answer any more.
    fn quit(&self);
}

/// The first line of what was thrown.
pub(super) fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}
