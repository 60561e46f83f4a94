//! Sign-in: WebAuthn Level 3 §5.1.4, and the platform's side of CTAP 2.1 §6.2 and §6.3.
use crate::Origin;
use crate::account::{Account, label};
use crate::ceremony::{Ceremony, Next, client_data, sha256};
use crate::conveyance::Client;
use crate::create::note_flags;
use crate::error::{AnswerError, ClientError, answered, decode_answer};
use crate::extensions::SigningIn;
use crate::preflight::{Found, Plan, Preflight, descriptors};
use crate::selection::Platform;
use wire::base64url;
use wire::ctap2::{Command, Descriptor, GetAssertion, GetAssertionResponse, PUBLIC_KEY, UserEntity};
use wire::webauthn::json::{AssertionResponse, AuthenticationResponse, RequestOptions};
use wire::webauthn::{AuthenticatorData, Ceremony as Kind, Flags};

/// A sign-in that waits for the authenticator.
pub struct Get {
    platform: Platform,
    account: Account,
    extensions: SigningIn,
    client_data_json: Vec<u8>,
    /// The request, whose allowList is filled in when it is known what it must hold.
    request: GetAssertion,
    verification_required: bool,
    notes: Vec<String>,
    stage: Stage,
}

enum Stage {
    /// The allowList is too long to be sent at once.
    Searching(Preflight),
    /// getAssertion was sent.
    Asserting,
    /// getNextAssertion was sent.
    Choosing(Choosing),
}

/// Walking through the accounts.
struct Choosing {
    /// The place of the account that was asked for now.
    index: u64,
    /// How many there are.
    count: u64,
    /// What the first ones are called, for a message.
    seen: Vec<String>,
}

/// More than anybody has, and a bound on how long a lying authenticator keeps us busy.
const MAX_ACCOUNTS: u64 = 10_000;

/// How many accounts a message names.
const MAX_NAMED: usize = 16;

/// A sign-in that is done.
#[derive(Clone, Debug, PartialEq)]
pub struct Authentication {
    /// What the page gets.
    pub response: AuthenticationResponse,
    /// The account, as far as the authenticator told. Its names are not for the page.
    pub user: Option<UserEntity>,
    /// What was passed over, and why; for people.
    pub notes: Vec<String>,
}

impl Get {
    /// Begins a sign-in: the ceremony, and the first message to the authenticator.
    ///
    /// # Errors
    /// If the page may not ask for this, or this authenticator cannot do it.
    pub fn begin(
        origin: &Origin,
        options: &RequestOptions,
        platform: &Platform,
        account: Account,
    ) -> Result<(Self, Vec<u8>), ClientError> {
        // WebAuthn Level 3 §5.1.4.1 steps 5 to 7.
        let rp_id = origin.rp_id(options.rp_id.as_deref())?;
        // Steps 8 and 9.
        let extensions = SigningIn::begin(&options.extensions);
        let mut notes = extensions.notes.clone();
        // Steps 10 to 12.
        let (client_data_json, client_data_hash) = client_data(Kind::GET, &options.challenge.0, origin);

        // §5.1.4.2 steps 1 and 2.
        let wish = options.user_verification.as_deref();
        let demanded = platform.assertion_demands_verification();
        let uv = platform.user_verification(wish, demanded)?;
        if uv && wish == Some("discouraged") {
            notes.push(
                "user verification is asked for all the same: this authenticator does nothing without".into(),
            );
        }
        let request = GetAssertion {
            rp_id: rp_id.clone(),
            client_data_hash,
            allow_list: Vec::new(),
            extensions: extensions.inputs.clone(),
            up: None,
            uv: uv.then_some(true),
            rk: None,
            pin_uv_auth_param: None,
            pin_uv_auth_protocol: None,
        };
        // Step 3. A list of which nothing is left is not an empty list: that would mean any passkey.
        let allow = descriptors(&options.allow_credentials);
        let length = request.encode().len();
        let plan = Plan::new(platform, Command::GET_ASSERTION, length, &rp_id, allow, &mut notes)?;
        if plan == Plan::AtOnce(Vec::new()) && !options.allow_credentials.is_empty() {
            return Err(ClientError::NothingAllowed);
        }
        note_transports(options, platform, &mut notes);
        if platform.client == Client::Raw {
            notes.push(
                "fault: the client raw hands the authenticator's answer on as it is; no browser does".into(),
            );
        }
        let begun = Self {
            platform: platform.clone(),
            account,
            extensions,
            client_data_json,
            request,
            verification_required: wish == Some("required"),
            notes,
            stage: Stage::Asserting,
        };
        Ok(match plan {
            Plan::AtOnce(allow_list) => begun.assert(allow_list),
            Plan::InParts(search) => begun.search(search),
        })
    }

    fn search(self, search: Preflight) -> (Self, Vec<u8>) {
        let message = search.request();
        (Self { stage: Stage::Searching(search), ..self }, message)
    }

    fn assert(mut self, allow_list: Vec<Descriptor>) -> (Self, Vec<u8>) {
        self.request.allow_list = allow_list;
        let message = self.request.encode();
        (Self { stage: Stage::Asserting, ..self }, message)
    }

    fn next(self, choosing: Choosing) -> Next<Self, Authentication> {
        let ceremony = Self { stage: Stage::Choosing(choosing), ..self };
        Next::Send(ceremony, vec![Command::GET_NEXT_ASSERTION.0])
    }

