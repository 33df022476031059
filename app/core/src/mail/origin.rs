//! What the relay wrote above a mail when it took it: `Received` and `Authentication-Results`.
//!
//! They are believed only where the relay puts them, as the very first two fields. Anything like them further down was
//! written by somebody else.

use super::{
    headers::millis,
    mime::{Field, Part},
};
use crate::Millis;
use haven_bridge::mail::SenderCheck;

/// What the relay knows of a mail.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Origin {
    /// Whether it came at all. If not, it is an own mail.
    pub arrived: bool,
    /// When it came.
    pub received: Option<Millis>,
    /// What became of the checks.
    pub sender: SenderCheck,
}

/// Reads what the relay wrote. `sender` is the address in the mail's `From`, which the checks are about.
pub(super) fn read(mail: &Part<'_>, sender: Option<&str>) -> Origin {
    let Some(received) = mail.fields.first().filter(|first| is(first, "Received")) else {
        return Origin { arrived: false, received: None, sender: SenderCheck::Local };
    };
    let results = mail.fields.get(1).filter(|second| is(second, "Authentication-Results"));
    let results = results.map(|field| String::from_utf8_lossy(field.raw).to_ascii_lowercase());
    let sender = results.map_or(SenderCheck::Unknown, |results| check(&results, sender));
    Origin { arrived: true, received: time(received), sender }
}

fn is(field: &Field<'_>, name: &str) -> bool {
    field.name.eq_ignore_ascii_case(name)
}

fn time(field: &Field<'_>) -> Option<Millis> {
    field.value.as_received().and_then(|received| received.date()).and_then(|date| millis(&date))
}

fn check(results: &str, sender: Option<&str>) -> SenderCheck {
    let methods: Vec<String> = plain(results).split(';').skip(1).map(|text| text.trim().to_owned()).collect();
    let says = |wanted: &str| methods.iter().any(|method| method.split_whitespace().next() == Some(wanted));
    if says("dmarc=fail") {
        SenderCheck::Failed
    } else if says("dmarc=pass") || methods.iter().any(|method| vouches(method, sender)) {
        SenderCheck::Passed
    } else if says("auth=pass") {
        SenderCheck::Local
    } else {
        SenderCheck::Unknown
    }
}

/// Whether a domain without a DMARC policy has signed its own mail: DKIM by the very domain of the address.
fn vouches(method: &str, sender: Option<&str>) -> bool {
    let mut words = method.split_whitespace();
    let Some((_, domain)) = sender.and_then(|sender| sender.rsplit_once('@')) else { return false };
    // The signing domain, or the identity in it that was signed for.
    let signed = |word: &str| match word.strip_prefix("header.d=").or_else(|| word.strip_prefix("header.i="))
    {
        Some(signed) => signed.rsplit('@').next().is_some_and(|signed| signed.eq_ignore_ascii_case(domain)),
        None => false,
    };
    words.next() == Some("dkim=pass") && words.any(signed)
}

/// The value without comments and quotes, where anybody may have written anything (RFC 8601, section 2.2): the address of
/// the envelope, for one, is quoted if it isn't plain. Quoted text stays one word.
fn plain(value: &str) -> String {
    let (mut comments, mut quoted, mut escaped) = (0_u32, false, false);
    let outside = value.chars().filter_map(|c| match c {
        _ if std::mem::take(&mut escaped) => quoted.then_some('_'),
        '\\' if quoted || comments > 0 => {
            escaped = true;
            None
        }
        '"' if comments == 0 => {
            quoted = !quoted;
            None
        }
        _ if quoted => Some(if c.is_ascii_alphanumeric() || "@.-_".contains(c) { c } else { '_' }),
        '(' => {
            comments += 1;
            None
        }
        ')' => {
            comments = comments.saturating_sub(1);
            None
        }
        _ => (comments == 0).then_some(c),
    });
    outside.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::mime;

    fn sender(head: &str) -> SenderCheck {
        let mail = format!("{head}From: alice@example.org\r\n\r\n");
        read(&mime::parse(mail.as_bytes()).unwrap(), Some("alice@example.org")).sender
    }

    const RECEIVED: &str =
        "Received: from mx.example.org by relay.example with ESMTPS; Sun, 22 Nov 2026 12:00:00 +0100\r\n";

    #[test]
    fn only_the_relays_own_fields_are_believed() {
        let results = "Authentication-Results: relay.example; dmarc=pass header.from=example.org\r\n";
        assert_eq!(sender(&format!("{RECEIVED}{results}")), SenderCheck::Passed);
        assert_eq!(sender(&format!("{RECEIVED}X: y\r\n{results}")), SenderCheck::Unknown);
        assert_eq!(sender(results), SenderCheck::Local, "an own mail, whatever it says");
        let mail = mime::parse(RECEIVED.as_bytes()).unwrap();
        assert_eq!(read(&mail, None).received, Some(1_795_345_200_000));
    }

    #[test]
    fn the_checks_of_the_senders_domain_decide() {
        let check = |text: &str| check(&format!("relay.example; {text}"), Some("alice@example.org"));
        assert_eq!(check("spf=pass; dmarc=fail (p=none; dmarc=pass)"), SenderCheck::Failed);
        assert_eq!(check("dmarc=none; spf=pass"), SenderCheck::Unknown);
        assert_eq!(check("dkim=pass header.d=example.org; dmarc=none"), SenderCheck::Passed);
        assert_eq!(check("dkim=pass header.i=@example.org header.s=x"), SenderCheck::Passed);
        assert_eq!(check("dkim=fail header.d=example.org"), SenderCheck::Unknown);
        assert_eq!(check("dkim=pass header.d=evil.example; dmarc=none"), SenderCheck::Unknown);
        assert_eq!(check("auth=pass smtp.auth=alice"), SenderCheck::Local);
        assert_eq!(check("none"), SenderCheck::Unknown);
    }

    #[test]
    fn what_a_sender_has_quoted_is_no_result() {
        let check = |text: &str| check(&format!("mx; {text}"), Some("ceo@bank.example"));
        for said in [
            r#"spf=none smtp.mailfrom="a; dmarc=pass (@evil.example"; dmarc=fail header.from=bank.example"#,
            r#"spf=none smtp.mailfrom="a\"; dmarc=pass (@evil.example"; dmarc=fail header.from=bank.example"#,
            r#"dkim=fail header.i="x; dmarc=pass (@evil.example" header.s=y; dmarc=fail"#,
            r#"dkim=fail (\) ; dmarc=pass (x) ) header.s=y; dmarc=fail"#,
        ] {
            assert_eq!(check(said), SenderCheck::Failed, "{said}");
        }
        for said in [
            r#"spf=none smtp.mailfrom="a; dmarc=pass; @evil.example"; dmarc=none"#,
            r#"dkim=pass header.i="a header.d=bank.example"@evil.example; dmarc=none"#,
            r#"dkim=pass header.i="a@bank.example @evil.example"; dmarc=none"#,
            r#"spf=none smtp.mailfrom="never closed; dmarc=pass"#,
        ] {
            assert_eq!(check(said), SenderCheck::Unknown, "{said}");
        }
        assert_eq!(check(r#"dkim=pass header.i="a b@bank.example"; dmarc=none"#), SenderCheck::Passed);
    }
}
