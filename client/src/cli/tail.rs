//! `hubbub tail`: a room's log, line by line, gapless from where it begins.

use hubbub_protocol::{Event, RoomName, id::Seq};
use jiff::tz::TimeZone;

use super::{
    entry::{Entry, Failure, Visit, interrupted, note},
    print,
};
use crate::link::{JoinFrom, LinkHandle, Page, Update};

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

/// Prints the log up to its end, or for ever.
pub(super) async fn run(entry: Entry, options: Options) -> Result<(), Failure> {
    let mut visit = Visit::start(entry);
    let printing = async {
        if options.follow {
            print_as_it_comes(&mut visit, &options).await
        } else {
            print_past(&mut visit, &options).await
        }
    };
    let done = tokio::select! {
        done = printing => done,
        // Being interrupted is how following ends.
        () = interrupted() => if options.follow { Ok(()) } else { Err(Failure::Said) },
    };
    visit.leave().await;
    done
}

/// Prints what is there, without entering the room: nobody sees it, and no room is created.
async fn print_past(visit: &mut Visit, options: &Options) -> Result<(), Failure> {
    let link = visit.link.clone();
    let zone = TimeZone::system();
    let newest = visit.wait(link.history(&options.room, Page::Newest, Some(1))).await?;
    let (epoch, end) = (newest.epoch, newest.seq);
    let mut printed = options.since.unwrap_or_else(|| end.saturating_sub(LAST_EVENTS));
    note_beyond_end(options, &newest.room, end);
    while printed < end {
        let page = visit.wait(link.history(&options.room, Page::After(printed), None)).await?;
        if page.epoch != epoch {
            return Err(Failure::Failed(format!("the log of #{} became another one while it was read", page.room)));
        }
        let before = printed;
        for event in &page.events {
            let Some(seq) = event.seq().filter(|seq| *seq > printed && *seq <= end) else { continue };
            print_event(event, options.json, &zone)?;
            printed = seq;
        }
        if printed == before {
            return Err(Failure::Failed(format!(
                "the server has nothing after {before}, though the log goes to {end}"
            )));
        }
    }
    Ok(())
}

fn note_beyond_end(options: &Options, room: &RoomName, end: Seq) {
    if let Some(since) = options.since.filter(|since| *since > end) {
        note(&format!("the log of #{room} ends at {end}, before {since}"));
    }
}

async fn print_as_it_comes(visit: &mut Visit, options: &Options) -> Result<(), Failure> {
    let from = options.since.map_or(JoinFrom::Last(LAST_EVENTS), JoinFrom::After);
    want(&visit.link, &options.room, from);
    let zone = TimeZone::system();
    loop {
        match visit.next().await? {
            Update::Room(snapshot) => {
                visit.be_endless();
                note_beyond_end(options, &snapshot.room, snapshot.seq);
            }
            Update::Events { events, .. } => {
                for event in &events {
                    print_event(event, options.json, &zone)?;
                }
            }
            Update::Reset { room } => {
                note(&format!("the log of #{room} is another one now; what was printed is not of it"));
            }
            Update::Gap { after, before, .. } => note(&format!("what lies between {after} and {before} is gone")),
            Update::Left { error: Some(error), .. } => return Err(Failure::Failed(error.message)),
            Update::Notice(notice) => note(&notice),
            _ => {}
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
