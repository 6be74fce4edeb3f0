//! Who this device is: a stable key, names for people, and the fingerprint of its system.
//!
//! The key is a digest: serial numbers and machine ids never leave the device.

use std::collections::BTreeMap;

use benchrack_protocol::device::Identity;
use benchrack_protocol::ids::ArtifactId;
use benchrack_protocol::reading::{Missing, Reading};

use super::cpuinfo::CpuInfo;
use super::getprop::{Properties, property};
use super::os_release;
use crate::sysfs::{self, Commands, SysFs};

/// Machine architecture as the kernel names it.
pub fn architecture(fs: &dyn SysFs, commands: &dyn Commands, properties: &Properties) -> String {
    if let Reading::Value { value } = sysfs::text(fs, "proc/sys/kernel/arch") {
        return value;
    }
    if let Ok(machine) = commands.run("uname", &["-m"]) {
        return machine.trim().to_owned();
    }
    let abi = property(properties, "ro.product.cpu.abi");
    match abi.value().map(String::as_str) {
        Some("arm64-v8a") => "aarch64",
        Some("armeabi-v7a" | "armeabi") => "armv7l",
        Some("x86_64") => "x86_64",
        Some("x86") => "i686",
        _ => "unknown",
    }
    .into()
}

/// Collects the names. `android_shows`: whether anything but the properties shows that it is Android.
pub fn identify(
    fs: &dyn SysFs,
    android_shows: bool,
    properties: &Properties,
    cpuinfo: &CpuInfo,
    architecture: String,
    own_key: Option<&str>,
) -> Identity {
    let kernel = sysfs::text(fs, "proc/sys/kernel/osrelease");
    if properties.value().is_some() || android_shows {
        android(properties, cpuinfo, architecture, kernel, own_key)
    } else {
        linux(fs, cpuinfo, architecture, kernel, own_key)
    }
}

fn android(
    properties: &Properties,
    cpuinfo: &CpuInfo,
    architecture: String,
    kernel: Reading<String>,
    own_key: Option<&str>,
) -> Identity {
    let get = |key| property(properties, key);
    let platforms = ["ro.board.platform", "ro.hardware", "ro.product.model"].map(|name| get(name).value().cloned());
    let own = |serial: Reading<String>| {
        serial.and_then(|serial| {
            if is_everybodys(&serial) || platforms.iter().flatten().any(|name| name.eq_ignore_ascii_case(serial.trim())) {
                return Reading::missing(Missing::Invalid, format!("'{serial}' is no serial number of one device"));
            }
            Reading::of(serial)
        })
    };
    let serial = or(own(get("ro.serialno")), || own(get("ro.boot.serialno")));
    let (manufacturer, model) = (get("ro.product.manufacturer"), get("ro.product.model"));
    // The platform is a family on many phones (`exynos5`, `msm8952` for an MSM8976).
    let hardware = || of(cpuinfo.hardware.clone(), "no Hardware in /proc/cpuinfo");
    let qualcomm = || hardware().and_then(|name| of(chip_of_qualcomm(&name), "Hardware in /proc/cpuinfo names no chip"));
    let platform = || or(get("ro.board.platform"), hardware);
    let named = || or(get("ro.chipname"), || or(get("ro.hardware.chipname"), || or(qualcomm(), platform)));
    let soc = or(get("ro.soc.model"), named);
    let fingerprint = or(get("ro.build.fingerprint"), || get("ro.build.display.id"));
    let title = [manufacturer.value(), model.value()].into_iter().flatten().cloned().collect::<Vec<_>>().join(" ");
    Identity {
        key: key("android", serial.value().map(String::as_str), own_key),
        title: if title.is_empty() { "Android device".into() } else { title },
        os_fingerprint: fingerprint.value().cloned().unwrap_or_else(|| format!("android/{}", shown(&kernel))),
        os: "android".into(),
        os_release: get("ro.build.version.release"),
        manufacturer,
        model,
        soc,
        kernel,
        architecture,
    }
}

