//! Energy per inference from a meter that is slow and coarse: a loop of inferences against the device at rest.
//!
//! Times are seconds, powers watts, energies joules. A meter gives either power now and then (a fuel gauge's current
//! times voltage) or the energy used since some start (counters). Each stretch, of rest or of a loop, becomes a mean
//! power over a window inside it; the difference of the two is what the inferences add.
//!
//! # The window
//! A gauge averages over its period and filters, so what it says just after a change of load still holds the time
//! before. The window therefore begins only a response time after the stretch, at an update, and ends at the last
//! update: energy and inferences are counted between the same two moments, and inferences within a batch by its share of
//! time. For a counter an update is a reading that differs from the one before; between two of them it counts exactly.
//!
//! # The interval
//! With mean powers L under load and R at rest, N inferences in a window of T seconds, the energy of one is
//! (L − R)·T/N. Its interval is ± (t·√(v_L + v_R) + d + b)·T/N. Random and bounded errors are added, not squared, because
//! a bounded one may be the same in all trials (JCGM 100:2008, F.2.4.5).
//! - v, the variance of a mean power: a window is cut into batches that are longer than the gauge's memory and than bursts
//!   of others' work (batch means: Law and Kelton, "Simulation Modeling and Analysis", §9.5.3). Their scatter is taken from
//!   successive differences, δ² = Σ(p_{i+1} − p_i)²/(n − 1), as s² = δ²/2, so that slow drift, which is a true change of
//!   power inside the window, does not count as noise (von Neumann, Kent, Bellinson and Hart, "The mean square successive
//!   difference", Annals of Mathematical Statistics 12 (1941): Var δ² = 4σ⁴(3n − 4)/(n − 1)²). Matching the first two
//!   moments with a χ² distribution gives 2(n − 1)²/(3n − 4) degrees of freedom; those of sums follow Welch and
//!   Satterthwaite.
//! - d, how far the power of rest moved: a device that rests again after the loops may draw more (it is warm) or less than
//!   before. R is what it drew before; the largest difference of any later rest from it bounds what it may have become
//!   meanwhile, and what a chip that was still a little warm before may yet have lost.
//! - b, what the meter's step hides. A counter's window can be wrong by a step and by the time in which its update was
//!   seen: (step + P·timing)/T. A gauge's difference is wrong by at most one step, whether it rounds or cuts; where its
//!   readings scatter by more than about half a step that error averages out (Widrow and Kollár, "Quantization Noise",
//!   §3: below 1 % of a step for a standard deviation of half a step) and is left out.
//!
//! What no arithmetic can see is the gain of the gauge itself, some per cent on phones. It is the same for all subjects of
//! a device, so comparisons on one device stand.

mod estimate;
mod pace;

pub use estimate::{EnergyError, EnergyEstimate, Meter, Stretch, StretchNumbers, estimate, estimate_numbers};
pub use pace::{Pace, pace, response};
