//! `fauxkey mds`.
use crate::control::Reported;
use clap::Args;
use std::path::PathBuf;

pub(super) const EXAMPLE: &str = "\
A relying party that reads this BLOB, and trusts the root of the test CA, can be tested with
attestation enforced. Every text in it says that it is a test's and nobody's metadata.

Example:
  fauxkey mds > blob.jwt
  fauxkey mds yubikey-5c titan-v2 --status titan-v2=REVOKED --out blob.jwt --root root.pem
  fauxkey mds all-in --status all-in=FIDO_CERTIFIED_L1@2025-01-31 --payload";

/// Which metadata, and where it goes.
#[derive(Args)]
pub struct Mds {
    /// Which profiles; without any, those of this home's devices and all others, one for each AAGUID
    #[arg(value_name = "PROFILE")]
    pub profiles: Vec<String>,
    /// Report this status of a profile, from that day on or from today; NOT_FIDO_CERTIFIED where nothing is reported
    ///
    /// NOT_FIDO_CERTIFIED, FIDO_CERTIFIED, FIDO_CERTIFIED_L1 to _L3plus, SELF_ASSERTION_SUBMITTED, UPDATE_AVAILABLE,
    /// REVOKED, USER_VERIFICATION_BYPASS, ATTESTATION_KEY_COMPROMISE, USER_KEY_REMOTE_COMPROMISE or
    /// USER_KEY_PHYSICAL_COMPROMISE. Several reports of one profile stand in this order.
    #[arg(long = "status", value_name = "PROFILE=STATUS[@DATE]", value_parser = reported)]
    pub reports: Vec<Reported>,
    /// The number of the BLOB: readers want it higher than that of the one before
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub no: u32,
    /// The day on which readers should ask for another one, such as 2030-01-31; in 30 days if not given
    #[arg(long, value_name = "DATE")]
    pub next_update: Option<String>,
    /// Write to FILE instead of stdout
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Write the root of the test CA to FILE, in PEM
    #[arg(long, value_name = "FILE")]
    pub root: Option<PathBuf>,
    /// What would be signed, as JSON to read
    #[arg(long)]
    pub payload: bool,
}

/// `PROFILE=STATUS`, with `@DATE` behind it or not.
fn reported(text: &str) -> Result<Reported, String> {
    let (profile, status) = text
        .split_once('=')
        .filter(|(profile, status)| !profile.is_empty() && !status.is_empty())
        .ok_or("write it as PROFILE=STATUS or PROFILE=STATUS@DATE, such as yubikey-5c=REVOKED")?;
    let (status, effective_date) = match status.split_once('@') {
        Some((status, day)) => (status, Some(day.into())),
        None => (status, None),
    };
    Ok(Reported { profile: profile.into(), status: status.into(), effective_date })
}
