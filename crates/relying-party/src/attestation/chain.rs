//! From the attestation certificate to a trust anchor: WebAuthn L3 §7.1 steps 23 and 24, RFC 5280 §6.1.
use super::certificate::Certificate;
use crate::rejection::{Verdict, ensure};

/// The certificates from the attestation key's up to a trust anchor, which is the last.
pub(crate) struct Path<'a>(Vec<&'a Certificate>);

impl<'a> Path<'a> {
    /// These certificates, whatever they are.
    pub(super) fn of(x5c: &'a [Certificate]) -> Self {
        Self(x5c.iter().collect())
    }

    /// As DER.
    pub(super) fn to_der(&self) -> Vec<Vec<u8>> {
        self.0.iter().map(|certificate| certificate.der().to_vec()).collect()
    }

    /// RFC 5280 §6.1.3 (a) (2), at `now` in seconds since 1970. A clock that is not there judges nothing.
    pub(super) fn is_valid_at(&self, now: Option<u64>) -> Verdict {
        let Some(now) = now else { return Ok(()) };
        for certificate in &self.0 {
            let (from, until) = certificate.validity();
            ensure((from..=until).contains(&now), || {
                let when = if now < from { "not yet valid" } else { "expired" };
                format!("the certificate of {} is {when}: {}", certificate.subject(), certificate.dates())
            })?;
        }
        Ok(())
    }
}

/// The path that `x5c` and one of the anchors make. A certificate of `x5c` that is an anchor itself ends it.
pub(super) fn build<'a>(x5c: &'a [Certificate], anchors: &'a [Certificate]) -> Result<Path<'a>, String> {
    let mut path: Vec<&Certificate> = Vec::new();
    for (at, certificate) in x5c.iter().enumerate() {
        path.push(certificate);
        if anchors.iter().any(|anchor| anchor.der() == certificate.der()) {
            return Ok(Path(path));
        }
        if let Some(issuer) = x5c.get(at + 1) {
            certificate
                .is_issued_by(issuer, at)
                .map_err(|why| format!("x5c certificate {}: {why}", at + 1))?;
        }
    }
    let (Some(last), below) = (x5c.last(), x5c.len().saturating_sub(1)) else {
        return Err("x5c is empty".into());
    };
    if anchors.is_empty() {
        return Err("x5c leads to no trust anchor: there is none".into());
    }
    let mut refused = Vec::new();
    for anchor in anchors {
        match last.is_issued_by(anchor, below) {
            Ok(()) => {
                path.push(anchor);
                return Ok(Path(path));
            }
            Err(why) => refused.push(why),
        }
    }
    Err(format!("x5c leads to no trust anchor: {}", refused.join("; ")))
}
