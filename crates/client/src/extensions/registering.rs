//! Client extension processing of a registration.
use super::hmac_secret::{self, Salts, UNVERIFIED};
use super::input::{buffer, dictionary, not_supported, present, text};
use super::large_blob::{self, Support};
use super::prf;
use super::protection::Protection;
use super::{Outputs, appid, has, is_true, not_there, passed_over, single};
use crate::Origin;
use crate::error::ClientError;
use crate::pin::SharedSecret;
use crate::selection::Platform;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use wire::cbor;
use wire::ctap2::GetInfoResponse;

/// What a registration asks for.
#[derive(Default)]
pub(crate) struct Registering {
    cred_props: bool,
    hmac_create_secret: bool,
    prf: bool,
    /// It goes in the clear.
    in_the_clear: bool,
    /// What prf is to evaluate at once.
    eval: Option<Salts>,
    protection: Option<Protection>,
    cred_blob: Option<Vec<u8>>,
    min_pin_length: bool,
    large_blob: Option<Support>,
    appid_exclude: Option<String>,
    /// What was passed over.
    pub(crate) notes: Vec<String>,
}

impl Registering {
    /// §5.1.3 step 12. `rk` is what the authenticator will be asked for.
    ///
    /// # Errors
    /// If an input is not one that the page may send, or the authenticator cannot honour what must be.
    pub(crate) fn begin(
        extensions: &Map<String, Value>,
        origin: &Origin,
        platform: &Platform,
        rk: bool,
    ) -> Result<Self, ClientError> {
        let info = &platform.info;
        let mut this = Self { in_the_clear: platform.evaluates_in_the_clear(), ..Self::default() };
        for (id, input) in extensions {
            match id.as_str() {
                // §10.1.3: the input is true.
                "credProps" => this.cred_props = is_true(input),
                "prf" => this.read_prf(input, info)?,
                "hmacCreateSecret" => {
                    this.hmac_create_secret = is_true(input);
                    this.note_hmac_secret(id, info);
                }
                Protection::POLICY => {
                    this.protection = Protection::read(extensions, info)?;
                    if this.protection.is_none() {
                        this.notes.push(not_there(id, "credProtect"));
                    }
                }
                // Read with the policy, without which it means nothing.
                Protection::ENFORCE => {}
                "credBlob" => this.cred_blob = Some(buffer(id, input)?),
                "minPinLength" if has(info, "minPinLength") => this.min_pin_length = is_true(input),
                "minPinLength" => this.notes.push(not_there(id, "minPinLength")),
                large_blob::ID => this.large_blob = Some(Support::read(input, info, rk)?),
                "appidExclude" => {
                    let app_id = text(id, input)?;
                    appid::check("appidExclude", origin, app_id)?;
                    this.appid_exclude = Some(appid::named(origin, app_id));
                }
                unknown => this.notes.push(passed_over(unknown)),
            }
        }
        Ok(this)
    }

    fn note_hmac_secret(&mut self, id: &str, info: &GetInfoResponse) {
        if !has(info, "hmac-secret") {
            self.notes.push(not_there(id, "hmac-secret"));
        }
    }

    /// §10.1.4, registration.
    fn read_prf(&mut self, input: &Value, info: &GetInfoResponse) -> Result<(), ClientError> {
        let input = dictionary("prf", input)?;
        // Step 1.
        if present(input, "evalByCredential").is_some() {
            return Err(not_supported("prf", "evalByCredential is for a sign-in"));
        }
        self.prf = true;
        if !self.in_the_clear {
            self.note_hmac_secret("prf", info);
        }
        // Step 3: an authenticator may evaluate while it registers.
        if let Some(eval) = present(input, "eval") {
            let salts = Salts::read("prf.eval", eval)?;
            if self.in_the_clear || (has(info, "hmac-secret") && has(info, "hmac-secret-mc")) {
                self.eval = Some(salts);
            } else if has(info, "hmac-secret") {
                self.notes.push(
                    "prf is evaluated at a sign-in only: the authenticator has no hmac-secret-mc".into(),
                );
            }
        }
        Ok(())
    }

    /// The AppID for which an excluded passkey of U2F may be.
    pub(crate) fn app_id_exclude(&self) -> Option<&str> {
        self.appid_exclude.as_deref()
    }

    /// Whether prf evaluates anything; then the user is to be verified, if need be.
    pub(crate) fn evaluates(&self) -> bool {
        self.eval.is_some()
    }

