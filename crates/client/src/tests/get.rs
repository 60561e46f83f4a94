use super::{
    IOS, RP_ID, asserted, assertion, created, descriptor, info, origin, p256, platform, user, with_options,
};
use crate::error::AnswerError;
use crate::{Account, Authentication, Ceremony, Client, ClientError, Get, Next, Platform, options, run};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use wire::base64url;
use wire::ctap2::{Command, GetAssertion, GetAssertionResponse, GetInfoResponse, Request};
use wire::status::Status;
use wire::webauthn::json::RequestOptions;
use wire::webauthn::{AuthenticatorData, Flags};

fn asked_for(members: Value) -> RequestOptions {
    let mut document = json!({ "challenge": "Y2hhbGxlbmdl", "rpId": RP_ID });
    for (key, value) in members.as_object().unwrap() {
        document[key] = value.clone();
    }
    options::request(&document.to_string()).unwrap().options
}

fn begin(members: Value, platform: &Platform, account: Account) -> Result<(Get, Vec<u8>), ClientError> {
    Get::begin(&origin(), &asked_for(members), platform, account)
}

fn first_request(members: Value, platform: &Platform) -> GetAssertion {
    let (_, message) = begin(members, platform, Account::Newest).map_err(|error| error.to_string()).unwrap();
    match Request::decode(&message) {
        Ok(Request::GetAssertion(request)) => request,
        other => panic!("{other:?}"),
    }
}

fn allow(ids: &[&[u8]]) -> Value {
    let list: Vec<_> =
        ids.iter().map(|id| json!({ "type": "public-key", "id": base64url::encode(id) })).collect();
    json!({ "allowCredentials": list })
}

/// Runs a sign-in whose first answer is `answer`.
fn answered(
    members: Value,
    platform: &Platform,
    answer: &GetAssertionResponse,
) -> Result<Authentication, ClientError> {
    let (ceremony, _) = begin(members, platform, Account::Newest)?;
    match ceremony.handle_response(&answer.encode())? {
        Next::Done(authentication) => Ok(authentication),
        Next::Send(_, message) => panic!("{message:?}"),
    }
}

#[test]
fn the_request_says_what_the_page_asked_for() {
    let request = first_request(allow(&[b"a", b"b"]), &platform(Client::SpecL3));
    assert_eq!(request.rp_id, RP_ID);
    assert_eq!(request.allow_list, [descriptor(*b"a"), descriptor(*b"b")]);
    let client_data =
        br#"{"type":"webauthn.get","challenge":"Y2hhbGxlbmdl","origin":"https://login.example.test","crossOrigin":false}"#;
    assert_eq!(request.client_data_hash, <[u8; 32]>::from(Sha256::digest(client_data)));
    assert_eq!((request.up, request.uv, request.rk, request.extensions), (None, Some(true), None, None));
    let request = first_request(json!({ "rpId": null }), &platform(Client::SpecL3));
    assert_eq!((request.rp_id.as_str(), request.allow_list.len()), ("login.example.test", 0));
}

#[test]
fn every_wish_for_verification_maps_to_uv_as_browsers_do() {
    for wish in [None, Some("required"), Some("preferred"), Some("discouraged"), Some("mandatory")] {
        for has_uv in [None, Some(false), Some(true)] {
            for always in [None, Some(false), Some(true)] {
                let case = format!("{wish:?} {has_uv:?} {always:?}");
                let named = [("uv", has_uv), ("alwaysUv", always)];
                let present: Vec<_> =
                    named.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
                let platform = Platform { info: with_options(&present), ..platform(Client::SpecL3) };
                let able = has_uv == Some(true);
                let members = wish.map_or(json!({}), |wish| json!({ "userVerification": wish }));
                if wish == Some("required") && !able {
                    let error = begin(members, &platform, Account::Newest).err().unwrap();
                    assert!(matches!(error, ClientError::NoUserVerification { .. }), "{case}: {error}");
                    continue;
                }
                let uv = able && (wish != Some("discouraged") || always == Some(true));
                assert_eq!(first_request(members, &platform).uv, uv.then_some(true), "{case}");
            }
        }
    }
}

