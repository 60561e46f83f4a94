//! Registering passkeys: by users themselves, in a browser or in the app, and on their behalf by administrators.
use crate::access::{Mode, Target, Verdict};
use crate::app::{AuthenticatorApp, CodeSecret};
use crate::challenge::{self, For, Known};
use crate::guid::Guid;
use crate::passkey::{AttestationLevel, Passkey, PasskeyFacts, PasskeyType, Route};
use crate::phone::Phone;
use crate::policy::{self, EnforcementType, KeyRestrictions, PasskeyTypes, Purpose};
use crate::records::Audit;
use crate::refusal::{Clause, Refusal, RefusalKind};
use crate::session::{Pending, Session};
use crate::sign_in::{claimed_challenge, code};
use crate::state::Change;
use crate::store::Row;
use crate::tenant::Tenant;
use crate::time::Time;
use crate::user::User;
use relying_party::{
    AttestationType, Registered, RegistrationExpectation, Rejection, Step, UserVerification,
};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use serde_json::{Map, json};
use std::fmt;
use std::time::Duration;
use wire::aaguid::Aaguid;
use wire::webauthn::json::{AuthenticatorSelection, CreationOptions, RegistrationResponse, UserEntity};

/// How fresh the second factor has to be for registering something: Microsoft Learn,
/// how-to-authentication-passkeys-fido2.
pub const MFA_FRESHNESS: Duration = Duration::from_secs(300);
/// How long after signing in with a one-time pass: Microsoft Learn, howto-authentication-temporary-access-pass.
pub const ONE_TIME_PASS_FRESHNESS: Duration = Duration::from_secs(600);
/// Entra's `timeout` at registration, in milliseconds: captured.
const TIMEOUT: u64 = 60_000;
/// The longest display name, in characters, as the vendor's own PowerShell module has it.
const LONGEST_NAME: usize = 30;
/// Extensions that Entra asks for: captured.
const EXTENSIONS: [&str; 3] =
    ["hmacCreateSecret", "enforceCredentialProtectionPolicy", "credentialProtectionPolicy"];

/// What came of a registration.
#[derive(Clone)]
pub struct Done {
    /// The passkey.
    pub passkey: Passkey,
    /// The Authenticator app, where it was registered with it, and what its one-time codes are made of.
    pub app: Option<(AuthenticatorApp, CodeSecret)>,
    /// What is worth knowing although it was no reason to refuse.
    pub warnings: Vec<String>,
    /// What was looked at, in order.
    pub explanation: Vec<Clause>,
    /// The checks of WebAuthn L3 §7.1 that it passed.
    pub passed: Vec<Step>,
}

/// Without what codes are made of.
impl fmt::Debug for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let app = self.app.as_ref().map(|(app, _)| app);
        f.debug_struct("Done").field("passkey", &self.passkey).field("app", &app).finish_non_exhaustive()
    }
}

impl Tenant {
    /// What to pass to `navigator.credentials.create()` for whoever is signed in. `phone` is what the app or the page
    /// knows of the phone, where there is one.
    ///
    /// # Errors
    /// Unauthenticated, Forbidden if the last factor is too old, Policy with an explanation: self-service, targets,
    /// conditional access, enforced attestation where it is another device, or a phone that is not fit.
    pub fn registration_options(
        &mut self,
        now: Time,
        session: &str,
        route: Route,
        phone: Option<&Phone>,
    ) -> Result<CreationOptions, Refusal> {
        let user = self.signed_in(now, session)?;
        self.may_register(now, &user, Some(session))?;
        if route == Route::CrossDevice
            && let Some(refusal) = self.decide_cross_device(&user).refusal(Purpose::Registration)
        {
            return Err(refusal);
        }
        if let Some(phone) = phone {
            phone.check(route, self.allows_both_types())?;
        }
        let found = self.sessions.get_mut(session, now)?;
        found.pending = Some(Pending { route, phone: phone.cloned() });
        let purpose = For::Registration { user: user.id, session: Some(session.into()) };
        Ok(self.creation_options_for(&user, purpose, route, now, challenge::LIFETIME))
    }

