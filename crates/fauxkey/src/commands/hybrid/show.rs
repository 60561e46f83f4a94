//! `fauxkey hybrid show`: the computer that shows a code, with a relying party behind it.
use super::{Log, said};
use crate::ceremony::{Ended, Session};
use crate::cli::Show;
use crate::commands::pin::random;
use crate::commands::{Context, Exit, Stop};
use crate::control::{Failure, FailureKind, Link};
use crate::files;
use crate::hybrid::event::Event;
use crate::hybrid::image;
use crate::hybrid::radio::Radio;
use crate::hybrid::show::Desktop;
use crate::hybrid::tunnel::{Limits, Server, Service, TunnelCa};
use crate::hybrid::ways::{Meeting, Tunnels, Ways};
use client::{Account, Client, Origin};
use relying_party::{
    AuthenticationExpectation, RegistrationExpectation, RelyingParty, StoredCredential, UserVerification,
};
use serde::Serialize;
use std::cell::RefCell;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};
use transport::hybrid::desktop::{Config, KnownPhone};
use transport::hybrid::domain::TunnelDomain;
use transport::hybrid::qr::Hint;
use wire::webauthn::json::UserEntity;

/// What came of it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    aaguid: String,
    attestation: String,
    registration_checks: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    sign_in_checks: Option<usize>,
}

pub(super) fn show(context: &Context, arguments: &Show) -> Result<Exit, Stop> {
    const DOING: &str = "cannot speak to the phone";
    let broken = |why: String| Failure::new(FailureKind::Broken, format!("{DOING}: {why}"));
    let origin = Origin::parse(&format!("https://{}", arguments.rp_id)).map_err(|error| {
        Failure::new(FailureKind::Invalid, format!("--rp-id: {error}"))
            .hint("give a name such as example.test")
    })?;
    let here = Here::find(context, arguments)?;
    let mut relying_party = RelyingParty::new(&arguments.rp_id);
    relying_party.user_verification = UserVerification::Required;
    relying_party.attestation.conveyance = relying_party::Conveyance::Direct;
    let stage = Stage { context, arguments, ways: here.ways.clone(), origin, known: RefCell::default() };

    let user = UserEntity {
        id: arguments.user.as_bytes().iter().copied().take(64).collect::<Vec<u8>>().into(),
        name: arguments.user.clone(),
        display_name: arguments.user.clone(),
    };
    let options = relying_party.creation_options(user, challenge(), &[]);
    let registration = stage.meet(Hint::MakeCredential, |session| {
        let begun =
            client::Create::begin_with(&stage.origin, &options, &session.platform, None, &mut random())?;
        session.run(begun, None)
    })?;
    registration.notes.iter().for_each(|note| context.output.note(note));
    let nobody = |_: &[u8]| false;
    let registered = relying_party
        .verify_registration(&RegistrationExpectation::of(&options, &nobody), &registration.response)
        .map_err(|why| refused(&why))?;
    context.output.say(&format!(
        "registered: AAGUID {}, attestation {}, {} checks of WebAuthn L3 §7.1",
        registered.aaguid,
        registered.fmt,
        registered.passed.len()
    ));
    let mut shown = Shown {
        aaguid: registered.aaguid.to_string(),
        attestation: registered.fmt.clone(),
        registration_checks: registered.passed.len(),
        sign_in_checks: None,
    };
    if !arguments.register_only {
        let credential: StoredCredential = registered.credential;
        let options = relying_party.request_options(challenge(), &[]);
        let authentication = stage.meet(Hint::GetAssertion, |session| {
            let begun = client::Get::begin_with(
                &stage.origin,
                &options,
                &session.platform,
                Account::Newest,
                None,
                &mut random(),
            )?;
            session.run(begun, None)
        })?;
        let verified = relying_party
            .verify_authentication(
                &AuthenticationExpectation::of(&options, None),
                &authentication.response,
                &credential,
            )
            .map_err(|why| refused(&why))?;
        context.output.say(&format!("signed in: {} checks of WebAuthn L3 §7.2", verified.passed.len()));
        shown.sign_in_checks = Some(verified.passed.len());
    }
    drop(here);
    let text = || format!("{} {}", shown.aaguid, shown.attestation);
    context.output.result(&shown, text).map_err(|error| broken(error.to_string()))?;
    Ok(Exit::Done)
}

fn challenge() -> Vec<u8> {
    rand::random::<[u8; 32]>().into()
}

fn refused(why: &dyn std::fmt::Display) -> Failure {
    Failure::new(FailureKind::Refused, format!("the relying party does not accept it: {why}"))
}

