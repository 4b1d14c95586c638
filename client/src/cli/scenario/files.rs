//! The files of a run: scenarios that are read, and where reports go.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use crate::scenario::file::{self, FileError, Scenario};

/// The largest file that is read; a scenario is a page or two.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Reads a scenario.
pub(super) fn read(path: &Path) -> Result<Scenario, FileError> {
    let name = path.display().to_string();
    let unreadable = |error: io::Error| FileError::unreadable(&name, error);
    let mut text = Vec::new();
    File::open(path).map_err(unreadable)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut text).map_err(unreadable)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(FileError::unreadable(&name, format!("more than {FILE_BYTES_MAX} bytes; is this a scenario?")));
    }
    let text = String::from_utf8(text).map_err(|_| FileError::unreadable(&name, "this is no text in UTF-8"))?;
    file::read(&text, &name)
}

/// Where something about one of several files is to be written: as it was named, or in the folder that was named.
pub(super) fn output(named: &Path, scenario: &Path, extension: &str, is_one_of_many: bool) -> Result<PathBuf, String> {
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
        let place = output(folder.path(), scenario, "json", true).expect("a place");
        assert_eq!(place, folder.path().join("three_friends.json"));
        let named = folder.path().join("out.json");
        assert_eq!(output(&named, scenario, "json", false), Ok(named.clone()));
        assert!(output(&named, scenario, "json", true).is_err());
        assert!(output(&folder.path().join("no/out.json"), scenario, "json", false).is_err());
        assert_eq!(output(Path::new("out.json"), scenario, "json", false), Ok("out.json".into()));
    }

    #[test]
    fn a_file_that_is_no_text_or_not_there_is_said_with_its_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("story.yaml");
        let error = || read(&path).expect_err("no scenario").to_string();
        assert!(error().contains("story.yaml: No such file"), "{}", error());
        fs::write(&path, b"name: \xff").expect("a file");
        assert!(error().ends_with("story.yaml: this is no text in UTF-8"), "{}", error());
        fs::write(&path, vec![b'#'; 2 << 20]).expect("a file");
        assert!(error().ends_with("is this a scenario?"), "{}", error());
    }
}
