//! Monotonic time as the protocols see it: a span since power-up.
use core::ops::Add;
use core::time::Duration;

/// Time since the authenticator was powered up. The caller supplies it; nothing here reads a clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(Duration);

impl Instant {
    /// The moment of power-up.
    pub const POWER_UP: Self = Self(Duration::ZERO);

    /// The moment `elapsed` after power-up.
    pub const fn since_power_up(elapsed: Duration) -> Self {
        Self(elapsed)
    }

    /// How long ago power-up was.
    pub const fn elapsed(self) -> Duration {
        self.0
    }

    /// The time from `earlier` until now, zero if `earlier` is later.
    pub const fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    /// Saturates at the end of time, which no authenticator will see.
    fn add(self, rhs: Duration) -> Self {
        Self(self.0.saturating_add(rhs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_saturates_at_both_ends() {
        let late = Instant::since_power_up(Duration::from_secs(5));
        assert_eq!(late.since(Instant::POWER_UP), Duration::from_secs(5));
        assert_eq!(Instant::POWER_UP.since(late), Duration::ZERO);
        assert_eq!((late + Duration::MAX).elapsed(), Duration::MAX);
        assert_eq!(Instant::POWER_UP + Duration::from_secs(5), late);
        assert!(Instant::POWER_UP < late && Instant::default() == Instant::POWER_UP);
    }
}
