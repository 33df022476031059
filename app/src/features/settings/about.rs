use haven_bridge::{About, Command, Reply};
use leptos::prelude::*;

use crate::{
    components::{Button, Notice, Spinner, Tone},
    live::live,
    services::core_client::Trouble,
    state::use_core,
    text,
};

/// The program: its licence, its version, and where its source is.
#[component]
pub fn AboutSection() -> impl IntoView {
    let core = use_core();
    let found = RwSignal::new(None::<Result<About, Trouble>>);
    let read = move || {
        found.set(None);
        core.ask(Command::About, move |answer| {
            let about = match answer {
                Ok(Reply::About(about)) => Ok(about),
                Ok(_) => return,
                Err(trouble) => Err(trouble),
            };
            found.try_set(Some(about));
        });
    };
    read();
    view! {
        <section class="section" aria-labelledby="about-heading">
            <h2 class="section-title" id="about-heading">{text::ABOUT}</h2>
            <p class="section-text">{text::ABOUT_LEAD}</p>
            <dl class="section-facts">
                <dt>{text::VERSION}</dt>
                <dd>{env!("CARGO_PKG_VERSION")}</dd>
                <dt>{text::LICENCE}</dt>
                <dd>{env!("CARGO_PKG_LICENSE")}</dd>
                <dt>{text::SOURCE}</dt>
                <dd>{live(move || match found.get() {
                    None => view! { <span role="status"><Spinner/></span> }.into_any(),
                    Some(Ok(About { source: Some(url) })) => {
                        let shown = url.clone();
                        view! { <a href=url target="_blank" rel="noopener noreferrer">{shown}</a> }.into_any()
                    }
                    Some(Ok(About { source: None })) => text::SOURCE_UNKNOWN.into_any(),
                    Some(Err(trouble)) => view! {
                        <Notice tone=Tone::Error text=text::failure::trouble(&trouble)>
                            <Button on_click=move |()| read()>{text::RETRY}</Button>
                        </Notice>
                    }.into_any(),
                })}</dd>
            </dl>
        </section>
    }
}
