//! `fauxkey run`: an instance that stays, and how it goes.
use super::{Home, ORIGIN, creation_options, files};
use rustix::pipe::fcntl_setpipe_size;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(20);

/// A `fauxkey run` that is ready.
pub(super) struct Instance {
    child: Child,
    pub(super) ready: Value,
    ready_file: PathBuf,
    /// What it says on stderr, line by line.
    said: Receiver<String>,
}

/// Waits until `done`, and panics if that takes too long.
#[track_caller]
fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain until {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

impl Instance {
    #[track_caller]
    pub(super) fn start(home: &Home, more: &[&str]) -> Self {
        Self::start_as("run", home, more)
    }

    /// The same by another verb that stays.
    #[track_caller]
    pub(super) fn start_as(verb: &str, home: &Home, more: &[&str]) -> Self {
        let ready_file = home.folder.path().join("ready.json");
        let file = ready_file.display().to_string();
        let mut command = home.command(&[&[verb, "--ready-file", &file], more].concat());
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, said) = channel();
        thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        wait_until("the instance is ready", || {
            if let Some(status) = child.try_wait().unwrap() {
                panic!("it ended with {status}: {:?}", said.try_iter().collect::<Vec<_>>());
            }
            ready_file.exists()
        });
        let ready = serde_json::from_str(&fs::read_to_string(&ready_file).unwrap()).unwrap();
        Self { child, ready, ready_file, said }
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().try_into().unwrap()).unwrap()
    }

    /// Sends a signal and waits for the end.
    #[track_caller]
    pub(super) fn stop(mut self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
        wait_until("it ends", || self.child.try_wait().unwrap().is_some());
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
        assert!(!self.ready_file.exists());
    }

    /// Waits for a line with `text` in it.
    #[track_caller]
    fn says(&self, text: &str) {
        let begun = Instant::now();
        let mut heard = Vec::new();
        while let Ok(line) = self.said.recv_timeout(PATIENCE.saturating_sub(begun.elapsed())) {
            if line.contains(text) {
                return;
            }
            heard.push(line);
        }
        panic!("{text:?} was not said, but {heard:#?}");
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn socket_of(device: &Value) -> PathBuf {
    let address = device["attached"][0].as_str().unwrap();
    PathBuf::from(address.strip_prefix("unix:").unwrap_or_else(|| panic!("{address}")))
}

fn create(home: &Home) -> super::Ran {
    home.run_with(&["webauthn", "create", "--origin", ORIGIN], &creation_options("ada").to_string())
}

#[test]
fn the_first_run_makes_a_phone_and_says_where_everything_is() {
    let home = Home::new();
    let instance = Instance::start(&home, &["--attach", "socket"]);
    let ready = &instance.ready;
    assert_eq!(ready["pid"], instance.child.id());
    assert_eq!(ready["devices"][0]["name"], "phone");
    assert_eq!(ready["devices"][0]["profile"], "ms-authenticator-ios");
    assert!(ready["url"].as_str().unwrap().starts_with("http://127.0.0.1:"));
    assert_eq!(ready.get("token"), None, "it is in a file of its own");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let token = PathBuf::from(ready["tokenFile"].as_str().unwrap());
    assert_eq!((mode(&token), mode(&instance.ready_file)), (0o600, 0o600));
    assert!(socket_of(&ready["devices"][0]).exists());
    instance.says("Software keys protect nothing");
}

#[test]
fn other_commands_ask_the_running_instance() {
    let home = Home::with_phone();
    let instance = Instance::start(&home, &["--attach", "socket"]);
    create(&home).done();
    instance.says("phone: asks: a new passkey at example.test for ada (face, finger or code)");
    instance.says("phone: authenticatorMakeCredential over usb: done");
    home.run(&["device", "user", "deny"]).done();
    assert_eq!(create(&home).code, Some(1));
    instance.says("refused with 0x27 OPERATION_DENIED: CTAP 2.1 §6.1.2");
    home.run(&["device", "power", "off"]).done();
    instance.says("phone: power off");
    create(&home).refused(
        1,
        "fauxkey: phone has no power\n\
         hint: `fauxkey device power on --device phone` gives it some\n",
    );
    instance.stop(Signal::INT);
    assert_eq!(home.json(&["passkey", "list"])[0]["userName"], "ada", "what was acknowledged is kept");
}

#[test]
fn a_signal_ends_it_cleanly_and_leaves_nothing_behind() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let home = Home::with_phone();
        let instance = Instance::start(&home, &["--attach", "socket"]);
        let run = home.path().join("run");
        assert_eq!(files(&run).len(), 3, "socket, token and address");
        instance.stop(signal);
        assert_eq!(files(&run), Vec::<PathBuf>::new());
        home.run(&["device", "list"]).done();
    }
}

