//! JSON Web Signatures in compact serialization, RFC 7515 §3.1, with their certificates in the header.
use crate::rejection::ensure;
use serde::Deserialize;
use wire::base64url;

/// A JWS that was read. Nothing about it is verified yet.
pub(crate) struct Jws {
    /// The algorithm, RFC 7518 §3.1.
    pub(crate) alg: String,
    /// The certificates in DER, that of the signing key first, RFC 7515 §4.1.6.
    pub(crate) x5c: Vec<Vec<u8>>,
    /// The payload's bytes.
    pub(crate) payload: Vec<u8>,
    /// The JWS signing input.
    pub(crate) signed: String,
    /// Over `signed`.
    pub(crate) signature: Vec<u8>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    x5c: Vec<String>,
    #[serde(default)]
    crit: Option<serde_json::Value>,
}

impl Jws {
    /// Reads three parts in base64url with dots between.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let mut parts = text.split('.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err("it has not three parts".into());
        };
        let bytes = |part: &str| base64url::decode(part).ok_or("a part is not in unpadded base64url");
        let parsed: Header =
            serde_json::from_slice(&bytes(header)?).map_err(|e| format!("its header does not read: {e}"))?;
        // RFC 7515 §4.1.11: what is critical must be understood, and no extension is.
        ensure(parsed.crit.is_none(), || "its header has critical members".into())?;
        let x5c: Option<Vec<Vec<u8>>> = parsed.x5c.iter().map(|text| base64(text)).collect();
        let x5c = x5c.filter(|x5c| !x5c.is_empty());
        Ok(Self {
            alg: parsed.alg,
            x5c: x5c.ok_or("x5c is not a list of at least one certificate in base64")?,
            payload: bytes(payload)?,
            signature: bytes(signature)?,
            signed: format!("{header}.{payload}"),
        })
    }
}

/// Base64 of RFC 4648 §4, which x5c is in, and not base64url.
fn base64(text: &str) -> Option<Vec<u8>> {
    (!text.contains(['-', '_'])).then(|| base64url::decode_lenient(text)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(header: &str) -> Result<Jws, String> {
        Jws::read(&format!("{}.e30.AQ", base64url::encode(header.as_bytes())))
    }

    #[test]
    fn the_parts_of_a_signature_are_had() {
        let header = r#"{"alg":"ES256","x5c":["+/8=","AQ=="],"typ":"JWT"}"#;
        let jws = read(header).unwrap();
        assert_eq!(
            (jws.alg.as_str(), jws.payload.as_slice(), jws.signature.as_slice()),
            ("ES256", &b"{}"[..], &[1][..])
        );
        assert_eq!(jws.x5c, [vec![0xFB, 0xFF], vec![1]]);
        assert_eq!(jws.signed, format!("{}.e30", base64url::encode(header.as_bytes())));
    }

    #[test]
    fn what_is_no_signature_with_certificates_is_refused() {
        for header in [
            "{}",
            r#"{"alg":"ES256"}"#,
            r#"{"x5c":["AQ=="]}"#,
            r#"{"alg":"ES256","x5c":[]}"#,
            r#"{"alg":"ES256","x5c":["-_8="]}"#,
            r#"{"alg":"ES256","x5c":["*"]}"#,
            r#"{"alg":"ES256","x5c":["AQ=="],"crit":["b64"],"b64":false}"#,
        ] {
            assert!(read(header).is_err(), "{header}");
        }
        for text in ["", "e30", "e30.e30", "e30.e30.e30.e30", "e30=.e30.e30"] {
            assert!(Jws::read(text).is_err(), "{text}");
        }
    }
}
