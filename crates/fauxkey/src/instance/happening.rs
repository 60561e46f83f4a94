//! What happens on the devices of an instance, for logs and user interfaces.
use emulator::Event;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Something happened on a device.
#[derive(Clone, Debug, PartialEq)]
pub struct Happening {
    /// The name of the device.
    pub device: String,
    /// What happened.
    pub event: Event,
}

/// Happenings that wait for one subscriber. Who leaves more lying misses what comes then.
const UNTAKEN_LIMIT: usize = 4_096;

/// Everybody who wants to hear. Telling them never waits.
pub(super) struct Subscribers {
    /// `None` once closed.
    subscribers: Mutex<Option<Vec<SyncSender<Happening>>>>,
}

impl Default for Subscribers {
    fn default() -> Self {
        Self { subscribers: Mutex::new(Some(Vec::new())) }
    }
}

impl Subscribers {
    /// From now on the receiver gets every happening.
    pub(super) fn subscribe(&self) -> Receiver<Happening> {
        let (sender, receiver) = sync_channel(UNTAKEN_LIMIT);
        if let Some(subscribers) = &mut *self.lock() {
            subscribers.push(sender);
        }
        receiver
    }

    /// Tells everybody. Those who are gone are forgotten.
    pub(super) fn tell(&self, device: &str, event: &Event) {
        if let Some(subscribers) = &mut *self.lock() {
            subscribers.retain(|subscriber| {
                let happening = Happening { device: device.into(), event: event.clone() };
                !matches!(subscriber.try_send(happening), Err(TrySendError::Disconnected(_)))
            });
        }
    }

    /// Nobody hears anything more: receivers end once they are empty, and new ones at once.
    pub(super) fn close(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> MutexGuard<'_, Option<Vec<SyncSender<Happening>>>> {
        self.subscribers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(receiver: &Receiver<Happening>) -> Vec<(String, Event)> {
        receiver.try_iter().map(|happening| (happening.device, happening.event)).collect()
    }

    #[test]
    fn every_subscriber_gets_everything_from_then_on() {
        let subscribers = Subscribers::default();
        subscribers.tell("phone", &Event::Winked);
        let first = subscribers.subscribe();
        subscribers.tell("phone", &Event::Power(false));
        let second = subscribers.subscribe();
        subscribers.tell("key", &Event::Power(true));
        let last = ("key".to_owned(), Event::Power(true));
        assert_eq!(heard(&first), [("phone".into(), Event::Power(false)), last.clone()]);
        assert_eq!(heard(&second), [last]);
        subscribers.close();
        assert!(first.recv().is_err());
        assert!(subscribers.subscribe().recv().is_err());
    }

    #[test]
    fn a_subscriber_that_sleeps_keeps_nobody_waiting_and_misses_what_it_has_no_room_for() {
        let subscribers = Subscribers::default();
        let (asleep, awake) = (subscribers.subscribe(), subscribers.subscribe());
        for _ in 0..UNTAKEN_LIMIT + 3 {
            subscribers.tell("phone", &Event::Winked);
            assert_eq!(heard(&awake).len(), 1);
        }
        assert_eq!(heard(&asleep).len(), UNTAKEN_LIMIT);
        subscribers.tell("phone", &Event::Power(false));
        assert_eq!(heard(&asleep), [("phone".into(), Event::Power(false))], "it has room again");
    }

    #[test]
    fn a_subscriber_that_is_gone_is_forgotten() {
        let subscribers = Subscribers::default();
        drop(subscribers.subscribe());
        subscribers.tell("phone", &Event::Winked);
        assert_eq!(subscribers.lock().as_ref().map(Vec::len), Some(0));
    }
}
