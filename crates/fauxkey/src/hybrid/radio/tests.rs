//! Every way to send and hear an advert, against itself and with what can go wrong.
use super::world::World;
use super::*;
use proptest::prelude::*;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Instant;
use tempfile::TempDir;

/// Longer than anything here takes, on a machine that does much else.
const LONG: Duration = Duration::from_secs(20);
/// Longer than an advert takes to be heard again.
const SHORT: Duration = Duration::from_millis(250);

fn world() -> (TempDir, World) {
    let folder = tempfile::tempdir().unwrap();
    let world = World::start(&folder.path().join("bus")).unwrap();
    (folder, world)
}

fn failure<T>(result: Result<T, Failure>) -> (FailureKind, String) {
    let failure = result.err().expect("a failure");
    (failure.kind, failure.message)
}

/// Listens until it has heard each of these.
fn hear(scanner: &mut dyn Scanner, wanted: &[&[u8]]) {
    let mut missing: Vec<_> = wanted.to_vec();
    let begun = Instant::now();
    while !missing.is_empty() {
        assert!(begun.elapsed() < LONG, "not heard: {missing:?}");
        if let Some(data) = scanner.next(SHORT).unwrap() {
            missing.retain(|wanted| *wanted != data);
        }
    }
}

/// Listens until nothing is heard any more but these.
fn hear_nothing_but(scanner: &mut dyn Scanner, wanted: &[&[u8]]) {
    let begun = Instant::now();
    let mut since = Instant::now();
    while since.elapsed() < SHORT {
        assert!(begun.elapsed() < LONG, "it is still heard");
        if scanner.next(SHORT).unwrap().is_some_and(|data| !wanted.contains(&data.as_slice())) {
            since = Instant::now();
        }
    }
}

#[test]
fn radios_are_read_as_they_are_written() {
    for (text, radio) in [
        ("bluez", Radio::BlueZ { adapter: None }),
        ("bluez:hci1", Radio::BlueZ { adapter: Some("hci1".into()) }),
        ("socket:/tmp/a:b", Radio::Socket("/tmp/a:b".into())),
        ("command:advertise -x 'a b'", Radio::Command("advertise -x 'a b'".into())),
        ("off", Radio::Off),
    ] {
        assert_eq!(text.parse::<Radio>().unwrap(), radio);
        assert_eq!(radio.to_string(), text);
    }
}

#[test]
fn what_is_no_radio_is_refused_with_the_reason() {
    for (text, message) in [
        ("", "\"\" is no way to send an advert"),
        ("BlueZ", "\"BlueZ\" is no way to send an advert"),
        ("off:now", "\"off:now\" is no way to send an advert"),
        ("bluez:", "\"\" is no name of a Bluetooth adapter, which is like hci0"),
        ("bluez:hci", "\"hci\" is no name of a Bluetooth adapter, which is like hci0"),
        ("bluez:../hci0", "\"../hci0\" is no name of a Bluetooth adapter, which is like hci0"),
        ("socket:", "the path of the advert's socket is empty"),
        ("command: ", "the command that is to send the advert is empty"),
    ] {
        let failure = text.parse::<Radio>().unwrap_err();
        assert_eq!((failure.kind, failure.message.as_str()), (FailureKind::Invalid, message));
        assert!(failure.hint.unwrap().contains("bluez:hci1"));
    }
}

#[test]
fn a_radio_that_is_off_neither_sends_nor_hears() {
    let off = (FailureKind::Conflict, "Bluetooth is off".to_owned());
    assert_eq!(failure(Radio::Off.advertiser()), off);
    assert_eq!(failure(Radio::Off.scanner()), off);
}

