//! authenticatorBioEnrollment (0x09, preview 0x40), CTAP 2.1 §6.7.
use super::{Command, members_of, message, success};
use crate::cbor::{self, Field, Key, Kind, Record, Value};
use crate::status::CtapError;
use alloc::{string::String, vec::Vec};
use core::fmt;

/// What authenticatorBioEnrollment is asked to do. Unknown values survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subcommand(pub i64);

impl Subcommand {
    /// Another finger, and its first sample.
    pub const ENROLL_BEGIN: Self = Self(0x01);
    /// The next sample of that finger.
    pub const ENROLL_CAPTURE_NEXT_SAMPLE: Self = Self(0x02);
    /// Forgets the finger whose samples are being taken.
    pub const CANCEL_CURRENT_ENROLLMENT: Self = Self(0x03);
    /// All fingers.
    pub const ENUMERATE_ENROLLMENTS: Self = Self(0x04);
    /// Gives a finger a name.
    pub const SET_FRIENDLY_NAME: Self = Self(0x05);
    /// Forgets a finger.
    pub const REMOVE_ENROLLMENT: Self = Self(0x06);
    /// What kind of reader it is.
    pub const GET_FINGERPRINT_SENSOR_INFO: Self = Self(0x07);
}

/// The modality of fingerprints, the only one that is defined.
pub const FINGERPRINT: i64 = 0x01;

/// How a reader takes fingerprints (fingerprintKind).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FingerprintKind(pub u64);

impl FingerprintKind {
    /// The finger is laid on it.
    pub const TOUCH: Self = Self(1);
    /// The finger is drawn over it.
    pub const SWIPE: Self = Self(2);
}

/// What became of a sample (lastEnrollSampleStatus). Unknown values survive.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SampleStatus(pub u64);

macro_rules! sample_statuses {
    ($($(#[$doc:meta])* $name:ident = $code:literal;)*) => {
        impl SampleStatus {
            $($(#[$doc])* pub const $name: Self = Self($code);)*

            /// The name that the specification gives this code after `CTAP2_ENROLL_FEEDBACK_`, if it gives one.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 { $($code => Some(stringify!($name)),)* _ => None }
            }
        }
    };
}

sample_statuses! {
    /// Good.
    FP_GOOD = 0x00;
    /// The finger was too high.
    FP_TOO_HIGH = 0x01;
    /// The finger was too low.
    FP_TOO_LOW = 0x02;
    /// The finger was too far to the left.
    FP_TOO_LEFT = 0x03;
    /// The finger was too far to the right.
    FP_TOO_RIGHT = 0x04;
    /// The finger was gone too soon.
    FP_TOO_FAST = 0x05;
    /// The finger moved too slowly.
    FP_TOO_SLOW = 0x06;
    /// Too little can be seen.
    FP_POOR_QUALITY = 0x07;
    /// The finger was turned.
    FP_TOO_SKEWED = 0x08;
    /// The finger was too short.
    FP_TOO_SHORT = 0x09;
    /// It does not fit the samples before.
    FP_MERGE_FAILURE = 0x0A;
    /// That finger is enrolled.
    FP_EXISTS = 0x0B;
    /// There is no room for another finger.
    FP_DATABASE_FULL = 0x0C;
    /// Nobody touched.
    NO_USER_ACTIVITY = 0x0D;
    /// The finger was not lifted in between.
    NO_USER_PRESENCE_TRANSITION = 0x0E;
}

impl fmt::Debug for SampleStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:02X} {}", self.0, self.name().unwrap_or("UNKNOWN"))
    }
}

/// The parameters. Which are needed depends on the subcommand.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct BioEnrollment {
    /// By what the user is recognized; [`FINGERPRINT`].
    pub modality: Option<i64>,
    /// What to do.
    pub subcommand: Option<Subcommand>,
    /// subCommandParams as they came: what pinUvAuthParam is made over.
    pub raw_parameters: Option<Value>,
    /// Which finger.
    pub template_id: Option<Vec<u8>>,
    /// What it is called from now on.
    pub friendly_name: Option<String>,
    /// How long a sample is waited for, in milliseconds.
    pub timeout_milliseconds: Option<u64>,
    /// PIN/UV auth protocol.
    pub protocol: Option<i64>,
    /// Proof that the platform holds a token.
    pub pin_uv_auth_param: Option<Vec<u8>>,
    /// The platform asks for the modality, without a subcommand.
    pub get_modality: Option<bool>,
}

