//! `fauxkey extension` and what `fauxkey browser` says it would do. Real browsers are in `tests/peers/extension.py`.
use super::Home;
use super::running::Instance;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;

#[test]
fn a_package_is_paired_with_the_instance_that_runs() {
    let home = Home::new();
    let unpaired = home.run(&["extension", "package"]).done();
    assert_eq!(unpaired.stdout, "FOLDER/package\n");
    assert!(unpaired.stderr.contains("no instance runs"), "{}", unpaired.stderr);
    let pairing = home.folder.path().join("package/pairing.json");
    assert!(!pairing.exists());

    let _instance = Instance::start(&home, &["--attach", "socket"]);
    let paired = home.run(&["extension", "package", "--device", "phone", "--client", "raw"]).done();
    assert_eq!(paired.stderr, "");
    let text = fs::read_to_string(&pairing).unwrap();
    let read: Value = serde_json::from_str(&text).unwrap();
    assert!(read["url"].as_str().unwrap().starts_with("ws://127.0.0.1:"), "{text}");
    assert_eq!((read["device"].as_str(), read["client"].as_str()), (Some("phone"), Some("raw")));
    assert_eq!(fs::metadata(&pairing).unwrap().permissions().mode() & 0o777, 0o600);
    let token = fs::read_to_string(
        super::files(&home.path()).into_iter().find(|file| file.ends_with("token")).unwrap(),
    );
    assert!(!text.contains(token.unwrap().trim()), "the token of the API is not in it");

    let printed = home.json(&["extension", "--pairing"]);
    assert_eq!((&printed["url"], &printed["token"]), (&read["url"], &read["token"]));
}

#[test]
fn without_an_instance_there_is_no_pairing_to_print() {
    Home::new().run(&["extension", "--pairing"]).refused(
        1,
        "fauxkey: no instance of fauxkey is running\nhint: start it with `fauxkey run` in another terminal\n",
    );
}

#[test]
fn a_folder_with_something_else_in_it_is_left_alone() {
    let home = Home::new();
    home.file("other", "mine");
    home.run(&["extension", "."]).refused(
        1,
        "fauxkey: the folder . has something else in it\nhint: name a folder that is not there yet\n",
    );
}

/// A program of that name, which is no browser.
fn stand_in(home: &Home, name: &str) -> String {
    let path = home.folder.path().join(name);
    fs::copy("/bin/true", &path).unwrap();
    path.display().to_string()
}

#[test]
fn what_would_be_done_is_printed_and_not_done() {
    let home = Home::new();
    let (chromium, firefox) = (stand_in(&home, "chromium"), stand_in(&home, "firefox"));
    for (browser, route, expected) in [
        (&chromium, "exec", "fauxkey exec -- FOLDER/chromium --user-data-dir=PROFILE"),
        (&chromium, "extension", "--load-extension=fauxkey-extension"),
        (&chromium, "script", "--remote-debugging-pipe"),
        (&firefox, "extension", "Load Temporary Add-on"),
    ] {
        let words = ["browser", "--print", "--browser", browser, "--route", route, "https://a.test/?a&b"];
        let ran = home.run(&words).done();
        assert!(ran.stdout.contains(expected), "{route}: {}", ran.stdout);
        assert!(ran.stdout.contains("'https://a.test/?a&b'"), "{route}: {}", ran.stdout);
        let json = home.json(&words);
        assert_eq!(json["route"], route);
    }
    assert!(!home.path().exists(), "nothing is made");
}

#[test]
fn a_browser_that_is_not_there_or_cannot_be_reached_so_is_refused() {
    let home = Home::new();
    home.run(&["browser", "--browser", "/nowhere/chromium"]).refused(
        1,
        "fauxkey: there is no browser /nowhere/chromium here\n\
         hint: install Chromium, Chrome, Edge or Firefox, or name one with --browser PATH\n",
    );
    let firefox = stand_in(&home, "firefox");
    home.run(&["browser", "--browser", &firefox, "--route", "script"]).refused(
        1,
        "fauxkey: Firefox has no pipe of DevTools for the route script\nhint: take --route extension\n",
    );
    let chromium = stand_in(&home, "chromium");
    let ran = home.run(&["browser", "--browser", &chromium, "--route", "script", "--ephemeral"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("it does not speak DevTools"), "{}", ran.stderr);
}

#[test]
fn a_profile_is_none_that_the_devices_of_a_running_instance_could_take() {
    let home = Home::new();
    let instance = Instance::start(&home, &["--attach", "socket"]);
    let url = instance.ready["url"].as_str().unwrap().to_owned();
    let browser = stand_in(&home, "chromium");
    let ran = home.run(&[
        "browser",
        "--browser",
        &browser,
        "--route",
        "script",
        "--profile",
        "security-key",
        "about:blank",
    ]);
    ran.refused(
        1,
        &format!(
            "fauxkey: the devices belong to the instance at {url}\n\
             hint: give --device with one of them, or --ephemeral for a new one of that profile\n"
        ),
    );
}
