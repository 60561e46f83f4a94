//! Lists of credentials that are longer than the authenticator takes at once.
//!
//! getInfo tells how many entries and how long an ID a list may have (CTAP 2.1 §6.4). For a longer list, platforms
//! ask silently (`up` false) for part after part whether one of its credentials is here, and then send only what
//! was found, as Chromium and python-fido2 do. A phone asks its user whatever it is asked: over hybrid lists go whole.
use crate::ClientError;
use crate::error::{AnswerError, answered, decode_answer};
use crate::pin::Token;
use crate::selection::{Link, Platform};
use std::collections::VecDeque;
use wire::base64url;
use wire::ctap2::{Command, Descriptor, GetAssertion, GetAssertionResponse, PUBLIC_KEY};
use wire::status::Status;
use wire::webauthn::json;

/// The descriptors of type `public-key`, without transports: those are for the platform, and cost room.
pub(crate) fn descriptors(list: &[json::Descriptor]) -> Vec<Descriptor> {
    let known = list.iter().filter(|descriptor| descriptor.kind == PUBLIC_KEY);
    known.map(|descriptor| Descriptor { id: descriptor.id.0.clone(), transports: Vec::new() }).collect()
}

/// How a list goes to the authenticator.
#[derive(Debug, PartialEq)]
pub(crate) enum Plan {
    /// At once.
    AtOnce(Vec<Descriptor>),
    /// In parts, silently, to find the one that matters.
    InParts(Preflight),
}

/// What a plan has to keep to.
pub(crate) struct Bounds {
    /// The command whose list it is.
    pub(crate) command: Command,
    /// Bytes that its message has without any list, with room for a proof.
    pub(crate) length: usize,
    /// Whether it must be known which credential of several will answer.
    pub(crate) search: bool,
}

/// Proof that the platform holds a token.
#[derive(Debug, PartialEq)]
struct Proof {
    param: Vec<u8>,
    protocol: i64,
}

/// A list that is being tried part by part.
#[derive(Debug, PartialEq)]
pub(crate) struct Preflight {
    rp_id: String,
    proof: Option<Proof>,
    part: Vec<Descriptor>,
    rest: VecDeque<Vec<Descriptor>>,
}

/// What one part's answer leads to.
#[derive(Debug, PartialEq)]
pub(crate) enum Found {
    /// This part, or the one of it that was found, is what to send.
    Here(Vec<Descriptor>),
    /// None of the list is on this authenticator.
    Nowhere,
    /// The next part is to be tried.
    Unknown(Preflight),
}

impl Plan {
    /// Plans how to send `list` in a message to `rp_id`.
    ///
    /// # Errors
    /// If the message is too long even so.
    pub(crate) fn new(
        platform: &Platform,
        Bounds { command, length, search }: Bounds,
        rp_id: &str,
        list: Vec<Descriptor>,
        notes: &mut Vec<String>,
    ) -> Result<Self, ClientError> {
        let max = platform.max_message();
        if length > max {
            return Err(ClientError::RequestTooLarge { command, length, max });
        }
        if platform.link == Link::Hybrid {
            let length = length + 6 + list.iter().map(encoded_len).sum::<usize>();
            let fits = length <= max;
            return if fits {
                Ok(Self::AtOnce(list))
            } else {
                Err(ClientError::RequestTooLarge { command, length, max })
            };
        }
        // The silent question is a message too, and may carry a proof of its own.
        let question = silent(rp_id, Vec::new(), None).encode().len() + platform.room_for_proof();
        let length = length.max(question);
        // A list costs its key and a head of at most five bytes.
        let room = max.saturating_sub(length + 6);
        let longest = platform.info.max_credential_id_length.unwrap_or(u64::MAX);
        let given = list.len();
        let possible: Vec<Descriptor> = list
            .into_iter()
            .filter(|d| u64::try_from(d.id.len()).is_ok_and(|len| len <= longest) && encoded_len(d) <= room)
            .collect();
        if possible.len() < given {
            let left_out = given - possible.len();
            notes.push(format!("{left_out} credential IDs left out: too long to be from this authenticator"));
        }
        // Who does not say how many it takes may take only one, as CTAP 2.0 had no way to say it.
        let most = platform.info.max_credential_count_in_list.unwrap_or(1).max(1);
        let mut parts = VecDeque::new();
        let mut part = Vec::new();
        let mut used = 0;
        for descriptor in possible {
            let cost = encoded_len(&descriptor);
            if used + cost > room || u64::try_from(part.len()).is_ok_and(|len| len >= most) {
                parts.push_back(std::mem::take(&mut part));
                used = 0;
            }
            used += cost;
            part.push(descriptor);
        }
        if parts.is_empty() && !(search && part.len() > 1) {
            return Ok(Self::AtOnce(part));
        }
        parts.push_back(part);
        notes.push(match parts.len() {
            1 => format!("which of {given} credential IDs is there is asked first"),
            several => format!("{given} credential IDs are asked for in {several} parts"),
        });
        let part = parts.pop_front().unwrap_or_default();
        Ok(Self::InParts(Preflight { rp_id: rp_id.into(), proof: None, part, rest: parts }))
    }
}

