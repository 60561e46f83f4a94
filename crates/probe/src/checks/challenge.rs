//! The challenge: WebAuthn L3 §7.1 step 8, §7.2 step 11, §13.4.3.
use crate::bench::{Bench, Creation, Request, Stop, Way, Who};
use crate::check::{BOTH, Basis, Check, Clause, Needs, Told, check, in_ceremony, made, own};
use crate::draft::Draft;
use crate::report::Severity;
use relying_party::{Ceremony, Step};
use std::time::Duration;
use wire::base64url;

const ONCE: &str = "Keep the challenge with the session that it was issued to, take it away when a response comes, and compare it with \
                    what the response has.";
const TEXT: &str =
    "Compare the challenge as text with the base64url of what was issued: all of it, and nothing else.";

/// What answers a ceremony that was begun.
enum Begun {
    Registration(Box<Creation>),
    SignIn(Box<Request>),
}

impl Begun {
    fn new(bench: &mut Bench<'_>, ceremony: Ceremony, who: Who) -> Result<Self, Stop> {
        Ok(match ceremony {
            Ceremony::Registration => Self::Registration(Box::new(bench.begin_registration(who)?)),
            Ceremony::Authentication => {
                let user = bench.fixture(who)?.user;
                let user = (bench.way == Way::ByName).then_some(user);
                Self::SignIn(Box::new(bench.begin_sign_in(who, user.as_deref())?))
            }
        })
    }

    fn challenge(&self) -> &[u8] {
        match self {
            Self::Registration(creation) => &creation.options.challenge.0,
            Self::SignIn(request) => &request.options.challenge.0,
        }
    }

    fn timeout(&self) -> Option<u64> {
        match self {
            Self::Registration(creation) => creation.options.timeout,
            Self::SignIn(request) => request.options.timeout,
        }
    }

    /// Answers it in the first session, honestly but for `edit`.
    fn answer(&self, bench: &mut Bench<'_>, edit: impl FnOnce(&mut Draft)) -> Result<Told, Stop> {
        let failed = |e: authenticator::signer::SignerError| Stop::Inconclusive(e.to_string());
        match self {
            Self::Registration(creation) => {
                let mut draft = bench.draft_registration(creation, &Basis::Base)?;
                edit(&mut draft);
                let text = draft.finish().map_err(failed)?.to_string();
                bench.post_registration(creation, &draft, &text).map(Told::from)
            }
            Self::SignIn(request) => {
                let mut with = bench.fixture(Who::First)?;
                let mut draft = bench.draft_sign_in(request, &mut with)?;
                edit(&mut draft);
                bench.keep(Who::First, with);
                let text = draft.finish().map_err(failed)?.to_string();
                bench.post_sign_in(request, &text).map(Told::from)
            }
        }
    }
}

/// A second answer to a challenge that was answered.
fn replay(bench: &mut Bench<'_>, ceremony: Ceremony) -> Result<Told, Stop> {
    let begun = Begun::new(bench, ceremony, Who::First)?;
    match begun.answer(bench, |_| ())? {
        Told::Accepted(_) => begun.answer(bench, |_| ()),
        Told::Refused(said) => {
            Err(Stop::Inconclusive(format!("the first, honest, response is refused: {said}")))
        }
        other => Ok(other),
    }
}

/// What a program may write where it has no challenge.
const NONE: [&str; 5] = ["undefined", "null", "None", "nil", ""];

/// Answers where no ceremony was begun, or the one that was is over.
fn not_begun(bench: &mut Bench<'_>, ceremony: Ceremony) -> Result<Told, Stop> {
    let begun = Begun::new(bench, ceremony, Who::First)?;
    if let Told::Refused(said) = begun.answer(bench, |_| ())? {
        return Err(Stop::Inconclusive(format!("the first, honest, response is refused: {said}")));
    }
    let mut last = String::new();
    for text in NONE {
        match begun.answer(bench, |d| d.put_challenge(text))? {
            Told::Accepted(_) => {
                return Ok(Told::Found(format!(
                    "It accepts the challenge {text:?} where no {} was begun.",
                    crate::plan::ceremony_word(ceremony)
                )));
            }
            Told::Refused(said) => last = said,
            other => return Ok(other),
        }
    }
    Ok(Told::Refused(last))
}

/// An honest answer after one that was refused.
fn after_a_refusal(bench: &mut Bench<'_>, ceremony: Ceremony) -> Result<Told, Stop> {
    let begun = Begun::new(bench, ceremony, Who::First)?;
    match begun.answer(bench, |d| d.put_origin("https://fauxkey-probe.test"))? {
        Told::Refused(_) => begun.answer(bench, |_| ()),
        _ => Err(Stop::Skipped("a response with another site's origin was accepted".into())),
    }
}

/// The challenge of another ceremony in the answer to this one.
fn foreign(bench: &mut Bench<'_>, ceremony: Ceremony, other: Ceremony, who: Who) -> Result<Told, Stop> {
    let own = Begun::new(bench, ceremony, Who::First)?;
    let other = Begun::new(bench, other, who)?;
    let challenge = base64url::encode(other.challenge());
    own.answer(bench, |d| d.put_challenge(&challenge))
}

/// The first of two challenges, one issued after the other.
fn superseded(bench: &mut Bench<'_>, ceremony: Ceremony) -> Result<Told, Stop> {
    let first = Begun::new(bench, ceremony, Who::First)?;
    Begun::new(bench, ceremony, Who::First)?;
    first.answer(bench, |_| ())
}

