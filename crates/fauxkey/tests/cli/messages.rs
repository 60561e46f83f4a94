//! What is said about mistakes, word for word, and the exit codes: 0 done, 1 refused or found, 2 wrong use or
//! broken.
use super::{Home, ORIGIN, creation_options, files, request_options};
use serde_json::{Value, json};

#[test]
fn a_verb_that_does_not_exist() {
    Home::new().run(&["pasky"]).refused(
        2,
        "fauxkey: unrecognized subcommand 'pasky'\n\
         usage: fauxkey [OPTIONS] [COMMAND]\n\
         hint: a similar subcommand exists: 'passkey'\n",
    );
}

#[test]
fn half_a_verb() {
    Home::new().run(&["webauthn"]).refused(
        2,
        "fauxkey: 'fauxkey webauthn' requires a subcommand but one was not provided [subcommands: create, get]\n\
         usage: fauxkey webauthn [OPTIONS] <COMMAND>\n\
         hint: see fauxkey webauthn --help\n",
    );
}

#[test]
fn an_argument_that_is_missing() {
    Home::new().run(&["device", "add"]).refused(
        2,
        "fauxkey: the following required arguments were not provided: <NAME>\n\
         usage: fauxkey device add <NAME>\n\
         hint: see fauxkey device add --help\n",
    );
}

#[test]
fn a_user_policy_that_is_none() {
    Home::new().run(&["run", "--approve", "maybe"]).refused(
        2,
        "fauxkey: invalid value 'maybe' for '--approve <POLICY>': `maybe` is no user policy: expected approve, ask, \
         deny, ignore, wrong-finger, account=N, or after=2s to approve later; or script=FILE\n\
         hint: see fauxkey --help\n",
    );
}

#[test]
fn a_home_without_devices() {
    Home::new().run(&["passkey", "list"]).refused(
        1,
        "fauxkey: there is no device yet\n\
         hint: fauxkey device add phone\n",
    );
}

#[test]
fn a_device_that_is_not_there() {
    let home = Home::with_phone();
    home.run(&["passkey", "list", "--device", "phnoe"]).refused(
        1,
        "fauxkey: there is no device named `phnoe`\n\
         hint: did you mean `phone`?\n",
    );
}

#[test]
fn several_devices_and_none_named() {
    let home = Home::new();
    for name in ["key", "tablet"] {
        home.run(&["device", "add", name]).done();
    }
    home.run(&["passkey", "list"]).refused(
        2,
        "fauxkey: there are several devices, and it is not said which one\n\
         hint: give --device with one of key, tablet\n",
    );
    home.run(&["device", "add", "phone"]).done();
    home.run(&["passkey", "list"]).done();
}

#[test]
fn a_profile_that_is_not_there() {
    Home::new().run(&["device", "add", "phone", "--profile", "ms-authenticator-iso"]).refused(
        1,
        "fauxkey: there is no profile named `ms-authenticator-iso`\n\
         hint: did you mean `ms-authenticator-ios`?\n",
    );
}

#[test]
fn a_profile_that_cannot_be_kept_is_explained_line_by_line() {
    let home = Home::new();
    let good = home.run(&["profile", "show", "security-key"]).done().stdout;
    let mine = good.replace("name = \"security-key\"", "name = \"mine\"");
    let file = home.file("mine.toml", &mine);
    assert_eq!(
        home.run(&["profile", "check", &file]).done().stdout,
        "FOLDER/mine.toml: the profile mine can be kept\n"
    );

    let line = |key: &str| 1 + mine.lines().position(|line| line.starts_with(key)).unwrap();
    let bad = mine
        .replace("backup-eligible = false", "backup-eligible = true")
        .replace("versions = [\"FIDO_2_0\", \"FIDO_2_1\"]", "versions = [\"FIDO_2_2\"]");
    let file = home.file("bad.toml", &bad);
    let ran = home.run(&["profile", "check", &file]);
    let wanted = format!(
        "FOLDER/bad.toml: line {}: backup-eligible: a device-bound passkey never leaves its device, so it cannot be \
         backup eligible (WebAuthn §6.1.3, BE)\n\
         hint: leave the flag false, or say device-bound = false for a synced passkey\n\
         FOLDER/bad.toml: line {}: versions: `FIDO_2_2` is not a defined version (CTAP 2.3 §6.4 has no FIDO_2_2 \
         either)\n\
         hint: the defined ones are U2F_V2, FIDO_2_0, FIDO_2_1_PRE, FIDO_2_1 and FIDO_2_3\n",
        line("backup-eligible"),
        line("versions"),
    );
    assert_eq!((ran.code, ran.stdout, ran.stderr), (Some(1), wanted, String::new()));

    let ran = home.run(&["--json", "profile", "check", &file]);
    let checked: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(ran.code, Some(1));
    assert_eq!(checked["problems"][1]["key"], "versions");
    assert_eq!(checked["problems"][1]["line"], line("versions"));
}

