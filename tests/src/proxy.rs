//! A bad network: a TCP proxy in front of a server that cuts, delays and freezes what goes through it.

use std::{io, net::SocketAddr, time::Duration};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    sync::watch,
    time::sleep,
};

use crate::relay::{Carry, Relay};

/// The most bytes that pass at once: small, so that cuts fall into the middle of frames.
const PIECE_BYTES_MAX: usize = 700;

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// In order: both sides see the end of the stream.
    Finish,
    /// With a reset: both sides see an error, what was under way is lost.
    Reset,
}

/// What the network does now.
#[derive(Debug, Clone, Copy)]
struct Weather {
    /// Connections with a smaller number are cut.
    cut_below: u64,
    cut: Cut,
    /// Connections with a smaller number let nothing through any more, and stay open.
    frozen_below: u64,
    /// How long each piece takes.
    delay: Duration,
    /// The number that the next connection gets.
    next: u64,
}

/// A proxy on a port of its own; it ends when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    relay: Relay,
    weather: watch::Sender<Weather>,
}

impl Proxy {
    /// Starts one in front of `server`; `seed` decides in which pieces bytes pass.
    pub async fn start(server: SocketAddr, seed: u64) -> Self {
        let fair = Weather { cut_below: 0, cut: Cut::Finish, frozen_below: 0, delay: Duration::ZERO, next: 0 };
        let (weather, _) = watch::channel(fair);
        let sky = weather.clone();
        let open = move |number| {
            sky.send_modify(|weather| weather.next = number + 1);
            Line { number, weather: sky.subscribe(), random: StdRng::seed_from_u64(seed ^ number) }
        };
        Self { relay: Relay::start(server, open).await, weather }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.relay.address()
    }

    /// The number of connections that it has taken.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.weather.borrow().next
    }

    /// Cuts all connections.
    pub fn cut(&self, cut: Cut) {
        self.weather.send_modify(|weather| (weather.cut_below, weather.cut) = (weather.next, cut));
    }

    /// Lets nothing more through on the connections that there are; they stay open.
    pub fn freeze(&self) {
        self.weather.send_modify(|weather| weather.frozen_below = weather.next);
    }

    /// From now on every piece takes this long.
    pub fn delay(&self, delay: Duration) {
        self.weather.send_modify(|weather| weather.delay = delay);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.cut(Cut::Reset);
    }
}

/// One connection through the proxy.
struct Line {
    number: u64,
    weather: watch::Receiver<Weather>,
    random: StdRng,
}

impl Carry for Line {
    async fn carry(mut self, mut client: TcpStream, mut server: TcpStream) {
        let ended = {
            let ((from_client, to_client), (from_server, to_server)) = (client.split(), server.split());
            let (up, down) = (StdRng::from_rng(&mut self.random), StdRng::from_rng(&mut self.random));
            let mut cut = self.weather.clone();
            tokio::select! {
                weather = cut.wait_for(|weather| self.number < weather.cut_below) => {
                    weather.map_or(Cut::Reset, |weather| weather.cut)
                }
                () = pump(self.number, self.weather.clone(), up, from_client, to_server) => Cut::Finish,
                () = pump(self.number, self.weather.clone(), down, from_server, to_client) => Cut::Finish,
            }
        };
        self.weather.mark_unchanged();
        if ended == Cut::Reset {
            for socket in [&client, &server] {
                socket.set_zero_linger().expect("the option can be set");
            }
        }
    }
}

/// Carries one direction until it ends.
async fn pump(
    number: u64,
    mut weather: watch::Receiver<Weather>,
    mut random: StdRng,
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
) {
    let mut piece = [0; PIECE_BYTES_MAX];
    loop {
        let size = random.random_range(1..=PIECE_BYTES_MAX);
        let count = match from.read(&mut piece[..size]).await {
            Ok(count) if count > 0 => count,
            Ok(_) | Err(_) => return,
        };
        let delay = match weather.wait_for(|weather| number >= weather.frozen_below).await {
            Ok(weather) => weather.delay,
            Err(_) => return,
        };
        if !delay.is_zero() {
            sleep(delay).await;
        }
        let written: io::Result<()> = to.write_all(&piece[..count]).await;
        if written.is_err() {
            return;
        }
    }
}
