//! Blotting secrets out of text, in whatever form they come.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock};

use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use protocol::{EventKind, Failure};

use crate::Secret;

/// What a secret is replaced with.
const BLOT: &str = "••••••";

/// So many characters of a secret in a row are blotted out wherever they are: whoever cuts a key into lines, quotes a piece of
/// it or puts something before it shows nothing of it.
const PIECE: usize = 20;

/// A secret shorter than this, in characters, may be a word too: it is blotted out only where it stands by itself.
const WORD: usize = 8;

/// Shorter values are not worth hiding and would blot out half of every log.
const SHORTEST: usize = 4;

/// Line breaks and armour, as of a PEM key, are no part of what has to be hidden.
const ARMOUR: &str = "-----";

/// What stays as it is in a URL, by RFC 3986.
const ENCODED_IN_URLS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Knows every live secret and blots them out of text. Clones share what they know.
#[derive(Clone, Default)]
pub struct Redactor(Arc<RwLock<Known>>);

#[derive(Default)]
struct Known {
    secrets: Vec<Secret>,
    finder: Option<Finder>,
}

impl Redactor {
    /// From now on this secret is blotted out.
    pub fn learn(&self, secret: &Secret) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.secrets.iter().all(|other| other.expose() != secret.expose()) {
            known.secrets.push(secret.clone());
            known.finder = Finder::new(&known.secrets);
        }
    }

    /// The text without any known secret.
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.finder.as_ref().map_or(Cow::Borrowed(text), |finder| finder.blot_out(text))
    }

    /// The failure without any known secret.
    pub fn redact_failure(&self, mut failure: Failure) -> Failure {
        failure.for_each_text(&mut |text| self.redact_in_place(text));
        failure
    }

    /// The event without any known secret.
    pub fn redact_event(&self, mut event: EventKind) -> EventKind {
        event.for_each_text(&mut |text| self.redact_in_place(text));
        event
    }

    /// Takes every known secret out of a text.
    pub fn redact_in_place(&self, text: &mut String) {
        if let Cow::Owned(clean) = self.redact(text) {
            *text = clean;
        }
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redactor")
    }
}

/// Finds all pieces of all secrets in one pass over a text.
struct Finder {
    automaton: AhoCorasick,
    /// The first so many patterns are words.
    words: usize,
}

impl Finder {
    /// `None` if there is nothing to find.
    fn new(secrets: &[Secret]) -> Option<Self> {
        let mut pieces: Vec<String> = secrets.iter().flat_map(|secret| pieces(secret.expose())).collect();
        pieces.sort_unstable_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
        pieces.dedup();
        let words = pieces.partition_point(|piece| piece.len() < WORD);
        // It fails only for more patterns than a computer could hold.
        let automaton = AhoCorasick::new(&pieces).ok()?;
        (!pieces.is_empty()).then_some(Self { automaton, words })
    }

    fn blot_out<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut spans: Vec<Range<usize>> = Vec::new();
        for found in self.automaton.find_overlapping_iter(text) {
            if found.pattern().as_usize() < self.words && !stands_alone(text, found.range()) {
                continue;
            }
            let mut span = found.range();
            // They come by where they end: whatever the new one touches becomes part of it.
            while let Some(last) = spans.pop_if(|last| last.end >= span.start) {
                span.start = span.start.min(last.start);
            }
            spans.push(span);
        }
        if spans.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut clean = String::with_capacity(text.len());
        let mut copied = 0;
        for span in spans {
            clean.push_str(&text[copied..span.start]);
            clean.push_str(BLOT);
            copied = span.end;
        }
        clean.push_str(&text[copied..]);
        Cow::Owned(clean)
    }
}

fn stands_alone(text: &str, span: Range<usize>) -> bool {
    let part_of_word = |c: char| c.is_alphanumeric() || c == '_';
    !text[..span.start].ends_with(part_of_word) && !text[span.end..].starts_with(part_of_word)
}

/// What has to be looked for to find a secret, or a piece of it, in any form.
fn pieces(secret: &str) -> Vec<String> {
    let lines: Vec<&str> =
        secret.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(ARMOUR)).collect();
    let body = lines.concat();
    let in_json = serde_json::Value::from(body.as_str()).to_string();
    let in_url = utf8_percent_encode(&body, ENCODED_IN_URLS).to_string();
    let mut forms = vec![in_json.trim_matches('"').to_owned(), in_url];
    if body.len() >= WORD {
        forms.extend(in_base64(secret.as_bytes()));
    }
    forms.push(body);
    // The last line of a key may be shorter than a piece.
    forms.extend(lines.into_iter().map(str::to_owned));
    forms.iter().flat_map(|form| windows(form)).collect()
}

/// All pieces of a text, or the text itself if it is not longer than one.
fn windows(text: &str) -> Vec<String> {
    let ends: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    match ends.len() - 1 {
        length if length < SHORTEST => Vec::new(),
        length if length <= PIECE => vec![text.to_owned()],
        _ => ends.windows(PIECE + 1).map(|window| text[window[0]..window[PIECE]].to_owned()).collect(),
    }
}

