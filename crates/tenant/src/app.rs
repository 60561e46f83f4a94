//! The Microsoft Authenticator app as an authentication method, Graph
//! `microsoftAuthenticatorAuthenticationMethod`: what it does beside passkeys.
use crate::guid::Guid;
use crate::store::secret;
use crate::time::Time;
use rand_core::CryptoRng;
use ring::hmac;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// The phone's system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Platform {
    /// iOS.
    #[serde(rename = "iOS")]
    Ios,
    /// Android.
    Android,
}

/// `deviceTag` aside, one registration of the app on a phone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthenticatorApp {
    /// The method's ID.
    pub id: Guid,
    /// Whose it is.
    pub user: Guid,
    /// The phone's name.
    pub display_name: String,
    /// Its system.
    pub platform: Platform,
    /// The app's version, such as `6.8.7`.
    pub phone_app_version: String,
    /// Whether it answers push notifications.
    pub push: bool,
    /// Whether it signs in without a password.
    pub phone_sign_in: bool,
    /// Whether it shows one-time codes.
    pub one_time_code: bool,
    /// When it was registered.
    pub created: Time,
}

/// What the one-time codes of an app are made of, RFC 6238: SHA-1, 30 seconds, six digits.
#[derive(Clone, Serialize, Deserialize)]
pub struct CodeSecret {
    /// The app's method.
    pub(crate) app: Guid,
    #[serde(with = "secret")]
    key: Zeroizing<Vec<u8>>,
}

/// The length of a code's life, RFC 6238 §4.1.
const STEP_SECONDS: i64 = 30;

impl CodeSecret {
    pub(crate) fn random(app: Guid, rng: &mut dyn CryptoRng) -> Self {
        let mut key = Zeroizing::new(vec![0; 20]);
        rng.fill_bytes(&mut key);
        Self { app, key }
    }

    /// The code at that time, six digits.
    pub fn code(&self, now: Time) -> String {
        let step = u64::try_from(now.seconds().div_euclid(STEP_SECONDS)).unwrap_or(0);
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.key);
        let tag = hmac::sign(&key, &step.to_be_bytes());
        // RFC 4226 §5.3: dynamic truncation
        let bytes = tag.as_ref();
        let offset = usize::from(bytes[19] & 0x0F);
        let word: [u8; 4] = bytes[offset..offset + 4].try_into().expect("an offset is at most 15 of 20");
        format!("{:06}", (u32::from_be_bytes(word) & 0x7FFF_FFFF) % 1_000_000)
    }

    /// Whether it is the code of now, or of the half minute before or after: clocks differ (RFC 6238 §5.2).
    pub fn matches(&self, code: &str, now: Time) -> bool {
        let around = [-STEP_SECONDS, 0, STEP_SECONDS];
        around.iter().fold(false, |found, seconds| {
            let expected = self.code(Time(now.0 + seconds * 1000));
            found | bool::from(expected.as_bytes().ct_eq(code.as_bytes()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_time_codes_are_those_of_rfc_6238() {
        let secret =
            CodeSecret { app: Guid::small(1), key: Zeroizing::new(b"12345678901234567890".to_vec()) };
        // Appendix B, the last six of its eight digits.
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
        ] {
            assert_eq!(secret.code(Time::from_seconds(seconds)), code);
            for (later, matches) in [(0, true), (30, true), (-30, true), (61, false), (-61, false)] {
                assert_eq!(secret.matches(code, Time::from_seconds(seconds + later)), matches, "{later}");
            }
        }
    }
}