#[test]
fn a_key_in_a_profile_that_is_misspelt() {
    let home = Home::new();
    let good = home.run(&["profile", "show", "security-key"]).done().stdout;
    let line = 1 + good.lines().position(|line| line.starts_with("max-msg-size")).unwrap();
    let file = home.file("bad.toml", &good.replace("max-msg-size", "max-message-size"));
    let ran = home.run(&["profile", "check", &file]);
    assert_eq!(ran.code, Some(1));
    let [message, hint] = ran.stdout.lines().collect::<Vec<_>>()[..] else { panic!("{}", ran.stdout) };
    assert!(
        message.starts_with(&format!("FOLDER/bad.toml: line {line}: unknown field `max-message-size`")),
        "{message}"
    );
    assert_eq!(hint, "hint: did you mean `max-msg-size`?");
}

#[test]
fn a_file_that_is_not_there() {
    Home::new()
        .run(&["profile", "check", "none.toml"])
        .refused(2, "fauxkey: cannot read none.toml: No such file or directory (os error 2)\n");
}

/// Registers with changed options at an origin, in a home with a phone.
fn create(home: &Home, change: impl FnOnce(&mut Value), more: &[&str]) -> super::Ran {
    let mut options = creation_options("ada");
    change(&mut options);
    let arguments = [&["webauthn", "create", "-"], more].concat();
    home.run_with(&arguments, &options.to_string())
}

#[test]
fn options_that_lack_a_member() {
    let wrapped = |options: &mut Value| {
        options["user"].as_object_mut().unwrap().remove("id");
        *options = json!({ "publicKey": options });
    };
    create(&Home::new(), wrapped, &["--origin", ORIGIN])
        .refused(2, "fauxkey: cannot read the options in standard input: publicKey.user.id: is missing\n");
}

#[test]
fn options_for_the_other_ceremony() {
    Home::new().run_with(&["webauthn", "create", "--origin", ORIGIN], &request_options().to_string()).refused(
        2,
        "fauxkey: cannot read the options in standard input: these are options for get, and create was asked for\n\
         hint: use webauthn get\n",
    );
}

#[test]
fn options_that_are_no_json() {
    Home::new().run_with(&["webauthn", "get", "--origin", ORIGIN], "{\"challenge\": ").refused(
        2,
        "fauxkey: cannot read the options in standard input: not JSON: EOF while parsing a value at line 1 column 14\n",
    );
}

#[test]
fn no_origin() {
    create(&Home::new(), |_| (), &[]).refused(
        2,
        "fauxkey: cannot create a passkey: the options do not say which page they come from\n\
         hint: give --origin, such as https://example.test\n",
    );
    let graph = |options: &mut Value| {
        *options = json!({ "challengeTimeoutDateTime": "2026-01-01T00:00:00Z", "publicKey": options });
    };
    create(&Home::new(), graph, &[]).refused(
        2,
        "fauxkey: cannot create a passkey: the options do not say which page they come from\n\
         hint: give --origin, such as https://login.microsoft.com\n",
    );
}

#[test]
fn an_origin_that_is_none() {
    create(&Home::new(), |_| (), &["--origin", "http://login.example.test"]).refused(
        2,
        "fauxkey: cannot create a passkey: the origin \"http://login.example.test\" is not secure\n\
         hint: use https://login.example.test, or a name that ends in localhost\n",
    );
}

#[test]
fn an_origin_that_may_not_claim_the_rp_id() {
    create(&Home::new(), |_| (), &["--origin", "https://login.elsewhere.test"]).refused(
        1,
        "fauxkey: cannot create a passkey: the RP ID \"example.test\" is neither \"login.elsewhere.test\" nor a domain \
         above it (the page would see SecurityError)\n\
         hint: from this origin it can be login.elsewhere.test or elsewhere.test\n",
    );
}

#[test]
fn a_public_suffix_as_rp_id() {
    let suffix = |options: &mut Value| options["rp"]["id"] = "co.uk".into();
    create(&Home::new(), suffix, &["--origin", "https://login.example.co.uk"]).refused(
        1,
        "fauxkey: cannot create a passkey: the RP ID \"co.uk\" is a public suffix or above one: many owners share it \
         (the page would see SecurityError)\n\
         hint: use example.co.uk\n",
    );
}

