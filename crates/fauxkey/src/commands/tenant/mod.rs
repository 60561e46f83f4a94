//! `fauxkey tenant`: every verb speaks Microsoft Graph to the tenant that runs, or to that of this home.
mod check;
mod directory;
mod look;
mod models;
mod policy;
mod serve;
mod strength;

pub(super) use serve::arrangement;

use super::input;
use super::{Context, Exit, Stop};
use crate::cli::{Graph, TenantVerb};
use crate::control::{Failure, FailureKind};
use crate::tenant::graph::path::encode as encoded;
use crate::tenant::reach::Reach;
use serde_json::{Value, json};
use std::time::Duration;

/// The configurations of authentication methods.
const CONFIGURATIONS: &str = "/beta/policies/authenticationMethodsPolicy/authenticationMethodConfigurations";

pub(super) fn tenant(context: &Context, verb: TenantVerb) -> Result<Exit, Stop> {
    if let TenantVerb::Serve(arguments) = &verb {
        return serve::serve(context, arguments);
    }
    let asked = Asked { context, reach: Reach::find(&context.home)? };
    match verb {
        TenantVerb::Serve(_) => Ok(Exit::Done),
        TenantVerb::Show => look::show(&asked),
        TenantVerb::Policy(verb) => policy::policy(&asked, verb),
        TenantVerb::User(verb) => directory::user(&asked, verb),
        TenantVerb::Group(verb) => directory::group(&asked, verb),
        TenantVerb::Tap(verb) => directory::tap(&asked, verb),
        TenantVerb::Method(verb) => directory::method(&asked, verb),
        TenantVerb::Strength(verb) => strength::strength(&asked, verb),
        TenantVerb::Access(verb) => strength::access(&asked, verb),
        TenantVerb::Check(arguments) => check::check(&asked, &arguments),
        TenantVerb::Log(arguments) => look::log(&asked, &arguments),
        TenantVerb::Report(arguments) => look::report(&asked, &arguments),
        TenantVerb::Graph(arguments) => graph(&asked, &arguments),
        TenantVerb::Clock { by } => clock(&asked, by),
    }
}

/// A tenant, and how to speak of it.
struct Asked<'a> {
    context: &'a Context,
    reach: Reach,
}

impl Asked<'_> {
    /// Asks, and says what was asked where more is to be said.
    fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, Failure> {
        let shown = body.map(|body| format!("  {body}")).unwrap_or_default();
        // A pass is only in answers, and a password in one request that is not shown.
        let shown = if shown.contains("passwordProfile") { "  (with a password)".into() } else { shown };
        self.context.output.detail(&format!("{method} {path}{shown}"));
        self.reach.call(method, path, body)
    }

    /// The members of a collection, all pages of it.
    fn list(&self, path: &str) -> Result<Vec<Value>, Failure> {
        let mut found = Vec::new();
        let mut next = Some(path.to_owned());
        while let Some(path) = next {
            let mut page = self.call("GET", &path, None)?;
            if let Some(items) = page["value"].as_array_mut() {
                found.append(items);
            }
            let link = page["@odata.nextLink"].as_str();
            // The link is whole; what is asked is its path.
            next = link.and_then(|link| {
                let after = link.find("://").map_or(0, |at| at + 3);
                link[after..].find('/').map(|slash| link[after + slash..].to_owned())
            });
        }
        Ok(found)
    }
}

/// A member as text.
fn text(value: &Value, name: &str) -> String {
    match &value[name] {
        Value::Null => String::new(),
        Value::String(text) => crate::output::shown(text),
        other => other.to_string(),
    }
}

fn graph(asked: &Asked<'_>, arguments: &Graph) -> Result<Exit, Stop> {
    let output = &asked.context.output;
    let body = match &arguments.body {
        None => None,
        Some(name) => {
            let input = input::read(output, name)?;
            let value = serde_json::from_slice(&input.bytes).map_err(|error| {
                Failure::new(FailureKind::Invalid, format!("{} is not JSON: {error}", input.name))
            })?;
            Some(value)
        }
    };
    let reply = asked.reach.ask(&arguments.method.to_uppercase(), &arguments.path, body.as_ref())?;
    output.detail(&format!("{}", reply.status));
    match (&reply.value, &reply.text) {
        (Some(value), _) if output.json => output.document(value)?,
        (Some(value), _) => output.text(&serde_json::to_string_pretty(value).unwrap_or_default())?,
        (None, Some(text)) if !text.is_empty() => output.text(text.trim_end())?,
        _ => output.inform(&format!("{} without a body", reply.status)),
    }
    Ok(if reply.status < 400 { Exit::Done } else { Exit::Found })
}

fn clock(asked: &Asked<'_>, by: Duration) -> Result<Exit, Stop> {
    if asked.reach.url().is_none() {
        let failure = Failure::new(FailureKind::Conflict, "no tenant runs, so there is no clock to move");
        return Err(failure.hint("start it with `fauxkey tenant serve` in another terminal").into());
    }
    let millis = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
    let answer = asked.call("POST", "/sim/clock", Some(&json!({ "advanceMs": millis })))?;
    asked.context.output.result(&answer, || format!("it is {}", text(&answer, "now")))?;
    Ok(Exit::Done)
}