fn linux(fs: &dyn SysFs, cpuinfo: &CpuInfo, architecture: String, kernel: Reading<String>, own_key: Option<&str>) -> Identity {
    let release = os_release::read(fs);
    let named = |key: &str| release.value().and_then(|release: &BTreeMap<String, String>| release.get(key).cloned());
    let dmi = |name: &str| meaningful(sysfs::text(fs, &format!("sys/class/dmi/id/{name}")));
    let tree = |name: &str| sysfs::text(fs, &format!("proc/device-tree/{name}"));
    let id = [
        sysfs::text(fs, "etc/machine-id").value().filter(|id| id.len() == 32).cloned(),
        dmi("product_uuid").value().cloned(),
        tree("serial-number").value().cloned(),
    ];
    let soc = or(of(cpuinfo.model_name.clone(), "no model name in /proc/cpuinfo"), || {
        or(of(cpuinfo.hardware.clone(), "no Hardware in /proc/cpuinfo"), || tree("compatible").map(|list| first_name(&list)))
    });
    let distribution = named("PRETTY_NAME").unwrap_or_else(|| "Linux".into());
    let model = or(dmi("product_name"), || tree("model"));
    let on = soc.value().or(model.value()).map(|name| format!(" on {name}")).unwrap_or_default();
    Identity {
        key: key("linux", id.into_iter().flatten().next().as_deref(), own_key),
        title: format!("{distribution}{on}"),
        manufacturer: dmi("sys_vendor"),
        model,
        soc,
        os_fingerprint: format!(
            "{}/{}/{}/{architecture}",
            named("ID").unwrap_or_else(|| "linux".into()),
            named("VERSION_ID").unwrap_or_else(|| "rolling".into()),
            shown(&kernel)
        ),
        os: "linux".into(),
        os_release: of(named("VERSION_ID"), "no VERSION_ID in os-release"),
        kernel,
        architecture,
    }
}

/// `<os>-<16 digits>`: the beginning of a digest of the identifier, which itself stays here.
fn key(os: &str, identifier: Option<&str>, own_key: Option<&str>) -> String {
    match (identifier, own_key) {
        (Some(identifier), _) => {
            let digest = ArtifactId::of(format!("benchrack device key\0{os}\0{}", identifier.trim()).as_bytes());
            format!("{os}-{}", digest.to_string().chars().take(16).collect::<String>())
        }
        (None, Some(own)) => own.into(),
        (None, None) => format!("{os}-without-identity"),
    }
}

/// Serial numbers as makers leave them on all of a kind: digits in order, one letter again and again, a word. (`0123456789ABCDEF`
/// is the default of MediaTek's and Allwinner's boot loaders, `EMULATOR…` that of Android's emulator.)
fn is_everybodys(serial: &str) -> bool {
    const IN_ORDER: [&str; 2] = ["0123456789abcdef0123456789abcdef", "12345678901234567890abcdef"];
    let serial = serial.trim().to_ascii_lowercase();
    let one_letter = serial.chars().collect::<std::collections::BTreeSet<_>>().len() <= 1;
    let in_order = serial.len() >= 4 && IN_ORDER.iter().any(|digits| digits.contains(&serial));
    one_letter || in_order || ["unknown", "null", "none"].contains(&serial.as_str()) || serial.starts_with("emulator")
}

fn or(first: Reading<String>, second: impl FnOnce() -> Reading<String>) -> Reading<String> {
    if first.value().is_some() {
        return first;
    }
    let second = second();
    if second.value().is_some() { second } else { first }
}

fn of(value: Option<String>, why: &str) -> Reading<String> {
    match value {
        Some(value) => Reading::of(value),
        None => Reading::missing(Missing::Absent, why),
    }
}

/// `Qualcomm Technologies, Inc MSM8956`: the chip, where the kernel names it so.
fn chip_of_qualcomm(hardware: &str) -> Option<String> {
    let chip = hardware.strip_prefix("Qualcomm Technologies, Inc")?.trim_start_matches('.').trim();
    (!chip.is_empty() && !chip.contains(' ')).then(|| chip.to_owned())
}

