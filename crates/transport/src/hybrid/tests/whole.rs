//! A desktop and a phone, with a tunnel service between them that is a queue each way.
use crate::hybrid::phone::{Deviations, LinkOffer, Patience};
use crate::hybrid::qr::{Hint, QrCode};
use crate::hybrid::{Ending, Stage, desktop, domain::TunnelDomain, phone};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use alloc::{string::String, vec};
use core::time::Duration;
use p256::SecretKey;
use p256::elliptic_curve::Generate as _;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng as _;
use wire::time::Instant;
use zeroize::Zeroizing;

const NOW: Instant = Instant::POWER_UP;
const GET_INFO: &[u8] = &[0xA1, 0x01, 0x80];

fn rng(seed: u64) -> Box<ChaCha20Rng> {
    Box::new(ChaCha20Rng::seed_from_u64(seed))
}

fn config() -> phone::Config {
    phone::Config {
        get_info: GET_INFO.into(),
        domain: TunnelDomain::GOOGLE,
        link: None,
        patience: Patience::default(),
        deviations: Deviations::default(),
    }
}

/// What a desktop that has one question lived through.
#[derive(Default)]
struct Seen {
    get_info: Option<Vec<u8>>,
    responses: Vec<Vec<u8>>,
    linked: Option<desktop::KnownPhone>,
    requests: Vec<Vec<u8>>,
    desktop: Option<Ending>,
    phone: Option<Ending>,
    paths: Vec<String>,
}

/// Plays both to their ends; the phone answers every request with a zero and the request itself.
fn play(desktop: &mut desktop::Session, phone: &mut phone::Session) -> Seen {
    let mut seen = Seen::default();
    let (mut to_phone, mut to_desktop) = (VecDeque::new(), VecDeque::<Vec<u8>>::new());
    loop {
        let mut idle = true;
        while let Some(output) = phone.poll_output() {
            idle = false;
            match output {
                phone::Output::Connect { path, .. } => {
                    seen.paths.push(path);
                    phone.handle_connected(NOW, Some("0A0b0C"));
                }
                phone::Output::Advertise(advert) => {
                    assert!(!desktop.handle_advert(NOW, &[7; 20]), "another phone's");
                    assert!(desktop.handle_advert(NOW, &advert));
                }
                phone::Output::StopAdvertising => {}
                phone::Output::Send(message) => to_desktop.push_back(message),
                phone::Output::Request(request) => {
                    let mut response = vec![0];
                    response.extend_from_slice(&request);
                    phone.respond(NOW, &response);
                    seen.requests.push(request);
                }
                phone::Output::Closed(ending) => {
                    seen.phone = Some(ending);
                    desktop.handle_closed(NOW);
                }
            }
        }
        while let Some(output) = desktop.poll_output() {
            idle = false;
            match output {
                desktop::Output::Connect { path, .. } => {
                    seen.paths.push(path);
                    desktop.handle_connected(NOW);
                }
                desktop::Output::Send(message) => to_phone.push_back(message),
                desktop::Output::Ready(first) => {
                    seen.get_info = first.get_info;
                    desktop.request(NOW, &[4]);
                }
                desktop::Output::Response(response) => seen.responses.push(response),
                desktop::Output::Linked(known) => seen.linked = Some(known),
                desktop::Output::Closed(ending) => seen.desktop = Some(ending),
            }
        }
        if let Some(message) = to_phone.pop_front() {
            phone.handle_message(NOW, &message);
        } else if let Some(message) = to_desktop.pop_front() {
            desktop.handle_message(NOW, &message);
        } else if idle && !seen.responses.is_empty() && seen.desktop.is_none() {
            desktop.finish();
        } else if idle {
            return seen;
        }
    }
}

fn shown(state_assisted: bool) -> (desktop::Session, QrCode) {
    let config =
        desktop::Config { hint: Some(Hint::MakeCredential), state_assisted, ..desktop::Config::default() };
    let desktop = desktop::Session::show(NOW, &config, rng(1));
    let code = QrCode::parse(&desktop.qr_text().unwrap()).unwrap();
    (desktop, code)
}

