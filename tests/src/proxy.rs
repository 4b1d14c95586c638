//! A bad network: a TCP proxy in front of a server that cuts, delays and freezes what goes through it.

use std::{io, net::SocketAddr, time::Duration};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    sync::watch,
    task::JoinHandle,
    time::sleep,
};

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
    address: SocketAddr,
    weather: watch::Sender<Weather>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// Starts one in front of `server`; `seed` decides in which pieces bytes pass.
    pub async fn start(server: SocketAddr, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let fair = Weather { cut_below: 0, cut: Cut::Finish, frozen_below: 0, delay: Duration::ZERO, next: 0 };
        let (weather, _) = watch::channel(fair);
        let accepting = tokio::spawn(accept(listener, server, weather.clone(), seed));
        Self { address, weather, accepting }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
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
        self.accepting.abort();
        self.cut(Cut::Reset);
    }
}

async fn accept(listener: TcpListener, server: SocketAddr, weather: watch::Sender<Weather>, seed: u64) {
    loop {
        let (client, _) = listener.accept().await.expect("a connection");
        let mut number = 0;
        weather.send_modify(|weather| {
            number = weather.next;
            weather.next += 1;
        });
        let line = Line { number, weather: weather.subscribe() };
        let random = StdRng::seed_from_u64(seed ^ number);
        tokio::spawn(async move {
            // A server that is not there is met by its clients as a connection that ends at once.
            if let Ok(server) = TcpStream::connect(server).await {
                line.carry(client, server, random).await;
            }
        });
    }
}

/// One connection through the proxy.
struct Line {
    number: u64,
    weather: watch::Receiver<Weather>,
}

impl Line {
    async fn carry(mut self, mut client: TcpStream, mut server: TcpStream, mut random: StdRng) {
        for socket in [&client, &server] {
            socket.set_nodelay(true).expect("the option can be set");
        }
        let ended = {
            let ((from_client, to_client), (from_server, to_server)) = (client.split(), server.split());
            let (up, down) = (StdRng::from_rng(&mut random), StdRng::from_rng(&mut random));
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
