//! Client extension processing of a sign-in.
use super::blob_array::Access;
use super::hmac_secret::{self, Salts, UNVERIFIED};
use super::input::{dictionary, not_supported, present, text};
use super::large_blob::{self, Use};
use super::prf;
use super::{Outputs, appid, has, is_true, not_there, passed_over};
use crate::Origin;
use crate::ceremony::sha256;
use crate::error::ClientError;
use crate::pin::SharedSecret;
use crate::selection::Platform;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use wire::base64url;
use wire::cbor;
use wire::ctap2::{Descriptor, GetInfoResponse};
use wire::webauthn::json::RequestOptions;

/// What a sign-in asks for.
#[derive(Default)]
pub(crate) struct SigningIn {
    prf: bool,
    /// It goes in the clear.
    in_the_clear: bool,
    /// What prf is to evaluate for a credential that is not named.
    eval: Option<Salts>,
    /// What prf is to evaluate, by credential ID.
    by_credential: BTreeMap<Vec<u8>, Salts>,
    get_cred_blob: bool,
    large_blob: Option<Use>,
    appid: Option<String>,
    /// What was passed over.
    pub(crate) notes: Vec<String>,
}

impl SigningIn {
    /// §5.1.4.1 step 9.
    ///
    /// # Errors
    /// If an input is not one that the page may send.
    pub(crate) fn begin(
        options: &RequestOptions,
        origin: &Origin,
        platform: &Platform,
    ) -> Result<Self, ClientError> {
        let info = &platform.info;
        let mut this = Self { in_the_clear: platform.evaluates_in_the_clear(), ..Self::default() };
        for (id, input) in &options.extensions {
            match id.as_str() {
                "prf" => this.read_prf(input, options)?,
                "getCredBlob" if has(info, "credBlob") => this.get_cred_blob = is_true(input),
                "getCredBlob" => this.notes.push(not_there(id, "credBlob")),
                large_blob::ID => {
                    this.large_blob = Use::read(input, options, info)?;
                    if this.large_blob.as_ref().is_some_and(Use::is_hopeless) {
                        this.notes.push(not_there(id, "large blobs"));
                    }
                }
                "appid" => {
                    let app_id = text(id, input)?;
                    appid::check("appid", origin, app_id)?;
                    this.appid = Some(appid::named(origin, app_id));
                }
                unknown => this.notes.push(passed_over(unknown)),
            }
        }
        if this.evaluates() && !this.in_the_clear && !has(info, "hmac-secret") {
            this.give_up_evaluating(&not_there("prf", "hmac-secret"));
        }
        Ok(this)
    }

    /// §10.1.4, authentication.
    fn read_prf(&mut self, input: &Value, options: &RequestOptions) -> Result<(), ClientError> {
        let input = dictionary("prf", input)?;
        self.prf = true;
        if let Some(eval) = present(input, "eval") {
            self.eval = Some(Salts::read("prf.eval", eval)?);
        }
        let Some(by_credential) = present(input, "evalByCredential") else { return Ok(()) };
        let by_credential = dictionary("prf.evalByCredential", by_credential)?;
        // Step 1.
        if !by_credential.is_empty() && options.allow_credentials.is_empty() {
            return Err(not_supported("prf", "evalByCredential needs allowCredentials"));
        }
        for (key, values) in by_credential {
            // Step 2: each key is the ID of an allowed credential.
            let id = base64url::decode(key).filter(|id| !id.is_empty());
            let id = id.filter(|id| options.allow_credentials.iter().any(|allowed| allowed.id.0 == *id));
            let id = id.ok_or_else(|| ClientError::Extension {
                id: "prf",
                why: format!("evalByCredential names {key:?}, which is not the ID of an allowed credential"),
                exception: "SyntaxError",
            })?;
            self.by_credential.insert(id, Salts::read(&format!("prf.evalByCredential.{key}"), values)?);
        }
        Ok(())
    }

    /// Whether prf evaluates anything; then the user is to be verified, if need be.
    pub(crate) fn evaluates(&self) -> bool {
        self.eval.is_some() || !self.by_credential.is_empty()
    }

    /// Whether a secret must be agreed on, for prf or for writing the large-blob array.
    pub(crate) fn agrees(&self) -> bool {
        (self.evaluates() && !self.in_the_clear) || self.writes_array()
    }

    /// Whether it must be known beforehand which credential will answer.
    pub(crate) fn needs_the_credential(&self) -> bool {
        !self.by_credential.is_empty() && !self.in_the_clear
    }

    /// Does without evaluating.
    pub(crate) fn give_up_evaluating(&mut self, why: &str) {
        self.eval = None;
        self.by_credential.clear();
        self.notes.push(why.into());
    }