/// The characters that stand for a secret in the base64 of anything that contains it. Three bytes make four characters, so
/// there are three ways, by what comes before; what also depends on its neighbours is left out.
fn in_base64(secret: &[u8]) -> Vec<String> {
    let shifted = (0..3_usize).flat_map(|before| {
        let bytes = [&vec![0; before], secret].concat();
        let (first, last) = ((before * 8).div_ceil(6), bytes.len() * 8 / 6);
        [STANDARD_NO_PAD.encode(&bytes), URL_SAFE_NO_PAD.encode(&bytes)].map(|text| text[first..last].to_owned())
    });
    shifted.collect()
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    fn knowing(secrets: &[&str]) -> Redactor {
        let redactor = Redactor::default();
        for secret in secrets {
            redactor.learn(&Secret::new((*secret).to_owned()));
        }
        redactor
    }

    /// A key as OpenSSL writes it: lines of 64 characters, the last one short. It opens nothing.
    fn key() -> (String, Vec<String>) {
        let bytes: Vec<u8> =
            (1..1220_u32).map(|n| n.wrapping_mul(n).wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
        let text = STANDARD.encode(bytes);
        let lines: Vec<String> =
            text.as_bytes().chunks(64).map(|line| String::from_utf8(line.to_vec()).unwrap()).collect();
        let pem = format!("{ARMOUR}BEGIN PRIVATE KEY{ARMOUR}\n{}\n{ARMOUR}END PRIVATE KEY{ARMOUR}\n", lines.join("\n"));
        (pem, lines)
    }

    #[test]
    fn a_known_secret_never_shows() {
        let redactor = Redactor::default();
        let line = "password=hunter2-hunter2 and again hunter2-hunter2";
        assert_eq!(redactor.redact(line), line, "unknown so far");
        redactor.clone().learn(&Secret::new("hunter2-hunter2".to_owned()));
        assert_eq!(redactor.redact(line), format!("password={BLOT} and again {BLOT}"));
        let failure = Failure::environment("x").cause("hunter2-hunter2").hint("try hunter2-hunter2");
        assert!(!format!("{:?}", redactor.redact_failure(failure)).contains("hunter2"));
        assert!(!format!("{redactor:?}").contains("hunter2"));
    }

    #[test]
    fn nothing_of_a_key_of_many_lines_shows_in_any_form() {
        let (pem, lines) = key();
        let redactor = knowing(&[&pem]);
        let json = serde_json::Value::from(pem.as_str()).to_string();
        let body = lines.concat();
        let encoded = utf8_percent_encode(&pem, ENCODED_IN_URLS).to_string();
        let forms = [
            pem.clone(),
            pem.trim_end().to_owned(),
            pem.replace('\n', "\r\n"),
            json.clone(),
            format!("{{\"private_key\": {json}}}"),
            body.clone(),
            encoded.clone(),
            format!("+ {}", lines.join("\n+ ")),
            format!("ValueError: near '{}'", &lines[9][11..31]),
            body[70..300].to_owned(),
        ];
        for form in forms.iter().chain(&lines) {
            let clean = redactor.redact(form);
            for piece in windows(&body).iter().chain(&lines) {
                assert!(!clean.contains(piece.as_str()), "{piece} shows in {clean}");
            }
        }
        let clean = redactor.redact(&encoded);
        assert!(windows(&utf8_percent_encode(&body, ENCODED_IN_URLS).to_string()).iter().all(|w| !clean.contains(w)));
        for before in ["", "a", "ab"] {
            let text = STANDARD.encode(format!("{before}{pem}"));
            let clean = redactor.redact(&text);
            // What its neighbours have a part in may be left at either end.
            assert!(clean.replace(BLOT, "").len() < 60, "{clean}");
        }
    }

    #[test]
    fn the_longer_of_two_secrets_is_hidden_whole() {
        for secrets in [["hunter2-", "hunter2-longer"], ["hunter2-longer", "hunter2-"]] {
            assert_eq!(knowing(&secrets).redact("x=hunter2-longer;"), format!("x={BLOT};"));
        }
    }

    #[test]
    fn what_a_program_escapes_is_known_again() {
        let redactor = knowing(&["p\"ss/w rd&1"]);
        for form in [r#"{"password":"p\"ss/w rd&1"}"#, "https://u:p%22ss%2Fw%20rd%261@host", "cCJzcy93IHJkJjE="] {
            let clean = redactor.redact(form);
            assert!(clean.contains(BLOT), "{clean}");
            assert!(!clean.contains("w rd") && !clean.contains("w%20rd") && !clean.contains("93IHJk"), "{clean}");
        }
    }

    #[test]
    fn a_short_secret_does_not_blot_out_the_log() {
        let redactor = knowing(&["a", "from"]);
        assert_eq!(redactor.redact("banana"), "banana");
        assert_eq!(redactor.redact("fromage, ‘from’ and from_x"), format!("fromage, ‘{BLOT}’ and from_x"));
    }

    #[test]
    fn what_is_not_of_ascii_is_cut_between_characters() {
        let redactor = knowing(&["pässwörter sind für alle da, ünd mehr"]);
        assert_eq!(redactor.redact("é pässwörter sind für alle da, ünd mehr é"), format!("é {BLOT} é"));
    }
}
