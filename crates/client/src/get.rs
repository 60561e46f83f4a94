//! Sign-in: WebAuthn Level 3 §5.1.4, and the platform's side of CTAP 2.1 §6.2 and §6.3.
use crate::Origin;
use crate::account::{Account, label};
use crate::ceremony::{Ceremony, Next, client_data, sha256};
use crate::conveyance::Client;
use crate::create::note_flags;
use crate::error::{AnswerError, ClientError, answered, decode_answer};
use crate::extensions::{Access, CANNOT_EVALUATE, LARGE_BLOB, Outputs, SigningIn, Step, told};
use crate::pin::{Agreeing, GetToken, Pin, SharedSecret};
use crate::preflight::{Bounds, Found, Plan, Preflight, descriptors};
use crate::selection::Platform;
use crate::verification::{Means, Purpose, Verifier};
use rand_core::CryptoRng;
use serde_json::{Map, Value};
use wire::base64url;
use wire::ctap2::{Command, GetAssertion, GetAssertionResponse, PUBLIC_KEY, Permissions, UserEntity};
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
    verifier: Verifier,
    /// How the allowList goes to the authenticator, until it is on its way.
    plan: Option<Plan>,
    /// For what is to be evaluated.
    secret: Option<SharedSecret>,
    notes: Vec<String>,
    stage: Stage,
}

enum Stage {
    /// A token is on its way.
    Verifying(GetToken),
    /// The allowList is too long to be sent at once.
    Searching(Preflight),
    /// A secret for hmac-secret is being agreed on.
    Agreeing(Agreeing),
    /// getAssertion was sent.
    Asserting,
    /// getNextAssertion was sent.
    Choosing(Choosing),
    /// The assertion is here, and its credential's large blob is being read or written.
    Accessing(Box<Authentication>, Access),
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
    /// Begins a sign-in: the ceremony, and the first message to the authenticator. Without a PIN and without
    /// randomness: the user is verified by built-in means or not at all, and prf evaluates nothing.
    ///
    /// # Errors
    /// If the page may not ask for this, or this authenticator cannot do it.
    pub fn begin(
        origin: &Origin,
        options: &RequestOptions,
        platform: &Platform,
        account: Account,
    ) -> Result<(Self, Vec<u8>), ClientError> {
        Self::start(origin, options, platform, account, Verifier::none())
    }

    /// The same with all that a platform has: tokens and prf, and a PIN if the user gave one.
    ///
    /// # Errors
    /// If the page may not ask for this, or this authenticator cannot do it, or not without a PIN.
    pub fn begin_with(
        origin: &Origin,
        options: &RequestOptions,
        platform: &Platform,
        account: Account,
        pin: Option<Pin>,
        rng: &mut dyn CryptoRng,
    ) -> Result<(Self, Vec<u8>), ClientError> {
        Self::start(origin, options, platform, account, Verifier::new(pin, rng))
    }

