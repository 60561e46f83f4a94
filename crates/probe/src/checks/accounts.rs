//! Whose credential it is, and who gets to know whose: WebAuthn L3 §7.2 steps 5 and 6, §14.6.
use crate::bench::{Bench, Credential, Request, Stop, Way, Who};
use crate::check::{Basis, Check, Clause, Needs, Told, check, own};
use crate::draft::Draft;
use crate::report::Severity;
use crate::target::Session;
use relying_party::{Ceremony, Step};
use serde_json::Value;

const OWNER: &str = "Look the record up by the credential ID among the credentials of the user who was identified, or else of the \
                     user whom userHandle names, and refuse if it is not there.";
const ALIKE: &str = "Answer alike for names that exist and names that do not: ask for any passkey without a name, or make up \
                     credentials that stay the same.";
/// So many times each of two names is asked for.
const SAMPLES: usize = 9;

fn by_name(bench: &mut Bench<'_>, with: &Credential) -> Result<Request, Stop> {
    if bench.way == Way::WithoutName {
        return Err(Stop::Skipped("there is no sign-in by name".into()));
    }
    bench.begin_sign_in(Who::First, Some(&with.user))
}

fn post(bench: &mut Bench<'_>, request: &Request, draft: &Draft) -> Result<Told, Stop> {
    let text = draft.finish().map_err(|e| Stop::Inconclusive(e.to_string()))?.to_string();
    bench.post_sign_in(request, &text).map(Told::from)
}

/// Somebody who signs in by the name of the first user has the second user's passkey.
fn anothers_credential(
    bench: &mut Bench<'_>,
    handle: fn(&Credential, &Credential) -> Option<Vec<u8>>,
) -> Result<Told, Stop> {
    let (first, mut second) = (bench.fixture(Who::First)?, bench.fixture(Who::Second)?);
    let request = by_name(bench, &first)?;
    let mut draft = bench.draft_sign_in(&request, &mut second)?;
    draft.user_handle = handle(&first, &second);
    bench.keep(Who::Second, second);
    let told = post(bench, &request, &draft)?;
    if matches!(told, Told::Accepted(_)) {
        bench.retire(Who::Second);
    }
    Ok(told)
}

/// A sign-in without a name, once as it should be and once with another user handle.
fn without_name(bench: &mut Bench<'_>, handle: fn(&Credential) -> Option<Vec<u8>>) -> Result<Told, Stop> {
    let other = bench.fixture(Who::Second)?;
    let mut with = bench.fixture(Who::First)?;
    if other.handle == with.handle {
        return Err(Stop::Inconclusive("both users have the same user handle".into()));
    }
    for handle in [None, Some(handle(&other))] {
        let request = bench.begin_sign_in(Who::First, None)?;
        let mut draft = bench.draft_sign_in(&request, &mut with)?;
        bench.keep(Who::First, with.clone());
        let lie = handle.is_some();
        if let Some(handle) = handle {
            draft.user_handle = handle;
        }
        let told = post(bench, &request, &draft)?;
        match told {
            Told::Accepted(_) if !lie => {}
            Told::Refused(said) if !lie => {
                return Err(Stop::Skipped(format!("it takes no sign-in without a name: {said}")));
            }
            told => return Ok(told),
        }
    }
    Err(Stop::Inconclusive("nothing was tried".into()))
}

fn anothers_handle_by_name(bench: &mut Bench<'_>) -> Result<Told, Stop> {
    let other = bench.fixture(Who::Second)?;
    let mut with = bench.fixture(Who::First)?;
    if other.handle == with.handle {
        return Err(Stop::Inconclusive("both users have the same user handle".into()));
    }
    let request = by_name(bench, &with)?;
    let mut draft = bench.draft_sign_in(&request, &mut with)?;
    bench.keep(Who::First, with);
    draft.user_handle = Some(other.handle);
    post(bench, &request, &draft)
}

fn unknown_credential(bench: &mut Bench<'_>) -> Result<Told, Stop> {
    let mut with = bench.fixture(Who::First)?;
    let request = bench.begin_sign_in_with(&with)?;
    with.id = bench.random::<32>().to_vec();
    with.key = bench.key(with.key.algorithm())?;
    let draft = bench.draft_sign_in(&request, &mut with)?;
    post(bench, &request, &draft)
}

fn deleted_credential(bench: &mut Bench<'_>) -> Result<Told, Stop> {
    let made = bench.registered(Who::First, &Basis::Base, |_| ())?;
    let mut with = made.map_err(|said| Stop::Inconclusive(format!("no second credential: {said}")))?;
    let control = bench.signed_in(&mut with, |_| ())?;
    if !control.accepted {
        return Err(Stop::Inconclusive(format!("an honest sign-in with it is refused: {}", control.said)));
    }
    bench
        .delete(&with.user, &with.id)
        .map_err(|why| Stop::Skipped(format!("it could not be deleted: {why}")))?;
    bench.is_deleted(&with.id);
    bench.signed_in(&mut with, |_| ()).map(Told::from)
}

