//! What the commands of `hubbub-server` promise, through the real program.

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use tempfile::TempDir;

/// The program in an empty folder, without the variables of whoever runs the tests.
fn server(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hubbub-server"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("HUBBUB_")) {
        command.env_remove(name);
    }
    command.current_dir(folder).stdin(Stdio::null());
    command
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn run(command: &mut Command) -> Output {
    command.output().expect("the program runs")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

fn file(folder: &TempDir, text: &str) -> PathBuf {
    let path = folder.path().join("hubbub.toml");
    std::fs::write(&path, text).expect("a file");
    path
}

/// Runs `check-config` and `serve` on a file: both must refuse it with code 2 and the same words.
fn refusal(text: &str) -> String {
    let folder = folder();
    let path = file(&folder, text);
    let checked = run(server(folder.path()).arg("check-config").arg(&path));
    assert_eq!((checked.status.code(), stdout(&checked)), (Some(2), String::new()), "{}", stderr(&checked));
    let served = run(server(folder.path()).args(["--http", "127.0.0.1:0", "--config"]).arg(&path));
    assert_eq!((served.status.code(), stdout(&served)), (Some(2), String::new()), "{}", stderr(&served));
    assert!(stderr(&served).ends_with(&stderr(&checked)), "{}", stderr(&served));
    stderr(&checked)
}

#[test]
fn the_printed_configuration_is_accepted() {
    let folder = folder();
    let printed = run(server(folder.path()).arg("config"));
    assert_eq!((printed.status.code(), stderr(&printed)), (Some(0), String::new()));
    let path = file(&folder, &stdout(&printed));
    let checked = run(server(folder.path()).arg("check-config").arg(&path));
    assert_eq!(checked.status.code(), Some(0), "{}", stderr(&checked));
    assert_eq!(stdout(&checked), format!("{}: all right\n", path.display()));
}

#[test]
fn an_unknown_key_is_refused_with_its_place_and_the_nearest() {
    let error = refusal("[limits]\npost_brust = 3\n");
    assert!(error.contains("hubbub.toml:2:1: there is no key `limits.post_brust`"), "{error}");
    assert!(error.contains("the nearest is `limits.post_burst`"), "{error}");
}

#[test]
fn a_wrong_type_is_refused_with_the_key_and_what_is_right() {
    let error = refusal("[server]\nhttp = 8080\n");
    assert!(error.contains("hubbub.toml:2:8: `server.http` must be an address as HOST:PORT"), "{error}");
}

#[test]
fn a_value_out_of_range_is_refused_with_the_key_and_the_range() {
    let error = refusal("[limits]\nframe_bytes_max = 12\n");
    assert!(error.contains("`limits.frame_bytes_max` must be a whole number from 1024 to 1048576, not 12"), "{error}");
}

#[test]
fn an_unknown_variable_is_refused_with_the_nearest() {
    let folder = folder();
    let path = file(&folder, "");
    for args in [vec!["check-config", path.to_str().expect("UTF-8")], vec!["--http", "127.0.0.1:0"]] {
        let output = run(server(folder.path()).args(args).env("HUBBUB_SERVER_HTPP", "127.0.0.1:0"));
        assert_eq!(output.status.code(), Some(2));
        let error = stderr(&output);
        assert!(
            error.contains("HUBBUB_SERVER_HTPP: there is no such variable; the nearest is HUBBUB_SERVER_HTTP"),
            "{error}"
        );
    }
}

#[test]
fn a_variable_with_a_wrong_value_is_refused_by_its_name() {
    let folder = folder();
    let output = run(server(folder.path()).env("HUBBUB_LIMITS_POST_BURST", "many"));
    assert_eq!(output.status.code(), Some(2));
    let error = stderr(&output);
    assert!(error.contains("HUBBUB_LIMITS_POST_BURST: `limits.post_burst` must be a whole number"), "{error}");
}

#[test]
fn an_unknown_flag_is_refused_with_the_nearest() {
    let folder = folder();
    let output = run(server(folder.path()).args(["serve", "--htpt", "127.0.0.1:0"]));
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("'--htpt'") && stderr(&output).contains("'--http'"), "{}", stderr(&output));
}

#[test]
fn a_flag_with_a_wrong_value_is_refused_by_its_name() {
    let folder = folder();
    let output = run(server(folder.path()).args(["--workers", "0"]));
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("--workers: `fanout.shards` must be"), "{}", stderr(&output));
    let output = run(server(folder.path()).args(["--log-format", "xml"]));
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("text, json"), "{}", stderr(&output));
}

#[test]
fn a_file_that_cannot_be_read_is_refused() {
    let folder = folder();
    let output = run(server(folder.path()).args(["check-config", "absent.toml"]));
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).starts_with("absent.toml: cannot be read: "), "{}", stderr(&output));
}

#[test]
fn an_address_in_use_ends_the_start_with_advice() {
    let folder = folder();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address").to_string();
    let output = run(server(folder.path()).args(["--http", &address]));
    assert_eq!((output.status.code(), stdout(&output)), (Some(1), String::new()));
    let error = stderr(&output);
    assert!(error.contains(&format!("cannot listen on {address}: another program does already")), "{error}");
    assert!(error.contains("--http 127.0.0.1:0"), "{error}");
    assert!(!folder.path().join("hubbub-data").exists(), "nothing was touched before the start failed");
}

