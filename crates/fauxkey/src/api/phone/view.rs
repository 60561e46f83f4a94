//! What is seen, in words for people. The template escapes it.
use super::LISTED;
use crate::app::{self, AccountKind, Push, System};
use crate::control::{Answer, Device, Passkey, Prompt};
use crate::question;

/// A device in the switcher.
pub(super) struct Tab {
    pub(super) name: String,
    pub(super) title: String,
    pub(super) powered: bool,
    pub(super) asks: bool,
    pub(super) here: bool,
}

impl Tab {
    pub(super) fn new(device: &Device, asks: bool, here: bool) -> Self {
        let (name, title) = (text(&device.name), text(&device.title));
        Self { name, title, powered: device.powered, asks, here }
    }
}

/// The device that is shown.
pub(super) struct Shown {
    pub(super) name: String,
    pub(super) title: String,
    pub(super) profile: String,
    pub(super) aaguid: String,
    pub(super) powered: bool,
    pub(super) attached: Vec<String>,
    /// Its user, as the API has it.
    pub(super) user: String,
    /// What the user does, after "Whoever holds it".
    pub(super) answers: String,
    /// Whether it scans QR codes: whether it is reached over hybrid.
    pub(super) scans: bool,
    /// Whether the Authenticator app is on it.
    pub(super) app: bool,
    /// Where the app adds accounts.
    pub(super) tenant: String,
    /// The app's accounts.
    pub(super) entries: Vec<Entry>,
    /// The passkeys that none of them has.
    pub(super) accounts: Vec<Account>,
    pub(super) listed: usize,
    pub(super) left_out: usize,
}

/// An account that was added in the app, with everything that it can do.
pub(super) struct Entry {
    /// The API's name for it, which is fit for an attribute.
    pub(super) id: String,
    pub(super) name: String,
    pub(super) organization: Option<String>,
    pub(super) passkey: Option<Row>,
    pub(super) push: bool,
    pub(super) phone_sign_in: bool,
    pub(super) code: bool,
}

/// A sign-in that waits for the app.
pub(super) struct Asked {
    pub(super) account: String,
    pub(super) name: String,
    pub(super) organization: String,
    pub(super) application: Option<String>,
    /// Tells it from others.
    pub(super) key: String,
}

impl Asked {
    pub(super) fn new(push: &Push) -> Self {
        Self {
            account: text(&push.account),
            name: text(&push.user_name),
            organization: push.organization.as_deref().map_or_else(|| "A tenant".into(), text),
            application: push.application.as_deref().map(text),
            key: text(&format!("{}/{}", push.account, push.asked.as_deref().unwrap_or_default())),
        }
    }
}

/// Passkeys of one account name.
pub(super) struct Account {
    pub(super) name: String,
    pub(super) passkeys: Vec<Row>,
}

/// One passkey.
pub(super) struct Row {
    /// The credential ID in base64url, which is fit for an attribute and unique on the device.
    pub(super) id: String,
    pub(super) site: String,
    pub(super) rp_name: Option<String>,
    pub(super) handle: String,
    pub(super) algorithm: String,
    pub(super) user_name: Option<String>,
    pub(super) display_name: Option<String>,
}

impl Shown {
    /// The device with its passkeys, newest first; accounts stand in the order of their newest.
    pub(super) fn new(
        device: &Device,
        mut passkeys: Vec<Passkey>,
        entries: &[app::Account],
        tenant: Option<String>,
        scans: bool,
    ) -> Self {
        let entries = entries.iter().filter(|entry| entry.kind == AccountKind::Account);
        let entries = entries.map(|entry| Entry::new(entry, &mut passkeys)).collect();
        // Those that stand alone; an account's stands under it.
        let all = passkeys.len();
        passkeys.truncate(LISTED);
        let listed = passkeys.len();
        let mut accounts: Vec<Account> = Vec::new();
        for passkey in passkeys {
            let (name, row) = (account(&passkey), Row::new(passkey));
            match accounts.iter_mut().find(|account| account.name == name) {
                Some(account) => account.passkeys.push(row),
                None => accounts.push(Account { name, passkeys: vec![row] }),
            }
        }
        Self {
            name: text(&device.name),
            title: text(&device.title),
            profile: text(&device.profile),
            aaguid: text(&device.aaguid),
            powered: device.powered,
            attached: device.attached.iter().map(|address| text(address)).collect(),
            user: serde_json::to_string(&device.user).expect("text and numbers are JSON"),
            answers: answers(device),
            scans,
            app: device.aaguid.parse().ok().and_then(System::of).is_some(),
            tenant: tenant.as_deref().map(text).unwrap_or_default(),
            entries,
            accounts,
            listed,
            left_out: all - listed,
        }
    }
}

