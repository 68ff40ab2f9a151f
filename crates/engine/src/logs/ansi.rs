//! ANSI colours become spans; every other escape sequence is dropped, so none reaches the page.

use protocol::logs::Span;

const ESCAPE: char = '\u{1b}';

/// Splits text into runs of one style.
pub(crate) fn spans(text: &str) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut style = Style::default();
    let mut rest = text;
    while let Some(at) = rest.find(ESCAPE) {
        push(&mut spans, &rest[..at], style);
        let (parameters, after) = split_sequence(&rest[at + ESCAPE.len_utf8()..]);
        if let Some(parameters) = parameters {
            style.set(parameters);
        }
        rest = after;
    }
    push(&mut spans, rest, style);
    spans
}

#[derive(Clone, Copy, Default)]
struct Style {
    color: Option<u8>,
    bold: bool,
}

impl Style {
    /// Takes the parameters of an SGR sequence (ECMA-48 §8.3.117) into account.
    fn set(&mut self, parameters: &str) {
        for parameter in parameters.split(';') {
            match parameter.parse::<u8>().unwrap_or(0) {
                0 => *self = Self::default(),
                1 => self.bold = true,
                22 => self.bold = false,
                color @ 30..=37 => self.color = Some(color - 30),
                39 => self.color = None,
                color @ 90..=97 => self.color = Some(color - 90 + 8),
                _ => {}
            }
        }
    }
}

fn push(spans: &mut Vec<Span>, text: &str, style: Style) {
    if !text.is_empty() {
        let text = text.chars().filter(|c| !c.is_control() || *c == '\t').collect();
        spans.push(Span { text, color: style.color, bold: style.bold });
    }
}

/// The text after an escape sequence, and its parameters if it was one of style.
fn split_sequence(after_escape: &str) -> (Option<&str>, &str) {
    let Some(body) = after_escape.strip_prefix('[') else {
        let mut chars = after_escape.chars();
        chars.next();
        return (None, chars.as_str());
    };
    let end = body.find(|c: char| ('\u{40}'..='\u{7e}').contains(&c));
    match end {
        Some(end) => (body[end..].starts_with('m').then(|| &body[..end]), &body[end + 1..]),
        None => (None, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Span {
        Span { text: text.to_owned(), color: None, bold: false }
    }

    #[test]
    fn colours_become_spans_and_other_sequences_vanish() {
        let red = Span { text: "bad".to_owned(), color: Some(1), bold: true };
        assert_eq!(spans("a \u{1b}[1;31mbad\u{1b}[0m end\u{1b}[2K"), [plain("a "), red, plain(" end")]);
        assert_eq!(spans("cut off \u{1b}[3"), [plain("cut off ")]);
        assert_eq!(spans("bell\u{7}"), [plain("bell")]);
        assert!(spans("").is_empty());
    }
}
