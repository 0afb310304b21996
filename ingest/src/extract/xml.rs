//! A walk through XML that keeps no tree, expands no entity and looks at nothing outside of the text.

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

/// Hears what stands in an XML text, in order. Names come with their prefixes, which every writer of the format uses alike.
pub(super) trait Visitor {
    fn open(&mut self, name: &str, tag: &Tag<'_>);
    fn close(&mut self, name: &str);
    fn words(&mut self, words: &str);
}

/// The attributes of an element.
pub(super) struct Tag<'a>(&'a BytesStart<'a>);

impl Tag<'_> {
    pub(super) fn value(&self, name: &str) -> Option<String> {
        let attribute = self.0.try_get_attribute(name).ok()??;
        Some(attribute.normalized_value(XmlVersion::default()).ok()?.into_owned())
    }

    /// A number, as long as it is one. What is repeated more often than a number holds is repeated that often.
    pub(super) fn number(&self, name: &str) -> Option<u32> {
        let value = self.value(name)?;
        let digits = value.trim();
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| digits.parse().unwrap_or(u32::MAX))
    }
}

/// Walks through the text, and says what ended the walk early.
pub(super) fn walk(text: &str, visitor: &mut dyn Visitor) -> Option<String> {
    let mut reader = Reader::from_str(text);
    loop {
        match reader.read_event() {
            Ok(Event::Start(tag)) => visitor.open(tag.name().as_ref(), &Tag(&tag)),
            Ok(Event::Empty(tag)) => {
                visitor.open(tag.name().as_ref(), &Tag(&tag));
                visitor.close(tag.name().as_ref());
            }
            Ok(Event::End(tag)) => visitor.close(tag.name().as_ref()),
            Ok(Event::Text(words)) => visitor.words(&words.into_inner()),
            Ok(Event::CData(words)) => visitor.words(&words.into_inner()),
            Ok(Event::GeneralRef(reference)) => {
                let mut buffer = [0; 4];
                if let Some(c) = character(&reference.into_inner()) {
                    visitor.words(c.encode_utf8(&mut buffer));
                }
            }
            Ok(Event::Eof) => return None,
            Ok(_) => {}
            Err(error) => return Some(format!("broken xml: {}", error.to_string().to_lowercase())),
        }
    }
}

/// The character that a reference stands for. Only those that XML itself defines: others could stand for anything.
fn character(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let digits = name.strip_prefix('#')?;
            let code = match digits.strip_prefix('x') {
                Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16),
                None => digits.parse(),
            };
            char::from_u32(code.ok()?)
        }
    }
}

/// A name without its prefix.
pub(super) fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

/// Collects the words of each element that holds nothing but words.
#[derive(Default)]
pub(super) struct Values {
    pub(super) values: Vec<(String, String)>,
    at_hand: String,
}

impl Visitor for Values {
    fn open(&mut self, _: &str, _: &Tag<'_>) {
        self.at_hand.clear();
    }

    fn close(&mut self, name: &str) {
        let words = std::mem::take(&mut self.at_hand);
        // A file that says more of itself than this has something else in mind.
        if !words.trim().is_empty() && self.values.len() < 1_000 {
            self.values.push((name.to_owned(), words));
        }
    }

    fn words(&mut self, words: &str) {
        self.at_hand.push_str(words);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> (Vec<(String, String)>, bool) {
        let mut values = Values::default();
        let broken = walk(text, &mut values);
        (values.values, broken.is_some())
    }

    #[test]
    fn entities_that_a_file_defines_are_not_expanded() {
        let text =
            "<!DOCTYPE a [<!ENTITY b \"boom\"><!ENTITY c SYSTEM \"file:///etc/passwd\">]><a>x&b;&c;&amp;&#xAC00;</a>";
        assert_eq!(values(text).0, [("a".to_owned(), "x&가".to_owned())]);
    }

    #[test]
    fn what_came_before_the_damage_is_kept() {
        let (found, broken) = values("<a><b>kept</b><c>lost</d></a>");
        assert_eq!(found, [("b".to_owned(), "kept".to_owned())]);
        assert!(broken);
    }
}
