//! The matrix from the command line, as far as it goes without a browser: `tests/peers/matrix.py` has one.
use super::Home;

#[test]
fn a_stranger_s_page_is_not_opened_until_its_host_is_named() {
    let home = Home::new();
    let ran = home.run(&["matrix", "https://shop.example-bank.com/sign-up"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(
        ran.stderr.contains("hint: if you may test it: --i-am-authorised-to-test shop.example-bank.com"),
        "{ran:?}"
    );
    assert!(!home.path().exists(), "nothing was begun");
}

#[test]
fn what_makes_no_sense_is_refused_before_a_browser_starts() {
    let home = Home::new();
    std::fs::create_dir_all(home.folder.path()).unwrap();
    let steps = home.folder.path().join("steps.toml");
    std::fs::write(&steps, "[[step]]\nfill = '#user'\n").unwrap();
    let steps = steps.to_str().unwrap();
    for (arguments, words) in [
        (&["--only", "yubikey-5c/usb/none"][..], "there is no route \"usb\""),
        (&["--only", "yubikey-5c/exec"], "expected PROFILE/ROUTE/PREFERENCE"),
        (&["--profile", "yubikey-6"], "there is no profile named `yubikey-6`"),
        (&["--attestation", "some"], "invalid value 'some'"),
        (&["--steps", steps], "a step is one of"),
    ] {
        let ran = home.run(&[&["matrix", "http://localhost:9"], arguments].concat());
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.stderr.contains(words), "{words}: {ran:?}");
    }
    let ran = home.run(&["matrix", "localhost:9"]);
    assert!(ran.code == Some(2) && ran.stderr.contains("only http and https are asked"), "{ran:?}");
}

#[test]
fn a_phone_across_the_room_without_a_screen_is_not_tried_and_it_is_said_what_to_install() {
    let home = Home::new();
    // Its environment is empty, and so is the PATH.
    let arguments = ["matrix", "http://localhost:9", "--browser", "/bin/true", "--only"];
    for (cell, words) in [
        ("ms-authenticator-ios/hybrid/none", "sudo apt-get install xvfb"),
        ("yubikey-5c/hybrid/none", "it is no phone"),
    ] {
        let ran = home.run(&[&arguments[..], &[cell]].concat());
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.stdout.contains("Not tried") && ran.stdout.contains(words), "{words}: {ran:?}");
    }
}
