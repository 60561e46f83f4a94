//! Temporary Access Pass: a password of a short life, given out by an administrator, that counts as multifactor
//! authentication. Graph `temporaryAccessPassAuthenticationMethodConfiguration` and
//! `temporaryAccessPassAuthenticationMethod`.
use super::combination::{Factor, Mode};
use super::document::{Document, bad, quoted};
use crate::guid::Guid;
use crate::refusal::{Refusal, RefusalKind};
use crate::time::Time;
use crate::user::{ALL_USERS, Subject};
use rand_core::CryptoRng;
use ring::pbkdf2;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;
use zeroize::Zeroizing;

/// The shortest and the longest life that a policy can give, in minutes: 10 minutes to 30 days.
const LIFETIMES: (u32, u32) = (10, 43_200);
/// The shortest and the longest pass, in characters.
const LENGTHS: (u32, u32) = (8, 48);
/// How long after the sign-in a registration by a one-time pass has to be finished.
pub const REGISTRATION_WINDOW: Duration = Duration::from_secs(600);
/// How far ahead a pass may begin: this tenant's limit, a year.
const FURTHEST_START: Duration = Duration::from_secs(366 * 86_400);
/// How many targets a policy has: this tenant's limit.
const MOST_TARGETS: usize = 500;
const CONFIGURATION: &str = "microsoft.graph.temporaryAccessPassAuthenticationMethodConfiguration";
const METHOD: &str = "microsoft.graph.temporaryAccessPassAuthenticationMethod";
/// What passes are made of. Nothing that is taken for something else when it is read out or typed: neither 0 nor o,
/// none of 1, i and l, and no letter that is told from another by its case alone.
const ALPHABET: &[u8; 31] = b"abcdefghjkmnpqrstuvwxyz23456789";
/// Rounds of PBKDF2: a pass lives for hours.
const ROUNDS: NonZeroU32 = NonZeroU32::new(10_000).expect("not zero");

/// Whom a policy means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TapTarget {
    /// A user, a group or [`ALL_USERS`].
    pub id: String,
    /// `user` or `group`.
    pub target_type: String,
    /// Kept as it is given: a pass is not registered by its user.
    #[serde(default)]
    pub is_registration_required: bool,
}

/// The policy of Temporary Access Passes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TapPolicy {
    /// `state`: whether there are passes at all.
    pub enabled: bool,
    /// The life of a pass, in minutes, where nothing else is asked.
    pub default_lifetime_in_minutes: u32,
    /// The length of a pass, in characters.
    pub default_length: u32,
    /// The shortest life that may be asked, in minutes.
    pub minimum_lifetime_in_minutes: u32,
    /// The longest life that may be asked, in minutes.
    pub maximum_lifetime_in_minutes: u32,
    /// Whether every pass is good for one sign-in only.
    pub is_usable_once: bool,
    /// Who may have one.
    pub include_targets: Vec<TapTarget>,
    /// Who may not, which wins.
    #[serde(default)]
    pub exclude_targets: Vec<TapTarget>,
}

impl Default for TapPolicy {
    /// Microsoft's defaults. That it is disabled and means everybody is how a new tenant has it.
    fn default() -> Self {
        Self {
            enabled: false,
            default_lifetime_in_minutes: 60,
            default_length: 8,
            minimum_lifetime_in_minutes: 60,
            maximum_lifetime_in_minutes: 480,
            is_usable_once: false,
            include_targets: vec![TapTarget {
                id: ALL_USERS.into(),
                target_type: "group".into(),
                is_registration_required: false,
            }],
            exclude_targets: Vec::new(),
        }
    }
}

