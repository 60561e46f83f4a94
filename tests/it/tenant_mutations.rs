//! Every field of a registration and of a sign-in, changed once, before the tenant: refused at the step that is for it,
//! with Entra's number where it is known, and nothing is changed by it.
use relying_party::{Ceremony, Step};
use serde_json::{Value, json};
use tenant::administration::MethodPolicy;
use tenant::directory::NewUser;
use tenant::store::Forgetful;
use tenant::{
    AttestationLevel, Behaviour, Guid, Refusal, RefusalKind, Settings, Tenant, Time, User, UserType, Visitor,
};
use tests::mutations::{self, Device, ORIGIN, Only, Outcome, RP_ID, Row};
use tests::{CA, rng};
use wire::cose::Algorithm;
use wire::webauthn::json;

const NOW: Time = Time::from_seconds(1_800_000_000);
const UPN: &str = "ada@contoso.test";

/// A tenant with one user, who has one device.
struct Scene {
    tenant: Tenant,
    user: User,
    device: Device,
}

impl Scene {
    fn new(algorithm: Algorithm) -> Self {
        let mut tenant = Tenant::open(Box::new(Forgetful), rng(7), |_, id| Settings {
            trust_anchors: vec![CA.certificate().to_vec()],
            ..Settings::new(id, RP_ID, ORIGIN, Behaviour::Current)
        })
        .unwrap();
        let body = json!({
            "@odata.type": "#microsoft.graph.fido2AuthenticationMethodConfiguration",
            "state": "enabled",
            "isAttestationEnforced": false,
        });
        tenant.patch_method_policy(NOW, MethodPolicy::Fido2, &body).unwrap();
        let user = NewUser {
            user_principal_name: UPN.into(),
            display_name: "Ada".into(),
            user_type: UserType::Member,
            is_admin: false,
            password: None,
            id: None,
        };
        let user = tenant.add_user(NOW, user).unwrap();
        Self { tenant, user, device: Device::new(algorithm) }
    }

    /// Registers, with that change or without.
    fn register(&mut self, row: Option<&Row>) -> Result<tenant::registration::Done, Option<Refusal>> {
        let (_, options) = self.tenant.creation_options(NOW, self.user.id, 5).unwrap();
        let posted = self.posted(|device| device.create(&options), row);
        let response = json::from_value(posted).map_err(|_| None)?;
        self.tenant.provision(NOW, self.user.id, None, &response).map_err(Some)
    }

    /// Signs in, with that change or without.
    fn sign_in(&mut self, row: Option<&Row>) -> Result<tenant::sign_in::Progress, Option<Refusal>> {
        let visitor = Visitor { ip_address: "192.0.2.7".into(), user_agent: "a test".into() };
        let session = self.tenant.begin_sign_in(NOW, visitor, Guid::small(7)).unwrap();
        if row.is_some_and(|row| row.only == Only::ByName) {
            self.tenant.identify(NOW, &session, UPN).unwrap();
        }
        let options = self.tenant.request_options(NOW, &session).unwrap();
        let posted = self.posted(|device| device.get(&options), row);
        let response = json::from_value(posted).map_err(|_| None)?;
        self.tenant.sign_in_with_passkey(NOW, &session, &response).map_err(Some)
    }

    fn posted(&mut self, make: impl FnOnce(&mut Device) -> Value, row: Option<&Row>) -> Value {
        let good = make(&mut self.device);
        let Some(row) = row else { return good };
        serde_json::from_str(&self.device.keys().mutated(&good, row.change)).unwrap()
    }
}

/// Rows of ES256, and those that are about RSA alone.
fn rows(ceremony: Ceremony) -> impl Iterator<Item = (Algorithm, &'static Row)> {
    let of = move |algorithm| mutations::rows(ceremony, algorithm).map(move |row| (algorithm, row));
    of(Algorithm::ES256).chain(of(Algorithm::RS256).filter(|(_, row)| row.only == Only::Rs256))
}

