//! What is broken on purpose: connections, the server, what is sent.

use std::time::Duration;

use super::{PlayError, Stage, journal::Verdict, wording};
use crate::scenario::{
    crowd::order::Parting,
    file::{Place, step::Fault},
};

impl Stage {
    pub(super) async fn break_something(&self, fault: &Fault, place: Place) -> Result<(), PlayError> {
        let what = wording::fault(fault);
        match fault {
            Fault::Cut { who } => {
                let Some(who) = self.somebody(who, &what, place).await? else { return Ok(()) };
                self.journal.fault(what.clone(), self.now());
                let tally = self.crowd.leave(who, Parting::Cut).await?;
                self.tell(place, &what, tally);
                Ok(())
            }
            Fault::Garbage { who, what: garbage } => {
                let Some(who) = self.somebody(who, &what, place).await? else { return Ok(()) };
                self.journal.fault(what.clone(), self.now());
                let tally = self.crowd.garbage(who, *garbage).await?;
                self.tell(place, &what, tally);
                Ok(())
            }
            Fault::KillServer { restart_after } => {
                self.kill_server(&what, *restart_after, place).await;
                Ok(())
            }
            Fault::RestartServer => {
                self.restart_server(&what, place).await;
                Ok(())
            }
        }
    }

    async fn kill_server(&self, what: &str, restart_after: Option<Duration>, place: Place) {
        let mut server = self.server.lock().await;
        let Some(server) = server.as_mut() else { return self.no_server(what, place) };
        let mark = self.journal.fault(what.to_owned(), self.now());
        self.watch.borrow_mut().leave(self.now());
        server.kill();
        let Some(after) = restart_after else { return };
        tokio::time::sleep(after).await;
        match server.restart().await {
            Ok(()) => self.follow(server.pid()),
            Err(error) => self.find(place, Verdict::failed(what, error.to_string())),
        }
        self.journal.mended(&mark, self.now());
    }

    pub(super) async fn restart_server(&self, what: &str, place: Place) {
        let mut server = self.server.lock().await;
        let Some(server) = server.as_mut() else { return self.no_server(what, place) };
        let mark = self.journal.fault(what.to_owned(), self.now());
        self.watch.borrow_mut().leave(self.now());
        match server.restart().await {
            Ok(()) => self.follow(server.pid()),
            Err(error) => self.find(place, Verdict::failed(what, error.to_string())),
        }
        self.journal.mended(&mark, self.now());
    }

    fn follow(&self, pid: Option<u32>) {
        if let Some(pid) = pid {
            self.watch.borrow_mut().follow(pid, self.now());
        }
    }

    /// A scenario with such a step is refused before it begins; this is for steps that come from no file.
    fn no_server(&self, what: &str, place: Place) {
        self.find(place, Verdict::failed(what, "the server is not a private one"));
    }
}
