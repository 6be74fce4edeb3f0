//! Phones without phones: each is Debian's adbd in network, process and mount namespaces of its own, with its own system
//! tree; one more namespace around them and the test keeps all of it away from this machine's adb and network.

use std::collections::BTreeMap;
use std::future::Future;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::farm::{PATIENCE, Server, benchrack};

/// Set in the test's own process within the namespaces.
const INSIDE: &str = "BENCHRACK_TEST_IN_NAMESPACES";

/// Says past the test runner, which keeps what a test that passes prints to itself, that something was not tested.
pub fn skipped(why: &str) {
    use std::io::Write;
    std::io::stderr().write_all(format!("SKIPPED: {why}\n").as_bytes()).unwrap();
}

fn named(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// Names the system tree; then only namespaces may be missing, and anything else fails the test.
const TREE: &str = "BENCHRACK_PHONE_TREE";

/// The system tree that `cargo xtask phone-tree` makes.
fn tree() -> Option<PathBuf> {
    let tree = named(TREE).or_else(|| {
        let cache = named("BENCHRACK_CI_CACHE").or_else(|| {
            let cache = named("XDG_CACHE_HOME").or_else(|| named("HOME").map(|home| home.join(".cache")));
            cache.map(|cache| cache.join("benchrack-ci"))
        });
        cache.map(|cache| cache.join("cross/phone-tree"))
    });
    tree.filter(|tree| tree.join("usr/sbin/adbd").symlink_metadata().is_ok())
}

/// The agent that is deployed: the build of these tests.
fn agent() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_BIN_EXE_benchrack")).with_file_name("benchrack-agent");
    beside.is_file().then_some(beside)
}

/// Runs a test again, alone and in namespaces of its own, and its body there. Everything that it starts ends with it.
pub fn in_namespaces<F: Future<Output = ()>>(test: &str, body: impl FnOnce() -> F) {
    if std::env::var_os(INSIDE).is_some() {
        checked(Command::new("ip").args(["link", "set", "lo", "up"]));
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(body());
        return;
    }
    if let Some(missing) = missing() {
        assert!(named(TREE).is_none(), "{TREE} is set, and there is {missing}");
        return skipped(missing);
    }
    // As root, because a server's database wants another user than root, which a namespace of one user has not.
    let namespaces = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
    let may = Command::new("unshare").args(namespaces).arg("true").stderr(Stdio::null()).status();
    if !may.is_ok_and(|status| status.success()) {
        return skipped("namespaces cannot be made here (they take root, and unshare of util-linux)");
    }
    let _cores = crate::farm::CORES.blocking_read();
    let program = std::env::current_exe().unwrap();
    let mut command = Command::new("unshare");
    command.args(namespaces).arg(program).args(["--exact", test, "--nocapture"]).env(INSIDE, "1");
    let status = command.status().unwrap();
    assert!(status.success(), "the test in its namespaces failed: {status}");
}

/// What these tests want and is not here.
fn missing() -> Option<&'static str> {
    if tree().is_none() {
        return Some("no system tree for phones; make it with `cargo xtask phone-tree`");
    }
    if agent().is_none() {
        return Some("no benchrack-agent beside benchrack; build the whole workspace");
    }
    for (program, argument, missing) in [
        ("adb", "version", "no adb; install Android's platform tools"),
        ("ip", "-V", "no ip; install iproute2"),
        ("strip", "-V", "no strip; install binutils"),
    ] {
        let there = Command::new(program).arg(argument).stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !there.is_ok_and(|status| status.success()) {
            return Some(missing);
        }
    }
    None
}

fn checked(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Looks again and again until there is something.
fn waited<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < PATIENCE, "waited in vain until {what}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

/// What a phone's programs are built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Machine {
    /// As this machine's: the agent is the build of these tests.
    Here,
    /// 64-bit ARM under QEMU's user-mode emulation: the agent is the static one that phones get.
    Arm64,
}

const STATIC_ARM64: &str = "aarch64-unknown-linux-musl";
/// By the name under which Debian's binfmt entries know it: it then expects what the flags hand over.
const QEMU: &str = "/usr/libexec/qemu-binfmt/aarch64-binfmt-P";

