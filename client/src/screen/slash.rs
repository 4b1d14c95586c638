//! The commands that begin with a slash: one table, from which lines are read, completed and explained.

/// A command with its argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Command {
    /// Enter a room.
    Join(String),
    /// Leave a room; empty: the one in front.
    Part(String),
    /// Show or change the topic; empty: show it.
    Topic(String),
    /// Take the topic away.
    Untopic,
    /// Change the nick.
    Nick(String),
    /// Say something in the third person.
    Me(String),
    /// List the server's rooms.
    Rooms,
    /// List the members.
    Who,
    /// Tell others that one is away.
    Away,
    /// Tell others that one is back.
    Back,
    /// Connect anew, now.
    Reconnect,
    /// Explain keys and commands.
    Help,
    /// Quit.
    Quit,
}

/// What a command wants after its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Argument {
    None,
    Optional,
    Needed,
}

/// One row of the table.
pub(crate) struct CommandInfo {
    /// The name with its slash.
    pub(crate) name: &'static str,
    /// What follows it, for people.
    pub(crate) usage: &'static str,
    /// What it does, for people.
    pub(crate) what: &'static str,
    argument: Argument,
    make: fn(String) -> Command,
}

const fn row(
    name: &'static str,
    usage: &'static str,
    what: &'static str,
    argument: Argument,
    make: fn(String) -> Command,
) -> CommandInfo {
    CommandInfo { name, usage, what, argument, make }
}

/// Every command.
pub(crate) const COMMANDS: &[CommandInfo] = &[
    row("/join", "#room", "enter a room; create it if there is none", Argument::Needed, Command::Join),
    row("/part", "[#room]", "leave a room", Argument::Optional, Command::Part),
    row("/topic", "[text]", "show or change what the room is about", Argument::Optional, Command::Topic),
    row("/untopic", "", "take the topic away", Argument::None, |_| Command::Untopic),
    row("/nick", "name", "change your nick", Argument::Needed, Command::Nick),
    row("/me", "text", "say what you do: * ana waves", Argument::Needed, Command::Me),
    row("/rooms", "", "list the server's rooms, to jump to one", Argument::None, |_| Command::Rooms),
    row("/who", "", "list who is here", Argument::None, |_| Command::Who),
    row("/away", "", "show others that you are away", Argument::None, |_| Command::Away),
    row("/back", "", "show others that you are back", Argument::None, |_| Command::Back),
    row("/reconnect", "", "connect anew, now", Argument::None, |_| Command::Reconnect),
    row("/help", "", "this page", Argument::None, |_| Command::Help),
    row("/quit", "", "quit; your nick and rooms are kept for when you come back", Argument::None, |_| Command::Quit),
];

/// What a written line is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Line {
    /// To be posted.
    Text(String),
    /// To be done.
    Command(Command),
    /// Neither; why, for people.
    Wrong(String),
}

/// Reads what was written. `//` at the start stands for a slash that is text.
pub(crate) fn read(text: &str) -> Line {
    if let Some(rest) = text.strip_prefix("//") {
        return Line::Text(format!("/{rest}"));
    }
    if !text.starts_with('/') {
        return Line::Text(text.to_owned());
    }
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    let (name, argument) = (&text[..end], text[end..].trim());
    let Some(info) = COMMANDS.iter().find(|info| info.name.eq_ignore_ascii_case(name)) else {
        return Line::Wrong(unknown(name));
    };
    match info.argument {
        Argument::Needed if argument.is_empty() => Line::Wrong(format!("{} {} — {}", info.name, info.usage, info.what)),
        Argument::None if !argument.is_empty() => Line::Wrong(format!("{} takes nothing after it", info.name)),
        _ => Line::Command((info.make)(argument.to_owned())),
    }
}

/// Says what an unknown command could have meant.
fn unknown(name: &str) -> String {
    let shown: String = name.chars().take(20).collect();
    let distance = |info: &&CommandInfo| strsim::damerau_levenshtein(&name.to_lowercase(), info.name);
    let nearest = COMMANDS.iter().min_by_key(distance).filter(|info| distance(info) <= 3);
    match nearest {
        Some(info) => format!("did you mean {}? There is no {shown}", info.name),
        None => format!("there is no {shown}: F1 lists all; // begins a post with a slash"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_with_their_arguments() {
        assert_eq!(read("/join #rust"), Line::Command(Command::Join("#rust".to_owned())));
        assert_eq!(read("/ME waves  twice "), Line::Command(Command::Me("waves  twice".to_owned())));
        assert_eq!(read("/topic"), Line::Command(Command::Topic(String::new())));
        assert_eq!(read("/quit"), Line::Command(Command::Quit));
    }

    #[test]
    fn an_unknown_command_says_the_nearest() {
        let Line::Wrong(text) = read("/jion #rust") else { panic!("must be refused") };
        assert!(text.contains("did you mean /join?"), "{text}");
        let Line::Wrong(text) = read("/xylophone") else { panic!("must be refused") };
        assert!(text.contains("F1 lists all"), "{text}");
    }

    #[test]
    fn a_command_without_what_it_needs_says_what_it_needs() {
        let Line::Wrong(text) = read("/nick ") else { panic!("must be refused") };
        assert_eq!(text, "/nick name — change your nick");
        assert!(matches!(read("/quit now"), Line::Wrong(_)));
    }

    #[test]
    fn two_slashes_are_one_that_is_text() {
        assert_eq!(read("//etc/passwd"), Line::Text("/etc/passwd".to_owned()));
        assert_eq!(read("a / b"), Line::Text("a / b".to_owned()));
    }
}
