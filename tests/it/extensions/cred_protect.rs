//! credProtect, CTAP 2.1 §12.1.
use super::{assertion, create, create_id, input, output, with_reader};
use tests::{Rig, all_in, listed, registration, sign_in, status};
use wire::cbor::Value;
use wire::ctap2::{GetAssertion, MakeCredential};
use wire::status::Status;

fn protected(level: i64, rk: bool) -> MakeCredential {
    MakeCredential {
        rk: Some(rk),
        uv: Some(true),
        extensions: input("credProtect", level),
        ..registration("alice")
    }
}

#[test]
fn the_level_is_echoed_and_kept() {
    for level in 1..=3 {
        for rk in [false, true] {
            let mut rig = Rig::new(with_reader());
            let (_, data) = create(&mut rig, &protected(level, rk));
            assert_eq!(output(&data, "credProtect"), Some(&Value::from(level)));
            let stored = rig.shelf.stored();
            assert!(stored.credentials.iter().all(|c| i64::from(c.extensions.cred_protect) == level));
            assert_eq!(stored.credentials.len(), usize::from(rk));
        }
    }
}

#[test]
fn without_it_the_level_is_1_and_there_is_no_output() {
    let mut rig = Rig::new(all_in());
    assert_eq!(create(&mut rig, &registration("alice")).1.extensions, None);
    assert!(rig.shelf.stored().credentials.iter().all(|c| c.extensions.cred_protect == 1));
}

#[test]
fn a_level_that_does_not_exist_is_refused() {
    let mut rig = Rig::new(with_reader());
    for level in [i64::MIN, -1, 0, 4, 255, 256, 257, 259, i64::MAX] {
        let refused = rig.call_silently(&protected(level, true).encode());
        assert_eq!(refused, status(Status::INVALID_OPTION), "{level}");
    }
}

#[test]
fn a_credential_shows_itself_to_whom_its_level_allows_wherever_it_lives_and_whatever_the_power_did() {
    for level in 1..=3 {
        for rk in [false, true] {
            for power_cycle in [false, true] {
                let mut rig = Rig::new(with_reader());
                let id = create_id(&mut rig, &protected(level, rk));
                if power_cycle {
                    rig.authenticator.power_cycle(tests::NOW).unwrap();
                }
                for uv in [false, true] {
                    for by_list in [false, true] {
                        let allow_list = if by_list { vec![listed(&id)] } else { vec![] };
                        let request = GetAssertion { allow_list, uv: Some(uv), ..sign_in() };
                        let shown = match level {
                            1 => true,
                            2 => uv || by_list,
                            _ => uv,
                        } && (rk || by_list);
                        let case = format!("level {level} rk {rk} uv {uv} by list {by_list}");
                        if shown {
                            assert_eq!(assertion(&mut rig, &request).1.extensions, None, "{case}");
                        } else {
                            rig.prompts.clear();
                            let refused = rig.call(&request.encode());
                            assert_eq!(refused, status(Status::NO_CREDENTIALS), "{case}");
                            assert_eq!(
                                rig.prompts.len(),
                                usize::from(uv),
                                "{case}: verified first, else silent"
                            );
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn on_an_exclude_list_level_3_shows_itself_to_a_verified_user_only() {
    for level in 1..=3 {
        for rk in [false, true] {
            let mut rig = Rig::new(with_reader());
            let id = create_id(&mut rig, &protected(level, rk));
            for uv in [false, true] {
                let request = MakeCredential {
                    rk: Some(false),
                    uv: Some(uv),
                    exclude_list: vec![listed(&id)],
                    ..registration("bob")
                };
                let reply = rig.call(&request.encode());
                let excluded = level < 3 || uv;
                assert_eq!(
                    reply[0] == Status::CREDENTIAL_EXCLUDED.0,
                    excluded,
                    "level {level} rk {rk} uv {uv}"
                );
                assert_eq!(reply[0] == 0, !excluded);
            }
        }
    }
}
