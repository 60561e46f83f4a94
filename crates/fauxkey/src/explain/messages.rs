//! The members of every CTAP2 message by number, and the words for statuses and subcommands. CTAP 2.3 §6.
use wire::ctap2::Command;
use wire::status::Status;

/// Numbers and names of a map's members.
pub type Members = &'static [(i64, &'static str)];

/// The command byte of the preview of authenticatorBioEnrollment.
pub(super) const BIO_ENROLLMENT_PREVIEW: Command = Command(0x40);
/// The command byte of the preview of authenticatorCredentialManagement.
pub(super) const CREDENTIAL_MANAGEMENT_PREVIEW: Command = Command(0x41);

/// The members of a command's request and response; `None` if the command has no name here.
pub fn members(command: Command) -> Option<(Members, Members)> {
    Some(match command {
        Command::MAKE_CREDENTIAL => (MAKE_CREDENTIAL, MAKE_CREDENTIAL_RESPONSE),
        Command::GET_ASSERTION => (GET_ASSERTION, GET_ASSERTION_RESPONSE),
        Command::GET_INFO => (&[], super::get_info::MEMBERS),
        Command::CLIENT_PIN => (CLIENT_PIN, CLIENT_PIN_RESPONSE),
        Command::RESET | Command::SELECTION => (&[], &[]),
        Command::GET_NEXT_ASSERTION => (&[], GET_ASSERTION_RESPONSE),
        Command::BIO_ENROLLMENT | BIO_ENROLLMENT_PREVIEW => (BIO_ENROLLMENT, BIO_ENROLLMENT_RESPONSE),
        Command::CREDENTIAL_MANAGEMENT | CREDENTIAL_MANAGEMENT_PREVIEW => {
            (CREDENTIAL_MANAGEMENT, CREDENTIAL_MANAGEMENT_RESPONSE)
        }
        Command::LARGE_BLOBS => (LARGE_BLOBS, LARGE_BLOBS_RESPONSE),
        Command::CONFIG => (CONFIG, &[]),
        _ => return None,
    })
}

/// The command's name, previews included.
pub fn command_name(command: Command) -> Option<String> {
    match command {
        BIO_ENROLLMENT_PREVIEW => Some(format!("{} (preview)", Command::BIO_ENROLLMENT)),
        CREDENTIAL_MANAGEMENT_PREVIEW => Some(format!("{} (preview)", Command::CREDENTIAL_MANAGEMENT)),
        other => other.name().map(Into::into),
    }
}

const MAKE_CREDENTIAL: Members = &[
    (0x01, "clientDataHash"),
    (0x02, "rp"),
    (0x03, "user"),
    (0x04, "pubKeyCredParams"),
    (0x05, "excludeList"),
    (0x06, "extensions"),
    (0x07, "options"),
    (0x08, "pinUvAuthParam"),
    (0x09, "pinUvAuthProtocol"),
    (0x0A, "enterpriseAttestation"),
    (0x0B, "attestationFormatsPreference"),
];
const MAKE_CREDENTIAL_RESPONSE: Members = &[
    (0x01, "fmt"),
    (0x02, "authData"),
    (0x03, "attStmt"),
    (0x04, "epAtt"),
    (0x05, "largeBlobKey"),
    (0x06, "unsignedExtensionOutputs"),
];
const GET_ASSERTION: Members = &[
    (0x01, "rpId"),
    (0x02, "clientDataHash"),
    (0x03, "allowList"),
    (0x04, "extensions"),
    (0x05, "options"),
    (0x06, "pinUvAuthParam"),
    (0x07, "pinUvAuthProtocol"),
];
const GET_ASSERTION_RESPONSE: Members = &[
    (0x01, "credential"),
    (0x02, "authData"),
    (0x03, "signature"),
    (0x04, "user"),
    (0x05, "numberOfCredentials"),
    (0x06, "userSelected"),
    (0x07, "largeBlobKey"),
    (0x08, "unsignedExtensionOutputs"),
];
const CLIENT_PIN: Members = &[
    (0x01, "pinUvAuthProtocol"),
    (0x02, "subCommand"),
    (0x03, "keyAgreement"),
    (0x04, "pinUvAuthParam"),
    (0x05, "newPinEnc"),
    (0x06, "pinHashEnc"),
    (0x09, "permissions"),
    (0x0A, "rpId"),
];
const CLIENT_PIN_RESPONSE: Members = &[
    (0x01, "keyAgreement"),
    (0x02, "pinUvAuthToken"),
    (0x03, "pinRetries"),
    (0x04, "powerCycleState"),
    (0x05, "uvRetries"),
];
const BIO_ENROLLMENT: Members = &[
    (0x01, "modality"),
    (0x02, "subCommand"),
    (0x03, "subCommandParams"),
    (0x04, "pinUvAuthProtocol"),
    (0x05, "pinUvAuthParam"),
    (0x06, "getModality"),
];
const BIO_ENROLLMENT_RESPONSE: Members = &[
    (0x01, "modality"),
    (0x02, "fingerprintKind"),
    (0x03, "maxCaptureSamplesRequiredForEnroll"),
    (0x04, "templateId"),
    (0x05, "lastEnrollSampleStatus"),
    (0x06, "remainingSamples"),
    (0x07, "templateInfos"),
    (0x08, "maxTemplateFriendlyName"),
];
const CREDENTIAL_MANAGEMENT: Members = &[
    (0x01, "subCommand"),
    (0x02, "subCommandParams"),
    (0x03, "pinUvAuthProtocol"),
    (0x04, "pinUvAuthParam"),
];
const CREDENTIAL_MANAGEMENT_RESPONSE: Members = &[
    (0x01, "existingResidentCredentialsCount"),
    (0x02, "maxPossibleRemainingResidentCredentialsCount"),
    (0x03, "rp"),
    (0x04, "rpIDHash"),
    (0x05, "totalRPs"),
    (0x06, "user"),
    (0x07, "credentialID"),
    (0x08, "publicKey"),
    (0x09, "totalCredentials"),
    (0x0A, "credProtect"),
    (0x0B, "largeBlobKey"),
    (0x0C, "thirdPartyPayment"),
];
const LARGE_BLOBS: Members = &[
    (0x01, "get"),
    (0x02, "set"),
    (0x03, "offset"),
    (0x04, "length"),
    (0x05, "pinUvAuthParam"),
    (0x06, "pinUvAuthProtocol"),
];
const LARGE_BLOBS_RESPONSE: Members = &[(0x01, "config")];
const CONFIG: Members = &[
    (0x01, "subCommand"),
    (0x02, "subCommandParams"),
    (0x03, "pinUvAuthProtocol"),
    (0x04, "pinUvAuthParam"),
];

