//! What this authenticator can do now. getInfo prints it and every command obeys it, so that what is
//! advertised is what is done.
use crate::Link;
use crate::memory::Memory;
use crate::pin::Protocol;
use crate::profile::{Attestation, Extension, Profile, Verification};
use crate::store::State;
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use wire::cose::Algorithm;
use wire::ctap2::{Command, GetInfoResponse};

/// Bytes that a message may have over hybrid, command byte included: what one Noise message carries (Noise §3). Phones
/// tell no maxMsgSize there.
const HYBRID_MESSAGE: u32 = 65_535;

/// The profile, asked together with what is remembered.
pub(crate) struct Capabilities {
    pub(crate) profile: Profile,
    /// A version from CTAP 2.1 on is advertised.
    pub(crate) speaks_2_1: bool,
}

impl Capabilities {
    pub(crate) fn of(profile: Profile) -> Self {
        let speaks_2_1 = since_2_1(&profile.versions);
        Self { profile, speaks_2_1 }
    }

    /// Whether that command is answered over `link`. A phone is for ceremonies: over hybrid nobody manages it, and
    /// nobody is told a second account.
    pub(crate) fn answers(&self, link: Link, command: Command) -> bool {
        match (link, command) {
            (Link::Hybrid, Command::SELECTION) => {
                self.has(Command::GET_INFO) && since_2_1(self.versions(link))
            }
            (Link::Hybrid, Command::GET_INFO | Command::MAKE_CREDENTIAL | Command::GET_ASSERTION) => {
                self.has(command)
            }
            (Link::Hybrid, _) => false,
            (_, command) => self.has(command),
        }
    }

    /// Whether the authenticator has that command at all.
    pub(crate) fn has(&self, command: Command) -> bool {
        let profile = &self.profile;
        if !profile.speaks_ctap2() {
            return false;
        }
        let bio = |preview| matches!(profile.verification, Verification::Enrollable { preview: p, .. } if p == preview);
        match command {
            Command::CLIENT_PIN => !self.pin_uv_auth_protocols().is_empty(),
            Command::CREDENTIAL_MANAGEMENT => profile.credential_management.standard,
            Command::CREDENTIAL_MANAGEMENT_PREVIEW => profile.credential_management.preview,
            Command::LARGE_BLOBS => profile.large_blobs.is_some(),
            Command::CONFIG => !profile.config_commands.is_empty(),
            // CTAP 2.1 §6.9. Platforms of CTAP 2.0 choose with an empty pinUvAuthParam.
            Command::SELECTION => self.speaks_2_1,
            Command::BIO_ENROLLMENT => bio(false),
            Command::BIO_ENROLLMENT_PREVIEW => {
                matches!(profile.verification, Verification::Enrollable { .. })
            }
            _ => true,
        }
    }

    /// The PIN/UV auth protocols, most preferred first.
    pub(crate) fn pin_uv_auth_protocols(&self) -> &[Protocol] {
        self.profile.pin.as_ref().map_or(&[], |pin| &pin.protocols)
    }

    /// Whether an extension is advertised.
    pub(crate) fn extends(&self, extension: Extension) -> bool {
        self.profile.extensions.contains(&extension)
    }

    /// Whether an extension is advertised over `link`.
    pub(crate) fn extends_over(&self, link: Link, extension: Extension) -> bool {
        self.extensions(link).contains(&extension)
    }

    /// What getInfo 0x02 lists over `link`.
    fn extensions(&self, link: Link) -> &[Extension] {
        match link {
            Link::Hybrid => {
                self.profile.seen(link).and_then(|seen| seen.extensions.as_deref()).unwrap_or(&[])
            }
            _ => &self.profile.extensions,
        }
    }

    /// What getInfo 0x01 lists over `link`, before alwaysUv has its say.
    fn versions(&self, link: Link) -> &[String] {
        let seen = self.profile.seen(link).filter(|_| link == Link::Hybrid);
        seen.and_then(|seen| seen.versions.as_deref()).unwrap_or(&self.profile.versions)
    }

    /// The `rk` option.
    pub(crate) fn discoverable(&self) -> bool {
        self.profile.discoverable.is_some()
    }

    /// The `uv` option: absent, there but nothing enrolled, or set up.
    pub(crate) fn uv(&self, state: &State) -> Option<bool> {
        match self.profile.verification {
            Verification::None => None,
            Verification::OnRequest | Verification::Always => Some(true),
            Verification::Enrollable { .. } => Some(!state.verification.fingers.is_empty()),
        }
    }

    /// The `uvBioEnroll` option: goes with `bioEnroll` (CTAP 2.1 §6.4).
    pub(crate) fn uv_bio_enroll(&self) -> bool {
        matches!(self.profile.verification, Verification::Enrollable { preview: false, by_finger: true, .. })
    }