    /// §10.1.4, authentication, steps 4 to 6: the salts for the credential that will answer.
    fn salts(&self, allow_list: &[Descriptor]) -> Option<&Salts> {
        let named = match allow_list {
            [only] => self.by_credential.get(&only.id),
            _ => None,
        };
        named.or(self.eval.as_ref())
    }

    /// Whether a secret must be agreed on for what is to be evaluated for the credentials of that list.
    pub(crate) fn agrees_for(&self, allow_list: &[Descriptor]) -> bool {
        self.salts(allow_list).is_some() && !self.in_the_clear
    }

    /// The inputs to the authenticator, a map with text keys. `secret` is for evaluating.
    pub(crate) fn inputs(
        &self,
        allow_list: &[Descriptor],
        secret: Option<&mut SharedSecret>,
    ) -> Option<cbor::Value> {
        let mut members = Vec::new();
        if let (Some(salts), Some(secret)) = (self.salts(allow_list), secret) {
            members.push(("hmac-secret", salts.input(secret)));
        }
        members.extend(self.input_in_the_clear());
        self.with_the_rest(members)
    }

    /// All that the page gave: the phone takes what is for the credential that its user chooses.
    fn input_in_the_clear(&self) -> Option<(&'static str, cbor::Value)> {
        let input = || ("prf", prf::input(self.eval.as_ref(), &self.by_credential));
        (self.in_the_clear && self.evaluates()).then(input)
    }

    /// The inputs before it is known what to evaluate: as long as they can become.
    pub(crate) fn longest_inputs(&self) -> Option<cbor::Value> {
        let agreed = self.evaluates() && !self.in_the_clear;
        let evaluated = agreed.then(|| ("hmac-secret", hmac_secret::longest_input()));
        self.with_the_rest(evaluated.into_iter().chain(self.input_in_the_clear()).collect())
    }

    fn with_the_rest(&self, mut members: Vec<(&'static str, cbor::Value)>) -> Option<cbor::Value> {
        if self.get_cred_blob {
            members.push(("credBlob", true.into()));
        }
        members.extend(self.large_blob.as_ref().and_then(Use::input));
        super::inputs(members)
    }

    /// The AppID that passkeys of U2F may be for.
    pub(crate) fn app_id(&self) -> Option<&str> {
        self.appid.as_deref()
    }

    /// Whether the large-blob array is to be written, which takes a token.
    pub(crate) fn writes_array(&self) -> bool {
        self.large_blob.as_ref().is_some_and(Use::writes_array)
    }

    /// Begins to read or write the large-blob array, if that is to be done.
    pub(crate) fn access(
        &self,
        key: Option<&[u8]>,
        nonce: Option<[u8; 12]>,
        info: &GetInfoResponse,
    ) -> Option<(Access, Vec<u8>)> {
        self.large_blob.as_ref()?.access(key, nonce, info)
    }

    /// The client extension outputs.
    pub(crate) fn finish(
        &self,
        allow_list: &[Descriptor],
        info: &GetInfoResponse,
        from: &Outputs<'_>,
        secret: Option<&SharedSecret>,
        notes: &mut Vec<String>,
    ) -> Map<String, Value> {
        let mut outputs = Map::new();
        if self.prf {
            let mut prf = json!({});
            let results = match self.in_the_clear {
                true => {
                    let salts = self.by_credential.get(from.credential_id).or(self.eval.as_ref());
                    salts.map(|salts| prf::told(salts, from.unsigned("prf")))
                }
                false => self.salts(allow_list).map(|s| s.results(from.signed("hmac-secret"), secret)),
            };
            match results.unwrap_or(Ok(None)) {
                Ok(Some(_)) if !from.verified => notes.push(UNVERIFIED.into()),
                Ok(Some(results)) => prf["results"] = results,
                Ok(None) => {}
                Err(why) => notes.push(why),
            }
            outputs.insert("prf".into(), prf);
        }
        if self.get_cred_blob {
            let blob = from.signed("credBlob").and_then(cbor::Value::as_bytes);
            let blob = blob.map(|blob| base64url::encode(blob)).unwrap_or_default();
            outputs.insert("getCredBlob".into(), blob.into());
        }
        if let Some(large_blob) = &self.large_blob {
            outputs.insert(large_blob::ID.into(), large_blob.output(from, info));
        }
        if let Some(app_id) = &self.appid {
            let used = from.rp_id_hash == Some(sha256(app_id.as_bytes()));
            outputs.insert("appid".into(), used.into());
        }
        outputs
    }
}
