//! The phone's end: it chooses the tunnel, shows that it is near, and answers.
use super::advert::Eid;
use super::domain::TunnelDomain;
use super::frame::{self, Kind, Message, PostHandshake};
use super::keys::{Purpose, derive};
use super::linking::{ClientPayload, Linking, sign};
use super::noise::{Channel, Handshake, Pattern};
use super::qr::{CHANNEL_TUNNEL, QrCode};
use super::{Ending, Malformed, Stage};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;
use p256::SecretKey;
use p256::elliptic_curve::sec1::ToSec1Point as _;
use rand_core::CryptoRng;
use wire::hex;
use wire::status::Status;
use wire::time::Instant;
use zeroize::Zeroizing;

/// How long each step may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Until the tunnel service has answered.
    pub tunnel: Duration,
    /// From the advert until the desktop's handshake message.
    pub desktop: Duration,
    /// From the handshake until the first request, and between requests.
    pub request: Duration,
    /// From a response until the desktop leaves: it has what it wanted, so then all is well.
    pub farewell: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { tunnel: seconds(20), desktop: seconds(90), request: seconds(60), farewell: seconds(10) }
    }
}

/// What a phone does otherwise than it should, for those who test desktops. What can be changed from outside, such as the
/// bytes that are sent, is changed there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deviations {
    /// The handshake is made with another PSK than the advert's.
    pub wrong_psk: bool,
    /// Plaintexts say that they have more padding than bytes.
    pub bad_padding: bool,
}

/// What a phone offers to remember.
#[derive(Clone)]
pub struct LinkOffer {
    /// By which the tunnel service finds the phone.
    pub contact_id: Vec<u8>,
    /// By which the phone finds the secret.
    pub link_id: [u8; 8],
    /// What takes the place of the QR secret.
    pub secret: Zeroizing<[u8; 32]>,
    /// The phone's own key.
    pub key: SecretKey,
    /// What the phone is called.
    pub name: String,
}

impl LinkOffer {
    /// A new link, of a phone that is called so.
    pub fn draw(mut rng: &mut dyn CryptoRng, name: impl Into<String>) -> Self {
        let mut offer = Self {
            contact_id: alloc::vec![0; 32],
            link_id: [0; 8],
            secret: Zeroizing::new([0; 32]),
            key: <SecretKey as p256::elliptic_curve::Generate>::generate_from_rng(&mut rng),
            name: name.into(),
        };
        rng.fill_bytes(&mut offer.contact_id);
        rng.fill_bytes(&mut offer.link_id);
        rng.fill_bytes(offer.secret.as_mut_slice());
        offer
    }
}

/// What a phone says and expects.
pub struct Config {
    /// The response to getInfo, in CBOR, without its status byte.
    pub get_info: Vec<u8>,
    /// Which tunnel service it uses.
    pub domain: TunnelDomain,
    /// Offered to a desktop that can be linked.
    pub link: Option<LinkOffer>,
    /// How long each step may take.
    pub patience: Patience,
    /// What it does otherwise than it should.
    pub deviations: Deviations,
}

/// What is to be done.
pub enum Output {
    /// Open a WebSocket to that service with that path; then [`Session::handle_connected`], or
    /// [`Session::handle_closed`] if that fails.
    Connect {
        /// Which service.
        domain: TunnelDomain,
        /// `/cable/new/…`, or `/cable/connect/…` for a link.
        path: String,
    },
    /// Advertise these 20 bytes as service data of [`super::advert::SERVICE`], until told otherwise.
    Advertise([u8; super::advert::LENGTH]),
    /// Advertise no longer.
    StopAdvertising,
    /// Send a binary message.
    Send(Vec<u8>),
    /// The desktop asks: a command byte and CBOR. [`Session::respond`] with the response.
    Request(Vec<u8>),
    /// It is over: close the WebSocket, and withdraw a request that is still open.
    Closed(Ending),
}

