//! What other servers report of a mail that was sent (RFC 3464).

use super::{
    fields::one_line,
    headers::Headers,
    mime::{self, Part},
};
use serde::{Deserialize, Serialize};

/// Recipients that one report is about.
const MAX_RECIPIENTS: usize = 100;
/// A reason, in characters.
const MAX_REASON: usize = 300;

/// A report. Anybody can write one.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct StatusReport {
    /// The Message-ID of the mail that it is about, without the brackets.
    pub message_id: String,
    /// What became of it.
    pub recipients: Vec<RecipientStatus>,
}

/// What became of a mail for one recipient.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct RecipientStatus {
    /// The address that the mail went to, and the one that it was handed on to, if that is another.
    pub addresses: Vec<String>,
    /// What was done.
    pub action: Action,
    /// Why, in the words of a server. One line.
    pub reason: String,
}

/// What a server did with a mail (RFC 3464, section 2.3.3). What it only handed on is not told.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum Action {
    /// It gave up.
    Failed,
    /// It goes on trying.
    Delayed,
    /// The recipient has it.
    Delivered,
}

/// The report that a mail is, if it is one and says which mail it is about.
pub(super) fn of(mail: &Part<'_>) -> Option<StatusReport> {
    if !mail.is("multipart/report") {
        return None;
    }
    let child = |types: [&str; 2]| mail.children.iter().find(|child| types.iter().any(|kind| child.is(kind)));
    let returned = child(["message/rfc822", "text/rfc822-headers"])?;
    let message_id = Headers::of(&mime::head(&returned.decoded()).ok()?).message_id?;
    let status = child(["message/delivery-status", "message/global-delivery-status"])?.text();
    let blocks = status.replace("\r\n", "\n");
    // The first block is about the mail as a whole.
    let blocks = blocks.split("\n\n").filter(|block| !block.trim().is_empty()).skip(1);
    let recipients: Vec<_> = blocks.take(MAX_RECIPIENTS).filter_map(recipient).collect();
    (!recipients.is_empty()).then_some(StatusReport { message_id, recipients })
}

fn recipient(block: &str) -> Option<RecipientStatus> {
    let header = format!("{}\n\n", block.trim());
    let fields = mime::fields(header.as_bytes()).ok()?;
    let value = |name: &str| {
        let field = fields.iter().find(|field| field.name.eq_ignore_ascii_case(name))?;
        let line = one_line(&String::from_utf8_lossy(field.raw));
        Some(line.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    // Type and value: `rfc822; bob@example.org`, `smtp; 550 5.1.1 No such user`.
    let typed = |name: &str| {
        let value = value(name)?;
        Some(value.split_once(';').map(|(_, rest)| rest.trim().to_owned()).unwrap_or(value))
    };
    let action = match value("Action")?.to_ascii_lowercase().as_str() {
        "failed" => Action::Failed,
        "delayed" => Action::Delayed,
        "delivered" => Action::Delivered,
        _ => return None,
    };
    let addresses = ["Original-Recipient", "Final-Recipient"].into_iter().filter_map(typed).collect();
    let reason = typed("Diagnostic-Code").or_else(|| value("Status")).unwrap_or_default();
    Some(RecipientStatus { addresses, action, reason: reason.chars().take(MAX_REASON).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Postfix 3.7 wrote when a mailbox refused a mail; names and addresses are changed.
    const POSTFIX: &str = include_str!("../../tests/data/mail/status_postfix.eml");

    fn report(mail: &str) -> Option<StatusReport> {
        of(&mime::parse(mail.replace("\r\n", "\n").replace('\n', "\r\n").as_bytes()).unwrap())
    }

    #[test]
    fn a_report_of_postfix_names_the_mail_the_recipient_and_the_reason() {
        let lost = "lost@elsewhere.example".to_owned();
        let status = RecipientStatus {
            addresses: vec![lost.clone(), lost],
            action: Action::Failed,
            reason: "unknown mail system error 1".into(),
        };
        let message_id = "d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1@example.org".into();
        assert_eq!(report(POSTFIX), Some(StatusReport { message_id, recipients: vec![status] }));
    }

    #[test]
    fn of_several_recipients_each_has_its_own_fate() {
        let block = |address: &str, rest: &str| format!("Final-Recipient: rfc822; {address}\n{rest}\n\n");
        let blocks = [
            block("a@x.example", "Action: Failed\nStatus: 5.1.1"),
            block("b@x.example", "Action: delayed\nDiagnostic-Code: smtp; 452 4.2.2 full;\n twice"),
            block("c@x.example", "Action: relayed"),
            block("d@x.example", "Action: delivered"),
            block("e@x.example", "Status: 5.0.0"),
        ];
        let end = "Action: failed\nStatus: 5.3.0\nDiagnostic-Code: x-unix; unknown mail system error 1\n";
        let start = "Final-Recipient: rfc822; lost@elsewhere.example\nOriginal-Recipient: rfc822;lost@elsewhere.example\n";
        let mail = POSTFIX.replace("\r\n", "\n").replace(&format!("{start}{end}"), &blocks.concat());
        let found: Vec<_> = report(&mail)
            .unwrap()
            .recipients
            .into_iter()
            .map(|status| (status.addresses.concat(), status.action, status.reason))
            .collect();
        let wanted = [
            ("a@x.example", Action::Failed, "5.1.1"),
            ("b@x.example", Action::Delayed, "452 4.2.2 full; twice"),
            ("d@x.example", Action::Delivered, ""),
        ];
        assert_eq!(found, wanted.map(|(address, action, reason)| (address.into(), action, reason.into())));
    }

    #[test]
    fn what_is_no_whole_report_is_none() {
        for (what, other) in [
            ("multipart/report", "multipart/mixed"),
            ("message/delivery-status", "text/plain"),
            ("message/rfc822", "text/plain"),
            ("Message-Id: <d1", "X-Id: <d1"),
            ("Action: failed", "Action: "),
        ] {
            assert!(POSTFIX.contains(what));
            assert_eq!(report(&POSTFIX.replace(what, other)), None, "{what}");
        }
        let many = "Final-Recipient: rfc822; a@x.example\nAction: failed\n\n".repeat(10 * MAX_RECIPIENTS);
        let many = report(
            &POSTFIX.replace("\r\n", "\n").replace("Final-Recipient", &format!("{many}Final-Recipient")),
        );
        assert_eq!(many.unwrap().recipients.len(), MAX_RECIPIENTS);
    }
}