    /// The passkey that was made for [`Tenant::registration_options`].
    ///
    /// # Errors
    /// Ceremony with the step of WebAuthn L3 §7.1 that refused it, Policy with an explanation, Conflict if the
    /// credential is there already.
    pub fn register(
        &mut self,
        now: Time,
        session: &str,
        display_name: Option<&str>,
        response: &RegistrationResponse,
    ) -> Result<Done, Refusal> {
        let user = self.signed_in(now, session)?;
        let pending = self.sessions.get(session, now)?.pending.clone().ok_or_else(|| {
            let message = "no registration was begun in this session";
            Refusal::new(RefusalKind::BadRequest, "sim_not_begun", message)
        })?;
        let mut clauses = self.may_register(now, &user, Some(session))?;
        if let Some(phone) = &pending.phone {
            clauses.extend(phone.check(pending.route, self.allows_both_types())?);
        }
        let done = self.complete(now, &user, Some(session), pending, display_name, response, clauses)?;
        self.sessions.get_mut(session, now)?.pending = None;
        Ok(done)
    }

    /// What an administrator's program makes a passkey by, `creationOptions` of Graph: `minutes` is 5 in v1.0, and
    /// 5 to 43,200 in beta.
    ///
    /// # Errors
    /// BadRequest if the time is none of these, Policy if the user may not register or self-service is off.
    pub fn creation_options(
        &mut self,
        now: Time,
        user: Guid,
        minutes: u32,
    ) -> Result<(Time, CreationOptions), Refusal> {
        if !(5..=43_200).contains(&minutes) {
            let message = format!("challengeTimeoutInMinutes is {minutes}, and goes from 5 to 43200");
            return Err(Refusal::new(RefusalKind::BadRequest, "badRequest", message));
        }
        let user = self.user(&user.to_string())?.clone();
        self.may_register(now, &user, None)?;
        let lifetime = Duration::from_secs(u64::from(minutes) * 60);
        let purpose = For::Registration { user: user.id, session: None };
        let options = self.creation_options_for(&user, purpose, Route::Provisioning, now, lifetime);
        Ok((now + lifetime, options))
    }

    /// The passkey that an administrator's program made.
    ///
    /// # Errors
    /// Those of [`Tenant::register`].
    pub fn provision(
        &mut self,
        now: Time,
        user: Guid,
        display_name: Option<&str>,
        response: &RegistrationResponse,
    ) -> Result<Done, Refusal> {
        let user = self.user(&user.to_string())?.clone();
        let clauses = self.may_register(now, &user, None)?;
        let pending = Pending { route: Route::Provisioning, phone: None };
        self.complete(now, &user, None, pending, display_name, response, clauses)
    }

    /// Who a session is signed in as, to an application or on the way to register what one asks for.
    ///
    /// # Errors
    /// Unauthenticated.
    pub fn signed_in(&self, now: Time, session: &str) -> Result<User, Refusal> {
        let found = self.sessions.get(session, now)?;
        let user = found.user.filter(|_| !found.shown.is_empty());
        user.and_then(|user| self.state.users.get(&user)).cloned().ok_or_else(|| {
            Refusal::new(RefusalKind::Unauthenticated, "sim_not_signed_in", "nobody is signed in here")
                .hint("sign in first")
        })
    }

    /// Whether a user may register a passkey now, before anybody knows which.
    fn may_register(&self, now: Time, user: &User, session: Option<&str>) -> Result<Vec<Clause>, Refusal> {
        let decision = self.decide(now, user, Purpose::Registration, None);
        let mut clauses = decision.clauses.clone();
        if let Some(refusal) = decision.refusal(Purpose::Registration) {
            return Err(refusal);
        }
        let Some(session) = session else { return Ok(clauses) };
        let found = self.sessions.get(session, now)?;
        clauses.push(fresh(found, now)?);
        let access = self.access(now, user, Target::RegisterSecurityInfo, &found.factors());
        clauses.extend(access.clauses);
        if access.verdict == Verdict::Granted {
            return Ok(clauses);
        }
        // Who has nothing of what is asked for is sent here to register it, and asked for it again.
        let hint = match access.loop_noticed {
            Some(noticed) => {
                let cure = noticed.says.clone();
                clauses.push(noticed);
                cure
            }
            None => "sign in again with what the policy asks for".into(),
        };
        let message = "conditional access asks for more before security info is registered";
        Err(Refusal::new(RefusalKind::Policy, "sim_conditional_access", message).hint(hint).because(clauses))
    }

