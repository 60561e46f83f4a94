//! `fauxkey webauthn`: what a page and a browser do, with a virtual device at the other end.
use super::pin::{self, random};
use super::{Context, Exit, Reached, Stop, choose, input};
use crate::announce::Announced;
use crate::ceremony::{Ended, Session};
use crate::cli::{Create, Format, Get, Over, Page};
use crate::control::{Answer, Failure, FailureKind, Link};
use crate::log;
use crate::output::Output;
use crate::trace;
use client::options::{self, Document, Shape};
use client::{Account, Client, ClientError, Origin, OriginError, graph};
use std::fmt;

pub(super) fn create(context: &Context, arguments: &Create) -> Result<Exit, Stop> {
    const DOING: &str = "cannot create a passkey";
    let page = &arguments.page;
    // Everything that can be judged is judged before a device is touched.
    if let Some(name) = &arguments.display_name {
        check_display_name(name, arguments.format)?;
    }
    let document = read(context, page, options::creation)?;
    let options = &document.options;
    let origin = origin(page, options.rp.id.as_deref(), document.shape, DOING)?;

    let pin = pin::read(page.pin.as_deref())?;
    let selection = options.authenticator_selection.as_ref();
    let attachment = selection.and_then(|selection| selection.authenticator_attachment.as_deref());
    let way = Way::find(context, page, attachment, DOING)?;
    let exchange = |link: Link, message: &[u8]| way.exchange(link, message);
    let mut session =
        Session::open(&exchange, way.client, way.link.into()).map_err(|ended| way.failed(ended))?;
    if arguments.managed {
        session.platform.enterprise.extend(origin.rp_id(options.rp.id.as_deref()));
    }
    let begun = client::Create::begin_with(&origin, options, &session.platform, pin, &mut random())
        .map_err(|why| way.refused(&why))?;
    announce(&context.output, options.rp.id.as_deref(), &origin);
    let app_id = begun.0.app_id().map(ToOwned::to_owned);
    let registration = session.run(begun, app_id.as_deref()).map_err(|ended| way.failed(ended))?;

    if let Some(until) = &document.challenge_timeout {
        context.output.note(&format!("Microsoft Graph takes this answer until {until}"));
    }
    registration.notes.iter().for_each(|note| context.output.note(note));
    match arguments.format {
        Format::Json => context.output.document(&registration.response)?,
        Format::Graph => {
            let body = graph::body(&registration.response, arguments.display_name.as_deref())
                .map_err(|error| Failure::new(FailureKind::Invalid, format!("{DOING}: {error}")))?;
            context.output.document(&body)?;
        }
    }
    Ok(Exit::Done)
}

pub(super) fn get(context: &Context, arguments: &Get) -> Result<Exit, Stop> {
    const DOING: &str = "cannot sign in";
    let page = &arguments.page;
    let document = read(context, page, options::request)?;
    let options = &document.options;
    let origin = origin(page, options.rp_id.as_deref(), document.shape, DOING)?;

    let pin = pin::read(page.pin.as_deref())?;
    let account = match arguments.account.as_deref() {
        None => Account::Newest,
        Some(text) => text.parse().map_or_else(|_| Account::Named(text.into()), Account::Index),
    };
    let way = Way::find(context, page, None, DOING)?;
    let exchange = |link: Link, message: &[u8]| way.exchange(link, message);
    let session = Session::open(&exchange, way.client, way.link.into()).map_err(|ended| way.failed(ended))?;
    let begun = client::Get::begin_with(&origin, options, &session.platform, account, pin, &mut random())
        .map_err(|why| way.refused(&why))?;
    announce(&context.output, options.rp_id.as_deref(), &origin);
    let app_id = begun.0.app_id().map(ToOwned::to_owned);
    let authentication = session.run(begun, app_id.as_deref()).map_err(|ended| way.failed(ended))?;

    let name = authentication.user.as_ref().and_then(|user| user.name.as_deref());
    if let Some(name) = name {
        context.output.note(&format!("signed in as {}", crate::output::shown(name)));
    }
    authentication.notes.iter().for_each(|note| context.output.note(note));
    context.output.document(&authentication.response)?;
    Ok(Exit::Done)
}

/// The options, from a file or standard input.
fn read<T>(
    context: &Context,
    page: &Page,
    parse: impl FnOnce(&str) -> Result<Document<T>, client::OptionsError>,
) -> Result<Document<T>, Failure> {
    let input = input::read(&context.output, &page.options)?;
    parse(input.text()?).map_err(|error| {
        let message = format!("cannot read the options in {}: {error}", input.name);
        with_hint(Failure::new(FailureKind::Invalid, message), error.hint())
    })
}

