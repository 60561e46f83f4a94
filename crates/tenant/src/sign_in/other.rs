//! Signing in with what is no passkey: a password, a Temporary Access Pass, a one-time code.
use super::{Progress, number};
use crate::access::Mode;
use crate::refusal::{Refusal, RefusalKind};
use crate::state::Change;
use crate::store::Row;
use crate::tenant::Tenant;
use crate::time::Time;

impl Tenant {
    /// A password was typed.
    ///
    /// # Errors
    /// Unauthenticated with 50126, whether there is none or it is another; 53003 if conditional access blocks.
    pub fn sign_in_with_password(
        &mut self,
        now: Time,
        session: &str,
        password: &str,
    ) -> Result<Progress, Refusal> {
        let user = self.named(now, session)?;
        let belongings = self.state.belongings.get(&user.id);
        let matches = belongings
            .and_then(|belongings| belongings.password.as_ref())
            .is_some_and(|hash| hash.matches(password));
        if !matches {
            let message = "the user name or password is wrong";
            let refusal = Refusal::new(RefusalKind::Unauthenticated, "invalid_grant", message)
                .numbered(number::WRONG_PASSWORD);
            return Err(self.refused(now, session, Some(user.id), None, refusal));
        }
        self.shown(now, session, Mode::Password, "Password", None, Vec::new())
    }

    /// A Temporary Access Pass was typed.
    ///
    /// # Errors
    /// Unauthenticated, with the reason why the pass cannot be used, if it is the right one.
    pub fn sign_in_with_pass(&mut self, now: Time, session: &str, pass: &str) -> Result<Progress, Refusal> {
        let user = self.named(now, session)?;
        let tap = self.state.belongings.get(&user.id).and_then(|belongings| belongings.tap.clone());
        let Some(mut tap) = tap.filter(|tap| tap.matches(pass)) else {
            let message = "the Temporary Access Pass is wrong";
            let refusal = Refusal::new(RefusalKind::Unauthenticated, "sim_wrong_pass", message)
                .numbered(number::WRONG_PASSWORD);
            return Err(self.refused(now, session, Some(user.id), None, refusal));
        };
        let usability = tap.usability(&self.state.tap, &self.subject(&user), now);
        if !usability.is_usable {
            let message = format!("the Temporary Access Pass cannot be used: {}", usability.reason.as_str());
            let refusal = Refusal::new(RefusalKind::Policy, "sim_pass_unusable", message)
                .numbered(number::FAILED)
                .hint("ask an administrator for another: fauxkey tenant tap create USER");
            return Err(self.refused(now, session, Some(user.id), None, refusal));
        }
        let (mode, end) = (tap.mode(), tap.end());
        if tap.is_usable_once {
            tap.used = Some(now);
        }
        let changes = vec![Change::from(Row::Tap(tap))];
        self.shown(now, session, mode, "Temporary Access Pass", Some(end), changes)
    }

    /// A one-time code of the Authenticator app was typed.
    ///
    /// # Errors
    /// Unauthenticated if it is none of now.
    pub fn sign_in_with_code(&mut self, now: Time, session: &str, code: &str) -> Result<Progress, Refusal> {
        let user = self.named(now, session)?;
        let apps = self.state.belongings.get(&user.id).map(|belongings| belongings.apps.as_slice());
        let matches = apps.unwrap_or_default().iter().any(|(app, secret)| {
            app.one_time_code && secret.as_ref().is_some_and(|secret| secret.matches(code.trim(), now))
        });
        if !matches {
            let message = "the code is wrong, or older than a minute";
            let refusal = Refusal::new(RefusalKind::Unauthenticated, "sim_wrong_code", message)
                .numbered(number::FAILED);
            return Err(self.refused(now, session, Some(user.id), None, refusal));
        }
        self.shown(now, session, Mode::SoftwareOath, "OATH verification code", None, Vec::new())
    }
}