/// How the desktop found the phone.
enum Meeting {
    Qr(Box<QrCode>),
    Link { key: Box<SecretKey>, secret: Zeroizing<[u8; 32]> },
}

enum State {
    Connecting,
    Advertising(Eid),
    Sealed { channel: Box<Channel>, open: bool, answered: bool },
    Over,
}

/// One transaction, from the code to the end.
pub struct Session {
    meeting: Meeting,
    eid_key: Zeroizing<[u8; 64]>,
    config: Config,
    rng: Box<dyn CryptoRng + Send>,
    state: State,
    deadline: Option<Instant>,
    outputs: VecDeque<Output>,
}

impl Session {
    /// Begins with a QR code that was scanned.
    ///
    /// # Errors
    /// If there is no such tunnel service, or the desktop does not know it, or does not offer to meet at one.
    pub fn scan(
        now: Instant,
        code: QrCode,
        config: Config,
        rng: Box<dyn CryptoRng + Send>,
    ) -> Result<Self, Malformed> {
        let number = config.domain.0;
        if config.domain.host().is_none() {
            return Err(Malformed::new(format!("no tunnel service has the number {number}")));
        }
        // An assigned service may be used only if the desktop knows so many of them.
        let known = code.known_domains.unwrap_or(0);
        if config.domain.is_assigned() && u64::from(number) >= known {
            return Err(Malformed::new(format!(
                "the desktop knows {known} tunnel services, and not the one with the number {number}"
            )));
        }
        if !code.offers(CHANNEL_TUNNEL) {
            return Err(Malformed::new("the desktop does not offer to meet at a tunnel service"));
        }
        let secret = code.secret.as_slice();
        let tunnel_id = derive::<16>(secret, &[], Purpose::TunnelId);
        let eid_key = derive(secret, &[], Purpose::EidKey);
        let path = format!("/cable/new/{}", hex::encode(tunnel_id.as_slice()));
        Ok(Self::new(now, Meeting::Qr(Box::new(code)), eid_key, path, config, rng))
    }

    /// Begins with a desktop that comes back: the tunnel service told where it waits. `key` and `secret` are what the
    /// phone kept of the link that the payload names.
    pub fn contacted(
        now: Instant,
        payload: &ClientPayload,
        (routing_id, tunnel_id): ([u8; 3], [u8; 16]),
        (key, secret): (SecretKey, Zeroizing<[u8; 32]>),
        config: Config,
        rng: Box<dyn CryptoRng + Send>,
    ) -> Self {
        let eid_key = derive(secret.as_slice(), &payload.nonce, Purpose::EidKey);
        let path = format!("/cable/connect/{}/{}", hex::encode(&routing_id), hex::encode(&tunnel_id));
        Self::new(now, Meeting::Link { key: Box::new(key), secret }, eid_key, path, config, rng)
    }

    fn new(
        now: Instant,
        meeting: Meeting,
        eid_key: Zeroizing<[u8; 64]>,
        path: String,
        config: Config,
        rng: Box<dyn CryptoRng + Send>,
    ) -> Self {
        let outputs = VecDeque::from([Output::Connect { domain: config.domain, path }]);
        let deadline = Some(now + config.patience.tunnel);
        Self { meeting, eid_key, config, rng, state: State::Connecting, deadline, outputs }
    }

    /// How far it has come.
    pub fn stage(&self) -> Stage {
        match self.state {
            State::Connecting => Stage::Tunnel,
            State::Advertising(_) => Stage::Advert,
            State::Sealed { open: true, .. } => Stage::Request,
            State::Sealed { answered: false, .. } => Stage::Ready,
            State::Sealed { .. } | State::Over => Stage::Answered,
        }
    }

