//! Finding the client's program beside the server's, and building it when it is missing or older than its sources.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
    time::SystemTime,
};

use hubbub_tests::program::hubbub_server;

/// The file's name.
const NAME: &str = "hubbub";

/// The package that it is made from.
const PACKAGE: &str = "hubbub-client";

/// The path of a `hubbub` that is as new as its sources.
pub(crate) fn hubbub() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let program = hubbub_server().with_file_name(NAME);
        if !is_fresh(&program) {
            build(&program);
        }
        assert!(program.exists(), "{program:?} is not there: run `cargo build -p {PACKAGE}` first");
        program
    })
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

fn build(program: &Path) {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let folder = program.parent().and_then(Path::file_name).and_then(|name| name.to_str()).unwrap_or("debug");
    let profile = if folder == "debug" { "dev" } else { folder };
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    let status = Command::new(cargo)
        .args(["build", "--locked", "--package", PACKAGE, "--bin", NAME, "--profile", profile])
        .args(["--manifest-path", manifest])
        .status();
    match status {
        Ok(status) if status.success() => {}
        other => panic!("{NAME} could not be built: {other:?}"),
    }
}
