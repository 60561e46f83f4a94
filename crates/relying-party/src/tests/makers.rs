//! Statements of platforms, in parts that can be spoilt: what a TPM, Android, SafetyNet and Apple would make, written by the letter
//! of their structures and sharing nothing with what reads them.
use super::pki::{self, Leaf, octets};
use super::signer::Registration;
use crate::signature::sha256;
use rcgen::{CustomExtension, ExtendedKeyUsagePurpose, IsCa, KeyPair, SanType};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA384, digest};
use wire::base64url;
use wire::cbor::{self, Value};
use wire::cose::{Algorithm, PublicKey};

pub(super) const AIK: &[u64] = &[2, 23, 133, 8, 3];
const KEY_DESCRIPTION: &[u64] = &[1, 3, 6, 1, 4, 1, 11129, 2, 1, 17];
pub(super) const APPLE_NONCE: &[u64] = &[1, 2, 840, 113_635, 100, 8, 2];

/// The key that the registration is for.
fn credential(ceremony: &Registration) -> PublicKey {
    ceremony.data.attested.as_ref().map_or(ceremony.key.public(), |attested| attested.public_key.clone())
}

/// An element of DER with fewer than 65536 bytes.
pub(super) fn tlv(tag: &[u8], contents: &[u8]) -> Vec<u8> {
    let length = u16::try_from(contents.len()).unwrap().to_be_bytes();
    match length {
        [0, short @ ..0x80] => [tag, &[short], contents].concat(),
        long => [tag, &[0x82], &long, contents].concat(),
    }
}

