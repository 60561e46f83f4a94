//! What a home lends to instances that keep nothing: its profiles, and its test CA, in memory. So a relying party that
//! was told to trust the home's root trusts their devices too.
use super::Instance;
use crate::ca::{self, Authority};
use crate::control::{Certificate, Failure};
use crate::devices::Devices;
use crate::profiles::Profiles;
use emulator::DeviceProfile;
use std::sync::Mutex;

/// Without `Debug`, as private keys are in it; they leave this process as little as those of the home.
pub struct Loan {
    profiles: Profiles,
    authority: Authority,
}

impl Loan {
    /// A CA that nobody had before, and that is gone with this value.
    ///
    /// # Errors
    /// Broken if no key can be made.
    pub fn new(profiles: Profiles) -> Result<Self, Failure> {
        Ok(Self { profiles, authority: Authority::open(None)? })
    }

    /// An instance without devices that keeps everything in memory. Its devices attest by the CA that is lent.
    pub fn instance(&self) -> Instance {
        let mut instance = Instance::new(None, Devices::in_memory(), self.profiles.clone(), None);
        instance.authority = Mutex::new(Some(self.authority.in_memory()));
        instance
    }

    /// Whom relying parties trust.
    ///
    /// # Errors
    /// Broken if the certificate makes no sense.
    pub fn root(&self) -> Result<Certificate, Failure> {
        self.authority.root()
    }
}

impl Instance {
    /// Lends profiles and test CA. What the models share is certified here first, durably, so that all who borrow attest
    /// them by the same certificates, which [`crate::control::Control::ca_chain`] shows.
    ///
    /// # Errors
    /// Broken if a key cannot be made or kept, or what was kept makes no sense.
    pub fn lend(&self, models: &[DeviceProfile]) -> Result<Loan, Failure> {
        self.with_authority(|authority| {
            for model in models.iter().filter(|model| ca::attests_by_certificate(model)) {
                authority.chain(model)?;
            }
            Ok(Loan { profiles: self.profiles.clone(), authority: authority.in_memory() })
        })
    }
}
