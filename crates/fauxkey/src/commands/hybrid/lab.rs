//! `fauxkey hybrid lab`: a program in a world of its own, and a phone that looks at its screen.
use crate::cli::Lab;
use crate::commands::{Context, Exit, Stop};
use crate::control::{Control, DEFAULT_DEVICE, Failure, FailureKind, User};
use crate::hybrid::lab::{self, Doors, Place, Root, Services};
use crate::hybrid::lookout::{self, Said};
use crate::hybrid::radio::world::World;
use crate::hybrid::scan::Devices;
use crate::hybrid::tunnel::{Limits, Server, TunnelCa};
use crate::hybrid::ways::{self, Ways};
use crate::instance::Instance;
use crate::output::Output;
use clap::ColorChoice;
use emulator::UserPolicy;
use serde::{Deserialize, Serialize};
use std::net::TcpListener;
use std::process::ExitCode;
use std::sync::Arc;

/// The phone that looks at the screen.
#[derive(Serialize, Deserialize)]
struct Phone {
    profile: String,
    user: Option<User>,
    json: bool,
}

pub(super) fn lab(context: &Context, arguments: &Lab) -> Result<Exit, Stop> {
    let output = context.output;
    let phone = arguments.auto_scan.then(|| Phone {
        profile: arguments.profile.clone(),
        user: arguments.approve.map(|policy: UserPolicy| User::from(policy)),
        json: output.json,
    });
    if arguments.auto_scan {
        // A profile that does not exist is told of before there is a lab.
        crate::profiles::Profiles::built_in().find(&arguments.profile)?;
    }
    let beside = phone.map(|phone| serde_json::to_value(phone).expect("names and numbers are JSON"));
    let options = lab::Options {
        tunnel_hosts: Vec::new(),
        names: arguments.name.clone(),
        bluetooth_off: arguments.no_bluetooth,
        appear_as: arguments.appear_as,
        beside,
    };
    let ended = lab::run(&arguments.program, &options, |opened| {
        if opened.is_root {
            output.note(
                "the program runs as root, to whom Chromium refuses its sandbox; --appear-as 1000:1000 mends that",
            );
        }
        if !opened.has_nss {
            output.note("Chromium will not trust the tunnel service: there is no HOME for NSS's database");
        }
        if !opened.is_online {
            output.detail("browsers will call themselves offline: this kernel has no veth");
        }
        opened
            .replaced
            .iter()
            .for_each(|path| output.detail(&format!("inside, {} is another", path.display())));
    })?;
    if let Some(failure) = ended.failure {
        output.failure(&failure, None);
    }
    Ok(Exit::Program(ended.code))
}

/// Where a lab's other processes begin, if this is one.
pub fn stage() -> Option<ExitCode> {
    lab::stage(&doors())
}

/// What a lab gets from elsewhere.
fn doors() -> Doors {
    Doors { services, beside }
}

fn services(place: &Place, listener: TcpListener) -> Result<Services, Failure> {
    let (ca, server) = TunnelCa::with_servers(place.tunnel_hosts(), place.names())?;
    let tunnel = Server::start(listener, &ca, Limits::default()).map_err(|error| {
        Failure::new(FailureKind::Broken, format!("cannot start the tunnel service: {error}"))
    })?;
    let world = World::start(&place.bus())?;
    if place.is_bluetooth_off() {
        world.power(false)?;
    }
    Ok(Services {
        root: Root { pem: ca.root_pem(), der: ca.root_der().to_vec() },
        server: lab::Server { certificate: server.certificate, key: server.key },
        _keep: Box::new((tunnel, world)),
    })
}

/// A phone that scans what is on the screen.
fn beside(place: &Place, phone: serde_json::Value) {
    let Ok(phone) = serde_json::from_value::<Phone>(phone) else { return };
    let output = Output::new(phone.json, false, ColorChoice::Auto);
    if let Err(failure) = watch(place, &phone, &output) {
        output.failure(&failure, None);
    }
}

fn watch(place: &Place, phone: &Phone, output: &Output) -> Result<(), Failure> {
    let instance = Arc::new(Instance::ephemeral(None)?);
    instance.add_device(DEFAULT_DEVICE, &phone.profile)?;
    if let Some(user) = phone.user {
        instance.set_user(DEFAULT_DEVICE, user)?;
    }
    let devices: Devices = instance;
    let said = ways::Said {
        ca: Some(place.root()),
        tunnel: std::env::var("FAUXKEY_TUNNEL").ok(),
        ..Default::default()
    };
    let ways = Ways::find(&said, None)?;
    let tell = |said: Said<'_>| match said {
        Said::Event(event) => output.say(&format!("phone: {event}")),
        Said::Outcome(outcome) => output.say(&format!("phone: {outcome}")),
        Said::Failure(failure) => output.failure(failure, None),
    };
    lookout::look((&devices, DEFAULT_DEVICE), &ways, None, &|| place.is_over(), &tell);
    Ok(())
}