    /// Whether a profile that lets both types of passkey through lets the app through: that takes a newer app.
    fn allows_both_types(&self) -> bool {
        let apps = [policy::AUTHENTICATOR_IOS, policy::AUTHENTICATOR_ANDROID];
        self.policy().passkey_profiles.iter().any(|profile| {
            profile.passkey_types == PasskeyTypes::BOTH
                && apps.iter().any(|app| lets_through(&profile.key_restrictions, *app))
        })
    }

    fn creation_options_for(
        &mut self,
        user: &User,
        purpose: For,
        route: Route,
        now: Time,
        lifetime: Duration,
    ) -> CreationOptions {
        let challenge = self.challenges.issue(purpose, now, lifetime, &mut *self.rng);
        let entity = UserEntity {
            id: self.user_handle(user.id).into(),
            name: user.user_principal_name.clone(),
            display_name: user.display_name.clone(),
        };
        let mut options = self.relying_party(now).creation_options(entity, challenge, &[]);
        options.timeout = Some(TIMEOUT);
        options.exclude_credentials =
            self.state.passkeys_of(user.id).map(|passkey| passkey.credential.descriptor()).collect();
        options.authenticator_selection = Some(AuthenticatorSelection {
            authenticator_attachment: Some(
                if route == Route::InApp { "platform" } else { "cross-platform" }.into(),
            ),
            resident_key: None,
            require_resident_key: Some(true),
            user_verification: Some("required".into()),
        });
        // A browser that can then shows its QR code at once. What Entra's own page says is not known.
        if route == Route::CrossDevice {
            options.hints = vec!["hybrid".into()];
        }
        options.extensions = extensions(route);
        options
    }

    /// Verifies and keeps what was made.
    #[allow(clippy::too_many_arguments, reason = "they are what a registration is")]
    fn complete(
        &mut self,
        now: Time,
        user: &User,
        session: Option<&str>,
        pending: Pending,
        display_name: Option<&str>,
        response: &RegistrationResponse,
        mut explanation: Vec<Clause>,
    ) -> Result<Done, Refusal> {
        let display_name = display_name.map(str::trim).filter(|name| !name.is_empty());
        if let Some(name) = display_name {
            check_name(name)?;
        }
        let (registered, known) = self.verify(now, user, session, response)?;
        let aaguid = registered.aaguid;
        let attested = registered.attestation == AttestationType::Basic;
        let facts = PasskeyFacts {
            aaguid,
            attestation: if attested { AttestationLevel::Attested } else { AttestationLevel::NotAttested },
            fmt: registered.fmt.clone(),
            passkey_type: if registered.credential.backup_eligible {
                PasskeyType::Synced
            } else {
                PasskeyType::DeviceBound
            },
            route: pending.route,
        };
        let decision = self.decide(now, user, Purpose::Registration, Some(&facts));
        // Who may register was told before.
        explanation = decision.clauses.clone().into_iter().fold(explanation, |mut told, clause| {
            if !told.contains(&clause) {
                told.push(clause);
            }
            told
        });
        if let Some(refused) = decision.refused {
            let audit = Audit::passkey_refused(now, self.log_id(now), user, &facts, refused.message());
            self.commit(vec![Change::from(Row::Audit(Box::new(audit)))])?;
            return Err(
                Refusal::new(RefusalKind::Policy, refused.code(), refused.message()).because(explanation)
            );
        }
        let passkey = Passkey {
            user: user.id,
            display_name: display_name.map_or_else(
                || {
                    policy::friendly(aaguid, &self.settings)
                        .map_or_else(|| "Passkey".into(), |name| short(&name))
                },
                Into::into,
            ),
            created: now,
            aaguid,
            attestation_level: facts.attestation,
            attestation_certificates: registered
                .trust_path
                .iter()
                .take(1)
                .map(|der| thumbprint(der))
                .collect(),
            fmt: facts.fmt.clone(),
            passkey_type: facts.passkey_type,
            route: pending.route,
            credential: registered.credential,
            last_used: None,
            dead: None,
        };
        let mut changes = vec![Change::from(Row::Passkey(Box::new(passkey.clone())))];
        let app = self.app_beside(now, user, &pending);
        if let Some((app, code)) = &app {
            changes.push(Change::from(Row::App(app.clone())));
            changes.push(Change::from(Row::Code(code.clone())));
        }
        let ids = [self.log_id(now), self.log_id(now)];
        let by_admin = pending.route == Route::Provisioning;
        let audits = Audit::passkey_added(&self.settings, now, ids, user, &passkey, by_admin);
        changes.extend(audits.into_iter().map(|audit| Change::from(Row::Audit(Box::new(audit)))));
        self.commit(changes)?;
        self.challenges.use_up(known, now);
        let mut warnings = decision.warnings;
        // That nobody proved the AAGUID is said once.
        let told = warnings.iter().any(|warning| warning.contains("unverified"));
        let again = |more: &String| told && more.starts_with("the AAGUID");
        warnings.extend(registered.warnings.into_iter().filter(|more| !again(more)));
        Ok(Done { passkey, app, warnings, explanation, passed: registered.passed })
    }