#[test]
fn in_the_world_an_advert_is_heard_until_it_is_stopped_whoever_came_first() {
    let (_folder, world) = world();
    let mut early = world.scanner().unwrap();
    let mut advertiser = world.advertiser().unwrap();
    advertiser.advertise(&[7; 20]).unwrap();
    let mut late = world.scanner().unwrap();
    for scanner in [&mut early, &mut late] {
        hear(scanner.as_mut(), &[&[7; 20]]);
        // Again and again.
        hear(scanner.as_mut(), &[&[7; 20]]);
    }
    // Another advert takes its place.
    advertiser.advertise(&[8; 27]).unwrap();
    hear(early.as_mut(), &[&[8; 27]]);
    hear_nothing_but(early.as_mut(), &[&[8; 27]]);
    advertiser.stop();
    hear_nothing_but(early.as_mut(), &[]);
    // Its device is gone as well.
    let bus = client(&world);
    let objects = zbus::block_on(async {
        zbus::fdo::ObjectManagerProxy::new(&bus, "org.bluez", "/").await.unwrap().get_managed_objects().await
    });
    assert!(objects.unwrap().keys().all(|path| !path.contains("/dev_")));
}

#[test]
fn in_the_world_several_advertise_at_once_until_there_is_no_room() {
    let (_folder, world) = world();
    let mut scanner = world.scanner().unwrap();
    let mut advertisers: Vec<_> = (0..6).map(|_| world.advertiser().unwrap()).collect();
    for (number, advertiser) in advertisers.iter_mut().take(5).enumerate() {
        advertiser.advertise(&[u8::try_from(number).unwrap(); 20]).unwrap();
    }
    hear(scanner.as_mut(), &[&[0; 20], &[1; 20], &[2; 20], &[3; 20], &[4; 20]]);
    let no_room =
        (FailureKind::Conflict, "the Bluetooth adapter hci0 has no room for another advert".to_owned());
    assert_eq!(failure(advertisers[5].advertise(&[5; 20])), no_room);
    assert_eq!(failure(world.advertiser()), no_room);
    // Who leaves makes room, and is not heard any more.
    advertisers.swap_remove(0);
    let begun = Instant::now();
    while advertisers[0].advertise(&[5; 20]).is_err() {
        assert!(begun.elapsed() < LONG);
    }
    hear(scanner.as_mut(), &[&[5; 20]]);
    hear_nothing_but(scanner.as_mut(), &[&[1; 20], &[2; 20], &[3; 20], &[4; 20], &[5; 20]]);
}

#[test]
fn in_the_world_bluetooth_is_turned_off_and_on_for_both_sides() {
    let (_folder, world) = world();
    let mut scanner = world.scanner().unwrap();
    let mut advertiser = world.advertiser().unwrap();
    world.power(false).unwrap();
    let off = (FailureKind::Conflict, "Bluetooth is off: the adapter hci0 has no power".to_owned());
    assert_eq!(failure(advertiser.advertise(&[1; 20])), off);
    assert_eq!(failure(world.advertiser()), off);
    assert_eq!(failure(world.scanner()), off);
    let begun = Instant::now();
    while let Ok(heard) = scanner.next(LONG) {
        assert!(heard.is_none() && begun.elapsed() < LONG);
    }
    world.power(true).unwrap();
    advertiser.advertise(&[1; 20]).unwrap();
    hear(world.scanner().unwrap().as_mut(), &[&[1; 20]]);
}

#[test]
fn an_advertiser_may_go_to_another_thread_than_the_one_that_made_it() {
    let (_folder, world) = world();
    let mut scanner = world.scanner().unwrap();
    let mut advertiser =
        std::thread::scope(|scope| scope.spawn(|| world.advertiser().unwrap()).join().unwrap());
    advertiser.advertise(&[3; 20]).unwrap();
    let mut scanner = std::thread::spawn(move || {
        hear(scanner.as_mut(), &[&[3; 20]]);
        scanner
    })
    .join()
    .unwrap();
    drop(advertiser);
    hear_nothing_but(scanner.as_mut(), &[]);
}

#[test]
fn a_scanner_waits_as_long_as_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (_world_folder, world) = world();
    let socket = Radio::Socket(folder.path().join("air")).scanner().unwrap();
    for mut scanner in [world.scanner().unwrap(), socket] {
        let begun = Instant::now();
        assert_eq!(scanner.next(Duration::ZERO).unwrap(), None);
        assert_eq!(scanner.next(Duration::from_millis(80)).unwrap(), None);
        assert!(begun.elapsed() >= Duration::from_millis(80));
    }
}

