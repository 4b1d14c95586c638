//! The lives of the messages that arrived latest: from the moment they were meant for to the last receipt.

use maud::{Markup, html};

use super::{
    super::{
        facts::Facts,
        number::{NONE, count, time_ms},
    },
    name,
    plot::px,
};
use crate::scenario::ledger::account::Life;

/// Messages that are shown.
const LIVES_MAX: usize = 20;

/// The table with a bar for each; `None` when there is none.
pub(super) fn lives(facts: &Facts) -> Option<Markup> {
    let lives: Vec<&Life> = facts.account.worst.iter().take(LIVES_MAX).collect();
    if lives.is_empty() {
        return None;
    }
    let longest = lives.iter().filter_map(|life| took(life, life.last_receipt_ms)).fold(0.0, f64::max);
    Some(html! {
        section {
            h2 id="lives" { "The messages that arrived latest" }
            p.soft {
                "Each bar begins when the message was meant to be sent and ends with its last receipt; all have one scale, of "
                (time_ms(longest)) "."
                span.keys.below {
                    span.key { i.box.waits {} "until written" }
                    span.key { i.box.under-way {} "until the first receipt" }
                    span.key { i.box.spreads {} "until the last" }
                    span.key { i.box.accepts {} "acknowledged" }
                }
            }
            div.scroll { table.lives {
                thead { tr { th { "Message" } th { "From" } th { "Room" } th.number { "Seq" } th.wide { "Life" } th.number { "Acknowledged" } th.number { "Last receipt" } th.number { "Receipts" } th { "Last reader" } th.number { "Meant for" } } }
                tbody { @for life in lives { (row(life, longest)) } }
            } }
        }
    })
}

fn row(life: &Life, longest: f64) -> Markup {
    let shown = |moment: Option<f64>| took(life, moment).map_or_else(|| NONE.to_owned(), time_ms);
    html! {
        tr {
            td { (name(&life.message)) }
            td { (name(&life.sender)) }
            td { (name(&life.room)) }
            td.number { (life.seq.map_or_else(|| NONE.to_owned(), count)) }
            td.wide { (bar(life, longest)) }
            td.number { (shown(life.accepted_ms)) }
            td.number { (shown(life.last_receipt_ms)) }
            td.number { (count(life.receipts)) }
            td { @match &life.last_reader { Some(reader) => (name(reader)), None => (NONE) } }
            td.number { (time_ms(life.intended_ms)) }
        }
    }
}

/// Milliseconds from when it was meant for to that moment.
fn took(life: &Life, moment: Option<f64>) -> Option<f64> {
    moment.map(|moment| moment - life.intended_ms).filter(|ms| ms.is_finite()).map(|ms| ms.max(0.0))
}

fn bar(life: &Life, longest: f64) -> Markup {
    let scale = if longest > 0.0 { 1000.0 / longest } else { 0.0 };
    let at = |moment| took(life, moment).map(|ms| (ms * scale).min(1000.0));
    let last = at(life.last_receipt_ms);
    let first = at(life.first_receipt_ms).or(last);
    let sent = at(life.sent_ms).or(first).unwrap_or(0.0);
    let part = |class: &str, from: f64, to: Option<f64>| {
        let width = to.map_or(0.0, |to| (to - from).max(0.0));
        html! { @if width > 0.0 { rect class=(class) x=(px(from)) y="2" width=(px(width)) height="12" {} } }
    };
    html! {
        svg.life viewBox="0 0 1000 16" preserveAspectRatio="none" aria-hidden="true" {
            (part("waits", 0.0, Some(sent)))
            (part("under-way", sent, first))
            (part("spreads", first.unwrap_or(sent).max(sent), last))
            @if let Some(accepted) = at(life.accepted_ms) { line.accepts x1=(px(accepted)) x2=(px(accepted)) y1="0" y2="16" {} }
        }
    }
}
