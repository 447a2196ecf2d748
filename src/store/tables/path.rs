//! Paths of values inside a FHIR resource, as the schema files write them.
//!
//! A path is keys joined by dots. After a key may stand one choice of array element: `[0]` (that one), `[*]` (the first
//! in document order that has the value) or `[use='official']` (the first whose value at the inner path is that text).
//! Not for: FHIRPath in general; nothing here computes.

use serde_json::Value;

/// Which element of an array a path goes into.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Choice {
    At(u32),
    Any,
    Where { inner: String, equals: String },
}

/// A path that parsed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Path {
    text: String,
    steps: Vec<(String, Option<Choice>)>,
}

impl Path {
    /// `None` when the text is not of the form above.
    pub fn parse(text: &str) -> Option<Path> {
        let mut steps = Vec::new();
        let mut rest = text;
        loop {
            let key_end = rest.find(['.', '[']).unwrap_or(rest.len());
            let key = &rest[..key_end];
            if key.is_empty() || !key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
                return None;
            }
            rest = &rest[key_end..];
            let mut choice = None;
            if rest.starts_with('[') {
                let close = closing_bracket(rest)?;
                choice = Some(parse_choice(&rest[1..close])?);
                rest = &rest[close + 1..];
            }
            steps.push((key.to_string(), choice));
            match rest.strip_prefix('.') {
                Some(after) => rest = after,
                None if rest.is_empty() => return Some(Path { text: text.to_string(), steps }),
                None => return None,
            }
        }
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The path with every choice written `[]`: what a leaf's own path looks like without its indices.
    pub(super) fn general(&self) -> String {
        let keys: Vec<String> =
            self.steps.iter().map(|(key, choice)| format!("{key}{}", if choice.is_some() { "[]" } else { "" })).collect();
        keys.join(".")
    }

    pub(super) fn choices(&self) -> impl Iterator<Item = &Choice> {
        self.steps.iter().filter_map(|(_, choice)| choice.as_ref())
    }

    /// Whether the same leaf is meant in every resource of one shape: no element is chosen by its content or by search.
    pub(super) fn is_fixed(&self) -> bool {
        self.choices().all(|c| matches!(c, Choice::At(_)))
    }

    /// The path continued by `more`.
    pub(super) fn join(&self, more: &str) -> Option<Path> {
        Path::parse(&format!("{}.{more}", self.text))
    }

    /// All values that the path reaches in a resource, in document order. Here an array without a choice is walked
    /// through whole, as search parameters mean it; `[*]` is the same.
    pub fn values<'a>(&self, resource: &'a Value) -> Vec<&'a Value> {
        let mut here = vec![resource];
        for (key, choice) in &self.steps {
            here =
                here.into_iter().filter_map(|value| value.get(key)).flat_map(|value| step_into(value, choice.as_ref())).collect();
        }
        here
    }
}

fn step_into<'a>(value: &'a Value, choice: Option<&Choice>) -> Vec<&'a Value> {
    let Value::Array(items) = value else { return vec![value] };
    match choice {
        None | Some(Choice::Any) => items.iter().collect(),
        Some(Choice::At(index)) => items.get(*index as usize).into_iter().collect(),
        Some(Choice::Where { inner, equals }) => {
            let Some(inner) = Path::parse(inner) else { return Vec::new() };
            let holds = |item: &&Value| inner.values(item).iter().any(|v| v.as_str() == Some(equals));
            items.iter().filter(holds).collect()
        }
    }
}

/// The place of the `]` that closes the `[` at the start; brackets inside (of an inner path) are skipped.
fn closing_bracket(text: &str) -> Option<usize> {
    let mut depth = 0;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'[' => depth += 1,
            b']' if depth == 1 => return Some(at),
            b']' => depth -= 1,
            _ => {}
        }
    }
    None
}

fn parse_choice(text: &str) -> Option<Choice> {
    if text == "*" {
        return Some(Choice::Any);
    }
    if let Some((inner, quoted)) = text.split_once('=') {
        let equals = quoted.strip_prefix('\'')?.strip_suffix('\'')?;
        let plain = !equals.is_empty() && !equals.contains(['\'', '[', ']']);
        // The inner path has to name one leaf, so that it can be found once for each shape.
        return (plain && Path::parse(inner)?.is_fixed())
            .then(|| Choice::Where { inner: inner.to_string(), equals: equals.to_string() });
    }
    text.parse().ok().map(Choice::At)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_form_and_refuses_the_rest() {
        let p = Path::parse("component[code.coding[0].code='8480-6'].valueQuantity.value").unwrap();
        assert_eq!(p.general(), "component[].valueQuantity.value");
        assert!(!p.is_fixed());
        assert!(Path::parse("code.coding[0].code").unwrap().is_fixed());
        for bad in
            ["", ".", "a.", ".a", "a..b", "a[", "a[]", "a[x]", "a[0]b", "a[b=c]", "a[b='']", "a[b[*].c='d']", "a b", "a[0][1]"]
        {
            assert!(Path::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn walks_arrays_whole_unless_told_otherwise() {
        let resource = serde_json::json!({"telecom": [
            {"system": "phone", "value": "1"}, {"system": "email", "value": "2"}, {"system": "phone", "value": "3"}]});
        let found = |path| Path::parse(path).unwrap().values(&resource).iter().map(|v| v.as_str().unwrap()).collect::<String>();
        assert_eq!(found("telecom.value"), "123");
        assert_eq!(found("telecom[*].value"), "123");
        assert_eq!(found("telecom[system='phone'].value"), "13");
        assert_eq!(found("telecom[1].value"), "2");
        assert_eq!(found("telecom[9].value"), "");
        assert_eq!(found("name.family"), "");
    }
}
