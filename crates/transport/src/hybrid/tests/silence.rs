//! Who waits, and for how long; who leaves, and what the other side makes of it.
use super::*;
use crate::hybrid::domain::TunnelDomain;
use crate::hybrid::phone::{Deviations, LinkOffer, Patience};
use crate::hybrid::qr::QrCode;
use alloc::vec;
use zeroize::Zeroizing;

const SECOND: u64 = 1_000;

#[test]
fn a_phone_that_gets_no_tunnel_gives_up_and_has_not_advertised() {
    let mut pair = Pair::new(phone_config(), false);
    pair.phone.handle_timeout(at(20 * SECOND - 1));
    pair.settle();
    assert_eq!(pair.heard.phone, None);
    assert_eq!(pair.phone.poll_timeout(), Some(at(20 * SECOND)));
    pair.phone.handle_timeout(at(20 * SECOND));
    pair.settle();
    assert_eq!(pair.heard.phone, Some(Ending::TimedOut(Stage::Tunnel)));
    assert_eq!(pair.advert, None);
}

#[test]
fn a_tunnel_that_cannot_be_opened_ends_either_side_at_once() {
    let mut pair = Pair::new(phone_config(), false);
    pair.phone.handle_closed(NOW);
    pair.settle();
    assert_eq!(pair.heard.phone, Some(Ending::Closed(Stage::Tunnel)));

    let mut pair = Pair::new(phone_config(), false);
    pair.phone.handle_connected(NOW, Some("000000"));
    pair.settle();
    assert!(pair.desktop.handle_advert(NOW, &pair.advert.unwrap()));
    pair.desktop.handle_closed(NOW);
    pair.settle();
    assert_eq!(pair.heard.desktop, Some(Ending::Closed(Stage::Tunnel)));
}

#[test]
fn a_service_that_tells_no_place_is_of_no_use() {
    for place in [None, Some(""), Some("0a0b"), Some("0a0b0c0d"), Some("0a0b0g"), Some("ä0b0c")] {
        let mut pair = Pair::new(phone_config(), false);
        pair.phone.handle_connected(NOW, place);
        pair.settle();
        let ending = pair.heard.phone.expect("it goes on").to_string();
        assert!(ending.contains("no routing ID of six hexadecimal digits"), "{place:?}: {ending}");
        assert_eq!(pair.advert, None);
    }
}

#[test]
fn an_advert_that_no_desktop_follows_is_stopped() {
    let mut pair = Pair::new(phone_config(), false);
    pair.phone.handle_connected(at(SECOND), Some("0A0B0C"));
    pair.settle();
    assert!(pair.heard.advertising);
    assert_eq!(pair.phone.poll_timeout(), Some(at(91 * SECOND)));
    pair.phone.handle_timeout(at(91 * SECOND));
    pair.settle();
    assert_eq!(pair.heard.phone, Some(Ending::TimedOut(Stage::Advert)));
    assert!(!pair.heard.advertising);
}

#[test]
fn a_desktop_that_sees_no_phone_gives_up() {
    let mut pair = Pair::new(phone_config(), false);
    assert_eq!(pair.desktop.poll_timeout(), Some(at(90 * SECOND)));
    pair.desktop.handle_timeout(at(90 * SECOND));
    pair.settle();
    assert_eq!(pair.heard.desktop, Some(Ending::TimedOut(Stage::Advert)));
    assert!(!pair.desktop.handle_advert(at(91 * SECOND), &[0; 20]));
}

#[test]
fn adverts_of_others_and_of_nobodys_service_change_nothing() {
    let mut pair = Pair::new(phone_config(), false);
    let before = pair.desktop.poll_timeout();
    for data in [&[][..], &[0; 20], &[0xFF; 20], &[7; 26]] {
        assert!(!pair.desktop.handle_advert(at(5 * SECOND), data));
    }
    // Right in everything, but of a number that nobody has.
    let code = QrCode::parse(&pair.desktop.qr_text().unwrap()).unwrap();
    let key = keys::derive::<64>(code.secret.as_slice(), &[], keys::Purpose::EidKey);
    let advert = advert::Eid::new([1; 10], [2; 3], TunnelDomain(77)).seal(&key);
    assert!(!pair.desktop.handle_advert(at(5 * SECOND), &advert));
    assert_eq!(pair.desktop.poll_timeout(), before, "it waits as long as before");
    assert!(pair.desktop.poll_output().is_none());
    pair.meet();
    pair.pass();
    assert_eq!(pair.heard.ready, 1);
}