    /// Whether a secret must be agreed on for it.
    pub(crate) fn agrees(&self) -> bool {
        self.evaluates() && !self.in_the_clear
    }

    /// Does without evaluating.
    pub(crate) fn give_up_evaluating(&mut self, why: &str) {
        self.eval = None;
        self.notes.push(why.into());
    }

    /// The inputs to the authenticator, a map with text keys. `secret` is for evaluating; before there is one, the
    /// input for it is as long as it can become.
    pub(crate) fn inputs(
        &self,
        info: &GetInfoResponse,
        secret: Option<&mut SharedSecret>,
    ) -> Option<cbor::Value> {
        let mut members = Vec::new();
        let prf = self.prf && !self.in_the_clear;
        if (prf || self.hmac_create_secret) && has(info, "hmac-secret") {
            members.push(("hmac-secret", true.into()));
        }
        if self.prf && self.in_the_clear {
            members.push(("prf", prf::input(self.eval.as_ref(), &BTreeMap::new())));
        } else if let Some(eval) = &self.eval {
            let input = secret.map_or_else(hmac_secret::longest_input, |secret| eval.input(secret));
            members.push(("hmac-secret-mc", input));
        }
        members.extend(self.protection.map(|protection| ("credProtect", protection.input())));
        members.extend(self.fitting_blob(info).map(|blob| ("credBlob", cbor::bytes(blob))));
        members.extend(self.large_blob.and_then(Support::input));
        if self.min_pin_length {
            members.push(("minPinLength", true.into()));
        }
        super::inputs(members)
    }

    /// CTAP 2.1 §12.2: the platform does not send what is longer than maxCredBlobLength.
    fn fitting_blob(&self, info: &GetInfoResponse) -> Option<&[u8]> {
        let room = info.max_cred_blob_length.filter(|_| has(info, "credBlob"))?;
        self.cred_blob.as_deref().filter(|blob| u64::try_from(blob.len()).is_ok_and(|len| len <= room))
    }

    /// The client extension outputs. `rk` is what the authenticator was asked for.
    pub(crate) fn finish(
        &self,
        rk: bool,
        info: &GetInfoResponse,
        from: &Outputs<'_>,
        secret: Option<&SharedSecret>,
        notes: &mut Vec<String>,
    ) -> Map<String, Value> {
        let mut outputs = Map::new();
        if self.cred_props {
            // §10.1.3: a client leaves `rk` out where it cannot be sure of a false. Only since CTAP 2.1 §6.1.2 is
            // a credential that was made without rk certainly not discoverable.
            let sure = rk || info.versions.iter().any(|v| matches!(v.as_str(), "FIDO_2_1" | "FIDO_2_3"));
            let sure = sure || info.option("rk") != Some(true);
            outputs.insert("credProps".into(), if sure { json!({ "rk": rk }) } else { json!({}) });
        }
        let hmac_secret = from.signed("hmac-secret").and_then(cbor::Value::as_bool) == Some(true);
        if self.prf {
            // §10.1.4, registration, steps 4 and 5.
            let in_the_clear = from.unsigned("prf").filter(|_| self.in_the_clear);
            let enabled = if self.in_the_clear { prf::enabled(in_the_clear) } else { hmac_secret };
            let mut prf = single("enabled", enabled);
            let results = self.eval.as_ref().map_or(Ok(None), |eval| match self.in_the_clear {
                true => prf::told(eval, in_the_clear),
                false => eval.results(from.signed("hmac-secret-mc"), secret),
            });
            match results {
                Ok(Some(_)) if !from.verified => notes.push(UNVERIFIED.into()),
                Ok(Some(results)) => prf["results"] = results,
                Ok(None) => {}
                Err(why) => notes.push(why),
            }
            outputs.insert("prf".into(), prf);
        }
        if self.hmac_create_secret {
            outputs.insert("hmacCreateSecret".into(), hmac_secret.into());
        }
        if let Some(protection) = self.protection {
            notes.extend(protection.note(from.signed("credProtect")));
        }
        if self.cred_blob.is_some() {
            let kept = from.signed("credBlob").and_then(cbor::Value::as_bool) == Some(true);
            outputs.insert("credBlob".into(), kept.into());
        }
        if let Some(support) = self.large_blob {
            outputs.insert(large_blob::ID.into(), single("supported", support.supported(from)));
        }
        if self.appid_exclude.is_some() {
            outputs.insert("appidExclude".into(), true.into());
        }
        outputs
    }
}
