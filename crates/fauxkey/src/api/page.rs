//! The first page: what is there, where it is reached, and what to try next.
use super::Api;
use super::guard::Admitted;
use crate::control::{Answer, Control, Device, Failure, Passkey, Prompt};
use axum::extract::{Extension, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use std::fmt::{self, Display, Write};
use std::sync::Arc;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
/// Passkeys of one device, or accounts of one question, that the page lists; the API lists all.
const LISTED: usize = 200;

/// Text of anybody's, made harmless in elements and in quoted attributes.
struct Text<'a>(&'a str);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            // HTML has no way to write these.
            c if c.is_control() && !c.is_whitespace() => f.write_char(char::REPLACEMENT_CHARACTER),
            c => f.write_char(c),
        })
    }
}

/// Answers GET `/`.
pub(super) async fn page(State(api): State<Arc<Api>>, Extension(admitted): Extension<Admitted>) -> Response {
    let nonce = wire::base64url::encode(&rand::random::<[u8; 16]>());
    let (status, main) = if admitted.with_token {
        let seen = api.ask(|control| Ok(look(control))).await;
        match seen {
            Ok(Ok(seen)) => (StatusCode::OK, overview(&seen, &api.url)),
            Ok(Err(failure)) => (StatusCode::INTERNAL_SERVER_ERROR, sorry(&failure)),
            Err(problem) => return problem.into_response(),
        }
    } else {
        (StatusCode::UNAUTHORIZED, LOCKED.to_owned())
    };
    (status, [(header::CONTENT_SECURITY_POLICY, policy(&nonce))], Html(document(&main, &nonce)))
        .into_response()
}

/// CSP Level 3 §7: only the script and the style that carry this answer's number are taken.
pub(super) fn policy(nonce: &str) -> HeaderValue {
    let policy = format!(
        "default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; connect-src 'self'; img-src data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    HeaderValue::try_from(policy).expect("base64url is ASCII")
}

/// What the page shows.
struct Seen {
    device: Device,
    passkeys: Vec<Passkey>,
    prompt: Option<Prompt>,
}

fn look(control: &dyn Control) -> Result<Vec<Seen>, Failure> {
    let devices = control.devices()?;
    let look = |device: Device| {
        let mut passkeys = control.passkeys(&device.name)?;
        passkeys.truncate(LISTED);
        let prompt = control.prompt(&device.name)?;
        Ok(Seen { device, passkeys, prompt })
    };
    devices.into_iter().map(look).collect()
}

fn document(main: &str, nonce: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>fauxkey</title>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<link rel=\"icon\" href=\"data:,\">\n\
         <style nonce=\"{nonce}\">\n{STYLE}</style>\n</head>\n<body>\n<header>\n<h1>fauxkey</h1>\n\
         <p>A phone full of passkeys, as a process.</p>\n\
         <p class=\"warning\" role=\"note\"><strong>Software keys protect nothing.</strong> Use them for \
         development and tests, never for an account that matters.</p>\n</header>\n<main id=\"main\">\n{main}</main>\n\
         <script nonce=\"{nonce}\">\n{SCRIPT}</script>\n</body>\n</html>\n"
    )
}

/// For a visitor without the token.
const LOCKED: &str = "<h2>This page needs its token</h2>\n\
     <p>fauxkey printed an address that ends in <code>?token=…</code> when it started. Open that one.</p>\n\
     <p>The token is also in the file <code>token</code> beside <code>instance.json</code>, which only your user \
     can read; programs send it as <code>Authorization: Bearer …</code>.</p>\n";

fn sorry(failure: &Failure) -> String {
    let hint =
        failure.hint.as_deref().map(|hint| format!("<p>Hint: {}</p>\n", Text(hint))).unwrap_or_default();
    format!("<h2>That did not work</h2>\n<p>{}</p>\n{hint}", Text(&failure.message))
}

