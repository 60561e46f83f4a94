//! authenticatorLargeBlobs, CTAP 2.1 §6.10: one array for all platforms, read and written in fragments.
//!
//! What is in it is sealed by platforms, each entry under the largeBlobKey of a credential; here only its trailer
//! is looked at. An array replaces the old one when its last fragment is there and its trailer fits, not before.
use crate::authenticator::{Authenticator, Rest, SEQUENCE, Sequence, Silent, Step, Via};
use crate::pin::TokenUse;
use crate::store::{Change, NO_LARGE_BLOBS, State};
use alloc::{boxed::Box, vec::Vec};
use sha2::{Digest, Sha256};
use wire::ctap2::{self, LargeBlobs, Permissions};
use wire::status::{CtapError, Status};
use wire::time::Instant;

/// A fragment, read and judged, that is to be written.
pub(crate) struct Command {
    fragment: Vec<u8>,
    /// What the first fragment begins, still empty. A later one goes on with what the sequence kept.
    first: Option<Writing>,
}

/// An array that is being written.
pub(crate) struct Writing {
    /// What came so far: its length is expectedNextOffset.
    array: Vec<u8>,
    /// expectedLength, in bytes.
    length: u64,
}

/// The trailer: the left 16 bytes of SHA-256 over what is before it.
const TRAILER: usize = 16;
/// What a message holds besides its fragment, in bytes: maxFragmentLength is maxMsgSize less this.
const AROUND_FRAGMENT: u32 = 64;

/// Decides; changes nothing, as `&Authenticator` promises.
pub(crate) fn begin(
    auth: &Authenticator,
    now: Instant,
    via: Via,
    request: LargeBlobs,
    used: &mut Option<TokenUse>,
) -> Result<Step, CtapError> {
    // Steps 1 to 3.
    let Some(offset) = request.offset else {
        return Err(Status::INVALID_PARAMETER.because("CTAP 2.1 §6.10.2 step 1: offset is absent"));
    };
    match (request.get, &request.set) {
        (Some(get), None) => read(auth, get, offset, &request),
        (None, Some(_)) => write(auth, now, via, offset, request, used),
        _ => Err(Status::INVALID_PARAMETER.because("CTAP 2.1 §6.10.2 steps 2 and 3: either get or set")),
    }
}

/// Step 4: get.
fn read(auth: &Authenticator, get: u64, offset: u64, request: &LargeBlobs) -> Result<Step, CtapError> {
    let invalid = |why| Err(Status::INVALID_PARAMETER.because(why));
    if request.length.is_some() {
        return invalid("CTAP 2.1 §6.10.2 step 4: length with get");
    }
    if request.pin_uv_auth_param.is_some() || request.protocol.is_some() {
        return invalid("CTAP 2.1 §6.10.2 step 4: pinUvAuthParam or pinUvAuthProtocol with get");
    }
    fits_fragment(auth, get)?;
    let array = &auth.memory.state().large_blobs;
    let Some(rest) = usize::try_from(offset).ok().and_then(|offset| array.get(offset..)) else {
        return invalid("CTAP 2.1 §6.10.2 step 4: offset is beyond the end of the array");
    };
    let len = usize::try_from(get).unwrap_or(usize::MAX).min(rest.len());
    Ok(Step::Reply(LargeBlobs::encode_response(&rest[..len])))
}

