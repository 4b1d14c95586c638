//! A shard: one core's share of the fan-out, as a scheduler of microthreads.
//!
//! Role: carries what rooms publish into the outboxes of this thread's connections.
//! Owner of: the table of this thread's connections, their alarms, the halls (room → seats), the queue of halls
//! with work.
//! Accepts: [`ShardCommand`]. Inbox: `shard_inbox_max` commands; when it is full, rooms wait.
//! Stops when: every handle is gone, with its thread. It never waits for a socket.

mod alarm;
mod goodbye;
mod look;

use std::{cell::RefCell, collections::VecDeque, rc::Rc, sync::Arc, time::Instant};

use actix::WeakRecipient;
use bytes::Bytes;
use hubbub_protocol::{Event, event::Lagged, id::Seq};
use slab::Slab;
use tokio::{runtime::Handle, sync::mpsc, task::yield_now};

use self::{
    alarm::Alarms,
    goodbye::{order, shutdown_order},
};
use super::{
    command::{Batch, Farewell, Item, Order, ShardCommand},
    hall::{Cargo, Hall, Halls},
    handle::{ConnectionId, ShardHandle, ShardId},
    outbox::{Outbox, queued_here},
    view::{Bursts, ShardSight, ShardState},
};
use crate::{
    backlog,
    clock::us_at,
    domain::outbox::{Kind, Verdict},
    frame,
    meter::FanoutMeter,
    store::RoomId,
};

/// Commands taken from the inbox before the next slice.
const COMMANDS_PER_TURN: usize = 64;

/// The limits that a shard keeps.
#[derive(Debug, Clone, Copy)]
pub struct ShardLimits {
    /// Deliveries in one slice.
    pub slice_deliveries_max: usize,
}

/// A connection of this thread.
struct Entry {
    outbox: Rc<Outbox>,
    /// Weak: a sender of its own would be four allocations for each connection.
    orders: WeakRecipient<Order>,
    generation: u32,
    /// The rooms it is seated in, with the index of its seat; few, so a list.
    seats: Vec<(RoomId, u32)>,
    /// Whether it stands in the list of outboxes to be written at the end of the slice.
    dirty: bool,
}

struct Shard {
    id: ShardId,
    limits: ShardLimits,
    connections: Slab<Entry>,
    generation: u32,
    halls: Halls,
    ready: VecDeque<RoomId>,
    dirty: Vec<u32>,
    draining: Option<u64>,
    /// When the turn began, in [`monotonic_ms`](crate::clock::monotonic_ms).
    turn_ms: u64,
    alarms: Rc<Alarms>,
    meter: FanoutMeter,
    bursts: Bursts,
    /// Where this shard stands, for others to see.
    sight: Arc<ShardSight>,
}

/// The shard of this thread, for the connections that live on it.
#[derive(Clone)]
pub struct LocalShard(Rc<RefCell<Shard>>);

impl LocalShard {
    /// Starts the shard on this thread, which must be an actix arbiter.
    #[must_use]
    pub fn start(id: ShardId, handle: &ShardHandle, inbox: mpsc::Receiver<ShardCommand>, limits: ShardLimits) -> Self {
        let shard = Self(Rc::new(RefCell::new(Shard::new(id, limits, handle.sight.clone()))));
        handle.started(Handle::current());
        actix_rt::spawn(shard.clone().run(inbox));
        actix_rt::spawn(shard.clone().ring());
        shard
    }

    /// Takes a connection in; answers its address.
    pub fn connect(&self, outbox: Rc<Outbox>, orders: WeakRecipient<Order>) -> ConnectionId {
        self.0.borrow_mut().connect(outbox, orders)
    }

    /// Takes a connection out; it gets nothing more.
    pub fn disconnect(&self, id: ConnectionId) {
        self.0.borrow_mut().disconnect(id);
        self.measure();
    }

    /// Tells the meter what waits in the outboxes of this thread; a turn does so, too.
    pub fn measure(&self) {
        self.0.borrow_mut().meter.outboxes(queued_here());
    }