fn overview(seen: &[Seen], url: &str) -> String {
    let mut html = String::new();
    let write = |html: &mut String| -> fmt::Result {
        if seen.is_empty() {
            writeln!(html, "<p>There is no device yet.</p>")?;
        }
        seen.iter().enumerate().try_for_each(|(number, seen)| device(html, number, seen))?;
        next(html, seen, url)
    };
    write(&mut html).expect("a string takes everything");
    html
}

fn device(html: &mut String, number: usize, seen: &Seen) -> fmt::Result {
    let Seen { device, passkeys: listed, prompt } = seen;
    writeln!(html, "<section aria-labelledby=\"device-{number}\">")?;
    writeln!(
        html,
        "<h2 id=\"device-{number}\"><bdi>{}</bdi> <small>{}</small></h2>",
        Text(&device.name),
        Text(&device.title)
    )?;
    if let Some(prompt) = prompt {
        open_prompt(html, &device.name, prompt)?;
    }
    writeln!(
        html,
        "<p><a class=\"open\" href=\"/phone?device={0}\">Hold <bdi>{0}</bdi> in your hand</a></p>",
        Text(&device.name)
    )?;
    writeln!(html, "<dl>")?;
    let mut row =
        |name: &str, value: &dyn Display| writeln!(html, "<div><dt>{name}</dt><dd>{value}</dd></div>");
    row("Power", &if device.powered { "on" } else { "off" })?;
    row("Its user", &user(device))?;
    row("Profile", &Text(&device.profile))?;
    row("AAGUID", &format_args!("<code>{}</code>", Text(&device.aaguid)))?;
    if device.attached.is_empty() {
        row("Reached at", &"nothing but this API")?;
    }
    for address in &device.attached {
        row("Reached at", &format_args!("<code>{}</code>", Text(address)))?;
    }
    writeln!(html, "</dl>")?;
    passkeys(html, device, listed)?;
    writeln!(html, "</section>")
}

fn user(device: &Device) -> String {
    let answer = match device.user.answer {
        Answer::Approve => "approves",
        Answer::Ask => "is a person: somebody has to answer",
        Answer::Deny => "says no",
        Answer::Ignore => "does nothing",
        Answer::WrongFinger => "has the wrong finger",
        Answer::Account(place) => &format!("approves, as account {place}"),
    };
    match device.user.delay_ms {
        0 => answer.into(),
        delay => format!("{answer}, after {delay} ms"),
    }
}

fn open_prompt(html: &mut String, device: &str, prompt: &Prompt) -> fmt::Result {
    let purpose = match prompt.purpose.as_str() {
        "register" => "a new passkey",
        "already-registered" => "a registration that there is a passkey for already",
        "sign-in" => "a sign-in",
        "nothing-to-sign-in" => "a sign-in that there is no passkey for",
        "token" => "unlocking it for a program",
        "u2f-register" => "a new U2F key",
        "u2f-sign-in" => "a sign-in by U2F",
        "select" => "being chosen among several authenticators",
        "reset" if prompt.long_touch => "a reset, which needs a long touch: every passkey would be gone",
        "reset" => "a reset: every passkey would be gone",
        "enroll-sample" => "a sample of a finger that is being enrolled",
        other => other,
    };
    let Prompt { number, verification, .. } = prompt;
    write!(
        html,
        "<div class=\"prompt\" role=\"status\">\n<p><strong>Question {number}</strong> to its user: "
    )?;
    write!(html, "{}", Text(purpose))?;
    if let Some(rp_id) = &prompt.rp_id {
        write!(html, ", asked by <bdi>{}</bdi>", Text(rp_id))?;
    }
    if !prompt.accounts.is_empty() {
        let accounts = prompt.accounts.iter().take(LISTED);
        let accounts: Vec<String> = accounts.map(|account| format!("<bdi>{}</bdi>", Text(account))).collect();
        write!(html, ", for {}", accounts.join(", "))?;
    }
    if let Some(samples) = prompt.samples {
        write!(html, ", of which {samples} are still needed")?;
    }
    writeln!(html, "</p>\n<p>")?;
    let answers: &[(&str, &str)] = match prompt {
        _ if *verification => {
            &[("verified", "Approve"), ("declined", "Decline"), ("not-verified", "Wrong finger")]
        }
        Prompt { long_touch: true, .. } => {
            &[("long-touch", "Touch for long"), ("declined", "Decline"), ("present", "Touch briefly")]
        }
        Prompt { samples: Some(_), .. } => {
            &[("present", "Touch"), ("declined", "Decline"), ("not-verified", "Touch badly")]
        }
        _ => &[("present", "Approve"), ("declined", "Decline")],
    };
    if prompt.choice {
        for (place, account) in prompt.accounts.iter().take(LISTED).enumerate() {
            writeln!(
                html,
                "<button type=\"button\" data-device=\"{}\" data-number=\"{number}\" data-gesture=\"account\" \
                 data-account=\"{place}\">As <bdi>{}</bdi></button>",
                Text(device),
                Text(account)
            )?;
        }
    }
    for (gesture, label) in answers {
        writeln!(
            html,
            "<button type=\"button\" data-device=\"{}\" data-number=\"{number}\" data-gesture=\"{gesture}\">{label}</button>",
            Text(device)
        )?;
    }
    writeln!(html, "</p>\n</div>")
}

