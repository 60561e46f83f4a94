use crate::api::testing::{ID, Reply, Rig, prompt};
use crate::control::{Answer, Prompt};

fn offered(page: &Reply) -> Vec<&str> {
    let gestures = page.body.split("data-gesture=\"").skip(1);
    gestures.map(|rest| rest.split('"').next().unwrap()).collect()
}

/// What is written between `before` and the next `after`, for each.
fn between<'a>(text: &'a str, before: &'a str, after: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(before).skip(1).map(move |rest| rest.split(after).next().unwrap())
}

#[test]
fn the_phone_shows_who_is_on_it() {
    let rig = Rig::new();
    let path = rig.served.phone();
    let page = rig.ask_with("GET", path.strip_prefix(&rig.served.url).unwrap(), &[], "");
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    for text in [
        "Software keys protect nothing",
        "Microsoft Authenticator (iOS)",
        "90a3ccdf-635c-4729-a248-9b709135078f",
        "unix:/run/user/1000/fauxkey/phone.sock",
        "1 passkey<",
        "<h4><bdi>ada@example.test</bdi></h4>",
        "<p class=\"site\"><bdi>example.test</bdi></p>",
        "<bdi>Example</bdi>",
        "ES256",
        ID,
        "data-display=\"Ada\"",
        "Switch off",
    ] {
        assert!(page.body.contains(text), "{text}: {}", page.body);
    }
    assert_eq!(offered(&page), [] as [&str; 0]);
    assert!(!page.body.contains(&rig.served.token), "the token stays in the address");
}

#[test]
fn each_question_says_who_asks_and_why_and_has_the_answers_that_belong_to_it() {
    let rig = Rig::new();
    *rig.fake.asking.lock().unwrap() = true;
    let touch = Prompt { verification: false, accounts: Vec::new(), ..prompt() };
    let select = Prompt { purpose: "select".into(), rp_id: None, ..touch.clone() };
    let reset = Prompt { purpose: "reset".into(), rp_id: None, long_touch: true, ..touch.clone() };
    let sample = Prompt { purpose: "enroll-sample".into(), samples: Some(3), ..touch.clone() };
    let register = Prompt { purpose: "register".into(), accounts: vec!["ada".into()], ..touch };
    let last = Prompt { attempts: 1, ..prompt() };
    let accounts = vec!["ada".into(), "bea".into()];
    let choice = Prompt { accounts, choice: true, ..prompt() };
    for (question, words, gestures) in [
        (
            select,
            "A program asks which of several devices to use. A touch is enough.",
            vec!["present", "declined"],
        ),
        (
            reset,
            "A program wants to erase this device. Every passkey on it would be gone. A long touch.",
            vec!["long-touch", "present", "declined"],
        ),
        (
            sample,
            "example.test wants to get to know a finger. 3 good touches of the finger are still needed.",
            vec!["present", "not-verified", "declined"],
        ),
        (
            register,
            "example.test wants to put a new passkey on this device. A touch is enough. ada",
            vec!["present", "declined"],
        ),
        (
            prompt(),
            "example.test wants to sign you in. Face, finger or screen lock. 3 tries left. ada@example.test",
            vec!["verified", "not-verified", "verified", "declined"],
        ),
        (
            last,
            "example.test wants to sign you in. Face, finger or screen lock. The last try.",
            vec!["verified", "not-verified", "verified", "declined"],
        ),
        (
            choice,
            "example.test wants to sign you in. Choose the account. Face, finger or screen lock. 3 tries left. As ada As bea",
            vec!["not-verified", "declined"],
        ),
    ] {
        *rig.fake.question.lock().unwrap() = Some(question);
        let page = rig.ask("GET", "/phone", "");
        let sheet = between(&page.body, "<section class=\"sheet\"", "</section>").next().unwrap();
        let said: Vec<&str> = sheet
            .split('>')
            .skip(1)
            .filter_map(|part| part.split('<').next())
            .flat_map(str::split_whitespace)
            .collect();
        assert!(said.join(" ").contains(words), "{words}: {}", said.join(" "));
        assert_eq!(offered(&page), gestures, "{words}");
        assert!(sheet.contains("data-number=\"7\"") && sheet.contains("Let it time out"), "{sheet}");
    }
}

