//! thirdPartyPayment, CTAP 2.2 §12.
use super::{assertion, create, input, output};
use tests::{NOW, Rig, all_in, listed, registration, sign_in};
use wire::cbor::Value;
use wire::ctap2::{GetAssertion, MakeCredential};

#[test]
fn a_credential_tells_whether_it_was_made_for_payments_wherever_it_lives() {
    for rk in [false, true] {
        for made_for in [None, Some(false), Some(true)] {
            let mut rig = Rig::new(all_in());
            let extensions = made_for.and_then(|made_for| input("thirdPartyPayment", made_for));
            let (_, data) =
                create(&mut rig, &MakeCredential { rk: Some(rk), extensions, ..registration("alice") });
            let pays = made_for == Some(true);
            let case = format!("rk {rk} {made_for:?}");
            assert_eq!(output(&data, "thirdPartyPayment"), pays.then_some(&Value::Bool(true)), "{case}");
            let id = data.attested.unwrap().credential_id;
            rig.authenticator.power_cycle(NOW).unwrap();
            for asked in [false, true] {
                let request = GetAssertion {
                    allow_list: vec![listed(&id)],
                    extensions: input("thirdPartyPayment", asked),
                    ..sign_in()
                };
                let (_, data) = assertion(&mut rig, &request);
                let told = output(&data, "thirdPartyPayment");
                assert_eq!(told, asked.then_some(&Value::Bool(pays)), "{case}, asked {asked}");
            }
        }
    }
}