/// What comes of a registration here where it is not what the table's own relying party makes of it.
enum Here {
    /// Entra without enforcement takes it, at this level of attestation.
    Taken(AttestationLevel),
    /// The ceremony is good, and the policy refuses it with this code.
    Policy(&'static str),
    /// A later step refuses it.
    Step(Step),
}

fn here(row: &Row) -> Option<Here> {
    Some(match (row.member, row.what) {
        // The formats of provisioning are none and packed.
        ("attestationObject.fmt", "in capitals" | "unknown") => Here::Policy("sim_format_not_accepted"),
        ("attStmt.x5c", "of another authority" | "a bit of its signature turned over") => {
            Here::Taken(AttestationLevel::NotAttested)
        }
        // Whether synced passkeys are wanted is no step of the ceremony here.
        ("authData.flags.BE", "turned over") => Here::Policy("sim_passkey_type"),
        ("authData.flags.BE", "on the way") => Here::Step(Step::AttestationSignature),
        // Its options ask for credentialProtectionPolicy.
        ("authData.extensions", "one that was not asked for") => Here::Taken(AttestationLevel::Attested),
        _ => return None,
    })
}

#[test]
fn a_registration_of_which_one_field_is_changed_leaves_no_passkey_behind() {
    let mut wrong = Vec::new();
    for (algorithm, row) in rows(Ceremony::Registration) {
        let mut scene = Scene::new(algorithm);
        let ended = scene.register(Some(row));
        let kept = scene.tenant.passkeys(scene.user.id).count();
        let refused = |refusal: &Refusal, step| kept == 0 && is_of(refusal, step, Ceremony::Registration);
        let as_expected = match (&ended, row.outcome, here(row)) {
            (Ok(done), _, Some(Here::Taken(level))) => kept == 1 && done.passkey.attestation_level == level,
            (Err(Some(refusal)), _, Some(Here::Policy(code))) => {
                kept == 0 && (refusal.kind, refusal.code.as_str()) == (RefusalKind::Policy, code)
            }
            (Err(Some(refusal)), _, Some(Here::Step(step))) => refused(refusal, step),
            (Err(Some(refusal)), Outcome::Refused(step), None) => refused(refusal, step),
            (Ok(_), Outcome::Accepted(_), None) => kept == 1,
            (Err(None), Outcome::Unreadable, None) => kept == 0,
            _ => false,
        };
        if !as_expected {
            let ended = ended.map(|done| done.warnings);
            wrong
                .push(format!("{algorithm}, {}, {}: {:?}, and {ended:?}", row.member, row.what, row.outcome));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_sign_in_of_which_one_field_is_changed_lets_nobody_in_and_the_next_one_does() {
    let mut wrong = Vec::new();
    for (algorithm, row) in rows(Ceremony::Authentication) {
        let mut scene = Scene::new(algorithm);
        scene.register(None).unwrap();
        let before = scene.tenant.passkeys(scene.user.id).next().unwrap().clone();
        let logged = scene.tenant.sign_ins().count();
        let ended = scene.sign_in(Some(row));
        let logged = scene.tenant.sign_ins().count() - logged;
        let unchanged = *scene.tenant.passkeys(scene.user.id).next().unwrap() == before;
        let as_expected = match (&ended, row.outcome) {
            (Ok(progress), Outcome::Accepted(_)) => progress.is_granted() && !unchanged && logged == 1,
            (Err(Some(refusal)), Outcome::Refused(step)) => {
                unchanged && logged == 1 && has_number(refusal, row, step)
            }
            (Err(None), Outcome::Unreadable) => unchanged && logged == 0,
            _ => false,
        };
        // A counter that jumped to its end has no next one.
        let next = row.what == "much more" || scene.sign_in(None).is_ok_and(|progress| progress.is_granted());
        if !as_expected || !next {
            let ended = ended.map(|progress| progress.warnings);
            wrong
                .push(format!("{algorithm}, {}, {}: {:?}, and {ended:?}", row.member, row.what, row.outcome));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn is_of(refusal: &Refusal, step: Step, ceremony: Ceremony) -> bool {
    let cite = step.cite(ceremony).unwrap();
    refusal.kind == RefusalKind::Ceremony && refusal.message.starts_with(&format!("{cite}: "))
}

/// Entra's numbers: 135010, 135017 and 135018 where they are known, and otherwise that it failed.
fn has_number(refusal: &Refusal, row: &Row, step: Step) -> bool {
    // Whose passkey it is is looked up by its ID before anything else can be.
    if (row.member, row.what) == ("rawId", "of another credential, and id as well")
        || (row.member, row.what) == ("rawId", "of another credential")
    {
        return refusal.number == Some(135_010) && refusal.code == "KeyNotFound";
    }
    let number = match step {
        Step::Challenge => 135_018,
        Step::Counter => 135_017,
        _ => 500_121,
    };
    refusal.number == Some(number) && is_of(refusal, step, Ceremony::Authentication)
}
