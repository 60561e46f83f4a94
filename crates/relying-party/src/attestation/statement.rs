//! An attestation statement on its way through the steps of §7.1.
use super::certificate::{Certificate, SERIAL_NUMBER};
use super::chain::{self, Path};
use super::{AttestationType, none, requirements};
use crate::rejection::{Step, Verdict};
use wire::aaguid::Aaguid;
use wire::cbor::Value;
use wire::cose::PublicKey;
use wire::webauthn::AuthenticatorData;

/// The verification procedure inputs of §6.5.4 and what else the procedures of §8 are measured by.
pub(crate) struct Inputs<'a> {
    /// The credential public key in `data`.
    pub(crate) key: &'a PublicKey,
    /// What `auth_data` says.
    pub(crate) data: &'a AuthenticatorData,
    pub(crate) auth_data: &'a [u8],
    pub(crate) client_data_hash: &'a [u8; 32],
    /// Whether what tells one device apart was asked for.
    pub(crate) enterprise: bool,
    /// Seconds since 1970, where there is a clock.
    pub(crate) now: Option<u64>,
}

impl Inputs<'_> {
    /// The concatenation of authenticator data and client data hash, which most formats sign or hash.
    pub(super) fn message(&self) -> Vec<u8> {
        [self.auth_data, self.client_data_hash].concat()
    }

    /// The model that the authenticator claims to be.
    pub(super) fn aaguid(&self) -> Aaguid {
        self.data.attested.as_ref().map(|attested| attested.aaguid).unwrap_or_default()
    }
}

/// What a statement is good for, once nothing speaks against it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// Nothing.
    Nothing,
    /// Possession of the credential's own key.
    OwnKey,
    /// What its certificates say, if they are trusted.
    Certificates,
    /// It was not looked at.
    Unknown,
}

/// The verification procedure of one format, over a statement that has its shape.
pub(super) trait Procedure {
    /// `x5c` in DER, the attestation key's first.
    fn x5c(&self) -> Vec<&[u8]> {
        Vec::new()
    }

    /// One check of the procedure; one that the format does not have passes. `x5c` are the certificates of
    /// [`x5c`](Self::x5c), read.
    fn check(&self, step: Step, x5c: &[Certificate], inputs: &Inputs<'_>) -> Verdict;

    /// What it proves.
    fn proof(&self) -> Proof;

    /// Whether the format has §8.2.1's extension that names the model, and §8.2.2's that names the device.
    fn names_models(&self) -> bool {
        false
    }

    /// What is worth knowing although it is no reason to refuse.
    fn warning(&self) -> Option<String> {
        None
    }
}

/// The certificate of the attestation key.
pub(super) fn leaf(x5c: &[Certificate]) -> Result<&Certificate, String> {
    x5c.first().ok_or_else(|| "there is no attestation certificate".into())
}

/// `x5c` as the formats have it: a list of at least one certificate.
pub(super) fn certificates(x5c: &[Value]) -> Result<Vec<&[u8]>, String> {
    let x5c: Option<Vec<&[u8]>> = x5c.iter().map(|member| member.as_bytes().map(Vec::as_slice)).collect();
    x5c.filter(|x5c| !x5c.is_empty()).ok_or_else(|| "x5c is not a list of at least one certificate".into())
}

/// The member names of a statement are those of the CDDL in §8, which lists the members of closed maps.
pub(super) fn has_no_members_but(att_stmt: &Value, what: &str, names: &[&str]) -> Verdict {
    let known = |(key, _): &(Value, Value)| key.as_text().is_some_and(|key| names.contains(&key));
    crate::rejection::ensure(att_stmt.as_map().is_some_and(|members| members.iter().all(known)), || {
        format!("{what} has members other than {}", names.join(", "))
    })
}

/// A statement with the shape of its format; of a compound one, each of its statements.
pub(crate) struct Statement<'a> {
    /// With what is said of each before a complaint about it.
    pub(super) parts: Vec<(String, Box<dyn Procedure + 'a>)>,
}

impl<'a> Statement<'a> {
    /// One that stands alone.
    pub(super) fn single(procedure: Box<dyn Procedure + 'a>) -> Self {
        Self { parts: vec![(String::new(), procedure)] }
    }

    /// One that is not looked at, as if there were none.
    pub(crate) fn ignored() -> Self {
        Self::single(Box::new(none::None))
    }

    /// One in a format that is not known.
    pub(super) fn unknown() -> Self {
        Self::single(Box::new(none::Unknown))
    }

    /// How many certificates it carries.
    pub(super) fn certificates(&self) -> usize {
        self.parts.iter().map(|(_, procedure)| procedure.x5c().len()).sum()
    }

    /// The statement with its certificates read.
    pub(crate) fn judged(&self) -> Result<Judged<'_>, String> {
        let parts = self.parts.iter().map(|(place, procedure)| {
            let read = |(at, der): (usize, &[u8])| {
                Certificate::read(der).map_err(|why| format!("{place}x5c certificate {} {why}", at + 1))
            };
            let x5c = procedure.x5c().into_iter().enumerate().map(read).collect::<Result<_, _>>()?;
            Ok(Part { place, procedure: &**procedure, x5c })
        });
        Ok(Judged { parts: parts.collect::<Result<_, String>>()? })
    }
}

