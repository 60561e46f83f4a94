//! Sessions from `fixtures/usbip`, whole and in pieces, and what no fixture can say.
use super::*;
use alloc::format;
use alloc::vec;
use proptest::prelude::*;
use std::path::Path;
use std::{fs, println};

/// The devices that every fixture is about.
fn devices() -> [Exported; 2] {
    let identity = usb::Identity {
        vendor_id: 0x1209,
        product_id: 0xF1D0,
        device_version: 0x0102,
        manufacturer: "fauxkey".into(),
        product: "key".into(),
        serial: String::new(),
    };
    let other =
        usb::Identity { vendor_id: 0x1050, product_id: 0x0407, device_version: 0x0543, ..identity.clone() };
    [Exported { number: 1, identity }, Exported { number: 2, identity: other }]
}

/// A session, and what came of it.
#[derive(Default)]
struct Rig {
    session: Session,
    sent: Vec<u8>,
    heard: Vec<Vec<u8>>,
    refused: Option<Refusal>,
}

impl Rig {
    fn imported() -> Self {
        let mut rig = Self::default();
        rig.client(&message_import(b"1-1"));
        assert!(rig.session.has_device());
        rig.sent.clear();
        rig
    }

    fn client(&mut self, bytes: &[u8]) {
        self.session.handle_bytes(bytes);
        self.settle();
    }

    fn report(&mut self, report: &Report) {
        self.session.handle_report(report);
        self.settle();
    }

    fn settle(&mut self) {
        let [free, busy] = devices();
        while let Some(event) = self.session.poll_event() {
            assert_eq!(self.refused, None, "nothing comes after a refusal");
            match event {
                Event::List => self.session.respond_list(core::slice::from_ref(&free)),
                Event::Import(bus_id) => self.session.respond_import(match bus_id {
                    id if id == free.bus_id() => Ok(&free),
                    id if id == busy.bus_id() => Err(NoImport::Busy),
                    _ => Err(NoImport::NoDevice),
                }),
                Event::Report(report) => {
                    assert!(report.len() <= PACKET_SIZE);
                    self.heard.push(report);
                }
                Event::Refused(refusal) => self.refused = Some(refusal),
            }
        }
        self.sent.extend(self.session.poll_bytes().unwrap_or_default());
    }
}

fn message_import(bus_id: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x01, 0x11, 0x80, 0x03, 0, 0, 0, 0];
    bytes.extend(bus_id);
    bytes.resize(40, 0);
    bytes
}

fn submit(seqnum: u32, direction: u32, endpoint: u32, length: u32, data: &[u8]) -> Vec<u8> {
    let numbers = [1, seqnum, 0x0001_0001, direction, endpoint, 0, length, 0, 0, 0, 0, 0];
    [&numbers.map(u32::to_be_bytes).concat(), data].concat()
}

fn unlink(seqnum: u32, submitted: u32) -> Vec<u8> {
    [2, seqnum, 0x0001_0001, 0, 0, submitted, 0, 0, 0, 0, 0, 0].map(u32::to_be_bytes).concat()
}

/// One block of a fixture file: its name, and its other lines in order.
struct Transcript {
    name: String,
    steps: Vec<(String, String)>,
}

fn transcripts() -> Vec<Transcript> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/usbip/sessions.txt");
    let text = fs::read_to_string(path).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let blocks = lines.split(|line| line.is_empty()).filter(|block| !block.is_empty());
    let transcripts: Vec<Transcript> = blocks
        .map(|block| {
            let mut members = block.iter().map(|line| line.split_once(": ").expect("key: value"));
            let (Some(("name", name)), Some(("source", _))) = (members.next(), members.next()) else {
                panic!("name and source come first: {block:?}")
            };
            Transcript {
                name: name.into(),
                steps: members.map(|(key, value)| (key.into(), value.into())).collect(),
            }
        })
        .collect();
    println!("{} transcripts", transcripts.len());
    assert!(transcripts.len() > 30);
    transcripts
}

/// Hexadecimal digits, in which `00*12` is a byte twelve times.
fn bytes(text: &str) -> Vec<u8> {
    let word = |word: &str| match word.split_once('*') {
        Some((byte, times)) => wire::hex::decode(byte).unwrap().repeat(times.parse().unwrap()),
        None => wire::hex::decode(word).unwrap(),
    };
    text.split_whitespace().flat_map(word).collect()
}