impl Entry {
    /// Takes its passkey out of those that stand alone.
    fn new(entry: &app::Account, passkeys: &mut Vec<Passkey>) -> Self {
        let place =
            passkeys.iter().position(|passkey| entry.passkey.as_ref() == Some(&passkey.credential_id));
        Self {
            id: text(&entry.id),
            name: text(&entry.user_name),
            organization: entry.organization.as_deref().map(text),
            passkey: place.map(|place| Row::new(passkeys.remove(place))),
            push: entry.push,
            phone_sign_in: entry.phone_sign_in,
            code: entry.one_time_code,
        }
    }
}

impl Row {
    fn new(passkey: Passkey) -> Self {
        let maybe = |name: Option<String>| name.map(|name| text(&name)).filter(|name| !name.is_empty());
        Self {
            id: text(&passkey.credential_id),
            rp_name: maybe(passkey.rp_name).filter(|name| *name != passkey.rp_id),
            site: text(&passkey.rp_id),
            handle: wire::base64url::encode(&passkey.user_handle.0),
            algorithm: text(&passkey.algorithm),
            user_name: maybe(passkey.user_name),
            display_name: maybe(passkey.user_display_name),
        }
    }
}

fn account(passkey: &Passkey) -> String {
    let named = |name: &Option<String>| name.as_deref().filter(|name| !name.is_empty()).map(text);
    named(&passkey.user_name)
        .or_else(|| named(&passkey.user_display_name))
        .unwrap_or_else(|| "an account without a name".into())
}

fn answers(device: &Device) -> String {
    let answer = match device.user.answer {
        Answer::Approve => "approves by itself",
        Answer::Ask => "is asked, here and wherever else somebody answers",
        Answer::Deny => "declines by itself",
        Answer::Ignore => "does nothing, until programs give up",
        Answer::WrongFinger => "has the wrong finger, again and again",
        Answer::Account(place) => &format!("approves by itself, as account {}", place + 1),
    };
    match device.user.delay_ms {
        0 => answer.into(),
        delay => format!("{answer}, after {delay} ms"),
    }
}

/// The sheet that rises with a question.
pub(super) struct Sheet {
    pub(super) number: u64,
    pub(super) attempts: u8,
    pub(super) title: &'static str,
    /// Who asks, where that is known.
    pub(super) who: Option<String>,
    /// What for: the sentence goes on behind who asks.
    pub(super) why: String,
    /// What kind of answer is wanted.
    pub(super) how: String,
    pub(super) accounts: Vec<String>,
    pub(super) left_out: usize,
    pub(super) choice: bool,
    pub(super) answers: Vec<Offered>,
}

/// An answer that is offered.
pub(super) struct Offered {
    /// The API's word.
    pub(super) gesture: &'static str,
    pub(super) label: &'static str,
}

impl Sheet {
    pub(super) fn new(prompt: &Prompt) -> Self {
        let mut accounts: Vec<String> = prompt.accounts.iter().map(|account| text(account)).collect();
        accounts.truncate(LISTED);
        Self {
            number: prompt.number,
            attempts: prompt.attempts,
            title: question::title(prompt),
            who: prompt.rp_id.as_deref().map(text),
            why: text(&question::why(prompt)),
            how: question::how(prompt),
            left_out: prompt.accounts.len() - accounts.len(),
            accounts,
            choice: prompt.choice,
            answers: offered(prompt),
        }
    }
}

/// A device has no code of its own to compare with, so that a PIN is always the right one; a wrong one is as good as
/// a wrong finger.
fn offered(prompt: &Prompt) -> Vec<Offered> {
    let offered: &[(&str, &str)] = match prompt {
        Prompt { choice: true, verification: true, .. } => {
            &[("not-verified", "Wrong finger"), ("declined", "Decline")]
        }
        Prompt { choice: true, .. } => &[("declined", "Decline")],
        Prompt { verification: true, .. } => &[
            ("verified", "Approve"),
            ("not-verified", "Wrong finger"),
            ("verified", "PIN"),
            ("declined", "Decline"),
        ],
        Prompt { long_touch: true, .. } => {
            &[("long-touch", "Touch for long"), ("present", "Touch briefly"), ("declined", "Decline")]
        }
        Prompt { samples: Some(_), .. } => {
            &[("present", "Touch"), ("not-verified", "Touch badly"), ("declined", "Decline")]
        }
        _ => &[("present", "Approve"), ("declined", "Decline")],
    };
    offered.iter().map(|&(gesture, label)| Offered { gesture, label }).collect()
}

/// A stranger's text without characters that HTML has no way to write.
fn text(text: &str) -> String {
    let shown = |c: char| if c.is_control() && !c.is_whitespace() { char::REPLACEMENT_CHARACTER } else { c };
    text.chars().map(shown).collect()
}
