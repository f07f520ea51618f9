//! Events as they come out of a channel, and where in it each of them stands.

use std::ops::Deref;

use crate::agent::event::Event;

/// Where an event stands in its channel: the same whenever it comes again, whatever epoch it is in then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::agent) struct Place {
    /// The number of the channel's record.
    pub record: u64,
    /// Which of the record's events it is, from 0.
    pub index: u32,
}

/// Events in their order.
#[derive(Debug, Default)]
pub(in crate::agent) struct Events {
    all: Vec<Event>,
    /// Where each event that does not stand right behind the one before it does, and which event that is.
    begins: Vec<(usize, Place)>,
    /// Where the next event stands, if it is of the same record.
    next: Place,
}

impl Events {
    /// Adds an event.
    pub(in crate::agent) fn add(&mut self, event: Event, place: Place) {
        if self.all.is_empty() || place != self.next {
            self.begins.push((self.all.len(), place));
        }
        self.next = Place { index: place.index.saturating_add(1), ..place };
        self.all.push(event);
    }

    /// Where each event stands, in their order.
    pub(in crate::agent) fn places(&self) -> impl Iterator<Item = Place> {
        let ends = self.begins.iter().skip(1).map(|(number, _)| *number).chain([self.all.len()]);
        self.begins.iter().zip(ends).flat_map(|((begin, place), end)| {
            (place.index..).take(end - begin).map(move |index| Place { index, ..*place })
        })
    }
}

impl Deref for Events {
    type Target = [Event];

    fn deref(&self) -> &[Event] {
        &self.all
    }
}

impl IntoIterator for Events {
    type Item = Event;
    type IntoIter = std::vec::IntoIter<Event>;

    fn into_iter(self) -> Self::IntoIter {
        self.all.into_iter()
    }
}

/// As if they were the first record of a channel.
#[cfg(test)]
impl From<Vec<Event>> for Events {
    fn from(all: Vec<Event>) -> Self {
        let mut events = Self::default();
        for (index, event) in (0..).zip(all) {
            events.add(event, Place { record: 0, index });
        }
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_event_has_the_place_that_it_was_added_with() {
        let places = [(3, 5), (3, 6), (4, 0), (5, 0), (5, 1), (9, 0), (9, 1)];
        let places = places.map(|(record, index)| Place { record, index });
        let mut events = Events::default();
        places.iter().for_each(|place| events.add(Event::default(), *place));
        assert_eq!(events.places().collect::<Vec<_>>(), places);
        assert_eq!((events.len(), events.begins.len()), (7, 4));
        assert_eq!(Events::default().places().count(), 0);
    }
}
