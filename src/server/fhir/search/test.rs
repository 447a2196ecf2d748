//! One condition of a search: a parameter, its modifier, and the values asked for; and whether a resource meets it.
//!
//! Not for: which parameters exist (`params`) or how conditions combine (`mod`).

use serde_json::Value;

use super::params::{Param, Type};
use super::span::{Comparator, Span};
use super::values;
use crate::server::answer::ApiError;

/// Most alternatives (`a,b,c`) of one parameter.
const ALTERNATIVES_MAX: usize = 100;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Modifier {
    None,
    Exact,
    Contains,
    Not,
    Text,
    Missing,
    /// `subject:Patient=1`
    Type(crate::model::Kind),
}

/// What one alternative asks for.
#[derive(Clone, PartialEq, Debug)]
enum Wanted {
    /// `code`, `system|code`, `|code`, `system|`.
    Token {
        system: SystemAsked,
        code: Option<String>,
    },
    Reference {
        kind: Option<String>,
        id: String,
    },
    Date(Comparator, Span),
    Text(String),
    Quantity {
        comparator: Comparator,
        number: f64,
        half_step: f64,
        system: Option<String>,
        unit: Option<String>,
    },
    Uri(String),
    Missing(bool),
}

#[derive(Clone, PartialEq, Debug)]
enum SystemAsked {
    Any,
    None,
    This(String),
}

/// `name[:modifier]=value[,value…]`, understood.
#[derive(Clone, Debug)]
pub struct Condition {
    pub param: &'static Param,
    modifier: Modifier,
    wanted: Vec<Wanted>,
}

impl Condition {
    /// Reads the values of a parameter. `base` is the site's root, so that absolute references to it are understood.
    pub fn parse(param: &'static Param, modifier: Option<&str>, text: &str, base: &str) -> Result<Condition, ApiError> {
        let modifier = read_modifier(param, modifier)?;
        let parts = split_escaped(text, ',');
        if parts.len() > ALTERNATIVES_MAX {
            return Err(ApiError::too_costly(format!("'{}' has more than 100 alternatives.", param.name)));
        }
        let wanted: Option<Vec<_>> = parts.iter().map(|part| read_wanted(param.of, modifier, part, base)).collect();
        match wanted {
            Some(wanted) => Ok(Condition { param, modifier, wanted }),
            None => Err(ApiError::bad(format!(
                "The value of '{}' is not a {} as FHIR search writes it.",
                param.name,
                param.of.name()
            ))),
        }
    }

    /// Whether the resource meets it: any alternative, any of its values.
    pub fn holds(&self, resource: &Value) -> bool {
        if self.modifier == Modifier::Missing {
            let mut present = false;
            self.each_value(resource, &mut |_| present = true);
            return self.wanted.contains(&Wanted::Missing(!present));
        }
        let mut any = false;
        self.each_value(resource, &mut |value| {
            any = any || self.wanted.iter().any(|wanted| meets(value, wanted, self.param.of, self.modifier));
        });
        any != (self.modifier == Modifier::Not)
    }

    fn each_value<'v>(&self, resource: &'v Value, each: &mut dyn FnMut(&'v Value)) {
        self.param.paths.iter().for_each(|path| values::walk(resource, path, each));
    }
}

fn read_modifier(param: &Param, modifier: Option<&str>) -> Result<Modifier, ApiError> {
    let known = match (modifier, param.of) {
        (None, _) => Some(Modifier::None),
        (Some("missing"), _) => Some(Modifier::Missing),
        (Some("exact"), Type::String) => Some(Modifier::Exact),
        (Some("contains"), Type::String) => Some(Modifier::Contains),
        (Some("not"), Type::Token) => Some(Modifier::Not),
        (Some("text"), Type::Token) => Some(Modifier::Text),
        (Some(name), Type::Reference) => crate::model::Kind::from_name(name).map(Modifier::Type),
        _ => None,
    };
    known.ok_or_else(|| ApiError::unsupported(format!("This modifier of '{}' is not supported.", param.name)))
}

fn read_wanted(of: Type, modifier: Modifier, text: &str, base: &str) -> Option<Wanted> {
    if modifier == Modifier::Missing {
        return text.parse().ok().map(Wanted::Missing);
    }
    if text.is_empty() {
        return None;
    }
    match of {
        Type::Token if modifier == Modifier::Text => Some(Wanted::Text(values::fold(&unescape(text)))),
        Type::Token => read_token(text),
        Type::Reference => read_reference(&unescape(text), modifier, base),
        Type::Date => {
            let (comparator, date) = Comparator::split(text)?;
            // A space stands for the `+` of an offset that was not escaped in the URL.
            Some(Wanted::Date(comparator, Span::of(&date.replace(' ', "+"))?))
        }
        Type::String if modifier == Modifier::Exact => Some(Wanted::Text(unescape(text))),
        Type::String => Some(Wanted::Text(values::fold(&unescape(text)))),
        Type::Quantity => read_quantity(text),
        Type::Uri => Some(Wanted::Uri(unescape(text))),
    }
}