#[test]
fn a_desktop_follows_the_first_advert_alone() {
    let mut pair = Pair::new(phone_config(), false);
    pair.meet();
    let advert = pair.advert.unwrap();
    assert!(!pair.desktop.handle_advert(NOW, &advert));
    pair.pass();
    assert!(!pair.desktop.handle_advert(NOW, &advert));
    assert_eq!((pair.heard.ready, &pair.heard.desktop), (1, &None));
}

#[test]
fn a_phone_that_does_not_answer_the_handshake_is_given_up() {
    let mut pair = Pair::new(phone_config(), false);
    pair.meet();
    assert_eq!(pair.to_phone.len(), 1);
    assert_eq!(pair.desktop.poll_timeout(), Some(at(20 * SECOND)));
    pair.desktop.handle_timeout(at(20 * SECOND));
    pair.settle();
    assert_eq!(pair.heard.desktop, Some(Ending::TimedOut(Stage::Handshake)));
}

#[test]
fn a_phone_that_answers_and_says_nothing_more_is_given_up() {
    let mut pair = Pair::new(phone_config(), false);
    pair.meet();
    let first = pair.to_phone.pop_front().unwrap();
    pair.phone.handle_message(NOW, &first);
    pair.settle();
    let second = pair.to_desktop.pop_front().unwrap();
    pair.desktop.handle_message(at(19 * SECOND), &second);
    let due = pair.desktop.poll_timeout().unwrap();
    assert!(due <= at(60 * SECOND), "{due:?}");
    pair.desktop.handle_timeout(due);
    pair.settle();
    assert_eq!(pair.heard.desktop, Some(Ending::TimedOut(Stage::Handshake)));
}

#[test]
fn a_desktop_that_asks_nothing_is_left() {
    let mut pair = Pair::ready();
    assert_eq!(pair.phone.poll_timeout(), Some(at(60 * SECOND)));
    pair.phone.handle_timeout(at(60 * SECOND));
    pair.settle();
    assert_eq!(pair.heard.phone, Some(Ending::TimedOut(Stage::Ready)));
    assert_eq!(pair.heard.requests.len(), 0);
}

#[test]
fn while_its_user_is_asked_a_phone_waits_and_a_desktop_does_not_for_ever() {
    let mut pair = Pair::ready();
    pair.desktop.request(NOW, &[4]);
    pair.pass();
    assert_eq!((pair.phone.poll_timeout(), pair.phone.stage()), (None, Stage::Request));
    pair.phone.handle_timeout(at(1_000 * SECOND));
    pair.settle();
    assert_eq!(pair.heard.phone, None);
    pair.desktop.handle_timeout(at(90 * SECOND));
    pair.settle();
    assert_eq!(pair.heard.desktop, Some(Ending::TimedOut(Stage::Request)));
    // Its tunnel is closed then.
    pair.phone.handle_closed(at(90 * SECOND));
    pair.settle();
    assert_eq!(pair.heard.phone, Some(Ending::Closed(Stage::Request)));
    pair.phone.respond(at(91 * SECOND), &[0]);
    assert!(pair.phone.poll_output().is_none(), "a response after the end");
}

#[test]
fn after_its_answer_a_phone_waits_a_little_and_all_is_well() {
    let mut pair = Pair::ready();
    pair.ask(&[4], &[0, 0xA0]);
    assert_eq!(pair.phone.poll_timeout(), Some(at(10 * SECOND)));
    pair.phone.handle_timeout(at(10 * SECOND));
    pair.settle();
    assert_eq!(pair.heard.phone, Some(Ending::Done));
}

#[test]
fn whoever_closes_the_tunnel_after_an_answer_has_what_it_wanted() {
    let mut pair = Pair::ready();
    pair.ask(&[4], &[0]);
    pair.phone.handle_closed(NOW);
    pair.desktop.handle_closed(NOW);
    pair.settle();
    assert_eq!((pair.heard.phone, pair.heard.desktop), (Some(Ending::Done), Some(Ending::Done)));
}