#[test]
fn the_page_gets_a_complete_response() {
    let answer = assertion(Some(&[0xFB, 0xFF]), Some(user(7, Some("adele"))), None);
    let Authentication { response, user, notes } =
        answered(json!({}), &platform(Client::SpecL3), &answer).unwrap();
    assert_eq!(user.unwrap().name.as_deref(), Some("adele"));
    assert!(notes.is_empty(), "{notes:?}");
    let client_data = r#"{"type":"webauthn.get","challenge":"Y2hhbGxlbmdl","origin":"https://login.example.test","crossOrigin":false}"#;
    assert_eq!(
        serde_json::to_value(&response).unwrap(),
        json!({
            "id": "-_8",
            "rawId": "-_8",
            "type": "public-key",
            "authenticatorAttachment": "cross-platform",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": base64url::encode(client_data.as_bytes()),
                "authenticatorData": base64url::encode(&asserted().encode()),
                "signature": base64url::encode(b"signature"),
                "userHandle": "Bw",
            },
        })
    );
}

#[test]
fn an_only_allowed_credential_need_be_named_neither_by_id_nor_by_account() {
    let answer = assertion(None, None, None);
    let response = answered(allow(&[b"only"]), &platform(Client::SpecL3), &answer).unwrap().response;
    assert_eq!((response.raw_id.0.as_slice(), response.response.user_handle), (b"only".as_slice(), None));
}

fn fault(error: ClientError) -> AnswerError {
    match error {
        ClientError::Answer { error, .. } => error,
        other => panic!("{other}"),
    }
}

/// Answers that no client hands on: which options, which answer, what is wrong.
fn wrong_answers() -> Vec<(Value, GetAssertionResponse, AnswerError)> {
    let good = assertion(Some(b"a"), Some(user(7, None)), None);
    let foreign = AuthenticatorData { rp_id_hash: [0; 32], ..asserted() };
    let no_user = assertion(Some(b"a"), None, None);
    let with_credential = created(IOS, b"a", p256());
    vec![
        (allow(&[b"b", b"c"]), good.clone(), AnswerError::NotAllowed("YQ".into())),
        (json!({}), no_user, AnswerError::NoUserHandle),
        (json!({}), assertion(Some(b"a"), Some(Default::default()), None), AnswerError::NoUserHandle),
        (
            json!({}),
            GetAssertionResponse { auth_data: foreign.encode(), ..good.clone() },
            AnswerError::RpIdHash(RP_ID.into()),
        ),
        (
            json!({}),
            GetAssertionResponse { auth_data: with_credential.encode(), ..good },
            AnswerError::UnexpectedCredential,
        ),
    ]
}

#[test]
fn an_answer_that_no_client_hands_on_is_an_error_except_to_the_raw_client() {
    for (members, answer, wrong) in wrong_answers() {
        for client in [Client::SpecL3, Client::ChromiumUsb, Client::ChromiumHybrid, Client::Firefox] {
            let error = answered(members.clone(), &platform(client), &answer).unwrap_err();
            assert_eq!((error.exception(), error.hint().is_some()), ("NotAllowedError", true));
            assert_eq!(fault(error), wrong, "{client}");
        }
        let handed_on = answered(members, &platform(Client::Raw), &answer).unwrap();
        assert_eq!(handed_on.response.response.authenticator_data.0, answer.auth_data);
        let named = format!("fault: {wrong}, and the client raw hands it on");
        assert!(handed_on.notes.contains(&named), "{:?}", handed_on.notes);
    }
}