    /// Whether getInfo tells how often built-in means were used since the PIN was (CTAP 2.2 §6.4, 0x17): where
    /// there are both, and somebody reads it.
    pub(crate) fn tells_uv_count(&self, state: &State) -> bool {
        let new_enough = self.profile.versions.iter().any(|version| version == "FIDO_2_3");
        new_enough && self.profile.pin.is_some() && self.uv(state).is_some()
    }

    /// The `clientPin` option.
    pub(crate) fn client_pin(&self, state: &State) -> Option<bool> {
        self.profile.pin.as_ref().map(|_| state.verification.pin.is_some())
    }

    /// The `alwaysUv` option.
    pub(crate) fn always_uv(&self, state: &State) -> bool {
        self.profile.always_uv.is_some() && state.settings.always_uv
    }

    /// The `makeCredUvNotRqd` option; alwaysUv switches it off (CTAP 2.1 §6.4).
    pub(crate) fn make_cred_uv_not_rqd(&self, state: &State) -> bool {
        self.profile.make_cred_uv_not_rqd && !self.always_uv(state)
    }

    /// Whether a command that asks for `uv` or not verifies its user by built-in means.
    pub(crate) fn verifies(&self, uv: bool) -> bool {
        match self.profile.verification {
            Verification::None => false,
            Verification::OnRequest | Verification::Enrollable { .. } => uv,
            Verification::Always => true,
        }
    }

    /// The first offered algorithm that is ours: the platform's order decides, never ours.
    pub(crate) fn choose(&self, offered: &[Algorithm]) -> Option<Algorithm> {
        offered.iter().copied().find(|algorithm| self.profile.algorithms.contains(algorithm))
    }

    /// The longest message over `link` in bytes, command byte included.
    pub(crate) fn longest_message(&self, link: Link) -> u32 {
        if link == Link::Hybrid { HYBRID_MESSAGE } else { self.profile.max_msg_size }
    }

    /// Whether an excludeList or allowList of `len` entries is too long over `link`. Phones tell no limit over hybrid,
    /// and clients send there what they have.
    pub(crate) fn list_too_long(&self, link: Link, len: usize) -> bool {
        let longest = self.profile.max_credential_count_in_list;
        link != Link::Hybrid && u32::try_from(len).map_or(true, |len| len > longest)
    }

    /// The answer to getInfo over `link`, CTAP 2.1 §6.4, without the members that are drawn anew each time.
    pub(crate) fn get_info(&self, link: Link, memory: &Memory) -> GetInfoResponse {
        if link == Link::Hybrid {
            return self.phone_info(memory.state());
        }
        let profile = &self.profile;
        let state = memory.state();
        let seen = profile.seen(link);
        let pin = profile.pin.as_ref();
        let number = |n: u8| Some(u64::from(n));
        let transports = seen.map(|seen| seen.transports.clone()).unwrap_or_default();
        let versions = profile.versions.iter().filter(|v| *v != "U2F_V2" || !self.always_uv(state));
        let config = |command: u8| profile.config_commands.contains(&command);
        let mut info = GetInfoResponse {
            versions: versions.cloned().collect(),
            extensions: profile.extensions.iter().map(|extension| extension.name().to_string()).collect(),
            aaguid: profile.aaguid,
            options: self.options(link, state),
            max_msg_size: Some(profile.max_msg_size.into()),
            pin_uv_auth_protocols: self
                .pin_uv_auth_protocols()
                .iter()
                .map(|protocol| protocol.number())
                .collect(),
            max_credential_count_in_list: Some(profile.max_credential_count_in_list.into()),
            max_credential_id_length: Some(profile.max_credential_id_length.into()),
            transports,
            algorithms: profile.algorithms.clone(),
            max_serialized_large_blob_array: profile.large_blobs.map(u64::from),
            force_pin_change: config(0x03).then_some(state.settings.force_pin_change),
            min_pin_length: pin.and_then(|_| number(state.settings.min_pin_length)),
            firmware_version: profile.firmware_version,
            max_cred_blob_length: self
                .extends(Extension::CredBlob)
                .then(|| profile.max_cred_blob_length.into()),
            max_rp_ids_for_set_min_pin_length: pin
                .filter(|_| config(0x03))
                .and_then(|pin| number(pin.max_rp_ids)),
            // Absent: within one command the authenticator itself lets a finger try again (§6.5.3.1).
            preferred_platform_uv_attempts: None,
            // By what a token is had (fingerprint_internal of the FIDO registry), where one is had so.
            uv_modality: self.uv(state).filter(|_| profile.pin_uv_auth_token).map(|_| 0x02),
            certifications: profile.certifications.clone(),
            remaining_discoverable_credentials: self
                .speaks_2_1
                .then(|| self.room(memory))
                .filter(|_| self.discoverable()),
            vendor_prototype_config_commands: None,
            // Never `none`; a platform can have that whenever it prefers it.
            attestation_formats: profile
                .attestations()
                .filter(|mode| self.speaks_2_1 && *mode != Attestation::None)
                .map(|mode| mode.format().to_string())
                .collect(),
            uv_count_since_last_pin_entry: self
                .tells_uv_count(state)
                .then(|| state.verification.uv_count_since_pin.into()),
            long_touch_for_reset: config(0x04).then_some(state.settings.long_touch_for_reset),
            enc_identifier: None,
            transports_for_reset: profile.transports_for_reset.clone(),
            pin_complexity_policy: pin.and_then(|pin| pin.complexity).map(|_| state.settings.pin_complexity),
            pin_complexity_policy_url: None,
            max_pin_length: pin.filter(|_| self.speaks_2_1).and_then(|pin| number(pin.max_length)),
            enc_cred_store_state: None,
            authenticator_config_commands: profile
                .versions
                .iter()
                .any(|version| version == "FIDO_2_3")
                .then(|| profile.config_commands.iter().map(|command| u64::from(*command)).collect()),
        };
        profile.untold.iter().for_each(|member| member.leave_out(&mut info));
        info
    }

