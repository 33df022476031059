//! Pages whose code is downloaded when somebody opens them.
//!
//! A release splits the program (`xtask/src/parts.rs`): what only the functions of `parts!` reach becomes a file for
//! each, which shares memory and runtime with the page. Elsewhere, as in tests, everything is one program.

use std::{future::Future, pin::Pin};

use leptos::prelude::*;

use super::{mail::Mail, people::People, settings::Settings};
use crate::{
    components::{Button, EmptyState, Kind, Spinner},
    features::onboarding::{bring_key::Bringing, make_room::MakeRoom},
    live::live,
    services::browser,
    text,
};

/// Draws a page. Called in the page's place, since the code may come when nobody waits for it any more.
type Draw = fn() -> AnyView;

/// A page on its way.
type Coming = Pin<Box<dyn Future<Output = Result<Draw, NotLoaded>>>>;

/// The code did not come: no network, or a newer version of Haven has replaced this one's files.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NotLoaded;

#[cfg(split)]
impl From<leptos::wasm_split::SplitLoaderError> for NotLoaded {
    fn from(_: leptos::wasm_split::SplitLoaderError) -> Self {
        Self
    }
}

/// For each page a function that gets its code, which is in the file of that name.
macro_rules! parts {
    ($($(#[$about:meta])* $name:ident in $file:ident: $page:ident;)*) => {
        mod part {
            use super::*;

            $(
                #[cfg(split)]
                #[leptos::wasm_split::wasm_split($file, wasm_split_path = leptos::wasm_split, fallible)]
                pub fn $name() -> Result<Draw, NotLoaded> {
                    Ok(|| view! { <$page/> }.into_any())
                }

                #[cfg(not(split))]
                pub async fn $name() -> Result<Draw, NotLoaded> {
                    Ok(|| view! { <$page/> }.into_any())
                }
            )*
        }

        $(
            $(#[$about])*
            pub fn $name() -> Coming {
                Box::pin(part::$name())
            }
        )*
    };
}

// `xtask/src/sizes.rs` has a budget for each file. Few: what two of them share becomes one more.
parts! {
    /// Folders, lists, reading and writing mail.
    mail in mail: Mail;
    /// Everybody known.
    people in people: People;
    /// Settings.
    settings in people: Settings;
    /// The question which devices make room for this one.
    make_room in people: MakeRoom;
    /// A key of one's own for a new account.
    bring_key in people: Bringing;
}

/// A page that comes from `get`. While it does, and if it does not, that is said in its place.
#[component]
pub fn Later(get: fn() -> Coming) -> impl IntoView {
    let page = RwSignal::new(None::<Result<Draw, NotLoaded>>);
    let begin = move || {
        page.set(None);
        // Goes on when the person has left: the code is there then for the next time.
        leptos::task::spawn_local(async move {
            let came = get().await;
            page.try_set(Some(came));
        });
    };
    begin();
    live(move || {
        match page.get() {
        Some(Ok(draw)) => draw(),
        Some(Err(NotLoaded)) => view! {
            <div class="later" role="alert">
                <EmptyState icon=icondata_lu::LuCloudOff whole_page=true title=text::PART_FAILED_TITLE text=text::PART_FAILED>
                    <Button kind=Kind::Primary on_click=move |()| begin()>{text::RETRY}</Button>
                    <Button kind=Kind::Quiet on_click=|()| browser::reload()>{text::RELOAD}</Button>
                </EmptyState>
            </div>
        }
        .into_any(),
        None => view! {
            <div class="later" role="status"><p class="later-loading"><Spinner/>{text::PART_LOADING}</p></div>
        }
        .into_any(),
    }
    })
}

#[cfg(test)]
#[cfg(target_arch = "wasm32")]
mod tests {
    use std::cell::Cell;

    use wasm_bindgen::JsCast;
    use wasm_bindgen_test::wasm_bindgen_test;
    use web_sys::HtmlElement;

    use super::*;

    thread_local! {
        static TRIES: Cell<u32> = const { Cell::new(0) };
    }

    /// Comes at the second try.
    fn get() -> Coming {
        TRIES.set(TRIES.get() + 1);
        let came = TRIES.get() > 1;
        Box::pin(async move {
            if came { Ok((|| view! { <p>"It is here."</p> }.into_any()) as Draw) } else { Err(NotLoaded) }
        })
    }

    /// Lets happen what waits for nothing.
    async fn settle() {
        for _ in 0..4 {
            leptos::task::tick().await;
        }
    }

    #[wasm_bindgen_test]
    async fn a_page_that_did_not_come_says_so_and_comes_when_it_is_tried_again() {
        let place = document().create_element("div").unwrap().unchecked_into::<HtmlElement>();
        let _mounted = leptos::mount::mount_to(place.clone(), || view! { <Later get=get/> });
        let says = |words: &str| place.text_content().unwrap_or_default().contains(words);
        assert!(says(text::PART_LOADING));
        settle().await;
        assert!(says(text::PART_FAILED_TITLE) && !says("It is here."));
        let retry = place.query_selector("button").unwrap().unwrap();
        retry.unchecked_into::<HtmlElement>().click();
        settle().await;
        assert!(says("It is here.") && !says(text::PART_FAILED_TITLE));
        assert_eq!(TRIES.get(), 2);
    }
}
