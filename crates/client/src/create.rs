//! Registration: WebAuthn Level 3 §5.1.3, and the platform's side of CTAP 2.1 §6.1.
use crate::Origin;
use crate::ceremony::{Ceremony, Next, client_data, sha256};
use crate::conveyance::{Client, Conveyed, Preference};
use crate::error::{AnswerError, ClientError, answered, decode_answer};
use crate::extensions::{CANNOT_EVALUATE, Outputs, Registering};
use crate::options::{OptionsError, check_user_id};
use crate::pin::{Agreeing, GetToken, Pin, SharedSecret};
use crate::preflight::{Bounds, Found, Plan, Preflight, descriptors};
use crate::selection::Platform;
use crate::spki;
use crate::verification::{Means, Purpose, Verifier};
use rand_core::CryptoRng;
use wire::aaguid::Aaguid;
use wire::base64url;
use wire::cose::Algorithm;
use wire::ctap2::{
    Command, MakeCredential, MakeCredentialResponse, PUBLIC_KEY, Permissions, RpEntity, UserEntity,
};
use wire::webauthn::json::{
    AttestationResponse, AuthenticatorSelection, CreationOptions, RegistrationResponse,
};
use wire::webauthn::{AttestationObject, AttestedCredentialData, AuthenticatorData, Ceremony as Kind, Flags};

/// A registration that waits for the authenticator.
pub struct Create {
    platform: Platform,
    preference: Preference,
    extensions: Registering,
    client_data_json: Vec<u8>,
    /// The request, whose excludeList is filled in when it is known what it must hold.
    request: MakeCredential,
    verification_required: bool,
    verifier: Verifier,
    /// How the excludeList goes to the authenticator, until it is on its way.
    plan: Option<Plan>,
    /// For what is evaluated at once.
    secret: Option<SharedSecret>,
    notes: Vec<String>,
    stage: Stage,
}

enum Stage {
    /// A token is on its way.
    Verifying(GetToken),
    /// The excludeList is too long to be sent at once.
    Searching(Preflight),
    /// A secret for hmac-secret-mc is being agreed on.
    Agreeing(Agreeing),
    /// makeCredential was sent.
    Making,
}

/// A registration that is done.
#[derive(Clone, Debug, PartialEq)]
pub struct Registration {
    /// What the page gets.
    pub response: RegistrationResponse,
    /// The model that the page sees.
    pub aaguid: Aaguid,
    /// What was changed, kept or passed over, and why; for people.
    pub notes: Vec<String>,
}

impl Create {
    /// Begins a registration: the ceremony, and the first message to the authenticator. Without a PIN and without
    /// randomness: the user is verified by built-in means or not at all, and prf evaluates nothing.
    ///
    /// # Errors
    /// If the page may not ask for this, or this authenticator cannot do it.
    pub fn begin(
        origin: &Origin,
        options: &CreationOptions,
        platform: &Platform,
    ) -> Result<(Self, Vec<u8>), ClientError> {
        Self::start(origin, options, platform, Verifier::none())
    }

    /// The same with all that a platform has: tokens and prf, and a PIN if the user gave one.
    ///
    /// # Errors
    /// If the page may not ask for this, or this authenticator cannot do it, or not without a PIN.
    pub fn begin_with(
        origin: &Origin,
        options: &CreationOptions,
        platform: &Platform,
        pin: Option<Pin>,
        rng: &mut dyn CryptoRng,
    ) -> Result<(Self, Vec<u8>), ClientError> {
        Self::start(origin, options, platform, Verifier::new(pin, rng))
    }

