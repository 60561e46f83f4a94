//! Logs and reports, tried out.
mod logs;
mod reports;
mod tables;

use super::{AuthenticationDetail, SignIn, SignInFacts};
use crate::guid::Guid;
use crate::passkey::{AttestationLevel, Passkey, PasskeyType, Route};
use crate::settings::{Behaviour, Settings};
use crate::state::Change;
use crate::store::{Forgetful, Row};
use crate::tenant::Tenant;
use crate::time::Time;
use crate::user::User;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::{Value, json};
use wire::aaguid::Aaguid;

const NOW: Time = Time::from_seconds(1_768_948_201);
const IOS: &str = "90a3ccdf-635c-4729-a248-9b709135078f";
const ANDROID: &str = "de1e552d-db1d-4423-a619-566b625cdc84";
const HELLO: &str = "08987058-cadc-4b81-b6e1-30de50dcbe96";
const YUBIKEY: &str = "2fc0579f-8113-47ea-b116-bb5a8db9202a";
const BOTH: [Behaviour; 2] = [Behaviour::Preview2024, Behaviour::Current];

fn aaguid(text: &str) -> Aaguid {
    text.parse().unwrap()
}

fn settings(behaviour: Behaviour) -> Settings {
    Settings::new(Guid::small(9), "localhost", "http://localhost", behaviour)
}

fn tenant(behaviour: Behaviour) -> Tenant {
    let rng = Box::new(ChaCha20Rng::seed_from_u64(8));
    Tenant::open(Box::new(Forgetful), rng, |_, _| settings(behaviour)).unwrap()
}

fn adele() -> User {
    User {
        id: Guid::small(1),
        user_principal_name: "adele@contoso.example".into(),
        display_name: "Adele Example".into(),
        user_type: crate::UserType::Member,
        is_admin: false,
        created: Time(0),
    }
}

/// A passkey whose credential ID is that number.
fn passkey(user: Guid, number: u32, model: &str, passkey_type: PasskeyType) -> Passkey {
    Passkey {
        user,
        display_name: "Adele iPhone (emulated)".into(),
        created: NOW,
        aaguid: aaguid(model),
        attestation_level: AttestationLevel::NotAttested,
        attestation_certificates: Vec::new(),
        fmt: "none".into(),
        passkey_type,
        route: Route::InApp,
        credential: serde_json::from_value(json!({
            "id": wire::base64url::encode(&number.to_be_bytes()), "userHandle": "AA",
            "publicKey": "pQECAyYgASFYIFm4QAIKASsJ2HFcAGBTEBWM7VIU8LoX8fuQb_ELRCFzIlgg57yf0CfTnCmNb0f5oTRTVmrZJtrFLK9OeJr7pPXnb1A",
            "signCount": 0, "backupEligible": false, "backedUp": false, "uvInitialized": true, "transports": [],
        }))
        .unwrap(),
        last_used: None,
        dead: None,
    }
}

fn keep(tenant: &mut Tenant, passkey: Passkey) {
    tenant.commit(vec![Change::Put(Box::new(Row::Passkey(Box::new(passkey))))]).unwrap();
}

fn sign_in(
    behaviour: Behaviour,
    id: u8,
    at: Time,
    error_code: u32,
    details: Vec<AuthenticationDetail>,
) -> SignIn {
    let user = adele();
    let facts = SignInFacts {
        id: Guid::small(id),
        now: at,
        correlation_id: Guid::small(3),
        user: Some(&user),
        app_id: crate::access::apps::OFFICE_HOME.id,
        ip_address: "192.0.2.10".into(),
        user_agent: "Mozilla/5.0".into(),
        error_code,
        message: None,
        details,
        applied: &[],
        multi_factor: true,
        explanation: &[],
        warnings: &[],
    };
    SignIn::new(&settings(behaviour), facts)
}

/// The documents of `fixtures/graph/records`.
fn fixture(name: &str) -> Value {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/graph/records/");
    let text = std::fs::read_to_string(format!("{folder}{name}.json")).unwrap();
    serde_json::from_str::<Value>(&text).unwrap()["response"].take()
}

/// Whether `made` has every member of `golden`, in objects of objects and lists too, each of the same kind; `null` is
/// of every kind. Says which has not.
fn same_shape(at: &str, golden: &Value, made: &Value) -> Result<(), String> {
    match (golden, made) {
        (Value::Null, _) | (_, Value::Null) => Ok(()),
        (Value::Object(golden), Value::Object(made)) => golden.iter().try_for_each(|(name, golden)| {
            let made = made.get(name).ok_or_else(|| format!("{at}.{name} is missing"))?;
            same_shape(&format!("{at}.{name}"), golden, made)
        }),
        (Value::Array(golden), Value::Array(made)) => {
            let Some(first) = golden.first() else { return Ok(()) };
            made.iter().enumerate().try_for_each(|(i, made)| same_shape(&format!("{at}[{i}]"), first, made))
        }
        _ if std::mem::discriminant(golden) == std::mem::discriminant(made) => Ok(()),
        _ => Err(format!("{at}: {golden} in the document, {made} here")),
    }
}

fn names(document: &Value) -> Vec<&str> {
    document.as_object().unwrap().keys().map(String::as_str).collect()
}
