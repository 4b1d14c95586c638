//! Where the reports of a run go: checked before it is played, written whole after it.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Where something about one of several files is to be written: as it was named, or in the folder that was named.
pub(super) fn place(named: &Path, scenario: &Path, extension: &str, is_one_of_many: bool) -> Result<PathBuf, String> {
    if named.is_dir() {
        let stem = scenario.file_stem().unwrap_or(scenario.as_os_str());
        return Ok(named.join(stem).with_extension(extension));
    }
    if is_one_of_many {
        return Err(format!("{}: for several scenarios name a folder that exists", named.display()));
    }
    // Seen before the run, not after minutes of it.
    let folder = named.parent().filter(|folder| !folder.as_os_str().is_empty());
    match folder {
        Some(folder) if !folder.is_dir() => Err(format!("{}: there is no such folder", folder.display())),
        _ => Ok(named.to_owned()),
    }
}

/// Writes a file whole or not at all: what was there before stays until the new one is complete.
pub(super) fn write(path: &Path, text: &str) -> io::Result<()> {
    // A pipe or device is written to as it is.
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return fs::write(path, text);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    // As any new file; a temporary one would be readable by its owner alone.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder)?;
    io::Write::write_all(&mut file, text.as_bytes())?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_written_whole_and_over_an_old_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("facts.json");
        for text in ["old and long", "new"] {
            write(&path, text).expect("written");
            assert_eq!(fs::read_to_string(&path).expect("a file"), text);
        }
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
    }

    #[test]
    fn a_folder_takes_a_file_for_each_scenario() {
        let folder = tempfile::tempdir().expect("a folder");
        let scenario = Path::new("tests/scenarios/three_friends.yaml");
        let found = place(folder.path(), scenario, "json", true).expect("a place");
        assert_eq!(found, folder.path().join("three_friends.json"));
        let named = folder.path().join("out.json");
        assert_eq!(place(&named, scenario, "json", false), Ok(named.clone()));
        assert!(place(&named, scenario, "json", true).is_err());
        assert!(place(&folder.path().join("no/out.json"), scenario, "json", false).is_err());
        assert_eq!(place(Path::new("out.json"), scenario, "json", false), Ok("out.json".into()));
    }
}
