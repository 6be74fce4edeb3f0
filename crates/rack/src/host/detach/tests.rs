//! A hub whose commands fail and hang, and a host that is killed at any moment, in simulated time: a port is off only as long
//! as the journal says so, and in the end it has power.

use std::path::Path;
use std::sync::Mutex;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use time::macros::datetime;
use tokio::time::{Instant, sleep, timeout};

use super::*;
use crate::phones::PhoneState;
use crate::reach::Answer;

const SEEDS: u64 = 50;
const START: OffsetDateTime = datetime!(2026-11-26 12:00 UTC);
const LONGEST: Duration = Duration::from_secs(600);
const REST: Duration = Duration::from_secs(3_600);

/// What becomes of one command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Works,
    FailsBefore,
    FailsAfter,
    HangsBefore,
    HangsAfter,
}

/// A port of a hub.
struct Hub<'a> {
    journal: &'a Journal,
    rng: Mutex<ChaCha8Rng>,
    /// Whether its commands always work.
    sound: Mutex<bool>,
    on: Mutex<bool>,
    /// When it was switched off.
    offs: Mutex<Vec<Duration>>,
    began: Instant,
}

impl Hub<'_> {
    fn below(&self, end: u64) -> u64 {
        self.rng.lock().unwrap().next_u64() % end
    }

    async fn switch(&self, on: bool) -> Result<(), AdbError> {
        let fate = match self.below(8) {
            _ if *self.sound.lock().unwrap() => Fate::Works,
            0 => Fate::FailsBefore,
            1 => Fate::FailsAfter,
            2 => Fate::HangsBefore,
            3 => Fate::HangsAfter,
            _ => Fate::Works,
        };
        let takes = Duration::from_millis(1 + self.below(3_000));
        sleep(takes).await;
        let limit = Duration::from_secs(60);
        if fate == Fate::HangsBefore {
            sleep(limit).await;
        }
        if !matches!(fate, Fate::FailsBefore | Fate::HangsBefore) {
            if !on {
                assert_eq!(self.journal.off().unwrap().len(), 1, "it is in the journal before it is off");
                self.offs.lock().unwrap().push(self.began.elapsed());
            }
            *self.on.lock().unwrap() = on;
        }
        if fate == Fate::HangsAfter {
            sleep(limit).await;
        }
        match fate {
            Fate::Works => Ok(()),
            _ => Err(AdbError::TimedOut { call: "hub".into(), limit }),
        }
    }
}

impl Switch for &Hub<'_> {
    async fn off(&self, _: &Phone) -> Result<(), AdbError> {
        self.switch(false).await
    }

    async fn on(&self, _: &Phone) -> Result<(), AdbError> {
        self.switch(true).await
    }
}

/// A phone that says this of its battery, and hears what it is told.
struct Says(&'static str, Mutex<Vec<String>>);

fn says(battery: &'static str) -> Says {
    Says(battery, Mutex::default())
}

impl Reach for Says {
    async fn shell(&self, script: &str, _: Duration) -> Result<Answer, AdbError> {
        self.1.lock().unwrap().extend(script.lines().filter(|line| line.starts_with("printf")).map(str::to_owned));
        Ok(Answer { output: self.0.into(), code: 0 })
    }

    async fn push(&self, _: &Path, _: &str, _: Duration) -> Result<(), AdbError> {
        panic!("nothing is pushed")
    }

    async fn lead_back(&self, _: u16, _: u16) -> Result<(), AdbError> {
        panic!("nothing is led back")
    }
}

fn phone() -> Phone {
    Phone::new("A".into(), PhoneState::Device)
}

fn detaching<'a>(hub: &'a Hub<'a>) -> Detaching<&'a Hub<'a>> {
    Detaching { switch: hub, longest: LONGEST, least_level: 40, rest: REST }
}

