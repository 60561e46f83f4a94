//! `fauxkey hybrid`: both ends of the hybrid transport, and a world for it.
mod lab;
mod scan;
mod show;

use super::{Context, Exit, Stop};
use crate::cli::{HybridVerb, OverWhat};
use crate::control::Failure;
use crate::hybrid::event::Event;
use crate::hybrid::fault;
use crate::hybrid::ways::{Meeting, Said, Ways};
use crate::output::Output;
use std::cell::RefCell;
use std::io;

pub use lab::stage;

pub(super) fn hybrid(context: &Context, verb: HybridVerb) -> Result<Exit, Stop> {
    match verb {
        HybridVerb::Scan(arguments) => scan::scan(context, &arguments),
        HybridVerb::Show(arguments) => show::show(context, &arguments),
        HybridVerb::Lab(arguments) => lab::lab(context, &arguments),
        HybridVerb::Faults => {
            let rows = fault::ALL.map(|(name, about)| [name.to_owned(), about.to_owned()]);
            context.output.result(&rows, || context.output.table(["FAULT", "WHAT IT DOES"], &rows))?;
            Ok(Exit::Done)
        }
    }
}

/// What was said about the ways.
fn said(arguments: &OverWhat) -> Said {
    Said {
        tunnel: arguments.tunnel.clone(),
        ca: arguments.tunnel_ca.clone(),
        radio: arguments.advert.clone(),
        public: arguments.public_tunnel,
    }
}

/// The ways that were said, or those to a desktop of ours that runs.
fn ways(context: &Context, arguments: &OverWhat) -> Result<Ways, Failure> {
    Ways::find(&said(arguments), Meeting::read(&context.home.hybrid()).as_ref())
}

/// Says what happens: a line of JSON to stdout, or a line for people to stderr.
struct Log {
    output: Output,
    unwritten: RefCell<Option<io::Error>>,
}

impl Log {
    fn new(output: Output) -> Self {
        Self { output, unwritten: RefCell::default() }
    }

    fn hear(&self, event: &Event) {
        if !self.output.json {
            self.output.say(&event.to_string());
        } else if let Err(error) = self.output.document(event) {
            self.unwritten.borrow_mut().get_or_insert(error);
        }
    }

    /// Whether everything could be said.
    fn finish(self) -> io::Result<()> {
        self.unwritten.into_inner().map_or(Ok(()), Err)
    }
}
