//! The rooms in their order and the one in front.

use hubbub_protocol::{NameKey, RoomName};

use crate::screen::state::room::Room;

/// The rooms in the order of the list.
#[derive(Debug, Default)]
pub(crate) struct Rooms {
    list: Vec<Room>,
    active: usize,
}

impl Rooms {
    /// The room in front.
    pub(crate) fn active(&self) -> Option<&Room> {
        self.list.get(self.active)
    }

    /// The same, to change it.
    pub(crate) fn active_mut(&mut self) -> Option<&mut Room> {
        self.list.get_mut(self.active)
    }

    /// Its place in the list.
    pub(crate) fn active_index(&self) -> usize {
        self.active
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Room> {
        self.list.iter()
    }

    /// The same, to change them.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Room> {
        self.list.iter_mut()
    }

    /// How many.
    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// The place of a room.
    pub(crate) fn position(&self, name: &RoomName) -> Option<usize> {
        let key = name.key();
        self.position_of(&key)
    }

    /// The same by key.
    pub(crate) fn position_of(&self, key: &NameKey) -> Option<usize> {
        self.list.iter().position(|room| room.key == *key)
    }

    /// A room by name.
    pub(crate) fn get_mut(&mut self, name: &RoomName) -> Option<&mut Room> {
        let index = self.position(name)?;
        self.list.get_mut(index)
    }

    /// The room of this name, put at the end of the list if it is new.
    pub(crate) fn ensure(&mut self, name: &RoomName) -> usize {
        self.position(name).unwrap_or_else(|| {
            self.list.push(Room::new(name.clone()));
            self.list.len() - 1
        })
    }

    /// Brings a room to the front. What was read to the end before loses its unread line.
    pub(crate) fn activate(&mut self, index: usize) {
        if index >= self.list.len() || index == self.active {
            return;
        }
        if let Some(left) = self.list.get_mut(self.active) {
            left.leave_view();
        }
        self.active = index;
    }

    /// Takes a room out. The one in front stays there, or its neighbour comes.
    pub(crate) fn remove(&mut self, name: &RoomName) {
        let Some(index) = self.position(name) else { return };
        self.list.remove(index);
        if self.active > index || self.active >= self.list.len() {
            self.active = self.active.saturating_sub(1);
        }
    }

    /// The next room after the one in front with something unread; rooms with mentions first.
    pub(crate) fn next_unread(&self) -> Option<usize> {
        let count = self.list.len();
        let order = (1..count).map(|step| (self.active + step) % count);
        let mentioned = order.clone().find(|index| self.list[*index].mentioned() > 0);
        mentioned.or_else(|| order.into_iter().find(|index| self.list[*index].unread() > 0))
    }

    /// What waits in all rooms: unread and mentions.
    pub(crate) fn waiting(&self) -> (u64, u64) {
        self.list.iter().fold((0, 0), |(unread, mentions), room| (unread + room.unread(), mentions + room.mentioned()))
    }
}
