//! A linked phone is contacted.
use super::super::contacts::Contact;
use super::*;
use proptest::prelude::*;

const CONTACT: &[u8] = b"contact id \xFF\xFE";

async fn contact(rig: &Rig, id: &[u8], payload: &str, signal: bool) -> Result<Opened, TunnelError> {
    let path = format!("/cable/contact/{}", wire::base64url::encode(id));
    open(&rig.service(), &path, Some(payload), signal).await
}

/// The phone, when the service knows it.
async fn phone(rig: &Rig) -> Contacts {
    Contacts::wait(&rig.service(), CONTACT).await.unwrap()
}

#[test]
fn a_contact_reaches_the_phone_which_joins_and_the_client_is_told() {
    run(async {
        let rig = Rig::new();
        let mut contacts = phone(&rig).await;
        for signal in [true, false] {
            let opened = contact(&rig, CONTACT, "A1014807", signal).await.unwrap();
            assert_eq!(opened.signals, signal);
            assert_eq!(opened.routing_id, None, "that is for the phone alone");
            let mut client = opened.socket;
            let heard = contacts.next().await.unwrap().unwrap();
            assert_eq!(heard.client_payload, [0xA1, 0x01, 0x48, 0x07]);
            let mut phone = rig.open(&heard.path()).await.unwrap().socket;
            if signal {
                assert_eq!(client.recv().await.unwrap(), Some(vec![0]));
            }
            client.send(vec![1]).await.unwrap();
            assert_eq!(phone.recv().await.unwrap(), Some(vec![1]));
            phone.send(vec![2]).await.unwrap();
            assert_eq!(client.recv().await.unwrap(), Some(vec![2]));
            phone.close().await;
            assert_eq!(client.recv().await.unwrap(), None);
        }
    });
}

#[test]
fn two_clients_meet_the_phone_in_two_tunnels() {
    run(async {
        let rig = Rig::new();
        let mut contacts = phone(&rig).await;
        let mut clients = [
            contact(&rig, CONTACT, "01", false).await.unwrap(),
            contact(&rig, CONTACT, "02", false).await.unwrap(),
        ];
        for (n, client) in [1, 2].into_iter().zip(&mut clients) {
            let heard = contacts.next().await.unwrap().unwrap();
            assert_eq!(heard.client_payload, [n]);
            rig.open(&heard.path()).await.unwrap().socket.send(vec![n]).await.unwrap();
            assert_eq!(client.socket.recv().await.unwrap(), Some(vec![n]));
        }
    });
}

#[test]
fn an_unlinked_id_is_gone_so_that_clients_forget_it() {
    run(async {
        let rig = Rig::new();
        let refused = contact(&rig, CONTACT, "A0", true).await.err().unwrap();
        assert!(matches!(refused, TunnelError::Gone { .. }), "{refused}");
        assert_eq!(refused.to_string(), "cable.ua5v.com knows no phone by this contact ID any more");
        let contacts = phone(&rig).await;
        assert!(contact(&rig, CONTACT, "A0", true).await.is_ok());
        contacts.unlink().await;
        assert_eq!(status(contact(&rig, CONTACT, "A0", true).await), 410);
    });
}

#[test]
fn a_phone_that_is_away_stays_linked() {
    run(async {
        let rig = Rig::new();
        phone(&rig).await.leave().await;
        assert_eq!(status(contact(&rig, CONTACT, "A0", true).await), 503);
        // It comes back, and drops out without a word.
        drop(phone(&rig).await);
        soon(async || match contact(&rig, CONTACT, "A0", true).await {
            Ok(_) => None,
            refused => {
                assert_eq!(status(refused), 503);
                Some(())
            }
        })
        .await;
        let mut back = phone(&rig).await;
        let _client = contact(&rig, CONTACT, "A0", true).await.unwrap();
        assert!(back.next().await.unwrap().is_some());
    });
}

#[test]
fn a_phone_waits_once_and_only_so_many_do() {
    run(async {
        let rig = Rig::with(Limits { phones: 2, ..Limits::default() });
        let service = rig.service();
        let _first = phone(&rig).await;
        assert_eq!(status(Contacts::wait(&service, CONTACT).await), 409);
        let _second = Contacts::wait(&service, b"2").await.unwrap();
        assert_eq!(status(Contacts::wait(&service, b"3").await), 503);
    });
}