/// Plays a transcript with what the client sends cut into pieces of `size` bytes.
fn play(transcript: &Transcript, size: usize) {
    let name = &transcript.name;
    let mut rig = Rig::default();
    for (key, value) in &transcript.steps {
        match key.as_str() {
            "client" => bytes(value).chunks(size).for_each(|piece| rig.client(piece)),
            "report" => rig.report(&bytes(value).try_into().unwrap()),
            "server" => assert_eq!(core::mem::take(&mut rig.sent), bytes(value), "{name}"),
            "heard" => assert_eq!(rig.heard.remove(0), bytes(value), "{name}"),
            "refused" => assert_eq!(rig.refused.map(|why| format!("{why}")).as_ref(), Some(value), "{name}"),
            other => panic!("{name}: unknown key {other}"),
        }
    }
    assert!(rig.sent.is_empty() && rig.heard.is_empty(), "{name}: there was more");
    let refusal_expected = transcript.steps.last().is_some_and(|(key, _)| key == "refused");
    assert_eq!(rig.refused.is_some(), refusal_expected, "{name}: {:?}", rig.refused);
}

#[test]
fn sessions_go_as_the_fixtures_have_them_whatever_pieces_they_come_in() {
    for transcript in transcripts() {
        for size in [usize::MAX, 1, 7, 48, 49] {
            play(&transcript, size);
        }
    }
}

#[test]
fn nothing_is_read_after_a_refusal() {
    let mut rig = Rig::default();
    rig.client(b"GET / HTTP/1.1\r\n\r\n");
    assert_eq!(rig.refused, Some(Refusal::Version(0x4745)));
    rig.client(&message_import(b"1-1"));
    rig.report(&[1; 64]);
    assert_eq!((rig.sent.len(), rig.session.incoming.len()), (0, 0));
}

#[test]
fn an_answer_that_nobody_waits_for_goes_nowhere() {
    let [free, _] = devices();
    let mut session = Session::new();
    session.respond_list(core::slice::from_ref(&free));
    session.respond_import(Ok(&free));
    assert_eq!((session.poll_bytes(), session.has_device()), (None, false));
}

#[test]
fn a_report_before_the_import_goes_nowhere() {
    let mut rig = Rig::default();
    rig.report(&[1; 64]);
    rig.client(&message_import(b"1-1"));
    rig.sent.clear();
    rig.client(&submit(1, 1, 1, 64, &[]));
    assert!(rig.sent.is_empty());
}

/// How many reports a client finds that begins to read.
fn waiting(rig: &mut Rig) -> usize {
    let mut found = 0;
    loop {
        rig.sent.clear();
        rig.client(&submit(9, 1, 1, 64, &[]));
        if rig.sent.is_empty() {
            rig.client(&unlink(10, 9));
            rig.sent.clear();
            return found;
        }
        found += 1;
    }
}

#[test]
fn a_client_that_reads_misses_nothing_and_one_that_stopped_finds_only_the_newest() {
    let reports: Vec<Report> = (0..100).map(|number| [number; 64]).collect();
    let mut rig = Rig::imported();
    reports.iter().for_each(|report| rig.report(report));
    assert_eq!(waiting(&mut rig), STALE_LIMIT, "nobody has it open yet");

    // It reads: one transfer completes, and the next is on its way.
    rig.client(&submit(1, 1, 1, 64, &[]));
    reports.iter().for_each(|report| rig.report(report));
    assert_eq!(waiting(&mut rig), reports.len() - 1);

    // It wrote, and has not read yet.
    rig.client(&submit(2, 0, 1, 64, &[0; 64]));
    reports.iter().for_each(|report| rig.report(report));
    assert_eq!(waiting(&mut rig), reports.len());

    // It has closed the device: the newest are kept.
    rig.client(&submit(3, 1, 1, 64, &[]));
    rig.client(&unlink(4, 3));
    reports.iter().for_each(|report| rig.report(report));
    rig.sent.clear();
    rig.client(&submit(5, 1, 1, 64, &[]));
    assert_eq!(rig.sent.last(), Some(&84), "100 came and 16 are kept");
}

#[test]
fn a_client_that_reads_too_slowly_loses_the_oldest() {
    let mut rig = Rig::imported();
    rig.client(&submit(1, 0, 1, 64, &[0; 64]));
    (0..UNREAD_LIMIT + 10).for_each(|_| rig.report(&[1; 64]));
    assert_eq!(waiting(&mut rig), UNREAD_LIMIT);
}

