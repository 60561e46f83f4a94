//! Every field of a registration and of a sign-in, changed once: what is posted then, and the step of WebAuthn Level 3
//! §7.1 or §7.2 that refuses it.
//!
//! The ceremonies are good ones, made by an authenticator and a client in memory for a relying party as Entra is one:
//! ES256 and RS256, user verification, direct attestation, device-bound passkeys. A change is made by the authenticator
//! or the client, so that signatures and repetitions follow and only the step itself can refuse it, or on the way to
//! the relying party, where nothing follows.
#![allow(clippy::unwrap_used, reason = "what is changed is known to be there")]
mod attested;
mod client_data;
mod envelope;
mod good;
mod registration;
mod sign_in;

pub use good::{Device, Draft, Good, Keys, ORIGIN, RP_ID, SignIn, USER_HANDLE};

use relying_party::{
    AuthenticationExpectation, Ceremony, RegistrationExpectation, Rejection, Step, StoredCredential,
};
use serde_json::{Value, json};
use wire::base64url;
use wire::cose::Algorithm;
use wire::webauthn::json::{self, AuthenticationResponse, InvalidJson, RegistrationResponse};

/// What must come of a changed response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// This step refuses it.
    Refused(Step),
    /// It is no RegistrationResponseJSON or AuthenticationResponseJSON, so that no ceremony begins.
    Unreadable,
    /// It is accepted, for this reason.
    Accepted(&'static str),
}

/// Who changes it, and how.
#[derive(Clone, Copy)]
pub enum Change {
    /// An authenticator or client that goes wrong: what is signed is signed so, and the members that repeat it are left
    /// out.
    Made(fn(&mut Draft)),
    /// Somebody on the way, in the members of the attestation object.
    Object(fn(&mut Vec<(wire::cbor::Value, wire::cbor::Value)>)),
    /// Somebody on the way, in the JSON.
    Json(fn(&mut Value)),
    /// Somebody on the way, in its text.
    Text(fn(&str) -> String),
}

/// One change.
pub struct Row {
    /// The member that is changed, such as `clientData.challenge`.
    pub member: &'static str,
    /// How.
    pub what: &'static str,
    /// What comes of it.
    pub outcome: Outcome,
    /// The change itself.
    pub change: Change,
    /// Where it can be made.
    pub only: Only,
}

/// Where a change can be made, or is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Only {
    /// With both algorithms; sign-ins without a name.
    Everywhere,
    /// With ES256.
    Es256,
    /// With RS256.
    Rs256,
    /// Sign-ins of an account that was identified beforehand.
    ByName,
}

/// A row for both algorithms.
const fn row(member: &'static str, what: &'static str, outcome: Outcome, change: Change) -> Row {
    Row { member, what, outcome, change, only: Only::Everywhere }
}

impl Row {
    const fn only(mut self, only: Only) -> Self {
        self.only = only;
        self
    }

    /// Whether it is a row for this algorithm.
    fn is_for(&self, algorithm: Algorithm) -> bool {
        match self.only {
            Only::Everywhere | Only::ByName => true,
            Only::Es256 => algorithm == Algorithm::ES256,
            Only::Rs256 => algorithm == Algorithm::RS256,
        }
    }
}

/// A changed response, ready to be judged.
pub struct Mutation<'a> {
    /// Its row.
    pub row: &'a Row,
    /// Which ceremony.
    pub ceremony: Ceremony,
    /// The ceremonies that it was made of.
    pub good: &'a Good,
    /// What is posted.
    pub posted: String,
}

/// How a response ended.
#[derive(Debug)]
pub enum End {
    /// It was accepted.
    Accepted,
    /// It did not read.
    Unreadable(InvalidJson),
    /// A step refused it.
    Refused(Rejection),
}

