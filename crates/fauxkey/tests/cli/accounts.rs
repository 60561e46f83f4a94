//! `fauxkey up` with its tenant, `fauxkey account`, and the rehearsal of both.
use super::running::Instance;
use super::{Home, Ran};
use rustix::process::Signal;
use serde_json::Value;
use std::collections::BTreeSet;

const ADELE: &str = "adele@contoso.test";

fn up(home: &Home) -> Instance {
    Instance::start_as("up", home, &["--attach", "socket"])
}

/// What a command said that must fail.
#[track_caller]
fn failed(ran: Ran) -> String {
    assert_eq!(ran.code, Some(1), "{ran:?}");
    ran.stderr
}

#[test]
fn up_has_a_user_with_a_pass_whose_account_outlives_it_and_a_second_up_makes_no_other() {
    let home = Home::new();
    let instance = up(&home);
    let tenant = instance.ready["tenant"].clone();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    assert_eq!((text(&tenant["user"]), text(&tenant["behaviour"])), (ADELE.into(), "current".into()));
    assert!(text(&tenant["admin"]).starts_with(&format!("{}/admin?token=", text(&tenant["url"]))));

    let wrong = failed(home.run(&["account", "add", ADELE, "--pass", "wrong"]));
    assert!(
        wrong.starts_with("fauxkey: the tenant refuses: the Temporary Access Pass is wrong (50126)"),
        "{wrong}"
    );
    let old = ["account", "add", ADELE, "--pass", "-", "--os-version", "16.7"];
    let pass = text(&tenant["temporaryAccessPass"]);
    let unfit = failed(home.run_with(&old, &format!("{pass}\n")));
    assert!(
        unfit.contains("iOS 16.7 is too old") && unfit.contains("hint: update the phone's system"),
        "{unfit}"
    );
    assert_eq!(home.run(&["account", "list"]).done().stdout, "no accounts on phone yet\n");

    let added = home.run_with(&["account", "add", ADELE, "--pass", "-"], &format!("{pass}\n")).done().stdout;
    let all = "passkey, push notification, phone sign-in, one-time code";
    assert_eq!(added, format!("{ADELE} at Contoso: {all}\n"));
    let nothing = failed(home.run(&["account", "approve", "42"]));
    assert!(nothing.contains("no sign-in waits for phone"), "{nothing}");
    let before = home.json(&["account", "code"]);
    assert_eq!(before["code"].as_str().unwrap().len(), 6);
    instance.stop(Signal::INT);

    let instance = up(&home);
    let again = &instance.ready["tenant"];
    assert_eq!(text(&again["user"]), ADELE);
    assert_eq!(again.get("temporaryAccessPass"), None, "the first one is still good");
    let listed = home.run(&["account", "list"]).done().stdout;
    assert!(listed.contains(ADELE) && listed.contains("Contoso") && listed.contains(all), "{listed}");
    // The tenant is at another port by now.
    assert_eq!(home.json(&["account", "code"])["code"].as_str().unwrap().len(), 6);
    home.run(&["account", "delete", ADELE, "--yes"]).done();
    assert_eq!(home.run(&["passkey", "list"]).done().stdout, "no passkeys on phone yet\n");
    instance.stop(Signal::INT);
}

#[test]
fn up_imitates_the_behaviour_that_is_asked_for_and_remembers_it() {
    let home = Home::new();
    for more in [&["--behaviour", "2024-preview", "--attach", "socket"][..], &["--attach", "socket"]] {
        let instance = Instance::start_as("up", &home, more);
        assert_eq!(instance.ready["tenant"]["behaviour"], "2024-preview");
        instance.stop(Signal::INT);
    }
}

#[test]
fn an_account_needs_a_tenant_that_answers() {
    let home = Home::with_phone();
    let none = home.run(&["account", "add", ADELE, "--pass", "x"]);
    assert!(none.stderr.contains("nothing says where the tenant is"), "{none:?}");
    let gone = failed(home.run(&["account", "add", ADELE, "--pass", "x", "--tenant", "http://localhost:1"]));
    assert!(gone.contains("the tenant at http://localhost:1 does not answer"), "{gone}");
    let far = home.run(&["account", "add", ADELE, "--pass", "x", "--tenant", "https://login.microsoft.com"]);
    assert!(far.code == Some(2) && far.stderr.contains("is not on this machine"), "{far:?}");
}

#[test]
fn the_tenant_s_story_is_rehearsed_in_both_behaviours_and_each_step_has_a_judge() {
    let home = Home::new();
    let stories = ["hid", "hybrid"].map(|way| ["2024-preview", "current"].map(|behaviour| (behaviour, way)));
    for (behaviour, way) in stories.into_iter().flatten() {
        let ran = home.run(&["--json", "rehearse", "--behaviour", behaviour, "--cross-device", way]).done();
        let steps: Vec<Value> = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(steps.len(), 34, "{behaviour} {way}");
        let by_code = |step: &&Value| step["what"].as_str().unwrap().contains("QR code");
        assert_eq!(steps.iter().filter(by_code).count(), if way == "hybrid" { 2 } else { 0 }, "{steps:?}");
        let parts: BTreeSet<&str> = steps.iter().map(|step| step["part"].as_str().unwrap()).collect();
        assert_eq!(parts.len(), 6, "{parts:?}");
        assert!(steps.iter().all(|step| !step["verifiedBy"].as_str().unwrap().is_empty()), "{steps:?}");
    }
    assert!(!home.path().exists(), "nothing of it stays");
}

#[test]
fn the_rehearsal_ends_in_a_table() {
    let ran = Home::new().run(&["rehearse", "--behaviour", "current"]).done();
    assert!(ran.stdout.contains("PART") && ran.stdout.contains("VERIFIED BY"), "{}", ran.stdout);
    assert!(ran.stdout.contains("6 Limits") && ran.stderr.contains("rehearsed: 34 steps"), "{ran:?}");
}