impl TapPolicy {
    /// The same after a PATCH: what the body does not name keeps its value, lists are replaced as a whole.
    ///
    /// # Errors
    /// BadRequest, if `@odata.type` is missing or another, a property is unknown or out of its range, or if the
    /// lifetimes do not agree.
    pub fn patched(&self, body: &Value) -> Result<Self, Refusal> {
        let document = Document::new(
            body,
            "temporaryAccessPassAuthenticationMethodConfiguration",
            &[
                "id",
                "state",
                "defaultLifetimeInMinutes",
                "defaultLength",
                "minimumLifetimeInMinutes",
                "maximumLifetimeInMinutes",
                "isUsableOnce",
                "includeTargets",
                "excludeTargets",
            ],
        )?;
        document.odata_type(CONFIGURATION, true)?;
        document.word("id", &["TemporaryAccessPass"])?;
        let minutes = |name| document.integer(name, LIFETIMES.0, LIFETIMES.1);
        let patched = Self {
            enabled: document
                .word("state", &["enabled", "disabled"])?
                .map_or(self.enabled, |state| state == "enabled"),
            default_lifetime_in_minutes: minutes("defaultLifetimeInMinutes")?
                .unwrap_or(self.default_lifetime_in_minutes),
            default_length: document
                .integer("defaultLength", LENGTHS.0, LENGTHS.1)?
                .unwrap_or(self.default_length),
            minimum_lifetime_in_minutes: minutes("minimumLifetimeInMinutes")?
                .unwrap_or(self.minimum_lifetime_in_minutes),
            maximum_lifetime_in_minutes: minutes("maximumLifetimeInMinutes")?
                .unwrap_or(self.maximum_lifetime_in_minutes),
            is_usable_once: document.boolean("isUsableOnce")?.unwrap_or(self.is_usable_once),
            include_targets: read_targets(document, "includeTargets", true)?
                .unwrap_or_else(|| self.include_targets.clone()),
            exclude_targets: read_targets(document, "excludeTargets", false)?
                .unwrap_or_else(|| self.exclude_targets.clone()),
        };
        let (least, most) = (patched.minimum_lifetime_in_minutes, patched.maximum_lifetime_in_minutes);
        if least > most {
            return Err(bad(format!(
                "minimumLifetimeInMinutes is {least} and maximumLifetimeInMinutes {most}: no life is in between"
            )));
        }
        if !(least..=most).contains(&patched.default_lifetime_in_minutes) {
            return Err(bad(format!(
                "defaultLifetimeInMinutes is {}, expected {least} to {most}",
                patched.default_lifetime_in_minutes
            ))
            .hint("send all three lifetimes in one PATCH"));
        }
        Ok(patched)
    }

    /// The document, without `@odata.context`.
    pub fn to_graph(&self) -> Value {
        let include: Vec<Value> = self.include_targets.iter().map(|target| target.to_graph(true)).collect();
        let exclude: Vec<Value> = self.exclude_targets.iter().map(|target| target.to_graph(false)).collect();
        json!({
            "@odata.type": format!("#{CONFIGURATION}"),
            "id": "TemporaryAccessPass",
            "state": if self.enabled { "enabled" } else { "disabled" },
            "defaultLifetimeInMinutes": self.default_lifetime_in_minutes,
            "defaultLength": self.default_length,
            "minimumLifetimeInMinutes": self.minimum_lifetime_in_minutes,
            "maximumLifetimeInMinutes": self.maximum_lifetime_in_minutes,
            "isUsableOnce": self.is_usable_once,
            "includeTargets": include,
            "excludeTargets": exclude,
        })
    }

    /// Whether that user may have a pass and use it. Exclusion wins.
    pub fn allows(&self, subject: &Subject<'_>) -> bool {
        let means = |targets: &[TapTarget]| targets.iter().any(|target| subject.is_in(&target.id));
        self.enabled && means(&self.include_targets) && !means(&self.exclude_targets)
    }
}

impl TapTarget {
    fn to_graph(&self, included: bool) -> Value {
        let mut target = json!({ "targetType": self.target_type, "id": self.id });
        if included {
            target["isRegistrationRequired"] = self.is_registration_required.into();
        }
        target
    }
}

fn read_targets(
    document: Document<'_>,
    name: &str,
    included: bool,
) -> Result<Option<Vec<TapTarget>>, Refusal> {
    let Some(items) = document.list(name, MOST_TARGETS)? else { return Ok(None) };
    let known: &[&str] =
        if included { &["id", "targetType", "isRegistrationRequired"] } else { &["id", "targetType"] };
    let read = |(index, item): (usize, &Value)| {
        let path = format!("{name}[{index}]");
        let target = Document::new(item, &path, known)?;
        let id = target.text("id", 100)?.ok_or_else(|| bad(format!("{path} has no id")))?;
        if !id.eq_ignore_ascii_case(ALL_USERS) && id.parse::<Guid>().is_err() {
            return Err(bad(format!("{path}.id is {}", quoted(id)))
                .hint(format!("expected the object ID of a user or a group, or {ALL_USERS}")));
        }
        Ok(TapTarget {
            id: id.to_ascii_lowercase(),
            target_type: target.word("targetType", &["user", "group"])?.unwrap_or("group").into(),
            is_registration_required: included
                && target.boolean("isRegistrationRequired")?.unwrap_or_default(),
        })
    };
    items.iter().enumerate().map(read).collect::<Result<_, _>>().map(Some)
}

