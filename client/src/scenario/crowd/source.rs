//! What a machine gives to one process: files, and ports of each source address.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::order::SOURCE_PORTS;

/// Connections that are made from one source address before the next one is taken: some ports are other programs'.
const CONNECTIONS_PER_SOURCE: u32 = 25_000;

/// Files that a process needs for other things than connections.
const FILES_RESERVED: u64 = 128;

const _: () = assert!(CONNECTIONS_PER_SOURCE < (*SOURCE_PORTS.end() - *SOURCE_PORTS.start()) as u32);

/// The address to connect from, for the connection of this number; `None`: whatever the system chooses.
pub(super) fn address(number: u32, target: SocketAddr) -> Option<SocketAddr> {
    let nth = number / CONNECTIONS_PER_SOURCE;
    match target.ip() {
        IpAddr::V4(ip) if ip.is_loopback() && nth > 0 => {
            let ip = Ipv4Addr::from_bits(Ipv4Addr::LOCALHOST.to_bits().saturating_add(nth));
            Some(SocketAddr::new(ip.into(), 0))
        }
        _ => None,
    }
}

/// Raises the limit of open files as far as it goes, and tells how many connections that leaves.
pub(super) fn connections_max() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let files = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => raised.current,
        Err(_) => limit.current, // what there is has to do
    };
    files.map_or(u64::MAX, |files| files.saturating_sub(FILES_RESERVED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_connections_than_one_address_has_ports_for_come_from_the_next_address() {
        let server = "127.0.0.1:8080".parse().expect("an address");
        assert_eq!(address(24_999, server), None);
        assert_eq!(address(25_000, server), "127.0.0.2:0".parse().ok());
        assert_eq!(address(80_000, server), "127.0.0.4:0".parse().ok());
        assert_eq!(address(80_000, "192.0.2.1:8080".parse().expect("an address")), None, "those are not ours to take");
        assert_eq!(address(80_000, "[::1]:8080".parse().expect("an address")), None);
    }
}
