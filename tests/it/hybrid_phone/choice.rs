//! Which of several passkeys signs: the user of a phone says so on the phone, CTAP 2.1 §6.2.2 steps 11 and 12.
use super::{HYBRID, agree, call, create_id, get, listed, phones, sign_in};
use authenticator::{Gesture, Purpose};
use emulator::DeviceProfile;
use tests::{NOW, Rig, registration, status};
use wire::ctap2::{Command, GetAssertion, MakeCredential};
use wire::status::Status;
use wire::webauthn::AuthenticatorData;

/// A phone with a passkey for each of three accounts, and their credential IDs, oldest first.
fn three(profile: DeviceProfile) -> (Rig, Vec<Vec<u8>>) {
    let mut rig = Rig::new(profile.authenticator);
    let ids = ["alice", "bob", "carol"].map(|user| create_id(&mut rig, user));
    rig.prompts.clear();
    (rig, ids.into())
}

/// What the user was shown: the accounts, and whether there was a choice.
fn shown(rig: &Rig) -> (Vec<&[u8]>, bool) {
    match &rig.prompts.last().expect("the user was asked").purpose {
        Purpose::SignIn { accounts, choice, .. } => {
            (accounts.iter().map(|account| account.id.as_slice()).collect(), *choice)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn without_a_list_the_user_chooses_and_nobody_is_told_how_many_there_are() {
    for phone in phones() {
        let name = phone.name.clone();
        let (mut rig, ids) = three(phone);
        for (account, id) in ids.iter().rev().enumerate() {
            let signed = get(&mut rig, sign_in(), |_| Gesture::Account(account));
            assert_eq!(shown(&rig), (vec![b"carol".as_slice(), b"bob", b"alice"], true), "{name}");
            assert_eq!(&signed.credential.unwrap().id, id, "{name}: newest first");
            assert_eq!((signed.number_of_credentials, signed.user_selected), (None, true), "{name}");
            let next = call(&mut rig, &[Command::GET_NEXT_ASSERTION.0]);
            assert_eq!(next, status(Status::INVALID_COMMAND), "{name}");
        }
    }
}

#[test]
fn of_a_list_that_names_several_the_user_chooses_and_of_one_that_names_one_not() {
    for phone in phones() {
        let name = phone.name.clone();
        let (mut rig, ids) = three(phone);
        let elsewhere = vec![7; 40];
        let several = [&ids[2], &elsewhere, &ids[0], &ids[2]].map(|id| listed(id));
        let asked = |list: &[_]| GetAssertion { allow_list: list.into(), ..sign_in() };
        for (account, id) in [(0, &ids[2]), (1, &ids[0])] {
            let signed = get(&mut rig, asked(&several), |_| Gesture::Account(account));
            let expected = (vec![b"carol".as_slice(), b"alice"], true);
            assert_eq!(shown(&rig), expected, "{name}: in the order of the list, each once");
            assert_eq!(&signed.credential.unwrap().id, id, "{name}");
            // CTAP 2.1 §6.2.2: neither member may be there after an allowList.
            assert_eq!((signed.number_of_credentials, signed.user_selected), (None, false), "{name}");
        }
        let signed = get(&mut rig, asked(&[listed(&elsewhere), listed(&ids[1])]), agree);
        assert_eq!(shown(&rig), (vec![b"bob".as_slice()], false), "{name}");
        assert_eq!(signed.credential.unwrap().id, ids[1], "{name}");
        let beyond = rig.call_with(NOW, HYBRID, &asked(&several).encode(), |_| Gesture::Account(2));
        assert_eq!(beyond, status(Status::OPERATION_DENIED), "{name}: an account that was not shown");
    }
}

#[test]
fn what_lives_in_its_own_id_signs_where_nothing_else_does() {
    for phone in phones() {
        let name = phone.name.clone();
        let (mut rig, ids) = three(phone);
        let request = MakeCredential { rk: Some(false), uv: Some(true), ..registration("dora") };
        let (_, data) = super::create(&mut rig, request);
        let sealed = data.attested.unwrap().credential_id;
        for (list, expected) in
            [(vec![&sealed], &sealed), (vec![&sealed, &ids[1]], &ids[1]), (vec![&sealed, &sealed], &sealed)]
        {
            let allow_list = list.into_iter().map(|id| listed(id)).collect();
            let signed = get(&mut rig, GetAssertion { allow_list, ..sign_in() }, agree);
            assert_eq!(&signed.credential.unwrap().id, expected, "{name}");
            assert!(!shown(&rig).1, "{name}: there is nothing to choose");
            AuthenticatorData::decode(&signed.auth_data).unwrap();
        }
    }
}