/// One statement and its certificates.
struct Part<'a> {
    place: &'a str,
    procedure: &'a dyn Procedure,
    x5c: Vec<Certificate>,
}

impl Part<'_> {
    /// The leaf, if it can name a model and a device.
    fn naming_leaf(&self) -> Option<&Certificate> {
        self.x5c.first().filter(|_| self.procedure.names_models())
    }
}

/// A statement, or those of a compound one, and their certificates.
pub(crate) struct Judged<'a> {
    parts: Vec<Part<'a>>,
}

impl<'a> Judged<'a> {
    /// A statement that is not looked at, as if there were none.
    pub(crate) const fn ignored() -> Self {
        Self { parts: Vec::new() }
    }

    /// One of the checks that §8 makes of a statement. Of a compound statement every part must pass: §8.9 leaves to
    /// the relying party how many are enough.
    pub(crate) fn check(&self, step: Step, inputs: &Inputs<'_>) -> Verdict {
        self.parts.iter().try_for_each(|part| {
            part.procedure.check(step, &part.x5c, inputs).map_err(|why| format!("{}{why}", part.place))
        })
    }

    /// §7.1 step 24: the paths to trust anchors, if there are certificates.
    pub(crate) fn path<'b>(&'b self, anchors: &'b [Certificate]) -> Result<TrustPath<'b>, String> {
        let certified = self.parts.iter().filter(|part| !part.x5c.is_empty());
        let path = |part: &'b Part<'a>| {
            chain::build(&part.x5c, anchors).map_err(|why| format!("{}{why}", part.place))
        };
        let paths = certified.map(path).collect::<Result<Vec<_>, _>>()?;
        Ok(if paths.is_empty() { TrustPath::Empty } else { TrustPath::Anchored(paths) })
    }

    /// The certificates as they stand there, as one who does not look at anchors would take them.
    pub(crate) fn unlooked_path(&self) -> TrustPath<'_> {
        let certified = self.parts.iter().filter(|part| !part.x5c.is_empty());
        TrustPath::Anchored(certified.map(|part| Path::of(&part.x5c)).collect())
    }

    /// What proves the origin of the credential: the most that one of the statements proves.
    pub(crate) fn attestation_type(&self, path: &TrustPath<'_>) -> AttestationType {
        let proves = |proof| self.parts.iter().any(|part| part.procedure.proof() == proof);
        if proves(Proof::Certificates) && matches!(path, TrustPath::Anchored(_)) {
            AttestationType::Basic
        } else if proves(Proof::OwnKey) {
            AttestationType::SelfAttestation
        } else if proves(Proof::Certificates) || proves(Proof::Unknown) {
            AttestationType::Unverified
        } else {
            AttestationType::None
        }
    }

    /// Whether a certificate names the model.
    pub(crate) fn names_the_model(&self) -> bool {
        let names = |leaf: &Certificate| requirements::model(leaf).is_ok_and(|named| named.is_some());
        self.parts.iter().filter_map(Part::naming_leaf).any(names)
    }

    /// The serial number that tells the one device apart, §8.2.2.
    pub(crate) fn serial_number(&self) -> Option<Vec<u8>> {
        let serial = |leaf: &Certificate| leaf.octets(SERIAL_NUMBER).ok()?.map(|(_, serial)| serial);
        self.parts.iter().filter_map(Part::naming_leaf).find_map(serial)
    }

    /// What is worth knowing.
    pub(crate) fn warnings(&self) -> impl Iterator<Item = String> {
        self.parts.iter().filter_map(|part| Some(format!("{}{}", part.place, part.procedure.warning()?)))
    }
}

/// The attestation trust path, §6.5: one for each statement with certificates.
pub(crate) enum TrustPath<'a> {
    /// There are no certificates.
    Empty,
    /// It ends at a trust anchor.
    Anchored(Vec<Path<'a>>),
    /// There are certificates, and they are worth nothing; why.
    Nowhere(String),
}

impl<'a> TrustPath<'a> {
    fn anchored(&self) -> &[Path<'a>] {
        if let Self::Anchored(paths) = self { paths } else { &[] }
    }

    /// §7.1 step 24: every certificate is valid at that time.
    pub(crate) fn is_valid_at(&self, now: Option<u64>) -> Verdict {
        self.anchored().iter().try_for_each(|path| path.is_valid_at(now))
    }

    /// From the attestation key's certificate to the trust anchor, in DER; of a compound statement the first.
    pub(crate) fn to_der(&self) -> Vec<Vec<u8>> {
        self.anchored().first().map(Path::to_der).unwrap_or_default()
    }

    /// Why there is nothing to be trusted, if there are certificates.
    pub(crate) fn nowhere(&self) -> Option<&str> {
        if let Self::Nowhere(why) = self { Some(why) } else { None }
    }
}
