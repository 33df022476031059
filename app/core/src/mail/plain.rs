//! The text of HTML, for previews, for searching, and for quoting.

use mail_parser::decoders::html::html_to_text;

/// Elements that end a line. `html_to_text` knows `<br>` and `</p>` alone, and would glue a heading to what follows.
const ENDS_LINE: [&str; 17] = [
    "article",
    "blockquote",
    "dd",
    "div",
    "dt",
    "figcaption",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "li",
    "pre",
    "section",
    "table",
    "tr",
];
/// Elements that stand beside each other.
const ENDS_CELL: [&str; 2] = ["td", "th"];

/// What is written in the HTML, with lines where it shows some, and at most one empty one between them.
pub(super) fn of_html(html: &str) -> String {
    let mut parts = html.split("</");
    let mut separated = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let name = part.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        let is_any = |names: &[&str]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
        if is_any(&ENDS_LINE) {
            separated.push_str("<br>");
        } else if is_any(&ENDS_CELL) {
            separated.push(' ');
        }
        separated.push_str("</");
        separated.push_str(part);
    }
    without_gaps(&html_to_text(&separated))
}

fn without_gaps(text: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for line in text.lines().map(str::trim) {
        if !line.is_empty() || kept.last().is_some_and(|last| !last.is_empty()) {
            kept.push(line);
        }
    }
    kept.join("\n").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_list_items_and_rows_are_lines() {
        let html = "<h1>A new season</h1><div class='x'>Dear friends,</DIV>\n<ul><li>one</li><li>two</li></ul><p>Bye</p>";
        assert_eq!(of_html(html), "A new season\nDear friends,\none\ntwo\nBye");
    }

    #[test]
    fn cells_beside_each_other_are_words() {
        assert_eq!(
            of_html("<table><tr><td>Tea</td><td>4 €</td></tr><tr><td>Cake</td></tr></table>"),
            "Tea 4 €\nCake"
        );
    }

    #[test]
    fn nested_boxes_leave_at_most_one_empty_line() {
        assert_eq!(of_html("<div><div><div>a</div></div></div><br><br><br>b"), "a\n\nb");
    }

    #[test]
    fn inline_elements_glue() {
        assert_eq!(of_html("un<b>believ</b>able</"), "unbelievable");
    }
}