    /// WebAuthn L3 §7.1, and the challenge that was answered.
    fn verify(
        &self,
        now: Time,
        user: &User,
        session: Option<&str>,
        response: &RegistrationResponse,
    ) -> Result<(Registered, Known), Refusal> {
        let claimed = claimed_challenge(&response.response.client_data_json.0).unwrap_or_default();
        let known = self.challenges.check(&claimed, self.settings.challenges, now).and_then(|known| {
            match &known.purpose {
                For::Registration { user: meant, session: made_for }
                    if *meant == user.id && made_for.as_deref() == session =>
                {
                    Ok(known)
                }
                For::Registration { .. } => Err("the challenge was made for somebody else".to_owned()),
                For::SignIn { .. } => Err("the challenge was made to sign in by".to_owned()),
            }
        });
        let party = self.relying_party(now);
        let expected = RegistrationExpectation {
            // What is none of ours is expected in vain, so that steps before it come first.
            challenge: if known.is_ok() { claimed } else { Vec::new() },
            user_handle: self.user_handle(user.id),
            user_verification: UserVerification::Required,
            conditional: false,
            algorithms: party.algorithms.clone(),
            extensions: EXTENSIONS.map(Into::into).to_vec(),
            is_registered: &|id| self.state.passkeys.contains_key(id),
        };
        let refused = |rejection: Rejection, known: &Result<Known, String>| {
            let message = match (rejection.step, known) {
                (Step::Challenge, Err(why)) => format!("{}: {why}", rejection.cite()),
                _ => rejection.to_string(),
            };
            if rejection.step == Step::Unregistered {
                return Refusal::new(RefusalKind::Conflict, "sim_duplicate", message)
                    .hint("make another passkey: this one is registered already");
            }
            Refusal::new(RefusalKind::Ceremony, code(rejection.step), message)
        };
        match (party.verify_registration(&expected, response), known) {
            (Ok(registered), Ok(known)) => Ok((registered, known)),
            (Err(rejection), known) => Err(refused(rejection, &known)),
            // Where no challenge is expected, none is right.
            (Ok(_), Err(why)) => Err(Refusal::new(RefusalKind::Ceremony, code(Step::Challenge), why)),
        }
    }

    /// What the app can do beside passkeys, as the Authenticator policy's mode says, if the passkey was made in it.
    fn app_beside(
        &mut self,
        now: Time,
        user: &User,
        pending: &Pending,
    ) -> Option<(AuthenticatorApp, CodeSecret)> {
        let phone = pending.phone.as_ref().filter(|_| pending.route == Route::InApp)?;
        let mode = self.state.authenticator.mode_for(self.subject(user))?;
        let id = Guid::random(&mut *self.rng);
        let app = AuthenticatorApp {
            id,
            user: user.id,
            display_name: phone.name.clone(),
            platform: phone.platform,
            phone_app_version: phone.app_version.clone(),
            push: mode.push(),
            phone_sign_in: mode.phone_sign_in(),
            one_time_code: self.state.authenticator.is_software_oath_enabled,
            created: now,
        };
        Some((app, CodeSecret::random(id, &mut *self.rng)))
    }
}