fn read_token(text: &str) -> Option<Wanted> {
    let parts = split_escaped(text, '|');
    let filled = |part: &str| Some(unescape(part)).filter(|part| !part.is_empty());
    match parts.as_slice() {
        [code] => Some(Wanted::Token { system: SystemAsked::Any, code: filled(code) }),
        [system, code] => {
            let system = filled(system).map_or(SystemAsked::None, SystemAsked::This);
            let code = filled(code);
            (code.is_some() || system != SystemAsked::None).then_some(Wanted::Token { system, code })
        }
        _ => None,
    }
}

fn read_reference(text: &str, modifier: Modifier, base: &str) -> Option<Wanted> {
    let own = text.strip_prefix(base).and_then(|rest| rest.strip_prefix("/fhir/")).unwrap_or(text);
    let (kind, id) = match own.split_once('/') {
        // A foreign absolute URL, an urn, or a version of a resource: none of these is kept as such.
        Some((kind, id)) if crate::model::Kind::from_name(kind).is_some() && !id.contains('/') => (Some(kind.to_string()), id),
        Some(_) => return None,
        None => (None, own),
    };
    let kind = match (modifier, kind) {
        (Modifier::Type(wanted), None) => Some(wanted.name().to_string()),
        (Modifier::Type(wanted), Some(kind)) if kind != wanted.name() => return None,
        (_, kind) => kind,
    };
    Some(Wanted::Reference { kind, id: id.to_string() })
}

fn read_quantity(text: &str) -> Option<Wanted> {
    let (comparator, rest) = Comparator::split(text)?;
    let parts = split_escaped(rest, '|');
    let filled = |at: usize| parts.get(at).map(|part| unescape(part)).filter(|part| !part.is_empty());
    let number: f64 = parts.first()?.parse().ok().filter(|n: &f64| n.is_finite())?;
    // FHIR R4 §3.1.1.5.4: 5.4 means 5.35 up to 5.45.
    let decimals = parts[0].split_once('.').map_or(0, |(_, fraction)| fraction.len().min(15)) as i32;
    Some(Wanted::Quantity { comparator, number, half_step: 0.5 * 10f64.powi(-decimals), system: filled(1), unit: filled(2) })
}

fn meets(value: &Value, wanted: &Wanted, of: Type, modifier: Modifier) -> bool {
    let mut found = false;
    match wanted {
        Wanted::Token { system, code } => values::codes(value, &mut |coded| {
            let system_fits = match system {
                SystemAsked::Any => true,
                SystemAsked::None => coded.system.is_none(),
                SystemAsked::This(system) => coded.system == Some(system),
            };
            found |= system_fits && code.as_ref().is_none_or(|code| coded.code == code);
        }),
        Wanted::Reference { kind, id } => {
            if let Some((its_kind, its_id)) = values::reference(value).and_then(values::target) {
                found = its_id == id && kind.as_ref().is_none_or(|kind| kind == its_kind);
            }
        }
        Wanted::Date(comparator, question) => values::spans(value, &mut |span| found |= comparator.holds(span, *question)),
        Wanted::Text(text) if of == Type::Token => {
            values::displays(value, &mut |display| found |= values::fold(display).starts_with(text))
        }
        Wanted::Text(text) => values::strings(value, &mut |part| {
            found |= match modifier {
                Modifier::Exact => part == text,
                Modifier::Contains => values::fold(part).contains(text),
                _ => values::fold(part).starts_with(text),
            };
        }),
        Wanted::Quantity { comparator, number, half_step, system, unit } => {
            let text = |name: &str| value.get(name).and_then(Value::as_str);
            let unit_fits = unit.as_deref().is_none_or(|unit| text("code") == Some(unit) || text("unit") == Some(unit));
            let system_fits = system.as_deref().is_none_or(|system| text("system") == Some(system));
            if let (Some(its), true) = (value.get("value").and_then(Value::as_f64), unit_fits && system_fits) {
                found = compare(*comparator, its, *number, *half_step);
            }
        }
        Wanted::Uri(uri) => found = value.as_str() == Some(uri),
        Wanted::Missing(_) => {}
    }
    found
}

fn compare(comparator: Comparator, its: f64, number: f64, half_step: f64) -> bool {
    let equal = (its - number).abs() <= half_step;
    match comparator {
        Comparator::Equal => equal,
        Comparator::NotEqual => !equal,
        Comparator::Greater | Comparator::StartsAfter => its > number,
        Comparator::Less | Comparator::EndsBefore => its < number,
        Comparator::GreaterOrEqual => its >= number,
        Comparator::LessOrEqual => its <= number,
    }
}

/// Parts a value at `by` where it is not escaped with `\` (FHIR R4 §3.1.1.4.0.3). The escapes stay in the parts.
pub fn split_escaped(text: &str, by: char) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut escaped = false;
    for c in text.chars() {
        if c == by && !escaped {
            parts.push(String::new());
            continue;
        }
        escaped = c == '\\' && !escaped;
        if let Some(part) = parts.last_mut() {
            part.push(c);
        }
    }
    parts
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c == '\\' { out.extend(chars.next()) } else { out.push(c) }
    }
    out
}
