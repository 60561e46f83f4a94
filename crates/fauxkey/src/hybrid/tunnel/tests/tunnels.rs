//! What a tunnel is for, and who is let into one.
use super::*;
use futures_util::future::join_all;

#[test]
fn what_one_side_sends_is_what_the_other_receives() {
    run(async {
        let rig = Rig::new();
        let [mut phone, mut client] = rig.both(ID).await;
        for length in [0, 1, 81, 125, 126, 4096, 16 << 10] {
            let message: Vec<u8> = (0_u32..length).map(|n| n.to_le_bytes()[0]).collect();
            client.send(message.clone()).await.unwrap();
            assert_eq!(phone.recv().await.unwrap(), Some(message.clone()));
            phone.send(message.clone()).await.unwrap();
            assert_eq!(client.recv().await.unwrap(), Some(message));
        }
    });
}

#[test]
fn digits_in_either_case_lead_to_the_same_tunnel() {
    run(async {
        let rig = Rig::new();
        for (new, connect) in [
            (ID.to_ascii_lowercase(), ID.to_ascii_uppercase()),
            (ID.to_ascii_uppercase(), ID.to_ascii_lowercase()),
        ] {
            let (mut phone, routing) = rig.first(&new).await;
            let mut client = rig.second(&routing.to_ascii_uppercase(), &connect).await.unwrap();
            client.send(vec![7]).await.unwrap();
            assert_eq!(phone.recv().await.unwrap(), Some(vec![7]));
            client.close().await;
            assert_eq!(phone.recv().await.unwrap(), None);
        }
    });
}

#[test]
fn the_routing_id_has_three_bytes_and_no_other_leads_there() {
    run(async {
        let rig = Rig::new();
        let (_phone, routing) = rig.first(ID).await;
        let bytes: [u8; 3] = wire::hex::decode(&routing).unwrap().try_into().unwrap();
        let other = wire::hex::encode(&[bytes[0] ^ 1, bytes[1], bytes[2]]);
        assert_eq!(status(rig.second(&other, ID).await), 404);
        assert_eq!(status(rig.second(&routing, &ID.replace('A', "B")).await), 404);
        assert!(rig.second(&routing, ID).await.is_ok());
    });
}

#[test]
fn the_subprotocol_is_repeated_or_chromium_would_hang_up() {
    run(async {
        let rig = Rig::new();
        let among_others = "Sec-WebSocket-Protocol: x, fido.cable\r\n";
        for (id, spoken) in [(ID.to_owned(), SPOKEN), (ID.replace('0', "1"), among_others)] {
            let reply = rig.asked(&upgrade(&format!("/cable/new/{id}"), spoken)).await;
            let reply = reply.to_ascii_lowercase();
            assert!(reply.starts_with("http/1.1 101 "), "{reply}");
            assert!(reply.contains("\r\nsec-websocket-protocol: fido.cable\r\n"), "{reply}");
            assert!(reply.contains("\r\nx-cable-routing-id: "), "{reply}");
        }
        for spoken in ["", "Sec-WebSocket-Protocol: fido.cable2\r\n"] {
            let reply = rig.asked(&upgrade(&format!("/cable/new/{ID}"), spoken)).await;
            assert!(reply.starts_with("HTTP/1.1 400 "), "{reply}");
        }
    });
}

#[test]
fn pages_are_kept_out_and_clients_are_not() {
    run(async {
        let rig = Rig::new();
        let asked = async |origin: &str| {
            let more = format!("{SPOKEN}Origin: {origin}\r\n");
            rig.asked(&upgrade(&format!("/cable/new/{ID}"), &more)).await
        };
        for origin in ["https://login.example.test", "http://localhost", "null", "https://cable.ua5v.com", ""]
        {
            let reply = asked(origin).await;
            assert!(reply.starts_with("HTTP/1.1 403 "), "{origin}: {reply}");
        }
        for origin in ["wss://cable.ua5v.com", "https://localhost"] {
            assert!(asked(origin).await.starts_with("HTTP/1.1 101 "), "{origin}");
            // The ID is free again as soon as its connection is gone.
            soon(async || rig.open(&format!("/cable/new/{ID}")).await.ok()).await.socket.close().await;
        }
    });
}

#[test]
fn closing_one_side_closes_the_other() {
    run(async {
        let rig = Rig::new();
        for (index, drops) in [(0, false), (1, false), (0, true), (1, true)] {
            // The ID is free again at once.
            let mut sides = Vec::from(rig.both(ID).await);
            let (one, mut other) = (sides.remove(index), sides.remove(0));
            if drops {
                drop(one)
            } else {
                one.close().await
            }
            assert_eq!(other.recv().await.unwrap(), None);
            assert_eq!(other.recv().await.unwrap(), None, "and stays so");
            assert!(other.send(vec![1]).await.is_err());
        }
    });
}

