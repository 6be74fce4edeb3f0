//! Which user Postgres runs as: it refuses to be root.

use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};

use super::error::LauncherError;

/// An unprivileged user of /etc/passwd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) name: String,
    pub(super) uid: u32,
    pub(super) gid: u32,
}

/// None when we are not root and Postgres runs as we do; else the owner of the data, `postgres` or `nobody`.
pub(super) fn for_data(data: &Path) -> Result<Option<Account>, LauncherError> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    // initdb refuses a user id without a line in here, so the file decides.
    let passwd = std::fs::read_to_string("/etc/passwd").map_err(LauncherError::folder("read", "/etc/passwd"))?;
    let owner = std::fs::metadata(data).ok().map(|metadata| metadata.uid()).filter(|&uid| uid != 0);
    choose(&passwd, owner).map(Some).ok_or(LauncherError::NoAccount)
}

fn choose(passwd: &str, owner: Option<u32>) -> Option<Account> {
    let accounts: Vec<Account> = passwd.lines().filter_map(parse_line).filter(|account| account.uid != 0).collect();
    match owner {
        Some(owner) => accounts.into_iter().find(|account| account.uid == owner),
        None => ["postgres", "nobody"].iter().find_map(|name| accounts.iter().find(|account| account.name == *name).cloned()),
    }
}

/// `name:password:uid:gid:…` (passwd(5)).
fn parse_line(line: &str) -> Option<Account> {
    let mut fields = line.split(':');
    let name = fields.next()?.to_owned();
    let uid = fields.nth(1)?.parse().ok()?;
    let gid = fields.next()?.parse().ok()?;
    Some(Account { name, uid, gid })
}

impl Account {
    /// Gives a file or folder to this user.
    pub(super) fn own(&self, path: &Path) -> Result<(), LauncherError> {
        chown(path, Some(self.uid), Some(self.gid)).map_err(LauncherError::folder("change the owner of", path))
    }

    /// Whether each parent folder lets this user through; checked first, because initdb's own message names no folder.
    pub(super) fn check_reach(&self, path: &Path) -> Result<(), LauncherError> {
        for folder in path.ancestors() {
            let metadata = std::fs::metadata(folder).map_err(LauncherError::folder("look at", folder))?;
            let bit = match (metadata.uid() == self.uid, metadata.gid() == self.gid) {
                (true, _) => 0o100,
                (false, true) => 0o010,
                (false, false) => 0o001,
            };
            if metadata.is_dir() && metadata.mode() & bit == 0 {
                return Err(LauncherError::OutOfReach { path: PathBuf::from(folder), user: self.name.clone() });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const PASSWD: &str =
        "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\nbroken\npostgres:x:101:104::/:/bin/sh\n";

    #[test]
    fn the_owner_of_the_data_goes_before_postgres_before_nobody() {
        assert_eq!(choose(PASSWD, None).unwrap(), Account { name: "postgres".into(), uid: 101, gid: 104 });
        assert_eq!(choose(PASSWD, Some(65534)).unwrap().name, "nobody");
        assert_eq!(choose("nobody:x:65534:65534::/:/bin/false", None).unwrap().name, "nobody");
        assert_eq!(choose(PASSWD, Some(1000)), None);
        assert_eq!(choose("root:x:0:0:root:/root:/bin/sh", None), None);
    }

    #[test]
    fn a_closed_parent_folder_is_named() {
        let root = tempfile::tempdir().unwrap();
        let closed = root.path().join("closed");
        let inner = closed.join("inner");
        std::fs::create_dir_all(&inner).unwrap();
        std::fs::set_permissions(root.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let stranger = Account { name: "stranger".into(), uid: 4242, gid: 4242 };
        let reach = |mode| {
            std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(mode)).unwrap();
            stranger.check_reach(&inner)
        };
        assert!(reach(0o755).is_ok());
        let error = reach(0o700).unwrap_err();
        assert!(error.to_string().contains(closed.to_str().unwrap()) && error.to_string().contains("stranger"), "{error}");
    }
}
