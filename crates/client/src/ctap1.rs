//! Authenticators that speak only U2F, CTAP 2.1 §10: a CTAP2 message becomes an exchange of U2F messages, and its
//! outcome a CTAP2 answer. So a ceremony need not know what it talks to.
//!
//! ```text
//!  Create / Get              Bridge                        authenticator
//!   ├─ CTAP2 message ───────►│ begin                              │
//!   │                        ├─ Step::Send: APDU ────────────────►│
//!   │                        │ handle_response                    │
//!   │                        │◄──────────────── answer, or 6985 ──┤
//!   │                        ├─ Step::Poll: the same, after POLL ►│ until the user touches
//!   │◄─ Step::Done: answer ──┤                                    │
//! ```
//!
//! There is no clock: who has asked often enough drops the exchange.
use crate::ceremony::sha256;
use std::collections::VecDeque;
use std::time::Duration;
use wire::aaguid::Aaguid;
use wire::apdu::{Response, StatusWord};
use wire::cbor::{self, Value};
use wire::cose::{Algorithm, PublicKey};
use wire::ctap1::{AuthenticateResponse, Control, RegisterResponse, Request as U2f, VERSION};
use wire::ctap2::{
    Descriptor, GetAssertion, GetAssertionResponse, GetInfoResponse, MakeCredential, MakeCredentialResponse,
    Request,
};
use wire::status::{CtapError, Status};
use wire::webauthn::{AttestedCredentialData, AuthenticatorData, Flags};

/// How long to wait before a request that needs a touch is sent again.
pub const POLL: Duration = Duration::from_millis(200);

/// A U2F authenticator, seen by a client of CTAP2.
#[derive(Clone, Debug, Default)]
pub struct Bridge {
    /// SHA-256 of the AppID of the extensions `appid` and `appidExclude`.
    app_id: Option<[u8; 32]>,
}

/// What is to be done next.
#[derive(Debug)]
#[must_use]
pub enum Step {
    /// Send this request APDU and hand its answer to that exchange.
    Send(Exchange, Vec<u8>),
    /// The user did not touch yet. The same, after [`POLL`].
    Poll(Exchange, Vec<u8>),
    /// The answer to the CTAP2 message, status byte first.
    Done(Vec<u8>),
}

/// A CTAP2 message on its way to its answer.
#[derive(Debug)]
pub struct Exchange {
    /// What was sent last.
    sent: U2f,
    task: Task,
}

#[derive(Debug)]
enum Task {
    /// Whether one of the excludeList is here; these are left to be tried.
    Excluding {
        request: Box<MakeCredential>,
        candidates: VecDeque<Candidate>,
    },
    /// One is: the user is to touch before the page learns it.
    Excluded,
    Registering {
        rp_id_hash: [u8; 32],
    },
    /// Which of the allowList is here; these are left to be tried.
    Finding {
        challenge: [u8; 32],
        candidates: VecDeque<Candidate>,
    },
    Signing,
}

/// A key handle, and the application that it may be for.
#[derive(Debug)]
struct Candidate {
    application: [u8; 32],
    key_handle: Vec<u8>,
}

impl Bridge {
    /// With the AppID that the page gave, if it gave one: passkeys of U2F may be for it in place of the RP ID
    /// (WebAuthn Level 3 §10.1.1 and §10.1.2).
    pub fn new(app_id: Option<&str>) -> Self {
        Self { app_id: app_id.map(|app_id| sha256(app_id.as_bytes())) }
    }

    /// What getInfo would say.
    pub fn info() -> GetInfoResponse {
        GetInfoResponse {
            versions: vec![VERSION.into()],
            options: vec![("rk".into(), false), ("up".into(), true)],
            algorithms: vec![Algorithm::ES256],
            // Lists need not be cut: each entry becomes a message of its own.
            max_msg_size: Some(u32::MAX.into()),
            max_credential_count_in_list: Some(u32::MAX.into()),
            ..GetInfoResponse::default()
        }
    }

    /// Begins to answer a CTAP2 message.
    pub fn begin(&self, message: &[u8]) -> Step {
        let step = Request::decode(message).and_then(|request| match request {
            Request::GetInfo => Ok(Step::Done(Self::info().encode())),
            Request::MakeCredential(request) => self.make_credential(request),
            Request::GetAssertion(request) => self.get_assertion(&request),
            _ => Err(Status::INVALID_COMMAND.because("CTAP 2.1 §10: U2F has nothing like it")),
        });
        step.unwrap_or_else(|error| Step::Done(vec![error.status.0]))
    }

