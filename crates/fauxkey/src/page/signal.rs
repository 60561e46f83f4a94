//! Signals, WebAuthn Level 3 §5.1.10: what a relying party says about passkeys that it no longer takes, or whose names
//! have changed. A credential manager such as a phone obeys; nobody tells a key that is plugged in, as no browser does.
//!
//! That a phone deletes a passkey at once, and does not hide it for a while first, is a guess.
use super::{Frame, Front, error, refused};
use crate::ceremony::PageError;
use crate::control::{Link, Passkey};
use client::Origin;
use serde_json::Value;
use wire::base64url;

/// Does what a signal says.
///
/// # Errors
/// What the page's promise is rejected with.
pub(super) fn obey(front: &Front, method: &str, frame: &Frame, options: &Value) -> Result<(), PageError> {
    let security = |why: client::OriginError| error("SecurityError", why.to_string());
    let origin = Origin::parse(&frame.origin).map_err(security)?;
    // §5.1.10.1: the RP ID is one that the origin may claim.
    let rp_id = origin.rp_id(Some(text(options, "rpId")?)).map_err(security)?;
    let signal = Signal::read(method, options)?;
    let device = front.device().map_err(refused)?;
    let manages = [Link::Internal, Link::Hybrid].iter().any(|link| front.info(&device, *link).is_some());
    if !manages {
        return Ok(());
    }
    for passkey in front.control.passkeys(&device).map_err(refused)? {
        if passkey.rp_id != rp_id {
            continue;
        }
        match signal.on(&passkey) {
            Verdict::Keep => {}
            Verdict::Delete => {
                front.control.delete_passkey(&device, &passkey.credential_id).map_err(refused)?
            }
            Verdict::Rename(name, display_name) => {
                let (name, display_name) = (Some(name.into()), Some(display_name.into()));
                let renamed =
                    front.control.rename_passkey(&device, &passkey.credential_id, name, display_name);
                renamed.map_err(refused)?;
            }
        }
    }
    Ok(())
}

enum Signal<'a> {
    Unknown { id: Vec<u8> },
    Accepted { user: Vec<u8>, ids: Vec<Vec<u8>> },
    Details { user: Vec<u8>, name: &'a str, display_name: &'a str },
}

enum Verdict<'a> {
    Keep,
    Delete,
    Rename(&'a str, &'a str),
}

impl<'a> Signal<'a> {
    fn read(method: &str, options: &'a Value) -> Result<Self, PageError> {
        match method {
            "signalUnknownCredential" => Ok(Self::Unknown { id: bytes(text(options, "credentialId")?)? }),
            "signalAllAcceptedCredentials" => {
                let listed = options.get("allAcceptedCredentialIds").and_then(Value::as_array);
                let listed = listed.ok_or_else(|| wrong("allAcceptedCredentialIds is no list"))?;
                let ids =
                    listed.iter().map(|id| bytes(id.as_str().unwrap_or("!"))).collect::<Result<_, _>>()?;
                Ok(Self::Accepted { user: bytes(text(options, "userId")?)?, ids })
            }
            "signalCurrentUserDetails" => Ok(Self::Details {
                user: bytes(text(options, "userId")?)?,
                name: text(options, "name")?,
                display_name: text(options, "displayName")?,
            }),
            other => Err(wrong(&format!("there is no signal {}", other.escape_debug()))),
        }
    }

    fn on(&self, passkey: &Passkey) -> Verdict<'a> {
        let id = base64url::decode(&passkey.credential_id).unwrap_or_default();
        match self {
            Self::Unknown { id: unknown } if *unknown == id => Verdict::Delete,
            Self::Accepted { user, ids } if *user == passkey.user_handle.0 && !ids.contains(&id) => {
                Verdict::Delete
            }
            Self::Details { user, name, display_name } if *user == passkey.user_handle.0 => {
                Verdict::Rename(name, display_name)
            }
            _ => Verdict::Keep,
        }
    }
}

fn text<'a>(options: &'a Value, name: &str) -> Result<&'a str, PageError> {
    options.get(name).and_then(Value::as_str).ok_or_else(|| wrong(&format!("{name} is missing")))
}

fn bytes(text: &str) -> Result<Vec<u8>, PageError> {
    // §5.1.10: what is no base64url is a TypeError.
    base64url::decode(text).ok_or_else(|| wrong("an ID is no base64url"))
}

fn wrong(why: &str) -> PageError {
    error("TypeError", why)
}