/// A TPM2B structure.
pub(super) fn sized(bytes: &[u8]) -> Vec<u8> {
    [&u16::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
}

/// What a TPM makes of TPM2_Certify.
pub(super) struct Tpm {
    pub(super) leaf: Leaf,
    pub(super) ver: &'static str,
    pub(super) magic: u32,
    pub(super) kind: u16,
    pub(super) extra_data: Option<Vec<u8>>,
    pub(super) name_alg: u16,
    pub(super) key: PublicKey,
    /// In place of TPMS_CERTIFY_INFO.
    pub(super) attested: Option<Vec<u8>>,
    /// Added to the public area before it is named.
    pub(super) pub_tail: Vec<u8>,
    /// Added to the public area once it is named.
    pub(super) late_pub_tail: Vec<u8>,
    /// Whether the signature stands in a TPMT_SIGNATURE.
    pub(super) wrapped: bool,
    /// Members besides.
    pub(super) more: Vec<(&'static str, Value)>,
}

/// A directory name with the attributes of a TPM.
pub(super) fn tpm_names(manufacturer: &str, model: &str, version: &str) -> CustomExtension {
    let attribute = |last: u8, text: &str| {
        let oid = [0x06, 0x05, 0x67, 0x81, 0x05, 0x02, last];
        tlv(&[0x31], &tlv(&[0x30], &[oid.as_slice(), &tlv(&[0x0C], text.as_bytes())].concat()))
    };
    let all = [(1, manufacturer), (2, model), (3, version)];
    let all = all.into_iter().filter(|(_, text)| !text.is_empty());
    let name = tlv(&[0x30], &all.flat_map(|(last, text)| attribute(last, text)).collect::<Vec<u8>>());
    let mut names = CustomExtension::from_oid_content(&[2, 5, 29, 17], tlv(&[0x30], &tlv(&[0xA4], &name)));
    names.set_criticality(true);
    names
}

impl Tpm {
    pub(super) fn new(ceremony: &Registration, spoil: fn(&mut Self)) -> Self {
        let mut leaf = Leaf::new([0x90; 16]);
        leaf.params.distinguished_name = pki::subject(None, None, None, None);
        leaf.params.extended_key_usages = vec![ExtendedKeyUsagePurpose::Other(AIK.into())];
        leaf.params.custom_extensions.push(tpm_names("id:FFFFF1D0", "a model", "id:13"));
        let mut tpm = Self {
            leaf,
            ver: "2.0",
            magic: 0xFF54_4347,
            kind: 0x8017,
            extra_data: None,
            name_alg: 0x000B,
            key: credential(ceremony),
            attested: None,
            pub_tail: vec![],
            late_pub_tail: vec![],
            wrapped: false,
            more: vec![],
        };
        spoil(&mut tpm);
        tpm
    }

    fn pub_area(&self) -> Vec<u8> {
        let head = |kind: u16| [kind.to_be_bytes(), self.name_alg.to_be_bytes()].concat();
        let point = |curve: u8, x: &[u8], y: &[u8]| {
            let parameters = [0, 0x10, 0, 0x18, 0, 0x0B, 0, curve, 0, 0x10];
            [head(0x23), vec![0, 6, 4, 0x72], sized(b""), parameters.into(), sized(x), sized(y)].concat()
        };
        let mut bytes = match &self.key {
            PublicKey::P256 { x, y } => point(3, x, y),
            PublicKey::P384 { x, y } => point(4, x, y),
            PublicKey::Rsa { n, .. } => {
                // Symmetric null, RSASSA with SHA-256, 2048 bits, exponent 0.
                let parameters = [0, 0x10, 0, 0x14, 0, 0x0B, 8, 0, 0, 0, 0, 0];
                [head(1), vec![0, 6, 4, 0x72], sized(&[7; 32]), parameters.into(), sized(n)].concat()
            }
            other => panic!("no TPM has a key of {}", other.algorithm()),
        };
        bytes.extend_from_slice(&self.pub_tail);
        bytes
    }

    pub(super) fn statement(&self, ceremony: &Registration) -> Value {
        let pub_area = self.pub_area();
        let hash = |bytes: &[u8]| match self.leaf.alg {
            Algorithm(-65535) => digest(&SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref().to_vec(),
            Algorithm::ES384 => digest(&SHA384, bytes).as_ref().to_vec(),
            _ => sha256(bytes).to_vec(),
        };
        let extra_data = self.extra_data.clone().unwrap_or_else(|| hash(&ceremony.message()));
        let digest = match self.name_alg {
            0x0004 => digest(&SHA1_FOR_LEGACY_USE_ONLY, &pub_area).as_ref().to_vec(),
            0x000C => digest(&SHA384, &pub_area).as_ref().to_vec(),
            _ => sha256(&pub_area).to_vec(),
        };
        let name = [self.name_alg.to_be_bytes().as_slice(), &digest].concat();
        let attested = self.attested.clone().unwrap_or_else(|| [sized(&name), sized(&[9; 34])].concat());
        let cert_info = [
            self.magic.to_be_bytes().to_vec(),
            self.kind.to_be_bytes().to_vec(),
            sized(&[8; 34]),
            sized(&extra_data),
            vec![0; 17],
            vec![1; 8],
            attested,
        ]
        .concat();
        let mut sig = self.leaf.sign(&cert_info);
        if self.wrapped {
            let Value::Bytes(der) = &sig else { unreachable!() };
            sig = Value::Bytes(wrapped(der));
        }
        let mut members = vec![
            ("ver", self.ver.into()),
            ("alg", self.leaf.alg.0.into()),
            ("x5c", self.leaf.x5c()),
            ("sig", sig),
            ("certInfo", Value::Bytes(cert_info)),
            ("pubArea", Value::Bytes([pub_area, self.late_pub_tail.clone()].concat())),
        ];
        members.retain(|(name, _)| self.more.iter().all(|(other, _)| other != name));
        members.extend(self.more.clone());
        Value::Map(members.into_iter().map(|(name, value)| (name.into(), value)).collect())
    }
}

/// An ECDSA signature in DER as TPMT_SIGNATURE.
fn wrapped(der: &[u8]) -> Vec<u8> {
    let number = |der: &[u8]| {
        assert_eq!(der[0], 2);
        let (number, rest) = der[2..].split_at(der[1].into());
        let number: Vec<u8> = number.iter().skip_while(|byte| **byte == 0).copied().collect();
        (number, rest.to_vec())
    };
    let (r, rest) = number(&der[2..]);
    let (s, _) = number(&rest);
    [vec![0, 0x18, 0, 0x0B], sized(&r), sized(&s)].concat()
}

/// What Android's keystore makes.
pub(super) struct AndroidKey {
    pub(super) leaf: Leaf,
    pub(super) challenge: Vec<u8>,
    /// Members of both authorization lists, whole.
    pub(super) software: Vec<Vec<u8>>,
    pub(super) hardware: Vec<Vec<u8>>,
    /// In place of the description.
    pub(super) description: Option<Vec<u8>>,
    /// Whether another key signs than the one that is certified.
    pub(super) signed_by_another: bool,
}

/// [1] EXPLICIT SET OF INTEGER.
pub(super) fn purposes(purposes: &[u8]) -> Vec<u8> {
    let integers: Vec<u8> = purposes.iter().flat_map(|purpose| [2, 1, *purpose]).collect();
    tlv(&[0xA1], &tlv(&[0x31], &integers))
}

/// [600] EXPLICIT NULL.
pub(super) fn all_applications() -> Vec<u8> {
    tlv(&[0xBF, 0x84, 0x58], &[5, 0])
}

/// [702] EXPLICIT INTEGER.
pub(super) fn origin(origin: u8) -> Vec<u8> {
    tlv(&[0xBF, 0x85, 0x3E], &[2, 1, origin])
}

impl AndroidKey {
    pub(super) fn new(ceremony: &Registration, spoil: fn(&mut Self)) -> Self {
        let mut leaf = Leaf::new([0x90; 16]);
        leaf.params.custom_extensions.clear();
        leaf.certified = Some(credential(ceremony));
        let mut android = Self {
            leaf,
            challenge: sha256(&ceremony.client_data_json()).into(),
            // creationDateTime, [701] EXPLICIT INTEGER, stands there too.
            software: vec![tlv(&[0xBF, 0x85, 0x3D], &[2, 2, 1, 0])],
            hardware: vec![purposes(&[2]), tlv(&[0xA2], &[2, 1, 3]), origin(0)],
            description: None,
            signed_by_another: false,
        };
        spoil(&mut android);
        android
    }

    pub(super) fn statement(&mut self, ceremony: &Registration) -> Value {
        let list = |members: &[Vec<u8>]| tlv(&[0x30], &members.concat());
        let description = [
            vec![2, 2, 1, 0x2C, 0x0A, 1, 1, 2, 2, 1, 0x2C, 0x0A, 1, 1],
            tlv(&[4], &self.challenge),
            tlv(&[4], &[]),
            list(&self.software),
            list(&self.hardware),
        ];
        let description = self.description.clone().unwrap_or_else(|| tlv(&[0x30], &description.concat()));
        if !description.is_empty() {
            let extension = CustomExtension::from_oid_content(KEY_DESCRIPTION, description);
            self.leaf.params.custom_extensions.push(extension);
        }
        let sig = if self.signed_by_another {
            self.leaf.sign(&ceremony.message())
        } else {
            let sig = ceremony.key.sign(&ceremony.auth_data(), &ceremony.client_data_json());
            Value::Bytes(self.leaf.signature.clone().unwrap_or(sig))
        };
        cbor::text_map([
            ("alg", Some(self.leaf.alg.0.into())),
            ("sig", Some(sig)),
            ("x5c", Some(self.leaf.x5c())),
        ])
    }
}

/// What Apple makes.
pub(super) struct Apple {
    pub(super) leaf: Leaf,
    pub(super) nonce: Vec<u8>,
    /// In place of the extension's value.
    pub(super) value: Option<Vec<u8>>,
}

impl Apple {
    pub(super) fn new(ceremony: &Registration, spoil: fn(&mut Self)) -> Self {
        let mut leaf = Leaf::new([0x90; 16]);
        leaf.params.custom_extensions.clear();
        leaf.certified = Some(credential(ceremony));
        let mut apple = Self { leaf, nonce: sha256(&ceremony.message()).into(), value: None };
        spoil(&mut apple);
        apple
    }

    pub(super) fn statement(&mut self) -> Value {
        let value = tlv(&[0x30], &tlv(&[0xA1], &tlv(&[4], &self.nonce)));
        let value = self.value.clone().unwrap_or(value);
        if !value.is_empty() {
            self.leaf.params.custom_extensions.push(CustomExtension::from_oid_content(APPLE_NONCE, value));
        }
        cbor::text_map([("x5c", Some(self.leaf.x5c()))])
    }
}

/// What SafetyNet made.
pub(super) struct SafetyNet {
    pub(super) leaf: Leaf,
    pub(super) ver: &'static str,
    pub(super) header: serde_json::Value,
    pub(super) payload: serde_json::Value,
    /// The last word.
    pub(super) edit: fn(String) -> String,
}

impl SafetyNet {
    pub(super) fn new(ceremony: &Registration, spoil: fn(&mut Self)) -> Self {
        let mut leaf = Leaf::new([0x90; 16]);
        leaf.params.custom_extensions.clear();
        leaf.params.is_ca = IsCa::NoCa;
        leaf.params.subject_alt_names = vec![SanType::DnsName("attest.android.com".try_into().unwrap())];
        let nonce = base64(&sha256(&ceremony.message()));
        let mut safety_net = Self {
            leaf,
            ver: "17122037",
            header: serde_json::json!({"alg": "ES256"}),
            payload: serde_json::json!({
                "nonce": nonce,
                "timestampMs": (pki::NOW - 1) * 1000 + 999,
                "apkPackageName": "com.google.android.gms",
                "ctsProfileMatch": true,
                "basicIntegrity": true,
            }),
            edit: |response| response,
        };
        spoil(&mut safety_net);
        safety_net
    }

    pub(super) fn statement(&mut self, _: &Registration) -> Value {
        let response = (self.edit)(jws(&self.leaf, self.header.clone(), &self.payload));
        cbor::text_map([
            ("ver", Some(self.ver.into())),
            ("response", Some(cbor::bytes(response.into_bytes()))),
        ])
    }
}

/// A JWS of that header, to which the certificates are added if it has none, and that payload.
pub(super) fn jws(leaf: &Leaf, mut header: serde_json::Value, payload: &serde_json::Value) -> String {
    if header.get("x5c").is_none() {
        let x5c: Vec<String> = leaf.certificates().iter().map(|der| base64(der)).collect();
        header["x5c"] = x5c.into();
    }
    let part = |json: &serde_json::Value| base64url::encode(json.to_string().as_bytes());
    let signed = format!("{}.{}", part(&header), part(payload));
    let Value::Bytes(der) = leaf.sign(signed.as_bytes()) else { unreachable!() };
    let signature = if leaf.signer.is_none() { fixed(&der) } else { der };
    format!("{signed}.{}", base64url::encode(&signature))
}

/// Base64 of RFC 4648 §4.
pub(super) fn base64(bytes: &[u8]) -> String {
    let text = base64url::encode(bytes).replace('-', "+").replace('_', "/");
    let padding = (4 - text.len() % 4) % 4;
    text + &"=".repeat(padding)
}

/// An ECDSA signature of P-256 in DER as RFC 7518 §3.4 has it.
fn fixed(der: &[u8]) -> Vec<u8> {
    let Some((&[0x30, _], numbers)) = der.split_first_chunk::<2>() else { return der.into() };
    let (mut rest, mut all) = (numbers, Vec::new());
    while let [2, length, more @ ..] = rest {
        let (number, after) = more.split_at((*length).into());
        let number: Vec<u8> = number.iter().skip_while(|byte| **byte == 0).copied().collect();
        all.extend([vec![0; 32 - number.len()], number].concat());
        rest = after;
    }
    all
}

/// A key pair of another.
pub(super) fn another_key() -> PublicKey {
    let point = KeyPair::generate().unwrap();
    let point = rcgen::PublicKeyData::der_bytes(&point).to_vec();
    PublicKey::P256 { x: point[1..33].try_into().unwrap(), y: point[33..].try_into().unwrap() }
}

/// The AAGUID of another model.
pub(super) fn another_model() -> CustomExtension {
    octets(pki::AAGUID, &[0x91; 16])
}