/// The shape of the request, for the decoder and for tests that break each row.
pub const REQUEST: &[Field] = &[
    Field::optional(Key::Int(0x01), "modality", Kind::Uint),
    Field::optional(Key::Int(0x02), "subCommand", Kind::Uint),
    Field::optional(Key::Int(0x03), "subCommandParams", Kind::Map),
    Field::optional(Key::Int(0x04), "pinUvAuthProtocol", Kind::Uint),
    Field::optional(Key::Int(0x05), "pinUvAuthParam", Kind::Bytes),
    Field::optional(Key::Int(0x06), "getModality", Kind::Bool),
];

/// The shape of subCommandParams.
pub const PARAMETERS: &[Field] = &[
    Field::optional(Key::Int(0x01), "templateId", Kind::Bytes),
    Field::optional(Key::Int(0x02), "templateFriendlyName", Kind::Text),
    Field::optional(Key::Int(0x03), "timeoutMilliseconds", Kind::Uint),
];

impl BioEnrollment {
    /// A request of that subcommand for fingerprints, with nothing else.
    pub fn new(subcommand: Subcommand) -> Self {
        Self { modality: Some(FINGERPRINT), subcommand: Some(subcommand), ..Self::default() }
    }

    /// Reads the parameters.
    ///
    /// # Errors
    /// The statuses of [`Record::read`] for each map.
    pub fn decode(value: &Value) -> Result<Self, CtapError> {
        let map = Record::read(value, "authenticatorBioEnrollment", REQUEST)?;
        let empty = Value::Map(Vec::new());
        let raw = map.any(0x03);
        let parameters = Record::read(raw.unwrap_or(&empty), "subCommandParams", PARAMETERS)?;
        Ok(Self {
            modality: map.int(0x01),
            subcommand: map.int(0x02).map(Subcommand),
            raw_parameters: raw.cloned(),
            template_id: parameters.bytes(0x01).map(Into::into),
            friendly_name: parameters.text(0x02).map(Into::into),
            timeout_milliseconds: parameters.int(0x03).and_then(|millis| u64::try_from(millis).ok()),
            protocol: map.int(0x04),
            pin_uv_auth_param: map.bytes(0x05).map(Into::into),
            get_modality: map.bool(0x06),
        })
    }

    /// What a pinUvAuthParam for this request is made over: the modality, the subcommand, each one byte, and the
    /// encoded parameters.
    pub fn authenticated(&self) -> Vec<u8> {
        let byte = |number: Option<i64>| number.and_then(|n| u8::try_from(n).ok()).unwrap_or(0);
        let mut message = Vec::from([byte(self.modality), byte(self.subcommand.map(|command| command.0))]);
        if let Some(parameters) = &self.raw_parameters {
            message.append(&mut cbor::encode(parameters));
        }
        message
    }

    /// The request as a platform sends it, made of `raw_parameters`.
    pub fn encode(&self) -> Vec<u8> {
        let parameters = cbor::int_map([
            (0x01, self.modality.map(Value::from)),
            (0x02, self.subcommand.map(|subcommand| subcommand.0.into())),
            (0x03, self.raw_parameters.clone()),
            (0x04, self.protocol.map(Value::from)),
            (0x05, self.pin_uv_auth_param.as_deref().map(cbor::bytes)),
            (0x06, self.get_modality.map(Value::Bool)),
        ]);
        message(Command::BIO_ENROLLMENT, &parameters)
    }
}

/// An enrolled finger (templateInfo).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateInfo {
    /// Which one it is.
    pub id: Vec<u8>,
    /// What it is called.
    pub name: Option<String>,
}