#[test]
fn a_tunnel_that_breaks_says_how_far_both_had_come() {
    let mut pair = Pair::ready();
    pair.desktop.handle_closed(NOW);
    pair.phone.handle_closed(NOW);
    pair.settle();
    let ending = Some(Ending::Closed(Stage::Ready));
    assert_eq!((pair.heard.phone, pair.heard.desktop), (ending.clone(), ending));
}

#[test]
fn a_desktop_that_finishes_is_heard_by_the_phone() {
    let mut pair = Pair::ready();
    pair.ask(&[4], &[0]);
    pair.desktop.finish();
    pair.pass();
    assert_eq!((pair.heard.phone, pair.heard.desktop), (Some(Ending::Done), Some(Ending::Done)));

    let mut pair = Pair::ready();
    pair.desktop.finish();
    pair.pass();
    let ending = Some(Ending::Closed(Stage::Ready));
    assert_eq!((pair.heard.phone, pair.heard.desktop), (ending.clone(), ending));
}

#[test]
fn after_the_end_nothing_comes_and_nothing_is_waited_for() {
    let mut pair = Pair::ready();
    pair.ask(&[4], &[0]);
    pair.desktop.finish();
    pair.pass();
    for _ in 0..2 {
        pair.phone.handle_message(NOW, &[0; 64]);
        pair.phone.handle_connected(NOW, Some("000000"));
        pair.phone.handle_timeout(at(1_000 * SECOND));
        pair.phone.respond(NOW, &[0]);
        pair.phone.handle_closed(NOW);
        pair.desktop.handle_message(NOW, &[0; 64]);
        pair.desktop.handle_connected(NOW);
        pair.desktop.handle_timeout(at(1_000 * SECOND));
        pair.desktop.request(NOW, &[4]);
        pair.desktop.finish();
        pair.desktop.handle_closed(NOW);
        assert!(pair.phone.poll_output().is_none() && pair.desktop.poll_output().is_none());
        assert_eq!((pair.phone.poll_timeout(), pair.desktop.poll_timeout()), (None, None));
    }
}

#[test]
fn a_desktop_asks_one_thing_at_a_time_and_nothing_before_the_phone_is_there() {
    let mut pair = Pair::new(phone_config(), false);
    pair.desktop.request(NOW, &[4]);
    pair.meet();
    pair.desktop.request(NOW, &[4]);
    pair.pass();
    assert_eq!(pair.heard.requests.len(), 0);
    pair.desktop.request(NOW, &[1]);
    pair.desktop.request(NOW, &[2]);
    pair.pass();
    assert_eq!((pair.heard.requests, pair.heard.phone), (vec![vec![1]], None));
}

#[test]
fn a_second_response_goes_nowhere() {
    let mut pair = Pair::ready();
    pair.phone.respond(NOW, &[0]);
    assert!(pair.phone.poll_output().is_none(), "a response to nothing");
    pair.ask(&[4], &[0]);
    pair.phone.respond(NOW, &[1]);
    assert!(pair.phone.poll_output().is_none(), "a second response");
}

#[test]
fn the_longest_messages_pass_and_longer_ones_are_answered_by_an_error() {
    let mut pair = Pair::ready();
    let longest = vec![4; frame::MAX_BODY];
    pair.ask(&longest, &longest);
    pair.desktop.request(NOW, &[4]);
    pair.pass();
    pair.phone.respond(NOW, &vec![0; frame::MAX_BODY + 1]);
    pair.pass();
    assert_eq!(pair.heard.responses.pop(), Some(vec![0x7F]));
    let before = pair.heard.requests.len();
    pair.desktop.request(NOW, &vec![4; frame::MAX_BODY + 1]);
    pair.pass();
    assert_eq!(pair.heard.responses.pop(), Some(vec![0x39]));
    assert_eq!(pair.heard.requests.len(), before, "it was sent");
    pair.ask(&[4], &[0]);
}

