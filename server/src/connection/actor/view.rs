//! The connection when it is looked at: the actor answers for itself, in one more callback.

use tokio::sync::mpsc::Sender;

use super::ConnectionActor;
use crate::{
    clock::monotonic_ms,
    connection::driver::PIPELINE_MAX,
    fanout::{ActorView, ConnectionId, GateView},
};

impl ConnectionActor {
    /// Tells the inspection what this connection does.
    pub(super) fn show(&self, answer: &Sender<(ConnectionId, ActorView)>) {
        let id = self.id;
        // There is a place for everybody who was asked; who has come too late is not missed.
        if let Err(error) = answer.try_send((id, self.view())) {
            tracing::debug!(?id, %error, "an inspection did not wait for its answer");
        }
    }

    fn view(&self) -> ActorView {
        let since = |ms: u64| monotonic_ms().saturating_sub(ms);
        let posted_to = self.posted_to.as_ref().filter(|_| self.outbox.in_flight() > 0);
        ActorView {
            nick: self.login.as_ref().map(|login| login.session.nick().as_str().to_owned()),
            rooms: self.login.as_ref().map_or(0, |login| login.room_count()),
            gate: self.gate_view(),
            waits_for: posted_to.map(|room| room.name().as_str().to_owned()),
            age_ms: since(self.opened_ms),
            heard_ms: since(self.heard_ms),
        }
    }

    /// The reason that the driver meets first.
    fn gate_view(&self) -> GateView {
        match () {
            () if self.gate().closing.get() => GateView::Closing,
            () if self.gate().busy.get() => GateView::Busy,
            () if self.outbox.is_over_limit() => GateView::Outbox,
            () if self.gate().held.get() => GateView::Held,
            () if self.outbox.in_flight() >= PIPELINE_MAX => GateView::Posts,
            () => GateView::Open,
        }
    }
}