#[test]
fn a_log_for_programs_is_json_to_the_last_line() {
    let folder = folder();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address").to_string();
    let output = run(server(folder.path()).args(["--log-format", "json", "--http", &address]));
    assert_eq!(output.status.code(), Some(1));
    let lines: Vec<serde_json::Value> =
        stderr(&output).lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let last = lines.last().expect("a line");
    assert_eq!(last["level"], "ERROR");
    assert!(last["message"].as_str().is_some_and(|message| message.contains("cannot listen on")), "{last}");
}

#[test]
fn the_file_s_variable_is_the_flag_s_and_disturbs_no_other_command() {
    let folder = folder();
    let path = file(&folder, "[log]\nfilter = \"loud\"\n");
    for args in [&["serve"][..], &[]] {
        let output = run(server(folder.path()).args(args).env("HUBBUB_CONFIG", &path));
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains("hubbub.toml:2:10: `log.filter` must be a filter"), "{}", stderr(&output));
    }
    let printed = run(server(folder.path()).arg("config").env("HUBBUB_CONFIG", &path));
    assert_eq!((printed.status.code(), stderr(&printed)), (Some(0), String::new()));
}

#[test]
fn help_and_version_are_answers_and_no_errors() {
    let folder = folder();
    let help = run(server(folder.path()).arg("--help"));
    assert_eq!(help.status.code(), Some(0));
    for word in [
        "serve",
        "config",
        "check-config",
        "inspect",
        "--config",
        "--data",
        "--http",
        "--workers",
        "--log-format",
        "Exit codes",
    ] {
        assert!(stdout(&help).contains(word), "{word}");
    }
    let version = run(server(folder.path()).arg("--version"));
    assert_eq!(version.status.code(), Some(0));
    assert_eq!(stdout(&version), format!("hubbub-server {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_reader_that_goes_away_is_no_panic() {
    let folder = folder();
    let mut child = server(folder.path())
        .arg("config")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    // The first line is read, the rest has nowhere to go; a pipe may still hold all of it.
    let mut line = String::new();
    BufReader::with_capacity(16, child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
    let output = child.wait_with_output().expect("it ends");
    assert!(matches!(output.status.code(), Some(0 | 1)), "{:?}", output.status);
    assert_eq!(stderr(&output), "");
}

/// Starts a server whose stdin is a pipe, and gives it once it is ready.
fn server_with_a_pipe(folder: &Path, args: &[&str]) -> std::process::Child {
    let mut command = server(folder);
    command.args(["--http", "127.0.0.1:0"]).args(args);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the program runs");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
    assert!(line.starts_with("ready http="), "{line}");
    child
}

#[test]
fn a_server_that_was_told_so_drains_when_its_stdin_ends() {
    let folder = folder();
    let mut child = server_with_a_pipe(folder.path(), &["--until-stdin-closes"]);
    drop(child.stdin.take());
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn a_server_that_was_not_told_so_outlives_its_stdin() {
    let folder = folder();
    let mut child = server_with_a_pipe(folder.path(), &[]);
    drop(child.stdin.take());
    // It drains when it is asked to: so it was still there.
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::TERM)
        .expect("it is there");
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}

#[test]
#[cfg(target_os = "linux")]
fn memory_of_a_server_comes_in_small_pages() {
    let folder = folder();
    let mut child = server_with_a_pipe(folder.path(), &["--until-stdin-closes"]);
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).expect("it is there");
    drop(child.stdin.take());
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
    // A kernel without huge pages does not speak of them.
    let huge = status.lines().find_map(|line| line.strip_prefix("THP_enabled:"));
    assert!(huge.is_none_or(|enabled| enabled.trim() == "0"), "{huge:?}");
}

#[test]
fn an_inspection_finds_the_folder_as_the_server_does() {
    let folder = folder();
    let path = file(&folder, "[server]\ndata = \"elsewhere\"\n");
    let mut child = server_with_a_pipe(folder.path(), &["--until-stdin-closes", "--config", "hubbub.toml"]);
    let found = [
        run(server(folder.path()).arg("inspect").env("HUBBUB_CONFIG", &path)),
        run(server(folder.path()).arg("inspect").env("HUBBUB_SERVER_DATA", "elsewhere")),
        run(server(folder.path()).args(["inspect", "--data", "elsewhere", "--rows", "3"])),
    ];
    for output in found {
        assert_eq!((output.status.code(), stderr(&output)), (Some(0), String::new()));
        assert!(stdout(&output).contains("Nothing is stuck"), "{}", stdout(&output));
    }
    let output = run(server(folder.path()).arg("inspect"));
    assert_eq!(output.status.code(), Some(1), "that is another folder");
    drop(child.stdin.take());
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn where_no_socket_can_be_the_server_serves_and_the_inspection_says_why_not() {
    let folder = folder();
    let data = "d".repeat(120);
    let mut child = server_with_a_pipe(folder.path(), &["--data", &data, "--until-stdin-closes"]);
    let output = run(server(folder.path()).args(["inspect", "--data", &data]));
    assert_eq!((output.status.code(), stdout(&output)), (Some(1), String::new()));
    assert!(stderr(&output).contains("the control socket in") && stderr(&output).contains("shorter"), "{output:?}");
    drop(child.stdin.take());
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn the_client_s_variable_in_the_same_shell_disturbs_nothing() {
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_hubbub-server"));
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("hubbub.toml");
    std::fs::write(&file, "").expect("a file");
    let output =
        program.arg("check-config").arg(&file).env("HUBBUB_SERVER", "chat.example:8080").output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
