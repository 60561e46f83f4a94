//! Every built-in profile: what getInfo advertises is done, up to its limits, and what it does not advertise is not.
mod pin_and_settings;

use authenticator::profile::{Attestation, Counter, Extension, Profile, Verification};
use authenticator::{Link, Via};
use emulator::DeviceProfile;
use emulator::profile::Attachment;
use sha2::{Digest, Sha256};
use tests::platform::Pin;
use tests::{NOW, RP_ID, Rig, USB, listed, sign_in, status};
use wire::cbor::{self, Value};
use wire::cose::Algorithm;
use wire::ctap2::{
    Command, GetAssertion, GetAssertionResponse, GetInfoResponse, LargeBlobs, MakeCredential,
    MakeCredentialResponse,
};
use wire::status::Status;
use wire::webauthn::{AuthenticatorData, Flags};

/// The built-in profiles that getInfo can be asked of.
fn with_ctap2() -> impl Iterator<Item = DeviceProfile> {
    DeviceProfile::built_in().into_iter().filter(|profile| profile.authenticator.speaks_ctap2())
}

/// Each built-in profile as it leaves the factory, with what it advertises over USB. It tells all that it does, as
/// what `untold` leaves out is done all the same; and alwaysUv, which has a test of its own, is off.
fn every(mut check: impl FnMut(&str, &Profile, &GetInfoResponse, Rig)) {
    for profile in with_ctap2() {
        let claims = Profile {
            untold: Vec::new(),
            always_uv: profile.authenticator.always_uv.map(|_| false),
            ..profile.authenticator
        };
        let mut rig = Rig::pooled(claims.clone());
        let info = info(&mut rig);
        check(&profile.name, &claims, &info, rig);
    }
}

fn info(rig: &mut Rig) -> GetInfoResponse {
    GetInfoResponse::decode(&rig.call_silently(&GetInfoResponse::request())).unwrap()
}

/// A registration that every profile has an algorithm for: Windows Hello has RS256 alone.
fn registration(user: &str) -> MakeCredential {
    MakeCredential { algorithms: vec![Algorithm::ES256, Algorithm::RS256], ..tests::registration(user) }
}

fn made(reply: &[u8]) -> (MakeCredentialResponse, AuthenticatorData) {
    let response = MakeCredentialResponse::decode(reply).unwrap();
    let data = AuthenticatorData::decode(&response.auth_data).unwrap();
    (response, data)
}

fn signed(reply: &[u8]) -> (GetAssertionResponse, AuthenticatorData) {
    let response = GetAssertionResponse::decode(reply).unwrap();
    let data = AuthenticatorData::decode(&response.auth_data).unwrap();
    (response, data)
}

/// authenticatorConfig without a token, as a platform may send it while nobody is protected.
fn configure(subcommand: u64, parameters: Option<Value>) -> Vec<u8> {
    let request = cbor::int_map([(1, Some(subcommand.into())), (2, parameters)]);
    [&[Command::CONFIG.0], cbor::encode(&request).as_slice()].concat()
}

fn rp_ids(count: usize) -> Value {
    Value::Array(
        (0..count).map(|n| cbor::text(if n == 0 { RP_ID.into() } else { format!("{n}.test") })).collect(),
    )
}

#[test]
fn profiles_of_device_bound_passkeys_never_claim_a_backup_and_the_synced_ones_always_do() {
    let mut synced = Vec::new();
    for profile in DeviceProfile::built_in() {
        let claims = &profile.authenticator;
        assert_eq!(claims.backup.eligible, !profile.device_bound, "{}: BE", profile.name);
        assert_eq!(claims.backup.backed_up, !profile.device_bound, "{}: BS", profile.name);
        if !profile.device_bound {
            assert_eq!(claims.counter, Counter::Zero, "{}: copies cannot count together", profile.name);
            synced.push(profile.name);
        }
    }
    assert_eq!(synced, ["icloud-keychain", "google-password-manager", "1password", "bitwarden"]);
}

