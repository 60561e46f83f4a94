//! Prints a registration with an attestation statement of every format, right and with each flaw, as JSON, for judges that
//! are not written in Rust: `tests/peers/attestations.py`. They are valid at the time of printing.
use authenticator::signer::{DeterministicSigner, Signer as _};
use emulator::FastSigner;
use emulator::attestation::{Draft, Flaw, Format, TestCa};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::io::{self, Write};
use std::time::{SystemTime, UNIX_EPOCH};
use tests::Pooled;
use wire::aaguid::Aaguid;
use wire::base64url;
use wire::cose::Algorithm;
use wire::webauthn::{
    AttestationObject, AttestedCredentialData, AuthenticatorData, Ceremony, ClientData, Flags,
};

const RP_ID: &str = "login.example.test";
const ORIGIN: &str = "https://login.example.test";
const CHALLENGE: [u8; 32] = [0xC4; 32];
/// A model of nobody's.
const MODEL: Aaguid = Aaguid(*b"fauxkey attested");

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut rng = ChaCha20Rng::seed_from_u64(0xA77E);
    // Primes are found before anything is dated.
    signer().generate(Algorithm::RS256, &mut rng)?;
    let ca = TestCa::generate(&mut DeterministicSigner, &mut rng)?;
    let mut formats = Vec::new();
    for format in Format::ALL {
        let mut made = |flaw| response(&ca, format, flaw, &mut rng);
        let correct = made(None)?;
        let mut flawed = Vec::new();
        for flaw in format.flaws() {
            flawed.push(json!({
                "flaw": flaw.as_str(),
                "sentence": flaw.sentence(),
                "clause": flaw.clause(format),
                "policy": flaw.is_policy(),
                "response": made(Some(*flaw))?,
            }));
        }
        let fmt = format.fmt();
        formats.push(json!({ "format": format.as_str(), "fmt": fmt, "correct": correct, "flawed": flawed }));
    }
    let document = json!({
        "rpId": RP_ID,
        "origin": ORIGIN,
        "challenge": base64url::encode(&CHALLENGE),
        "roots": [pem(ca.certificate())],
        "formats": formats,
    });
    Ok(writeln!(io::stdout().lock(), "{document}")?)
}

/// All statements by RSA share a few keys: what SafetyNet says is stale soon.
fn signer() -> Pooled<FastSigner> {
    Pooled(FastSigner::default())
}

/// RegistrationResponseJSON.
fn response(
    ca: &TestCa,
    format: Format,
    flaw: Option<Flaw>,
    rng: &mut ChaCha20Rng,
) -> Result<Value, Box<dyn std::error::Error>> {
    let mut signer = signer();
    let credential = signer.generate(Algorithm::ES256, rng)?;
    let client_data = ClientData {
        ceremony: Ceremony::CREATE.into(),
        challenge: base64url::encode(&CHALLENGE),
        origin: ORIGIN.into(),
        cross_origin: Some(false),
        top_origin: None,
    }
    .encode();
    // CTAP 2.1 §7.4: U2F knows no AAGUID.
    let aaguid = if format == Format::FidoU2f { Aaguid([0; 16]) } else { MODEL };
    let credential_id = Sha256::digest(wire::cbor::encode(&credential.public.to_value())).to_vec();
    let public_key = credential.public.clone();
    let auth_data = AuthenticatorData {
        rp_id_hash: Sha256::digest(RP_ID).into(),
        flags: Flags::UP | Flags::UV | Flags::AT,
        sign_count: 0,
        attested: Some(AttestedCredentialData { aaguid, credential_id: credential_id.clone(), public_key }),
        extensions: None,
    }
    .encode();
    let draft = Draft {
        auth_data: &auth_data,
        client_data_hash: &Sha256::digest(&client_data).into(),
        credential: &credential,
        now: SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs(),
    };
    let forged = ca.forge(format, flaw, &draft, &mut signer, rng)?;
    let object = AttestationObject { fmt: forged.fmt, att_stmt: forged.att_stmt, auth_data };
    let id = base64url::encode(&credential_id);
    Ok(json!({
        "id": id,
        "rawId": id,
        "type": "public-key",
        "response": {
            "clientDataJSON": base64url::encode(&client_data),
            "attestationObject": base64url::encode(&object.encode()),
            "transports": ["usb"],
        },
        "authenticatorAttachment": "cross-platform",
        "clientExtensionResults": {},
    }))
}

/// RFC 7468 §5.
fn pem(certificate: &[u8]) -> String {
    let mut text = base64url::encode(certificate).replace('-', "+").replace('_', "/");
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    let lines: String = text.as_bytes().chunks(64).map(|line| format!("{}\n", line.escape_ascii())).collect();
    format!("-----BEGIN CERTIFICATE-----\n{lines}-----END CERTIFICATE-----\n")
}
