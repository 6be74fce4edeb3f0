//! A rack of imagined phones with one fault each, from a seed, and the watch that has to bring each back or put it aside.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::*;
use crate::battery::Battery;

const SCHEDULES: u64 = 1_000;
const PHONES: usize = 4;
const TICK: Duration = Duration::from_secs(5);
/// Simulated time of a schedule; faults come in its first hour.
const END: Duration = Duration::from_secs(4 * 3_600);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Unlisted,
    Gone,
    Offline,
    NotAndroid,
    Stuck,
    Hung,
    DeadAgent,
    WayBackGone,
    Unauthorized,
    NoRoom,
    Sinking,
    RebootLoop,
    ServerAway,
    Detached,
}

const KINDS: [Kind; 14] = [
    Kind::Unlisted,
    Kind::Gone,
    Kind::Offline,
    Kind::NotAndroid,
    Kind::Stuck,
    Kind::Hung,
    Kind::DeadAgent,
    Kind::WayBackGone,
    Kind::Unauthorized,
    Kind::NoRoom,
    Kind::Sinking,
    Kind::RebootLoop,
    Kind::ServerAway,
    Kind::Detached,
];

/// What ends a fault: an action on the ladder, a person or the time, or nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cure {
    By(Action),
    At(Duration),
    Never,
}

#[derive(Debug, Clone, Copy)]
struct Fault {
    kind: Kind,
    from: Duration,
    cure: Cure,
    over: bool,
}

struct Phone {
    watch: Watch,
    fault: Fault,
    transport: u64,
    boot: u64,
    /// Whether an agent runs, and whether it can reach the server.
    agent: bool,
    way_back: bool,
    heard: Option<Duration>,
    action: Option<(Action, Duration)>,
    actions: usize,
    /// Until when its port is off, and how long it then cannot be switched on.
    off: Option<(Duration, Duration)>,
    /// It did not come back when its port had power again.
    lost: bool,
}

fn below(rng: &mut ChaCha8Rng, end: u64) -> u64 {
    rng.next_u64() % end
}

fn seconds(rng: &mut ChaCha8Rng, from: u64, to: u64) -> Duration {
    Duration::from_secs(from + below(rng, to - from))
}

impl Phone {
    fn new(rng: &mut ChaCha8Rng, policy: Policy) -> Self {
        let kind = KINDS[below(rng, KINDS.len() as u64) as usize];
        // Half of them come while the phone is being brought up for the first time.
        let from = if below(rng, 2) == 0 { seconds(rng, 0, 60) } else { seconds(rng, 0, 3_600) };
        let later = Cure::At(from + seconds(rng, 1, 3_600));
        let rungs = |trouble: Trouble| trouble.rungs().to_vec();
        let mut choices: Vec<Cure> = match kind {
            Kind::Unlisted => vec![Cure::By(Action::RestartServer), later],
            Kind::Gone => rungs(Trouble::Gone).into_iter().map(Cure::By).chain([later]).collect(),
            Kind::Offline => rungs(Trouble::Offline).into_iter().map(Cure::By).chain([later]).collect(),
            Kind::NotAndroid => vec![Cure::By(Action::Reboot)],
            Kind::Sinking => vec![Cure::By(Action::PowerCycle)],
            Kind::Stuck => rungs(Trouble::Stuck).into_iter().map(Cure::By).collect(),
            Kind::Hung => vec![Cure::By(Action::RestartAgent), Cure::By(Action::Reboot)],
            Kind::DeadAgent | Kind::WayBackGone => vec![Cure::By(Action::BringUp)],
            Kind::Unauthorized | Kind::ServerAway | Kind::Detached => vec![later],
            Kind::NoRoom | Kind::RebootLoop => vec![],
        };
        if kind != Kind::ServerAway && !matches!(kind, Kind::DeadAgent | Kind::WayBackGone) {
            choices.push(Cure::Never);
        }
        let cure = choices[below(rng, choices.len() as u64) as usize];
        Self {
            watch: Watch::new(policy, Duration::ZERO),
            fault: Fault { kind, from, cure, over: false },
            transport: 1,
            boot: 1,
            agent: false,
            way_back: false,
            heard: None,
            action: None,
            actions: 0,
            off: None,
            lost: false,
        }
    }

    fn has(&self, kind: Kind, now: Duration) -> bool {
        self.fault.kind == kind && now >= self.fault.from && !self.fault.over
    }