#[test]
fn a_service_that_the_desktop_does_not_know_is_not_chosen() {
    let shown = |known, channels| {
        let session = desktop::Session::show(NOW, &desktop::Config::default(), rng(1));
        let code = QrCode::parse(&session.qr_text().unwrap()).unwrap();
        QrCode { known_domains: known, channels, ..code }
    };
    let scan = |code, domain| {
        let config = phone::Config { domain: TunnelDomain(domain), ..phone_config() };
        phone::Session::scan(NOW, code, config, rng(2)).map(drop)
    };
    assert!(scan(shown(Some(2), None), 1).is_ok());
    assert!(scan(shown(Some(1), None), 0).is_ok());
    assert!(scan(shown(Some(1), None), 1).unwrap_err().to_string().contains("knows 1 tunnel services"));
    assert!(scan(shown(None, None), 0).is_err());
    assert!(scan(shown(Some(0), None), 266).is_ok(), "a name that is computed needs no list");
    assert!(scan(shown(Some(200), None), 100).is_err(), "a number that nobody has leads nowhere");
    assert!(scan(shown(Some(2), Some(vec![0, 1])), 0).is_ok());
    assert!(scan(shown(Some(2), Some(vec![1])), 0).unwrap_err().to_string().contains("does not offer"));
}

fn offer() -> LinkOffer {
    LinkOffer {
        contact_id: vec![9; 40],
        link_id: [8; 8],
        secret: Zeroizing::new([7; 32]),
        key: SecretKey::from_slice(&[6; 32]).unwrap(),
        name: "A phone".into(),
    }
}

#[test]
fn a_link_is_offered_to_a_desktop_that_keeps_one_and_brings_it_back() {
    let mut pair = Pair::new(phone::Config { link: Some(offer()), ..phone_config() }, false);
    pair.meet();
    pair.pass();
    assert!(pair.heard.links.is_empty(), "a link that nobody wanted");

    let mut pair = Pair::new(phone::Config { link: Some(offer()), ..phone_config() }, true);
    pair.meet();
    pair.pass();
    let known = pair.heard.links.pop().expect("a link is offered");
    pair.ask(&[4], &[0]);

    let mut desktop = desktop::Session::contact(NOW, known, &desktop::Config::default(), rng(3));
    assert!(desktop.qr_text().is_none());
    let Some(desktop::Output::Connect { payload: Some(payload), path, .. }) = desktop.poll_output() else {
        panic!("the phone is not called")
    };
    assert!(path.starts_with("/cable/contact/"), "{path}");
    let payload = linking::ClientPayload::decode(&hex::decode(&payload).unwrap()).unwrap();
    let kept = (offer().key, offer().secret);
    let phone = phone::Session::contacted(NOW, &payload, ([1, 2, 3], [4; 16]), kept, phone_config(), rng(4));
    let mut pair = Pair::of(desktop, phone);
    // The desktop waits in the tunnel before it sees the phone.
    pair.desktop.handle_connected(NOW);
    pair.phone.handle_connected(NOW, None);
    pair.settle();
    let advert = pair.advert.unwrap();
    assert!(pair.desktop.handle_advert(NOW, &advert));
    pair.pass();
    pair.ask(&[4], &[0]);
    assert!(pair.heard.links.is_empty(), "a link over a link");
}

#[test]
fn a_phone_with_another_psk_is_refused_by_the_desktop() {
    let deviations = Deviations { wrong_psk: true, ..Deviations::default() };
    let mut pair = Pair::new(phone::Config { deviations, ..phone_config() }, false);
    pair.meet();
    pair.pass();
    let ending = pair.heard.desktop.clone().expect("the desktop does not notice");
    assert!(matches!(ending, Ending::Broken(Stage::Handshake, _)), "{ending}");
    pair.phone.handle_closed(NOW);
    pair.settle();
    assert!(pair.heard.phone.is_some());
}

#[test]
fn a_phone_that_pads_too_much_is_refused_by_the_desktop() {
    let deviations = Deviations { bad_padding: true, ..Deviations::default() };
    let mut pair = Pair::new(phone::Config { deviations, ..phone_config() }, false);
    pair.meet();
    pair.pass();
    let ending = pair.heard.desktop.expect("the desktop does not notice").to_string();
    assert!(ending.contains("padding"), "{ending}");
}

#[test]
fn patience_is_what_the_config_says() {
    let short = Duration::from_millis(5);
    let patience = Patience { tunnel: short, desktop: short, request: short, farewell: short };
    let mut pair = Pair::new(phone::Config { patience, ..phone_config() }, false);
    assert_eq!(pair.phone.poll_timeout(), Some(at(5)));
    pair.meet();
    pair.pass();
    assert_eq!(pair.phone.poll_timeout(), Some(at(5)));
    pair.ask(&[4], &[0]);
    assert_eq!(pair.phone.poll_timeout(), Some(at(5)));
}