#[test]
fn a_phone_without_power_shows_nothing_and_asks_nothing() {
    let rig = Rig::new();
    rig.fake.device.lock().unwrap().powered = false;
    let page = rig.ask("GET", "/phone?device=phone", "");
    assert!(page.body.contains("Switch on") && !page.body.contains("ada@example.test"), "{}", page.body);
}

#[test]
fn the_page_knows_what_the_user_does() {
    let rig = Rig::new();
    for (answer, word) in [
        (Answer::Approve, "approve"),
        (Answer::Ask, "ask"),
        (Answer::Deny, "deny"),
        (Answer::Ignore, "ignore"),
        (Answer::WrongFinger, "wrong-finger"),
    ] {
        rig.fake.device.lock().unwrap().user.answer = answer;
        let page = rig.ask("GET", "/phone", "");
        let user = format!("data-user=\"{{&#34;answer&#34;:&#34;{word}&#34;,&#34;delayMs&#34;:0}}\"");
        assert!(page.body.contains(&user), "{user}: {}", page.body);
        assert!(page.body.contains(&format!("<option value=\"{word}\">")), "{word}");
    }
}

#[test]
fn without_the_token_the_phone_says_where_it_is_and_nothing_else() {
    let rig = Rig::new();
    for path in ["/phone", "/phone?token=", "/phone?token=wrong&device=phone"] {
        let page = rig.ask_with("GET", path, &[], "");
        assert_eq!(page.status, 401);
        assert!(page.body.contains("This page needs its token"), "{}", page.body);
        assert!(!page.body.contains("example.test") && !page.body.contains("<dialog"), "{}", page.body);
    }
    assert_eq!(rig.fake.calls(), [] as [&str; 0]);
}

#[test]
fn a_device_that_is_not_there_is_missed_in_plain_words() {
    let rig = Rig::new();
    let page = rig.ask("GET", "/phone?device=%3Cb%3E", "");
    assert_eq!(page.status, 404);
    assert!(page.body.contains("there is no device `&#60;b&#62;`"), "{}", page.body);
}

#[test]
fn names_of_strangers_stay_text_on_the_phone() {
    let rig = Rig::new();
    *rig.fake.asking.lock().unwrap() = true;
    let name = "</bdi><script>alert(1)</script>&\"'\u{1b}\u{0}x";
    *rig.fake.account.lock().unwrap() = Some(name.into());
    *rig.fake.question.lock().unwrap() =
        Some(Prompt { rp_id: Some(name.into()), accounts: vec![name.into()], ..prompt() });
    let page = rig.ask("GET", "/phone", "");
    let escaped = "&#60;/bdi&#62;&#60;script&#62;alert(1)&#60;/script&#62;&#38;&#34;&#39;\u{FFFD}\u{FFFD}x";
    // As account, as name and as account to delete; who asks, and for whom.
    assert_eq!(page.body.matches(escaped).count(), 5, "{}", page.body);
    assert_eq!(page.body.matches("<script").count(), 1);
}

#[test]
fn only_the_script_and_the_style_of_this_phone_page_run() {
    let rig = Rig::new();
    let nonces: Vec<String> = (0..2)
        .map(|_| {
            let page = rig.ask("GET", "/phone", "");
            let policy = page.header("content-security-policy").unwrap().to_owned();
            let nonce = between(&policy, "script-src 'nonce-", "'").next().unwrap().to_owned();
            for element in ["style", "script"] {
                assert!(page.body.contains(&format!("<{element} nonce=\"{nonce}\">")), "{policy}");
            }
            assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
            assert!(
                !page.body.contains(" style=") && !page.body.contains(" src="),
                "nothing inline or foreign"
            );
            nonce
        })
        .collect();
    assert_ne!(nonces[0], nonces[1]);
}

/// Enough of HTML to notice an element that is not closed, or that nobody can find.
#[test]
fn every_element_of_the_phone_is_closed_and_every_name_is_there_once() {
    let rig = Rig::new();
    *rig.fake.asking.lock().unwrap() = true;
    for reply in [
        rig.ask("GET", "/phone", ""),
        rig.ask_with("GET", "/phone", &[], ""),
        rig.ask("GET", "/phone?device=x", ""),
    ] {
        let markup = reply.body.split("<style").next().unwrap().to_owned()
            + between(&reply.body, "</style>", "<script").next().unwrap();
        let mut open: Vec<&str> = Vec::new();
        for tag in between(&markup, "<", ">") {
            let name = tag.split_whitespace().next().unwrap();
            match name.strip_prefix('/') {
                Some(closed) => assert_eq!(open.pop(), Some(closed), "{markup}"),
                None if matches!(name, "!doctype" | "meta" | "link" | "input" | "br") => {}
                None => open.push(name),
            }
        }
        assert_eq!(open, ["html", "body"], "{markup}");
        let mut ids: Vec<&str> = between(&markup, " id=\"", "\"").collect();
        for attribute in [" for=\"", "aria-labelledby=\"", "aria-describedby=\""] {
            for id in between(&markup, attribute, "\"").flat_map(str::split_whitespace) {
                assert!(ids.contains(&id), "{attribute}{id}");
            }
        }
        ids.sort_unstable();
        let all = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), all, "an id is there twice");
    }
}