#[test]
fn an_answer_that_names_no_credential_or_cannot_be_read_is_an_error_to_every_client() {
    for client in Client::ALL {
        let unnamed = assertion(None, Some(user(7, None)), None);
        for members in [json!({}), allow(&[b"a", b"b"])] {
            let error = answered(members, &platform(client), &unnamed).unwrap_err();
            assert_eq!(fault(error), AnswerError::NoCredentialId, "{client}");
        }
        let good = assertion(Some(b"a"), Some(user(7, None)), None).encode();
        for malformed in [vec![], vec![0], vec![0, 0xA0], good[..good.len() - 1].to_vec()] {
            let (ceremony, _) = begin(json!({}), &platform(client), Account::Newest).ok().unwrap();
            let error = ceremony.handle_response(&malformed).err().unwrap();
            assert!(matches!(fault(error), AnswerError::Malformed(_)), "{malformed:?}");
        }
    }
    let short =
        GetAssertionResponse { auth_data: vec![0; 36], ..assertion(Some(b"a"), Some(user(7, None)), None) };
    let error = answered(json!({}), &platform(Client::SpecL3), &short).unwrap_err();
    assert!(matches!(fault(error), AnswerError::Malformed(_)));
}

#[test]
fn missing_flags_are_the_relying_partys_to_refuse_and_noted() {
    let auth_data = AuthenticatorData { flags: Flags::default(), ..asserted() }.encode();
    let answer = GetAssertionResponse { auth_data, ..assertion(Some(b"a"), Some(user(7, None)), None) };
    let wish = json!({ "userVerification": "required" });
    let notes = answered(wish, &platform(Client::SpecL3), &answer).unwrap().notes;
    assert_eq!(notes.iter().filter(|note| note.starts_with("odd: ")).count(), 2, "{notes:?}");
}

/// Runs a sign-in against an authenticator with these accounts, newest first; how many messages it took.
fn among(names: &[Option<&str>], account: Account) -> (usize, Result<Authentication, ClientError>) {
    let mut place = 0;
    let begun = begin(json!({}), &platform(Client::SpecL3), account).ok().unwrap();
    let mut messages = 0;
    let outcome = run(begun, |message| {
        messages += 1;
        match Request::decode(message).unwrap() {
            Request::GetAssertion(_) => {}
            Request::GetNextAssertion => place += 1,
            other => panic!("{other:?}"),
        }
        let id = u8::try_from(place).unwrap();
        let several = place == 0 && names.len() > 1;
        let count = several.then(|| u64::try_from(names.len()).unwrap());
        Ok::<_, ClientError>(assertion(Some(&[id]), Some(user(id + 1, names[place])), count).encode())
    });
    (messages, outcome)
}

#[test]
fn of_several_accounts_the_wanted_one_signs_in() {
    let names = [Some("carol"), Some("bob"), Some("adele")];
    for (account, place) in [
        (Account::Newest, 0u8),
        (Account::Index(0), 0),
        (Account::Index(1), 1),
        (Account::Index(2), 2),
        (Account::Named("carol".into()), 0),
        (Account::Named("adele".into()), 2),
        (Account::Named(base64url::encode(&[2])), 1),
    ] {
        let (messages, outcome) = among(&names, account.clone());
        let response = outcome.unwrap_or_else(|error| panic!("{account:?}: {error}")).response;
        assert_eq!(response.raw_id.0, [place], "{account:?}");
        assert_eq!(response.response.user_handle.unwrap().0, [place + 1], "{account:?}");
        assert_eq!(messages, usize::from(place) + 1, "{account:?}: no more is asked than is needed");
    }
}

#[test]
fn an_account_that_is_not_there_is_an_error_that_names_those_that_are() {
    let names = [Some("carol"), Some("bob"), None];
    let (messages, outcome) = among(&names, Account::Named("adele".into()));
    let error = outcome.unwrap_err();
    assert_eq!(
        error.to_string(),
        "no passkey for the account \"adele\"; there are 3: \"carol\", \"bob\", Aw"
    );
    assert_eq!((messages, error.exception()), (3, "NotAllowedError"));
    let (_, outcome) = among(&names, Account::Index(3));
    assert!(
        outcome.unwrap_err().to_string().starts_with("no passkey for the account number 3; there are 3: ")
    );
    let many: Vec<String> = (0..40).map(|n| format!("user{n}")).collect();
    let many: Vec<Option<&str>> = many.iter().map(|name| Some(name.as_str())).collect();
    let (_, outcome) = among(&many, Account::Named("adele".into()));
    assert!(outcome.unwrap_err().to_string().ends_with("\"user15\", …"));
}

