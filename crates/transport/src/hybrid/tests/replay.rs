//! Whole sessions of another implementation: each side of ours says byte for byte what it must, and ends where it must.
use super::*;
use crate::hybrid::frame::Kind;
use crate::hybrid::linking::ClientPayload;
use crate::hybrid::qr::{Hint, QrCode};
use alloc::format;
use alloc::vec;
use wire::base64url;
use zeroize::Zeroizing;

/// Why a session is ended, by the verdicts of `sessions.txt`.
fn says(verdict: &str, ending: &Ending) -> bool {
    let words: &[&str] = match (verdict, ending) {
        ("OK" | "OK LINKED", ending) => return *ending == Ending::Done,
        ("CLOSED", ending) => return matches!(ending, Ending::Closed(_)),
        ("HANDSHAKE", Ending::Broken(Stage::Handshake, _)) => &["and not 81", "made with other keys"],
        ("TAG", _) => &["whose tag is wrong"],
        ("PADDING", _) => &["padding"],
        ("TYPE", _) => &["has no type", "which nobody knows"],
        ("EMPTY", _) => &["without a command", "without a status"],
        ("UNEXPECTED", _) => {
            &["from a", "before the first", "nobody asked for", "do not send", "there is not here"]
        }
        ("GREETING", Ending::Broken(Stage::Handshake, _)) => &["the first message", "a link is no"],
        ("FEATURES", _) => &["does not say that it speaks CTAP"],
        ("UPDATE", _) => &["an update is no"],
        ("SIGNATURE", _) => &["whose signature"],
        _ => &[],
    };
    words.iter().any(|word| ending.to_string().contains(word))
}

/// What is sent and said in a session, in order.
enum Line {
    Desktop(Vec<u8>),
    Phone(Vec<u8>),
}

/// Lines with what they say, where it was sealed.
fn lines(block: &Block) -> Vec<(Line, Option<Vec<u8>>)> {
    let (mut lines, mut said) = (Vec::new(), None);
    for (key, value) in &block.0 {
        let bytes = || hex::decode(value).unwrap();
        match key.as_str() {
            "says" => said = Some(bytes()),
            "desktop" => lines.push((Line::Desktop(bytes()), said.take())),
            "phone" => lines.push((Line::Phone(bytes()), said.take())),
            _ => {}
        }
    }
    lines
}

fn link_of(block: &Block) -> Option<phone::LinkOffer> {
    block.get("contact").map(|_| phone::LinkOffer {
        contact_id: block.bytes("contact"),
        link_id: block.array("link-id"),
        secret: Zeroizing::new(block.array("link-secret")),
        key: block.secret_key("phone-static"),
        name: block.text("phone-name").into(),
    })
}

/// getInfo out of the phone's greeting.
fn get_info(lines: &[(Line, Option<Vec<u8>>)]) -> Vec<u8> {
    let greeting =
        lines.iter().find_map(|(line, said)| said.as_ref().filter(|_| matches!(line, Line::Phone(_))));
    let greeting = greeting.and_then(|said| frame::PostHandshake::decode(said).ok());
    greeting.and_then(|greeting| greeting.get_info).unwrap_or_else(|| GET_INFO.into())
}

