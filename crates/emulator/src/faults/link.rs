//! A link whose frames are lost, doubled, damaged, late, short, or on another channel.
use super::effect::{Door, Effect};
use super::plan::{Faults, Occasion};
use crate::traffic::Towards;
use rand::RngExt as _;
use std::collections::VecDeque;
use std::time::Duration;
use transport::{Event, Format, Link};
use wire::time::Instant;

/// Wraps a link. Whole messages, which no wire carries, pass as they are.
pub(crate) struct FaultyLink {
    link: Box<dyn Link>,
    faults: Faults,
    /// The time of the last input.
    now: Instant,
    /// Towards the device, and when each is due.
    inward: VecDeque<(Instant, Vec<u8>)>,
    /// Towards the platform.
    outward: VecDeque<(Instant, Vec<u8>)>,
}

impl FaultyLink {
    pub(crate) fn new(link: Box<dyn Link>, faults: Faults) -> Self {
        let (inward, outward) = Default::default();
        Self { link, faults, now: Instant::POWER_UP, inward, outward }
    }

    fn is_plain(&self) -> bool {
        self.link.format() == Format::Message || self.faults.is_idle()
    }

    /// What becomes of a frame, and how late it is.
    fn disturb(&self, towards: Towards, frame: Vec<u8>) -> (Vec<Vec<u8>>, Duration) {
        let (mut frames, mut late) = (vec![frame], Duration::ZERO);
        let format = self.link.format();
        let occasion = Occasion { towards: Some(towards), ..Occasion::default() };
        let to = match towards {
            Towards::Device => "to the device",
            Towards::Platform => "to the platform",
        };
        self.faults.strike(Door::Frame, occasion, |striking| {
            let first = frames.first_mut()?;
            let length = first.len();
            Some(match striking.effect {
                Effect::Drop => {
                    frames.clear();
                    format!("a frame {to} is lost")
                }
                Effect::Duplicate => {
                    let copy = first.clone();
                    frames.push(copy);
                    format!("a frame {to} comes twice")
                }
                Effect::Corrupt if length > 0 => {
                    let bit = striking.rng.random_range(0..length * 8);
                    first[bit / 8] ^= 1 << (bit % 8);
                    format!("bit {} of byte {} of a frame {to} is flipped", bit % 8, bit / 8)
                }
                Effect::Delay(time) => {
                    late = *time;
                    format!("a frame {to} is late by {time:?}")
                }
                Effect::Truncate if length > 1 => {
                    first.truncate(length / 2);
                    format!("of a frame {to}, {} of {length} bytes come", length / 2)
                }
                Effect::WrongChannel if format == Format::Ctaphid && length >= 4 => {
                    first[..4].iter_mut().for_each(|byte| *byte ^= 0x5A);
                    format!("a frame {to} is on channel {}", wire::hex::encode(&first[..4]))
                }
                _ => return None,
            })
        });
        (frames, late)
    }

    /// When a frame that comes at `now` and is late by `late` is due: never before those that came before it.
    fn due(&self, queue: &VecDeque<(Instant, Vec<u8>)>, late: Duration) -> Instant {
        let due = self.now + late;
        queue.back().map_or(due, |(before, _)| due.max(*before))
    }

    /// Hands the frames that are due to the link, up to the first that makes an event.
    fn hand_in(&mut self) -> Option<Event> {
        while self.inward.front().is_some_and(|(due, _)| *due <= self.now) {
            let (_, frame) = self.inward.pop_front()?;
            let event = self.link.handle_frame(self.now, &frame);
            if event.is_some() {
                return event;
            }
        }
        None
    }
}

impl Link for FaultyLink {
    fn format(&self) -> Format {
        self.link.format()
    }

    fn handle_frame(&mut self, now: Instant, frame: &[u8]) -> Option<Event> {
        self.now = now;
        if self.is_plain() && self.inward.is_empty() {
            return self.link.handle_frame(now, frame);
        }
        let (frames, late) = self.disturb(Towards::Device, frame.into());
        let due = self.due(&self.inward, late);
        self.inward.extend(frames.into_iter().map(|frame| (due, frame)));
        self.hand_in()
    }

    fn await_user(&mut self, now: Instant) {
        self.now = now;
        self.link.await_user(now);
    }

    fn processing(&mut self, now: Instant) {
        self.now = now;
        self.link.processing(now);
    }

    fn respond(&mut self, now: Instant, response: &[u8]) {
        self.now = now;
        self.link.respond(now, response);
    }

    fn poll_frame(&mut self) -> Option<Vec<u8>> {
        if self.is_plain() && self.outward.is_empty() {
            return self.link.poll_frame();
        }
        while let Some(frame) = self.link.poll_frame() {
            let (frames, late) = self.disturb(Towards::Platform, frame);
            let due = self.due(&self.outward, late);
            self.outward.extend(frames.into_iter().map(|frame| (due, frame)));
        }
        let (due, _) = self.outward.front()?;
        if *due > self.now { None } else { self.outward.pop_front().map(|(_, frame)| frame) }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let held = [self.inward.front(), self.outward.front()];
        held.into_iter().flatten().map(|(due, _)| *due).chain(self.link.poll_timeout()).min()
    }

    fn handle_timeout(&mut self, now: Instant) -> Option<Event> {
        self.now = now;
        // What comes out of both at once is one event: the other is found when this is called again.
        self.hand_in().or_else(|| self.link.handle_timeout(now))
    }

    fn reset(&mut self) {
        self.inward.clear();
        self.outward.clear();
        self.link.reset();
    }
}
