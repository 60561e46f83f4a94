//! A certification authority and attestation certificates that can be wrong in every way, by rcgen: a library that
//! has nothing in common with what reads them.
use super::makers::tlv;
use rcgen::string::PrintableString;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, DnValue, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, SigningKey,
};
use std::sync::LazyLock;
use wire::cbor::Value;
use wire::cose::{Algorithm, PublicKey};

pub(super) const AAGUID: &[u64] = &[1, 3, 6, 1, 4, 1, 45724, 1, 1, 4];
pub(super) const SERIAL: &[u64] = &[1, 3, 6, 1, 4, 1, 45724, 1, 1, 2];
/// A moment at which everything is valid: 2027-01-15.
pub(super) const NOW: u64 = 1_800_000_000;

/// A root, and whatever it signs with.
pub(super) struct Authority {
    pub(super) certificate: Vec<u8>,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new(name: &str, edit: impl FnOnce(&mut CertificateParams)) -> Self {
        let (mut params, key) = (authority(name), KeyPair::generate().unwrap());
        edit(&mut params);
        Self {
            certificate: params.self_signed(&key).unwrap().der().to_vec(),
            issuer: Issuer::new(params, key),
        }
    }

    /// The one that is trusted.
    pub(super) fn trusted() -> &'static Self {
        static ROOT: LazyLock<Authority> = LazyLock::new(|| Authority::new("root", |_| ()));
        &ROOT
    }

    /// One of the same name, with another key.
    pub(super) fn foreign() -> &'static Self {
        static FOREIGN: LazyLock<Authority> = LazyLock::new(|| Authority::new("root", |_| ()));
        &FOREIGN
    }

    /// One whose key may not sign certificates.
    pub(super) fn without_usage() -> &'static Self {
        static ROOT: LazyLock<Authority> =
            LazyLock::new(|| Authority::new("no usage", |p| p.key_usages = vec![KeyUsagePurpose::CrlSign]));
        &ROOT
    }

    /// One that says that it is none.
    pub(super) fn none() -> &'static Self {
        static ROOT: LazyLock<Authority> =
            LazyLock::new(|| Authority::new("none", |p| p.is_ca = IsCa::ExplicitNoCa));
        &ROOT
    }

    /// One that allows no authority below itself.
    pub(super) fn short() -> &'static Self {
        static ROOT: LazyLock<Authority> = LazyLock::new(|| {
            Authority::new("short", |p| p.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)))
        });
        &ROOT
    }

    /// One below that all the same.
    pub(super) fn below_short() -> &'static Self {
        static BELOW: LazyLock<Authority> = LazyLock::new(|| Authority::below(Authority::short()));
        &BELOW
    }

    /// One below the trusted one.
    pub(super) fn intermediate() -> &'static Self {
        static BELOW: LazyLock<Authority> = LazyLock::new(|| Authority::below(Authority::trusted()));
        &BELOW
    }

    fn below(issuer: &Self) -> Self {
        let (params, key) = (authority("intermediate"), KeyPair::generate().unwrap());
        let certificate = params.signed_by(&key, &issuer.issuer).unwrap().der().to_vec();
        Self { certificate, issuer: Issuer::new(params, key) }
    }
}