    /// CTAP 2.1 §10.2.
    fn make_credential(&self, request: MakeCredential) -> Result<Step, CtapError> {
        if !request.algorithms.contains(&Algorithm::ES256) {
            return Err(Status::UNSUPPORTED_ALGORITHM.because("CTAP 2.1 §10.2: U2F is ES256"));
        }
        if request.rk == Some(true) {
            return Err(Status::UNSUPPORTED_OPTION.because("CTAP 2.1 §10.2: U2F keys are not discoverable"));
        }
        if request.uv == Some(true) || request.pin_uv_auth_param.is_some() {
            return Err(Status::UNSUPPORTED_OPTION.because("CTAP 2.1 §10.2: U2F does not verify users"));
        }
        let candidates = self.candidates(&request.rp.id, &request.exclude_list);
        Ok(exclude(Box::new(request), candidates))
    }

    /// CTAP 2.1 §10.3.
    fn get_assertion(&self, request: &GetAssertion) -> Result<Step, CtapError> {
        if request.uv == Some(true) || request.pin_uv_auth_param.is_some() {
            return Err(Status::UNSUPPORTED_OPTION.because("CTAP 2.1 §10.3: U2F does not verify users"));
        }
        if request.up == Some(false) {
            // P1 08 would sign silently, but many keys do not have it.
            return Err(
                Status::UNSUPPORTED_OPTION.because("CTAP 2.1 §10.3: U2F signs for a user who is there")
            );
        }
        find(request.client_data_hash, self.candidates(&request.rp_id, &request.allow_list))
    }

    /// Every handle for the RP ID, then every handle for the AppID. Longer ones cannot be of U2F.
    fn candidates(&self, rp_id: &str, list: &[Descriptor]) -> VecDeque<Candidate> {
        let applications = [Some(sha256(rp_id.as_bytes())), self.app_id];
        let applications = applications.into_iter().flatten();
        let handles = list.iter().map(|listed| &listed.id).filter(|id| id.len() <= usize::from(u8::MAX));
        let pairs = applications.flat_map(|application| {
            handles.clone().map(move |id| Candidate { application, key_handle: id.clone() })
        });
        pairs.collect()
    }
}

impl Exchange {
    fn begin(sent: U2f, task: Task) -> Step {
        let apdu = sent.encode();
        Step::Send(Self { sent, task }, apdu)
    }

    /// Takes the answer to the last APDU.
    pub fn handle_response(self, apdu: &[u8]) -> Step {
        self.proceed(apdu).unwrap_or_else(|error| Step::Done(vec![error.status.0]))
    }

    fn proceed(self, apdu: &[u8]) -> Result<Step, CtapError> {
        let wrong = |why: &dyn std::fmt::Display| Status::OTHER.because_of(format!("CTAP 2.1 §10: {why}"));
        let Response { data, status } =
            Response::decode(apdu).ok_or_else(|| wrong(&"an answer without a status word"))?;
        let Self { sent, task } = self;
        match (task, status) {
            // §10.2 and §10.3: to check-only this says that the key handle is known. Some keys say
            // that there was no error.
            (Task::Excluding { .. }, StatusWord::CONDITIONS_NOT_SATISFIED | StatusWord::NO_ERROR) => {
                Ok(Self::begin(BOGUS, Task::Excluded))
            }
            (Task::Excluding { request, candidates }, StatusWord::WRONG_DATA | StatusWord::WRONG_LENGTH) => {
                Ok(exclude(request, candidates))
            }
            (Task::Finding { .. }, StatusWord::CONDITIONS_NOT_SATISFIED | StatusWord::NO_ERROR) => {
                let sent = match sent {
                    U2f::Authenticate { challenge, application, key_handle, .. } => {
                        let control = Control::EnforcePresence;
                        U2f::Authenticate { control, challenge, application, key_handle }
                    }
                    other => other,
                };
                Ok(Self::begin(sent, Task::Signing))
            }
            // Keys that know a handle's length refuse others by it.
            (Task::Finding { challenge, candidates }, StatusWord::WRONG_DATA | StatusWord::WRONG_LENGTH) => {
                find(challenge, candidates)
            }
            (task, StatusWord::CONDITIONS_NOT_SATISFIED) => {
                let apdu = sent.encode();
                Ok(Step::Poll(Self { sent, task }, apdu))
            }
            (Task::Excluded, StatusWord::NO_ERROR) => Err(Status::CREDENTIAL_EXCLUDED
                .because("CTAP 2.1 §10.2: a key handle of the excludeList is known")),
            (Task::Registering { rp_id_hash }, StatusWord::NO_ERROR) => {
                let answer = RegisterResponse::decode(&data).map_err(|why| wrong(&why))?;
                Ok(Step::Done(registered(rp_id_hash, answer).encode()))
            }
            (Task::Signing, StatusWord::NO_ERROR) => {
                let answer = AuthenticateResponse::decode(&data).map_err(|why| wrong(&why))?;
                Ok(Step::Done(signed(&sent, answer)?.encode()))
            }
            (_, refused) => Err(Status::OPERATION_DENIED.because_of(format!("CTAP 2.1 §10: {refused}"))),
        }
    }
}

