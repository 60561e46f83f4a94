//! Passkeys from the command line: made, used, looked at, renamed and deleted.
use super::{Home, ORIGIN, creation_options, request_options};
use serde_json::{Value, json};
use wire::base64url;
use wire::webauthn::AttestationObject;

impl Home {
    /// Registers, and gives the response.
    fn create(&self, user: &str, more: &[&str]) -> Value {
        let arguments = [&["webauthn", "create", "--origin", ORIGIN], more].concat();
        let ran = self.run_with(&arguments, &creation_options(user).to_string()).done();
        serde_json::from_str(&ran.stdout).expect("JSON")
    }

    /// Signs in, and gives the response.
    fn get(&self, more: &[&str]) -> Value {
        let arguments = [&["webauthn", "get", "--origin", ORIGIN], more].concat();
        let ran = self.run_with(&arguments, &request_options().to_string()).done();
        serde_json::from_str(&ran.stdout).expect("JSON")
    }
}

/// The AAGUID in a registration, as the page sees it.
fn aaguid(registration: &Value) -> Vec<u8> {
    let object = base64url::decode(registration["response"]["attestationObject"].as_str().unwrap()).unwrap();
    let object = AttestationObject::decode(&object).unwrap();
    object.auth_data[37..53].into()
}

/// CTAP 2.1 §10: the client speaks CTAP1 to what has no getInfo.
#[test]
fn a_key_of_u2f_only_registers_and_signs_in_with_a_list() {
    let home = Home::new();
    home.run(&["device", "add", "old", "--profile", "u2f-key"]).done();
    let mut options = creation_options("ada@example.test");
    options["attestation"] = json!("direct");
    options["authenticatorSelection"] = json!({ "residentKey": "discouraged" });
    let ran = home.run_with(&["webauthn", "create", "--origin", ORIGIN], &options.to_string()).done();
    let made: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let object = base64url::decode(made["response"]["attestationObject"].as_str().unwrap()).unwrap();
    assert_eq!(AttestationObject::decode(&object).unwrap().fmt, "fido-u2f");
    let mut options = request_options();
    options["allowCredentials"] = json!([{ "type": "public-key", "id": made["id"] }]);
    options["userVerification"] = json!("discouraged");
    let ran = home.run_with(&["webauthn", "get", "--origin", ORIGIN], &options.to_string()).done();
    let used: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!((&used["id"], &used["response"]["userHandle"]), (&made["id"], &Value::Null));
}

#[test]
fn a_passkey_is_made_used_looked_at_renamed_and_deleted() {
    let home = Home::with_phone();
    let made = home.create("ada@example.test", &[]);
    let id = made["id"].as_str().unwrap();
    assert_eq!(made["type"], "public-key");

    let used = home.get(&[]);
    assert_eq!(used["id"], made["id"]);
    assert_eq!(used["response"]["userHandle"], base64url::encode(b"ada@example.test"));

    let listed = home.json(&["passkey", "list"]);
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!((&listed[0]["credentialId"], &listed[0]["rpId"]), (&json!(id), &json!("example.test")));
    let keys: Vec<&str> = listed[0].as_object().unwrap().keys().map(String::as_str).collect();
    assert!(!keys.iter().any(|key| key.to_lowercase().contains("private")), "{keys:?}");

    // The ID in the table is enough for the other verbs.
    let table = home.run(&["passkey", "list"]).done().stdout;
    let [heading, row] = table.lines().collect::<Vec<_>>()[..] else { panic!("{table}") };
    assert!(heading.starts_with("ID") && row.contains("ada@example.test"), "{table}");
    let short = row.split_whitespace().next().unwrap();
    let shown = home.run(&["passkey", "show", short]).done().stdout;
    assert!(shown.contains(id), "{shown}");

    let renamed = home.json(&["passkey", "rename", short, "--display-name", "Ada L."]);
    assert_eq!(
        (&renamed["userDisplayName"], &renamed["userName"]),
        (&json!("Ada L."), &json!("ada@example.test"))
    );

    home.run(&["passkey", "delete", short, "--yes"]).done();
    assert_eq!(home.json(&["passkey", "list"]), json!([]));
    let ran = home.run_with(&["webauthn", "get", "--origin", ORIGIN], &request_options().to_string());
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("0x2E NO_CREDENTIALS"), "{}", ran.stderr);
}

