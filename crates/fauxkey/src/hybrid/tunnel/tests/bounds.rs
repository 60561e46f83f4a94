//! Everything has an end: messages, bytes, time, tunnels, phones and connections.
use super::*;

fn limits(change: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    change(&mut limits);
    limits
}

/// A side was cut off: the code, and what it was told.
async fn cut(socket: &mut Socket) -> (u16, String) {
    loop {
        match socket.recv().await {
            Ok(Some(_)) => {}
            Err(TunnelError::Cut { code, reason }) => return (code, reason),
            Ok(None) => panic!("it should have been told why"),
            Err(other) => panic!("{other}"),
        }
    }
}

#[test]
fn a_side_that_says_too_much_is_cut_off_and_told_why() {
    run(async {
        let rig = Rig::with(limits(|limits| limits.messages = 3));
        for index in [0, 1] {
            let mut sides = Vec::from(rig.both(ID).await);
            let (mut talker, mut other) = (sides.remove(index), sides.remove(0));
            for n in 0..4 {
                talker.send(vec![n]).await.unwrap();
            }
            for n in 0..3 {
                assert_eq!(other.recv().await.unwrap(), Some(vec![n]));
            }
            assert_eq!(other.recv().await.unwrap(), None);
            assert_eq!(cut(&mut talker).await, (1008, "a side sends at most 3 messages here".into()));
        }
    });
}

#[test]
fn each_side_has_its_own_number_of_messages() {
    run(async {
        let rig = Rig::with(limits(|limits| limits.messages = 3));
        let [mut phone, mut client] = rig.both(ID).await;
        for n in 0..3 {
            client.send(vec![n]).await.unwrap();
            assert_eq!(phone.recv().await.unwrap(), Some(vec![n]));
            phone.send(vec![n]).await.unwrap();
            assert_eq!(client.recv().await.unwrap(), Some(vec![n]));
        }
        phone.close().await;
        assert_eq!(client.recv().await.unwrap(), None, "a common end");
    });
}

#[test]
fn a_message_that_is_too_long_cuts_the_tunnel_with_a_reason() {
    run(async {
        let rig = Rig::new();
        // By one byte, and by so many that the service does not read them to the end.
        for length in [(16 << 10) + 1, 3 << 20] {
            let [mut phone, mut client] = rig.both(ID).await;
            phone.send(vec![0; length]).await.unwrap();
            assert_eq!(client.recv().await.unwrap(), None);
            assert_eq!(cut(&mut phone).await, (1009, "a message has at most 16384 bytes here".into()));
        }
    });
}

#[test]
fn a_first_side_that_says_too_much_too_early_is_cut_off_as_well() {
    run(async {
        let rig = Rig::new();
        let (mut phone, routing) = rig.first(ID).await;
        phone.send(vec![0; 20_000]).await.unwrap();
        assert_eq!(cut(&mut phone).await.0, 1009);
        assert_eq!(status(rig.second(&routing, ID).await), 404);
    });
}

#[test]
fn a_generous_service_lets_through_what_a_client_must_refuse() {
    run(async {
        let rig = Rig::with(limits(|limits| limits.message_bytes = 2 << 20));
        let [mut phone, mut client] = rig.both(ID).await;
        let sending = phone.send(vec![5; LONGEST_MESSAGE]);
        let (sent, received) = tokio::join!(sending, client.recv());
        sent.unwrap();
        assert_eq!(received.unwrap().map(|message| message.len()), Some(LONGEST_MESSAGE));
        let sending = phone.send(vec![5; LONGEST_MESSAGE + 1]);
        let (sent, received) = tokio::join!(sending, client.recv());
        sent.unwrap();
        let refused = received.unwrap_err();
        assert_eq!(
            refused.to_string(),
            "what came through the tunnel makes no sense: a message of more than 1048576 bytes"
        );
    });
}

#[test]
fn nobody_waits_for_ever() {
    run(async {
        let rig = Rig::with(limits(|limits| limits.waiting = Duration::from_millis(50)));
        let (mut phone, routing) = rig.first(ID).await;
        assert_eq!(cut(&mut phone).await, (1008, "nobody joined the tunnel within 0 s".into()));
        assert_eq!(status(rig.second(&routing, ID).await), 404);
    });
}

#[test]
fn no_tunnel_is_open_for_ever() {
    run(async {
        let rig = Rig::with(limits(|limits| limits.lifetime = Duration::from_millis(50)));
        let [mut phone, mut client] = rig.both(ID).await;
        client.send(vec![1]).await.unwrap();
        for side in [&mut phone, &mut client] {
            assert_eq!(cut(side).await, (1008, "a tunnel is open for at most 0 s here".into()));
        }
    });
}

#[test]
fn there_are_so_many_tunnels_and_no_more() {
    run(async {
        let rig = Rig::with(limits(|limits| limits.tunnels = 2));
        let [one, mut other] = rig.both(ID).await;
        let _waiting = rig.first(&ID.replace('0', "1")).await;
        let third = ID.replace('0', "2");
        let refused = rig.open(&format!("/cable/new/{third}")).await.err().unwrap();
        assert_eq!(refused.to_string(), "cable.ua5v.com refuses: 503: 2 tunnels are open already");
        one.close().await;
        assert_eq!(other.recv().await.unwrap(), None);
        let _room_again = rig.first(&third).await;
    });
}

#[test]
fn there_are_so_many_connections_and_no_more() {
    run(async {
        let rig = Rig::with(limits(|limits| limits.connections = 2));
        let [one, other] = rig.both(ID).await;
        let refused = rig.open(&format!("/cable/new/{}", ID.replace('0', "1"))).await.err().unwrap();
        assert!(matches!(refused, TunnelError::Tls { .. }), "{refused}");
        one.close().await;
        drop(other);
        soon(async || rig.open(&format!("/cable/new/{ID}")).await.ok()).await;
    });
}

#[test]
fn whoever_does_not_say_what_it_wants_is_hung_up_on() {
    run(async {
        let rig = Rig::with(limits(|limits| limits.handshake = Duration::from_millis(100)));
        let mut silent = TcpStream::connect(rig.server.address()).await.unwrap();
        let mut half = rig.plain().await;
        half.write_all(b"GET /cable/new/").await.unwrap();
        assert_eq!(silent.read(&mut [0; 1]).await.unwrap(), 0);
        assert!(matches!(half.read(&mut [0; 1]).await, Ok(0) | Err(_)));
    });
}

#[test]
fn a_request_that_does_not_end_is_refused() {
    run(async {
        let rig = Rig::new();
        let many: String = (0..130).map(|n| format!("X-{n}: y\r\n")).collect();
        for more in [format!("X: {}\r\n", "y".repeat(9000)), many] {
            let reply = rig.asked(&upgrade(&format!("/cable/new/{ID}"), &format!("{SPOKEN}{more}"))).await;
            assert!(reply.starts_with("HTTP/1.1 431 "), "{reply}");
        }
    });
}
