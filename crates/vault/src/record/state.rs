//! What an authenticator has one of, as it stands in a record. Records of before CTAP 2.1 have the first two
//! members only; the others then are as they leave the factory.
use super::{Bytes, Long, Record};
use crate::tree::Key;
use authenticator::store::{Finger, NO_LARGE_BLOBS, Pin, SealingKey, Settings, State, VerificationState};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StateV1 {
    sealing_key: Bytes,
    counter_ceiling: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    verification: Option<VerificationV1>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    settings: Option<SettingsV1>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    large_blobs: Option<Long>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    device_identifier: Option<Bytes>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cred_store_state: Option<Bytes>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct VerificationV1 {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pin_hash: Option<Bytes>,
    #[serde(default)]
    pin_code_points: u8,
    pin_retries: u8,
    uv_retries: u8,
    uv_count_since_pin: u32,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    fingers: Vec<FingerV1>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    persistent_token: Option<Bytes>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FingerV1 {
    id: Bytes,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SettingsV1 {
    min_pin_length: u8,
    min_pin_length_rp_ids: Vec<String>,
    force_pin_change: bool,
    pin_complexity: bool,
    always_uv: bool,
    enterprise_attestation: bool,
    long_touch_for_reset: bool,
}

impl Record for State {
    type V1 = StateV1;

    fn to_v1(&self) -> StateV1 {
        StateV1 {
            sealing_key: Bytes::copy(self.sealing_key.expose()),
            counter_ceiling: self.counter_ceiling,
            verification: Some(verification_to_v1(&self.verification)),
            settings: Some(settings_to_v1(&self.settings)),
            large_blobs: Some(Long(self.large_blobs.clone())),
            device_identifier: Some(Bytes::copy(&self.device_identifier)),
            cred_store_state: Some(Bytes::copy(&self.cred_store_state)),
        }
    }

    fn from_v1(v1: StateV1, _: Key) -> Result<Self, String> {
        let identifier =
            |bytes: Option<Bytes>| bytes.map_or(Ok([0; 16]), |bytes| bytes.array("an identifier"));
        Ok(Self {
            sealing_key: SealingKey::new(Zeroizing::new(v1.sealing_key.array("the sealing key")?)),
            counter_ceiling: v1.counter_ceiling,
            verification: v1.verification.map(verification_from_v1).transpose()?.unwrap_or_default(),
            settings: v1.settings.map(settings_from_v1).unwrap_or_default(),
            large_blobs: v1.large_blobs.map_or_else(|| NO_LARGE_BLOBS.to_vec(), |blobs| blobs.0),
            device_identifier: identifier(v1.device_identifier)?,
            cred_store_state: identifier(v1.cred_store_state)?,
        })
    }
}

fn verification_to_v1(state: &VerificationState) -> VerificationV1 {
    VerificationV1 {
        pin_hash: state.pin.as_ref().map(|pin| Bytes::copy(pin.hash.as_slice())),
        pin_code_points: state.pin.as_ref().map_or(0, |pin| pin.code_points),
        pin_retries: state.pin_retries,
        uv_retries: state.uv_retries,
        uv_count_since_pin: state.uv_count_since_pin,
        fingers: state
            .fingers
            .iter()
            .map(|finger| FingerV1 { id: Bytes::copy(&finger.id), name: finger.name.clone() })
            .collect(),
        persistent_token: state.persistent_token.as_ref().map(|token| Bytes::copy(token.as_slice())),
    }
}

fn verification_from_v1(v1: VerificationV1) -> Result<VerificationState, String> {
    let code_points = v1.pin_code_points;
    let pin = v1.pin_hash.map(|hash| {
        Ok::<_, String>(Pin { hash: Zeroizing::new(hash.array("the hash of the PIN")?), code_points })
    });
    let token = v1.persistent_token.map(|token| token.array("the persistent token").map(Zeroizing::new));
    Ok(VerificationState {
        pin: pin.transpose()?,
        pin_retries: v1.pin_retries,
        uv_retries: v1.uv_retries,
        uv_count_since_pin: v1.uv_count_since_pin,
        fingers: v1.fingers.into_iter().map(|f| Finger { id: f.id.0.to_vec(), name: f.name }).collect(),
        persistent_token: token.transpose()?,
    })
}

fn settings_to_v1(settings: &Settings) -> SettingsV1 {
    let Settings {
        min_pin_length,
        min_pin_length_rp_ids,
        force_pin_change,
        pin_complexity,
        always_uv,
        enterprise_attestation,
        long_touch_for_reset,
    } = settings.clone();
    SettingsV1 {
        min_pin_length,
        min_pin_length_rp_ids,
        force_pin_change,
        pin_complexity,
        always_uv,
        enterprise_attestation,
        long_touch_for_reset,
    }
}

fn settings_from_v1(v1: SettingsV1) -> Settings {
    let SettingsV1 {
        min_pin_length,
        min_pin_length_rp_ids,
        force_pin_change,
        pin_complexity,
        always_uv,
        enterprise_attestation,
        long_touch_for_reset,
    } = v1;
    Settings {
        min_pin_length,
        min_pin_length_rp_ids,
        force_pin_change,
        pin_complexity,
        always_uv,
        enterprise_attestation,
        long_touch_for_reset,
    }
}