#[test]
fn the_account_can_be_chosen_by_name_and_by_place() {
    let home = Home::with_phone();
    for user in ["ada", "grace", "joan"] {
        home.create(user, &[]);
    }
    let who = |more: &[&str]| {
        // On the phone itself; seen from elsewhere, it lets its user choose on its own display.
        let handle = home.get(&[&["--link", "internal"], more].concat())["response"]["userHandle"]
            .as_str()
            .map(str::to_owned);
        String::from_utf8(base64url::decode(&handle.unwrap()).unwrap()).unwrap()
    };
    assert_eq!(who(&[]), "joan", "the newest");
    assert_eq!(who(&["--account", "2"]), "ada");
    assert_eq!(who(&["--account", "grace"]), "grace");
    let arguments = ["webauthn", "get", "--origin", ORIGIN, "--account", "alan", "--link", "internal"];
    let ran = home.run_with(&arguments, &request_options().to_string());
    assert_eq!(ran.code, Some(1));
    let wanted = "fauxkey: cannot sign in: no passkey for the account \"alan\"; there are 3: \"joan\", \"grace\", \"ada\"";
    assert!(ran.stderr.starts_with(wanted), "{}", ran.stderr);
}

#[test]
fn each_client_shows_the_page_what_it_would() {
    let home = Home::with_phone();
    let phone = home.json(&["device", "show"])["aaguid"].as_str().unwrap().replace('-', "");
    for (client, transports, hidden) in [
        ("spec-l3", json!(["hybrid", "internal", "usb"]), false),
        ("chromium-usb", json!(["hybrid", "internal", "usb"]), true),
        ("chromium-hybrid", json!(["hybrid", "internal"]), false),
        ("firefox", json!(["usb"]), false),
    ] {
        let made = home.create(client, &["--client", client]);
        assert_eq!(made["response"]["transports"], transports, "{client}");
        let seen = wire::hex::encode(&aaguid(&made));
        assert_eq!(seen == "0".repeat(32), hidden, "{client}: {seen}");
        assert!(hidden || seen == phone, "{client}: {seen}");
        assert_eq!(made["authenticatorAttachment"], "cross-platform", "{client}");
    }
}

#[test]
fn a_page_that_wants_a_platform_authenticator_gets_one() {
    let home = Home::with_phone();
    let mut options = creation_options("ada");
    options["authenticatorSelection"]["authenticatorAttachment"] = "platform".into();
    let create = ["webauthn", "create", "--origin", ORIGIN];
    let ran = home.run_with(&create, &options.to_string()).done();
    let made: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(made["authenticatorAttachment"], "platform");
    home.run_with(&[create.as_slice(), &["--link", "usb"]].concat(), &options.to_string()).refused(
        1,
        "fauxkey: cannot create a passkey: the page asks for a platform authenticator, and this one is cross-platform \
         (the page would see NotAllowedError)\n\
         hint: give --link internal, or leave --link out\n",
    );
}

#[test]
fn what_goes_to_microsoft_graph_has_only_the_members_that_it_takes() {
    let home = Home::with_phone();
    let options =
        json!({ "challengeTimeoutDateTime": "2026-01-01T00:00:00Z", "publicKey": creation_options("ada") });
    let arguments =
        ["webauthn", "create", "--origin", ORIGIN, "--format", "graph", "--display-name", "Phone"];
    let ran = home.run_with(&arguments, &options.to_string()).done();
    let body: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(body["displayName"], "Phone");
    let members = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(members(&body["publicKeyCredential"]), ["id", "response", "clientExtensionResults"]);
    assert!(ran.stderr.contains("until 2026-01-01T00:00:00Z"), "{}", ran.stderr);
}

#[test]
fn with_json_a_result_is_one_line_and_notes_are_objects() {
    let home = Home::with_phone();
    let arguments = ["--json", "webauthn", "create", "--origin", ORIGIN];
    let ran = home.run_with(&arguments, &creation_options("ada").to_string()).done();
    assert_eq!(ran.stdout.lines().count(), 1);
    assert!(ran.stderr.lines().count() > 0);
    for line in ran.stderr.lines() {
        let note: Value = serde_json::from_str(line).unwrap();
        assert!(note["note"].is_string(), "{line}");
    }
}

