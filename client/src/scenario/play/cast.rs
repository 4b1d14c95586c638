//! The cast in this run: who there is, and who is meant by the words of a step.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::Range,
};

use rand::{rngs::StdRng, seq::index};

use super::scale::Scale;
use crate::scenario::{
    crowd::order::Recruit,
    file::{
        cast::Role,
        who::{Term, Who},
    },
    id::PersonId,
};

/// Everybody, in the order of the file's names.
#[derive(Debug)]
pub(crate) struct Cast {
    people: Vec<Person>,
    roles: BTreeMap<String, Part>,
    numbers: HashMap<PersonId, usize>,
}

#[derive(Debug)]
struct Person {
    name: String,
    id: PersonId,
}

/// A role, and which of the people play it.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) role: Role,
    people: Range<usize>,
}

impl Cast {
    /// As many as the scale makes of them.
    pub(super) fn new(roles: &BTreeMap<String, Role>, scale: Scale) -> Self {
        let mut cast = Self { people: Vec::new(), roles: BTreeMap::new(), numbers: HashMap::new() };
        for (name, role) in roles {
            let first = cast.people.len();
            let names: Vec<String> = match role.count {
                None => vec![name.clone()],
                Some(count) => (1..=scale.count(count)).map(|n| format!("{name}-{n}")).collect(),
            };
            cast.people.extend(names.into_iter().map(|name| Person { name, id: PersonId(u32::MAX) }));
            let people = first..cast.people.len();
            cast.roles.insert(name.clone(), Part { role: role.clone(), people });
        }
        cast
    }

    /// Everybody as the crowd wants to know them.
    pub(super) fn recruits(&self) -> Vec<Recruit> {
        let part = |part: &Part| {
            let Role { via, reads_bytes_per_s, returns, .. } = part.role;
            let people = &self.people[part.people.clone()];
            let recruit = move |person: &Person| Recruit { name: person.name.clone(), via, reads_bytes_per_s, returns };
            people.iter().map(recruit).collect::<Vec<_>>()
        };
        self.roles.values().flat_map(part).collect()
    }