/// The static arm64 agent that `cargo xtask emulated` built.
pub fn arm64_agent() -> Option<PathBuf> {
    let agent = named("BENCHRACK_EMULATED_AGENTS")?.join(STATIC_ARM64).join("benchrack-agent");
    assert!(agent.is_file(), "no arm64 agent at {}", agent.display());
    assert!(Path::new(QEMU).is_file(), "no qemu-user-static; .ci/setup installs it");
    Some(agent)
}

/// What a phone is started with: its files in `$1`, its number in `$2`, the tree in `$3`, whose programs all phones share,
/// and in `$4` what runs arm64 programs, on a phone that has them. The network's end comes from outside.
const INIT: &str = r#"
set -e
if [ -n "$4" ]; then
    mount -t binfmt_misc none /proc/sys/fs/binfmt_misc
    printf '%s' ':benchrack-arm64:M::\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00:\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:'"$4"':POF' \
        >/proc/sys/fs/binfmt_misc/register
fi
mount --bind "$3/usr" "$1/usr"; mount -t proc proc "$1/proc"; mount --rbind /dev "$1/dev"; mount --rbind /sys "$1/sys"; ip link set lo up
if [ -d "$1.power" ]; then mount --bind "$1.power" "$1/sys/class/power_supply"; fi
if [ -s "$1.size" ]; then mount -t tmpfs -o "size=$(cat "$1.size")" tmpfs "$1/data/local/tmp"; fi
until ip link show eth0 >/dev/null 2>&1; do :; done
ip addr add "10.77.$2.2/24" dev eth0; ip link set eth0 up; ip route add default via "10.77.$2.1"
exec chroot "$1" /usr/bin/env -i PATH=/system/bin:/usr/bin HOME=/data/local/tmp SHELL=/system/bin/sh ADBD_PORT=5555 /usr/sbin/adbd
"#;

/// Answers from files, as Android's does from its settings provider, which says `null` where there is none.
const SETTINGS: &str = r#"#!/bin/sh
file=/etc/settings/$2.$3
case $1 in
get) if [ -f "$file" ]; then cat "$file"; else echo null; fi ;;
put) echo "$4" >"$file" ;;
delete) rm -f "$file" ;;
*) exit 1 ;;
esac
"#;

/// Settings of a phone that nobody has touched; others are not set.
const UNTOUCHED: [(&str, &str); 3] =
    [("global.stay_on_while_plugged_in", "0"), ("system.screen_brightness", "102"), ("global.window_animation_scale", "1.0")];

/// A phone's own files: everything but the programs.
fn skeleton(tree: &Path, phone: &Path) {
    for name in ["usr", "proc", "sys", "dev", "tmp", "run", "data/local/tmp"] {
        std::fs::create_dir_all(phone.join(name)).unwrap();
    }
    // The folders' links into usr as well.
    let names = ["bin", "lib", "lib64", "sbin", "etc", "system"].map(|name| tree.join(name));
    checked(Command::new("cp").arg("-a").args(names).arg(phone));
    let settings = phone.join("etc/settings");
    std::fs::create_dir(&settings).unwrap();
    UNTOUCHED.iter().for_each(|(name, value)| std::fs::write(settings.join(name), format!("{value}\n")).unwrap());
}

