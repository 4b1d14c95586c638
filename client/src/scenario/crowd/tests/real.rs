//! Against the real server's program, which is looked for beside this test's: to be run by hand, for the figures.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use hubbub_protocol::RoomName;

use super::block_on;

use crate::scenario::{
    crowd::{
        handle::CrowdHandle,
        order::{Beat, CrowdConfig, Flow, Habit, Parting, Recruit, RoomChoice, Words},
    },
    file::{
        cast::{Reconnects, Talk, Via},
        step::Text,
        unit::{Range, Spread},
    },
    id::PersonId,
    ledger::account::Account,
};

/// A server of its own on a free port, ended when it is dropped.
pub(super) struct Server {
    child: Child,
    pub(super) address: SocketAddr,
    folder: tempfile::TempDir,
}

impl Server {
    pub(super) fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (child, address) = Self::run(folder.path(), "127.0.0.1:0");
        Self { child, address, folder }
    }

    fn run(folder: &Path, http: &str) -> (Child, SocketAddr) {
        let program = std::env::current_exe().expect("this program has a path");
        let program = program.ancestors().nth(2).expect("in target/*/deps").join("hubbub-server");
        let mut child = Command::new(program)
            .args(["serve", "--http", http, "--data"])
            .arg(folder)
            .envs([("HUBBUB_LIMITS_POST_BURST", "1000000"), ("HUBBUB_LIMITS_POSTS_PER_S", "1000000")])
            .envs([("HUBBUB_LIMITS_REQUEST_BURST", "1000000"), ("HUBBUB_LIMITS_REQUESTS_PER_S", "1000000")])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the server starts");
        let stdout = BufReader::new(child.stdout.take().expect("is piped"));
        let ready = stdout.lines().find_map(|line| {
            let line = line.expect("readable");
            line.strip_prefix("ready ").and_then(|rest| Some(rest.split_once("http=")?.1.split(' ').next()?.to_owned()))
        });
        (child, ready.expect("it is ready").parse().expect("an address"))
    }

    /// As a power cut would, and back again.
    fn kill_and_restart(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
        (self.child, _) = Self::run(self.folder.path(), &self.address.to_string());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }
}

pub(super) fn crowd(address: SocketAddr) -> CrowdHandle {
    let run = hubbub_protocol::id::random_word::<6>().expect("randomness");
    let (host, patience) = (address.to_string(), Duration::from_secs(20));
    let config = CrowdConfig { addresses: vec![address], host, seed: 7, run, connecting_max: 128, patience };
    CrowdHandle::start(config).expect("the crowd starts")
}

pub(super) async fn people(crowd: &CrowdHandle, count: usize, room: &str) -> Vec<PersonId> {
    let recruits = (1..=count).map(|nth| Recruit {
        name: format!("crowd-{nth}"),
        via: Via::Native,
        reads_bytes_per_s: None,
        returns: true,
    });
    let who = crowd.recruit(recruits.collect()).await.expect("they come");
    let room = crowd.room(RoomName::parse(room).expect("a room")).await.expect("a room");
    let joined = crowd.join(who.iter().map(|person| (*person, room)).collect()).await.expect("they join");
    assert_eq!((joined.done, joined.failed), (count, Vec::new()));
    let connected = crowd.connect(who.clone(), Duration::ZERO).await.expect("they connect");
    assert_eq!((connected.done, connected.failed), (count, Vec::new()));
    who
}

async fn post(crowd: &CrowdHandle, posters: Vec<PersonId>, beat: Beat) -> crate::scenario::crowd::order::FlowEnd {
    let words = Words::Bytes(Range { from: 64, to: 64 });
    let flow = Flow { posters, room: RoomChoice::Own, words, action: false, beat, group: None };
    crowd.flow(flow).await.expect("it ends")
}

pub(super) async fn finish(crowd: CrowdHandle) -> Account {
    let settled = crowd.settle(crowd.now().after(Duration::from_secs(30))).await.expect("it settles");
    assert_eq!(settled, Default::default());
    let account = crowd.finish(true).await.expect("an account");
    assert_eq!(account.found, Default::default(), "{:#?}", account.breaches);
    account
}