    fn start(
        origin: &Origin,
        options: &CreationOptions,
        platform: &Platform,
        verifier: Verifier,
    ) -> Result<(Self, Vec<u8>), ClientError> {
        // WebAuthn Level 3 §5.1.3 step 5.
        check_user_id(&options.user.id.0)
            .map_err(|why| OptionsError::Member { path: "user.id".into(), why })?;
        // Steps 6 to 8.
        let rp_id = origin.rp_id(options.rp.id.as_deref())?;
        // Steps 9 and 10.
        let algorithms = algorithms(options)?;
        // Steps 13 to 15.
        let (client_data_json, client_data_hash) =
            client_data(Kind::CREATE, &options.challenge.0, origin, platform);

        // Step 22, the candidate authenticator.
        let none = AuthenticatorSelection::default();
        let selection = options.authenticator_selection.as_ref().unwrap_or(&none);
        platform.check_attachment(selection.authenticator_attachment.as_deref())?;
        let rk = platform.resident_key(selection.resident_key.as_deref(), selection.require_resident_key)?;
        // Steps 11 and 12, which depend on what the candidate has.
        let mut extensions = Registering::begin(&options.extensions, origin, platform, rk)?;
        let wish = selection.user_verification.as_deref();
        let demanded = platform.creation_demands_verification(rk);
        let (means, can_evaluate) = match extensions.evaluates() {
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
                    "user verification is asked for all the same: this authenticator makes no passkey without"
                        .into()
                }
                false => "user verification is asked for all the same: prf is for a verified user".into(),
            });
        }
        let preference = Preference::from_option(options.attestation.as_deref());
        // CTAP 2.1 §7.1: vendor-facilitated (1), as the authenticator's own list of RP IDs decides, unless somebody
        // manages this platform and lists the RP ID (2).
        let value = if platform.enterprise.contains(&rp_id) { 2 } else { 1 };
        let enterprise = preference == Preference::Enterprise && platform.info.option("ep") == Some(true);
        if preference == Preference::Enterprise && !enterprise {
            notes.push(
                "attestation enterprise: the authenticator has it not enabled, so it counts as direct".into(),
            );
        }
        let request = MakeCredential {
            client_data_hash,
            rp: RpEntity { id: rp_id.clone(), name: Some(options.rp.name.clone()) },
            user: UserEntity {
                id: options.user.id.0.clone(),
                name: Some(options.user.name.clone()),
                display_name: Some(options.user.display_name.clone()),
            },
            algorithms,
            exclude_list: Vec::new(),
            extensions: extensions.inputs(&platform.info, None),
            // Options that say no more than the default are left out: some authenticators refuse those that they
            // do not know even when false.
            rk: rk.then_some(true),
            up: None,
            uv: (means == Means::BuiltInOption).then_some(true),
            pin_uv_auth_param: None,
            pin_uv_auth_protocol: None,
            enterprise_attestation: enterprise.then_some(value),
            attestation_formats: attestation_formats(options, preference, platform),
        };
        let exclude = descriptors(&options.exclude_credentials);
        let length = request.encode().len() + platform.room_for_proof();
        let bounds = Bounds { command: Command::MAKE_CREDENTIAL, length, search: false };
        let plan = Plan::new(platform, bounds, &rp_id, exclude, &mut notes)?;

        let begun = Self {
            platform: platform.clone(),
            preference,
            extensions,
            client_data_json,
            request,
            verification_required: wish == Some("required"),
            verifier,
            plan: Some(plan),
            secret: None,
            notes,
            stage: Stage::Making,
        };
        begun.verify(means)
    }

    /// The AppID of the extension `appidExclude`, for [`crate::ctap1::Bridge`].
    pub fn app_id(&self) -> Option<&str> {
        self.extensions.app_id_exclude()
    }

    /// First the token, so that the search for the excludeList can use it.
    fn verify(mut self, means: Means) -> Result<(Self, Vec<u8>), ClientError> {
        let purpose = purpose(&self.platform, &self.request, &self.plan);
        Ok(match self.verifier.begin(means, &purpose)? {
            Some(next) => self.verifying(next),
            None => self.proceed(),
        })
    }

    /// Then the excludeList.
    fn proceed(mut self) -> (Self, Vec<u8>) {
        match self.plan.take() {
            Some(Plan::InParts(search)) => {
                let search = search.proven(self.verifier.token());
                self.search(search)
            }
            Some(Plan::AtOnce(exclude_list)) => {
                self.request.exclude_list = exclude_list;
                self.agree()
            }
            // It was sent before, and the authenticator wanted a token.
            None => self.make(),
        }
    }

    fn search(self, search: Preflight) -> (Self, Vec<u8>) {
        let message = search.request();
        (Self { stage: Stage::Searching(search), ..self }, message)
    }

    /// Then the secret for what is to be evaluated.
    fn agree(mut self) -> (Self, Vec<u8>) {
        if self.extensions.agrees() {
            if let Some((agreeing, message)) = self.verifier.agree(&self.platform.info) {
                return (Self { stage: Stage::Agreeing(agreeing), ..self }, message);
            }
            self.extensions.give_up_evaluating(CANNOT_EVALUATE);
            self.notes.append(&mut self.extensions.notes);
            self.request.extensions = self.extensions.inputs(&self.platform.info, None);
        }
        self.make()
    }

    fn make(mut self) -> (Self, Vec<u8>) {
        // CTAP 2.1 §6.1.1: a token takes the place of the option uv.
        if let Some(token) = self.verifier.token() {
            self.request.uv = None;
            self.request.pin_uv_auth_param = Some(token.authenticate(&self.request.client_data_hash));
            self.request.pin_uv_auth_protocol = Some(token.protocol().number());
        }
        let message = self.request.encode();
        (Self { stage: Stage::Making, ..self }, message)
    }

    fn verifying(self, (getting, message): (GetToken, Vec<u8>)) -> (Self, Vec<u8>) {
        (Self { stage: Stage::Verifying(getting), ..self }, message)
    }

    /// §5.1.3 step 22, "if any authenticator indicates success".
    fn finish(mut self, answer: MakeCredentialResponse) -> Result<Registration, ClientError> {
        let wrong = |error| answered(Command::MAKE_CREDENTIAL, error);
        let data = AuthenticatorData::decode(&answer.auth_data)
            .map_err(|why| wrong(AnswerError::Malformed(why.to_string())))?;
        self.judge(&data)?;
        let outputs = self.extensions.finish(
            self.request.rk == Some(true),
            &self.platform.info,
            &Outputs {
                signed: data.extensions.as_ref(),
                unsigned: answer.unsigned_extension_outputs.as_ref(),
                large_blob_key: answer.large_blob_key.as_deref(),
                verified: data.flags.contains(Flags::UV),
                rp_id_hash: Some(data.rp_id_hash),
                credential_id: &[],
            },
            self.secret.as_ref(),
            &mut self.notes,
        );
        let Some(attested) = data.attested else { return Err(wrong(AnswerError::NoCredential)) };
        // CTAP 2.1 §6.1.2 step 9: whoever may not have it gets an ordinary attestation.
        if self.request.enterprise_attestation.is_some() && !answer.ep_att {
            self.notes.push(format!(
                "attestation enterprise: the authenticator gives {} an ordinary attestation",
                self.request.rp.id
            ));
        }

        let made =
            AttestationObject { fmt: answer.fmt, att_stmt: answer.att_stmt, auth_data: answer.auth_data };
        let Conveyed { attestation_object, transports, notes } = self.platform.convey(self.preference, made);
        self.notes.extend(notes);
        let AttestedCredentialData { credential_id, public_key, .. } = attested;
        let response = RegistrationResponse {
            id: base64url::encode(&credential_id),
            raw_id: credential_id.into(),
            response: AttestationResponse {
                client_data_json: self.client_data_json.into(),
                authenticator_data: Some(attestation_object.auth_data.clone().into()),
                attestation_object: attestation_object.encode().into(),
                transports,
                public_key: spki::subject_public_key_info(&public_key).map(Into::into),
                public_key_algorithm: Some(public_key.algorithm().0),
            },
            authenticator_attachment: Some(self.platform.attachment().name().into()),
            client_extension_results: outputs,
            kind: PUBLIC_KEY.into(),
        };
        let aaguid = crate::conveyance::aaguid_of(&attestation_object.auth_data);
        Ok(Registration { response, aaguid, notes: self.notes })
    }

    /// Refuses what no client hands on, and notes what the relying party is to refuse.
    fn judge(&mut self, data: &AuthenticatorData) -> Result<(), ClientError> {
        if data.rp_id_hash != sha256(self.request.rp.id.as_bytes()) {
            let error = AnswerError::RpIdHash(self.request.rp.id.clone());
            if self.platform.client != Client::Raw {
                return Err(answered(Command::MAKE_CREDENTIAL, error));
            }
            self.notes.push(format!("fault: {error}, and the client raw hands it on"));
        }
        // Flags and algorithm are the relying party's to judge, §7.1 steps 15, 16 and 20.
        note_flags(data.flags, self.verification_required, &mut self.notes);
        let algorithm = data.attested.as_ref().map(|attested| attested.public_key.algorithm());
        if algorithm.is_some_and(|algorithm| !self.request.algorithms.contains(&algorithm)) {
            self.notes.push("odd: the algorithm of the new credential was not offered".into());
        }
        Ok(())
    }
}

