//! A cell: what the page got, what its relying party made of it, and why, in words.
use super::attester::Attester;
use super::page::{Answer, Made, Seen};
use crate::cli::{Coordinates, Way};
use client::conveyance::Preference;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use wire::aaguid::Aaguid;
use wire::base64url;
use wire::webauthn::{AttestationObject, AuthenticatorData, Flags};

/// Characters of an answer that are shown.
const LONGEST_BODY: usize = 300;
/// Members of an answer that say no where they are false.
const VERDICTS: [&str; 6] = ["verified", "success", "ok", "registered", "valid", "accepted"];
/// Members of an answer in which a word says no, and those words.
const STATES: [&str; 3] = ["status", "result", "outcome"];
const NOES: [&str; 6] = ["failed", "fail", "failure", "error", "refused", "rejected"];

/// What came of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Outcome {
    /// A passkey was made, and taken.
    Accepted,
    /// It was not made, or not taken.
    Refused,
    /// It could not be told.
    Broken,
    /// It cannot be tried here.
    NotTried,
}

impl Outcome {
    /// In a word.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Broken => "broken",
            Self::NotTried => "not tried",
        }
    }
}

/// What the page got of the authenticator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Got {
    /// Its ID in base64url.
    pub(super) credential_id: String,
    /// The attestation statement format.
    pub(super) format: String,
    /// By what it is attested.
    pub(super) attested: Attested,
    pub(super) aaguid: String,
    /// Whether it is the device's own.
    pub(super) model: Model,
    pub(super) user_verified: bool,
    pub(super) backup_eligible: bool,
    pub(super) backup_state: bool,
    pub(super) transports: Vec<String>,
    pub(super) attachment: Option<String>,
}

/// By what a statement attests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Attested {
    /// It does not.
    Nothing,
    /// By the passkey's own key.
    Itself,
    /// By certificates.
    Certificates,
}

/// What the AAGUID tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Model {
    /// The device's.
    Ours,
    /// Nothing.
    Zeros,
    /// Another model's.
    Other,
}

/// An error, an answer: what somebody said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Said {
    /// The error's name, or the request.
    pub(super) what: String,
    /// The error's message, or the beginning of the answer.
    pub(super) words: String,
    /// Of an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<u64>,
}

/// A cell of the matrix.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Cell {
    pub(super) profile: String,
    pub(super) route: Way,
    pub(super) attestation: String,
    pub(super) outcome: Outcome,
    /// What the page itself asked for.
    pub(super) page_asked: Option<String>,
    pub(super) got: Option<Got>,
    /// What the page got instead.
    pub(super) error: Option<Said>,
    /// What the relying party answered.
    pub(super) answer: Option<Said>,
    /// What was done on the page.
    pub(super) did: Vec<String>,
    /// Why, in sentences.
    pub(super) why: Vec<String>,
    /// The line that tries it again.
    pub(super) repeat: String,
    pub(super) milliseconds: u64,
}

/// The device of a cell.
pub(super) struct Device<'a> {
    /// Its AAGUID.
    pub(super) own: &'a str,
    /// The test CA that it attests by, if any cell attests by certificate.
    pub(super) attester: Option<&'a Attester>,
}

impl Cell {
    /// One that was not tried, or not to its end.
    pub(super) fn without(at: &Coordinates, outcome: Outcome, why: String, repeat: String) -> Self {
        Self {
            profile: at.profile.clone(),
            route: at.way,
            attestation: at.preference.name().into(),
            outcome,
            page_asked: None,
            got: None,
            error: None,
            answer: None,
            did: Vec::new(),
            why: vec![why],
            repeat,
            milliseconds: 0,
        }
    }