fn authority(name: &str) -> CertificateParams {
    let mut params = params();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

fn params() -> CertificateParams {
    let mut params = CertificateParams::default();
    (params.not_before, params.not_after) =
        (rcgen::date_time_ymd(2020, 1, 1), rcgen::date_time_ymd(2040, 1, 1));
    params
}

/// An attestation certificate before it is signed, and the statement around it.
pub(super) struct Leaf {
    pub(super) params: CertificateParams,
    pub(super) key: KeyPair,
    pub(super) issuer: &'static Authority,
    /// Takes the to-be-signed part once more, before it is signed.
    pub(super) tbs: Option<fn(&mut Vec<u8>)>,
    /// What the statement says.
    pub(super) alg: Algorithm,
    /// Certificates after the leaf.
    pub(super) further: Vec<Vec<u8>>,
    /// In place of the signature.
    pub(super) signature: Option<Vec<u8>>,
    /// In place of all certificates.
    pub(super) x5c: Option<Vec<Vec<u8>>>,
    /// The key that is certified, if it is not `key`.
    pub(super) certified: Option<PublicKey>,
    /// Who signs, if it is not `key`.
    pub(super) signer: Option<Sign>,
}

/// What signs a message.
pub(super) type Sign = fn(&[u8]) -> Vec<u8>;

/// A public key for rcgen.
struct Certified(Vec<u8>, &'static rcgen::SignatureAlgorithm);

impl Certified {
    fn new(key: &PublicKey) -> Self {
        match key {
            PublicKey::P256 { x, y } => Self([&[4], &x[..], y].concat(), &rcgen::PKCS_ECDSA_P256_SHA256),
            PublicKey::Rsa { n, e } => {
                // RSAPublicKey, RFC 8017 §A.1.1; both numbers begin with a bit that is set, or with none.
                let integers = [tlv(&[2], &[&[0], n.as_slice()].concat()), tlv(&[2], e)].concat();
                Self(tlv(&[0x30], &integers), &rcgen::PKCS_RSA_SHA256)
            }
            other => panic!("no certificate is made for {} here", other.algorithm()),
        }
    }
}

impl rcgen::PublicKeyData for Certified {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        self.1
    }
}

impl Leaf {
    /// As WebAuthn L3 §8.2.1 wants it.
    pub(super) fn new(aaguid: [u8; 16]) -> Self {
        static KEY: LazyLock<Vec<u8>> = LazyLock::new(|| KeyPair::generate().unwrap().serialize_der());
        let mut params = params();
        params.is_ca = IsCa::ExplicitNoCa;
        params.distinguished_name =
            subject(Some("AA"), Some("Somebody"), Some("Authenticator Attestation"), Some("A Key"));
        params.custom_extensions = vec![octets(AAGUID, &aaguid)];
        Self {
            params,
            key: KeyPair::try_from(KEY.as_slice()).unwrap(),
            issuer: Authority::trusted(),
            tbs: None,
            alg: Algorithm::ES256,
            further: Vec::new(),
            signature: None,
            x5c: None,
            certified: None,
            signer: None,
        }
    }

    pub(super) fn certificates(&self) -> Vec<Vec<u8>> {
        if let Some(x5c) = &self.x5c {
            return x5c.clone();
        }
        let certificate = match &self.certified {
            Some(key) => self.params.signed_by(&Certified::new(key), &self.issuer.issuer),
            None => self.params.signed_by(&self.key, &self.issuer.issuer),
        };
        let der = certificate.unwrap().der().to_vec();
        let der = match self.tbs {
            Some(edit) => self.signed_again(&der, edit),
            None => der,
        };
        [vec![der], self.further.clone()].concat()
    }

    /// The member x5c.
    pub(super) fn x5c(&self) -> Value {
        Value::Array(self.certificates().into_iter().map(Value::Bytes).collect())
    }

    /// The member sig.
    pub(super) fn sign(&self, message: &[u8]) -> Value {
        let sig = self.signature.clone();
        Value::Bytes(sig.unwrap_or_else(|| match self.signer {
            Some(sign) => sign(message),
            None => self.key.sign(message).unwrap(),
        }))
    }

    /// The certificate with another to-be-signed part, under a signature that is right.
    fn signed_again(&self, der: &[u8], edit: fn(&mut Vec<u8>)) -> Vec<u8> {
        let (outer, mut tbs) = (contents(der), Vec::new());
        let (first, rest) = outer.split_at(length(outer));
        tbs.extend_from_slice(contents(first));
        edit(&mut tbs);
        let tbs = sequence(&tbs);
        let signature = self.issuer.issuer.key().sign(&tbs).unwrap();
        let algorithm = &rest[..length(rest)];
        let bits = [vec![0x03, u8::try_from(signature.len() + 1).unwrap(), 0], signature].concat();
        sequence(&[tbs.as_slice(), algorithm, &bits].concat())
    }
}

/// A name of the parts that are there.
pub(super) fn subject(
    c: Option<&str>,
    o: Option<&str>,
    ou: Option<&str>,
    cn: Option<&str>,
) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    if let Some(c) = c {
        name.push(DnType::CountryName, DnValue::PrintableString(PrintableString::try_from(c).unwrap()));
    }
    for (kind, text) in
        [(DnType::OrganizationName, o), (DnType::OrganizationalUnitName, ou), (DnType::CommonName, cn)]
    {
        if let Some(text) = text {
            name.push(kind, text);
        }
    }
    name
}

/// An extension that holds an OCTET STRING.
pub(super) fn octets(oid: &[u64], bytes: &[u8]) -> CustomExtension {
    let value = [&[0x04, u8::try_from(bytes.len()).unwrap()], bytes].concat();
    CustomExtension::from_oid_content(oid, value)
}

pub(super) fn critical(mut extension: CustomExtension) -> CustomExtension {
    extension.set_criticality(true);
    extension
}

/// How many bytes the element at the start of `der` has, its header included.
fn length(der: &[u8]) -> usize {
    der.len() - after(der).len()
}

fn contents(der: &[u8]) -> &[u8] {
    let header = match der[1] {
        short if short < 0x80 => 2,
        long => 2 + usize::from(long & 0x7F),
    };
    &der[header..length(der)]
}

fn after(der: &[u8]) -> &[u8] {
    let (header, size) = match der[1] {
        short if short < 0x80 => (2, usize::from(short)),
        0x81 => (3, usize::from(der[2])),
        0x82 => (4, usize::from(u16::from_be_bytes([der[2], der[3]]))),
        _ => unreachable!("no certificate here is that long"),
    };
    &der[header + size..]
}

pub(super) fn sequence(contents: &[u8]) -> Vec<u8> {
    let length = u16::try_from(contents.len()).unwrap().to_be_bytes();
    [&[0x30, 0x82], length.as_slice(), contents].concat()
}
