//! minPinLength, CTAP 2.1 §12.4, and pinComplexityPolicy, CTAP 2.2 §12.
use super::{create, inputs, output, set};
use tests::{RP_ID, Rig, all_in, registration};
use wire::cbor::Value;
use wire::ctap2::MakeCredential;

fn asking(asked: bool) -> MakeCredential {
    let extensions = inputs(&[("minPinLength", asked.into()), ("pinComplexityPolicy", asked.into())]);
    MakeCredential { extensions, ..registration("alice") }
}

#[test]
fn who_was_named_is_told_and_nobody_else_and_nothing_fails() {
    let not_us = ["other.test".to_string(), format!("sub.{RP_ID}"), RP_ID[1..].into(), String::new()];
    let us = ["other.test".to_string(), RP_ID.into()];
    for (named, told) in [(&[] as &[String], false), (&not_us, false), (&us, true)] {
        for asked in [false, true] {
            for complex in [false, true] {
                let mut rig = Rig::new(all_in());
                set(&mut rig, |settings| {
                    settings.min_pin_length_rp_ids = named.to_vec();
                    settings.min_pin_length = 9;
                    settings.pin_complexity = complex;
                });
                let (_, data) = create(&mut rig, &asking(asked));
                let told = told && asked;
                let case = format!("{named:?} asked {asked}");
                assert_eq!(output(&data, "minPinLength"), told.then_some(&Value::from(9)), "{case}");
                let policy = output(&data, "pinComplexityPolicy");
                assert_eq!(policy, told.then_some(&Value::Bool(complex)), "{case}");
                assert_eq!(data.extensions.is_some(), told, "{case}");
            }
        }
    }
}

#[test]
fn the_length_is_that_of_get_info() {
    let mut rig = Rig::new(all_in());
    set(&mut rig, |settings| settings.min_pin_length_rp_ids = vec![RP_ID.into()]);
    let info = rig.call_silently(&wire::ctap2::GetInfoResponse::request());
    let info = wire::ctap2::GetInfoResponse::decode(&info).unwrap();
    let (_, data) = create(&mut rig, &asking(true));
    assert_eq!(output(&data, "minPinLength").cloned(), info.min_pin_length.map(Value::from));
    assert_eq!(output(&data, "pinComplexityPolicy").cloned(), info.pin_complexity_policy.map(Value::from));
}
