//! A JWS whose certificates lead to a trust anchor, as the FIDO Metadata Service signs, v3.1 §3.2.
use super::certificate::Certificate;
use super::chain;
use crate::jws::Jws;
use crate::rejection::{Verdict, ensure, quoted};

/// The signature verifies, its certificates lead to one of `roots`, and all are valid at `now`, in seconds since 1970.
pub(crate) fn is_signed_below(jws: &Jws, roots: &[Vec<u8>], now: Option<u64>) -> Verdict {
    let read = |what: &'static str| {
        move |(at, der): (usize, &Vec<u8>)| {
            Certificate::read(der).map_err(|why| format!("{what} {} {why}", at + 1))
        }
    };
    let x5c: Vec<Certificate> =
        jws.x5c.iter().enumerate().map(read("x5c certificate")).collect::<Result<_, _>>()?;
    let roots: Vec<Certificate> = roots.iter().enumerate().map(read("root")).collect::<Result<_, _>>()?;
    let leaf = super::statement::leaf(&x5c)?;
    let verifier = leaf.jws_verifier(&jws.alg).ok_or_else(|| {
        format!("alg is {}, which does not go with the key in the certificate", quoted(&jws.alg))
    })?;
    ensure(leaf.verifies(verifier, jws.signed.as_bytes(), &jws.signature), || {
        "the signature does not verify with the key in the certificate".into()
    })?;
    chain::build(&x5c, &roots)?.is_valid_at(now)
}