/// Writes a program that everybody may start.
pub fn write_program(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

struct Phone {
    number: usize,
    machine: Machine,
    folder: PathBuf,
    process: Option<Child>,
}

/// A rack of phones and their adb server.
pub struct Phones {
    folder: PathBuf,
    phones: Vec<Phone>,
}

impl Phones {
    /// So many phones, listed as ready by an adb server of the test's own.
    pub fn start(folder: &Path, count: usize) -> Self {
        Self::of(folder, &vec![Machine::Here; count])
    }

    /// These phones.
    pub fn of(folder: &Path, machines: &[Machine]) -> Self {
        let folder = folder.join("phones");
        let place = |target: &str| {
            let folder = folder.join("agents").join(target);
            std::fs::create_dir_all(&folder).unwrap();
            folder.join("benchrack-agent")
        };
        // Without its symbols, which are most of a build for tests.
        checked(Command::new("strip").arg("-o").arg(place("x86_64-unknown-linux-musl")).arg(agent().unwrap()));
        if machines.contains(&Machine::Arm64) {
            std::fs::copy(arm64_agent().unwrap(), place(STATIC_ARM64)).unwrap();
        }
        let mut rack = Self { phones: Vec::new(), folder };
        rack.start_adb();
        for (number, &machine) in (1..).zip(machines) {
            let folder = rack.folder.join(format!("phone-{number}"));
            skeleton(&tree().unwrap(), &folder);
            rack.phones.push(Phone { number, machine, folder, process: None });
            rack.name(number - 1, &format!("SN{number}"));
            rack.program(number - 1, "settings", SETTINGS);
            rack.power_on(number - 1);
        }
        rack
    }

    /// What a phone's system tells of it.
    pub fn name(&self, nth: usize, serial: &str) {
        let Phone { machine, folder, .. } = &self.phones[nth];
        let abi = match machine {
            Machine::Here => "x86_64",
            Machine::Arm64 => "arm64-v8a",
        };
        let properties = format!(
            "[ro.product.cpu.abi]: [{abi}]\n[ro.product.model]: [Test Phone]\n[ro.serialno]: [{serial}]\n\
             [ro.build.version.sdk]: [34]\n[sys.boot_completed]: [1]\n"
        );
        std::fs::write(folder.join("etc/prop"), properties).unwrap();
    }

    /// Puts a program before all others of its name on a phone.
    pub fn program(&self, nth: usize, name: &str, text: &str) {
        write_program(&self.path(nth, "system/bin").join(name), text);
    }

    /// Every setting of a phone, by name.
    pub fn settings(&self, nth: usize) -> BTreeMap<String, String> {
        let files = std::fs::read_dir(self.path(nth, "etc/settings")).unwrap();
        // One that is deleted meanwhile is not set.
        let read = |file: std::io::Result<std::fs::DirEntry>| {
            let file = file.unwrap();
            let value = std::fs::read_to_string(file.path()).ok()?;
            Some((file.file_name().to_string_lossy().into_owned(), value.trim().to_owned()))
        };
        files.filter_map(read).collect()
    }

    /// Whether a phone's settings are as they were before anybody prepared it.
    pub fn is_untouched(&self, nth: usize) -> bool {
        self.settings(nth) == BTreeMap::from(UNTOUCHED.map(|(name, value)| (name.to_owned(), value.to_owned())))
    }

    /// `benchrack rack` with this rack's settings.
    pub fn rack(&self, server: &Server) -> Command {
        let mut command = benchrack();
        command.arg("rack").env("BENCHRACK_SERVER", server.url()).env("BENCHRACK_AGENTS", self.agents());
        command.args(["--host-name", "test-rack"]);
        self.surroundings(&mut command);
        command
    }

    /// The folder of agents for these phones.
    pub fn agents(&self) -> PathBuf {
        self.folder.join("agents")
    }

    /// Serial number as adb lists it.
    pub fn serial(&self, nth: usize) -> String {
        format!("10.77.{}.2:5555", self.phones[nth].number)
    }

    /// Ends adb's server by force, and all that goes through it.
    pub fn kill_adb(&self) {
        checked(Command::new("pkill").args(["-9", "-x", "adb"]));
    }

    /// Starts adb's server again, as one that knows the same phones.
    pub fn restore_adb(&self) {
        self.start_adb();
        (0..self.phones.len()).for_each(|nth| self.connect(nth));
    }

    /// Runs `adb` and returns what it printed.
    pub fn adb(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("adb");
        let output = self.surroundings(command.args(arguments)).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Leaves a phone that is started from now on 10 MB for everything; it is started again at once.
    pub fn fill(&mut self, nth: usize) {
        self.power_off(nth);
        std::fs::write(self.phones[nth].folder.with_extension("size"), "10m").unwrap();
        self.power_on(nth);
    }

    /// Gives a phone a battery and a cable, whose files this folder holds; it is started again with them.
    pub fn equip(&mut self, nth: usize) -> PathBuf {
        self.power_off(nth);
        let power = self.phones[nth].folder.with_extension("power");
        for (file, text) in [
            ("battery/type", "Battery"),
            ("battery/present", "1"),
            ("battery/status", "Charging"),
            ("battery/capacity", "80"),
            ("battery/current_now", "1500000"),
            ("battery/voltage_now", "4000000"),
            ("battery/temp", "300"),
            ("usb/type", "USB"),
            ("usb/online", "1"),
        ] {
            let path = power.join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, format!("{text}\n")).unwrap();
        }
        self.power_on(nth);
        power
    }

    /// A file of a phone, as seen from here.
    pub fn path(&self, nth: usize, file: &str) -> PathBuf {
        self.phones[nth].folder.join(file)
    }

    /// Takes a phone's network away, or gives it back; nothing on the phone ends.
    pub fn network(&self, nth: usize, up: bool) {
        let cable = format!("vh{}", self.phones[nth].number);
        checked(Command::new("ip").args(["link", "set", &cable, if up { "up" } else { "down" }]));
    }

    /// Ends everything on a phone at once.
    pub fn power_off(&mut self, nth: usize) {
        let mut process = self.phones[nth].process.take().unwrap();
        process.kill().unwrap();
        process.wait().unwrap();
    }

    /// Starts a phone, and waits until adb lists it as ready.
    pub fn power_on(&mut self, nth: usize) {
        let Phone { number, machine, folder, .. } = &self.phones[nth];
        let log = std::fs::File::create(folder.with_extension("log")).unwrap();
        let mut command = Command::new("unshare");
        // A user namespace, so that what runs arm64 programs is this phone's own.
        let namespaces = ["--user", "--map-root-user", "--net", "--mount", "--pid", "--fork", "--kill-child"];
        command
            .args(namespaces)
            .args(["bash", "-c", INIT, "phone"])
            .arg(folder)
            .arg(number.to_string())
            .arg(tree().unwrap())
            .arg(if *machine == Machine::Arm64 { QEMU } else { "" })
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        let process = command.spawn().unwrap();
        let children = format!("/proc/{0}/task/{0}/children", process.id());
        let init = waited("a phone has a first process", || {
            let children = std::fs::read_to_string(&children).ok()?;
            children.split_whitespace().next().map(str::to_owned)
        });
        let (here, address) = (format!("vh{number}"), format!("10.77.{number}.1/24"));
        // A phone that was switched off takes its end of the cable along, a moment later.
        waited("the cable of the phone before is gone", || {
            let there = Command::new("ip").args(["link", "show", &here]).stdout(Stdio::null()).stderr(Stdio::null()).status();
            (!there.unwrap().success()).then_some(())
        });
        checked(Command::new("ip").args(["link", "add", &here, "type", "veth", "peer", "name", "eth0", "netns", &init]));
        checked(Command::new("ip").args(["addr", "add", &address, "dev", &here]));
        checked(Command::new("ip").args(["link", "set", &here, "up"]));
        self.phones[nth].process = Some(process);
        self.connect(nth);
    }

    /// Until adb lists the phone as ready.
    fn connect(&self, nth: usize) {
        let serial = self.serial(nth);
        waited("adb has connected to a phone", || self.adb(&["connect", &serial]).contains("connected").then_some(()));
        waited("a phone is ready", || (self.adb(&["-s", &serial, "get-state"]).trim() == "device").then_some(()));
    }

    /// Starts adb's server; one that was just killed may hold the port for a moment.
    fn start_adb(&self) {
        waited("adb's server has started", || {
            let mut command = Command::new("adb");
            self.surroundings(command.arg("start-server"));
            // The server that this starts would keep a pipe of ours open for as long as it lives.
            let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
            status.success().then_some(())
        });
    }

    /// Files of adb's own go to the test's folder; the server must not look for emulators on loopback ports.
    fn surroundings<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("HOME", &self.folder).env("TMPDIR", &self.folder).env("ADB_LOCAL_TRANSPORT_MAX_PORT", "5554")
    }
}

impl Drop for Phones {
    fn drop(&mut self) {
        let mut kill = Command::new("adb");
        if let Err(error) = self.surroundings(kill.arg("kill-server").stdout(Stdio::null()).stderr(Stdio::null())).status() {
            eprintln!("cannot end adb's server: {error}");
        }
        for process in self.phones.iter_mut().filter_map(|phone| phone.process.as_mut()) {
            if let Err(error) = process.kill().and_then(|()| process.wait()) {
                eprintln!("cannot switch a phone off: {error}");
            }
        }
    }
}