    /// What was seen.
    pub(super) fn of(
        at: &Coordinates,
        device: &Device<'_>,
        seen: Seen,
        repeat: String,
        milliseconds: u64,
    ) -> Self {
        let got = seen.made.as_ref().map(|made| Got::of(made, device.own));
        let mut why = Vec::new();
        if let Some(asked) = &seen.asked {
            let asked = asked.as_deref().unwrap_or("nothing, which is none");
            if asked != at.preference.name() {
                why.push(format!(
                    "The page itself asks for {asked}; it was made to ask for {}.",
                    at.preference.name()
                ));
            }
        }
        if at.way == Way::Hybrid && seen.asked.is_some() {
            why.push(
                "It was made to give the hint hybrid too, so that the browser shows its QR code at once, as it does for a user \
                 who chooses a phone."
                    .into(),
            );
        }
        let outcome = match &got {
            Some(Ok(got)) => {
                why.extend(got.conveyed(at, device.attester));
                judged(&seen, &mut why)
            }
            Some(Err(unreadable)) => {
                why.push(format!("What the page got cannot be read: {unreadable}."));
                judged(&seen, &mut why)
            }
            None => {
                let outcome = without_passkey(&seen, &mut why);
                why.extend(seen.phone.iter().map(|said| format!("The phone said: {said}.")));
                outcome
            }
        };
        Self {
            profile: at.profile.clone(),
            route: at.way,
            attestation: at.preference.name().into(),
            outcome,
            page_asked: seen.asked.flatten(),
            got: got.and_then(Result::ok),
            error: seen.error.map(|(what, words)| Said { what, words, status: None }),
            answer: seen.answer.or(seen.failed).map(Said::of),
            did: seen.did,
            why,
            repeat,
            milliseconds,
        }
    }

    /// Whether it is there.
    pub(super) fn is_at(&self, at: &Coordinates) -> bool {
        (self.profile.as_str(), self.route, self.attestation.as_str())
            == (at.profile.as_str(), at.way, at.preference.name())
    }

    /// Where it is.
    pub(super) fn coordinates(&self) -> String {
        format!("{}/{}/{}", self.profile, self.route.name(), self.attestation)
    }

    /// In a few words.
    pub(super) fn brief(&self) -> String {
        match (&self.got, &self.error) {
            (Some(got), _) => format!("{}, {}", got.format, got.model.word()),
            (None, Some(error)) => error.what.clone(),
            (None, None) => String::new(),
        }
    }
}

impl Said {
    fn of(answer: Answer) -> Self {
        let words = answer.body.chars().take(LONGEST_BODY).collect();
        Self { what: answer.request, words, status: Some(answer.status) }
    }
}

impl Model {
    /// In a word, as `docs/aaguid.md` has it.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Zeros => "zeros",
            Self::Other => "another's",
        }
    }
}

impl Got {
    fn of(made: &Made, own: &str) -> Result<Self, String> {
        let bytes = base64url::decode_lenient(&made.attestation_object).ok_or("no base64url")?;
        let object = AttestationObject::decode(&bytes).map_err(|error| error.to_string())?;
        let data = AuthenticatorData::decode(&object.auth_data).map_err(|error| error.to_string())?;
        let aaguid = data.attested.as_ref().map_or(Aaguid::ZERO, |attested| attested.aaguid);
        let text = aaguid.to_string();
        let has = |name: &str| {
            object
                .att_stmt
                .as_map()
                .is_some_and(|members| members.iter().any(|(key, _)| key.as_text() == Some(name)))
        };
        Ok(Self {
            credential_id: made.id.clone(),
            attested: match (has("x5c"), has("sig")) {
                (true, _) => Attested::Certificates,
                (false, true) => Attested::Itself,
                (false, false) => Attested::Nothing,
            },
            format: object.fmt,
            model: match text == own {
                true => Model::Ours,
                false if aaguid == Aaguid::ZERO => Model::Zeros,
                false => Model::Other,
            },
            aaguid: text,
            user_verified: data.flags.contains(Flags::UV),
            backup_eligible: data.flags.contains(Flags::BE),
            backup_state: data.flags.contains(Flags::BS),
            transports: made.transports.clone(),
            attachment: made.attachment.clone(),
        })
    }