#[test]
fn an_only_account_is_taken_unless_it_has_another_name() {
    let named = || Account::Named("adele".into());
    assert!(among(&[Some("adele")], named()).1.is_ok());
    assert!(among(&[None], named()).1.is_ok(), "names are told only after verification");
    assert!(among(&[Some("bob")], named()).1.is_err());
    assert!(among(&[Some("bob")], Account::Index(1)).1.is_err());
}

#[test]
fn a_count_that_nobody_has_and_a_count_beside_an_allow_list_lead_nowhere() {
    let answer = |count| assertion(Some(b"a"), Some(user(7, Some("bob"))), Some(count)).encode();
    let start =
        |members| begin(members, &platform(Client::SpecL3), Account::Named("adele".into())).ok().unwrap().0;
    let error = start(json!({})).handle_response(&answer(1 << 40)).err().unwrap();
    assert_eq!(fault(error), AnswerError::TooManyAccounts(1 << 40));
    let error = start(allow(&[b"a"])).handle_response(&answer(5)).err().unwrap();
    assert!(
        matches!(error, ClientError::NoSuchAccount { .. }),
        "{error}: CTAP has no further accounts to an allowList"
    );
}

#[test]
fn a_refusal_keeps_its_status_and_its_command() {
    let refused = |status: Status| {
        let (ceremony, _) = begin(json!({}), &platform(Client::SpecL3), Account::Newest).ok().unwrap();
        ceremony.handle_response(&[status.0]).err().unwrap()
    };
    let error = refused(Status::NO_CREDENTIALS);
    assert_eq!((error.exception(), error.status()), ("NotAllowedError", Some(Status::NO_CREDENTIALS)));
    assert_eq!(error.to_string(), "the authenticator refused authenticatorGetAssertion: 0x2E NO_CREDENTIALS");
    let (ceremony, _) = begin(json!({}), &platform(Client::SpecL3), Account::Index(1)).ok().unwrap();
    let first = assertion(Some(b"a"), Some(user(7, None)), Some(2)).encode();
    let Next::Send(ceremony, message) = ceremony.handle_response(&first).ok().unwrap() else { panic!() };
    assert_eq!(message, [Command::GET_NEXT_ASSERTION.0]);
    let error = ceremony.handle_response(&[Status::NOT_ALLOWED.0]).err().unwrap();
    assert_eq!(
        error,
        ClientError::Refused { command: Command::GET_NEXT_ASSERTION, status: Status::NOT_ALLOWED }
    );
}

#[test]
fn a_list_of_which_nothing_is_left_is_not_an_empty_list() {
    let future = json!({ "allowCredentials": [{ "type": "future-key", "id": "AQ" }] });
    let long = allow(&[&[1; 129]]);
    for members in [future, long] {
        let error = begin(members, &platform(Client::SpecL3), Account::Newest).err().unwrap();
        assert_eq!((error.exception(), &error), ("NotAllowedError", &ClientError::NothingAllowed));
    }
    assert!(begin(json!({ "allowCredentials": [] }), &platform(Client::SpecL3), Account::Newest).is_ok());
}

