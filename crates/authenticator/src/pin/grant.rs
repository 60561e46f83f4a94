//! What every way to a pinUvAuthToken ends in: which permissions may be had, and how the token is handed over,
//! CTAP 2.1 §6.5.5.7.
use super::protocol::{Protocol, SharedSecret};
use super::token::Lifetime;
use crate::Link;
use crate::authenticator::Authenticator;
use crate::profile::Profile;
use crate::store::{Change, State};
use alloc::{format, string::String, vec::Vec};
use rand_core::Rng;
use wire::ctap2::{ClientPinResponse, Command, Permissions};
use wire::status::{CtapError, Status};
use wire::time::Instant;
use zeroize::Zeroizing;

/// The permissions that are defined; the others are ignored.
const DEFINED: i64 = 0x7F;

/// getPinUvAuthTokenUsingPinWithPermissions steps 3 and 4.
///
/// # Errors
/// INVALID_PARAMETER for none at all; UNAUTHORIZED_PERMISSION for one that getInfo does not promise.
pub(super) fn by_pin(auth: &Authenticator, wanted: i64) -> Result<Permissions, CtapError> {
    let can = &auth.capabilities;
    let sign = !can.profile.no_mc_ga_permissions_with_client_pin;
    granted(&can.profile, wanted, [sign, can.has(Command::BIO_ENROLLMENT), can.has(Command::CONFIG)])
}

/// getPinUvAuthTokenUsingUvWithPermissions steps 3 and 4. No profile has `uvAcfg`: who configures knows the PIN.
///
/// # Errors
/// As [`by_pin`].
pub(super) fn by_uv(auth: &Authenticator, wanted: i64) -> Result<Permissions, CtapError> {
    let can = &auth.capabilities;
    granted(&can.profile, wanted, [true, can.uv_bio_enroll(), false])
}

fn granted(profile: &Profile, wanted: i64, [sign, bio, config]: [bool; 3]) -> Result<Permissions, CtapError> {
    if wanted == 0 {
        return Err(
            Status::INVALID_PARAMETER.because("CTAP 2.1 §6.5.5.7.2 step 3: no permissions are asked for")
        );
    }
    let permissions = Permissions(u8::try_from(wanted & DEFINED).expect("seven bits"));
    let alone = permissions == Permissions::PCMR;
    let may = [
        (Permissions::MC, sign),
        (Permissions::GA, sign),
        (Permissions::CM, profile.credential_management.standard),
        (Permissions::BE, bio),
        (Permissions::LBW, profile.large_blobs.is_some()),
        (Permissions::ACFG, config),
        // CTAP 2.2: with no other, because its token is another one.
        (Permissions::PCMR, profile.credential_management.persistent_read_only && alone),
    ];
    match may.iter().find(|(permission, may)| permissions.contains(*permission) && !may) {
        None => Ok(permissions),
        Some((refused, _)) => {
            let why = format!("CTAP 2.1 §6.5.5.7.2 step 4: permission {refused:?} cannot be had in this way");
            Err(Status::UNAUTHORIZED_PERMISSION.because_of(why))
        }
    }
}

/// A token that only the proof of its user is lacking to.
pub(super) struct Grant {
    pub(super) protocol: Protocol,
    pub(super) secret: SharedSecret,
    pub(super) link: Link,
    pub(super) permissions: Permissions,
    pub(super) rp_id: Option<String>,
}

impl Grant {
    /// The last steps. `state` is committed, if there is one.
    pub(super) fn issue(
        self,
        auth: &mut Authenticator,
        now: Instant,
        user_present: bool,
        state: Option<State>,
    ) -> Result<Vec<u8>, CtapError> {
        let Self { protocol, secret, link, permissions, rp_id } = self;
        // CTAP 2.2 §6.5.5.7.2 step 12: the token that outlives a power cycle. The others stay as they are.
        if permissions == Permissions::PCMR {
            let mut state = state.unwrap_or_else(|| auth.memory.state().clone());
            let token = state.verification.persistent_token.clone().unwrap_or_else(|| {
                let mut token = Zeroizing::new([0; 32]);
                auth.rng.fill_bytes(token.as_mut());
                token
            });
            state.verification.persistent_token = Some(token.clone());
            let sealed = secret.encrypt(token.as_slice(), &mut auth.rng);
            auth.commit(&[Change::PutState(state)], None)?;
            return Ok(reply(sealed));
        }

        let changes: Vec<Change> = state.map(Change::PutState).into_iter().collect();
        auth.commit(&changes, None)?;
        // Steps 13 to 17. CTAP 2.0 §5.5.7 has one token from power-up on, for whoever knows the PIN.
        let lifetime = if auth.capabilities.profile.pin_uv_auth_token {
            auth.session.reset_tokens(&mut auth.rng);
            Lifetime::on(link, now)
        } else {
            Lifetime::UntilPowerCycle
        };
        let token = auth.session.token_mut(protocol);
        token.begin_using(lifetime, user_present, permissions, rp_id);
        let sealed = secret.encrypt(token.value(), &mut auth.rng);
        Ok(reply(sealed))
    }
}

fn reply(sealed: Vec<u8>) -> Vec<u8> {
    ClientPinResponse { pin_uv_auth_token: Some(sealed), ..ClientPinResponse::default() }.encode()
}
