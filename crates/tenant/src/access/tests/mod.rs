//! What it takes to get in, tried out.
mod conditional;
mod documents;
mod refusals;
mod strength;
mod tap;

use super::{Factor, Mode, Strength};
use crate::guid::Guid;
use crate::time::Time;
use crate::user::{User, UserType};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::{Value, json};
use wire::aaguid::Aaguid;

const NOW: Time = Time::from_seconds(1_768_947_000);
const IOS: &str = "90a3ccdf-635c-4729-a248-9b709135078f";
const ANDROID: &str = "de1e552d-db1d-4423-a619-566b625cdc84";
const YUBIKEY: &str = "2fc0579f-8113-47ea-b116-bb5a8db9202a";

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(6)
}

fn aaguid(text: &str) -> Aaguid {
    text.parse().unwrap()
}

fn passkey(model: &str) -> Factor {
    Factor::passkey(aaguid(model))
}

fn plain(mode: Mode) -> Factor {
    Factor::plain(mode)
}

/// A strength of those combinations, and of passkeys of those models if there are any.
fn custom(combinations: &[&str], models: &[&str]) -> Strength {
    let mut body = json!({ "displayName": "Passkeys", "allowedCombinations": combinations });
    if !models.is_empty() {
        body["combinationConfigurations"] = json!([{
            "@odata.type": "#microsoft.graph.fido2CombinationConfiguration",
            "appliesToCombinations": ["fido2"],
            "allowedAAGUIDs": models,
        }]);
    }
    Strength::from_graph(&body, NOW, &mut rng()).unwrap()
}

fn user(id: u8, user_type: UserType) -> User {
    User {
        id: Guid::small(id),
        user_principal_name: format!("user{id}@contoso.test"),
        display_name: format!("User {id}"),
        user_type,
        is_admin: false,
        created: NOW,
    }
}

/// A document of `fixtures/graph/access`.
fn fixture(name: &str) -> Value {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/graph/access/");
    let text = std::fs::read_to_string(format!("{folder}{name}")).unwrap();
    serde_json::from_str(&text).unwrap()
}
