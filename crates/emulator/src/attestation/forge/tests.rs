mod one_thing;

use super::*;
use crate::FastSigner;
use authenticator::signer::{DeterministicSigner, SignerError};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::collections::HashSet;
use std::sync::LazyLock;
use wire::aaguid::Aaguid;
use wire::cbor;
use wire::cose::{Algorithm, PublicKey};
use wire::webauthn::{AttestedCredentialData, AuthenticatorData, Flags};
use x509_cert::Certificate;
use x509_cert::der::{Decode as _, Encode as _};

const HASH: [u8; 32] = [0xC1; 32];
const NOW: u64 = 1_800_000_000;

/// A root, a credential, and RSA keys out of one that was made once: finding primes takes longer than all else here.
struct Bench {
    ca: TestCa,
    credential: KeyPair,
    auth_data: Vec<u8>,
}

struct OneRsaKey;

impl Signer for OneRsaKey {
    fn generate(&mut self, algorithm: Algorithm, rng: &mut dyn CryptoRng) -> Result<KeyPair, SignerError> {
        static KEYS: LazyLock<[KeyPair; 2]> = LazyLock::new(|| {
            let mut rng = ChaCha20Rng::seed_from_u64(2048);
            [(); 2].map(|()| DeterministicSigner.generate(Algorithm::RS256, &mut rng).unwrap())
        });
        match algorithm {
            // Two after one another are not the same.
            Algorithm::RS256 => Ok(KEYS[(rng.next_u32() & 1) as usize].clone()),
            other => DeterministicSigner.generate(other, rng),
        }
    }

    fn sign(
        &mut self,
        _: &KeyPair,
        _: &AuthenticatorData,
        _: &[u8; 32],
    ) -> Result<authenticator::signer::Signed, SignerError> {
        Err(SignerError::Failed)
    }
}

impl Bench {
    fn new(algorithm: Algorithm) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let ca = TestCa::generate(&mut DeterministicSigner, &mut rng).unwrap();
        let credential = OneRsaKey.generate(algorithm, &mut rng).unwrap();
        let attested = AttestedCredentialData {
            aaguid: Aaguid([7; 16]),
            credential_id: vec![2; 32],
            public_key: credential.public.clone(),
        };
        let auth_data = AuthenticatorData {
            rp_id_hash: [1; 32],
            flags: Flags::UP | Flags::AT,
            sign_count: 1,
            attested: Some(attested),
            extensions: None,
        };
        Self { ca, credential, auth_data: auth_data.encode() }
    }

    fn forge(&self, format: Format, flaw: Option<Flaw>) -> Result<Forged, CaError> {
        let (auth_data, credential) = (&self.auth_data, &self.credential);
        let draft = Draft { auth_data, client_data_hash: &HASH, credential, now: NOW };
        self.ca.forge(format, flaw, &draft, &mut OneRsaKey, &mut ChaCha20Rng::seed_from_u64(5))
    }
}

fn every_flaw() -> impl Iterator<Item = (Format, Option<Flaw>)> {
    Format::ALL.into_iter().flat_map(|format| {
        [None].into_iter().chain(format.flaws().iter().copied().map(Some)).map(move |flaw| (format, flaw))
    })
}

fn member<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    value.as_map()?.iter().find(|(key, _)| key.as_text() == Some(name)).map(|(_, value)| value)
}

fn certificates(statement: &Value) -> Vec<Vec<u8>> {
    let x5c = member(statement, "x5c").and_then(Value::as_array);
    x5c.into_iter().flatten().map(|certificate| certificate.as_bytes().unwrap().clone()).collect()
}