fn expired(bench: &mut Bench<'_>, ceremony: Ceremony) -> Result<Told, Stop> {
    let begun = Begun::new(bench, ceremony, Who::First)?;
    let timeout = begun.timeout().ok_or_else(|| Stop::Skipped("its options have no timeout".into()))?;
    let pause = Duration::from_millis(timeout) + Duration::from_secs(5);
    if pause > bench.plan.patience() {
        let (needed, has) = (pause.as_secs(), bench.plan.patience);
        return Err(Stop::Skipped(format!(
            "it would wait for {needed} seconds, and the plan's patience is {has}"
        )));
    }
    (bench.wait)(pause);
    begun.answer(bench, |_| ())
}

fn repeated(bench: &mut Bench<'_>, ceremony: Ceremony) -> Result<Told, Stop> {
    let [one, other] = [Begun::new(bench, ceremony, Who::First)?, Begun::new(bench, ceremony, Who::First)?];
    Ok(if one.challenge() == other.challenge() {
        Told::Found("Two ceremonies had the same challenge.".into())
    } else {
        Told::Held("Two ceremonies had two challenges.".into())
    })
}

fn short(bench: &mut Bench<'_>, ceremony: Ceremony) -> Result<Told, Stop> {
    let bytes = Begun::new(bench, ceremony, Who::First)?.challenge().len();
    Ok(if bytes < 16 {
        Told::Observed(format!("Its challenges have {bytes} bytes."))
    } else {
        Told::Held(format!("Its challenges have {bytes} bytes."))
    })
}

fn swapped_case(text: &str) -> String {
    let swap = |c: char| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
    text.chars().map(swap).collect()
}

type Edit = fn(&str) -> String;

const TEXTS: [(&str, &str, Severity, Edit); 8] = [
    ("other", "a challenge that was never issued", Severity::Critical, |_| base64url::encode(&[0x5A; 32])),
    ("empty", "an empty challenge", Severity::Critical, |_| String::new()),
    ("truncated", "half a challenge", Severity::High, |text| text[..text.len() / 2].into()),
    ("extended", "a challenge with more after it", Severity::High, |text| format!("{text}AAAA")),
    ("case", "a challenge with the case of its letters swapped", Severity::Medium, swapped_case),
    ("padded", "a challenge with padding", Severity::Note, |text| format!("{text}=")),
    (
        "standard",
        "a challenge in the standard alphabet of base64, or with padding,",
        Severity::Note,
        |text| {
            let standard = text.replace('-', "+").replace('_', "/");
            if standard == text { format!("{text}=") } else { standard }
        },
    ),
    ("twice", "a challenge that was encoded twice", Severity::Note, |text| {
        base64url::encode(text.as_bytes())
    }),
];

pub(super) fn checks() -> Vec<Check> {
    const GROUP: &str = "challenge";
    let mut all = Vec::new();
    for (ceremony, word) in BOTH {
        let clause = || Clause::Step(ceremony, Step::Challenge);
        for (name, what, severity, edit) in TEXTS {
            let change = made(move |d| {
                let text = edit(&d.challenge);
                d.put_challenge(&text);
            });
            let (id, title) = (format!("{word}-challenge-{name}"), format!("{what} in a {word}"));
            all.push(check(id, title, GROUP, clause(), severity, TEXT, in_ceremony(ceremony, change)));
        }
        let needs = match ceremony {
            Ceremony::Registration => Needs::Registration,
            Ceremony::Authentication => Needs::SignIn,
        };
        let row =
            |name: &str, title: String, severity, act: fn(&mut Bench<'_>, Ceremony) -> Result<Told, Stop>| {
                let act = own(needs, move |bench| act(bench, ceremony));
                check(format!("{word}-challenge-{name}"), title, GROUP, clause(), severity, ONCE, act)
            };
        let entropy = |mut check: Check| {
            check.clause = Clause::Text("WebAuthn L3 §13.4.3");
            check.advice = "Draw at least 16 random bytes for each ceremony.".into();
            check
        };
        all.extend([
            row(
                "replayed",
                format!("a second {word} with a challenge that was used"),
                Severity::High,
                replay,
            ),
            row(
                "not-begun",
                format!("a {word} that was not begun, with the word for nothing as its challenge"),
                Severity::Critical,
                not_begun,
            ),
            row(
                "after-refusal",
                format!("an honest {word} with the challenge of one that was refused"),
                Severity::Note,
                after_a_refusal,
            )
            .either(),
            row(
                "of-other-session",
                format!("the challenge of another session in a {word}"),
                Severity::High,
                |bench, ceremony| foreign(bench, ceremony, ceremony, Who::Second),
            ),
            row(
                "of-other-ceremony",
                format!("the challenge of the other ceremony in a {word}"),
                Severity::Low,
                |bench, ceremony| {
                    let other = match ceremony {
                        Ceremony::Registration => Ceremony::Authentication,
                        Ceremony::Authentication => Ceremony::Registration,
                    };
                    foreign(bench, ceremony, other, Who::First)
                },
            ),
            row("superseded", format!("the first of two challenges in a {word}"), Severity::Note, superseded)
                .either(),
            row("expired", format!("a {word} after the timeout of its options"), Severity::Low, expired)
                .either(),
            entropy(row(
                "repeated",
                format!("the same challenge twice in a {word}"),
                Severity::Critical,
                repeated,
            )),
            entropy(row(
                "short",
                format!("a challenge of less than 16 bytes in a {word}"),
                Severity::Low,
                short,
            ))
            .either(),
        ]);
    }
    all
}
