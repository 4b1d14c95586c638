//! `hubbub rooms`: the server's directory.

use hubbub_protocol::reply::RoomInfo;
use unicode_width::UnicodeWidthStr;

use super::{
    entry::{Entry, Failure, Visit, interrupted},
    print,
};
use crate::safe::safe_line;

/// Lists every room, page by page.
pub(super) async fn run(entry: Entry, json: bool) -> Result<(), Failure> {
    let mut visit = Visit::start(entry);
    let done = tokio::select! {
        done = list(&mut visit, json) => done,
        () = interrupted() => Err(Failure::Said),
    };
    visit.leave().await;
    done
}

async fn list(visit: &mut Visit, json: bool) -> Result<(), Failure> {
    let link = visit.link.clone();
    let mut after = None;
    loop {
        let page = visit.wait(link.rooms(after.as_ref())).await?;
        let width = page.rooms.iter().map(|info| info.room.as_str().width()).max().unwrap_or(0);
        for info in &page.rooms {
            print::line(&if json { print::json(info)? } else { human(info, width) })?;
        }
        match page.rooms.last() {
            Some(last) if page.more => after = Some(last.room.clone()),
            _ => return Ok(()),
        }
    }
}

fn human(info: &RoomInfo, width: usize) -> String {
    let name = safe_line(info.room.as_str());
    let space = " ".repeat(width.saturating_sub(name.width()));
    let members =
        if info.member_count == 1 { "1 member ".to_owned() } else { format!("{} members", info.member_count) };
    format!("#{name}{space}  {members:>10}  {}", safe_line(&info.topic)).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use hubbub_protocol::RoomName;

    use super::*;

    #[test]
    fn rooms_stand_in_columns() {
        let info = |room: &str, member_count, topic: &str| RoomInfo {
            room: RoomName::parse(room).expect("a room"),
            topic: topic.to_owned(),
            member_count,
            seq: 0,
        };
        assert_eq!(human(&info("lobby", 1, "Hello\u{1b}"), 6), "#lobby    1 member   Hello␛");
        assert_eq!(human(&info("日本語", 12, "x"), 6), "#日本語  12 members  x");
        assert_eq!(human(&info("empty", 0, ""), 6), "#empty    0 members");
    }
}
