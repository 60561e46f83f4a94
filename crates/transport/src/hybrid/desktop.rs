//! The desktop's end: it shows a QR code (or knows the phone already), looks for the phone's advert, and asks.
use super::advert::Eid;
use super::domain::TunnelDomain;
use super::frame::{self, Kind, Message, PostHandshake};
use super::keys::{Purpose, derive};
use super::linking::{ClientPayload, Linking, sign};
use super::noise::{Channel, Handshake, Pattern};
use super::phone::Patience;
use super::qr::{Hint, QrCode};
use super::{Ending, Malformed, Stage};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use p256::SecretKey;
use p256::elliptic_curve::Generate as _;
use rand_core::CryptoRng;
use wire::status::Status;
use wire::time::Instant;
use wire::{base64url, hex};
use zeroize::Zeroizing;

/// What a desktop says in its code, and expects.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// What is coming.
    pub hint: Option<Hint>,
    /// When the code is made, in seconds since 1970.
    pub time: Option<u64>,
    /// Whether the phone may offer a link.
    pub state_assisted: bool,
    /// How long each step may take: the fields mean the same steps, seen from the other side.
    pub patience: Patience,
}

/// A phone that was linked.
pub struct KnownPhone {
    /// What it told.
    pub linking: Linking,
    /// Its tunnel service.
    pub domain: TunnelDomain,
}

/// What is to be done.
pub enum Output {
    /// Open a WebSocket to that service with that path; then [`Session::handle_connected`], or
    /// [`Session::handle_closed`] if that fails.
    Connect {
        /// Which service.
        domain: TunnelDomain,
        /// `/cable/connect/…`, or `/cable/contact/…` for a phone that is known.
        path: String,
        /// The header `X-caBLE-Client-Payload`, for a phone that is known.
        payload: Option<String>,
    },
    /// Send a binary message.
    Send(Vec<u8>),
    /// The phone is there: [`Session::request`] may be called.
    Ready(PostHandshake),
    /// The response to the request: a status byte and CBOR.
    Response(Vec<u8>),
    /// The phone offers to be known from now on, and proved that it may.
    Linked(KnownPhone),
    /// It is over: close the WebSocket.
    Closed(Ending),
}

enum Meeting {
    Qr { key: Box<SecretKey>, code: Box<QrCode> },
    Link(Box<KnownPhone>),
}

enum State {
    /// Looks for the advert. `connected`: a phone that is known is contacted before it is seen.
    Looking {
        connected: bool,
    },
    Connecting(Eid),
    Shaking(Box<Handshake>),
    Fresh {
        channel: Box<Channel>,
        hash: Vec<u8>,
    },
    Sealed {
        channel: Box<Channel>,
        hash: Vec<u8>,
        open: bool,
        answered: bool,
    },
    Over,
}

/// One transaction, from the code to the end.
pub struct Session {
    meeting: Meeting,
    eid_key: Zeroizing<[u8; 64]>,
    domain: Option<TunnelDomain>,
    patience: Patience,
    rng: Box<dyn CryptoRng + Send>,
    state: State,
    deadline: Option<Instant>,
    outputs: VecDeque<Output>,
}

impl Session {
    /// Begins with a QR code that is to be shown: [`Session::qr_text`].
    pub fn show(now: Instant, config: &Config, mut rng: Box<dyn CryptoRng + Send>) -> Self {
        let key = SecretKey::generate_from_rng(&mut rng);
        let mut secret = Zeroizing::new([0; 16]);
        rng.fill_bytes(secret.as_mut_slice());
        let code = QrCode {
            public_key: key.public_key(),
            secret,
            known_domains: Some(TunnelDomain::ASSIGNED),
            time: config.time,
            state_assisted: Some(config.state_assisted),
            hint: config.hint.map(|hint| hint.as_str().into()),
            non_discoverable: None,
            channels: None,
            unknown: 0,
        };
        let eid_key = derive(code.secret.as_slice(), &[], Purpose::EidKey);
        let deadline = Some(now + config.patience.desktop);
        Self {
            meeting: Meeting::Qr { key: Box::new(key), code: Box::new(code) },
            eid_key,
            domain: None,
            patience: config.patience,
            rng,
            state: State::Looking { connected: false },
            deadline,
            outputs: VecDeque::new(),
        }
    }

