//! Format `android-key`, WebAuthn L3 §8.4, and the extension that describes the key, §8.4.1.
use super::certificate::Certificate;
use super::statement::{Inputs, Procedure, Proof, certificates, has_no_members_but, leaf};
use crate::rejection::{Step, Verdict, ensure};
use der::asn1::{AnyRef, ObjectIdentifier, OctetStringRef};
use der::{Decode, Reader, SliceReader, Tag, TagNumber, Tagged};
use wire::cbor::{Field, Key, Kind, Record, Value};
use wire::cose::Algorithm;

const KEY_DESCRIPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.11129.2.1.17");

const STATEMENT: &[Field] = &[
    Field::required(Key::Text("alg"), "alg", Kind::Int),
    Field::required(Key::Text("sig"), "sig", Kind::Bytes),
    Field::required(Key::Text("x5c"), "x5c", Kind::Array),
];

/// A statement of this format.
pub(super) struct AndroidKey<'a> {
    alg: Algorithm,
    sig: &'a [u8],
    x5c: Vec<&'a [u8]>,
}

pub(super) fn read(att_stmt: &Value) -> Result<AndroidKey<'_>, String> {
    let map = Record::read(att_stmt, "android-key attestation statement", STATEMENT)
        .map_err(|e| e.reason.to_string())?;
    has_no_members_but(att_stmt, "an android-key attestation statement (§8.4)", &["alg", "sig", "x5c"])?;
    Ok(AndroidKey {
        alg: Algorithm(map.int("alg").expect("required by the table")),
        sig: map.bytes("sig").expect("required by the table"),
        x5c: certificates(map.array("x5c").expect("required by the table"))?,
    })
}

impl Procedure for AndroidKey<'_> {
    fn x5c(&self) -> Vec<&[u8]> {
        self.x5c.clone()
    }

    fn check(&self, step: Step, x5c: &[Certificate], inputs: &Inputs<'_>) -> Verdict {
        let leaf = leaf(x5c)?;
        match step {
            Step::AttestationAlgorithm => leaf.goes_with(self.alg),
            Step::AttestationSignature => leaf.signed(self.alg, &inputs.message(), self.sig),
            Step::AttestationKey => ensure(leaf.is_of(inputs.key), || {
                "the certificate's key is not the credential public key (§8.4)".into()
            }),
            Step::AttestationNonce => challenge(&description(leaf)?, inputs.client_data_hash),
            Step::AndroidKeyScope => scope(&description(leaf)?),
            Step::AndroidKeyOrigin => origin(&description(leaf)?),
            Step::AndroidKeyPurpose => purpose(&description(leaf)?),
            Step::CertificateKeyUsage => leaf.may_sign(),
            _ => Ok(()),
        }
    }

    fn proof(&self) -> Proof {
        Proof::Certificates
    }
}

/// "Verify that the `attestationChallenge` field … is identical to clientDataHash."
fn challenge(description: &KeyDescription<'_>, client_data_hash: &[u8; 32]) -> Verdict {
    ensure(description.attestation_challenge == client_data_hash, || {
        "attestationChallenge is not the hash of the client data (§8.4)".into()
    })
}

/// "The `AuthorizationList.allApplications` field is not present on either authorization list": the credential is scoped to
/// the RP ID.
fn scope(description: &KeyDescription<'_>) -> Verdict {
    ensure(!description.lists().iter().any(|list| list.all_applications), || {
        "the key is for all applications, and a credential is for one RP ID (§8.4)".into()
    })
}

/// "The value in the `AuthorizationList.origin` field is equal to KM_ORIGIN_GENERATED", in the union of both lists: keys
/// outside a trusted execution environment are taken too.
fn origin(description: &KeyDescription<'_>) -> Verdict {
    const KM_ORIGIN_GENERATED: i64 = 0;
    let found: Vec<i64> = description.lists().iter().filter_map(|list| list.origin).collect();
    ensure(!found.is_empty() && found.iter().all(|origin| *origin == KM_ORIGIN_GENERATED), || {
        format!("the key's origin is {found:?}, and not KM_ORIGIN_GENERATED, 0 (§8.4)")
    })
}