fn hub(journal: &Journal, seed: u64) -> Hub<'_> {
    Hub {
        journal,
        rng: Mutex::new(ChaCha8Rng::seed_from_u64(seed)),
        sound: Mutex::new(false),
        on: Mutex::new(true),
        offs: Mutex::default(),
        began: Instant::now(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_killed_at_any_moment_and_a_hub_that_fails_leave_no_port_off() {
    let (mut cut_off, mut killed_while_off) = (0, 0);
    for seed in 0..SEEDS {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::in_folder(folder.path());
        let hub = hub(&journal, seed);
        let detach = detaching(&hub);
        let now = || START + hub.began.elapsed();
        let place = Place::on_android();
        let (early_says, _) = watch::channel(BTreeSet::new());
        let (failing, _) = watch::channel(BTreeSet::new());
        while hub.began.elapsed() < 3 * REST {
            let host = async {
                let wishes = async {
                    // More than it lives for.
                    for _ in 0..100_000 {
                        sleep(Duration::from_secs(hub.below(900))).await;
                        let time = Duration::from_secs(90 + hub.below(900));
                        // A new wish has not been taken back.
                        early_says.send_replace(BTreeSet::new());
                        detach.cut(&journal, &says("level: 80\nstatus: 2\n"), &place, &phone(), time, now()).await;
                        // Some are taken back before their end.
                        let early = if hub.below(3) == 0 { BTreeSet::from(["A".to_owned()]) } else { BTreeSet::new() };
                        early_says.send_replace(early);
                    }
                };
                tokio::join!(detach.keep(&journal, early_says.subscribe(), &failing, now), wishes)
            };
            // Killed: whatever was under way is dropped where it is.
            let lives = Duration::from_millis(hub.below(2_000_000));
            assert!(timeout(lives, host).await.is_err());
            early_says.send_replace(BTreeSet::new());
            killed_while_off += usize::from(!*hub.on.lock().unwrap());
            assert!(*hub.on.lock().unwrap() || journal.off().unwrap().len() == 1, "seed {seed}: nobody would know");
            sleep(Duration::from_secs(hub.below(600))).await;
        }
        *hub.sound.lock().unwrap() = true;
        let keep = detach.keep(&journal, early_says.subscribe(), &failing, now);
        assert!(timeout(LONGEST + Duration::from_secs(120), keep).await.is_err());
        assert!(*hub.on.lock().unwrap(), "seed {seed}: it has no power");
        assert!(journal.off().unwrap().is_empty(), "seed {seed}");
        let offs = hub.offs.lock().unwrap();
        assert!(offs.windows(2).all(|pair| pair[1] - pair[0] >= REST - Duration::from_secs(63)), "seed {seed}: {offs:?}");
        cut_off += offs.len();
    }
    assert!(cut_off > 75 && killed_while_off > 10, "{cut_off} times off, {killed_while_off} times killed meanwhile");
}

#[tokio::test(start_paused = true)]
async fn a_port_is_on_again_at_its_end_and_not_before_unless_the_wish_is_taken_back() {
    for early in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::in_folder(folder.path());
        let hub = hub(&journal, 0);
        *hub.sound.lock().unwrap() = true;
        let detach = detaching(&hub);
        let now = || START + hub.began.elapsed();
        let time = Duration::from_secs(300);
        let done = detach.cut(&journal, &says("level: 80\nstatus: 2\n"), &Place::on_android(), &phone(), time, now()).await;
        assert_eq!(done, Outcome::Done { boot: None });
        let (early_says, hears) = watch::channel(BTreeSet::new());
        let (failing, _) = watch::channel(BTreeSet::new());
        let looks = async {
            sleep(Duration::from_secs(280)).await;
            assert!(!*hub.on.lock().unwrap());
            if early {
                early_says.send_replace(BTreeSet::from(["A".to_owned()]));
            } else {
                sleep(Duration::from_secs(20)).await;
            }
            sleep(Duration::from_secs(10)).await;
            assert!(*hub.on.lock().unwrap(), "early: {early}");
        };
        tokio::select! {
            () = detach.keep(&journal, hears, &failing, now) => {}
            () = looks => {}
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_phone_that_is_low_or_says_nothing_of_its_battery_keeps_its_power() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::in_folder(folder.path());
    let hub = hub(&journal, 0);
    for (battery, told) in [("level: 39\nstatus: 2\n", "at 39 %, 40 % are needed"), ("", "not known")] {
        let phone_says = says(battery);
        let outcome = detaching(&hub).cut(&journal, &phone_says, &Place::on_android(), &phone(), LONGEST, START).await;
        assert!(matches!(&outcome, Outcome::Refused(why) if why.contains(told)), "{outcome:?}");
        let heard = phone_says.1.lock().unwrap().pop().unwrap();
        assert!(heard.contains(told) && heard.contains("\"$B/power-kept\""), "its session is told: {heard}");
    }
    assert!(journal.off().unwrap().is_empty() && hub.offs.lock().unwrap().is_empty());
}
