//! The worker's global scope: clock, randomness, network state.

use haven_core::Millis;
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::DedicatedWorkerGlobalScope;

/// `self`.
pub fn this() -> DedicatedWorkerGlobalScope {
    js_sys::global().unchecked_into()
}

/// What time it is.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "milliseconds since 1970 are a small positive integer"
)]
pub fn now() -> Millis {
    js_sys::Date::now() as Millis
}

/// Milliseconds on a clock that never goes back, for measuring how long something took.
pub fn elapsed() -> f64 {
    this().performance().map_or_else(js_sys::Date::now, |clock| clock.now())
}

/// Fills an array with randomness.
pub fn random<const N: usize>() -> Result<[u8; N], JsValue> {
    let mut bytes = [0; N];
    this().crypto()?.get_random_values_with_u8_array(&mut bytes)?;
    Ok(bytes)
}

/// Spreads repetitions: between three quarters and all of `millis`.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "delays are small and positive")]
pub fn jittered(millis: u32) -> u32 {
    (f64::from(millis) * (0.75 + 0.25 * js_sys::Math::random())) as u32
}

/// Where this worker was loaded from, which is where its relay is.
pub fn origin() -> String {
    this().location().origin()
}

/// What an exception says.
pub fn describe(error: &JsValue) -> String {
    match error.dyn_ref::<web_sys::DomException>() {
        Some(exception) => format!("{}: {}", exception.name(), exception.message()),
        None => format!("{error:?}"),
    }
}