impl Ceremony for Create {
    type Outcome = Registration;

    fn handle_response(mut self, response: &[u8]) -> Result<Next<Self, Registration>, ClientError> {
        let (further, message) = match std::mem::replace(&mut self.stage, Stage::Making) {
            Stage::Verifying(getting) => {
                let purpose = purpose(&self.platform, &self.request, &self.plan);
                match self.verifier.handle_response(getting, response, &purpose)? {
                    Some(next) => self.verifying(next),
                    None => self.proceed(),
                }
            }
            Stage::Searching(search) => match search.handle_response(response)? {
                // makeCredential with it asks the user, and then says CREDENTIAL_EXCLUDED.
                Found::Here(exclude_list) => {
                    self.request.exclude_list = exclude_list;
                    self.agree()
                }
                Found::Nowhere => self.agree(),
                Found::Unknown(search) => self.search(search),
            },
            Stage::Agreeing(agreeing) => {
                let mut secret = agreeing.handle_response(response)?;
                self.request.extensions = self.extensions.inputs(&self.platform.info, Some(&mut secret));
                self.secret = Some(secret);
                self.make()
            }
            Stage::Making => {
                match decode_answer(Command::MAKE_CREDENTIAL, response, MakeCredentialResponse::decode) {
                    Ok(answer) => return self.finish(answer).map(Next::Done),
                    Err(error) => {
                        let purpose = purpose(&self.platform, &self.request, &self.plan);
                        let next = self.verifier.rescue(error, &purpose)?;
                        self.verifying(next)
                    }
                }
            }
        };
        Ok(Next::Send(further, message))
    }
}