    /// The scheduler's loop: take what waits, run one slice, write, let others run.
    async fn run(self, mut inbox: mpsc::Receiver<ShardCommand>) {
        let mut commands = VecDeque::with_capacity(COMMANDS_PER_TURN);
        loop {
            if commands.is_empty() && self.0.borrow().ready.is_empty() {
                let Some(command) = inbox.recv().await else { return };
                commands.push_back(command);
            }
            while commands.len() < COMMANDS_PER_TURN
                && let Ok(command) = inbox.try_recv()
            {
                commands.push_back(command);
            }
            let more = self.0.borrow_mut().turn(&mut commands, inbox.len());
            backlog::note(more);
            if more {
                // A slice of a large room is over: the store's threads are let through where they share this core, then
                // everything else on this thread.
                std::thread::yield_now();
                yield_now().await;
            }
        }
    }
}

impl Shard {
    fn new(id: ShardId, limits: ShardLimits, sight: Arc<ShardSight>) -> Self {
        Self {
            id,
            limits,
            connections: Slab::new(),
            generation: 0,
            halls: Halls::default(),
            ready: VecDeque::new(),
            dirty: Vec::new(),
            draining: None,
            turn_ms: 0,
            alarms: Rc::default(),
            meter: FanoutMeter::new(id),
            bursts: Bursts::default(),
            sight,
        }
    }

    fn connect(&mut self, outbox: Rc<Outbox>, orders: WeakRecipient<Order>) -> ConnectionId {
        self.generation = self.generation.wrapping_add(1);
        let generation = self.generation;
        if let Some(spread_ms) = self.draining {
            // It came through the door while it was being closed.
            order(&orders, &outbox, shutdown_order(spread_ms, u64::from(generation)));
        }
        let entry = Entry { outbox, orders, generation, seats: Vec::new(), dirty: false };
        let slot = self.connections.insert(entry);
        ConnectionId { shard: self.id, slot: u32::try_from(slot).unwrap_or(u32::MAX), generation }
    }

    /// One turn; answers whether there is work left.
    ///
    /// What has just come has a slice, and what has been under way for longer has one: a small room is served at once,
    /// replies and events in one write, and a large one goes on whatever comes.
    fn turn(&mut self, commands: &mut VecDeque<ShardCommand>, waiting: usize) -> bool {
        let begun = Instant::now();
        let begun_us = us_at(begun);
        self.turn_ms = begun_us / 1_000;
        self.sight.note(ShardState::Burst, begun_us);
        self.meter.inbox(commands.len() + waiting);
        let (mut budget, mut visits) = (self.limits.slice_deliveries_max, 0);
        while budget > 0
            && let Some(command) = commands.pop_front()
        {
            let made = self.take(command);
            visits += made;
            budget = budget.saturating_sub(made.max(1));
        }
        visits += self.run_slice();
        self.write_dirty();
        self.meter.outboxes(queued_here());
        self.turned(begun, visits, !commands.is_empty())
    }

    /// Does what a command says; answers how many visits that were.
    fn take(&mut self, command: ShardCommand) -> usize {
        match command {
            ShardCommand::Batch(batch) => return self.accept(batch),
            ShardCommand::Close(id, order) => self.close(id, order),
            ShardCommand::Drain { spread_ms } => self.drain(spread_ms),
            ShardCommand::Look(look) => self.look(look),
        }
        0
    }

    /// Notes what a turn was; answers whether it left work.
    fn turned(&mut self, begun: Instant, visits: usize, commands_left: bool) -> bool {
        let ended = Instant::now();
        let left_over = commands_left || !self.ready.is_empty();
        let took = ended.saturating_duration_since(begun);
        self.meter.turn(took);
        self.bursts.note(visits, u64::try_from(took.as_micros()).unwrap_or(u64::MAX), left_over);
        self.sight.note(if left_over { ShardState::Yield } else { ShardState::Inbox }, us_at(ended));
        left_over
    }

    fn entry(&mut self, id: ConnectionId) -> Option<&mut Entry> {
        self.connections.get_mut(id.slot as usize).filter(|entry| entry.generation == id.generation)
    }