/// Boards whose maker left the fields as they came.
fn meaningful(reading: Reading<String>) -> Reading<String> {
    const FILLERS: [&str; 5] = ["to be filled by o.e.m.", "default string", "system product name", "not specified", "none"];
    reading.and_then(|text| {
        let known = text.to_ascii_lowercase();
        if text.is_empty() || FILLERS.contains(&known.as_str()) {
            return Reading::missing(Missing::Invalid, format!("'{text}' is a placeholder"));
        }
        Reading::of(text)
    })
}

/// Device-tree lists are separated by NUL: `google,komodo\0google,zumapro`.
fn first_name(list: &str) -> String {
    list.split('\0').next().unwrap_or(list).to_owned()
}

fn shown(kernel: &Reading<String>) -> &str {
    kernel.value().map_or("unknown-kernel", String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_stable_tells_devices_apart_and_hides_the_serial() {
        let one = key("android", Some("R58M12345"), None);
        assert_eq!(one, key("android", Some("R58M12345\n"), Some("own")));
        assert_ne!(one, key("android", Some("R58M12346"), None));
        assert!(!one.contains("R58M12345"));
        assert_eq!(key("linux", None, Some("linux-own-1")), "linux-own-1");
    }

    #[test]
    fn a_serial_number_that_many_phones_tell_is_no_identity() {
        let key = |properties: &str| {
            let properties = Reading::of(super::super::getprop::parse(properties));
            let kernel = Reading::missing(Missing::Absent, "");
            android(&properties, &CpuInfo::default(), "aarch64".into(), kernel, Some("own-1")).key
        };
        for serial in ["0123456789ABCDEF", "1234567890abcdef", "123456789", "00000000", "unknown", "EMULATOR35X3X11X0", "mt6580"]
        {
            assert_eq!(key(&format!("[ro.serialno]: [{serial}]\n[ro.board.platform]: [MT6580]\n")), "own-1", "{serial}");
        }
        for serial in ["R58M12345", "0a388e93", "9889db343047474d48", "HT7390200123"] {
            assert!(key(&format!("[ro.serialno]: [{serial}]\n")).starts_with("android-"), "{serial}");
        }
        let boot = "[ro.serialno]: [0123456789ABCDEF]\n[ro.boot.serialno]: [R58M12345]\n";
        assert_eq!(key(boot), key("[ro.serialno]: [R58M12345]\n"), "the boot loader's is asked as well");
    }

    #[test]
    fn a_chip_is_named_as_closely_as_anything_names_it() {
        let soc = |properties: &str, hardware: Option<&str>| {
            let properties = Reading::of(super::super::getprop::parse(properties));
            let cpuinfo = CpuInfo { hardware: hardware.map(str::to_owned), ..CpuInfo::default() };
            android(&properties, &cpuinfo, "aarch64".into(), Reading::missing(Missing::Absent, ""), None).soc.value().cloned()
        };
        let platform = "[ro.board.platform]: [msm8952]\n";
        let qualcomm = Some("Qualcomm Technologies, Inc MSM8956");
        assert_eq!(soc(platform, qualcomm).as_deref(), Some("MSM8956"));
        assert_eq!(soc(platform, Some("Qualcomm MSM 8610 (Flattened Device Tree)")).as_deref(), Some("msm8952"));
        let samsung = "[ro.board.platform]: [exynos5]\n[ro.chipname]: [exynos7885]\n";
        assert_eq!(soc(samsung, None).as_deref(), Some("exynos7885"));
        assert_eq!(soc(&format!("{samsung}[ro.soc.model]: [S5E8890]\n"), qualcomm).as_deref(), Some("S5E8890"));
        assert_eq!(soc("[ro.board.platform]: []\n", Some("MT6595")).as_deref(), Some("MT6595"));
    }

    #[test]
    fn placeholders_of_board_makers_are_no_names() {
        assert!(meaningful(Reading::of("To Be Filled By O.E.M.".into())).value().is_none());
        assert!(meaningful(Reading::of("ThinkPad".into())).value().is_some());
    }
}