#[test]
fn a_signal_that_comes_twice_at_once_is_one_signal() {
    let home = Home::with_phone();
    let instance = Instance::start(&home, &["--attach", "socket"]);
    // As timeout(1) does: to the process, and to its group.
    kill_process(instance.pid(), Signal::INT).unwrap();
    instance.stop(Signal::INT);
    assert_eq!(files(&home.path().join("run")), Vec::<PathBuf>::new());
}

#[test]
fn nobody_needs_to_read_what_it_says() {
    let home = Home::with_phone();
    let mut instance = Instance::start(&home, &["--json", "-v", "--attach", "socket"]);
    // Nobody reads this pipe, nor closes it.
    let mut unread = instance.child.stdout.take().unwrap();
    let size = fcntl_setpipe_size(&unread, 4096).unwrap();
    for _ in 0..60 {
        home.run(&["device", "power", "cycle"]).done();
    }
    instance.stop(Signal::TERM);
    let mut written = String::new();
    unread.read_to_string(&mut written).unwrap();
    assert!(written.len() > size - 100, "the pipe was not even full: {} of {size} bytes", written.len());
}

#[test]
fn it_ends_when_nobody_can_read_what_it_says() {
    let home = Home::with_phone();
    let mut instance = Instance::start(&home, &["--json", "--attach", "socket"]);
    drop(instance.child.stdout.take());
    home.run(&["device", "power", "cycle"]).done();
    wait_until("it ends", || instance.child.try_wait().unwrap().is_some());
    assert_eq!(instance.child.wait().unwrap().code(), Some(0), "as any reader that has had enough");
    assert!(!instance.ready_file.exists());
    assert_eq!(files(&home.path().join("run")), Vec::<PathBuf>::new());
}

#[test]
fn a_device_keeps_its_profile() {
    let home = Home::with_phone();
    home.run(&["run", "--device", "phone", "--profile", "security-key"]).refused(
        1,
        "fauxkey: the device phone is of the profile ms-authenticator-ios\n\
         hint: leave --profile out, or name another device, which is then made\n",
    );
}

#[test]
fn a_second_instance_is_told_who_has_the_vault() {
    let home = Home::with_phone();
    let instance = Instance::start(&home, &["--attach", "socket"]);
    home.run(&["run"]).refused(
        1,
        &format!(
            "fauxkey: the vault FOLDER/home/data/vault is in use by fauxkey (process {})\n\
             hint: talk to the running instance, or stop it\n",
            instance.child.id()
        ),
    );
    create(&home).done();
}

#[test]
fn an_ephemeral_instance_leaves_nothing_on_disk_and_is_found_by_its_variables() {
    let home = Home::new();
    let instance = Instance::start(&home, &["--ephemeral"]);
    let of = |member: &str| instance.ready[member].as_str().unwrap().to_owned();
    let listed = |token: &str| {
        let mut command = home.command(&["--json", "device", "list"]);
        command.env("FAUXKEY_URL", of("url")).env("FAUXKEY_TOKEN", token).output().unwrap()
    };
    let devices: Value = serde_json::from_slice(&listed(&of("token")).stdout).unwrap();
    assert_eq!(devices[0]["name"], "phone");
    assert_eq!(listed("wrong").status.code(), Some(2));
    instance.stop(Signal::TERM);
    assert_eq!(files(&home.path()), Vec::<PathBuf>::new());
}

#[test]
fn an_instance_that_was_named_is_the_only_one_that_is_asked() {
    let home = Home::with_phone();
    let mut command = home.command(&["device", "list"]);
    let output = command.env("FAUXKEY_URL", "http://127.0.0.1:1").env("FAUXKEY_TOKEN", "x").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let message = home.told(&output.stderr);
    assert!(message.starts_with("fauxkey: the instance at http://127.0.0.1:1 does not answer"), "{message}");
}

