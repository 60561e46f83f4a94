//! A known private key, put into a vault by hand, is nowhere to be found: not in a file, not in an answer of the
//! API, not in what is printed, not in a trace.
#![allow(clippy::unwrap_used, reason = "a test may stop where it stands")]

use authenticator::signer::DeterministicSigner;
use authenticator::store::{
    Change, Credential, CredentialExtensions, KeyPair, PrivateKey, RecordId, SealingKey, State, Store,
};
use emulator::attestation::TestCa;
use rand::rand_core::{TryCryptoRng, TryRng};
use serde_json::{Value, json};
use std::convert::Infallible;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use vault::{AuthenticatorId, KeySource, Options, RecordChange, Vault};
use wire::base64url;
use wire::cose::PublicKey;
use wire::ctap2::{Descriptor, GetAssertion, GetAssertionResponse, RpEntity, UserEntity};
use wire::webauthn::AuthenticatorData;

/// RFC 6979 §A.2.5: the private key of the P-256 examples, and its public key.
const SCALAR: &str = "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721";
const X: &str = "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6";
const Y: &str = "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299";
/// The key that seals non-discoverable credentials.
const SEALING: [u8; 32] = *b"thirty-two bytes to be seen by 0";
const RP_ID: &str = "login.example.test";

fn bytes<const N: usize>(hex: &str) -> [u8; N] {
    wire::hex::decode(hex).unwrap().try_into().unwrap()
}

/// Randomness of which the key is made that is known.
struct Known;

impl TryRng for Known {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(0)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(0)
    }

    fn try_fill_bytes(&mut self, filled: &mut [u8]) -> Result<(), Infallible> {
        filled.copy_from_slice(&bytes::<32>(SCALAR)[..filled.len()]);
        Ok(())
    }
}

impl TryCryptoRng for Known {}

/// A home with one device that holds that passkey.
fn furnish(home: &Path) -> Vec<u8> {
    let key = KeySource::File(home.join("config/keys/vault.key"));
    let vault = Vault::open(&home.join("data/vault"), key, Options::default()).unwrap();
    let mut store = vault.authenticator(AuthenticatorId([7; 16])).unwrap();
    let id = [b"fauxkey1".as_slice(), &[9; 24]].concat();
    let public = PublicKey::P256 { x: bytes(X), y: bytes(Y) };
    let credential = Credential {
        record: RecordId([1; 16]),
        id: id.clone(),
        rp: RpEntity { id: RP_ID.into(), name: None },
        user: UserEntity { id: b"ada".to_vec(), name: Some("ada@example.test".into()), display_name: None },
        key: KeyPair { public, private: PrivateKey::new(bytes::<32>(SCALAR).to_vec().into()) },
        created: 0,
        extensions: CredentialExtensions::default(),
    };
    let state = State::new(SealingKey::new(SEALING.into()), 1);
    store.commit(&[Change::PutState(state), Change::PutCredential(Box::new(credential))]).unwrap();
    drop(store);
    // The same key as the root of the test CA: the record as the binary writes it.
    let ca = TestCa::generate(&mut DeterministicSigner, &mut Known).unwrap();
    let record = [
        &[1, 0],
        [0; 32].as_slice(),
        &bytes::<32>(SCALAR),
        &bytes::<32>(X),
        &bytes::<32>(Y),
        ca.certificate(),
    ];
    let records = vault.records("test-ca").unwrap();
    records.commit(&[RecordChange::Put(RecordId([2; 16]), record.concat().into())]).unwrap();
    drop(records);
    vault.close().unwrap();
    fs::create_dir_all(home.join("data/devices")).unwrap();
    let definition = format!("profile = \"ms-authenticator-ios\"\nid = \"{}\"\n", "07".repeat(16));
    fs::write(home.join("data/devices/phone.toml"), definition).unwrap();
    id
}

/// Whether a secret stands in some bytes: raw, in hexadecimal of either case, or in base64 of either dialect at
/// any offset.
fn holds(haystack: &[u8], secret: &[u8]) -> bool {
    let hex = wire::hex::encode(secret);
    let mut needles = vec![secret.to_vec(), hex.to_uppercase().into_bytes(), hex.into_bytes()];
    for shift in 0..3 {
        let shifted = [&vec![0; shift], secret].concat();
        // The characters that depend on the secret alone.
        let text = base64url::encode(&shifted);
        let core = &text[shift.div_ceil(3) * 2 + usize::from(shift > 0)..text.len() - 2];
        needles.push(core.as_bytes().to_vec());
        needles.push(core.replace('-', "+").replace('_', "/").into_bytes());
    }
    needles.iter().any(|needle| haystack.windows(needle.len()).any(|window| window == needle))
}

#[test]
fn the_search_finds_what_it_looks_for() {
    let secret: [u8; 32] = bytes(SCALAR);
    for before in 0..4 {
        let around = [&vec![b'x'; before], secret.as_slice(), b"yz"].concat();
        for hidden in [
            around.clone(),
            wire::hex::encode(&around).into_bytes(),
            wire::hex::encode(&around).to_uppercase().into_bytes(),
            base64url::encode(&around).into_bytes(),
            base64url::encode(&around).replace('-', "+").replace('_', "/").into_bytes(),
        ] {
            assert!(holds(&hidden, &secret), "{before}: {}", String::from_utf8_lossy(&hidden));
        }
    }
    assert!(!holds(base64url::encode(&[1; 400]).as_bytes(), &secret));
}

/// Ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found)
        } else if path.is_file() {
            found.push(path)
        }
    }
}

#[test]
fn a_known_private_key_is_in_no_file_no_answer_no_log_and_no_trace() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    let credential = furnish(&home);
    let ready = folder.path().join("ready.json");
    let mut command = Command::new(env!("CARGO_BIN_EXE_fauxkey"));
    command.args(["run", "--verbose", "--home"]).arg(&home).arg("--ready-file").arg(&ready);
    command.arg("--trace").arg(folder.path().join("trace.jsonl"));
    command.env_remove("FAUXKEY_HOME").env_remove("FAUXKEY_URL");
    let out = folder.path().join("out");
    command
        .stdout(fs::File::create(&out).unwrap())
        .stderr(fs::File::create(folder.path().join("err")).unwrap());
    let running = Running(command.stdin(Stdio::null()).spawn().unwrap());
    let deadline = Instant::now() + Duration::from_secs(30);
    while !ready.exists() {
        assert!(Instant::now() < deadline, "it does not start");
        std::thread::sleep(Duration::from_millis(5));
    }
    let ready: Value = serde_json::from_slice(&fs::read(&ready).unwrap()).unwrap();
    let url = ready["url"].as_str().unwrap();
    let token = fs::read_to_string(home.join("run/token")).unwrap();
    let answers = ask_everything(url, token.trim(), &credential);
    assert!(answers.len() >= 8, "{} answers", answers.len());

    let mut everything: Vec<(String, Vec<u8>)> = answers;
    let mut paths = Vec::new();
    files(folder.path(), &mut paths);
    let trace = fs::read_to_string(folder.path().join("trace.jsonl")).unwrap();
    assert!(trace.contains("authenticatorGetAssertion"), "nothing was traced");
    everything.extend(paths.into_iter().map(|path| (path.display().to_string(), fs::read(path).unwrap())));
    drop(running);
    for secret in [bytes::<32>(SCALAR), SEALING] {
        for (name, content) in &everything {
            assert!(!holds(content, &secret), "a secret stands in {name}");
        }
    }
}

/// Every GET of the API, the page, and a sign-in with the passkey, which shows that the key is really there.
fn ask_everything(url: &str, token: &str, credential: &[u8]) -> Vec<(String, Vec<u8>)> {
    let get = |path: &str| {
        let request = ureq::get(format!("{url}{path}")).config().http_status_as_error(false).build();
        let request = request.header("Authorization", format!("Bearer {token}"));
        let mut body = Vec::new();
        let mut answer = request.call().unwrap();
        // A passkey that belongs to no account has no one-time codes: what is refused tells no secret either.
        let refused = answer.status() == 422;
        assert!(if path.ends_with("/code") { refused } else { answer.status().is_success() }, "{path}");
        answer.body_mut().as_reader().read_to_end(&mut body).unwrap();
        (path.to_owned(), body)
    };
    let openapi: Value = serde_json::from_slice(&get("/openapi.json").1).unwrap();
    let id = base64url::encode(credential);
    let paths = openapi["paths"].as_object().unwrap().iter();
    // The streams do not end; what they say is in the log and in the trace.
    let streams = ["/api/v1/events", "/api/v1/trace", "/api/v1/extension"];
    let asked =
        paths.filter(|(path, methods)| methods.get("get").is_some() && !streams.contains(&path.as_str()));
    let name =
        |path: &str| if path.contains("/ca/") || path.contains("/profiles/") { "all-in" } else { "phone" };
    let mut answers: Vec<_> =
        asked.map(|(path, _)| get(&path.replace("{name}", name(path)).replace("{id}", &id))).collect();
    answers.push(get(&format!("/?token={token}")));

    let sign_in = GetAssertion {
        rp_id: RP_ID.into(),
        client_data_hash: [5; 32],
        allow_list: vec![Descriptor { id: credential.to_vec(), transports: vec![] }],
        extensions: None,
        up: None,
        uv: None,
        rk: None,
        pin_uv_auth_param: None,
        pin_uv_auth_protocol: None,
    };
    let body = json!({ "link": "usb", "message": base64url::encode(&sign_in.encode()) });
    let answer = ureq::post(format!("{url}/api/v1/devices/phone/ctap2"))
        .header("Authorization", format!("Bearer {token}"))
        .send_json(body)
        .unwrap()
        .body_mut()
        .read_to_vec()
        .unwrap();
    let parsed: Value = serde_json::from_slice(&answer).unwrap();
    let response = base64url::decode(parsed["response"].as_str().unwrap()).unwrap();
    let signed = GetAssertionResponse::decode(&response).unwrap();
    assert!(AuthenticatorData::decode(&signed.auth_data).is_ok());
    answers.push(("the sign-in".into(), answer));
    answers
}