    /// Begins with a phone that is known: it is called through its tunnel service.
    pub fn contact(
        now: Instant,
        phone: KnownPhone,
        config: &Config,
        mut rng: Box<dyn CryptoRng + Send>,
    ) -> Self {
        let mut nonce = [0; 16];
        rng.fill_bytes(&mut nonce);
        let hint = config.hint.unwrap_or(Hint::GetAssertion);
        let payload = ClientPayload { link_id: phone.linking.link_id, nonce, hint };
        let path = format!("/cable/contact/{}", base64url::encode(&phone.linking.contact_id));
        let connect = Output::Connect { domain: phone.domain, path, payload: Some(payload.to_header()) };
        let eid_key = derive(phone.linking.secret.as_slice(), &nonce, Purpose::EidKey);
        Self {
            domain: Some(phone.domain),
            meeting: Meeting::Link(Box::new(phone)),
            eid_key,
            patience: config.patience,
            rng,
            state: State::Looking { connected: false },
            deadline: Some(now + config.patience.desktop),
            outputs: VecDeque::from([connect]),
        }
    }

    /// What to show, if there is a code.
    pub fn qr_text(&self) -> Option<Zeroizing<String>> {
        match &self.meeting {
            Meeting::Qr { code, .. } => Some(code.to_text()),
            Meeting::Link(_) => None,
        }
    }

    /// How far it has come.
    pub fn stage(&self) -> Stage {
        match self.state {
            State::Looking { .. } => Stage::Advert,
            State::Connecting(_) => Stage::Tunnel,
            State::Shaking(_) | State::Fresh { .. } => Stage::Handshake,
            State::Sealed { open: true, .. } => Stage::Request,
            State::Sealed { answered: false, .. } => Stage::Ready,
            State::Sealed { .. } | State::Over => Stage::Answered,
        }
    }

    /// Service data of an advert was seen. Whether it is this phone's.
    pub fn handle_advert(&mut self, now: Instant, service_data: &[u8]) -> bool {
        let State::Looking { connected } = self.state else { return false };
        let Some(eid) = Eid::open(service_data, &self.eid_key) else { return false };
        // A number without a name is no advert of ours, whatever its MAC says.
        if matches!(self.meeting, Meeting::Qr { .. }) && eid.domain().host().is_none() {
            return false;
        }
        self.deadline = Some(now + self.patience.tunnel);
        match &self.meeting {
            Meeting::Qr { code, .. } => {
                let domain = eid.domain();
                let tunnel_id = derive::<16>(code.secret.as_slice(), &[], Purpose::TunnelId);
                let (routing_id, tunnel_id) =
                    (hex::encode(&eid.routing_id()), hex::encode(tunnel_id.as_slice()));
                let path = format!("/cable/connect/{routing_id}/{tunnel_id}");
                self.domain = Some(domain);
                self.outputs.push_back(Output::Connect { domain, path, payload: None });
                self.state = State::Connecting(eid);
            }
            Meeting::Link(_) if connected => self.greet(&eid),
            Meeting::Link(_) => self.state = State::Connecting(eid),
        }
        true
    }

    /// The tunnel service took the desktop in.
    pub fn handle_connected(&mut self, now: Instant) {
        match &mut self.state {
            State::Looking { connected } => *connected = true,
            State::Connecting(eid) => {
                let eid = *eid;
                self.deadline = Some(now + self.patience.tunnel);
                self.greet(&eid);
            }
            _ => {}
        }
    }

    /// The first message of the handshake.
    fn greet(&mut self, eid: &Eid) {
        let (pattern, secret) = match &self.meeting {
            Meeting::Qr { key, code } => (Pattern::QrDesktop(key), code.secret.as_slice()),
            Meeting::Link(phone) => {
                (Pattern::LinkDesktop(&phone.linking.public_key), phone.linking.secret.as_slice())
            }
        };
        let psk = derive(secret, eid.as_bytes(), Purpose::Psk);
        let mut handshake = Handshake::new(&pattern, &psk, &mut *self.rng);
        self.outputs.push_back(Output::Send(handshake.write()));
        self.state = State::Shaking(Box::new(handshake));
    }

    /// A binary message came over the tunnel.
    pub fn handle_message(&mut self, now: Instant, message: &[u8]) {
        if let Err(why) = self.read(now, message) {
            let stage = self.stage();
            self.close(Ending::Broken(stage, why));
        }
    }