/// What a token is for: registering, and searching beforehand if the excludeList is long.
fn purpose<'a>(platform: &'a Platform, request: &'a MakeCredential, plan: &Option<Plan>) -> Purpose<'a> {
    let permissions = match plan {
        Some(Plan::InParts(_)) => Permissions::MC | Permissions::GA,
        _ => Permissions::MC,
    };
    Purpose { info: &platform.info, permissions, rp_id: &request.rp.id }
}

/// §5.1.3 steps 9 and 10: no entries mean ES256 and RS256; entries of other types are passed over.
fn algorithms(options: &CreationOptions) -> Result<Vec<Algorithm>, ClientError> {
    if options.pub_key_cred_params.is_empty() {
        return Ok(vec![Algorithm::ES256, Algorithm::RS256]);
    }
    let known = options.pub_key_cred_params.iter().filter(|parameters| parameters.kind == PUBLIC_KEY);
    let algorithms: Vec<Algorithm> = known.map(|parameters| Algorithm(parameters.alg)).collect();
    if algorithms.is_empty() { Err(ClientError::NoPublicKeyParameters) } else { Ok(algorithms) }
}

/// §5.1.3 step 22, `attestationFormats`: a member of CTAP 2.2, which browsers do not send yet.
fn attestation_formats(
    options: &CreationOptions,
    preference: Preference,
    platform: &Platform,
) -> Option<Vec<String>> {
    let speaks = platform.info.versions.iter().any(|version| version == "FIDO_2_3");
    if platform.client != Client::SpecL3 || !speaks {
        return None;
    }
    match preference {
        Preference::None => Some(vec!["none".into()]),
        _ if options.attestation_formats.is_empty() => None,
        _ => Some(options.attestation_formats.clone()),
    }
}

pub(crate) fn note_flags(flags: Flags, verification_required: bool, notes: &mut Vec<String>) {
    if !flags.contains(Flags::UP) {
        notes.push(
            "odd: the authenticator says that no user was present; a relying party must refuse it".into(),
        );
    }
    if verification_required && !flags.contains(Flags::UV) {
        notes.push(
            "odd: the user was not verified although the page requires it; a relying party must refuse it"
                .into(),
        );
    }
}