    fn attach_anew(&mut self) {
        self.transport += 1;
        self.way_back = false;
    }

    fn boot_anew(&mut self) {
        self.boot += 1;
        self.agent = false;
        self.attach_anew();
    }

    /// Its adb server was restarted for another phone, which helps this one as much.
    fn share_restart(&mut self, now: Duration) {
        self.fault.over |= self.fault.cure == Cure::By(Action::RestartServer) && now >= self.fault.from;
        self.attach_anew();
    }

    /// What its rack knows of its port.
    fn port(&self, now: Duration) -> PortPower {
        match self.off {
            None => PortPower::On,
            Some((until, _)) if now < until => PortPower::Off,
            Some(_) => PortPower::StaysOff,
        }
    }

    /// Time passes.
    fn pass(&mut self, now: Duration) {
        if let Some((until, stays)) = self.off
            && now >= until + stays
        {
            self.off = None;
            self.lost = self.fault.cure == Cure::Never;
            self.attach_anew();
        }
        if let Cure::At(moment) = self.fault.cure
            && now >= moment
            && !self.fault.over
        {
            self.fault.over = true;
            self.attach_anew();
        }
        if now == self.fault.from || (now > self.fault.from && now - self.fault.from < TICK) {
            match self.fault.kind {
                Kind::DeadAgent => (self.agent, self.fault.over) = (false, true),
                Kind::WayBackGone => (self.way_back, self.fault.over) = (false, true),
                _ => {}
            }
        }
        if self.has(Kind::RebootLoop, now) && now.as_secs() % 300 < TICK.as_secs() {
            self.boot_anew();
        }
        let asks = self.agent && self.way_back && now.as_secs() % 30 < TICK.as_secs();
        if asks && self.adb(now) == Some(PhoneState::Device) && !self.has(Kind::Hung, now) && !self.has(Kind::Stuck, now) {
            self.heard = Some(now);
        }
    }

    fn adb(&self, now: Duration) -> Option<PhoneState> {
        if self.has(Kind::Gone, now) || self.off.is_some() || self.lost {
            None
        } else if self.has(Kind::Offline, now) {
            Some(PhoneState::Offline)
        } else if self.has(Kind::NotAndroid, now) {
            Some(PhoneState::Recovery)
        } else if self.has(Kind::Unauthorized, now) {
            Some(PhoneState::Unauthorized)
        } else {
            Some(PhoneState::Device)
        }
    }

    fn sight(&self, server_away: bool, now: Duration) -> Sight {
        let heard = if server_away { Heard::Unknown } else { self.heard.map_or(Heard::Never, Heard::At) };
        let adb = self.adb(now);
        let adb_answers = !self.has(Kind::Unlisted, now);
        let adb = adb.filter(|_| adb_answers);
        let transport = adb.is_some().then_some(self.transport);
        // Its session waits a minute and a half for its power to go.
        let asks = self.has(Kind::Detached, now) && now < self.fault.from + Duration::from_secs(90);
        let wants_off = asks.then_some(Duration::from_secs(600));
        Sight { rests: true, transport, adb, adb_answers, heard, port: self.port(now), wants_off }
    }

    /// What an action does to it.
    fn act(&mut self, action: Action, server_away: bool, now: Duration) -> Outcome {
        let listed = self.adb(now) == Some(PhoneState::Device) && !self.has(Kind::Unlisted, now);
        let answers = listed && !self.has(Kind::Stuck, now);
        let unreachable = || Outcome::Unreachable("no answer".into());
        if self.fault.cure == Cure::By(action) && now >= self.fault.from {
            self.fault.over = true;
        }
        match action {
            Action::BringUp if !answers => return unreachable(),
            Action::BringUp if server_away => return Outcome::Later("the server does not answer".into()),
            Action::BringUp if self.has(Kind::NoRoom, now) => return Outcome::Refused("the phone has 3 MB free".into()),
            Action::BringUp => {
                (self.agent, self.way_back) = (true, true);
                return Outcome::Done { boot: Some(self.boot.to_string()) };
            }
            Action::LookAtBattery if !answers => return unreachable(),
            Action::LookAtBattery => {
                let low = self.has(Kind::Sinking, now);
                return Outcome::Battery(Battery { level: Some(if low { 9 } else { 60 }), charges: Some(!low) });
            }
            Action::RestartAgent if !answers => return unreachable(),
            Action::RestartAgent => {}
            Action::Reconnect | Action::RestartServer => self.attach_anew(),
            Action::PowerCycle => self.attach_anew(),
            Action::Reboot => self.boot_anew(),
            Action::CutPower(time) => {
                // The command works, works and says that it did not, or is not even run.
                match now.as_secs() / 5 % 3 {
                    0 => self.off = Some((now + time, Duration::ZERO)),
                    1 => {
                        self.off = Some((now, Duration::from_secs(400)));
                        return Outcome::Unreachable("the command failed".into());
                    }
                    _ => return Outcome::Refused("its battery is at 35 %".into()),
                }
            }
        }
        Outcome::Done { boot: None }
    }

