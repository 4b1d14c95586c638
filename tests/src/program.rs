//! Finding the programs, and building them when they are missing or older than their sources.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
    time::SystemTime,
};

/// The path of a `hubbub-server` that is as new as its sources.
#[must_use]
pub fn hubbub_server() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| program("hubbub-server"))
}

/// The path of a `hubbub` that is as new as its sources.
#[must_use]
pub fn hubbub() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| program("hubbub"))
}

/// `cargo test --workspace` has built the programs, for the sake of their packages' own tests. When only this
/// package is tested they may be missing or old: then cargo is asked, once a process, and its lock makes
/// others wait.
fn program(name: &str) -> PathBuf {
    let program = folder().join(name);
    if !is_fresh(&program) {
        build();
    }
    assert!(program.exists(), "{program:?} is not there: run `cargo build --workspace --bins` first");
    program
}

/// Where cargo puts programs: the folder above that of the test's own.
fn folder() -> PathBuf {
    let this = env::current_exe().expect("the test's own path");
    this.parent().and_then(Path::parent).expect("a test lives in target/PROFILE/deps").to_owned()
}

/// Whether the program is there and no file is newer that its list of dependencies names.
fn is_fresh(program: &Path) -> bool {
    let Some(built) = modified(program) else { return false };
    let Ok(list) = fs::read_to_string(program.with_extension("d")) else { return false };
    let Some((_, sources)) = list.split_once(": ") else { return false };
    sources.split_whitespace().all(|source| modified(Path::new(source)).is_some_and(|changed| changed <= built))
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}

/// Builds all programs: of the whole workspace, so that nothing is compiled again for other features.
fn build() {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let profile = folder().file_name().and_then(|name| name.to_str()).unwrap_or("debug").to_owned();
    let profile = if profile == "debug" { "dev".to_owned() } else { profile };
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    let status = Command::new(cargo)
        .args(["build", "--locked", "--workspace", "--bins", "--profile", &profile, "--manifest-path", manifest])
        .status();
    match status {
        Ok(status) if status.success() => {}
        other => panic!("the programs could not be built: {other:?}"),
    }
}
