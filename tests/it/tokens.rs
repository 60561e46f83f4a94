//! An authenticator with a PIN, and a platform that knows it: where the tests of commands that want a token begin.
use authenticator::profile::Profile;
use tests::Rig;
use tests::platform::{Pin, Token};
use wire::ctap2::Permissions;

/// The PIN of every authenticator here.
pub(crate) const PIN: &str = "a1b2c3d4";

/// An authenticator of that profile, with the PIN set.
pub(crate) fn protected(profile: Profile) -> Rig {
    let mut rig = Rig::new(profile);
    Pin::new(2).set(&mut rig, PIN).unwrap();
    rig
}

/// A token of a PIN/UV auth protocol, by PIN.
pub(crate) fn token(rig: &mut Rig, protocol: i64, permissions: Permissions, rp_id: Option<&str>) -> Token {
    Pin::new(protocol).token(rig, PIN, permissions, rp_id).unwrap()
}