/// What can be told of an answer to a name, besides what is random in it.
struct Shape {
    members: Vec<String>,
    lists_credentials: bool,
    allowed: Value,
}

/// Begins a sign-in by that name; the error is what is said instead.
fn shape(bench: &mut Bench<'_>, name: &str) -> Result<Result<Shape, String>, Stop> {
    match bench.begin(Session::First, Ceremony::Authentication, Some(name)) {
        Ok(begun) => {
            let members = begun.options.as_object().into_iter().flatten().map(|(name, _)| name.clone());
            let allowed = begun.options.get("allowCredentials").cloned().unwrap_or_default();
            let some = allowed.as_array().is_some_and(|list| !list.is_empty());
            let mut members: Vec<String> = members.filter(|name| name != "allowCredentials").collect();
            members.sort();
            Ok(Ok(Shape { members, lists_credentials: some, allowed }))
        }
        Err(Stop::Inconclusive(said)) => Ok(Err(said)),
        Err(stop) => Err(stop),
    }
}

/// A name that nobody has.
fn nobody(bench: &mut Bench<'_>) -> String {
    let number = u64::from_be_bytes(bench.random());
    bench.plan.users.pattern.replace("{n}", &format!("nobody-{number:016x}"))
}

fn enumeration_by_answer(bench: &mut Bench<'_>) -> Result<Told, Stop> {
    let somebody = bench.fixture(Who::First)?.user;
    if bench.way == Way::WithoutName {
        return Err(Stop::Skipped("there is no sign-in by name".into()));
    }
    let nobody = nobody(bench);
    let known = shape(bench, &somebody)?.map_err(Stop::Inconclusive)?;
    let unknown = match shape(bench, &nobody)? {
        Ok(unknown) => unknown,
        Err(said) => return Ok(Told::Found(format!("For a name that nobody has no sign-in begins: {said}"))),
    };
    if known.members != unknown.members {
        return Ok(Told::Found("The options for a name that nobody has have other members.".into()));
    }
    if known.lists_credentials != unknown.lists_credentials {
        return Ok(Told::Found("allowCredentials tells whether a name has credentials.".into()));
    }
    let again = shape(bench, &nobody)?.map_err(Stop::Inconclusive)?;
    if again.allowed != unknown.allowed {
        return Ok(Told::Found("A name that nobody has gets other made-up credentials each time.".into()));
    }
    Ok(Told::Held("A name that nobody has is answered as one that somebody has.".into()))
}

fn enumeration_by_timing(bench: &mut Bench<'_>) -> Result<Told, Stop> {
    let somebody = bench.fixture(Who::First)?.user;
    if bench.way == Way::WithoutName {
        return Err(Stop::Skipped("there is no sign-in by name".into()));
    }
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..SAMPLES {
        let names = [somebody.clone(), nobody(bench)];
        for (name, times) in names.iter().zip(&mut times) {
            let begun = match bench.begin(Session::First, Ceremony::Authentication, Some(name)) {
                Err(Stop::Inconclusive(_)) if *name != somebody => {
                    return Err(Stop::Skipped(
                        "no sign-in begins for a name that nobody has, which tells more than its time could: \
                         enumeration-by-answer"
                            .into(),
                    ));
                }
                other => other?,
            };
            times.push(begun.exchange.microseconds);
        }
    }
    times.iter_mut().for_each(|times| times.sort_unstable());
    let [known, unknown] = times;
    let median = |times: &[u64]| times[SAMPLES / 2];
    let apart = known[0] > unknown[SAMPLES - 1] || unknown[0] > known[SAMPLES - 1];
    let difference = median(&known).abs_diff(median(&unknown));
    let figures = format!(
        "{} µs for a name that exists, {} µs for one that does not",
        median(&known),
        median(&unknown)
    );
    Ok(if apart && difference >= 1000 {
        Told::Found(format!(
            "The time tells whether a name exists: {figures} (medians of {SAMPLES}, all apart)."
        ))
    } else {
        Told::Held(figures)
    })
}

fn allow_credentials(bench: &mut Bench<'_>) -> Result<Told, Stop> {
    let with = bench.fixture(Who::First)?;
    let request = by_name(bench, &with)?;
    let listed = request.options.allow_credentials.iter().any(|descriptor| descriptor.id.0 == with.id);
    let any = !request.options.allow_credentials.is_empty();
    Ok(Told::Observed(match (listed, any) {
        (true, _) => {
            "A sign-in by name tells the IDs of the user's credentials to everybody who knows the name."
                .into()
        }
        (false, true) => "A sign-in by name lists credentials, and not the one that the user has.".into(),
        (false, false) => {
            "A sign-in by name has an empty allowCredentials: any passkey of this site is offered.".into()
        }
    }))
}

