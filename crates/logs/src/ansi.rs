//! ANSI colours become spans; every other escape sequence is dropped, so none reaches the page.

use std::ops::RangeInclusive;

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
        let mut parameters = parameters.split(';');
        while let Some(parameter) = parameters.next() {
            let code = if parameter.is_empty() { Ok(0) } else { parameter.parse::<u8>() };
            match code {
                Ok(0) => *self = Self::default(),
                Ok(1) => self.bold = true,
                Ok(22) => self.bold = false,
                Ok(color @ 30..=37) => self.color = Some(color - 30),
                Ok(38) => self.color = chosen_color(&mut parameters),
                Ok(39) => self.color = None,
                // Backgrounds and underlines are not shown, yet their colours take parameters of their own.
                Ok(48 | 58) => drop(chosen_color(&mut parameters)),
                Ok(color @ 90..=97) => self.color = Some(color - 90 + 8),
                _ => {}
            }
        }
    }
}

/// Reads a colour out of a palette (`5;n`) or mixed (`2;r;g;b`). Only the palette's first sixteen are known to the page.
fn chosen_color<'a>(parameters: &mut impl Iterator<Item = &'a str>) -> Option<u8> {
    match parameters.next()? {
        "5" => parameters.next()?.parse().ok().filter(|color| *color < 16),
        "2" => {
            parameters.take(3).for_each(drop);
            None
        }
        _ => None,
    }
}

fn push(spans: &mut Vec<Span>, text: &str, style: Style) {
    let text: String = text.chars().filter(|c| !c.is_control() || *c == '\t').collect();
    if !text.is_empty() {
        spans.push(Span { text, color: style.color, bold: style.bold });
    }
}

/// The text after an escape sequence (ECMA-48 §5.3 to 5.6), and its parameters if it was one of style. A sequence that
/// breaks off takes nothing with it but itself.
fn split_sequence(after_escape: &str) -> (Option<&str>, &str) {
    if let Some(body) = after_escape.strip_prefix('[') {
        let (parameters, rest) = split_run(body, '0'..='?');
        let (intermediates, rest) = split_run(rest, ' '..='/');
        let is_style = intermediates.is_empty() && rest.starts_with('m');
        return (is_style.then_some(parameters), skip_one(rest, '@'..='~'));
    }
    if let Some(body) = after_escape.strip_prefix([']', 'P', 'X', '^', '_']) {
        // A title, a link: a string up to BEL or to the next escape, which ends it.
        let end = body.find(['\u{7}', ESCAPE]).unwrap_or(0);
        return (None, &body[end..]);
    }
    (None, skip_one(split_run(after_escape, ' '..='/').1, '0'..='~'))
}

/// Splits off the leading characters within a range.
fn split_run(text: &str, range: RangeInclusive<char>) -> (&str, &str) {
    text.split_at(text.find(|c| !range.contains(&c)).unwrap_or(text.len()))
}

fn skip_one(text: &str, range: RangeInclusive<char>) -> &str {
    text.strip_prefix(|c| range.contains(&c)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
        assert!(spans("\u{7}").is_empty());
    }

    #[test]
    fn colours_with_parameters_of_their_own_are_not_taken_for_others() {
        let style = |sequence: &str| spans(&format!("\u{1b}[{sequence}mx")).remove(0);
        let colored = |color| Span { text: "x".to_owned(), color, bold: false };
        assert_eq!(style("38;5;1"), colored(Some(1)));
        assert_eq!(style("38;5;196"), colored(None));
        assert_eq!(style("31;48;5;1"), colored(Some(1)), "a background's colour is neither bold nor the text's");
        assert_eq!(style("38;2;0;1;31;32"), colored(Some(2)));
        assert_eq!(style("31;4:3"), colored(Some(1)), "what is not understood changes nothing");
        assert_eq!(style("31;"), colored(None), "nothing is zero, which is plain");
    }

    #[test]
    fn titles_links_and_character_sets_vanish() {
        let text = |line: &str| spans(line).into_iter().map(|span| span.text).collect::<String>();
        assert_eq!(text("\u{1b}]0;title\u{7}a"), "a");
        assert_eq!(text("\u{1b}]8;;https://example.org\u{1b}\\link\u{1b}]8;;\u{1b}\\ end"), "link end");
        assert_eq!(text("\u{1b}(Ba\u{1b}=b\u{1b}é"), "abé");
        assert_eq!(text("\u{1b}[é hello"), "é hello", "a broken sequence does not swallow text");
    }

    /// A sequence as programs write them.
    fn sequences() -> impl Strategy<Value = String> {
        prop_oneof![
            "\u{1b}\\[[0-9;:?]{0,8}[ -/]?[@-~]",
            "\u{1b}\\][0-9]{1,2};[a-z:/]{0,10}(\u{7}|\u{1b}\\\\)",
            "\u{1b}[ -/]{0,2}[0-O]",
        ]
    }

    proptest! {
        #[test]
        fn printable_text_is_never_lost(parts in prop::collection::vec(("[^\\p{Cc}]{0,8}", sequences()), 0..8), end in "[^\\p{Cc}]{0,8}") {
            let line: String = parts.iter().map(|(text, sequence)| format!("{text}{sequence}")).chain([end.clone()]).collect();
            let text: String = parts.iter().map(|(text, _)| text.as_str()).chain([end.as_str()]).collect();
            let spans = spans(&line);
            prop_assert_eq!(spans.iter().map(|span| span.text.as_str()).collect::<String>(), text);
            prop_assert!(spans.iter().all(|span| !span.text.is_empty()));
        }

        #[test]
        fn nothing_but_text_reaches_the_page(line in any::<String>()) {
            let controls = |text: &str| text.chars().any(|c| c.is_control() && c != '\t');
            prop_assert!(!spans(&line).iter().any(|span| controls(&span.text)));
        }
    }
}
