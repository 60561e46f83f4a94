//! What an authenticator and a browser make, before it is signed: every member may be another than it should.
use crate::key::{Key, sha256, sign};
use authenticator::signer::{AttestationKey, SignerError};
use relying_party::Ceremony;
use serde_json::{Value, json};
use wire::aaguid::Aaguid;
use wire::base64url;
use wire::cbor::{self, Value as Cbor};
use wire::webauthn::{self, AttestationObject, AttestedCredentialData, AuthenticatorData, ClientData, Flags};

/// Who attests a registration.
#[derive(Clone)]
pub(crate) enum Attest {
    /// Nobody: format `none`.
    Nobody,
    /// The credential's own key: `packed` without certificates.
    Itself,
    /// A key with certificates: `packed` with `x5c`.
    By(AttestationKey),
    /// Whatever this says, with what stands in it.
    Statement(String, Cbor),
}

/// A response under way. Without `Debug`, as it holds private keys.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) ceremony: Ceremony,
    /// The origin of the page and the RP ID, as they are.
    pub(crate) origin: String,
    pub(crate) rp_id: String,
    /// The challenge's text.
    pub(crate) challenge: String,
    /// clientDataJSON.
    pub(crate) client: Vec<u8>,
    /// Authenticator data.
    pub(crate) auth: Vec<u8>,
    /// What stands in `rawId` and `id`.
    pub(crate) id: Vec<u8>,
    /// The credential's key; in a sign-in, the key that signs.
    pub(crate) key: Key,
    /// A key that has nothing to do with it.
    pub(crate) stranger: Key,
    pub(crate) attest: Attest,
    /// In a sign-in.
    pub(crate) user_handle: Option<Vec<u8>>,
}

/// What a draft begins with.
pub(crate) struct Beginning {
    pub(crate) origin: String,
    pub(crate) rp_id: String,
    pub(crate) challenge: String,
    pub(crate) id: Vec<u8>,
    pub(crate) key: Key,
    pub(crate) stranger: Key,
}

impl Draft {
    /// An honest registration.
    pub(crate) fn registration(from: Beginning, aaguid: Aaguid, attest: Attest) -> Self {
        let attested = AttestedCredentialData {
            aaguid,
            credential_id: from.id.clone(),
            public_key: from.key.public().clone(),
        };
        let flags = Flags::UP | Flags::UV | Flags::AT;
        let mut draft =
            Self::new(Ceremony::Registration, webauthn::Ceremony::CREATE, from, flags, 1, Some(attested));
        draft.attest = attest;
        draft
    }

    /// An honest sign-in.
    pub(crate) fn sign_in(from: Beginning, flags: Flags, count: u32, user_handle: Option<Vec<u8>>) -> Self {
        let mut draft =
            Self::new(Ceremony::Authentication, webauthn::Ceremony::GET, from, flags, count, None);
        draft.user_handle = user_handle;
        draft
    }

    fn new(
        ceremony: Ceremony,
        kind: &str,
        from: Beginning,
        flags: Flags,
        sign_count: u32,
        attested: Option<AttestedCredentialData>,
    ) -> Self {
        let Beginning { origin, rp_id, challenge, id, key, stranger } = from;
        let client = ClientData {
            ceremony: kind.into(),
            challenge: challenge.clone(),
            origin: origin.clone(),
            cross_origin: Some(false),
            top_origin: None,
        };
        let rp_id_hash = sha256(rp_id.as_bytes());
        let auth = AuthenticatorData { rp_id_hash, flags, sign_count, attested, extensions: None }.encode();
        let (attest, client) = (Attest::Nobody, client.encode());
        Self {
            ceremony,
            origin,
            rp_id,
            challenge,
            client,
            auth,
            id,
            key,
            stranger,
            attest,
            user_handle: None,
        }
    }

    /// Puts other text into the client data, wherever it stands.
    pub(crate) fn client(&mut self, text: &str, by: &str) {
        self.client = String::from_utf8_lossy(&self.client).replacen(text, by, 1).into();
    }

