//! Challenges as Entra makes them: text that is signed and tells when it was made, so that nothing has to be
//! remembered to know one's own. `O.` and a JSON Web Token of kilobytes, in ASCII; whoever puts it into JSON encodes
//! that text once more.
//!
//! Entra's are signed by RSA. These are signed by HMAC (`HS256`): nobody but the tenant itself has to verify them.
use crate::guid::Guid;
use crate::settings::ChallengeUse;
use crate::time::Time;
use rand_core::CryptoRng;
use ring::hmac;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::time::Duration;
use wire::base64url;

/// What a challenge at sign-in, or on a page, is good for: five minutes, Entra's `exp` less `iat`.
pub(crate) const LIFETIME: Duration = Duration::from_secs(300);
/// How long Entra takes one after it was made, `exp` or not: measured in 2026.
const TOLERATED: Duration = Duration::from_secs(600);
/// Entra's audience.
const AUDIENCE: &str = "urn:microsoft:fido:challenge";
/// The length of Entra's challenges for registration, in bytes: captured in June 2024.
const LENGTH_AT_REGISTRATION: usize = 5198;

/// What a challenge is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum For {
    /// To register a passkey for that user, in a session or by an administrator.
    Registration { user: Guid, session: Option<String> },
    /// To sign in.
    SignIn { session: String },
}

#[derive(Serialize, Deserialize)]
struct Claims {
    aud: String,
    iss: String,
    iat: i64,
    nbf: i64,
    exp: i64,
    /// So that no two are alike.
    jti: String,
    #[serde(rename = "for")]
    purpose: For,
    /// Makes it as long as Entra's.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    ctx: String,
}

/// Makes challenges and knows its own.
pub(crate) struct Challenges {
    key: hmac::Key,
    issuer: String,
    /// Those that were used, until they would have expired anyway.
    used: HashMap<String, Time>,
}

/// A challenge that is good.
pub(crate) struct Known {
    id: String,
    until: Time,
    pub(crate) purpose: For,
}

