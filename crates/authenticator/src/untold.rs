//! Members of getInfo that a device could tell and does not.
use alloc::vec::Vec;
use wire::ctap2::GetInfoResponse;

/// A member or an option of getInfo that may be absent whatever the device can do (CTAP 2.1 §6.4): old devices
/// do not know it yet, and others save the bytes. Leaving it out changes nothing of what is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Untold {
    /// The option `plat`, which is false by default.
    Plat,
    /// The option `up`, which is true by default.
    Up,
    /// 0x07.
    MaxCredentialCountInList,
    /// 0x08.
    MaxCredentialIdLength,
    /// 0x0A, of CTAP 2.1.
    Algorithms,
    /// 0x0C, of CTAP 2.1: absent while nothing forces a change.
    ForcePinChange,
    /// 0x0D, of CTAP 2.1: absent where it is the 4 that everybody assumes.
    MinPinLength,
    /// 0x12, of CTAP 2.1.
    UvModality,
    /// 0x14, of CTAP 2.1.
    RemainingDiscoverableCredentials,
    /// 0x16, of CTAP 2.2.
    AttestationFormats,
    /// 0x1D, of CTAP 2.2: 63 is assumed.
    MaxPinLength,
}

impl Untold {
    /// Every one.
    pub const ALL: [Self; 11] = [
        Self::Plat,
        Self::Up,
        Self::MaxCredentialCountInList,
        Self::MaxCredentialIdLength,
        Self::Algorithms,
        Self::ForcePinChange,
        Self::MinPinLength,
        Self::UvModality,
        Self::RemainingDiscoverableCredentials,
        Self::AttestationFormats,
        Self::MaxPinLength,
    ];

    /// The name that CTAP gives it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plat => "plat",
            Self::Up => "up",
            Self::MaxCredentialCountInList => "maxCredentialCountInList",
            Self::MaxCredentialIdLength => "maxCredentialIdLength",
            Self::Algorithms => "algorithms",
            Self::ForcePinChange => "forcePINChange",
            Self::MinPinLength => "minPINLength",
            Self::UvModality => "uvModality",
            Self::RemainingDiscoverableCredentials => "remainingDiscoverableCredentials",
            Self::AttestationFormats => "attestationFormats",
            Self::MaxPinLength => "maxPINLength",
        }
    }

    /// Takes the member out of an answer. What is not at its default stays, as a platform would assume the
    /// default.
    pub(crate) fn leave_out(self, info: &mut GetInfoResponse) {
        let mut option =
            |name, default| info.options.retain(|(option, value)| option != name || *value != default);
        match self {
            Self::Plat => option("plat", false),
            Self::Up => option("up", true),
            Self::MaxCredentialCountInList => info.max_credential_count_in_list = None,
            Self::MaxCredentialIdLength => info.max_credential_id_length = None,
            Self::Algorithms => info.algorithms = Vec::new(),
            Self::ForcePinChange => info.force_pin_change = info.force_pin_change.filter(|forced| *forced),
            Self::MinPinLength => info.min_pin_length = info.min_pin_length.filter(|length| *length != 4),
            Self::UvModality => info.uv_modality = None,
            Self::RemainingDiscoverableCredentials => info.remaining_discoverable_credentials = None,
            Self::AttestationFormats => info.attestation_formats = Vec::new(),
            Self::MaxPinLength => info.max_pin_length = info.max_pin_length.filter(|length| *length != 63),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Untold;
    use alloc::{string::ToString, vec};
    use wire::cose::Algorithm;
    use wire::ctap2::GetInfoResponse;

    fn told() -> GetInfoResponse {
        GetInfoResponse {
            options: vec![("plat".to_string(), false), ("up".to_string(), true), ("rk".to_string(), true)],
            max_credential_count_in_list: Some(8),
            max_credential_id_length: Some(192),
            algorithms: vec![Algorithm::ES256],
            force_pin_change: Some(false),
            min_pin_length: Some(4),
            uv_modality: Some(2),
            remaining_discoverable_credentials: Some(7),
            attestation_formats: vec!["packed".to_string()],
            max_pin_length: Some(63),
            ..GetInfoResponse::default()
        }
    }

    #[test]
    fn what_is_left_out_is_absent_and_all_else_stays() {
        for member in Untold::ALL {
            let mut info = told();
            member.leave_out(&mut info);
            assert_ne!(info, told(), "{member:?}");
            for other in Untold::ALL.into_iter().filter(|other| *other != member) {
                let mut both = info.clone();
                other.leave_out(&mut both);
                assert_ne!(both, info, "{other:?} was still there after {member:?}");
            }
        }
        let mut info = told();
        Untold::ALL.into_iter().for_each(|member| member.leave_out(&mut info));
        let rest = vec![("rk".to_string(), true)];
        assert_eq!(info, GetInfoResponse { options: rest, ..GetInfoResponse::default() });
    }

    #[test]
    fn what_differs_from_its_default_is_told_all_the_same() {
        let changed = GetInfoResponse {
            options: vec![("plat".to_string(), true), ("up".to_string(), false)],
            force_pin_change: Some(true),
            min_pin_length: Some(8),
            max_pin_length: Some(32),
            ..GetInfoResponse::default()
        };
        let mut info = changed.clone();
        Untold::ALL.into_iter().for_each(|member| member.leave_out(&mut info));
        assert_eq!(info, changed);
    }
}
