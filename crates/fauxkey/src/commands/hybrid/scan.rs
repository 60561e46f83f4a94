//! `fauxkey hybrid scan`: the phone's camera.
use super::{Log, ways};
use crate::cli::{Approval, OnDevice, Scan};
use crate::commands::exec::notes;
use crate::commands::{Context, Exit, Reached, Stop, choose, input, simulation};
use crate::control::{Answer, Control, Failure, FailureKind, User};
use crate::hybrid::event::Event;
use crate::hybrid::fault::Faults;
use crate::hybrid::image;
use crate::hybrid::scan::{self, Devices};
use crate::instance::Instance;
use crate::output::shown;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// How often the screen is looked at.
const LOOK: Duration = Duration::from_millis(150);

pub(super) fn scan(context: &Context, arguments: &Scan) -> Result<Exit, Stop> {
    let output = context.output;
    // Everything that can be judged is judged before a device is touched.
    let ways = ways(context, &arguments.ways)?;
    let text = text(context, arguments)?;
    let code = scan::read(&text)?;
    let (devices, device, here) = device(context, arguments)?;
    let before = devices.device(&device)?.user;
    if let Some(approval) = &arguments.approve {
        simulation::approve(&*devices, &device, approval)?;
    }
    match here {
        Some(instance) => notes::of(output, instance).map_err(|error| {
            Failure::new(FailureKind::Broken, format!("cannot follow what happens: {error}"))
        })?,
        None if before.answer == Answer::Ask => output.note("the page of the running instance asks its user"),
        None => {}
    }
    let scan = scan::Scan {
        device: device.clone(),
        code,
        ways,
        domain: None,
        faults: Faults(arguments.fault.clone()),
        max_age: arguments.max_age.0,
        patience: transport::hybrid::phone::Patience::default(),
        link: arguments.link,
    };
    let log = Log::new(output);
    let ended = scan.run(&devices, &mut |event: &Event| log.hear(event));
    restore(&*devices, &device, arguments.approve.as_ref(), before);
    let outcome = ended?;
    log.finish()?;
    output.result(&outcome, || format!("{}: {outcome}", shown(&device)))?;
    Ok(Exit::Program(outcome.code()))
}

/// The user does again what they did before.
fn restore(control: &dyn Control, device: &str, approval: Option<&Approval>, before: User) {
    if approval.is_some() {
        // The instance may have ended meanwhile, and its users with it.
        let _gone = control.set_user(device, before);
    }
}

/// The device, and the instance if it is this process's.
fn device(context: &Context, arguments: &Scan) -> Result<(Devices, String, Option<Arc<Instance>>), Failure> {
    if let Some(profile) = &arguments.ephemeral {
        let instance = Arc::new(Instance::ephemeral(None)?);
        let device = instance.add_device(crate::control::DEFAULT_DEVICE, profile)?;
        return Ok((instance.clone(), device.name, Some(instance)));
    }
    let (devices, here): (Devices, _) = match context.reach()? {
        Reached::Running(remote) => (Arc::new(remote), None),
        Reached::Here(instance) => {
            let instance: Arc<Instance> = Arc::from(instance);
            (instance.clone(), Some(instance))
        }
    };
    // As `exec` and `run` do where there is none.
    if here.is_some() && arguments.on.device.is_none() && devices.devices()?.is_empty() {
        devices.add_device(crate::control::DEFAULT_DEVICE, crate::instance::DEFAULT_PROFILE)?;
    }
    let on = OnDevice { device: arguments.on.device.clone() };
    let device = choose(&*devices, &on)?.name;
    Ok((devices, device, here))
}

/// The text of the code.
fn text(context: &Context, arguments: &Scan) -> Result<String, Failure> {
    if let Some(display) = &arguments.screen {
        let display = Some(display.as_str()).filter(|display| !display.is_empty());
        return on_screen(display, arguments.wait);
    }
    let code = arguments.code.as_deref().unwrap_or("-");
    if is_code(code) {
        return Ok(code.into());
    }
    let input = input::read(&context.output, code)?;
    if let Some(text) = input.text().ok().map(str::trim).filter(|text| is_code(text)) {
        return Ok(text.into());
    }
    image::codes(&input.bytes)
        .and_then(image::for_a_phone)
        .map_err(|failure| Failure { message: format!("{}: {}", input.name, failure.message), ..failure })
}

fn is_code(text: &str) -> bool {
    text.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case(transport::hybrid::qr::SCHEME))
}

/// Looks at the screen until a code is on it.
fn on_screen(display: Option<&str>, wait: Duration) -> Result<String, Failure> {
    let begun = Instant::now();
    loop {
        let seen = image::screen(display)?.codes_at_a_glance();
        if let Ok(text) = seen.and_then(image::for_a_phone) {
            return Ok(text);
        }
        if begun.elapsed() > wait {
            let message = format!("there was no code for a phone on the screen within {} s", wait.as_secs());
            return Err(Failure::new(FailureKind::NotFound, message)
                .hint("let the browser show its QR code, or give --wait or a screenshot"));
        }
        thread::sleep(LOOK);
    }
}