/// A user's pass. Its text is not in it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tap {
    /// The method's ID.
    pub id: Guid,
    /// Whose it is.
    pub user: Guid,
    /// When it was made.
    pub created: Time,
    /// From when on it can be used.
    pub start: Time,
    /// For how long from then, in minutes.
    pub lifetime_minutes: u32,
    /// Whether it is good for one sign-in only.
    pub is_usable_once: bool,
    /// The sign-in that used up a one-time pass.
    #[serde(default)]
    pub used: Option<Time>,
    salt: [u8; 16],
    hash: [u8; 32],
}

/// Graph `methodUsabilityReason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum UsabilityReason {
    /// It can be used.
    EnabledByPolicy,
    /// The policy is off, does not mean its user, or allows no pass that is good for more than one sign-in.
    DisabledByPolicy,
    /// Its life is over.
    Expired,
    /// Its life has not begun.
    NotYetValid,
    /// It was good for one sign-in, and that has been.
    OneTimeUsed,
}

impl UsabilityReason {
    /// Graph's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EnabledByPolicy => "EnabledByPolicy",
            Self::DisabledByPolicy => "DisabledByPolicy",
            Self::Expired => "Expired",
            Self::NotYetValid => "NotYetValid",
            Self::OneTimeUsed => "OneTimeUsed",
        }
    }
}

/// Whether a pass can be used, and why, or why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Usability {
    /// Whether.
    pub is_usable: bool,
    /// Why.
    pub reason: UsabilityReason,
}

impl fmt::Debug for Tap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tap").field("id", &self.id).field("user", &self.user).finish_non_exhaustive()
    }
}

impl Tap {
    /// A new pass for a user as Graph's POST of temporaryAccessPassMethods asks for it, and its text, which is
    /// nowhere else. It is in the place of any other of the user's: there is one a user, and the caller replaces it.
    /// Administrators make none for themselves: the caller knows who asks ([`check_maker`]).
    ///
    /// # Errors
    /// BadRequest, if there is something in the request that has no meaning here or is out of the policy's range;
    /// Policy if the policy lets that user have none.
    pub fn create(
        policy: &TapPolicy,
        subject: Subject<'_>,
        request: &Value,
        now: Time,
        rng: &mut dyn CryptoRng,
    ) -> Result<(Self, Zeroizing<String>), Refusal> {
        let document = Document::new(
            request,
            "temporaryAccessPassAuthenticationMethod",
            &["startDateTime", "lifetimeInMinutes", "isUsableOnce"],
        )?;
        document.odata_type(METHOD, false)?;
        let (least, most) = (policy.minimum_lifetime_in_minutes, policy.maximum_lifetime_in_minutes);
        let lifetime = document
            .integer("lifetimeInMinutes", least, most)
            .map_err(|refusal| refusal.hint("the policy of Temporary Access Pass says so"))?;
        let once = document.boolean("isUsableOnce")?;
        if policy.is_usable_once && once == Some(false) {
            return Err(bad("isUsableOnce is false, but the policy allows one-time passes only")
                .hint("leave it out, or set isUsableOnce of the policy to false"));
        }
        let start = read_start(document, now)?;
        if !policy.allows(&subject) {
            let message =
                format!("the policy lets {} have no Temporary Access Pass", subject.user.user_principal_name);
            let hint = if policy.enabled {
                "include the user, or a group of the user's, in the policy, and exclude neither"
            } else {
                "set the policy's state to enabled"
            };
            return Err(Refusal::new(RefusalKind::Policy, "sim_pass_not_allowed", message).hint(hint));
        }
        let text = random_text(policy.default_length, rng);
        let mut salt = [0; 16];
        rng.fill_bytes(&mut salt);
        let tap = Self {
            id: Guid::random(rng),
            user: subject.user.id,
            created: now,
            start: start.unwrap_or(now),
            lifetime_minutes: lifetime.unwrap_or(policy.default_lifetime_in_minutes),
            is_usable_once: policy.is_usable_once || once.unwrap_or_default(),
            used: None,
            salt,
            hash: hash(&salt, &text),
        };
        Ok((tap, text))
    }