/// "The value in the `AuthorizationList.purpose` field is equal to KM_PURPOSE_SIGN", in the union of both lists.
fn purpose(description: &KeyDescription<'_>) -> Verdict {
    const KM_PURPOSE_SIGN: i64 = 2;
    let found: Vec<i64> =
        description.lists().iter().filter_map(|list| list.purpose.as_deref()).flatten().copied().collect();
    ensure(!found.is_empty() && found.iter().all(|purpose| *purpose == KM_PURPOSE_SIGN), || {
        format!("the key's purposes are {found:?}, and not KM_PURPOSE_SIGN, 2, alone (§8.4)")
    })
}

/// The parts of KeyDescription that the procedure asks for.
struct KeyDescription<'a> {
    attestation_challenge: &'a [u8],
    software_enforced: AuthorizationList,
    tee_enforced: AuthorizationList,
}

impl KeyDescription<'_> {
    const fn lists(&self) -> [&AuthorizationList; 2] {
        [&self.software_enforced, &self.tee_enforced]
    }
}

/// The members of AuthorizationList that the procedure asks for.
#[derive(Default)]
struct AuthorizationList {
    purpose: Option<Vec<i64>>,
    all_applications: bool,
    origin: Option<i64>,
}

/// §8.4.1: the extension data of the attestation certificate.
fn description(certificate: &Certificate) -> Result<KeyDescription<'_>, String> {
    let found = certificate.extension(KEY_DESCRIPTION)?;
    let (_, value) = found.ok_or("the certificate does not describe the key (§8.4.1)")?;
    key_description(value).map_err(|e| format!("the description of the key does not read ({e})"))
}

/// Members of the sequence in the order of Android's schema.
fn key_description(value: &[u8]) -> Result<KeyDescription<'_>, der::Error> {
    let mut reader = SliceReader::new(value)?;
    let description = reader.sequence(|reader| {
        // attestationVersion, attestationSecurityLevel, keyMintVersion and keyMintSecurityLevel
        for tag in [Tag::Integer, Tag::Enumerated, Tag::Integer, Tag::Enumerated] {
            AnyRef::decode(reader)?.tag().assert_eq(tag)?;
        }
        let attestation_challenge = <&OctetStringRef>::decode(reader)?.as_bytes();
        // uniqueId
        <&OctetStringRef>::decode(reader)?;
        Ok::<_, der::Error>(KeyDescription {
            attestation_challenge,
            software_enforced: authorization_list(reader)?,
            tee_enforced: authorization_list(reader)?,
        })
    })?;
    reader.finish()?;
    Ok(description)
}

/// All members are optional and explicitly tagged; most are not asked for.
fn authorization_list(reader: &mut SliceReader<'_>) -> Result<AuthorizationList, der::Error> {
    const PURPOSE: TagNumber = TagNumber(1);
    const ALL_APPLICATIONS: TagNumber = TagNumber(600);
    const ORIGIN: TagNumber = TagNumber(702);
    reader.sequence(|reader| {
        let mut list = AuthorizationList::default();
        while !reader.is_finished() {
            let member = AnyRef::decode(reader)?;
            match member.tag() {
                Tag::ContextSpecific { number: PURPOSE, .. } => {
                    list.purpose = Some(integers(member.value())?)
                }
                Tag::ContextSpecific { number: ALL_APPLICATIONS, .. } => list.all_applications = true,
                Tag::ContextSpecific { number: ORIGIN, .. } => {
                    list.origin = Some(i64::from_der(member.value())?);
                }
                _ => {}
            }
        }
        Ok::<_, der::Error>(list)
    })
}

/// SET OF INTEGER.
fn integers(set: &[u8]) -> Result<Vec<i64>, der::Error> {
    let set = AnyRef::from_der(set)?;
    set.tag().assert_eq(Tag::Set)?;
    let (mut reader, mut integers) = (SliceReader::new(set.value())?, Vec::new());
    while !reader.is_finished() {
        integers.push(i64::decode(&mut reader)?);
    }
    Ok(integers)
}
