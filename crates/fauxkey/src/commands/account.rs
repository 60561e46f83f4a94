//! `fauxkey account`: the Authenticator app on a device.
use super::{Context, Exit, Stop, choose, confirm};
use crate::app::{Account, AccountKind, Added, NewAccount, PhoneFacts, Secret};
use crate::cli::{AccountVerb, AddAccount, OnOff};
use crate::control::{Control, Failure, FailureKind};
use crate::output::{Output, shown};
use std::io::BufRead;
use zeroize::Zeroizing;

pub(super) fn account(context: &Context, verb: AccountVerb) -> Result<Exit, Stop> {
    let output = &context.output;
    let control = context.reach()?;
    match verb {
        AccountVerb::Add(arguments) => add(output, &*control, &arguments)?,
        AccountVerb::List { on } => {
            let device = choose(&*control, &on)?;
            let accounts = control.accounts(&device.name)?;
            output.result(&accounts, || table(output, &device.name, &accounts))?;
        }
        AccountVerb::Delete { account, yes, on } => {
            let device = choose(&*control, &on)?;
            let question = format!("delete {} and its passkey for good?", shown(&account));
            if !confirm(context, yes, &question)? {
                return Ok(Exit::Found);
            }
            control.delete_account(&device.name, &account)?;
            output.inform(&format!("deleted {}: the tenant does not know it yet", shown(&account)));
        }
        AccountVerb::Code { account, on } => {
            let device = choose(&*control, &on)?;
            let account = match account {
                Some(account) => account,
                None => only(control.accounts(&device.name)?, "has one-time codes", |one| one.one_time_code)?,
            };
            let code = control.account_code(&device.name, &account)?;
            output.result(&code, || format!("{}  for {} s", code.code, code.seconds_left))?;
        }
        AccountVerb::Approve { number, decline: _, account, on } => {
            let device = choose(&*control, &on)?;
            let account = match account {
                Some(account) => account,
                None => waiting(&*control, &device.name)?,
            };
            control.answer_push(&device.name, &account, number)?;
            output.inform(if number.is_some() { "approved, if the number is right" } else { "declined" });
        }
    }
    Ok(Exit::Done)
}

fn add(output: &Output, control: &dyn Control, arguments: &AddAccount) -> Result<(), Stop> {
    let device = choose(control, &arguments.on)?;
    let on = |value: Option<OnOff>| value.map(|value| value == OnOff::On);
    let phone = PhoneFacts {
        os_version: arguments.os_version.clone(),
        app_version: arguments.app_version.clone(),
        usage_data: on(arguments.usage_data),
        auto_fill: on(arguments.auto_fill),
        ..PhoneFacts::default()
    };
    let mut new = NewAccount {
        user_name: arguments.user.clone(),
        tenant: arguments.tenant.clone(),
        pass: secret(arguments.pass.as_deref())?,
        password: secret(arguments.password.as_deref())?,
        code: secret(arguments.code.as_deref())?,
        push: arguments.push,
        waiting: None,
        display_name: arguments.display_name.clone(),
        phone: (phone != PhoneFacts::default()).then_some(phone),
    };
    let account = loop {
        match control.add_account(&device.name, &new)? {
            Added::Account(account) => break account,
            Added::Number(number) => {
                output.inform(&format!(
                    "type {} on the phone that has the account: fauxkey account approve {}",
                    number.number, number.number
                ));
                new.waiting = Some(number.waiting);
            }
        }
    };
    account.warnings.iter().for_each(|warning| output.warn(&shown(warning)));
    Ok(output.result(&account, || {
        let at = account.organization.as_deref().map_or_else(String::new, |at| format!(" at {}", shown(at)));
        format!("{}{at}: {}", shown(&account.user_name), abilities(&account))
    })?)
}

/// What was typed, or a line of standard input.
fn secret(text: Option<&str>) -> Result<Option<Secret>, Failure> {
    let Some(text) = text else { return Ok(None) };
    if text != "-" {
        return Ok(Some(Secret::from(text)));
    }
    let mut line = Zeroizing::new(String::new());
    std::io::stdin().lock().read_line(&mut line).map_err(|error| {
        Failure::new(FailureKind::Invalid, format!("cannot read standard input: {error}"))
    })?;
    Ok(Some(Secret::from(line.trim_end_matches(['\r', '\n']))))
}

