//! Wrong PINs, CTAP 2.1 §6.5.5.2 and §6.5.5.6 steps 3, 6 and 7: the retries and the lock that a power cycle opens.
use super::{BOTH, PIN, state, with_pin};
use authenticator::Authenticator;
use authenticator::signer::DeterministicSigner;
use authenticator::store::StoreError;
use tests::platform::{Pin, Shared};
use tests::{NOW, Rig, all_in, rng};
use wire::ctap2::{ClientPin, Command, Permissions};
use wire::status::Status;

/// A request that tries a PIN.
type Way = fn(&Shared, &str) -> ClientPin;
/// Every way to try a PIN.
const WAYS: [(&str, Way); 3] = [
    ("changePIN", |shared, pin| shared.change_pin(pin, PIN.as_bytes())),
    ("getPinToken", |shared, pin| shared.plain_token(pin)),
    ("getPinUvAuthTokenUsingPinWithPermissions", |shared, pin| {
        shared.token_by_pin(pin, Permissions::MC, None)
    }),
];

fn attempt(rig: &mut Rig, platform: Pin, way: Way, pin: &str) -> Status {
    let request = way(&platform.agree(rig), pin);
    platform.send(rig, &request).err().unwrap_or(Status::OK)
}

#[test]
fn get_pin_retries_needs_a_pin_and_tells_whether_a_power_cycle_is_needed() {
    for platform in BOTH {
        let mut rig = Rig::new(all_in());
        assert_eq!(platform.retries(&mut rig), Err(Status::PIN_NOT_SET));
        platform.set(&mut rig, PIN).unwrap();
        assert_eq!(platform.retries(&mut rig), Ok((8, Some(false))));
        for left in [7, 6] {
            assert_eq!(platform.plain_token(&mut rig, "wrong").err(), Some(Status::PIN_INVALID));
            assert_eq!(platform.retries(&mut rig), Ok((left, Some(false))));
        }
        assert_eq!(platform.plain_token(&mut rig, "wrong").err(), Some(Status::PIN_AUTH_BLOCKED));
        assert_eq!(platform.retries(&mut rig), Ok((5, Some(true))));
        rig.authenticator.power_cycle(NOW).unwrap();
        assert_eq!(platform.retries(&mut rig), Ok((5, Some(false))));
        rig.call(&[Command::RESET.0]);
        assert_eq!(platform.retries(&mut rig), Err(Status::PIN_NOT_SET), "a reset takes the PIN away");
    }
}

#[test]
fn without_a_pin_there_is_nothing_to_try() {
    for platform in BOTH {
        for (name, way) in WAYS {
            let mut rig = Rig::new(all_in());
            assert_eq!(attempt(&mut rig, platform, way, PIN), Status::PIN_NOT_SET, "{name}");
        }
    }
}

#[test]
fn after_three_wrong_pins_in_a_row_even_the_right_one_is_refused_and_costs_nothing() {
    for platform in BOTH {
        for (name, way) in WAYS {
            let mut rig = with_pin(all_in());
            let statuses = [0; 3].map(|_| attempt(&mut rig, platform, way, "wrong"));
            assert_eq!(
                statuses,
                [Status::PIN_INVALID, Status::PIN_INVALID, Status::PIN_AUTH_BLOCKED],
                "{name}"
            );
            let commits = rig.shelf.commits();
            for (_, way) in WAYS {
                for (other, pin) in [(BOTH[0], PIN), (BOTH[1], PIN), (platform, "wrong")] {
                    assert_eq!(attempt(&mut rig, other, way, pin), Status::PIN_AUTH_BLOCKED, "{name}");
                }
            }
            assert_eq!(rig.shelf.commits(), commits, "{name}: nothing was written");
            assert_eq!(state(&rig).verification.pin_retries, 5, "{name}");
            rig.authenticator.power_cycle(NOW).unwrap();
            assert_eq!(attempt(&mut rig, platform, way, PIN), Status::OK, "{name}");
            assert_eq!(state(&rig).verification.pin_retries, 8, "{name}");
        }
    }
}

#[test]
fn the_right_pin_forgives_the_wrong_ones_before_it() {
    for platform in BOTH {
        for (name, way) in WAYS {
            let mut rig = with_pin(all_in());
            for _ in 0..5 {
                assert_eq!(attempt(&mut rig, platform, way, "wrong"), Status::PIN_INVALID, "{name}");
                assert_eq!(attempt(&mut rig, platform, way, "wrong too"), Status::PIN_INVALID, "{name}");
                assert_eq!(attempt(&mut rig, platform, way, PIN), Status::OK, "{name}");
                assert_eq!(state(&rig).verification.pin_retries, 8, "{name}");
            }
        }
    }
}

