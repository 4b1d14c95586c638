//! `hubbub tail`: a room's log, line by line, gapless from where it begins.

use hubbub_protocol::{Event, RoomName, id::Seq};
use jiff::tz::TimeZone;

use super::{
    entry::{Entry, Failure, Visit, interrupted, note},
    print,
};
use crate::link::{JoinFrom, LinkHandle, Update};

/// The events that are printed before the new ones.
const LAST_EVENTS: u64 = 20;

/// What is to be printed.
#[derive(Debug)]
pub(super) struct Options {
    pub(super) room: RoomName,
    pub(super) json: bool,
    /// Everything after this; `None`: the last few.
    pub(super) since: Option<Seq>,
    pub(super) follow: bool,
}

/// Prints the log from its beginning to its end, or for ever.
pub(super) async fn run(entry: Entry, options: Options) -> Result<(), Failure> {
    let mut visit = Visit::start(entry);
    let done = tokio::select! {
        done = print_log(&mut visit, &options) => done,
        // Being interrupted is how following ends.
        () = interrupted() => if options.follow { Ok(()) } else { Err(Failure::Said) },
    };
    visit.leave().await;
    done
}

async fn print_log(visit: &mut Visit, options: &Options) -> Result<(), Failure> {
    let from = options.since.map_or(JoinFrom::Last(LAST_EVENTS), JoinFrom::After);
    want(&visit.link, &options.room, from);
    let zone = TimeZone::system();
    let mut printed = 0;
    // The end of the log when it was joined: where to stop when nothing is to be followed.
    let mut end = None;
    loop {
        match visit.next().await? {
            Update::Room(snapshot) => {
                printed = snapshot.delivered;
                if options.follow {
                    visit.be_endless();
                } else if end.is_none() {
                    end = Some(snapshot.seq);
                }
                if let Some(since) = options.since.filter(|since| *since > snapshot.seq) {
                    note(&format!("the log of #{} ends at {}, before {since}", snapshot.room, snapshot.seq));
                }
            }
            Update::Events { events, .. } => {
                for event in &events {
                    if end.is_some_and(|end| printed >= end) {
                        break;
                    }
                    print_event(event, options.json, &zone)?;
                    printed = event.seq().unwrap_or(printed);
                }
            }
            Update::Reset { room } => {
                note(&format!("the log of #{room} is another one now; what was printed is not of it"));
                end = None;
            }
            Update::Gap { after, before, .. } => note(&format!("what lies between {after} and {before} is gone")),
            Update::Left { error: Some(error), .. } => return Err(Failure::Failed(error.message)),
            Update::Notice(notice) => note(&notice),
            _ => {}
        }
        if end.is_some_and(|end| printed >= end) {
            return Ok(());
        }
    }
}

/// Asks for the room; the answer comes through the updates.
fn want(link: &LinkHandle, room: &RoomName, from: JoinFrom) {
    let (link, room) = (link.clone(), room.clone());
    tokio::spawn(async move {
        if let Err(error) = link.join(&room, from).await {
            tracing::debug!(%error, "the join was not answered in time; the room is still wanted");
        }
    });
}

fn print_event(event: &Event, json: bool, zone: &TimeZone) -> Result<(), Failure> {
    let text = if json { Some(print::json(event)?) } else { print::human(event, zone) };
    if let Some(text) = text {
        print::line(&text)?;
    }
    Ok(())
}