    /// Their numbers with the crowd, in the order of the recruits.
    pub(super) fn number(&mut self, ids: &[PersonId]) {
        for (number, (person, id)) in self.people.iter_mut().zip(ids).enumerate() {
            person.id = *id;
            self.numbers.insert(*id, number);
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.people.len()
    }

    /// The roles, by name.
    pub(super) fn parts(&self) -> impl Iterator<Item = (&str, &Part)> {
        self.roles.iter().map(|(name, part)| (name.as_str(), part))
    }

    /// Who plays a part.
    pub(super) fn players(&self, part: &Part) -> Vec<PersonId> {
        self.people[part.people.clone()].iter().map(|person| person.id).collect()
    }

    /// What somebody is called in the story.
    pub(super) fn name(&self, person: PersonId) -> &str {
        self.numbers.get(&person).and_then(|number| self.people.get(*number)).map_or("somebody", |found| &found.name)
    }

    /// Who is meant, each once, in the order of the cast. `members` tells who is in the rooms of [`rooms_named`].
    pub(super) fn meant(
        &self,
        who: &Who,
        members: &BTreeMap<String, Vec<PersonId>>,
        chance: &mut StdRng,
    ) -> Vec<PersonId> {
        let mut meant = self.union(&who.terms, members, chance);
        for not in self.union(&who.except, members, chance) {
            meant.remove(&not);
        }
        meant.into_iter().map(|number| self.people[number].id).collect()
    }

    fn union(&self, terms: &[Term], members: &BTreeMap<String, Vec<PersonId>>, chance: &mut StdRng) -> BTreeSet<usize> {
        let mut all = BTreeSet::new();
        for term in terms {
            match term {
                Term::Name(name) => all.extend(self.range(name)),
                Term::Nth(name, nth) => all.extend(self.nth(name, *nth)),
                Term::Everyone => all.extend(0..self.people.len()),
                Term::EveryoneIn(room) => {
                    let there = members.get(room).map_or(&[][..], Vec::as_slice);
                    all.extend(there.iter().filter_map(|person| self.numbers.get(person)));
                }
                Term::Share { share, of } => {
                    let range = self.range(of);
                    // A little less, so that 10 % of 10 is 1 in floating point, too.
                    let count = (range.len() as f64 * share - 1e-9).ceil().max(0.0) as usize;
                    all.extend(drawn(range, count, chance));
                }
                Term::Some { count, of } => all.extend(drawn(self.range(of), *count as usize, chance)),
            }
        }
        all
    }

    fn range(&self, name: &str) -> Range<usize> {
        self.roles.get(name).map_or(0..0, |part| part.people.clone())
    }

    /// The n-th of a population; when the scale has left fewer, it is counted round.
    fn nth(&self, name: &str, nth: u32) -> Option<usize> {
        let range = self.range(name);
        let step = (nth.max(1) as usize - 1).checked_rem(range.len())?;
        Some(range.start + step)
    }
}

fn drawn(range: Range<usize>, count: usize, chance: &mut StdRng) -> impl Iterator<Item = usize> {
    let drawn = index::sample(chance, range.len(), count.min(range.len()));
    drawn.into_iter().map(move |number| range.start + number)
}

/// The rooms or groups whose members must be known to tell who is meant.
pub(super) fn rooms_named(who: &Who) -> BTreeSet<&str> {
    let terms = who.terms.iter().chain(&who.except);
    terms.filter_map(|term| if let Term::EveryoneIn(room) = term { Some(room.as_str()) } else { None }).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::scenario::{
        file::{Place, cast::Via},
        play::seed::Seed,
    };

    fn role(count: Option<u32>) -> Role {
        Role {
            count,
            join: vec!["lobby".to_owned()],
            via: Via::Native,
            connected: true,
            arrive: Duration::ZERO,
            reads_bytes_per_s: None,
            returns: true,
            talk: None,
            reconnects: None,
            place: Place::default(),
        }
    }

    /// ana, bo, crowd-1 … crowd-10; their numbers with the crowd are a hundred more than their place.
    fn cast(scale: f64) -> Cast {
        let roles = [("ana", None), ("bo", None), ("crowd", Some(10))];
        let roles = roles.into_iter().map(|(name, count)| (name.to_owned(), role(count))).collect();
        let mut cast = Cast::new(&roles, Scale::new(scale).expect("a scale"));
        let ids: Vec<PersonId> = (100..).take(cast.len()).map(PersonId).collect();
        cast.number(&ids);
        cast
    }

    fn meant(cast: &Cast, terms: Vec<Term>, except: Vec<Term>, seed: u64) -> Vec<String> {
        let who = Who { terms, except, text: String::new(), place: Place::default() };
        let members = [("lobby".to_owned(), vec![PersonId(101), PersonId(104), PersonId(999)])].into();
        let found = cast.meant(&who, &members, &mut Seed(seed).chance("who"));
        found.into_iter().map(|person| cast.name(person).to_owned()).collect()
    }

    fn name(name: &str) -> Term {
        Term::Name(name.to_owned())
    }

    #[test]
    fn each_is_meant_once_in_the_order_of_the_cast() {
        let cast = cast(0.2);
        assert_eq!(meant(&cast, vec![name("bo"), Term::Everyone], vec![], 1), ["ana", "bo", "crowd-1", "crowd-2"]);
        assert_eq!(meant(&cast, vec![Term::Everyone], vec![name("crowd")], 1), ["ana", "bo"]);
        assert_eq!(meant(&cast, vec![name("crowd")], vec![Term::Nth("crowd".to_owned(), 2)], 1), ["crowd-1"]);
    }

    #[test]
    fn who_is_in_a_room_is_meant_if_they_are_of_the_cast() {
        assert_eq!(meant(&cast(1.0), vec![Term::EveryoneIn("lobby".to_owned())], vec![name("bo")], 1), ["crowd-3"]);
        assert!(meant(&cast(1.0), vec![Term::EveryoneIn("attic".to_owned())], vec![], 1).is_empty());
    }

    #[test]
    fn shares_are_drawn_from_the_seed_and_rounded_up() {
        let cast = cast(1.0);
        let share = |share, seed| meant(&cast, vec![Term::Share { share, of: "crowd".to_owned() }], vec![], seed);
        assert_eq!(
            (share(0.1, 1).len(), share(0.11, 1).len(), share(1.0, 1).len(), share(0.0, 1).len()),
            (1, 2, 10, 0)
        );
        assert_eq!(share(0.5, 1), share(0.5, 1));
        assert_ne!(share(0.5, 1), share(0.5, 2));
        let some = |count| meant(&cast, vec![Term::Some { count, of: "crowd".to_owned() }], vec![], 3);
        assert_eq!((some(3).len(), some(99).len()), (3, 10));
    }

    #[test]
    fn one_of_a_population_is_found_also_when_the_scale_left_fewer() {
        let nth = |scale, nth| meant(&cast(scale), vec![Term::Nth("crowd".to_owned(), nth)], vec![], 1);
        assert_eq!((nth(1.0, 7), nth(0.3, 7)), (vec!["crowd-7".to_owned()], vec!["crowd-1".to_owned()]));
    }

    #[test]
    fn the_scale_makes_populations_larger_and_leaves_people_with_names_alone() {
        let names: Vec<String> = cast(0.2).recruits().into_iter().map(|recruit| recruit.name).collect();
        assert_eq!(names, ["ana", "bo", "crowd-1", "crowd-2"]);
        assert_eq!(cast(2.0).len(), 22);
    }
}
