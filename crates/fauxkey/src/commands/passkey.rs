//! `fauxkey passkey`: what is on a device. There is no way to a private key here.
use super::{Context, Exit, Stop, choose, confirm};
use crate::cli::PasskeyVerb;
use crate::control::{Failure, FailureKind, NewPasskey, Passkey};
use crate::output::{Output, shown};
use authenticator::CREDENTIAL_ID_MARK;
use wire::base64url;

pub(super) fn passkey(context: &Context, verb: PasskeyVerb) -> Result<Exit, Stop> {
    let output = &context.output;
    let control = context.reach()?;
    match verb {
        PasskeyVerb::List { on } => {
            let device = choose(&*control, &on)?;
            let passkeys = control.passkeys(&device.name)?;
            output.result(&passkeys, || table(output, &device.name, &passkeys))?;
        }
        PasskeyVerb::Show { id, on } => {
            let device = choose(&*control, &on)?;
            let passkey = control.passkey(&device.name, &id)?;
            output.result(&passkey, || description(&passkey))?;
        }
        PasskeyVerb::Add { rp_id, user_handle, name, display_name, algorithm, on } => {
            let device = choose(&*control, &on)?;
            let user_handle = match &user_handle {
                Some(text) => base64url::decode(text).ok_or_else(|| {
                    Failure::new(FailureKind::Invalid, "--user-handle: this is not base64url")
                })?,
                None => rand::random::<[u8; 16]>().to_vec(),
            };
            let (user_name, user_display_name, rp_name) = (name, display_name, None);
            let user_handle = user_handle.into();
            let new = NewPasskey { rp_id, rp_name, user_handle, user_name, user_display_name, algorithm };
            let passkey = control.add_passkey(&device.name, new)?;
            output.result(&passkey, || description(&passkey))?;
        }
        PasskeyVerb::Rename { id, name, display_name, on } => {
            let device = choose(&*control, &on)?;
            let passkey = control.rename_passkey(&device.name, &id, name, display_name)?;
            output.result(&passkey, || description(&passkey))?;
        }
        PasskeyVerb::Delete { id, yes, on } => {
            let device = choose(&*control, &on)?;
            let passkey = control.passkey(&device.name, &id)?;
            let what = format!("the passkey {} at {}", account(&passkey), shown(&passkey.rp_id));
            if !confirm(context, yes, &format!("delete {what} for good?"))? {
                return Ok(Exit::Found);
            }
            control.delete_passkey(&device.name, &passkey.credential_id)?;
            output.inform(&format!("deleted {what}"));
        }
    }
    Ok(Exit::Done)
}

fn table(output: &Output, device: &str, passkeys: &[Passkey]) -> String {
    if passkeys.is_empty() {
        return format!("no passkeys on {device} yet");
    }
    let row = |passkey: &Passkey| {
        [
            short(&passkey.credential_id),
            shown(&passkey.rp_id),
            account(passkey),
            passkey.user_display_name.as_deref().map(shown).unwrap_or_default(),
            passkey.algorithm.clone(),
            passkey.created.to_string(),
        ]
    };
    let rows: Vec<_> = passkeys.iter().map(row).collect();
    output.table(["ID", "WHERE", "ACCOUNT", "NAME", "ALGORITHM", "ORDER"], &rows)
}

fn description(passkey: &Passkey) -> String {
    let text = |text: &Option<String>| text.as_deref().map_or_else(|| "(none)".into(), shown);
    let lines = [
        ("ID", short(&passkey.credential_id)),
        ("RP ID", shown(&passkey.rp_id)),
        ("RP name", text(&passkey.rp_name)),
        ("account", text(&passkey.user_name)),
        ("display name", text(&passkey.user_display_name)),
        ("user handle", base64url::encode(&passkey.user_handle.0)),
        ("algorithm", passkey.algorithm.clone()),
        ("public key", base64url::encode(&passkey.public_key.0)),
        ("credential ID", passkey.credential_id.clone()),
        ("order", passkey.created.to_string()),
    ];
    lines.map(|(what, value)| format!("{what:<15}{value}")).join("\n")
}

fn account(passkey: &Passkey) -> String {
    let name = passkey.user_name.as_deref().filter(|name| !name.is_empty()).map(shown);
    name.unwrap_or_else(|| base64url::encode(&passkey.user_handle.0))
}

/// Enough of a credential ID to tell passkeys apart: its beginning after the mark that all of them carry.
pub(super) fn short(credential_id: &str) -> String {
    const ENOUGH: usize = 10;
    let bytes = base64url::decode(credential_id).unwrap_or_default();
    let after_mark = bytes.strip_prefix(CREDENTIAL_ID_MARK.as_slice()).map(base64url::encode);
    match after_mark {
        // What begins with a hyphen would be taken for a flag when it is typed: the mark stays before it.
        Some(short) if short.starts_with('-') => credential_id.chars().take(2 * ENOUGH).collect(),
        Some(short) => short.chars().take(ENOUGH).collect(),
        None => credential_id.chars().take(ENOUGH).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_id_is_what_follows_the_mark() {
        let id = [b"fauxkey1".as_slice(), &[0xFF; 24]].concat();
        assert_eq!(short(&base64url::encode(&id)), "__________");
        assert_eq!(short("AAAAAAAAAAAAAAAA"), "AAAAAAAAAA");
        let like_a_flag = [b"fauxkey1".as_slice(), &[0xF8; 24]].concat();
        assert!(base64url::encode(&[0xF8; 24]).starts_with('-'));
        assert_eq!(short(&base64url::encode(&like_a_flag)), "ZmF1eGtleTH4-Pj4-Pj4");
    }
}
