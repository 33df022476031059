//! How a mail was protected, and who signed it: two badges, never one, since one says who could read it and the other
//! whose it is. Each opens an explanation.

use haven_bridge::mail::{MailState, MailView, Protection, SenderCheck, Signature};
use leptos::prelude::*;

use super::list::protection_sign;
use crate::{
    components::{Icon, copyable::grouped},
    text,
};

#[derive(Clone, Copy, Eq, PartialEq)]
enum Which {
    Protection,
    Signature,
}

/// Both badges, and what is behind the one that was pressed. None for a mail that waits, as nothing was done to it yet,
/// nor for one that can't be read, as nobody knows what was.
#[component]
pub fn Badges(mail: MailView) -> impl IntoView {
    let waits = matches!(
        mail.summary.state,
        Some(MailState::Waiting | MailState::RelayFull | MailState::WantedBack | MailState::Failed(_))
    );
    (!waits && mail.trouble.is_none()).then(|| view! { <Both mail=mail/> })
}

#[component]
fn Both(mail: MailView) -> impl IntoView {
    let open = RwSignal::new(None::<Which>);
    let (protection, signature) = (mail.summary.protection, mail.signature.clone());
    let own = mail.summary.state.is_some();
    let verified = mail.signer_verified;
    let (icon, name) = protection_sign(protection);
    let (signature_icon, tone) = signature_sign(&signature);
    let panel = move || match open.get() {
        None => ().into_any(),
        Some(Which::Protection) => {
            view! { <ProtectionDetails protection=protection sender=mail.sender own=own/> }.into_any()
        }
        Some(Which::Signature) => {
            view! { <SignatureDetails signature=signature.clone() verified=verified/> }.into_any()
        }
    };
    view! {
        <div class="mail-badges">
            <Badge which=Which::Protection open=open icon=icon tone=name label=text::mail::protection(protection)/>
            <Badge which=Which::Signature open=open icon=signature_icon tone=tone label=text::mail::signature(&mail.signature, own, verified)/>
        </div>
        {panel}
    }
}

#[component]
fn Badge(
    which: Which,
    open: RwSignal<Option<Which>>,
    icon: icondata_core::Icon,
    tone: &'static str,
    label: &'static str,
) -> impl IntoView {
    let expanded = move || (open.get() == Some(which)).to_string();
    let toggle = move |_| open.update(|open| *open = (*open != Some(which)).then_some(which));
    view! {
        <button class="badge mail-badge" type="button" data-tone=tone aria-expanded=expanded on:click=toggle>
            <Icon icon=icon/>
            {label}
            <Icon icon=icondata_lu::LuChevronDown/>
        </button>
    }
}

fn signature_sign(signature: &Signature) -> (icondata_core::Icon, &'static str) {
    match signature {
        Signature::Valid { by_sender: true, .. } => (icondata_lu::LuBadgeCheck, "good"),
        Signature::Valid { by_sender: false, .. } => (icondata_lu::LuUserRoundX, "doubtful"),
        Signature::UnknownKey { .. } => (icondata_lu::LuCircleHelp, "doubtful"),
        Signature::Invalid { .. } => (icondata_lu::LuCircleAlert, "bad"),
        Signature::None => (icondata_lu::LuPenOff, "plain"),
    }
}

#[component]
fn ProtectionDetails(protection: Protection, sender: SenderCheck, own: bool) -> impl IntoView {
    view! {
        <div class="mail-badge-details">
            <p>{text::mail::protection_sentence(protection, own)}</p>
            <p>{text::mail::visible_to_others(protection)}</p>
            {text::mail::sender_check(sender).map(|sentence| view! { <p>{sentence}</p> })}
        </div>
    }
}

#[component]
fn SignatureDetails(signature: Signature, verified: bool) -> impl IntoView {
    let key = match &signature {
        Signature::Valid { fingerprint, .. } => Some((text::FINGERPRINT, grouped(fingerprint))),
        Signature::UnknownKey { issuer } => Some((text::mail::SIGNED_WITH, grouped(issuer))),
        Signature::Invalid { why } => Some((text::mail::REASON, why.clone())),
        Signature::None => None,
    };
    view! {
        <div class="mail-badge-details">
            <p>{text::mail::signature_sentence(&signature, verified)}</p>
            {key.map(|(label, value)| view! { <dl class="mail-facts"><dt>{label}</dt><dd class="mail-badge-key">{value}</dd></dl> })}
        </div>
    }
}