fn exclude_credentials(bench: &mut Bench<'_>) -> Result<Told, Stop> {
    let with = bench.fixture(Who::First)?;
    let creation = bench.begin_registration(Who::First)?;
    let listed = creation.options.exclude_credentials.iter().any(|descriptor| descriptor.id.0 == with.id);
    Ok(if creation.user != with.user {
        Told::Observed("Each registration is a sign-up, so there is nothing to exclude.".into())
    } else if listed {
        Told::Held("excludeCredentials lists the credential that the user has.".into())
    } else {
        Told::Observed("excludeCredentials does not list the credential that the user has.".into())
    })
}

fn user_handle(bench: &mut Bench<'_>) -> Result<Told, Stop> {
    let creation = bench.begin_registration(Who::First)?;
    let (handle, name) = (creation.options.user.id.0, creation.user);
    if handle.is_empty() || handle.len() > 64 {
        return Ok(Told::Found(format!(
            "The user handle has {} bytes, and 1 to 64 are allowed.",
            handle.len()
        )));
    }
    let tells = handle.windows(name.len()).any(|window| window == name.as_bytes());
    Ok(if tells {
        Told::Found("The user handle contains the user's name.".into())
    } else {
        Told::Held(format!("The user handle has {} bytes and does not contain the name.", handle.len()))
    })
}

pub(super) fn checks() -> Vec<Check> {
    type Run = fn(&mut Bench<'_>) -> Result<Told, Stop>;
    let row = |id: &str, title: &str, clause, severity, advice: &str, act: Run| {
        check(id, title, "accounts", clause, severity, advice, own(Needs::SignIn, act))
    };
    let record = || Clause::Step(Ceremony::Authentication, Step::CredentialRecord);
    let handle = || Clause::Step(Ceremony::Authentication, Step::UserHandle);
    vec![
        row(
            "sign-in-credential-of-another",
            "another user's passkey in a sign-in by name",
            record(),
            Severity::High,
            OWNER,
            |bench| anothers_credential(bench, |_, second| Some(second.handle.clone())),
        ),
        row(
            "sign-in-credential-of-another-without-handle",
            "another user's passkey without a user handle in a sign-in by name",
            record(),
            Severity::High,
            OWNER,
            |bench| anothers_credential(bench, |_, _| None),
        ),
        row(
            "sign-in-credential-of-another-with-own-handle",
            "another user's passkey with the named user's handle in a sign-in by name",
            record(),
            Severity::Critical,
            OWNER,
            |bench| anothers_credential(bench, |first, _| Some(first.handle.clone())),
        ),
        row(
            "sign-in-credential-unknown",
            "a passkey that was never registered",
            record(),
            Severity::Critical,
            OWNER,
            unknown_credential,
        ),
        row(
            "sign-in-credential-deleted",
            "a passkey that was deleted",
            record(),
            Severity::High,
            "Take deleted credentials out of what sign-ins are verified with, at once.",
            deleted_credential,
        ),
        row(
            "sign-in-handle-of-another",
            "another user's handle with one's own passkey in a sign-in without a name",
            handle(),
            // Whose account it opens, `sign-in-credential-of-another` tells.
            Severity::Medium,
            OWNER,
            |bench| without_name(bench, |other| Some(other.handle.clone())),
        ),
        row(
            "sign-in-handle-unknown",
            "a user handle that nobody has in a sign-in without a name",
            handle(),
            Severity::Medium,
            OWNER,
            |bench| without_name(bench, |_| Some(b"fauxkey probe".to_vec())),
        ),
        row(
            "sign-in-handle-missing",
            "no user handle in a sign-in without a name",
            handle(),
            Severity::Low,
            OWNER,
            |bench| without_name(bench, |_| None),
        ),
        row(
            "sign-in-handle-of-another-by-name",
            "another user's handle with the named user's passkey",
            handle(),
            Severity::Medium,
            OWNER,
            anothers_handle_by_name,
        ),
        row(
            "enumeration-by-answer",
            "a name that nobody has, to tell it by the answer from one that somebody has",
            Clause::Text("WebAuthn L3 §14.6.2"),
            Severity::Low,
            ALIKE,
            enumeration_by_answer,
        ),
        row(
            "enumeration-by-timing",
            "a name that nobody has, to tell it by the time from one that somebody has",
            Clause::Text("WebAuthn L3 §14.6.2"),
            Severity::Low,
            ALIKE,
            enumeration_by_timing,
        ),
        row(
            "allow-credentials",
            "what allowCredentials tells in a sign-in by name",
            Clause::Text("WebAuthn L3 §14.6.3"),
            Severity::Note,
            "An empty list lets the passkey say whose it is and tells nobody anything.",
            allow_credentials,
        )
        .either(),
        row(
            "exclude-credentials",
            "whether excludeCredentials lists what a user has",
            Clause::Text("WebAuthn L3 §5.4 (excludeCredentials)"),
            Severity::Note,
            "List the user's credentials, so that no authenticator gets a second one by mistake.",
            exclude_credentials,
        )
        .either(),
        row(
            "user-handle",
            "what the user handle tells",
            Clause::Text("WebAuthn L3 §14.6.1"),
            Severity::Low,
            "Draw 64 random bytes for each account; a user handle must not tell who it is.",
            user_handle,
        ),
    ]
}