#[test]
fn profiles_have_names_and_models_of_their_own() {
    let all = DeviceProfile::built_in();
    for (at, profile) in all.iter().enumerate() {
        for other in &all[..at] {
            assert_ne!(profile.name, other.name);
            assert_ne!(profile.title, other.title);
            // U2F has no AAGUID.
            let models = [profile, other].map(|one| &one.authenticator);
            if models.iter().all(|model| model.speaks_ctap2()) {
                assert_ne!(models[0].aaguid, models[1].aaguid, "{}", profile.name);
            }
        }
        assert_eq!(DeviceProfile::named(&profile.name).as_ref(), Some(profile));
    }
}

/// CTAP 2.1 §6.1.2 step 5: the one profile that leaves the factory so does nothing before a PIN is set.
#[test]
fn profiles_with_always_uv_on_make_nothing_before_there_is_a_pin() {
    for profile in with_ctap2() {
        let mut rig = Rig::new(profile.authenticator.clone());
        let on = profile.authenticator.always_uv == Some(true);
        assert_eq!(info(&mut rig).option("alwaysUv") == Some(true), on, "{}", profile.name);
        for rk in [false, true] {
            let reply = rig.call(&MakeCredential { rk: Some(rk), ..registration("a") }.encode());
            assert_eq!(reply == status(Status::PUAT_REQUIRED), on, "{} {rk}", profile.name);
        }
    }
}

#[test]
fn profiles_look_over_each_link_as_they_say() {
    for profile in with_ctap2() {
        let mut rig = Rig::new(profile.authenticator.clone());
        assert_eq!(profile.attachment(Link::Usb), Attachment::CrossPlatform, "{}", profile.name);
        for (link, seen) in &profile.authenticator.seen {
            let via = Via { link: *link, channel: 1 };
            let reply = rig.call_with(NOW, via, &GetInfoResponse::request(), |_| unreachable!());
            let info = GetInfoResponse::decode(&reply).unwrap();
            assert_eq!(info.transports, seen.transports, "{} {link:?}", profile.name);
            let platform = info.option("plat").unwrap_or(false);
            assert_eq!(platform, seen.platform, "{} {link:?}", profile.name);
            let internal = *link == Link::Internal;
            assert_eq!(profile.attachment(*link) == Attachment::Platform, internal, "{}", profile.name);
        }
    }
}

/// Flags, counter and attestation at registration and at sign-in, by name and without, with and without a touch.
#[test]
fn profiles_make_the_flags_the_counter_and_the_attestation_that_they_say() {
    every(|name, claims, info, mut rig| {
        let backup = Flags::BE.when(claims.backup.eligible) | Flags::BS.when(claims.backup.backed_up);
        let always = claims.verification == Verification::Always;
        let mut count = 0;
        let mut expect = |data: &AuthenticatorData, flags: Flags, case: &str| {
            count += u32::from(claims.counter == Counter::Global);
            assert_eq!(data.flags, flags | backup, "{name}: {case}");
            assert_eq!(data.sign_count, count, "{name}: {case}");
        };
        for rk in [true, false] {
            let uvs = [None, Some(true)];
            for uv in uvs.into_iter().filter(|uv| uv.is_none() || info.option("uv") == Some(true)) {
                let verified = Flags::UV.when(always || uv == Some(true));
                let request = MakeCredential { rk: Some(rk), uv, ..registration("alice") };
                let (response, data) = made(&rig.call(&request.encode()));
                expect(&data, Flags::UP | Flags::AT | verified, "registration");
                let attested = data.attested.unwrap();
                assert_eq!(attested.aaguid, claims.aaguid, "{name}");
                let longest = info.max_credential_id_length.unwrap();
                assert!(attested.credential_id.len() as u64 <= longest, "{name}: maxCredentialIdLength");
                let statement = response.att_stmt.as_map().unwrap();
                let members: Vec<_> = statement.iter().map(|(key, _)| key.as_text().unwrap()).collect();
                match claims.attestation {
                    Attestation::None => assert_eq!((response.fmt.as_str(), members), ("none", vec![])),
                    Attestation::PackedSelf => {
                        assert_eq!(
                            (response.fmt.as_str(), members),
                            ("packed", vec!["alg", "sig"]),
                            "{name}"
                        );
                    }
                    Attestation::Packed => {
                        let all = vec!["alg", "sig", "x5c"];
                        assert_eq!((response.fmt.as_str(), members), ("packed", all), "{name}");
                    }
                    Attestation::FidoU2f => {
                        let all = vec!["sig", "x5c"];
                        assert_eq!((response.fmt.as_str(), members), ("fido-u2f", all), "{name}");
                    }
                    other => panic!("{name}: no built-in profile attests by {other:?} unasked"),
                }
                let by_name = vec![listed(&attested.credential_id)];
                let mut ways = vec![(by_name.clone(), None), (by_name, Some(false))];
                ways.extend(rk.then_some((vec![], None)));
                for (allow_list, up) in ways {
                    let silent = up == Some(false);
                    let request = GetAssertion { allow_list, up, uv, ..sign_in() };
                    let (_, data) = signed(&rig.call(&request.encode()));
                    let verified = Flags::UV.when(uv == Some(true) || (always && !silent));
                    // Whoever was verified by built-in means was there.
                    let present = Flags::UP.when(!silent || verified != Flags::default());
                    expect(&data, present | verified, "sign-in");
                }
            }
        }
    });
}

