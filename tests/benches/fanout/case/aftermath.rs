//! After the figures: the server is killed in the middle of the load, started again, and has to account for everything.

use std::{io, path::Path, time::Duration};

use hubbub_tests::bench::{
    load::{self, Claims, Flow, Kept, Load},
    process::Server,
};

use super::Plan;

/// How long the load goes on before the kill.
const GOES_ON: Duration = Duration::from_millis(200);

/// Kills a server while the first of its loads goes on, and has it account for all of them.
pub(super) fn account(plan: Plan, loads: Vec<Load>, flow: Flow, server: Server, data: &Path) -> io::Result<Kept> {
    let (mut server, mut flow) = (Some(server), Some(flow));
    let broken_off = loads.into_iter().map(|load| {
        let time = if server.is_some() { GOES_ON } else { Duration::ZERO };
        let flow = flow.take().unwrap_or(Flow::Silent);
        load.break_off(&[flow], time, || server.take().map_or(Ok(()), Server::kill))
    });
    let claims = broken_off.collect::<io::Result<Vec<Claims>>>()?;
    let server = Server::start_on("hubbub", data, plan.server, &[])?;
    load::account(claims, &server.address)
}
