//! WebAuthn extensions, Level 3 §9 and §10. Each extension is one row of [`Registering`] or [`SigningIn`]: what it
//! adds to the CTAP request, and what it tells the page.
use serde_json::{Map, Value, json};
use wire::cbor;
use wire::ctap2::GetInfoResponse;

/// Client extension processing of a registration.
pub(crate) struct Registering {
    cred_props: bool,
    /// Inputs to the authenticator, a map with text keys.
    pub(crate) inputs: Option<cbor::Value>,
    /// What was passed over.
    pub(crate) notes: Vec<String>,
}

impl Registering {
    /// §5.1.3 step 12.
    pub(crate) fn begin(extensions: &Map<String, Value>) -> Self {
        let mut this = Self { cred_props: false, inputs: None, notes: Vec::new() };
        for (id, input) in extensions {
            match id.as_str() {
                // §10.1.3: the input is true.
                "credProps" => this.cred_props = input == &Value::Bool(true),
                unknown => this.notes.push(passed_over(unknown)),
            }
        }
        this
    }

    /// The client extension outputs. `rk` is what the authenticator was asked for.
    pub(crate) fn finish(&self, rk: bool, info: &GetInfoResponse) -> Map<String, Value> {
        let mut outputs = Map::new();
        if self.cred_props {
            // §10.1.3: a client leaves `rk` out where it cannot be sure of a false. Only since CTAP 2.1 §6.1.2 is
            // a credential that was made without rk certainly not discoverable.
            let sure = rk || info.versions.iter().any(|v| matches!(v.as_str(), "FIDO_2_1" | "FIDO_2_3"));
            let sure = sure || info.option("rk") != Some(true);
            outputs.insert("credProps".into(), if sure { json!({ "rk": rk }) } else { json!({}) });
        }
        outputs
    }
}

/// Client extension processing of a sign-in.
pub(crate) struct SigningIn {
    /// Inputs to the authenticator, a map with text keys.
    pub(crate) inputs: Option<cbor::Value>,
    /// What was passed over.
    pub(crate) notes: Vec<String>,
}

impl SigningIn {
    /// §5.1.4.1 step 9.
    pub(crate) fn begin(extensions: &Map<String, Value>) -> Self {
        let notes = extensions.keys().map(|id| passed_over(id)).collect();
        Self { inputs: None, notes }
    }

    /// The client extension outputs.
    pub(crate) fn finish(&self) -> Map<String, Value> {
        Map::new()
    }
}

fn passed_over(id: &str) -> String {
    format!("extension {id:?} passed over: this client does not have it")
}
