//! Runs by themselves: nothing is lost on the way through the levels, nor by a merge that is cut off.

use std::collections::BTreeMap;

use super::{
    super::nonce::{Key, Keyring},
    *,
};

fn table() -> Connection {
    let connection = Connection::open_in_memory().expect("opened");
    connection
        .execute_batch("CREATE TABLE nonces (id INTEGER PRIMARY KEY, entries BLOB NOT NULL) STRICT")
        .expect("created");
    connection
}

fn key(n: u64) -> Key {
    Keyring::new([7; 16]).key(1, 1, &n.to_string())
}

/// The nonces from `first` on, each with itself as its seq.
fn sent(first: u64, count: u64) -> Vec<Sent> {
    (first..first + count).map(|n| Sent::new(key(n), n)).collect()
}

/// By one who has just started, too.
fn all_find(connection: &Connection, runs: &Runs, nonces: std::ops::Range<u64>) -> bool {
    let listed = Runs::list(connection).expect("listed");
    // Some of them, in all parts: where one is, all are.
    let mut each = nonces.step_by(53).flat_map(|n| [(runs, n), (&listed, n)]);
    each.all(|(runs, n)| runs.find(connection, key(n)).expect("looked") == [n])
}

/// How often each entry is there.
fn all(connection: &Connection) -> BTreeMap<Sent, usize> {
    let mut statement = connection.prepare("SELECT entries FROM nonces").expect("prepared");
    let mut rows = statement.query([]).expect("asked");
    let mut all = BTreeMap::new();
    while let Some(row) = rows.next().expect("a row") {
        for sent in entries(row.get_ref(0).expect("there").as_blob().expect("bytes")) {
            *all.entry(sent).or_default() += 1;
        }
    }
    all
}

#[test]
fn whatever_was_added_is_found_and_in_few_runs() {
    const SLICES: u64 = 900;
    const SLICE: u64 = 100;
    let connection = table();
    let mut runs = Runs::list(&connection).expect("listed");
    for slice in 0..SLICES {
        runs.add(&connection, &sent(slice * SLICE, SLICE)).expect("added");
        let levels = runs.levels.values().map(Vec::len).sum::<usize>();
        let merged: usize = runs.merges.values().map(|merge| merge.sources.len() + 1).sum();
        assert!(levels + merged <= 3 * 2 * FAN, "{levels} and {merged} after {slice} slices");
        // Numbers are taken again, or one day there would be none left.
        assert!(runs.all().all(|run| run.number < 3 * FAN as i64), "{runs:?}");
    }
    let all = all(&connection);
    assert_eq!(all.len() as u64, SLICES * SLICE);
    assert!(all.values().all(|times| *times == 1));
    assert!(all_find(&connection, &runs, 0..SLICES * SLICE));
    assert!(runs.find(&connection, key(SLICES * SLICE)).expect("looked").is_empty());
    assert!(runs.nonces_max() >= SLICES * SLICE && runs.levels.contains_key(&2), "{:?}", runs.levels);
}

#[test]
fn runs_of_all_sizes_are_merged_with_those_of_their_level() {
    assert_eq!([1, 512, 513, 8_192, 8_193, 131_072, 131_073].map(level), [0, 0, 1, 1, 2, 2, 3]);
    let connection = table();
    let mut runs = Runs::list(&connection).expect("listed");
    let mut first = 0;
    for size in [1, 700, 40, 9_000, 512, 513].into_iter().cycle().take(60) {
        runs.add(&connection, &sent(first, size)).expect("added");
        first += size;
    }
    assert!(all_find(&connection, &runs, 0..first));
    assert_eq!(all(&connection).len() as u64, first);
}

#[test]
fn what_was_begun_before_a_restart_goes_on_after_it() {
    let connection = table();
    let mut runs = Runs::list(&connection).expect("listed");
    let mut were_merging = 0;
    for slice in 0..1_500 {
        if slice % 7 == 0 {
            were_merging += runs.merges.len();
            runs = Runs::list(&connection).expect("listed");
        }
        runs.add(&connection, &sent(slice * 50, 50)).expect("added");
    }
    assert!(were_merging > 10, "{were_merging}");
    assert!(all_find(&connection, &runs, 0..75_000));
    let all = all(&connection);
    assert!(all.len() == 75_000 && all.values().all(|times| *times == 1), "{}", all.len());
}

#[test]
fn what_a_transaction_took_back_is_where_it_was() {
    let mut connection = table();
    let mut runs = Runs::list(&connection).expect("listed");
    for slice in 0..100 {
        runs.add(&connection, &sent(slice * 50, 50)).expect("added");
        let before = all(&connection);
        let transaction = connection.transaction().expect("begun");
        runs.add(&transaction, &sent(1_000_000, 300)).expect("added");
        transaction.rollback().expect("taken back");
        assert_eq!(all(&connection), before);
        runs = Runs::list(&connection).expect("listed");
    }
    assert!(all_find(&connection, &runs, 0..5_000));
}

#[test]
fn all_seqs_of_a_key_are_found() {
    let connection = table();
    let mut runs = Runs::list(&connection).expect("listed");
    for hundred in 0..40 {
        let mut sent = sent(hundred * 100 + 10, 100);
        sent.extend((hundred * 50..(hundred + 1) * 50).map(|seq| Sent::new(key(1), seq)));
        runs.add(&connection, &sent).expect("added");
    }
    let mut found = runs.find(&connection, key(1)).expect("looked");
    found.sort_unstable();
    assert_eq!(found, (0..2_000).collect::<Vec<_>>());
}

#[test]
fn a_damaged_table_costs_what_is_damaged_and_nothing_else() {
    let connection = table();
    let mut runs = Runs::list(&connection).expect("listed");
    for slice in 0..100 {
        runs.add(&connection, &sent(slice * 100, 100)).expect("added");
    }
    // Rows of no level, and entries in the wrong part, each in two rows of one run.
    let foreign = "INSERT INTO nonces (id, entries) VALUES (?1, x'00')";
    for row in [i64::MAX, i64::MIN, -1, 8 << 56, 17 << 56] {
        connection.execute(foreign, [row]).expect("written");
    }
    let mut wrong = Vec::new();
    sent(500_000, 40).iter().for_each(|sent| sent.put(&mut wrong));
    let damage = "UPDATE nonces SET entries = CAST(entries || ?1 AS BLOB) WHERE id >= 1 << 56 AND id < 2 << 56";
    assert!(connection.execute(damage, [&wrong]).expect("damaged") > FAN);
    runs = Runs::list(&connection).expect("listed");
    assert!(runs.all().all(|run| run.level <= LEVEL_MAX) && runs.nonces_max() < 1 << 20);
    for slice in 100..700 {
        runs.add(&connection, &sent(slice * 100, 100)).expect("added");
    }
    assert!(runs.levels.contains_key(&2), "what was damaged has been merged: {:?}", runs.levels);
    assert!(all_find(&connection, &runs, 0..70_000));
}

#[test]
fn a_part_that_was_cut_short_says_what_it_has() {
    let all = [Sent { hash: u64::MAX - 1, seq: (1 << 40) - 1 }, Sent { hash: 7, seq: 256 }];
    let mut part = Vec::new();
    all.iter().for_each(|sent| sent.put(&mut part));
    assert_eq!(entries(&part).collect::<Vec<_>>(), all);
    part.pop();
    assert_eq!(entries(&part).collect::<Vec<_>>(), all[..1]);
}
