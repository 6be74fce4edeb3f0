//! The time of day, as a value that tests can hold still.

use std::sync::Arc;

use time::OffsetDateTime;

/// Tells the time. Every function that needs it takes it from here or as a parameter.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> OffsetDateTime + Send + Sync>);

impl Clock {
    /// The machine's clock.
    #[expect(clippy::disallowed_methods, reason = "the one place of the server that reads the wall clock")]
    pub fn system() -> Self {
        Self::of(OffsetDateTime::now_utc)
    }

    /// A clock of one's own.
    pub fn of(tell: impl Fn() -> OffsetDateTime + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    /// The time in whole microseconds, which is what Postgres keeps: a stored time compares equal to the one given.
    pub fn now(&self) -> OffsetDateTime {
        let now = (self.0)();
        now.replace_nanosecond(now.nanosecond() / 1_000 * 1_000).unwrap_or(now)
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Clock").field(&self.now()).finish()
    }
}
