//! The signature of a sign-in: WebAuthn L3 §7.2 step 21.
use crate::check::{Act, Change, Check, Clause, check, json, made};
use crate::draft::edit_bytes;
use crate::key::{malleated, without_der};
use crate::report::Severity;
use relying_party::{Ceremony, Step};

const VERIFY: &str = "Verify the signature over authenticatorData and SHA-256 of clientDataJSON, both as they came, with the key \
                      of the record.";

fn signature(edit: impl Fn(&mut Vec<u8>) + 'static) -> Change {
    json(move |response| edit_bytes(response, "signature", &edit))
}

pub(super) fn checks() -> Vec<Check> {
    let row = |name: &str, title: &str, severity, change| {
        let clause = Clause::Step(Ceremony::Authentication, Step::Signature);
        check(
            format!("sign-in-signature-{name}"),
            title,
            "signature",
            clause,
            severity,
            VERIFY,
            Act::SignIn(change),
        )
    };
    vec![
        row(
            "wrong-key",
            "a signature by another key",
            Severity::Critical,
            made(|d| d.key = d.stranger.clone()),
        ),
        row("empty", "an empty signature", Severity::Critical, signature(Vec::clear)),
        row("zeros", "a signature of zeros", Severity::Critical, signature(|sig| sig.fill(0))),
        // CVE-2022-21449: r = s = 0 satisfied a verifier that did not look at the range.
        row(
            "zero-numbers",
            "a signature whose numbers are both 0",
            Severity::Critical,
            signature(|sig| {
                *sig = if sig.first() == Some(&0x30) { vec![0x30, 6, 2, 1, 0, 2, 1, 0] } else { vec![0; 64] };
            }),
        ),
        row(
            "bit-turned",
            "a signature with a bit turned over",
            Severity::Critical,
            signature(|sig| {
                if let Some(last) = sig.last_mut() {
                    *last ^= 1;
                }
            }),
        ),
        row(
            "client-data-changed",
            "client data that are not those that were signed",
            Severity::Critical,
            json(|r| {
                edit_bytes(r, "clientDataJSON", |client| client.push(b' '));
            }),
        ),
        row(
            "authenticator-data-changed",
            "authenticator data that are not those that were signed",
            Severity::Critical,
            json(|r| {
                // The counter's first byte: it grows.
                edit_bytes(r, "authenticatorData", |data| data[33] ^= 1);
            }),
        ),
        row(
            "user-verified-on-the-way",
            "a UV flag and a counter that were put in after signing",
            Severity::Critical,
            json(|r| {
                edit_bytes(r, "authenticatorData", |data| {
                    data[32] |= 4;
                    data[34] ^= 1;
                });
            }),
        ),
        row("bytes-after", "a signature with a byte after it", Severity::Low, signature(|sig| sig.push(0))),
        row(
            "without-der",
            "an ECDSA signature without DER",
            Severity::Note,
            signature(|sig| {
                if let Some(raw) = without_der(sig) {
                    *sig = raw;
                }
            }),
        ),
        // FIPS 186-5: both verify, and no clause asks for the lower s.
        row(
            "malleated",
            "the other ECDSA signature of the same key and message",
            Severity::Note,
            signature(|sig| {
                if let Some(other) = malleated(sig) {
                    *sig = other;
                }
            }),
        )
        .either(),
    ]
}
