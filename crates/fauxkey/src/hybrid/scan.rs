//! The phone: a code in, a ceremony on a device, an outcome out.
use super::Clock;
use super::event::{Event, Listener, Outcome, at};
use super::fault::Faults;
use super::radio::{Advertiser, Radio};
use super::tunnel::{self, Contacts, Socket};
use super::ways::Ways;
use crate::control::{Control, Failure, FailureKind, Gesture, Link};
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;
use std::future;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};
use transport::hybrid::domain::TunnelDomain;
use transport::hybrid::linking::ClientPayload;
use transport::hybrid::phone::{Config, LinkOffer, Output, Patience, Session};
use transport::hybrid::qr::QrCode;
use transport::hybrid::{Ending, Stage};
use wire::ctap2::{Command, GetInfoResponse};
use wire::status::Status;

/// A code that is older is refused, unless something else is said. Desktops show one for a few minutes at most.
pub const MAX_AGE: Duration = Duration::from_secs(600);

/// Devices, as a driver reaches them from its threads.
pub type Devices = Arc<dyn Control + Send + Sync>;

/// What a phone does with a code.
#[derive(Clone)]
pub struct Scan {
    /// On which device.
    pub device: String,
    /// What the code says.
    pub code: QrCode,
    /// The ways to the desktop.
    pub ways: Ways,
    /// Which tunnel service the phone uses; that of its kind if `None`.
    pub domain: Option<TunnelDomain>,
    /// What it does wrong.
    pub faults: Faults,
    /// A code that is older is refused; `None` for no limit.
    pub max_age: Option<Duration>,
    /// How long each step may take.
    pub patience: Patience,
    /// Whether it offers a link, and after that stays to be called.
    pub link: bool,
}

impl Scan {
    /// A scan of that text, with everything else as usual.
    ///
    /// # Errors
    /// Invalid, if the text is none that a desktop shows.
    pub fn new(device: &str, text: &str, ways: Ways) -> Result<Self, Failure> {
        Ok(Self {
            device: device.into(),
            code: read(text)?,
            ways,
            domain: None,
            faults: Faults::default(),
            max_age: Some(MAX_AGE),
            patience: Patience::default(),
            link: false,
        })
    }

    /// Runs the transaction to its end, in this thread; with a link, those of everybody who calls the phone by it too,
    /// until the tunnel service ends.
    ///
    /// # Errors
    /// What keeps it from beginning: a device that cannot be reached over hybrid, a code that is too old, a radio that is
    /// off, a tunnel service that cannot be reached.
    pub fn run(&self, devices: &Devices, heard: Listener<'_>) -> Result<Outcome, Failure> {
        let age = age(&self.code, SystemTime::now());
        heard(&Event::Scanned { hint: self.code.hint.clone(), age });
        if let (Some(max), Some(age)) = (self.max_age, age)
            && u64::try_from(age).is_ok_and(|age| age > max.as_secs())
        {
            let message =
                format!("the code is {age} s old, and this phone takes none older than {} s", max.as_secs());
            return Err(Failure::new(FailureKind::Refused, message)
                .hint("let the desktop show a new one, or give --max-age"));
        }
        let get_info = get_info(&**devices, &self.device)?;
        let domain = self.domain.unwrap_or_else(|| domain_of(&get_info));
        let link = self.link.then(|| LinkOffer::draw(&mut rng(), self.device.as_str()));
        let config = |link| Config {
            get_info: get_info.clone(),
            domain,
            link,
            patience: self.patience,
            deviations: self.faults.deviations(),
        };
        let clock = Clock::start();
        let session = Session::scan(clock.now(), self.code.clone(), config(link.clone()), Box::new(rng()))
            .map_err(|why| Failure::new(FailureKind::Refused, format!("cannot answer this code: {why}")))?;
        // Before anything is sent, so that a phone without Bluetooth bothers nobody.
        let advertiser = self.advertiser()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| {
            Failure::new(FailureKind::Broken, format!("cannot start the hybrid transport: {error}"))
        })?;
        runtime.block_on(async {
            let Some(link) = link else {
                return Driver::new(self, devices, clock, session, advertiser, heard).run().await;
            };
            // Before the link is offered, so that nobody calls in vain.
            let service = self.ways.tunnels.service(domain)?;
            let mut contacts = Contacts::wait(&service, &link.contact_id).await?;
            let mut outcome = Driver::new(self, devices, clock, session, advertiser, heard).run().await?;
            heard(&Event::Waiting { host: service.host.clone(), outcome: outcome.clone() });
            while let Some(contact) = contacts.next().await? {
                let payload = ClientPayload::decode(&contact.client_payload);
                let Some(payload) = payload.ok().filter(|payload| payload.link_id == link.link_id) else {
                    // Whoever knows the contact ID can ask for another link, or for nothing that makes sense.
                    continue;
                };
                heard(&Event::Called { hint: payload.hint.as_str().into() });
                let place = (contact.routing_id, contact.tunnel_id);
                let kept = (link.key.clone(), link.secret.clone());
                let session =
                    Session::contacted(clock.now(), &payload, place, kept, config(None), Box::new(rng()));
                let advertiser = self.advertiser()?;
                outcome = Driver::new(self, devices, clock, session, advertiser, heard).run().await?;
                heard(&Event::Waiting { host: service.host.clone(), outcome: outcome.clone() });
            }
            Ok(outcome)
        })
    }

    fn advertiser(&self) -> Result<Box<dyn Advertiser>, Failure> {
        if self.ways.radio == Radio::Off {
            return Err(super::fault::bluetooth_off());
        }
        self.ways.radio.advertiser()
    }
}

