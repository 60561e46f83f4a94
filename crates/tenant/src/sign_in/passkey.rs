//! Signing in with a passkey, WebAuthn L3 §7.2, and what policy makes of it.
use super::{Progress, number};
use crate::access::{Factor, Mode};
use crate::challenge::{self, For};
use crate::guid::Guid;
use crate::passkey::{Passkey, PasskeyType};
use crate::policy::{Purpose, Question};
use crate::records::AuthenticationDetail;
use crate::refusal::{Refusal, RefusalKind};
use crate::session::Shown;
use crate::settings::{ChallengeUse, CounterMode};
use crate::state::Change;
use crate::store::Row;
use crate::tenant::Tenant;
use crate::time::Time;
use relying_party::{AuthenticationExpectation, Rejection, Step, UserVerification};
use wire::webauthn::ClientData;
use wire::webauthn::json::{AuthenticationResponse, RequestOptions};

/// Entra's `timeout` at sign-in, in milliseconds.
const TIMEOUT: u64 = 600_000;

impl Tenant {
    /// What to pass to `navigator.credentials.get()`: of the user that was named, or of any.
    ///
    /// # Errors
    /// Unauthenticated if there is no such session.
    pub fn request_options(&mut self, now: Time, session: &str) -> Result<RequestOptions, Refusal> {
        let found = self.sessions.get(session, now)?;
        let purpose = For::SignIn { session: session.into() };
        let allow: Vec<_> = found
            .user
            .into_iter()
            .flat_map(|user| self.state.passkeys_of(user))
            .map(|passkey| {
                let mut descriptor = passkey.credential.descriptor();
                // As Entra does: measured.
                descriptor.transports = Some(Vec::new());
                descriptor
            })
            .collect();
        let challenge = self.challenges.issue(purpose, now, challenge::LIFETIME, &mut *self.rng);
        let mut options = self.relying_party(now).request_options(challenge, &[]);
        options.allow_credentials = allow;
        options.timeout = Some(TIMEOUT);
        Ok(options)
    }

    /// A passkey signed, WebAuthn L3 §7.2.
    ///
    /// # Errors
    /// The step that refused it, with Entra's number where it is known: 135010, 135016, 135017, 135018; 53003 if
    /// conditional access blocks. All of them are in the sign-in log.
    pub fn sign_in_with_passkey(
        &mut self,
        now: Time,
        session: &str,
        response: &AuthenticationResponse,
    ) -> Result<Progress, Refusal> {
        let identified = self.sessions.get(session, now)?.user;
        let Some(passkey) = self.state.passkeys.get(&response.raw_id.0).cloned() else {
            let refusal = Refusal::new(
                RefusalKind::Ceremony,
                "KeyNotFound",
                "WebAuthn L3 §7.2 step 6: nobody here has a passkey with that ID",
            )
            .numbered(number::KEY_NOT_FOUND)
            .hint("the passkey was deleted here, or registered with another tenant: delete it on the device");
            return Err(self.refused(now, session, None, None, refusal));
        };
        if let Some(why) = &passkey.dead {
            let message = format!("the passkey is dead: {why}");
            let refusal = Refusal::new(RefusalKind::Ceremony, "sim_dead", message)
                .numbered(number::COUNTER)
                .hint("delete it and register another");
            return Err(self.refused(now, session, Some(passkey.user), Some(&passkey), refusal));
        }
        match self.verify_assertion(now, session, identified, response, &passkey) {
            Ok(verified) => self.accept_passkey(now, session, &passkey, verified),
            Err(rejection) => Err(self.reject(now, session, &passkey, &rejection, response)),
        }
    }

    fn verify_assertion(
        &mut self,
        now: Time,
        session: &str,
        identified: Option<Guid>,
        response: &AuthenticationResponse,
        passkey: &Passkey,
    ) -> Result<relying_party::Authenticated, Rejection> {
        // The challenge is its own proof. What is none of ours is expected in vain, so that steps before it come first.
        let claimed = claimed_challenge(&response.response.client_data_json.0);
        let known = claimed.as_deref().and_then(|challenge| self.known(now, session, challenge).ok());
        let challenge = match (&known, claimed) {
            (Some(_), Some(claimed)) => claimed,
            _ => Vec::new(),
        };
        let allowed = identified.into_iter().flat_map(|user| self.state.passkeys_of(user));
        let expected = AuthenticationExpectation {
            challenge,
            user_verification: UserVerification::Required,
            allowed: allowed.map(|passkey| passkey.credential.id.clone()).collect(),
            user_handle: identified.map(|user| self.user_handle(user)),
            extensions: Vec::new(),
        };
        let verified =
            self.relying_party(now).verify_authentication(&expected, response, &passkey.credential)?;
        if let Some(known) = known {
            self.challenges.use_up(known, now);
        }
        Ok(verified)
    }