    /// Takes one account's assertion: it is the wanted one, or the next is asked for.
    fn consider(
        self,
        command: Command,
        choosing: Choosing,
        response: &[u8],
    ) -> Result<Next<Self, Authentication>, ClientError> {
        let Choosing { index, count, mut seen } = choosing;
        let answer = decode_answer(command, response, GetAssertionResponse::decode)?;
        // CTAP 2.1 §6.2.2 steps 11 and 12: the count stands in the first answer, and only without an allowList.
        let first = index == 0 && self.request.allow_list.is_empty();
        let count = if first { answer.number_of_credentials.unwrap_or(1).max(1) } else { count };
        if count > MAX_ACCOUNTS {
            return Err(answered(command, AnswerError::TooManyAccounts(count)));
        }
        if self.account.is(index, answer.user.as_ref(), count == 1) {
            return self.finish(command, answer).map(Next::Done);
        }
        if seen.len() < MAX_NAMED {
            seen.push(label(answer.user.as_ref()));
        }
        if index + 1 < count {
            return Ok(self.next(Choosing { index: index + 1, count, seen }));
        }
        let mut names = seen.join(", ");
        if count > u64::try_from(seen.len()).unwrap_or(u64::MAX) {
            names.push_str(", …");
        }
        Err(ClientError::NoSuchAccount {
            wanted: self.account.to_string(),
            seen: format!("{count}: {names}"),
        })
    }

    /// §5.1.4.1 step 20, "if any authenticator indicates success".
    fn finish(
        mut self,
        command: Command,
        answer: GetAssertionResponse,
    ) -> Result<Authentication, ClientError> {
        let wrong = |error| answered(command, error);
        let id = match (&answer.credential, self.request.allow_list.as_slice()) {
            (Some(credential), _) => credential.id.clone(),
            // savedCredentialIds: an only allowed credential need not be named.
            (None, [only]) => only.id.clone(),
            (None, _) => return Err(wrong(AnswerError::NoCredentialId)),
        };
        let user_handle = answer.user.as_ref().map(|user| user.id.clone()).filter(|id| !id.is_empty());
        for fault in self.faults(&answer, &id, user_handle.is_some()) {
            if self.platform.client != Client::Raw {
                return Err(wrong(fault));
            }
            self.notes.push(format!("fault: {fault}, and the client raw hands it on"));
        }
        let response = AuthenticationResponse {
            id: base64url::encode(&id),
            raw_id: id.into(),
            response: AssertionResponse {
                client_data_json: self.client_data_json.into(),
                authenticator_data: answer.auth_data.into(),
                signature: answer.signature.into(),
                user_handle: user_handle.map(Into::into),
            },
            authenticator_attachment: Some(self.platform.attachment().name().into()),
            client_extension_results: self.extensions.finish(),
            kind: PUBLIC_KEY.into(),
        };
        Ok(Authentication { response, user: answer.user, notes: self.notes })
    }

    /// What no client hands on.
    fn faults(&mut self, answer: &GetAssertionResponse, id: &[u8], has_handle: bool) -> Vec<AnswerError> {
        let mut faults = Vec::new();
        let allowed = &self.request.allow_list;
        if !allowed.is_empty() && !allowed.iter().any(|descriptor| descriptor.id == id) {
            faults.push(AnswerError::NotAllowed(base64url::encode(id)));
        }
        // §5.1.4.1 step 20: without a list of credentials, the account must be told.
        if allowed.is_empty() && !has_handle {
            faults.push(AnswerError::NoUserHandle);
        }
        match AuthenticatorData::decode(&answer.auth_data) {
            Ok(data) => {
                if data.rp_id_hash != sha256(self.request.rp_id.as_bytes()) {
                    faults.push(AnswerError::RpIdHash(self.request.rp_id.clone()));
                }
                if data.flags.contains(Flags::AT) {
                    faults.push(AnswerError::UnexpectedCredential);
                }
                // Flags are the relying party's to judge, §7.2 steps 16 and 17.
                note_flags(data.flags, self.verification_required, &mut self.notes);
            }
            Err(why) => faults.push(AnswerError::Malformed(why.to_string())),
        }
        faults
    }
}

impl Ceremony for Get {
    type Outcome = Authentication;

    fn handle_response(mut self, response: &[u8]) -> Result<Next<Self, Authentication>, ClientError> {
        let search = match std::mem::replace(&mut self.stage, Stage::Asserting) {
            Stage::Asserting => {
                let first = Choosing { index: 0, count: 1, seen: Vec::new() };
                return self.consider(Command::GET_ASSERTION, first, response);
            }
            Stage::Choosing(choosing) => {
                return self.consider(Command::GET_NEXT_ASSERTION, choosing, response);
            }
            Stage::Searching(search) => search,
        };
        let (further, message) = match search.handle_response(response)? {
            Found::Here(allow_list) => self.assert(allow_list),
            Found::Nowhere => return Err(ClientError::NothingAllowed),
            Found::Unknown(search) => self.search(search),
        };
        Ok(Next::Send(further, message))
    }
}

/// Chromium looks for a credential only on the links that the page names for it.
fn note_transports(options: &RequestOptions, platform: &Platform, notes: &mut Vec<String>) {
    let link = match platform.client {
        Client::ChromiumUsb => "usb",
        Client::ChromiumHybrid => "hybrid",
        Client::SpecL3 | Client::Firefox | Client::Raw => return,
    };
    let elsewhere =
        |transports: &Vec<String>| !transports.is_empty() && !transports.iter().any(|t| t == link);
    let allowed = &options.allow_credentials;
    if !allowed.is_empty() && allowed.iter().all(|d| d.transports.as_ref().is_some_and(elsewhere)) {
        notes.push(format!("Chromium would not look on {link}: no entry of allowCredentials names it"));
    }
}