    /// Takes a batch in: seats and replies take effect at once, the rest is carried round by the hall, at once where
    /// it is small. Answers how many visits were made.
    fn accept(&mut self, batch: Batch) -> usize {
        let id = batch.room.id;
        // Out of the map meanwhile: what is done for a connection may touch other halls.
        let mut hall = self.halls.remove(&id).unwrap_or_else(|| Box::new(Hall::new(batch.room)));
        hall.borrow_stream();
        let mut items = batch.items;
        for item in items.drain() {
            match item {
                Item::Reply(connection, frame) => self.reply(connection, frame),
                Item::Seat(connection, reply) => self.seat(&mut hall, connection, reply),
                Item::Unseat(connection, reply) => self.unseat(&mut hall, connection, reply),
                Item::Log(chunk) => drop(hall.push(Cargo::Log(chunk))),
                Item::Signal(frame) => {
                    if !hall.push(Cargo::Signal(frame)) {
                        self.meter.signal_dropped();
                    }
                }
                Item::Credit(credit) => hall.keep(credit),
            }
        }
        let mut visits = 0;
        if !hall.ready && hall.behind() <= self.limits.slice_deliveries_max {
            let due = hall.behind();
            visits = due - self.walk(&mut hall, due);
        }
        if hall.has_work() && !std::mem::replace(&mut hall.ready, true) {
            self.ready.push_back(id);
        }
        self.put_back(hall);
        visits
    }

    /// Puts a hall back into the map, unless nobody is left in it.
    fn put_back(&mut self, mut hall: Box<Hall>) {
        hall.return_stream();
        if !hall.is_empty() {
            self.halls.insert(hall.room.id, hall);
        }
    }

    /// Puts a reply to a request into the outbox and opens the gate for the next request.
    fn reply(&mut self, id: ConnectionId, frame: Bytes) {
        let now_ms = self.turn_ms;
        let Some(entry) = self.entry(id) else { return };
        entry.outbox.push(Kind::Direct, frame);
        entry.outbox.request_answered(now_ms);
        self.mark_dirty(id.slot);
    }

    fn mark_dirty(&mut self, slot: u32) {
        if let Some(entry) = self.connections.get_mut(slot as usize)
            && !std::mem::replace(&mut entry.dirty, true)
        {
            self.dirty.push(slot);
        }
    }

    /// Runs microthreads for one slice, each in turn; answers how many outboxes that filled.
    fn run_slice(&mut self) -> usize {
        let mut budget = self.limits.slice_deliveries_max;
        while budget > 0
            && let Some(room) = self.ready.pop_front()
        {
            let Some(mut hall) = self.halls.remove(&room) else { continue };
            budget = self.walk(&mut hall, budget);
            hall.ready = hall.has_work();
            if hall.ready {
                self.ready.push_back(room);
            }
            self.put_back(hall);
        }
        self.limits.slice_deliveries_max - budget
    }

    /// Goes on along the seats until all have had everything or the budget is spent; answers what is left of it.
    fn walk(&mut self, hall: &mut Hall, mut budget: usize) -> usize {
        while budget > 0
            && let Some((index, slot)) = hall.next_visit()
        {
            budget -= 1;
            self.visit(hall, index, slot);
        }
        budget
    }

    /// Gives a seat what it has not had, or takes it out if that is too much for its outbox.
    fn visit(&mut self, hall: &mut Hall, index: u32, slot: u32) {
        let Some(entry) = self.connections.get(slot as usize) else {
            debug_assert!(false, "a connection leaves its seats when it goes");
            return self.vacate_index(hall, index);
        };
        // Who is in one room only has nothing else to come in this slice, so it need not wait for its end, and a reply
        // that waits goes along.
        let past = (entry.seats.len() == 1 && entry.outbox.may_write_past())
            .then(|| entry.outbox.write_past(hall.missing(index).map(Cargo::frames)));
        match deliver(&entry.outbox, hall.missing(index), past.unwrap_or(0), &mut self.meter) {
            None => hall.visited(index),
            Some(first_seq) => self.leave_behind(hall, slot, first_seq),
        }
        match self.connections.get(slot as usize) {
            Some(entry) if past.is_some() && entry.outbox.is_clear() => self.meter.writes(entry.outbox.take_writes()),
            _ => self.mark_dirty(slot),
        }
    }

    /// Takes a connection that fell behind out of the hall and tells it so.
    fn leave_behind(&mut self, hall: &mut Hall, slot: u32, first_seq: Seq) {
        if let Some(entry) = self.connections.get(slot as usize) {
            let lagged = Lagged { room: hall.room.name.clone(), seq: first_seq - 1 };
            entry.outbox.push(Kind::Direct, frame::event(&Event::Lagged(lagged)));
            self.meter.lagged();
        }
        self.vacate(hall, slot);
    }

    /// The index of a connection's seat in a hall.
    fn index(&mut self, hall: &Hall, id: ConnectionId) -> Option<u32> {
        let room = hall.room.id;
        self.entry(id)?.seats.iter().find(|(seated, _)| *seated == room).map(|(_, index)| *index)
    }

