//! The tenant, as typed: in this home, in another process, and after that process was killed.
use super::{Home, Ran, fauxkey};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const IOS: &str = "90a3ccdf-635c-4729-a248-9b709135078f";
const ADELE: &str = "adele@contoso.test";

/// `fauxkey tenant serve`, until it is dropped.
struct Served {
    child: Child,
    ready: Value,
}

impl Served {
    fn start(home: &Home, arguments: &[&str]) -> Self {
        let file: PathBuf = home.folder.path().join("tenant-ready.json");
        // What a killed one left.
        let _none = std::fs::remove_file(&file);
        let path = file.display().to_string();
        let all = [&["tenant", "serve", "--ready-file", &path], arguments].concat();
        let mut command = home.command(&all);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let begun = Instant::now();
        let ready = loop {
            if let Ok(text) = std::fs::read(&file) {
                break serde_json::from_slice(&text).unwrap();
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "it does not start");
            std::thread::sleep(Duration::from_millis(20));
        };
        Self { child, ready }
    }

    fn end(&mut self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
        self.child.wait().unwrap();
    }

    /// An answer of it, by a client of its own.
    fn status(&self, path: &str, headers: &[(&str, &str)]) -> u16 {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let mut request = agent.get(format!("{}{path}", self.ready["tenant"].as_str().unwrap()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.call().unwrap().status().as_u16()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// The walk-through's preparation.
fn prepare(home: &Home) {
    for arguments in [
        &[
            "tenant",
            "policy",
            "set",
            "--state",
            "on",
            "--self-service",
            "on",
            "--attestation",
            "off",
            "--allow",
            "ios,android",
        ][..],
        &["tenant", "policy", "set", "--method", "tap", "--state", "on"],
        &["tenant", "policy", "set", "--method", "authenticator", "--state", "on", "--mode", "push"],
        &["tenant", "user", "add", ADELE, "--name", "Adele Example"],
        &["tenant", "group", "add", "Pilots"],
        &["tenant", "group", "member", "Pilots", ADELE],
        &["tenant", "strength", "add", "Passkeys", "--aaguid", "ios,android"],
        &["tenant", "access", "add", "Require passkeys", "--strength", "Passkeys", "--target", "Pilots"],
    ] {
        home.run(arguments).done();
    }
}

#[test]
fn an_administrator_prepares_a_tenant_without_starting_anything() {
    let home = Home::new();
    prepare(&home);
    let policy = home.run(&["tenant", "policy", "show"]).done().stdout;
    assert!(policy.contains(&format!("allow Microsoft Authenticator for iOS ({IOS})")), "{policy}");
    let mode = home.json(&["tenant", "policy", "show", "--method", "authenticator"]);
    assert_eq!(mode["includeTargets"][0]["authenticationMode"], "push");
    let strength = home.run(&["tenant", "strength", "show", "passkeys"]).done().stdout;
    assert!(strength.contains("Microsoft Authenticator for Android"), "{strength}");
    let policies = home.run(&["tenant", "access", "list"]).done().stdout;
    assert!(policies.contains("Require passkeys") && policies.contains("Passkeys"), "{policies}");
    let users = home.json(&["tenant", "user", "list", "--filter", "startswith(userPrincipalName,'ADELE')"]);
    assert_eq!(users.as_array().unwrap().len(), 1);
    let pass = home.json(&["tenant", "tap", "create", ADELE, "--once", "--minutes", "60"]);
    assert_eq!(pass["temporaryAccessPass"].as_str().unwrap().len(), 8);
    let later = home.json(&["tenant", "tap", "show", ADELE]);
    assert_eq!(later[0]["temporaryAccessPass"], Value::Null, "it is shown once");
    let report = home.run(&["tenant", "report", "--csv"]).done().stdout;
    assert!(report.contains(ADELE), "{report}");
    let audits = home.run(&["tenant", "log", "--audit", "--filter", "category eq 'Policy'"]).done().stdout;
    assert!(audits.contains("Fido2"), "{audits}");
    home.run(&["tenant", "show"]).done();
}

#[test]
fn a_check_names_the_clause_that_would_refuse_before_anybody_touches_a_device() {
    let home = Home::new();
    prepare(&home);
    let good = home.run(&["tenant", "check", ADELE, "--aaguid", "ios"]).done().stdout;
    assert!(good.starts_with("allowed\n") && good.contains("unverified"), "{good}");
    let bad = home.run(&["tenant", "check", ADELE, "--aaguid", "yubikey-5-nfc", "--purpose", "sign-in"]);
    assert_eq!(bad.code, Some(1));
    assert!(bad.stdout.starts_with("refused\n"), "{}", bad.stdout);
    assert!(bad.stdout.contains("  no   keyRestrictions: AAGUID"), "{}", bad.stdout);
}

#[test]
fn what_is_refused_says_why_and_what_to_do() {
    let home = Home::new();
    let ran = |arguments: &[&str]| home.run(arguments);
    ran(&["tenant", "user", "show", "nobody@contoso.test"]).refused(
        1,
        "fauxkey: there is no user nobody@contoso.test\nhint: fauxkey tenant user add makes one\n",
    );
    ran(&["tenant", "user", "add", "adele"]).refused(
        2,
        "fauxkey: \"adele\" is no user principal name\nhint: one looks like adele@contoso.test and has at most 113 characters\n",
    );
    ran(&["tenant", "policy", "set"]).refused(
        2,
        "fauxkey: it is not said what to change\nhint: give a flag such as --allow ios,android, or --file with the body of a PATCH\n",
    );
    ran(&["tenant", "policy", "set", "--allow", "nokia"]).refused(
        2,
        "fauxkey: nokia is no model\nhint: give ios, android, an AAGUID, or a name of `fauxkey profile list`\n",
    );
    ran(&["tenant", "clock", "1m"]).refused(
        1,
        "fauxkey: no tenant runs, so there is no clock to move\nhint: start it with `fauxkey tenant serve` in another terminal\n",
    );
}

#[test]
fn a_tenant_that_runs_is_found_asked_and_closed_to_everybody_else() {
    let home = Home::new();
    prepare(&home);
    let mut served = Served::start(&home, &["--behaviour", "2024-preview"]);
    let shown = home.json(&["tenant", "show"]);
    assert_eq!(shown["url"], served.ready["tenant"]);
    assert_eq!(shown["organization"]["simBehaviour"], "2024-preview");
    assert_eq!(home.json(&["tenant", "user", "list"]).as_array().unwrap().len(), 1);
    // Clock and passes.
    home.run(&["tenant", "tap", "create", ADELE, "--minutes", "60"]).done();
    home.run(&["tenant", "clock", "1h"]).done();
    assert_eq!(home.json(&["tenant", "tap", "show", ADELE])[0]["methodUsabilityReason"], "Expired");
    // Who may ask.
    let bearer = format!("Bearer {}", served.ready["token"].as_str().unwrap());
    let users = "/v1.0/users";
    assert_eq!(served.status(users, &[("authorization", &bearer)]), 200);
    assert_eq!(served.status(users, &[]), 401);
    assert_eq!(served.status(users, &[("authorization", "Bearer wrong")]), 401);
    let cookie = format!("token={}", served.ready["token"].as_str().unwrap());
    assert_eq!(served.status(users, &[("cookie", &cookie)]), 401, "a cookie alone is anybody's page");
    let ours = [("cookie", cookie.as_str()), ("sec-fetch-site", "same-origin")];
    assert_eq!(served.status(users, &ours), 200);
    assert_eq!(served.status(users, &[("cookie", &cookie), ("sec-fetch-site", "cross-site")]), 401);
    let foreign = [("authorization", bearer.as_str()), ("origin", "https://evil.example")];
    assert_eq!(served.status(users, &foreign), 403);
    assert_eq!(served.status(users, &[("authorization", &bearer), ("host", "evil.example")]), 403);
    served.end(Signal::TERM);
    // The behaviour stays.
    assert_eq!(home.json(&["tenant", "show"])["organization"]["simBehaviour"], "2024-preview");
}

#[test]
fn what_was_acknowledged_is_there_after_a_kill() {
    let home = Home::new();
    prepare(&home);
    for round in 0..4 {
        let mut served = Served::start(&home, &[]);
        let url = served.ready["tenant"].as_str().unwrap().to_owned();
        let token = served.ready["token"].as_str().unwrap().to_owned();
        let written = Arc::new(AtomicUsize::new(0));
        let count = written.clone();
        let writer = std::thread::spawn(move || {
            let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
            let mut acknowledged = Vec::new();
            for number in 0.. {
                let name = format!("user-{round}-{number}@contoso.test");
                let body = json!({ "userPrincipalName": name });
                let request = agent
                    .post(format!("{url}/v1.0/users"))
                    .header("authorization", format!("Bearer {token}"));
                match request.send_json(&body) {
                    Ok(response) if response.status() == 201 => {
                        acknowledged.push(name);
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                    _ => return acknowledged,
                }
            }
            acknowledged
        });
        let begun = Instant::now();
        while written.load(Ordering::Relaxed) < 5 + 7 * round {
            assert!(begun.elapsed() < Duration::from_secs(30), "it does not write");
            std::thread::sleep(Duration::from_millis(1));
        }
        served.end(Signal::KILL);
        let acknowledged = writer.join().unwrap();
        let users = home.json(&["tenant", "user", "list"]);
        let names: Vec<&str> =
            users.as_array().unwrap().iter().filter_map(|user| user["userPrincipalName"].as_str()).collect();
        for name in acknowledged {
            assert!(names.contains(&name.as_str()), "{name} was acknowledged, and is gone");
        }
    }
}

#[test]
fn a_raw_request_goes_out_as_it_was_written_and_what_comes_back_is_shown() {
    let home = Home::new();
    let path = "/v1.0/policies/AUTHENTICATIONMETHODSPOLICY/authenticationMethodConfigurations/FIDO2";
    let body = home.file("patch.json", r##"{"@odata.type":"#microsoft.graph.fido2AuthenticationMethodConfiguration","isAttestationEnforced":"true"}"##);
    let ran: Ran = home.run(&["tenant", "graph", "patch", path, &body]).done();
    assert_eq!(ran.stdout, "");
    let policy: Value =
        serde_json::from_str(&home.run(&["tenant", "graph", "GET", path]).done().stdout).unwrap();
    assert_eq!(policy["isAttestationEnforced"], true);
    let refused = home.run(&["tenant", "graph", "GET", "/v1.0/no/such"]);
    assert_eq!(refused.code, Some(1));
    let error: Value = serde_json::from_str(&refused.stdout).unwrap();
    assert_eq!(error["error"]["code"], "Request_ResourceNotFound");
    // It is a person's tool, not a hidden one.
    assert!(fauxkey(&["tenant", "--help"]).output().unwrap().status.success());
}