    /// Where it has to be in the end; none where both are right.
    fn must_work(&self, can_cycle_power: bool) -> bool {
        match self.fault.cure {
            Cure::Never => false,
            Cure::At(_) => true,
            Cure::By(Action::PowerCycle) => can_cycle_power,
            Cure::By(_) => true,
        }
    }
}

#[test]
fn a_thousand_seeded_schedules_end_with_every_phone_at_work_or_put_aside_with_the_right_reason() {
    let (mut at_work, mut aside, mut without_power) = (0, 0, 0);
    for seed in 0..SCHEDULES {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let policy = Policy { can_cycle_power: below(&mut rng, 2) == 1, ..Policy::default() };
        let mut phones: Vec<Phone> = (0..PHONES).map(|_| Phone::new(&mut rng, policy)).collect();
        let mut lock = ServerLock::default();
        let mut restarts: Vec<Duration> = Vec::new();
        let mut now = Duration::ZERO;
        while now < END {
            let server_away = phones.iter().any(|phone| phone.has(Kind::ServerAway, now));
            for nth in 0..phones.len() {
                phones[nth].pass(now);
                let sight = phones[nth].sight(server_away, now);
                if let Some((action, end)) = phones[nth].action {
                    if now < end {
                        continue;
                    }
                    phones[nth].action = None;
                    let outcome = phones[nth].act(action, server_away, now);
                    if action == Action::RestartServer {
                        let others = (0..PHONES).filter(|other| *other != nth);
                        others.for_each(|other| phones[other].share_restart(now));
                    } else {
                        lock.end();
                    }
                    let after = phones[nth].sight(server_away, now);
                    phones[nth].watch.done(outcome, &after, &mut lock, now);
                } else if let Some(action) = phones[nth].watch.look(&sight, &mut lock, now) {
                    assert!(phones[nth].off.is_none(), "seed {seed}: {action} of a phone that is away as it wished");
                    if action == Action::RestartServer {
                        assert!(phones.iter().all(|phone| phone.action.is_none()), "seed {seed}: under another one's hands");
                        assert!(restarts.last().is_none_or(|last| now - *last >= Duration::from_secs(300)), "seed {seed}");
                        restarts.push(now);
                    } else {
                        assert!(!lock.is_taken(), "seed {seed}: begun while adb's server is being restarted");
                        lock.begin();
                    }
                    if action == Action::PowerCycle {
                        assert!(policy.can_cycle_power, "seed {seed}");
                    }
                    phones[nth].actions += 1;
                    phones[nth].action = Some((action, now + seconds(&mut rng, 1, 20)));
                }
            }
            now += TICK;
        }
        for phone in &phones {
            let story = || {
                let lines: Vec<String> =
                    phone.watch.history().map(|entry| format!("{:>6} {}", entry.at.as_secs(), entry.what)).collect();
                format!("seed {seed} {:?} power {}\n{}", phone.fault, policy.can_cycle_power, lines.join("\n"))
            };
            assert!(phone.actions < 250, "{}", story());
            let cuts = phone.watch.history().filter(|entry| entry.what.starts_with("cutting")).count();
            assert!(cuts <= 1, "one wish, one answer: {}", story());
            without_power += usize::from(phone.watch.history().any(|entry| entry.what == "its port has power again"));
            match (phone.must_work(policy.can_cycle_power), phone.watch.phase()) {
                (true, Phase::Working) => at_work += 1,
                (false, Phase::Quarantined { reason }) => {
                    aside += 1;
                    let word = match phone.fault.kind {
                        Kind::Unlisted => "adb's server does not answer",
                        Kind::Gone => "gone from adb's list",
                        Kind::Offline => "offline",
                        Kind::NotAndroid => "recovery",
                        Kind::Stuck => "does not answer",
                        Kind::Hung => "does not hear",
                        Kind::NoRoom => "3 MB free",
                        Kind::Sinking => "does not charge",
                        Kind::RebootLoop => "reboot loop",
                        Kind::Detached => "gone from adb's list",
                        _ => panic!("{}", story()),
                    };
                    assert!(reason.contains(word), "{reason}: {}", story());
                }
                // It came back to a server that had been away, or its fault never met anything.
                (false, Phase::NeedsPerson { .. }) if phone.fault.kind == Kind::Unauthorized => aside += 1,
                (false, Phase::Working) if phone.fault.kind == Kind::NoRoom => at_work += 1,
                // It was never without power.
                (false, Phase::Working) if phone.fault.kind == Kind::Detached && !phone.lost => at_work += 1,
                _ => panic!("{}", story()),
            }
        }
    }
    assert!(at_work > 1_000 && aside > 500, "{at_work} at work, {aside} put aside");
    assert!(without_power > 50, "{without_power} were without power");
}