/// The members of the answer. Which are there depends on the subcommand.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct BioEnrollmentResponse {
    /// By what the user is recognized; [`FINGERPRINT`].
    pub modality: Option<i64>,
    /// How the reader takes fingerprints.
    pub fingerprint_kind: Option<FingerprintKind>,
    /// Good samples that an enrolment takes at most.
    pub max_capture_samples: Option<u64>,
    /// The finger that is being enrolled.
    pub template_id: Option<Vec<u8>>,
    /// What became of the sample.
    pub last_sample: Option<SampleStatus>,
    /// Good samples that are still needed; 0 when the finger is enrolled.
    pub remaining_samples: Option<u64>,
    /// The fingers that are enrolled.
    pub templates: Option<Vec<TemplateInfo>>,
    /// Bytes that a name may have.
    pub max_friendly_name: Option<u64>,
}

const RESPONSE: &[Field] = &[
    Field::optional(Key::Int(0x01), "modality", Kind::Uint),
    Field::optional(Key::Int(0x02), "fingerprintKind", Kind::Uint),
    Field::optional(Key::Int(0x03), "maxCaptureSamplesRequiredForEnroll", Kind::Uint),
    Field::optional(Key::Int(0x04), "templateId", Kind::Bytes),
    Field::optional(Key::Int(0x05), "lastEnrollSampleStatus", Kind::Uint),
    Field::optional(Key::Int(0x06), "remainingSamples", Kind::Uint),
    Field::optional(Key::Int(0x07), "templateInfos", Kind::Array),
    Field::optional(Key::Int(0x08), "maxTemplateFriendlyName", Kind::Uint),
];

const TEMPLATE_INFO: &[Field] = &[
    Field::required(Key::Int(0x01), "templateId", Kind::Bytes),
    Field::optional(Key::Int(0x02), "templateFriendlyName", Kind::Text),
];

impl BioEnrollmentResponse {
    /// The response as an authenticator sends it, status included.
    pub fn encode(&self) -> Vec<u8> {
        let template = |info: &TemplateInfo| {
            cbor::int_map([
                (0x01, Some(cbor::bytes(info.id.as_slice()))),
                (0x02, info.name.as_deref().map(cbor::text)),
            ])
        };
        let templates = |infos: &Vec<TemplateInfo>| Value::Array(infos.iter().map(template).collect());
        success(&cbor::int_map([
            (0x01, self.modality.map(Value::from)),
            (0x02, self.fingerprint_kind.map(|kind| kind.0.into())),
            (0x03, self.max_capture_samples.map(Value::from)),
            (0x04, self.template_id.as_deref().map(cbor::bytes)),
            (0x05, self.last_sample.map(|status| status.0.into())),
            (0x06, self.remaining_samples.map(Value::from)),
            (0x07, self.templates.as_ref().map(templates)),
            (0x08, self.max_friendly_name.map(Value::from)),
        ]))
    }

    /// Reads a response with members, status included.
    ///
    /// # Errors
    /// The status itself if it is not OK, MISSING_PARAMETER for a bare one; those of [`Record::read`].
    pub fn decode(response: &[u8]) -> Result<Self, CtapError> {
        let value = members_of(response)?;
        let map = Record::read(&value, "answer of authenticatorBioEnrollment", RESPONSE)?;
        let number = |key: i64| map.int(key).and_then(|n| u64::try_from(n).ok());
        let template = |value: &Value| -> Result<_, CtapError> {
            let map = Record::read(value, "templateInfo", TEMPLATE_INFO)?;
            let id = map.bytes(0x01).expect("required by the table").into();
            Ok(TemplateInfo { id, name: map.text(0x02).map(Into::into) })
        };
        let templates = map.array(0x07).map(|items| items.iter().map(template).collect());
        Ok(Self {
            modality: map.int(0x01),
            fingerprint_kind: number(0x02).map(FingerprintKind),
            max_capture_samples: number(0x03),
            template_id: map.bytes(0x04).map(Into::into),
            last_sample: number(0x05).map(SampleStatus),
            remaining_samples: number(0x06),
            templates: templates.transpose()?,
            max_friendly_name: number(0x08),
        })
    }
}
