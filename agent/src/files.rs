//! Files that survive a power cut.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// A file that is there whole or not at all, also after a power cut; readable by its owner only.
///
/// # Errors
/// As the system says.
pub fn write_safely(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let partial = file.with_extension("partial");
    let mut open = fs::OpenOptions::new();
    let mut writer = open.write(true).create(true).truncate(true).mode(0o600).open(&partial)?;
    writer.write_all(bytes)?;
    writer.sync_all()?;
    fs::rename(&partial, file)?;
    if let Some(folder) = file.parent() {
        fs::File::open(folder)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.json");
        write_safely(&file, b"one").unwrap();
        write_safely(&file, b"two").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&file).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
        assert!(write_safely(&folder.path().join("missing/x"), b"").is_err());
    }
}