    /// A challenge of ours that is good in this session.
    fn known(&self, now: Time, session: &str, challenge: &[u8]) -> Result<challenge::Known, String> {
        let known = self.challenges.check(challenge, self.settings.challenges, now)?;
        let anybody = self.settings.challenges == ChallengeUse::Entra;
        match &known.purpose {
            For::SignIn { session: made_for } if anybody || made_for == session => Ok(known),
            For::SignIn { .. } => Err("the challenge was made for another session".into()),
            For::Registration { .. } => Err("the challenge was made to register a passkey by".into()),
        }
    }

    fn accept_passkey(
        &mut self,
        now: Time,
        session: &str,
        passkey: &Passkey,
        verified: relying_party::Authenticated,
    ) -> Result<Progress, Refusal> {
        let user = self.user(&passkey.user.to_string())?.clone();
        let facts = passkey.facts();
        let question = Question {
            purpose: Purpose::SignIn,
            behaviour: self.settings.behaviour,
            subject: self.subject(&user),
            passkey: Some(&facts),
        };
        let decision = self.felt_policy(now).decide(&question);
        let (clauses, mut warnings) = (decision.clauses.clone(), decision.warnings.clone());
        if let Some(refusal) = decision.refusal(Purpose::SignIn) {
            return Err(self.refused(now, session, Some(user.id), Some(passkey), refusal));
        }
        let mut kept = passkey.clone();
        kept.credential = verified.credential;
        kept.last_used = Some(now);
        let factor = Factor { mode: Mode::Fido2, aaguid: Some(passkey.aaguid) };
        let detail = AuthenticationDetail::passkey(&self.settings, passkey, now, true, None);
        let found = self.sessions.get_mut(session, now)?;
        if found.user != Some(user.id) {
            found.shown.clear();
        }
        found.user = Some(user.id);
        found.shown.push(Shown { factor, at: now, until: None });
        found.details.push(detail);
        warnings.extend(verified.warnings);
        let changes = vec![Change::from(Row::Passkey(Box::new(kept)))];
        self.proceed(now, session, changes, clauses, warnings, verified.passed)
    }

    /// A ceremony that does not verify.
    fn reject(
        &mut self,
        now: Time,
        session: &str,
        passkey: &Passkey,
        rejection: &Rejection,
        response: &AuthenticationResponse,
    ) -> Refusal {
        let mut message = rejection.to_string();
        let number = match rejection.step {
            Step::Challenge => {
                let claimed = claimed_challenge(&response.response.client_data_json.0);
                if let Some(why) = claimed.and_then(|claimed| self.known(now, session, &claimed).err()) {
                    message = format!("{}: {why}", rejection.cite());
                }
                number::CHALLENGE
            }
            Step::Counter => number::COUNTER,
            _ => number::FAILED,
        };
        let mut refusal = Refusal::new(RefusalKind::Ceremony, code(rejection.step), message).numbered(number);
        let synced = passkey.passkey_type == PasskeyType::Synced;
        if rejection.step == Step::Counter && synced && self.settings.counter == CounterMode::Entra2026 {
            let mut dead = passkey.clone();
            dead.dead = Some("its counter moved, and a synced passkey's has to stay zero".into());
            if let Err(broken) = self.commit(vec![Change::from(Row::Passkey(Box::new(dead)))]) {
                return broken;
            }
            refusal =
                refusal.hint("measured at Entra: such a passkey never signs in again; register another");
        }
        self.refused(now, session, Some(passkey.user), Some(passkey), refusal)
    }
}

/// The challenge that client data claim to answer.
pub(crate) fn claimed_challenge(client_data_json: &[u8]) -> Option<Vec<u8>> {
    wire::base64url::decode(&ClientData::decode(client_data_json).ok()?.challenge)
}

/// A step as a word of ours.
pub(crate) fn code(step: Step) -> String {
    let word = serde_json::to_value(step).ok();
    let word = word.as_ref().and_then(serde_json::Value::as_str).unwrap_or("step");
    format!("sim_{word}")
}