/// What of a statement hangs on no signature's randomness: that there is a `sig`, and of certificates what is signed.
fn reproducible(value: &Value) -> Value {
    match value {
        Value::Map(members) => {
            let member = |(name, value): &(Value, Value)| match name.as_text() {
                Some("sig") => (name.clone(), Value::Null),
                _ => (name.clone(), reproducible(value)),
            };
            Value::Map(members.iter().map(member).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(reproducible).collect()),
        // A JWS, whose header has a certificate in it.
        Value::Bytes(bytes) if bytes.starts_with(b"ey") => Value::Null,
        Value::Bytes(bytes) => Value::Bytes(signed_part(bytes).unwrap_or_else(|| bytes.clone())),
        other => other.clone(),
    }
}

/// What is signed of a certificate, and what follows the certificate.
fn signed_part(bytes: &[u8]) -> Option<Vec<u8>> {
    let (certificate, after) = match (Certificate::from_der(bytes), bytes.split_last()) {
        (Ok(certificate), _) => (certificate, None),
        (Err(_), Some((last, rest))) => (Certificate::from_der(rest).ok()?, Some(*last)),
        (Err(_), None) => return None,
    };
    Some(certificate.tbs_certificate().to_der().unwrap().into_iter().chain(after).collect())
}

#[test]
fn every_flawed_statement_is_another_than_the_right_one_and_a_seed_repeats_it() {
    let bench = Bench::new(Algorithm::ES256);
    let spoils_what_is_random = [
        Flaw::BadSignature,
        Flaw::SignatureOverOtherData,
        Flaw::SignatureTrailingData,
        Flaw::SignatureByOtherKey,
        Flaw::CertificateSignatureWrong,
        Flaw::ForeignRoot,
        Flaw::OneBroken,
        Flaw::AllBroken,
    ];
    let mut seen = HashSet::new();
    for (format, flaw) in every_flaw() {
        let Forged { fmt, att_stmt } = bench.forge(format, flaw).unwrap();
        assert_eq!(fmt, format.fmt());
        let again = bench.forge(format, flaw).unwrap().att_stmt;
        // In an array nothing tells what is a signature.
        let array = flaw == Some(Flaw::StatementIsArray);
        assert!(array || reproducible(&att_stmt) == reproducible(&again), "{format:?} {flaw:?}");
        let random = array
            || format == Format::AndroidSafetyNet
            || flaw.is_some_and(|flaw| spoils_what_is_random.contains(&flaw));
        let kept = if random { att_stmt } else { reproducible(&att_stmt) };
        let new = seen.insert((format, cbor::encode(&kept)));
        assert!(new, "{format:?} {flaw:?} is as another");
    }
}

#[test]
fn without_ecdsa_a_seed_repeats_every_byte() {
    let bench = Bench::new(Algorithm::EDDSA);
    for flaw in [None].into_iter().chain(Format::PackedSelf.flaws().iter().copied().map(Some)) {
        let made = [(); 2].map(|()| bench.forge(Format::PackedSelf, flaw).unwrap());
        assert_eq!(made[0], made[1]);
    }
}

#[test]
fn every_certificate_can_be_read_but_the_one_with_a_byte_after_it() {
    let bench = Bench::new(Algorithm::ES256);
    for (format, flaw) in every_flaw() {
        let statement = bench.forge(format, flaw).unwrap().att_stmt;
        for (at, der) in certificates(&statement).iter().enumerate() {
            let readable = Certificate::from_der(der).is_ok();
            assert_eq!(readable, at > 0 || flaw != Some(Flaw::TrailingData), "{format:?} {flaw:?} {at}");
        }
    }
}

/// A TPM's certificate has no subject; its subject alternative name says it.
#[test]
fn every_certificate_says_that_it_is_a_test() {
    let bench = Bench::new(Algorithm::ES256);
    for (format, flaw) in every_flaw() {
        for der in certificates(&bench.forge(format, flaw).unwrap().att_stmt) {
            let says = |text: &str| der.windows(text.len()).any(|window| window == text.as_bytes());
            assert!(says("fauxkey test"), "{format:?} {flaw:?}");
            assert!(says("software keys protect nothing"), "{format:?} {flaw:?}");
        }
    }
}

#[test]
fn names_are_unique_and_every_flaw_has_its_clause() {
    let names: HashSet<_> = Format::ALL.iter().map(|format| format.as_str()).collect();
    assert_eq!(names.len(), Format::ALL.len());
    let names: HashSet<_> = Flaw::ALL.iter().map(|flaw| flaw.as_str()).collect();
    assert_eq!(names.len(), Flaw::ALL.len());
    for flaw in Flaw::ALL {
        let name = flaw.as_str();
        assert!(name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'), "{name}");
        assert!(flaw.sentence().ends_with('.'), "{name}");
        assert!(Format::ALL.iter().any(|format| format.flaws().contains(flaw)), "{name} is nobody's");
    }
    for format in Format::ALL {
        let flaws: HashSet<_> = format.flaws().iter().collect();
        assert_eq!(flaws.len(), format.flaws().len(), "{format:?}");
        for flaw in format.flaws() {
            let clause = flaw.clause(format);
            let start = ["WebAuthn L3 §", "WebAuthn L1 §", "RFC 5280 §"];
            assert!(start.iter().any(|start| clause.starts_with(start)), "{flaw:?}: {clause}");
        }
    }
}

#[test]
fn what_a_format_cannot_be_is_refused() {
    let refuses = |bench: &Bench, format, flaw| matches!(bench.forge(format, flaw), Err(CaError::Draft(_)));
    let mut bench = Bench::new(Algorithm::ES256);
    assert!(refuses(&bench, Format::None, Some(Flaw::BadSignature)));
    bench.auth_data.truncate(37);
    for format in [Format::PackedBasic, Format::FidoU2f] {
        assert!(refuses(&bench, format, None), "{format:?}: no attested credential data");
    }
    let bench = Bench::new(Algorithm::EDDSA);
    assert!(refuses(&bench, Format::Tpm, None), "no TPM has Ed25519");
    assert!(matches!(bench.forge(Format::FidoU2f, None), Err(CaError::Key(SignerError::Unsupported(_)))));
}

#[test]
fn each_kind_of_credential_that_a_format_can_be_about_has_a_certificate() {
    for algorithm in [Algorithm::ES256, Algorithm::ES384, Algorithm::RS256, Algorithm::EDDSA] {
        let bench = Bench::new(algorithm);
        for format in [Format::PackedSelf, Format::PackedBasic, Format::AndroidKey, Format::Apple] {
            bench.forge(format, None).unwrap();
        }
        if algorithm != Algorithm::EDDSA {
            bench.forge(Format::Tpm, None).unwrap();
        }
    }
}

#[test]
fn an_old_root_issues_everything_but_a_chain() {
    let mut bench = Bench::new(Algorithm::ES256);
    // pathLenConstraint 1 to 0: what older roots say. Nobody checks the root's own signature here.
    let constraints = [0x30, 0x06, 0x01, 0x01, 0xFF, 0x02, 0x01, 0x01];
    let at = bench.ca.certificate.windows(8).position(|window| window == constraints).unwrap();
    bench.ca.certificate[at + 7] = 0;
    for (format, flaw) in every_flaw() {
        let made = bench.forge(format, flaw);
        let chain = matches!(format, Format::PackedChain | Format::AndroidSafetyNet)
            || flaw == Some(Flaw::TwoCertificates);
        assert_eq!(matches!(made, Err(CaError::OldRoot)), chain, "{format:?} {flaw:?}");
    }
}

#[test]
fn the_fast_signer_makes_all_of_them_too() {
    let bench = Bench::new(Algorithm::ES256);
    let draft = Draft {
        auth_data: &bench.auth_data,
        client_data_hash: &HASH,
        credential: &bench.credential,
        now: NOW,
    };
    for format in Format::ALL {
        let rng = &mut ChaCha20Rng::seed_from_u64(6);
        bench.ca.forge(format, None, &draft, &mut FastSigner::default(), rng).unwrap();
    }
}
