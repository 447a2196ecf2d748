//! From the fields of a mapping file to the members of a resource: every type is put together from few simple ones, so
//! that the same type always gives the same members in the same order.
//!
//! Not for: values of rows (`write`).

use std::sync::Arc;

use jiff::tz::TimeZone;

use super::expr::{Expr, Name, ValueSets};
use super::file::{FieldFile, FieldType, Invalid};
use super::times::Format;
use super::tree::{Leaf, Object, Precision, Source, Step, Times, What, path};
use crate::model::Kind;

const CDC_RACE: &str = "urn:oid:2.16.840.1.113883.6.238";
const US_CORE: &str = "http://hl7.org/fhir/us/core/StructureDefinition/";

/// A field on its way into the tree.
struct Field<'a> {
    file: &'a FieldFile,
    name: Arc<str>,
    sets: &'a ValueSets,
    tree: &'a mut Object<Name>,
}

type Done = Result<(), String>;

/// Adds a field of the mapping file to a resource's members.
pub fn add(tree: &mut Object<Name>, name: &str, file: &FieldFile, sets: &ValueSets) -> Done {
    let mut steps = path(name)?;
    let mut field = Field { file, name: name.into(), sets, tree };
    field.check_keys()?;
    if let Some(last) = steps.last().filter(|last| last.key == "extension").cloned() {
        let slice = last.element.unwrap_or_default();
        if !slice.bytes().all(|b| b.is_ascii_digit()) {
            let url = if slice.contains(':') { slice } else { format!("{US_CORE}{slice}") };
            field.constant(&steps, "url", &url)?;
            if file.field_type != FieldType::OmbCategory {
                steps.push(Step { key: value_key(file.field_type)?.into(), element: None });
            }
        }
    }
    field.write(&steps)
}

/// The member of an extension that holds a value of this type.
fn value_key(field_type: FieldType) -> Result<&'static str, String> {
    Ok(match field_type {
        FieldType::String | FieldType::Verbatim => "valueString",
        FieldType::Code => "valueCode",
        FieldType::Uri => "valueUri",
        FieldType::Boolean => "valueBoolean",
        FieldType::Integer => "valueInteger",
        FieldType::Decimal => "valueDecimal",
        FieldType::Date => "valueDate",
        FieldType::DateTime => "valueDateTime",
        FieldType::Instant => "valueInstant",
        FieldType::Concept => "valueCodeableConcept",
        FieldType::Coding => "valueCoding",
        FieldType::Quantity => "valueQuantity",
        FieldType::Reference => "valueReference",
        FieldType::Identifier => "valueIdentifier",
        FieldType::Address => "valueAddress",
        FieldType::Period => "valuePeriod",
        _ => return Err("an extension holds no value of this type".into()),
    })
}

