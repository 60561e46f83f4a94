//! My Security Info: what a user signs in with.
use super::api::{documents, session_of, signed_in};
use super::look::{flag, moment, word};
use super::shell::{Shell, answer, pairs};
use crate::tenant::serve::Site;
use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use std::sync::Arc;
use tenant::access::apps;
use tenant::{Refusal, Tenant, Time};

#[derive(Template)]
#[template(path = "tenant/security_info.html")]
struct Page {
    shell: Shell,
    /// Who is signed in.
    who: Option<String>,
    /// Why nobody is.
    nobody: String,
    /// The application that signing in for this page is to.
    app: String,
    setting_up: bool,
    methods: Vec<Method>,
}

/// A method in the list.
struct Method {
    id: String,
    name: String,
    kind: &'static str,
    badges: Vec<Badge>,
    caution: Option<&'static str>,
    details: Vec<(&'static str, String)>,
    changeable: bool,
    renamable: bool,
}

/// A word about something, and whether it is a good one.
pub(super) struct Badge {
    pub(super) class: &'static str,
    pub(super) text: String,
}

/// Answers GET `/mysecurityinfo`; `setup` opens the way to a new method at once.
pub(super) async fn page(State(site): State<Arc<Site>>, parts: Parts) -> Response {
    let session = session_of(&parts.headers).unwrap_or_default().to_owned();
    let setting_up = pairs(&parts.uri).iter().any(|(key, _)| key == "setup");
    let look = move |tenant: &mut Tenant, now: Time| {
        let mut page = Page {
            shell: Shell::new(tenant, "/mysecurityinfo", include_str!("assets/security_info.js")),
            who: None,
            nobody: String::new(),
            app: apps::MY_SIGNINS.id.to_string(),
            setting_up: false,
            methods: Vec::new(),
        };
        match signed_in(tenant, now, &session) {
            Ok(user) => {
                page.methods = documents(tenant, now, &user).iter().map(Method::new).collect();
                page.who = Some(user.user_principal_name);
                page.setting_up = setting_up;
            }
            Err(Refusal { message, .. }) => page.nobody = super::words::sentence(&message),
        }
        page
    };
    match site.with(look).await {
        Ok(page) => answer(StatusCode::OK, &page.shell.nonce, &page),
        Err(status) => status.into_response(),
    }
}

impl Method {
    fn new(document: &Value) -> Self {
        match document["@odata.type"].as_str() {
            Some("#microsoft.graph.fido2AuthenticationMethod") => Self::passkey(document),
            Some("#microsoft.graph.microsoftAuthenticatorAuthenticationMethod") => Self::app(document),
            _ => Self::pass(document),
        }
    }

    fn passkey(document: &Value) -> Self {
        let attested = word(document, "attestationLevel") == "attested";
        let synced = word(document, "passkeyType") == "synced";
        let model = word(document, "model");
        let authenticator = model.starts_with("Microsoft Authenticator");
        let known = if model.is_empty() { "a model that is not known here".to_owned() } else { model };
        let badge = |class, text: &str| Badge { class, text: text.into() };
        Self {
            id: word(document, "id"),
            name: word(document, "displayName"),
            kind: if authenticator { "Passkey in Microsoft Authenticator" } else { "Passkey" },
            badges: vec![
                if attested { badge("good", "attested") } else { badge("warn", "not attested") },
                badge("", if synced { "synced" } else { "device-bound" }),
            ],
            caution: (!attested)
                .then_some("The AAGUID is what the passkey says of itself: nothing proves the model."),
            details: vec![
                ("Model", known),
                ("AAGUID", word(document, "aaGuid")),
                ("Added", moment(&word(document, "createdDateTime"))),
                ("Method ID", word(document, "id")),
            ],
            changeable: true,
            renamable: true,
        }
    }

    fn app(document: &Value) -> Self {
        Self {
            id: word(document, "id"),
            name: word(document, "displayName"),
            kind: "Microsoft Authenticator",
            badges: vec![Badge { class: "", text: word(document, "phoneAppVersion") }],
            caution: None,
            details: vec![
                ("Added", moment(&word(document, "createdDateTime"))),
                ("Method ID", word(document, "id")),
            ],
            changeable: true,
            renamable: false,
        }
    }

    fn pass(document: &Value) -> Self {
        let usable = flag(document, "isUsable");
        let state = word(document, "methodUsabilityReason");
        Self {
            id: word(document, "id"),
            name: "Temporary Access Pass".into(),
            kind: if flag(document, "isUsableOnce") { "For one sign-in" } else { "For its lifetime" },
            badges: vec![Badge { class: if usable { "good" } else { "bad" }, text: state }],
            caution: None,
            details: vec![
                ("From", moment(&word(document, "startDateTime"))),
                ("Minutes", document["lifetimeInMinutes"].to_string()),
            ],
            changeable: false,
            renamable: false,
        }
    }
}