/// A registration for nobody, by which a touch is asked for. The same bytes as Chromium's, which a U2F key may know:
/// challenge and application parameter of `B` and `A`.
const BOGUS: U2f = U2f::Register { challenge: [b'B'; 32], application: [b'A'; 32] };

/// §10.2: tries the next of the excludeList; after the last one, registers.
fn exclude(request: Box<MakeCredential>, mut candidates: VecDeque<Candidate>) -> Step {
    let challenge = request.client_data_hash;
    match candidates.pop_front() {
        Some(Candidate { application, key_handle }) => {
            let control = Control::CheckOnly;
            let check = U2f::Authenticate { control, challenge, application, key_handle };
            Exchange::begin(check, Task::Excluding { request, candidates })
        }
        None => {
            let application = sha256(request.rp.id.as_bytes());
            let task = Task::Registering { rp_id_hash: application };
            Exchange::begin(U2f::Register { challenge, application }, task)
        }
    }
}

/// §10.3: tries the next of the allowList.
fn find(challenge: [u8; 32], mut candidates: VecDeque<Candidate>) -> Result<Step, CtapError> {
    let Candidate { application, key_handle } = candidates
        .pop_front()
        .ok_or(Status::NO_CREDENTIALS.because("CTAP 2.1 §10.3: no key handle of the allowList is known"))?;
    let check = U2f::Authenticate { control: Control::CheckOnly, challenge, application, key_handle };
    Ok(Exchange::begin(check, Task::Finding { challenge, candidates }))
}

/// §10.2: an attestation object of format `fido-u2f`, without a model.
fn registered(rp_id_hash: [u8; 32], answer: RegisterResponse) -> MakeCredentialResponse {
    let RegisterResponse { x, y, key_handle, certificate, signature } = answer;
    let auth_data = AuthenticatorData {
        rp_id_hash,
        flags: Flags::UP | Flags::AT,
        sign_count: 0,
        attested: Some(AttestedCredentialData {
            aaguid: Aaguid::default(),
            credential_id: key_handle,
            public_key: PublicKey::P256 { x, y },
        }),
        extensions: None,
    };
    MakeCredentialResponse {
        fmt: "fido-u2f".into(),
        auth_data: auth_data.encode(),
        att_stmt: cbor::text_map([
            ("sig", Some(cbor::bytes(signature))),
            ("x5c", Some(Value::Array(vec![cbor::bytes(certificate)]))),
        ]),
        ep_att: false,
        large_blob_key: None,
        unsigned_extension_outputs: None,
    }
}

/// §10.3: what was signed is authenticator data by another name.
fn signed(sent: &U2f, answer: AuthenticateResponse) -> Result<GetAssertionResponse, CtapError> {
    let U2f::Authenticate { application, key_handle, .. } = sent else {
        return Err(Status::OTHER.because("only an authentication is signed"));
    };
    let auth_data = AuthenticatorData {
        rp_id_hash: *application,
        flags: Flags(answer.presence),
        sign_count: answer.counter,
        attested: None,
        extensions: None,
    };
    Ok(GetAssertionResponse {
        credential: Some(Descriptor { id: key_handle.clone(), transports: Vec::new() }),
        auth_data: auth_data.encode(),
        signature: answer.signature,
        user: None,
        number_of_credentials: None,
        user_selected: false,
        large_blob_key: None,
        unsigned_extension_outputs: None,
    })
}

/// Runs an exchange to its end: `exchange` sends one APDU and returns the answer, `wait` lets [`POLL`] pass or gives up.
///
/// # Errors
/// Those of `exchange` and `wait`.
pub fn run<E>(
    mut step: Step,
    mut exchange: impl FnMut(&[u8]) -> Result<Vec<u8>, E>,
    mut wait: impl FnMut() -> Result<(), E>,
) -> Result<Vec<u8>, E> {
    loop {
        let (further, apdu) = match step {
            Step::Send(further, apdu) => (further, apdu),
            Step::Poll(further, apdu) => {
                wait()?;
                (further, apdu)
            }
            Step::Done(answer) => return Ok(answer),
        };
        step = further.handle_response(&exchange(&apdu)?);
    }
}
