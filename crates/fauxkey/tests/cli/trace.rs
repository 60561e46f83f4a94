//! `--trace` and `fauxkey trace`.
use super::{Home, Ran};
use serde_json::Value;

/// A script that makes a passkey and then asks for one that is not there.
fn script(home: &Home) -> String {
    let fauxkey = env!("CARGO_BIN_EXE_fauxkey");
    let user = r#""user": {"id": "YWRh", "name": "ada", "displayName": "Ada"}"#;
    let options = home.file(
        "options.json",
        &format!(
            r#"{{"rp": {{"id": "example.test", "name": "E"}}, {user}, "challenge": "AAECAwQFBgcICQoLDA0ODw",
              "pubKeyCredParams": [{{"type": "public-key", "alg": -7}}]}}"#
        ),
    );
    let get = home.file("get.json", r#"{"challenge": "AAECAwQFBgcICQoLDA0ODw", "rpId": "other.test"}"#);
    let create = format!("{fauxkey} webauthn create {options} --origin https://example.test >/dev/null 2>&1");
    let get = format!("{fauxkey} webauthn get {get} --origin https://other.test >/dev/null 2>&1");
    format!("{create} && ! {get}")
}

fn traced(home: &Home, name: &str) -> String {
    let file = home.file(name, "what was there before");
    let ran = home.run(&["exec", "--ephemeral", "--trace", &file, "--", "/bin/sh", "-c", &script(home)]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    file
}

/// The lines of a trace for people, without the times.
fn told(ran: &Ran) -> Vec<String> {
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.stdout.lines().map(|line| line[12..].to_owned()).collect()
}

#[test]
fn a_trace_tells_each_message_its_answer_and_the_reason_of_a_refusal() {
    let home = Home::new();
    let file = traced(&home, "trace.jsonl");
    let lines = told(&home.run(&["trace", &file]));
    assert!(lines[0].starts_with("fauxkey "), "{lines:?}");
    assert!(lines[1].starts_with("phone  runs as ms-authenticator-ios  "), "{lines:?}");
    let start = "phone  ←  usb  authenticatorGetAssertion  0x2E NO_CREDENTIALS  because CTAP 2.1 §6.2.2";
    assert_eq!(lines.iter().filter(|line| line.starts_with(start)).count(), 1, "{lines:?}");
    assert!(lines.iter().any(|line| line.contains("asks  a new passkey at example.test")), "{lines:?}");
    let json = home.run(&["trace", &file, "--json"]);
    let line: Value = serde_json::from_str(json.stdout.lines().last().unwrap()).unwrap();
    assert_eq!(line["name"], "power off");
    let other = told(&home.run(&["trace", &file, "--device", "key"]));
    assert_eq!(other.len(), 1, "the first line is everybody's: {other:?}");
}

#[test]
fn a_trace_becomes_a_packet_capture_and_the_other_way_round() {
    let home = Home::new();
    let file = traced(&home, "trace.jsonl");
    let capture = home.file("trace.pcapng", "");
    home.run(&["trace", &file, "--to", &capture]).done();
    assert!(std::fs::read(&capture).unwrap().starts_with(&[0x0A, 0x0D, 0x0D, 0x0A]));
    // Messages that no reports carried are in it for others to read: there is no key on a bus.
    let read = told(&home.run(&["trace", &capture]));
    assert_eq!(read, ["packet capture  0 reports of FIDO devices"]);
    let direct = traced(&home, "direct.pcapng");
    assert!(std::fs::read(direct).unwrap().starts_with(&[0x0A, 0x0D, 0x0D, 0x0A]));
}

#[test]
fn what_cannot_be_traced_is_said_before_anything_starts() {
    let home = Home::new();
    home.run(&["run", "--ephemeral", "--trace", "/no/such/folder/trace"]).refused(
        2,
        "fauxkey: cannot write the trace /no/such/folder/trace: No such file or directory (os error 2)\n",
    );
    home.run(&["trace", "--live"]).refused(
        1,
        "fauxkey: no instance of fauxkey is running\nhint: start it with `fauxkey run` in another terminal\n",
    );
    let file = home.file("notes.txt", "dear diary\n");
    let ran = home.run(&["trace", &file]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("line 1 is no line of a trace"), "{ran:?}");
}