/// Step 5: set.
fn write(
    auth: &Authenticator,
    now: Instant,
    via: Via,
    offset: u64,
    request: LargeBlobs,
    used: &mut Option<TokenUse>,
) -> Result<Step, CtapError> {
    let fragment = request.set.unwrap_or_default();
    fits_fragment(auth, number(fragment.len()))?;
    let invalid = |why| Status::INVALID_PARAMETER.because(why);

    // The first fragment tells the length, the others must not.
    let first = if offset == 0 {
        let length =
            request.length.ok_or(invalid("CTAP 2.1 §6.10.2 step 5: length is absent at offset 0"))?;
        if length > u64::from(auth.capabilities.profile.large_blobs.unwrap_or(0)) {
            let why = "CTAP 2.1 §6.10.2 step 5: length is more than maxSerializedLargeBlobArray";
            return Err(Status::LARGE_BLOB_STORAGE_FULL.because(why));
        }
        if length < number(NO_LARGE_BLOBS.len()) {
            return Err(invalid("CTAP 2.1 §6.10.2 step 5: length is less than that of an empty array"));
        }
        Some(Writing { array: Vec::new(), length })
    } else if request.length.is_some() {
        return Err(invalid("CTAP 2.1 §6.10.2 step 5: length at another offset than 0"));
    } else {
        None
    };
    let writing = match (&first, auth.continues(via, now)) {
        (Some(writing), _) => writing,
        (None, Ok(Rest::LargeBlobs(writing))) if number(writing.array.len()) == offset => writing,
        _ => {
            return Err(
                Status::INVALID_SEQ.because("CTAP 2.1 §6.10.2 step 5: offset is not expectedNextOffset")
            );
        }
    };

    // Who is protected lets only platforms write that hold a token for it.
    if auth.is_protected() || auth.capabilities.always_uv(auth.memory.state()) {
        let param = request.pin_uv_auth_param.as_deref();
        let param = param
            .ok_or(Status::PUAT_REQUIRED.because("CTAP 2.1 §6.10.2 step 5: pinUvAuthParam is absent"))?;
        let protocol = auth.protocol(request.protocol)?;
        let message = authenticated(offset, &fragment);
        let token = auth.verify_token(now, protocol, &message, param, Permissions::LBW)?;
        *used = Some(TokenUse::of(token));
    }
    if offset + number(fragment.len()) > writing.length {
        return Err(invalid("CTAP 2.1 §6.10.2 step 5: the fragment ends after the array"));
    }
    Ok(Step::Proceed(Silent::LargeBlobs(Box::new(Command { fragment, first }))))
}

/// What a pinUvAuthParam is made over: 32 bytes FF, the command, a zero, the offset (32 bits, little-endian) and
/// the SHA-256 of the fragment.
fn authenticated(offset: u64, fragment: &[u8]) -> Vec<u8> {
    // No array is so long: maxSerializedLargeBlobArray has 32 bits.
    let offset = u32::try_from(offset).unwrap_or(u32::MAX).to_le_bytes();
    let hash = Sha256::digest(fragment);
    [&[0xFF; 32], [ctap2::Command::LARGE_BLOBS.0, 0].as_slice(), &offset, &hash].concat()
}

fn fits_fragment(auth: &Authenticator, len: u64) -> Result<(), CtapError> {
    let longest = auth.capabilities.profile.max_msg_size.saturating_sub(AROUND_FRAGMENT);
    if len > u64::from(longest) {
        let why = "CTAP 2.1 §6.10.2 steps 4 and 5: more than maxFragmentLength (maxMsgSize less 64)";
        return Err(Status::INVALID_LENGTH.because(why));
    }
    Ok(())
}

/// Takes a fragment; with the last one the array is checked and committed.
pub(crate) fn resume(
    command: Command,
    auth: &mut Authenticator,
    now: Instant,
    via: Via,
) -> Result<Vec<u8>, CtapError> {
    let begun = auth.sequence.take();
    let Writing { mut array, length } = match (command.first, begun) {
        (Some(first), _) => first,
        (None, Some(Sequence { rest: Rest::LargeBlobs(writing), .. })) => writing,
        _ => {
            return Err(
                Status::INVALID_SEQ.because("CTAP 2.1 §6.10.2 step 5: there is nothing to go on with")
            );
        }
    };
    array.extend_from_slice(&command.fragment);
    if number(array.len()) < length {
        let rest = Rest::LargeBlobs(Writing { array, length });
        auth.sequence = Some(Sequence { via, expires: now + SEQUENCE, rest });
        return Ok(Vec::from([Status::OK.0]));
    }

    if !is_intact(&array) {
        let why = "CTAP 2.1 §6.10.2 step 5: the trailer is not the hash of the array";
        return Err(Status::INTEGRITY_FAILURE.because(why));
    }
    let state = State { large_blobs: array, ..auth.memory.state().clone() };
    auth.commit(&[Change::PutState(state)], None).map_err(|error| match error.status {
        Status::KEY_STORE_FULL => Status::LARGE_BLOB_STORAGE_FULL.because_of(error.reason),
        _ => error,
    })?;
    Ok(Vec::from([Status::OK.0]))
}

fn is_intact(array: &[u8]) -> bool {
    array
        .split_last_chunk::<TRAILER>()
        .is_some_and(|(blobs, trailer)| Sha256::digest(blobs)[..TRAILER] == *trailer)
}

fn number(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