impl Challenges {
    pub(crate) fn new(key: &[u8], issuer: impl Into<String>) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, key), issuer: issuer.into(), used: HashMap::new() }
    }

    /// A new one, good for `lifetime`.
    pub(crate) fn issue(
        &self,
        purpose: For,
        now: Time,
        lifetime: Duration,
        rng: &mut dyn CryptoRng,
    ) -> Vec<u8> {
        let mut id = [0; 16];
        rng.fill_bytes(&mut id);
        let registers = matches!(purpose, For::Registration { .. });
        let mut claims = Claims {
            aud: AUDIENCE.into(),
            iss: self.issuer.clone(),
            iat: now.seconds(),
            nbf: now.seconds(),
            exp: (now + lifetime).seconds(),
            jti: base64url::encode(&id),
            purpose,
            ctx: String::new(),
        };
        let text = self.sign(&claims);
        if !registers {
            return text;
        }
        // Base64 makes four of three; the member's name takes some itself.
        let missing = (LENGTH_AT_REGISTRATION.saturating_sub(text.len()) / 4 * 3).saturating_sub(9);
        let mut filling = vec![0; missing / 4 * 3];
        rng.fill_bytes(&mut filling);
        claims.ctx = base64url::encode(&filling);
        self.sign(&claims)
    }

    fn sign(&self, claims: &Claims) -> Vec<u8> {
        let part = |value: &[u8]| base64url::encode(value);
        let header = part(br#"{"typ":"JWT","alg":"HS256"}"#);
        let claims = part(&serde_json::to_vec(claims).expect("claims are plain members"));
        let signed = format!("{header}.{claims}");
        let tag = hmac::sign(&self.key, signed.as_bytes());
        format!("O.{signed}.{}", part(tag.as_ref())).into_bytes()
    }

    /// Whether it is one of ours and good now. It is not used up by that.
    ///
    /// # Errors
    /// Why it is not, for people.
    pub(crate) fn check(&self, challenge: &[u8], how: ChallengeUse, now: Time) -> Result<Known, String> {
        let foreign = || "the challenge was not made here".to_owned();
        let text = std::str::from_utf8(challenge).map_err(|_| foreign())?;
        let token = match text.strip_prefix("O.") {
            Some(token) => token,
            // A well-known mistake of tools: the text was encoded once more, or once too little.
            None if base64url::decode(text).is_some_and(|inner| inner.starts_with(b"O.")) => {
                return Err("the challenge was encoded in base64url once too often".into());
            }
            None => return Err(foreign()),
        };
        let (signed, tag) = token.rsplit_once('.').ok_or_else(foreign)?;
        let tag = base64url::decode(tag).ok_or_else(foreign)?;
        hmac::verify(&self.key, signed.as_bytes(), &tag).map_err(|_| foreign())?;
        let (_, claims) = signed.split_once('.').ok_or_else(foreign)?;
        let claims = base64url::decode(claims).ok_or_else(foreign)?;
        let claims: Claims = serde_json::from_slice(&claims).map_err(|_| foreign())?;
        let made = Time::from_seconds(claims.iat);
        let until = match (how, &claims.purpose) {
            (ChallengeUse::Entra, For::SignIn { .. }) => made + TOLERATED,
            _ => Time::from_seconds(claims.exp),
        };
        if now < Time::from_seconds(claims.nbf) {
            return Err("the challenge is not good yet: a clock went back".into());
        }
        if now > until {
            return Err(format!("the challenge expired at {until}; it was made at {made}"));
        }
        if how == ChallengeUse::Once && self.used.contains_key(&claims.jti) {
            return Err("the challenge was used already".into());
        }
        Ok(Known { id: claims.jti, until, purpose: claims.purpose })
    }

    /// It has served.
    pub(crate) fn use_up(&mut self, known: Known, now: Time) {
        self.used.retain(|_, until| *until >= now);
        self.used.insert(known.id, known.until);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    const NOW: Time = Time::from_seconds(1_768_947_547);

    fn sign_in() -> For {
        For::SignIn { session: "s".into() }
    }

    fn issue(challenges: &Challenges, purpose: For) -> Vec<u8> {
        challenges.issue(purpose, NOW, LIFETIME, &mut ChaCha20Rng::seed_from_u64(3))
    }

    #[test]
    fn a_challenge_is_good_until_it_expires_to_the_second() {
        let challenges = Challenges::new(&[1; 32], "https://login.contoso.test");
        let challenge = issue(&challenges, sign_in());
        for (how, seconds, good) in [
            (ChallengeUse::Once, -1, false),
            (ChallengeUse::Once, 0, true),
            (ChallengeUse::Once, 300, true),
            (ChallengeUse::Once, 301, false),
            (ChallengeUse::Entra, 301, true),
            (ChallengeUse::Entra, 600, true),
            (ChallengeUse::Entra, 601, false),
        ] {
            let now = Time(NOW.0 + seconds * 1000);
            assert_eq!(challenges.check(&challenge, how, now).is_ok(), good, "{how:?} {seconds}");
        }
    }

    #[test]
    fn a_challenge_serves_once_unless_it_is_entra_s() {
        let mut challenges = Challenges::new(&[1; 32], "https://login.contoso.test");
        let challenge = issue(&challenges, sign_in());
        let known = challenges.check(&challenge, ChallengeUse::Once, NOW).ok().unwrap();
        assert_eq!(known.purpose, sign_in());
        challenges.use_up(known, NOW);
        let again = challenges.check(&challenge, ChallengeUse::Once, NOW).err().unwrap();
        assert_eq!(again, "the challenge was used already");
        assert!(challenges.check(&challenge, ChallengeUse::Entra, NOW).is_ok());
    }

    #[test]
    fn what_was_changed_in_any_place_or_made_elsewhere_is_not_known() {
        let challenges = Challenges::new(&[1; 32], "https://login.contoso.test");
        let challenge = issue(&challenges, sign_in());
        for at in 0..challenge.len() {
            let mut other = challenge.clone();
            other[at] ^= 1;
            assert!(challenges.check(&other, ChallengeUse::Once, NOW).is_err(), "byte {at}");
        }
        let elsewhere = Challenges::new(&[2; 32], "https://login.contoso.test");
        assert!(elsewhere.check(&challenge, ChallengeUse::Once, NOW).is_err());
        let twice = base64url::encode(&challenge).into_bytes();
        let why = challenges.check(&twice, ChallengeUse::Once, NOW).err().unwrap();
        assert_eq!(why, "the challenge was encoded in base64url once too often");
    }

    #[test]
    fn a_challenge_to_register_by_is_as_long_as_entra_s() {
        let challenges = Challenges::new(&[1; 32], "https://login.contoso.test");
        let challenge = issue(&challenges, For::Registration { user: Guid::small(1), session: None });
        assert!(challenge.starts_with(b"O.ey"));
        assert!((5190..=5198).contains(&challenge.len()), "{}", challenge.len());
        assert!(challenges.check(&challenge, ChallengeUse::Once, NOW).is_ok());
    }
}
