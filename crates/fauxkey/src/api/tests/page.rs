use crate::api::testing::{ID, Rig, prompt};
use crate::control::Prompt;

#[test]
fn the_page_says_what_is_there_and_what_to_try() {
    let rig = Rig::new();
    *rig.fake.asking.lock().unwrap() = true;
    let page = rig.ask_with("GET", rig.served.page().strip_prefix(&rig.served.url).unwrap(), &[], "");
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    for text in [
        "Software keys protect nothing",
        "Microsoft Authenticator (iOS)",
        "90a3ccdf-635c-4729-a248-9b709135078f",
        "unix:/run/user/1000/fauxkey/phone.sock",
        "Ada (ada@example.test)",
        "example.test",
        "ES256",
        ID,
        "1 passkey",
        "Question 7",
        "data-device=\"phone\" data-number=\"7\" data-gesture=\"verified\">Approve",
        "data-gesture=\"not-verified\">Wrong finger",
        "fauxkey passkey list",
        "/api/v1/devices/phone/power",
    ] {
        assert!(page.body.contains(text), "{text}: {}", page.body);
    }
    assert!(!page.body.contains(&rig.served.token), "the token stays in the address");
}

#[test]
fn each_question_has_the_answers_that_belong_to_it() {
    let rig = Rig::new();
    *rig.fake.asking.lock().unwrap() = true;
    let touch = Prompt { verification: false, rp_id: None, accounts: Vec::new(), ..prompt() };
    let select = Prompt { purpose: "select".into(), ..touch.clone() };
    let reset = Prompt { purpose: "reset".into(), long_touch: true, ..touch.clone() };
    let sample = Prompt { purpose: "enroll-sample".into(), samples: Some(3), ..touch };
    for (question, words, gestures) in [
        (select, "being chosen", vec!["present", "declined"]),
        (reset, "which needs a long touch", vec!["long-touch", "declined", "present"]),
        (sample, "of which 3 are still needed", vec!["present", "declined", "not-verified"]),
        (prompt(), "a sign-in", vec!["verified", "declined", "not-verified"]),
    ] {
        *rig.fake.question.lock().unwrap() = Some(question);
        let page = rig.ask("GET", "/", "");
        assert!(page.body.contains(words), "{words}: {}", page.body);
        let offered = page.body.split("data-gesture=\"").skip(1);
        let offered: Vec<_> = offered.map(|rest| rest.split('"').next().unwrap()).collect();
        assert_eq!(offered, gestures, "{words}");
    }
}

#[test]
fn without_the_token_the_page_says_where_it_is_and_nothing_else() {
    let rig = Rig::new();
    for path in ["/", "/?token=", "/?token=wrong"] {
        let page = rig.ask_with("GET", path, &[], "");
        assert_eq!(page.status, 401);
        assert!(
            page.body.contains("This page needs its token") && !page.body.contains("phone<"),
            "{}",
            page.body
        );
    }
    assert_eq!(rig.fake.calls(), [] as [&str; 0]);
}

#[test]
fn names_of_strangers_stay_text() {
    let rig = Rig::new();
    let name = "</bdi><script>alert(1)</script>&\"'\u{1b}\u{0}x";
    *rig.fake.account.lock().unwrap() = Some(name.into());
    let page = rig.ask("GET", "/", "");
    let escaped = "&lt;/bdi&gt;&lt;script&gt;alert(1)&lt;/script&gt;&amp;&quot;&#39;\u{FFFD}\u{FFFD}x";
    assert!(page.body.contains(escaped), "{}", page.body);
    assert_eq!(page.body.matches("<script").count(), 1);
}

#[test]
fn only_the_script_and_the_style_of_this_answer_run() {
    let rig = Rig::new();
    let nonces: Vec<String> = (0..2)
        .map(|_| {
            let page = rig.ask("GET", "/", "");
            let policy = page.header("content-security-policy").unwrap().to_owned();
            let nonce =
                policy.split("script-src 'nonce-").nth(1).unwrap().split('\'').next().unwrap().to_owned();
            for element in ["style", "script"] {
                assert!(page.body.contains(&format!("<{element} nonce=\"{nonce}\">")), "{policy}");
            }
            assert!(!policy.contains("unsafe"), "{policy}");
            assert!(
                !page.body.contains("style=") && !page.body.contains("src="),
                "nothing inline or foreign"
            );
            nonce
        })
        .collect();
    assert_ne!(nonces[0], nonces[1]);
}

/// Enough of HTML to notice an element that is not closed.
#[test]
fn every_element_is_closed_and_every_label_is_there() {
    let rig = Rig::new();
    *rig.fake.asking.lock().unwrap() = true;
    for reply in [rig.ask("GET", "/", ""), rig.ask_with("GET", "/", &[], "")] {
        let mut open: Vec<&str> = Vec::new();
        let markup = reply.body.split("<style").next().unwrap().to_owned()
            + reply.body.split("</style>").nth(1).unwrap().split("<script").next().unwrap();
        for tag in markup.split('<').skip(1).map(|tag| tag.split('>').next().unwrap()) {
            let name = tag.split(' ').next().unwrap();
            match name.strip_prefix('/') {
                Some(closed) => assert_eq!(open.pop(), Some(closed), "{markup}"),
                None if matches!(name, "!doctype" | "meta" | "link") => {}
                None => open.push(name),
            }
        }
        assert_eq!(open, ["html", "body"], "{markup}");
        for label in
            reply.body.split("aria-labelledby=\"").skip(1).map(|rest| rest.split('"').next().unwrap())
        {
            assert!(reply.body.contains(&format!("id=\"{label}\"")), "{label}");
        }
    }
}