/// The name of a subcommand.
pub(super) fn subcommand(command: Command, number: i128) -> Option<&'static str> {
    let names: &[(i128, &str)] = match command {
        Command::CLIENT_PIN => &[
            (0x01, "getPINRetries"),
            (0x02, "getKeyAgreement"),
            (0x03, "setPIN"),
            (0x04, "changePIN"),
            (0x05, "getPinToken"),
            (0x06, "getPinUvAuthTokenUsingUvWithPermissions"),
            (0x07, "getUVRetries"),
            (0x09, "getPinUvAuthTokenUsingPinWithPermissions"),
        ],
        Command::CREDENTIAL_MANAGEMENT | CREDENTIAL_MANAGEMENT_PREVIEW => &[
            (0x01, "getCredsMetadata"),
            (0x02, "enumerateRPsBegin"),
            (0x03, "enumerateRPsGetNextRP"),
            (0x04, "enumerateCredentialsBegin"),
            (0x05, "enumerateCredentialsGetNextCredential"),
            (0x06, "deleteCredential"),
            (0x07, "updateUserInformation"),
        ],
        Command::BIO_ENROLLMENT | BIO_ENROLLMENT_PREVIEW => &[
            (0x01, "enrollBegin"),
            (0x02, "enrollCaptureNextSample"),
            (0x03, "cancelCurrentEnrollment"),
            (0x04, "enumerateEnrollments"),
            (0x05, "setFriendlyName"),
            (0x06, "removeEnrollment"),
            (0x07, "getFingerprintSensorInfo"),
        ],
        Command::CONFIG => &[
            (0x01, "enableEnterpriseAttestation"),
            (0x02, "toggleAlwaysUv"),
            (0x03, "setMinPINLength"),
            (0x04, "enableLongTouchForReset"),
            (0xFF, "vendorPrototype"),
        ],
        _ => &[],
    };
    names.iter().find(|(known, _)| *known == number).map(|(_, name)| *name)
}

/// What a status says to whoever sent the request.
pub(super) fn meaning(status: Status) -> &'static str {
    match status {
        Status::OK => "done",
        Status::INVALID_COMMAND => "the authenticator has no such command",
        Status::INVALID_PARAMETER => "a parameter has a value that is not allowed",
        Status::INVALID_LENGTH => "a length is wrong",
        Status::INVALID_SEQ => "out of sequence",
        Status::CHANNEL_BUSY => "another channel's command is in progress",
        Status::CBOR_UNEXPECTED_TYPE => "a member has another CBOR type than it should",
        Status::INVALID_CBOR => "the parameters are not one canonical CBOR item",
        Status::MISSING_PARAMETER => "a required member is absent",
        Status::LIMIT_EXCEEDED => "more than the authenticator can take",
        Status::CREDENTIAL_EXCLUDED => "a credential on the excludeList is already here",
        Status::UNSUPPORTED_ALGORITHM => "no offered algorithm is supported",
        Status::OPERATION_DENIED => "the user or the authenticator's state says no",
        Status::KEY_STORE_FULL => "no room for another credential",
        Status::UNSUPPORTED_OPTION => "an option is not supported",
        Status::INVALID_OPTION => "an option is not valid here or now",
        Status::KEEPALIVE_CANCEL => "the platform cancelled the command",
        Status::NO_CREDENTIALS => "no credential matches",
        Status::USER_ACTION_TIMEOUT => "the user did nothing in time",
        Status::NOT_ALLOWED => "not allowed in this state",
        Status::PIN_INVALID => "the PIN is wrong",
        Status::PIN_BLOCKED => "the PIN was wrong too often; only a reset helps",
        Status::PIN_AUTH_INVALID => "pinUvAuthParam does not verify, or its token may not do this",
        Status::PIN_AUTH_BLOCKED => "the PIN was wrong too often since power-up; a power cycle helps",
        Status::PIN_NOT_SET => "no PIN is set",
        Status::PUAT_REQUIRED => "the command needs a pinUvAuthToken",
        Status::PIN_POLICY_VIOLATION => "the PIN breaks a rule",
        Status::REQUEST_TOO_LARGE => "the message is longer than maxMsgSize",
        Status::UV_BLOCKED => "built-in user verification failed too often",
        Status::UV_INVALID => "built-in user verification failed",
        Status::UNAUTHORIZED_PERMISSION => "the token may not have this permission",
        Status(0x10 | 0x13) => "a code that was removed from CTAP",
        Status(0xE0..=0xEF) => "an extension's own code",
        Status(0xF0..=0xFF) => "a vendor's own code",
        _ => "",
    }
}