#[test]
fn our_phone_says_what_another_implementation_says_and_ends_where_it_must() {
    let mut judged = 0;
    for block in blocks("sessions.txt", 80) {
        let (name, verdict, lines) = (block.name(), block.text("expect"), lines(&block));
        if block.text("test") == "desktop" {
            continue;
        }
        judged += 1;
        let config = phone::Config { get_info: get_info(&lines), link: link_of(&block), ..phone_config() };
        let rng = Script::of([block.bytes("nonce"), drawn(block.bytes("phone-ephemeral"))]);
        let routing = block.text("routing");
        let (mut phone, path) = match block.get("code") {
            Some(code) => {
                let code = QrCode::parse(code).unwrap();
                let path = format!("/cable/new/{}", block.text("tunnel-id"));
                (phone::Session::scan(NOW, code, config, rng).unwrap(), path)
            }
            None => {
                let payload = ClientPayload::decode(&block.bytes("payload")).unwrap();
                let link = config.link.as_ref().unwrap();
                assert_eq!(payload.link_id, link.link_id);
                let kept = (link.key.clone(), link.secret.clone());
                let place = (block.array("routing"), block.array("tunnel-id"));
                let path = format!("/cable/connect/{routing}/{}", block.text("tunnel-id"));
                (phone::Session::contacted(NOW, &payload, place, kept, config, rng), path)
            }
        };
        let Some(phone::Output::Connect { path: asked, .. }) = phone.poll_output() else { panic!("{name}") };
        assert_eq!(asked, path, "{name}");
        phone.handle_connected(NOW, block.get("code").map(|_| routing));
        let Some(phone::Output::Advertise(advert)) = phone.poll_output() else { panic!("{name}") };
        assert_eq!(advert, block.array("advert"), "{name}");

        let mut ending = None;
        let mut sent = VecDeque::new();
        let mut requested = None;
        let mut settle =
            |phone: &mut phone::Session, sent: &mut VecDeque<Vec<u8>>, requested: &mut Option<Vec<u8>>| {
                while let Some(output) = phone.poll_output() {
                    assert_eq!(ending, None, "{name}: something comes after the end");
                    match output {
                        phone::Output::Send(message) => sent.push_back(message),
                        phone::Output::Request(request) => *requested = Some(request),
                        phone::Output::Closed(how) => ending = Some(how),
                        phone::Output::StopAdvertising => {}
                        phone::Output::Connect { .. } | phone::Output::Advertise(_) => {
                            panic!("{name}: once more")
                        }
                    }
                }
            };
        for (line, said) in &lines {
            settle(&mut phone, &mut sent, &mut requested);
            match line {
                Line::Desktop(message) => {
                    phone.handle_message(NOW, message);
                    settle(&mut phone, &mut sent, &mut requested);
                    let request = said.as_deref().and_then(|said| said.strip_prefix(&[Kind::Ctap as u8]));
                    if let Some(request) = request.filter(|_| verdict.starts_with("OK")) {
                        assert_eq!(requested.take().as_deref(), Some(request), "{name}");
                    }
                }
                Line::Phone(message) => {
                    if let (None, Some([1, response @ ..])) = (sent.front(), said.as_deref()) {
                        phone.respond(NOW, response);
                        settle(&mut phone, &mut sent, &mut requested);
                    }
                    let sent = sent.pop_front().unwrap_or_else(|| panic!("{name}: it says too little"));
                    assert_eq!(hex::encode(&sent), hex::encode(message), "{name}");
                }
            }
        }
        settle(&mut phone, &mut sent, &mut requested);
        assert_eq!(sent, VecDeque::<Vec<u8>>::new(), "{name}: it says too much");
        let ending = ending.unwrap_or_else(|| panic!("{name}: it goes on"));
        assert!(says(verdict, &ending), "{name}: {verdict} ends so: {ending}");
        assert_eq!((phone.poll_timeout(), phone.stage()), (None, Stage::Answered), "{name}");
    }
    assert!(judged > 40, "{judged} sessions judge the phone");
}

