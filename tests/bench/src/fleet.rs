//! Many devices in one process, and many workers at once: what each device costs, and whether anybody gets what is
//! another's.
use anyhow::{Context, Result, bail, ensure};
use relying_party::{AuthenticationExpectation, RegistrationExpectation, RelyingParty};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use ureq::Agent;
use wire::webauthn::json::{AuthenticationResponse, RegistrationResponse, UserEntity};

/// What was measured.
pub(crate) struct Fleet {
    /// Resident memory for each further device, in kB.
    pub(crate) kilobytes: f64,
    /// Registrations and sign-ins, each verified, per second.
    pub(crate) pairs: f64,
}

const ORIGIN: &str = "https://login.example.test";
const RP_ID: &str = "login.example.test";

/// Ends the process when dropped.
struct Instance {
    child: Child,
    url: String,
    token: String,
}

impl Drop for Instance {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Instance {
    fn start(binary: &Path, devices: usize) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let ready = folder.path().join("ready.json");
        let names: Vec<String> =
            (0..devices).map(|number| format!("d{number}=ms-authenticator-ios")).collect();
        let mut child = Command::new(binary)
            .args(["run", "--ephemeral", "--attach", "socket", "--device", &names.join(",")])
            .arg("--ready-file")
            .arg(&ready)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {}", binary.display()))?;
        let begun = Instant::now();
        while !ready.exists() {
            ensure!(
                child.try_wait()?.is_none() && begun.elapsed() < Duration::from_secs(60),
                "it did not start"
            );
            thread::sleep(Duration::from_millis(10));
        }
        let said: Value = serde_json::from_str(&std::fs::read_to_string(&ready)?)?;
        let text = |name: &str| said[name].as_str().map(ToOwned::to_owned).context("the ready file");
        Ok(Self { child, url: text("url")?, token: text("token")? })
    }

    /// Resident memory in kB (proc(5), `VmRSS`).
    fn resident(&self) -> Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }
}

/// One worker's way to the instance.
struct Worker<'a> {
    instance: &'a Instance,
    agent: Agent,
}

impl Worker<'_> {
    fn ceremony(&self, device: &str, kind: &str, options: Value) -> Result<Value> {
        let url = format!("{}/api/v1/devices/{device}/ceremonies", self.instance.url);
        let body = json!({ "type": kind, "origin": ORIGIN, "options": options });
        let mut answer = self
            .agent
            .post(&url)
            .header("Authorization", format!("Bearer {}", self.instance.token))
            .send_json(&body)?;
        let outcome: Value = answer.body_mut().read_json()?;
        match &outcome["response"] {
            Value::Null => bail!("{device}: {outcome}"),
            response => Ok(response.clone()),
        }
    }

    /// Registers an account of its own and signs in; both are verified.
    fn pair(&self, device: &str, account: &str) -> Result<()> {
        let party = RelyingParty::new(RP_ID);
        let handle = account.as_bytes().to_vec();
        let user =
            UserEntity { id: handle.clone().into(), name: account.into(), display_name: account.into() };
        let challenge = || rand::random::<[u8; 32]>().to_vec();
        let options = party.creation_options(user, challenge(), &[]);
        let made = self.ceremony(device, "create", serde_json::to_value(&options)?)?;
        let made: RegistrationResponse = serde_json::from_value(made)?;
        let expected = RegistrationExpectation::of(&options, &|_| false);
        let stored = party.verify_registration(&expected, &made);
        let stored = stored.map_err(|why| anyhow::anyhow!("{device}: {}", why.cite()))?.credential;
        let options = party.request_options(challenge(), std::slice::from_ref(&stored));
        let used = self.ceremony(device, "get", serde_json::to_value(&options)?)?;
        let used: AuthenticationResponse = serde_json::from_value(used)?;
        let expected = AuthenticationExpectation::of(&options, Some(&handle));
        let verified = party.verify_authentication(&expected, &used, &stored);
        verified.map(drop).map_err(|why| anyhow::anyhow!("{device}: {}", why.cite()))
    }

    /// The accounts on a device.
    fn accounts(&self, device: &str) -> Result<Vec<String>> {
        let url = format!("{}/api/v1/devices/{device}/passkeys", self.instance.url);
        let header = format!("Bearer {}", self.instance.token);
        let passkeys: Value =
            self.agent.get(&url).header("Authorization", header).call()?.body_mut().read_json()?;
        let names = passkeys.as_array().context("a list")?.iter();
        Ok(names.filter_map(|passkey| passkey["userName"].as_str().map(ToOwned::to_owned)).collect())
    }
}

/// `devices` in one process, shared out among `workers`, each of which registers and signs in once on each of its own.
///
/// # Errors
/// If a ceremony is refused, or a device holds an account that is not its own.
pub(crate) fn run(binary: &Path, devices: usize, workers: usize) -> Result<Fleet> {
    let alone = Instance::start(binary, 1)?.resident()?;
    let instance = Instance::start(binary, devices)?;
    let kilobytes = (instance.resident()? - alone) / (devices - 1) as f64;
    let begun = Instant::now();
    thread::scope(|scope| -> Result<()> {
        let work = |worker: usize| {
            let way = Worker { instance: &instance, agent: Agent::new_with_defaults() };
            for number in (worker..devices).step_by(workers) {
                way.pair(&format!("d{number}"), &format!("account-{number}"))?;
            }
            Ok(())
        };
        let running: Vec<_> = (0..workers).map(|worker| scope.spawn(move || work(worker))).collect();
        running.into_iter().try_for_each(|worker| match worker.join() {
            Ok(done) => done,
            Err(_) => bail!("a worker panicked"),
        })
    })?;
    let pairs = devices as f64 / begun.elapsed().as_secs_f64();
    let way = Worker { instance: &instance, agent: Agent::new_with_defaults() };
    for number in 0..devices {
        let accounts = way.accounts(&format!("d{number}"))?;
        ensure!(accounts == [format!("account-{number}")], "d{number} holds {accounts:?}");
    }
    Ok(Fleet { kilobytes, pairs })
}
