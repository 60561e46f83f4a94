//! Lines of what happens now.
use super::collect::Collector;
use super::line::{Kind, Line, VERSION};
use crate::instance::{Nothing, Seen, Watch, What};
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// How often somebody who listens hears that nothing happens.
const PATIENCE: Duration = Duration::from_secs(1);

/// The lines of a watch: the first says what wrote the trace and when.
pub fn lines(watch: Watch) -> impl Iterator<Item = Option<Line>> + Send {
    let (began, mut collector) = (Instant::now(), Collector::default());
    let mut waiting = VecDeque::from([first()]);
    std::iter::from_fn(move || {
        if waiting.is_empty() {
            match watch.next(PATIENCE) {
                Ok(seen) => waiting.extend(of(&mut collector, began, &seen)),
                Err(Nothing::Yet) => {}
                Err(Nothing::AnyMore) => return None,
            }
        }
        Some(waiting.pop_front())
    })
}

fn of(collector: &mut Collector, began: Instant, seen: &Seen) -> Vec<Line> {
    let (at, device) = (seen.at.saturating_duration_since(began), seen.device.as_str());
    match &seen.what {
        What::Event(event) => collector.event(at, device, event),
        What::Runs(profile) => vec![collector.runs(at, device, profile)],
        What::Missed(count) => {
            let text = format!("{count} things that happened are not here");
            vec![Line { text, ..Line::new(at.as_secs_f64(), device, Kind::Missed, "missed") }]
        }
    }
}

fn first() -> Line {
    let name = concat!("fauxkey ", env!("CARGO_PKG_VERSION"));
    let now =
        OffsetDateTime::now_utc().replace_nanosecond(0).expect("zero nanoseconds are fewer than a second");
    let text = now.format(&Rfc3339).expect("this year has four digits");
    Line { text, trace: Some(VERSION), ..Line::new(0.0, "", Kind::Trace, name) }
}