    fn start(
        origin: &Origin,
        options: &RequestOptions,
        platform: &Platform,
        account: Account,
        verifier: Verifier,
    ) -> Result<(Self, Vec<u8>), ClientError> {
        // WebAuthn Level 3 §5.1.4.1 steps 5 to 7.
        let rp_id = origin.rp_id(options.rp_id.as_deref())?;
        // Steps 8 and 9.
        let mut extensions = SigningIn::begin(options, origin, platform)?;
        // Steps 10 to 12.
        let (client_data_json, client_data_hash) =
            client_data(Kind::GET, &options.challenge.0, origin, platform);

        // §5.1.4.2 steps 1 and 2.
        let wish = options.user_verification.as_deref();
        let demanded = platform.assertion_demands_verification();
        let (means, can_evaluate) = match extensions.evaluates() || extensions.writes_array() {
            true => verifier.means_to_evaluate(platform, wish, demanded, extensions.agrees())?,
            false => (verifier.means(platform, wish, demanded)?, false),
        };
        if extensions.evaluates() && !can_evaluate {
            extensions.give_up_evaluating(CANNOT_EVALUATE);
        }
        let mut notes = std::mem::take(&mut extensions.notes);
        if means != Means::Nothing && wish == Some("discouraged") {
            notes.push(match demanded {
                true => {
                    "user verification is asked for all the same: this authenticator does nothing without"
                        .into()
                }
                false => {
                    "user verification is asked for all the same: prf and large blobs are for a verified user"
                        .into()
                }
            });
        }
        let request = GetAssertion {
            rp_id: rp_id.clone(),
            client_data_hash,
            allow_list: Vec::new(),
            extensions: extensions.longest_inputs(),
            up: None,
            uv: (means == Means::BuiltInOption).then_some(true),
            rk: None,
            pin_uv_auth_param: None,
            pin_uv_auth_protocol: None,
        };
        // Step 3. A list of which nothing is left is not an empty list: that would mean any passkey.
        let allow = descriptors(&options.allow_credentials);
        let bounds = Bounds {
            command: Command::GET_ASSERTION,
            length: request.encode().len() + platform.room_for_proof(),
            search: extensions.needs_the_credential(),
        };
        let plan = Plan::new(platform, bounds, &rp_id, allow, &mut notes)?;
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
            verifier,
            plan: Some(plan),
            secret: None,
            notes,
            stage: Stage::Asserting,
        };
        begun.verify(means)
    }

    /// The AppID of the extension `appid`, for [`crate::ctap1::Bridge`].
    pub fn app_id(&self) -> Option<&str> {
        self.extensions.app_id()
    }

    /// First the token, so that the search for the allowList can use it.
    fn verify(mut self, means: Means) -> Result<(Self, Vec<u8>), ClientError> {
        let purpose = purpose(&self.platform, &self.request, &self.extensions);
        Ok(match self.verifier.begin(means, &purpose)? {
            Some(next) => self.verifying(next),
            None => self.proceed(),
        })
    }

    fn verifying(self, (getting, message): (GetToken, Vec<u8>)) -> (Self, Vec<u8>) {
        (Self { stage: Stage::Verifying(getting), ..self }, message)
    }

    /// Then the allowList.
    fn proceed(mut self) -> (Self, Vec<u8>) {
        match self.plan.take() {
            Some(Plan::InParts(search)) => {
                let search = search.proven(self.verifier.token());
                self.search(search)
            }
            Some(Plan::AtOnce(allow_list)) => {
                self.request.allow_list = allow_list;
                self.agree()
            }
            // It was sent before, and the authenticator wanted a token.
            None => self.assert(),
        }
    }

    fn search(self, search: Preflight) -> (Self, Vec<u8>) {
        let message = search.request();
        (Self { stage: Stage::Searching(search), ..self }, message)
    }

    /// Then the secret for what is to be evaluated.
    fn agree(mut self) -> (Self, Vec<u8>) {
        if self.extensions.agrees_for(&self.request.allow_list) {
            if let Some((agreeing, message)) = self.verifier.agree(&self.platform.info) {
                return (Self { stage: Stage::Agreeing(agreeing), ..self }, message);
            }
            self.extensions.give_up_evaluating(CANNOT_EVALUATE);
            self.notes.append(&mut self.extensions.notes);
        }
        self.request.extensions = self.extensions.inputs(&self.request.allow_list, None);
        self.assert()
    }

    fn assert(mut self) -> (Self, Vec<u8>) {
        // CTAP 2.1 §6.2.1: a token takes the place of the option uv.
        if let Some(token) = self.verifier.token() {
            self.request.uv = None;
            self.request.pin_uv_auth_param = Some(token.authenticate(&self.request.client_data_hash));
            self.request.pin_uv_auth_protocol = Some(token.protocol().number());
        }
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
        answer: GetAssertionResponse,
    ) -> Result<Next<Self, Authentication>, ClientError> {
        let Choosing { index, count, mut seen } = choosing;
        // CTAP 2.1 §6.2.2 steps 11 and 12: the count stands in the first answer, and only without an allowList.
        let first = index == 0 && self.request.allow_list.is_empty();
        let count = if first { answer.number_of_credentials.unwrap_or(1).max(1) } else { count };
        if count > MAX_ACCOUNTS {
            return Err(answered(command, AnswerError::TooManyAccounts(count)));
        }
        if self.account.is(index, answer.user.as_ref(), count == 1) {
            return self.finish(command, answer);
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
    ) -> Result<Next<Self, Authentication>, ClientError> {
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
        let outputs = self.outputs(&answer, &id);
        let response = AuthenticationResponse {
            id: base64url::encode(&id),
            raw_id: id.into(),
            response: AssertionResponse {
                client_data_json: std::mem::take(&mut self.client_data_json).into(),
                authenticator_data: answer.auth_data.into(),
                signature: answer.signature.into(),
                user_handle: user_handle.map(Into::into),
            },
            authenticator_attachment: Some(self.platform.attachment().name().into()),
            client_extension_results: outputs,
            kind: PUBLIC_KEY.into(),
        };
        let notes = std::mem::take(&mut self.notes);
        let done = Authentication { response, user: answer.user, notes };
        let key = answer.large_blob_key.as_deref();
        Ok(match self.extensions.access(key, self.verifier.nonce(), &self.platform.info) {
            Some((access, message)) => self.accessing(done.into(), access, message),
            None => Next::Done(done),
        })
    }

    fn accessing(
        self,
        done: Box<Authentication>,
        access: Access,
        message: Vec<u8>,
    ) -> Next<Self, Authentication> {
        Next::Send(Self { stage: Stage::Accessing(done, access), ..self }, message)
    }

    /// §10.1.5: whatever becomes of a large blob, the sign-in is good.
    fn access(
        self,
        mut done: Box<Authentication>,
        access: Access,
        response: &[u8],
    ) -> Next<Self, Authentication> {
        match access.handle_response(response, self.verifier.token()) {
            Ok(Step::Send(access, message)) => return self.accessing(done, access, message),
            Ok(Step::Done(outcome)) => {
                done.response.client_extension_results.insert(LARGE_BLOB.into(), told(outcome));
            }
            Err(why) => done.notes.push(format!("odd: no large blob: {why}")),
        }
        Next::Done(*done)
    }

    /// The client extension outputs.
    fn outputs(&mut self, answer: &GetAssertionResponse, credential_id: &[u8]) -> Map<String, Value> {
        // What cannot be read was judged before, and only the raw client comes here with it.
        let data = AuthenticatorData::decode(&answer.auth_data).ok();
        let from = Outputs {
            signed: data.as_ref().and_then(|data| data.extensions.as_ref()),
            unsigned: answer.unsigned_extension_outputs.as_ref(),
            large_blob_key: answer.large_blob_key.as_deref(),
            verified: data.as_ref().is_some_and(|data| data.flags.contains(Flags::UV)),
            rp_id_hash: data.as_ref().map(|data| data.rp_id_hash),
            credential_id,
        };
        self.extensions.finish(
            &self.request.allow_list,
            &self.platform.info,
            &from,
            self.secret.as_ref(),
            &mut self.notes,
        )
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
                // §10.1.1: or for the AppID, which the page was allowed to use.
                let mut names = [Some(self.request.rp_id.as_str()), self.extensions.app_id()].into_iter();
                if !names.any(|name| name.is_some_and(|name| data.rp_id_hash == sha256(name.as_bytes()))) {
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
        let decode = |command| decode_answer(command, response, GetAssertionResponse::decode);
        let (further, message) = match std::mem::replace(&mut self.stage, Stage::Asserting) {
            Stage::Verifying(getting) => {
                let purpose = purpose(&self.platform, &self.request, &self.extensions);
                match self.verifier.handle_response(getting, response, &purpose)? {
                    Some(next) => self.verifying(next),
                    None => self.proceed(),
                }
            }
            Stage::Searching(search) => match search.handle_response(response)? {
                Found::Here(allow_list) => {
                    self.request.allow_list = allow_list;
                    self.agree()
                }
                Found::Nowhere => return Err(ClientError::NothingAllowed),
                Found::Unknown(search) => self.search(search),
            },
            Stage::Agreeing(agreeing) => {
                let mut secret = agreeing.handle_response(response)?;
                let allow_list = &self.request.allow_list;
                self.request.extensions = self.extensions.inputs(allow_list, Some(&mut secret));
                self.secret = Some(secret);
                self.assert()
            }
            Stage::Asserting => match decode(Command::GET_ASSERTION) {
                Ok(answer) => {
                    let first = Choosing { index: 0, count: 1, seen: Vec::new() };
                    return self.consider(Command::GET_ASSERTION, first, answer);
                }
                Err(error) => {
                    let purpose = purpose(&self.platform, &self.request, &self.extensions);
                    let next = self.verifier.rescue(error, &purpose)?;
                    self.verifying(next)
                }
            },
            Stage::Choosing(choosing) => {
                let answer = decode(Command::GET_NEXT_ASSERTION)?;
                return self.consider(Command::GET_NEXT_ASSERTION, choosing, answer);
            }
            Stage::Accessing(done, access) => return Ok(self.access(done, access, response)),
        };
        Ok(Next::Send(further, message))
    }
}

/// What a token is for.
fn purpose<'a>(platform: &'a Platform, request: &'a GetAssertion, extensions: &SigningIn) -> Purpose<'a> {
    let permissions = match extensions.writes_array() {
        true => Permissions::GA | Permissions::LBW,
        false => Permissions::GA,
    };
    Purpose { info: &platform.info, permissions, rp_id: &request.rp_id }
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