#[test]
fn when_the_world_ends_everybody_is_told() {
    let (folder, world) = world();
    let mut scanner = world.scanner().unwrap();
    let mut advertiser = world.advertiser().unwrap();
    advertiser.advertise(&[1; 20]).unwrap();
    drop(world);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    let begun = Instant::now();
    let end = loop {
        assert!(begun.elapsed() < LONG);
        if let Err(end) = scanner.next(SHORT) {
            break end;
        }
    };
    assert!(end.message.ends_with("while adverts were listened for"), "{}", end.message);
    assert!(advertiser.advertise(&[2; 20]).is_err());
}

#[test]
fn without_a_bus_or_with_nobody_on_it_it_is_said_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("unix:path={}", folder.path().join("bus").display());
    let none = bluez::Scanner::new(Some(&address), None).err().unwrap();
    assert_eq!(none.kind, FailureKind::NotFound);
    assert!(
        none.message.starts_with(&format!("the system bus {address} cannot be reached: ")),
        "{}",
        none.message
    );
    assert!(none.hint.unwrap().contains("hybrid lab"));

    let (_folder, world) = world();
    let mistaken = bluez::Advertiser::new(Some(&world.address()), Some("hci1"));
    let other = (FailureKind::NotFound, "there is no Bluetooth adapter hci1, but hci0".to_owned());
    assert_eq!(failure(mistaken), other);
}

#[test]
fn a_bus_without_bluez_is_told_apart_from_no_bus() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bus");
    let _held = world::alone(&path);
    let address = format!("unix:path={}", path.display());
    for failure in [
        bluez::Scanner::new(Some(&address), None).err().unwrap(),
        bluez::Advertiser::new(Some(&address), None).err().unwrap(),
    ] {
        assert_eq!(failure.kind, FailureKind::NotFound);
        assert_eq!(failure.message, "BlueZ is not running: nobody on the system bus is called org.bluez");
        assert!(failure.hint.unwrap().contains("systemctl start bluetooth"));
    }
}

/// Connects to the world's bus as other programs do.
fn client(world: &World) -> zbus::Connection {
    zbus::block_on(zbus::connection::Builder::address(world.address().as_str()).build()).unwrap()
}

#[test]
fn whatever_user_a_program_claims_to_be_the_bus_takes_it() {
    let (folder, world) = world();
    let builder = zbus::connection::Builder::address(world.address().as_str()).user_id(4711);
    let names = zbus::block_on(async {
        let bus = builder.build().await.unwrap();
        zbus::fdo::DBusProxy::new(&bus).await.unwrap().list_names().await.unwrap()
    });
    assert!(names.iter().any(|name| name.as_str() == "org.bluez"));
    use std::os::unix::fs::MetadataExt;
    assert_eq!(std::fs::metadata(folder.path().join("bus")).unwrap().mode() & 0o777, 0o600);
}

#[test]
fn who_calls_a_service_that_is_not_there_is_told_at_once() {
    let (_folder, world) = world();
    let bus = client(&world);
    for name in ["org.freedesktop.UPower", ":1.4711"] {
        let call = bus.call_method(Some(name), "/org", Some("org.freedesktop.DBus.Peer"), "Ping", &());
        let begun = Instant::now();
        let error = zbus::block_on(call).unwrap_err();
        assert!(begun.elapsed() < LONG);
        let zbus::Error::FDO(error) = error else { panic!("{error}") };
        let text = format!("nobody on this bus is called {name}");
        assert_eq!(*error, zbus::fdo::Error::ServiceUnknown(text));
    }
}

