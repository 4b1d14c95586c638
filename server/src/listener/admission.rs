//! Who may connect: the number of connections, in all and of one address.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use dashmap::DashMap;
use hubbub_protocol::{ErrorBody, ErrorCode};

use tokio::sync::Notify;

use crate::limits::Limits;

/// Counts connections.
#[derive(Debug)]
pub struct Admission {
    connections: AtomicU64,
    by_ip: DashMap<IpAddr, u64>,
    /// Told when the last connection ends.
    emptied: Notify,
    connections_max: u64,
    connections_per_ip_max: u64,
}

/// A place for one connection, given back when it is dropped.
#[derive(Debug)]
pub struct Permit {
    admission: Arc<Admission>,
    ip: Option<IpAddr>,
}

impl Admission {
    /// Counts from zero.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            connections: AtomicU64::new(0),
            by_ip: DashMap::new(),
            emptied: Notify::new(),
            connections_max: limits.connections_max,
            connections_per_ip_max: limits.connections_per_ip_max,
        }
    }

    /// The connections now.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    /// Waits until there is no connection.
    pub async fn empty(&self) {
        loop {
            // Registered before the look, so that an end between the two is not missed.
            let emptied = self.emptied.notified();
            if self.connections() == 0 {
                return;
            }
            emptied.await;
        }
    }

    /// Takes a place for a connection from `ip`; loopback addresses are not limited one by one.
    ///
    /// # Errors
    /// `server_full` or `too_many_connections`.
    pub fn enter(self: &Arc<Self>, ip: Option<IpAddr>) -> Result<Permit, ErrorBody> {
        if self.connections.fetch_add(1, Ordering::Relaxed) >= self.connections_max {
            self.connections.fetch_sub(1, Ordering::Relaxed);
            let message = "this server has no place for another connection now; try again later";
            return Err(ErrorBody::new(ErrorCode::ServerFull, message).retry_after(5_000));
        }
        // From here on dropping the permit gives the place back.
        let mut permit = Permit { admission: self.clone(), ip: None };
        if let Some(ip) = ip.map(|ip| ip.to_canonical()).filter(|ip| !ip.is_loopback()) {
            let mut count = self.by_ip.entry(ip).or_insert(0);
            if *count >= self.connections_per_ip_max {
                let message = "your address has as many connections as one may have; close one first";
                return Err(ErrorBody::new(ErrorCode::TooManyConnections, message).retry_after(5_000));
            }
            *count += 1;
            permit.ip = Some(ip);
        }
        Ok(permit)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.admission.connections.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.admission.emptied.notify_waiters();
        }
        if let Some(ip) = self.ip {
            self.admission.by_ip.remove_if_mut(&ip, |_, count| {
                *count = count.saturating_sub(1);
                *count == 0
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(connections_max: u64, connections_per_ip_max: u64) -> Arc<Admission> {
        Arc::new(Admission::new(&Limits { connections_max, connections_per_ip_max, ..Limits::default() }))
    }

    #[test]
    fn places_are_counted_and_given_back() {
        let admission = admission(2, 64);
        let first = admission.enter(None).expect("a place");
        let _second = admission.enter(None).expect("a place");
        assert_eq!(admission.enter(None).map_err(|error| error.code).err(), Some(ErrorCode::ServerFull));
        drop(first);
        assert!(admission.enter(None).is_ok());
        assert_eq!(admission.connections(), 1);
    }

    #[test]
    fn one_address_has_its_own_limit_and_loopback_has_none() {
        let admission = admission(100, 2);
        let ip = |text: &str| Some(text.parse::<IpAddr>().expect("an address"));
        let held: Vec<_> = (0..2).map(|_| admission.enter(ip("192.0.2.1")).expect("a place")).collect();
        let refused = |text| admission.enter(ip(text)).map_err(|error| error.code).err();
        assert_eq!(refused("192.0.2.1"), Some(ErrorCode::TooManyConnections));
        assert_eq!(refused("::ffff:192.0.2.1"), Some(ErrorCode::TooManyConnections), "the same address");
        assert_eq!(refused("192.0.2.2"), None);
        let many: Vec<_> = (0..10).map(|_| admission.enter(ip("127.0.0.1")).expect("loopback")).collect();
        drop((held, many));
        assert!(admission.by_ip.is_empty());
        assert_eq!(admission.connections(), 0);
    }
}
