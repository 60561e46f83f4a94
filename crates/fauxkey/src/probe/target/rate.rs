//! No more requests than a relying party is to bear.
use std::time::{Duration, Instant, SystemTime};

/// How often a request is sent again that came too early.
pub const TRIES: u32 = 3;
/// Who wants to be left alone for longer is not asked any more.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(120);
/// Where `Retry-After` does not say how long.
const USUAL_PAUSE: Duration = Duration::from_secs(1);

/// When the next request may be sent.
pub struct Rate {
    /// From one to the next; nothing if there is no limit.
    interval: Duration,
    next: Option<Instant>,
}

impl Rate {
    /// So many requests a second at most; any number if `None`.
    pub fn of(per_second: Option<f64>) -> Self {
        let interval = per_second.map_or(0.0, |rate| 1.0 / rate);
        Self { interval: Duration::try_from_secs_f64(interval).unwrap_or(LONGEST_PAUSE), next: None }
    }

    /// How long the next request has to wait, `now`; it counts as sent then.
    pub fn pause(&mut self, now: Instant) -> Duration {
        let at = self.next.map_or(now, |next| next.max(now));
        self.next = Some(at + self.interval);
        at - now
    }
}

/// How long to wait by `Retry-After`, RFC 9110 §10.2.3: seconds, or a date.
pub fn retry_after(header: Option<&str>, now: SystemTime) -> Duration {
    let Some(text) = header.map(str::trim) else { return USUAL_PAUSE };
    if let Ok(seconds) = text.parse() {
        return Duration::from_secs(seconds);
    }
    match httpdate::parse_http_date(text) {
        Ok(date) => date.duration_since(now).unwrap_or_default(),
        Err(_) => USUAL_PAUSE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_at_least_an_interval_apart_and_idle_time_is_not_saved_up() {
        let (start, mut rate) = (Instant::now(), Rate::of(Some(4.0)));
        let after = |millis: u64| start + Duration::from_millis(millis);
        let waits = [0, 0, 100, 1000, 1001].map(|at| rate.pause(after(at)).as_millis());
        assert_eq!(waits, [0, 250, 400, 0, 249]);
    }

    #[test]
    fn without_a_rate_nobody_waits() {
        let mut rate = Rate::of(None);
        let now = Instant::now();
        assert!((0..100).all(|_| rate.pause(now).is_zero()));
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_and_a_second_where_it_is_neither() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        for (header, seconds) in [
            (None, 1),
            (Some("7"), 7),
            (Some(" 0 "), 0),
            (Some("Sun, 06 Nov 1994 08:50:07 GMT"), 30),
            (Some("Sun, 06 Nov 1994 08:49:07 GMT"), 0),
            (Some("soon"), 1),
            (Some("-5"), 1),
        ] {
            assert_eq!(retry_after(header, now), Duration::from_secs(seconds), "{header:?}");
        }
    }
}
