//! The large-blob array, CTAP 2.1 §6.10: read whole, and written whole, fragment by fragment. All credentials' blobs
//! are in it, each sealed under its credential's largeBlobKey.
use crate::error::{AnswerError, ClientError, answered, decode_answer};
use crate::extensions::deflate;
use crate::pin::Token;
use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use sha2::{Digest, Sha256};
use wire::cbor::{self, Value};
use wire::ctap2::{Command, GetInfoResponse, LargeBlobs, decode_response};
use zeroize::Zeroizing;

/// What is to be done with a credential's blob.
pub(super) enum Task {
    /// It is wanted.
    Read,
    /// These bytes are to take its place; the nonce is for sealing them.
    Write { blob: Vec<u8>, nonce: [u8; 12] },
}

/// What came of it.
#[derive(Debug, PartialEq)]
pub(crate) enum Outcome {
    /// The blob; `None` if there is none.
    Read(Option<Vec<u8>>),
    /// Whether the authenticator has the blob now.
    Written(bool),
}

/// On the way to a credential's blob.
pub(crate) struct Access {
    key: Zeroizing<[u8; 32]>,
    task: Task,
    limits: Limits,
    stage: Stage,
}

enum Stage {
    /// That much of the array is here.
    Reading(Vec<u8>),
    /// The new array, of which that many bytes are there or on their way.
    Writing { array: Vec<u8>, sent: usize },
}

/// What comes after an answer.
pub(crate) enum Step {
    Send(Access, Vec<u8>),
    Done(Outcome),
}

#[derive(Clone, Copy)]
struct Limits {
    /// maxFragmentLength in bytes, §6.10.
    fragment: usize,
    /// maxSerializedLargeBlobArray in bytes.
    array: usize,
}

/// Bytes at the end of the serialized array: LEFT(SHA-256(what is before), 16).
const TRAILER: usize = 16;

impl Access {
    /// Begins; `None` if the key is no largeBlobKey.
    pub(super) fn begin(key: &[u8], task: Task, info: &GetInfoResponse) -> Option<(Self, Vec<u8>)> {
        let number = |value: Option<u64>| value.map(|n| usize::try_from(n).unwrap_or(usize::MAX));
        let limits = Limits {
            fragment: number(info.max_msg_size).unwrap_or(1024).checked_sub(64).filter(|n| *n > 0)?,
            // §6.4: at least that much; and no more than anybody has, whatever the authenticator says.
            array: number(info.max_serialized_large_blob_array).unwrap_or(1024).min(1 << 20),
        };
        let key = Zeroizing::new(key.try_into().ok()?);
        Some(Self { key, task, limits, stage: Stage::Reading(Vec::new()) }.read())
    }

    fn read(self) -> (Self, Vec<u8>) {
        let offset = match &self.stage {
            Stage::Reading(array) => array.len(),
            Stage::Writing { .. } => 0,
        };
        let message =
            LargeBlobs { get: wide(self.limits.fragment), offset: wide(offset), ..Default::default() };
        (self, message.encode())
    }

    /// Takes an answer. `token` is for writing, where the authenticator wants one.
    ///
    /// # Errors
    /// If the authenticator refuses to tell its array, or tells something else.
    pub(crate) fn handle_response(self, response: &[u8], token: Option<&Token>) -> Result<Step, ClientError> {
        let Self { key, task, limits, stage } = self;
        let mut array = match stage {
            Stage::Reading(array) => array,
            // §6.10.2: what is refused is not there, and the array before it still is.
            Stage::Writing { .. } if response.first() != Some(&0) => {
                return Ok(Step::Done(Outcome::Written(false)));
            }
            Stage::Writing { array, sent } if sent == array.len() => {
                return Ok(Step::Done(Outcome::Written(true)));
            }
            Stage::Writing { array, sent } => {
                return Ok(Self { key, task, limits, stage: Stage::Writing { array, sent } }.write(token));
            }
        };
        // §6.10.1 step 4: a fragment that is not full is the last one.
        let fragment = fragment(response)?;
        let full = fragment.len() == limits.fragment;
        if fragment.len() > limits.fragment || array.len() + fragment.len() > limits.array {
            return Err(malformed("the large-blob array is longer than it can be"));
        }
        array.extend(fragment);
        if full {
            let (access, message) = Self { key, task, limits, stage: Stage::Reading(array) }.read();
            return Ok(Step::Send(access, message));
        }
        let mut entries = entries(&array);
        let Task::Write { blob, nonce } = &task else {
            let found = entries.iter().find_map(|entry| open(entry, &key, limits.array));
            return Ok(Step::Done(Outcome::Read(found)));
        };
        // §6.10.3: the credential's own entry is replaced, and those of others stay as they are.
        entries.retain(|entry| open(entry, &key, limits.array).is_none());
        entries.extend(seal(blob, *nonce, &key));
        let mut array = cbor::encode(&Value::Array(entries));
        array.extend_from_slice(&Sha256::digest(&array)[..TRAILER]);
        if array.len() > limits.array {
            return Ok(Step::Done(Outcome::Written(false)));
        }
        Ok(Self { key, task, limits, stage: Stage::Writing { array, sent: 0 } }.write(token))
    }

