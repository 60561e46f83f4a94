//! Whatever arrives in whatever order, and however the owner drives it.
use super::*;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Frame(Vec<u8>),
    Wait(u64),
    /// The clock jumps and the owner does not notice.
    Oversleep(u64),
    Timeout,
    Respond(usize),
    AwaitUser,
    Processing,
    Fetch,
    Reset,
}

fn cid() -> impl Strategy<Value = u32> {
    prop_oneof![6 => 1..4u32, 1 => Just(0), 2 => Just(BROADCAST), 1 => any::<u32>()]
}

fn command() -> impl Strategy<Value = u8> {
    let known = [0x01, 0x03, 0x04, 0x06, 0x08, 0x10, 0x11, 0x3B, 0x3F];
    prop_oneof![6 => prop::sample::select(known.to_vec()), 1 => 0..0x80u8]
}

fn len() -> impl Strategy<Value = u16> {
    prop_oneof![3 => Just(8), 2 => Just(1), 4 => 0..10u16, 3 => 50..200u16, 1 => 7600..7620u16, 1 => any::<u16>()]
}

/// A report that has a chance to mean something.
fn report() -> impl Strategy<Value = Vec<u8>> {
    let first = (command(), len()).prop_map(|(command, len)| {
        let [high, low] = len.to_be_bytes();
        vec![0x80 | command, high, low]
    });
    let further = (0..6u8).prop_map(|seq| vec![seq]);
    let fill = prop_oneof![2 => Just(0), 1 => 0..12u8, 1 => any::<u8>()];
    (cid(), prop_oneof![3 => first, 2 => further], fill).prop_map(|(cid, head, fill)| {
        let mut report = [&cid.to_be_bytes()[..], &head].concat();
        report.resize(64, fill);
        report
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => report().prop_map(Step::Frame),
        2 => prop::collection::vec(any::<u8>(), 64..=64).prop_map(Step::Frame),
        1 => prop::collection::vec(any::<u8>(), 0..130).prop_map(Step::Frame),
        3 => prop_oneof![0..300u64, 0..20_000u64].prop_map(Step::Wait),
        1 => prop_oneof![0..700u64, 0..20_000u64].prop_map(Step::Oversleep),
        1 => Just(Step::Timeout),
        3 => prop_oneof![3 => 0..300usize, 1 => 7600..8000usize].prop_map(Step::Respond),
        2 => Just(Step::AwaitUser),
        1 => Just(Step::Processing),
        3 => Just(Step::Fetch),
        1 => Just(Step::Reset),
    ]
}

/// A bench whose platform does not care whether messages come whole: it may not have fetched in time.
struct Rig {
    device: Device,
    now: u64,
    /// Whether the owner owes a response.
    open: bool,
    /// Whether the open request was withdrawn.
    withdrawn: bool,
}

impl Rig {
    fn instant(&self) -> Instant {
        Instant::since_power_up(Duration::from_millis(self.now))
    }

    fn apply(&mut self, step: &Step) {
        match step {
            Step::Frame(frame) => {
                let event = self.device.handle_frame(self.instant(), frame);
                match event {
                    Some(Event::Ctap2 { message, .. } | Event::U2f { message, .. }) => {
                        assert!(!self.open, "a second request while one is open");
                        assert!((1..=MAX_MESSAGE_SIZE).contains(&message.len()));
                        (self.open, self.withdrawn) = (true, false);
                    }
                    Some(Event::Cancel) => {
                        assert!(self.open, "nothing is open that could be withdrawn");
                        assert!(!self.withdrawn, "withdrawn twice");
                        self.withdrawn = true;
                    }
                    Some(Event::Wink) => assert!(!self.open, "a wink in the middle of a transaction"),
                    None => {}
                }
            }
            Step::Wait(milliseconds) => {
                let end = self.now + milliseconds;
                let until = Instant::since_power_up(Duration::from_millis(end));
                while let Some(due) = self.device.poll_timeout().filter(|due| *due <= until) {
                    let at = due.max(self.instant());
                    assert_eq!(self.device.handle_timeout(at), None);
                    assert!(
                        self.device.poll_timeout().is_none_or(|next| next > at),
                        "a deadline that was met"
                    );
                }
                self.now = end;
            }
            Step::Oversleep(milliseconds) => self.now += milliseconds,
            Step::Timeout => {
                let (now, before) = (self.instant(), self.device.outbox.len());
                let due = self.device.poll_timeout().is_some_and(|at| at <= now);
                assert_eq!(self.device.handle_timeout(now), None);
                assert!(self.device.poll_timeout().is_none_or(|next| next > now));
                assert!(due || self.device.outbox.len() == before, "an unsolicited report");
            }
            Step::Respond(len) => {
                self.device.respond(self.instant(), &vec![0; *len]);
                self.open = false;
            }
            Step::AwaitUser => self.device.await_user(self.instant()),
            Step::Processing => self.device.processing(self.instant()),
            Step::Fetch => {
                while let Some(frame) = self.device.poll_frame() {
                    assert_eq!(frame.len(), 64);
                }
            }
            Step::Reset => {
                self.device.reset();
                assert_eq!((self.device.poll_frame(), self.device.poll_timeout()), (None, None));
                self.open = false;
            }
        }
        assert!(self.device.outbox.len() <= Outbox::LIMIT);
        assert!(self.device.channels.len() <= Channels::LIMIT);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn nothing_panics_or_grows_and_afterwards_the_device_works(
        wink: bool, cbor: bool, msg: bool,
        steps in prop::collection::vec(step(), 0..150),
    ) {
        let mut bench = Bench::with(Config { wink, cbor, msg, ..CONFIG });
        prop_assert_eq!([bench.open(), bench.open(), bench.open()], [1, 2, 3]);
        let mut rig = Rig { device: bench.device, now: 0, open: false, withdrawn: false };
        steps.iter().for_each(|step| rig.apply(step));
        rig.apply(&Step::Fetch);

        let Rig { device, now, .. } = rig;
        let mut bench = Bench { device, now, halves: BTreeMap::new(), answers: Vec::new() };
        // A lock, if there is one, lasts at most ten seconds more.
        bench.wait(10_000);
        bench.answers();
        let cid = bench.open();
        bench.respond(&[0]);
        bench.answers();
        bench.assert_ping_works(cid);
        bench.wait(10_000);
        bench.assert_silence();
    }

    #[test]
    fn what_other_channels_say_in_between_does_not_touch_a_message(
        message in prop::collection::vec(any::<u8>(), 1..400),
        strangers in prop::collection::vec(report(), 0..60),
    ) {
        let mut bench = Bench::new();
        let [.., cid] = [bench.open(), bench.open(), bench.open(), bench.open()];
        let mut strangers = strangers.iter().filter(|report| report[..4] != cid.to_be_bytes());
        let reports = fragment(cid, Command::CBOR, &message);
        let mut event = None;
        for report in &reports {
            prop_assert_eq!(&event, &None);
            event = bench.frame(report);
            for _ in 0..6 {
                strangers.next().inspect(|report| assert_eq!(bench.frame(report), None));
            }
        }
        prop_assert_eq!(event, Some(Event::Ctap2 { channel: cid, message }));
        bench.answers();
        bench.respond(&[0]);
        prop_assert_eq!(bench.answer(cid), (Command::CBOR, vec![0]));
    }
}
