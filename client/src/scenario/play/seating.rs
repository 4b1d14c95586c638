//! Groups of rooms: which rooms there are, and who of a population sits in which.

use std::collections::BTreeMap;

use rand::{rngs::StdRng, seq::SliceRandom};

use super::scale::Scale;
use crate::scenario::file::{RoomGroup, RoomSizes};

/// The groups of a scenario, with their number of rooms in this run.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Groups(BTreeMap<String, RoomGroup>);

impl Groups {
    pub(super) fn new(groups: &BTreeMap<String, RoomGroup>, scale: Scale) -> Self {
        let scaled = |group: &RoomGroup| RoomGroup { count: scale.count(group.count), sizes: group.sizes.clone() };
        Self(groups.iter().map(|(name, group)| (name.clone(), scaled(group))).collect())
    }

    /// The rooms that a word names: those of a group, or the one of this name.
    pub(super) fn rooms(&self, word: &str) -> Vec<String> {
        match self.0.get(word) {
            Some(group) => (1..=group.count).map(|n| format!("{word}-{n}")).collect(),
            None => vec![word.to_owned()],
        }
    }

    /// Whether a word names several rooms.
    pub(super) fn is_group(&self, word: &str) -> bool {
        self.0.contains_key(word)
    }

    /// Which of the rooms that a word names each of so many people joins.
    pub(super) fn seats(&self, word: &str, people: usize, chance: &mut StdRng) -> Vec<usize> {
        match self.0.get(word) {
            Some(group) => seats(&group.sizes, group.count.max(1) as usize, people, chance),
            None => vec![0; people],
        }
    }
}

fn seats(sizes: &RoomSizes, rooms: usize, people: usize, chance: &mut StdRng) -> Vec<usize> {
    match sizes {
        RoomSizes::Even => (0..people).map(|person| person % rooms).collect(),
        RoomSizes::List(list) => {
            let wanted = list.iter().cycle().take(rooms).enumerate();
            let filled = wanted.flat_map(|(room, size)| std::iter::repeat_n(room, *size as usize));
            // Beyond what all rooms take, in turn.
            filled.chain((0..rooms).cycle()).take(people).collect()
        }
        RoomSizes::PowerLaw(exponent) => {
            let quotas = quotas(*exponent, rooms, people).into_iter().enumerate();
            let mut seats: Vec<usize> =
                quotas.flat_map(|(room, quota)| std::iter::repeat_n(room, quota)).take(people).collect();
            seats.shuffle(chance);
            seats
        }
    }
}

/// How many of the people each room gets: in proportion to its rank to the power of minus `exponent`, the rest that
/// rounding leaves to those who lost the most by it.
fn quotas(exponent: f64, rooms: usize, people: usize) -> Vec<usize> {
    let weights: Vec<f64> = (1..=rooms).map(|rank| (rank as f64).powf(-exponent)).collect();
    let total: f64 = weights.iter().sum();
    let exact: Vec<f64> = weights.iter().map(|weight| weight / total * people as f64).collect();
    let mut quotas: Vec<usize> = exact.iter().map(|share| share.floor() as usize).collect();
    let mut ranks: Vec<usize> = (0..rooms).collect();
    ranks.sort_by(|a, b| exact[*b].fract().total_cmp(&exact[*a].fract()));
    let rest = people.saturating_sub(quotas.iter().sum());
    for rank in ranks.into_iter().cycle().take(rest) {
        quotas[rank] += 1;
    }
    quotas
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::play::seed::Seed;

    fn counts(sizes: &RoomSizes, rooms: usize, people: usize) -> Vec<usize> {
        let seats = seats(sizes, rooms, people, &mut Seed(7).chance("seats"));
        assert_eq!(seats.len(), people);
        (0..rooms).map(|room| seats.iter().filter(|seat| **seat == room).count()).collect()
    }

    #[test]
    fn even_rooms_are_equal_to_one() {
        assert_eq!(counts(&RoomSizes::Even, 3, 8), [3, 3, 2]);
        assert_eq!(counts(&RoomSizes::Even, 3, 2), [1, 1, 0]);
    }

    #[test]
    fn a_list_of_sizes_is_repeated_and_who_is_left_over_is_spread() {
        assert_eq!(counts(&RoomSizes::List(vec![10]), 3, 30), [10, 10, 10]);
        assert_eq!(counts(&RoomSizes::List(vec![5, 1]), 3, 11), [5, 1, 5]);
        assert_eq!(counts(&RoomSizes::List(vec![5, 1]), 3, 8), [5, 1, 2]);
        assert_eq!(counts(&RoomSizes::List(vec![2]), 2, 7), [4, 3]);
        assert_eq!(counts(&RoomSizes::List(vec![]), 2, 4), [2, 2]);
        assert_eq!(counts(&RoomSizes::List(vec![0]), 2, 4), [2, 2]);
    }

    #[test]
    fn a_power_law_gives_each_rank_its_share() {
        assert_eq!(counts(&RoomSizes::PowerLaw(1.0), 4, 25), [12, 6, 4, 3]);
        assert_eq!(counts(&RoomSizes::PowerLaw(0.0), 4, 8), [2, 2, 2, 2]);
        assert_eq!(counts(&RoomSizes::PowerLaw(500.0), 3, 5), [5, 0, 0]);
        assert_eq!(counts(&RoomSizes::PowerLaw(1.0), 5, 1), [1, 0, 0, 0, 0]);
    }

    #[test]
    fn who_sits_where_depends_on_the_seed_alone() {
        let draw = |seed| seats(&RoomSizes::PowerLaw(1.0), 10, 100, &mut Seed(seed).chance("seats"));
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }

    #[test]
    fn a_group_is_many_rooms_and_any_other_word_is_one() {
        let group = RoomGroup { count: 20, sizes: RoomSizes::Even };
        let groups = Groups::new(&[("team".to_owned(), group)].into(), Scale::new(0.1).expect("a scale"));
        assert_eq!(groups.rooms("team"), ["team-1", "team-2"]);
        assert_eq!(groups.rooms("lobby"), ["lobby"]);
        assert!(groups.is_group("team") && !groups.is_group("team-1"));
    }
}
