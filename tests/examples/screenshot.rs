//! Draws `docs/talk.svg`: two people talk in the real program on a private server, and their screens are the picture.
//!
//! `cargo run -p hubbub-tests --example screenshot`. Everything in the picture is what the program wrote to a
//! terminal; only the window around it and the sixteen colours, which every terminal has its own of, are ours.

#[path = "../terminal/person.rs"]
#[allow(dead_code, reason = "the tests need all of it")]
mod person;
#[path = "../terminal/terminal.rs"]
#[allow(dead_code, reason = "the tests need all of it")]
mod terminal;

use std::{
    fmt::Write,
    fs,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use hubbub_protocol::limits::NONCE_BYTES_MAX;
use hubbub_tests::{
    server::{Server, Setup},
    wire::Wire,
};
use tokio::time::interval;
use vt100::{Cell, Color, Screen};

use crate::{person::Person, terminal::Terminal};

/// Where the picture goes.
const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/talk.svg");

/// The room that is in front of both.
const ROOM: &str = "release";

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let server = Server::start(Setup::new()).await;
    let zone = morning();
    let (ana, bo) = (Person::new("ana").in_zone(&zone), Person::new("bo").in_zone(&zone));
    let (mut rosa, _) = Wire::guest(server.address(), "rosa").await;
    for room in ["lobby", "release", "rust", "lunch"] {
        rosa.join(room).await;
    }
    let mut ana = ana.talks(&server, ANA.0, ANA.1, &[ROOM, "lobby", "lunch", "rust"]).await;
    let mut bo = bo.talks(&server, BO.0, BO.1, &[ROOM, "rust", "lobby"]).await;
    for room in 1..5 {
        ana.keys(&format!("\x1b{room}"));
    }
    ana.keys("\x1b1");
    ana.shows(&["3 members", "● bo"]).await;
    talk(&mut ana, &mut bo, &mut rosa).await;
    ana.shows(&["bo is typing"]).await;
    let picture = picture(&[("ana", &ana), ("bo", &bo)]);
    fs::write(FILE, &picture).expect("the picture can be written");
    println!("{FILE}: {} bytes", picture.len());
}

/// The time zone in which it is between ten and eleven now, whenever the picture is made.
fn morning() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock that goes right");
    let hour = since.as_secs() / 3_600 % 24;
    // in POSIX's notation west is positive
    format!("<morning>{}", i64::try_from(hour).expect("a small number") - 10)
}

// ---- the conversation ----

/// Columns and rows of the two windows.
const ANA: (u16, u16) = (94, 24);
const BO: (u16, u16) = (52, 24);

/// A post by the third person, who has no screen; both others see it if it is in their room.
async fn rosa_says(rosa: &mut Wire, room: &str, text: &str) {
    // she says nothing twice
    let nonce: String = text.chars().filter(char::is_ascii_alphanumeric).take(NONCE_BYTES_MAX).collect();
    rosa.post(room, &nonce, text).await;
}

/// Says something on one screen and waits until both show its end.
async fn say(from: &mut Terminal, to: &mut Terminal, line: &str) {
    from.say(line);
    both_show(from, to, line).await;
}

async fn both_show(one: &mut Terminal, other: &mut Terminal, line: &str) {
    let last = line.split(' ').next_back().unwrap_or(line);
    one.shows(&[last]).await;
    other.shows(&[last]).await;
}

async fn talk(ana: &mut Terminal, bo: &mut Terminal, rosa: &mut Wire) {
    say(ana, bo, "/topic 0.1 ships on Friday").await;
    for line in ["The release notes are ready: https://example.org/notes", "Two pages, no surprises."] {
        rosa_says(rosa, ROOM, line).await;
        both_show(ana, bo, line).await;
    }
    say(ana, bo, "Reading. bo: did the soak test get through the night?").await;
    say(bo, ana, "It did: killed thirty times, nothing lost, nothing twice ✅").await;
    say(bo, ana, "Memory stayed flat, too. Graphs are in #rust.").await;
    rosa_says(rosa, ROOM, "That calls for cake 🎂").await;
    both_show(ana, bo, "🎂").await;
    bo.say("/me fetches plates");
    both_show(ana, bo, "plates").await;
    rosa_says(rosa, "rust", "Latency under load, before and after: p99 went from 43 ms to 6").await;
    rosa_says(rosa, "rust", "One setsockopt. One.").await;
    rosa_says(rosa, "rust", "Nagle sends his regards").await;
    rosa_says(rosa, "lunch", "ana: noodles at half past twelve?").await;
    say(ana, bo, "Then it is settled: I tag it on Thursday evening, and Friday is for answering questions.").await;
    rosa_says(rosa, ROOM, "ana: one year in the changelog is wrong, I am fixing it").await;
    both_show(ana, bo, "fixing").await;
    // as slowly as a person: that somebody types is told every few seconds only
    let mut pace = interval(Duration::from_millis(90));
    for letter in "And I water the plants while you two".chars() {
        pace.tick().await;
        bo.keys(letter.encode_utf8(&mut [0; 4]));
    }
    bo.shows(&["while you two"]).await;
}