/// Whether a model passes.
fn lets_through(keys: &KeyRestrictions, aaguid: Aaguid) -> bool {
    let allows = keys.enforcement_type == EnforcementType::Allow;
    !keys.is_enforced || keys.aa_guids.contains(&aaguid) == allows
}

/// Whether the factors of a session are fresh enough to register something.
fn fresh(session: &Session, now: Time) -> Result<Clause, Refusal> {
    let strong = |mode: Mode| mode != Mode::Password;
    let newest = session.shown.iter().filter(|shown| strong(shown.factor.mode)).max_by_key(|shown| shown.at);
    let Some(newest) = newest else {
        let message = "multifactor authentication is needed to register a passkey";
        let clause = Clause::fails("session.multifactor", "nothing but a password was shown");
        return Err(Refusal::new(RefusalKind::Forbidden, "sim_mfa_required", message)
            .hint("sign in with a second factor, or with a Temporary Access Pass")
            .because(vec![clause]));
    };
    let (what, limit) = match newest.factor.mode {
        Mode::TemporaryAccessPassOneTime => ("the one-time Temporary Access Pass", ONE_TIME_PASS_FRESHNESS),
        _ => ("the last second factor", MFA_FRESHNESS),
    };
    let age = now.since(newest.at);
    let says = format!("{what} was shown {} s ago, and counts for {} s here", age.as_secs(), limit.as_secs());
    if age <= limit {
        return Ok(Clause::holds("session.multifactor", says));
    }
    Err(Refusal::new(RefusalKind::Forbidden, "sim_mfa_too_old", says.clone())
        .hint("sign in again")
        .because(vec![Clause::fails("session.multifactor", says)]))
}

/// A name for a passkey.
pub(crate) fn check_name(name: &str) -> Result<(), Refusal> {
    let length = name.chars().count();
    if (1..=LONGEST_NAME).contains(&length) && !name.chars().any(char::is_control) {
        return Ok(());
    }
    let message =
        format!("displayName has {length} characters, and goes from 1 to {LONGEST_NAME} printable ones");
    Err(Refusal::new(RefusalKind::BadRequest, "sim_display_name", message))
}

/// The name of a model, or as many of its words as are short enough for the name of a passkey.
fn short(model: &str) -> String {
    let mut name = String::new();
    for word in model.split_whitespace() {
        if name.chars().count() + 1 + word.chars().count() > LONGEST_NAME {
            break;
        }
        if !name.is_empty() {
            name.push(' ');
        }
        name.push_str(word);
    }
    // What is left of a remark in parentheses, and of a preposition.
    let name = name.split(" (").next().unwrap_or(&name).trim_end_matches(" for").trim_end_matches(" with");
    if name.is_empty() { model.chars().take(LONGEST_NAME).collect() } else { name.into() }
}

/// Extension inputs, as captured of Graph. Chromium refuses to enforce the policy that is the weakest, so that a page
/// cannot send all of them; what Entra's own page sends is not known.
fn extensions(route: Route) -> Map<String, serde_json::Value> {
    let value = [json!(true), json!(true), json!("userVerificationOptional")];
    let all = EXTENSIONS.iter().zip(value);
    let sent = all.filter(|(name, _)| route == Route::Provisioning || **name != EXTENSIONS[1]);
    sent.map(|(name, value)| ((*name).into(), value)).collect()
}

/// SHA-1 in hexadecimal, as Graph shows certificates.
fn thumbprint(der: &[u8]) -> String {
    wire::hex::encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, der).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_of_a_model_is_cut_between_words() {
        for (model, name) in [
            ("Microsoft Authenticator for iOS", "Microsoft Authenticator"),
            ("YubiKey 5 Series with NFC (fw 5.2, 5.4)", "YubiKey 5 Series with NFC"),
            ("RSA DS100", "RSA DS100"),
            ("Windows Hello VBS Hardware Authenticator", "Windows Hello VBS Hardware"),
            ("Passwordsmanagersoftwarecompany4711", "Passwordsmanagersoftwarecompan"),
        ] {
            assert_eq!(short(model), name);
            assert!(check_name(&short(model)).is_ok());
        }
    }
}