    /// Whether that is its text, in a time that does not tell how much of it was right.
    pub fn matches(&self, text: &str) -> bool {
        pbkdf2::verify(pbkdf2::PBKDF2_HMAC_SHA256, ROUNDS, &self.salt, text.as_bytes(), &self.hash).is_ok()
    }

    /// The first moment at which it is over.
    pub fn end(&self) -> Time {
        self.start.plus_minutes(i64::from(self.lifetime_minutes))
    }

    /// Whether it can be used to sign in. Where there are several reasons why not, what is final comes first:
    /// used, expired, forbidden, too early. That order is a guess.
    pub fn usability(&self, policy: &TapPolicy, subject: &Subject<'_>, now: Time) -> Usability {
        let reason = if self.is_usable_once && self.used.is_some() {
            UsabilityReason::OneTimeUsed
        } else if now >= self.end() {
            UsabilityReason::Expired
        } else if !policy.allows(subject) || (policy.is_usable_once && !self.is_usable_once) {
            UsabilityReason::DisabledByPolicy
        } else if now < self.start {
            UsabilityReason::NotYetValid
        } else {
            UsabilityReason::EnabledByPolicy
        };
        Usability { is_usable: reason == UsabilityReason::EnabledByPolicy, reason }
    }

    /// How strengths know it.
    pub const fn mode(&self) -> Mode {
        if self.is_usable_once { Mode::TemporaryAccessPassOneTime } else { Mode::TemporaryAccessPassMultiUse }
    }

    /// The factor that it is when it was shown.
    pub const fn factor(&self) -> Factor {
        Factor::plain(self.mode())
    }

    /// The document, without `@odata.context`. `text` is for the answer that makes the pass, and for no other.
    pub fn to_graph(&self, usability: Usability, text: Option<&str>) -> Value {
        json!({
            "@odata.type": format!("#{METHOD}"),
            "id": self.id,
            "temporaryAccessPass": text,
            "createdDateTime": self.created,
            "startDateTime": self.start,
            "lifetimeInMinutes": self.lifetime_minutes,
            "isUsableOnce": self.is_usable_once,
            "isUsable": usability.is_usable,
            "methodUsabilityReason": usability.reason,
        })
    }
}

/// Refuses somebody who would make a pass for himself. `maker` is who asks, where that is known.
///
/// # Errors
/// Forbidden.
pub fn check_maker(maker: Option<Guid>, user: Guid) -> Result<(), Refusal> {
    if maker != Some(user) {
        return Ok(());
    }
    let message = "administrators cannot make a Temporary Access Pass for themselves";
    Err(Refusal::new(RefusalKind::Forbidden, "sim_own_pass", message).hint("ask another administrator"))
}

/// Whether a registration may still be finished by somebody who signed in with a one-time pass: within 10 minutes,
/// the last moment included.
pub fn may_register(signed_in: Time, now: Time) -> bool {
    now.since(signed_in) <= REGISTRATION_WINDOW
}

fn read_start(document: Document<'_>, now: Time) -> Result<Option<Time>, Refusal> {
    let Some(text) = document.text("startDateTime", 64)? else { return Ok(None) };
    let start: Time =
        text.parse().map_err(|error| bad(format!("startDateTime is {}: {error}", quoted(text))))?;
    if start > now + FURTHEST_START {
        return Err(bad(format!("startDateTime is {start}, more than a year from now")));
    }
    // One that has passed is no mistake of somebody whose clock is behind: the pass begins now.
    Ok(Some(start.max(now)))
}

fn random_text(length: u32, rng: &mut dyn CryptoRng) -> Zeroizing<String> {
    let length = length as usize;
    // Room for all of it at once: growing would leave copies behind.
    let mut text = Zeroizing::new(String::with_capacity(length));
    while text.len() < length {
        let mut byte = Zeroizing::new([0]);
        rng.fill_bytes(&mut *byte);
        // 8 × 31: what is above would make some letters more likely than others.
        if byte[0] < 248 {
            text.push(char::from(ALPHABET[usize::from(byte[0] % 31)]));
        }
    }
    text
}

fn hash(salt: &[u8; 16], text: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, ROUNDS, salt, text.as_bytes(), &mut hash);
    hash
}
