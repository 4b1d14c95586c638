//! The end of a load, in the middle of which its server is killed.

use std::{
    io,
    time::{Duration, Instant},
};

use super::{Claims, Flow, Load, PATIENCE, Tally, member::Member};

/// Posts that each sender adds when its server is to be killed.
const MORE: u64 = 4;

impl Load {
    /// Plays on, has the server killed in the middle of it, reads what was still on its way, and answers what the server
    /// must have when it is started again.
    ///
    /// # Errors
    /// As for [`Load::run`], or what `kill` says.
    pub fn break_off(
        mut self,
        flows: &[Flow],
        time: Duration,
        kill: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<Claims> {
        self.tally = Tally::new()?;
        let (end, begun_ns) = (Instant::now() + time, self.now_ns());
        for (sender, flow) in self.senders.iter_mut().zip(flows.iter().cycle()) {
            sender.begin(*flow, begun_ns);
        }
        self.lazy.begin();
        while Instant::now() < end {
            self.send_due()?;
            if self.lazy.due().is_some_and(|due| due.is_zero()) {
                self.sweep()?;
            }
            if let Some(outsider) = &mut self.outsider {
                outsider.look_now_and_then(Instant::now())?;
            }
            self.poll.poll(&mut self.events, Some(Duration::from_millis(1)))?;
            self.read_events()?;
        }
        // So that something is open however fast the server answers.
        let now_ns = self.now_ns();
        self.senders.iter_mut().filter(|sender| !sender.is_silent()).for_each(|sender| sender.post_more(MORE, now_ns));
        self.flush_senders()?;
        kill()?;
        self.is_killed = true;
        let is_read = |member: &Member| member.is_sender || self.lazy.counted.is_empty();
        let read: Vec<usize> = (0..self.members.len()).filter(|number| is_read(&self.members[*number])).collect();
        while read.iter().any(|number| self.members[*number].socket.is_some()) {
            self.poll.poll(&mut self.events, Some(PATIENCE))?;
            if self.events.is_empty() {
                return Err(io::Error::other("the server was killed, and its connections have not ended"));
            }
            self.read_events()?;
        }
        let Self { rooms, senders, mut members, outsider, delivered: [checked, counted], tally, .. } = self;
        if let Some(outsider) = outsider {
            outsider.look_at_the_end()?;
        }
        let rooms = rooms.into_iter().zip(senders).map(|(room, sender)| {
            let member = &mut members[sender.member];
            let pass = member.pass.take().unwrap_or_default();
            room.claim(&sender, *pass, member.next)
        });
        Ok(Claims { rooms: rooms.collect(), checked: checked + tally.deliveries, counted })
    }
}
