//! Times in words, in the person's time zone and habits.

use std::time::Duration;

use js_sys::{Array, Date, Function, Intl, Object, Reflect};
use leptos::prelude::*;
use wasm_bindgen::JsValue;

use crate::services::browser;

const DAY: f64 = 86_400_000.0;
const LOOKED_EACH: Duration = Duration::from_secs(60);

thread_local! {
    /// The number of this day.
    static TODAY: ArcRwSignal<i64> = ArcRwSignal::new(day_number(browser::now()));
    // Making a formatter costs much more than using it.
    static CLOCK: Function = formatter(&[("hour", "numeric"), ("minute", "2-digit")]);
    static WEEKDAY: Function = formatter(&[("weekday", "long")]);
    static SHORT_DAY: Function = formatter(&[("day", "numeric"), ("month", "short")]);
    static SHORT_DAY_YEAR: Function = formatter(&[("day", "numeric"), ("month", "short"), ("year", "numeric")]);
    static LONG_DAY: Function = formatter(&[("weekday", "long"), ("day", "numeric"), ("month", "long")]);
    static LONG_DAY_YEAR: Function = formatter(&[("day", "numeric"), ("month", "long"), ("year", "numeric")]);
    static FULL: Function = formatter(&[("dateStyle", "long"), ("timeStyle", "short")]);
}

/// `14:05`
pub fn clock(time: u64) -> String {
    CLOCK.with(|format| say(format, time))
}

/// `22 November 2026 at 14:05`
pub fn full(time: u64) -> String {
    FULL.with(|format| say(format, time))
}

/// `22 Nov 2026`
pub fn date(time: u64) -> String {
    SHORT_DAY_YEAR.with(|format| say(format, time))
}

/// For lists: today's by the clock, then `Yesterday`, the weekday, the date.
pub fn short(time: u64) -> String {
    match days_ago(time) {
        ..=0 => clock(time),
        1 => "Yesterday".to_owned(),
        2..=6 => WEEKDAY.with(|format| say(format, time)),
        _ if same_year(time) => SHORT_DAY.with(|format| say(format, time)),
        _ => date(time),
    }
}

/// Above the messages of a day.
pub fn day(time: u64) -> String {
    match days_ago(time) {
        0 => "Today".to_owned(),
        1 => "Yesterday".to_owned(),
        _ if same_year(time) => LONG_DAY.with(|format| say(format, time)),
        _ => LONG_DAY_YEAR.with(|format| say(format, time)),
    }
}

/// Numbers the days in the person's time zone.
pub fn day_number(time: u64) -> i64 {
    let time = time as f64;
    let offset = Date::new(&JsValue::from_f64(time)).get_timezone_offset() * 60_000.0;
    ((time - offset) / DAY).floor() as i64
}

fn days_ago(time: u64) -> i64 {
    TODAY.with(|today| today.get()) - day_number(time)
}

/// Notices when another day begins, for as long as the page lives: what says "Today" is written anew then.
pub fn keep_today() {
    let look = || {
        let now = day_number(browser::now());
        TODAY.with(|today| {
            if today.get_untracked() != now {
                today.set(now)
            }
        });
    };
    // Whoever wakes a sleeping computer sees the page before the next look.
    let shown = window_event_listener_untyped("visibilitychange", move |_| look());
    let timer = set_interval_with_handle(look, LOOKED_EACH).ok();
    on_cleanup(move || {
        shown.remove();
        if let Some(timer) = timer {
            timer.clear();
        }
    });
}

fn same_year(time: u64) -> bool {
    let year = |time: u64| Date::new(&JsValue::from_f64(time as f64)).get_full_year();
    year(time) == year(browser::now())
}

fn say(format: &Function, time: u64) -> String {
    // A time beyond what dates can hold throws; nothing is the honest rendering of it.
    format
        .call1(&JsValue::NULL, &JsValue::from_f64(time as f64))
        .ok()
        .and_then(|text| text.as_string())
        .unwrap_or_default()
}

/// A formatter in the person's kind of English: the page speaks no other language yet.
fn formatter(options: &[(&str, &str)]) -> Function {
    let locale = web_sys::window().map(|window| window.navigator().languages()).and_then(|languages| {
        languages.iter().filter_map(|tag| tag.as_string()).find(|tag| tag.starts_with("en"))
    });
    let locales = Array::of1(&JsValue::from_str(locale.as_deref().unwrap_or("en-GB")));
    let object = Object::new();
    for (key, value) in options {
        // Setting a property of a fresh object can't fail.
        _ = Reflect::set(&object, &JsValue::from_str(key), &JsValue::from_str(value));
    }
    Intl::DateTimeFormat::new(&locales, &object).format()
}