/// The only account that can do something.
fn only(accounts: Vec<Account>, what: &str, can: impl Fn(&Account) -> bool) -> Result<String, Failure> {
    let mut able: Vec<_> = accounts.into_iter().filter(|account| can(account)).collect();
    match (able.pop(), able.len()) {
        (Some(account), 0) => Ok(account.id),
        (None, _) => Err(Failure::new(FailureKind::NotFound, format!("no account here {what}"))
            .hint("`fauxkey account add` adds one")),
        (Some(_), others) => {
            Err(Failure::new(FailureKind::Invalid, format!("{} accounts here could be meant", others + 1))
                .hint("say which one; `fauxkey account list` shows them"))
        }
    }
}

/// The account that a sign-in waits for.
fn waiting(control: &dyn Control, device: &str) -> Result<String, Failure> {
    let mut pushes = control.pushes(device)?;
    pushes.dedup_by(|one, other| one.account == other.account);
    match (pushes.pop(), pushes.len()) {
        (Some(push), 0) => Ok(push.account),
        (None, _) => Err(Failure::new(FailureKind::NotFound, format!("no sign-in waits for {device}"))
            .hint("it waits for a minute: ask for another where you sign in")),
        (Some(_), others) => {
            let message = format!("sign-ins wait for {} accounts on {device}", others + 1);
            Err(Failure::new(FailureKind::Invalid, message).hint("give --account"))
        }
    }
}

fn table(output: &Output, device: &str, accounts: &[Account]) -> String {
    if accounts.is_empty() {
        return format!("no accounts on {device} yet");
    }
    let row = |account: &Account| {
        [
            match account.kind {
                AccountKind::Account => account.id.chars().take(10).collect(),
                AccountKind::Passkey => super::passkey::short(&account.id),
            },
            shown(&account.user_name),
            account.organization.as_deref().map(shown).unwrap_or_default(),
            abilities(account),
        ]
    };
    let rows: Vec<_> = accounts.iter().map(row).collect();
    output.table(["ID", "ACCOUNT", "WHERE", "WITH"], &rows)
}

/// What an account is good for, in words.
fn abilities(account: &Account) -> String {
    if account.kind == AccountKind::Passkey {
        return "passkey, registered from another device".into();
    }
    let all = [
        (account.passkey.is_some(), "passkey"),
        (account.push, "push notification"),
        (account.phone_sign_in, "phone sign-in"),
        (account.one_time_code, "one-time code"),
    ];
    let there: Vec<&str> = all.into_iter().filter_map(|(there, what)| there.then_some(what)).collect();
    if there.is_empty() { "nothing any more".into() } else { there.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> Account {
        crate::api::testing::account()
    }

    #[test]
    fn what_an_account_is_good_for_is_said_in_words() {
        let all = "passkey, push notification, phone sign-in, one-time code";
        assert_eq!(abilities(&account()), all);
        let push_only = Account { passkey: None, phone_sign_in: false, one_time_code: false, ..account() };
        assert_eq!(abilities(&push_only), "push notification");
        let nothing = Account { push: false, ..push_only };
        assert_eq!(abilities(&nothing), "nothing any more");
        let alone = Account { kind: AccountKind::Passkey, ..account() };
        assert_eq!(abilities(&alone), "passkey, registered from another device");
    }

    #[test]
    fn an_account_is_meant_without_a_name_only_if_there_is_no_other() {
        let able = |account: &Account| account.one_time_code;
        assert_eq!(only(vec![account()], "x", able).unwrap(), account().id);
        let unable = Account { one_time_code: false, ..account() };
        assert_eq!(only(vec![unable.clone(), account()], "x", able).unwrap(), account().id);
        assert_eq!(only(vec![unable], "x", able).unwrap_err().kind, FailureKind::NotFound);
        assert_eq!(only(vec![account(), account()], "x", able).unwrap_err().kind, FailureKind::Invalid);
    }
}