#[test]
fn more_transfers_than_any_host_submits_are_refused() {
    let mut rig = Rig::imported();
    for seqnum in 0..u32::try_from(PARKED_LIMIT).unwrap() {
        rig.client(&submit(seqnum, 1, 1, 64, &[]));
        assert_eq!(rig.refused, None);
    }
    rig.client(&submit(1_000, 1, 1, 64, &[]));
    assert_eq!(rig.refused, Some(Refusal::TooMany));
}

/// A message that has a chance to mean something.
fn message() -> impl Strategy<Value = Vec<u8>> {
    let number = prop_oneof![4 => 0..4u32, 2 => Just(64), 1 => Just(0x0001_0001), 1 => any::<u32>()];
    let command = (
        1..5u32,
        prop::collection::vec(number, 11),
        prop::collection::vec(any::<u8>(), 0..70),
        any::<bool>(),
    );
    let command = command.prop_map(|(command, mut numbers, data, ours)| {
        if ours {
            numbers[1] = 0x0001_0001;
            numbers[7] = 0;
        }
        let numbers = numbers.into_iter().flat_map(u32::to_be_bytes);
        command.to_be_bytes().into_iter().chain(numbers).chain(data).collect()
    });
    prop_oneof![
        4 => command,
        2 => (0..6u32, 0..4u32, 0..3u32, 0..130u32).prop_map(|(seqnum, direction, endpoint, len)| {
            let data = if direction == 0 { vec![7; usize::try_from(len).unwrap()] } else { vec![] };
            submit(seqnum, direction, endpoint, len, &data)
        }),
        1 => (0..6u32, 0..6u32).prop_map(|(seqnum, submitted)| unlink(seqnum, submitted)),
        1 => prop::collection::vec(any::<u8>(), 0..100),
        1 => Just(message_import(b"1-1")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn nothing_that_a_client_sends_makes_it_panic_or_grow(
        imported: bool,
        messages in prop::collection::vec((message(), 0..4usize), 0..60),
    ) {
        let mut rig = if imported { Rig::imported() } else { Rig::default() };
        for (message, reports) in messages {
            rig.client(&message);
            (0..reports).for_each(|_| rig.report(&[7; 64]));
            let longest = usize::try_from(message::LONGEST_TRANSFER).unwrap() + 48;
            prop_assert!(rig.session.incoming.len() < longest);
            if let State::Imported(Imported { parked, unread, .. }) = &rig.session.state {
                prop_assert!(parked.len() <= PARKED_LIMIT && unread.len() <= UNREAD_LIMIT);
                prop_assert!(parked.is_empty() || unread.is_empty(), "both wait for each other");
            }
        }
    }

    #[test]
    fn every_submission_and_every_unlink_is_answered_once(
        steps in prop::collection::vec(0..4u8, 0..80),
    ) {
        let mut rig = Rig::imported();
        let (mut next, mut owed) = (0, Vec::new());
        for step in steps {
            next += 1;
            match step {
                0 => rig.client(&submit(next, 1, 1, 64, &[])),
                1 => rig.client(&submit(next, 0, 1, 64, &[1; 64])),
                2 => {
                    // The transfer before, whatever it is; one that is given up is not answered any more.
                    let before = next - 1;
                    let len = rig.sent.len();
                    rig.client(&unlink(next, before));
                    let status = rig.sent[len + 20..len + 24].to_vec();
                    if status == UNLINKED.to_be_bytes() {
                        owed.retain(|seqnum| *seqnum != before);
                    }
                }
                _ => {
                    rig.report(&[7; 64]);
                    continue;
                }
            }
            owed.push(next);
        }
        (0..80).for_each(|_| rig.report(&[7; 64]));
        let mut answered = Vec::new();
        let mut rest = rig.sent.as_slice();
        while let Some((head, behind)) = rest.split_first_chunk::<48>() {
            let number = |at: usize| u32::from_be_bytes(head[at..at + 4].try_into().unwrap());
            answered.push(number(4));
            // An input report follows; an output report's answer has no data. Only inputs were made of sevens.
            let data = if number(0) == 3 && behind.first() == Some(&7) { 64 } else { 0 };
            rest = &behind[data..];
        }
        answered.sort_unstable();
        prop_assert_eq!(answered, owed);
    }
}