/// Runs a sign-in with 20 allowed credentials against an authenticator that has credential `here`.
fn with_long_allow_list(here: Option<u8>) -> (Vec<GetAssertion>, Result<Authentication, ClientError>) {
    let ids: Vec<[u8; 1]> = (0u8..20).map(|n| [n]).collect();
    let ids: Vec<&[u8]> = ids.iter().map(<[u8; 1]>::as_slice).collect();
    let begun = begin(allow(&ids), &platform(Client::SpecL3), Account::Newest).ok().unwrap();
    let mut asked = Vec::new();
    let outcome = run(begun, |message| {
        let Ok(Request::GetAssertion(request)) = Request::decode(message) else { panic!("{message:?}") };
        asked.push(request.clone());
        Ok::<_, ClientError>(match here.filter(|n| request.allow_list.contains(&descriptor([*n]))) {
            Some(n) => assertion(Some(&[n]), None, None).encode(),
            None => vec![Status::NO_CREDENTIALS.0],
        })
    });
    (asked, outcome)
}

#[test]
fn a_longer_allow_list_is_searched_silently_first() {
    let (asked, outcome) = with_long_allow_list(None);
    assert_eq!((asked.len(), outcome), (3, Err(ClientError::NothingAllowed)));
    for here in 0u8..20 {
        let (asked, outcome) = with_long_allow_list(Some(here));
        assert_eq!(outcome.unwrap().response.raw_id.0, [here]);
        let (last, silent) = asked.split_last().unwrap();
        assert_eq!((silent.len(), last.up), (usize::from(here) / 8 + 1, None));
        assert_eq!(last.allow_list, [descriptor([here])]);
        assert!(silent.iter().all(|question| question.up == Some(false)));
        assert!(silent.iter().all(|question| question.client_data_hash != last.client_data_hash));
    }
}

#[test]
fn where_chromium_would_not_have_looked_is_noted() {
    let listed = |transports: Value| {
        json!({ "allowCredentials": [
            { "type": "public-key", "id": "YQ", "transports": transports },
            { "type": "public-key", "id": "Yg", "transports": ["internal"] },
        ] })
    };
    let answer = assertion(Some(b"a"), None, None);
    for (client, transports, noted) in [
        (Client::ChromiumUsb, json!(["hybrid"]), true),
        (Client::ChromiumUsb, json!(["hybrid", "usb"]), false),
        (Client::ChromiumUsb, json!([]), false),
        (Client::ChromiumHybrid, json!(["hybrid"]), false),
        (Client::ChromiumHybrid, json!(["usb"]), true),
        (Client::SpecL3, json!(["hybrid"]), false),
        (Client::Firefox, json!(["hybrid"]), false),
    ] {
        let notes = answered(listed(transports.clone()), &platform(client), &answer).unwrap().notes;
        let found = notes.iter().any(|note| note.starts_with("Chromium would not look on"));
        assert_eq!(found, noted, "{client} {transports}: {notes:?}");
    }
}

#[test]
fn extensions_are_passed_over_and_noted_and_the_raw_client_says_that_it_is_a_fault() {
    let members = json!({ "extensions": { "future": "https://example.test" } });
    let answer = assertion(Some(b"a"), Some(user(7, None)), None);
    let authentication = answered(members.clone(), &platform(Client::SpecL3), &answer).unwrap();
    assert_eq!(authentication.notes, ["extension \"future\" passed over: this client does not have it"]);
    let authentication = answered(members, &platform(Client::Raw), &answer).unwrap();
    assert!(authentication.notes.iter().any(|note| note.starts_with("fault: the client raw")));
}

#[test]
fn a_foreign_rp_id_is_refused_before_anybody_is_asked() {
    let error =
        begin(json!({ "rpId": "other.test" }), &platform(Client::SpecL3), Account::Newest).err().unwrap();
    assert_eq!(error.exception(), "SecurityError");
}

#[test]
fn a_message_that_the_authenticator_cannot_take_is_not_sent() {
    let info = GetInfoResponse { max_msg_size: Some(40), ..info() };
    let small = Platform { info, ..platform(Client::SpecL3) };
    let error = begin(json!({}), &small, Account::Newest).err().unwrap();
    assert!(matches!(error, ClientError::RequestTooLarge { command: Command::GET_ASSERTION, .. }), "{error}");
}
