//! Metadata of the models at hand, signed by a key that the instance's test CA certifies.
use super::Instance;
use crate::ca;
use crate::control::{Failure, FailureKind, Metadata, MetadataRequest, Reported};
use crate::files;
use emulator::DeviceProfile;
use emulator::metadata::{self, Date, Model, Status, StatusReport};
use time::{Duration, OffsetDateTime};

/// Days after which readers should ask for another BLOB.
const FRESH: i64 = 30;

pub(super) fn make(instance: &Instance, wanted: &MetadataRequest) -> Result<Metadata, Failure> {
    let today = today();
    let next_update = match &wanted.next_update {
        Some(text) => day(text)?,
        None => date(today + Duration::days(FRESH)),
    };
    let profiles = match wanted.profiles.is_empty() {
        true => all(instance, &wanted.reports)?,
        false => named(instance, &wanted.profiles)?,
    };
    let mut models = Vec::new();
    for profile in profiles {
        let [batch, u2f] = match ca::attests_by_certificate(&profile) {
            true => instance.with_authority(|authority| authority.shared(&profile))?,
            false => [None, None],
        };
        models.push(Model { profile, batch, u2f, reports: Vec::new() });
    }
    for reported in &wanted.reports {
        let report = report(reported, today)?;
        let model = models.iter_mut().find(|model| model.profile.name == reported.profile);
        match model {
            Some(model) => model.reports.push(report),
            None => return Err(not_in_it(&reported.profile, &models)),
        }
    }
    let uncertified = StatusReport { status: Status::NotFidoCertified, effective_date: date(today) };
    for model in models.iter_mut().filter(|model| model.reports.is_empty()) {
        model.reports.push(uncertified);
    }
    instance.with_authority(|authority| {
        let root = authority.root()?;
        let payload = metadata::payload(&models, &root.certificate.0, wanted.no.unwrap_or(1), next_update)
            .map_err(|error| ca::metadata_failure(&error))?;
        let blob = authority.sign_metadata(&payload)?;
        Ok(Metadata { payload, blob, root })
    })
}

/// These profiles, of which no two may be found by one AAGUID.
fn named(instance: &Instance, names: &[String]) -> Result<Vec<DeviceProfile>, Failure> {
    let mut profiles = Vec::new();
    for name in names {
        let profile = instance.profiles.find(name)?;
        if let Some(other) = profiles.iter().find(|other| are_one(&profile, other)) {
            let message = format!("{name} and {} have one AAGUID, by which a BLOB has one entry", other.name);
            return Err(Failure::new(FailureKind::Invalid, message).hint("leave one of them out"));
        }
        profiles.push(profile);
    }
    Ok(profiles)
}

/// What something is reported of, what the home's devices are made of, and all others: the first of each AAGUID.
fn all(instance: &Instance, reports: &[Reported]) -> Result<Vec<DeviceProfile>, Failure> {
    let mut names: Vec<String> = Vec::new();
    for reported in reports {
        if !names.contains(&reported.profile) {
            names.push(reported.profile.clone());
        }
    }
    let mut profiles = named(instance, &names)?;
    // A device or a profile whose file makes no sense is not what was asked for.
    let devices = instance.devices.names()?.into_iter();
    let devices = devices.filter_map(|name| {
        let definition = instance.devices.find(&name).ok()?;
        instance.profiles.find(&definition.profile).ok()
    });
    let listed = instance.profiles.list()?.into_iter().filter_map(|listed| listed.profile.ok());
    for profile in devices.chain(listed) {
        if !profiles.iter().any(|other| are_one(&profile, other)) {
            profiles.push(profile);
        }
    }
    Ok(profiles)
}

/// Whether readers would find both by the same AAGUID; U2F keys are found by their certificates.
fn are_one(one: &DeviceProfile, other: &DeviceProfile) -> bool {
    let by_aaguid = one.authenticator.speaks_ctap2() && other.authenticator.speaks_ctap2();
    one.name == other.name || (by_aaguid && one.authenticator.aaguid == other.authenticator.aaguid)
}

fn report(reported: &Reported, today: time::Date) -> Result<StatusReport, Failure> {
    let status = reported.status.parse().map_err(|metadata::UnknownStatus(nearest)| {
        let message = format!("`{}` is no status of metadata", reported.status.escape_debug());
        let names: Vec<_> = Status::ALL.iter().map(|status| status.name()).collect();
        let hint = match nearest {
            Some(nearest) => format!("did you mean {nearest}?"),
            None => format!("there are: {}", names.join(", ")),
        };
        Failure::new(FailureKind::Invalid, message).hint(hint)
    })?;
    let effective_date = reported.effective_date.as_deref().map_or(Ok(date(today)), day)?;
    Ok(StatusReport { status, effective_date })
}

fn not_in_it(name: &str, models: &[Model]) -> Failure {
    let message = format!("a status is reported of `{}`, which is not in the BLOB", name.escape_debug());
    let names: Vec<_> = models.iter().map(|model| model.profile.name.as_str()).collect();
    let hint = match files::nearest(name, names.iter().copied()) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => format!("name it too, or one of {}", names.join(", ")),
    };
    Failure::new(FailureKind::Invalid, message).hint(hint)
}

fn day(text: &str) -> Result<Date, Failure> {
    text.parse().map_err(|error: metadata::InvalidDate| {
        Failure::new(FailureKind::Invalid, format!("`{}`: {error}", text.escape_debug()))
    })
}

fn today() -> time::Date {
    OffsetDateTime::now_utc().date()
}

/// The calendars of both are the same.
fn date(day: time::Date) -> Date {
    let text = format!("{:04}-{:02}-{:02}", day.year(), u8::from(day.month()), day.day());
    text.parse().expect("a day of this age, in ISO 8601")
}