#[test]
fn a_relying_party_that_is_no_test_is_announced_loudly() {
    let home = Home::with_phone();
    let mut options = creation_options("ada");
    options["rp"]["id"] = "microsoft.com".into();
    let arguments = ["webauthn", "create", "--origin", "https://login.microsoft.com"];
    let ran = home.run_with(&arguments, &options.to_string()).done();
    assert!(ran.stderr.contains("WARNING: microsoft.com is no test name"), "{}", ran.stderr);
    let ran = home
        .run_with(&["webauthn", "create", "--origin", ORIGIN], &creation_options("ada").to_string())
        .done();
    assert!(!ran.stderr.contains("WARNING"), "{}", ran.stderr);
}

#[test]
fn the_messages_are_shown_to_the_curious() {
    let home = Home::with_phone();
    let arguments = ["-v", "webauthn", "create", "--origin", ORIGIN];
    let ran = home.run_with(&arguments, &creation_options("ada").to_string()).done();
    assert!(ran.stderr.contains("→ authenticatorMakeCredential {1 / clientDataHash /: h'"), "{}", ran.stderr);
    assert!(ran.stderr.contains("← 0x00 OK {1 / fmt /: \"none\""), "{}", ran.stderr);
}

#[test]
fn what_was_made_can_be_explained() {
    let home = Home::with_phone();
    let made = home.create("ada", &[]).to_string();
    for ran in [
        home.run_with(&["explain"], &made),
        home.run(&["explain", &made]),
        home.run(&["explain", &home.file("registration.json", &made)]),
    ] {
        assert!(ran.done().stdout.contains("90a3ccdf-635c-4729-a248-9b709135078f"));
    }
    let explained: Value =
        serde_json::from_str(&home.run(&["--json", "explain", &made]).done().stdout).unwrap();
    assert_eq!(explained["kind"], "registration-response");
}

#[test]
fn a_profile_of_one_s_own_can_be_added_and_used() {
    let home = Home::new();
    let good = home.run(&["profile", "show", "security-key"]).done().stdout;
    let file = home.file("mine.toml", &good.replace("name = \"security-key\"", "name = \"mine\""));
    home.run(&["profile", "add", &file]).done();
    let names: Vec<Value> =
        home.json(&["profile", "list"]).as_array().unwrap().iter().map(|row| row["name"].clone()).collect();
    assert_eq!(names.last(), Some(&json!("mine")), "{names:?}");
    home.run(&["device", "add", "key", "--profile", "mine"]).done();
    assert_eq!(home.json(&["device", "show"])["profile"], "mine");
}

#[test]
fn a_reset_takes_every_passkey() {
    let home = Home::with_phone();
    home.create("ada", &[]);
    home.run(&["device", "reset", "phone", "--yes"]).done();
    assert_eq!(home.json(&["passkey", "list"]), json!([]));
}

#[test]
fn fingers_are_enrolled_listed_renamed_and_removed() {
    let home = Home::new();
    home.run(&["device", "add", "key", "--profile", "fingerprint-key"]).done();
    assert_eq!(home.run(&["device", "finger", "list"]).done().stdout, "no finger is enrolled on key\n");
    let thumb = home.json(&["device", "finger", "add", "thumb"]);
    assert_eq!(thumb["name"], "thumb");
    let id = thumb["id"].as_str().unwrap();
    let listed = home.run(&["device", "finger", "list"]).done().stdout;
    assert!(listed.contains(id) && listed.contains("thumb"), "{listed}");
    let renamed = home.run(&["device", "finger", "rename", "thumb", "right thumb"]).done().stdout;
    assert_eq!(renamed, format!("{id}  right thumb\n"));
    assert_eq!(
        home.json(&["device", "finger", "list"]),
        serde_json::json!([{ "id": id, "name": "right thumb" }])
    );
    home.run(&["device", "finger", "remove", &id[..8], "--device", "key"]).done();
    assert_eq!(home.json(&["device", "finger", "list"]), serde_json::json!([]));
    Home::with_phone().run(&["device", "finger", "add", "thumb"]).refused(
        1,
        "fauxkey: phone has no fingerprint reader: its profile does not do that\n\
         hint: fauxkey device add key --profile fingerprint-key makes one that does\n",
    );
}
