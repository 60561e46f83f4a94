//! credBlob, CTAP 2.1 §12.2.
use super::{assertion, create, create_id, input, output};
use tests::{NOW, Rig, all_in, listed, registration, sign_in};
use wire::cbor::{self, Value};
use wire::ctap2::{GetAssertion, MakeCredential};

#[test]
fn what_fits_is_kept_with_a_discoverable_credential_and_all_else_is_told_and_fails_nothing() {
    let longest = usize::try_from(all_in().max_cred_blob_length).unwrap();
    for rk in [false, true] {
        for len in [0, 1, longest - 1, longest, longest + 1, 4 * longest] {
            let mut rig = Rig::new(all_in());
            let blob = vec![0xB1; len];
            let request = MakeCredential {
                rk: Some(rk),
                extensions: input("credBlob", cbor::bytes(blob.clone())),
                ..registration("alice")
            };
            let (_, data) = create(&mut rig, &request);
            let kept = rk && len <= longest;
            assert_eq!(output(&data, "credBlob"), Some(&Value::Bool(kept)), "rk {rk}, {len} bytes");

            rig.authenticator.power_cycle(NOW).unwrap();
            let id = data.attested.unwrap().credential_id;
            let request = GetAssertion {
                allow_list: vec![listed(&id)],
                extensions: input("credBlob", true),
                ..sign_in()
            };
            let told = if kept { blob } else { vec![] };
            let (_, data) = assertion(&mut rig, &request);
            assert_eq!(output(&data, "credBlob"), Some(&Value::Bytes(told)), "rk {rk}, {len} bytes");
        }
    }
}

#[test]
fn a_credential_without_one_tells_an_empty_one_and_false_asks_for_nothing() {
    let mut rig = Rig::new(all_in());
    create_id(&mut rig, &registration("alice"));
    let ask = |asked: bool| GetAssertion { extensions: input("credBlob", asked), ..sign_in() };
    assert_eq!(output(&assertion(&mut rig, &ask(true)).1, "credBlob"), Some(&Value::Bytes(vec![])));
    assert_eq!(assertion(&mut rig, &ask(false)).1.extensions, None);
}
