//! largeBlobKey, CTAP 2.1 §12.3.
use super::{assertion, create, input, read_assertion};
use std::collections::HashSet;
use tests::{NOW, Rig, all_in, listed, registration, sign_in, status};
use wire::ctap2::{Command, GetAssertion, MakeCredential};
use wire::status::Status;

fn asking(user: &str) -> MakeCredential {
    MakeCredential { extensions: input("largeBlobKey", true), ..registration(user) }
}

#[test]
fn each_credential_has_a_key_of_its_own_and_tells_it_at_every_sign_in() {
    let mut rig = Rig::new(all_in());
    let mut made = Vec::new();
    for user in ["alice", "bob", "carol"] {
        let (response, data) = create(&mut rig, &asking(user));
        assert_eq!(data.extensions, None, "it is no extension output");
        made.push((data.attested.unwrap().credential_id, response.large_blob_key.unwrap()));
    }
    assert!(made.iter().all(|(_, key)| key.len() == 32));
    assert_eq!(made.iter().map(|(_, key)| key).collect::<HashSet<_>>().len(), 3);
    rig.authenticator.power_cycle(NOW).unwrap();

    for (id, key) in &made {
        let request = GetAssertion {
            allow_list: vec![listed(id)],
            extensions: input("largeBlobKey", true),
            ..sign_in()
        };
        let (response, data) = assertion(&mut rig, &request);
        assert_eq!(response.large_blob_key.as_ref(), Some(key));
        assert_eq!(data.extensions, None);
        let without = GetAssertion { allow_list: vec![listed(id)], ..sign_in() };
        assert_eq!(assertion(&mut rig, &without).0.large_blob_key, None, "it was not asked for");
    }

    let request = GetAssertion { extensions: input("largeBlobKey", true), ..sign_in() };
    let mut reply = rig.call(&request.encode());
    for (id, key) in made.iter().rev() {
        let (response, _) = read_assertion(&reply);
        assert_eq!(&response.credential.unwrap().id, id);
        assert_eq!(response.large_blob_key.as_ref(), Some(key));
        reply = rig.call_silently(&[Command::GET_NEXT_ASSERTION.0]);
    }
}

#[test]
fn a_credential_without_a_key_tells_none() {
    let mut rig = Rig::new(all_in());
    for rk in [false, true] {
        let (response, data) = create(&mut rig, &MakeCredential { rk: Some(rk), ..registration("alice") });
        assert_eq!(response.large_blob_key, None);
        let request = GetAssertion {
            allow_list: vec![listed(&data.attested.unwrap().credential_id)],
            extensions: input("largeBlobKey", true),
            ..sign_in()
        };
        assert_eq!(assertion(&mut rig, &request).0.large_blob_key, None);
    }
}

#[test]
fn false_is_refused_and_so_is_a_key_for_a_credential_that_is_not_discoverable() {
    let mut rig = Rig::new(all_in());
    create(&mut rig, &asking("alice"));
    for (rk, asked) in [(Some(true), false), (Some(false), false), (Some(false), true), (None, true)] {
        let request = MakeCredential { rk, extensions: input("largeBlobKey", asked), ..registration("bob") };
        let refused = rig.call_silently(&request.encode());
        assert_eq!(refused, status(Status::INVALID_OPTION), "rk {rk:?} {asked}");
    }
    let request = GetAssertion { extensions: input("largeBlobKey", false), ..sign_in() };
    assert_eq!(rig.call_silently(&request.encode()), status(Status::INVALID_OPTION));
}
