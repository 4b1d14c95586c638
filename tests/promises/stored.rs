//! Acknowledged means stored: an `ok` outlives the process, and a post that could not be stored is refused.

use hubbub_tests::{
    ledger::Ledger,
    participant::Participant,
    server::{Server, Setup},
};

#[tokio::test]
async fn an_acknowledged_post_is_there_after_a_kill() {
    let mut server = Server::start(Setup::for_load()).await;
    let mut ana = Participant::new(server.address(), "ana", &["lobby"]);
    (0..20).for_each(|number| ana.say("lobby", &format!("post {number}")));
    ana.finish_saying().await;
    server.kill().await;
    server.restart().await;
    let mut bo = Participant::new(server.address(), "bo", &["lobby"]);
    bo.read_until("lobby", 20).await;
    ana.read_until("lobby", 20).await;
    let mut ledger = Ledger::new();
    ana.tell(&mut ledger);
    bo.tell(&mut ledger);
    ledger.assert_kept();
}