    /// What became of attestation and model on the way to the page (`client::conveyance`), and what it says of backups.
    fn conveyed(&self, at: &Coordinates, attester: Option<&Attester>) -> Vec<String> {
        let who = match at.way {
            Way::Exec | Way::Hybrid => "the browser",
            Way::Script | Way::Extension => "fauxkey, in the browser's place,",
        };
        let mut why = vec![match (at.preference, self.model) {
            // WebAuthn Level 3 §5.1.3 step 22, constructCredentialAlg.
            (Preference::None, _) if self.format != "none" => {
                format!(
                    "With none, {who} handed on the {} statement all the same: it tells nothing.",
                    self.format
                )
            }
            (Preference::None, Model::Zeros) => format!(
                "With none, {who} removed the statement and wrote zeros over the AAGUID, as Chromium does for keys that are \
                 neither built in nor reached by hybrid: a policy on models sees nothing. Ask for direct."
            ),
            (Preference::None, _) => format!(
                "With none, {who} removed the statement and kept the AAGUID, as WebAuthn Level 3 has it (§5.1.3): the model is \
                 there, and nothing vouches for it."
            ),
            (preference, _) => match self.attested {
                Attested::Nothing => format!(
                    "With {}, {who} handed on what the device says, and it attests nothing: the AAGUID is only its word.",
                    preference.name()
                ),
                Attested::Itself => format!(
                    "With {}, {who} handed on the {} statement, which the passkey signs itself: it vouches for no model.",
                    preference.name(),
                    self.format
                ),
                Attested::Certificates => format!(
                    "With {}, {who} handed on the {} statement with its certificates, {}",
                    preference.name(),
                    self.format,
                    attester.map_or("which are a test CA's.", Attester::of_certificates)
                ),
            },
        }];
        if at.way == Way::Exec
            && at.preference == Preference::None
            && self.transports.iter().any(|transport| matches!(transport.as_str(), "hybrid" | "internal"))
        {
            why.push(
                "That is so because the device is plugged in here. Such a model is built in, or reached by hybrid, where \
                 Chromium keeps the AAGUID: the route script answers so."
                    .into(),
            );
        }
        why.push(
            match (self.backup_eligible, self.backup_state) {
                (false, false) => "BE and BS are clear: it stays on its device.",
                (true, false) => {
                    "BE is set and BS is clear: it may be copied to other devices, and is not yet."
                }
                (true, true) => "BE and BS are set: it is copied to other devices.",
                (false, true) => "BS is set without BE, which WebAuthn forbids (§6.1.3).",
            }
            .into(),
        );
        why
    }
}

/// Whether the relying party took the passkey that was made.
fn judged(seen: &Seen, why: &mut Vec<String>) -> Outcome {
    let answered = seen.answer.as_ref().map(|answer| {
        let no = (!(200..400).contains(&answer.status)).then(|| String::from("its status"));
        (no.or_else(|| says_no(&answer.body)), answer)
    });
    match (seen.shown, &answered) {
        (Some(true), _) => {
            why.push("What shows that it was taken is on the page.".into());
            Outcome::Accepted
        }
        (Some(false), Some((_, answer))) => {
            why.push(format!(
                "What shows that it was taken is not on the page; the relying party answered {}.",
                answer.status
            ));
            Outcome::Refused
        }
        (Some(false), None) => {
            why.push("What shows that it was taken is not on the page.".into());
            Outcome::Refused
        }
        (None, Some((None, answer))) => {
            why.push(format!("The relying party took it: it answered {}.", answer.status));
            Outcome::Accepted
        }
        (None, Some((Some(by), answer))) => {
            why.push(format!("The relying party refused it: it answered {}, by {by}.", answer.status));
            Outcome::Refused
        }
        (None, None) => {
            let mut words = String::from("The passkey was made, and no request was answered that had it");
            if let Some(stuck) = &seen.stuck {
                words = format!("{words}: {stuck}");
            }
            why.push(format!("{words}. Say what shows that it was taken: --accepted."));
            Outcome::Broken
        }
    }
}

/// What it means that there is none.
fn without_passkey(seen: &Seen, why: &mut Vec<String>) -> Outcome {
    if let Some((name, message)) = &seen.error {
        why.push(format!("No passkey was made: the page got {name} ({message})."));
        return Outcome::Refused;
    }
    let stuck = seen.stuck.as_deref().unwrap_or("the page did nothing");
    why.push(match &seen.failed {
        Some(failed) => {
            format!("It cannot be told: {stuck}; {} was answered {}.", failed.request, failed.status)
        }
        None => format!("It cannot be told: {stuck}."),
    });
    Outcome::Broken
}

/// By what an answer in JSON says no, whatever its status is.
fn says_no(body: &str) -> Option<String> {
    let Ok(Value::Object(members)) = serde_json::from_str(body) else { return None };
    let verdict = VERDICTS.iter().find(|name| members.get(**name) == Some(&Value::Bool(false)));
    if let Some(name) = verdict {
        return Some(format!("{name}: false"));
    }
    let state = STATES.iter().find_map(|name| {
        let word = members.get(*name)?.as_str()?;
        NOES.contains(&word.to_ascii_lowercase().as_str()).then(|| format!("{name}: {word}"))
    });
    state.or_else(|| {
        let error = members.get("error")?;
        (error.is_object() || error.as_str().is_some_and(|text| !text.is_empty()))
            .then(|| String::from("its member error"))
    })
}

#[cfg(test)]
mod tests {
    use super::super::attester::Whose;
    use super::*;