#[test]
fn profiles_make_keys_for_the_algorithms_that_they_advertise_and_no_others() {
    every(|name, _, info, mut rig| {
        assert!(!info.algorithms.is_empty(), "{name}");
        for algorithm in [-7, -8, -35, -36, -37, -47, -257, 0].map(Algorithm) {
            let reply =
                rig.call(&MakeCredential { algorithms: vec![algorithm], ..registration("a") }.encode());
            if info.algorithms.contains(&algorithm) {
                assert_eq!(made(&reply).1.attested.unwrap().public_key.algorithm(), algorithm, "{name}");
            } else {
                assert_eq!(reply, status(Status::UNSUPPORTED_ALGORITHM), "{name} {algorithm}");
            }
        }
    });
}

#[test]
fn profiles_have_the_commands_that_they_advertise_and_no_others() {
    every(|name, _, info, mut rig| {
        let has = |option: &str| info.option(option).is_some();
        for (command, advertised) in [
            (Command::CLIENT_PIN, !info.pin_uv_auth_protocols.is_empty()),
            (Command::CREDENTIAL_MANAGEMENT, has("credMgmt")),
            (Command::CREDENTIAL_MANAGEMENT_PREVIEW, has("credentialMgmtPreview")),
            (Command::LARGE_BLOBS, has("largeBlobs")),
            (Command::CONFIG, has("authnrCfg")),
            (Command::BIO_ENROLLMENT, has("bioEnroll")),
            (Command::BIO_ENROLLMENT_PREVIEW, has("userVerificationMgmtPreview")),
            (Command(0x0E), false),
            (Command(0x3F), false),
            (Command(0xFF), false),
        ] {
            let there = rig.call_silently(&[command.0, 0xA0]) != status(Status::INVALID_COMMAND);
            assert_eq!(there, advertised, "{name}: {command}");
        }
        let new_enough = info.versions.iter().any(|version| version == "FIDO_2_1");
        let selection = if new_enough { Status::OK } else { Status::INVALID_COMMAND };
        assert_eq!(rig.call(&[Command::SELECTION.0]), status(selection), "{name}");
        assert_eq!(rig.call(&[Command::RESET.0]), status(Status::OK), "{name}");
    });
}