// ---- the picture ----

/// A cell's size.
const CELL: (f64, f64) = (8.4, 18.0);
/// The size of letters; every common monospaced font is 0.6 of it wide, and what is not is made so.
const FONT: f64 = 14.0;
/// From a window's edge to its text, the title bar's height, the space between windows.
const PADDING: f64 = 12.0;
const BAR: f64 = 32.0;
const GAP: f64 = 20.0;

const INK: &str = "#d6dae2";
const PAPER: &str = "#14171f";
/// The sixteen colours, readable on [`PAPER`].
const COLORS: [&str; 16] = [
    "#3b4252", "#f2777a", "#98c379", "#e5c07b", "#61afef", "#d291e4", "#56c7c7", "#d6dae2", //
    "#6b7488", "#ff9b93", "#b5e08d", "#f5d893", "#8cc4ff", "#e6b3f2", "#86e0e0", "#ffffff",
];

/// How a run of cells looks.
#[derive(Clone, PartialEq)]
struct Look {
    ink: &'static str,
    paper: &'static str,
    classes: String,
}

/// Cells of one look, side by side.
struct Run {
    column: u16,
    columns: u16,
    text: String,
    look: Look,
}

fn picture(windows: &[(&str, &Terminal)]) -> String {
    let mut body = String::new();
    let (mut x, mut height) = (1.0, 0.0_f64);
    for (name, terminal) in windows {
        let screen = terminal.screen();
        let (rows, columns) = screen.size();
        let wide = f64::from(columns.get()) * CELL.0 + 2.0 * PADDING;
        let high = f64::from(rows.get()) * CELL.1 + BAR + PADDING;
        let title = title(&terminal.bytes()).unwrap_or_else(|| (*name).to_owned());
        window(&mut body, x, wide, high, &format!("{name}: {title}"), &screen);
        x += wide + GAP;
        height = height.max(high);
    }
    let (width, height) = (x - GAP + 1.0, height + 2.0);
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0} {height:.0}" width="{width:.0}" height="{height:.0}" role="img" aria-label="Two terminals: ana and bo talk in a room of Hubbub">
<style>
text{{font:{FONT}px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono","Liberation Mono",monospace;fill:{INK};white-space:pre}}
.b{{font-weight:700}}.d{{opacity:.55}}.i{{font-style:italic}}.u{{text-decoration:underline}}
.t{{font:13px system-ui,-apple-system,"Segoe UI",sans-serif;fill:#98a1b3;text-anchor:middle}}
.l.d{{opacity:.3}}
.l{{stroke:{INK};stroke-width:1;fill:none;shape-rendering:crispEdges}}
</style>
{body}</svg>
"#
    )
}

/// The title that the program gave its window last.
fn title(bytes: &[u8]) -> Option<String> {
    let written = String::from_utf8_lossy(bytes);
    let (_, rest) = written.rsplit_once("\x1b]0;")?;
    rest.split_once('\x07').map(|(title, _)| title.to_owned())
}

fn window(body: &mut String, x: f64, wide: f64, high: f64, title: &str, screen: &Screen) {
    put(
        body,
        format_args!(
            r##"<g transform="translate({x:.1} 1)"><rect width="{wide:.1}" height="{high:.1}" rx="10" fill="{PAPER}" stroke="#3a4152"/>"##
        ),
    );
    put(
        body,
        format_args!(
            r##"<path d="M0 {BAR}V10a10 10 0 0 1 10-10H{:.1}a10 10 0 0 1 10 10V{BAR}z" fill="#20242f"/>"##,
            wide - 10.0
        ),
    );
    for (at, color) in [(18, "#ff5f57"), (38, "#febc2e"), (58, "#28c840")] {
        put(body, format_args!(r#"<circle cx="{at}" cy="16" r="6" fill="{color}"/>"#));
    }
    put(body, format_args!(r#"<text class="t" x="{:.1}" y="20.5">{}</text>"#, wide / 2.0, escaped(title)));
    put(body, format_args!(r#"<g transform="translate({PADDING} {})">"#, BAR + PADDING / 2.0));
    rules(body, screen);
    if !screen.hide_cursor() {
        let (row, column) = screen.cursor_position();
        let (x, y) = (f64::from(column) * CELL.0, f64::from(row) * CELL.1);
        put(
            body,
            format_args!(
                r##"<rect x="{x:.1}" y="{y:.1}" width="{}" height="{}" fill="{INK}" opacity=".5"/>"##,
                CELL.0, CELL.1
            ),
        );
    }
    let (rows, columns) = screen.size();
    for row in 0..rows.get() {
        for run in runs(screen, row, columns.get()) {
            draw(body, row, &run);
        }
    }
    put(body, format_args!("</g></g>"));
}

fn put(body: &mut String, text: std::fmt::Arguments<'_>) {
    body.write_fmt(text).and_then(|()| body.write_str("\n")).expect("a string takes everything");
}

fn draw(body: &mut String, row: u16, run: &Run) {
    let (x, y) = (f64::from(run.column) * CELL.0, f64::from(row) * CELL.1);
    let wide = f64::from(run.columns) * CELL.0;
    let Look { ink, paper, classes } = &run.look;
    if *paper != PAPER {
        put(
            body,
            format_args!(r#"<rect x="{x:.1}" y="{y:.1}" width="{wide:.1}" height="{}" fill="{paper}"/>"#, CELL.1),
        );
    }
    if run.text.trim().is_empty() {
        return;
    }
    let class = if classes.is_empty() { String::new() } else { format!(r#" class="{classes}""#) };
    let fill = if *ink == INK { String::new() } else { format!(r#" style="fill:{ink}""#) };
    let text = escaped(&run.text);
    let y = y + 13.5;
    put(
        body,
        format_args!(
            r#"<text x="{x:.1}" y="{y:.1}" textLength="{wide:.1}" xml:space="preserve"{class}{fill}>{text}</text>"#
        ),
    );
}

/// The lines that are drawn with letters, drawn as lines: letters leave gaps.
fn rules(body: &mut String, screen: &Screen) {
    let (rows, columns) = screen.size();
    let is =
        |row: u16, column: u16, letter: &str| screen.cell(row, column).is_some_and(|cell| cell.contents() == letter);
    for (letter, is_across) in [("│", false), ("─", true)] {
        let (lanes, length) = if is_across { (rows.get(), columns.get()) } else { (columns.get(), rows.get()) };
        for lane in 0..lanes {
            let place = |at: u16| if is_across { (lane, at) } else { (at, lane) };
            let mut at = 0;
            while at < length {
                let start = at;
                let (row, column) = place(start);
                let look = screen.cell(row, column).map(look);
                while at < length
                    && is(place(at).0, place(at).1, letter)
                    && screen.cell(place(at).0, place(at).1).map(self::look) == look
                {
                    at += 1;
                }
                if at == start {
                    at += 1;
                    continue;
                }
                line(body, row, column, at - start, is_across, look);
            }
        }
    }
}

fn line(body: &mut String, row: u16, column: u16, cells: u16, is_across: bool, look: Option<Look>) {
    let (mut x, mut y) = (f64::from(column) * CELL.0, f64::from(row) * CELL.1);
    let Some(Look { ink, classes, .. }) = look else { return };
    let path = if is_across {
        y += CELL.1 / 2.0;
        format!("M{x:.1} {y:.1}h{:.1}", f64::from(cells) * CELL.0)
    } else {
        x += CELL.0 / 2.0;
        format!("M{x:.1} {y:.1}v{:.1}", f64::from(cells) * CELL.1)
    };
    let fill = if ink == INK { String::new() } else { format!(r#" style="stroke:{ink}""#) };
    put(body, format_args!(r#"<path class="l {classes}" d="{path}"{fill}/>"#));
}

/// A row's cells by their looks; blanks in the default look and drawn lines are left out.
fn runs(screen: &Screen, row: u16, columns: u16) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for column in 0..columns {
        let Some(cell) = screen.cell(row, column).filter(|cell| !cell.is_wide_continuation()) else { continue };
        let look = look(cell);
        let (text, columns) = match cell.contents() {
            "" | "│" | "─" => (" ", 1),
            text => (text, if cell.is_wide() { 2 } else { 1 }),
        };
        // a letter that is no letter of the font has another width there: it stands alone
        let is_plain = columns == 1 && text.chars().all(|c| c.is_alphanumeric() || c.is_ascii());
        match runs.last_mut() {
            Some(run) if is_plain && run.look == look && run.text.is_ascii() && run.column + run.columns == column => {
                run.text.push_str(text);
                run.columns += columns;
            }
            _ => runs.push(Run { column, columns, text: text.to_owned(), look }),
        }
    }
    runs.iter_mut().for_each(trim);
    runs
}

/// Takes the blanks of the default look from both ends.
fn trim(run: &mut Run) {
    if run.look.paper != PAPER || run.look.classes.contains('u') {
        return;
    }
    let blank = |text: &str| u16::try_from(text.len()).unwrap_or_default();
    let begin = run.text.len() - run.text.trim_start().len();
    run.column += blank(&run.text[..begin]);
    run.columns -= blank(&run.text[..begin]);
    run.columns -= blank(&run.text[run.text.trim_end().len().max(begin)..]);
    run.text = run.text.trim().to_owned();
}

fn look(cell: &Cell) -> Look {
    let color = |color: Color, default| match color {
        Color::Default | Color::Rgb(..) => default,
        Color::Idx(index) => COLORS.get(usize::from(index)).copied().unwrap_or(default),
    };
    let (mut ink, mut paper) = (color(cell.fgcolor(), INK), color(cell.bgcolor(), PAPER));
    if cell.inverse() {
        (ink, paper) = (paper, ink);
    }
    let classes = [(cell.bold(), "b"), (cell.dim(), "d"), (cell.italic(), "i"), (cell.underline(), "u")];
    let classes: Vec<&str> = classes.iter().filter(|(is, _)| *is).map(|(_, class)| *class).collect();
    Look { ink, paper, classes: classes.join(" ") }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
