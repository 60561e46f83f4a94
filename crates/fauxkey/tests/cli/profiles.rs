//! Profiles of one's own: copied, changed, made of a captured key.
use super::Home;
use std::fs;
use std::path::PathBuf;

/// getInfo of a FIPS key, as its vendor's metadata statement has it.
const CAPTURED: &str = r#"{ "aaguid": "fcc0118f-cd45-435b-8da1-9782b2da0715", "authenticatorGetInfo": {
    "versions": ["FIDO_2_0", "FIDO_2_1"],
    "extensions": ["credProtect", "hmac-secret", "minPinLength", "fancyNewThing"],
    "aaguid": "fcc0118fcd45435b8da19782b2da0715",
    "options": { "rk": true, "up": true, "plat": false, "clientPin": false, "pinUvAuthToken": true, "credMgmt": true,
                 "authnrCfg": true, "setMinPINLength": true, "alwaysUv": true, "makeCredUvNotRqd": false },
    "maxMsgSize": 1536, "pinUvAuthProtocols": [2, 1], "maxCredentialIdLength": 128, "transports": ["nfc", "usb"],
    "algorithms": [{ "type": "public-key", "alg": -7 }], "minPINLength": 8, "firmwareVersion": 329476 } }"#;

fn kept(home: &Home, name: &str) -> String {
    fs::read_to_string(folder(home).join(format!("{name}.toml"))).unwrap()
}

fn folder(home: &Home) -> PathBuf {
    home.path().join("config/profiles")
}

#[test]
fn a_copy_under_another_name_keeps_its_comments_and_makes_a_device() {
    let home = Home::new();
    let ran = home
        .run(&["profile", "add", "my-key", "--from", "security-key", "--set", "max-msg-size=2048"])
        .done();
    assert_eq!(ran.stdout, "added my-key; try: fauxkey device add NAME --profile my-key\n");
    let original = home.run(&["profile", "show", "security-key"]).done().stdout;
    let copy = home.run(&["profile", "show", "my-key"]).done().stdout;
    let differing = original.lines().zip(copy.lines()).filter(|(before, after)| before != after);
    let differing: Vec<_> = differing.map(|(_, after)| after).collect();
    assert_eq!(differing, ["name = \"my-key\"", "max-msg-size = 2048 # guess: chosen with --set"]);
    assert_eq!(original.lines().count(), copy.lines().count());
    assert_eq!(kept(&home, "my-key"), copy);
    home.run(&["device", "add", "key", "--profile", "my-key"]).done();
}

#[test]
fn a_copy_of_a_copy_may_change_again_and_a_taken_name_is_refused() {
    let home = Home::new();
    home.run(&["profile", "add", "one", "--from", "security-key"]).done();
    home.run(&["profile", "add", "two", "--from", "one", "--set", "credential.attestation=none"]).done();
    assert!(kept(&home, "two").contains("attestation = \"none\""));
    let ran = home.run(&["profile", "add", "security-key", "--from", "one"]);
    ran.refused(
        1,
        "fauxkey: security-key: `security-key` is the name of a built-in profile\n\
         hint: give it another name\n",
    );
    let ran = home.run(&["profile", "add", "one", "--from", "two"]);
    assert!(
        ran.code == Some(1) && ran.stderr.contains("there is another profile named `one` already"),
        "{ran:?}"
    );
}

#[test]
fn a_captured_key_becomes_a_profile_from_a_file_and_from_standard_input() {
    let home = Home::new();
    let file = home.file("getinfo.json", CAPTURED);
    home.run(&["profile", "add", "mine", "--from", &file]).done();
    let text = kept(&home, "mine");
    assert!(
        text.contains("aaguid = \"fcc0118f-cd45-435b-8da1-9782b2da0715\" # measured [G]: 0x03"),
        "{text}"
    );
    assert!(text.contains("always-uv = true # measured [G]: alwaysUv"), "{text}");
    assert!(text.contains("# Left out, as it cannot be had here: the extension fancyNewThing."), "{text}");
    let hex = "00a20181684649444f5f325f30035000000000000000000000000000000000";
    home.run_with(&["profile", "add", "least", "--from", "-"], hex).done();
    assert!(kept(&home, "least").contains("versions = [\"FIDO_2_0\"] # measured [G]: 0x01"));
    home.run(&["device", "add", "key", "--profile", "mine"]).done();
}

#[test]
fn what_cannot_be_added_says_why_and_what_to_do() {
    let home = Home::new();
    let add = |more: &[&str]| home.run(&[&["profile", "add", "mine", "--from"], more].concat());
    add(&["security-kye"]).refused(
        1,
        "fauxkey: there is no profile named `security-kye`\nhint: did you mean `security-key`?\n",
    );
    add(&["security-key", "--set", "max-message-size=1"]).refused(
        2,
        "fauxkey: `max-message-size` is no key of a profile\nhint: did you mean `max-msg-size`?\n",
    );
    let ran = add(&["security-key", "--set", "backed-up=true"]);
    assert!(ran.code == Some(2) && ran.stderr.contains("cannot be backed up (WebAuthn §6.1.3"), "{ran:?}");
    add(&["security-key+none"]).refused(
        2,
        "fauxkey: `security-key+none` is a profile with an option, which has no copy\n\
         hint: say --from security-key --set attestation=none\n",
    );
    let file = home.file("key.txt", "this is no key");
    let ran = add(&[&file]);
    assert!(
        ran.code == Some(2) && ran.stderr.contains("key.txt: no answer to authenticatorGetInfo"),
        "{ran:?}"
    );
    assert!(ran.stderr.contains("hint: CBOR, its hexadecimal digits"), "{ran:?}");
    let ran = home.run(&["profile", "add", "mine.toml", "--set", "rk=true"]);
    assert!(ran.code == Some(2) && ran.stderr.contains("--from"), "{ran:?}");
    assert!(!folder(&home).exists(), "nothing was kept");
}
