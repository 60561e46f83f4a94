//! enumerateRPs and enumerateCredentials, CTAP 2.1 §6.8.3 and §6.8.4: what is told one by one, and for how long.
use super::*;
use authenticator::Link;
use wire::cose::Algorithm;
use wire::ctap2::GetInfoResponse;

#[test]
fn relying_parties_are_told_one_by_one_and_counted_with_the_first() {
    let (mut rig, _) = three();
    let first = members(&manage(&mut rig, request(RPS, None)));
    assert_eq!(keys(&first), [3, 4, 5]);
    assert_eq!(first[&5], Value::from(2));
    let second = members(&send(&mut rig, &request(NEXT_RP, None)));
    assert_eq!(keys(&second), [3, 4]);
    for (told, rp_id) in [(first, "a.test"), (second, "b.test")] {
        let name = format!("At {rp_id}");
        let rp = cbor::text_map([("id", Some(cbor::text(rp_id))), ("name", Some(cbor::text(name)))]);
        assert_eq!(cbor::encode(&told[&3]), cbor::encode(&rp));
        assert_eq!(told[&4], cbor::bytes(hash(rp_id)));
    }
    assert_eq!(send(&mut rig, &request(NEXT_RP, None)), status(Status::NOT_ALLOWED), "that was all");
}

#[test]
fn credentials_are_told_one_by_one_newest_first_with_the_key_that_was_made() {
    for algorithm in [Algorithm::ES256, Algorithm::EDDSA] {
        let mut rig = tokens::protected(Profile { algorithms: vec![algorithm], ..all_in() });
        let made: Vec<_> = ["alice", "bob", "carol"]
            .map(|user| {
                let token = tokens::token(&mut rig, 2, Permissions::MC, None);
                let request = MakeCredential { algorithms: vec![algorithm], ..registration(user) };
                let param = token.authenticate(&request.client_data_hash);
                let request = MakeCredential {
                    pin_uv_auth_param: Some(param),
                    pin_uv_auth_protocol: Some(2),
                    ..request
                };
                let created = MakeCredentialResponse::decode(&rig.call(&request.encode())).unwrap();
                let id =
                    AuthenticatorData::decode(&created.auth_data).unwrap().attested.unwrap().credential_id;
                let key = created.auth_data[37 + 18 + id.len()..].to_vec();
                (request.user, id, key)
            })
            .into_iter()
            .rev()
            .collect();
        let mut reply = manage(&mut rig, credentials_of(RP_ID));
        for (at, (user, id, key)) in made.into_iter().enumerate() {
            let told = members(&reply);
            let total = (at == 0).then_some(9);
            let wanted: Vec<i64> = [6, 7, 8].into_iter().chain(total).chain([10, 12]).collect();
            assert_eq!(keys(&told), wanted, "totalCredentials with the first only, no largeBlobKey");
            let account = cbor::text_map([
                ("id", Some(cbor::bytes(user.id))),
                ("name", user.name.map(cbor::text)),
                ("displayName", user.display_name.map(cbor::text)),
            ]);
            assert_eq!(cbor::encode(&told[&6]), cbor::encode(&account));
            assert_eq!(cbor::encode(&told[&7]), cbor::encode(&descriptor(&id)));
            assert_eq!(cbor::encode(&told[&8]), key, "byte for byte");
            assert!(at > 0 || told[&9] == Value::from(3));
            assert_eq!((&told[&10], &told[&12]), (&Value::from(1), &Value::Bool(false)));
            reply = send(&mut rig, &request(NEXT_CREDENTIAL, None));
        }
        assert_eq!(reply, status(Status::NOT_ALLOWED), "that was all");
    }
}

#[test]
fn a_sequence_belongs_to_one_channel() {
    for (begin, next) in [(request(RPS, None), NEXT_RP), (credentials_of("a.test"), NEXT_CREDENTIAL)] {
        let (mut rig, _) = three();
        manage(&mut rig, begin);
        for other in [Via { channel: 2, ..USB }, Via { link: Link::Nfc, ..USB }] {
            assert_eq!(send_at(&mut rig, NOW, other, next), status(Status::NOT_ALLOWED), "{other:?}");
        }
        assert_eq!(send_at(&mut rig, NOW, USB, next)[0], 0);
    }
}

#[test]
fn a_sequence_waits_30_seconds_each_time() {
    let after = |millis| NOW + Duration::from_millis(millis);
    for (begin, next) in [(request(RPS, None), NEXT_RP), (credentials_of("a.test"), NEXT_CREDENTIAL)] {
        for (second, third, wanted) in [(30_000, 60_000, Status::OK), (30_000, 60_001, Status::NOT_ALLOWED)] {
            let (mut rig, _) = three();
            register(&mut rig, "c.test", "dave");
            register(&mut rig, "a.test", "dave");
            manage(&mut rig, begin.clone());
            assert_eq!(send_at(&mut rig, after(second), USB, next)[0], 0);
            assert_eq!(send_at(&mut rig, after(third), USB, next)[0], wanted.0, "{third}");
        }
        let (mut rig, _) = three();
        manage(&mut rig, begin);
        assert_eq!(send_at(&mut rig, after(30_001), USB, next), status(Status::NOT_ALLOWED));
    }
}

#[test]
fn any_other_command_ends_a_sequence_even_the_next_of_another() {
    for (begin, next, others) in
        [(request(RPS, None), NEXT_RP, NEXT_CREDENTIAL), (credentials_of("a.test"), NEXT_CREDENTIAL, NEXT_RP)]
    {
        let others = [
            GetInfoResponse::request(),
            vec![Command::GET_NEXT_ASSERTION.0],
            request(others, None).encode(),
            request(COUNT, None).encode(),
        ];
        for other in others {
            let (mut rig, _) = three();
            manage(&mut rig, begin.clone());
            rig.call_silently(&other);
            let reply = send(&mut rig, &request(next, None));
            assert_eq!(reply, status(Status::NOT_ALLOWED), "{other:02x?}");
        }
        let (mut rig, [id, ..]) = three();
        manage(&mut rig, begin);
        rig.authenticator.delete_passkey(NOW, &id).result.unwrap();
        assert_eq!(
            send(&mut rig, &request(next, None)),
            status(Status::NOT_ALLOWED),
            "its owner deleted one"
        );
    }
}
