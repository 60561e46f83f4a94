//! A browser of Chromium's family, driven over DevTools' pipe.
use super::pipe::Pipe;
use super::programs::Start;
use super::script::Pages;
use crate::control::{Failure, FailureKind};
use crate::page::Front;
use serde_json::{Value, json};
use std::ffi::OsString;
use std::path::Path;
use std::process::Child;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

/// With the pipe alone Chrome 137 and later take an extension from DevTools; the second flag is for those in between.
pub(super) const FLAGS: [&str; 2] = ["--remote-debugging-pipe", "--enable-unsafe-extension-debugging"];

/// How long a browser may take to have a page.
const PATIENCE: Duration = Duration::from_secs(30);

/// A browser that has started, and has no page of ours yet.
pub(super) struct Browser {
    child: Child,
    pipe: Pipe,
    events: Receiver<Value>,
}

impl Browser {
    /// Starts it.
    pub(super) fn start(start: &Start<'_>) -> Result<Self, Failure> {
        let mut arguments: Vec<OsString> = start.found.flags(start.data);
        arguments.extend(FLAGS.map(Into::into));
        if start.any_certificate {
            // What DevTools has for it leaves pages without WebAuthn.
            arguments.push("--ignore-certificate-errors".into());
        }
        arguments.extend(start.more.iter().cloned());
        arguments.push("about:blank".into());
        let (child, pipe, events) =
            Pipe::start(&start.found.path, arguments, start.environment, start.verbose)?;
        let mut browser = Self { child, pipe, events };
        if let Err(why) = browser.pipe.ask(None, "Browser.getVersion", json!({})) {
            browser.kill();
            return Err(failure(&format!("it does not speak DevTools ({why})"))
                .hint("--verbose shows what it writes"));
        }
        Ok(browser)
    }

    /// Loads an extension, in windows that leave no traces as well.
    pub(super) fn load_extension(&self, folder: &Path) -> Result<(), String> {
        let parameters = json!({ "path": folder, "enableInIncognito": true });
        match self.pipe.ask(None, "Extensions.loadUnpacked", parameters) {
            Ok(_) => Ok(()),
            // Before Chrome 142 it knew no second member.
            Err(_) => self.pipe.ask(None, "Extensions.loadUnpacked", json!({ "path": folder })).map(drop),
        }
    }

    /// Opens the page. With `front`, every page gets the shim, and `front` its calls.
    pub(super) fn open(mut self, front: Option<Arc<Front>>, url: &str) -> Result<(Child, Pipe), Failure> {
        let opened = self.show(front, url);
        if let Err(why) = opened {
            self.kill();
            return Err(failure(&format!("it does not open the page ({why})")));
        }
        // Whoever holds the pipe keeps the browser: it ends when the pipe does.
        Ok((self.child, self.pipe))
    }

    /// Hands the browser over to who drives its page: the process, the pipe, the session of the page, and all events.
    /// With `front`, pages get the shim, and `front` their calls.
    pub(super) fn drive(
        mut self,
        front: Option<Arc<Front>>,
    ) -> Result<(Child, Pipe, String, Receiver<Value>), Failure> {
        match self.attach(front) {
            Ok((session, events)) => Ok((self.child, self.pipe, session, events)),
            Err(why) => {
                self.kill();
                Err(failure(&format!("it has no page to be driven ({why})")))
            }
        }
    }

    fn attach(&mut self, front: Option<Arc<Front>>) -> Result<(String, Receiver<Value>), String> {
        let (sender, mut events) = channel();
        std::mem::swap(&mut self.events, &mut events);
        if let Some(front) = front {
            let (to_pages, of_pages) = channel();
            let both = move || {
                for event in events {
                    // Who drives the page may have gone before the browser has.
                    let _unheard = sender.send(event.clone());
                    let _unheard = to_pages.send(event);
                }
            };
            thread::Builder::new()
                .name("devtools events".into())
                .spawn(both)
                .map_err(|error| error.to_string())?;
            let mine = std::mem::replace(&mut self.events, channel().1);
            let ready = Pages::start(self.pipe.clone(), of_pages, front)?;
            let session = ready.recv_timeout(PATIENCE).map_err(|_| "there is no page".to_owned())?;
            return Ok((session, mine));
        }
        // One that was named on the command line does not have the focus everywhere, and WebAuthn wants it.
        let made = self.pipe.ask(None, "Target.createTarget", json!({ "url": "about:blank" }))?;
        let attach = json!({ "targetId": made["targetId"], "flatten": true });
        let attached = self.pipe.ask(None, "Target.attachToTarget", attach)?;
        let session = attached["sessionId"].as_str().ok_or("no session")?.to_owned();
        Ok((session, events))
    }

    fn show(&mut self, front: Option<Arc<Front>>, url: &str) -> Result<(), String> {
        let (sender, mut events) = channel();
        std::mem::swap(&mut self.events, &mut events);
        drop(sender);
        if let Some(front) = front {
            let ready = Pages::start(self.pipe.clone(), events, front)?;
            let session = ready.recv_timeout(PATIENCE).map_err(|_| "there is no page".to_owned())?;
            return self.pipe.ask(Some(&session), "Page.navigate", json!({ "url": url })).map(drop);
        } else {
            let ignore = move || events.into_iter().for_each(drop);
            thread::Builder::new()
                .name("devtools events".into())
                .spawn(ignore)
                .map_err(|error| error.to_string())?;
        }
        let targets = self.pipe.ask(None, "Target.getTargets", json!({}))?;
        let targets = targets["targetInfos"].as_array().cloned().unwrap_or_default();
        let page = targets.iter().find(|target| target["type"] == "page" && target["url"] == "about:blank");
        let Some(page) = page else {
            return self.pipe.ask(None, "Target.createTarget", json!({ "url": url })).map(drop);
        };
        let attach = json!({ "targetId": page["targetId"], "flatten": true });
        let attached = self.pipe.ask(None, "Target.attachToTarget", attach)?;
        let session = attached["sessionId"].as_str().ok_or("no session")?.to_owned();
        self.pipe.ask(Some(&session), "Page.navigate", json!({ "url": url }))?;
        self.pipe.ask(None, "Target.detachFromTarget", json!({ "sessionId": session })).map(drop)
    }

    /// Ends it.
    pub(super) fn kill(&mut self) {
        // It may have ended by itself.
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}

fn failure(why: &str) -> Failure {
    Failure::new(FailureKind::Broken, format!("the browser cannot be used: {why}"))
}
