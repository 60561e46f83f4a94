//! The tenant in the shape of Microsoft Graph: a request in, an answer out, no sockets.
//!
//! | module | what |
//! |---|---|
//! | `path` | paths taken apart |
//! | `users` | users, groups and the directory |
//! | `methods` | a user's authentication methods, and provisioning |
//! | `policies` | policies of methods, strengths, conditional access |
//! | `reports` | logs and reports |
//! | `body` | what is posted |
//!
//! What the real one does not have begins with `sim`.
mod body;
mod methods;
pub mod path;
mod policies;
mod reports;
#[cfg(test)]
mod tests;
mod users;

use path::Path;
use serde_json::{Value, json};
use tenant::odata::Query;
use tenant::{Refusal, RefusalKind, Tenant, Time};

/// A request.
#[derive(Clone, Debug)]
pub struct GraphRequest<'a> {
    /// Such as `GET`.
    pub method: &'a str,
    /// Such as `/v1.0/users`, still encoded.
    pub path: &'a str,
    /// What follows the `?`, still encoded.
    pub query: &'a str,
    /// What was sent; empty if nothing.
    pub body: &'a [u8],
    /// Where Graph is, such as `http://localhost:8080`: for links in answers.
    pub base: &'a str,
}

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub struct GraphAnswer {
    /// The HTTP status.
    pub status: u16,
    /// What is sent back.
    pub body: Content,
}

/// What an answer carries.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Nothing.
    Nothing,
    /// JSON.
    Json(Value),
    /// Comma-separated values.
    Csv(String),
    /// XML.
    Xml(String),
}

impl GraphAnswer {
    fn json(status: u16, body: Value) -> Self {
        Self { status, body: Content::Json(body) }
    }

    const fn done() -> Self {
        Self { status: 204, body: Content::Nothing }
    }
}

/// What a handler works with.
struct Call<'a> {
    request: &'a GraphRequest<'a>,
    path: Path,
    now: Time,
}

/// How many things there are on a page where nobody says, as in Graph.
const PAGE: usize = 100;
/// The most that may be asked for.
const LARGEST_PAGE: usize = 999;

type Answered = Result<GraphAnswer, Refusal>;

/// Answers a request.
pub fn answer(tenant: &mut Tenant, now: Time, request: &GraphRequest<'_>) -> GraphAnswer {
    let Some(path) = Path::read(request.path) else {
        let message = format!("there is nothing at {}: paths begin with /v1.0 or /beta", request.path);
        return problem(&Refusal::new(RefusalKind::NotFound, "BadRequest", message), now, false);
    };
    let call = Call { request, path, now };
    let words = call.path.words();
    let nested = words.contains(&"fido2methods") && request.method == "POST";
    match route(tenant, &call, &words) {
        Ok(answer) => answer,
        Err(refusal) => problem(&refusal, now, nested),
    }
}

fn route(tenant: &mut Tenant, call: &Call<'_>, words: &[&str]) -> Answered {
    match words {
        ["$metadata"] => Ok(GraphAnswer { status: 200, body: Content::Xml(metadata().into()) }),
        ["organization", ..] => users::organization(tenant, call),
        ["users", _, "authentication", rest @ ..] => methods::route(tenant, call, rest),
        ["me", "authentication", ..] => Err(Refusal::new(
            RefusalKind::BadRequest,
            "methodNotAllowed",
            "the method is not supported for this URL: the token is an administrator's program's, and nobody's own",
        )
        .hint("use /users/{id}/authentication, or My Security Info for oneself")),
        ["users", ..] => users::route(tenant, call, words),
        ["groups", ..] => users::groups(tenant, call, words),
        ["policies", rest @ ..] => policies::route(tenant, call, rest),
        ["authenticationmethodspolicy", ..] => policies::route(tenant, call, words),
        ["identity", "conditionalaccess", "authenticationstrength", "policies", rest @ ..] => {
            policies::strengths(tenant, call, rest, 4)
        }
        ["identity", "conditionalaccess", "policies", rest @ ..] => {
            policies::conditional_access(tenant, call, rest)
        }
        ["auditlogs", rest @ ..] => reports::logs(tenant, call, rest),
        ["reports", rest @ ..] => reports::route(tenant, call, rest),
        ["sim", "decide"] => reports::decide(tenant, call),
        _ => Err(call.nothing()),
    }
}

/// What a generic OData client asks first.
fn metadata() -> &'static str {
    include_str!("metadata.xml")
}

