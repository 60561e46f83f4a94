//! Faults, scripts, seeds, and passkeys without ceremonies, as typed.
use super::running::Instance;
use super::{Home, ORIGIN, Ran, request_options};
use rustix::process::Signal;
use serde_json::{Value, json};

/// A command that asks that instance.
fn ask(home: &Home, instance: &Instance, arguments: &[&str]) -> Ran {
    let mut command = home.command(arguments);
    command.env("FAUXKEY_URL", instance.ready["url"].as_str().unwrap());
    command.env("FAUXKEY_TOKEN", instance.ready["token"].as_str().unwrap());
    let output = command.output().unwrap();
    Ran { code: output.status.code(), stdout: home.told(&output.stdout), stderr: home.told(&output.stderr) }
}

fn ask_json(home: &Home, instance: &Instance, arguments: &[&str]) -> Value {
    let ran = ask(home, instance, &[&["--json"], arguments].concat()).done();
    serde_json::from_str(&ran.stdout).unwrap()
}

const ADD: [&str; 6] = ["passkey", "add", "example.test", "--user-handle", "YWRh", "--name=ada"];

#[test]
fn the_same_seed_makes_the_same_passkeys_and_another_seed_others() {
    let made = |seed: &[&str]| {
        let home = Home::new();
        let instance = Instance::start(&home, &[&["--ephemeral"], seed].concat());
        let passkeys = [ask_json(&home, &instance, &ADD), ask_json(&home, &instance, &ADD)];
        instance.stop(Signal::TERM);
        passkeys
    };
    let seeded = made(&["--seed", "42"]);
    assert_ne!(seeded[0]["publicKey"], seeded[1]["publicKey"]);
    assert_eq!(made(&["--seed", "42"]), seeded);
    for other in [made(&["--seed", "43"]), made(&[])] {
        assert_ne!(other[0]["publicKey"], seeded[0]["publicKey"]);
        assert_ne!(other[0]["credentialId"], seeded[0]["credentialId"]);
    }
}

#[test]
fn a_seed_is_for_a_run_that_leaves_nothing() {
    let ran = Home::new().run(&["run", "--seed", "1"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("--ephemeral"), "{}", ran.stderr);
}

#[test]
fn a_run_begins_with_the_faults_and_the_script_of_its_files() {
    let home = Home::new();
    let faults = home.file("faults.toml", "[[faults]]\nfault = \"status\"\nvalue = \"OTHER\"\ntimes = 1\n");
    let script = home.file("user.json", r#"{"steps":[{"purpose":"sign-in","prompt":2,"do":"deny"}]}"#);
    let approve = format!("script={script}");
    let instance = Instance::start(&home, &["--ephemeral", "--fault", &faults, "--approve", &approve]);
    ask(&home, &instance, &ADD).done();
    let options = home.file("options.json", &request_options().to_string());
    let sign_in = || ask(&home, &instance, &["webauthn", "get", &options, "--origin", ORIGIN]);
    let refused = sign_in();
    assert!(refused.code == Some(1) && refused.stderr.contains("0x7F OTHER"), "{refused:?}");
    let declined = sign_in();
    assert!(declined.code == Some(1) && declined.stderr.contains("0x27 OPERATION_DENIED"), "{declined:?}");
    sign_in().done();
    let armed = ask_json(&home, &instance, &["device", "fault", "list"]);
    assert_eq!(armed[0]["struck"], 1);
    instance.stop(Signal::TERM);
}

#[test]
fn faults_are_armed_listed_and_cleared_on_a_device_that_runs() {
    let home = Home::with_phone();
    home.run(&["device", "fault", "arm", "bad-signature"]).refused(
        1,
        "fauxkey: phone is not running, so no fault can be armed on it\n\
         hint: start it with `fauxkey run` in another terminal\n",
    );
    let instance = Instance::start(&home, &["--attach", "socket"]);
    let armed = home.json(&["device", "fault", "arm", "bad-signature,once", "flags=+BE"]);
    let fault = json!({ "id": 1, "struck": 0, "fault": { "fault": "bad-signature", "times": 1 } });
    assert_eq!(armed[0], fault);
    home.run(&["device", "fault", "clear", "1"]).done();
    home.run(&["device", "fault", "clear", "1"]).refused(
        1,
        "fauxkey: there is no fault 1 on phone\nhint: `fauxkey device fault list --device phone` lists them\n",
    );
    assert_eq!(home.json(&["device", "fault", "list"]).as_array().unwrap().len(), 1);
    home.run(&["device", "fault", "clear"]).done();
    assert_eq!(home.run(&["device", "fault", "list"]).done().stdout, "no fault is armed\n");
    let kinds = home.run(&["device", "fault", "kinds"]).done().stdout;
    assert!(kinds.contains("counter-backwards") && kinds.lines().count() == 23, "{kinds}");
    instance.stop(Signal::TERM);
}

#[test]
fn a_passkey_that_no_page_could_have_is_not_made() {
    let home = Home::with_phone();
    home.run(&["passkey", "add", "com"]).refused(
        2,
        "fauxkey: rpId: the RP ID \"com\" is a public suffix or above one: many owners share it\n\
         hint: use login.com\n",
    );
    let ran = home.run(&["passkey", "add", "a.test", "--algorithm", "ES1"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("algorithm: `ES1` is no COSE algorithm"), "{}", ran.stderr);
    let ran = home.run(&["passkey", "add", "a.test", "--algorithm", "RS256"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("UNSUPPORTED_ALGORITHM"), "{}", ran.stderr);
}