    /// The answer of a phone over hybrid: it has the members that phones were seen to give, 0x01 to 0x04 and 0x09, and
    /// of the options `rk` and `uv`. Clients have it before they ask, in the tunnel's first message.
    fn phone_info(&self, state: &State) -> GetInfoResponse {
        let seen = self.profile.seen(Link::Hybrid);
        // U2F is not for hybrid, which carries CTAP2 alone.
        let versions = self.versions(Link::Hybrid).iter().filter(|version| *version != "U2F_V2");
        let extensions = self.extensions(Link::Hybrid).iter();
        let options = [("rk", Some(self.discoverable())), ("uv", self.uv(state))];
        GetInfoResponse {
            versions: versions.cloned().collect(),
            extensions: extensions.map(|extension| extension.name().to_string()).collect(),
            aaguid: seen.and_then(|seen| seen.aaguid).unwrap_or(self.profile.aaguid),
            options: options
                .into_iter()
                .filter_map(|(name, value)| Some((name.to_string(), value?)))
                .collect(),
            transports: seen.map(|seen| seen.transports.clone()).unwrap_or_default(),
            ..GetInfoResponse::default()
        }
    }

    /// How many more discoverable credentials fit.
    pub(crate) fn room(&self, memory: &Memory) -> u64 {
        let all = u64::from(self.profile.discoverable.unwrap_or(0));
        all.saturating_sub(u64::try_from(memory.credentials().len()).unwrap_or(u64::MAX))
    }

    /// getInfo 0x04. Options at their default of CTAP 2.1 §6.4 are told only where that says something.
    fn options(&self, link: Link, state: &State) -> Vec<(String, bool)> {
        let profile = &self.profile;
        let config = |command: u8| profile.config_commands.contains(&command);
        let (bio, bio_preview) = match profile.verification {
            Verification::Enrollable { preview, .. } => {
                let enrolled = Some(!state.verification.fingers.is_empty());
                (enrolled.filter(|_| !preview), enrolled)
            }
            _ => (None, None),
        };
        let when = |condition: bool| condition.then_some(true);
        let options = [
            ("plat", Some(profile.seen(link).is_some_and(|seen| seen.platform))),
            ("rk", Some(self.discoverable())),
            ("up", Some(true)),
            ("uv", self.uv(state)),
            ("clientPin", self.client_pin(state)),
            ("pinUvAuthToken", when(profile.pin_uv_auth_token)),
            ("noMcGaPermissionsWithClientPin", when(profile.no_mc_ga_permissions_with_client_pin)),
            ("largeBlobs", when(profile.large_blobs.is_some())),
            ("ep", profile.enterprise.as_ref().map(|_| state.settings.enterprise_attestation)),
            ("bioEnroll", bio),
            ("userVerificationMgmtPreview", bio_preview),
            ("uvBioEnroll", when(self.uv_bio_enroll())),
            ("authnrCfg", when(!profile.config_commands.is_empty())),
            ("credMgmt", when(profile.credential_management.standard)),
            ("perCredMgmtRO", when(profile.credential_management.persistent_read_only)),
            ("credentialMgmtPreview", when(profile.credential_management.preview)),
            ("setMinPINLength", when(config(0x03))),
            ("makeCredUvNotRqd", profile.make_cred_uv_not_rqd.then(|| self.make_cred_uv_not_rqd(state))),
            ("alwaysUv", profile.always_uv.map(|_| state.settings.always_uv)),
        ];
        options.into_iter().filter_map(|(name, value)| Some((name.to_string(), value?))).collect()
    }
}

/// Whether a version from CTAP 2.1 on is among them.
fn since_2_1(versions: &[String]) -> bool {
    versions.iter().any(|version| version == "FIDO_2_1" || version == "FIDO_2_3")
}
