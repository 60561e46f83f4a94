//! `fauxkey exec`, with programs that every machine has. Real ones are in `tests/peers`.
use super::{Home, ORIGIN, Ran, creation_options};
use rustix::process::{Pid, Signal, kill_process};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// After which something hangs.
const PATIENCE: Duration = Duration::from_secs(30);

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
    assert_eq!(said(&ran), (Some(0), "64.sock\nbus\nlibudev.so.1\nowner"), "{ran:?}");
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
fn the_environment_is_printed_for_those_who_start_programs_themselves_before_there_are_devices() {
    let home = Home::new();
    let printed = home.run(&["exec", "--print-env", "--json"]);
    // What is shown of a run has no folder of this machine in it.
    let printed = printed.stdout.replace("FOLDER", &home.folder.path().display().to_string());
    let variables: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed:?}"));
    let in_it = |script: &str| {
        let mut program = std::process::Command::new("/bin/sh");
        program.args(["-c", script]).env_clear();
        program.envs(variables.iter().map(|(name, value)| (name, value.as_str().unwrap())));
        program.stdin(Stdio::null()).output().unwrap()
    };
    let node = "test -c /dev/hidraw64";
    assert_eq!(in_it(&format!("{node} || echo none; /bin/ls $FAUXKEY_EXEC")).stdout, b"none\n");
    let inside = exec(&home, &[], "/bin/cat $FAUXKEY_EXEC/hidraw64/name");
    assert_eq!(said(&inside), (Some(0), "phone"), "{inside:?}");
    is_quiet(&home);
    let mut run = home.command(&["run", "--ephemeral", "--attach", "exec", "--ready-file", "ready"]);
    let mut running = run.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until(|| home.folder.path().join("ready").exists());
    let there = in_it(&format!("{node} && /bin/cat $FAUXKEY_EXEC/hidraw64/name"));
    kill_process(Pid::from_child(&running), Signal::TERM).unwrap();
    running.wait().unwrap();
    assert_eq!(there.stdout, b"phone\n", "{there:?}");
    // Lines of text are what a shell takes.
    let text = home.run(&["exec", "--print-env", "--device", "key"]);
    assert_eq!(text.stdout.lines().nth(2), Some("FAUXKEY_EXEC_DEVICES=key"), "{text:?}");
    assert!(text.stdout.starts_with("LD_PRELOAD=FOLDER/home/"), "{text:?}");
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

/// An `exec` beside others. Its program opens the device, says so, waits until it is told to go on, greets the
/// device over the connection that it has, and prints the first bytes of the answer.
struct Beside<'a> {
    home: &'a Home,
    name: &'static str,
    child: Child,
}

impl<'a> Beside<'a> {
    fn start(home: &'a Home, name: &'static str) -> Self {
        let file = |what: &str| home.path().with_file_name(format!("{name}-{what}")).display().to_string();
        // CTAPHID_INIT with a nonce (CTAP 2.1 §11.2.9.1.3).
        let greeting = format!("\\377\\377\\377\\377\\206\\000\\010abcdefgh{}", "\\000".repeat(49));
        // It ends with the folder too: a program that was left behind waits for nobody.
        let script = format!(
            "exec 3<>/dev/hidraw64; : > {0}; while ! test -e {1} && test -e {0}; do /bin/sleep 0.02; done; \
             printf '{greeting}' >&3; /usr/bin/od -An -tx1 -N15 <&3; exit 7",
            file("is-there"),
            file("may-go-on"),
        );
        let mut command = home.command(&["exec", "--", "/bin/sh", "-c", &script]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let beside = Self { home, name, child: child.unwrap() };
        until(|| beside.file("is-there").exists());
        beside
    }

    fn file(&self, what: &str) -> std::path::PathBuf {
        self.home.path().with_file_name(format!("{}-{what}", self.name))
    }

    /// Lets it go on, and sees that its device was there to the end. Whoever reads what it writes does not wait
    /// for anybody else.
    fn ends_well(self) {
        std::fs::write(self.file("may-go-on"), "").unwrap();
        let output = self.child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(7), "{output:?}");
        assert_eq!(said.trim(), "ff ff ff ff 86 00 11 61 62 63 64 65 66 67 68", "{output:?}");
    }
}

fn until(condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < PATIENCE, "it hangs");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Nobody has the vault, and nothing of the devices is left.
fn is_quiet(home: &Home) {
    let left = |name: &str| home.path().join("run").join(name).exists();
    let files = ["instance.json", "token", "exec/owner", "exec/64.sock", "exec/bus/hidraw64"];
    assert_eq!(files.map(left), [false; 5]);
}

fn register(home: &Home, user: &str) {
    let options = creation_options(user).to_string();
    home.run_with(&["webauthn", "create", "-", "--origin", ORIGIN], &options).done();
}

#[test]
fn two_programs_share_the_devices_of_the_first_and_the_second_keeps_them_when_the_first_has_ended() {
    let home = Home::new();
    let first = Beside::start(&home, "first");
    let second = Beside::start(&home, "second");
    first.ends_well();
    // Through the instance, which is still there.
    register(&home, "ada");
    assert!(home.path().join("run/instance.json").exists());
    second.ends_well();
    is_quiet(&home);
    assert_eq!(home.json(&["passkey", "list"]).as_array().unwrap().len(), 1);
}

#[test]
fn the_first_keeps_the_devices_when_the_second_has_ended_and_a_third_may_come_and_go() {
    let home = Home::new();
    let first = Beside::start(&home, "first");
    Beside::start(&home, "second").ends_well();
    let third = Beside::start(&home, "third");
    first.ends_well();
    third.ends_well();
    is_quiet(&home);
    // Nor is anything in the way of the next.
    Beside::start(&home, "fourth").ends_well();
    is_quiet(&home);
}

#[test]
fn programs_that_start_and_end_together_agree_on_who_has_the_devices() {
    let home = Home::with_phone();
    for _ in 0..3 {
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| exec(&home, &[], "/bin/cat $FAUXKEY_EXEC/hidraw64/name; exit 7")))
                .collect();
            for thread in threads {
                let ran = thread.join().unwrap();
                assert_eq!(said(&ran), (Some(7), "phone"), "{ran:?}");
            }
        });
        is_quiet(&home);
    }
}

#[test]
fn devices_whose_users_were_all_killed_go_by_themselves() {
    let home = Home::new();
    let mut all = [Beside::start(&home, "first"), Beside::start(&home, "second")];
    for beside in &mut all {
        beside.child.kill().unwrap();
        beside.child.wait().unwrap();
    }
    until(|| !home.path().join("run/exec/owner").exists());
    home.run(&["exec", "--", "/bin/true"]).done();
    is_quiet(&home);
    // The programs are nobody's now.
    all.iter().for_each(|beside| std::fs::write(beside.file("may-go-on"), "").unwrap());
}

#[test]
fn a_signal_ends_a_program_at_once_while_another_one_keeps_the_devices() {
    let home = Home::new();
    let mut first = Beside::start(&home, "first");
    let second = Beside::start(&home, "second");
    let pid = Pid::from_raw(first.child.id().try_into().unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    assert_eq!(first.child.wait().unwrap().code(), Some(143));
    second.ends_well();
    is_quiet(&home);
}