/// Shows codes, one a ceremony.
struct Stage<'a> {
    context: &'a Context,
    arguments: &'a Show,
    ways: Ways,
    origin: Origin,
    /// The phone that told how to call it.
    known: RefCell<Option<KnownPhone>>,
}

impl Stage<'_> {
    fn meet<T>(
        &self,
        hint: Hint,
        ceremony: impl FnOnce(&Session<'_>) -> Result<T, Ended>,
    ) -> Result<T, Failure> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok().map(|now| now.as_secs());
        let time = now.map(|now| now.saturating_sub(self.arguments.age.unwrap_or_default().as_secs()));
        let state_assisted = self.arguments.link;
        let config = Config { hint: Some(hint), time, state_assisted, ..Config::default() };
        let mut desktop = match self.known.take() {
            Some(phone) => Desktop::call(self.ways.clone(), phone, &config)?,
            None => Desktop::show(self.ways.clone(), &config)?,
        };
        if let Some(code) = desktop.code() {
            self.present(&code, hint)?;
        }
        let log = Log::new(self.context.output);
        desktop.meet(&mut |event: &Event| log.hear(event))?;
        let desktop = RefCell::new(desktop);
        let exchange = |_: Link, message: &[u8]| {
            desktop.borrow_mut().exchange(message, &mut |event: &Event| log.hear(event))
        };
        let result = Session::open(&exchange, Client::ChromiumHybrid, Link::Hybrid)
            .and_then(|session| ceremony(&session))
            .map_err(failed);
        let mut desktop = desktop.into_inner();
        *self.known.borrow_mut() = desktop.take_linked();
        desktop.finish();
        log.finish().map_err(|error| {
            Failure::new(FailureKind::Broken, format!("cannot write what happens: {error}"))
        })?;
        result
    }

    /// The code, for a camera and for a clipboard.
    fn present(&self, code: &str, hint: Hint) -> Result<(), Failure> {
        let output = self.context.output;
        if let Some(file) = &self.arguments.png {
            let png = image::png(code)?;
            files::replace(file, &png).map_err(|error| files::refused("write", file, &error))?;
        }
        let what = if hint == Hint::MakeCredential { "register" } else { "sign in" };
        output.say(&format!("scan this to {what}:"));
        if !output.json {
            output.say(&image::terminal(code, None, false)?);
        }
        output.say(code);
        Ok(())
    }
}

fn failed(ended: Ended) -> Failure {
    match ended {
        Ended::Refused(why) => Failure::new(FailureKind::Refused, why.to_string()),
        Ended::Untouched => Failure::new(FailureKind::Refused, "the phone was not touched in time"),
        Ended::Strange(why) => Failure::new(FailureKind::Refused, why),
        Ended::Unreachable(failure) => failure,
    }
}

/// What is on this machine for the time of it: a tunnel service, a socket for adverts, and a file that tells of both.
struct Here {
    ways: Ways,
    _server: Option<Server>,
    told: Option<PathBuf>,
}

impl Here {
    fn find(context: &Context, arguments: &Show) -> Result<Self, Failure> {
        let said = said(&arguments.ways);
        if said.public || said.tunnel.is_some() {
            return Ok(Self { ways: Ways::find(&said, None)?, _server: None, told: None });
        }
        let broken = |error: std::io::Error| {
            Failure::new(FailureKind::Broken, format!("cannot start a tunnel service: {error}"))
        };
        let hosts: Vec<String> =
            [TunnelDomain::GOOGLE, TunnelDomain::APPLE].into_iter().filter_map(TunnelDomain::host).collect();
        let ca = TunnelCa::new(&hosts)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(broken)?;
        let server = Server::start(listener, &ca, Limits::default()).map_err(broken)?;
        files::make_folder(&context.home.run).map_err(broken)?;
        let radio = said.radio.unwrap_or_else(|| Radio::Socket(context.home.run.join("adverts.sock")));
        let meeting = Meeting { tunnel: server.address(), ca: ca.root_pem(), radio: radio.to_string() };
        let told = context.home.hybrid();
        let text = serde_json::to_vec(&meeting).map_err(std::io::Error::other).map_err(broken)?;
        files::replace(&told, &text).map_err(|error| files::refused("write", &told, &error))?;
        let Service { address, port, trust, .. } = Service::embedded(&hosts[0], &server, &ca);
        let ways = Ways { radio, tunnels: Tunnels { address, port, trust } };
        context
            .output
            .note("a phone of this home scans it by `fauxkey hybrid scan CODE` in another terminal");
        Ok(Self { ways, _server: Some(server), told: Some(told) })
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        if let Some(told) = &self.told {
            // A stale file leads to a service that nobody answers at, which says so.
            let _gone = files::remove(told);
        }
    }
}