    /// Puts another origin into the client data.
    pub(crate) fn put_origin(&mut self, origin: &str) {
        let before = format!(r#""origin":"{}""#, self.origin);
        self.client(&before, &format!(r#""origin":"{origin}""#));
    }

    /// Puts another challenge into the client data.
    pub(crate) fn put_challenge(&mut self, text: &str) {
        let before = format!(r#""challenge":"{}""#, self.challenge);
        self.client(&before, &format!(r#""challenge":"{text}""#));
    }

    /// Turns flags over, where they stand.
    pub(crate) fn toggle(&mut self, flags: Flags) {
        self.auth[32] ^= flags.0;
    }

    /// Changes the authenticator data and writes them again.
    pub(crate) fn data(&mut self, edit: impl FnOnce(&mut AuthenticatorData)) {
        let mut data = AuthenticatorData::decode(&self.auth).expect("a draft is changed as a value first");
        edit(&mut data);
        self.auth = data.encode();
    }

    /// Changes the credential that is attested, and the ID beside it.
    pub(crate) fn credential(&mut self, edit: impl FnOnce(&mut AttestedCredentialData)) {
        self.data(|data| {
            if let Some(attested) = &mut data.attested {
                edit(attested);
            }
        });
        let data = AuthenticatorData::decode(&self.auth).expect("it was just written");
        self.id = data.attested.map_or_else(Vec::new, |attested| attested.credential_id);
    }

    /// Puts other bytes in place of the public key's.
    pub(crate) fn put_key(&mut self, edit: impl FnOnce(&[u8]) -> Vec<u8>) {
        let before = cbor::encode(&self.key.public().to_value());
        let start = 55 + self.id.len();
        self.auth.splice(start..start + before.len(), edit(&before));
    }

    /// Changes the members of the public key. They are written in canonical order.
    pub(crate) fn key_members(&mut self, edit: impl FnOnce(&mut Vec<(Cbor, Cbor)>)) {
        self.put_key(|key| {
            let mut value = cbor::decode(key).expect("our own encoder wrote it");
            if let Cbor::Map(members) = &mut value {
                edit(members);
            }
            cbor::encode(&value)
        });
    }

    /// Signs it, and puts it into RegistrationResponseJSON or AuthenticationResponseJSON.
    pub(crate) fn finish(&self) -> Result<Value, SignerError> {
        let text = |bytes: &[u8]| Value::from(base64url::encode(bytes));
        let message = [self.auth.as_slice(), &sha256(&self.client)].concat();
        let response = match self.ceremony {
            Ceremony::Registration => {
                let (fmt, att_stmt) = self.statement(&message)?;
                let object = AttestationObject { fmt, att_stmt, auth_data: self.auth.clone() }.encode();
                json!({
                    "clientDataJSON": text(&self.client),
                    "attestationObject": text(&object),
                    "transports": ["usb"],
                })
            }
            Ceremony::Authentication => {
                let mut response = json!({
                    "clientDataJSON": text(&self.client),
                    "authenticatorData": text(&self.auth),
                    "signature": text(&self.key.sign(&message)?),
                });
                if let Some(handle) = &self.user_handle {
                    response["userHandle"] = text(handle);
                }
                response
            }
        };
        Ok(json!({
            "id": text(&self.id),
            "rawId": text(&self.id),
            "response": response,
            "authenticatorAttachment": "cross-platform",
            "clientExtensionResults": {},
            "type": "public-key",
        }))
    }

    /// The attestation statement, WebAuthn L3 §8.2 and §8.7.
    fn statement(&self, message: &[u8]) -> Result<(String, Cbor), SignerError> {
        let packed = |alg: i64, sig: Vec<u8>, x5c: Option<Cbor>| {
            let members = [("alg", Some(alg.into())), ("sig", Some(cbor::bytes(sig))), ("x5c", x5c)];
            ("packed".to_owned(), cbor::text_map(members))
        };
        Ok(match &self.attest {
            Attest::Nobody => ("none".into(), Cbor::Map(Vec::new())),
            Attest::Itself => packed(self.key.algorithm().0, self.key.sign(message)?, None),
            Attest::By(AttestationKey { key, chain }) => {
                let x5c = Cbor::Array(chain.iter().cloned().map(Cbor::Bytes).collect());
                packed(key.public.algorithm().0, sign(key, message)?, Some(x5c))
            }
            Attest::Statement(fmt, statement) => (fmt.clone(), statement.clone()),
        })
    }
}

/// Sets a member of a map, adds it, or takes it away.
pub(crate) fn set(members: &mut Vec<(Cbor, Cbor)>, key: impl Into<Cbor>, value: Option<Cbor>) {
    let key = key.into();
    members.retain(|(other, _)| *other != key);
    if let Some(value) = value {
        members.push((key, value));
    }
}

/// Changes bytes that stand as base64url text in a member of `response`.
pub(crate) fn edit_bytes(json: &mut Value, member: &str, edit: impl FnOnce(&mut Vec<u8>)) {
    let member = &mut json["response"][member];
    let mut bytes = member.as_str().and_then(base64url::decode).unwrap_or_default();
    edit(&mut bytes);
    *member = base64url::encode(&bytes).into();
}

/// Changes the members of the attestation object on the way.
pub(crate) fn edit_object(json: &mut Value, edit: impl FnOnce(&mut Vec<(Cbor, Cbor)>)) {
    edit_bytes(json, "attestationObject", |bytes| {
        if let Ok(Cbor::Map(mut members)) = cbor::decode(bytes) {
            edit(&mut members);
            *bytes = cbor::encode(&Cbor::Map(members));
        }
    });
}

/// Changes the members of the attestation statement on the way.
pub(crate) fn edit_statement(json: &mut Value, edit: impl FnOnce(&mut Vec<(Cbor, Cbor)>)) {
    edit_object(json, |members| {
        let statement = members.iter_mut().find(|(name, _)| name.as_text() == Some("attStmt"));
        if let Some((_, Cbor::Map(statement))) = statement {
            edit(statement);
        }
    });
}
