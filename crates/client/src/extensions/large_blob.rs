//! `largeBlob`, WebAuthn Level 3 §10.1.5: bytes that are kept beside a credential.
//!
//! Two ways lead to them: `largeBlobKey` with the array of authenticatorLargeBlobs (CTAP 2.1 §6.10 and §12.3), and
//! the extension `largeBlob` (CTAP 2.3).
use super::blob_array::{Access, Outcome, Task};
use super::deflate;
use super::input::{buffer, dictionary, not_supported, present, text, wrong};
use crate::error::ClientError;
use serde_json::{Value, json};
use wire::base64url;
use wire::cbor;
use wire::ctap2::GetInfoResponse;
use wire::webauthn::json::RequestOptions;

pub(crate) const ID: &str = "largeBlob";

/// How the authenticator keeps large blobs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// CTAP 2.1: a key for each credential, and one array for all.
    Key,
    /// CTAP 2.3: beside each credential.
    Extension,
}

impl Way {
    fn of(info: &GetInfoResponse) -> Option<Self> {
        if super::has(info, "largeBlob") {
            return Some(Self::Extension);
        }
        let key = super::has(info, "largeBlobKey") && info.option("largeBlobs") == Some(true);
        key.then_some(Self::Key)
    }
}

/// What a registration asks for.
#[derive(Clone, Copy)]
pub(super) struct Support {
    required: bool,
    way: Option<Way>,
}

impl Support {
    /// # Errors
    /// A `NotSupportedError` for a read or write; a `NotAllowedError` if a large blob is required and there are
    /// none for such a credential: then this authenticator is no candidate.
    pub(super) fn read(input: &Value, info: &GetInfoResponse, rk: bool) -> Result<Self, ClientError> {
        let input = dictionary(ID, input)?;
        for name in ["read", "write"] {
            if present(input, name).is_some() {
                return Err(not_supported(ID, &format!("{name} is for a sign-in")));
            }
        }
        let required = match present(input, "support").map(|s| text("largeBlob.support", s)).transpose()? {
            Some("required") => true,
            // The default.
            None | Some("preferred") => false,
            Some(other) => {
                return Err(wrong(
                    "largeBlob.support",
                    &format!("{other:?} is neither required nor preferred"),
                ));
            }
        };
        // CTAP 2.1 §12.3: only a discoverable credential has a key.
        let way = Way::of(info).filter(|way| rk || *way == Way::Extension);
        if required && way.is_none() {
            return Err(ClientError::Extension {
                id: ID,
                why: "support is required, and the authenticator has none for such a credential".into(),
                exception: "NotAllowedError",
            });
        }
        Ok(Self { required, way })
    }

    pub(super) fn input(self) -> Option<(&'static str, cbor::Value)> {
        let support = if self.required { "required" } else { "preferred" };
        Some(match self.way? {
            Way::Key => ("largeBlobKey", true.into()),
            Way::Extension => (ID, cbor::text_map([("support", Some(cbor::text(support)))])),
        })
    }

    /// Whether the new credential has one.
    pub(super) fn supported(self, outputs: &super::Outputs<'_>) -> bool {
        match self.way {
            None => false,
            Some(Way::Key) => outputs.large_blob_key.is_some(),
            Some(Way::Extension) => {
                let output = outputs.unsigned(ID).and_then(|output| super::member(output, "supported"));
                output.and_then(cbor::Value::as_bool) == Some(true)
            }
        }
    }
}

/// What a sign-in asks for.
pub(super) struct Use {
    /// What is to be written; `None` to read.
    write: Option<Vec<u8>>,
    way: Option<Way>,
}

impl Use {
    /// `None` if neither a read nor a write is asked for.
    ///
    /// # Errors
    /// A `NotSupportedError` for what §10.1.5 does not allow.
    pub(super) fn read(
        input: &Value,
        options: &RequestOptions,
        info: &GetInfoResponse,
    ) -> Result<Option<Self>, ClientError> {
        let input = dictionary(ID, input)?;
        if present(input, "support").is_some() {
            return Err(not_supported(ID, "support is for a registration"));
        }
        let write = present(input, "write").map(|blob| buffer("largeBlob.write", blob)).transpose()?;
        let read = present(input, "read").is_some_and(super::is_true);
        if read && write.is_some() {
            return Err(not_supported(ID, "read and write exclude each other"));
        }
        if write.is_some() && options.allow_credentials.len() != 1 {
            return Err(not_supported(ID, "write needs exactly one entry of allowCredentials"));
        }
        Ok((read || write.is_some()).then(|| Self { write, way: Way::of(info) }))
    }

    /// Whether the authenticator has no way to it.
    pub(super) fn is_hopeless(&self) -> bool {
        self.way.is_none()
    }

    /// Whether the array is to be written, which takes a token.
    pub(super) fn writes_array(&self) -> bool {
        self.write.is_some() && self.way == Some(Way::Key)
    }

    pub(super) fn input(&self) -> Option<(&'static str, cbor::Value)> {
        Some(match (self.way?, &self.write) {
            (Way::Key, _) => ("largeBlobKey", true.into()),
            (Way::Extension, None) => (ID, cbor::text_map([("read", Some(true.into()))])),
            (Way::Extension, Some(blob)) => {
                let original = u64::try_from(blob.len()).ok()?;
                let write = cbor::bytes(deflate::deflate(blob));
                (ID, cbor::text_map([("write", Some(write)), ("originalSize", Some(original.into()))]))
            }
        })
    }

    /// Begins to read or write the array, if that is the way and the credential has a key. `nonce` is for writing.
    pub(super) fn access(
        &self,
        key: Option<&[u8]>,
        nonce: Option<[u8; 12]>,
        info: &GetInfoResponse,
    ) -> Option<(Access, Vec<u8>)> {
        let key = key.filter(|_| self.way == Some(Way::Key))?;
        let task = match &self.write {
            None => Task::Read,
            Some(blob) => Task::Write { blob: blob.clone(), nonce: nonce? },
        };
        Access::begin(key, task, info)
    }

    /// What the page gets without the array: what the authenticator said beside its assertion, or that there is
    /// nothing.
    pub(super) fn output(&self, outputs: &super::Outputs<'_>, info: &GetInfoResponse) -> Value {
        let output = outputs.unsigned(ID).filter(|_| self.way == Some(Way::Extension));
        let member = |name: &str| output.and_then(|output| super::member(output, name));
        told(match &self.write {
            Some(_) => Outcome::Written(member("written").and_then(cbor::Value::as_bool) == Some(true)),
            None => {
                let blob = member("blob").and_then(cbor::Value::as_bytes);
                let original = member("originalSize").and_then(cbor::Value::as_integer);
                let original = original.and_then(|size| u64::try_from(size).ok());
                // A message is the most that the blob came in.
                let room = info.max_msg_size.and_then(|size| usize::try_from(size).ok()).unwrap_or(1024);
                let room = room.min(1 << 20);
                Outcome::Read(blob.zip(original).and_then(|(blob, size)| deflate::inflate(blob, size, room)))
            }
        })
    }
}

/// The page's output.
pub(crate) fn told(outcome: Outcome) -> Value {
    match outcome {
        Outcome::Read(None) => json!({}),
        Outcome::Read(Some(blob)) => json!({ "blob": base64url::encode(&blob) }),
        Outcome::Written(written) => json!({ "written": written }),
    }
}