    fn read(&mut self, now: Instant, message: &[u8]) -> Result<(), Malformed> {
        match core::mem::replace(&mut self.state, State::Over) {
            State::Shaking(mut handshake) => {
                let read = handshake.read(message);
                let hash = handshake.hash();
                match read {
                    Ok(()) => {
                        self.state = State::Fresh { channel: Box::new(handshake.into_channel()), hash };
                        Ok(())
                    }
                    Err(why) => {
                        self.state = State::Shaking(handshake);
                        Err(why)
                    }
                }
            }
            State::Fresh { mut channel, hash } => {
                let opened = channel.open(message);
                self.state = State::Fresh { channel, hash };
                let plaintext = Zeroizing::new(opened?);
                let first = PostHandshake::decode(frame::unpad(&plaintext)?)?;
                if first.get_info.is_none() || !first.speaks_ctap() {
                    return Err(Malformed::new("the phone does not say that it speaks CTAP"));
                }
                if let State::Fresh { channel, hash } = core::mem::replace(&mut self.state, State::Over) {
                    self.state = State::Sealed { channel, hash, open: false, answered: false };
                }
                self.deadline = Some(now + self.patience.request);
                let linking = first.linking.clone();
                self.outputs.push_back(Output::Ready(first));
                linking.map_or(Ok(()), |linking| self.accept(linking))
            }
            State::Sealed { mut channel, hash, open, answered } => {
                let opened = channel.open(message);
                self.state = State::Sealed { channel, hash, open, answered };
                let plaintext = Zeroizing::new(opened?);
                self.take(now, Message::decode(frame::unpad(&plaintext)?)?)
            }
            State::Over => Ok(()),
            early => {
                self.state = early;
                Err(Malformed::new("a message before the handshake"))
            }
        }
    }

    fn take(&mut self, now: Instant, message: Message) -> Result<(), Malformed> {
        let State::Sealed { open, answered, .. } = &mut self.state else { return Ok(()) };
        match message.kind {
            Kind::Ctap if *open => {
                (*open, *answered) = (false, true);
                if message.body.is_empty() {
                    return Err(Malformed::new("a response without a status"));
                }
                self.deadline = Some(now + self.patience.request);
                self.outputs.push_back(Output::Response(message.body));
                Ok(())
            }
            Kind::Ctap => Err(Malformed::new("a response that nobody asked for")),
            Kind::Update => message.linking()?.map_or(Ok(()), |linking| self.accept(linking)),
            Kind::Shutdown => Err(Malformed::new("phones do not send a shutdown")),
            Kind::Json => Err(Malformed::new("a digital credential that nobody asked for")),
        }
    }

    /// A link counts only with the signature of the key that it names, CTAP 2.2 §11.5.1.2.
    fn accept(&mut self, linking: Linking) -> Result<(), Malformed> {
        let (Meeting::Qr { key, .. }, Some(domain)) = (&self.meeting, self.domain) else {
            return Err(Malformed::new("a link from a phone that is linked"));
        };
        let State::Sealed { hash, .. } = &self.state else { return Ok(()) };
        if sign(key, &linking.public_key, hash) != linking.signature {
            return Err(Malformed::new("a link whose signature is not that of its key"));
        }
        self.outputs.push_back(Output::Linked(KnownPhone { linking, domain }));
        Ok(())
    }

    /// Asks: a command byte and CBOR. The answer is an [`Output::Response`]. Without effect before the phone is there, and
    /// while a request is open. One that no message can carry is answered here.
    pub fn request(&mut self, now: Instant, request: &[u8]) {
        let State::Sealed { open: open @ false, .. } = &mut self.state else { return };
        if request.len() > frame::MAX_BODY {
            self.outputs.push_back(Output::Response(vec![Status::REQUEST_TOO_LARGE.0]));
            return;
        }
        *open = true;
        // The phone's user may take long.
        self.deadline = Some(now + self.patience.desktop);
        if let Err(why) = self.send(&Message::new(Kind::Ctap, request)) {
            self.close(Ending::Broken(Stage::Request, why));
        }
    }

    /// The desktop has all that it wanted.
    pub fn finish(&mut self) {
        let (ending, stage) = (Ending::Done, self.stage());
        // A phone that hears nothing of it leaves when the tunnel is closed.
        let _said = self.send(&Message::new(Kind::Shutdown, []));
        self.close(if stage == Stage::Answered { ending } else { Ending::Closed(stage) });
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
            self.close(Ending::TimedOut(stage));
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

    fn send(&mut self, message: &Message) -> Result<(), Malformed> {
        let State::Sealed { channel, .. } = &mut self.state else { return Ok(()) };
        let sealed = channel.seal(&frame::pad(&message.encode()))?;
        self.outputs.push_back(Output::Send(sealed));
        Ok(())
    }

    fn close(&mut self, ending: Ending) {
        if matches!(self.state, State::Over) {
            return;
        }
        self.state = State::Over;
        self.deadline = None;
        self.outputs.push_back(Output::Closed(ending));
    }
}
