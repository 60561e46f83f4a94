//! authenticatorConfig, CTAP 2.1 §6.11: settings that a platform may change, most of them for good.
use crate::authenticator::{Authenticator, Silent, Step, Via};
use crate::pin::TokenUse;
use crate::profile::{Extension, PinClaims};
use crate::store::{Change, Settings, State};
use alloc::{boxed::Box, vec::Vec};
use wire::ctap2::config::Subcommand;
use wire::ctap2::{Config, Permissions};
use wire::status::{CtapError, Status};
use wire::time::Instant;

/// A subcommand, read and judged, that may write.
pub(crate) struct Command {
    /// As they are from now on.
    settings: Settings,
    /// The platform asked for another PIN, or the PIN is too weak from now on: no token outlives that.
    ends_tokens: bool,
}

/// Decides; changes nothing, as `&Authenticator` promises.
pub(crate) fn begin(
    auth: &Authenticator,
    now: Instant,
    _: Via,
    request: Config,
    used: &mut Option<TokenUse>,
) -> Result<Step, CtapError> {
    let state = auth.memory.state();
    // Steps 1 and 2: a subcommand that getInfo tells of. No vendor has any of its own here.
    let supported = |command: &u8| Subcommand(i64::from(*command)) == request.subcommand;
    if !auth.capabilities.profile.config_commands.iter().any(supported) {
        return Err(Status::INVALID_PARAMETER.because("CTAP 2.1 §6.11: this subcommand is not supported"));
    }

    // Steps 3 and 4: who is protected lets only platforms in that hold a token for it. Always verifying without
    // anything to verify by would lock everybody out, so that alone may be undone.
    let undoes = request.subcommand == Subcommand::TOGGLE_ALWAYS_UV;
    if auth.is_protected() || (auth.capabilities.always_uv(state) && !undoes) {
        let param = request.pin_uv_auth_param.as_deref();
        let param = param.ok_or(Status::PUAT_REQUIRED.because("CTAP 2.1 §6.11: pinUvAuthParam is absent"))?;
        let protocol = auth.protocol(request.protocol)?;
        let token = auth.verify_token(now, protocol, &request.authenticated(), param, Permissions::ACFG)?;
        *used = Some(TokenUse::of(token));
    }

    // Step 5: the subcommand.
    let mut settings = state.settings.clone();
    let ends_tokens = match request.subcommand {
        // §6.11.1: for good, and again is no error.
        Subcommand::ENABLE_ENTERPRISE_ATTESTATION if auth.capabilities.profile.enterprise.is_some() => {
            settings.enterprise_attestation = true;
            false
        }
        // §6.11.2.
        Subcommand::TOGGLE_ALWAYS_UV if auth.capabilities.profile.always_uv.is_some() => {
            settings.always_uv = !settings.always_uv;
            false
        }
        Subcommand::TOGGLE_ALWAYS_UV => {
            return Err(Status::OPERATION_DENIED.because("CTAP 2.1 §6.11.2: alwaysUv cannot be switched"));
        }
        Subcommand::SET_MIN_PIN_LENGTH => set_min_pin_length(auth, &request, &mut settings)?,
        // CTAP 2.3 §6.11.5: for good, and again is no error.
        Subcommand::ENABLE_LONG_TOUCH_FOR_RESET => {
            settings.long_touch_for_reset = true;
            false
        }
        _ => {
            return Err(Status::INVALID_PARAMETER
                .because("CTAP 2.1 §6.11.3: there is no such feature or vendor command"));
        }
    };
    Ok(Step::Proceed(Silent::Config(Box::new(Command { settings, ends_tokens }))))
}

/// setMinPINLength, CTAP 2.1 §6.11.4; whether tokens end with it.
fn set_min_pin_length(
    auth: &Authenticator,
    request: &Config,
    settings: &mut Settings,
) -> Result<bool, CtapError> {
    let can = &auth.capabilities;
    let Some(claims) = &can.profile.pin else {
        return Err(Status::INVALID_PARAMETER.because("CTAP 2.1 §6.11.4: there are no PINs here"));
    };
    let pin = auth.memory.state().verification.pin.as_ref();

    // Step 2: who may know it, if there is a way to tell.
    let told = can.extends(Extension::MinPinLength) || can.extends(Extension::PinComplexityPolicy);
    if request.min_pin_length_rp_ids.is_some() && !told {
        let why = "CTAP 2.1 §6.11.4 step 2: minPinLengthRPIDs without the minPinLength extension";
        return Err(Status::INVALID_PARAMETER.because(why));
    }
    // Steps 1 and 3: the minimum only grows.
    let min = min_pin_length(claims, request, settings.min_pin_length)?;
    // Step 9.
    if let Some(rp_ids) = &request.min_pin_length_rp_ids {
        if rp_ids.len() > usize::from(claims.max_rp_ids) {
            let why = "CTAP 2.1 §6.11.4: more than maxRPIDsForSetMinPINLength";
            return Err(Status::KEY_STORE_FULL.because(why));
        }
        settings.min_pin_length_rp_ids.clone_from(rp_ids);
    }
    // CTAP 2.2 §6.11.4: complexity, which only grows as well. Absent and false ask for nothing.
    let complex = request.pin_complexity_policy == Some(true);
    if complex && claims.complexity.is_none() {
        let why = "CTAP 2.2 §6.11.4: there is no PIN complexity policy to switch on";
        return Err(Status::INVALID_PARAMETER.because(why));
    }
    let grows_complex = complex && !settings.pin_complexity;
    // Step 4: there is nothing to change where no PIN is set.
    let forced = request.force_change_pin == Some(true);
    if forced && pin.is_none() {
        return Err(Status::PIN_NOT_SET.because("CTAP 2.1 §6.11.4 step 4: forceChangePin without a PIN"));
    }

    // Steps 5 to 8: a PIN that is too short, or that nobody can say is complex, must be changed.
    settings.min_pin_length = min;
    settings.pin_complexity |= complex;
    let must_change = forced || pin.is_some_and(|pin| pin.code_points < min || grows_complex);
    settings.force_pin_change |= must_change;
    Ok(must_change)
}

/// The minimum from now on, in code points.
fn min_pin_length(claims: &PinClaims, request: &Config, now: u8) -> Result<u8, CtapError> {
    let refused = |why| Status::PIN_POLICY_VIOLATION.because(why);
    let Some(asked) = request.new_min_pin_length else { return Ok(now) };
    let too_long = refused("CTAP 2.1 §6.11.4: newMinPINLength is more than maxPINLength");
    match u8::try_from(asked) {
        Ok(asked) if asked < now => {
            Err(refused("CTAP 2.1 §6.11.4 step 3: newMinPINLength is less than the minimum now"))
        }
        Ok(asked) if asked <= claims.max_length => Ok(asked),
        _ => Err(too_long),
    }
}

/// Does what was decided.
pub(crate) fn resume(
    command: Command,
    auth: &mut Authenticator,
    _: Instant,
    _: Via,
) -> Result<Vec<u8>, CtapError> {
    let Command { settings, ends_tokens } = command;
    if settings != auth.memory.state().settings {
        let state = State { settings, ..auth.memory.state().clone() };
        auth.commit(&[Change::PutState(state)], None)?;
    }
    if ends_tokens {
        auth.session.reset_tokens(&mut auth.rng);
    }
    Ok(Vec::from([Status::OK.0]))
}