#[test]
fn our_desktop_says_what_another_implementation_says_and_ends_where_it_must() {
    let mut judged = 0;
    for block in blocks("sessions.txt", 80) {
        let (name, verdict, lines) = (block.name(), block.text("expect"), lines(&block));
        if block.text("test") == "phone" {
            continue;
        }
        judged += 1;
        let ephemeral = drawn(block.bytes("desktop-ephemeral"));
        let mut desktop = match block.get("code") {
            Some(code) => {
                let parsed = QrCode::parse(code).unwrap();
                let config = desktop::Config {
                    hint: Some(Hint::of(parsed.hint.as_deref())),
                    time: parsed.time,
                    state_assisted: parsed.state_assisted == Some(true),
                    ..desktop::Config::default()
                };
                let rng =
                    Script::of([drawn(block.bytes("desktop-static")), block.bytes("secret"), ephemeral]);
                let desktop = desktop::Session::show(NOW, &config, rng);
                assert_eq!(desktop.qr_text().unwrap().as_str(), code, "{name}");
                desktop
            }
            None => contacting(&block, Script::of([block.bytes("client-nonce"), ephemeral])),
        };
        assert!(!desktop.handle_advert(NOW, &[7; 20]), "{name}: any advert will do");
        assert!(desktop.handle_advert(NOW, &block.bytes("advert")), "{name}: its advert is not seen");
        let Some(desktop::Output::Connect { path, payload, .. }) = desktop.poll_output() else {
            panic!("{name}")
        };
        assert_eq!(payload.as_deref(), block.get("payload"), "{name}");
        let expected = match block.get("code") {
            Some(_) => format!("/cable/connect/{}/{}", block.text("routing"), block.text("tunnel-id")),
            None => format!("/cable/contact/{}", base64url::encode(&block.bytes("contact"))),
        };
        assert_eq!(path, expected, "{name}");
        desktop.handle_connected(NOW);

        let mut ending = None;
        let (mut sent, mut responses, mut links) = (VecDeque::new(), Vec::new(), Vec::new());
        let mut settle = |desktop: &mut desktop::Session, sent: &mut VecDeque<Vec<u8>>| {
            while let Some(output) = desktop.poll_output() {
                assert_eq!(ending, None, "{name}: something comes after the end");
                match output {
                    desktop::Output::Send(message) => sent.push_back(message),
                    desktop::Output::Response(response) => responses.push(response),
                    desktop::Output::Linked(phone) => links.push(phone.linking.link_id),
                    desktop::Output::Closed(how) => ending = Some(how),
                    desktop::Output::Ready(_) => {}
                    desktop::Output::Connect { .. } => panic!("{name}: once more"),
                }
            }
        };
        let mut answers = Vec::new();
        for (line, said) in &lines {
            settle(&mut desktop, &mut sent);
            match line {
                Line::Phone(message) => {
                    desktop.handle_message(NOW, message);
                    answers.extend(said.as_deref().and_then(|said| said.strip_prefix(&[1])).map(Vec::from));
                }
                Line::Desktop(message) => {
                    match said.as_deref() {
                        Some([1, request @ ..]) => desktop.request(NOW, request),
                        Some([0]) => desktop.finish(),
                        _ => {}
                    }
                    settle(&mut desktop, &mut sent);
                    let sent = sent.pop_front().unwrap_or_else(|| panic!("{name}: it says too little"));
                    assert_eq!(hex::encode(&sent), hex::encode(message), "{name}");
                }
            }
        }
        settle(&mut desktop, &mut sent);
        assert_eq!(sent, VecDeque::<Vec<u8>>::new(), "{name}: it says too much");
        let ending = ending.unwrap_or_else(|| panic!("{name}: it goes on"));
        assert!(says(verdict, &ending), "{name}: {verdict} ends so: {ending}");
        if verdict.starts_with("OK") {
            assert_eq!(responses, answers, "{name}");
        }
        let linked = if verdict == "OK LINKED" { vec![block.array("link-id")] } else { Vec::new() };
        assert_eq!(links, linked, "{name}");
        assert_eq!((desktop.poll_timeout(), desktop.stage()), (None, Stage::Answered), "{name}");
    }
    assert!(judged > 40, "{judged} sessions judge the desktop");
}

/// A desktop that knows the phone of the block.
fn contacting(block: &Block, rng: Box<dyn CryptoRng + Send>) -> desktop::Session {
    let linking = linking::Linking {
        contact_id: block.bytes("contact"),
        link_id: block.array("link-id"),
        secret: Zeroizing::new(block.array("link-secret")),
        public_key: block.secret_key("phone-static").public_key(),
        name: String::new(),
        signature: [0; 32],
    };
    let phone = desktop::KnownPhone { linking, domain: domain::TunnelDomain::GOOGLE };
    let config = desktop::Config { hint: Some(Hint::GetAssertion), ..desktop::Config::default() };
    desktop::Session::contact(NOW, phone, &config, rng)
}
