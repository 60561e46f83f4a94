//! The authentication methods of a user, and the logs.
use crate::access::{Tap, Usability, tap};
use crate::app::{AuthenticatorApp, CodeSecret};
use crate::guid::Guid;
use crate::passkey::{AttestationLevel, Passkey};
use crate::policy;
use crate::records::{Audit, SignIn};
use crate::refusal::{Refusal, RefusalKind};
use crate::state::Change;
use crate::store::Row;
use crate::tenant::Tenant;
use crate::time::Time;
use crate::user::{Subject, User};
use serde_json::{Value, json};
use zeroize::Zeroizing;

impl Tenant {
    /// A user's passkeys, oldest first.
    pub fn passkeys(&self, user: Guid) -> impl Iterator<Item = &Passkey> {
        self.state.passkeys_of(user)
    }

    /// All passkeys, in no order.
    pub fn all_passkeys(&self) -> impl Iterator<Item = &Passkey> {
        self.state.passkeys.values()
    }

    /// A user's passkey by its method ID.
    ///
    /// # Errors
    /// NotFound.
    pub fn passkey(&self, user: Guid, id: &str) -> Result<&Passkey, Refusal> {
        self.state.passkeys_of(user).find(|passkey| passkey.id() == id).ok_or_else(|| no_method(id))
    }

    /// A passkey as Graph's `fido2AuthenticationMethod`.
    pub fn passkey_to_graph(&self, passkey: &Passkey) -> Value {
        json!({
            "@odata.type": "#microsoft.graph.fido2AuthenticationMethod",
            "id": passkey.id(),
            "displayName": passkey.display_name,
            "createdDateTime": passkey.created,
            "aaGuid": passkey.aaguid.to_string(),
            "model": policy::friendly(passkey.aaguid, &self.settings).unwrap_or_default(),
            "attestationCertificates": passkey.attestation_certificates,
            "attestationLevel": match passkey.attestation_level {
                AttestationLevel::Attested => "attested",
                AttestationLevel::NotAttested => "notAttested",
            },
            "passkeyType": passkey.passkey_type.as_str(),
        })
    }

    /// Renames a passkey.
    ///
    /// # Errors
    /// NotFound, or BadRequest if the name is empty or too long.
    pub fn rename_passkey(&mut self, user: Guid, id: &str, name: &str) -> Result<(), Refusal> {
        let mut passkey = self.passkey(user, id)?.clone();
        crate::registration::check_name(name.trim())?;
        passkey.display_name = name.trim().into();
        self.commit(vec![Change::from(Row::Passkey(Box::new(passkey)))])
    }

    /// Deletes a passkey here. What the device has of it stays there.
    ///
    /// # Errors
    /// NotFound.
    pub fn delete_passkey(&mut self, now: Time, user: Guid, id: &str, by_admin: bool) -> Result<(), Refusal> {
        let account = self.user(&user.to_string())?.clone();
        let passkey = self.passkey(user, id)?.clone();
        let entry = self.log_id(now);
        let audit = Audit::passkey_deleted(&self.settings, now, entry, &account, &passkey, by_admin);
        let gone = Change::RemovePasskey(passkey.credential.id);
        self.commit(vec![gone, Change::from(Row::Audit(Box::new(audit)))])
    }

    /// A user's Authenticator apps, oldest first.
    pub fn apps(&self, user: Guid) -> impl Iterator<Item = &AuthenticatorApp> {
        let belongings = self.state.belongings.get(&user);
        belongings.into_iter().flat_map(|belongings| belongings.apps.iter().map(|(app, _)| app))
    }

    /// What the one-time codes of an app are made of, for the phone that shows them.
    pub fn code_secret(&self, app: Guid) -> Option<&CodeSecret> {
        let owner = self.state.app_owners.get(&app)?;
        let apps = &self.state.belongings.get(owner)?.apps;
        apps.iter().find(|(kept, _)| kept.id == app).and_then(|(_, code)| code.as_ref())
    }

    /// An app as Graph's `microsoftAuthenticatorAuthenticationMethod`.
    pub fn app_to_graph(app: &AuthenticatorApp) -> Value {
        json!({
            "@odata.type": "#microsoft.graph.microsoftAuthenticatorAuthenticationMethod",
            "id": app.id,
            "displayName": app.display_name,
            "deviceTag": "SoftwareTokenActivated",
            "phoneAppVersion": app.phone_app_version,
            "createdDateTime": app.created,
        })
    }

    /// Deletes an app.
    ///
    /// # Errors
    /// NotFound.
    pub fn delete_app(&mut self, now: Time, user: Guid, id: &str) -> Result<(), Refusal> {
        let account = self.user(&user.to_string())?.clone();
        let app = self.apps(user).find(|app| app.id.to_string().eq_ignore_ascii_case(id));
        let id = app.ok_or_else(|| no_method(id))?.id;
        let audit = Audit::method_deleted(now, self.log_id(now), &account, "Microsoft Authenticator");
        self.commit(vec![Change::RemoveApp(id), Change::from(Row::Audit(Box::new(audit)))])
    }

    /// Makes a Temporary Access Pass in the place of the one that there may be; its text is told here and never
    /// again. `by` is the administrator who asks, where that is known.
    ///
    /// # Errors
    /// BadRequest, or Policy if the user may have none.
    pub fn create_tap(
        &mut self,
        now: Time,
        user: Guid,
        request: &Value,
        by: Option<Guid>,
    ) -> Result<(Tap, Zeroizing<String>), Refusal> {
        tap::check_maker(by, user)?;
        let account = self.user(&user.to_string())?.clone();
        let groups = self.groups_of(user);
        let subject = Subject { user: &account, groups: &groups };
        let (tap, pass) = Tap::create(&self.state.tap, subject, request, now, &mut *self.rng)?;
        let audit = Audit::tap_created(now, self.log_id(now), &account, &tap);
        self.commit(vec![Change::from(Row::Tap(tap.clone())), Change::from(Row::Audit(Box::new(audit)))])?;
        Ok((tap, pass))
    }

    /// A user's Temporary Access Pass, and whether it can be used now.
    pub fn tap(&self, now: Time, user: &User) -> Option<(&Tap, Usability)> {
        let tap = self.state.belongings.get(&user.id)?.tap.as_ref()?;
        Some((tap, tap.usability(&self.state.tap, &self.subject(user), now)))
    }

    /// Deletes a user's Temporary Access Pass; sessions that began with it end.
    ///
    /// # Errors
    /// NotFound.
    pub fn delete_tap(&mut self, now: Time, user: Guid, id: &str) -> Result<(), Refusal> {
        let account = self.user(&user.to_string())?.clone();
        let (tap, _) = self.tap(now, &account).ok_or_else(|| no_method(id))?;
        if !tap.id.to_string().eq_ignore_ascii_case(id) {
            return Err(no_method(id));
        }
        let audit = Audit::method_deleted(now, self.log_id(now), &account, "Temporary Access Pass");
        self.commit(vec![Change::RemoveTap(user), Change::from(Row::Audit(Box::new(audit)))])?;
        self.end_sessions_by_pass(user);
        Ok(())
    }

    /// Sign-ins, newest first.
    pub fn sign_ins(&self) -> impl Iterator<Item = &SignIn> {
        self.state.sign_ins.values().rev()
    }

    /// Audits, newest first.
    pub fn audits(&self) -> impl Iterator<Item = &Audit> {
        self.state.audits.values().rev()
    }
}

fn no_method(id: &str) -> Refusal {
    let message = format!("the user has no authentication method {id}");
    Refusal::new(RefusalKind::NotFound, "Request_ResourceNotFound", message)
}
