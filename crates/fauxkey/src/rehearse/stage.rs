//! What the rehearsal plays on: a home of its own, a device in it, and the relying party.
use super::platform::{Answer, Platform, Refused};
use crate::control::{Control, Failure, FailureKind};
use crate::drivers::socket::SocketAddress;
use crate::home::Home;
use crate::instance::Instance;
use client::{Authentication, Registration};
use relying_party::{
    Authenticated, AuthenticationExpectation, Registered, RegistrationExpectation, Rejection, RelyingParty,
    StoredCredential, UserVerification,
};
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use wire::ctap2::GetInfoResponse;
use wire::webauthn::json::{CreationOptions, RequestOptions, UserEntity};

/// Where the rehearsal signs in: a reserved name (RFC 2606 §2), so that it can be nobody's.
pub(super) const ORIGIN: &str = "https://login.contoso.test";
const RP_ID: &str = "login.contoso.test";
/// The device.
pub(super) const PHONE: &str = "phone";
/// The account.
pub(super) const USER: &str = "ada@contoso.test";

/// The stage while the device runs.
pub(super) struct Stage {
    pub(super) home: Home,
    pub(super) profile: String,
    pub(super) instance: Instance,
    pub(super) platform: Platform,
    pub(super) relying_party: RelyingParty,
    socket: PathBuf,
}

impl Stage {
    /// Opens the home, starts the device on a socket and connects to it.
    pub(super) fn set(folder: &Path, profile: &str, verification: UserVerification) -> Result<Self, Failure> {
        let home = Home::at(folder.join("home"));
        let (instance, socket, platform) = raise(&home, profile)?;
        let mut relying_party = RelyingParty::new(RP_ID);
        relying_party.name = "Contoso".into();
        relying_party.user_verification = verification;
        // As Entra does: only so does every browser hand the AAGUID on.
        relying_party.attestation.conveyance = relying_party::Conveyance::Direct;
        // Where the device attests by certificate, this is a relying party that takes part in the test.
        match instance.ca_chain(profile) {
            Ok(chain) => {
                let root = chain.last().map(|root| root.certificate.0.clone());
                relying_party.attestation.trust_anchors.extend(root);
            }
            Err(failure) if failure.kind == FailureKind::NotFound => {}
            Err(failure) => return Err(failure),
        }
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        relying_party.attestation.now = now.ok().map(|now| now.as_secs());
        Ok(Self { home, profile: profile.into(), instance, platform, relying_party, socket })
    }

    /// Ends the process's hold on the home and takes it up again, as a restart does.
    pub(super) fn restart(&mut self) -> Result<(), Failure> {
        self.instance.shutdown();
        let (instance, socket, platform) = raise(&self.home, &self.profile)?;
        (self.instance, self.socket, self.platform) = (instance, socket, platform);
        Ok(())
    }

    /// Connects again, after the device was without power.
    pub(super) fn reconnect(&mut self) -> Result<(), Failure> {
        self.platform = Platform::open(&self.socket)?;
        Ok(())
    }

    /// getInfo, as the platform reads it.
    pub(super) fn info(&mut self) -> Result<GetInfoResponse, Failure> {
        self.platform.info()
    }

    /// What the page asks for at registration.
    pub(super) fn creation_options(&self, exclude: &[StoredCredential]) -> CreationOptions {
        let user =
            UserEntity { id: b"ada".to_vec().into(), name: USER.into(), display_name: "Ada Lovelace".into() };
        self.relying_party.creation_options(user, challenge(), exclude)
    }

    /// What the page asks for at sign-in, without saying who wants to sign in.
    pub(super) fn request_options(&self) -> RequestOptions {
        self.relying_party.request_options(challenge(), &[])
    }

    /// The registration ceremony, by a client that follows the specification, over CTAPHID.
    pub(super) fn create(&mut self, options: &CreationOptions) -> Result<(Registration, Answer), Refused> {
        self.platform.create(ORIGIN, options)
    }

    /// The sign-in ceremony, likewise.
    pub(super) fn get(&mut self, options: &RequestOptions) -> Result<(Authentication, Answer), Refused> {
        self.platform.get(ORIGIN, options)
    }

    /// What the relying party says to a registration.
    pub(super) fn judge_registration(
        &self,
        options: &CreationOptions,
        registration: &Registration,
    ) -> Result<Registered, Rejection> {
        let nobody = |_: &[u8]| false;
        let expectation = RegistrationExpectation::of(options, &nobody);
        self.relying_party.verify_registration(&expectation, &registration.response)
    }

    /// What the relying party says to a sign-in.
    pub(super) fn judge_sign_in(
        &self,
        options: &RequestOptions,
        authentication: &Authentication,
        credential: &StoredCredential,
    ) -> Result<Authenticated, Rejection> {
        let expectation = AuthenticationExpectation::of(options, None);
        self.relying_party.verify_authentication(&expectation, &authentication.response, credential)
    }

    /// The device through the same door as the command line and the API.
    pub(super) fn control(&self) -> &dyn Control {
        &self.instance
    }
}

fn raise(home: &Home, profile: &str) -> Result<(Instance, PathBuf, Platform), Failure> {
    let instance = Instance::open(home)?;
    instance.ensure_device(PHONE, profile)?;
    let path = home.run.join("phone.sock");
    instance.attach_socket(PHONE, &SocketAddress::Unix(path.clone()))?;
    let platform = Platform::open(&path)?;
    Ok((instance, path, platform))
}

fn challenge() -> Vec<u8> {
    rand::random::<[u8; 32]>().to_vec()
}
