//! The new credential: its key and its ID. WebAuthn L3 §5.8.5, §6.5.1, §7.1 steps 20 and 25 to 27; RFC 9052, RFC 9053.
use crate::bench::{Bench, Stop, Who};
use crate::check::{Act, Basis, Change, Check, Clause, Needs, Told, check, json, made, made_if_it_can, own};
use crate::draft::{Draft, set};
use crate::report::Severity;
use relying_party::{Ceremony, Step};
use wire::cbor::{self, Value as Cbor};
use wire::cose::{Algorithm, PublicKey};

const OFFERED: &str = "Compare the key's alg with the algorithms that you offered.";
const KEY: &str =
    "Read the COSE key strictly, and let the library that verifies with it make sure that it is one.";
const UNIQUE: &str = "Refuse a credential ID that is registered, for whichever user: else somebody could take over another's passkey, \
                      or lock it out.";

/// A change of an ES256 key.
fn es256(edit: fn(&mut Vec<(Cbor, Cbor)>)) -> Change {
    made_if_it_can(move |draft| {
        if !matches!(draft.key.public(), PublicKey::P256 { .. }) {
            return Err("it needs an ES256 credential, which is not offered".into());
        }
        draft.key_members(edit);
        Ok(())
    })
}

fn put_public(draft: &mut Draft, key: &PublicKey) {
    draft.put_key(|_| cbor::encode(&key.to_value()));
}