/// Reads the text of a code.
///
/// # Errors
/// Invalid, with what is wrong.
pub fn read(text: &str) -> Result<QrCode, Failure> {
    QrCode::parse(text).map_err(|why| {
        Failure::new(FailureKind::Invalid, format!("this is no code for a phone: {why}"))
            .hint("it is FIDO:/ and decimal digits; `fauxkey explain` says more about it")
    })
}

/// Seconds since the code was made, if it says when.
pub fn age(code: &QrCode, now: SystemTime) -> Option<i64> {
    let now = now.duration_since(UNIX_EPOCH).ok()?.as_secs();
    Some(i64::try_from(now).ok()?.saturating_sub(i64::try_from(code.time?).ok()?))
}

/// What the device says over hybrid, without the status byte.
fn get_info(devices: &dyn Control, device: &str) -> Result<Vec<u8>, Failure> {
    let answer = devices.ctap2(device, Link::Hybrid, &GetInfoResponse::request())?;
    match answer.split_first() {
        Some((0, info)) => Ok(info.into()),
        _ => Err(Failure::new(FailureKind::Refused, format!("{device} does not say what it is"))),
    }
}

/// iPhones meet desktops at Apple's service, everybody else at Google's. The models of iPhones' platforms say so.
fn domain_of(get_info: &[u8]) -> TunnelDomain {
    let mut answer = vec![0];
    answer.extend_from_slice(get_info);
    let apple = GetInfoResponse::decode(&answer).is_ok_and(|info| info.aaguid.to_string() == IOS);
    if apple { TunnelDomain::APPLE } else { TunnelDomain::GOOGLE }
}

/// The AAGUID of iOS's own getInfo over hybrid.
const IOS: &str = "f24a8e70-d0d3-f82c-2937-32523cc4de5a";

/// Randomness of the system.
fn rng() -> impl rand::CryptoRng + Send + 'static {
    UnwrapErr(SysRng)
}

/// What has to be done next.
enum Wake {
    Message(Option<Vec<u8>>),
    Response(Vec<u8>),
    Due,
}

struct Driver<'a> {
    scan: &'a Scan,
    devices: Devices,
    clock: Clock,
    session: Session,
    advertiser: Box<dyn Advertiser>,
    socket: Option<Socket>,
    /// Messages that went out.
    sent: usize,
    /// The status of the last answer.
    status: Option<u8>,
    heard: Listener<'a>,
}

impl<'a> Driver<'a> {
    fn new(
        scan: &'a Scan,
        devices: &Devices,
        clock: Clock,
        session: Session,
        advertiser: Box<dyn Advertiser>,
        heard: Listener<'a>,
    ) -> Self {
        let (socket, sent, status) = Default::default();
        Self { scan, devices: devices.clone(), clock, session, advertiser, socket, sent, status, heard }
    }

    async fn run(mut self) -> Result<Outcome, Failure> {
        let (answer, mut answers) = mpsc::unbounded_channel::<Vec<u8>>();
        let mut asked = false;
        loop {
            while let Some(output) = self.session.poll_output() {
                match output {
                    Output::Connect { domain, path } => self.connect(domain, &path).await?,
                    Output::Advertise(service_data) => self.advertise(service_data.into()).await?,
                    Output::StopAdvertising => self.advertiser.stop(),
                    Output::Send(message) => self.send(message).await,
                    Output::Request(request) => {
                        asked = true;
                        self.ask(request, answer.clone());
                    }
                    Output::Closed(ending) => {
                        self.advertiser.stop();
                        if asked {
                            self.withdraw();
                        }
                        if let Some(socket) = self.socket.take() {
                            socket.close().await;
                        }
                        return Ok(Outcome::of(&ending, self.status));
                    }
                }
                if self.scan.faults.drops(self.session.stage()) && self.session.stage() != Stage::Tunnel {
                    return self.leave(asked).await;
                }
            }
            match self.wake(&mut answers).await {
                Wake::Message(Some(message)) => self.session.handle_message(self.clock.now(), &message),
                Wake::Message(None) => {
                    self.socket = None;
                    self.session.handle_closed(self.clock.now());
                }
                Wake::Response(response) => {
                    asked = false;
                    self.status = response.first().copied();
                    (self.heard)(&Event::response(self.status.unwrap_or(Status::OTHER.0)));
                    self.session.respond(self.clock.now(), &response);
                }
                Wake::Due => self.session.handle_timeout(self.clock.now()),
            }
        }
    }