#[test]
fn profiles_obey_the_options_that_they_advertise_and_refuse_the_others() {
    every(|name, claims, info, mut rig| {
        let on = |option: &str| info.option(option) == Some(true);
        let rk = rig.call(&MakeCredential { rk: Some(true), ..registration("a") }.encode());
        assert_eq!(rk[0], if on("rk") { 0 } else { Status::UNSUPPORTED_OPTION.0 }, "{name}: rk");
        let uv = if on("uv") { 0 } else { Status::INVALID_OPTION.0 };
        assert_eq!(
            rig.call(&MakeCredential { uv: Some(true), ..registration("a") }.encode())[0],
            uv,
            "{name}"
        );
        assert_eq!(rig.call(&GetAssertion { uv: Some(true), ..sign_in() }.encode())[0], uv, "{name}: uv");
        let up = MakeCredential { up: Some(false), ..registration("a") };
        assert_eq!(rig.call_silently(&up.encode()), status(Status::INVALID_OPTION), "{name}: up at creation");
        let rk = GetAssertion { rk: Some(true), ..sign_in() };
        assert_eq!(
            rig.call_silently(&rk.encode()),
            status(Status::UNSUPPORTED_OPTION),
            "{name}: rk at sign-in"
        );
        // Whoever has it leaves the factory with it off.
        assert_eq!(info.option("ep"), claims.enterprise.as_ref().map(|_| false), "{name}: ep");
        let enterprise = MakeCredential { enterprise_attestation: Some(1), ..registration("a") };
        assert_eq!(rig.call_silently(&enterprise.encode()), status(Status::INVALID_PARAMETER), "{name}: ep");
        // Without a PIN a token is a parameter of a protocol that is not there.
        if info.pin_uv_auth_protocols.is_empty() {
            let pin = Some(vec![1; 16]);
            let token =
                MakeCredential { pin_uv_auth_param: pin, pin_uv_auth_protocol: Some(1), ..registration("a") };
            assert_eq!(
                rig.call_silently(&token.encode()),
                status(Status::INVALID_PARAMETER),
                "{name}: a token"
            );
        }
    });
}

#[test]
fn profiles_process_the_extensions_that_they_advertise_and_pass_over_the_others() {
    every(|name, _, info, mut rig| {
        if info.option("setMinPINLength").is_some() {
            let told = configure(3, Some(cbor::int_map([(2, Some(rp_ids(1)))])));
            assert_eq!(rig.call_silently(&told), status(Status::OK), "{name}");
        }
        let longest = usize::try_from(info.max_cred_blob_length.unwrap_or(32)).unwrap();
        let salts = info.pin_uv_auth_protocols.first().map(|&protocol| {
            let shared = Pin::new(protocol).agree(&mut rig);
            let salt = shared.encrypt(&[0xA5; 32]);
            let proof = shared.authenticate(&salt);
            cbor::int_map([
                (1, Some(shared.key_agreement.to_value())),
                (2, Some(cbor::bytes(salt))),
                (3, Some(cbor::bytes(proof))),
                (4, Some(protocol.into())),
            ])
        });
        for (extension, input, output) in [
            (Extension::CredProtect, 2.into(), Some(Value::from(2))),
            (Extension::CredBlob, cbor::bytes(vec![7; longest]), Some(true.into())),
            (Extension::CredBlob, cbor::bytes(vec![7; longest + 1]), Some(false.into())),
            (Extension::LargeBlobKey, true.into(), None),
            (Extension::LargeBlob, Value::Map(vec![]), None),
            (Extension::MinPinLength, true.into(), info.min_pin_length.map(Value::from)),
            (Extension::HmacSecret, true.into(), Some(true.into())),
            (Extension::HmacSecretMc, salts.unwrap_or(Value::Null), None),
            (Extension::PinComplexityPolicy, true.into(), info.pin_complexity_policy.map(Value::Bool)),
            (Extension::ThirdPartyPayment, true.into(), Some(true.into())),
        ] {
            let advertised = info.extensions.iter().any(|told| told == extension.name());
            let mut inputs = vec![(cbor::text(extension.name()), input)];
            if extension == Extension::HmacSecretMc {
                inputs.push((cbor::text("hmac-secret"), true.into()));
            }
            let request = MakeCredential { extensions: Some(Value::Map(inputs)), ..registration("a") };
            let (response, data) = made(&rig.call(&request.encode()));
            let outputs = data.extensions.as_ref().and_then(Value::as_map).cloned().unwrap_or_default();
            let found = outputs.into_iter().find(|(key, _)| key.as_text() == Some(extension.name()));
            let found = found.map(|(_, output)| output);
            let case = format!("{name}: {extension:?}");
            assert_eq!(response.unsigned_extension_outputs, None, "{case}");
            let key = advertised && extension == Extension::LargeBlobKey;
            assert_eq!(response.large_blob_key.is_some(), key, "{case}");
            match extension {
                Extension::HmacSecretMc => {
                    assert_eq!(found.is_some_and(|out| out.is_bytes()), advertised, "{case}")
                }
                _ => assert_eq!(found, output.filter(|_| advertised), "{case}"),
            }
        }
    });
}