    /// The reply comes behind everything published before it, and what is published next comes behind the reply.
    fn seat(&mut self, hall: &mut Hall, id: ConnectionId, reply: Bytes) {
        if let Some(index) = self.index(hall, id) {
            self.visit(hall, index, id.slot);
        }
        // Whoever fell behind just now, or long ago, is seated anew: the reply says where it stands.
        if self.index(hall, id).is_none()
            && let Some(entry) = self.entry(id)
        {
            if entry.seats.is_empty() {
                // Most are in one room: not the four places that a vector begins with.
                entry.seats.reserve_exact(1);
            }
            entry.seats.push((hall.room.id, hall.seat(id.slot)));
        }
        self.reply(id, reply);
    }

    fn unseat(&mut self, hall: &mut Hall, id: ConnectionId, reply: Option<Bytes>) {
        if let Some(index) = self.index(hall, id) {
            self.visit(hall, index, id.slot);
            self.vacate(hall, id.slot);
        }
        if let Some(reply) = reply {
            self.reply(id, reply);
        }
    }

    /// Takes the connection at `slot` out of the hall and notes where the others moved.
    fn vacate(&mut self, hall: &mut Hall, slot: u32) {
        let room = hall.room.id;
        let Some(entry) = self.connections.get_mut(slot as usize) else { return };
        let Some(at) = entry.seats.iter().position(|(seated, _)| *seated == room) else { return };
        let (_, index) = entry.seats.swap_remove(at);
        self.vacate_index(hall, index);
    }

    fn vacate_index(&mut self, hall: &mut Hall, index: u32) {
        let room = hall.room.id;
        for (moved, index) in hall.unseat(index).into_iter().flatten() {
            let seats = self.connections.get_mut(moved as usize).map(|entry| &mut entry.seats);
            if let Some(seat) = seats.and_then(|seats| seats.iter_mut().find(|(seated, _)| *seated == room)) {
                seat.1 = index;
            }
        }
    }

    fn disconnect(&mut self, id: ConnectionId) {
        if self.entry(id).is_none() {
            return;
        }
        let entry = self.connections.remove(id.slot as usize);
        self.meter.writes(entry.outbox.take_writes());
        for (room, index) in entry.seats {
            let Some(mut hall) = self.halls.remove(&room) else { continue };
            self.vacate_index(&mut hall, index);
            self.put_back(hall);
        }
    }

    /// Writes every outbox that this slice put something into, once.
    fn write_dirty(&mut self) {
        for slot in self.dirty.drain(..) {
            if let Some(entry) = self.connections.get_mut(slot as usize) {
                entry.dirty = false;
                entry.outbox.flush();
                self.meter.writes(entry.outbox.take_writes());
            }
        }
    }

    fn close(&mut self, id: ConnectionId, what: Farewell) {
        if let Some(entry) = self.entry(id) {
            order(&entry.orders, &entry.outbox, what);
        }
    }

    fn drain(&mut self, spread_ms: u64) {
        self.draining = Some(spread_ms);
        for (slot, entry) in &self.connections {
            order(&entry.orders, &entry.outbox, shutdown_order(spread_ms, slot as u64));
        }
    }
}

/// Puts cargo into an outbox, without its first `written` bytes, which the socket has; answers the seq of the first
/// event that did not fit, if one did not.
fn deliver<'a>(
    outbox: &Outbox,
    cargo: impl Iterator<Item = &'a Cargo>,
    mut written: usize,
    meter: &mut FanoutMeter,
) -> Option<Seq> {
    for cargo in cargo {
        let len = cargo.frames().len();
        if written > 0 {
            if written < len {
                outbox.push_rest(cargo.frames().slice(written..));
            }
            written = written.saturating_sub(len);
            if let Cargo::Log(chunk) = cargo {
                meter.delivered(chunk.events, len);
            }
            continue;
        }
        match cargo {
            Cargo::Log(chunk) => match outbox.push(Kind::Log, chunk.frames.clone()) {
                Verdict::Take => meter.delivered(chunk.events, chunk.frames.len()),
                Verdict::Drop => {}
                Verdict::Lag => return Some(chunk.first_seq),
            },
            Cargo::Signal(frame) => {
                if outbox.push(Kind::Signal, frame.clone()) != Verdict::Take {
                    meter.signal_dropped();
                }
            }
        }
    }
    None
}

#[cfg(test)]
mod tests;