    fn answered(status: u64, body: &str) -> Outcome {
        let answer = Answer { request: "POST /x".into(), status, body: body.into() };
        let seen = Seen { answer: Some(answer), ..Seen::default() };
        judged(&seen, &mut Vec::new())
    }

    #[test]
    fn an_answer_says_yes_by_its_status_unless_its_words_say_no() {
        for (status, body, outcome) in [
            (200, r#"{"verified":true}"#, Outcome::Accepted),
            (201, "", Outcome::Accepted),
            (302, "", Outcome::Accepted),
            (200, "<h1>verified: false</h1>", Outcome::Accepted),
            (200, r#"{"status":"ok","errorMessage":"","error":""}"#, Outcome::Accepted),
            (200, r#"{"verified":false}"#, Outcome::Refused),
            (200, r#"{"success":false}"#, Outcome::Refused),
            (200, r#"{"status":"failed"}"#, Outcome::Refused),
            (200, r#"{"status":"Error"}"#, Outcome::Refused),
            (200, r#"{"error":"AAGUID"}"#, Outcome::Refused),
            (200, r#"{"error":{"code":1}}"#, Outcome::Refused),
            (400, r#"{"verified":true}"#, Outcome::Refused),
            (0, "", Outcome::Refused),
        ] {
            assert_eq!(answered(status, body), outcome, "{status} {body}");
        }
    }

    #[test]
    fn what_is_to_be_on_the_page_decides_before_any_answer() {
        for (shown, status, outcome) in [
            (true, Some(400), Outcome::Accepted),
            (false, Some(200), Outcome::Refused),
            (true, None, Outcome::Accepted),
            (false, None, Outcome::Refused),
        ] {
            let answer = status.map(|status| Answer { request: String::new(), status, body: String::new() });
            let seen = Seen { shown: Some(shown), answer, ..Seen::default() };
            assert_eq!(judged(&seen, &mut Vec::new()), outcome, "{shown} {status:?}");
        }
    }

    #[test]
    fn what_nobody_answered_and_nobody_asked_for_cannot_be_told() {
        let mut why = Vec::new();
        assert_eq!(judged(&Seen::default(), &mut why), Outcome::Broken);
        assert!(why[0].contains("--accepted"), "{why:?}");
        let mut why = Vec::new();
        let failed = Answer { request: "POST /begin".into(), status: 503, body: String::new() };
        let seen = Seen { stuck: Some("nothing came".into()), failed: Some(failed), ..Seen::default() };
        assert_eq!(without_passkey(&seen, &mut why), Outcome::Broken);
        assert_eq!(why, ["It cannot be told: nothing came; POST /begin was answered 503."]);
    }

    #[test]
    fn an_error_of_the_browser_is_a_refusal_with_its_words() {
        let mut why = Vec::new();
        let error = Some(("NotAllowedError".into(), "no".into()));
        assert_eq!(without_passkey(&Seen { error, ..Seen::default() }, &mut why), Outcome::Refused);
        assert_eq!(why, ["No passkey was made: the page got NotAllowedError (no)."]);
    }

    fn got(model: Model, attested: Attested) -> Got {
        Got {
            credential_id: String::new(),
            format: if attested == Attested::Nothing { "none" } else { "packed" }.into(),
            attested,
            aaguid: String::new(),
            model,
            user_verified: true,
            backup_eligible: false,
            backup_state: false,
            transports: Vec::new(),
            attachment: None,
        }
    }

    #[test]
    fn the_rule_of_conveyance_is_told_by_what_arrived() {
        for (cell, model, attested, words) in [
            (
                "a/exec/none",
                Model::Zeros,
                Attested::Nothing,
                "the browser removed the statement and wrote zeros",
            ),
            (
                "a/script/none",
                Model::Ours,
                Attested::Nothing,
                "in the browser's place, removed the statement and kept",
            ),
            ("a/exec/direct", Model::Ours, Attested::Nothing, "it attests nothing"),
            (
                "a/exec/indirect",
                Model::Ours,
                Attested::Itself,
                "With indirect, the browser handed on the packed statement, which",
            ),
            ("a/exec/enterprise", Model::Ours, Attested::Certificates, "`fauxkey ca export` prints the root"),
        ] {
            let attester = Attester { whose: Whose::Home, root: None };
            let told = got(model, attested).conveyed(&cell.parse().unwrap(), Some(&attester)).join(" ");
            assert!(told.contains(words), "{cell}: {told}");
        }
    }
}
