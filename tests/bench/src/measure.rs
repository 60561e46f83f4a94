//! Timing by pairs: a figure and its yardstick alternate in one run, and the ratio is the median over the pairs,
//! so that a noisy machine disturbs both alike.
use rustix::time::{ClockId, clock_gettime};
use std::time::{Duration, Instant};

/// Which time counts.
#[derive(Clone, Copy)]
pub(crate) enum Clock {
    /// CPU time of this thread: what is computed.
    Cpu,
    /// Time on the wall: what is waited for, disk included.
    Wall,
}

impl Clock {
    fn time(self, work: &mut dyn FnMut()) -> Duration {
        match self {
            Self::Cpu => {
                let before = thread_time();
                work();
                thread_time() - before
            }
            Self::Wall => {
                let before = Instant::now();
                work();
                before.elapsed()
            }
        }
    }
}

fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// One operation, timed over `batch` repetitions at a time.
pub(crate) struct Subject<'a> {
    pub(crate) batch: u32,
    pub(crate) work: &'a mut dyn FnMut(),
}

/// Microseconds an operation of each subject, and the ratio of the first to the second, each the median over
/// the rounds.
pub(crate) struct Paired {
    pub(crate) first: f64,
    pub(crate) second: f64,
    pub(crate) ratio: f64,
}

/// Times two subjects in turn.
pub(crate) fn paired(clock: Clock, rounds: usize, mut first: Subject<'_>, mut second: Subject<'_>) -> Paired {
    let mut rows = Vec::with_capacity(rounds);
    // One unmeasured round warms both.
    for round in 0..=rounds {
        let pair = (per_operation(clock, &mut first), per_operation(clock, &mut second));
        if round > 0 {
            rows.push(pair);
        }
    }
    Paired::of(&rows)
}

impl Paired {
    /// The medians of measured pairs.
    pub(crate) fn of(rows: &[(f64, f64)]) -> Self {
        let column = |value: fn(&(f64, f64)) -> f64| median(rows.iter().map(value).collect());
        Self { first: column(|row| row.0), second: column(|row| row.1), ratio: column(|row| row.0 / row.1) }
    }
}

/// Times one batch; microseconds an operation.
pub(crate) fn once(clock: Clock, mut subject: Subject<'_>) -> f64 {
    per_operation(clock, &mut subject)
}

fn per_operation(clock: Clock, subject: &mut Subject<'_>) -> f64 {
    let time = clock.time(&mut || (0..subject.batch).for_each(|_| (subject.work)()));
    time.as_secs_f64() * 1e6 / f64::from(subject.batch)
}

/// The middle value.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