impl Mutation<'_> {
    /// Its name, the same with both algorithms.
    pub fn name(&self) -> String {
        let ceremony = match self.ceremony {
            Ceremony::Registration => "registration",
            Ceremony::Authentication if self.row.only == Only::ByName => "sign-in by name",
            Ceremony::Authentication => "sign-in",
        };
        format!("{ceremony}, {}: {}", self.row.member, self.row.what)
    }

    /// Which of the two sign-ins it was made of.
    pub fn sign_in(&self) -> &SignIn {
        self.good.sign_in(self.row.only == Only::ByName)
    }

    /// What the relying party says.
    pub fn judge(&self) -> End {
        let posted: Value = serde_json::from_str(&self.posted).expect("every mutation is JSON");
        let judged = match self.ceremony {
            Ceremony::Registration => json::from_value::<RegistrationResponse>(posted).map(|response| {
                let nobody = |_: &[u8]| false;
                let expected = RegistrationExpectation::of(&self.good.creation, &nobody);
                self.good.party.verify_registration(&expected, &response).map(drop)
            }),
            Ceremony::Authentication => json::from_value::<AuthenticationResponse>(posted).map(|response| {
                let sign_in = self.sign_in();
                let account = sign_in.by_name.then_some(USER_HANDLE);
                let expected = AuthenticationExpectation::of(&sign_in.options, account);
                self.good.party.verify_authentication(&expected, &response, &self.good.record).map(drop)
            }),
        };
        match judged {
            Err(invalid) => End::Unreadable(invalid),
            Ok(Err(rejection)) => End::Refused(rejection),
            Ok(Ok(())) => End::Accepted,
        }
    }
}

/// The rows of a ceremony for that algorithm.
pub fn rows(ceremony: Ceremony, algorithm: Algorithm) -> impl Iterator<Item = &'static Row> {
    let own: &[&'static [Row]] = match ceremony {
        Ceremony::Registration => &[registration::ROWS, attested::FLAGS, attested::ROWS],
        Ceremony::Authentication => &[sign_in::ROWS, sign_in::FLAGS],
    };
    let common = envelope::ROWS.iter().chain(client_data::ROWS);
    common.chain(own.iter().copied().flatten()).filter(move |row| row.is_for(algorithm))
}

/// Every mutation of these good ceremonies.
pub fn of(good: &Good) -> Vec<Mutation<'_>> {
    let algorithm = good.record.public_key.algorithm();
    let registrations = rows(Ceremony::Registration, algorithm).map(|row| {
        let posted = good.mutated_registration(row.change);
        Mutation { row, ceremony: Ceremony::Registration, good, posted }
    });
    let sign_ins = rows(Ceremony::Authentication, algorithm).map(|row| {
        let posted = good.mutated_sign_in(row.only == Only::ByName, row.change);
        Mutation { row, ceremony: Ceremony::Authentication, good, posted }
    });
    registrations.chain(sign_ins).collect()
}

/// The whole table, for judges that are not written in Rust.
pub fn to_json() -> Value {
    let tables = [Algorithm::ES256, Algorithm::RS256].map(|algorithm| {
        let good = Good::new(algorithm);
        let rows: Vec<Value> = of(&good).iter().map(row_json).collect();
        let StoredCredential { id, public_key, sign_count, .. } = &good.record;
        json!({
            "algorithm": algorithm.0,
            "challenge": base64url::encode(&good.creation.challenge.0),
            "registration": good.registration,
            "signIn": good.sign_in(false).response,
            "credentialId": base64url::encode(id),
            "publicKey": base64url::encode(&wire::cbor::encode(&public_key.to_value())),
            "signCount": sign_count,
            "mutations": rows,
        })
    });
    json!({
        "rpId": RP_ID,
        "origin": ORIGIN,
        "algorithms": [Algorithm::ES256.0, Algorithm::RS256.0],
        "root": base64url::encode(crate::CA.certificate()),
        "userHandle": base64url::encode(USER_HANDLE),
        "tables": tables,
    })
}

fn row_json(mutation: &Mutation<'_>) -> Value {
    let (step, why) = match mutation.row.outcome {
        Outcome::Refused(step) => (step.cite(mutation.ceremony), None),
        Outcome::Unreadable if mutation.ceremony == Ceremony::Registration => {
            (Some("WebAuthn L3 §5.1 (RegistrationResponseJSON)"), None)
        }
        Outcome::Unreadable => (Some("WebAuthn L3 §5.1 (AuthenticationResponseJSON)"), None),
        Outcome::Accepted(why) => (None, Some(why)),
    };
    json!({
        "name": mutation.name(),
        "registers": mutation.ceremony == Ceremony::Registration,
        "step": step,
        "why": why,
        "posted": mutation.posted,
    })
}