#[test]
fn it_ends_with_its_parent() {
    let home = Home::new();
    let ready = home.folder.path().join("ready.json");
    let mut shell = std::process::Command::new("/bin/sh")
        .args(["-c", "\"$0\" run --ephemeral --exit-with-parent --ready-file \"$1\" & wait"])
        .arg(env!("CARGO_BIN_EXE_fauxkey"))
        .arg(&ready)
        .env("FAUXKEY_HOME", home.path())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_until("it is ready", || ready.exists());
    shell.kill().unwrap();
    shell.wait().unwrap();
    wait_until("it has cleaned up", || !ready.exists());
}

#[test]
fn a_process_with_keys_leaves_no_core_file() {
    let home = Home::new();
    let instance = Instance::start(&home, &["--ephemeral"]);
    let limits = fs::read_to_string(format!("/proc/{}/limits", instance.child.id())).unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(line.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "{line}");
}

#[test]
fn with_json_what_is_there_and_what_happens_are_lines_on_stdout() {
    let home = Home::with_phone();
    let mut instance = Instance::start(&home, &["--json", "--attach", "socket"]);
    let mut lines = BufReader::new(instance.child.stdout.take().unwrap()).lines();
    let mut next = || serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!(next()["devices"][0]["name"], "phone");
    create(&home).done();
    let mut kinds = Vec::new();
    while kinds.iter().filter(|kind| *kind == "answered").count() < 2 {
        let event = next();
        assert_eq!(event["device"], "phone");
        kinds.push(event["kind"].as_str().unwrap().to_owned());
    }
    assert!(kinds.contains(&"prompted".into()), "{kinds:?}");
}

#[test]
fn a_relying_party_that_is_no_test_is_announced_once() {
    let home = Home::with_phone();
    let instance = Instance::start(&home, &["--attach", "socket"]);
    let mut options = creation_options("ada");
    options["rp"]["id"] = "microsoft.com".into();
    let arguments = ["webauthn", "create", "--origin", "https://login.microsoft.com"];
    for _ in 0..2 {
        home.run_with(&arguments, &options.to_string()).done();
    }
    instance.says("WARNING: microsoft.com is no test name");
    instance.says("authenticatorMakeCredential over usb: done");
    home.run(&["device", "power", "off"]).done();
    let heard: Vec<String> = std::iter::from_fn(|| instance.said.recv_timeout(PATIENCE).ok())
        .take_while(|line| !line.contains("power off"))
        .collect();
    assert!(
        heard.iter().any(|line| line.contains("asks:")) && !heard.iter().any(|line| line.contains("WARNING")),
        "{heard:?}"
    );
}

