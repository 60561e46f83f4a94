//! A ceremony as a page asks for it, by the API: for tests, extensions and shims, which are no browsers themselves.
use super::{Ended, Exchange, Session};
use crate::control::{Failure, FailureKind, Link};
use client::options::{self, Document};
use client::{Account, Client, ClientError, Embedding, Origin, Pin};
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use wire::status::Status;

/// What a page asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Request {
    /// Which ceremony.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// The origin of the page.
    pub origin: String,
    /// PublicKeyCredentialCreationOptionsJSON or PublicKeyCredentialRequestOptionsJSON.
    pub options: Map<String, Value>,
    /// Names it until it is over, so that it can be cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Whether the page sits in a frame of another origin.
    #[serde(default)]
    pub cross_origin: bool,
    /// The origin of the outermost page, if it is another one and known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_origin: Option<String>,
    /// Whose rules to follow: a [`Client`]'s name. Absent: a browser's that reaches the device over that link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// How the device is reached. Absent: as the page wants it, or as the profile is reached first: internal, hybrid,
    /// usb.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Link>,
    /// Of a sign-in: which account, by its name or its place counted from 0 at the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// PINs that the user types, one after the other, as long as the one before was wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pins: Vec<String>,
}

/// Which ceremony.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// `navigator.credentials.create`.
    Create,
    /// `navigator.credentials.get`.
    Get,
}

/// What the page gets: a response or an error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// RegistrationResponseJSON or AuthenticationResponseJSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<Map<String, Value>>,
    /// What the page catches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<PageError>,
    /// What was changed, kept or passed over, and why; for people.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// What a page catches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageError {
    /// A DOMException's name, or `TypeError`.
    pub name: String,
    /// Why, for who tests the page. A browser tells less.
    pub message: String,
}

/// Runs a ceremony on a device that is reached over these links.
///
/// # Errors
/// Only what a page cannot see: the request makes no sense, or the device is not there.
pub fn run(exchange: Exchange<'_>, links: &[Link], request: &Request) -> Result<Outcome, Failure> {
    let invalid = |message: String| Failure::new(FailureKind::Invalid, message);
    let wish = attachment(request);
    let link = request.link.or_else(|| link(links, wish)).unwrap_or(Link::Usb);
    let client = match request.client.as_deref() {
        Some(name) => name
            .parse()
            .map_err(|error: client::conveyance::UnknownClient| invalid(format!("client: {error}")))?,
        None => match link {
            Link::Internal => Client::SpecL3,
            Link::Hybrid => Client::ChromiumHybrid,
            Link::Usb => Client::ChromiumUsb,
        },
    };
    let mut pins = Vec::new();
    for pin in &request.pins {
        pins.push(Pin::new(pin).map_err(|error| invalid(format!("pins: {error}")))?);
    }
    let mut pins = pins.into_iter();
    let mut pin = pins.next();
    loop {
        let ended = match once(exchange, (link, client), request, pin.take()) {
            Ok(outcome) => return Ok(outcome),
            Err(ended) => ended,
        };
        let wrong =
            matches!(&ended, Ended::Refused(ClientError::Refused { status: Status::PIN_INVALID, .. }));
        pin = if wrong { pins.next() } else { None };
        if pin.is_none() {
            return seen(ended);
        }
    }
}

/// What the page sees of an end without a credential.
fn seen(ended: Ended) -> Result<Outcome, Failure> {
    let (name, message) = match ended {
        Ended::Refused(why) => (why.exception(), why.to_string()),
        Ended::Unreachable(failure) if failure.kind == FailureKind::Broken => return Err(failure),
        Ended::Unreachable(failure) => ("NotAllowedError", failure.message),
        Ended::Strange(why) => ("NotAllowedError", why),
        Ended::Untouched => ("NotAllowedError", "the device was not touched in time".into()),
    };
    let error = Some(PageError { name: name.into(), message });
    Ok(Outcome { response: None, error, notes: Vec::new() })
}

fn once(
    exchange: Exchange<'_>,
    (link, client): (Link, Client),
    request: &Request,
    pin: Option<Pin>,
) -> Result<Outcome, Ended> {
    let origin = Origin::parse(&request.origin).map_err(ClientError::from)?;
    let text = Value::Object(request.options.clone()).to_string();
    let mut rng = UnwrapErr(SysRng);
    let embedded = request.cross_origin.then(|| Embedding { top_origin: request.top_origin.clone() });
    let open = || {
        let mut session = Session::open(exchange, client, link)?;
        session.platform.embedded = embedded;
        Ok::<_, Ended>(session)
    };
    let (response, mut notes) = match request.kind {
        Kind::Create => {
            let Document { options, .. } = options::creation(&text).map_err(ClientError::from)?;
            // What can be judged without the device is judged first, as a page expects.
            origin.rp_id(options.rp.id.as_deref()).map_err(ClientError::from)?;
            let session = open()?;
            let begun = client::Create::begin_with(&origin, &options, &session.platform, pin, &mut rng)?;
            let app_id = begun.0.app_id().map(ToOwned::to_owned);
            let made = session.run(begun, app_id.as_deref())?;
            (json(&made.response), made.notes)
        }
        Kind::Get => {
            let Document { options, .. } = options::request(&text).map_err(ClientError::from)?;
            origin.rp_id(options.rp_id.as_deref()).map_err(ClientError::from)?;
            let account = match request.account.as_deref() {
                None => Account::Newest,
                Some(text) => text.parse().map_or_else(|_| Account::Named(text.into()), Account::Index),
            };
            let session = open()?;
            let begun =
                client::Get::begin_with(&origin, &options, &session.platform, account, pin, &mut rng)?;
            let app_id = begun.0.app_id().map(ToOwned::to_owned);
            let signed_in = session.run(begun, app_id.as_deref())?;
            (json(&signed_in.response), signed_in.notes)
        }
    };
    if client == Client::Raw {
        notes.insert(
            0,
            "raw: the page gets the authenticator's answer as it is, which no browser does".into(),
        );
    }
    Ok(Outcome { response: Some(response), error: None, notes })
}

fn json(response: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(response) {
        Ok(Value::Object(members)) => members,
        _ => unreachable!("a response is a JSON object"),
    }
}

/// `authenticatorAttachment`, or for a sign-in what `hints` say.
fn attachment(request: &Request) -> Option<&str> {
    request.options.get("authenticatorSelection")?.get("authenticatorAttachment")?.as_str()
}

/// The link by which a browser would reach the device.
fn link(links: &[Link], wish: Option<&str>) -> Option<Link> {
    let order: &[Link] = match wish {
        Some("cross-platform") => &[Link::Hybrid, Link::Usb],
        Some("platform") => &[Link::Internal],
        _ => &[Link::Internal, Link::Hybrid, Link::Usb],
    };
    order.iter().copied().find(|link| links.contains(link)).or_else(|| links.first().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_reached_as_the_page_wants_it_and_otherwise_as_it_is_reached_first() {
        use Link::{Hybrid, Internal, Usb};
        for (links, wish, reached) in [
            (&[Usb, Internal, Hybrid][..], None, Internal),
            (&[Usb, Internal, Hybrid], Some("cross-platform"), Hybrid),
            (&[Usb, Internal], Some("cross-platform"), Usb),
            (&[Usb, Hybrid], None, Hybrid),
            // Nothing fits, and the client says so when it is asked.
            (&[Usb], Some("platform"), Usb),
            (&[Internal], Some("cross-platform"), Internal),
        ] {
            assert_eq!(link(links, wish), Some(reached), "{links:?} {wish:?}");
        }
        assert_eq!(link(&[], None), None);
    }
}