/// The page's origin, which must be one that may ask for that RP ID.
fn origin(page: &Page, rp_id: Option<&str>, shape: Shape, doing: &str) -> Result<Origin, Failure> {
    let Some(text) = &page.origin else {
        let likely = match (shape, rp_id) {
            (Shape::Graph, _) => "https://login.microsoft.com".into(),
            (_, Some(rp_id)) => format!("https://{}", crate::output::shown(rp_id)),
            (_, None) => "https://login.example.test".into(),
        };
        let message = format!("{doing}: the options do not say which page they come from");
        return Err(
            Failure::new(FailureKind::Invalid, message).hint(format!("give --origin, such as {likely}"))
        );
    };
    let failure = |kind, error: &OriginError| {
        Failure::new(kind, format!("{doing}: {error}{}", exception(&error.clone().into()))).hint(error.hint())
    };
    // A text that is no origin is a mistake on the command line; an RP ID that is not the origin's to claim is
    // what a browser refuses.
    let origin = Origin::parse(text).map_err(|error| {
        Failure::new(FailureKind::Invalid, format!("{doing}: {error}")).hint(error.hint())
    })?;
    origin.rp_id(rp_id).map_err(|error| failure(FailureKind::Refused, &error))?;
    Ok(origin)
}

/// A device that was chosen, and the way to it.
struct Way {
    control: Reached,
    device: String,
    client: Client,
    link: Over,
    output: Output,
    doing: &'static str,
}

impl Way {
    fn find(
        context: &Context,
        page: &Page,
        attachment: Option<&str>,
        doing: &'static str,
    ) -> Result<Self, Failure> {
        let control = context.reach()?;
        let device = choose(&*control, &page.on)?;
        if device.user.answer == Answer::Ask {
            control.running(&device.name, "there is nobody to ask")?;
        }
        let link = page.link.unwrap_or_else(|| link(page.client, attachment));
        Ok(Self { control, device: device.name, client: page.client, link, output: context.output, doing })
    }

    fn exchange(&self, link: Link, request: &[u8]) -> Result<Vec<u8>, Failure> {
        // CTAP1: every APDU of U2F has the class zero, and no command of CTAP2 is zero.
        let is_apdu = request.first() == Some(&0);
        let told = if is_apdu { wire::hex::encode(request) } else { trace::request(request) };
        self.output.detail(&format!("→ {told}"));
        let answer = self.control.ctap2(&self.device, link, request)?;
        let told = if is_apdu { wire::hex::encode(&answer) } else { trace::response(request, &answer) };
        self.output.detail(&format!("← {told}"));
        Ok(answer)
    }

    fn failed(&self, ended: Ended) -> Failure {
        let refused =
            |message: String| Failure::new(FailureKind::Refused, format!("{}: {message}", self.doing));
        match ended {
            Ended::Refused(why) => self.refused(&why),
            Ended::Untouched => refused(format!("{} was not touched in time", self.device)),
            Ended::Strange(why) => refused(format!("{}: {why}", self.device)),
            Ended::Unreachable(failure) => failure,
        }
    }

    fn refused(&self, why: &ClientError) -> Failure {
        let message = format!("{}: {why}{}", self.doing, exception(why));
        let failure = Failure::new(FailureKind::Refused, message);
        match why {
            ClientError::OtherAttachment { wanted: client::Attachment::Platform, .. } => {
                failure.hint("give --link internal, or leave --link out")
            }
            ClientError::OtherAttachment { .. } => failure.hint("give --link usb, or leave --link out"),
            ClientError::PinRequired => failure.hint("give --pin PIN, or set FAUXKEY_PIN"),
            _ => with_hint(failure, why.hint()),
        }
    }
}

/// The link over which a client reaches its authenticators; the ones that are nobody's take what the page wants.
fn link(client: Client, attachment: Option<&str>) -> Over {
    match client {
        Client::ChromiumUsb | Client::Firefox => Over::Usb,
        Client::ChromiumHybrid => Over::Hybrid,
        Client::SpecL3 | Client::Raw if attachment == Some("platform") => Over::Internal,
        Client::SpecL3 | Client::Raw => Over::Usb,
    }
}

fn check_display_name(name: &str, format: Format) -> Result<(), Failure> {
    let invalid =
        |why: &dyn fmt::Display| Failure::new(FailureKind::Invalid, format!("--display-name: {why}"));
    if format != Format::Graph {
        return Err(invalid(&"only the body for Microsoft Graph has it").hint("add --format graph"));
    }
    match name.chars().count() {
        1..=30 => Ok(()),
        other => Err(invalid(&graph::InvalidDisplayName(other))),
    }
}

fn announce(output: &Output, rp_id: Option<&str>, origin: &Origin) {
    if let Ok(rp_id) = origin.rp_id(rp_id) {
        log::announce(&mut Announced::default(), output, &rp_id);
    }
}

fn exception(error: &ClientError) -> String {
    format!(" (the page would see {})", error.exception())
}

fn with_hint(failure: Failure, hint: Option<String>) -> Failure {
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
