//! The structures of a TPM that a statement carries: TPM 2.0 Library, part 2, in the revision that WebAuthn cites (01.38). Numbers are
//! big-endian.
use wire::cose::Algorithm;

/// TPM_GENERATED_VALUE, §6.2.
pub(super) const TPM_GENERATED_VALUE: u32 = 0xFF54_4347;
/// TPM_ST_ATTEST_CERTIFY, §6.9.
pub(super) const TPM_ST_ATTEST_CERTIFY: u16 = 0x8017;

const TPM_ALG_RSA: u16 = 0x0001;
const TPM_ALG_SHA1: u16 = 0x0004;
const TPM_ALG_SHA256: u16 = 0x000B;
const TPM_ALG_SHA384: u16 = 0x000C;
const TPM_ALG_SHA512: u16 = 0x000D;
const TPM_ALG_NULL: u16 = 0x0010;
const TPM_ALG_RSASSA: u16 = 0x0014;
const TPM_ALG_RSAES: u16 = 0x0015;
const TPM_ALG_ECDSA: u16 = 0x0018;
const TPM_ALG_ECDAA: u16 = 0x001A;
const TPM_ALG_ECC: u16 = 0x0023;
/// TPM_ECC_NIST_P256, §6.4.
pub(super) const TPM_ECC_NIST_P256: u16 = 0x0003;
/// TPM_ECC_NIST_P384, §6.4.
pub(super) const TPM_ECC_NIST_P384: u16 = 0x0004;

/// What is left to read.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    /// A TPM2B structure: its size, and so many bytes.
    fn sized(&mut self) -> Option<&'a [u8]> {
        let size = self.u16()?;
        self.take(size.into())
    }

    /// Nothing is left.
    fn end(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }

    /// TPMT_SYM_DEF_OBJECT, §11.1.7: an algorithm, and unless it is null, the size of its key and its mode.
    fn symmetric(&mut self) -> Option<()> {
        if self.u16()? != TPM_ALG_NULL {
            self.take(4)?;
        }
        Some(())
    }

    /// A scheme of §11.2 or §11.3: an algorithm, and what it has.
    fn scheme(&mut self) -> Option<()> {
        let details = match self.u16()? {
            TPM_ALG_NULL | TPM_ALG_RSAES => 0,
            TPM_ALG_ECDAA => 4,
            // A hash algorithm.
            _ => 2,
        };
        self.take(details).map(drop)
    }
}

/// TPMS_ATTEST, §10.12.8, without what is not asked for.
pub(super) struct Attest<'a> {
    pub(super) magic: u32,
    pub(super) kind: u16,
    pub(super) extra_data: &'a [u8],
    /// TPMU_ATTEST, by `kind`.
    pub(super) attested: &'a [u8],
}

impl<'a> Attest<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut input = Input(bytes);
        let (magic, kind) = (input.u32()?, input.u16()?);
        // qualifiedSigner
        input.sized()?;
        let extra_data = input.sized()?;
        // clockInfo (clock, resetCount, restartCount, safe) and firmwareVersion
        input.take(8 + 4 + 4 + 1)?;
        input.take(8)?;
        Some(Self { magic, kind, extra_data, attested: input.0 })
    }
}

/// The name in TPMS_CERTIFY_INFO, §10.12.3, which fills the bytes.
pub(super) fn certified_name(attested: &[u8]) -> Option<&[u8]> {
    let mut input = Input(attested);
    let name = input.sized()?;
    // qualifiedName
    input.sized()?;
    input.end()?;
    Some(name)
}

/// The public key of TPMT_PUBLIC: its parameters and its unique field.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unique<'a> {
    Rsa {
        n: &'a [u8],
        e: u32,
    },
    Ecc {
        curve: u16,
        x: &'a [u8],
        y: &'a [u8],
    },
    /// Of another type.
    Other(u16),
}

/// TPMT_PUBLIC, §12.2.4, without what is not asked for.
pub(super) struct Public<'a> {
    pub(super) name_alg: u16,
    pub(super) unique: Unique<'a>,
}

impl<'a> Public<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut input = Input(bytes);
        let (kind, name_alg) = (input.u16()?, input.u16()?);
        // objectAttributes and authPolicy
        input.take(4)?;
        input.sized()?;
        let unique = match kind {
            TPM_ALG_RSA => {
                // TPMS_RSA_PARMS, §12.2.3.5: an exponent of 0 is 65537.
                input.symmetric()?;
                input.scheme()?;
                input.u16()?;
                let e = input.u32()?;
                Unique::Rsa { n: input.sized()?, e: if e == 0 { 65537 } else { e } }
            }
            TPM_ALG_ECC => {
                // TPMS_ECC_PARMS, §12.2.3.6
                input.symmetric()?;
                input.scheme()?;
                let curve = input.u16()?;
                input.scheme()?;
                Unique::Ecc { curve, x: input.sized()?, y: input.sized()? }
            }
            other => return Some(Self { name_alg, unique: Unique::Other(other) }),
        };
        input.end()?;
        Some(Self { name_alg, unique })
    }
}

/// The Name of an object, part 1 §16: its name algorithm, and the digest of its public area by it.
pub(super) fn name_of(name_alg: u16, pub_area: &[u8]) -> Option<Vec<u8>> {
    let algorithm = match name_alg {
        TPM_ALG_SHA1 => &ring::digest::SHA1_FOR_LEGACY_USE_ONLY,
        TPM_ALG_SHA256 => &ring::digest::SHA256,
        TPM_ALG_SHA384 => &ring::digest::SHA384,
        TPM_ALG_SHA512 => &ring::digest::SHA512,
        _ => return None,
    };
    Some([&name_alg.to_be_bytes(), ring::digest::digest(algorithm, pub_area).as_ref()].concat())
}

/// The signature in a TPMT_SIGNATURE, §11.3.4, in the encoding of WebAuthn §6.5.5; `None` if it is not in one.
pub(super) fn unwrapped(sig: &[u8], alg: Algorithm) -> Option<Vec<u8>> {
    let mut input = Input(sig);
    let scheme = input.u16()?;
    // hash
    input.u16()?;
    let signature = match scheme {
        TPM_ALG_RSASSA => input.sized()?.to_vec(),
        TPM_ALG_ECDSA if [Algorithm::ES256, Algorithm::ES384].contains(&alg) => {
            crate::signature::ecdsa_der(input.sized()?, input.sized()?)
        }
        _ => return None,
    };
    input.end()?;
    Some(signature)
}