#[test]
fn a_name_that_microsoft_graph_would_not_take() {
    let name = "a name of more than thirty letters";
    create(&Home::new(), |_| (), &["--origin", ORIGIN, "--format", "graph", "--display-name", name]).refused(
        2,
        "fauxkey: --display-name: the display name has 34 characters, and Microsoft Graph takes 1 to 30\n",
    );
}

#[test]
fn nothing_is_made_or_stored_when_the_options_are_bad() {
    let home = Home::new();
    create(&home, |options| options["challenge"] = 5.into(), &["--origin", ORIGIN]);
    create(&home, |_| (), &["--origin", "https://login.elsewhere.test"]);
    create(&home, |_| (), &["--origin", ORIGIN, "--format", "graph", "--display-name", ""]);
    create(&home, |_| (), &["--origin", "nonsense"]);
    create(&home, |_| (), &[]);
    assert_eq!(files(&home.path()), Vec::<std::path::PathBuf>::new());
}

#[test]
fn a_user_who_says_no() {
    let home = Home::with_phone();
    home.run(&["device", "user", "deny"]).done();
    create(&home, |_| (), &["--origin", ORIGIN]).refused(
        1,
        "fauxkey: cannot create a passkey: the authenticator refused authenticatorMakeCredential: 0x27 \
         OPERATION_DENIED (the page would see NotAllowedError)\n\
         hint: the user declined, or was not verified\n",
    );
}

#[test]
fn a_user_whom_nobody_can_ask() {
    let home = Home::with_phone();
    home.run(&["device", "user", "ask"]).done();
    create(&home, |_| (), &["--origin", ORIGIN]).refused(
        1,
        "fauxkey: phone is not running, so there is nobody to ask\n\
         hint: start it with `fauxkey run` in another terminal\n",
    );
}

#[test]
fn a_passkey_that_is_not_there() {
    Home::with_phone().run(&["passkey", "show", "abcdef"]).refused(
        1,
        "fauxkey: there is no passkey `abcdef` on phone\n\
         hint: `fauxkey passkey list --device phone` lists them\n",
    );
}

#[test]
fn what_is_for_good_is_not_done_without_a_terminal_or_a_yes() {
    let home = Home::with_phone();
    home.run(&["device", "delete", "phone"]).refused(
        1,
        "fauxkey: cannot ask without a terminal: delete the device phone and everything on it for good?\n\
         hint: give --yes\n",
    );
    assert_eq!(home.json(&["device", "list"])[0]["name"], "phone");
    home.run(&["device", "delete", "phone", "--yes"]).done();
    assert_eq!(home.json(&["device", "list"]), json!([]));
}

#[test]
fn power_where_nothing_runs() {
    Home::with_phone().run(&["device", "power", "off"]).refused(
        1,
        "fauxkey: phone is not running, so it has no power to cut or give\n\
         hint: start it with `fauxkey run` in another terminal\n",
    );
}

#[test]
fn something_that_nobody_can_explain() {
    let ran = Home::new().run(&["explain", "!"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""));
    assert!(
        ran.stderr.starts_with("fauxkey: cannot explain this: nothing fits this input"),
        "{}",
        ran.stderr
    );
}

#[test]
fn with_json_a_failure_is_json_too() {
    let home = Home::with_phone();
    let failure = |ran: super::Ran| {
        assert_eq!(ran.stdout, "");
        (ran.code, serde_json::from_str::<Value>(&ran.stderr).unwrap())
    };
    assert_eq!(
        failure(home.run(&["--json", "device", "show", "phnoe"])),
        (
            Some(1),
            json!({
                "kind": "not-found",
                "message": "there is no device named `phnoe`",
                "hint": "did you mean `phone`?",
            })
        )
    );
    let (code, typed) = failure(home.run(&["device", "clock", "--json"]));
    assert_eq!((code, &typed["kind"]), (Some(2), &json!("invalid")));
    let (code, refused) = failure(create(&home, |_| (), &["--json", "--origin", "https://other.test"]));
    assert_eq!((code, &refused["kind"]), (Some(1), &json!("refused")));
}

#[test]
fn a_home_that_is_a_file() {
    let home = Home::new();
    home.file("home", "");
    let ran = home.run(&["device", "list"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""));
    assert!(ran.stderr.starts_with("fauxkey: cannot "), "{}", ran.stderr);
}
