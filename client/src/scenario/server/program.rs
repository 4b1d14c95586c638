//! Where the server's program is.

use std::{
    env,
    path::{self, Path, PathBuf},
};

use super::ServerError;

/// The program's file name.
const NAME: &str = if cfg!(windows) { "hubbub-server.exe" } else { "hubbub-server" };

/// The program that was named, else the one beside the running program, else the first on `PATH`.
///
/// # Errors
/// When there is none, with what to do about it.
pub(crate) fn find(named: Option<&Path>) -> Result<PathBuf, ServerError> {
    if let Some(named) = named {
        // It is started in a folder of its own, where a relative path would lead elsewhere.
        let program = path::absolute(named).ok().filter(|program| program.is_file());
        return program.ok_or_else(|| ServerError::NoProgram(named.to_owned()));
    }
    let beside = env::current_exe().ok().and_then(|this| this.parent().map(Path::to_owned));
    let path = env::var_os("PATH").unwrap_or_default();
    first_in(beside.into_iter().chain(env::split_paths(&path))).ok_or(ServerError::NotFound)
}

fn first_in(folders: impl Iterator<Item = PathBuf>) -> Option<PathBuf> {
    // An empty entry of PATH is the working folder to some: what lies there by chance is not meant.
    folders.filter(|folder| folder.is_absolute()).map(|folder| folder.join(NAME)).find(|program| program.is_file())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_first_folder_that_has_it_wins_and_relative_ones_are_passed_over() {
        let folders = [(); 3].map(|()| tempfile::tempdir().expect("a folder"));
        for folder in &folders[1..] {
            fs::write(folder.path().join(NAME), "").expect("a file");
        }
        let list = [PathBuf::from("."), PathBuf::new()].into_iter();
        let list = list.chain(folders.iter().map(|folder| folder.path().to_owned()));
        assert_eq!(first_in(list), Some(folders[1].path().join(NAME)));
        assert_eq!(first_in([folders[0].path().to_owned()].into_iter()), None);
    }

    #[test]
    fn a_program_that_was_named_is_taken_or_said_to_be_absent() {
        let folder = tempfile::tempdir().expect("a folder");
        let program = folder.path().join("mine");
        let error = find(Some(&program)).expect_err("nothing there yet");
        assert!(error.to_string().starts_with("--server-bin: there is no program"), "{error}");
        fs::write(&program, "").expect("a file");
        assert_eq!(find(Some(&program)).expect("there now"), program);
        let relative = find(Some(Path::new("Cargo.toml"))).expect("tests run beside it");
        assert!(relative.is_absolute(), "it is started elsewhere: {}", relative.display());
    }
}