#[test]
#[ignore = "needs the server's program"]
fn a_small_crowd_talks_with_the_real_server_is_cut_and_loses_nothing() {
    let server = Server::start();
    block_on(async {
        let crowd = crowd(server.address);
        let who = people(&crowd, 20, "lobby").await;
        let talk = post(&crowd, who.clone(), Beat::Times(5)).await;
        assert_eq!((talk.sent, talk.accepted, talk.unsettled, talk.unsent), (100, 100, 0, 0));
        let flow = post(
            &crowd,
            who.clone(),
            Beat::Open { from_per_s: 50.0, to_per_s: 400.0, time: Duration::from_secs(2), poisson: true },
        );
        let cut = async {
            for _ in 0..5 {
                tokio::time::sleep(Duration::from_millis(300)).await;
                let cut = crowd.leave(who[..10].to_vec(), Parting::Cut).await.expect("they are cut");
                assert_eq!(cut.done, 10);
            }
        };
        let (flow, ()) = tokio::join!(flow, cut);
        assert_eq!((flow.accepted, flow.unsettled, flow.unsent), (flow.sent, 0, 0), "{flow:?}");
        let window = post(&crowd, who.clone(), Beat::Closed { window: 8, time: None, posts: Some(500) }).await;
        assert_eq!((window.sent, window.accepted), (500, 500));
        let account = finish(crowd).await;
        println!("{:#?}\n{:#?}\n{:#?}", account.totals, account.delivery, account.load);
        assert_eq!(account.totals.delivered, 20 * account.totals.accepted);
        assert_eq!(account.audited, Some(account.totals.accepted));
    });
}

#[test]
#[ignore = "a measurement: needs the server's program, better both of a release build"]
fn deliveries_per_cpu_second_in_a_room_of_a_thousand() {
    let server = Server::start();
    block_on(async {
        let crowd = crowd(server.address);
        let who = people(&crowd, 1_000, "lobby").await;
        let beat = Beat::Closed { window: 64, time: Some(Duration::from_secs(10)), posts: None };
        crowd.lap().await.expect("a lap");
        let end = post(&crowd, who[..4].to_vec(), beat).await;
        let lap = crowd.lap().await.expect("a lap");
        let per_cpu_s = lap.totals.delivered as f64 / lap.load_cpu_ms * 1e3;
        println!("{end:?}\n{:?} over {:.0} ms, load CPU {:.0} ms", lap.totals, lap.wall_ms, lap.load_cpu_ms);
        println!("deliveries per CPU second of the load side: {per_cpu_s:.0}");
        println!("{:#?}", finish(crowd).await.load);
    });
}

#[test]
#[ignore = "a measurement: needs the server's program"]
fn memory_of_five_thousand_and_of_fifteen_thousand_connections() {
    for (teams, each) in [(1, 5_000), (150, 100)] {
        let server = Server::start();
        block_on(async {
            let crowd = crowd(server.address);
            for team in 1..=teams {
                people(&crowd, each, &format!("team-{team}")).await;
            }
            let mut samples = crowd.samples();
            let all = samples.wait_for(|sample| sample.online == teams * each as u64).await.expect("the crowd lives");
            println!("{} online, busy {:.2}", all.online, all.busy_share);
            drop(all);
            let account = finish(crowd).await;
            println!("connecting p99 {} µs, {:#?}", account.connecting.p99_us, account.load);
        });
    }
}

#[test]
#[ignore = "needs the server's program"]
fn who_reads_slowly_or_not_at_all_falls_behind_and_has_everything_in_the_end() {
    let server = Server::start();
    block_on(async {
        let crowd = crowd(server.address);
        let who = people(&crowd, 10, "lobby").await;
        let room = crowd.room(RoomName::parse("lobby").expect("a room")).await.expect("a room");
        let slow =
            Recruit { name: "slow".to_owned(), via: Via::Native, reads_bytes_per_s: Some(400_000), returns: true };
        let slow = crowd.recruit(vec![slow]).await.expect("they come");
        crowd.join(vec![(slow[0], room)]).await.expect("they join");
        assert_eq!(crowd.connect(slow.clone(), Duration::ZERO).await.expect("they connect").done, 1);
        crowd.reading(vec![who[9]], false).await.expect("they stop");
        let words = Words::Bytes(Range { from: 2_000, to: 2_000 });
        let beat = Beat::Closed { window: 64, time: None, posts: Some(10_000) };
        let flow = Flow { posters: who[..4].to_vec(), room: RoomChoice::Own, words, action: false, beat, group: None };
        let end = crowd.flow(flow).await.expect("it ends");
        assert_eq!((end.sent, end.accepted), (10_000, 10_000));
        let first = crowd.history(who[0], room, 0).await.expect("the crowd lives").expect("they read");
        assert_eq!(first.events.len(), 10_000);
        crowd.reading(vec![who[9]], true).await.expect("they go on");
        let settled = crowd.settle(crowd.now().after(Duration::from_secs(60))).await.expect("it settles");
        assert_eq!(settled, Default::default());
        println!("{:?}", crowd.returns(vec![slow[0], who[9]]).await);
        let account = finish(crowd).await;
        println!("{:#?}", account.totals);
        assert!(account.totals.lagged > 0);
        assert_eq!(account.totals.delivered, 11 * 10_000);
    });
}