    async fn wake(&mut self, answers: &mut mpsc::UnboundedReceiver<Vec<u8>>) -> Wake {
        let due = self.session.poll_timeout().map(|due| Instant::from_std(self.clock.at(due)));
        let due = async {
            match due {
                Some(due) => sleep_until(due).await,
                None => future::pending().await,
            }
        };
        let message = async {
            match &mut self.socket {
                Some(socket) => socket.recv().await,
                None => future::pending().await,
            }
        };
        tokio::select! {
            message = message => Wake::Message(message.ok().flatten()),
            Some(response) = answers.recv() => Wake::Response(response),
            () = due => Wake::Due,
        }
    }

    async fn connect(&mut self, domain: TunnelDomain, path: &str) -> Result<(), Failure> {
        let service = self.scan.ways.tunnels.service(domain)?;
        let host = service.host.clone();
        (self.heard)(&Event::Connecting { host: host.clone() });
        let opened = tunnel::open(&service, path, None, false).await.map_err(Failure::from)?;
        (self.heard)(&Event::Connected { host });
        if self.scan.faults.drops(Stage::Tunnel) {
            self.note_fault("drop-after=tunnel");
            opened.socket.close().await;
            self.session.handle_closed(self.clock.now());
            return Ok(());
        }
        self.socket = Some(opened.socket);
        self.session.handle_connected(self.clock.now(), opened.routing_id.as_deref());
        Ok(())
    }

    async fn advertise(&mut self, service_data: Vec<u8>) -> Result<(), Failure> {
        let (service_data, late) = self.scan.faults.advert(service_data)?;
        self.scan.faults.0.iter().for_each(|fault| (self.heard)(&Event::Fault { fault: fault.to_string() }));
        sleep(late).await;
        self.advertiser.advertise(&service_data).map_err(|failure| at("cannot advertise", failure))?;
        (self.heard)(&Event::Advertising { radio: self.scan.ways.radio.to_string() });
        Ok(())
    }

    async fn send(&mut self, message: Vec<u8>) {
        if self.sent == 0 {
            (self.heard)(&Event::Sealed);
        }
        let message = self.scan.faults.message(self.sent, message);
        self.sent += 1;
        // A tunnel that is gone says so when it is listened to.
        if let Some(socket) = &mut self.socket {
            let _gone = socket.send(message).await;
        }
    }

    /// Hands a request to the device, in a thread: its user may take long.
    fn ask(&mut self, request: Vec<u8>, answer: mpsc::UnboundedSender<Vec<u8>>) {
        let command = request.first().map_or("nothing".into(), |code| {
            Command(*code).name().map_or_else(|| format!("command 0x{code:02X}"), ToOwned::to_owned)
        });
        (self.heard)(&Event::Request { command });
        let (devices, device) = (self.devices.clone(), self.scan.device.clone());
        let work = move || {
            let response = devices.ctap2(&device, Link::Hybrid, &request);
            // The desktop hears of a device that broke as of any other failure.
            let response = response.unwrap_or_else(|_| vec![Status::OTHER.0]);
            let _gone = answer.send(response);
        };
        if thread::Builder::new().name("hybrid request".into()).spawn(work).is_err() {
            self.session.respond(self.clock.now(), &[Status::OTHER.0]);
        }
    }

    /// The desktop has left: the question on the phone goes away, as nobody waits for its answer.
    fn withdraw(&self) {
        let name = &self.scan.device;
        if let Ok(Some(prompt)) = self.devices.prompt(name) {
            // It may have been answered in this moment.
            let _answered = self.devices.answer(name, prompt.number, Gesture::Declined);
        }
    }

    /// Leaves in the middle, as a fault.
    async fn leave(&mut self, asked: bool) -> Result<Outcome, Failure> {
        let stage = self.session.stage();
        self.note_fault(&format!("drop-after={stage}"));
        self.advertiser.stop();
        if asked {
            self.withdraw();
        }
        if let Some(socket) = self.socket.take() {
            socket.close().await;
        }
        Ok(Outcome::of(&Ending::Closed(stage), self.status))
    }

    fn note_fault(&mut self, fault: &str) {
        (self.heard)(&Event::Fault { fault: fault.into() });
    }
}