#[test]
fn profile_and_device_decide_what_runs() {
    let home = Home::new();
    let instance = Instance::start(&home, &["--profile", "security-key", "--attach", "socket"]);
    assert_eq!(instance.ready["devices"][0]["name"], "security-key");
    instance.stop(Signal::INT);
    home.run(&["device", "add", "tablet"]).done();
    let names = |instance: &Instance| {
        let devices = instance.ready["devices"].as_array().unwrap().clone();
        devices.iter().map(|device| device["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let instance = Instance::start(&home, &["--attach", "socket"]);
    assert_eq!(names(&instance), ["security-key", "tablet"]);
    instance.stop(Signal::INT);
    let instance = Instance::start(&home, &["--device", "tablet", "--attach", "socket"]);
    assert_eq!(names(&instance), ["tablet"]);
    instance.stop(Signal::INT);
    home.run(&["run", "--device", "tablte"]).refused(
        1,
        "fauxkey: there is no device named `tablte`\n\
         hint: did you mean `tablet`?\n",
    );
}

#[test]
fn a_socket_can_be_somewhere_else() {
    let home = Home::new();
    let path = home.folder.path().join("here.sock");
    let instance = Instance::start(&home, &["--socket", &format!("unix:{}", path.display())]);
    assert_eq!(socket_of(&instance.ready["devices"][0]), path);
    assert!(path.exists());
    instance.stop(Signal::INT);
    assert!(!path.exists());
    let ran = home.run(&["run", "--socket", "tcp:0.0.0.0:0"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    let ran = home.run(&["run", "--socket", "here"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
}

#[test]
fn several_devices_run_at_once_each_on_its_own_doors() {
    let home = Home::new();
    let devices = ["--device", "phone", "--device", "key=security-key", "--device", "spare"];
    let doors = ["--attach", "socket", "--attach", "key=usbip,socket", "--attach", "spare=usbip"];
    let instance = Instance::start(&home, &[&devices[..], &doors, &["--usbip", "127.0.0.1:0"]].concat());
    let attached = |index: usize| -> Vec<String> {
        let attached = instance.ready["devices"][index]["attached"].as_array().unwrap();
        attached.iter().map(|address| address.as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(instance.ready["devices"][1]["profile"], "security-key");
    let [phone, key, spare] = [0, 1, 2].map(attached);
    assert!(phone.len() == 1 && phone[0].starts_with("unix:"), "{phone:?}");
    assert!(key.len() == 2 && key[0].starts_with("unix:") && key[1].ends_with("/1-1"), "{key:?}");
    assert!(spare.len() == 1 && spare[0].ends_with("/1-2"), "{spare:?}");
    let server = |address: &str| address.split('/').next().unwrap().to_owned();
    assert_eq!(server(&key[1]), server(&spare[0]), "one server has all of them");
    let port = server(&spare[0]).rsplit(':').next().unwrap().to_owned();
    instance.says(&format!("usbip --tcp-port {port} attach -r 127.0.0.1 -b 1-1"));
}

#[test]
fn doors_for_a_device_that_does_not_run_are_refused() {
    let home = Home::with_phone();
    home.run(&["run", "--attach", "phnoe=usbip"]).refused(
        2,
        "fauxkey: --attach phnoe=...: the device phnoe does not run here\nhint: there are: phone\n",
    );
    assert_eq!(home.run(&["run", "--attach", "usb"]).code, Some(2));
}

#[test]
fn others_reach_usbip_only_if_that_is_asked_for_by_name_and_then_loudly() {
    let home = Home::with_phone();
    home.run(&["run", "--attach", "usbip", "--usbip", "0.0.0.0:7"]).refused(
        2,
        "fauxkey: --usbip 0.0.0.0:7: others than this machine could use the device\n\
         hint: use --usbip 127.0.0.1:7, or add --usbip-anywhere if they may\n",
    );
    let open = ["--attach", "usbip", "--usbip", "0.0.0.0:0", "--usbip-anywhere"];
    Instance::start(&home, &open).says("whoever reaches it can use phone and every passkey on it");
}

#[test]
fn the_doctor_finds_the_instance_and_what_is_broken() {
    let home = Home::new();
    let state = |checks: &Value, what: &str| {
        let check = checks.as_array().unwrap().iter().find(|check| check["what"] == what).unwrap().clone();
        (check["state"].as_str().unwrap().to_owned(), check["detail"].as_str().unwrap().to_owned())
    };
    let checks = home.json(&["doctor"]);
    for what in
        ["instance", "settings", "data", "run files", "disk", "key file", "vault", "unix sockets", "loopback"]
    {
        assert_eq!(state(&checks, what).0, "works", "{what}");
    }
    assert!(!home.path().exists(), "a doctor looks and leaves no traces");

    let instance = Instance::start(&home, &["--attach", "socket"]);
    let checks = home.json(&["doctor"]);
    assert!(state(&checks, "instance").1.contains(instance.ready["url"].as_str().unwrap()));
    instance.stop(Signal::INT);

    let key = home.path().join("config/keys/vault.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let ran = home.run(&["doctor"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stdout.contains("\nbroken    key file"), "{}", ran.stdout);
    assert!(ran.stdout.contains("chmod 600 FOLDER/home/config/keys/vault.key"), "{}", ran.stdout);
}

#[test]
fn up_gives_the_page_and_what_to_try_next() {
    let home = Home::new();
    let mut command = home.command(&["up"]);
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let said: Vec<String> = lines.take_while(|line| !line.contains("device user ask")).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    for page in ["Phone:  http://127.0.0.1:", "Admin:  http://localhost:"] {
        assert!(said.iter().any(|line| line.starts_with(page) && line.contains("?token=")), "{said:?}");
    }
    for begins in ["Tenant: http://localhost:", "User:   adele@contoso.test, Temporary Access Pass "] {
        assert!(said.iter().any(|line| line.starts_with(begins)), "{said:?}");
    }
    let next = "Try:    fauxkey account add adele@contoso.test --pass ";
    assert!(said.iter().any(|line| line.starts_with(next)), "{said:?}");
    assert!(said.iter().any(|line| line.contains("fauxkey browser http://localhost:")), "{said:?}");
}