#[test]
fn a_request_goes_there_and_its_response_comes_back() {
    let (mut desktop, code) = shown(false);
    let mut phone = phone::Session::scan(NOW, code, config(), rng(2)).unwrap();
    let seen = play(&mut desktop, &mut phone);
    assert_eq!(seen.get_info.as_deref(), Some(GET_INFO));
    assert_eq!((seen.requests, seen.responses), (vec![vec![4]], vec![vec![0, 4]]));
    assert_eq!((seen.desktop, seen.phone), (Some(Ending::Done), Some(Ending::Done)));
    assert!(seen.paths[0].starts_with("/cable/new/"));
    assert!(seen.paths[1].starts_with("/cable/connect/0a0b0c/"));
    assert_eq!(seen.paths[0].rsplit('/').next(), seen.paths[1].rsplit('/').next(), "the tunnel's ID");
}

#[test]
fn a_phone_that_was_linked_is_met_again_without_a_code() {
    let (mut desktop, code) = shown(true);
    let key = SecretKey::generate_from_rng(&mut *rng(3));
    let secret = Zeroizing::new([9; 32]);
    let offer = LinkOffer {
        contact_id: vec![1, 2],
        link_id: [3; 8],
        secret: secret.clone(),
        key: key.clone(),
        name: "phone".into(),
    };
    let mut phone =
        phone::Session::scan(NOW, code, phone::Config { link: Some(offer), ..config() }, rng(2)).unwrap();
    let seen = play(&mut desktop, &mut phone);
    assert_eq!(seen.phone, Some(Ending::Done));
    let known = seen.linked.expect("a link was offered");
    assert_eq!(known.linking.name, "phone");

    let mut desktop = desktop::Session::contact(NOW, known, &desktop::Config::default(), rng(4));
    let Some(desktop::Output::Connect { payload: Some(payload), path, .. }) = desktop.poll_output() else {
        panic!("a phone that is known is contacted");
    };
    assert_eq!(path, "/cable/contact/AQI");
    let payload =
        crate::hybrid::linking::ClientPayload::decode(&wire::hex::decode(&payload).unwrap()).unwrap();
    desktop.handle_connected(NOW);
    let mut phone =
        phone::Session::contacted(NOW, &payload, ([1; 3], [2; 16]), (key, secret), config(), rng(5));
    let seen = play(&mut desktop, &mut phone);
    assert_eq!((seen.desktop, seen.phone), (Some(Ending::Done), Some(Ending::Done)));
    assert_eq!(seen.responses, [vec![0, 4]]);
}

#[test]
fn a_wrong_psk_and_bad_padding_are_noticed_by_the_desktop() {
    for deviations in [
        Deviations { wrong_psk: true, ..Deviations::default() },
        Deviations { bad_padding: true, ..Deviations::default() },
    ] {
        let (mut desktop, code) = shown(false);
        let mut phone =
            phone::Session::scan(NOW, code, phone::Config { deviations, ..config() }, rng(2)).unwrap();
        let seen = play(&mut desktop, &mut phone);
        assert!(matches!(seen.desktop, Some(Ending::Broken(Stage::Handshake, _))), "{:?}", seen.desktop);
        assert!(seen.requests.is_empty());
    }
}

#[test]
fn a_phone_for_which_nobody_comes_gives_up() {
    let (_, code) = shown(false);
    let mut phone = phone::Session::scan(NOW, code, config(), rng(2)).unwrap();
    phone.handle_connected(NOW, Some("000000"));
    let due = phone.poll_timeout().unwrap();
    phone.handle_timeout(NOW + Duration::from_secs(1));
    phone.handle_timeout(due);
    let mut outputs = core::iter::from_fn(|| phone.poll_output());
    assert!(
        outputs.any(|output| matches!(output, phone::Output::Closed(Ending::TimedOut(Stage::Advert)))),
        "it ends by itself"
    );
}
