//! What each verb does. One file a verb; what they share is here.
mod account;
mod browser;
mod ca;
mod device;
mod doctor;
pub mod exec;
mod explain;
mod finger;
mod hybrid;
mod input;
mod manual;
mod matrix;
mod mds;
mod notify;
mod passkey;
mod person;
mod pin;
mod probe;
mod profile;
mod rehearse;
mod run;
mod simulation;
mod tenant;
mod trace;
mod up;
mod webauthn;

use crate::cli::{self, Cli, Everywhere, OnDevice, Verb};
use crate::control::{Control, Device, Failure, FailureKind, usual};
use crate::home::Home;
use crate::instance::Instance;
use crate::output::Output;
use crate::remote::Remote;
use std::io;
use std::ops::Deref;

pub use hybrid::stage as lab_stage;

/// How a verb ended, if nothing went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done. Exit code 0.
    Done,
    /// What was looked for was found, or what was checked is not in order. Exit code 1.
    Found,
    /// A program ran, and ended with this exit code.
    Program(u8),
}

/// Why a verb stopped.
#[derive(Debug)]
pub enum Stop {
    /// It failed.
    Failed(Failure),
    /// Whoever read the results has had enough, which is success, or they cannot be written.
    Unwritten(io::Error),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Unwritten(error)
    }
}

/// What every verb needs.
pub struct Context {
    /// Where everything is.
    pub home: Home,
    /// How to speak.
    pub output: Output,
}

impl Context {
    /// The running instance of this home, or else the home itself, opened.
    pub fn reach(&self) -> Result<Reached, Failure> {
        // Who names an instance does not want another: that it does not answer is an error.
        if let Some(remote) = Remote::from_environment(&self.home)? {
            return Ok(Reached::Running(remote));
        }
        match Remote::running(&self.home) {
            Some(remote) => Ok(Reached::Running(remote)),
            None => Instance::open(&self.home).map(|instance| Reached::Here(Box::new(instance))),
        }
    }
}

/// The way to the devices.
pub enum Reached {
    /// Another process has them.
    Running(Remote),
    /// This process has them, until it ends.
    Here(Box<Instance>),
}

impl Reached {
    /// Refuses what makes sense only on a device that goes on running.
    pub fn running(&self, device: &str, what: &str) -> Result<(), Failure> {
        match self {
            Self::Running(_) => Ok(()),
            Self::Here(_) => {
                Err(Failure::new(FailureKind::Conflict, format!("{device} is not running, so {what}"))
                    .hint("start it with `fauxkey run` in another terminal"))
            }
        }
    }
}

impl Deref for Reached {
    type Target = dyn Control;

    fn deref(&self) -> &Self::Target {
        match self {
            Self::Running(remote) => remote,
            Self::Here(instance) => &**instance,
        }
    }
}

/// Does what was asked.
pub fn run(arguments: Cli, output: Output) -> Result<Exit, Stop> {
    let Cli { everywhere, verb, .. } = arguments;
    let Some(verb) = verb else {
        output.text(&cli::definition().render_help().to_string())?;
        return Ok(Exit::Done);
    };
    // Some verbs need no home, and work where there is none.
    match &verb {
        Verb::Explain(arguments) => return explain::explain(&output, arguments),
        Verb::Completions(arguments) => return manual::completions(&output, arguments),
        Verb::Man(arguments) => return manual::man(&output, arguments),
        Verb::Probe(arguments) => {
            if let Some(verb) = &arguments.verb {
                return probe::look(&output, verb);
            }
        }
        _ => {}
    }
    let context = Context { home: home(&everywhere)?, output };
    match verb {
        Verb::Up(arguments) => run::up(&context, &arguments),
        Verb::Rehearse(arguments) => rehearse::run(&context, &arguments),
        Verb::Browser(arguments) => browser::browser(&context, &arguments),
        Verb::Extension(arguments) => browser::extension(&context, &arguments),
        Verb::Exec(arguments) => exec::exec(&context, &arguments),
        Verb::Run(arguments) => run::run(&context, &arguments),
        Verb::Webauthn(cli::WebauthnVerb::Create(arguments)) => webauthn::create(&context, &arguments),
        Verb::Webauthn(cli::WebauthnVerb::Get(arguments)) => webauthn::get(&context, &arguments),
        Verb::Device(verb) => device::device(&context, verb),
        Verb::Passkey(verb) => passkey::passkey(&context, verb),
        Verb::Account(verb) => account::account(&context, verb),
        Verb::Profile(verb) => profile::profile(&context, verb),
        Verb::Ca(verb) => ca::ca(&context, verb),
        Verb::Mds(arguments) => mds::mds(&context, arguments),
        Verb::Tenant(verb) => tenant::tenant(&context, verb),
        Verb::Hybrid(verb) => hybrid::hybrid(&context, verb),
        Verb::Probe(arguments) => probe::run(&context, &arguments.run),
        Verb::Matrix(arguments) => matrix::run(&context, &arguments),
        Verb::Trace(arguments) => trace::trace(&context, &arguments),
        Verb::Doctor => doctor::doctor(&context),
        Verb::Explain(_) | Verb::Completions(_) | Verb::Man(_) => Ok(Exit::Done),
    }
}

fn home(everywhere: &Everywhere) -> Result<Home, Failure> {
    match &everywhere.home {
        Some(folder) => {
            let absolute = std::path::absolute(folder).map_err(|error| {
                Failure::new(FailureKind::Invalid, format!("cannot use {folder:?} as the home: {error}"))
            })?;
            Ok(Home::at(absolute))
        }
        None => Home::from_environment()
            .map_err(|error| Failure::new(FailureKind::Invalid, error.to_string()).hint("give --home DIR")),
    }
}

/// The device that is meant: the named one, the only one, or `phone`.
pub fn choose(control: &dyn Control, on: &OnDevice) -> Result<Device, Failure> {
    if let Some(name) = &on.device {
        return control.device(name);
    }
    let devices = control.devices()?;
    usual(&devices).cloned().ok_or_else(|| {
        if devices.is_empty() {
            return Failure::new(FailureKind::NotFound, "there is no device yet")
                .hint("fauxkey device add phone");
        }
        let names: Vec<&str> = devices.iter().map(|device| device.name.as_str()).collect();
        Failure::new(FailureKind::Invalid, "there are several devices, and it is not said which one")
            .hint(format!("give --device with one of {}", names.join(", ")))
    })
}

/// Asks before something is destroyed, unless `yes`.
pub fn confirm(context: &Context, yes: bool, question: &str) -> Result<bool, Failure> {
    if yes {
        return Ok(true);
    }
    match context.output.ask(&format!("{question} [y/N]")).as_deref() {
        Some("y" | "yes") => Ok(true),
        Some(_) => {
            context.output.inform("nothing was changed");
            Ok(false)
        }
        None => Err(Failure::new(FailureKind::Refused, format!("cannot ask without a terminal: {question}"))
            .hint("give --yes")),
    }
}