fn passkeys(html: &mut String, device: &Device, listed: &[Passkey]) -> fmt::Result {
    if listed.is_empty() {
        return writeln!(html, "<p>No passkeys.</p>");
    }
    writeln!(html, "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Passkeys\">\n<table>")?;
    match device.passkeys {
        1 => writeln!(html, "<caption>1 passkey</caption>")?,
        all if all > listed.len() => {
            writeln!(html, "<caption>The newest {} of {all} passkeys</caption>", listed.len())?
        }
        all => writeln!(html, "<caption>{all} passkeys, newest first</caption>")?,
    }
    writeln!(
        html,
        "<thead><tr><th scope=\"col\">Account</th><th scope=\"col\">Site</th><th scope=\"col\">Algorithm</th>\
         <th scope=\"col\">Credential ID</th></tr></thead>\n<tbody>"
    )?;
    for passkey in listed {
        let account = account(passkey);
        writeln!(
            html,
            "<tr><th scope=\"row\"><bdi>{}</bdi></th><td><bdi>{}</bdi></td><td>{}</td><td><code>{}</code></td></tr>",
            Text(&account),
            Text(&passkey.rp_id),
            Text(&passkey.algorithm),
            Text(&passkey.credential_id)
        )?;
    }
    writeln!(html, "</tbody>\n</table>\n</div>")
}

fn account(passkey: &Passkey) -> String {
    match (&passkey.user_display_name, &passkey.user_name) {
        (Some(display_name), Some(name)) if display_name != name => format!("{display_name} ({name})"),
        (_, Some(name)) | (Some(name), None) => name.clone(),
        (None, None) => format!("user handle {:?}", passkey.user_handle),
    }
}

fn next(html: &mut String, seen: &[Seen], url: &str) -> fmt::Result {
    let name = seen.first().map_or("phone", |seen| &seen.device.name);
    let (name, url) = (Text(name), Text(url));
    writeln!(
        html,
        "<section aria-labelledby=\"next\">\n<h2 id=\"next\">What to try next</h2>\n<ul>\n\
         <li><code>fauxkey passkey list</code> lists the passkeys in a terminal.</li>\n\
         <li><code>fauxkey webauthn create --origin https://example.test options.json</code> makes one from a \
         document of options.</li>\n\
         <li><code>fauxkey rehearse</code> plays a whole registration and sign-in, each step verified.</li>\n\
         <li><code>curl -H \"Authorization: Bearer $TOKEN\" -d '{{\"power\":\"cycle\"}}' \
         {url}/api/v1/devices/{name}/power</code> switches the device off and on.</li>\n\
         <li><a href=\"/openapi.json\">/openapi.json</a> describes everything that programs can ask.</li>\n\
         </ul>\n</section>"
    )
}