#[test]
fn a_phone_that_does_not_listen_is_not_told_of_ever_more() {
    run(async {
        let rig = Rig::with(Limits { tunnels: 8, ..Limits::default() });
        let _phone = phone(&rig).await;
        let mut clients = Vec::new();
        let refused = loop {
            match contact(&rig, CONTACT, "A0", false).await {
                Ok(client) => clients.push(client),
                Err(refused) => break refused,
            }
        };
        assert_eq!(status::<()>(Err(refused)), 503);
        assert!(clients.len() <= 8);
    });
}

#[test]
fn a_phone_without_a_sign_of_life_is_hung_up_on_and_others_are_not() {
    run(async {
        let rig = Rig::with(Limits { silence: Duration::from_millis(300), ..Limits::default() });
        // This one answers pings, as it listens.
        let mut alive = Contacts::wait(&rig.service(), b"alive").await.unwrap();
        let listening = timeout(Duration::from_millis(900), alive.next());
        // This one does not listen.
        let _dead = phone(&rig).await;
        let gone = soon(async || Contacts::wait(&rig.service(), CONTACT).await.ok());
        let (heard, _back) = tokio::join!(listening, gone);
        assert!(heard.is_err(), "the phone that answers still waits");
    });
}

#[test]
fn a_phone_that_talks_is_cut_off() {
    run(async {
        let rig = Rig::new();
        let path = format!("/fauxkey/contacts/{}", wire::base64url::encode(CONTACT));
        let mut phone = rig.open(&path).await.unwrap().socket;
        phone.send(vec![1]).await.unwrap();
        assert!(matches!(phone.recv().await, Err(TunnelError::Cut { code: 1008, .. })));
    });
}

#[test]
fn a_contact_brings_a_payload_that_is_hexadecimal_and_not_too_long() {
    run(async {
        let rig = Rig::new();
        let _phone = phone(&rig).await;
        for payload in ["", "A", "xy", &"00".repeat(1025)] {
            assert_eq!(status(contact(&rig, CONTACT, payload, true).await), 400, "{payload}");
        }
        let path = format!("/cable/contact/{}", wire::base64url::encode(CONTACT));
        assert_eq!(status(rig.open(&path).await), 400, "none at all");
        assert!(contact(&rig, CONTACT, &"00".repeat(1024), true).await.is_ok());
        for id in [&[][..], &[0; 257]] {
            let refused = Contacts::wait(&rig.service(), id).await.err().unwrap();
            assert!(matches!(refused, TunnelError::Request(_)), "{refused}");
        }
    });
}

#[test]
fn a_contact_of_another_shape_is_nonsense() {
    let good = Contact { tunnel_id: [1; 16], routing_id: [2; 3], client_payload: vec![3] };
    assert_eq!(wire::hex::encode(&good.encode()[..3]), "a30150");
    for (bad, why) in [
        (vec![], ""),
        (vec![0xA0], "tunnelId is absent"),
        ([good.encode(), vec![0]].concat(), ""),
        (Contact { client_payload: vec![0; 1025], ..good.clone() }.encode(), "client payload has 1025 bytes"),
        (b"\xA3\x01\x41\x00\x02\x43\x00\x00\x00\x03\x40".to_vec(), "tunnel ID has 1 bytes"),
    ] {
        let error = Contact::decode(&bad).unwrap_err().to_string();
        assert!(error.contains("a contact: ") && error.contains(why), "{error}");
    }
}

proptest! {
    #[test]
    fn a_contact_reads_back(tunnel_id: [u8; 16], routing_id: [u8; 3], client_payload: Vec<u8>) {
        let contact = Contact { tunnel_id, routing_id, client_payload };
        prop_assert_eq!(Contact::decode(&contact.encode()).unwrap(), contact);
    }

    #[test]
    fn no_message_makes_it_panic(message: Vec<u8>) {
        let _nonsense = Contact::decode(&message);
    }
}