#[test]
fn a_browser_may_turn_bluetooth_on_for_its_user() {
    let (_folder, world) = world();
    world.power(false).unwrap();
    let bus = client(&world);
    zbus::block_on(async {
        let adapter =
            zbus::Proxy::new(&bus, "org.bluez", "/org/bluez/hci0", "org.bluez.Adapter1").await.unwrap();
        assert!(!adapter.get_property::<bool>("Powered").await.unwrap());
        adapter.set_property("Powered", true).await.unwrap();
        let begun = Instant::now();
        while adapter.get_property::<String>("PowerState").await.unwrap() != "on" {
            assert!(begun.elapsed() < LONG);
        }
    });
    world.advertiser().unwrap().advertise(&[1; 20]).unwrap();
}

#[test]
fn an_advert_that_its_program_does_not_show_is_refused() {
    let (_folder, world) = world();
    let bus = client(&world);
    let error = zbus::block_on(async {
        // It has objects, but not that one.
        bus.object_server().at("/elsewhere", zbus::fdo::ObjectManager).await.unwrap();
        let manager = "org.bluez.LEAdvertisingManager1";
        let manager = zbus::Proxy::new(&bus, "org.bluez", "/org/bluez/hci0", manager).await.unwrap();
        let nothing = zbus::ObjectPath::try_from("/nothing").unwrap();
        let options = std::collections::HashMap::<&str, zbus::Variant<'_>>::new();
        manager.call::<_, _, ()>("RegisterAdvertisement", &(nothing, options)).await.unwrap_err()
    });
    let zbus::Error::MethodError(name, text, _) = error else { panic!("{error}") };
    assert_eq!(name.as_str(), "org.bluez.Error.Failed");
    assert!(text.unwrap().ends_with("did not show its advert at /nothing"));
}

#[test]
fn a_bus_cannot_start_where_a_file_is_already() {
    let (folder, _world) = world();
    let second = failure(World::start(&folder.path().join("bus")));
    assert_eq!(second.0, FailureKind::Broken);
    assert!(second.1.contains("cannot start a message bus at"), "{}", second.1);
}

#[test]
fn who_hangs_up_talks_nonsense_or_says_nothing_does_not_disturb_the_bus() {
    let (folder, world) = world();
    let path = folder.path().join("bus");
    let mut silent = Vec::new();
    for nonsense in [
        &b""[..],
        b"\0",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\0BEGIN\r\n",
        &[b'A'; 4096],
        b"\0AUTH EXTERNAL 30\r\nBEGIN\r\nl\x01\0\x01 not a message",
    ] {
        let mut stream = UnixStream::connect(&path).unwrap();
        drop(stream.write_all(nonsense));
        silent.push(stream);
    }
    // Who begins otherwise than the protocol does is hung up on without a word.
    let mut answer = Vec::new();
    drop(std::io::Read::read_to_end(&mut silent[2], &mut answer));
    assert!(answer.is_empty());
    let mut advertiser = world.advertiser().unwrap();
    advertiser.advertise(&[9; 20]).unwrap();
    hear(world.scanner().unwrap().as_mut(), &[&[9; 20]]);
}

#[test]
fn over_a_socket_adverts_are_heard_until_they_are_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let radio = Radio::Socket(folder.path().join("air"));
    let mut scanner = radio.scanner().unwrap();
    let mut advertisers: Vec<_> = (0..3_u8)
        .map(|number| {
            let mut advertiser = radio.advertiser().unwrap();
            advertiser.advertise(&[number; 20]).unwrap();
            advertiser
        })
        .collect();
    hear(scanner.as_mut(), &[&[0; 20], &[1; 20], &[2; 20]]);
    hear(scanner.as_mut(), &[&[0; 20], &[1; 20], &[2; 20]]);
    advertisers[0].advertise(&[5; 1]).unwrap();
    advertisers.truncate(1);
    hear(scanner.as_mut(), &[&[5; 1]]);
    hear_nothing_but(scanner.as_mut(), &[&[5; 1]]);
    advertisers[0].stop();
    hear_nothing_but(scanner.as_mut(), &[]);
}

