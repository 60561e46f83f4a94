//! `fauxkey exec`, with programs that every machine has. Real ones are in `tests/peers`.
use super::{Home, Ran};
use std::os::unix::fs::PermissionsExt;

/// What a program that was started says.
fn said(ran: &Ran) -> (Option<i32>, &str) {
    (ran.code, ran.stdout.trim_end())
}

/// `exec` of a shell script, in the usual `PATH`.
fn exec(home: &Home, flags: &[&str], script: &str) -> Ran {
    home.run(&[&["exec"], flags, &["--", "/bin/sh", "-c", script]].concat())
}

#[test]
fn a_program_gets_the_library_and_the_devices_and_its_exit_code_is_passed_on() {
    let home = Home::new();
    let script = "/bin/cat $FAUXKEY_EXEC/hidraw64/name; test -c /dev/hidraw64 && echo there; exit 7";
    let ran = exec(&home, &[], script);
    assert_eq!(said(&ran), (Some(7), "phone\nthere"), "{ran:?}");
    let ran = exec(&home, &[], "kill -TERM $$");
    assert_eq!(said(&ran), (Some(143), ""), "{ran:?}");
    let ran = exec(&home, &[], "/bin/ls $FAUXKEY_EXEC/../");
    assert_eq!(said(&ran), (Some(0), "64.sock\nbus\nlibudev.so.1"), "{ran:?}");
    assert!(!home.path().join("run/exec/64.sock").exists(), "the socket goes with the device");
}

#[test]
fn an_ephemeral_device_can_be_controlled_by_the_program_and_leaves_nothing_behind() {
    let home = Home::new();
    let fauxkey = env!("CARGO_BIN_EXE_fauxkey");
    let script =
        format!("echo $FAUXKEY_EXEC; {fauxkey} device show | /usr/bin/head -2; test -c /dev/hidraw64");
    let ran = exec(&home, &["--ephemeral", "--profile", "security-key"], &script);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stdout.contains("security-key"), "{ran:?}");
    let bus = ran.stdout.lines().next().unwrap();
    assert!(!std::path::Path::new(bus).exists() && !home.path().exists(), "{bus}");
}

#[test]
fn only_the_devices_that_were_asked_for_are_there() {
    let home = Home::with_phone();
    home.run(&["device", "add", "key", "--profile", "security-key"]).done();
    let count = "/bin/cat $FAUXKEY_EXEC/*/name";
    assert_eq!(said(&exec(&home, &[], count)), (Some(0), "key\nphone"));
    assert_eq!(said(&exec(&home, &["--device", "key"], count)), (Some(0), "key"));
    assert_eq!(said(&exec(&home, &["--profile", "ms-authenticator-ios"], count)), (Some(0), "phone"));
}

#[test]
fn what_cannot_be_started_is_said_with_the_codes_of_a_shell() {
    let home = Home::new();
    let message = "fauxkey: there is no program no-such-program\n";
    home.run(&["exec", "--", "no-such-program"]).refused(127, message);
    let file = home.file("program", "no program");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let ran = home.run(&["exec", "--", &file]);
    assert_eq!(ran.code, Some(126), "{ran:?}");
    assert!(ran.stderr.contains("cannot start FOLDER/program: Permission denied"), "{ran:?}");
}