#[test]
#[ignore = "needs the server's program"]
fn a_chat_of_people_who_come_and_go_loses_nothing() {
    let server = Server::start();
    block_on(async {
        let crowd = crowd(server.address);
        let who = people(&crowd, 200, "lobby").await;
        let second = Duration::from_secs(1);
        let talk = Talk {
            share: 0.3,
            think: Spread::Exponential(second),
            burst: Range { from: 1, to: 4 },
            pause: Spread::Uniform(second / 20, second / 5),
            types: true,
            text: Text::Size(Range { from: 16, to: 100 }),
        };
        let talk = Some((talk, Words::Bytes(Range { from: 16, to: 100 })));
        let reconnects = Some(Reconnects { every: Spread::Exponential(2 * second), away: Spread::Fixed(second / 4) });
        let end = crowd.chat(vec![Habit { who, talk, reconnects }], 5 * second).await.expect("it ends");
        println!("{end:?}");
        assert_eq!((end.accepted, end.unsettled, end.unsent), (end.sent, 0, 0));
        let account = finish(crowd).await;
        println!("{:#?}", account.totals);
        assert_eq!((account.totals.connections_lost, account.totals.connect_failed), (0, 0));
        assert_eq!(account.totals.delivered, 200 * account.totals.accepted);
    });
}

#[test]
#[ignore = "needs the server's program"]
fn a_server_that_is_killed_in_mid_sentence_loses_nothing_that_it_acknowledged() {
    let mut server = Server::start();
    block_on(async {
        let crowd = crowd(server.address);
        let who = people(&crowd, 200, "lobby").await;
        let beat = Beat::Open { from_per_s: 200.0, to_per_s: 200.0, time: Duration::from_secs(4), poisson: false };
        let kill = async {
            for _ in 0..2 {
                tokio::time::sleep(Duration::from_secs(1)).await;
                server.kill_and_restart();
            }
        };
        let (end, ()) = tokio::join!(post(&crowd, who, beat), kill);
        println!("{end:?}");
        assert_eq!((end.accepted, end.unsettled, end.unsent), (800, 0, 0));
        let account = finish(crowd).await;
        println!("{:#?} {:?}", account.totals, account.delivery.max_us);
        assert_eq!((account.totals.delivered, account.audited), (200 * 800, Some(800)));
    });
}

#[test]
#[ignore = "needs the server's program"]
fn many_small_rooms_under_a_flood_survive_cuts_of_some() {
    let server = Server::start();
    block_on(async {
        let crowd = crowd(server.address);
        let mut who = Vec::new();
        for team in 1..=60 {
            who.extend(people(&crowd, 10, &format!("team-{team}")).await);
        }
        let beat = Beat::Closed { window: 64, time: Some(Duration::from_secs(5)), posts: None };
        let cut = async {
            for from in (0..600).step_by(60).take(8) {
                tokio::time::sleep(Duration::from_millis(500)).await;
                crowd.leave(who[from..from + 60].to_vec(), Parting::Cut).await.expect("they are cut");
            }
        };
        let (end, ()) = tokio::join!(post(&crowd, who.clone(), beat), cut);
        assert_eq!((end.accepted, end.unsettled), (end.sent, 0), "{end:?}");
        let account = finish(crowd).await;
        println!("{:#?}", account.totals);
        assert_eq!(account.totals.delivered, 10 * account.totals.accepted);
    });
}
