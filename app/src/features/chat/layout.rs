//! Where the items of a timeline stand: heights measured or guessed, tops, and what of it is in sight.
//!
//! Pure numbers, so that it can be tested without a browser.

use std::{collections::HashMap, ops::Range};

use haven_bridge::ItemId;

/// A place to keep while heights change: an item, and how far its top is below the top of what is in sight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Anchor {
    item: ItemId,
    below: f64,
}

impl Anchor {
    /// An item's top, so far below the top of what is in sight.
    pub fn new(item: ItemId, below: f64) -> Self {
        Self { item, below }
    }
}

/// A column of items.
#[derive(Default)]
pub struct Layout {
    ids: Vec<ItemId>,
    places: HashMap<ItemId, usize>,
    measured: HashMap<ItemId, f64>,
    guessed: HashMap<ItemId, f64>,
    /// One more than items: the last is the height of all.
    tops: Vec<f64>,
}

impl Layout {
    /// Puts these items in a column. Heights of those never measured are guessed.
    pub fn set_ids(&mut self, ids: Vec<ItemId>, guess: impl Fn(ItemId) -> f64) {
        for id in &ids {
            if !self.measured.contains_key(id) && !self.guessed.contains_key(id) {
                self.guessed.insert(*id, guess(*id));
            }
        }
        self.places = ids.iter().enumerate().map(|(place, id)| (*id, place)).collect();
        self.ids = ids;
        self.stack();
    }

    /// Takes measured heights; false if they are what was known already.
    pub fn measure(&mut self, heights: impl IntoIterator<Item = (ItemId, f64)>) -> bool {
        let mut changed = false;
        for (id, height) in heights {
            let old = self.measured.insert(id, height);
            changed |=
                old.or_else(|| self.guessed.get(&id).copied()).is_none_or(|old| (old - height).abs() > 0.1);
        }
        if changed {
            self.stack();
        }
        changed
    }

    /// Forgets what was measured, as after a change of the width.
    pub fn forget_heights(&mut self) {
        // The old heights are better guesses than none.
        self.guessed.extend(self.measured.drain());
    }

    /// All items.
    pub fn ids(&self) -> &[ItemId] {
        &self.ids
    }

    /// The height of all.
    pub fn height(&self) -> f64 {
        self.tops.last().copied().unwrap_or_default()
    }

    /// Where an item begins.
    pub fn top(&self, place: usize) -> f64 {
        self.tops.get(place).copied().unwrap_or_default()
    }

    /// The items between two heights, and somewhat more on both sides.
    pub fn window(&self, from: f64, to: f64, margin: f64) -> Range<usize> {
        let count = self.ids.len();
        let first = self.place_at(from - margin);
        let last = self.place_at(to + margin);
        first.min(count)..(last + 1).min(count)
    }

    /// The newest item whose end is above this height.
    pub fn last_ending_above(&self, height: f64) -> Option<ItemId> {
        let ends = self.tops.get(1..).unwrap_or_default();
        let count = ends.partition_point(|end| *end <= height);
        self.ids.get(count.checked_sub(1)?).copied()
    }

    /// The first item in sight, to keep its place.
    pub fn anchor(&self, scroll: f64) -> Option<Anchor> {
        let place = self.place_at(scroll);
        self.ids.get(place).map(|item| Anchor { item: *item, below: self.top(place) - scroll })
    }

    /// How far to scroll so that an anchor is where it was.
    pub fn scroll_to(&self, anchor: Anchor) -> Option<f64> {
        self.places.get(&anchor.item).map(|place| self.top(*place) - anchor.below)
    }

    fn place_at(&self, height: f64) -> usize {
        self.tops
            .partition_point(|top| *top <= height)
            .saturating_sub(1)
            .min(self.ids.len().saturating_sub(1))
    }

    fn stack(&mut self) {
        let mut top = 0.0;
        self.tops.clear();
        self.tops.push(top);
        for id in &self.ids {
            top += self.measured.get(id).or_else(|| self.guessed.get(id)).copied().unwrap_or_default();
            self.tops.push(top);
        }
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    fn id(number: u8) -> ItemId {
        ItemId([number; 16])
    }

    fn layout(numbers: Range<u8>) -> Layout {
        let mut layout = Layout::default();
        layout.set_ids(numbers.map(id).collect(), |_| 10.0);
        layout
    }

    #[test]
    fn the_window_covers_what_is_in_sight_and_its_margin() {
        let layout = layout(0..100);
        assert_eq!(layout.height(), 1000.0);
        assert_eq!(layout.window(200.0, 300.0, 0.0), 20..31);
        assert_eq!(layout.window(200.0, 300.0, 50.0), 15..36);
        assert_eq!(layout.window(0.0, 5000.0, 50.0), 0..100);
        assert_eq!(Layout::default().window(0.0, 100.0, 10.0), 0..0);
    }

    #[test]
    fn an_anchor_stays_when_older_items_come_and_heights_change() {
        let mut layout = layout(50..100);
        let anchor = layout.anchor(105.0).unwrap();
        assert_eq!(anchor, Anchor::new(id(60), -5.0));
        layout.set_ids((0..100).map(id).collect(), |_| 10.0);
        assert_eq!(layout.scroll_to(anchor), Some(605.0));
        assert!(layout.measure([(id(3), 35.0)]));
        assert_eq!(layout.scroll_to(anchor), Some(630.0));
        assert!(!layout.measure([(id(3), 35.0)]));
    }

    #[test]
    fn only_items_that_end_in_sight_count_as_seen() {
        let layout = layout(0..10);
        assert_eq!(layout.last_ending_above(9.0), None);
        assert_eq!(layout.last_ending_above(39.0), Some(id(2)));
        assert_eq!(layout.last_ending_above(5000.0), Some(id(9)));
    }

    #[test]
    fn forgotten_heights_remain_as_guesses() {
        let mut layout = layout(0..2);
        layout.measure([(id(0), 50.0)]);
        layout.forget_heights();
        layout.set_ids(vec![id(0), id(1)], |_| 10.0);
        assert_eq!(layout.height(), 60.0);
        assert!(layout.measure([(id(0), 30.0)]));
        assert_eq!(layout.height(), 40.0);
    }
}