#[test]
fn profiles_keep_lists_messages_and_blobs_up_to_the_limit_that_they_tell_and_not_beyond() {
    every(|name, _, info, mut rig| {
        let longest = usize::try_from(info.max_credential_count_in_list.unwrap()).unwrap();
        rig.call(&registration("a").encode());
        for (len, expected) in [(longest, Status::NO_CREDENTIALS), (longest + 1, Status::LIMIT_EXCEEDED)] {
            let list = vec![listed(b"a stranger's"); len];
            let get = GetAssertion { allow_list: list.clone(), ..sign_in() };
            assert_eq!(rig.call(&get.encode()), status(expected), "{name}: {len} in allowList");
            let made = rig.call(&MakeCredential { exclude_list: list, ..registration("b") }.encode());
            let expected = if len > longest { Status::LIMIT_EXCEEDED.0 } else { 0 };
            assert_eq!(made[0], expected, "{name}: {len} in excludeList");
        }

        let most = usize::try_from(info.max_msg_size.unwrap()).unwrap();
        let padded = |len: usize| {
            let padding = vec![0; len];
            let extensions = Some(Value::Map(vec![(cbor::text("padding"), cbor::bytes(padding))]));
            MakeCredential { extensions, ..registration("a") }.encode()
        };
        let room = most - (padded(300).len() - 300);
        assert_eq!((padded(room).len(), rig.call(&padded(room))[0]), (most, 0), "{name}: maxMsgSize");
        assert_eq!(rig.call_silently(&padded(room + 1)), status(Status::REQUEST_TOO_LARGE), "{name}");

        if let Some(left) = self::info(&mut rig).remaining_discoverable_credentials {
            for n in 0..left {
                assert_eq!(rig.call(&registration(&n.to_string()).encode())[0], 0, "{name}: {n} of {left}");
            }
            assert_eq!(self::info(&mut rig).remaining_discoverable_credentials, Some(0), "{name}");
            assert_eq!(rig.call(&registration("more").encode()), status(Status::KEY_STORE_FULL), "{name}");
        }
        if let Some(size) = info.max_serialized_large_blob_array {
            let set = |length: u64| {
                let set = Some(vec![0x5A; 64]);
                LargeBlobs { set, offset: Some(0), length: Some(length), ..LargeBlobs::default() }.encode()
            };
            assert_eq!(
                rig.call_silently(&set(size)),
                status(Status::OK),
                "{name}: the first of {size} bytes"
            );
            assert_eq!(rig.call_silently(&set(size + 1)), status(Status::LARGE_BLOB_STORAGE_FULL), "{name}");
            let blobs = [0x80];
            let array = [blobs.as_slice(), &Sha256::digest(blobs)[..16]].concat();
            let get = LargeBlobs { get: Some(17), offset: Some(0), ..LargeBlobs::default() };
            let expected =
                [&[0], cbor::encode(&cbor::int_map([(1, Some(cbor::bytes(array)))])).as_slice()].concat();
            let read = rig.call_with(NOW, USB, &get.encode(), |_| unreachable!());
            assert_eq!(read, expected, "{name}: what was begun and not ended is not there");
        }
    });
}