#[test]
fn over_a_socket_an_advertiser_finds_the_scanner_that_comes_after_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let radio = Radio::Socket(folder.path().join("air"));
    let first = radio.scanner().unwrap();
    let mut advertiser = radio.advertiser().unwrap();
    advertiser.advertise(&[1; 20]).unwrap();
    drop(first);
    hear(radio.scanner().unwrap().as_mut(), &[&[1; 20]]);
}

#[test]
fn a_socket_without_a_scanner_one_that_is_taken_and_a_file_that_is_none_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("air");
    let radio = Radio::Socket(path.clone());
    let nobody = (FailureKind::NotFound, format!("nobody listens for adverts at {}", path.display()));
    assert_eq!(failure(radio.advertiser().unwrap().advertise(&[1])), nobody);
    let scanner = radio.scanner().unwrap();
    let taken = failure(radio.scanner());
    assert_eq!((taken.0, taken.1.ends_with("another program listens there")), (FailureKind::Conflict, true));
    drop(scanner);
    assert_eq!(failure(radio.advertiser().unwrap().advertise(&[1])), nobody);
    // A file that a dead process left is replaced.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert_eq!(failure(radio.advertiser().unwrap().advertise(&[1])), nobody);
    drop(radio.scanner().unwrap());
    std::fs::write(&path, "text").unwrap();
    assert!(failure(radio.scanner()).1.ends_with("there is a file already, and it is no socket"));
    assert_eq!(std::fs::read(&path).unwrap(), b"text");
    let nowhere = Radio::Socket("/nonexistent/air".into());
    assert!(failure(nowhere.scanner()).1.starts_with("cannot listen for adverts at /nonexistent/air: "));
}

/// What a scanner says to what is written to it.
fn told(path: &Path, scanner: &mut dyn Scanner, bytes: &[u8]) -> Result<Option<Vec<u8>>, Failure> {
    let mut stream = UnixStream::connect(path).unwrap();
    stream.write_all(bytes).unwrap();
    scanner.next(Duration::from_millis(50))
}

#[test]
fn lines_that_are_no_adverts_are_told_and_the_scanner_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("air");
    let mut scanner = Radio::Socket(path.clone()).scanner().unwrap();
    let good = b"{\"uuid\":\"FFF9\",\"data\":\"00fF\"}\r\n";
    for (line, why) in [
        (&b"hello\n"[..], "expected"),
        (b"\n", "EOF"),
        (b"{\"uuid\":\"fff9\"}\n", "missing field `data`"),
        (b"{\"uuid\":\"fff\",\"data\":\"00\"}\n", "is no 16-bit UUID"),
        (b"{\"uuid\":\"+ff9\",\"data\":\"00\"}\n", "is no 16-bit UUID"),
        (b"{\"uuid\":\"fff9\",\"data\":\"\"}\n", "its data is not"),
        (b"{\"uuid\":\"fff9\",\"data\":\"0\"}\n", "its data is not"),
        (b"{\"uuid\":\"fff9\",\"data\":\"0g\"}\n", "its data is not"),
        (&[b'x'; 1100], "a line of more than 1024 bytes"),
    ] {
        let (kind, message) = failure(told(&path, scanner.as_mut(), line));
        assert_eq!(kind, FailureKind::Invalid);
        assert!(message.contains(why), "{message}");
        assert_eq!(told(&path, scanner.as_mut(), good).unwrap(), Some(vec![0x00, 0xFF]));
    }
    // Other services are in the air as well, and the former one is still FIDO's.
    assert_eq!(told(&path, scanner.as_mut(), b"{\"uuid\":\"180f\",\"data\":\"00\"}\n").unwrap(), None);
    assert_eq!(
        told(&path, scanner.as_mut(), b"{\"uuid\":\"fde2\",\"data\":\"01\"}\n").unwrap(),
        Some(vec![1])
    );
}

#[test]
fn who_writes_more_than_is_read_is_heard_as_far_as_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("air");
    let mut scanner = Radio::Socket(path.clone()).scanner().unwrap();
    let line = b"{\"uuid\":\"fff9\",\"data\":\"07\"}\n".repeat(1000);
    let mut streams: Vec<_> = (0..40).map(|_| UnixStream::connect(&path).unwrap()).collect();
    for stream in &mut streams {
        drop(stream.write_all(&line));
    }
    for _ in 0..300 {
        assert_eq!(scanner.next(SHORT).unwrap(), Some(vec![7]));
    }
}

