//! CDA's data types: II, CD, TS and its intervals, PQ, and values by their xsi:type.
//!
//! Not for: names and addresses (`people`).

use crate::render::ccd::cda::{Bound, Code, Id, Null, Quantity, Template, Time, Ts, Value};
use crate::render::ccd::narrative::Anchor;
use crate::render::ccd::xml::Xml;

pub fn templates(x: &mut Xml, templates: &[Template]) {
    let template_id = |x: &mut Xml, root: &str, extension: Option<&str>| {
        x.element("templateId", |x| {
            x.attr("root", root);
            x.attr_if("extension", extension);
        });
    };
    for template in templates {
        template_id(x, template.root, template.extension);
        if template.is_old && template.extension.is_some() {
            template_id(x, template.root, None);
        }
    }
}

pub fn id(x: &mut Xml, name: &str, id: &Id) {
    x.element(name, |x| {
        let (null, root, extension) = match id {
            Id::Given { root, extension } => (None, Some(root), extension),
            Id::Null { null, root, extension } => (Some(null.code()), root.as_ref(), extension),
        };
        x.attr_if("nullFlavor", null);
        x.attr_if("root", root.map(String::as_str));
        x.attr_if("extension", extension.as_deref());
    });
}

/// All ids; without one, that none is known.
pub fn ids_or_unknown(x: &mut Xml, ids: &[Id]) {
    if ids.is_empty() {
        null(x, "id", Null::Unknown);
    }
    ids.iter().for_each(|one| id(x, "id", one));
}

pub fn null(x: &mut Xml, name: &str, null: Null) {
    x.element(name, |x| x.attr("nullFlavor", null.code()));
}

pub fn boolean(x: &mut Xml, name: &str, value: bool) {
    x.element(name, |x| x.attr("value", if value { "true" } else { "false" }));
}

/// A coded value.
pub fn code(x: &mut Xml, name: &str, code: &Code) {
    typed_code(x, name, None, code);
}

pub fn code_if(x: &mut Xml, name: &str, given: Option<&Code>) {
    given.iter().for_each(|given| code(x, name, given));
}

fn typed_code(x: &mut Xml, name: &str, xsi_type: Option<&str>, code: &Code) {
    x.element(name, |x| {
        x.attr_if("xsi:type", xsi_type);
        match &code.code {
            Some(given) => x.attr("code", given),
            None => x.attr("nullFlavor", code.null.unwrap_or(Null::NoInformation).code()),
        }
        x.attr_if("codeSystem", code.system.as_deref());
        x.attr_if("codeSystemName", code.system_name.as_deref());
        x.attr_if("displayName", code.display.as_deref());
        code.original.iter().for_each(|anchor| x.element("originalText", |x| reference(x, anchor)));
        code.translations.iter().for_each(|translation| typed_code(x, "translation", None, translation));
    });
}

/// Where in the narrative the words stand.
pub fn reference(x: &mut Xml, anchor: &Anchor) {
    x.element("reference", |x| x.attr("value", &format!("#{}", anchor.0)));
}

/// A code of the schema's own list.
pub fn fixed(x: &mut Xml, name: &str, value: &str) {
    x.element(name, |x| x.attr("code", value));
}

pub fn point(x: &mut Xml, name: &str, ts: &Ts) {
    x.element(name, |x| x.attr("value", &ts.0));
}

pub fn bound(x: &mut Xml, name: &str, bound: &Bound<Ts>) {
    match bound {
        Bound::Given(ts) => point(x, name, ts),
        Bound::Null(why) => null(x, name, *why),
    }
}

/// A time. `is_typed`: the element's own type is more general, so it says which it is.
pub fn time(x: &mut Xml, name: &str, time: &Time, is_typed: bool) {
    x.element(name, |x| match time {
        Time::At(ts) => x.attr("value", &ts.0),
        Time::Null(why) => x.attr("nullFlavor", why.code()),
        Time::Span { low, high } => {
            x.attr_if("xsi:type", is_typed.then_some("IVL_TS"));
            span(x, low.as_ref(), high.as_ref());
        }
        Time::Every { value, unit, by_institution } => {
            x.attr("xsi:type", "PIVL_TS");
            x.attr_if("institutionSpecified", by_institution.then_some("true"));
            x.attr("operator", "A");
            x.element("period", |x| {
                x.attr("value", value);
                x.attr("unit", unit);
            });
        }
        Time::Event(event) => {
            x.attr("xsi:type", "EIVL_TS");
            x.attr("operator", "A");
            fixed(x, "event", event);
        }
    });
}

fn span(x: &mut Xml, low: Option<&Bound<Ts>>, high: Option<&Bound<Ts>>) {
    low.iter().for_each(|low| bound(x, "low", low));
    high.iter().for_each(|high| bound(x, "high", high));
}

pub fn quantity(x: &mut Xml, name: &str, quantity: &Quantity) {
    x.element(name, |x| amount(x, quantity));
}

fn amount(x: &mut Xml, quantity: &Quantity) {
    x.attr("value", &quantity.value);
    x.attr_if("unit", quantity.unit.as_deref());
}

/// `value` with its type.
pub fn value(x: &mut Xml, given: &Value) {
    match given {
        Value::Code(given) => typed_code(x, "value", Some("CD"), given),
        Value::CodeCe(given) => typed_code(x, "value", Some("CE"), given),
        given => x.element("value", |x| other_value(x, given)),
    }
}

fn other_value(x: &mut Xml, value: &Value) {
    let limit = |x: &mut Xml, name: &str, bound: &Option<(Quantity, bool)>| {
        if let Some((quantity, is_inside)) = bound {
            x.element(name, |x| {
                amount(x, quantity);
                x.attr_if("inclusive", (!is_inside).then_some("false"));
            });
        }
    };
    match value {
        Value::Code(_) | Value::CodeCe(_) => {}
        Value::Quantity(quantity) => {
            x.attr("xsi:type", "PQ");
            amount(x, quantity);
        }
        Value::Range { low, high } => {
            x.attr("xsi:type", "IVL_PQ");
            limit(x, "low", low);
            limit(x, "high", high);
        }
        Value::Text(text) if text.trim().is_empty() => {
            x.attr("xsi:type", "ST");
            x.attr("nullFlavor", Null::Unknown.code());
        }
        Value::Text(text) => {
            x.attr("xsi:type", "ST");
            x.text(text);
        }
        Value::Integer(digits) => {
            x.attr("xsi:type", "INT");
            x.attr("value", digits);
        }
        Value::Boolean(is_so) => {
            x.attr("xsi:type", "BL");
            x.attr("value", if *is_so { "true" } else { "false" });
        }
        Value::Time(Time::At(ts)) => {
            x.attr("xsi:type", "TS");
            x.attr("value", &ts.0);
        }
        Value::Time(Time::Span { low, high }) => {
            x.attr("xsi:type", "IVL_TS");
            span(x, low.as_ref(), high.as_ref());
        }
        Value::Time(Time::Null(why)) => {
            x.attr("xsi:type", "TS");
            x.attr("nullFlavor", why.code());
        }
        Value::Time(Time::Every { .. } | Time::Event(_)) => {
            debug_assert!(false, "how often is no value");
            x.attr("xsi:type", "TS");
            x.attr("nullFlavor", Null::NoInformation.code());
        }
        Value::Null(xsi_type, why) => {
            x.attr("xsi:type", xsi_type);
            x.attr("nullFlavor", why.code());
        }
    }
}
