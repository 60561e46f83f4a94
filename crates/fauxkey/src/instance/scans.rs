//! Codes on other screens that devices scan.
use super::Instance;
use super::ceremonies::Stop as Withdrawn;
use super::running::{Running, lock};
use crate::control::{Failure, FailureKind, Link, Scan, Scanned};
use crate::hybrid::event::Event;
use crate::hybrid::image;
use crate::hybrid::scan::{self, Phone, Stop};
use crate::hybrid::ways::{Meeting, Said, Ways};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

/// The codes that are being answered, by device, and where a desktop of this home says how to meet it.
#[derive(Default)]
pub(super) struct Scans {
    running: Mutex<BTreeMap<String, Stop>>,
    pub(super) meeting: Option<PathBuf>,
}

/// Forgets a code when it is done with.
struct Over<'a>(&'a Scans, &'a str);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        lock(&self.0.running).remove(self.1);
    }
}

/// A device of this instance, as the driver of a transaction reaches it.
struct Reached {
    running: Arc<Running>,
    withdrawn: Withdrawn,
}

impl Phone for Reached {
    fn ctap2(&self, message: &[u8]) -> Result<Vec<u8>, Failure> {
        self.running.ctap2(Link::Hybrid.into(), message, Some(&self.withdrawn))
    }

    fn withdraw(&self) {
        self.withdrawn.store(true, Ordering::SeqCst);
        // A device that is gone asks nobody.
        let _gone = self.running.cancel(&self.withdrawn);
    }
}

impl Instance {
    /// See [`crate::control::Control::scan`].
    pub(super) fn scan_on(&self, name: &str, scan: &Scan) -> Result<Scanned, Failure> {
        // What is wrong with the code is said first: it is what somebody has just given.
        let running = self.running(name)?;
        let text = match scan {
            Scan::Code(text) => text.clone(),
            Scan::Image(file) => image::for_a_phone(image::codes(&file.0)?)?,
        };
        scan::read(&text)?;
        let meeting = self.scans.meeting.as_deref().and_then(Meeting::read);
        let ways = Ways::find(&Said::of_environment()?, meeting.as_ref())?;
        self.scan_over(running, name, &text, ways)
    }

    /// The same, with the ways to the desktop.
    pub(super) fn scan_over(
        &self,
        running: Arc<Running>,
        name: &str,
        text: &str,
        ways: Ways,
    ) -> Result<Scanned, Failure> {
        let scan = scan::Scan::new(name, text, ways)?;
        let stop = Stop::default();
        match lock(&self.scans.running).entry(name.to_owned()) {
            Entry::Vacant(free) => free.insert(stop.clone()),
            Entry::Occupied(_) => {
                let message = format!("{name} is answering another code already");
                return Err(Failure::new(FailureKind::Conflict, message).hint("wait for its end, or stop it"));
            }
        };
        let _over = Over(&self.scans, name);
        let phone: Arc<dyn Phone> =
            Arc::new(Reached { running: running.clone(), withdrawn: Withdrawn::default() });
        let mut events = Vec::new();
        let mut hear = |event: &Event| {
            let note = format!("hybrid: {event}");
            // What cannot be told to a device that is gone is in the answer.
            let _gone = running.call(move |device, _| device.note(note));
            events.push(event.clone());
        };
        let outcome = scan.run_on(&phone, &stop, &mut hear)?;
        Ok(Scanned { outcome, events })
    }

    /// See [`crate::control::Control::cancel_scan`].
    pub(super) fn stop_scan(&self, name: &str) -> Result<bool, Failure> {
        self.running(name)?;
        let found = lock(&self.scans.running).get(name).cloned();
        if let Some(stop) = &found {
            stop.set();
        }
        Ok(found.is_some())
    }
}
