//! Push notifications of the Authenticator app: a number is shown here and typed there.
use super::{Progress, number};
use crate::access::Mode;
use crate::guid::Guid;
use crate::refusal::{Refusal, RefusalKind};
use crate::session::Push;
use crate::tenant::Tenant;
use crate::time::Time;
use std::time::Duration;

/// How long a push notification waits.
const PUSH_LIFETIME: Duration = Duration::from_secs(60);

impl Tenant {
    /// Sends a push notification to the user's Authenticator app, and returns the number to type there.
    ///
    /// # Errors
    /// Policy if no app takes any.
    pub fn send_push(&mut self, now: Time, session: &str, phone_sign_in: bool) -> Result<u8, Refusal> {
        let user = self.named(now, session)?;
        let wanted = if phone_sign_in { Mode::DeviceBasedPush } else { Mode::MicrosoftAuthenticatorPush };
        let allowed = self.usable(now, &user).iter().any(|factor| factor.mode == wanted);
        let apps = self.state.belongings.get(&user.id).map(|belongings| belongings.apps.as_slice());
        let app = apps
            .unwrap_or_default()
            .iter()
            .find(|(app, _)| if phone_sign_in { app.phone_sign_in } else { app.push })
            .map(|(app, _)| app.id)
            .filter(|_| allowed);
        let Some(app) = app else {
            let message = format!("{} has no Authenticator app that takes this", user.user_principal_name);
            return Err(Refusal::new(RefusalKind::Policy, "sim_no_app", message));
        };
        let mut random = [0];
        self.rng.fill_bytes(&mut random);
        let number = 10 + random[0] % 90;
        let push = Push { app, number, asked: now, phone_sign_in, answered: None };
        self.sessions.get_mut(session, now)?.push = Some(push);
        Ok(number)
    }

    /// The phone answers a push notification: `number` as it was typed there, or `None` to decline.
    ///
    /// # Errors
    /// NotFound if nothing was asked of that app.
    pub fn answer_push(&mut self, now: Time, app: Guid, number: Option<u8>) -> Result<(), Refusal> {
        let waiting = self
            .sessions
            .pushes()
            .find(|(_, _, push)| {
                push.app == app && push.answered.is_none() && now.since(push.asked) <= PUSH_LIFETIME
            })
            .map(|(id, _, push)| (id.to_owned(), push.number));
        let Some((session, asked)) = waiting else {
            let message = "no sign-in waits for this app";
            return Err(Refusal::new(RefusalKind::NotFound, "sim_no_push", message));
        };
        if let Some(push) = &mut self.sessions.get_mut(&session, now)?.push {
            push.answered = Some(number == Some(asked));
        }
        Ok(())
    }

    /// Whether a push notification was answered; `None` while it was not.
    ///
    /// # Errors
    /// Unauthenticated if it was declined, answered with another number or not in time.
    pub fn sign_in_with_push(&mut self, now: Time, session: &str) -> Result<Option<Progress>, Refusal> {
        let user = self.named(now, session)?;
        let Some(push) = self.sessions.get(session, now)?.push.clone() else {
            let message = "no push notification was sent";
            return Err(Refusal::new(RefusalKind::BadRequest, "sim_no_push", message));
        };
        let late = now.since(push.asked) > PUSH_LIFETIME;
        match push.answered {
            None if !late => return Ok(None),
            Some(true) if !late => {}
            answered => {
                self.sessions.get_mut(session, now)?.push = None;
                let message = if answered == Some(false) {
                    "the notification was declined, or answered with another number"
                } else {
                    "the notification was not answered in time"
                };
                let refusal =
                    Refusal::new(RefusalKind::Unauthenticated, "sim_push", message).numbered(number::FAILED);
                return Err(self.refused(now, session, Some(user.id), None, refusal));
            }
        }
        self.sessions.get_mut(session, now)?.push = None;
        let (mode, label) = if push.phone_sign_in {
            (Mode::DeviceBasedPush, "Passwordless phone sign-in")
        } else {
            (Mode::MicrosoftAuthenticatorPush, "Mobile app notification")
        };
        self.shown(now, session, mode, label, None, Vec::new()).map(Some)
    }

    /// The pushes that wait for an app: the number is not told, as it has to be typed.
    pub fn pushes(&self, now: Time, app: Guid) -> Vec<(Guid, Time)> {
        let waiting = self.sessions.pushes().filter(|(_, _, push)| {
            push.app == app && push.answered.is_none() && now.since(push.asked) <= PUSH_LIFETIME
        });
        waiting.map(|(_, session, push)| (session.app, push.asked)).collect()
    }
}