/// What the script takes by its id is there, and the parts that it replaces are, too.
#[test]
fn the_script_finds_what_it_looks_for() {
    let rig = Rig::new();
    let page = rig.ask("GET", "/phone", "");
    let (markup, script) = page.body.split_once("<script").unwrap();
    let parts =
        between(script, "const PARTS = [", "]").next().unwrap().split(", ").map(|id| id.trim_matches('"'));
    let sheet = ["sheet-title", "sheet-why", "sheet-how"];
    for id in between(script, "$(\"", "\"").chain(parts).filter(|id| !sheet.contains(id)) {
        assert!(markup.contains(&format!("id=\"{id}\"")), "{id}");
    }
    for action in between(markup, "data-action=\"", "\"") {
        assert!(script.contains(&format!("\n    {action}: (")), "{action}");
    }
}

#[test]
fn an_account_stands_with_everything_that_it_can_do_and_other_passkeys_apart_from_it() {
    let rig = Rig::new();
    let account = crate::api::testing::account();
    let mine = crate::app::Account { passkey: Some(ID.into()), ..account.clone() };
    *rig.fake.listed.lock().unwrap() = vec![mine];
    let page = rig.ask("GET", "/phone", "");
    let entry = between(&page.body, "<ul class=\"accounts entries\"", "Remove account").next().unwrap();
    for text in [
        "<h4><bdi>ada@contoso.test</bdi></h4>",
        "<bdi>Contoso</bdi>",
        "<li>Passkey</li>",
        "<li>Push notification</li>",
        "<li>Phone sign-in</li>",
        "data-code=\"ZmF1eGtleQ\"",
        "<bdi>example.test</bdi>",
    ] {
        assert!(entry.contains(text), "{text}: {entry}");
    }
    assert_eq!(page.body.matches("class=\"site\"").count(), 1, "the passkey stands under its account alone");
    assert!(!page.body.contains("id=\"passkeys-title\""), "and nowhere else is it counted");
    assert!(page.body.contains("value=\"http://localhost:8123\""), "the tenant is remembered");
    let bare = crate::app::Account {
        passkey: None,
        push: false,
        phone_sign_in: false,
        one_time_code: false,
        ..account
    };
    *rig.fake.listed.lock().unwrap() = vec![bare];
    let page = rig.ask("GET", "/phone", "");
    assert!(page.body.contains("Passkey deleted") && !page.body.contains("data-code=\"Zm"), "it has no code");
    assert!(page.body.contains("<h4><bdi>ada@example.test</bdi></h4>"), "the other passkey stands alone");
}

#[test]
fn a_sign_in_that_waits_asks_for_the_number_and_never_tells_it() {
    let rig = Rig::new();
    let page = rig.ask("GET", "/phone", "");
    let sheet = between(&page.body, "<section class=\"sheet push\"", "</section>").next().unwrap();
    for text in ["Are you trying to sign in?", "Contoso", "ada@contoso.test", "Office", "No, it is not me"] {
        assert!(sheet.contains(text), "{text}: {sheet}");
    }
    rig.fake.waiting.lock().unwrap().clear();
    assert!(!rig.ask("GET", "/phone", "").body.contains("class=\"sheet push\""));
}

#[test]
fn a_device_that_is_no_phone_has_no_app() {
    let rig = Rig::new();
    rig.fake.device.lock().unwrap().aaguid = "2fc0579f-8113-47ea-b116-bb5a8db9202a".into();
    let page = rig.ask("GET", "/phone", "");
    assert!(!page.body.contains("id=\"add-account\"") && !page.body.contains("ada@contoso.test"));
    assert!(!rig.fake.calls().iter().any(|call| call.starts_with("accounts") || call.starts_with("pushes")));
}