#[test]
fn the_eighth_wrong_pin_blocks_it_until_a_reset() {
    for platform in BOTH {
        for (name, way) in WAYS {
            let mut rig = with_pin(all_in());
            let mut statuses = Vec::new();
            for attempt_number in 1..=8 {
                statuses.push(attempt(&mut rig, platform, way, "wrong"));
                if attempt_number % 3 == 0 {
                    rig.authenticator.power_cycle(NOW).unwrap();
                }
            }
            let (invalid, locked) = (Status::PIN_INVALID, Status::PIN_AUTH_BLOCKED);
            let expected = [invalid, invalid, locked, invalid, invalid, locked, invalid, Status::PIN_BLOCKED];
            assert_eq!(statuses, expected, "{name}");
            rig.authenticator.power_cycle(NOW).unwrap();
            for (_, way) in WAYS {
                assert_eq!(
                    attempt(&mut rig, platform, way, PIN),
                    Status::PIN_BLOCKED,
                    "{name}: even the right one"
                );
            }
            assert_eq!(
                platform.retries(&mut rig),
                Ok((0, Some(false))),
                "{name}: it does not fall below nothing"
            );
            assert_eq!(platform.set(&mut rig, PIN), Err(Status::PIN_AUTH_INVALID), "{name}: it is still set");
            rig.call(&[Command::RESET.0]);
            assert_eq!(platform.set(&mut rig, PIN), Ok(()), "{name}");
            assert_eq!(attempt(&mut rig, platform, way, PIN), Status::OK, "{name}");
        }
    }
}

#[test]
fn pin_blocked_comes_before_the_lock_that_a_power_cycle_opens() {
    let platform = Pin::new(2);
    let mut rig = with_pin(all_in());
    super::edit(&mut rig, |state| state.verification.pin_retries = 3);
    let statuses = [0; 4].map(|_| platform.plain_token(&mut rig, "wrong").err().unwrap());
    let expected = [Status::PIN_INVALID, Status::PIN_INVALID, Status::PIN_BLOCKED, Status::PIN_BLOCKED];
    assert_eq!(statuses, expected);
}

#[test]
fn step_6_the_retry_is_durable_before_the_pin_is_compared() {
    for platform in BOTH {
        for (name, way) in WAYS {
            let mut rig = with_pin(all_in());
            let commits = rig.shelf.commits();
            assert_eq!(attempt(&mut rig, platform, way, "wrong"), Status::PIN_INVALID, "{name}");
            assert_eq!(rig.shelf.commits(), commits + 1, "{name}");
            // A new authenticator over the same store: the old one had no chance to say goodbye.
            let (store, signer) = (Box::new(rig.shelf.clone()), Box::new(DeterministicSigner));
            rig.authenticator = Authenticator::power_up(NOW, all_in(), store, signer, rng(9)).unwrap();
            assert_eq!(platform.retries(&mut rig), Ok((7, Some(false))), "{name}");
            // A store that does not take the retry gets no comparison either, not even of the right PIN.
            for pin in ["wrong", PIN] {
                rig.shelf.refuse(Some(|| StoreError::Failed("no".into())));
                assert_eq!(attempt(&mut rig, platform, way, pin), Status::OTHER, "{name}");
                rig.shelf.refuse(None);
                assert_eq!(platform.retries(&mut rig), Ok((7, Some(false))), "{name}: the same as stored");
            }
            assert_eq!(attempt(&mut rig, platform, way, PIN), Status::OK, "{name}");
        }
    }
}

#[test]
fn step_7_a_wrong_pin_makes_another_key_for_its_protocol_and_only_for_that() {
    let keys = |rig: &mut Rig| BOTH.map(|platform| platform.agree(rig).encrypt(&[0; 16]));
    for (index, platform) in BOTH.into_iter().enumerate() {
        for (name, way) in WAYS {
            let mut rig = with_pin(all_in());
            let before = keys(&mut rig);
            attempt(&mut rig, platform, way, PIN);
            assert_eq!(keys(&mut rig), before, "{name}: the right PIN changes no key");
            attempt(&mut rig, platform, way, "wrong");
            let after = keys(&mut rig);
            assert_ne!(after[index], before[index], "{name}");
            assert_eq!(after[1 - index], before[1 - index], "{name}");
        }
    }
}

#[test]
fn step_7_a_hash_that_does_not_decrypt_or_has_another_length_is_a_wrong_pin() {
    for platform in BOTH {
        for garbage in [vec![], vec![1; 7], vec![2; 17], vec![3; 33]] {
            let mut rig = with_pin(all_in());
            let shared = platform.agree(&mut rig);
            let request = ClientPin { pin_hash_enc: Some(garbage), ..shared.plain_token(PIN) };
            assert_eq!(platform.send(&mut rig, &request), Err(Status::PIN_INVALID));
            assert_eq!(state(&rig).verification.pin_retries, 7);
        }
        // The whole SHA-256 instead of its left half begins right and is wrong all the same.
        let mut rig = with_pin(all_in());
        let shared = platform.agree(&mut rig);
        let half = shared.decrypt(&shared.plain_token(PIN).pin_hash_enc.unwrap());
        let longer = shared.encrypt(&[half.as_slice(), &[0; 16]].concat());
        let request = ClientPin { pin_hash_enc: Some(longer), ..shared.plain_token(PIN) };
        assert_eq!(platform.send(&mut rig, &request), Err(Status::PIN_INVALID));
    }
}

#[test]
fn a_wrong_pin_leaves_the_tokens_that_were_given_out() {
    for platform in BOTH {
        let mut rig = with_pin(all_in());
        let token = platform.token(&mut rig, PIN, Permissions::GA, None).unwrap();
        assert_eq!(platform.plain_token(&mut rig, "wrong").err(), Some(Status::PIN_INVALID));
        assert_eq!(super::use_token(&mut rig, platform, &token, tests::RP_ID), Status::NO_CREDENTIALS);
    }
}
