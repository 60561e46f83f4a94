//! Checks of authenticator data that both ceremonies make: WebAuthn L3 §6.1, §7.1 steps 13 to 18,
//! §7.2 steps 15 to 19.
use crate::rejection::{Verdict, ensure};
use crate::signature::sha256;
use wire::webauthn::{AuthenticatorData, Flags};

/// Reads authenticator data that is filled to the last byte.
pub(crate) fn read(bytes: &[u8]) -> Result<AuthenticatorData, String> {
    AuthenticatorData::decode(bytes).map_err(|e| e.to_string())
}

/// §7.1 step 14, §7.2 step 15. The appid extension, which would allow another hash, is not supported.
pub(crate) fn rp_id_hash(data: &AuthenticatorData, rp_id: &str) -> Verdict {
    ensure(data.rp_id_hash == sha256(rp_id.as_bytes()), || format!("the RP ID hash is not that of {rp_id:?}"))
}

/// §7.1 step 15, §7.2 step 16.
pub(crate) fn user_present(flags: Flags) -> Verdict {
    ensure(flags.contains(Flags::UP), || format!("the UP flag is not set ({flags})"))
}

/// §7.1 step 16, §7.2 step 17.
pub(crate) fn user_verified(flags: Flags, required: bool) -> Verdict {
    ensure(!required || flags.contains(Flags::UV), || {
        format!("user verification is required, and the UV flag is not set ({flags})")
    })
}

/// §7.1 step 17, §7.2 step 18, by the table of §6.1.3.
pub(crate) fn backup_state(flags: Flags) -> Verdict {
    ensure(flags.contains(Flags::BE) || !flags.contains(Flags::BS), || {
        format!("the BS flag is set and the BE flag is not ({flags})")
    })
}

/// §7.1 step 18, §7.2 step 19.3: our policy on backup eligibility.
pub(crate) fn device_bound(flags: Flags, wanted: bool) -> Verdict {
    ensure(!wanted || !flags.contains(Flags::BE), || {
        format!("only device-bound credentials are wanted, and the BE flag is set ({flags})")
    })
}

/// Bits that §6.1 reserves and wants to be zero. Future editions may use them, so they are no reason to refuse.
pub(crate) fn reserved_bits(flags: Flags) -> Option<String> {
    (flags.0 & 0x22 != 0).then(|| format!("reserved flag bits are set ({flags})"))
}