    /// The tunnel service took the phone in. For a QR code it says where: the header `X-caBLE-Routing-ID`, six digits.
    pub fn handle_connected(&mut self, now: Instant, routing_id: Option<&str>) {
        if !matches!(self.state, State::Connecting) {
            return;
        }
        let eid = match self.meeting {
            Meeting::Qr(_) => {
                let routing_id = routing_id.and_then(hex::decode).and_then(|id| <[u8; 3]>::try_from(id).ok());
                let Some(routing_id) = routing_id else {
                    let why = "the tunnel service gave no routing ID of six hexadecimal digits";
                    return self.fail(Malformed::new(why));
                };
                Eid::new(self.draw(), routing_id, self.config.domain)
            }
            Meeting::Link { .. } => Eid::of_link(self.draw()),
        };
        self.outputs.push_back(Output::Advertise(eid.seal(&self.eid_key)));
        self.state = State::Advertising(eid);
        self.deadline = Some(now + self.config.patience.desktop);
    }

    /// A binary message came over the tunnel.
    pub fn handle_message(&mut self, now: Instant, message: &[u8]) {
        let done = match &mut self.state {
            State::Connecting => Err(Malformed::new("a message before the tunnel was there")),
            State::Advertising(eid) => {
                let eid = *eid;
                self.shake_hands(now, &eid, message)
            }
            State::Sealed { channel, .. } => {
                let opened = channel.open(message);
                opened.and_then(|plaintext| {
                    let plaintext = Zeroizing::new(plaintext);
                    self.read(Message::decode(frame::unpad(&plaintext)?)?)
                })
            }
            State::Over => Ok(()),
        };
        if let Err(why) = done {
            self.fail(why);
        }
    }

    /// Handshake, CTAP 2.2 §11.5.1: the desktop speaks first, and is answered together with getInfo and a link.
    fn shake_hands(&mut self, now: Instant, eid: &Eid, message: &[u8]) -> Result<(), Malformed> {
        let (pattern, secret) = match &self.meeting {
            Meeting::Qr(code) => (Pattern::QrPhone(&code.public_key), code.secret.as_slice()),
            Meeting::Link { key, secret } => (Pattern::LinkPhone(key), secret.as_slice()),
        };
        let mut psk = derive(secret, eid.as_bytes(), Purpose::Psk);
        if self.config.deviations.wrong_psk {
            psk[0] ^= 1;
        }
        let mut handshake = Handshake::new(&pattern, &psk, &mut *self.rng);
        if let Err(why) = handshake.read(message) {
            // A PSK that is wrong on purpose is noticed here first; the desktop shall be the one that refuses.
            if !self.config.deviations.wrong_psk {
                return Err(why);
            }
            // It advertises until the desktop has left.
            let nonsense = self.nonsense();
            self.outputs.push_back(Output::Send(nonsense));
            return Ok(());
        }
        self.outputs.push_back(Output::StopAdvertising);
        self.outputs.push_back(Output::Send(handshake.write()));
        let linking = self.link(&handshake.hash());
        self.state =
            State::Sealed { channel: Box::new(handshake.into_channel()), open: false, answered: false };
        self.deadline = Some(now + self.config.patience.request);
        let first =
            PostHandshake { get_info: Some(self.config.get_info.clone()), linking: None, features: None };
        self.seal(&first.encode())?;
        if let Some(linking) = linking {
            self.seal(&Message::update(linking.as_ref()).encode())?;
        }
        Ok(())
    }

    /// The link, for a desktop that can be linked; without one to offer, an update that says nothing.
    fn link(&self, handshake_hash: &[u8]) -> Option<Option<Linking>> {
        let Meeting::Qr(code) = &self.meeting else { return None };
        if code.state_assisted != Some(true) {
            return None;
        }
        Some(self.config.link.as_ref().map(|offer| Linking {
            contact_id: offer.contact_id.clone(),
            link_id: offer.link_id,
            secret: offer.secret.clone(),
            public_key: offer.key.public_key(),
            name: offer.name.clone(),
            signature: sign(&offer.key, &code.public_key, handshake_hash),
        }))
    }

