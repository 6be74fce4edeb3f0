//! The cluster's folder: lock, first initialisation, socket folder, and what a crash leaves behind.

use std::fs::{File, Permissions, TryLockError};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::USER;
use super::account::Account;
use super::error::LauncherError;
use super::find::Installation;
use super::process::command;

/// A shutdown after a crash writes a checkpoint, which can take this long on a slow disk.
const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(60);
/// `sockaddr_un` holds 108 bytes; the rest is for `/.s.PGSQL.5432`.
const LONGEST_SOCKET_FOLDER: usize = 80;

/// Makes the folder where absent and gives its real path.
pub(super) fn make_folder(folder: &Path) -> Result<PathBuf, LauncherError> {
    std::fs::create_dir_all(folder).map_err(LauncherError::folder("make the data folder", folder))?;
    std::fs::canonicalize(folder).map_err(LauncherError::folder("enter the data folder", folder))
}

/// Holds the folder for this process: the kernel lets go of it when we end in any way.
pub(super) fn lock(folder: &Path) -> Result<File, LauncherError> {
    let path = folder.join("lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(LauncherError::folder("write to the data folder", folder))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(LauncherError::InUse { path: folder.into() }),
        Err(TryLockError::Error(source)) => Err(LauncherError::Folder { what: "lock", path, source }),
    }
}

/// Major version that made this cluster; none when there is no cluster yet.
pub(super) fn major_of(data: &Path) -> Result<Option<u32>, LauncherError> {
    let path = data.join("PG_VERSION");
    match std::fs::read_to_string(&path) {
        Ok(text) => text.trim().parse().map(Some).map_err(|_| LauncherError::NotACluster { path }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(LauncherError::Folder { what: "read", path, source }),
    }
}

/// Runs initdb beside the final place and renames, so that an interrupted initdb never looks finished.
pub(super) fn initialise(
    installation: &Installation,
    folder: &Path,
    data: &Path,
    account: Option<&Account>,
) -> Result<(), LauncherError> {
    let unfinished = folder.join("pgdata.new");
    if unfinished.exists() {
        std::fs::remove_dir_all(&unfinished).map_err(LauncherError::folder("remove", &unfinished))?;
    }
    private_folder(&unfinished, account)?;
    let program = installation.bin.join("initdb");
    let output = command(&program, account)
        .args(["-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "--data-checksums", "-D"])
        .arg(&unfinished)
        .output()
        .map_err(|source| LauncherError::Run { program: program.clone(), source })?;
    if !output.status.success() {
        let said = [output.stderr, output.stdout].concat();
        return Err(LauncherError::Initdb { output: String::from_utf8_lossy(&said).trim().to_owned() });
    }
    std::fs::rename(&unfinished, data).map_err(LauncherError::folder("move the new cluster to", data))
}

fn private_folder(path: &Path, account: Option<&Account>) -> Result<(), LauncherError> {
    std::fs::create_dir_all(path).map_err(LauncherError::folder("make", path))?;
    std::fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(LauncherError::folder("protect", path))?;
    account.map_or(Ok(()), |account| account.own(path))
}

/// Where the socket lies: in the data folder, or in the temporary folder where that path is too long for a socket.
pub(super) fn socket_folder(folder: &Path, account: Option<&Account>) -> Result<PathBuf, LauncherError> {
    let mut path = folder.join("socket");
    if path.as_os_str().len() > LONGEST_SOCKET_FOLDER {
        let inode = std::fs::metadata(folder).map_err(LauncherError::folder("look at", folder))?.ino();
        path = std::env::temp_dir().join(format!("benchrack-{inode:x}"));
        // Anyone may have made this name in a shared folder, and would then own the database's door.
        if let Ok(metadata) = std::fs::symlink_metadata(&path) {
            let ours = [Some(rustix::process::geteuid().as_raw()), account.map(|account| account.uid)];
            if !metadata.is_dir() || !ours.contains(&Some(metadata.uid())) {
                return Err(LauncherError::ForeignSocketFolder { path });
            }
        }
    }
    private_folder(&path, account)?;
    Ok(path)
}

/// Waits for an orphan of an earlier crash to end, and removes its pid file where the number now belongs to another
/// program: Postgres would refuse to start, and low numbers repeat in containers. Needs the folder's lock.
pub(super) fn clear_stale_pid(data: &Path) -> Result<(), LauncherError> {
    let file = data.join("postmaster.pid");
    let begun = Instant::now();
    loop {
        let text = match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(source) => return Err(LauncherError::Folder { what: "read", path: file, source }),
        };
        let pid: Option<u32> = text.lines().next().and_then(|line| line.trim().parse().ok());
        let alive = pid.filter(|pid| is_postmaster_of(*pid, data));
        match alive {
            None if Path::new("/proc/self").exists() => {
                return match std::fs::remove_file(&file) {
                    Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                        Err(LauncherError::Folder { what: "remove", path: file, source })
                    }
                    _ => Ok(()),
                };
            }
            // Without /proc only Postgres itself can tell.
            None => return Ok(()),
            Some(pid) if begun.elapsed() > SHUTDOWN_PATIENCE => {
                return Err(LauncherError::StillRunning { pid, data: data.into() });
            }
            Some(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// A postmaster's working directory is its data folder.
fn is_postmaster_of(pid: u32, data: &Path) -> bool {
    std::fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|folder| folder == data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locked_folder_is_refused_and_free_again_after() {
        let root = tempfile::tempdir().unwrap();
        let held = lock(root.path()).unwrap();
        assert!(matches!(lock(root.path()), Err(LauncherError::InUse { .. })));
        drop(held);
        lock(root.path()).unwrap();
    }

    #[test]
    fn a_pid_file_of_another_program_is_removed() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("postmaster.pid");
        for pid in [std::process::id().to_string(), "999999999".into(), "garbage".into()] {
            std::fs::write(&file, format!("{pid}\n/elsewhere\n")).unwrap();
            clear_stale_pid(root.path()).unwrap();
            assert!(!file.exists(), "{pid}");
        }
    }

    #[test]
    fn a_damaged_version_file_is_said_to_be_one() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(major_of(root.path()).unwrap(), None);
        std::fs::write(root.path().join("PG_VERSION"), "15\n").unwrap();
        assert_eq!(major_of(root.path()).unwrap(), Some(15));
        std::fs::write(root.path().join("PG_VERSION"), "").unwrap();
        assert!(matches!(major_of(root.path()), Err(LauncherError::NotACluster { .. })));
    }

    #[test]
    fn a_long_data_path_gets_its_socket_elsewhere() {
        let root = tempfile::tempdir().unwrap();
        let short = socket_folder(root.path(), None).unwrap();
        assert!(short.starts_with(root.path()));
        let deep = root.path().join("d".repeat(100));
        std::fs::create_dir(&deep).unwrap();
        let elsewhere = socket_folder(&deep, None).unwrap();
        assert!(elsewhere.as_os_str().len() <= LONGEST_SOCKET_FOLDER);
        assert_eq!(std::fs::metadata(&elsewhere).unwrap().mode() & 0o777, 0o700);
        std::fs::remove_dir(elsewhere).unwrap();
    }
}
