//! Ceremonies as pages ask for them, and their ends before the end.
use super::Instance;
use super::running::lock;
use crate::ceremony::{self, Outcome, Request};
use crate::control::{Failure, FailureKind, Link};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// Set once a ceremony is to end.
pub(super) type Stop = Arc<AtomicBool>;

/// The ceremonies that run and can be cancelled, by device and ID.
#[derive(Default)]
pub(super) struct Ceremonies(Mutex<BTreeMap<(String, String), Stop>>);

/// Forgets a ceremony that is over.
struct Over<'a>(&'a Ceremonies, (String, String));

impl Drop for Over<'_> {
    fn drop(&mut self) {
        lock(&self.0.0).remove(&self.1);
    }
}

impl Instance {
    /// See [`crate::control::Control::ceremony`].
    pub(super) fn run_ceremony(&self, name: &str, request: &Request) -> Result<Outcome, Failure> {
        let running = self.running(name)?;
        let stop = Stop::default();
        let _over = match &request.id {
            Some(id) => {
                let key = (name.to_owned(), id.clone());
                match lock(&self.ceremonies.0).entry(key.clone()) {
                    Entry::Vacant(free) => free.insert(stop.clone()),
                    Entry::Occupied(_) => {
                        let message =
                            format!("there is a ceremony `{}` on {name} already", id.escape_debug());
                        return Err(Failure::new(FailureKind::Conflict, message).hint("take another id"));
                    }
                };
                Some(Over(&self.ceremonies, key))
            }
            None => None,
        };
        let seen = running.profile().authenticator.seen.iter();
        let links: Vec<Link> = seen.filter_map(|(link, _)| Link::of(*link)).collect();
        let exchange = |link: Link, message: &[u8]| running.ctap2(link.into(), message, Some(&stop));
        let outcome = ceremony::run(&exchange, &links, request)?;
        let notes = outcome.notes.clone();
        if !notes.is_empty() {
            running.call(move |device, _| notes.into_iter().for_each(|note| device.note(note)))?;
        }
        Ok(outcome)
    }

    /// See [`crate::control::Control::cancel_ceremony`].
    pub(super) fn stop_ceremony(&self, name: &str, id: &str) -> Result<bool, Failure> {
        let running = self.running(name)?;
        let found = lock(&self.ceremonies.0).get(&(name.to_owned(), id.to_owned())).cloned();
        let Some(stop) = found else { return Ok(false) };
        stop.store(true, Ordering::SeqCst);
        running.cancel(&stop)?;
        Ok(true)
    }
}