impl Field<'_> {
    fn write(&mut self, at: &[Step]) -> Done {
        match self.file.field_type {
            FieldType::String | FieldType::Code | FieldType::Uri => {
                let what = self.simple(What::String)?;
                self.leaf(at, what, false)
            }
            FieldType::Verbatim => {
                let what = self.simple(What::Verbatim)?;
                self.leaf(at, what, false)
            }
            FieldType::Base64 => {
                let what = self.simple(What::Base64)?;
                self.leaf(at, what, false)
            }
            FieldType::Boolean => {
                let what = self.simple(What::Boolean)?;
                self.leaf(at, what, false)
            }
            FieldType::Integer => {
                let what = self.simple(What::Integer)?;
                self.leaf(at, what, false)
            }
            FieldType::Decimal => {
                let what = self.simple(What::Decimal)?;
                self.leaf(at, what, false)
            }
            FieldType::Date => self.time(at, Precision::Date),
            FieldType::DateTime => self.time(at, Precision::DateTime),
            FieldType::Instant => self.time(at, Precision::Instant),
            FieldType::Concept => self.concept(at),
            FieldType::Coding => self.coding(at),
            FieldType::Quantity => self.quantity(at),
            FieldType::AutoValue => self.auto_value(at),
            FieldType::Reference => self.reference(at),
            FieldType::Identifier => self.identifier(at),
            FieldType::HumanName => self.human_name(at),
            FieldType::Address => self.address(at),
            FieldType::ContactPoint => self.contact_point(at),
            FieldType::Period => self.period(at),
            FieldType::OmbCategory => self.omb_category(at),
        }
    }

    fn leaf(&mut self, at: &[Step], what: What<Name>, is_needed: bool) -> Done {
        self.tree.insert(at, Leaf { what, is_needed, field: self.name.clone() })
    }

    /// A constant member below a path.
    fn constant(&mut self, at: &[Step], key: &str, text: &str) -> Done {
        if text.is_empty() { Ok(()) } else { self.leaf(&below(at, key), What::Text(text.into()), false) }
    }

    /// A member that an expression gives, if there is one.
    fn part(&mut self, at: &[Step], key: &str, expr: Option<&String>) -> Done {
        let Some(expr) = expr else { return Ok(()) };
        let source = Source::of(self.parse(expr)?);
        self.leaf(&below(at, key), What::String(source), false)
    }

    fn parse(&self, text: &str) -> Result<Expr<Name>, String> {
        Expr::parse(text, self.sets).map_err(|e| e.to_string())
    }

    fn value(&self) -> Result<Expr<Name>, String> {
        match (&self.file.col, &self.file.expr) {
            (Some(column), None) => Ok(Expr::column(column)),
            (None, Some(expr)) => self.parse(expr),
            _ => Err("takes its value from `col` or from `expr`".into()),
        }
    }

    fn source(&self) -> Result<Source<Name>, String> {
        let set = match &self.file.values {
            None => None,
            Some(name) => Some(self.sets.get(name).ok_or_else(|| format!("no [values.{name}] in the file"))?.clone()),
        };
        if set.is_none() && self.file.default_when_unmapped.is_some() {
            return Err("`default_when_unmapped` needs `values`".into());
        }
        Ok(Source {
            expr: self.value()?,
            set,
            when_null: self.file.default_when_null.clone(),
            when_unmapped: self.file.default_when_unmapped.clone(),
            is_required: self.file.required,
            omit_invalid: self.file.on_invalid == Invalid::Omit,
        })
    }

    /// A constant, or what the source gives.
    fn simple(&self, what: impl FnOnce(Source<Name>) -> What<Name>) -> Result<What<Name>, String> {
        match &self.file.value {
            None => Ok(what(self.source()?)),
            Some(_) if self.file.col.is_some() || self.file.expr.is_some() => Err("has a constant beside its source".into()),
            Some(toml::Value::String(text)) if !text.trim().is_empty() => Ok(What::Text(text.clone())),
            Some(raw @ (toml::Value::Boolean(_) | toml::Value::Integer(_))) => Ok(What::Raw(raw.clone())),
            Some(_) => Err("a constant is a text, a whole number, true or false".into()),
        }
    }

    fn times(&self, precision: Precision) -> Result<Times, String> {
        let mut formats = self.file.formats.iter().map(|f| Format::parse(f)).collect::<Result<Vec<_>, _>>()?;
        if formats.is_empty() {
            formats.push(Format::Iso);
        }
        let zone = match self.file.tz.as_deref() {
            None | Some("source") => None,
            Some(name) => Some(TimeZone::get(name).map_err(|_| format!("no time zone is called {name}"))?),
        };
        Ok(Times { formats, zone, precision })
    }

    fn time(&mut self, at: &[Step], precision: Precision) -> Done {
        let times = self.times(precision)?;
        let what = self.simple(|source| What::Time(source, times))?;
        self.leaf(at, what, false)
    }

    /// Codings, then the words of the source: its `text`, else its display, else the code itself.
    fn concept(&mut self, at: &[Step]) -> Done {
        self.coding(&element(at, "coding", 0))?;
        let text = match (&self.file.text, &self.file.display, &self.file.col, &self.file.value) {
            (Some(text), ..) if text.is_empty() => return Ok(()),
            (Some(text), ..) => self.parse(text)?,
            (None, Some(display), Some(col), _) => {
                Expr::Call(super::expr::Function::Coalesce, vec![self.parse(display)?, Expr::column(col)], 0)
            }
            (None, Some(display), ..) => self.parse(display)?,
            (None, None, Some(col), _) => Expr::column(col),
            _ => return Ok(()),
        };
        self.leaf(&below(at, "text"), What::String(Source::of(text)), false)
    }

    fn coding(&mut self, at: &[Step]) -> Done {
        self.system(at)?;
        let code = self.simple(What::String)?;
        self.leaf(&below(at, "code"), code, true)?;
        self.part(at, "display", self.file.display.as_ref())
    }

    fn system(&mut self, at: &[Step]) -> Done {
        match (&self.file.system, &self.file.system_expr) {
            (Some(system), None) => self.constant(at, "system", system),
            (None, expr) => self.part(at, "system", expr.as_ref()),
            _ => Err("has `system` and `system_expr`".into()),
        }
    }

    fn quantity(&mut self, at: &[Step]) -> Done {
        let value = self.simple(What::Decimal)?;
        self.leaf(&below(at, "value"), value, true)?;
        let Some(unit) = &self.file.unit else { return Ok(()) };
        self.part(at, "unit", Some(unit))?;
        if let Some(system) = &self.file.unit_system {
            // Without a unit there is no code, and its system says nothing.
            let unit = self.parse(unit)?;
            let arms = vec![Expr::IsNull(Box::new(unit)), Expr::Null, Expr::Text(system.clone())];
            let system = Source::of(Expr::Call(super::expr::Function::If, arms, 0));
            self.leaf(&below(at, "system"), What::String(system), false)?;
            self.part(at, "code", self.file.unit.as_ref())?;
        }
        Ok(())
    }

    fn auto_value(&mut self, at: &[Step]) -> Done {
        let unit = self.file.unit.as_ref().map(|unit| self.parse(unit)).transpose()?;
        let unit_system = self.file.unit_system.clone().unwrap_or_default();
        let what = What::AutoValue { source: self.source()?, unit, unit_system };
        if at.last().is_none_or(|last| last.key != "value" || last.element.is_some()) {
            return Err("`auto_value` stands at `value`; the type is added to the name".into());
        }
        self.leaf(at, what, false)
    }

    fn reference(&mut self, at: &[Step]) -> Done {
        let has_source = self.file.col.is_some() || self.file.expr.is_some() || !self.file.cols.is_empty();
        if has_source {
            let kind = self.file.resource.clone().unwrap_or_default();
            if Kind::from_name(&kind).is_none() {
                return Err("a reference needs the `resource` that it leads to".into());
            }
            let parts = match self.file.cols.as_slice() {
                [] => vec![self.value()?],
                cols => cols.iter().map(|column| Expr::column(column)).collect(),
            };
            let namespace = self.file.namespace.clone().unwrap_or_default();
            self.leaf(&below(at, "reference"), What::Reference { kind, namespace, parts }, false)?;
        } else if self.file.display.is_none() {
            return Err("a reference needs a source or a `display`".into());
        }
        self.part(at, "display", self.file.display.as_ref())
    }

    fn identifier(&mut self, at: &[Step]) -> Done {
        self.constant(at, "use", self.file.usage.as_deref().unwrap_or_default())?;
        self.system(at)?;
        let value = self.simple(What::String)?;
        self.leaf(&below(at, "value"), value, true)
    }

    fn human_name(&mut self, at: &[Step]) -> Done {
        let file = self.file;
        self.constant(at, "use", file.usage.as_deref().unwrap_or_default())?;
        self.part(at, "text", file.text.as_ref())?;
        self.part(at, "family", file.family.as_ref())?;
        self.list(at, "given", &file.given)?;
        self.list(at, "prefix", file.prefix.as_slice())?;
        self.list(at, "suffix", file.suffix.as_slice())
    }

    fn address(&mut self, at: &[Step]) -> Done {
        let file = self.file;
        self.constant(at, "use", file.usage.as_deref().unwrap_or_default())?;
        self.part(at, "text", file.text.as_ref())?;
        self.list(at, "line", &file.line)?;
        self.part(at, "city", file.city.as_ref())?;
        self.part(at, "district", file.district.as_ref())?;
        self.part(at, "state", file.state.as_ref())?;
        self.part(at, "postalCode", file.postal_code.as_ref())?;
        self.part(at, "country", file.country.as_ref())
    }

    fn list(&mut self, at: &[Step], key: &str, exprs: &[String]) -> Done {
        for (number, expr) in exprs.iter().enumerate() {
            let source = Source::of(self.parse(expr)?);
            self.leaf(&element(at, key, number), What::String(source), false)?;
        }
        Ok(())
    }

    fn contact_point(&mut self, at: &[Step]) -> Done {
        self.system(at)?;
        let value = self.simple(What::String)?;
        self.leaf(&below(at, "value"), value, true)?;
        self.constant(at, "use", self.file.usage.as_deref().unwrap_or_default())
    }

    fn period(&mut self, at: &[Step]) -> Done {
        for (key, expr) in [("start", &self.file.start), ("end", &self.file.end)] {
            if let Some(expr) = expr {
                let source = Source { omit_invalid: self.file.on_invalid == Invalid::Omit, ..Source::of(self.parse(expr)?) };
                let what = What::Time(source, self.times(Precision::DateTime)?);
                self.leaf(&below(at, key), what, false)?;
            }
        }
        Ok(())
    }

    /// The category where the set of values knows it, and always the words of the source.
    fn omb_category(&mut self, at: &[Step]) -> Done {
        let source = Source { when_unmapped: Some(String::new()), ..self.source()? };
        let words = self.file.text.as_ref().or(self.file.display.as_ref());
        let words = words.map_or_else(|| self.value(), |text| self.parse(text))?;
        let category = element(at, "extension", 0);
        self.constant(&category, "url", "ombCategory")?;
        let coding = below(&category, "valueCoding");
        self.constant(&coding, "system", CDC_RACE)?;
        self.leaf(&below(&coding, "code"), What::String(source), true)?;
        self.part(&coding, "display", self.file.display.as_ref())?;
        let text = element(at, "extension", 1);
        self.constant(&text, "url", "text")?;
        self.leaf(&below(&text, "valueString"), What::String(Source::of(words)), true)
    }

    /// Keys that other types know would be read over in silence.
    fn check_keys(&self) -> Done {
        use FieldType as T;
        let f = self.file;
        let is = |types: &[T]| types.contains(&f.field_type);
        let coded = is(&[T::Concept, T::Coding]);
        let named = [
            ("formats", !f.formats.is_empty() || f.tz.is_some(), is(&[T::Date, T::DateTime, T::Instant, T::Period])),
            ("map", f.map.is_some(), coded || is(&[T::AutoValue, T::Quantity])),
            ("system", f.system.is_some() || f.system_expr.is_some(), coded || is(&[T::Identifier, T::ContactPoint])),
            ("display", f.display.is_some(), coded || is(&[T::Reference, T::OmbCategory])),
            ("text", f.text.is_some(), is(&[T::Concept, T::HumanName, T::Address, T::OmbCategory])),
            ("unit", f.unit.is_some() || f.unit_system.is_some(), is(&[T::Quantity, T::AutoValue])),
            ("resource", f.resource.is_some() || f.namespace.is_some() || !f.cols.is_empty(), is(&[T::Reference])),
            ("use", f.usage.is_some(), is(&[T::Identifier, T::HumanName, T::Address, T::ContactPoint])),
            ("family", f.family.is_some() || !f.given.is_empty() || f.prefix.is_some(), is(&[T::HumanName])),
            ("suffix", f.suffix.is_some(), is(&[T::HumanName])),
            ("line", !f.line.is_empty() || f.city.is_some() || f.state.is_some(), is(&[T::Address])),
            ("country", f.district.is_some() || f.postal_code.is_some() || f.country.is_some(), is(&[T::Address])),
            ("start", f.start.is_some() || f.end.is_some(), is(&[T::Period])),
        ];
        match named.iter().find(|(_, is_given, is_known)| *is_given && !is_known) {
            Some((key, ..)) => Err(format!("a field of this type takes no `{key}`")),
            None => Ok(()),
        }
    }
}

fn below(at: &[Step], key: &str) -> Vec<Step> {
    [at, &[Step { key: key.into(), element: None }]].concat()
}

fn element(at: &[Step], key: &str, number: usize) -> Vec<Step> {
    [at, &[Step { key: key.into(), element: Some(number.to_string()) }]].concat()
}