impl Call<'_> {
    fn is(&self, method: &str) -> bool {
        self.request.method.eq_ignore_ascii_case(method)
    }

    /// There is nothing at that path, or not by that method.
    fn nothing(&self) -> Refusal {
        let message = format!("there is no {} {} here", self.request.method, self.request.path);
        Refusal::new(RefusalKind::NotFound, "Request_ResourceNotFound", message)
            .hint("README.md, \"The tenant\", lists what of Graph there is")
    }

    fn version(&self) -> &'static str {
        if self.path.beta { "beta" } else { "v1.0" }
    }

    fn context(&self, of: &str) -> String {
        // The real one's, so that clients find what they expect.
        format!("https://graph.microsoft.com/{}/$metadata#{of}", self.version())
    }

    /// The body as JSON.
    fn body(&self) -> Result<Value, Refusal> {
        body::read(self.request.body)
    }

    /// The pairs of the query, decoded.
    fn pairs(&self) -> Result<Vec<(String, String)>, Refusal> {
        let undecodable = |pair: &str| {
            let message = format!("the query option {pair} cannot be decoded");
            Refusal::new(RefusalKind::BadRequest, "badRequest", message)
        };
        path::pairs(self.request.query).map(|pair| pair.map_err(undecodable)).collect()
    }

    fn query(&self) -> Result<Query, Refusal> {
        let pairs = self.pairs()?;
        Query::parse(pairs.iter().map(|(key, value)| (key.as_str(), value.as_str())))
    }

    /// One thing.
    fn entity(&self, status: u16, of: &str, mut value: Value) -> Answered {
        value = self.query()?.select(value);
        if let Some(members) = value.as_object_mut() {
            members.shift_insert(0, "@odata.context".into(), self.context(of).into());
        }
        Ok(GraphAnswer::json(status, value))
    }

    /// A collection, filtered, ordered and cut as the query asks; the first hundred if it does not.
    fn collection(&self, of: &str, items: impl Iterator<Item = Value>) -> Answered {
        let page = self.query()?.in_pages(PAGE, LARGEST_PAGE).check_and_apply(items)?;
        let mut body = json!({ "@odata.context": self.context(of) });
        if let Some(count) = page.count {
            body["@odata.count"] = count.into();
        }
        if let Some(skip) = page.next {
            body["@odata.nextLink"] = self.link(skip)?.into();
        }
        body["value"] = page.value.into();
        Ok(GraphAnswer::json(200, body))
    }

    /// Where the rest of a collection is.
    fn link(&self, skip: usize) -> Result<String, Refusal> {
        let GraphRequest { base, path, .. } = self.request;
        let kept = self.pairs()?.into_iter().filter(|(key, _)| {
            !["$skip", "skip", "$skiptoken", "skiptoken"].contains(&key.to_ascii_lowercase().as_str())
        });
        let mut query: Vec<String> =
            kept.map(|(key, value)| format!("{}={}", path::encode(&key), path::encode(&value))).collect();
        query.push(format!("$skiptoken={skip}"));
        Ok(format!("{base}{path}?{}", query.join("&")))
    }
}

/// A refusal in Graph's shape; in the nested one that registrations are refused by, if `nested`.
fn problem(refusal: &Refusal, now: Time, nested: bool) -> GraphAnswer {
    let status = match refusal.kind {
        RefusalKind::BadRequest if refusal.code == "methodNotAllowed" => 405,
        RefusalKind::BadRequest | RefusalKind::Ceremony => 400,
        RefusalKind::Policy if nested => 400,
        RefusalKind::Policy | RefusalKind::Forbidden => 403,
        RefusalKind::Unauthenticated => 401,
        RefusalKind::NotFound => 404,
        RefusalKind::Conflict => 409,
        RefusalKind::Broken => 500,
    };
    let (code, message) = if nested && status == 400 {
        let inner = json!({ "odata.error": {
            "code": "Request_BadRequest",
            "message": { "lang": "en", "value": refusal.message },
            "values": [{ "item": "subCode", "value": refusal.code }],
        } });
        ("badRequest".to_owned(), inner.to_string())
    } else {
        (refusal.code.clone(), refusal.message.clone())
    };
    let id = wire::hex::encode(&rand::random::<[u8; 16]>());
    let id = format!("{}-{}-{}-{}-{}", &id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..]);
    let mut inner = json!({ "date": now, "request-id": id, "client-request-id": id });
    if let Some(hint) = &refusal.hint {
        inner["simHint"] = hint.clone().into();
    }
    if let Some(number) = refusal.number {
        inner["simNumber"] = number.into();
    }
    if !refusal.explanation.is_empty() {
        inner["simExplanation"] = json!(refusal.explanation);
    }
    GraphAnswer::json(status, json!({ "error": { "code": code, "message": message, "innerError": inner } }))
}
