//! Orders to connections: how they are given, and the goodbye of a shutdown.

use actix::WeakRecipient;
use hubbub_protocol::{
    close,
    event::{Goodbye, GoodbyeReason},
};

use super::{Farewell, Order, Outbox};

/// The goodbye of a shutdown, its moment of return spread by `salt` over the window.
pub(super) fn shutdown_order(spread_ms: u64, salt: u64) -> Farewell {
    // A multiplicative hash spreads neighbours evenly (Knuth, TAOCP 6.4).
    let spread = salt.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    let after_ms = 500 + ((spread * spread_ms) >> 32);
    let message = "the server is shutting down; it may be back soon".to_owned();
    let goodbye = Goodbye { reason: GoodbyeReason::Shutdown, message, reconnect_after_ms: Some(after_ms) };
    Farewell { goodbye, code: close::GOING_AWAY }
}

/// Tells a connection's actor to end it.
pub(super) fn order(orders: &WeakRecipient<Order>, outbox: &Outbox, farewell: Farewell) {
    let order = Order::Close(farewell);
    // Gone or closed: it is going anyway. Full cannot be: an actor gets two of these at most, and one look at a
    // time. Be sure all the same.
    if orders.upgrade().is_none_or(|orders| orders.try_send(order).is_err()) {
        tracing::debug!("a connection took no order");
        outbox.break_off();
    }
}