    fn read(&mut self, message: Message) -> Result<(), Malformed> {
        let State::Sealed { open, answered, .. } = &mut self.state else { return Ok(()) };
        match message.kind {
            Kind::Shutdown if *answered && !*open => {
                self.close(Ending::Done);
                Ok(())
            }
            Kind::Shutdown => {
                let stage = self.stage();
                self.close(Ending::Closed(stage));
                Ok(())
            }
            Kind::Ctap if *open => Err(Malformed::new("a second request before the first was answered")),
            Kind::Ctap if message.body.is_empty() => Err(Malformed::new("a request without a command")),
            Kind::Ctap => {
                *open = true;
                // How long its user may take is the authenticator's to say.
                self.deadline = None;
                self.outputs.push_back(Output::Request(message.body));
                Ok(())
            }
            Kind::Update => Err(Malformed::new("an update from a desktop")),
            Kind::Json => Err(Malformed::new("a request for a digital credential, which there is not here")),
        }
    }

    /// The response to the open request: a status byte and CBOR. Without effect if none is open (any more). One that no
    /// message can carry is replaced by an error.
    pub fn respond(&mut self, now: Instant, response: &[u8]) {
        let State::Sealed { open: open @ true, answered, .. } = &mut self.state else { return };
        (*open, *answered) = (false, true);
        let response = if response.len() > frame::MAX_BODY { &[Status::OTHER.0] } else { response };
        let sealed = self.seal(&Message::new(Kind::Ctap, response).encode());
        self.deadline = Some(now + self.config.patience.farewell);
        if let Err(why) = sealed {
            self.fail(why);
        }
    }

    /// The tunnel was closed, or could not be opened.
    pub fn handle_closed(&mut self, _now: Instant) {
        let stage = self.stage();
        self.close(if stage == Stage::Answered { Ending::Done } else { Ending::Closed(stage) });
    }

    /// Time has passed. Too early does no harm.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.deadline.is_some_and(|deadline| deadline <= now) {
            let stage = self.stage();
            self.close(if stage == Stage::Answered { Ending::Done } else { Ending::TimedOut(stage) });
        }
    }

    /// When to call [`Session::handle_timeout`], if ever.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadline
    }

    /// What is to be done next.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn seal(&mut self, plaintext: &[u8]) -> Result<(), Malformed> {
        let mut padded = Zeroizing::new(frame::pad(plaintext));
        if self.config.deviations.bad_padding {
            padded.truncate(32);
            *padded.last_mut().expect("there is padding") = 0xFF;
        }
        let State::Sealed { channel, .. } = &mut self.state else { return Ok(()) };
        let message = channel.seal(&padded)?;
        self.outputs.push_back(Output::Send(message));
        Ok(())
    }

    /// As long as a handshake message, and made with another PSK.
    fn nonsense(&mut self) -> Vec<u8> {
        let mut message = alloc::vec![0; super::noise::LENGTH];
        let (point, tag) = message.split_at_mut(65);
        let mut rng: &mut dyn CryptoRng = &mut *self.rng;
        let key = <SecretKey as p256::elliptic_curve::Generate>::generate_from_rng(&mut rng);
        point.copy_from_slice(key.public_key().to_sec1_point(false).as_bytes());
        rng.fill_bytes(tag);
        message
    }

    fn draw<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.rng.fill_bytes(&mut bytes);
        bytes
    }

    fn fail(&mut self, why: Malformed) {
        // What is wrong before the handshake is over belongs to it.
        let stage = match self.stage() {
            Stage::Advert => Stage::Handshake,
            stage => stage,
        };
        self.close(Ending::Broken(stage, why));
    }

    fn close(&mut self, ending: Ending) {
        if matches!(self.state, State::Over) {
            return;
        }
        if matches!(self.state, State::Advertising(_)) {
            self.outputs.push_back(Output::StopAdvertising);
        }
        self.state = State::Over;
        self.deadline = None;
        self.outputs.push_back(Output::Closed(ending));
    }
}