#[test]
fn what_was_sent_before_closing_still_arrives() {
    run(async {
        let rig = Rig::new();
        let [mut phone, mut client] = rig.both(ID).await;
        for n in 0..16 {
            phone.send(vec![n; 16 << 10]).await.unwrap();
        }
        let closing = phone.close();
        let receiving = async {
            for n in 0..16 {
                assert_eq!(client.recv().await.unwrap(), Some(vec![n; 16 << 10]));
            }
            assert_eq!(client.recv().await.unwrap(), None);
        };
        tokio::join!(closing, receiving);
    });
}

#[test]
fn what_is_said_before_the_other_side_comes_is_kept_for_it() {
    run(async {
        let rig = Rig::new();
        let (mut phone, routing) = rig.first(ID).await;
        for n in 0..3 {
            phone.send(vec![n]).await.unwrap();
        }
        let mut client = rig.second(&routing, ID).await.unwrap();
        for n in 0..3 {
            assert_eq!(client.recv().await.unwrap(), Some(vec![n]));
        }
    });
}

#[test]
fn both_sides_may_talk_before_either_listens() {
    run(async {
        let rig = Rig::new();
        let [mut phone, mut client] = rig.both(ID).await;
        for _ in 0..16 {
            phone.send(vec![1; 16 << 10]).await.unwrap();
            client.send(vec![2; 16 << 10]).await.unwrap();
        }
        for _ in 0..16 {
            assert_eq!(phone.recv().await.unwrap(), Some(vec![2; 16 << 10]));
            assert_eq!(client.recv().await.unwrap(), Some(vec![1; 16 << 10]));
        }
    });
}

#[test]
fn a_tunnel_is_opened_once_and_has_two_sides() {
    run(async {
        let rig = Rig::new();
        let new = format!("/cable/new/{ID}");
        let (mut phone, routing) = rig.first(ID).await;
        assert_eq!(status(rig.open(&new).await), 409, "while one side waits");
        let mut client = rig.second(&routing, ID).await.unwrap();
        assert_eq!(status(rig.open(&new).await), 409, "and when both are there");
        assert_eq!(status(rig.second(&routing, ID).await), 409, "a third side");
        client.send(vec![1]).await.unwrap();
        assert_eq!(phone.recv().await.unwrap(), Some(vec![1]), "which has disturbed nobody");
        phone.close().await;
        assert_eq!(client.recv().await.unwrap(), None);
        assert_eq!(status(rig.second(&routing, ID).await), 404, "it is over");
        assert!(rig.open(&new).await.is_ok());
    });
}

#[test]
fn a_phone_that_has_gone_is_waited_for_by_nobody() {
    run(async {
        let rig = Rig::new();
        let (phone, routing) = rig.first(ID).await;
        drop(phone);
        // Until the service has noticed, whoever comes is let in and told.
        soon(async || match rig.second(&routing, ID).await {
            Ok(mut client) => {
                assert_eq!(client.recv().await.unwrap(), None);
                Some(())
            }
            Err(refused) => {
                assert_eq!(status::<()>(Err(refused)), 404);
                Some(())
            }
        })
        .await;
        // It may come back.
        assert!(soon(async || rig.open(&format!("/cable/new/{ID}")).await.ok()).await.routing_id.is_some());
    });
}

#[test]
fn two_hundred_tunnels_are_open_at_once() {
    run(async {
        let rig = Rig::new();
        let tunnels = join_all((0..200_u8).map(async |n| {
            let id = wire::hex::encode(&[n; 16]);
            let sides = rig.both(&id).await;
            (n, sides)
        }))
        .await;
        join_all(tunnels.into_iter().map(async |(n, [mut phone, mut client])| {
            client.send(vec![n]).await.unwrap();
            assert_eq!(phone.recv().await.unwrap(), Some(vec![n]));
            phone.send(vec![n, n]).await.unwrap();
            assert_eq!(client.recv().await.unwrap(), Some(vec![n, n]));
        }))
        .await;
    });
}

#[test]
fn a_server_that_stops_ends_its_tunnels() {
    run(async {
        let rig = Rig::new();
        let [mut phone, mut client] = rig.both(ID).await;
        let service = rig.service();
        drop(rig);
        assert_eq!(phone.recv().await.unwrap(), None);
        assert_eq!(client.recv().await.unwrap(), None);
        let refused = open(&service, &format!("/cable/new/{ID}"), None, false).await.err().unwrap();
        assert!(matches!(refused, TunnelError::Unreachable { .. }), "{refused}");
    });
}