fn here(transport: u64, heard: Heard) -> Sight {
    Sight {
        adb: Some(PhoneState::Device),
        adb_answers: true,
        transport: Some(transport),
        heard,
        rests: false,
        port: PortPower::On,
        wants_off: None,
    }
}

/// Brought up at second 0 and heard of.
fn at_work() -> (Watch, ServerLock) {
    let (mut watch, mut lock) = (Watch::new(Policy::default(), Duration::ZERO), ServerLock::default());
    let sight = here(1, Heard::Never);
    assert_eq!(watch.look(&sight, &mut lock, Duration::ZERO), Some(Action::BringUp));
    assert_eq!(watch.look(&sight, &mut lock, Duration::ZERO), None, "one thing at a time");
    watch.done(Outcome::Done { boot: Some("a".into()) }, &sight, &mut lock, Duration::ZERO);
    let second = Duration::from_secs(1);
    assert_eq!(watch.look(&here(1, Heard::At(second)), &mut lock, second), None);
    assert_eq!(watch.phase(), &Phase::Working);
    (watch, lock)
}

#[test]
fn a_phone_at_work_is_left_alone_until_it_is_attached_again() {
    let (mut watch, mut lock) = at_work();
    for minute in 1..60 {
        let now = Duration::from_secs(minute * 60);
        assert_eq!(watch.look(&here(1, Heard::At(now)), &mut lock, now), None);
    }
    let now = Duration::from_secs(3_601);
    assert_eq!(watch.look(&here(2, Heard::At(now)), &mut lock, now), Some(Action::BringUp), "its way back is gone");
}

#[test]
fn a_phone_that_was_offline_or_away_is_brought_up_again_on_the_same_transport_as_well() {
    let offline = Sight { adb: Some(PhoneState::Offline), ..here(1, Heard::Never) };
    let gone = Sight { adb: None, transport: None, ..offline };
    let unlisted = Sight { adb_answers: false, ..gone.clone() };
    for away in [offline, gone, unlisted] {
        let (mut watch, mut lock) = at_work();
        let (then, back) = (Duration::from_secs(60), Duration::from_secs(62));
        assert_eq!(watch.look(&away, &mut lock, then), None, "{away:?}: someone may be moving it");
        assert_eq!(watch.look(&here(1, Heard::At(then)), &mut lock, back), Some(Action::BringUp), "{away:?}");
    }
}

#[test]
fn an_adb_server_that_hangs_is_restarted_once_for_all_its_phones_and_no_port_is_cycled() {
    let policy = Policy { can_cycle_power: true, ..Policy::default() };
    let mut watches = [0, 1].map(|_| Watch::new(policy, Duration::ZERO));
    let mut lock = ServerLock::default();
    let sight = Sight { adb: None, adb_answers: false, transport: None, ..here(1, Heard::Never) };
    let mut actions = Vec::new();
    for second in 0..60 {
        let now = Duration::from_secs(second);
        for watch in &mut watches {
            if let Some(action) = watch.look(&sight, &mut lock, now) {
                actions.push(action);
                watch.done(Outcome::Done { boot: None }, &sight, &mut lock, now);
            }
        }
    }
    assert_eq!(actions, [Action::RestartServer]);
}

