//! A run.
use super::super::{Context, Exit, Stop, simulation};
use super::{look, report};
use crate::cli::ProbeRun;
use crate::control::{Failure, FailureKind};
use crate::files;
use crate::instance::Instance;
use crate::output::{Output, quoted, shown};
use crate::probe::built_in;
use crate::probe::target::allowed::Allowed;
use crate::probe::target::description::Description;
use crate::probe::target::{Adapter, Settings};
use crate::probe::tenant::{Policy, TenantTarget};
use crate::process;
use crate::tenant::serve::Site;
use emulator::FastSigner;
use emulator::attestation::TestCa;
use probe::report::{Outcome, Report, Verdict};
use probe::target::{Begun, CleanedUp, Ended, Exchange, Session, TargetError};
use probe::{Plan, Progress, Target, Tools};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use relying_party::Ceremony;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// Seconds that checks of a tenant of one's own may wait: its clock is moved on.
const AS_LONG_AS_IT_TAKES: u64 = 24 * 3600;

pub(in super::super) fn run(context: &Context, arguments: &ProbeRun) -> Result<Exit, Stop> {
    let output = &context.output;
    let Some(named) = &arguments.target else {
        return Err(Failure::new(FailureKind::Invalid, "nobody says who is to be asked")
            .hint("give --target; `fauxkey probe targets` lists those that are built in")
            .into());
    };
    let mut plan = plan(arguments)?;
    let seed = arguments.seed.unwrap_or_else(|| u64::from(rand::random::<u32>()));
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let is_tenant = named == "tenant";
    let ca = if is_tenant { new_ca(&mut rng)? } else { ca(context, &plan, &mut rng)? };
    let mut site = None;
    let mut target: Box<dyn Target> = if is_tenant {
        let policy = Policy {
            attestation_enforced: plan.expect.attestation == probe::Attestation::Enforced,
            device_bound: plan.expect.device_bound,
        };
        let behaviour = arguments.behaviour.map(Into::into).unwrap_or_default();
        let tenant = TenantTarget::start(behaviour, policy, ca.certificate(), Box::new(thread::sleep))?;
        plan.patience = plan.patience.max(AS_LONG_AS_IT_TAKES);
        site = Some(tenant.site());
        Box::new(tenant)
    } else {
        Box::new(adapter(output, named, arguments)?)
    };
    let stopped = process::stop_flag()?;
    let mut target = UntilStopped { target: target.as_mut(), stopped };
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let tools = Tools {
        ca: &ca,
        rng: &mut rng,
        wait: &mut |time| wait(site.as_deref(), time),
        version: env!("CARGO_PKG_VERSION"),
        now: since.as_secs(),
        repeat: &repeat(arguments, seed),
    };
    let began = Instant::now();
    let mut report = probe::run(&plan, &mut target, tools, &mut |progress| tell(output, &progress));
    // The run knows of its exchanges alone.
    report.milliseconds = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    output.fleeting("");
    told(output, arguments, &report)
}

fn told(output: &Output, arguments: &ProbeRun, done: &Report) -> Result<Exit, Stop> {
    // The files first: who reads the table may not read it to its end.
    report::write(output, done, arguments)?;
    output.result(done, || done.to_table(output.colours()))?;
    if !done.left_behind.is_empty() {
        output
            .warn(&format!("{} credentials are left behind; the report lists them", done.left_behind.len()));
    }
    // What is said of lies means nothing where honest ceremonies do not work.
    let failed = done.results.iter().find_map(|result| match &result.verdict {
        Verdict::Inconclusive { why } if result.group == "control" => Some((&result.title, why)),
        _ => None,
    });
    if let Some((title, why)) = failed {
        let message = format!("{title} did not work, so nothing can be told: {}", shown(why));
        return Err(Failure::new(FailureKind::Broken, message)
            .hint("look at what was asked and answered: --only control-registration --json")
            .into());
    }
    Ok(if done.count(Outcome::Found) > 0 { Exit::Found } else { Exit::Done })
}

/// The plan of the file, with what was typed.
fn plan(arguments: &ProbeRun) -> Result<Plan, Failure> {
    let mut plan: Plan = arguments.plan.as_deref().map(simulation::read).transpose()?.unwrap_or_default();
    if !arguments.only.is_empty() {
        plan.include.clone_from(&arguments.only);
    }
    plan.exclude.extend(arguments.except.iter().cloned());
    plan.expect.device_bound |= arguments.device_bound;
    if let Some(attestation) = arguments.attestation {
        plan.expect.attestation = attestation.into();
    }
    if let Some(pattern) = &arguments.user {
        plan.users.pattern.clone_from(pattern);
    }
    plan.users.sign_up |= arguments.sign_up;
    if let Some(word) = probe::unknown_words(&plan).first() {
        let checks = probe::checks(&plan);
        let known = checks.iter().flat_map(|check| [check.id.as_str(), check.group]);
        let hint = match files::nearest(word, known) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => "`fauxkey probe list` lists them".into(),
        };
        let message = format!("there is no check and no group named `{}`", word.escape_debug());
        return Err(Failure::new(FailureKind::Invalid, message).hint(hint));
    }
    Ok(plan)
}

