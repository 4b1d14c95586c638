//! The program `hubbub` as scripts see it: usage errors, exit codes, and what it says when nobody answers.

use std::{
    io::{Read, Write},
    net::TcpListener,
    process::{Command, Output},
};

fn hubbub(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hubbub"));
    // nothing of what whoever runs the tests has set: no server, no memory, no colours, no width
    command.args(arguments).env_clear().env("HOME", "/nonexistent");
    command
}

fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = hubbub(arguments).output().expect("the program runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    let (stdout, stderr) = (text(stdout), text(stderr));
    assert!(status.code().is_some(), "{arguments:?} was ended by {status}: {stderr}");
    (status.code(), stdout, stderr)
}

/// An address that nothing listens on, and that no other test is given meanwhile: where this machine has more than
/// one address of its own, it is one that nobody else asks for.
fn free_address() -> String {
    let host = if cfg!(target_os = "linux") { "127.91.17.3" } else { "127.0.0.1" };
    let address = TcpListener::bind((host, 0)).and_then(|listener| listener.local_addr()).expect("a port");
    address.to_string()
}

#[test]
fn a_wrong_command_line_is_exit_code_2_and_says_what_is_wrong() {
    for (arguments, said) in [
        (&["tail"][..], "<ROOM>"),
        (&["tail", "lob by"], "a name holds letters"),
        (&["post", "#", "hi"], "at least one character"),
        (&["rooms", "--server", "ftp://x"], "not with ftp://"),
        (&["rooms", "--timeout", "0"], "more than 0"),
        (&["rooms", "--nick", "a b"], "--nick"),
        (&["tail", "lobby", "--since", "x"], "--since"),
        (&["lobby", "post", "hi", "there"], "a command takes no rooms before it"),
        (&["rooms", "--colour"], "--colour"),
    ] {
        let (code, stdout, stderr) = run(arguments);
        assert_eq!(code, Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.contains(said), "{arguments:?}: {stderr}");
        assert_eq!(stdout, "", "{arguments:?}");
    }
}

#[test]
fn help_tells_the_exit_codes() {
    for arguments in [&["--help"][..], &["post", "--help"], &["tail", "--help"], &["rooms", "--help"]] {
        let (code, stdout, _) = run(arguments);
        assert_eq!(code, Some(0), "{arguments:?}");
        assert!(stdout.contains("could not connect"), "{arguments:?}: {stdout}");
    }
}

#[test]
fn when_nobody_listens_it_is_exit_code_3_and_says_what_to_do() {
    let server = free_address();
    for command in [&["post", "lobby", "hi"][..], &["tail", "lobby", "--no-follow"], &["tail", "#lobby"], &["rooms"]] {
        let (code, stdout, stderr) = run(&[command, &["--server", &server, "--timeout", "0.3"]].concat());
        assert_eq!(code, Some(3), "{command:?}: {stderr}");
        assert!(stderr.contains(&format!("nothing listens on {server}")), "{command:?}: {stderr}");
        assert!(stderr.contains("Start a server with `hubbub-server`"), "{command:?}: {stderr}");
        assert_eq!(stdout, "", "{command:?}");
    }
}

#[test]
fn the_environment_names_the_server_and_the_option_overrides_it() {
    let (env, option) = (free_address(), free_address());
    let said = |command: &mut Command| {
        let output = command.env("HUBBUB_SERVER", &env).output().expect("the program runs");
        String::from_utf8(output.stderr).expect("UTF-8")
    };
    assert!(said(&mut hubbub(&["rooms", "--timeout", "0.2"])).contains(&format!("ws://{env}")));
    let stderr = said(&mut hubbub(&["rooms", "--timeout", "0.2", "--server", &option]));
    assert!(stderr.contains(&format!("ws://{option}")), "{stderr}");
}

#[test]
fn what_is_no_hubbub_server_is_exit_code_3_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let server = listener.local_addr().expect("an address").to_string();
    // Answers whoever comes, however often: on a busy machine the first try can be given up. Ends with the test.
    std::thread::spawn(move || {
        while let Ok((mut socket, _)) = listener.accept() {
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && socket.read_exact(&mut byte).is_ok() {
                head.extend(byte);
            }
            if let Err(error) = socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n") {
                eprintln!("whoever asked is gone: {error}");
            }
        }
    });
    // Far more patience than is needed: that it does not wait is the point.
    let (code, _, stderr) = run(&["rooms", "--server", &server, "--timeout", "3600"]);
    assert_eq!(code, Some(3), "{stderr}");
    assert!(stderr.contains("no Hubbub server answers"), "{stderr}");
}