#[test]
fn a_silent_server_is_not_held_against_phones() {
    let (mut watch, mut lock) = at_work();
    for second in (10..4_000).step_by(10) {
        assert_eq!(watch.look(&here(1, Heard::Unknown), &mut lock, Duration::from_secs(second)), None);
    }
    let back = Duration::from_secs(4_060);
    assert_eq!(watch.look(&here(1, Heard::At(Duration::from_secs(1))), &mut lock, back), None, "agents come back in a minute");
    let late = Duration::from_secs(4_200);
    assert_eq!(watch.look(&here(1, Heard::At(Duration::from_secs(1))), &mut lock, late), Some(Action::BringUp));
}

#[test]
fn a_drained_phone_is_left_alone_until_it_is_heard_of_again() {
    let (mut watch, mut lock) = (Watch::new(Policy::default(), Duration::ZERO), ServerLock::default());
    let sight = here(1, Heard::Never);
    watch.look(&sight, &mut lock, Duration::ZERO);
    watch.done(Outcome::Drained, &sight, &mut lock, Duration::ZERO);
    for hour in 1..50 {
        assert_eq!(watch.look(&sight, &mut lock, Duration::from_secs(hour * 3_600)), None);
    }
    assert_eq!(watch.phase(), &Phase::Drained);
    let now = Duration::from_secs(200_000);
    assert_eq!(watch.look(&here(1, Heard::At(now)), &mut lock, now), None);
    assert_eq!(watch.phase(), &Phase::Working, "somebody started it");
}

#[test]
fn a_phone_that_needs_a_person_says_so_once_and_goes_on_when_it_is_trusted() {
    let (mut watch, mut lock) = (Watch::new(Policy::default(), Duration::ZERO), ServerLock::default());
    let asks = Sight { adb: Some(PhoneState::Unauthorized), ..here(1, Heard::Never) };
    for second in 0..1_000 {
        assert_eq!(watch.look(&asks, &mut lock, Duration::from_secs(second)), None);
    }
    assert!(matches!(watch.phase(), Phase::NeedsPerson { .. }));
    let told = watch.history().filter(|entry| entry.what.contains("Allow USB debugging")).count();
    assert_eq!(told, 1);
    let now = Duration::from_secs(1_001);
    assert_eq!(watch.look(&here(1, Heard::Never), &mut lock, now), Some(Action::BringUp));
}

#[test]
fn a_quarantined_phone_stays_out_until_a_person_readmits_it() {
    let (mut watch, mut lock) = (Watch::new(Policy::default(), Duration::ZERO), ServerLock::default());
    let sight = here(1, Heard::Never);
    watch.look(&sight, &mut lock, Duration::ZERO);
    watch.done(Outcome::Refused("no room".into()), &sight, &mut lock, Duration::ZERO);
    assert_eq!(watch.phase().to_string(), "quarantined: no room");
    let later = Duration::from_secs(100_000);
    assert_eq!(watch.look(&here(7, Heard::Never), &mut lock, later), None);
    watch.readmit(later);
    assert_eq!(watch.look(&here(7, Heard::Never), &mut lock, later), Some(Action::BringUp));
    assert!(watch.history().any(|entry| entry.what == "quarantined: no room"), "the history stays");
}

/// At work and without a session at this second.
fn resting(second: u64) -> (Sight, Duration) {
    let now = Duration::from_secs(second);
    (Sight { rests: true, ..here(1, Heard::At(now)) }, now)
}

#[test]
fn a_battery_is_looked_at_while_its_phone_rests_and_never_in_a_session() {
    let (mut watch, mut lock) = at_work();
    for second in 10..2_000 {
        let now = Duration::from_secs(second);
        assert_eq!(watch.look(&here(1, Heard::At(now)), &mut lock, now), None, "it measures");
    }
    let mut looks = Vec::new();
    for second in 2_000..4_000 {
        let (sight, now) = resting(second);
        if let Some(action) = watch.look(&sight, &mut lock, now) {
            assert_eq!(action, Action::LookAtBattery);
            looks.push(second);
            watch.done(Outcome::Battery(Battery { level: Some(14), charges: Some(true) }), &sight, &mut lock, now);
        }
    }
    assert_eq!(looks, [2_000, 2_600, 3_200, 3_800]);
    assert_eq!(watch.phase(), &Phase::Working, "low, and charging");
}

