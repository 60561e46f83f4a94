//! What users can sign in with now, what they could register, and the relying party that judges their passkeys.
use crate::access::{Factor, Mode, Strength};
use crate::guid::Guid;
use crate::handle::user_handle;
use crate::passkey::{AttestationLevel, PasskeyFacts, PasskeyType, Route};
use crate::policy::{self, Decision, Purpose, Question};
use crate::settings::CounterMode;
use crate::tenant::Tenant;
use crate::time::Time;
use crate::user::User;
use relying_party::{
    AttestationFormat, AttestationPolicy, Conveyance, Counter, RelyingParty, UserVerification,
};
use wire::aaguid::Aaguid;
use wire::cose::Algorithm;

/// The longest name of an attestation statement format that Entra does not know and takes all the same.
const LONGEST_FORMAT: usize = 32;

/// The formats whose statements are looked at. Entra without enforcement takes `tpm` and names of its own too (documented),
/// and enforcement takes `packed` alone: whether it verifies any other is not known.
const FORMATS: [AttestationFormat; 3] =
    [AttestationFormat::None, AttestationFormat::Packed, AttestationFormat::FidoU2f];

impl Tenant {
    /// The relying party, at that time.
    pub(crate) fn relying_party(&self, now: Time) -> RelyingParty {
        let mut party = RelyingParty::new(self.settings.rp_id.clone());
        party.name.clone_from(&self.settings.name);
        party.origins.clone_from(&self.settings.origins);
        // ES256 and RS256, in that order: captured.
        party.algorithms = vec![Algorithm::ES256, Algorithm::RS256];
        party.user_verification = UserVerification::Required;
        party.attestation = AttestationPolicy {
            conveyance: Conveyance::Direct,
            trust_anchors: self.settings.trust_anchors.clone(),
            now: u64::try_from(now.seconds()).ok(),
            formats: FORMATS.into(),
            ..AttestationPolicy::lenient(LONGEST_FORMAT)
        };
        party.counter = match self.settings.counter {
            CounterMode::Ignore => Counter::Ignore,
            CounterMode::W3c => Counter::W3c,
            CounterMode::Entra2026 => Counter::Entra2026,
        };
        party
    }

    /// WebAuthn's `user.id`.
    pub(crate) fn user_handle(&self, user: Guid) -> Vec<u8> {
        user_handle(self.settings.tenant_id, user)
    }

    /// Whether a passkey may be registered or used now, and why. `None` where it is not known yet.
    pub fn decide(
        &self,
        now: Time,
        user: &User,
        purpose: Purpose,
        passkey: Option<&PasskeyFacts>,
    ) -> Decision {
        let question =
            Question { purpose, behaviour: self.settings.behaviour, subject: self.subject(user), passkey };
        match question.purpose {
            Purpose::Registration => self.policy().decide(&question),
            Purpose::SignIn => self.felt_policy(now).decide(&question),
        }
    }

    /// Whether a user may try to register from another device, before a passkey is made.
    pub(crate) fn decide_cross_device(&self, user: &User) -> Decision {
        self.policy().decide_cross_device(&Question {
            purpose: Purpose::Registration,
            behaviour: self.settings.behaviour,
            subject: self.subject(user),
            passkey: None,
        })
    }

    /// What a user has registered and may use now.
    pub(crate) fn usable(&self, now: Time, user: &User) -> Vec<Factor> {
        let mut factors = Vec::new();
        for passkey in self.state.passkeys_of(user.id) {
            let facts = passkey.facts();
            let allowed = self.decide(now, user, Purpose::SignIn, Some(&facts)).allowed;
            if allowed && passkey.dead.is_none() {
                factors.push(Factor::passkey(passkey.aaguid));
            }
        }
        let plain = Factor::plain;
        let Some(belongings) = self.state.belongings.get(&user.id) else { return factors };
        if let Some(tap) = &belongings.tap
            && tap.usability(&self.state.tap, &self.subject(user), now).is_usable
        {
            factors.push(tap.factor());
        }
        if belongings.password.is_some() {
            factors.push(plain(Mode::Password));
        }
        let modes = self.state.authenticator.mode_for(self.subject(user));
        for (app, _) in &belongings.apps {
            if app.push && modes.is_some_and(|mode| mode.push()) {
                factors.push(plain(Mode::MicrosoftAuthenticatorPush));
            }
            if app.phone_sign_in && modes.is_some_and(|mode| mode.phone_sign_in()) {
                factors.push(plain(Mode::DeviceBasedPush));
            }
            if app.one_time_code && modes.is_some() && self.state.authenticator.is_software_oath_enabled {
                factors.push(plain(Mode::SoftwareOath));
            }
        }
        factors
    }

    /// What a user could register: passkeys of the models that policies mention and of one that nobody knows, and
    /// the Authenticator app.
    pub(crate) fn registrable(&self, now: Time, user: &User) -> Vec<Factor> {
        let mut factors = Vec::new();
        let open = self.decide(now, user, Purpose::Registration, None);
        if open.allowed {
            let facts = |aaguid| PasskeyFacts {
                aaguid,
                attestation: AttestationLevel::Attested,
                fmt: "packed".into(),
                passkey_type: PasskeyType::DeviceBound,
                route: Route::SecurityInfo,
            };
            let mut candidates: Vec<Aaguid> = policy::built_in_names().map(|(aaguid, _)| aaguid).collect();
            for strength in self.state.strengths.values() {
                candidates.extend(strength.allowed_aaguids());
            }
            candidates.sort_unstable();
            candidates.dedup();
            let allowed = |aaguid: &Aaguid| {
                self.decide(now, user, Purpose::Registration, Some(&facts(*aaguid))).allowed
            };
            factors.extend(candidates.into_iter().filter(allowed).map(Factor::passkey));
            // A model that nobody ever heard of.
            if allowed(&Aaguid(*b"no such model...")) {
                factors.push(Factor::plain(Mode::Fido2));
            }
        }
        if let Some(mode) = self.state.authenticator.mode_for(self.subject(user)) {
            let plain = Factor::plain;
            if mode.push() {
                factors.push(plain(Mode::MicrosoftAuthenticatorPush));
            }
            if mode.phone_sign_in() {
                factors.push(plain(Mode::DeviceBasedPush));
            }
            if self.state.authenticator.is_software_oath_enabled {
                factors.push(plain(Mode::SoftwareOath));
            }
        }
        factors
    }

    /// A strength, built in or custom.
    pub(crate) fn strength_of(&self, id: Guid) -> Option<Strength> {
        let custom = self.state.strengths.get(&id).cloned();
        custom.or_else(|| Strength::built_in().into_iter().find(|strength| strength.id == id))
    }
}
