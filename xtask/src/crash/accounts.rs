//! What relying parties remember of one device. Every account is at a relying party of its own, so that one
//! sign-in without a user name tells which passkey the device has for it.
use super::link::Link;
use client::{Account as Choice, ClientError, Create, Get, Origin, Platform};
use relying_party::{
    AuthenticationExpectation, RegistrationExpectation, Rejection, RelyingParty, StoredCredential,
    UserVerification,
};
use std::fmt;
use wire::status::Status;
use wire::webauthn::json::UserEntity;

/// The accounts of one device.
pub(crate) struct Accounts {
    /// The device's name.
    pub(crate) name: &'static str,
    /// Its profile.
    pub(crate) profile: &'static str,
    /// Registrations that were answered and verified.
    pub(crate) acknowledged: usize,
    accounts: Vec<Account>,
    next: usize,
    /// The highest signature counter seen. It never goes back over the whole device.
    counter: u32,
}

struct Account {
    party: RelyingParty,
    user: Vec<u8>,
    /// The passkey that was acknowledged last.
    passkey: Option<StoredCredential>,
    /// A registration was sent since, and never answered: it may have replaced the passkey, or not.
    in_doubt: bool,
}

/// Why an operation did not come to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    #[error("the connection broke: {0}")]
    Broken(#[from] std::io::Error),
    #[error("the channel broke: {0}")]
    Channel(#[from] client::ctaphid::HostError),
    #[error("getInfo: {0}")]
    GetInfo(String),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("the relying party refuses: {0}")]
    Rejected(#[from] Rejection),
    #[error("the signature counter went back from {from} to {to}")]
    Counter { from: u32, to: u32 },
}

/// An acknowledged passkey that is not there any more.
pub(crate) struct Lost {
    device: &'static str,
    rp_id: String,
    why: String,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: the passkey for {} is lost: {}", self.device, self.rp_id, self.why)
    }
}

impl Accounts {
    /// A phone: it verifies its user, and does not count.
    pub(crate) fn phone() -> Self {
        Self::new("phone", "ms-authenticator-ios", 400, UserVerification::Required)
    }

    /// A security key with room for 100 passkeys: it does not verify its user, and counts.
    pub(crate) fn security_key() -> Self {
        Self::new("key", "security-key", 90, UserVerification::Discouraged)
    }

    /// A number of accounts below what the device has room for. When each has a passkey, they get new ones, which
    /// replace the old.
    fn new(name: &'static str, profile: &'static str, count: usize, verification: UserVerification) -> Self {
        let account = |number: usize| {
            let mut party = RelyingParty::new(format!("{name}-{number}.example.test"));
            party.user_verification = verification;
            Account { party, user: number.to_be_bytes().to_vec(), passkey: None, in_doubt: false }
        };
        let accounts = (0..count).map(account).collect();
        Self { name, profile, acknowledged: 0, accounts, next: 0, counter: 0 }
    }

    /// Registers for the next account.
    pub(crate) fn register(&mut self, link: &mut Link) -> Result<(), Trouble> {
        let account = &mut self.accounts[self.next];
        account.in_doubt = true;
        account.passkey = Some(account.register(link)?);
        account.in_doubt = false;
        self.acknowledged += 1;
        self.count(self.next)?;
        self.next = (self.next + 1) % self.accounts.len();
        Ok(())
    }

    /// Signs in to the account that was registered last.
    pub(crate) fn sign_in(&mut self, link: &mut Link) -> Result<(), Trouble> {
        let newest = (self.next + self.accounts.len() - 1) % self.accounts.len();
        self.sign_in_to(newest, link).map(drop)
    }

    /// Signs in to every account. Ends with how many passkeys signed and which are lost.
    pub(crate) fn check(&mut self, link: &mut Link) -> Result<(usize, Vec<Lost>), Trouble> {
        let (mut signed, mut lost) = (0, Vec::new());
        for index in 0..self.accounts.len() {
            let why = match self.sign_in_to(index, link) {
                Ok(Found::Passkey) => {
                    signed += 1;
                    continue;
                }
                Ok(Found::Nothing) => continue,
                Ok(Found::Another) => "the device has another one that was never acknowledged".into(),
                Err(trouble @ (Trouble::Broken(_) | Trouble::Channel(_))) => return Err(trouble),
                Err(trouble) => trouble.to_string(),
            };
            lost.push(Lost { device: self.name, rp_id: self.accounts[index].party.id.clone(), why });
        }
        Ok((signed, lost))
    }

    fn sign_in_to(&mut self, index: usize, link: &mut Link) -> Result<Found, Trouble> {
        let found = self.accounts[index].sign_in(link)?;
        self.count(index)?;
        Ok(found)
    }

    /// That each counter is higher than the last of the same passkey, the relying party has seen to.
    fn count(&mut self, index: usize) -> Result<(), Trouble> {
        let Some(passkey) = &self.accounts[index].passkey else { return Ok(()) };
        let (from, to) = (self.counter, passkey.sign_count);
        self.counter = from.max(to);
        if to < from { Err(Trouble::Counter { from, to }) } else { Ok(()) }
    }
}

/// What a device has for an account.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    /// The passkey that was acknowledged, or one that may be there, and it signed.
    Passkey,
    /// None, and none was acknowledged.
    Nothing,
    /// One that cannot be.
    Another,
}

impl Account {
    fn register(&self, link: &mut Link) -> Result<StoredCredential, Trouble> {
        let user = UserEntity {
            id: self.user.clone().into(),
            name: self.party.id.clone(),
            display_name: String::new(),
        };
        let options = self.party.creation_options(user, challenge(), &[]);
        let begun = Create::begin(&self.origin()?, &options, &platform(link))?;
        let registration = client::run(begun, |message| link.exchange(message))?;
        let expected = RegistrationExpectation::of(&options, &|_| false);
        Ok(self.party.verify_registration(&expected, &registration.response)?.credential)
    }

    fn sign_in(&mut self, link: &mut Link) -> Result<Found, Trouble> {
        let options = self.party.request_options(challenge(), &[]);
        let begun = Get::begin(&self.origin()?, &options, &platform(link), Choice::Newest)?;
        let response = match client::run(begun, |message| link.exchange(message)) {
            Ok(authentication) => authentication.response,
            Err(Trouble::Client(ClientError::Refused { status: Status::NO_CREDENTIALS, .. }))
                if self.passkey.is_none() =>
            {
                self.in_doubt = false;
                return Ok(Found::Nothing);
            }
            Err(trouble) => return Err(trouble),
        };
        match &self.passkey {
            Some(passkey) if passkey.id == response.raw_id.0 => {
                let expected = AuthenticationExpectation::of(&options, None);
                self.passkey =
                    Some(self.party.verify_authentication(&expected, &response, passkey)?.credential);
                Ok(Found::Passkey)
            }
            // Made when the process was killed before it could answer: all that is known of it is that it signs.
            _ if self.in_doubt => {
                self.passkey = None;
                Ok(Found::Passkey)
            }
            _ => Ok(Found::Another),
        }
    }

    fn origin(&self) -> Result<Origin, Trouble> {
        Ok(Origin::parse(&self.party.origins[0]).map_err(ClientError::from)?)
    }
}

fn platform(link: &Link) -> Platform {
    Platform::new(client::Client::SpecL3, client::Link::Usb, link.info.clone())
}

fn challenge() -> Vec<u8> {
    rand::random::<[u8; 16]>().to_vec()
}