#[test]
fn a_command_is_given_the_advert_and_ended_with_all_that_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("said");
    // The shell starts another one and both take their time.
    let script = format!(
        "echo $FAUXKEY_ADVERT > {0}; trap 'echo ended >> {0}; exit 0' TERM; sleep 60 & echo $! > {0}.pid; wait",
        file.display()
    );
    let mut advertiser = Radio::Command(script).advertiser().unwrap();
    let said = || std::fs::read_to_string(&file).unwrap_or_default();
    advertiser.advertise(&[0x00, 0xAB, 0xFF]).unwrap();
    let begun = Instant::now();
    while !folder.path().join("said.pid").exists() {
        assert!(begun.elapsed() < LONG);
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(said(), "00abff\n");
    advertiser.stop();
    assert_eq!(said(), "00abff\nended\n");
    let sleeper = std::fs::read_to_string(folder.path().join("said.pid")).unwrap();
    let status = Path::new("/proc").join(sleeper.trim()).join("cmdline");
    let begun = Instant::now();
    while std::fs::read(&status).is_ok_and(|line| !line.is_empty()) {
        assert!(begun.elapsed() < LONG);
        std::thread::sleep(Duration::from_millis(5));
    }
    // Stopping once more is nothing.
    advertiser.stop();
}

#[test]
fn a_command_that_does_not_want_to_end_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid");
    let script = format!("trap '' TERM; echo $$ > {}; while :; do sleep 1; done", file.display());
    let mut advertiser = Radio::Command(script).advertiser().unwrap();
    advertiser.advertise(&[1]).unwrap();
    let begun = Instant::now();
    let process = loop {
        assert!(begun.elapsed() < LONG);
        let number = std::fs::read_to_string(&file).unwrap_or_default();
        if number.ends_with('\n') {
            break Path::new("/proc").join(number.trim());
        }
    };
    assert!(process.exists());
    drop(advertiser);
    assert!(!process.exists());
}

#[test]
fn a_command_that_fails_at_once_is_told_and_one_that_has_done_its_work_is_not() {
    let ended = failure(Radio::Command("exit 3".into()).advertiser().unwrap().advertise(&[1]));
    assert_eq!(
        ended,
        (FailureKind::Broken, "the advert's command \"exit 3\" ended at once: exit status: 3".into())
    );
    Radio::Command("true".into()).advertiser().unwrap().advertise(&[1]).unwrap();
    let (kind, message) = failure(Radio::Command("true".into()).scanner());
    assert_eq!(
        (kind, message.as_str()),
        (FailureKind::Invalid, "a command can send adverts, but not hear them")
    );
}

#[test]
fn data_that_does_not_fit_into_an_advert_is_refused_by_every_radio() {
    let folder = tempfile::tempdir().unwrap();
    let (_world_folder, world) = world();
    let path = folder.path().join("air");
    let radio = Radio::Socket(path);
    let _scanner = radio.scanner().unwrap();
    for mut advertiser in [
        world.advertiser().unwrap(),
        radio.advertiser().unwrap(),
        Radio::Command("true".into()).advertiser().unwrap(),
    ] {
        for length in [0, 28] {
            let message = format!("an advert holds 1 to 27 bytes of service data, not {length}");
            assert_eq!(failure(advertiser.advertise(&vec![1; length])), (FailureKind::Invalid, message));
        }
        advertiser.advertise(&[1; 27]).unwrap();
    }
}

proptest! {
    #[test]
    fn no_text_makes_reading_a_radio_panic_and_what_is_read_is_written_the_same(text in ".{0,40}|(bluez|socket|command|off):?.{0,20}") {
        if let Ok(radio) = text.parse::<Radio>() {
            prop_assert_eq!(radio.to_string(), text);
        }
    }
}