#[test]
fn a_phone_that_sinks_is_put_aside_unless_its_port_helps() {
    for (helps, last) in [(true, Phase::Working), (false, Phase::Starting)] {
        let policy = Policy { can_cycle_power: true, ..Policy::default() };
        let (mut watch, mut lock) = (Watch::new(policy, Duration::ZERO), ServerLock::default());
        let (mut actions, mut cycled) = (Vec::new(), false);
        for second in 0..400 {
            let (sight, now) = resting(second);
            let Some(action) = watch.look(&sight, &mut lock, now) else { continue };
            actions.push(action);
            cycled |= action == Action::PowerCycle;
            let low = !(cycled && helps);
            let outcome = match action {
                Action::LookAtBattery => Outcome::Battery(Battery { level: Some(9), charges: Some(!low) }),
                _ => Outcome::Done { boot: None },
            };
            watch.done(outcome, &sight, &mut lock, now);
        }
        use Action::{BringUp, LookAtBattery, PowerCycle};
        assert_eq!(actions, [BringUp, LookAtBattery, PowerCycle, BringUp, LookAtBattery], "{helps}");
        match watch.phase() {
            Phase::Quarantined { reason } if !helps => {
                assert_eq!(reason, "its battery is low and does not charge; tried cycling the port's power");
            }
            phase => assert_eq!(phase, &last),
        }
        assert!(watch.history().any(|entry| entry.what == "its battery is at 9 % and does not charge"));
    }
}

/// At work at this second, with a session that wishes to be without power.
fn wishes(second: u64) -> (Sight, Duration) {
    let now = Duration::from_secs(second);
    (Sight { wants_off: Some(Duration::from_secs(600)), ..here(1, Heard::At(now)) }, now)
}

#[test]
fn a_phone_that_wishes_it_is_cut_off_once_left_alone_while_it_is_away_and_led_back() {
    let (mut watch, mut lock) = at_work();
    let (sight, now) = wishes(100);
    let cut = Action::CutPower(Duration::from_secs(600));
    assert_eq!(watch.look(&sight, &mut lock, now), Some(cut));
    watch.done(Outcome::Done { boot: None }, &sight, &mut lock, now);
    let away = Sight { adb: None, transport: None, port: PortPower::Off, ..here(1, Heard::At(now)) };
    for second in 102..700 {
        assert_eq!(watch.look(&away, &mut lock, Duration::from_secs(second)), None);
        assert_eq!(watch.phase(), &Phase::Detached);
    }
    let back = Sight { port: PortPower::On, ..away.clone() };
    assert_eq!(watch.look(&back, &mut lock, Duration::from_secs(702)), None, "it has time to be listed");
    let listed = here(2, Heard::At(now));
    assert_eq!(watch.look(&listed, &mut lock, Duration::from_secs(710)), Some(Action::BringUp), "its way back is gone");
    watch.done(Outcome::Done { boot: Some("a".into()) }, &listed, &mut lock, Duration::from_secs(711));
    let heard = here(2, Heard::At(Duration::from_secs(715)));
    assert_eq!(watch.look(&heard, &mut lock, Duration::from_secs(716)), None);
    assert_eq!(watch.phase(), &Phase::Working);
}

#[test]
fn a_wish_is_answered_once_until_there_is_another() {
    let (mut watch, mut lock) = at_work();
    let mut cuts = Vec::new();
    for second in 100..400 {
        let (mut sight, now) = wishes(second);
        sight.wants_off = sight.wants_off.filter(|_| !(200..300).contains(&second));
        if let Some(action) = watch.look(&sight, &mut lock, now) {
            assert!(matches!(action, Action::CutPower(_)));
            cuts.push(second);
            watch.done(Outcome::Refused("its battery is at 35 %".into()), &sight, &mut lock, now);
        }
    }
    assert_eq!(cuts, [100, 300]);
    assert!(watch.history().any(|entry| entry.what.contains("its battery is at 35 %")));
    assert_eq!(watch.phase(), &Phase::Working);
}

#[test]
fn a_port_that_cannot_be_switched_on_is_trouble_and_one_that_then_is_is_none() {
    let (mut watch, mut lock) = at_work();
    let away = Sight { adb: None, transport: None, port: PortPower::StaysOff, ..here(1, Heard::Never) };
    for second in 100..5_000 {
        assert_eq!(watch.look(&away, &mut lock, Duration::from_secs(second)), None);
    }
    assert_eq!(watch.phase(), &Phase::Recovering { trouble: Trouble::Unpowered });
    let now = Duration::from_secs(5_000);
    assert_eq!(watch.look(&here(2, Heard::Never), &mut lock, now), Some(Action::BringUp));
}
