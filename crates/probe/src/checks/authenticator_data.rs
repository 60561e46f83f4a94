//! Authenticator data, WebAuthn L3 §6.1, besides backup flags and counter.
use crate::check::{BOTH, Check, Clause, Want, check, in_ceremony, made, made_if_it_can, rows_of};
use crate::key::sha256;
use crate::report::Severity;
use relying_party::{Ceremony, Step};
use wire::aaguid::Aaguid;
use wire::cbor;
use wire::webauthn::{AttestedCredentialData, Flags};

const HASH: &str = "Compare rpIdHash with SHA-256 of your RP ID.";
const PRESENCE: &str = "Refuse a response whose UP flag is not set.";
const VERIFICATION: &str = "Where user verification is required, refuse a response whose UV flag is not set: asking for it \
                            is not enough, and a client may be made to say no.";
const SHAPE: &str = "Read authenticator data to the last byte, and refuse what does not fit its flags.";
const EXTENSIONS: &str = "Either will do (§9): ignore outputs that were not asked for, as clients may ask for some of \
                          themselves, and act on none of them.";

pub(super) fn checks() -> Vec<Check> {
    const GROUP: &str = "authenticator-data";
    let mut all = Vec::new();
    for (ceremony, word) in BOTH {
        let row = rows_of(GROUP, ceremony, word);
        let hash_of = |of: fn(&str) -> String| {
            made(move |d| {
                let hash = sha256(of(&d.origin).as_bytes());
                d.data(|data| data.rp_id_hash = hash);
            })
        };
        all.extend([
            row(
                "rp-id-hash-other",
                "another site's RP ID hash",
                Step::RpIdHash,
                Severity::High,
                HASH,
                hash_of(|_| "fauxkey-probe.test".into()),
            ),
            row(
                "rp-id-hash-of-origin",
                "the hash of the origin in place of the RP ID's",
                Step::RpIdHash,
                Severity::Medium,
                HASH,
                hash_of(str::to_owned),
            ),
            row(
                "rp-id-hash-parent",
                "the RP ID hash of the domain above",
                Step::RpIdHash,
                Severity::High,
                HASH,
                made_if_it_can(|d| {
                    let (_, above) = d.rp_id.split_once('.').ok_or("there is no domain above the RP ID")?;
                    let hash = sha256(above.as_bytes());
                    d.data(|data| data.rp_id_hash = hash);
                    Ok(())
                }),
            ),
            row(
                "rp-id-hash-zeros",
                "an RP ID hash of zeros",
                Step::RpIdHash,
                Severity::High,
                HASH,
                made(|d| d.data(|data| data.rp_id_hash = [0; 32])),
            ),
            row(
                "user-not-present",
                "no user presence",
                Step::UserPresent,
                Severity::High,
                PRESENCE,
                made(|d| d.toggle(Flags::UP)),
            ),
            row(
                "user-not-verified",
                "no user verification",
                Step::UserVerified,
                Severity::High,
                VERIFICATION,
                made(|d| d.toggle(Flags::UV)),
            )
            .rule(move |wants| Want::refuse_if(wants.verified(ceremony))),
            row(
                "reserved-flags",
                "reserved flag bits",
                Step::AuthenticatorData,
                Severity::Note,
                "Ignore reserved bits: later editions give them a meaning (§6.1).",
                made(|d| d.toggle(Flags(0x22))),
            )
            .either(),
            row(
                "authenticator-data-truncated",
                "authenticator data of 36 bytes",
                Step::AuthenticatorData,
                Severity::Medium,
                SHAPE,
                made(|d| d.auth.truncate(36)),
            ),
            row(
                "authenticator-data-bytes-after",
                "authenticator data with a byte after their end",
                Step::AuthenticatorData,
                Severity::Low,
                SHAPE,
                made(|d| d.auth.push(0)),
            )
            .either(),
            row(
                "extension-flag-alone",
                "the ED flag without extensions",
                Step::AuthenticatorData,
                Severity::Low,
                SHAPE,
                made(|d| d.toggle(Flags::ED)),
            )
            .either(),
            row(
                "extension-unasked",
                "an authenticator extension that was not asked for",
                Step::AuthenticatorExtensions,
                Severity::Note,
                EXTENSIONS,
                made(|d| {
                    d.data(|data| {
                        data.flags |= Flags::ED;
                        data.extensions = Some(cbor::text_map([("fauxkeyProbe", Some(true.into()))]));
                    });
                }),
            )
            .either(),
            row(
                "extension-twice",
                "an authenticator extension twice",
                Step::AuthenticatorData,
                Severity::Note,
                SHAPE,
                made(|d| {
                    d.toggle(Flags::ED);
                    d.auth.extend(b"\xA2\x61a\x01\x61a\x02");
                }),
            )
            .either(),
        ]);
    }
    let registration = |name: &str, what: &str, severity, change| {
        let clause = Clause::Step(Ceremony::Registration, Step::AuthenticatorData);
        let title = format!("{what} in a registration");
        check(name, title, GROUP, clause, severity, SHAPE, in_ceremony(Ceremony::Registration, change))
    };
    all.extend([
        registration(
            "registration-without-credential",
            "no attested credential data",
            Severity::Medium,
            made(|d| {
                d.auth.truncate(37);
                d.toggle(Flags::AT);
            }),
        ),
        registration(
            "registration-credential-without-flag",
            "attested credential data without the AT flag",
            Severity::Low,
            made(|d| d.toggle(Flags::AT)),
        ),
        registration(
            "registration-credential-id-beyond-end",
            "a credential ID that is said to go beyond the end",
            Severity::Medium,
            made(|d| d.auth[53] = 0xFF),
        ),
        check(
            "sign-in-attested-credential",
            "attested credential data in a sign-in",
            GROUP,
            Clause::Step(Ceremony::Authentication, Step::AttestedCredentialData),
            Severity::Note,
            "Take no key from a sign-in: the record has it.",
            in_ceremony(
                Ceremony::Authentication,
                made(|d| {
                    let (credential_id, public_key) = (d.id.clone(), d.stranger.public().clone());
                    d.data(|data| {
                        data.flags |= Flags::AT;
                        data.attested =
                            Some(AttestedCredentialData { aaguid: Aaguid::ZERO, credential_id, public_key });
                    });
                }),
            ),
        )
        .either(),
    ]);
    all
}
