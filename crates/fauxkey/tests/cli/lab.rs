//! `fauxkey hybrid lab`, with programs that every machine has. Real browsers are in `tests/peers`.
//!
//! Each test but the first has nothing to do where this machine lets nobody make namespaces, and says so.
use super::{Home, Ran};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// After which something hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// A shell script in the lab.
fn lab(home: &Home, flags: &[&str], script: &str) -> Ran {
    let script = format!("PATH=/usr/bin:/bin; {script}");
    home.run(&[&["hybrid", "lab"], flags, &["--", "/bin/sh", "-c", &script]].concat())
}

/// Whether there can be a lab here. Where there is none, a failure must say what to do.
fn is_possible(home: &Home) -> bool {
    let ran = lab(home, &[], "exit 7");
    if ran.code != Some(7) {
        assert!(ran.stderr.contains("hint: "), "{ran:?}");
        eprintln!("not tested here: {}", ran.stderr);
    }
    ran.code == Some(7)
}

/// The lab as a process that goes on, with the first line that its script says.
fn started(home: &Home, script: &str) -> (Child, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_fauxkey"))
        .args(["hybrid", "lab", "--", "/bin/sh", "-c", script])
        .env("FAUXKEY_HOME", home.path())
        .env_remove("HOME")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (child, line.trim().to_owned())
}

fn signal(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

/// Waits until a process is gone, or waits to be asked how it ended.
fn ends(process: &str) {
    let begun = Instant::now();
    let stat = format!("/proc/{process}/stat");
    while std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z ")) {
        assert!(begun.elapsed() < PATIENCE, "{process} is still there");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn the_command_is_who_the_caller_is_and_its_exit_code_is_passed_on() {
    let home = Home::new();
    if !is_possible(&home) {
        return;
    }
    let id = Command::new("id").args(["-u"]).output().unwrap().stdout;
    assert_eq!(lab(&home, &[], "id -u").stdout, String::from_utf8(id).unwrap());
    assert_eq!(lab(&home, &[], "kill -TERM $$").code, Some(143));
    assert_eq!(home.run(&["hybrid", "lab", "--", "/no/such/program"]).code, Some(127));
    assert_eq!(home.run(&["hybrid", "lab", "--", "/etc/hosts"]).code, Some(126));
}

#[test]
fn names_roots_and_network_are_others_inside_and_the_same_outside() {
    let home = Home::new();
    if !is_possible(&home) {
        return;
    }
    let hosts = std::fs::read_to_string("/etc/hosts").unwrap();
    let ran = lab(&home, &["--name", "login.test"], "cat /etc/hosts; getent hosts cable.ua5v.com login.test");
    assert!(ran.stdout.contains("127.0.0.1 cable.ua5v.com cable.auth.com login.test\n"), "{ran:?}");
    assert_eq!(ran.stdout.lines().filter(|line| line.starts_with("127.0.0.1   ")).count(), 2, "{ran:?}");
    // What a server under test needs for its name, if openssl(1) is there to look.
    let script = "command -v openssl >&2 || exit 0; openssl verify -CAfile $SSL_CERT_FILE -verify_hostname login.test \
        $FAUXKEY_SERVER_CERTIFICATE >&2 && openssl pkey -in $FAUXKEY_SERVER_KEY -noout";
    let ran = lab(&home, &["--name", "login.test"], script);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let script = "grep -c BEGIN $FAUXKEY_TUNNEL_CA; cmp -s $SSL_CERT_FILE $FAUXKEY_TUNNEL_CA; \
        echo $FAUXKEY_LAB $FAUXKEY_TUNNEL; dirname $FAUXKEY_TUNNEL_CA; cat /proc/net/dev | grep -c :";
    let ran = lab(&home, &[], script);
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(lines[..2], ["1", "1 wss://cable.ua5v.com:443"], "{ran:?}");
    // A loopback, and the pair where there is one.
    assert!(["1", "3"].contains(&lines[3]), "{ran:?}");
    assert!(!std::path::Path::new(lines[2]).exists(), "{ran:?}");
    assert_eq!(std::fs::read_to_string("/etc/hosts").unwrap(), hosts);
}

#[test]
fn input_and_signals_reach_the_command() {
    let home = Home::new();
    if !is_possible(&home) {
        return;
    }
    let (mut child, line) = started(&home, "trap 'exit 5' TERM; echo here; while :; do sleep 0.1; done");
    assert_eq!(line, "here");
    signal(&child, Signal::TERM);
    assert_eq!(child.wait().unwrap().code(), Some(5));
}

#[test]
fn nothing_outlives_the_lab() {
    let home = Home::new();
    if !is_possible(&home) {
        return;
    }
    // An orphan in a session of its own, which does not listen.
    let ran = lab(&home, &[], "setsid sh -c 'trap \"\" TERM; sleep 60' >&2 & echo $!; exit 3");
    assert_eq!(ran.code, Some(3), "{ran:?}");
    ends(ran.stdout.trim());
    // And where the caller is ended without a word.
    let (mut child, process) = started(&home, "sleep 60 & echo $!; wait");
    signal(&child, Signal::KILL);
    child.wait().unwrap();
    ends(&process);
}

#[test]
fn what_is_no_name_is_refused() {
    let home = Home::new();
    let ran = lab(&home, &["--name", "a b"], "exit 7");
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("`a b` is no host name"), "{ran:?}");
}
