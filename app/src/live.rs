//! Parts of views that change, all of one type.
//!
//! Leptos makes a copy of its machinery for each closure that a view holds. Behind a box, they share one, which saves
//! five kilobytes of the page after compression.

use leptos::{prelude::*, tachys::view::any_view::AnyView};

/// A part of a view that is drawn anew when something changes that it reads.
pub fn live<V: IntoAny>(mut part: impl FnMut() -> V + Send + 'static) -> Box<dyn FnMut() -> AnyView + Send> {
    Box::new(move || part().into_any())
}

/// An attribute that is there while something is so.
pub fn when(
    so: impl Fn() -> bool + Send + Sync + 'static,
    value: &'static str,
) -> Signal<Option<&'static str>> {
    Signal::derive(move || so().then_some(value))
}