/// The relying party that a description tells of.
fn adapter(output: &Output, named: &str, arguments: &ProbeRun) -> Result<Adapter, Failure> {
    let path = Path::new(named);
    let (text, folder) = match built_in::named(named) {
        Some(built_in) => (built_in.text.to_owned(), Path::new(".")),
        None => {
            let text = files::read_text(path).map_err(|error| files::refused("read", path, &error))?;
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            (text.ok_or_else(|| look::unknown_target(named))?, folder.unwrap_or(Path::new(".")))
        }
    };
    let (description, doors) = Description::read(named, &text)?;
    let folder = std::path::absolute(folder).map_err(|error| files::refused("find", folder, &error))?;
    let settings = Settings {
        url: arguments.url.clone(),
        proxy: arguments.proxy.clone(),
        allowed: Allowed::new(&arguments.authorised),
        sleep: Box::new(thread::sleep),
    };
    let adapter = Adapter::new(&description, doors, &folder, settings)?;
    if let Some(why) = &description.untested {
        output.warn(&format!("nobody has tried the target {named}: {why}"));
    }
    for host in Allowed::strangers(&arguments.authorised) {
        output.warn(&format!(
            "{host} is not of this machine: it is sent forged credentials, because you said that you may test it"
        ));
    }
    Ok(adapter)
}

/// The CA of the home, if it has one, as servers may have been told to trust it; else one for this run.
fn ca(context: &Context, plan: &Plan, rng: &mut ChaCha20Rng) -> Result<TestCa, Failure> {
    let counts = plan.expect.attestation != probe::Attestation::None;
    if !counts && !context.home.vault().exists() {
        return new_ca(rng);
    }
    match Instance::open(&context.home).and_then(|instance| instance.test_ca()) {
        Ok(ca) => Ok(ca),
        // The vault is another process's: no private key is to be had.
        Err(failure) if failure.kind == FailureKind::Conflict && !counts => {
            context.output.note(
                "the home's test CA is in use: what is attested is signed by another one, for this run",
            );
            new_ca(rng)
        }
        Err(failure) => Err(failure),
    }
}

fn new_ca(rng: &mut ChaCha20Rng) -> Result<TestCa, Failure> {
    TestCa::generate(&mut FastSigner::default(), rng)
        .map_err(|error| Failure::new(FailureKind::Broken, format!("no test CA could be made: {error}")))
}

/// Lets time pass: on the tenant's clock, or on everybody's.
fn wait(site: Option<&Site>, time: Duration) {
    match site {
        Some(site) => site.host.advance(time),
        None => thread::sleep(time),
    }
}

/// The line that does it again. What is tried is said behind it.
fn repeat(arguments: &ProbeRun, seed: u64) -> String {
    let mut words: Vec<String> = vec!["fauxkey".into(), "probe".into()];
    words.extend(arguments.plan.as_ref().map(|plan| quoted(&plan.display().to_string())));
    let mut flag = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            words.extend([format!("--{name}"), quoted(&value)]);
        }
    };
    flag("target", arguments.target.clone());
    flag("url", arguments.url.clone());
    flag("attestation", arguments.attestation.map(|attestation| attestation.to_string()));
    flag("user", arguments.user.clone());
    let behaviour =
        arguments.behaviour.map(|behaviour| tenant::Behaviour::from(behaviour).as_str().to_owned());
    flag("behaviour", behaviour);
    flag("proxy", arguments.proxy.clone());
    for host in &arguments.authorised {
        flag("i-am-authorised-to-test", Some(host.clone()));
    }
    flag("seed", Some(seed.to_string()));
    words.extend(arguments.device_bound.then(|| "--device-bound".into()));
    words.extend(arguments.sign_up.then(|| "--sign-up".into()));
    words.join(" ")
}

fn tell(output: &Output, progress: &Progress<'_>) {
    let Progress { done, of, id, verdict } = progress;
    match verdict {
        None => output.fleeting(&format!("[{done}/{of}] {id}")),
        Some(verdict) => output.detail(&format!("[{done}/{of}] {id}: {}", verdict.outcome())),
    }
}

/// A relying party that nothing more is tried on after a signal, but to take away what was left there.
struct UntilStopped<'a> {
    target: &'a mut dyn Target,
    stopped: Arc<AtomicBool>,
}

impl UntilStopped<'_> {
    fn go_on(&self) -> Result<(), TargetError> {
        if self.stopped.load(Ordering::Relaxed) {
            return Err(TargetError::Gone("the run was stopped by a signal".into()));
        }
        Ok(())
    }
}

impl Target for UntilStopped<'_> {
    fn origin(&self) -> &str {
        self.target.origin()
    }

    fn begin(
        &mut self,
        session: Session,
        ceremony: Ceremony,
        user: Option<&str>,
    ) -> Result<Begun, TargetError> {
        self.go_on()?;
        self.target.begin(session, ceremony, user)
    }

    fn finish(
        &mut self,
        session: Session,
        ceremony: Ceremony,
        user: Option<&str>,
        response: &str,
    ) -> Result<Ended, TargetError> {
        self.go_on()?;
        self.target.finish(session, ceremony, user, response)
    }

    fn clean_up(&mut self, user: &str, credential: &[u8]) -> Result<CleanedUp, TargetError> {
        self.target.clean_up(user, credential)
    }

    fn change(&mut self, name: &str) -> Result<Exchange, TargetError> {
        self.go_on()?;
        self.target.change(name)
    }
}
