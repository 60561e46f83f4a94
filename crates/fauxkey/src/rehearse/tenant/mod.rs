//! The story of a tenant and a phone, step by step: prepare, register on the same device and from another one, sign in
//! both ways, look back, and the limits.
//!
//! The phone is a device of a real instance, with a real vault; the computer speaks real CTAPHID to it, or the hybrid
//! transport from the code to the advert and the tunnel, and everybody speaks HTTP to the tenant. Who did a step never judges it.
mod limits;
mod look_back;
mod prepare;
mod register;
mod room;
mod sign_in;
mod stage;

use super::{CrossDevice, Teller};
use crate::control::Failure;
use stage::Stage;
use std::path::Path;
use tenant::Behaviour;

/// Who registers on the phone itself.
const ADELE: &str = "adele@contoso.test";
/// Who registers from a browser.
const BEA: &str = "bea@contoso.test";

/// Plays everything that there is of the story.
pub(super) fn play(
    folder: &Path,
    behaviour: Behaviour,
    cross_device: CrossDevice,
    teller: &mut Teller<'_>,
) -> Result<(), Failure> {
    teller.part("1 Prepare");
    let mut stage = teller
        .step("a phone, a computer and an empty tenant", || Stage::set(folder, behaviour, cross_device))?;
    prepare::play(&mut stage, teller)?;
    teller.part("2 Register, same device");
    register::in_the_app(&mut stage, teller)?;
    teller.part("3 Register, another device");
    register::from_a_browser(&mut stage, teller)?;
    teller.part("4 Sign in");
    sign_in::play(&mut stage, teller)?;
    teller.part("5 Look back");
    look_back::play(&stage, teller)?;
    teller.part("6 Limits");
    limits::play(stage, teller)
}
