//! The credential record, WebAuthn L3 §4: what a relying party keeps of a credential.
use serde::{Deserialize, Serialize};
use wire::cose::PublicKey;
use wire::ctap2::PUBLIC_KEY;
use wire::webauthn::json::Descriptor;

/// A credential record. As JSON, binary members are unpadded base64url and the public key is a COSE key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredCredential {
    /// The credential ID, at most 1023 bytes.
    #[serde(with = "base64url_text")]
    pub id: Vec<u8>,
    /// The user handle of the account that owns it, 1 to 64 bytes.
    #[serde(with = "base64url_text")]
    pub user_handle: Vec<u8>,
    /// What its signatures are verified with.
    #[serde(with = "cose_text")]
    pub public_key: PublicKey,
    /// The signature counter as last seen.
    pub sign_count: u32,
    /// BE, which never changes.
    pub backup_eligible: bool,
    /// BS as last seen.
    pub backed_up: bool,
    /// Whether the user was verified when it was registered.
    pub uv_initialized: bool,
    /// How the client said that its authenticator can be reached; unknown values survive.
    pub transports: Vec<String>,
}

impl StoredCredential {
    /// The credential as it stands in `excludeCredentials` and `allowCredentials`.
    pub fn descriptor(&self) -> Descriptor {
        let transports = (!self.transports.is_empty()).then(|| self.transports.clone());
        Descriptor { kind: PUBLIC_KEY.into(), id: self.id.clone().into(), transports }
    }
}

mod base64url_text {
    use serde::{Deserialize, Deserializer, Serializer};
    use wire::webauthn::json::Base64Url;

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&wire::base64url::encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        Ok(Base64Url::deserialize(deserializer)?.0)
    }
}

mod cose_text {
    use serde::{Deserializer, Serializer, de::Error};
    use wire::cbor;
    use wire::cose::PublicKey;

    pub(super) fn serialize<S: Serializer>(key: &PublicKey, serializer: S) -> Result<S::Ok, S::Error> {
        super::base64url_text::serialize(&cbor::encode(&key.to_value()), serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PublicKey, D::Error> {
        let bytes = super::base64url_text::deserialize(deserializer)?;
        let value = cbor::decode(&bytes).map_err(|e| D::Error::custom(format!("COSE key: {e}")))?;
        PublicKey::from_value(&value).map_err(|e| D::Error::custom(format!("COSE key: {e}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(public_key: PublicKey) -> StoredCredential {
        StoredCredential {
            id: vec![0xFB, 0xFF],
            user_handle: vec![1],
            public_key,
            sign_count: u32::MAX,
            backup_eligible: true,
            backed_up: false,
            uv_initialized: true,
            transports: vec!["internal".into(), "carrier-pigeon".into()],
        }
    }

    #[test]
    fn a_record_reads_back_from_its_json() {
        for key in [PublicKey::P256 { x: [1; 32], y: [2; 32] }, PublicKey::Ed25519 { x: [3; 32] }] {
            let record = sample(key);
            let json = serde_json::to_string(&record).unwrap();
            assert!(json.starts_with(r#"{"id":"-_8","userHandle":"AQ","publicKey":""#), "{json}");
            assert_eq!(serde_json::from_str::<StoredCredential>(&json).unwrap(), record);
        }
    }

    #[test]
    fn a_record_with_a_damaged_key_does_not_read() {
        let json = serde_json::to_value(sample(PublicKey::Ed25519 { x: [3; 32] })).unwrap();
        for (bad, reason) in [("", "COSE key"), ("oA", "COSE key"), ("gA", "COSE key"), ("*", "base64url")] {
            let mut json = json.clone();
            json["publicKey"] = bad.into();
            let error = serde_json::from_value::<StoredCredential>(json).unwrap_err().to_string();
            assert!(error.contains(reason), "{bad}: {error}");
        }
    }
}
