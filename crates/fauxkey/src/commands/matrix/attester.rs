//! Who attests the cells: the home's test CA, so that a relying party has one root to trust, in this run and in all others.
use super::super::Context;
use crate::control::{Failure, FailureKind};
use crate::home::Home;
use crate::instance::{Instance, Loan};
use crate::output::Output;
use crate::profiles::Profiles;
use crate::remote::Remote;
use emulator::DeviceProfile;
use serde::Serialize;
use std::thread;
use std::time::Duration;

/// How often a home is asked for that somebody has for a moment, as every verb has it.
const ATTEMPTS: usize = 10;
const PAUSE: Duration = Duration::from_millis(200);

/// Whose test CA it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Whose {
    /// The home's.
    Home,
    /// One of this run alone.
    Run,
}

/// The test CA that cells with certificates are attested by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Attester {
    pub(super) whose: Whose,
    /// The home's; nobody has to know the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) root: Option<Root>,
}

/// A root, as `fauxkey ca show` has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Root {
    /// In the form of RFC 4514.
    pub(super) subject: String,
    /// SHA-256 in hexadecimal.
    pub(super) fingerprint: String,
}

/// What the devices get: the home's CA if any of these profiles attests by certificate, which makes a home where there is
/// none, as `fauxkey ca` does. An instance that runs has the home's to itself; then it is another one.
///
/// # Errors
/// Those of a home that is there, and cannot be opened.
pub(super) fn borrow(
    context: &Context,
    models: &[DeviceProfile],
) -> Result<(Loan, Option<Attester>), Failure> {
    let (home, output) = (&context.home, &context.output);
    let of_run = || Loan::new(Profiles::of(home));
    if !models.iter().any(crate::ca::attests_by_certificate) {
        return Ok((of_run()?, None));
    }
    match lent(home, models) {
        Ok(loan) => {
            let root = loan.root()?;
            let root = Root { subject: root.subject, fingerprint: root.fingerprint };
            Ok((loan, Some(Attester { whose: Whose::Home, root: Some(root) })))
        }
        Err(failure) if failure.kind == FailureKind::Conflict || !home.vault().exists() => {
            say(output, &failure);
            Ok((of_run()?, Some(Attester { whose: Whose::Run, root: None })))
        }
        Err(failure) => Err(failure),
    }
}

fn lent(home: &Home, models: &[DeviceProfile]) -> Result<Loan, Failure> {
    if let Some(remote) = Remote::from_environment(home)?.or_else(|| Remote::running(home)) {
        let message = format!("the test CA belongs to the instance at {}", remote.url());
        return Err(Failure::new(FailureKind::Conflict, message).hint("stop it first, where the root counts"));
    }
    let mut attempt = 1;
    let instance = loop {
        match Instance::open(home) {
            Err(failure) if failure.kind == FailureKind::Conflict && attempt < ATTEMPTS => attempt += 1,
            opened => break opened?,
        }
        thread::sleep(PAUSE);
    };
    // Closed at the end of this, so that the home is free while pages are visited.
    instance.lend(models)
}

fn say(output: &Output, failure: &Failure) {
    let hint = failure.hint.as_ref().map_or_else(String::new, |hint| format!(" ({hint})"));
    output.warn(&format!(
        "{failure}: cells with certificates are attested by another one, of this run alone, which no relying party \
         trusts{hint}"
    ));
}

impl Attester {
    /// Whose the certificates of a statement are.
    pub(super) fn of_certificates(&self) -> &'static str {
        match self.whose {
            Whose::Home => {
                "which are the home's test CA's: `fauxkey ca export` prints the root to be trusted."
            }
            Whose::Run => "which are those of a test CA of this run alone: no relying party trusts its root.",
        }
    }

    /// The same for a whole run.
    pub(super) fn told(&self) -> String {
        match &self.root {
            Some(Root { subject, fingerprint }) => format!(
                "Cells with certificates are attested by the home's test CA ({subject}, SHA-256 {fingerprint}), whose root \
                 `fauxkey ca export` prints."
            ),
            None => "Cells with certificates are attested by test CAs of this run alone, as the home's was not to be had: no \
                     relying party trusts their roots."
                .into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::Control;
    use clap::ColorChoice;

    fn context(folder: &std::path::Path) -> Context {
        Context { home: Home::at(folder.join("home")), output: Output::new(true, false, ColorChoice::Never) }
    }

    fn profile(name: &str) -> Vec<DeviceProfile> {
        vec![Profiles::built_in().find(name).unwrap()]
    }

    #[test]
    fn all_runs_of_a_home_attest_by_the_root_and_the_certificate_that_it_shows() {
        let folder = tempfile::tempdir().unwrap();
        let context = context(folder.path());
        let models = profile("yubikey-5c");
        let (first, told) = borrow(&context, &models).unwrap();
        let (second, _) = borrow(&context, &models).unwrap();
        let chain = |loan: &Loan| loan.instance().ca_chain("yubikey-5c").unwrap();
        let home = Instance::open(&context.home).unwrap();
        assert_eq!(home.ca_chain("yubikey-5c").unwrap(), chain(&first));
        assert_eq!(chain(&first), chain(&second));
        let root = home.ca().unwrap().root;
        let told = told.and_then(|told| told.root).map(|root| root.fingerprint);
        assert_eq!(told, Some(root.fingerprint));
    }

    #[test]
    fn what_borrowed_devices_do_is_not_seen_in_the_home() {
        let folder = tempfile::tempdir().unwrap();
        let context = context(folder.path());
        let (loan, _) = borrow(&context, &profile("yubikey-5c")).unwrap();
        let borrowed = loan.instance();
        borrowed.add_device("key", "all-in").unwrap();
        assert_eq!(borrowed.ca_chain("all-in").unwrap()[1], loan.root().unwrap());
        borrowed.rotate_ca().unwrap();
        let home = Instance::open(&context.home).unwrap();
        let of_home = home.ca().unwrap();
        assert_eq!(
            (of_home.root, of_home.leaves.len()),
            (loan.root().unwrap(), 2),
            "batch and u2f of the one model"
        );
        assert_eq!(home.devices().unwrap(), []);
    }

    #[test]
    fn a_home_that_nobody_needs_is_not_made_and_one_that_is_in_use_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let context = context(folder.path());
        let (_, told) = borrow(&context, &profile("ms-authenticator-ios")).unwrap();
        assert!(told.is_none() && !context.home.data.exists());
        let home = Instance::open(&context.home).unwrap();
        let (loan, told) = borrow(&context, &profile("yubikey-5c")).unwrap();
        assert_eq!(told.map(|told| told.whose), Some(Whose::Run));
        assert_ne!(loan.root().unwrap(), home.ca().unwrap().root);
    }
}