/// A registration that answers its options.
fn registration(
    bench: &mut Bench<'_>,
    edit: impl FnOnce(&mut Bench<'_>, &[i64], &mut Draft) -> Result<(), Stop>,
) -> Result<Told, Stop> {
    let creation = bench.begin_registration(Who::First)?;
    let mut draft = bench.draft_registration(&creation, &Basis::Base)?;
    let offered: Vec<i64> = creation.options.pub_key_cred_params.iter().map(|p| p.alg).collect();
    edit(bench, &offered, &mut draft)?;
    let text = draft.finish().map_err(|e| Stop::Inconclusive(e.to_string()))?.to_string();
    bench.post_registration(&creation, &draft, &text).map(Told::from)
}

fn not_offered(bench: &mut Bench<'_>) -> Result<Told, Stop> {
    registration(bench, |bench, offered, draft| {
        let others = [Algorithm::EDDSA, Algorithm::ES384, Algorithm::ES256, Algorithm::RS256];
        let other = others.into_iter().find(|other| !offered.contains(&other.0));
        let other = other
            .ok_or_else(|| Stop::Skipped("it offers every algorithm that there is a key of here".into()))?;
        let key = bench.key(other)?;
        put_public(draft, key.public());
        Ok(())
    })
}

fn rsa(bench: &mut Bench<'_>, n: &'static [u8], e: &'static [u8]) -> Result<Told, Stop> {
    registration(bench, |_, offered, draft| {
        if !offered.contains(&Algorithm::RS256.0) {
            return Err(Stop::Skipped("it does not offer RS256".into()));
        }
        put_public(draft, &PublicKey::Rsa { n: n.to_vec(), e: e.to_vec() });
        Ok(())
    })
}

/// Of a point's coordinates, the label of one and what is written for it; `None` if this point will not do.
type Rewriting = fn(&[u8; 32], &[u8; 32]) -> Option<(i64, Cbor)>;

/// A registration with a new key of which one coordinate is written otherwise.
fn rewritten(bench: &mut Bench<'_>, lie: Rewriting) -> Result<Told, Stop> {
    registration(bench, |bench, _, draft| {
        if !matches!(draft.key.public(), PublicKey::P256 { .. }) {
            return Err(Stop::Skipped("it needs an ES256 credential, which is not offered".into()));
        }
        loop {
            let key = bench.key(Algorithm::ES256)?;
            let PublicKey::P256 { x, y } = key.public() else { continue };
            if let Some((label, value)) = lie(x, y) {
                draft.key = key;
                draft.key_members(|members| set(members, label, Some(value)));
                return Ok(());
            }
        }
    })
}

/// x or y without the zero byte that it begins with, as in one key of 128: as a number it is the same.
fn short_coordinate(bench: &mut Bench<'_>) -> Result<Told, Stop> {
    rewritten(bench, |x, y| match (x, y) {
        ([0, x @ ..], _) => Some((-2, cbor::bytes(x))),
        (_, [0, y @ ..]) => Some((-3, cbor::bytes(y))),
        _ => None,
    })
}

/// In place of y its last bit, RFC 9053 §7.1.1: of a key in which that is 1, as false might be taken for nothing at all.
fn compressed(bench: &mut Bench<'_>) -> Result<Told, Stop> {
    rewritten(bench, |_, y| (y[31] & 1 == 1).then_some((-3, true.into())))
}

/// A good key of P-384 that says that it is for ES256.
fn foreign_curve(bench: &mut Bench<'_>) -> Result<Told, Stop> {
    registration(bench, |bench, _, draft| {
        if !matches!(draft.key.public(), PublicKey::P256 { .. }) {
            return Err(Stop::Skipped("it needs an ES256 credential, which is not offered".into()));
        }
        let Cbor::Map(mut key) = bench.key(Algorithm::ES384)?.public().to_value() else {
            return Err(Stop::Skipped("a COSE key is a map".into()));
        };
        set(&mut key, 3, Some(Algorithm::ES256.0.into()));
        draft.put_key(|_| cbor::encode(&Cbor::Map(key)));
        Ok(())
    })
}

/// The ID of a credential that there is, with another key.
fn registered_id(bench: &mut Bench<'_>, owner: Who) -> Result<Told, Stop> {
    let taken = bench.fixture(owner)?;
    let told = registration(bench, |_, _, draft| {
        draft.credential(|credential| credential.credential_id.clone_from(&taken.id));
        Ok(())
    })?;
    if matches!(told, Told::Accepted(_)) {
        // Nobody knows whose key the record has now.
        bench.retire(owner);
    }
    Ok(told)
}

pub(super) fn checks() -> Vec<Check> {
    const GROUP: &str = "credential";
    let step = |step| Clause::Step(Ceremony::Registration, step);
    let row = |name: &str, title: &str, clause, severity, advice: &str, change| {
        let act = Act::Registration(Basis::Base, change);
        check(format!("registration-{name}"), title, GROUP, clause, severity, advice, act)
    };
    let key =
        |name: &str, title: &str, clause, severity, change| row(name, title, clause, severity, KEY, change);
    type Run = fn(&mut Bench<'_>) -> Result<Told, Stop>;
    let act = |name: &str, title: &str, clause, severity, advice: &str, act: Run| {
        let act = own(Needs::Registration, act);
        check(format!("registration-{name}"), title, GROUP, clause, severity, advice, act)
    };
    vec![
        act(
            "algorithm-not-offered",
            "a key for an algorithm that was not offered",
            step(Step::Algorithm),
            Severity::Medium,
            OFFERED,
            not_offered,
        ),
        key(
            "algorithm-unknown",
            "a key for an algorithm that does not exist",
            step(Step::Algorithm),
            Severity::Medium,
            es256(|key| set(key, 3, Some((-65_000).into()))),
        ),
        act(
            "key-foreign-curve",
            "an ES256 key on P-384",
            Clause::Text("WebAuthn L3 §5.8.5 (ES256 is on P-256)"),
            Severity::Low,
            KEY,
            foreign_curve,
        ),
        key(
            "key-of-another-type",
            "an elliptic key for an algorithm of another type",
            Clause::Text("RFC 8812 §2 (kty is RSA)"),
            Severity::Low,
            es256(|key| set(key, 3, Some((-257).into()))),
        ),
        key(
            "key-no-point",
            "a key that is no point of its curve",
            step(Step::Curve),
            Severity::Low,
            es256(|key| set(key, -2, Some(cbor::bytes([0xFF; 32])))),
        ),
        key(
            "key-zeros",
            "a key whose coordinates are 0",
            step(Step::Curve),
            Severity::Low,
            es256(|key| {
                set(key, -2, Some(cbor::bytes([0; 32])));
                set(key, -3, Some(cbor::bytes([0; 32])));
            }),
        ),
        act(
            "key-short-coordinate",
            "a key with a coordinate without its leading zero",
            Clause::Text("RFC 9053 §7.1.1 (leading zeros are preserved)"),
            Severity::Low,
            KEY,
            short_coordinate,
        ),
        act(
            "key-compressed",
            "a key whose point is compressed",
            Clause::Text("WebAuthn L3 §5.8.5 (no compressed point)"),
            Severity::Low,
            KEY,
            compressed,
        ),
        key(
            "key-without-algorithm",
            "a key without alg",
            Clause::Text("WebAuthn L3 §6.5.1 (credentialPublicKey)"),
            Severity::Low,
            es256(|key| set(key, 3, None)),
        ),
        key(
            "key-no-map",
            "a key that is no map",
            Clause::Text("RFC 9052 §7 (a COSE_Key is a map)"),
            Severity::Low,
            made(|d| d.put_key(|_| cbor::encode(&Cbor::Array(Vec::new())))),
        ),
        key(
            "key-further-member",
            "a key with a member that it must not have",
            step(Step::CoseKey),
            Severity::Note,
            es256(|key| set(key, 2, Some(cbor::bytes([1])))),
        )
        .either(),
        key(
            "key-member-twice",
            "a key with a member twice",
            Clause::Text("RFC 9052 §9 (no label twice)"),
            Severity::Note,
            made(|d| {
                d.put_key(|key| [&[key[0] + 1], &key[1..3], &key[1..]].concat());
            }),
        )
        .either(),
        act("key-rsa-short", "an RSA key of 1024 bits", step(Step::Curve), Severity::Medium, KEY, |bench| {
            rsa(bench, &[0xFF; 128], &[1, 0, 1])
        }),
        act(
            "key-rsa-exponent-1",
            "an RSA key with the exponent 1",
            step(Step::Curve),
            Severity::Medium,
            KEY,
            |bench| rsa(bench, &[0xFF; 256], &[1]),
        ),
        row(
            "id-too-long",
            "a credential ID of 1024 bytes",
            step(Step::CredentialIdLength),
            Severity::Low,
            "Refuse credential IDs of more than 1023 bytes.",
            made(|d| {
                d.credential(|credential| credential.credential_id = vec![0xA5; 1024]);
            }),
        ),
        row(
            "id-empty",
            "an empty credential ID",
            step(Step::CredentialIdLength),
            Severity::Note,
            "Refuse an empty ID: authenticators give at least 16 bytes.",
            made(|d| {
                d.credential(|credential| credential.credential_id.clear());
            }),
        )
        .either(),
        row(
            "raw-id-other",
            "another rawId than the ID that is attested",
            step(Step::AttestedCredentialId),
            Severity::Note,
            "Take the ID out of the authenticator data, and compare rawId with it.",
            json(|r| {
                (r["rawId"], r["id"]) = ("ZmF1eGtleSBwcm9iZQ".into(), "ZmF1eGtleSBwcm9iZQ".into());
            }),
        )
        // No step compares them: step 27 lets either be stored.
        .either(),
        act(
            "id-of-another-user",
            "the ID of another user's credential",
            step(Step::Unregistered),
            Severity::High,
            UNIQUE,
            |bench| registered_id(bench, Who::Second),
        ),
        act(
            "id-again",
            "the ID of one's own credential with another key",
            step(Step::Unregistered),
            Severity::Medium,
            UNIQUE,
            |bench| registered_id(bench, Who::First),
        ),
    ]
}