    /// Sends the next fragment, §6.10.2.
    fn write(mut self, token: Option<&Token>) -> Step {
        let Stage::Writing { array, sent } = &mut self.stage else {
            return Step::Done(Outcome::Written(false));
        };
        let offset = *sent;
        *sent = array.len().min(offset + self.limits.fragment);
        let set = array[offset..*sent].to_vec();
        let length = (offset == 0).then(|| wide(array.len())).flatten();
        // 32 bytes of 0xFF, the command, a zero, the offset in little-endian, and the fragment's hash.
        let offset_32 = u32::try_from(offset).expect("an array has at most 2^20 bytes").to_le_bytes();
        let signed =
            [&[0xFF; 32], &[Command::LARGE_BLOBS.0, 0x00][..], &offset_32, &Sha256::digest(&set)].concat();
        let message = LargeBlobs {
            set: Some(set),
            offset: wide(offset),
            length,
            pin_uv_auth_param: token.map(|token| token.authenticate(&signed)),
            protocol: token.map(|token| token.protocol().number()),
            ..Default::default()
        };
        Step::Send(self, message.encode())
    }
}

fn wide(number: usize) -> Option<u64> {
    u64::try_from(number).ok()
}

fn malformed(why: &str) -> ClientError {
    answered(Command::LARGE_BLOBS, AnswerError::Malformed(why.into()))
}

/// The bytes of one answer.
fn fragment(response: &[u8]) -> Result<Vec<u8>, ClientError> {
    let members = decode_answer(Command::LARGE_BLOBS, response, decode_response)?;
    let members = members.as_ref().and_then(Value::as_map).map(Vec::as_slice).unwrap_or_default();
    let config =
        members.iter().find(|(key, _)| *key == Value::from(1)).and_then(|(_, value)| value.as_bytes());
    config.cloned().ok_or_else(|| malformed("config is missing"))
}

/// §6.10.1: an array whose trailer is wrong was written by half, and counts as empty.
fn entries(array: &[u8]) -> Vec<Value> {
    let Some((array, trailer)) = array.len().checked_sub(TRAILER).map(|at| array.split_at(at)) else {
        return Vec::new();
    };
    if Sha256::digest(array)[..TRAILER] != *trailer {
        return Vec::new();
    }
    // Other platforms wrote it too, and not all of them canonically.
    cbor::decode_foreign(array).ok().and_then(|value| value.into_array().ok()).unwrap_or_default()
}

/// §6.10: "blob", and the length before compression in little-endian.
fn additional_data(original: u64) -> [u8; 12] {
    let mut data = *b"blob\0\0\0\0\0\0\0\0";
    data[4..].copy_from_slice(&original.to_le_bytes());
    data
}

/// The blob of an entry; `None` if it is another credential's.
fn open(entry: &Value, key: &[u8; 32], limit: usize) -> Option<Vec<u8>> {
    let members = entry.as_map()?;
    let member = |key: i64| members.iter().find(|(k, _)| *k == Value::from(key)).map(|(_, value)| value);
    let nonce: [u8; 12] = member(2)?.as_bytes()?.as_slice().try_into().ok()?;
    let original = u64::try_from(member(3)?.as_integer()?).ok()?;
    let payload = Payload { msg: member(1)?.as_bytes()?, aad: &additional_data(original) };
    let compressed = Aes256Gcm::new(key.into()).decrypt(&Nonce::from(nonce), payload).ok()?;
    deflate::inflate(&compressed, original, limit)
}

fn seal(blob: &[u8], nonce: [u8; 12], key: &[u8; 32]) -> Option<Value> {
    let original = wide(blob.len())?;
    let compressed = deflate::deflate(blob);
    let payload = Payload { msg: &compressed, aad: &additional_data(original) };
    let sealed = Aes256Gcm::new(key.into()).encrypt(&Nonce::from(nonce), payload).ok()?;
    Some(cbor::int_map([
        (1, Some(cbor::bytes(sealed))),
        (2, Some(cbor::bytes(nonce))),
        (3, Some(original.into())),
    ]))
}
