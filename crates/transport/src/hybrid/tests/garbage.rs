//! Whatever arrives in whatever order, and however the owners drive their sessions.
use super::*;
use alloc::vec;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    /// The next message is delivered, if there is one.
    Deliver(bool),
    /// The next message is delivered with a bit turned.
    Damage(bool, prop::sample::Index, u8),
    /// The next message is delivered, and stays where it is.
    Repeat(bool),
    Drop(bool),
    Inject(bool, Vec<u8>),
    Advert,
    Strange(Vec<u8>),
    Connect(bool),
    Close(bool),
    Request(usize),
    Respond(usize),
    Finish,
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let noise = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..100),
        prop::collection::vec(any::<u8>(), 81..=81),
        prop::collection::vec(any::<u8>(), 48..=48),
    ];
    prop_oneof![
        40 => any::<bool>().prop_map(Step::Deliver),
        1 => (any::<bool>(), any::<prop::sample::Index>(), 0..8u8).prop_map(|(to, at, bit)| Step::Damage(to, at, bit)),
        1 => any::<bool>().prop_map(Step::Repeat),
        1 => any::<bool>().prop_map(Step::Drop),
        1 => (any::<bool>(), noise.clone()).prop_map(|(to, noise)| Step::Inject(to, noise)),
        10 => Just(Step::Advert),
        1 => noise.prop_map(Step::Strange),
        10 => any::<bool>().prop_map(Step::Connect),
        1 => any::<bool>().prop_map(Step::Close),
        6 => (0..500usize).prop_map(Step::Request),
        6 => prop_oneof![4 => 1..900usize, 1 => 65_000..66_000usize].prop_map(Step::Respond),
        1 => Just(Step::Finish),
        2 => prop_oneof![4 => 0..9_000u64, 1 => 0..100_000u64].prop_map(Step::Wait),
    ]
}

impl Pair {
    fn take(&mut self, to_phone: bool) -> Option<Vec<u8>> {
        if to_phone { self.to_phone.pop_front() } else { self.to_desktop.pop_front() }
    }

    fn hand(&mut self, to_phone: bool, message: &[u8]) {
        match to_phone {
            true => self.phone.handle_message(self.now, message),
            false => self.desktop.handle_message(self.now, message),
        }
    }

    fn apply(&mut self, step: &Step) {
        match step {
            Step::Deliver(to) => drop(self.take(*to).map(|message| self.hand(*to, &message))),
            Step::Damage(to, at, bit) => {
                if let Some(mut message) = self.take(*to).filter(|message| !message.is_empty()) {
                    let at = at.index(message.len());
                    message[at] ^= 1 << bit;
                    self.hand(*to, &message);
                }
            }
            Step::Repeat(to) => {
                if let Some(message) = self.take(*to) {
                    self.hand(*to, &message);
                    match to {
                        true => self.to_phone.push_front(message),
                        false => self.to_desktop.push_front(message),
                    }
                }
            }
            Step::Drop(to) => drop(self.take(*to)),
            Step::Inject(to, noise) => self.hand(*to, noise),
            Step::Advert => {
                if let Some(advert) = self.advert {
                    self.desktop.handle_advert(self.now, &advert);
                }
            }
            Step::Strange(data) => assert!(!self.desktop.handle_advert(self.now, data)),
            Step::Connect(true) => self.phone.handle_connected(self.now, Some("A0b1C2")),
            Step::Connect(false) => self.desktop.handle_connected(self.now),
            Step::Close(true) => self.phone.handle_closed(self.now),
            Step::Close(false) => self.desktop.handle_closed(self.now),
            Step::Request(length) => self.desktop.request(self.now, &alloc::vec![4; *length]),
            Step::Respond(length) => self.phone.respond(self.now, &alloc::vec![0; *length]),
            Step::Finish => self.desktop.finish(),
            Step::Wait(milliseconds) => {
                self.now = self.now + Duration::from_millis(*milliseconds);
                self.phone.handle_timeout(self.now);
                self.desktop.handle_timeout(self.now);
                let later = |due: Option<Instant>| due.is_none_or(|due| due > self.now);
                assert!(
                    later(self.phone.poll_timeout()) && later(self.desktop.poll_timeout()),
                    "it is due already"
                );
            }
        }
        self.settle();
        self.consistent();
    }

    /// What came out of the sessions fits together.
    fn consistent(&self) {
        let Heard { ready, requests, responses, .. } = &self.heard;
        assert!(*ready <= 1, "ready twice");
        assert!(requests.len() <= responses.len() + 1 || self.heard.desktop.is_some());
        assert!(*ready == 1 || responses.is_empty(), "a response before the phone was there");
        assert!(self.to_desktop.len() < 200 && self.to_phone.len() < 200, "it grows");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn nothing_panics_nothing_is_invented_and_every_session_ends(steps in prop::collection::vec(step(), 0..60)) {
        let mut pair = Pair::new(phone_config(), false);
        pair.settle();
        steps.iter().for_each(|step| pair.apply(step));
        // Whoever still waits comes to an end by itself, or has a user who is asked.
        for _ in 0..8 {
            let due = [pair.phone.poll_timeout(), pair.desktop.poll_timeout()];
            let Some(due) = due.into_iter().flatten().max() else { break };
            pair.now = due.max(pair.now);
            pair.phone.handle_timeout(pair.now);
            pair.desktop.handle_timeout(pair.now);
            pair.settle();
        }
        let asked = pair.phone.stage() == Stage::Request;
        prop_assert!(pair.heard.phone.is_some() || asked, "the phone waits for ever");
        prop_assert!(pair.heard.desktop.is_some(), "the desktop waits for ever");
    }

    /// Nothing that is changed on its way is taken for what was sent.
    #[test]
    fn one_bit_turned_anywhere_ends_the_session(which in 0..6usize, at: prop::sample::Index, bit in 0..8u8) {
        let mut pair = Pair::new(phone_config(), false);
        pair.meet();
        let (mut passed, mut damaged) = (0, false);
        loop {
            pair.settle();
            let to_phone = !pair.to_phone.is_empty();
            let Some(mut message) = pair.take(to_phone) else {
                if pair.heard.ready == 1 && pair.heard.requests.is_empty() && pair.heard.desktop.is_none() {
                    pair.desktop.request(NOW, &[4]);
                    continue;
                }
                if pair.heard.requests.len() == 1 && pair.phone.stage() == Stage::Request {
                    pair.phone.respond(NOW, &[0]);
                    continue;
                }
                break;
            };
            if passed == which {
                let at = at.index(message.len());
                message[at] ^= 1 << bit;
                damaged = true;
            }
            pair.hand(to_phone, &message);
            passed += 1;
            if damaged {
                pair.settle();
                let ending = if to_phone { &pair.heard.phone } else { &pair.heard.desktop };
                prop_assert!(matches!(ending, Some(Ending::Broken(..))), "{which}: {ending:?}");
                return Ok(());
            }
        }
        prop_assert!(!damaged && passed == 5, "{passed} messages pass in a session");
    }
}