impl Preflight {
    /// With a token, so that credentials answer that are only for a verified user (CTAP 2.1 §6.2.2 step 7).
    pub(crate) fn proven(self, token: Option<&Token>) -> Self {
        let proof = |token: &Token| Proof {
            param: token.authenticate(&CLIENT_DATA_HASH),
            protocol: token.protocol().number(),
        };
        Self { proof: token.map(proof), ..self }
    }

    /// The message that asks for the present part.
    pub(crate) fn request(&self) -> Vec<u8> {
        silent(&self.rp_id, self.part.clone(), self.proof.as_ref()).encode()
    }

    /// Takes the answer for the present part.
    ///
    /// # Errors
    /// If it is neither an assertion nor NO_CREDENTIALS.
    pub(crate) fn handle_response(mut self, response: &[u8]) -> Result<Found, ClientError> {
        let command = Command::GET_ASSERTION;
        match decode_answer(command, response, GetAssertionResponse::decode) {
            // CTAP 2.0 lets an authenticator leave the credential out where only one was asked for.
            Ok(GetAssertionResponse { credential: None, .. }) => Ok(Found::Here(self.part)),
            Ok(GetAssertionResponse { credential: Some(found), .. }) => {
                let named = self.part.into_iter().find(|descriptor| descriptor.id == found.id);
                let named = named.ok_or_else(|| {
                    answered(command, AnswerError::NotAllowed(base64url::encode(&found.id)))
                })?;
                Ok(Found::Here(vec![named]))
            }
            Err(ClientError::Refused { status: Status::NO_CREDENTIALS, .. }) => match self.rest.pop_front() {
                Some(part) => Ok(Found::Unknown(Self { part, ..self })),
                None => Ok(Found::Nowhere),
            },
            Err(other) => Err(other),
        }
    }
}

/// Nobody is to use the signature, so what is signed means nothing.
const CLIENT_DATA_HASH: [u8; 32] = [0; 32];

/// A silent question.
fn silent(rp_id: &str, allow_list: Vec<Descriptor>, proof: Option<&Proof>) -> GetAssertion {
    GetAssertion {
        rp_id: rp_id.into(),
        client_data_hash: CLIENT_DATA_HASH,
        allow_list,
        extensions: None,
        up: Some(false),
        uv: None,
        rk: None,
        pin_uv_auth_param: proof.map(|proof| proof.param.clone()),
        pin_uv_auth_protocol: proof.map(|proof| proof.protocol),
    }
}

/// Bytes that a descriptor takes in a list: `{"id": h'…', "type": "public-key"}`.
fn encoded_len(descriptor: &Descriptor) -> usize {
    let id = descriptor.id.len();
    let head = match id {
        0..24 => 1,
        24..0x100 => 2,
        0x100..0x1_0000 => 3,
        _ => 5,
    };
    1 + 3 + head + id + 5 + 11
}
