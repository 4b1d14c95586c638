//! An alarm clock for the event loop: the kernel's own timeout counts in whole milliseconds, intended times do not.

#[cfg(target_os = "linux")]
pub(super) use precise::Alarm;

#[cfg(target_os = "linux")]
mod precise {
    use std::os::fd::{AsRawFd, OwnedFd};

    use mio::{Interest, Registry, Token, unix::SourceFd};
    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
    };

    use crate::scenario::id::Moment;

    /// A timer of the kernel that wakes the loop like a socket.
    #[derive(Debug)]
    pub(in super::super) struct Alarm {
        timer: OwnedFd,
        /// For when it is set.
        at: Option<Moment>,
    }

    impl Alarm {
        /// # Errors
        /// When the system has no timer to give.
        pub(in super::super) fn new(registry: &Registry, token: Token) -> std::io::Result<Self> {
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
            registry.register(&mut SourceFd(&timer.as_raw_fd()), token, Interest::READABLE)?;
            Ok(Self { timer, at: None })
        }

        /// Wakes the loop at this time.
        ///
        /// # Errors
        /// When the system does not take it.
        pub(in super::super) fn set(&mut self, at: Moment, now: Moment) -> std::io::Result<()> {
            // zero would switch it off
            let wait = at.since(now);
            if self.at == Some(at) || wait.is_zero() {
                return Ok(());
            }
            let it_interval = Timespec { tv_sec: 0, tv_nsec: 0 };
            let seconds = i64::try_from(wait.as_secs()).unwrap_or(i64::MAX);
            let it_value = Timespec { tv_sec: seconds, tv_nsec: wait.subsec_nanos().into() };
            timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &Itimerspec { it_interval, it_value })?;
            self.at = Some(at);
            Ok(())
        }
    }
}

/// Where there is no such timer, times are kept to the millisecond.
#[cfg(not(target_os = "linux"))]
#[derive(Debug)]
pub(super) struct Alarm;

#[cfg(not(target_os = "linux"))]
impl Alarm {
    pub(super) fn new(_: &mio::Registry, _: mio::Token) -> std::io::Result<Self> {
        Ok(Self)
    }

    pub(super) fn set(
        &mut self,
        _: crate::scenario::id::Moment,
        _: crate::scenario::id::Moment,
    ) -> std::io::Result<()> {
        Ok(())
    }
}
